//! Draws what is known, on a terminal of any size.
//!
//! Lines come in the order of what a reader wants to know first, and what there is no room for is left
//! out from the end: of the header the details, of the table its columns by importance. The verdict and
//! the leaks stay longest.

use super::leaks_table;
use super::pages::reasons;
use super::paint::{BOLD, DIM, Paint};
use super::state::{Curve, State, View};
use super::words::{self, cut, wrap};
use crate::output::{self, escape};
use crate::units::{Bytes, Grouped};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::time::Instant;
use unicode_width::UnicodeWidthStr as _;

/// Columns of a curve, at most.
const CURVE: usize = 60;
/// Columns of prose, at most.
const PROSE: usize = 100;
/// Lines below which the totals share one line.
const LOW: usize = 16;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State, paint: Paint, now: Instant) {
    let area = frame.area();
    let (columns, lines) = (usize::from(area.width), usize::from(area.height));
    if columns == 0 || lines == 0 {
        return;
    }
    let foot = Line::styled(cut(words::foot(state, columns), columns), DIM);
    let mut body = match state.view {
        View::Leaks => overview(state, paint, now, (columns, lines.saturating_sub(1))),
        View::Page => page(state, (columns, lines.saturating_sub(1))),
        View::Keys => keys(),
    };
    // Of one line, the body is worth more.
    let room = if lines > 1 { lines - 1 } else { 1 };
    body.truncate(room);
    for (at, line) in body.iter().enumerate() {
        frame.buffer_mut().set_line(0, at as u16, line, area.width);
    }
    if lines > 1 {
        let last = Rect { y: area.height - 1, height: 1, ..area };
        frame.buffer_mut().set_line(last.x, last.y, &foot, area.width);
    }
}

/// The header, the totals, the verdict and the leaks.
fn overview(
    state: &mut State,
    paint: Paint,
    now: Instant,
    (columns, lines): (usize, usize),
) -> Vec<Line<'static>> {
    let is_low = lines < LOW;
    let mut out = header(state, now, columns);
    if is_low {
        out.truncate(1);
        out.push(totals_in_one(state, paint, columns));
    } else {
        out.push(Line::default());
        let totals = totals(state, paint, columns);
        if !totals.is_empty() {
            out.extend(totals);
            out.push(Line::default());
        }
    }
    let most = if is_low { 1 } else { 4 };
    let style = if state.has_leak() { paint.bad() } else { paint.good() };
    let style = if state.answer().is_none() { BOLD } else { style };
    let verdict = wrap(&words::verdict(state), columns, most);
    out.extend(verdict.into_iter().map(|line| Line::styled(line, style)));
    let troubles = words::troubles(state);
    let most = if is_low { 1 } else { 3 };
    let told: Vec<String> = troubles
        .iter()
        .flat_map(|trouble| wrap(trouble, columns, most.min(2)))
        .take(most)
        .collect();
    out.extend(told.into_iter().map(|line| Line::styled(line, paint.warning())));
    if let Some(remark) = state.remark.as_ref().filter(|_| !is_low) {
        let text = wrap(&escape(remark), columns, 2);
        out.extend(text.into_iter().map(|line| Line::styled(line, DIM)));
    }
    let room = lines.saturating_sub(out.len() + usize::from(!is_low));
    if room >= 2 && !state.suspects().is_empty() {
        if !is_low {
            out.push(Line::default());
        }
        out.extend(leaks_table::lines(state, paint, (columns, room)));
        let left = lines.saturating_sub(out.len());
        out.extend(selected(state, columns, left));
    }
    out
}

/// What is known of the selected suspect, if there is room for all of it.
fn selected(state: &State, columns: usize, room: usize) -> Vec<Line<'static>> {
    let Some(suspect) = state.suspect() else { return Vec::new() };
    let columns = columns.min(PROSE);
    let name = output::fit_name(&escape(&suspect.site.function), columns);
    let mut out = vec![Line::default(), Line::styled(name, BOLD)];
    for text in reasons(suspect) {
        out.extend(wrap(&text, columns, usize::MAX).into_iter().map(Line::raw));
    }
    if out.len() <= room { out } else { Vec::new() }
}

/// What is watched, and how the watch goes.
fn header(state: &State, now: Instant, columns: usize) -> Vec<Line<'static>> {
    let next = words::next(state, now);
    let room = columns.saturating_sub(next.width() + 2);
    let name = format!("heapdiff watch  {}", escape(&state.target));
    let name =
        if name.width() <= room { name } else { output::fit_name(&escape(&state.target), room) };
    let gap = columns.saturating_sub(name.width() + next.width());
    let first = Line::from(vec![
        Span::styled(name, BOLD),
        Span::raw(" ".repeat(gap)),
        Span::styled(next, DIM),
    ]);
    let details = words::joined(&words::details(state, now), "  ", columns);
    vec![first, Line::styled(details, DIM)]
}

/// The totals: what they are, their values, and their curves.
fn known(state: &State) -> Vec<(&'static str, String, &Curve)> {
    let Some(round) = &state.round else { return Vec::new() };
    let last = |curve: &Curve| curve.values().last().copied();
    let live = round.totals.live.or_else(|| last(&state.live));
    let goroutines = round.totals.goroutines.or_else(|| last(&state.goroutines));
    let resident = round.totals.resident.or_else(|| last(&state.resident));
    let bytes = |value: i64| Bytes(value as f64).to_string();
    let all = [
        ("live heap", live.map(bytes), &state.live),
        ("goroutines", goroutines.map(|count| Grouped(count).to_string()), &state.goroutines),
        ("RSS", resident.map(bytes), &state.resident),
    ];
    all.into_iter().filter_map(|(name, value, curve)| Some((name, value?, curve))).collect()
}

fn totals(state: &State, paint: Paint, columns: usize) -> Vec<Line<'static>> {
    let known = known(state);
    let wide = known.iter().map(|(_, value, _)| value.width()).max().unwrap_or_default();
    let lines = known.into_iter().map(|(name, value, curve)| {
        let head = format!("{name:<10}  ");
        let value = format!("{}{value}", " ".repeat(wide - value.width()));
        let room = columns.saturating_sub(head.width() + value.width() + 2).min(CURVE);
        let curve = output::sparkline(&curve.values(), room);
        Line::from(vec![
            Span::styled(head, DIM),
            Span::styled(value, BOLD),
            Span::styled(format!("  {curve}"), paint.curve()),
        ])
    });
    lines.collect()
}

/// The totals in one line, as many as there is room for.
fn totals_in_one(state: &State, paint: Paint, columns: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut left = columns;
    for (name, value, curve) in known(state) {
        let short = if name == "live heap" { "live" } else { name };
        let text = format!("{short} {value} ");
        let curve = output::sparkline(&curve.values(), 8);
        let wide = text.width() + curve.width() + 2;
        if wide > left {
            break;
        }
        left -= wide;
        spans.push(Span::styled(text, BOLD));
        spans.push(Span::styled(format!("{curve}  "), paint.curve()));
    }
    Line::from(spans)
}

/// A page of text.
fn page(state: &mut State, (columns, lines): (usize, usize)) -> Vec<Line<'static>> {
    let Some(page) = &mut state.page else { return Vec::new() };
    let mut text: Vec<String> =
        page.query.intro.iter().flat_map(|line| wrap(line, columns, usize::MAX)).collect();
    match &page.text {
        Some((_, own)) => {
            if !text.is_empty() && !own.is_empty() {
                text.push(String::new());
            }
            text.extend(own.iter().map(|line| cut(line.clone(), columns)));
        }
        None => text.push("reading the profiles …".to_owned()),
    }
    page.count = text.len();
    page.room = lines.saturating_sub(1);
    page.top = page.top.min(page.last_top());
    let shown = text.into_iter().skip(page.top).take(page.room);
    let seen = page.top + page.room.min(page.count);
    let at =
        if page.count > page.room { format!("{seen} of {}", page.count) } else { String::new() };
    let room = columns.saturating_sub(at.width() + 2);
    let title = output::fit_name(&page.query.title, room);
    let gap = columns.saturating_sub(title.width() + at.width());
    let head = Line::from(vec![
        Span::styled(title, BOLD),
        Span::raw(" ".repeat(gap)),
        Span::styled(at, DIM),
    ]);
    std::iter::once(head).chain(shown.map(Line::raw)).collect()
}

fn keys() -> Vec<Line<'static>> {
    let keys = words::KEYS.iter().map(|(key, what)| {
        Line::from(vec![Span::styled(format!("{key:<14}"), BOLD), Span::raw(*what)])
    });
    std::iter::once(Line::styled("keys", BOLD)).chain(keys).collect()
}
