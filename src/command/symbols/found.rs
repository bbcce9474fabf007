//! What naming addresses came to, over all profiles, and how it is said.
//!
//! Sums are of whole numbers and lists are sorted, so the order in which profiles are read changes nothing.

use super::choice::{How, mapped_name};
use crate::printable::escape;
use crate::symbolize::Unread;
use std::collections::{BTreeMap, BTreeSet};

/// Most mappings that a warning names.
const NAMED: usize = 4;

/// What to say of debug information that was left out.
fn unread_of(exe: &str, unread: Unread) -> Vec<String> {
    const WHY: &str = "it is damaged, or made to keep its reader busy; use a copy from where the program was built";
    let mut said = Vec::new();
    let Unread { is_all, addresses, is_deep } = unread;
    if is_all {
        said.push(format!(
            "the debug information of {exe} takes more work to read than its size allows, so names are from \
             its table of symbols alone: {WHY}"
        ));
    } else if addresses > 0 {
        said.push(format!(
            "the debug information of {exe} takes more work to read than its size allows: {addresses} \
             addresses have names from its table of symbols alone, without files, lines and inlined \
             functions; {WHY}"
        ));
    }
    if is_deep {
        said.push(format!(
            "some functions of {exe} are inlined in one another thousands of times: their addresses have \
             names from its table of symbols alone; {WHY}"
        ));
    }
    said
}

/// A mapping: its file and its build id.
pub(super) type Mapped = (String, String);

/// How many addresses a binary was asked for, how many it named, and how many it can't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) asked: u64,
    pub(super) named: u64,
    pub(super) misplaced: u64,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Profiles that were read, and those of them that had addresses to name.
    pub(super) profiles: (u64, u64),
    /// What each binary, by its position, was used for.
    pub(super) used: BTreeMap<(usize, String, How), Counts>,
    /// Mappings that have frames without names, and the value on stacks with such a frame.
    pub(super) left: BTreeMap<Mapped, u128>,
    /// The value of all stacks, of profiles that had addresses to name.
    pub(super) total: u128,
    /// The sample types of these values.
    pub(super) types: BTreeSet<String>,
    /// Binaries whose debug information is in files of its own, per compilation unit.
    pub(super) split: BTreeSet<usize>,
    /// What was left out of the debug information of each binary, since it takes too much to read.
    pub(super) unread: BTreeMap<usize, Unread>,
}

impl Found {
    /// Says which mapping each binary named.
    pub(super) fn notes(&self, shown: &[&str]) -> Vec<String> {
        let one = |((exe, file, how), counts): (&(usize, String, How), &Counts)| {
            let by = match how {
                How::BuildId => "by build id",
                How::Given => "as given",
                How::FileName => "by file name",
                How::Program => "as the program",
            };
            let Counts { named, asked, .. } = counts;
            let exe = shown[*exe];
            format!("--exe {exe} ({by}) names {named} of {asked} addresses of {}", mapped(file))
        };
        self.used.iter().map(one).collect()
    }

    /// Says what may mislead, and what to give. `whole` are the binaries that lack nothing.
    pub(super) fn warnings(&self, shown: &[&str], whole: &[bool]) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.profiles.0 > 0 && self.profiles.1 == 0 {
            let what = if self.profiles.0 == 1 { "the profile names" } else { "the profiles name" };
            warnings.push(format!("--exe has no effect: {what} all frames already"));
            return warnings;
        }
        let mut unproven = BTreeSet::new();
        for ((exe, file, how), counts) in &self.used {
            let (exe, file, is_whole) = (shown[*exe], mapping(file), whole[*exe]);
            let Counts { asked, misplaced, named } = counts;
            if *misplaced > 0 {
                warnings.push(format!(
                    "{misplaced} of {asked} addresses of {file} aren't in {exe}: another build of it seems \
                     to have run; give that one"
                ));
            } else if *named == 0 && is_whole {
                warnings.push(format!(
                    "none of {asked} addresses of {file} is in a function of {exe}: another build of it \
                     ran, or the end of the profile is missing, which says where it was loaded \
                     (MAPPED_LIBRARIES)"
                ));
            } else if *named > 0 && *how != How::BuildId {
                unproven.insert(exe);
            }
        }
        if !unproven.is_empty() {
            let exes: Vec<&str> = unproven.into_iter().collect();
            let (is, build) =
                if exes.len() == 1 { ("is", "the build") } else { ("are", "the builds") };
            warnings.push(format!(
                "no build id shows that {} {is} {build} that ran: names of another build would be wrong",
                exes.join(" and ")
            ));
        }
        for &exe in &self.split {
            warnings.push(format!(
                "{} keeps debug information in .dwo files, which aren't read: its inlined functions are \
                 missing; build it without -gsplit-dwarf",
                shown[exe]
            ));
        }
        warnings
            .extend(self.unread.iter().flat_map(|(&exe, unread)| unread_of(shown[exe], *unread)));
        warnings.extend(self.unused(shown));
        warnings.extend(self.unnamed());
        warnings
    }

    fn unused(&self, shown: &[&str]) -> Vec<String> {
        let is_used = |i: usize| self.used.keys().any(|(exe, ..)| *exe == i);
        let files: BTreeSet<&str> = self
            .left
            .keys()
            .map(|(file, _)| mapped_name(file))
            .filter(|name| !name.is_empty())
            .collect();
        let files = some(files.into_iter().map(|name| escape(name).into_owned()).collect());
        let unused = (0..shown.len()).filter(|&i| !is_used(i));
        let wants =
            if files.is_empty() { String::new() } else { format!(": without names are {files}") };
        unused
            .map(|i| format!("--exe {} is of no mapping without names{wants}", shown[i]))
            .collect()
    }

    fn unnamed(&self) -> Option<String> {
        // What the system maps, such as `[vdso]` and `//anon`, has no file to give.
        let is_file =
            |file: &str| !file.is_empty() && !file.starts_with('[') && !file.starts_with("//");
        // Of one that has a binary, a note says how many addresses it named.
        let has_exe = |file: &str| self.used.keys().any(|(_, used, _)| used == file);
        let mut left: Vec<(&Mapped, &u128)> = self
            .left
            .iter()
            .filter(|((file, _), part)| **part > 0 && is_file(file) && !has_exe(file))
            .collect();
        left.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let of = types.join(" and ");
        let list: Vec<String> = left
            .iter()
            .map(|((file, id), part)| {
                let id = if id.is_empty() {
                    String::new()
                } else {
                    format!("build id {}, ", escape(id))
                };
                let share = share(**part, self.total);
                format!("{} ({id}on stacks of {share} of {of})", mapping(file))
            })
            .collect();
        let list = some(list);
        (!list.is_empty()).then(|| {
            format!("frames without names are left in {list}; give each of these files with --exe as well")
        })
    }
}

/// A mapping with its folder, for messages.
fn mapped(file: &str) -> String {
    if file.is_empty() { "the program".to_owned() } else { escape(file).into_owned() }
}

/// A mapping, for messages.
fn mapping(file: &str) -> String {
    match mapped_name(file) {
        "" => "the program".to_owned(),
        name => escape(name).into_owned(),
    }
}

fn some(all: Vec<String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let list = all.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn share(part: u128, total: u128) -> String {
    let percent = if total == 0 { 0.0 } else { part as f64 / total as f64 * 100.0 };
    match percent {
        p if p >= 99.95 => "all".to_owned(),
        p if p < 0.1 => "less than 0.1%".to_owned(),
        p if p < 10.0 => format!("{p:.1}%"),
        p => format!("{p:.0}%"),
    }
}
