//! The inputs of a server, and the command lines that it asks about them.

use super::described::{self, Facts};
use super::shelf::{Shelf, Stamp};
use crate::command::inputs::{self, Beside};
use crate::command::known::Known;
use crate::command::load::{Keep, LoadError, load, load_recording, shown};
use crate::command::progress::{Held, Progress};
use crate::command::request::Request;
use crate::command::symbols::Symbolizer;
use crate::command::{Console, DONE, accepts, catalog, parsed, run};
use crate::input::{self, Budget, Inflate};
use crate::model::recording;
use crate::parallel;
use crate::report::session::Cancel;
use crate::report::{InputKind, Subject};
use crate::serve::{self, Asked, Backend, Input, Live, State, Survey, Unfit, Wanted};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most inputs that are compared without a look at all of them over time.
const PAIR: usize = 2;
/// Most bytes that an input that is added unpacks to.
const UNPACKED: u64 = 1 << 30;
/// Most files of a folder that stay once they are gone.
const GONE: usize = 32;

/// What is known of the inputs, and what was loaded to know it.
type Loaded = (Vec<Facts>, Vec<(Wanted, Subject<'static>)>);

/// The inputs.
#[derive(Default)]
pub(super) struct Stock {
    typed: Vec<String>,
    budget: Budget,
    usual: Vec<(&'static str, String)>,
    live: Option<Arc<Mutex<Live>>>,
    shelf: Mutex<Shelf>,
    known: Arc<Known>,
    /// What is beside the profiles.
    beside: Mutex<Beside>,
}

impl Stock {
    pub(super) fn new(
        mut typed: Vec<String>,
        live: Option<(&Path, Arc<Mutex<Live>>)>,
        budget: Budget,
        usual: Vec<(&'static str, String)>,
    ) -> Self {
        typed.extend(live.as_ref().map(|(folder, _)| folder.to_string_lossy().into_owned()));
        let live = live.map(|(_, state)| state);
        Self { typed, budget, usual, live, ..Self::default() }
    }

    /// How many inputs are known by name, and the bytes that are held.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        self.shelf().counts()
    }

    /// What was read before.
    #[cfg(test)]
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self, held: Held) -> Progress {
        let progress = Progress::new(false, self.budget, Symbolizer::default());
        progress.with_held(held).with_known(Arc::clone(&self.known))
    }

    /// The inputs that the names lead to now.
    fn find(&self, is_first: bool) -> Result<inputs::Inputs, String> {
        let there = self.typed.iter().filter(|name| {
            let path = Path::new(name);
            let is_empty = path.is_dir() && is_empty(path);
            !is_empty && (is_first || path.exists() || is_glob(name))
        });
        let there: Vec<String> = there.cloned().collect();
        if there.is_empty() {
            return Ok(inputs::Inputs::default());
        }
        inputs::find(&there).map_err(|error| error.to_string())
    }

    /// Loads what there is, without inputs that can't be read.
    fn load_all(
        &self,
        shelf: &mut Shelf,
        names: &mut Vec<String>,
        beside: &Beside,
        is_first: bool,
    ) -> Result<Loaded, String> {
        loop {
            let loaded = self.load_these(&shelf.held, names, beside);
            let error = match loaded {
                Ok(loaded) => return Ok(loaded),
                Err(error) => error,
            };
            let blamed = error.blamed();
            let blamed = blamed.and_then(|blamed| names.iter().find(|own| shown(own) == blamed));
            // If they don't fit together, the newest doesn't fit those that are there.
            let newest = || names.iter().rev().find(|name| !shelf.names.contains(name));
            let blamed = blamed.or_else(|| if is_first { None } else { newest() });
            let Some(name) = blamed.cloned() else { return Err(error.to_string()) };
            // What was named on the command line has to be right.
            if is_first && self.typed.contains(&name) {
                return Err(error.to_string());
            }
            names.retain(|own| *own != name);
            shelf.fail(&name, error.to_string());
        }
    }

    fn load_these(
        &self,
        held: &Held,
        names: &[String],
        beside: &Beside,
    ) -> Result<Loaded, LoadError> {
        if names.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let progress = self.progress(held.clone());
        if names.len() <= PAIR && beside.names.is_empty() {
            match load(names, Keep::All, &progress) {
                Ok(series) => {
                    let facts = described::of_series(&series);
                    let wanted = Wanted::Snapshots(names.to_vec());
                    return Ok((facts, vec![(wanted, series.into())]));
                }
                // Of two kinds: they can be beside each other, and not compared.
                Err(LoadError::NoCommonSampleType(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let (recording, warnings) = load_recording(names, &beside.names, &progress)?;
        let facts = described::of_recording(&recording);
        let warnings = [beside.warnings.clone(), warnings].concat();
        let subject = Subject { warnings, ..recording.into() };
        Ok((facts, vec![(Wanted::Recording, subject)]))
    }

    /// The inputs as a command line names them: one by one if some of those that were typed can't be read.
    fn arguments(&self, shelf: &Shelf, beside: &Beside) -> Vec<String> {
        if !shelf.failures.is_empty() {
            return shelf.names.iter().chain(&beside.names).cloned().collect();
        }
        // A folder without files is an error where there are others.
        let is_empty = |name: &&String| Path::new(name).is_dir() && is_empty(Path::new(name));
        let typed = self.typed.iter().filter(|name| !is_empty(name));
        typed.chain(&shelf.added).cloned().collect()
    }
}

impl Backend for Stock {
    fn survey(&self) -> Result<Option<Survey>, String> {
        let mut shelf = self.shelf();
        let shelf = &mut *shelf;
        let is_first = shelf.seen.is_none();
        let found = match self.find(is_first) {
            Ok(found) => found,
            Err(error) if is_first => return Err(error),
            // The folder is gone, or nothing in it is a profile any more.
            Err(_) => inputs::Inputs::default(),
        };
        let mut names = found.names;
        // What is gone stays, if its bytes are here.
        let gone: BTreeSet<String> =
            shelf.names.iter().filter(|name| !names.contains(name)).cloned().collect();
        let gone = gone.into_iter().filter(|name| shelf.held.contains_key(name));
        let gone: BTreeSet<String> = gone.filter(|name| !shelf.added.contains(name)).collect();
        let is_recorded = self.live.is_some();
        // A recording removes snapshots itself, and so may another program, for days.
        let (named, found_there): (Vec<&String>, Vec<&String>) =
            gone.iter().partition(|name| self.typed.contains(name));
        let newest = found_there.into_iter().rev().take(GONE).filter(|_| !is_recorded);
        names.extend(named.into_iter().chain(newest).cloned());
        names.extend(shelf.added.iter().cloned());
        // Settings are part of some answers.
        let stamped = names.iter().chain(&found.beside.names).map(String::as_str);
        let seen: Vec<(String, Option<Stamp>)> = (stamped.chain([catalog::USUAL]))
            .map(|name| (name.to_owned(), Stamp::of(name)))
            .collect();
        if shelf.seen.as_ref() == Some(&seen) && !shelf.is_unsettled() {
            return Ok(None);
        }
        shelf.keep(&names);
        let there = names.iter().chain(&found.beside.names).map(String::as_str);
        let there: BTreeSet<&str> = there.collect();
        self.known.keep(|name| there.contains(name));
        names.iter().for_each(|name| shelf.take(name));
        names.retain(|name| !shelf.is_hopeless(name));
        let listed = names.clone();
        let loaded = self.load_all(shelf, &mut names, &found.beside, is_first);
        let (facts, loaded) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                shelf.seen = Some(seen);
                return Err(error);
            }
        };
        shelf.seen = Some(seen);
        // Those that are read now failed before.
        names.iter().for_each(|name| _ = shelf.failures.remove(name));
        shelf.names.clone_from(&names);
        let mut facts = facts;
        let is_typed = |fact: &Facts| self.typed.contains(&fact.name);
        if facts.len() <= PAIR && !facts.iter().all(is_typed) && facts.iter().all(Facts::is_timed) {
            // The command line doesn't say which comes first.
            facts.sort_by_key(|fact| fact.nanos);
        }
        let mut all = Vec::new();
        for fact in &facts {
            // A URL or a name that doesn't print is shown in another way.
            let name = names.iter().find(|name| **name == fact.name).unwrap_or(&fact.name);
            let is_gone = gone.contains(name);
            all.push(Input {
                id: shelf.id(name),
                name: name.clone(),
                kind: Some(fact.kind),
                time: fact.time.clone(),
                process: fact.process,
                samples: fact.samples,
                bytes: shelf.size(name),
                state: if is_gone { State::Vanished } else { State::Ready },
                error: is_gone
                    .then(|| "the file is gone; this shows what was read of it".to_owned()),
                uploaded: shelf.added.contains(name),
            });
        }
        let failures: Vec<(String, String)> = (shelf.failures.iter())
            .filter(|(name, failure)| failure.is_settled || !listed.contains(name))
            .map(|(name, failure)| (name.clone(), failure.why.clone()))
            .collect();
        for (name, why) in failures {
            all.push(Input {
                id: shelf.id(&name),
                kind: None,
                time: None,
                process: 0,
                samples: 0,
                bytes: shelf.size(&name),
                state: State::Failed,
                error: Some(why),
                uploaded: shelf.added.contains(&name),
                name,
            });
        }
        let (abouts, types) = offered(&facts, &loaded, &found.beside);
        let arguments = self.arguments(shelf, &found.beside);
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = found.beside;
        Ok(Some(Survey { inputs: all, arguments, loaded, abouts, types }))
    }

    fn live(&self) -> Option<Live> {
        let live = self.live.as_ref()?;
        Some(live.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn load(&self, wanted: &Wanted) -> Result<Subject<'static>, String> {
        let (held, all) = {
            let shelf = self.shelf();
            (shelf.held.clone(), shelf.names.clone())
        };
        let progress = self.progress(held);
        let loaded = match wanted {
            Wanted::Snapshots(names) => load(names, Keep::All, &progress).map(Subject::from),
            Wanted::Recording => {
                let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let read = load_recording(&all, &beside.names, &progress);
                read.map(|(recording, warnings)| {
                    let warnings = [beside.warnings, warnings].concat();
                    Subject { warnings, ..recording.into() }
                })
            }
        };
        loaded.map_err(|error| error.to_string())
    }

    fn asked(&self, command: &str, options: &[String], inputs: &[String]) -> Result<Asked, String> {
        let format = ["--format=json".to_owned(), "--".to_owned()];
        let words = [&[command.to_owned()], options, &format, inputs].concat();
        let request = parsed(&words).map_err(|error| plain(&error.to_string()))?;
        let Request { query, spec, sources, .. } = request;
        let sources = sources.map(|sources| Arc::new(sources.below_roots()) as _);
        Ok(Asked { query, spec, sources })
    }

    fn accepts(&self, command: &str, option: &str) -> bool {
        accepts(command, option)
    }

    fn usual(&self) -> &[(&'static str, String)] {
        &self.usual
    }

    fn run(&self, words: &[String], cancel: &Cancel) -> Result<Vec<u8>, String> {
        let (mut out, mut said) = (Vec::new(), Vec::new());
        let args = std::iter::once("heapdiff".to_owned()).chain(words.iter().cloned());
        let (held, added) = {
            let shelf = self.shelf();
            (shelf.held.clone(), shelf.added.clone())
        };
        // What is looked for in the folder before what is in memory isn't what was added.
        if let Some(name) =
            added.iter().find(|name| words.contains(name) && Path::new(name).exists())
        {
            return Err(format!(
                "{name} was added in the browser, and by now there is a file of this name as well: remove it in the \
                 browser, and name the file on the command line of heapdiff serve"
            ));
        }
        let mut console = Console { held, ..Console::of_streams(&mut out, &mut said) };
        let run = || run(args.map(OsString::from), &mut console);
        let code = parallel::cancellable(Some(cancel.clone()), run);
        if code == DONE {
            return Ok(out);
        }
        let said = String::from_utf8_lossy(&said);
        Err(plain(said.trim_start_matches("heapdiff: ")))
    }

    fn add(&self, name: &str, bytes: Vec<u8>) -> Result<String, Unfit> {
        if !input::unpacks_within(&bytes, UNPACKED) {
            let why =
                "unpacks to more than 1 GiB: name the file on the command line of heapdiff serve";
            return Err(Unfit::Broken(format!("{name}: {why}")));
        }
        let content = input::read(bytes.as_slice(), self.budget, Inflate::Here);
        let content = content.and_then(input::Content::into_profile);
        content.map_err(|error| Unfit::Broken(format!("{name}: {error}")))?;
        let mut shelf = self.shelf();
        let name = shelf.add(name, bytes).map_err(Unfit::Full)?;
        Ok(shelf.id(&name))
    }

    fn remove(&self, id: &str) -> bool {
        self.shelf().remove(id)
    }
}

/// What can be asked about the inputs, and their sample types.
fn offered(
    facts: &[Facts],
    loaded: &[(Wanted, Subject<'static>)],
    beside: &Beside,
) -> (Vec<&'static str>, Vec<String>) {
    use crate::report::Profiles;
    let snapshots = serve::snapshots(facts.iter().collect(), |fact| Some(fact.kind));
    // First what is asked if nothing is said.
    let mut abouts = match snapshots.len() {
        0 => Vec::new(),
        1 => vec!["top"],
        2 => vec!["diff", "top", "leaks", "timeline"],
        _ => vec!["leaks", "diff", "top", "timeline"],
    };
    if facts.iter().any(|fact| fact.kind == InputKind::Goroutine) {
        abouts.push("goroutines");
    }
    let mut types = Vec::new();
    // Those that a profile in text ends with.
    let mut has_statistics = false;
    for (_, subject) in loaded {
        match &subject.profiles {
            Profiles::Snapshots(snapshots) => {
                let series = &snapshots.series;
                types.clone_from(&series.sample_types);
                has_statistics |=
                    series.snapshots.iter().any(|one| one.header.memory_statistics.is_some());
            }
            Profiles::Recording(recording) => {
                let recording: &recording::Recording = recording;
                types.clone_from(&recording.main().history.sample_types);
                let moments = &recording.profiles.history.moments;
                has_statistics |= moments.iter().any(|one| one.header.memory_statistics.is_some());
                if !recording.collections.is_empty() {
                    abouts.push("gc");
                }
            }
            Profiles::Runs(_) => {}
        }
    }
    if !beside.names.is_empty() || has_statistics {
        abouts.push("memory");
    }
    (abouts, types.into_iter().map(|one| one.name).collect())
}

/// What clap says, without its frame.
fn plain(message: &str) -> String {
    let message = message.trim_start_matches("error: ");
    let end = message.find("\n\nUsage").or_else(|| message.find("\n\nFor more"));
    message[..end.unwrap_or(message.len())].trim().to_owned()
}

/// Whether there is nothing to see in a folder.
fn is_empty(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder);
    entries.is_ok_and(|mut entries| {
        !entries.any(|entry| {
            entry.is_ok_and(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        })
    })
}

fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_question_reads_nothing_more() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/harbor/one");
        let folder = folder.to_string_lossy().into_owned();
        let stock = Stock::new(vec![folder.clone()], None, Budget::default(), Vec::new());
        stock.survey().unwrap();
        for command in ["goroutines", "gc", "memory"] {
            let words = [command, "--format=json", "--", &folder].map(str::to_owned);
            let whole = Cancel::at(usize::MAX);
            stock.run(&words, &whole).unwrap();
            // Each input is asked about when it is opened, and again while it is read.
            let times = usize::MAX - whole.left();
            assert!(times > 12, "{command}: {times}");
            for time in [1, 2, 7] {
                let said = stock.run(&words, &Cancel::at(time)).unwrap_err();
                assert!(said.contains("stopped"), "{command}: {said}");
            }
        }
        let load =
            |cancel: Cancel| parallel::cancellable(Some(cancel), || stock.load(&Wanted::Recording));
        assert!(load(Cancel::default()).is_ok());
        let names = stock.shelf().names.iter().take(2).cloned().collect();
        let pair = || stock.load(&Wanted::Snapshots(names));
        assert!(parallel::cancellable(Some(Cancel::at(2)), pair).unwrap_err().contains("stopped"));
    }
}
