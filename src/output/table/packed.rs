//! The lines of a grid until they are written, packed: a table may have hundreds of thousands of them.
//!
//! All text is in one buffer, and next to it the length of each piece. Of long pieces, which names are, equal ones are
//! held once.

use super::chain::Chain;
use super::label::{Arrow, LabelText, RowLabel, Status};
use crate::model::ids::StringId;
use crate::model::strings::Strings;

/// The meaning of a line, shown by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing special.
    Plain,
    /// Grew: the first cell is red.
    Growth,
    /// Shrank: the first cell is green.
    Shrink,
    /// Unimportant: the whole line is dim.
    Dim,
}

impl Tone {
    /// The tone of a change.
    pub(super) fn of(delta: i64) -> Self {
        match delta.signum() {
            1 => Tone::Growth,
            -1 => Tone::Shrink,
            _ => Tone::Plain,
        }
    }
}

/// Lines in their order.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    long: Strings,
    /// For each line its kind and, unless it is blank, where each piece of text is: twice its length, or if it is long
    /// twice its id and one more.
    sizes: Vec<u8>,
    /// The texts of labels that are lines of a tree, in order.
    chains: Vec<Chain>,
    /// The status words of labels, each once.
    statuses: Vec<Status>,
    ends_blank: bool,
}

/// A line.
pub(super) struct Line<'a> {
    /// A cell per column; that of the names is empty.
    pub(super) cells: Vec<&'a str>,
    pub(super) label: Label<'a>,
    pub(super) tone: Tone,
}

/// What the column of names has in a line.
pub(super) enum Label<'a> {
    Text(LabelText<'a>),
    Chain(&'a Chain),
}

/// The length of a piece above which it is long.
const LONG: usize = 64;
const BLANK: u8 = 0;
const HAS_CHAIN: u8 = 1 << 3;
const TONES: [Tone; 4] = [Tone::Plain, Tone::Growth, Tone::Shrink, Tone::Dim];

impl Lines {
    /// Adds a line; there must be as many cells in each.
    pub(super) fn push(
        &mut self,
        cells: impl Iterator<Item = String>,
        label: RowLabel,
        tone: Tone,
    ) {
        let tone = TONES.iter().position(|&other| other == tone).unwrap_or(0) as u8 + 1;
        self.ends_blank = false;
        let has_chain = if label.chain.is_some() { HAS_CHAIN } else { 0 };
        self.sizes.push(tone | has_chain);
        cells.for_each(|cell| self.add(&cell));
        if let Some(chain) = label.chain {
            self.chains.push(chain);
            return;
        }
        let LabelText { name, second, is_second_optional, remark, path_matters, status } =
            label.text();
        let (kind, second) = second.map_or((0, ""), |(arrow, second)| (arrow.number(), second));
        self.sizes.push(kind << 2 | u8::from(is_second_optional) << 1 | u8::from(path_matters));
        self.add(name);
        self.add(second);
        self.add(remark);
        let status = status.map_or(0, |status| {
            let known = self.statuses.iter().position(|&known| known == status);
            known.unwrap_or_else(|| {
                self.statuses.push(status);
                self.statuses.len() - 1
            }) + 1
        });
        self.size(status);
    }

    /// Adds a blank line, unless it would be the first or follow another.
    pub(super) fn push_blank(&mut self) {
        if !self.sizes.is_empty() && !self.ends_blank {
            self.sizes.push(BLANK);
            self.ends_blank = true;
        }
    }

    /// Removes a blank line at the end.
    pub(super) fn trim(&mut self) {
        if std::mem::take(&mut self.ends_blank) {
            self.sizes.pop();
        }
    }

    /// All lines, each with so many cells; `None` is a blank one.
    pub(super) fn iter(&self, cells: usize) -> impl Iterator<Item = Option<Line<'_>>> {
        let mut sizes = self.sizes.iter().copied();
        let mut rest = self.text.as_str();
        let mut chains = self.chains.iter();
        std::iter::from_fn(move || {
            let kind = sizes.next()?;
            if kind == BLANK {
                return Some(None);
            }
            let mut piece = |sizes: &mut _| {
                let size = read(sizes);
                if size % 2 == 1 {
                    return self.long.get(StringId::from_index(size / 2));
                }
                let (piece, left) = rest.split_at_checked(size / 2).unwrap_or_default();
                rest = left;
                piece
            };
            let cells = (0..cells).map(|_| piece(&mut sizes)).collect();
            let label = if kind & HAS_CHAIN != 0 {
                Label::Chain(chains.next()?)
            } else {
                let flags = sizes.next()?;
                let (name, second) = (piece(&mut sizes), piece(&mut sizes));
                let second = Arrow::of_number(flags >> 2).map(|arrow| (arrow, second));
                let remark = piece(&mut sizes);
                let status = read(&mut sizes).checked_sub(1).map(|at| self.statuses[at]);
                let (is_second_optional, path_matters) = (flags & 2 != 0, flags & 1 != 0);
                Label::Text(LabelText {
                    name,
                    second,
                    is_second_optional,
                    remark,
                    path_matters,
                    status,
                })
            };
            let tone = TONES[usize::from((kind & !HAS_CHAIN) - 1)];
            Some(Some(Line { cells, label, tone }))
        })
    }

    fn add(&mut self, text: &str) {
        if text.len() > LONG {
            let id = self.long.intern(text);
            return self.size(id.index() * 2 + 1);
        }
        self.text.push_str(text);
        self.size(text.len() * 2);
    }

    /// Appends a number, seven bits a byte.
    fn size(&mut self, mut size: usize) {
        while size >= 0x80 {
            self.sizes.push(size as u8 | 0x80);
            size >>= 7;
        }
        self.sizes.push(size as u8);
    }
}

fn read(sizes: &mut impl Iterator<Item = u8>) -> usize {
    let mut number = 0;
    for (place, byte) in sizes.enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            break;
        }
    }
    number
}

impl Label<'_> {
    /// The width it should get.
    pub(super) fn short_width(&self) -> usize {
        match self {
            Label::Text(text) => text.short_width(),
            Label::Chain(chain) => chain.short_width(),
        }
    }

    /// The text in at most `width` columns, in a table whose columns `is_shown` knows by title.
    pub(super) fn fit(&self, width: usize, is_shown: impl Fn(&str) -> bool) -> String {
        match self {
            Label::Text(text) => text.fit(width, is_shown),
            Label::Chain(chain) => chain.fit(width),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_as_they_went_in() {
        let mut lines = Lines::default();
        let wide = "x".repeat(70_000);
        let mut status = RowLabel::new("main.f").under("main.g").remark("inline");
        status.status = Some(("new", ["Δ %", "before"]));
        let cells = |a: &str, b: &str| [a.to_owned(), b.to_owned()].into_iter();
        lines.push_blank();
        lines.push(cells("1 kB", ""), status, Tone::Growth);
        lines.push_blank();
        lines.push_blank();
        lines.push(cells("", &wide), RowLabel::path("a/b").into_callee("c"), Tone::Dim);
        lines.push_blank();
        lines.trim();
        let all: Vec<_> = lines.iter(2).collect();
        let shown: Vec<_> = all
            .iter()
            .map(|line| {
                let Line { cells, label, tone } = line.as_ref()?;
                Some((cells[0], cells[1], label.fit(usize::MAX, |_| false), *tone))
            })
            .collect();
        assert_eq!(
            shown,
            [
                Some(("1 kB", "", "main.f ← main.g (inline)  [new]".to_owned(), Tone::Growth)),
                None,
                Some(("", wide.as_str(), "a/b → c".to_owned(), Tone::Dim)),
            ]
        );
    }
}
