//! The table of what may leak: its columns by importance, as many as fit.

use super::paint::{DIM, Paint};
use super::state::State;
use super::words::cut;
use crate::analysis::estimates::{Class, Estimate};
use crate::analysis::suspects::Suspect;
use crate::output::{self, escape};
use crate::units;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

/// Narrowest and widest name of a function.
const SITE: (usize, usize) = (14, 60);
/// Columns of a curve.
const CURVE: usize = 20;

/// A column. The first ones stay longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Rank,
    Site,
    Slope,
    /// How much it grew, of what has no slope.
    Growth,
    Class,
    /// The class where there is little room.
    ShortClass,
    Place,
    Kept,
    Margin,
    Curve,
    Confidence,
}

/// The columns as they are drawn.
const ORDER: [Column; 11] = [
    Column::Rank,
    Column::Class,
    Column::ShortClass,
    Column::Confidence,
    Column::Slope,
    Column::Margin,
    Column::Growth,
    Column::Kept,
    Column::Curve,
    Column::Site,
    Column::Place,
];

/// The columns by importance.
const IMPORTANT: [Column; 10] = [
    Column::Rank,
    Column::Site,
    Column::Slope,
    Column::Growth,
    Column::Class,
    Column::Margin,
    Column::Kept,
    Column::Place,
    Column::Curve,
    Column::Confidence,
];

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Rank => "#",
            Self::Site => "site",
            Self::Slope => "per hour",
            Self::Growth => "grew by",
            Self::Class | Self::ShortClass => "class",
            Self::Place => "where",
            Self::Kept => "kept",
            Self::Margin => "±",
            Self::Curve => "",
            Self::Confidence => "sure",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Rank | Self::Slope | Self::Growth | Self::Kept | Self::Margin)
    }

    fn cell(self, suspect: &Suspect) -> String {
        match self {
            Self::Rank => suspect.rank.to_string(),
            Self::Site => escape(&suspect.site.function).into_owned(),
            Self::Slope => {
                suspect.slope_per_hour.map_or_else(String::new, |of| change(suspect, of))
            }
            Self::Growth => match suspect.slope_per_hour {
                Some(_) => String::new(),
                None => change(suspect, suspect.growth),
            },
            Self::Class => class(suspect),
            Self::ShortClass => short_class(suspect.class).to_owned(),
            Self::Place => escape(&output::file_and_line(&suspect.site)).into_owned(),
            Self::Kept => suspect
                .retention
                .map_or_else(String::new, |kept| format!("{:.0} %", kept.estimate * 100.0)),
            Self::Margin => {
                suspect.slope_per_hour.map_or_else(String::new, |of| margin(suspect, of))
            }
            Self::Curve => output::sparkline(&suspect.values, CURVE),
            Self::Confidence => suspect.confidence.word().to_owned(),
        }
    }
}

fn short_class(class: Class) -> &'static str {
    match class {
        Class::GrowingDecelerating => "slow",
        Class::WarmUp => "warm",
        class => class.name(),
    }
}

fn class(suspect: &Suspect) -> String {
    let word = match suspect.class {
        Class::GrowingDecelerating => "slowing",
        class => class.name(),
    };
    if suspect.is_of_goroutines() { format!("{word} (goroutines)") } else { word.to_owned() }
}

/// A change with its sign.
fn change(suspect: &Suspect, of: Estimate) -> String {
    let sign = if of.estimate > 0 { "+" } else { "" };
    format!("{sign}{}", units::display(of.estimate as f64, &suspect.unit))
}

fn margin(suspect: &Suspect, of: Estimate) -> String {
    let half = (of.upper as f64 - of.lower as f64) / 2.0;
    units::display(half.abs(), &suspect.unit)
}

/// The table in so many lines, with its head; the selected one is always among them.
pub(super) fn lines(
    state: &mut State,
    paint: Paint,
    (columns, lines): (usize, usize),
) -> Vec<Line<'static>> {
    let count = state.suspects().len();
    let is_more = count + 1 > lines;
    let rows = (lines - 1 - usize::from(is_more && lines > 2)).max(1);
    state.room = rows;
    let first = (state.selected + 1).saturating_sub(rows).min(count.saturating_sub(rows));
    let shown: Vec<&Suspect> = state.suspects().iter().skip(first).take(rows).collect();
    let layout = Layout::of(&shown, columns);
    let mut out = vec![Line::styled(layout.line(|column| column.title().to_owned()), DIM)];
    for (at, suspect) in shown.iter().enumerate() {
        let text = layout.line(|column| column.cell(suspect));
        let mut style = if suspect.class == Class::Leak { paint.bad() } else { DIM };
        if first + at == state.selected {
            style = style.remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED);
        }
        let gap = columns.saturating_sub(text.width());
        out.push(Line::from(Span::styled(format!("{text}{}", " ".repeat(gap)), style)));
    }
    let hidden = count.saturating_sub(shown.len());
    if hidden > 0 && lines > 2 {
        let text = format!("{hidden} more: j k or PgUp PgDn");
        out.push(Line::styled(cut(text, columns), DIM));
    }
    out
}

/// The columns that fit, with their widths.
struct Layout(Vec<(Column, usize)>);

impl Layout {
    fn of(shown: &[&Suspect], columns: usize) -> Self {
        let wide = |column: Column| {
            let cells = shown.iter().map(|one| column.cell(one).width());
            match cells.max().unwrap_or_default() {
                0 => 0,
                width => width.max(column.title().width()),
            }
        };
        let mut chosen: Vec<(Column, usize)> = Vec::new();
        let mut left = columns;
        for column in IMPORTANT {
            let width = match column {
                Column::Site => wide(column).min(SITE.0),
                Column::Place => wide(column).min(30),
                column => wide(column),
            };
            let gap = if chosen.is_empty() { 0 } else { 2 };
            if width == 0 {
                continue;
            }
            if width + gap > left {
                let short = wide(Column::ShortClass);
                if column == Column::Class && short + gap <= left {
                    left -= short + gap;
                    chosen.push((Column::ShortClass, short));
                    continue;
                }
                // What is less important doesn't push forward.
                break;
            }
            left -= width + gap;
            chosen.push((column, width));
        }
        // What is left goes to the names.
        for (column, width) in chosen.iter_mut().filter(|(column, _)| *column == Column::Site) {
            let more = wide(*column).min(SITE.1).saturating_sub(*width).min(left);
            *width += more;
        }
        let place = |column: Column| ORDER.iter().position(|&own| own == column);
        chosen.sort_by_key(|&(column, _)| place(column));
        Self(chosen)
    }

    fn line(&self, cell: impl Fn(Column) -> String) -> String {
        let mut line = String::new();
        for (at, &(column, width)) in self.0.iter().enumerate() {
            let text = cell(column);
            let text = match column {
                Column::Site | Column::Place => output::fit_name(&text, width),
                _ => cut(text, width),
            };
            let gap = " ".repeat(width.saturating_sub(text.width()));
            let lead = if at == 0 { "" } else { "  " };
            line.push_str(lead);
            if column.is_number() {
                line.push_str(&gap);
                line.push_str(&text);
            } else {
                line.push_str(&text);
                line.push_str(&gap);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}
