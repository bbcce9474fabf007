//! Reads a table of thresholds of `heapdiff.toml`: `[gc]` or `[memory]`.
//!
//! Every threshold has a default, so a table sets only what it changes. A key that doesn't exist is an
//! error that names those that do.

use super::Amount;
use crate::toml_file::{TomlError, TomlFile};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use toml::{Spanned, Value};

/// What a value of a key is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number of at least 0.
    Number,
    /// A size, kept in MiB.
    Size,
}

/// A table of thresholds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// `[gc]`.
    Gc,
    /// `[memory]`.
    Memory,
}

/// A key, what it is, and where its value goes.
pub(super) type Key<'a> = (&'static str, Kind, &'a mut f64);

type Values = BTreeMap<Spanned<String>, Spanned<Value>>;

/// The settings file, as far as it has thresholds. The other tables have readers of their own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    gc: Option<Values>,
    memory: Option<Values>,
    #[serde(default, rename = "rule")]
    _rule: Option<IgnoredAny>,
    #[serde(default, rename = "allow")]
    _allow: Option<IgnoredAny>,
    #[serde(default, rename = "baseline")]
    _baseline: Option<IgnoredAny>,
    #[serde(default, rename = "pattern")]
    _pattern: Option<IgnoredAny>,
}

/// Reads a table of a file into its thresholds.
pub(super) fn read(
    name: &str,
    text: &str,
    table: Table,
    keys: &mut [Key<'_>],
) -> Result<(), TomlError> {
    let file = TomlFile { name, text };
    let read: File = file.read("settings")?;
    let (table, values) = match table {
        Table::Gc => ("gc", read.gc),
        Table::Memory => ("memory", read.memory),
    };
    for (key, value) in values.unwrap_or_default() {
        let Some((_, kind, limit)) = keys.iter_mut().find(|(own, ..)| own == key.get_ref()) else {
            let all: Vec<_> = keys.iter().map(|(key, ..)| format!("`{key}`")).collect();
            let message = format!(
                "`{}` isn't a key of [{table}]; they are {}",
                key.get_ref(),
                all.join(", ")
            );
            return Err(file.error(key.span(), message));
        };
        **limit = number(*kind, value.get_ref()).ok_or_else(|| {
            let what = match kind {
                Kind::Number => "a number of at least 0",
                Kind::Size => "a size such as \"4MiB\"",
            };
            let message = format!("`{}` should be {what}", key.get_ref());
            file.error(value.span(), message)
        })?;
    }
    Ok(())
}

fn number(kind: Kind, value: &Value) -> Option<f64> {
    let number = match (kind, value) {
        (Kind::Size, Value::String(text)) => {
            Amount::parse(text).filter(|amount| amount.is_size)?.value as f64 / f64::from(1 << 20)
        }
        (Kind::Number, Value::Integer(number)) => *number as f64,
        (Kind::Number, Value::Float(number)) => *number,
        _ => return None,
    };
    (0.0..=1e15).contains(&number).then_some(number)
}
