//! A TOML file that a person wrote: what stands where, and what is wrong with it.
//!
//! Patterns and rules are read from such files. Whoever writes one has an editor and our message and nothing else, so each
//! mistake is told with its line and column, and with what is allowed there. A file may be a stranger's: its length, the
//! length of an expression, and what one takes when it is compiled are bounded.

use regex::{Regex, RegexBuilder};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;

/// Bytes of a file at most.
pub const FILE_MAX: usize = 1 << 20;
/// Bytes of a regular expression at most.
pub const REGEX_MAX: usize = 1000;
/// Bytes a regular expression may take when it is compiled.
const COMPILED_MAX: usize = 512 << 10;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", self.place())]
pub struct TomlError {
    /// Name of the file.
    pub file: String,
    /// Line and column, each from 1 on; absent where it is about the file as a whole.
    pub at: Option<(usize, usize)>,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl TomlError {
    /// That something is wrong with the file as a whole.
    pub fn whole(file: &str, message: String) -> Self {
        Self { file: file.to_owned(), at: None, message }
    }

    fn place(&self) -> String {
        match self.at {
            Some((line, column)) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

/// The text of a file, with its name.
#[derive(Clone, Copy, Debug)]
pub struct TomlFile<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl TomlFile<'_> {
    /// Reads all of it; `what` says what kind of file it is.
    pub fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, TomlError> {
        if self.text.len() > FILE_MAX {
            let message =
                format!("a {what} file has at most {FILE_MAX} bytes, this has {}", self.text.len());
            return Err(TomlError::whole(self.name, message));
        }
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            self.error(at, error.message().trim_end().to_owned())
        })
    }

    /// Compiles a regular expression; `what` says in a message what it is for.
    pub fn regex(&self, what: &str, text: &Spanned<String>) -> Result<Regex, TomlError> {
        let fail = |why: String| self.error(text.span(), format!("{what} {why}"));
        let regex = text.get_ref();
        if regex.is_empty() {
            return Err(fail("is empty, and would match everything".to_owned()));
        }
        if regex.len() > REGEX_MAX {
            return Err(fail(format!("has {} bytes, of at most {REGEX_MAX}", regex.len())));
        }
        RegexBuilder::new(regex).size_limit(COMPILED_MAX).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => fail(format!(
                "takes more than {limit} bytes when it is compiled: leave out repetitions such as \
                 `{{1000}}`"
            )),
            error => fail(format!("does not compile: {error}")),
        })
    }

    /// That something is wrong at these bytes.
    pub fn error(&self, at: Range<usize>, message: String) -> TomlError {
        TomlError { file: self.name.to_owned(), at: Some(self.position(at.start)), message }
    }

    /// Line and column of a byte.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }
}
