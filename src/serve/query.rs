//! The parameters of an address, with pprof's names and meaning, as the options of a command line.

use super::backend::Backend;
use super::listing::What;
use super::refusal::Refusal;
use regex::Regex;

/// Parameters that are options with a value: the name, and the option.
const OPTIONS: [(&str, &str); 12] = [
    ("si", "sample-index"),
    ("f", "focus"),
    ("i", "ignore"),
    ("h", "hide"),
    ("s", "show"),
    ("sf", "show-from"),
    ("tf", "tagfocus"),
    ("ti", "tagignore"),
    ("g", "granularity"),
    ("n", "nodecount"),
    ("nf", "nodefraction"),
    ("own", "own"),
];

/// Parameters that are options without one.
const FLAGS: [(&str, &str); 4] =
    [("norm", "normalize"), ("noinlines", "noinlines"), ("all", "all"), ("callees", "callees")];

/// Parameters whose value is a regular expression.
const REGEXES: [&str; 7] = ["f", "i", "h", "s", "sf", "own", "p"];

/// Parameters that say what is asked, or of which inputs.
const OTHERS: [&str; 9] = ["about", "a", "b", "p", "id", "sort", "order", "most", "token"];

/// Values of a flag that turn it on, and off.
const ON: [&str; 4] = ["1", "t", "true", ""];
const OFF: [&str; 3] = ["0", "f", "false"];

/// The parameters of a request, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The value of a parameter, even if it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// Whether a flag is set.
    pub(super) fn is_set(&self, name: &str) -> Result<bool, Refusal> {
        match self.given(name) {
            None => Ok(false),
            Some(value) if ON.contains(&value) => Ok(true),
            Some(value) if OFF.contains(&value) => Ok(false),
            Some(_) => {
                Err(Refusal::about(name, "bad-parameter", format!("{name}: expected 1 or 0")))
            }
        }
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let parse = |text: &str| text.parse().ok();
        let wrong = || {
            let message = format!("{name}: expected a whole number from 0 on");
            Refusal::about(name, "bad-parameter", message)
        };
        self.get(name).map(|text| parse(text).ok_or_else(wrong)).transpose()
    }

    /// The regular expression of a question about functions.
    pub(super) fn pattern(&self) -> Result<&str, Refusal> {
        let missing =
            "p: expected a regular expression that matches the names of functions, or id of one";
        self.get("p").ok_or_else(|| Refusal::about("p", "missing-parameter", missing))
    }

    /// The options of a command that the parameters stand for.
    pub(super) fn options(&self, command: &str, backend: &dyn Backend) -> Result<Options, Refusal> {
        self.check_words()?;
        self.check_regexes()?;
        let accepts =
            |option: &str| backend.accepts(command, option) && !self.is_barred(command, option);
        let mut options = Options::default();
        for (name, option) in OPTIONS {
            if let Some(value) = self.get(name) {
                options.take(name, accepts(option), format!("--{option}={value}"));
            }
        }
        for (option, value) in backend.usual() {
            let name = OPTIONS.iter().find(|(_, own)| own == option).map(|(name, _)| *name);
            if accepts(option) && name.is_none_or(|name| self.get(name).is_none()) {
                options.words.push(format!("--{option}={value}"));
            }
        }
        for (name, option) in FLAGS {
            if self.is_set(name)? {
                options.take(name, accepts(option), format!("--{option}"));
            }
        }
        match self.get("sort") {
            Some("bound" | "delta") if command != "diff" => options.ignored.push("sort".to_owned()),
            Some(order) if accepts("sort") => options.words.push(format!("--sort={order}")),
            Some(order @ ("flat" | "cum")) if accepts(order) => {
                options.words.push(format!("--{order}"));
            }
            Some(_) => options.ignored.push("sort".to_owned()),
            None => {}
        }
        options.ignored.extend(self.unknown());
        Ok(options)
    }

    /// The parameters that nothing here reads: those of pprof without a counterpart, and others.
    fn unknown(&self) -> impl Iterator<Item = String> + '_ {
        let is_known = |name: &str| {
            OPTIONS.iter().chain(&FLAGS).any(|(own, _)| *own == name) || OTHERS.contains(&name)
        };
        let names = self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name);
        names.filter(move |name| !is_known(name)).cloned()
    }

    /// The parameters that are known, and have no effect on this answer of this command.
    pub(super) fn unread(&self, what: What, command: &str) -> Vec<String> {
        let is_of_all = matches!(command, "leaks" | "timeline" | "goroutines" | "gc" | "memory");
        let is_of_functions = matches!(command, "refs" | "peek" | "list");
        let is_unread = |name: &str| match name {
            "about" => !matches!(what, What::Page | What::Report | What::Command),
            "a" => is_of_all || command == "top",
            "b" => is_of_all,
            "p" => !is_of_functions,
            "order" | "most" => what != What::Tree,
            "n" | "sort" => what == What::Tree,
            "all" => match (what, command) {
                (What::Tree, _) => true,
                // It has all rows anyway.
                (What::Rows, _) | (What::Page, "diff" | "top") => {
                    !self.is_set("all").unwrap_or(true)
                }
                _ => false,
            },
            // In the address of the page alone.
            "token" => true,
            _ => false,
        };
        let mut unread: Vec<String> = Vec::new();
        for (at, (name, value)) in self.0.iter().enumerate() {
            let is_second = self.0[..at].iter().any(|(own, _)| own == name);
            let is_new = !value.is_empty() && !unread.contains(name);
            if is_new && (is_second || is_unread(name)) {
                unread.push(name.clone());
            }
        }
        unread
    }

    /// Whether a command has an option and refuses it here: `leaks` has to know which function a line belongs to, labels
    /// have neither functions nor files, and bare functions have no files.
    fn is_barred(&self, command: &str, option: &str) -> bool {
        let has_files = !matches!(self.get("g"), None | Some("functions" | "packages"));
        match (command, option) {
            ("leaks" | "tags", "noinlines") | ("tags", "trim-path") => true,
            ("traces", "trim-path") => !has_files,
            _ => false,
        }
    }

    /// Refuses what no command line can hold.
    fn check_words(&self) -> Result<(), Refusal> {
        let Some((name, _)) = self.0.iter().find(|(_, value)| value.contains('\0')) else {
            return Ok(());
        };
        let message = format!("{name}: it holds a zero byte, which no command line can hold");
        Err(Refusal::about(name, "bad-parameter", message))
    }

    fn check_regexes(&self) -> Result<(), Refusal> {
        for name in REGEXES {
            if let Some(Err(error)) = self.get(name).map(Regex::new) {
                return Err(Refusal::about(name, "bad-regex", format!("{name}: {error}")));
            }
        }
        Ok(())
    }
}

/// The options of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) words: Vec<String>,
    /// Parameters that the command has no option for.
    pub(super) ignored: Vec<String>,
}

impl Options {
    fn take(&mut self, name: &str, is_accepted: bool, word: String) {
        if is_accepted {
            self.words.push(word);
        } else {
            self.ignored.push(name.to_owned());
        }
    }
}

/// The refusal of a command line that doesn't parse: which parameter it is about, if one is named.
pub(super) fn refused(message: &str) -> Refusal {
    let spelled = |option: &str| [format!("--{option}"), format!("-{}", option.replace('-', "_"))];
    let is_about =
        |option: &str| spelled(option).iter().any(|name| message.contains(name.as_str()));
    // The longest: --show is a part of --show-from.
    let known = OPTIONS.iter().chain(&FLAGS).filter(|(_, option)| is_about(option));
    let known = known.max_by_key(|(_, option)| option.len());
    let name =
        known.map(|(name, _)| *name).or_else(|| message.contains("--sort").then_some("sort"));
    let code = if message.contains("regex parse error") { "bad-regex" } else { "bad-parameter" };
    let text = message.trim_start_matches("error: ").trim_end();
    match name {
        Some(name) => Refusal::about(name, code, text),
        None => Refusal::new(axum::http::StatusCode::BAD_REQUEST, code, text),
    }
}
