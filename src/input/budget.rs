//! How much memory an input may take, in proportion to its bytes as stored.
//!
//! A few bytes of gzip unpack to a thousand times as many, and two bytes of a profile can be an entry
//! of a hundred. So what an input holds is weighed while it is read, and the reader stops once it
//! weighs more than a file of that size should. What a profile weighs includes what joining,
//! comparing and drawing it will take.

use super::InputError;
use crate::model::builder::Share;
use std::sync::atomic::{AtomicU64, Ordering};

/// What any input may take, however small it is.
const LEAST: u64 = 32 << 20;
/// What it may take in addition for each byte as stored. Profiles of real programs weigh 7 to 40
/// times their bytes.
const FACTOR: u64 = 64;
/// What any input may take at most, however large it is.
const MOST: u64 = 16 << 30;

/// How much memory an input may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes, whatever the size of the input; by default in proportion to it.
    fixed: Option<u64>,
}

impl Budget {
    /// Allows this many bytes, whatever the size of the input.
    pub fn exactly(bytes: u64) -> Self {
        Self { fixed: Some(bytes) }
    }

    /// The bytes that an input may take of which `stored` bytes were read.
    fn of(self, stored: u64) -> u64 {
        let usual = LEAST.saturating_add(stored.saturating_mul(FACTOR)).min(MOST);
        self.fixed.unwrap_or(usual)
    }
}

/// The budget of an input that is being read.
#[derive(Clone, Copy, Debug)]
pub struct Meter<'a> {
    budget: Budget,
    /// Bytes as stored that were read so far.
    stored: &'a AtomicU64,
    /// Bytes as stored of the whole input, if they are known.
    pub(super) whole: Option<u64>,
}

impl<'a> Meter<'a> {
    /// Meters an input of which `stored` bytes, as stored, were read so far.
    pub fn new(budget: Budget, stored: &'a AtomicU64) -> Self {
        Self { budget, stored, whole: None }
    }

    /// With the bytes as stored of the whole input, if they are known.
    pub(super) fn of_whole(self, whole: Option<u64>) -> Self {
        Self { whole, ..self }
    }

    /// The bytes that the input may take by now.
    pub fn allowed(self) -> u64 {
        self.budget.of(self.stored.load(Ordering::Relaxed))
    }

    /// Weighs what was read so far. The error names the kind that weighs most.
    pub fn weigh(
        self,
        shares: impl DoubleEndedIterator<Item = Share> + Clone,
    ) -> Result<(), InputError> {
        let weight = shares.clone().fold(0, |sum: u64, share| sum.saturating_add(share.bytes));
        let allowed = self.allowed();
        if weight <= allowed {
            return Ok(());
        }
        // Of equal ones the first, so that the message is always the same.
        let most = shares.rev().max_by_key(|share| share.bytes);
        let stored = self.stored.load(Ordering::Relaxed);
        Err(InputError::TooMuch { most: most.unwrap_or_default(), stored, allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_what_is_stored_between_its_ends() {
        let budget = Budget::default();
        assert_eq!(budget.of(0), 32 << 20);
        assert_eq!(budget.of(1 << 20), 96 << 20);
        assert_eq!(budget.of(1 << 40), 16 << 30);
        assert_eq!(Budget::exactly(5).of(1 << 40), 5);
    }

    #[test]
    fn the_error_names_what_weighs_most() {
        let stored = AtomicU64::new(10);
        let meter = Meter::new(Budget::exactly(100), &stored);
        let share = |what, bytes| Share { what, count: 7, bytes };
        assert!(meter.weigh([share("strings", 60), share("labels", 40)].into_iter()).is_ok());
        let shares = [share("strings", 60), share("labels", 41)];
        let error = meter.weigh(shares.into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "is too large in memory: it has 7 strings, which take more than 100 B with what else was \
             read of its 10 B so far; fetch it again, or use --memory-limit SIZE if it should be so \
             large"
        );
    }
}
