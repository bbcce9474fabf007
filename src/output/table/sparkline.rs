//! Values through time as a row of blocks, one column each.
//!
//! A sparkline shows a shape; the size is printed next to it. If there are more snapshots than
//! columns, each column shows the highest value of its snapshots, so that a peak is never lost. A
//! value that changes by less than an eighth of its size is drawn flatter, so that noise on a large
//! value doesn't look like a mountain range.

use std::fmt::Write as _;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Separates two processes.
const RESTART: char = '|';

/// A change over a smaller share of the highest value than this doesn't use the whole height.
const FULL_HEIGHT: f64 = 0.125;

/// `values` in at most `width` columns.
pub(in crate::output) fn sparkline(values: &[i64], width: usize) -> String {
    draw(&resample(values, width), Heights::of(values))
}

/// `values` in at most `width` columns, the processes next to each other with a separator:
/// `processes` has the process of each value. If there are so many processes that there would be no
/// room, there are no separators.
pub(super) fn of_processes(values: &[i64], processes: &[usize], width: usize) -> String {
    let count = processes.iter().max().map_or(1, |last| last + 1).min(values.len().max(1));
    if count < 2 || count * 2 > width || processes.len() != values.len() {
        return sparkline(values, width);
    }
    let of = |process: usize| -> Vec<i64> {
        let all = values.iter().zip(processes);
        all.filter(|(_, of)| **of == process).map(|(value, _)| *value).collect()
    };
    let pieces: Vec<Vec<i64>> = (0..count).map(of).filter(|values| !values.is_empty()).collect();
    let room = width.saturating_sub(pieces.len().saturating_sub(1));
    let heights = Heights::of(values);
    let mut line = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            line.push(RESTART);
        }
        let fair =
            if values.len() <= room { piece.len() } else { piece.len() * room / values.len() };
        // A process with few snapshots also needs a column; the largest process gives one up.
        let least = pieces.len() - 1;
        let share = fair.clamp(1, room.saturating_sub(least).max(1));
        line.push_str(&draw(&resample(piece, share), heights));
    }
    line
}

/// The lowest and the highest value that are drawn.
#[derive(Clone, Copy)]
struct Heights {
    low: f64,
    span: f64,
}

impl Heights {
    fn of(values: &[i64]) -> Self {
        let low = values.iter().min().map_or(0.0, |&low| low as f64);
        let high = values.iter().max().map_or(0.0, |&high| high as f64);
        Self { low, span: (high - low).max(FULL_HEIGHT * high.abs().max(low.abs())) }
    }

    fn block(self, value: i64) -> char {
        let share = if self.span > 0.0 { (value as f64 - self.low) / self.span } else { 0.0 };
        BLOCKS[((share * 7.0).round() as usize).min(7)]
    }
}

fn draw(values: &[i64], heights: Heights) -> String {
    values.iter().map(|&value| heights.block(value)).collect()
}

/// The highest value of each of at most `width` buckets of nearly equal size.
fn resample(values: &[i64], width: usize) -> Vec<i64> {
    if values.len() <= width {
        return values.to_vec();
    }
    let edge = |i: usize| (i as u128 * values.len() as u128 / width.max(1) as u128) as usize;
    (0..width).filter_map(|i| values[edge(i)..edge(i + 1)].iter().max().copied()).collect()
}

/// The legend of sparklines with this many snapshots and columns: whether snapshots are condensed,
/// and how processes are separated.
pub(super) fn legend(snapshots: usize, processes: usize, width: usize) -> Option<String> {
    let mut text = String::new();
    if snapshots > width {
        let _ = write!(
            text,
            "each block is the highest of about {} snapshots",
            snapshots.div_ceil(width.max(1))
        );
    }
    if processes > 1 && processes * 2 <= width {
        let gap = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{gap}a {RESTART} separates two processes");
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_drawn_from_its_lowest_to_its_highest() {
        let cases: [(&[i64], &str); 8] = [
            (&[], ""),
            (&[7], "▁"),
            (&[0, 0, 0], "▁▁▁"),
            (&[5, 5, 5], "▁▁▁"),
            (&[0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
            (&[-70, 0, -35], "▁█▅"),
            // A change of 1 % is drawn as what it is.
            (&[1000, 1010, 1000], "▁▂▁"),
            (&[i64::MIN, 0, i64::MAX], "▁▅█"),
        ];
        for (values, expected) in cases {
            assert_eq!(sparkline(values, 20), expected, "{values:?}");
        }
    }

    #[test]
    fn ten_thousand_snapshots_fit_and_keep_their_peak() {
        let mut values: Vec<i64> = vec![10; 10_000];
        values[7_777] = 1_000_000;
        let line = sparkline(&values, 40);
        assert_eq!(line.chars().count(), 40);
        assert_eq!(line.chars().position(|c| c == '█'), Some(31));
        assert_eq!(line.matches('█').count(), 1);
        assert_eq!(sparkline(&values, 0), "");
    }

    #[test]
    fn processes_are_marked_off() {
        let values = [0, 7, 0, 7, 0, 7];
        assert_eq!(of_processes(&values, &[0, 0, 1, 1, 2, 2], 20), "▁█|▁█|▁█");
        // Replicas are next to each other, each in its own order.
        assert_eq!(of_processes(&values, &[0, 1, 0, 1, 0, 1], 20), "▁▁▁|███");
        assert_eq!(of_processes(&values, &[0; 6], 20), "▁█▁█▁█");
        assert_eq!(
            of_processes(&values, &[0, 0, 1, 1, 2, 2], 5),
            "██▇█".replace("██▇█", &sparkline(&values, 5))
        );
    }

    #[test]
    fn no_line_is_wider_than_its_room() {
        for n in [1_usize, 2, 3, 10, 33, 100, 999] {
            let values: Vec<i64> = (0..n as i64).collect();
            for processes in 1..12 {
                let of: Vec<usize> = (0..n).map(|i| (i * i) % processes).collect();
                for width in 1..60 {
                    let line = of_processes(&values, &of, width);
                    assert!(
                        line.chars().count() <= width.max(1),
                        "{n} {processes} {width}: {line}"
                    );
                }
            }
        }
    }
}
