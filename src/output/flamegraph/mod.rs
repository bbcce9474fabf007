//! The flame graph as an SVG that a browser opens: hover for figures, click to zoom, search by
//! regular expression.
//!
//! inferno lays out the frames and adds the script. heapdiff adds the rest to its output: names and
//! values of each frame, colours on a scale that means the same in every flame graph, and lines
//! that explain what is shown. To inferno each frame is a unique number, so no name from a profile
//! reaches its parser and no two frames merge.
//!
//! The root is on top, as in pprof: a reader sees it without scrolling, however deep the stacks
//! are.

mod annotate;
mod captions;
mod color;
mod fill;

use crate::analysis::flame::{Flame, FlameFrame};
use crate::parallel;
use crate::report::Report;
use captions::Captions;
use fill::fill;
use inferno::flamegraph::color::BackgroundColor;
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};
use std::fmt::Write as _;
use std::io;
use std::str::FromStr as _;

/// The frame that fills the width without frames. It is removed from the output.
const FILLER: &str = "-";

/// Frames whose looks are found at once.
const PIECE: usize = 500;

/// The look of a frame.
struct Look {
    /// The text in the frame.
    name: String,
    /// Its title, shown as a tooltip.
    title: String,
    fill: String,
}

pub(super) fn write(report: &Report, flame: &Flame, out: &mut dyn io::Write) -> io::Result<()> {
    // If there is only the strip, the strip is the flame graph.
    let (main, strip) = match (flame.frames.as_slice(), flame.elided.as_slice()) {
        ([], strip) => (strip, &[][..]),
        whole => whole,
    };
    let captions = Captions::new(report, flame);
    let look = |frame: &FlameFrame| {
        let name = captions.name(frame);
        Look { title: captions.title(frame, &name), name, fill: fill(&captions, frame) }
    };
    let width = |frames: &[FlameFrame]| frames.first().map_or(0, |frame| frame.width);
    let mut lines =
        Lines { shift: shift(width(main).saturating_add(width(strip))), ..Lines::default() };
    lines.push(main, 0);
    lines.push(strip, main.len());
    let is_empty = lines.folded.is_empty();
    if is_empty {
        lines.folded.push(format!("{FILLER} 1"));
    }
    let mut options = Options::default();
    options.title = captions.chart_title();
    options.bgcolors = BackgroundColor::from_str("#fdfdfd").ok();
    options.direction = Direction::Inverted;
    captions.name_type().clone_into(&mut options.name_type);
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.deterministic = true;
    options.min_width = 0.0;
    // Keeps the order of the lines; from the last to the first, since inferno reverses them.
    options.flame_chart = true;
    let draw = || {
        let mut svg = Vec::new();
        let from_right = lines.folded.iter().rev().map(String::as_str);
        flamegraph::from_lines(&mut options, from_right, &mut svg)?;
        String::from_utf8(svg).map_err(io::Error::other)
    };
    let looks = || {
        if is_empty {
            return vec![captions.nothing()];
        }
        let frames: Vec<&FlameFrame> = main.iter().chain(strip).collect();
        parallel::map_items(&frames, PIECE, |frame| look(frame))
    };
    let (svg, looks) = parallel::join(draw, looks);
    annotate::annotate(&svg?, &looks, &captions.header(), out)
}

/// Numbers above 2⁵³ are not exact in a browser: how many bits to shift out.
fn shift(total: i64) -> u32 {
    (u64::BITS - total.unsigned_abs().leading_zeros()).saturating_sub(50)
}

/// The folded stacks that inferno reads, from left to right.
#[derive(Default)]
struct Lines {
    folded: Vec<String>,
    /// Frames on the path to the next line: their names there, and the width that none of their
    /// children has.
    path: Vec<(String, i64)>,
    shift: u32,
    /// Where the next line begins.
    at: u64,
}

impl Lines {
    /// Adds frames, numbered from `first` on. Number 0 is the root and has no name in a line.
    fn push(&mut self, frames: &[FlameFrame], first: usize) {
        for (number, frame) in (first..).zip(frames) {
            self.close(frame.depth as usize);
            if let Some((_, left)) = self.path.last_mut() {
                *left -= frame.width;
            }
            let name = if number == 0 { String::new() } else { format!("{number:x};") };
            self.path.push((name, frame.width));
        }
        self.close(0);
    }

    /// Leaves frames until the path has this length, and gives each the width that none of its
    /// children has.
    fn close(&mut self, depth: usize) {
        while self.path.len() > depth {
            let left = self.path.last().map_or(0, |(_, left)| (*left).max(0) as u64);
            let from = self.at >> self.shift;
            self.at += left;
            let width = (self.at >> self.shift) - from;
            if width > 0 {
                let mut line: String = self.path.iter().map(|(name, _)| name.as_str()).collect();
                if line.pop().is_none() {
                    line.push_str(FILLER);
                }
                let _ = write!(line, " {width}");
                self.folded.push(line);
            }
            self.path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Measure;
    use crate::model::change::Change;

    fn frame(depth: u32, width: i64) -> FlameFrame {
        let after = Measure { flat: 0, cum: width };
        FlameFrame {
            depth,
            name: 0,
            run: 1,
            several: None,
            deeper: None,
            width,
            value: Change::new(None, after),
            error: None,
        }
    }

    #[test]
    fn widths_add_up_from_left_to_right() {
        let mut lines = Lines::default();
        lines.push(&[frame(0, 10), frame(1, 7), frame(2, 3), frame(2, 2), frame(1, 2)], 0);
        lines.push(&[frame(0, 5), frame(1, 5)], 5);
        assert_eq!(lines.folded, ["1;2 3", "1;3 2", "1 2", "4 2", "- 1", "5;6 5"]);
    }

    #[test]
    fn what_a_browser_can_not_count_is_scaled_without_gaps() {
        let all = i64::MAX / 4;
        let mut lines = Lines { shift: shift(all), ..Lines::default() };
        lines.push(&[frame(0, all), frame(1, all / 3), frame(1, all / 3), frame(1, 1)], 0);
        let widths =
            lines.folded.iter().filter_map(|line| line.split(' ').nth(1)?.parse::<u64>().ok());
        let sum: u64 = widths.sum();
        assert_eq!(sum, all as u64 >> lines.shift);
        assert!(sum < 1 << 53, "{sum}");
        assert_eq!(shift(1 << 49), 0);
    }
}
