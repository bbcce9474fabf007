//! Puts the inputs at hand into the commands that findings advise: the rules know no files, so they name
//! `heap.pb.gz`.

use crate::output::shell;
use crate::printable::escape;
use crate::report::memory::MemoryInput;
use std::borrow::Cow;

/// Most bytes of names in a command; with more, it keeps the name that stands for them.
const LONGEST: usize = 600;

/// The profiles among the inputs.
pub(super) struct Profiles<'a> {
    heaps: Vec<&'a str>,
    goroutines: Vec<&'a str>,
}

impl<'a> Profiles<'a> {
    /// Finds them, in the order of the inputs.
    pub(super) fn of(inputs: &'a [MemoryInput]) -> Self {
        // A name with characters that don't print has no safe spelling.
        let is_usable = |name: &str| matches!(escape(name), Cow::Borrowed(_));
        let of = |kind: &str| {
            let own = inputs.iter().filter(|one| one.kind == kind && is_usable(&one.name));
            own.map(|one| one.name.as_str()).collect()
        };
        Self { heaps: of("profile"), goroutines: of("goroutine profile") }
    }

    /// Names them in a command.
    pub(super) fn name_in(&self, command: &mut Option<String>) {
        let all = |names: &[&'a str]| names.to_vec();
        let last = |names: &[&'a str]| names.last().copied().into_iter().collect::<Vec<_>>();
        let known = [
            ("heap-*.pb.gz", all(&self.heaps)),
            ("goroutine-*.pb.gz", all(&self.goroutines)),
            // What is in use at the end says most.
            ("heap.pb.gz", last(&self.heaps)),
        ];
        let Some(text) = command else { return };
        let found = known.iter().find_map(|(word, names)| Some((text.strip_suffix(word)?, names)));
        if let Some((before, names)) = found {
            let names: Vec<Cow<'_, str>> = names.iter().map(|name| shell::file(name)).collect();
            let names = names.join(" ");
            if !names.is_empty() && names.len() <= LONGEST {
                *text = format!("{before}{names}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryInput, Profiles};

    #[test]
    fn commands_name_the_files_at_hand() {
        let input = |kind: &str, name: &str| MemoryInput {
            name: name.to_owned(),
            kind: kind.to_owned(),
            samples: 1,
            time_source: None,
        };
        let named = |command: &str, inputs: &[MemoryInput]| {
            let mut command = Some(command.to_owned());
            Profiles::of(inputs).name_in(&mut command);
            command.unwrap()
        };
        let few = [
            input("gctrace log", "app.log"),
            input("profile", "a b.pb.gz"),
            input("profile", "-c.pb.gz"),
            input("goroutine profile", "g.pb.gz"),
            input("profile", "d\n.pb.gz"),
        ];
        assert_eq!(
            named("heapdiff leaks heap-*.pb.gz", &few),
            "heapdiff leaks 'a b.pb.gz' ./-c.pb.gz"
        );
        assert_eq!(named("heapdiff top heap.pb.gz", &few), "heapdiff top ./-c.pb.gz");
        assert_eq!(named("heapdiff leaks goroutine-*.pb.gz", &few), "heapdiff leaks g.pb.gz");
        assert_eq!(named("heapdiff top heap.pb.gz", &few[..1]), "heapdiff top heap.pb.gz");
        let many: Vec<MemoryInput> =
            (0..200).map(|i| input("profile", &format!("heap-{i}.pb.gz"))).collect();
        assert_eq!(named("heapdiff leaks heap-*.pb.gz", &many), "heapdiff leaks heap-*.pb.gz");
        assert_eq!(named("heapdiff top heap.pb.gz", &many), "heapdiff top heap-199.pb.gz");
    }
}
