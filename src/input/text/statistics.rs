//! Reads the memory statistics at the end of a heap profile of Go with `?debug=1`.

use super::numbers::decimal;
use super::numbers::{Signed, whole};
use crate::model::memory_statistics::MemoryStatistics;

/// Reads the lines after `# runtime.MemStats`.
#[derive(Debug, Default)]
pub(super) struct Reader {
    found: Option<MemoryStatistics>,
}

impl Reader {
    /// Uses a comment, if it is one of the statistics.
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        if text == b"# runtime.MemStats" {
            self.found = Some(MemoryStatistics::default());
            return true;
        }
        let Some(found) = &mut self.found else { return false };
        let Some(text) = text.strip_prefix(b"# ") else { return false };
        let Some(at) = text.windows(3).position(|part| part == b" = ") else { return false };
        let (Ok(name), value) = (std::str::from_utf8(&text[..at]), &text[at + 3..]) else {
            return false;
        };
        match name {
            // The last 256 pauses, in a ring: how many there were is in NumGC.
            "PauseNs" | "PauseEnd" | "DebugGC" => {}
            "GCCPUFraction" => {
                let fraction = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                found.collector_share = fraction.filter(|share: &f64| share.is_finite());
            }
            // In use, and taken from the system.
            "Stack" | "MSpan" | "MCache" => {
                let parts = decimal(value, Signed::Never)
                    .and_then(|(used, rest)| Some((used, whole(rest.strip_prefix(b" / ")?)?)));
                if let Some((used, taken)) = parts {
                    found.set(&format!("{name}Inuse"), used);
                    found.set(&format!("{name}Sys"), taken);
                }
            }
            name => {
                if let Some(value) = whole(value) {
                    found.set(name, value);
                }
            }
        }
        true
    }

    /// The statistics, if the profile has any.
    pub(super) fn finish(self) -> Option<MemoryStatistics> {
        self.found
    }
}
