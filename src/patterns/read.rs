//! Reads patterns from the text of a pattern file.
//!
//! Pattern authors have only their file and this reader, so each mistake is reported with its line
//! and column, and with what is allowed there. Regular expressions are compiled here. A file may be
//! untrusted, so its length, the length of an expression, and the compiled size of one are bounded.

use super::{Confidence, Example, FALLBACK, Metric, Pattern, PatternEvidence};
use crate::toml_file::{TomlError, TomlFile};
use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

/// Maximum number of regular expressions of a pattern, and of a file.
const REGEXES_MAX: usize = 50;
const REGEXES_OF_FILE_MAX: usize = 500;
/// Maximum length of an id in characters.
const ID_MAX: usize = 40;

/// The file as in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    pattern: Vec<Table>,
    /// The other tables of `heapdiff.toml` have their own reader, in `rules`.
    #[serde(default, rename = "rule")]
    _rule: Option<IgnoredAny>,
    #[serde(default, rename = "allow")]
    _allow: Option<IgnoredAny>,
    #[serde(default, rename = "baseline")]
    _baseline: Option<IgnoredAny>,
    #[serde(default, rename = "gc")]
    _gc: Option<IgnoredAny>,
    #[serde(default, rename = "memory")]
    _memory: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: Spanned<String>,
    title: Spanned<String>,
    #[serde(default)]
    any: Vec<Spanned<String>>,
    #[serde(default)]
    not: Vec<Spanned<String>>,
    goroutine: Option<Spanned<String>>,
    state: Option<Spanned<String>>,
    unless: Option<Spanned<String>>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    present: bool,
    #[serde(default)]
    unbounded: bool,
    #[serde(default)]
    metric: Metric,
    #[serde(default)]
    evidence: PatternEvidence,
    #[serde(default)]
    confidence: Confidence,
    meaning: Spanned<String>,
    #[serde(default)]
    look_for: String,
    fix: Spanned<String>,
    #[serde(default)]
    seen_on: String,
    #[serde(default)]
    example: Vec<Example>,
}

/// Returns the patterns of a file, in its order.
pub(super) fn patterns(file: &str, text: &str) -> Result<Vec<Pattern>, TomlError> {
    let reader = Reader { file: TomlFile { name: file, text } };
    let read: File = reader.file.read("pattern")?;
    let of = |table: &Table| table.any.len() + table.not.len();
    if read.pattern.iter().map(of).sum::<usize>() > REGEXES_OF_FILE_MAX {
        let message =
            format!("a pattern file has at most {REGEXES_OF_FILE_MAX} regular expressions");
        return Err(TomlError::whole(file, message));
    }
    let mut patterns: Vec<Pattern> = Vec::with_capacity(read.pattern.len());
    let mut lines = Vec::with_capacity(read.pattern.len());
    for table in read.pattern {
        let (line, _) = reader.file.position(table.id.span().start);
        let at = table.id.span();
        let pattern = reader.pattern(table)?;
        if let Some(i) = patterns.iter().position(|known| known.id == pattern.id) {
            let message = format!("pattern `{}` already exists, in line {}", pattern.id, lines[i]);
            return Err(reader.file.error(at, message));
        }
        patterns.push(pattern);
        lines.push(line);
    }
    Ok(patterns)
}

/// The error that a catalogue would have too many patterns.
pub(super) fn too_many(file: &str, most: usize) -> TomlError {
    let message = format!("too many patterns with this file: at most {most} are allowed");
    TomlError::whole(file, message)
}

struct Reader<'a> {
    file: TomlFile<'a>,
}

impl Reader<'_> {
    fn pattern(&self, table: Table) -> Result<Pattern, TomlError> {
        let id = self.id(&table.id)?;
        let regexes = table.any.len() + table.not.len();
        if regexes > REGEXES_MAX {
            let message = format!(
                "pattern `{id}` has {regexes} regular expressions; at most {REGEXES_MAX} are \
                 allowed: join some with `|`"
            );
            return Err(self.file.error(table.id.span(), message));
        }
        let asks = !table.any.is_empty() || table.goroutine.is_some();
        if asks && id == FALLBACK {
            let message = format!(
                "`{FALLBACK}` applies if no other pattern matches: it takes neither `any` nor \
                 `goroutine`"
            );
            return Err(self.file.error(table.id.span(), message));
        }
        if !asks && id != FALLBACK {
            let message = format!(
                "pattern `{id}` would match nothing: give it `goroutine`, or `any` with regular \
                 expressions on function names, each of which must match a frame of the stack"
            );
            return Err(self.file.error(table.id.span(), message));
        }
        let all = |field: &str, texts: &[Spanned<String>]| {
            let compile = |text: &Spanned<String>| self.regex(&id, field, text);
            texts.iter().map(compile).collect::<Result<Vec<_>, _>>()
        };
        if let (Some(state), None) = (&table.state, &table.goroutine) {
            let message = format!(
                "pattern `{id}` has `state`, which says what goroutines wait for, and no `goroutine`"
            );
            return Err(self.file.error(state.span(), message));
        }
        if let (Some(unless), None) = (&table.unless, &table.goroutine) {
            let message = format!(
                "pattern `{id}` has `unless`, which names other goroutines than those of `goroutine`, \
                 and no `goroutine`"
            );
            return Err(self.file.error(unless.span(), message));
        }
        let examples = table.example.into_iter();
        Ok(Pattern {
            title: self.said(&id, "title", &table.title)?,
            any: all("any", &table.any)?,
            not: all("not", &table.not)?,
            metric: table.metric,
            evidence: table.evidence,
            goroutine: table
                .goroutine
                .map(|text| self.regex(&id, "goroutine", &text))
                .transpose()?,
            state: table.state.map(Spanned::into_inner),
            unless: table.unless.map(|text| self.regex(&id, "unless", &text)).transpose()?,
            optional: table.optional,
            present: table.present,
            unbounded: table.unbounded,
            confidence: table.confidence,
            meaning: self.said(&id, "meaning", &table.meaning)?,
            look_for: paragraph(&table.look_for),
            fix: self.said(&id, "fix", &table.fix)?,
            seen_on: paragraph(&table.seen_on),
            examples: examples
                .map(|example| Example { note: paragraph(&example.note), ..example })
                .collect(),
            file: Some(self.file.name.to_owned()),
            id,
        })
    }

    /// Checks an id, which can be typed in a shell without quotes.
    fn id(&self, id: &Spanned<String>) -> Result<String, TomlError> {
        let text = id.get_ref();
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = text.len() <= ID_MAX
            && text.starts_with(is_word)
            && text.chars().all(|c| is_word(c) || c == '-');
        // `heapdiff patterns match` is a command.
        if !fits || text == "match" {
            let message = format!(
                "`{}` isn't a valid id: an id has lower-case letters, digits and dashes, at most \
                 {ID_MAX}, doesn't start with a dash, and isn't `match`",
                text.chars().take(ID_MAX).collect::<String>()
            );
            return Err(self.file.error(id.span(), message));
        }
        Ok(text.clone())
    }

    fn said(&self, id: &str, field: &str, text: &Spanned<String>) -> Result<String, TomlError> {
        let said = paragraph(text.get_ref());
        if said.is_empty() {
            let message = format!("pattern `{id}`: `{field}` is empty: describe it in a few words");
            return Err(self.file.error(text.span(), message));
        }
        Ok(said)
    }

    fn regex(&self, id: &str, field: &str, text: &Spanned<String>) -> Result<Regex, TomlError> {
        self.file.regex(&format!("pattern `{id}`: an expression of `{field}`"), text)
    }
}

/// Joins words with single blanks, so that line breaks in the file don't matter.
fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_file::{FILE_MAX, REGEX_MAX};

    const FINE: &str =
        "[[pattern]]\nid = 'a-1'\ntitle = 't'\nany = ['^x$']\nmeaning = 'm'\nfix = 'f'\n";

    fn error(text: &str) -> String {
        patterns("p.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let [pattern] = patterns("p.toml", FINE).unwrap().try_into().unwrap();
        assert_eq!(pattern.any[0].as_str(), "^x$");
        assert_eq!((pattern.metric, pattern.evidence), (Metric::Inuse, PatternEvidence::Growth));
        assert_eq!(pattern.confidence, Confidence::Med);
        assert_eq!(pattern.file.as_deref(), Some("p.toml"));
        assert!(pattern.not.is_empty() && pattern.goroutine.is_none());
        assert!(patterns("empty.toml", "").unwrap().is_empty());
        let text = FINE.replace("'m'", "\"\"\"\n one\n  two\r\n\tthree \"\"\"");
        assert_eq!(patterns("p.toml", &text).unwrap()[0].meaning, "one two three");
        let parked = FINE.replace("any = ['^x$']", "goroutine = 'x'");
        assert_eq!(patterns("p.toml", &parked).unwrap()[0].any.len(), 0);
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_what_is_allowed() {
        let long = "x".repeat(REGEX_MAX + 1);
        let many = "'x', ".repeat(REGEXES_MAX + 1);
        let with = |from: &str, to: &str| FINE.replace(from, to);
        let cases = [
            ("x = 1\n".to_owned(), "p.toml:1:1: unknown field `x`, expected one of `pattern`, "),
            (with("fix", "fixx"), "p.toml:6:1: unknown field `fixx`, expected one of `id`, "),
            (with("fix = 'f'", ""), "p.toml:1:1: missing field `fix`"),
            (with("'t'", "3"), "p.toml:3:9: invalid type: integer `3`, expected a string"),
            (
                with("['^x$']", "'^x$'"),
                "p.toml:4:7: invalid type: string \"^x$\", expected a sequence",
            ),
            (
                with("fix", "confidence = 'sure'\nfix"),
                "p.toml:6:14: unknown variant `sure`, expected one of `high`, `med`, `low`",
            ),
            (with("fix", "evidence = 'x'\nfix"), "expected one of `growth`, `churn`, `highwater`"),
            (with("fix", "metric = 'x'\nfix"), "expected `inuse` or `alloc`"),
            (
                with("^x$", "^x("),
                "p.toml:4:8: pattern `a-1`: an expression of `any` doesn't compile",
            ),
            (with("^x$", ""), "p.toml:4:8: pattern `a-1`: an expression of `any` is empty"),
            (
                with("^x$", &long),
                "p.toml:4:8: pattern `a-1`: an expression of `any` has 1001 bytes",
            ),
            (with("^x$", r"(\w{99}){99}"), "takes more than 524288 bytes when compiled"),
            (with("'^x$'", &many), "p.toml:2:6: pattern `a-1` has 51 regular expressions"),
            (with("any = ['^x$']", ""), "p.toml:2:6: pattern `a-1` would match nothing"),
            (with("a-1", "app-container"), "it takes neither `any` nor `goroutine`"),
            (with("a-1", "A 1"), "p.toml:2:6: `A 1` isn't a valid id: an id has lower-case"),
            (with("a-1", "match"), "`match` isn't a valid id"),
            (with("a-1", ""), "`` isn't a valid id"),
            (with("'m'", "' '"), "p.toml:5:11: pattern `a-1`: `meaning` is empty"),
            ([FINE, FINE].concat(), "p.toml:8:6: pattern `a-1` already exists, in line 2"),
            (with("'t'", "'t"), "p.toml:3:"),
            ("[[pattern".to_owned(), "p.toml:1:"),
            ("\u{feff}= ä".to_owned(), "p.toml:1:"),
            (
                [FINE, "[[pattern.example]]\nstack = ['x']\nmatch = true\n"].concat(),
                "p.toml:9:1: unknown field `match`, expected one of `profile`, `stack`, `matches`",
            ),
            ([FINE, &"[".repeat(10_000)].concat(), "p.toml:7:"),
            ([FINE, "x = ", &"[".repeat(10_000)].concat(), "p.toml:7:"),
        ];
        for (text, expected) in cases {
            let error = error(&text);
            assert!(error.contains(expected), "{text:.200}\n{error}");
        }
        let long = "#".repeat(FILE_MAX + 1);
        assert!(error(&long).starts_with("p.toml: a pattern file can have at most 1048576 bytes"));
        let many: String = (0..11)
            .map(|i| FINE.replace("a-1", &format!("a-{i}")).replace("'^x$'", &"'x', ".repeat(50)))
            .collect();
        assert!(error(&many).starts_with("p.toml: a pattern file has at most 500 regular"));
    }

    #[test]
    fn nothing_of_a_file_is_read_where_a_part_is_broken() {
        let mut catalog = super::super::Catalog::builtin();
        let before = catalog.clone();
        assert!(catalog.add_toml("p.toml", &[FINE, "x = 1"].concat()).is_err());
        assert_eq!(catalog, before);
    }

    #[test]
    fn no_cut_off_file_panics() {
        let builtin = super::super::builtin::FILES.iter().map(|(_, text)| *text);
        for text in builtin.take(3).chain([FINE]) {
            for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
                let _ = patterns("p.toml", &text[..end]);
            }
        }
    }
}
