//! The call path to a suspect, on one line.
//!
//! If it is too long, the frames farthest from the site are dropped first, in the middle: the site,
//! the pattern's function below it, the root and the nearest callers are the most useful.

use super::super::Width;
use super::escape::escape;
use super::name::{self, shortest_path};
use unicode_width::UnicodeWidthStr;

const ARROW: &str = " → ";

/// `path` (root first), fitted to a line of which `used` columns are taken.
pub(super) fn line(
    path: &[String],
    site: &str,
    mechanism: Option<&str>,
    width: Width,
    used: usize,
) -> String {
    let names: Vec<_> = path.iter().map(|name| escape(name)).collect();
    let whole = names.join(ARROW);
    let room = match width {
        Width::Unlimited => return whole,
        Width::Columns(columns) => columns.saturating_sub(used),
    };
    if whole.width() <= room || names.is_empty() {
        return whole;
    }
    let last = path.len() - 1;
    let site = path.iter().rposition(|name| name == site).unwrap_or(last);
    let beneath = path.iter().skip(site + 1).position(|name| Some(name.as_str()) == mechanism);
    let mechanism = beneath.map(|at| site + 1 + at);
    let short: Vec<String> = names.iter().map(|name| shortest_path(name).into_owned()).collect();
    let mut kept = vec![false; path.len()];
    kept[site] = true;
    let fits = |kept: &[bool]| join(&short, kept).width() <= room;
    let callers = (1..site).rev();
    for at in mechanism.into_iter().chain([0]).chain(callers).chain(site + 1..=last) {
        let was = std::mem::replace(&mut kept[at], true);
        if !fits(&kept) {
            kept[at] = was;
            // Without a count, a gap between callers would be invisible.
            if at != 0 && Some(at) != mechanism {
                break;
            }
        }
    }
    if fits(&kept) { join(&short, &kept) } else { name::fit(&names[site], room) }
}

/// The kept names, the others as counts.
fn join(names: &[String], kept: &[bool]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut left_out = 0;
    let count = |frames: usize| match frames {
        1 => "(1 frame)".to_owned(),
        more => format!("({more} frames)"),
    };
    for (name, &kept) in names.iter().zip(kept) {
        if !kept {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            parts.push(count(std::mem::take(&mut left_out)));
        }
        parts.push(name.clone());
    }
    if left_out > 0 {
        parts.push(count(left_out));
    }
    parts.join(ARROW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_keeps_its_root_its_site_and_its_mechanism() {
        let path: Vec<String> = [
            "net/http.(*conn).serve",
            "net/http.serverHandler.ServeHTTP",
            "net/http.HandlerFunc.ServeHTTP",
            "main.(*server).handle",
            "chat/limiter.New",
            "time.NewTicker",
            "time.newTimer",
        ]
        .map(str::to_owned)
        .to_vec();
        let line = |columns| {
            line(&path, "chat/limiter.New", Some("time.NewTicker"), Width::Columns(columns), 0)
        };
        let cases = [
            (
                110,
                "…/http.(*conn).serve → (2 frames) → main.(*server).handle → …/limiter.New → \
                 time.NewTicker → (1 frame)",
            ),
            (80, "…/http.(*conn).serve → (3 frames) → …/limiter.New → time.NewTicker → (1 frame)"),
            (60, "(4 frames) → …/limiter.New → time.NewTicker → (1 frame)"),
            (20, "chat/limiter.New"),
            (12, "…limiter.New"),
        ];
        for (columns, expected) in cases {
            assert_eq!(line(columns), expected, "{columns}");
        }
        for columns in 1..250 {
            assert!(line(columns).width() <= columns);
        }
        assert_eq!(line(300), path.join(ARROW));
    }

    #[test]
    fn a_site_that_is_not_on_the_path_is_no_reason_to_fail() {
        let path = ["main.worker".to_owned(), "runtime.gopark".to_owned()];
        assert_eq!(line(&path, "main.start", None, Width::Columns(80), 4), path.join(ARROW));
        assert!(line(&path, "main.start", None, Width::Columns(20), 4).width() <= 16);
        assert_eq!(line(&[], "main.start", None, Width::Columns(1), 4), "");
    }
}
