//! The label of one line: a name with its caller or callee, or the line of a tree.

use super::chain::Chain;
use super::escape::escape;
use super::name::{fit, shortest_path};
use crate::model::origin;
use unicode_width::UnicodeWidthStr;

/// Precedes the second name of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrow {
    /// The caller of a row follows.
    Caller,
    /// The callee of a site follows.
    Callee,
}

impl Arrow {
    fn text(self) -> &'static str {
        match self {
            Arrow::Caller => " ← ",
            Arrow::Callee => " → ",
        }
    }

    /// The arrow as a number other than 0.
    pub(super) fn number(self) -> u8 {
        match self {
            Arrow::Caller => 1,
            Arrow::Callee => 2,
        }
    }

    /// The arrow of a number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        [Arrow::Caller, Arrow::Callee].into_iter().find(|arrow| arrow.number() == number)
    }
}

/// A word after the names, and the titles of the columns that give the same information.
pub(super) type Status = (&'static str, [&'static str; 2]);

/// The text in the function column of one line.
#[derive(Clone, Debug, Default)]
pub(super) struct RowLabel {
    /// The name of the row.
    name: String,
    /// A second name and the arrow before it.
    second: Option<(Arrow, String)>,
    /// Whether the second name is left out where it would cut the first.
    is_second_optional: bool,
    /// A remark after the names: ` (was main.foo.func2)`.
    remark: String,
    /// The line of a tree, which replaces all of that.
    pub(super) chain: Option<Chain>,
    /// Whether the name is a path: that of a package or a file.
    path_matters: bool,
    /// A word after the names, unless one of the columns with these titles is shown.
    pub(super) status: Option<Status>,
}

/// The texts of a label that is no line of a tree.
#[derive(Clone, Copy)]
pub(super) struct LabelText<'a> {
    pub(super) name: &'a str,
    pub(super) second: Option<(Arrow, &'a str)>,
    pub(super) is_second_optional: bool,
    pub(super) remark: &'a str,
    pub(super) path_matters: bool,
    pub(super) status: Option<Status>,
}

impl RowLabel {
    /// A name alone.
    pub(super) fn new(name: &str) -> Self {
        RowLabel { name: escape(name).into_owned(), ..RowLabel::default() }.explained(name)
    }

    /// Says what a function of the runtime allocates if its name doesn't.
    fn explained(self, name: &str) -> Self {
        if name == origin::DESCRIPTOR { self.remark("goroutine descriptors") } else { self }
    }

    /// The name of a package or a file, whose path is cut only as a last resort.
    pub(super) fn path(name: &str) -> Self {
        RowLabel { path_matters: true, ..RowLabel::new(name) }
    }

    /// The line of a tree.
    pub(super) fn chain(chain: Chain) -> Self {
        RowLabel { chain: Some(chain), ..RowLabel::default() }
    }

    /// Adds the caller under which the row is listed.
    pub(super) fn under(mut self, caller: &str) -> Self {
        self.second = Some((Arrow::Caller, escape(caller).into_owned()));
        self.explained(caller)
    }

    /// Adds the function it was started as, if there is room.
    pub(super) fn started_as(self, root: &str) -> Self {
        RowLabel { is_second_optional: true, ..self.under(root) }
    }

    /// Adds the function it calls.
    pub(super) fn into_callee(mut self, callee: &str) -> Self {
        self.second = Some((Arrow::Callee, escape(callee).into_owned()));
        self
    }

    /// Adds a remark.
    pub(super) fn remark(mut self, remark: &str) -> Self {
        self.remark = format!("{} ({})", self.remark, escape(remark));
        self
    }

    /// Its texts.
    pub(super) fn text(&self) -> LabelText<'_> {
        LabelText {
            name: &self.name,
            second: self.second.as_ref().map(|(arrow, name)| (*arrow, name.as_str())),
            is_second_optional: self.is_second_optional,
            remark: &self.remark,
            path_matters: self.path_matters,
            status: self.status,
        }
    }
}

impl LabelText<'_> {
    /// Width of the whole text, without the status.
    fn width(&self) -> usize {
        let second = self.second.map_or(0, |(arrow, name)| arrow.text().width() + name.width());
        self.name.width() + second + self.remark.width()
    }

    /// Width with import paths cut and nothing else: the width it should get.
    pub(super) fn short_width(&self) -> usize {
        if self.path_matters {
            return self.width();
        }
        let second = self.second.filter(|_| !self.is_second_optional);
        let second = second.map_or(0, |(_, name)| 3 + shortest_path(name).width());
        shortest_path(self.name).width() + second + self.remark.width()
    }

    /// The text in at most `width` columns, in a table whose columns `is_shown` knows by title.
    pub(super) fn fit(&self, width: usize, is_shown: impl Fn(&str) -> bool) -> String {
        let status = match self.status {
            Some((word, columns)) if !columns.into_iter().any(is_shown) => format!("  [{word}]"),
            _ => String::new(),
        };
        if self.width() + status.width() <= width {
            let (arrow, second) = self.second.map_or(("", ""), |(a, s)| (a.text(), s));
            return format!("{}{arrow}{second}{}{status}", self.name, self.remark);
        }
        let room = width.saturating_sub(status.width());
        // A remark that leaves its name no room is dropped first; the name stays.
        let remark = if self.remark.width() + shortest_path(self.name).width().min(24) <= room {
            self.remark
        } else {
            ""
        };
        let room = room - remark.width();
        let fits = |(arrow, second): &(Arrow, &str)| {
            let second = arrow.text().width() + shortest_path(second).width();
            room >= 20
                && (!self.is_second_optional || shortest_path(self.name).width() + second <= room)
        };
        let Some((arrow, second)) = self.second.filter(fits) else {
            return format!("{}{remark}{status}", fit(self.name, room));
        };
        let room = room - arrow.text().width();
        let (least, least_second) =
            (shortest_path(self.name).width(), shortest_path(second).width());
        // Readers look for own code: it may take two thirds if both names are long.
        let own =
            |least: usize, other: usize| least.min((room * 2 / 3).max(room.saturating_sub(other)));
        let for_second = if least + least_second <= room {
            (room - least).min(second.width())
        } else if arrow == Arrow::Caller {
            own(least_second, least)
        } else {
            room - own(least, least_second)
        };
        let for_first = room - for_second;
        let arrow = arrow.text();
        format!("{}{arrow}{}{remark}{status}", fit(self.name, for_first), fit(second, for_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_is_seen_in_the_narrowest_label() {
        let label = RowLabel::new("encoding/json.(*decodeState).objectInterface")
            .under("github.com/acme/session.(*Store).Load");
        assert_eq!(
            label.text().fit(200, |_| true),
            "encoding/json.(*decodeState).objectInterface ← github.com/acme/session.(*Store).Load"
        );
        for width in 0..120 {
            let text = label.text().fit(width, |_| true);
            assert!(text.width() <= width, "{text} in {width}");
            assert!(width < 48 || text.ends_with("session.(*Store).Load"), "{text} in {width}");
        }
    }

    #[test]
    fn a_status_without_a_column_is_said_by_the_label() {
        let mut label = RowLabel::new("main.f");
        label.status = Some(("new", ["Δ %", "before"]));
        assert_eq!(label.text().fit(40, |title| title == "after"), "main.f  [new]");
        assert_eq!(label.text().fit(40, |title| title == "before"), "main.f");
    }
}
