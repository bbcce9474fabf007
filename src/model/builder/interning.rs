//! Strings of formats without a string table: the builder numbers them.

use super::{Builder, Invalid, MAX_STRINGS, invalid};

impl Builder {
    /// The position of a string, which is appended unless it is there. [`Builder::string`] must not be
    /// called as well.
    pub fn interned(&mut self, bytes: &[u8]) -> Result<i64, Invalid> {
        if self.strings.is_empty() {
            self.strings.intern("");
        }
        if self.strings.len() == MAX_STRINGS {
            return invalid(format!("more than {MAX_STRINGS} strings"));
        }
        Ok(i64::from(self.strings.intern(&String::from_utf8_lossy(bytes)).0))
    }
}
