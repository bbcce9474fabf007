//! From names as typed to inputs to read: folders and patterns expanded, and what is no profile set aside.
//!
//! This comes before a command looks at its inputs, since the number of them may say what is meant: a folder with two
//! profiles and a log is a comparison. So the beginning of each file is looked at here, and the whole of it is read
//! later. Only what the beginning shows to be no profile is set aside, and a warning names it; a damaged profile stays
//! an input, and reading it is an error. So is what was named outright and is no profile, but for logs that other
//! commands use.

use super::CommandError;
use crate::input::{self, Beginning, Holds, InputError};
use crate::parallel;
use crate::report::{Warning, WarningCode};
use crate::source::expand::{Found, Origin, expand};
use crate::source::{self, STDIN};

/// Files whose beginnings are one piece of work.
const AT_ONCE: usize = 16;
/// Files set aside that the warning names.
const NAMED: usize = 3;

/// What to read.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The names, in order.
    pub(super) names: Vec<String>,
    /// What was left out.
    pub(super) warnings: Vec<Warning>,
    /// What of it is said of files that are no profiles.
    pub(super) aside: Option<String>,
}

/// A file that is left out, and what it is.
struct SetAside {
    name: String,
    what: String,
}

/// The inputs that were meant.
pub(super) fn find(typed: &[String]) -> Result<Inputs, CommandError> {
    let expanded = expand(typed).map_err(|error| CommandError::Answer(Box::new(error)))?;
    let reasons = parallel::map_items(&expanded.inputs, AT_ONCE, reason);
    let mut names = Vec::new();
    let mut aside = Vec::new();
    for (Found { name, .. }, reason) in expanded.inputs.into_iter().zip(reasons) {
        match reason {
            None => names.push(name),
            Some(what) => aside.push(SetAside { name, what }),
        }
    }
    if names.is_empty() {
        match aside.as_slice() {
            [] => {}
            // Reading it says more.
            [_] => names.extend(aside.drain(..).map(|file| file.name)),
            many => {
                return Err(CommandError::Usage(format!(
                    "none of the {} files is a profile: {}; give .pb.gz files, as /debug/pprof/heap serves them",
                    many.len(),
                    list(many)
                )));
            }
        }
    }
    let mut warnings = Vec::new();
    let mut warn = |message| warnings.push(Warning { code: WarningCode::SetAside, message });
    let aside = match aside.len() {
        0 => None,
        1 => Some(format!("1 file that is no profile is set aside: {}", list(&aside))),
        n => Some(format!("{n} files that are no profiles are set aside: {}", list(&aside))),
    };
    aside.iter().cloned().for_each(&mut warn);
    for (folder, folders) in expanded.nested {
        let (is, them) = if folders == 1 { ("folder", "it") } else { ("folders", "them") };
        warn(format!(
            "{folder} holds {folders} {is} that nobody looked into: name {them} to add what is there"
        ));
    }
    Ok(Inputs { names, warnings, aside })
}

/// Why a file is set aside, if it is.
fn reason(found: &Found) -> Option<String> {
    // A pipe can be read once.
    if found.name == STDIN || source::size(&found.name).is_none() {
        return None;
    }
    let beginning = source::open(&found.name).ok().map(input::look)?;
    match (beginning, found.origin) {
        (Ok(Beginning::Known(format)), _) => match format.holds {
            Holds::Profile => None,
            Holds::GcTrace => Some(format!("a {}, which this command does not use", format.name)),
        },
        (Ok(Beginning::Other(refusal)), Origin::Found) => Some(refusal.what),
        (Err(InputError::Empty), Origin::Found) => Some("empty".to_owned()),
        _ => None,
    }
}

/// The first few of them, and how many more there are.
fn list(aside: &[SetAside]) -> String {
    let some = aside.iter().take(NAMED).map(|file| format!("{} ({})", file.name, file.what));
    let some = some.collect::<Vec<_>>().join(", ");
    match aside.len().saturating_sub(NAMED) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}
