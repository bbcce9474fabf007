//! How text looks, with colours and without.

use ratatui::style::{Color, Modifier, Style};

/// What matters less.
pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);
/// What matters.
pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// What colours are for, or the same without any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Whether the terminal may show colours.
    pub(super) color: bool,
}

impl Paint {
    fn tone(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    pub(super) fn bad(self) -> Style {
        self.tone(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(self) -> Style {
        self.tone(Color::Green).add_modifier(Modifier::BOLD)
    }

    pub(super) fn warning(self) -> Style {
        self.tone(Color::Yellow)
    }

    pub(super) fn curve(self) -> Style {
        self.tone(Color::Cyan)
    }
}
