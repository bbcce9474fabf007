//! Stacks as folded lines, which flamegraph.pl, inferno and many others read: `root;caller;leaf
//! 4096`, and for a comparison `root;caller;leaf 4096 8192`, before and after.
//!
//! A line is split at its semicolons and at the numbers after its last blanks, and there is no way
//! to quote. So a semicolon in a name becomes a colon, characters that don't print are escaped, and
//! a blank before a number at the end of a name becomes an underscore. There is no sign either: a
//! stack with a negative value is left out.

use super::{escape, joinable};
use crate::analysis::stacks::{ValuedStack, ValuedStacks};
use std::borrow::Cow;
use std::io;

/// The name for samples without any frame.
const NO_FRAMES: &str = "[no frames]";

pub(super) fn write(stacks: &ValuedStacks, out: &mut dyn io::Write) -> io::Result<()> {
    let names: Vec<String> =
        stacks.frames.iter().map(|frame| escape(&joinable(&frame.name)).into_owned()).collect();
    let mut path = Vec::new();
    let mut line = String::new();
    for stack in &stacks.stacks {
        if !has_line(stack) {
            continue;
        }
        line.clear();
        stacks.path(stack, &mut path);
        if path.is_empty() {
            line.push_str(NO_FRAMES);
        }
        for (i, &frame) in path.iter().enumerate() {
            line.push_str(if i == 0 { "" } else { ";" });
            line.push_str(&names[frame as usize]);
        }
        out.write_all(without_number(&line).as_bytes())?;
        let value = stack.value;
        if stacks.is_comparison {
            writeln!(out, " {} {}", value.before, value.after)?;
        } else {
            writeln!(out, " {}", value.after)?;
        }
    }
    out.flush()
}

/// The message that stacks with negative values are left out.
pub(super) fn left_out(stacks: &ValuedStacks) -> Option<String> {
    let count = stacks.negative();
    (count > 0).then(|| {
        format!("{count} stacks with negative values are left out: folded lines have no sign")
    })
}

/// Whether folded lines can express it: no value is negative, and not all are zero.
fn has_line(stack: &ValuedStack) -> bool {
    let value = stack.value;
    value.before >= 0 && value.after >= 0 && (value.before > 0 || value.after > 0)
}

/// The line, changed so that none of its last words can be taken for a value.
fn without_number(line: &str) -> Cow<'_, str> {
    let is_number = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'))
    };
    let mut rest = line;
    while let Some((before, _)) = rest.rsplit_once(' ').filter(|(_, last)| is_number(last)) {
        rest = before;
    }
    let numbers = &line[rest.len()..];
    if numbers.is_empty() {
        return Cow::Borrowed(line);
    }
    Cow::Owned(format!("{rest}{}", numbers.replace(' ', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::stacks::{StackFrame, StackOrder, Step};
    use crate::model::change::Change;

    fn stacks(names: &[&str], values: &[(i64, i64)], is_comparison: bool) -> ValuedStacks {
        let frame = |name: &&str| StackFrame { name: (*name).to_owned(), file: None, line: None };
        let step = |frame: u32| Step { parent: frame.checked_sub(1), frame };
        let stack = |(i, &(before, after)): (usize, &(i64, i64))| ValuedStack {
            leaf: (i as u32).checked_sub(1),
            value: Change::new(before, after),
            objects: None,
        };
        ValuedStacks {
            is_comparison,
            order: StackOrder::RootFirst,
            frames: names.iter().map(frame).collect(),
            steps: (0..names.len() as u32).map(step).collect(),
            stacks: values.iter().enumerate().map(stack).collect(),
        }
    }

    fn lines(stacks: &ValuedStacks) -> String {
        let mut out = Vec::new();
        write(stacks, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_for_each_stack_with_a_value() {
        let one = stacks(&["main", "f"], &[(0, 1), (0, 0), (0, 3)], false);
        assert_eq!(lines(&one), "[no frames] 1\nmain;f 3\n");
        let two = stacks(&["main", "f"], &[(0, 0), (0, 2), (3, 0)], true);
        assert_eq!(lines(&two), "main 0 2\nmain;f 3 0\n");
        let negative = stacks(&["main", "f"], &[(0, -1), (0, 2), (0, -3)], false);
        assert_eq!(lines(&negative), "main 2\n");
    }

    #[test]
    fn a_name_can_not_end_a_frame_or_a_line_or_be_a_value() {
        for (name, shown) in [
            ("a;b", "a:b"),
            ("a\nb\r", "a\\u{a}b\\u{d}"),
            ("f 12", "f_12"),
            ("f 1 2.5", "f_1_2.5"),
            ("f(int 32)", "f(int 32)"),
            ("\x1b[2J", "\\u{1b}[2J"),
            ("operator new", "operator new"),
            ("caf\u{fffd}", "caf\u{fffd}"),
        ] {
            let one = stacks(&[name], &[(0, 0), (0, 7)], false);
            assert_eq!(lines(&one), format!("{shown} 7\n"));
        }
    }
}
