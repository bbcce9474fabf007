//! From the text of `heapdiff.toml` to rules.
//!
//! A rule that is misread is a gate that never fails. So nothing unknown is passed over, and each mistake is told with
//! its line and column and with what is allowed there. Files and expressions are bounded, as those of patterns are.

use super::{Allowance, Amount, Level, Limits, Rule, Rules, Scope, Value};
use crate::toml_file::{Error, TomlFile};
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

/// Rules and allowances of a file at most.
const TABLES_MAX: usize = 500;
/// Percent at most: a million times as much.
pub const MAX_PERCENT: f64 = 1e8;
/// Baselines that a window may hold.
const WINDOW: std::ops::RangeInclusive<i64> = 4..=1000;

/// The file as TOML has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<RuleTable>>,
    #[serde(default)]
    allow: Vec<Spanned<AllowTable>>,
    baseline: Option<BaselineTable>,
    /// Patterns have a reader of their own.
    #[serde(default, rename = "pattern")]
    _pattern: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: Option<Spanned<String>>,
    function: Option<Spanned<String>>,
    package: Option<Spanned<String>>,
    file: Option<Spanned<String>>,
    pattern: Option<Spanned<String>>,
    class: Option<Spanned<Class>>,
    value: Option<Spanned<Value>>,
    sample_type: Option<Spanned<String>>,
    max_growth: Option<Spanned<toml::Value>>,
    max_growth_percent: Option<Spanned<toml::Value>>,
    max: Option<Spanned<toml::Value>>,
    max_drift: Option<Spanned<toml::Value>>,
    max_drift_percent: Option<Spanned<toml::Value>>,
    #[serde(default)]
    level: Level,
    #[serde(default)]
    allow_unmatched: bool,
}

/// The one class that a rule can be about.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Class {
    Leak,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowTable {
    function: Option<Spanned<String>>,
    package: Option<Spanned<String>>,
    file: Option<Spanned<String>>,
    pattern: Option<Spanned<String>>,
    reason: Spanned<String>,
    expires: Spanned<toml::Value>,
    #[serde(default)]
    rules: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineTable {
    window: Option<Spanned<i64>>,
}

/// Whether there is a pattern of an id, and else which are near it.
type Patterns<'p> = &'p dyn Fn(&str) -> Result<(), Vec<String>>;

/// The rules of a file.
pub(super) fn rules(file: &str, text: &str, is_pattern: Patterns<'_>) -> Result<Rules, Error> {
    let reader = Reader { file: TomlFile { name: file, text }, is_pattern };
    let read: File = reader.file.read("rule")?;
    if read.rule.len() + read.allow.len() > TABLES_MAX {
        let message = format!("a rule file has at most {TABLES_MAX} rules and allowances");
        return Err(Error::whole(file, message));
    }
    let mut rules: Vec<(Rule, usize)> = Vec::with_capacity(read.rule.len());
    for table in read.rule {
        let at = table.get_ref().name.as_ref().map_or(table.span(), Spanned::span);
        let (line, _) = reader.file.position(at.start);
        let rule = reader.rule(table)?;
        if let Some((known, line)) = rules.iter().find(|(known, _)| known.name == rule.name) {
            let message = format!(
                "there is a rule `{}` already, in line {line}: give one of them another `name`",
                known.name
            );
            return Err(reader.file.error(at, message));
        }
        rules.push((rule, line));
    }
    let rules: Vec<Rule> = rules.into_iter().map(|(rule, _)| rule).collect();
    let allowances = read.allow.into_iter().map(|table| reader.allowance(table, &rules));
    let allowances = allowances.collect::<Result<_, _>>()?;
    let window = read.baseline.and_then(|table| table.window);
    let window = window.map(|window| {
        let number = Some(*window.get_ref()).filter(|number| WINDOW.contains(number));
        number.map(|number| number as usize).ok_or_else(|| {
            let (least, most) = (WINDOW.start(), WINDOW.end());
            let message = format!("`window` is a number of baselines, from {least} to {most}");
            reader.file.error(window.span(), message)
        })
    });
    Ok(Rules { rules, allowances, window: window.transpose()? })
}

struct Reader<'a> {
    file: TomlFile<'a>,
    is_pattern: Patterns<'a>,
}

/// What a scope is made of, as it was written.
struct Scoped<'t> {
    function: Option<&'t Spanned<String>>,
    package: Option<&'t Spanned<String>>,
    file: Option<&'t Spanned<String>>,
    pattern: Option<&'t Spanned<String>>,
    class: Option<&'t Spanned<Class>>,
}

impl Reader<'_> {
    fn rule(&self, table: Spanned<RuleTable>) -> Result<Rule, Error> {
        let at = table.span();
        let table = table.into_inner();
        let scope = self.scope(&Scoped {
            function: table.function.as_ref(),
            package: table.package.as_ref(),
            file: table.file.as_ref(),
            pattern: table.pattern.as_ref(),
            class: table.class.as_ref(),
        })?;
        let name = match &table.name {
            Some(name) if name.get_ref().trim().is_empty() => {
                return Err(self
                    .file
                    .error(name.span(), "`name` is empty: leave it out, or say it".to_owned()));
            }
            Some(name) => name.get_ref().trim().to_owned(),
            None => scope.to_string(),
        };
        let amount = |key: &str, value: &Option<Spanned<toml::Value>>| {
            value.as_ref().map(|value| self.amount(key, value)).transpose()
        };
        let percent = |key: &str, value: &Option<Spanned<toml::Value>>| {
            value.as_ref().map(|value| self.percent(key, value)).transpose()
        };
        let growth = Limits {
            most: amount("max_growth", &table.max_growth)?,
            percent: percent("max_growth_percent", &table.max_growth_percent)?,
        };
        let drift = Limits {
            most: amount("max_drift", &table.max_drift)?,
            percent: percent("max_drift_percent", &table.max_drift_percent)?,
        };
        let budget = amount("max", &table.max)?;
        let demands = !(growth.is_empty() && drift.is_empty() && budget.is_none());
        if scope == Scope::Leak {
            let value = table.value.as_ref().map(|value| ("value", value.span()));
            let limit = [
                ("max_growth", &table.max_growth),
                ("max_growth_percent", &table.max_growth_percent),
                ("max", &table.max),
                ("max_drift", &table.max_drift),
                ("max_drift_percent", &table.max_drift_percent),
            ];
            let limit = limit.iter().find_map(|(key, value)| Some((*key, value.as_ref()?.span())));
            if let Some((key, at)) = value.or(limit) {
                let message = format!(
                    "rule `{name}`: `class = \"leak\"` allows no leak at all: leave out `{key}`, or name what may \
                     leak in an [[allow]]"
                );
                return Err(self.file.error(at, message));
            }
        } else if !demands {
            let message = format!(
                "rule `{name}` demands nothing: give it `max_growth` (\"5MiB\"), `max_growth_percent` (10), `max` \
                 (\"64MiB\"), `max_drift` or `max_drift_percent`"
            );
            return Err(self.file.error(at, message));
        }
        if let (Some(value), Scope::Total) = (&table.value, &scope) {
            let message = format!(
                "rule `{name}`: `value` says where on a stack a function stands, and this rule is about the total: \
                 leave it out"
            );
            return Err(self.file.error(value.span(), message));
        }
        if let (Some(value), Scope::Pattern(_)) = (&table.value, &scope) {
            let message =
                format!("rule `{name}`: a pattern looks at whole stacks: leave out `value`");
            return Err(self.file.error(value.span(), message));
        }
        if let Some(sample_type) =
            table.sample_type.as_ref().filter(|name| name.get_ref().trim().is_empty())
        {
            let message = "`sample_type` is empty: inuse_space, inuse_objects, alloc_space or alloc_objects of a \
                           heap profile"
                .to_owned();
            return Err(self.file.error(sample_type.span(), message));
        }
        Ok(Rule {
            name,
            scope,
            value: table.value.map_or(Value::Cum, Spanned::into_inner),
            sample_type: table.sample_type.map(Spanned::into_inner),
            growth,
            budget,
            drift,
            level: table.level,
            allow_unmatched: table.allow_unmatched,
        })
    }

    fn allowance(&self, table: Spanned<AllowTable>, rules: &[Rule]) -> Result<Allowance, Error> {
        let at = table.span();
        let table = table.into_inner();
        let scope = self.scope(&Scoped {
            function: table.function.as_ref(),
            package: table.package.as_ref(),
            file: table.file.as_ref(),
            pattern: table.pattern.as_ref(),
            class: None,
        })?;
        let (line, _) = self.file.position(at.start);
        if scope == Scope::Total {
            let message = "an [[allow]] says what it is about: `function`, `package` or `file`, a regular \
                           expression, or the id of a `pattern`";
            return Err(self.file.error(at, message.to_owned()));
        }
        let reason = table.reason.get_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        if reason.is_empty() {
            let message = "`reason` is empty: say why this may grow".to_owned();
            return Err(self.file.error(table.reason.span(), message));
        }
        for name in &table.rules {
            if rules.iter().all(|rule| rule.name != *name.get_ref()) {
                let known: Vec<String> =
                    rules.iter().map(|rule| format!("`{}`", rule.name)).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("there is no rule `{}`; there are: {known}", name.get_ref());
                return Err(self.file.error(name.span(), message));
            }
        }
        Ok(Allowance {
            scope,
            reason,
            expires: self.date("expires", &table.expires)?,
            rules: table.rules.into_iter().map(Spanned::into_inner).collect(),
            place: format!("{}:{line}", self.file.name),
        })
    }

    fn scope(&self, scoped: &Scoped<'_>) -> Result<Scope, Error> {
        let Scoped { function, package, file, pattern, class } = *scoped;
        let mut given =
            [("function", function), ("package", package), ("file", file), ("pattern", pattern)]
                .into_iter()
                .filter_map(|(key, text)| Some((key, text?.span())))
                .chain(class.map(|class| ("class", class.span())));
        if let (Some((one, _)), Some((other, at))) = (given.next(), given.next()) {
            let message = format!(
                "`{one}` is given already, and `{other}` as well: a scope is one of `function`, `package`, `file`, \
                 `pattern` and `class`; write a table for each"
            );
            return Err(self.file.error(at, message));
        }
        let regex = |key: &str, text: &Spanned<String>| self.file.regex(&format!("`{key}`"), text);
        if let Some(text) = function {
            return regex("function", text).map(Scope::Function);
        }
        if let Some(text) = package {
            return regex("package", text).map(Scope::Package);
        }
        if let Some(text) = file {
            return regex("file", text).map(Scope::File);
        }
        if let Some(id) = pattern {
            return match (self.is_pattern)(id.get_ref()) {
                Ok(()) => Ok(Scope::Pattern(id.get_ref().clone())),
                Err(nearest) => {
                    let nearest = match nearest.as_slice() {
                        [] => String::new(),
                        near => format!("; near it are {}", near.join(", ")),
                    };
                    let message = format!(
                        "there is no pattern `{}` of heap profiles{nearest}; `heapdiff patterns` lists them",
                        id.get_ref()
                    );
                    Err(self.file.error(id.span(), message))
                }
            };
        }
        Ok(match class.map(Spanned::get_ref) {
            Some(Class::Leak) => Scope::Leak,
            None => Scope::Total,
        })
    }

    fn amount(&self, key: &str, value: &Spanned<toml::Value>) -> Result<Amount, Error> {
        let amount = match value.get_ref() {
            toml::Value::Integer(number) if *number >= 0 => {
                Some(Amount { value: *number, is_size: false })
            }
            toml::Value::String(text) => Amount::parse(text),
            _ => None,
        };
        amount.ok_or_else(|| {
            let message = format!(
                "`{key}` is {}, and should be a size such as \"64MiB\" (B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB of \
                 1000s), or a number of at least 0",
                written(value.get_ref())
            );
            self.file.error(value.span(), message)
        })
    }

    fn percent(&self, key: &str, value: &Spanned<toml::Value>) -> Result<f64, Error> {
        let percent = match value.get_ref() {
            toml::Value::Integer(number) => Some(*number as f64),
            toml::Value::Float(number) => Some(*number),
            _ => None,
        };
        percent.filter(|percent| (0.0..=MAX_PERCENT).contains(percent)).ok_or_else(|| {
            let message = format!(
                "`{key}` is {}, and should be a number from 0 to {MAX_PERCENT}: 10 is 10 percent",
                written(value.get_ref())
            );
            self.file.error(value.span(), message)
        })
    }

    fn date(&self, key: &str, value: &Spanned<toml::Value>) -> Result<Date, Error> {
        let text = match value.get_ref() {
            toml::Value::String(text) => text.clone(),
            toml::Value::Datetime(date) => date.to_string(),
            other => written(other),
        };
        text.parse::<Date>().ok().filter(|_| text.len() == "2027-01-31".len()).ok_or_else(|| {
            let message = format!(
                "`{key}` is {}, and should be a day: 2027-01-31, the last on which this is allowed",
                written(value.get_ref())
            );
            self.file.error(value.span(), message)
        })
    }
}

/// A value as it was written, not at length.
fn written(value: &toml::Value) -> String {
    let text = match value {
        toml::Value::String(text) => format!("\"{text}\""),
        toml::Value::Array(_) => "a list".to_owned(),
        toml::Value::Table(_) => "a table".to_owned(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(date) => date.to_string(),
    };
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
