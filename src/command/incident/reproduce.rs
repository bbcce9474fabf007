//! Commands that give the same answer: with the same options, and without anything secret, since what
//! is read is in files by now.

use crate::command::symbols::SymbolArgs;
use crate::filter::Spec;
use crate::output::{Format, shell};
use crate::printable::escape;
use crate::report::incident::{Reproduced, ReproducedWhat};
use crate::report::{Query, Question};
use std::borrow::Cow;
use std::path::PathBuf;

/// Options as they were typed.
pub(super) struct Words {
    pub(super) own: Option<String>,
    pub(super) at: Vec<String>,
    pub(super) patterns: Vec<PathBuf>,
    pub(super) trim_path: Option<String>,
    pub(super) source_path: Option<String>,
    pub(super) symbols: SymbolArgs,
    pub(super) memory_limit: Vec<String>,
}

impl Words {
    /// The commands, for a card in this format about these inputs.
    pub(super) fn commands(
        &self,
        query: &Query,
        spec: &Spec,
        inputs: &[String],
        format: Format,
    ) -> Vec<Reproduced> {
        let mut shared = self.memory_limit.clone();
        shared.extend(self.at.iter().map(|time| format!("--at={time}")));
        let mut add = |option: &str, value: Option<&str>| {
            shared.extend(value.map(|value| format!("--{option}={value}")));
        };
        add("sample-index", query.sample_type.as_deref());
        add("focus", spec.focus.as_deref());
        add("ignore", spec.ignore.as_deref());
        add("hide", spec.hide.as_deref());
        add("show", spec.show.as_deref());
        add("show-from", spec.show_from.as_deref());
        add("prune-from", spec.prune_from.as_deref());
        add("tagfocus", spec.tagfocus.as_deref());
        add("tagignore", spec.tagignore.as_deref());
        add("trim-path", self.trim_path.as_deref());
        for exe in &self.symbols.exe {
            add("exe", Some(exe));
        }
        for folder in &self.symbols.debug_dir {
            add("debug-dir", Some(&folder.to_string_lossy()));
        }
        let mut of_leaks = Vec::new();
        let mut add = |option: &str, value: Option<&str>| {
            of_leaks.extend(value.map(|value| format!("--{option}={value}")));
        };
        add("own", self.own.as_deref());
        for file in &self.patterns {
            add("patterns", Some(&file.to_string_lossy()));
        }
        if let Question::Leaks(asked) = &query.question
            && let Some(limit) = asked.limit
        {
            add("limit", Some(&limit.limit.to_string()));
            let gogc = limit.gogc.map_or_else(|| "off".to_owned(), |percent| percent.to_string());
            add("gogc", Some(&gogc));
        }
        let mut of_card = Vec::new();
        of_card.extend(self.source_path.as_ref().map(|paths| format!("--source-path={paths}")));
        if format == Format::Json {
            of_card.push("--format=json".to_owned());
        }
        let json = ["--format=json".to_owned()];
        let command = |what, name: &str, options: &[&[String]]| Reproduced {
            what,
            command: command(name, &options.concat(), inputs),
        };
        vec![
            command(ReproducedWhat::Card, "incident", &[&of_leaks, &shared, &of_card]),
            command(ReproducedWhat::Leaks, "leaks", &[&of_leaks, &shared, &json]),
            command(ReproducedWhat::Timeline, "timeline", &[&shared]),
        ]
    }
}

/// A command with its words quoted; `None` if one of them has characters that don't print.
fn command(name: &str, options: &[String], inputs: &[String]) -> Option<String> {
    let is_usable = |word: &String| matches!(escape(word), Cow::Borrowed(_));
    if !options.iter().chain(inputs).all(is_usable) {
        return None;
    }
    let options = options.iter().map(|word| shell::quote(word));
    let words: Vec<Cow<'_, str>> =
        options.chain(inputs.iter().map(|input| shell::file(input))).collect();
    Some(format!("heapdiff {name} {}", words.join(" ")))
}
