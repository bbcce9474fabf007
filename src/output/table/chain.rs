//! One line of a tree: its branches, and on the same line the frames that follow each other without
//! a branch.
//!
//! If a line is too narrow for all its frames, those in the middle are replaced by a count: first
//! those of the standard library and of dependencies, then own code. The first frame goes last.

use super::escape::escape;
use super::name::{self, shortest_path};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// Follows a frame to which paths return.
const RECURSIVE: &str = " (recursive)";
/// Minimum width of a shortened name.
const NAME_AT_LEAST: usize = 16;

/// The arrow between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrow {
    /// The right one calls the left one.
    CalledBy,
    /// The left one calls the right one.
    Calls,
}

impl Arrow {
    fn text(self) -> &'static str {
        match self {
            Arrow::CalledBy => " ← ",
            Arrow::Calls => " → ",
        }
    }
}

/// A line of a tree.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The lines of the tree down to it, drawn.
    prefix: String,
    frames: Vec<Frame>,
    arrow: Arrow,
}

#[derive(Clone, Debug)]
struct Frame {
    name: String,
    short: String,
    own: bool,
}

impl Chain {
    pub(super) fn new(prefix: &str, arrow: Arrow) -> Self {
        Self { prefix: prefix.to_owned(), frames: Vec::new(), arrow }
    }

    /// Adds a frame; `own` ones are preferred when room is short.
    pub(super) fn push(&mut self, name: &str, own: bool, recursive: bool) {
        let name = escape(name);
        let end = if recursive { RECURSIVE } else { "" };
        let short = format!("{}{end}", shortest_path(&name));
        self.frames.push(Frame { name: format!("{name}{end}"), short, own });
    }

    /// The width it should get: its first frame and own code in full, the others as counts.
    pub(super) fn short_width(&self) -> usize {
        let kept: Vec<bool> =
            self.frames.iter().enumerate().map(|(i, frame)| i == 0 || frame.own).collect();
        self.prefix.width() + self.join(&kept, |frame| &frame.short).width()
    }

    /// The text in at most `width` columns.
    pub(super) fn fit(&self, width: usize) -> String {
        let room = width.saturating_sub(self.prefix.width());
        let all = vec![true; self.frames.len()];
        let whole = self.join(&all, |frame| &frame.name);
        if whole.width() <= room {
            return format!("{}{whole}", self.prefix);
        }
        let last = self.frames.len().saturating_sub(1);
        let own = |own: bool| (0..self.frames.len()).filter(move |&i| self.frames[i].own == own);
        let mut kept = self.first_alone();
        for i in own(true).chain([last]).chain(own(false)) {
            kept.add_if_it_fits(i, room);
        }
        let kept: Vec<bool> = (0..self.frames.len()).map(|i| kept.frames.contains(&i)).collect();
        let text = self.join(&kept, |frame| &frame.short);
        if text.width() <= room {
            return format!("{}{text}", self.prefix);
        }
        // The first frame alone is too wide.
        let rest = match last {
            0 => String::new(),
            more => format!("{}{}", self.arrow.text(), count(more)),
        };
        let first = self.frames.first().map_or("", |frame| frame.name.as_str());
        if room >= rest.width() + NAME_AT_LEAST {
            format!("{}{}{rest}", self.prefix, name::fit(first, room - rest.width()))
        } else {
            format!("{}{}", self.prefix, name::fit(first, room))
        }
    }

    /// A selection of the first frame.
    fn first_alone(&self) -> Kept {
        let widths: Vec<usize> = self.frames.iter().map(|frame| frame.short.width()).collect();
        let arrow = self.arrow.text().width();
        let first = widths.first().copied().unwrap_or_default();
        let mut kept = Kept { frames: BTreeSet::new(), widths, arrow, width: first };
        kept.frames.insert(0);
        kept.width += kept.gap(0, kept.widths.len());
        kept
    }

    /// The kept frames, the others as counts.
    fn join<'a>(&'a self, kept: &[bool], text: impl Fn(&'a Frame) -> &'a str) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut left_out = 0;
        for (frame, &kept) in self.frames.iter().zip(kept) {
            if kept {
                if left_out > 0 {
                    parts.push(count(left_out));
                    left_out = 0;
                }
                parts.push(text(frame).to_owned());
            } else {
                left_out += 1;
            }
        }
        if left_out > 0 {
            parts.push(count(left_out));
        }
        parts.join(self.arrow.text())
    }
}

/// The frames of a line that are kept, and how wide that makes it. A line may have many thousands,
/// so each is added without looking at all others.
struct Kept {
    frames: BTreeSet<usize>,
    /// The width of each frame of the line.
    widths: Vec<usize>,
    arrow: usize,
    /// The width of the line.
    width: usize,
}

impl Kept {
    /// The width of the frames between two kept ones, which are left out, with their arrow.
    fn gap(&self, from: usize, to: usize) -> usize {
        match to.saturating_sub(from + 1) {
            0 => 0,
            frames => self.arrow + count(frames).width(),
        }
    }

    fn add_if_it_fits(&mut self, frame: usize, room: usize) {
        let from = self.frames.range(..=frame).next_back().copied().unwrap_or_default();
        let to = self.frames.range(frame + 1..).next().copied().unwrap_or(self.widths.len());
        if from == frame || frame >= self.widths.len() {
            return;
        }
        let parts = self.gap(from, frame) + self.arrow + self.widths[frame] + self.gap(frame, to);
        let width = self.width - self.gap(from, to) + parts;
        if width <= room {
            self.frames.insert(frame);
            self.width = width;
        }
    }
}

fn count(frames: usize) -> String {
    if frames == 1 { "(1 frame)".to_owned() } else { format!("({frames} frames)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_the_middle_give_way_to_a_count() {
        let mut chain = Chain::new("├ ", Arrow::CalledBy);
        for (name, own) in [
            ("chat/limiter.New", true),
            ("net/http.HandlerFunc.ServeHTTP", false),
            ("net/http.(*ServeMux).ServeHTTP", false),
            ("main.(*server).serve", true),
            ("net/http.(*conn).serve", false),
        ] {
            chain.push(name, own, name.ends_with("serve"));
        }
        let cases = [
            (80, "├ …/limiter.New ← (2 frames) ← main.(*server).serve (recursive) ← (1 frame)"),
            (40, "├ …/limiter.New ← (4 frames)"),
            (18, "├ chat/limiter.New"),
            (16, "├ …/limiter.New"),
        ];
        for (width, expected) in cases {
            assert_eq!(chain.fit(width), expected);
        }
        for width in 2..200 {
            assert!(chain.fit(width).width() <= width, "{width}");
        }
        assert!(chain.fit(400).ends_with("net/http.(*conn).serve (recursive)"));
    }
}
