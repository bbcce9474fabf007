//! Loads profiles: opens the inputs, reads several at the same time, and moves each onto the shared
//! symbols of a series, or hands it on.

use super::facts;
use super::known::Known;
use super::progress::Progress;
use crate::input::{self, Content, Inflate, InputError};
use crate::model::history::{Gather, HistoryError};
use crate::model::measures::{self, Kind};
use crate::model::profile::{Header, Profile};
use crate::model::rebase::{NoCommonSampleType, Rebase};
use crate::model::recording::Recording;
use crate::model::series::Series;
use crate::printable::escape;
use crate::report::Warning;
use crate::source::SourceError;
use crate::source::expand::natural;
use crate::{analysis, parallel, source};

/// Why inputs couldn't be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// An input couldn't be opened.
    #[error("{name}: {error}")]
    Open {
        /// Name of the input.
        name: String,
        /// What is wrong.
        error: SourceError,
    },
    /// An input couldn't be read.
    #[error("{name}: {error}")]
    Read {
        /// Name of the input.
        name: String,
        /// What is wrong.
        error: InputError,
    },
    /// Its addresses can't be named.
    #[error("{name}: {error}")]
    Symbols {
        /// Name of the input.
        name: String,
        /// What is wrong.
        error: String,
    },
    /// The inputs can't be compared.
    #[error(transparent)]
    NoCommonSampleType(#[from] NoCommonSampleType),
    /// An input can't be part of a history.
    #[error("{name}: {error}")]
    History {
        /// Name of the input.
        name: String,
        /// What is wrong.
        error: HistoryError,
    },
    /// Standard input was named twice.
    #[error("standard input (-) can be read only once; give the other profile as a file")]
    StdinTwice,
}

impl LoadError {
    fn read(name: &str, error: InputError) -> Self {
        Self::Read { name: shown(name), error }
    }

    /// The input that is to blame, if it is one, as a message names it.
    #[cfg(feature = "serve")]
    pub(super) fn blamed(&self) -> Option<&str> {
        match self {
            Self::Open { name, .. }
            | Self::Read { name, .. }
            | Self::Symbols { name, .. }
            | Self::History { name, .. } => Some(name),
            Self::NoCommonSampleType(_) | Self::StdinTwice => None,
        }
    }
}

/// Fewest inputs that are read at a time; more with more cores.
const AT_ONCE: usize = 8;

/// Which of the inputs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of them.
    All,
    /// One or two, in the given order. Of more, the first and the last by their own time, or in the
    /// given order if any has no time.
    Ends,
}

/// An input to read: its place among the arguments, and its name.
type Placed<'a> = (usize, &'a str);

/// The inputs in the order of the arguments, for a question to which it matters.
fn as_given(names: &[String]) -> Vec<Placed<'_>> {
    names.iter().map(String::as_str).enumerate().collect()
}

/// The inputs in an order that depends on their names alone. Symbols and records are numbered in the
/// order in which they are read, and sums of floating-point numbers follow their numbers. So the
/// order of the arguments changes no digit.
fn by_name(names: &[String]) -> Vec<Placed<'_>> {
    let mut inputs = as_given(names);
    inputs.sort_by(|a, b| natural(a.1, b.1));
    inputs
}

/// Sorts inputs that are added up, or are runs of one side: their order means nothing.
pub(super) fn unordered(names: &[String]) -> Vec<String> {
    by_name(names).into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Reads the inputs into a series: in their order, or the first and the last.
pub(super) fn load(names: &[String], keep: Keep, progress: &Progress) -> Result<Series, LoadError> {
    let mut rebase = Rebase::default();
    if keep == Keep::All || names.len() <= 2 {
        each(names, progress, |name, profile| {
            rebase.add(&source::shown(name), profile);
            Ok::<(), LoadError>(())
        })?;
        return Ok(rebase.finish()?);
    }
    let mut ends = Ends::default();
    each_content(&by_name(names), progress, |(place, name), content| {
        let profile = content.into_profile().map_err(|error| LoadError::read(name, error))?;
        ends.add(place, name, profile).map_err(LoadError::from)
    })?;
    for (name, profile) in ends.finish() {
        rebase.add(&source::shown(name), profile);
    }
    Ok(rebase.finish()?)
}

/// The goroutines of some inputs.
pub(super) enum Goroutines {
    /// One or two snapshots. If no input has goroutines, the first input.
    Snapshots(Box<Series>),
    /// More of them, with the heap profiles next to them, which tell processes apart.
    Recording(Box<Recording>),
}

/// Reads inputs of goroutines, and returns the names of the others as well.
pub(super) fn load_goroutines<'a>(
    names: &'a [String],
    progress: &Progress,
) -> Result<(Goroutines, Vec<&'a str>), LoadError> {
    let is_recording = names.len() > 2;
    let placed = if is_recording { by_name(names) } else { as_given(names) };
    let (mut found, mut given, mut all) = (Ends::default(), 0, Gather::default());
    let (mut heap, mut first, mut others) = (Some(Gather::default()), None, Vec::new());
    each_content(&placed, progress, |(place, name), content| {
        let is_of_goroutines = matches!(content, Content::Goroutines(_));
        let profile = content.into_profile().map_err(|error| LoadError::read(name, error))?;
        if is_of_goroutines {
            given += 1;
            if is_recording {
                all.add_at(place, &source::shown(name), &profile)
                    .map_err(|error| LoadError::History { name: shown(name), error })?;
            }
            return Ok(found.add(place, name, profile)?);
        }
        if is_recording && measures::kind(&profile.header) == Kind::Heap {
            // Profiles that don't fit together tell nothing apart.
            let is_alike = heap
                .as_mut()
                .is_some_and(|heap| heap.add_at(place, &source::shown(name), &profile).is_ok());
            heap = heap.take().filter(|_| is_alike);
        }
        first.get_or_insert((name, profile));
        others.push(name);
        Ok::<(), LoadError>(())
    })?;
    if given > 2 {
        let heap = heap.and_then(|heap| heap.finish().ok()).unwrap_or_default();
        let recording = analysis::recording(heap, all.finish()?);
        return Ok((Goroutines::Recording(Box::new(recording)), others));
    }
    let mut rebase = Rebase::default();
    if given == 0 {
        others.clear();
        first.into_iter().for_each(|(name, profile)| rebase.add(&source::shown(name), profile));
    }
    let found = if is_recording { found.finish() } else { found.into_profiles() };
    found.into_iter().for_each(|(name, profile)| rebase.add(&source::shown(name), profile));
    Ok((Goroutines::Snapshots(Box::new(rebase.finish()?)), others))
}

/// Reads profiles of any kind and hands each to `take`, in the order of their names.
pub(super) fn each<'a, E: From<LoadError> + Send>(
    names: &'a [String],
    progress: &Progress,
    mut take: impl FnMut(&'a str, Profile) -> Result<(), E> + Send,
) -> Result<(), E> {
    each_content(&as_given(names), progress, |(_, name), content| {
        take(name, content.into_profile().map_err(|error| LoadError::read(name, error))?)
    })
}

/// Reads the inputs and hands each to `take`, in their order. A few are read at a time; the next
/// few are read while `take` handles these.
fn each_content<'a, E: From<LoadError> + Send>(
    inputs: &[Placed<'a>],
    progress: &Progress,
    mut take: impl FnMut(Placed<'a>, Content) -> Result<(), E> + Send,
) -> Result<(), E> {
    if inputs.iter().filter(|(_, name)| *name == source::STDIN).count() > 1 {
        return Err(LoadError::StdinTwice.into());
    }
    progress.expect_all(inputs.iter().map(|(_, name)| source::size(name)));
    let inflate = inflate(inputs.len());
    parallel::ahead(
        (inputs.len(), AT_ONCE.max(2 * parallel::threads())),
        |i| (inputs[i], read(inputs[i].1, inflate, progress)),
        |(input, content)| take(input, with_time(input.1, content?, progress)),
    )?;
    progress.finish();
    Ok(())
}

/// Reads the inputs into the tracks of a recording, and what is `beside` them. Returns warnings about
/// the latter as well.
pub(super) fn load_recording(
    names: &[String],
    beside: &[String],
    progress: &Progress,
) -> Result<(Recording, Vec<Warning>), LoadError> {
    let [profiles, mut goroutines] = match progress.known() {
        Some(known) => tracks_again(names, progress, known)?,
        None => tracks(names, progress, |track: &mut Gather, (place, name), profile| {
            track.add_at(place, &source::shown(name), &profile)
        })?,
    };
    let facts = facts::read(beside, goroutines.is_empty(), progress);
    add_goroutines(&mut goroutines, &facts, names.len())?;
    let recording = analysis::recording(profiles.finish()?, goroutines.finish()?);
    Ok(facts.beside(recording))
}

/// Like [`load_recording`], and returns the first and the last snapshot of the main track as well.
/// Each input is read once; goroutines in text `beside` them only if they are wanted.
pub(super) fn load_recording_and_ends(
    names: &[String],
    (beside, wants_goroutines): (&[String], bool),
    progress: &Progress,
) -> Result<(Recording, Vec<Warning>, Series), LoadError> {
    let [profiles, goroutines] = tracks(names, progress, WithEnds::add)?;
    let [(profiles, profile_ends), (mut goroutines, goroutine_ends)] =
        [profiles, goroutines].map(|track| (track.all, track.unlike.map_or(Ok(track.ends), Err)));
    let facts = facts::read(beside, wants_goroutines && goroutines.is_empty(), progress);
    add_goroutines(&mut goroutines, &facts, names.len())?;
    let recording = analysis::recording(profiles.finish()?, goroutines.finish()?);
    let (recording, warnings) = facts.beside(recording);
    let ends = if recording.is_of_goroutines() { goroutine_ends } else { profile_ends };
    let mut rebase = Rebase::default();
    ends?
        .finish()
        .into_iter()
        .for_each(|(name, profile)| rebase.add(&source::shown(name), profile));
    Ok((recording, warnings, rebase.finish()?))
}

/// Adds the goroutines in text that are beside the inputs, in the places after these.
fn add_goroutines(
    goroutines: &mut Gather,
    facts: &facts::Facts,
    inputs: usize,
) -> Result<(), LoadError> {
    for (place, (name, profile)) in (inputs..).zip(&facts.goroutines) {
        let added = goroutines.add_at(place, name, profile);
        added.map_err(|error| LoadError::History { name: shown(name), error })?;
    }
    Ok(())
}

/// Reads the inputs and adds each to the track of its kind: profiles, then goroutines.
fn tracks<'a, T: Default + Send>(
    names: &'a [String],
    progress: &Progress,
    add: impl Fn(&mut T, Placed<'a>, Profile) -> Result<(), HistoryError> + Sync,
) -> Result<[T; 2], LoadError> {
    let (mut profiles, mut goroutines) = (T::default(), T::default());
    each_content(&by_name(names), progress, |input, content| {
        let (_, name) = input;
        let added = match content {
            Content::Profile(profile) => add(&mut profiles, input, profile),
            Content::Goroutines(profile) => add(&mut goroutines, input, profile),
            other => {
                other.into_profile().map_err(|error| LoadError::read(name, error))?;
                Ok(())
            }
        };
        added.map_err(|error| LoadError::History { name: shown(name), error })
    })?;
    Ok([profiles, goroutines])
}

/// Like [`tracks`] in the same order, so that nothing tells the two apart, but reads no input that is known.
fn tracks_again(
    names: &[String],
    progress: &Progress,
    known: &Known,
) -> Result<[Gather; 2], LoadError> {
    let (mut profiles, mut goroutines) = (Gather::default(), Gather::default());
    let (inputs, inflate) = (by_name(names), inflate(names.len()));
    let content = |name: &str| {
        known.content(name, progress.held(name), || {
            let content = with_time(name, read(name, inflate, progress)?, progress);
            match content {
                Content::Profile(_) | Content::Goroutines(_) => Ok(content),
                other => match other.into_profile() {
                    Ok(profile) => Ok(profile.into()),
                    Err(error) => Err(LoadError::read(name, error)),
                },
            }
        })
    };
    parallel::ahead(
        (inputs.len(), AT_ONCE.max(2 * parallel::threads())),
        |i| (inputs[i], content(inputs[i].1)),
        |((place, name), content)| {
            let content = content?;
            let (track, profile) = match &*content {
                Content::Profile(profile) => (&mut profiles, profile),
                Content::Goroutines(profile) => (&mut goroutines, profile),
                // Anything else is an error by now.
                _ => return Ok(()),
            };
            let added = track.add_at(place, &source::shown(name), profile);
            added.map_err(|error| LoadError::History { name: shown(name), error })
        },
    )?;
    Ok([profiles, goroutines])
}

/// A track under construction, with its first and its last snapshot.
#[derive(Default)]
struct WithEnds<'a> {
    all: Gather,
    ends: Ends<'a>,
    /// Why the ends can't be compared; an error about the whole track takes precedence.
    unlike: Option<NoCommonSampleType>,
}

impl<'a> WithEnds<'a> {
    fn add(&mut self, (place, name): Placed<'a>, profile: Profile) -> Result<(), HistoryError> {
        self.all.add_at(place, &source::shown(name), &profile)?;
        self.unlike = self.unlike.take().or(self.ends.add(place, name, profile).err());
        Ok(())
    }
}

/// The first and the last of many, with at most four of them in memory.
#[derive(Default)]
struct Ends<'a> {
    kept: Vec<End<'a>>,
    /// Name and header of the first one. All others have to be of its kind; otherwise the times of
    /// the profiles would decide which kind is compared.
    kind: Option<(&'a str, Header)>,
    added: usize,
    has_untimed: bool,
}

/// A profile that may be the first or the last.
struct End<'a> {
    name: &'a str,
    /// Its place among the arguments.
    place: usize,
    /// When it was taken, and how many were added before: of one time, the first added comes first.
    age: (i64, usize),
    profile: Profile,
}

impl<'a> Ends<'a> {
    fn add(
        &mut self,
        place: usize,
        name: &'a str,
        profile: Profile,
    ) -> Result<(), NoCommonSampleType> {
        let (first, header) = self.kind.get_or_insert_with(|| (name, profile.header.clone()));
        if !header.sample_types.is_empty() && !header.shares_type(&profile.header) {
            return Err(NoCommonSampleType::new((first, header), (name, &profile.header)));
        }
        self.has_untimed |= profile.header.time_nanos == 0;
        let age = (profile.header.time_nanos, self.added);
        self.added += 1;
        self.kept.push(End { name, place, age, profile });
        let ends = [self.by_time(), self.by_place()];
        self.kept
            .retain(|end| ends.iter().any(|&(first, last)| [first, last].contains(&end.place)));
        Ok(())
    }

    /// The places of the first and the last by time.
    fn by_time(&self) -> (usize, usize) {
        self.ends_by(|end| end.age)
    }

    /// The places of the first and the last among the arguments.
    fn by_place(&self) -> (usize, usize) {
        self.ends_by(|end| end.place)
    }

    fn ends_by<K: Ord>(&self, key: impl Fn(&End<'a>) -> K) -> (usize, usize) {
        let first = self.kept.iter().min_by_key(|end| key(end));
        let last = self.kept.iter().max_by_key(|end| key(end));
        (first.map_or(0, |end| end.place), last.map_or(0, |end| end.place))
    }

    fn into_profiles(self) -> Vec<(&'a str, Profile)> {
        self.kept.into_iter().map(|end| (end.name, end.profile)).collect()
    }

    fn finish(mut self) -> Vec<(&'a str, Profile)> {
        let (first, last) = if self.has_untimed { self.by_place() } else { self.by_time() };
        self.kept.retain(|end| end.place == first || end.place == last);
        self.kept.sort_by_key(|end| end.place != first);
        self.into_profiles()
    }
}

/// Which thread inflates each of so many inputs: with more of them than cores, all cores are busy.
pub(super) fn inflate(inputs: usize) -> Inflate {
    let threads = parallel::threads();
    if inputs <= threads && threads > 1 { Inflate::Ahead } else { Inflate::Here }
}

fn read(name: &str, inflate: Inflate, progress: &Progress) -> Result<Content, LoadError> {
    let reader =
        progress.open(name).map_err(|error| LoadError::Open { name: shown(name), error })?;
    let content = input::read(reader, progress.budget(), inflate)
        .map_err(|error| LoadError::read(name, error));
    progress.file_done();
    let mut content = content?;
    if let Content::Profile(profile) | Content::Goroutines(profile) = &mut content {
        let named = progress.symbolizer().name(profile);
        named.map_err(|error| LoadError::Symbols { name: shown(name), error })?;
    }
    Ok(content)
}

/// Takes the time of a profile whose format has none from the command line, else from the name of its file.
fn with_time(name: &str, mut content: Content, progress: &Progress) -> Content {
    if let Content::Profile(profile) | Content::Goroutines(profile) = &mut content {
        profile.header.take_time(|| progress.time_of(name));
    }
    content
}

/// The name of an input as a message has it, without the secrets of a URL.
pub(super) fn shown(name: &str) -> String {
    if name == source::STDIN {
        "standard input".to_owned()
    } else {
        escape(&source::shown(name)).into_owned()
    }
}
