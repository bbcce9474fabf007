//! Names made safe for the place where they are read: a terminal, or the log of a CI system.
//!
//! Names come from the profiled program, or from the author of the file. A control character could
//! move the cursor or retitle the window; a bidirectional override could make one name look like
//! another; a line break could forge a line of its own. Such characters are shown as `\u{1b}`. So is
//! the second sign of `##[` and `##vso[`: CI systems run what follows as a command, wherever in a
//! line it is. Everything else passes unchanged.

use std::borrow::Cow;

/// What CI systems take for a command anywhere in a line, after `##` and in any case: GitHub Actions
/// and Azure Pipelines, Azure Pipelines, and `TeamCity`.
const COMMANDS: [&str; 3] = ["[", "vso[", "teamcity["];

/// `text` with every character that does not print as itself shown as `\u{…}`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) && command(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = command(rest) {
        push(&mut safe, &rest[..at]);
        safe.extend('#'.escape_unicode());
        rest = &rest[at + 1..];
    }
    push(&mut safe, rest);
    Cow::Owned(safe)
}

fn push(safe: &mut String, text: &str) {
    for character in text.chars() {
        if is_hidden(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
}

/// Where the second sign of the first command is, as `##[` has it.
pub fn command(text: &str) -> Option<usize> {
    let is_command = |at: &usize| {
        let rest = &text.as_bytes()[at + 2..];
        let begins = |word: &&str| {
            rest.get(..word.len()).is_some_and(|own| own.eq_ignore_ascii_case(word.as_bytes()))
        };
        COMMANDS.iter().any(begins)
    };
    let mut signs = text.match_indices('#').map(|(at, _)| at);
    // Of three signs in a row, the last two matter.
    signs.find(|&at| text[at + 1..].starts_with('#') && is_command(&at)).map(|at| at + 1)
}

/// Control characters, line and paragraph separators, and the invisible format characters: zero
/// width, bidirectional marks, overrides and isolates, tags.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_could_steer_a_terminal_is_spelled_out() {
        let cases = [
            ("main.windowFor", "main.windowFor"),
            ("main.größe·世界", "main.größe·世界"),
            ("main.\x1b[31mred", "main.\\u{1b}[31mred"),
            ("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"),
            ("bell\x07 c1\u{9b}", "bell\\u{7} c1\\u{9b}"),
            ("rtl\u{202e}gpj.exe", "rtl\\u{202e}gpj.exe"),
            ("iso\u{2066}late", "iso\\u{2066}late"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("broken \u{fffd} utf-8", "broken \u{fffd} utf-8"),
        ];
        for (raw, safe) in cases {
            assert_eq!(escape(raw), safe);
        }
    }

    #[test]
    fn nothing_is_a_command_to_a_ci_system() {
        let cases = [
            ("##[error]x", "#\\u{23}[error]x"),
            ("a ##vso[task.setvariable]x", "a #\\u{23}vso[task.setvariable]x"),
            ("##VSO[a]##[b]", "#\\u{23}VSO[a]#\\u{23}[b]"),
            ("###[x", "##\\u{23}[x"),
            ("##teamcity[a]\x07", "#\\u{23}teamcity[a]\\u{7}"),
            // Ordinary names and lines of source.
            ("#[derive(Debug)]", "#[derive(Debug)]"),
            ("a ## b[0]", "a ## b[0]"),
            ("x##_table[0]", "x##_table[0]"),
            ("##", "##"),
            ("std::vec::Vec<T>::push", "std::vec::Vec<T>::push"),
        ];
        for (raw, safe) in cases {
            assert_eq!(escape(raw), safe);
        }
    }
}
