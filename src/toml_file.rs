//! Reads TOML files written by hand, and reports errors with their position.
//!
//! Leak patterns and rules come from such files. The error message is all the help their authors
//! have, so each mistake is reported with its line and column and with what is allowed there. A
//! file may come from a stranger, so its length, the length of an expression and the memory of a
//! compiled one are limited.

use regex::{Regex, RegexBuilder};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;

/// Most bytes of a file.
pub const FILE_MAX: usize = 1 << 20;
/// Most bytes of a regular expression.
pub const REGEX_MAX: usize = 1000;
/// Most bytes of memory that a compiled regular expression may take.
const COMPILED_MAX: usize = 512 << 10;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", self.place())]
pub struct TomlError {
    /// Name of the file.
    pub file: String,
    /// Line and column, each from 1; `None` if the error is about the whole file.
    pub at: Option<(usize, usize)>,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl TomlError {
    /// Makes an error about the whole file.
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
    /// Parses the file; `what` is the kind of file, for messages.
    pub fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, TomlError> {
        if self.text.len() > FILE_MAX {
            let message =
                format!("a {what} file can have at most {FILE_MAX} bytes, not {}", self.text.len());
            return Err(TomlError::whole(self.name, message));
        }
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            self.error(at, error.message().trim_end().to_owned())
        })
    }

    /// Compiles a regular expression; `what` names it in messages.
    pub fn regex(&self, what: &str, text: &Spanned<String>) -> Result<Regex, TomlError> {
        let fail = |why: String| self.error(text.span(), format!("{what} {why}"));
        let regex = text.get_ref();
        if regex.is_empty() {
            return Err(fail("is empty, which would match everything".to_owned()));
        }
        if regex.len() > REGEX_MAX {
            return Err(fail(format!("has {} bytes, more than {REGEX_MAX}", regex.len())));
        }
        RegexBuilder::new(regex).size_limit(COMPILED_MAX).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => fail(format!(
                "takes more than {limit} bytes when compiled: leave out repetitions such as \
                 `{{1000}}`"
            )),
            error => fail(format!("doesn't compile: {error}")),
        })
    }

    /// Makes an error about these bytes.
    pub fn error(&self, at: Range<usize>, message: String) -> TomlError {
        TomlError { file: self.name.to_owned(), at: Some(self.position(at.start)), message }
    }

    /// Returns the line and column of a byte, each from 1.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }
}
