//! Where a process had its program and its libraries, and what that says about two profiles.
//!
//! A kernel that randomises addresses gives each process its own, and they stay where they are
//! while it lives. So two profiles with the same random address are of one process, and two with
//! another address of the same file are of two. An address that isn't random says nothing: that of
//! a program that isn't position independent, those of a debugger that turns randomisation off, and
//! those of libraries on Windows and macOS, which are drawn once per start of the machine.

use super::ids::StringId;
use super::symbols::{Mapping, base_name, is_build_id, is_windows_path, program_name};

/// The files that a profile's process had in memory, in the profile's order: the program first.
#[derive(Clone, Debug, Default)]
pub struct AddressSpace {
    files: Vec<Loaded>,
}

/// A file in memory.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    role: Role,
    mapping: Mapping,
    /// Whether no other process is likely to have this file at this address.
    is_random: bool,
}

/// What a file is to the process, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// The page of the kernel, at an address of its own in each process.
    Vdso,
    Program,
    Library,
}

/// What the addresses of two profiles say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// They are of one process, because this is at the same random address.
    Same(String),
    /// They are of two processes, because of this.
    Different(String),
    /// They don't say, because of this.
    Silent(&'static str),
}

impl AddressSpace {
    /// Adds a mapping, whose strings are shared, and the name of its file.
    pub fn push(&mut self, mapping: Mapping, file: &str) {
        let role = match file {
            "[vdso]" => Role::Vdso,
            // Anonymous memory, and a page that is at the same address everywhere.
            _ if is_no_file(file) => return,
            _ if self.files.iter().all(|file| file.role == Role::Vdso) => Role::Program,
            _ if self.is_of_program(&mapping) => Role::Program,
            _ => Role::Library,
        };
        let per_process = match role {
            Role::Vdso => true,
            Role::Program => !is_windows_path(file),
            Role::Library => !is_windows_path(file) && base_name(file).contains(".so"),
        };
        let is_random = per_process && is_random(mapping.start);
        self.files.push(Loaded { role, mapping, is_random });
    }

    /// Whether a mapping is a further part of the program.
    fn is_of_program(&self, mapping: &Mapping) -> bool {
        let program = self.files.iter().find(|file| file.role == Role::Program);
        program
            .is_some_and(|program| program.mapping.build_id_or_file() == mapping.build_id_or_file())
    }

    fn program(&self) -> Option<&Mapping> {
        self.files.iter().find(|file| file.role == Role::Program).map(|file| &file.mapping)
    }

    /// What this and the addresses of another profile of the series say. `text` reads the strings
    /// that the profiles share.
    pub fn compare<'a>(&self, other: &Self, text: impl Fn(StringId) -> &'a str) -> Addresses {
        if let (Some(a), Some(b)) = (self.program(), other.program()) {
            let none = StringId(0);
            let has_ids = [a, b].iter().all(|file| is_build_id(text(file.build_id)));
            if has_ids && a.build_id != b.build_id {
                return Addresses::Different("the builds differ".to_owned());
            }
            let is_renamed = a.file != none && b.file != none && a.file != b.file;
            if is_renamed && !has_ids {
                return Addresses::Different("the files of the program differ".to_owned());
            }
        }
        for role in [Role::Vdso, Role::Program, Role::Library] {
            if let Some(found) = self.compare_role(other, role, &text) {
                return found;
            }
        }
        Addresses::Silent(match (self.files.is_empty(), other.files.is_empty()) {
            (false, false) => "the addresses aren't random, or the profiles share none",
            _ => "a profile records no addresses of its program",
        })
    }

    /// What the files of a role say; `None` if nothing.
    fn compare_role<'a>(
        &self,
        other: &Self,
        role: Role,
        text: &impl Fn(StringId) -> &'a str,
    ) -> Option<Addresses> {
        let of = |space: &Self| -> Vec<Loaded> {
            space.files.iter().filter(|file| file.role == role).copied().collect()
        };
        let (own, others) = (of(self), of(other));
        let name = |mapping: &Mapping| match role {
            Role::Program => "the program".to_owned(),
            Role::Vdso | Role::Library => program_name(text(mapping.file)).to_owned(),
        };
        let mut moved = None;
        for Loaded { mapping, is_random, .. } in &own {
            let is_same = |other: &&Loaded| {
                let other = &other.mapping;
                other.build_id_or_file() == mapping.build_id_or_file()
                    && other.offset == mapping.offset
            };
            let mut found = others.iter().filter(is_same).peekable();
            if found.peek().is_none() {
                continue;
            }
            if !found.any(|other| other.mapping.start == mapping.start) {
                moved.get_or_insert(mapping);
            } else if *is_random {
                let at = mapping.start;
                let name = name(mapping);
                return Some(Addresses::Same(format!(
                    "{name} is at the same random address {at:#x}"
                )));
            }
        }
        moved
            .map(|mapping| Addresses::Different(format!("{} is at another address", name(mapping))))
    }
}

/// Whether a mapping is memory without a file, `[heap]` or `//anon`, or `[vsyscall]`.
fn is_no_file(file: &str) -> bool {
    file.is_empty()
        || file.starts_with('[')
        || file.starts_with("//")
        || file.starts_with("/memfd:")
}

/// Whether a kernel that randomises addresses chose this one: not one of the first 4 GiB, where
/// programs that aren't position independent are, and not one that Linux or macOS uses if
/// randomisation is off.
fn is_random(start: u64) -> bool {
    const FIXED: [(u64, u64); 6] = [
        (0, 0x1_0001_0000),
        (0x5555_5555_4000, 0x5555_6555_4000),
        (0x7fff_f700_0000, 0x7fff_ffff_ffff),
        (0xaaaa_aaaa_0000, 0xaaaa_baaa_0000),
        (0xffff_f700_0000, 0xffff_ffff_ffff),
        (1 << 56, u64::MAX),
    ];
    FIXED.iter().all(|&(from, to)| !(from..=to).contains(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files<'a> = &'a [(&'a str, u64)];

    /// The address space of files with their addresses.
    fn space(files: &[(&str, u64)]) -> AddressSpace {
        let mut space = AddressSpace::default();
        for &(file, start) in files {
            // The length stands for the name: strings are ids here.
            let file_id = StringId(file.len() as u32);
            space.push(Mapping { start, file: file_id, ..Mapping::default() }, file);
        }
        space
    }

    fn compare(a: &[(&str, u64)], b: &[(&str, u64)]) -> &'static str {
        match space(a).compare(&space(b), |_| "") {
            Addresses::Same(_) => "same",
            Addresses::Different(_) => "different",
            Addresses::Silent(_) => "silent",
        }
    }

    #[test]
    fn random_addresses_tell_processes_apart() {
        const APP: (&str, u64) = ("/srv/app", 0x40_0000);
        const PAGE: (&str, u64) = ("[vsyscall]", 0xffff_ffff_ff60_0000);
        let vdso = |start| ("[vdso]", start);
        let (one, two) = (0x7ffc_d9f0_6000, 0x7ffd_bd3f_4000);
        let debugged = 0x7fff_f7fc_1000;
        let cases: &[(Files<'_>, Files<'_>, &str)] = &[
            (&[APP, vdso(one), PAGE], &[APP, vdso(one), PAGE], "same"),
            (&[APP, vdso(one), PAGE], &[APP, vdso(two), PAGE], "different"),
            (&[APP, vdso(debugged)], &[APP, vdso(debugged)], "silent"),
            (&[APP, PAGE], &[APP, PAGE], "silent"),
            (&[APP], &[("/srv/other", 0x40_0000)], "different"),
            (&[("/srv/app", 0x55e1_0000_2000)], &[("/srv/app", 0x55e1_0000_2000)], "same"),
            (&[("/srv/app", 0x55e1_0000_2000)], &[("/srv/app", 0x5603_0000_2000)], "different"),
            (&[("/srv/app", 0x5555_5555_4000)], &[("/srv/app", 0x5555_5555_4000)], "silent"),
            (&[("/Users/me/app", 0x1_0408_c000)], &[("/Users/me/app", 0x1_0408_c000)], "same"),
            (&[("/Users/me/app", 0x1_0000_0000)], &[("/Users/me/app", 0x1_0000_0000)], "silent"),
            (&[APP, ("/lib/libc.so.6", one)], &[APP, ("/lib/libc.so.6", one)], "same"),
            (&[APP, ("/lib/libc.so.6", one)], &[APP, ("/lib/libc.so.6", two)], "different"),
            // One file may be there twice, and another only in one of the profiles.
            (
                &[APP, vdso(one), ("/lib/x.so", one), ("/lib/x.so", two)],
                &[APP, vdso(one), ("/lib/x.so", two), ("/lib/long.so", two)],
                "same",
            ),
            // Libraries of Windows are where they are until the machine starts again.
            (
                &[(r"C:\app.exe", 0x7ff6_1000_0000), (r"C:\ntdll.dll", 0x7ffa_acb9_0000)],
                &[(r"C:\app.exe", 0x7ff6_1000_0000), (r"C:\ntdll.dll", 0x7ffa_acb9_0000)],
                "silent",
            ),
            (&[(r"C:\app.exe", 0x4e_0000)], &[(r"C:\app.exe", 0x0d_0000)], "different"),
            (&[], &[APP], "silent"),
        ];
        for (a, b, expected) in cases {
            assert_eq!(compare(a, b), *expected, "{a:x?} {b:x?}");
        }
    }
}
