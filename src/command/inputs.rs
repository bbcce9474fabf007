//! Turns names as typed into inputs to read: expands folders and globs, and skips files that aren't
//! profiles.
//!
//! This happens before a command looks at its inputs, because their number may decide what it does:
//! a folder with two profiles and a log is a comparison. So only the beginning of each file is read
//! here, and the rest later. A file is skipped, with a warning, only if its beginning shows that it
//! isn't a profile; a damaged profile stays an input, and reading it is an error. So is a file that
//! is named explicitly and isn't a profile, except for logs that other commands use. A profile in text
//! is skipped as well if a folder or glob finds it next to profiles in protobuf; if goroutines are
//! asked for, dumps are used and what is next to them is skipped, unless only the profiles of
//! goroutines are enough to show a change over time.

use super::CommandError;
use crate::input::{self, Beginning, Budget, Content, DUMP, Holds, Inflate, InputError};
use crate::parallel;
use crate::printable::escape;
use crate::report::{Warning, WarningCode};
use crate::source::expand::{Found, Origin, expand, natural};
#[cfg(feature = "http")]
use crate::source::http::address::{self, Address, is_host_and_port};
use crate::source::{self, STDIN};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

/// Files whose beginnings a thread reads at a time.
const AT_ONCE: usize = 16;
/// What the list of captured files calls itself.
pub(super) const CAPTURE: &str = "heapdiff.capture/v1";
/// The name of that file.
pub(super) const MANIFEST: &str = "manifest.json";
/// How many of its bytes are searched for what it calls itself.
const MANIFEST_HEAD: u64 = 4096;
/// Most skipped files that the warning names.
const NAMED: usize = 3;

/// Fewest snapshots that show a change over time.
const OVER_TIME: usize = 3;

/// What to read.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The names, in order.
    pub(super) names: Vec<String>,
    /// Warnings about skipped files.
    pub(super) warnings: Vec<Warning>,
    /// The warning about files that aren't profiles, if any were skipped.
    pub(super) aside: Option<String>,
    /// What else is known about the process.
    pub(super) beside: Beside,
}

/// Inputs that say more about the process whose profiles are read, for a question that uses them.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// Logs of the collector, samples of memory, and profiles in text next to those in protobuf.
    pub(super) names: Vec<String>,
    /// The warnings about the inputs if these are read.
    pub(super) warnings: Vec<Warning>,
}

/// A skipped file, and what it is.
#[derive(Clone)]
struct SetAside {
    name: String,
    what: String,
}

/// Returns the inputs that these names lead to.
pub(super) fn find(typed: &[String]) -> Result<Inputs, CommandError> {
    find_with(&served(typed, "heap")?, skip_what_is_there_twice)
}

/// The same for a question about goroutines.
pub(super) fn find_goroutines(typed: &[String]) -> Result<Inputs, CommandError> {
    find_with(&served(typed, "goroutine")?, skip_what_dumps_say)
}

/// Whether an input is a URL, or `HOST:PORT` and no file.
#[cfg(feature = "http")]
pub(super) fn is_url(name: &str) -> bool {
    source::is_address(name) || is_host_and_port(name) && !Path::new(name).exists()
}

/// Reads the address of a service.
#[cfg(feature = "http")]
pub(super) fn address(typed: &str) -> Result<Address, CommandError> {
    Address::parse(typed)
        .map_err(|error| CommandError::Usage(format!("{}: {error}", address::hidden(typed))))
}

/// What to fetch for each name that is a service: `HOST:PORT` if there is no such file, or a URL
/// that names no profile.
#[cfg(feature = "http")]
fn served(typed: &[String], kind: &str) -> Result<Vec<String>, CommandError> {
    let query = if kind == "heap" { "gc=1" } else { "" };
    let names = typed.iter().map(|name| {
        if !is_url(name) {
            return Ok(name.clone());
        }
        Ok(address(name)?.or_profile(kind, query).full())
    });
    names.collect()
}

#[cfg(not(feature = "http"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail with the feature")]
fn served(typed: &[String], _: &str) -> Result<Vec<String>, CommandError> {
    Ok(typed.to_vec())
}

fn find_with(
    typed: &[String],
    skip: impl FnOnce(&[Found], &mut [Kind]),
) -> Result<Inputs, CommandError> {
    let mut expanded = expand(typed).map_err(|error| CommandError::Answer(Box::new(error)))?;
    expanded.nested.sort_by(|a, b| natural(&a.0, &b.0));
    let mut kinds = parallel::map_items(&expanded.inputs, AT_ONCE, kind);
    skip(&expanded.inputs, &mut kinds);
    let mut names = Vec::new();
    let (mut aside, mut in_text, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    let mut beside_series = Vec::new();
    let mut facts = Vec::new();
    for (Found { name, .. }, kind) in expanded.inputs.into_iter().zip(kinds) {
        match kind {
            Kind::Profile(_) | Kind::Text(_) | Kind::Unknown => names.push(name),
            Kind::Twice(what) => in_text.push(SetAside { name, what: format!("a {what}") }),
            Kind::BesideDump(what) => beside.push(SetAside { name, what: format!("a {what}") }),
            Kind::BesideSeries(what) => {
                beside_series.push(SetAside { name, what: format!("a {what}") });
            }
            Kind::Facts(what) => {
                facts.push(name.clone());
                let what = format!("a {what}, which this command doesn't use");
                aside.push(SetAside { name, what });
            }
            Kind::Skipped(what) => aside.push(SetAside { name, what }),
            Kind::Manifest => {}
        }
    }
    // The same warning for any order of the arguments.
    aside.sort_by(|a, b| natural(&a.name, &b.name));
    in_text.sort_by(|a, b| natural(&a.name, &b.name));
    beside.sort_by(|a, b| natural(&a.name, &b.name));
    beside_series.sort_by(|a, b| natural(&a.name, &b.name));
    facts.sort_by(|a, b| natural(a, b));
    if names.is_empty() {
        match aside.as_slice() {
            [] => {}
            // Reading it gives a better error.
            [_] => names.extend(aside.drain(..).map(|file| file.name)),
            many => {
                return Err(CommandError::Usage(format!(
                    "none of the {} files is a profile: {}; use .pb.gz files such as \
                     /debug/pprof/heap serves",
                    many.len(),
                    list(many)
                )));
            }
        }
    }
    let nested = expanded.nested.into_iter().map(|(folder, folders)| {
        let (is, them) = if folders == 1 { ("folder", "it") } else { ("folders", "them") };
        warning(format!(
            "skipped {folders} {is} in {folder}; name {them}, or use a ** glob, to include the \
             files in {them}"
        ))
    });
    let nested: Vec<Warning> = nested.collect();
    let known: BTreeSet<&String> = facts.iter().collect();
    let others: Vec<SetAside> =
        aside.iter().filter(|file| !known.contains(&file.name)).cloned().collect();
    let used = about_aside(&others).0.into_iter().chain(text_is_used(&in_text));
    let used = used.map(warning).chain(nested.clone()).collect();
    let texts = in_text.iter().map(|file| file.name.clone());
    let beside_profiles =
        Beside { names: facts.into_iter().chain(texts).collect(), warnings: used };
    let (short, aside) = about_aside(&aside);
    let protobuf =
        "in text next to profiles in protobuf, which are most likely of the same moments";
    let dumps = "next to goroutine dumps, which say more";
    let texts = skipped_beside(&in_text, protobuf).into_iter();
    let series = "in text next to profiles that show how goroutines change; a dump also says how long \
                  they have waited, and which go statement started them";
    let beside_these = skipped_beside(&beside, dumps).into_iter();
    let beside_these = beside_these.chain(skipped_beside(&beside_series, series));
    let all = short.into_iter().chain(texts).chain(beside_these);
    let warnings = all.map(warning).chain(nested).collect();
    Ok(Inputs { names, warnings, aside, beside: beside_profiles })
}

fn warning(message: String) -> Warning {
    Warning { code: WarningCode::SetAside, message }
}

/// The message about profiles in text that are read for what those in protobuf lack.
fn text_is_used(in_text: &[SetAside]) -> Option<String> {
    let (profiles, are, them) = match in_text.len() {
        0 => return None,
        1 => ("profile", "is", "it"),
        _ => ("profiles", "are", "them"),
    };
    Some(format!(
        "{} {profiles} in text {are} most likely of the same moments as profiles in protobuf next to \
         {them}, and not counted twice; at most what those lack is used (MemStats, goroutines): {}",
        in_text.len(),
        list(in_text)
    ))
}

/// The warnings about files that aren't profiles: short if there are many, and in full.
fn about_aside(aside: &[SetAside]) -> (Option<String>, Option<String>) {
    let short = match aside {
        [] | [_] => None,
        [first, more @ ..] => {
            let name = Path::new(&first.name).file_name().and_then(|name| name.to_str());
            let (count, name) = (aside.len(), name.unwrap_or(&first.name));
            let more = more.len();
            Some(format!("skipped {count} files that aren't profiles: {name} and {more} more"))
        }
    };
    let full = match aside.len() {
        0 => None,
        1 => Some(format!("skipped 1 file that isn't a profile: {}", list(aside))),
        n => Some(format!("skipped {n} files that aren't profiles: {}", list(aside))),
    };
    (short.or(full.clone()), full)
}

/// The warning about profiles that were skipped for what is next to them.
fn skipped_beside(skipped: &[SetAside], why: &str) -> Option<String> {
    let (profiles, them) = match skipped.len() {
        0 => return None,
        1 => ("profile", "it"),
        _ => ("profiles", "them"),
    };
    let (count, list) = (skipped.len(), list(skipped));
    Some(format!("skipped {count} {profiles} {why}; name {them} to use {them}: {list}"))
}

/// Skips text in a folder with profiles in protobuf. Text doesn't say when it was taken, and is most
/// likely one of their moments again.
fn skip_what_is_there_twice(inputs: &[Found], kinds: &mut [Kind]) {
    skip_beside(
        inputs,
        kinds,
        |kind| matches!(kind, Kind::Profile(_)),
        |kind| match kind {
            Kind::Text(name) => Some(Kind::Twice(name)),
            _ => None,
        },
    );
}

/// Skips other profiles in a folder with goroutine dumps: they aren't of goroutines, or are most
/// likely one of these moments again. If there are too few dumps to show a change over time, and
/// enough profiles of goroutines, skips the dumps.
fn skip_what_dumps_say(inputs: &[Found], kinds: &mut [Kind]) {
    let is_dump = |kind: &Kind| *kind == Kind::Text(DUMP);
    let is_other = |kind: &Kind| matches!(kind, Kind::Profile(_));
    let found = || inputs.iter().zip(&*kinds).filter(|(one, _)| one.origin == Origin::Found);
    let count = |is: &dyn Fn(&Kind) -> bool| found().filter(|(_, kind)| is(kind)).count();
    if (1..OVER_TIME).contains(&count(&is_dump)) && count(&is_other) >= OVER_TIME {
        let others: Vec<&str> =
            found().filter(|(_, kind)| is_other(kind)).map(|(one, _)| one.name.as_str()).collect();
        let of_goroutines = parallel::map_items(&others, 1, |name| holds_goroutines(name));
        if of_goroutines.into_iter().filter(|is| *is).count() >= OVER_TIME {
            return skip_beside(inputs, kinds, is_other, |kind| match kind {
                Kind::Text(name) => Some(Kind::BesideSeries(name)),
                _ => None,
            });
        }
    }
    skip_beside(inputs, kinds, is_dump, |kind| match kind {
        Kind::Text(name) | Kind::Profile(name) if *name != DUMP => Some(Kind::BesideDump(name)),
        _ => None,
    });
}

/// Whether an input is a profile of goroutines. Its beginning doesn't show what a profile in protobuf
/// counts.
fn holds_goroutines(name: &str) -> bool {
    let content =
        source::open(name).map(|reader| input::read(reader, Budget::default(), Inflate::Here));
    matches!(content, Ok(Ok(Content::Goroutines(_))))
}

/// Skips what is found in a folder in which something better is found.
fn skip_beside(
    inputs: &[Found],
    kinds: &mut [Kind],
    is_better: impl Fn(&Kind) -> bool,
    skipped: impl Fn(&Kind) -> Option<Kind>,
) {
    let folder = |found: &Found| Path::new(&found.name).parent().map(Path::to_owned);
    let found = inputs.iter().zip(kinds.iter());
    let better = found.filter(|(found, kind)| found.origin == Origin::Found && is_better(kind));
    let folders: BTreeSet<_> = better.map(|(found, _)| folder(found)).collect();
    for (found, kind) in inputs.iter().zip(kinds) {
        if found.origin == Origin::Found
            && folders.contains(&folder(found))
            && let Some(skipped) = skipped(kind)
        {
            *kind = skipped;
        }
    }
}

/// The warning about profiles that aren't of goroutines, next to some that are.
pub(super) fn others(names: &[&str]) -> Option<Warning> {
    let what = || "not of goroutines".to_owned();
    let aside = names.iter().map(|&name| SetAside { name: name.to_owned(), what: what() });
    let mut aside: Vec<SetAside> = aside.collect();
    aside.sort_by(|a, b| natural(&a.name, &b.name));
    let message = match aside.len() {
        0 => return None,
        1 => format!("skipped 1 profile: {}", list(&aside)),
        count => format!("skipped {count} profiles: {}", list(&aside)),
    };
    Some(Warning { code: WarningCode::SetAside, message })
}

/// The warning about heap profiles next to many of goroutines.
pub(super) fn of_the_heap(names: &[&str]) -> Option<Warning> {
    let message = match names {
        [] => return None,
        [one] => format!("{} isn't of goroutines, and only tells processes apart", escape(one)),
        many => {
            format!("{} profiles aren't of goroutines, and only tell processes apart", many.len())
        }
    };
    Some(Warning { code: WarningCode::SetAside, message })
}

/// What an input is, by its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A profile in protobuf, by the name of its format.
    Profile(&'static str),
    /// A profile in text, by the name of its format.
    Text(&'static str),
    /// The same, next to profiles in protobuf.
    Twice(&'static str),
    /// Next to goroutine dumps, which say more.
    BesideDump(&'static str),
    /// Next to profiles of goroutines, which are enough to show a change over time.
    BesideSeries(&'static str),
    /// No profile, but facts about the process, by the name of their format.
    Facts(&'static str),
    /// What `heapdiff capture` wrote about the files next to it.
    Manifest,
    /// Reading it will tell.
    Unknown,
    /// It is skipped, for this reason.
    Skipped(String),
}

fn kind(found: &Found) -> Kind {
    // A pipe can be read once.
    if found.name == STDIN || source::size(&found.name).is_none() {
        return Kind::Unknown;
    }
    let Some(beginning) = source::open(&found.name).ok().map(input::look) else {
        return Kind::Unknown;
    };
    match (beginning, found.origin) {
        (Ok(Beginning::Known(format)), _) => match format.holds {
            Holds::Profile => Kind::Profile(format.name),
            Holds::TextProfile => Kind::Text(format.name),
            Holds::GcTrace | Holds::Gauges => Kind::Facts(format.name),
        },
        (Ok(Beginning::Other(_)), Origin::Found) if is_manifest(&found.name) => Kind::Manifest,
        (Ok(Beginning::Other(refusal)), Origin::Found) => Kind::Skipped(refusal.what),
        (Err(InputError::Empty), Origin::Found) => Kind::Skipped("empty".to_owned()),
        _ => Kind::Unknown,
    }
}

/// Whether a file is the list that `heapdiff capture` writes of the files in its folder.
fn is_manifest(name: &str) -> bool {
    let is_named = Path::new(name).file_name().is_some_and(|name| name == MANIFEST);
    let mut head = Vec::new();
    let mut read = || source::open(name).ok()?.take(MANIFEST_HEAD).read_to_end(&mut head).ok();
    let schema = format!("\"{CAPTURE}\"");
    is_named && read().is_some() && memchr::memmem::find(&head, schema.as_bytes()).is_some()
}

fn list(aside: &[SetAside]) -> String {
    first_few(aside.iter().map(|file| format!("{} ({})", escape(&file.name), file.what)))
}

/// Names the first few skipped files, and counts the rest.
pub(super) fn first_few(files: impl ExactSizeIterator<Item = String>) -> String {
    let more = files.len().saturating_sub(NAMED);
    let some = files.take(NAMED).collect::<Vec<_>>().join(", ");
    if more == 0 { some } else { format!("{some} and {more} more") }
}
