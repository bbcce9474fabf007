//! Pages of text: what another command of heapdiff prints about the files of the recording, so that
//! its numbers are those of that command.

use crate::analysis::suspects::Suspect;
use crate::command::{self, Console};
use crate::output::{escape, shell};
use crate::report::Report;
use std::ffi::OsString;

/// What a suspect does, and how to fix it.
pub(super) fn reasons(suspect: &Suspect) -> Vec<String> {
    let texts = [("why", &suspect.explanation), ("fix", &suspect.fix)];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    texts.map(|(word, text)| format!("{word}: {}", escape(text))).collect()
}

/// A page to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PageQuery {
    pub(super) title: String,
    /// What comes before the text.
    pub(super) intro: Vec<String>,
    /// The command, without the name of the program; nothing to read if it is empty.
    pub(super) arguments: Vec<String>,
}

impl PageQuery {
    /// Every call path to a suspect, between the first and the last profile of its process.
    pub(super) fn refs(report: &Report, suspect: &Suspect) -> Self {
        let title = format!("{} {}", suspect.rank, escape(&suspect.site.function));
        let mut intro = reasons(suspect);
        let Some(shown_by) = &suspect.shown_by else {
            intro.push("No call path shows it: its profiles have no stacks for it.".to_owned());
            return Self { title, intro, arguments: Vec::new() };
        };
        let functions: Vec<&str> = shown_by.functions.iter().map(String::as_str).collect();
        let inputs = shown_by.inputs.iter().filter_map(|&at| report.inputs.get(at));
        let arguments = ["refs".to_owned(), format!("--sample-index={}", suspect.sample_type)]
            .into_iter()
            .chain(["--".to_owned(), shell::exactly_one_of(&functions)])
            .chain(inputs.map(|input| input.name.clone()))
            .collect();
        Self { title, intro, arguments }
    }

    /// The goroutines of these profiles.
    pub(super) fn goroutines(files: &[String]) -> Self {
        let title = "goroutines".to_owned();
        if files.is_empty() {
            let intro = vec!["No goroutine profile was taken.".to_owned()];
            return Self { title, intro, arguments: Vec::new() };
        }
        let options = ["goroutines", "--"].map(str::to_owned);
        Self { title, intro: Vec::new(), arguments: [&options[..], files].concat() }
    }

    pub(super) fn is_of_goroutines(&self) -> bool {
        self.arguments.first().is_some_and(|command| command == "goroutines")
            || self.title == "goroutines"
    }

    /// Runs the command for a terminal of so many columns, and returns the lines of its text.
    pub(super) fn read(&self, columns: usize) -> Vec<String> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::of_streams(&mut out, &mut err);
        console.columns = Some(columns);
        let arguments = ["heapdiff"].into_iter().map(OsString::from);
        let arguments = arguments.chain(self.arguments.iter().map(OsString::from));
        command::run(arguments, &mut console);
        drop(console);
        [out, err].iter().flat_map(|text| lines(text)).collect()
    }
}

fn lines(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
}

/// A page that is shown.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) query: PageQuery,
    /// The text, and the columns that it is for.
    pub(super) text: Option<(usize, Vec<String>)>,
    /// The first line that is shown.
    pub(super) top: usize,
    /// The lines that there was room for when it was drawn.
    pub(super) room: usize,
    /// The lines that there were then.
    pub(super) count: usize,
}

impl Page {
    pub(super) fn new(query: PageQuery) -> Self {
        let text = query.arguments.is_empty().then(|| (0, Vec::new()));
        Self { query, text, top: 0, room: 1, count: 0 }
    }

    /// The last line that may be the first one shown.
    pub(super) fn last_top(&self) -> usize {
        self.count.saturating_sub(self.room)
    }

    /// Whether its text is for a terminal of another width.
    pub(super) fn is_for_other(&self, columns: usize) -> bool {
        let has_text = !self.query.arguments.is_empty();
        has_text && self.text.as_ref().is_some_and(|&(own, _)| own != columns)
    }

    /// Takes the text if it is for this page.
    pub(super) fn take(&mut self, query: &PageQuery, columns: usize, text: Vec<String>) {
        if self.query == *query {
            self.text = Some((columns, text));
        }
    }
}
