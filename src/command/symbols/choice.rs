//! Chooses the binary of a mapping.

use crate::model::symbols::{base_name, is_build_id};
use crate::printable::escape;

/// What a binary is chosen by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The mapping that it was given for.
    pub(super) name: Option<String>,
    /// The path, for messages.
    pub(super) shown: String,
    /// Its file name.
    pub(super) file_name: String,
    /// Its build id in hexadecimal; empty if it has none.
    pub(super) build_id: String,
}

/// A mapping that a binary is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The file that was mapped; empty if unknown.
    pub(super) file: &'a str,
    /// Its build id; empty if unknown.
    pub(super) build_id: &'a str,
    /// Whether it is the program, or may be.
    pub(super) is_main: bool,
}

/// How a binary was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum How {
    /// It has the build id of the mapping.
    BuildId,
    /// It was given for the mapping.
    Given,
    /// It has the file name of the mapping.
    FileName,
    /// It is the only binary that is left, and the mapping is the program's.
    Program,
}

/// Whether a binary is chosen in one way.
type Rule<'a> = &'a dyn Fn(&Candidate) -> bool;

/// The name of a mapped file, without its folder and what the system adds once the file is replaced.
pub(super) fn mapped_name(file: &str) -> &str {
    base_name(file.trim_end_matches(" (deleted)").trim_end_matches("(deleted)"))
}

/// Whether two build ids are of one build; `None` if either isn't known.
fn is_same(candidate: &Candidate, mapping: &Wanted<'_>) -> Option<bool> {
    let known = is_build_id(mapping.build_id)
        && mapping.build_id.bytes().all(|b| b.is_ascii_hexdigit())
        && !candidate.build_id.is_empty();
    known.then(|| candidate.build_id.eq_ignore_ascii_case(mapping.build_id))
}

/// Chooses the binary of `wanted`, one of the `mappings` of a profile that have addresses without names.
/// Returns its position; an error says which ones contradict.
pub(super) fn choose(
    wanted: &Wanted<'_>,
    mappings: &[Wanted<'_>],
    candidates: &[Candidate],
) -> Result<Option<(usize, How)>, String> {
    let name = mapped_name(wanted.file);
    let is_given = |c: &Candidate| {
        c.name.as_ref().is_some_and(|given| {
            given == name || given == wanted.file || given.eq_ignore_ascii_case(wanted.build_id)
        })
    };
    let has_name = |c: &Candidate| c.name.is_none() && !name.is_empty() && c.file_name == name;
    // One that belongs to another mapping isn't the program.
    let is_elsewhere = |c: &Candidate| {
        let has = |m: &Wanted<'_>| {
            m != wanted && (mapped_name(m.file) == c.file_name || is_same(c, m) == Some(true))
        };
        mappings.iter().any(has)
    };
    let is_left = |c: &Candidate| wanted.is_main && c.name.is_none() && !is_elsewhere(c);
    let has_id = |c: &Candidate| c.name.is_none() && is_same(c, wanted) == Some(true);
    let rules: [(How, Rule<'_>); 4] = [
        (How::Given, &is_given),
        (How::BuildId, &has_id),
        (How::FileName, &has_name),
        (How::Program, &is_left),
    ];
    for (how, fits) in rules {
        let fitting: Vec<usize> = (0..candidates.len()).filter(|&i| fits(&candidates[i])).collect();
        let agreeing: Vec<usize> = fitting
            .iter()
            .copied()
            .filter(|&i| is_same(&candidates[i], wanted) != Some(false))
            .collect();
        let same = |&&i: &&usize| is_same(&candidates[i], wanted) == Some(true);
        let best = agreeing.iter().find(same).or(agreeing.first().filter(|_| agreeing.len() == 1));
        match (best, agreeing.len(), fitting.first()) {
            (Some(&i), ..) => {
                let is_sure = is_same(&candidates[i], wanted) == Some(true);
                return Ok(Some((i, if is_sure { How::BuildId } else { how })));
            }
            (None, 2.., _) => {
                return Err(ambiguous(wanted, agreeing.iter().map(|&i| &candidates[i])));
            }
            (None, _, Some(&i)) => return Err(contradiction(wanted, &candidates[i])),
            (None, ..) => {}
        }
    }
    Ok(None)
}

fn described(wanted: &Wanted<'_>) -> String {
    if wanted.file.is_empty() { "the program".to_owned() } else { escape(wanted.file).into_owned() }
}

fn ambiguous<'c>(wanted: &Wanted<'_>, fitting: impl Iterator<Item = &'c Candidate>) -> String {
    let shown: Vec<&str> = fitting.map(|candidate| candidate.shown.as_str()).collect();
    let mapping = described(wanted);
    format!(
        "{} fit {mapping}, and it has no build id that tells which of them ran: give one of them, and \
         each library as NAME=BINARY; to compare two builds, name the frames of each profile first: \
         heapdiff convert PROFILE --exe BINARY -o NAMED.pb.gz",
        shown.join(" and ")
    )
}

fn contradiction(wanted: &Wanted<'_>, candidate: &Candidate) -> String {
    format!(
        "--exe {} is another build than the one that ran: its build id is {}, and that of {} in the profile \
         is {}; give the binary with this build id (file BINARY shows it)",
        candidate.shown,
        candidate.build_id,
        described(wanted),
        escape(wanted.build_id)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(path: &str, build_id: &str) -> Candidate {
        let (name, path) = match path.split_once('=') {
            Some((name, path)) => (Some(name.to_owned()), path),
            None => (None, path),
        };
        let (shown, file_name) = (path.to_owned(), base_name(path).to_owned());
        Candidate { name, shown, file_name, build_id: build_id.to_owned() }
    }

    #[test]
    fn build_ids_come_before_names() {
        let app = Wanted { file: "/srv/app", build_id: "aa11", is_main: true };
        let bare = Wanted { build_id: "", ..app };
        let lib = Wanted { file: "/lib/libx.so.1 (deleted)", build_id: "", is_main: false };
        let nameless = Wanted { file: "", build_id: "", is_main: true };
        let cases = [
            (app, vec![("old/app", "bb22"), ("new/app", "aa11")], Some((1, How::BuildId))),
            (app, vec![("renamed", "AA11")], Some((0, How::BuildId))),
            (app, vec![("x/app", "")], Some((0, How::FileName))),
            (bare, vec![("x/app", "bb22")], Some((0, How::FileName))),
            (bare, vec![("other", "bb22")], Some((0, How::Program))),
            (nameless, vec![("other", "")], Some((0, How::Program))),
            (bare, vec![("libx.so.1", "")], None),
            (lib, vec![("libx.so.1", "")], Some((0, How::FileName))),
            (lib, vec![("other", "")], None),
            (lib, vec![("libx.so.1=copy.so", "cc")], Some((0, How::Given))),
            (app, vec![("AA11=copy", "")], Some((0, How::Given))),
            (app, vec![("app=copy", ""), ("app", "")], Some((0, How::Given))),
            (app, vec![("app=copy", "aa11")], Some((0, How::BuildId))),
            (bare, vec![("libx.so.1=copy.so", "")], None),
        ];
        for (wanted, given, expected) in cases {
            let candidates: Vec<_> = given.iter().map(|(path, id)| candidate(path, id)).collect();
            let chosen = choose(&wanted, &[wanted, lib], &candidates);
            assert_eq!(chosen, Ok(expected), "{wanted:?} {given:?}");
        }
    }

    #[test]
    fn contradictions_and_doubts_are_refused() {
        let app = Wanted { file: "/srv/app", build_id: "aa11", is_main: true };
        for given in ["x/app", "app=other", "other"] {
            let refused = choose(&app, &[app], &[candidate(given, "bb22")]).expect_err(given);
            assert!(refused.contains("its build id is bb22, and that of /srv/app"), "{refused}");
        }
        let bare = Wanted { build_id: "", ..app };
        let both = [candidate("old/app", "aa11"), candidate("new/app", "bb22")];
        let refused = choose(&bare, &[bare], &both).expect_err("two fit");
        assert!(refused.starts_with("old/app and new/app fit /srv/app"), "{refused}");
    }
}
