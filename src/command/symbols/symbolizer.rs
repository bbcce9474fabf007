//! Names the addresses of profiles, one after the other, from the binaries that were given.

use super::SymbolArgs;
use super::choice::{Candidate, How, Wanted, choose};
use super::exe::Exe;
use super::found::{Counts, Found};
use crate::command::CommandError;
use crate::model::ids::{LocationId, MappingId};
use crate::model::naming::NamedFrame;
use crate::model::profile::Profile;
use crate::model::symbols::Mapping;
use crate::report::{Warning, WarningCode};
use crate::source::binaries;
use crate::symbolize::{Loaded, Unread};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The binaries, and what they were used for.
#[derive(Debug, Default)]
pub(in crate::command) struct Symbolizer {
    exes: Vec<Exe>,
    candidates: Vec<Candidate>,
    /// The options as typed.
    typed: Vec<String>,
    found: Mutex<Found>,
}

/// The mapping of a location; `None` if the profile has none for it.
type Of = Option<MappingId>;

type Map<K, V> = HashMap<K, V, FxBuildHasher>;

impl Symbolizer {
    /// Opens the binaries and their debug information.
    pub(in crate::command) fn new(args: &SymbolArgs) -> Result<Self, CommandError> {
        let usual = [PathBuf::from(binaries::USUAL)];
        let folders = if args.debug_dir.is_empty() { &usual[..] } else { &args.debug_dir };
        let open = |typed: &String| {
            Exe::open(typed, folders)
                .map_err(|why| CommandError::Answer(format!("--exe {why}").into()))
        };
        let exes = args.exe.iter().map(open).collect::<Result<Vec<Exe>, CommandError>>()?;
        let candidate = |exe: &Exe| Candidate {
            name: exe.name.clone(),
            shown: exe.shown.clone(),
            file_name: exe.file_name.clone(),
            build_id: exe.binary.build_id.clone(),
        };
        let candidates = exes.iter().map(candidate).collect();
        let exe = args.exe.iter().flat_map(|exe| ["--exe".to_owned(), exe.clone()]);
        let debug_dir = args
            .debug_dir
            .iter()
            .flat_map(|folder| ["--debug-dir".to_owned(), folder.to_string_lossy().into_owned()]);
        let typed = exe.chain(debug_dir).collect();
        Ok(Self { exes, candidates, typed, found: Mutex::default() })
    }

    /// Names the addresses of a profile that have no names.
    pub(in crate::command) fn name(&self, profile: &mut Profile) -> Result<(), String> {
        if self.exes.is_empty() {
            return Ok(());
        }
        let mut unnamed: Vec<Of> = unnamed(profile).map(|id| mapping_of(profile, id)).collect();
        if unnamed.is_empty() {
            locked(&self.found).profiles.0 += 1;
            return Ok(());
        }
        unnamed.sort_unstable_by_key(|of| of.map(|id| id.0));
        unnamed.dedup();
        let chosen = self.choose(profile, &unnamed)?;
        let (symbols, mut used) = (&profile.symbols, Map::default());
        let mut frames: Map<LocationId, Vec<NamedFrame>> = Map::default();
        for id in self::unnamed(profile) {
            let of = mapping_of(profile, id);
            let Some(&(exe, how)) = chosen.get(&of) else { continue };
            let counts: &mut Counts = used.entry((exe, of, how)).or_default();
            counts.asked += 1;
            let loaded = of.map_or(Loaded::EVERYTHING, |of| loaded(&symbols.mappings[of.index()]));
            let address = symbols.locations.address[id.index()];
            match loaded.file_address(&self.exes[exe].binary, address) {
                Err(_) => counts.misplaced += 1,
                Ok(address) => {
                    let mut names = locked(&self.exes[exe].names);
                    let found = names.find(address);
                    counts.named += u64::from(!found.is_empty());
                    frames.insert(id, found.to_vec());
                }
            }
        }
        let used: Vec<_> = used
            .into_iter()
            .map(|((exe, of, how), counts)| ((exe, file(profile, of).to_owned(), how), counts))
            .collect();
        profile
            .name_locations(|id| frames.get(&id).map_or(&[], Vec::as_slice))
            .map_err(|error| error.to_string())?;
        profile.header.named_with.clone_from(&self.typed);
        self.count(profile, used);
        Ok(())
    }

    /// Chooses the binary of each mapping that has addresses without names.
    fn choose(&self, profile: &Profile, unnamed: &[Of]) -> Result<Map<Of, (usize, How)>, String> {
        let symbols = &profile.symbols;
        let wanted = |of: Of| {
            let mapping = of.map(|of| &symbols.mappings[of.index()]);
            Wanted {
                file: mapping.map_or("", |mapping| symbols.text(mapping.file)),
                build_id: mapping.map_or("", |mapping| symbols.text(mapping.build_id)),
                is_main: of.map_or(symbols.mappings.is_empty(), |of| of.index() == 0),
            }
        };
        let mappings: Vec<Wanted<'_>> =
            (0..symbols.mappings.len()).map(|i| wanted(Some(MappingId::from_index(i)))).collect();
        let mut chosen = Map::default();
        for &of in unnamed {
            if let Some(choice) = choose(&wanted(of), &mappings, &self.candidates)? {
                chosen.insert(of, choice);
            }
        }
        Ok(chosen)
    }

    /// Adds up what was named, and the values on stacks where names are missing.
    fn count(&self, profile: &Profile, used: Vec<((usize, String, How), Counts)>) {
        let header = &profile.header;
        let column = header.position(&header.default_sample_type);
        let column = column.or(header.sample_types.len().checked_sub(1));
        let mut left: Map<Of, Left> =
            unnamed(profile).map(|id| (mapping_of(profile, id), Left::default())).collect();
        let mut total = 0;
        for sample in 0..profile.samples.len() {
            let value = column.map_or(0, |column| profile.values(sample)[column].unsigned_abs());
            total += u128::from(value);
            for id in profile.samples.stack(sample) {
                if !profile.symbols.locations.lines(id).is_empty() {
                    continue;
                }
                let left = left.entry(mapping_of(profile, id)).or_default();
                if left.samples <= sample {
                    left.samples = sample + 1;
                    left.value += u128::from(value);
                }
            }
        }
        let mut found = locked(&self.found);
        found.profiles.0 += 1;
        found.profiles.1 += 1;
        found.total += total;
        found.types.extend(column.map(|column| header.sample_types[column].name.clone()));
        for (key, counts) in used {
            let sum = found.used.entry(key).or_default();
            sum.asked += counts.asked;
            sum.named += counts.named;
            sum.misplaced += counts.misplaced;
        }
        for (of, Left { value, .. }) in left {
            let build_id = of.map(|of| profile.symbols.mappings[of.index()].build_id);
            let build_id = build_id.map_or("", |id| profile.text(id)).to_owned();
            let key = (file(profile, of).to_owned(), build_id);
            *found.left.entry(key).or_default() += value;
        }
        for (i, exe) in self.exes.iter().enumerate() {
            let names = locked(&exe.names);
            if names.is_split() {
                found.split.insert(i);
            }
            let unread = names.unread();
            if unread != Unread::default() {
                found.unread.insert(i, unread);
            }
        }
    }

    /// Says what each binary was used for.
    pub(in crate::command) fn notes(&self) -> Vec<String> {
        locked(&self.found).notes(&self.shown())
    }

    /// What may mislead, and what to give.
    pub(in crate::command) fn warnings(&self) -> Vec<Warning> {
        if self.exes.is_empty() {
            return Vec::new();
        }
        let found = locked(&self.found);
        let whole: Vec<bool> = self.exes.iter().map(|exe| exe.lacks.is_none()).collect();
        let is_used = |i: usize| found.used.keys().any(|(exe, ..)| *exe == i);
        let lacks = self.exes.iter().enumerate().filter(|(i, _)| is_used(*i));
        let lacks = lacks.filter_map(|(_, exe)| exe.lacks.clone());
        let messages = lacks.chain(found.warnings(&self.shown(), &whole));
        messages.map(|message| Warning { code: WarningCode::Other, message }).collect()
    }

    fn shown(&self) -> Vec<&str> {
        self.exes.iter().map(|exe| exe.shown.as_str()).collect()
    }
}

/// What is on stacks with a frame of a mapping that has no name.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    value: u128,
    /// The samples up to the last that was added.
    samples: usize,
}

/// The locations without lines.
fn unnamed(profile: &Profile) -> impl Iterator<Item = LocationId> {
    let locations = &profile.symbols.locations;
    locations.ids().filter(|&id| locations.lines(id).is_empty())
}

fn mapping_of(profile: &Profile, id: LocationId) -> Of {
    profile.symbols.locations.mapping[id.index()]
}

fn file(profile: &Profile, of: Of) -> &str {
    of.map_or("", |of| profile.text(profile.symbols.mappings[of.index()].file))
}

fn loaded(mapping: &Mapping) -> Loaded {
    Loaded { start: mapping.start, limit: mapping.limit, offset: mapping.offset }
}

/// What a lock guards stays usable whatever another thread did.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
