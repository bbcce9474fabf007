//! A value of a single profile, or of two that are compared: what every row, call and total of a report holds.
//!
//! What always holds: `delta` is `after − before`, and is present exactly if `before` is.

use serde::{Deserialize, Serialize};

/// What can have a before and an after: a number, or several that belong together. Sums and
/// differences wrap around.
pub trait Value: Copy + Default + PartialEq {
    /// `self + other`.
    #[must_use]
    fn plus(self, other: Self) -> Self;

    /// `self − other`.
    #[must_use]
    fn minus(self, other: Self) -> Self;
}

impl Value for i64 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

/// The value before: an `Option<T>` if the question may be about a single profile, a `T` if there
/// are always two.
pub trait Before<T>: Copy {
    /// Whether it is always present.
    const IS_ALWAYS_THERE: bool;

    /// The value, if it is present.
    fn get(self) -> Option<T>;

    /// Applies a function to the value, if it is present.
    #[must_use]
    fn map(self, of: impl FnOnce(T) -> T) -> Self;

    /// Whether it is absent.
    fn is_absent(&self) -> bool {
        self.get().is_none()
    }
}

impl<T: Value> Before<T> for T {
    const IS_ALWAYS_THERE: bool = true;

    fn get(self) -> Option<T> {
        Some(self)
    }

    fn map(self, of: impl FnOnce(T) -> T) -> Self {
        of(self)
    }
}

impl<T: Value> Before<T> for Option<T> {
    const IS_ALWAYS_THERE: bool = false;

    fn get(self) -> Option<T> {
        self
    }

    fn map(self, of: impl FnOnce(T) -> T) -> Self {
        self.map(of)
    }
}

/// A value of a single profile, or before and after with their difference, in the unit of the sample type it belongs to.
/// Any number may be negative, because a profile can hold a difference; sums wrap around at the ends of `i64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "Change_of_{T}_from_{B}", transform = require_both::<T, B>)
)]
pub struct Change<T: Value, B: Before<T> = Option<T>> {
    /// Before; absent for a single profile.
    #[serde(skip_serializing_if = "Before::is_absent")]
    pub before: B,
    /// After, or in the single profile.
    pub after: T,
    /// `after − before`; absent for a single profile.
    #[serde(skip_serializing_if = "Before::is_absent")]
    pub delta: B,
}

impl<T: Value, B: Before<T>> Change<T, B> {
    /// Makes a change from the values of one profile, or of two.
    pub fn new(before: B, after: T) -> Self {
        Self { before, after, delta: before.map(|before| after.minus(before)) }
    }

    /// Δ of a comparison, or the value of a single profile.
    pub fn delta_or_value(self) -> T {
        self.delta.get().unwrap_or(self.after)
    }

    /// Adds two values, both of a comparison or both of a single profile.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let before = self.before.map(|own| own.plus(other.before.get().unwrap_or_default()));
        Self::new(before, self.after.plus(other.after))
    }

    /// Whether the value is zero throughout.
    pub fn is_zero(self) -> bool {
        let zero = T::default();
        self.before.get().unwrap_or(zero) == zero && self.after == zero
    }
}

impl<T: Value> Change<T> {
    /// A part of each value.
    #[must_use]
    pub fn map<U: Value>(self, of: impl Fn(T) -> U) -> Change<U> {
        Change { before: self.before.map(&of), after: of(self.after), delta: self.delta.map(&of) }
    }
}

/// Makes the schema mark which fields are always present: serde's attributes can't distinguish one
/// `B` from the other.
#[cfg(feature = "schema")]
fn require_both<T, B: Before<T>>(schema: &mut schemars::Schema) {
    if B::IS_ALWAYS_THERE {
        schema.insert("required".to_owned(), ["before", "after", "delta"].into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_profile_has_a_value_and_two_have_a_change() {
        let single = Change::new(None, 5_i64);
        let compared = Change::new(Some(2_i64), 5);
        assert_eq!((single.delta, single.delta_or_value()), (None, 5));
        assert_eq!((compared.delta, compared.delta_or_value()), (Some(3), 3));
        assert_eq!(compared.plus(compared), Change::new(Some(4), 10));
        assert_eq!(single.plus(single), Change::new(None, 10));
        assert_eq!(compared.map(|value| -value), Change::new(Some(-2), -5));
        assert!(!Change::new(Some(1_i64), 0).is_zero(), "gone");
        assert!(Change::new(Some(0_i64), 0).is_zero());
    }

    #[test]
    fn what_is_absent_is_not_written_and_what_is_always_there_is_required() {
        let text = |change: Change<i64>| serde_json::to_string(&change).unwrap();
        assert_eq!(text(Change::new(None, 5)), r#"{"after":5}"#);
        assert_eq!(text(Change::new(Some(2), 5)), r#"{"before":2,"after":5,"delta":3}"#);
        assert_eq!(serde_json::from_str::<Change<i64>>(r#"{"after":5}"#).unwrap().before, None);
        assert!(serde_json::from_str::<Change<i64, i64>>(r#"{"after":5}"#).is_err());
        let required = |schema: &schemars::Schema| schema.get("required").cloned();
        let schema = schemars::schema_for!(Change<i64>);
        assert_eq!(required(&schema), Some(serde_json::json!(["after"])));
        let schema = schemars::schema_for!(Change<i64, i64>);
        assert_eq!(required(&schema), Some(serde_json::json!(["before", "after", "delta"])));
    }
}
