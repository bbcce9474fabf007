//! Reads rules from the text of `heapdiff.toml`.
//!
//! A rule that is misread makes a gate that never fails. So nothing unknown is ignored, and each
//! mistake is reported with its line and column and with what is allowed there. The sizes of files
//! and expressions are limited, as for leak patterns.

use super::{Allowance, Amount, LeastConfidence, Level, Limits, Rule, Rules, Scope, Value};
use crate::toml_file::{TomlError, TomlFile};
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

/// Most rules and allow-list entries in a file.
const TABLES_MAX: usize = 500;
/// Largest percentage: growth by a factor of a million.
pub const MAX_PERCENT: f64 = 1e8;
/// Allowed numbers of baselines in a window.
const WINDOW: std::ops::RangeInclusive<i64> = 4..=1000;

/// The file as it is in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<RuleTable>>,
    #[serde(default)]
    allow: Vec<Spanned<AllowTable>>,
    baseline: Option<BaselineTable>,
    /// Leak patterns are read elsewhere.
    #[serde(default, rename = "pattern")]
    _pattern: Option<IgnoredAny>,
    /// The thresholds of the collector are read elsewhere.
    #[serde(default, rename = "gc")]
    _gc: Option<IgnoredAny>,
    #[serde(default, rename = "memory")]
    _memory: Option<IgnoredAny>,
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
    allow_unmatched: Option<Spanned<bool>>,
    min_confidence: Option<Spanned<LeastConfidence>>,
}

/// The only class that a rule can limit.
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
    rules: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BaselineTable {
    window: Option<Spanned<i64>>,
}

/// Checks that a leak pattern has this id; the error holds the nearest ids.
type Patterns<'p> = &'p dyn Fn(&str) -> Result<(), Vec<String>>;

/// Reads the rules of a file.
pub(super) fn rules(file: &str, text: &str, is_pattern: Patterns<'_>) -> Result<Rules, TomlError> {
    let reader = Reader { file: TomlFile { name: file, text }, is_pattern };
    let read: File = reader.file.read("rule")?;
    if read.rule.len() + read.allow.len() > TABLES_MAX {
        let message =
            format!("a rules file can have at most {TABLES_MAX} rules and [[allow]] entries");
        return Err(TomlError::whole(file, message));
    }
    let mut rules: Vec<(Rule, usize)> = Vec::with_capacity(read.rule.len());
    for table in read.rule {
        let at = table.get_ref().name.as_ref().map_or(table.span(), Spanned::span);
        let (line, _) = reader.file.position(at.start);
        let rule = reader.rule(table)?;
        if let Some((known, line)) = rules.iter().find(|(known, _)| known.name == rule.name) {
            let message = format!(
                "there is already a rule `{}` in line {line}: give one of them another `name`",
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
            let message =
                format!("`window` has to be a number of baselines from {least} to {most}");
            reader.file.error(window.span(), message)
        })
    });
    Ok(Rules { rules, allowances, window: window.transpose()? })
}

struct Reader<'a> {
    file: TomlFile<'a>,
    is_pattern: Patterns<'a>,
}

/// The keys that make a scope, as they were written.
struct Scoped<'t> {
    function: Option<&'t Spanned<String>>,
    package: Option<&'t Spanned<String>>,
    file: Option<&'t Spanned<String>>,
    pattern: Option<&'t Spanned<String>>,
    class: Option<&'t Spanned<Class>>,
}

impl Reader<'_> {
    fn rule(&self, table: Spanned<RuleTable>) -> Result<Rule, TomlError> {
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
                    .error(name.span(), "`name` is empty: give one, or leave it out".to_owned()));
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
            let sample_type = table.sample_type.as_ref().map(|name| ("sample_type", name.span()));
            let unmatched =
                table.allow_unmatched.as_ref().map(|flag| ("allow_unmatched", flag.span()));
            if let Some((key, at)) = value.or(limit).or(sample_type).or(unmatched) {
                let message = format!(
                    "rule `{name}`: `class = \"leak\"` allows no leaks at all: leave out `{key}`, \
                     and list accepted leaks in [[allow]]"
                );
                return Err(self.file.error(at, message));
            }
        } else if !demands {
            let message = format!(
                "rule `{name}` has no limit: add `max_growth` (\"5MiB\"), `max_growth_percent` \
                 (10), `max` (\"64MiB\"), `max_drift` or `max_drift_percent`"
            );
            return Err(self.file.error(at, message));
        }
        if let Some(confidence) = table.min_confidence.as_ref().filter(|_| scope != Scope::Leak) {
            let message = format!(
                "rule `{name}`: `min_confidence` is for rules with `class = \"leak\"`: leave it out"
            );
            return Err(self.file.error(confidence.span(), message));
        }
        if let (Some(value), Scope::Total) = (&table.value, &scope) {
            let message = format!(
                "rule `{name}`: `value` needs a function, package or file, and this rule is about \
                 the total: leave it out"
            );
            return Err(self.file.error(value.span(), message));
        }
        if let (Some(flag), Scope::Total) = (&table.allow_unmatched, &scope) {
            let message =
                format!("rule `{name}`: the total always matches: leave out `allow_unmatched`");
            return Err(self.file.error(flag.span(), message));
        }
        if let (Some(value), Scope::Pattern(_)) = (&table.value, &scope) {
            let message =
                format!("rule `{name}`: a pattern matches whole stacks: leave out `value`");
            return Err(self.file.error(value.span(), message));
        }
        if let Some(sample_type) =
            table.sample_type.as_ref().filter(|name| name.get_ref().trim().is_empty())
        {
            let message = "`sample_type` is empty: use inuse_space, inuse_objects, alloc_space or \
                           alloc_objects for a heap profile"
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
            allow_unmatched: table.allow_unmatched.is_some_and(Spanned::into_inner),
            min_confidence: table.min_confidence.map(Spanned::into_inner).unwrap_or_default(),
        })
    }

    fn allowance(
        &self,
        table: Spanned<AllowTable>,
        rules: &[Rule],
    ) -> Result<Allowance, TomlError> {
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
            let message = "an [[allow]] needs a scope: `function`, `package` or `file` with a \
                           regular expression, or `pattern` with an id";
            return Err(self.file.error(at, message.to_owned()));
        }
        let reason = table.reason.get_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        if reason.is_empty() {
            let message = "`reason` is empty: explain why this may grow".to_owned();
            return Err(self.file.error(table.reason.span(), message));
        }
        if let Some(empty) = table.rules.as_ref().filter(|names| names.get_ref().is_empty()) {
            let message = "`rules` is empty, so the entry applies to no rule: name some, or leave it out for all";
            return Err(self.file.error(empty.span(), message.to_owned()));
        }
        let names = table.rules.map(Spanned::into_inner).unwrap_or_default();
        for name in &names {
            if rules.iter().all(|rule| rule.name != *name.get_ref()) {
                let known: Vec<String> =
                    rules.iter().map(|rule| format!("`{}`", rule.name)).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message =
                    format!("there is no rule `{}`; the rules are: {known}", name.get_ref());
                return Err(self.file.error(name.span(), message));
            }
        }
        Ok(Allowance {
            scope,
            reason,
            expires: self.date("expires", &table.expires)?,
            rules: names.into_iter().map(Spanned::into_inner).collect(),
            place: format!("{}:{line}", self.file.name),
        })
    }

    fn scope(&self, scoped: &Scoped<'_>) -> Result<Scope, TomlError> {
        let Scoped { function, package, file, pattern, class } = *scoped;
        let mut given =
            [("function", function), ("package", package), ("file", file), ("pattern", pattern)]
                .into_iter()
                .filter_map(|(key, text)| Some((key, text?.span())))
                .chain(class.map(|class| ("class", class.span())));
        if let (Some((one, _)), Some((other, at))) = (given.next(), given.next()) {
            let message = format!(
                "`{one}` and `{other}` are both given: a scope is one of `function`, `package`, \
                 `file`, `pattern` and `class`; write a table for each"
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
                        near => format!("; the nearest are {}", near.join(", ")),
                    };
                    let message = format!(
                        "there is no pattern `{}` for heap profiles{nearest}; `heapdiff patterns` \
                         lists them",
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

    fn amount(&self, key: &str, value: &Spanned<toml::Value>) -> Result<Amount, TomlError> {
        let amount = match value.get_ref() {
            toml::Value::Integer(number) if *number >= 0 => {
                Some(Amount { value: *number, is_size: false })
            }
            toml::Value::String(text) => Amount::parse(text),
            _ => None,
        };
        amount.ok_or_else(|| {
            let message = format!(
                "`{key}` is {}, and should be a size such as \"64MiB\" (B, KiB, MiB, GiB, TiB, or \
                 kB, MB, GB, TB in steps of 1000), or a number of at least 0",
                written(value.get_ref())
            );
            self.file.error(value.span(), message)
        })
    }

    fn percent(&self, key: &str, value: &Spanned<toml::Value>) -> Result<f64, TomlError> {
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

    fn date(&self, key: &str, value: &Spanned<toml::Value>) -> Result<Date, TomlError> {
        let text = match value.get_ref() {
            toml::Value::String(text) => text.clone(),
            toml::Value::Datetime(date) => date.to_string(),
            other => written(other),
        };
        text.parse::<Date>().ok().filter(|_| text.len() == "2027-01-31".len()).ok_or_else(|| {
            let message = format!(
                "`{key}` is {}, and should be a date: 2027-01-31, the last day on which this is \
                 allowed",
                written(value.get_ref())
            );
            self.file.error(value.span(), message)
        })
    }
}

/// Returns a value as it was written, shortened.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_file::{FILE_MAX, REGEX_MAX};

    const FINE: &str = "[[rule]]\nname = 'cache'\nfunction = '^shop/cache'\nmax = '64MiB'\n";
    const ALLOWED: &str =
        "[[allow]]\nfunction = '^shop/import'\nreason = 'SHOP-1'\nexpires = 2027-01-31\n";

    fn read(text: &str) -> Result<Rules, TomlError> {
        rules("h.toml", text, &|id| match id {
            "timer-ticker" => Ok(()),
            "timer-tickers" => Err(vec!["timer-ticker".to_owned(), "time-after".to_owned()]),
            _ => Err(Vec::new()),
        })
    }

    fn error(text: &str) -> String {
        read(text).map_err(|error| error.to_string()).unwrap_err()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let read = read(&[FINE, ALLOWED].concat()).unwrap();
        let [rule] = read.rules.as_slice() else { panic!("{read:?}") };
        assert_eq!(
            (rule.name.as_str(), rule.value, rule.level),
            ("cache", Value::Cum, Level::Fail)
        );
        assert_eq!(rule.scope.to_string(), "function ^shop/cache");
        assert_eq!(rule.budget, Some(Amount { value: 64 << 20, is_size: true }));
        assert!(rule.growth.is_empty() && rule.drift.is_empty() && !rule.allow_unmatched);
        assert_eq!((&rule.sample_type, read.window), (&None, None));
        let [allowed] = read.allowances.as_slice() else { panic!("{read:?}") };
        assert_eq!((allowed.place.as_str(), allowed.reason.as_str()), ("h.toml:5", "SHOP-1"));
        assert!(allowed.is_for(rule));
        assert!(!allowed.is_expired("2027-01-31".parse().unwrap()));
        assert!(allowed.is_expired("2027-02-01".parse().unwrap()));
        assert_eq!(super::rules("h.toml", "", &|_| Ok(())), Ok(Rules::default()));
    }

    #[test]
    fn a_rule_is_called_as_its_scope_where_it_has_no_name() {
        let scopes = [
            ("", "total"),
            ("function = 'a'", "function a"),
            ("package = 'a'", "package a"),
            ("file = 'a'", "file a"),
            ("pattern = 'timer-ticker'", "pattern timer-ticker"),
        ];
        for (scope, name) in scopes {
            let read = read(&format!("[[rule]]\n{scope}\nmax_growth = 5\n")).unwrap();
            assert_eq!(read.rules[0].name, name);
        }
        assert_eq!(read("[[rule]]\nclass = 'leak'\n").unwrap().rules[0].scope, Scope::Leak);
    }

    #[test]
    fn amounts_are_sizes_or_numbers() {
        let amount = |text: &str| {
            let read = read(&format!("[[rule]]\nmax = {text}\n"))?;
            Ok::<_, TomlError>(read.rules[0].budget.map(|amount| (amount.value, amount.is_size)))
        };
        let cases = [
            ("'64MiB'", 64 << 20, true),
            ("'64 MiB'", 64 << 20, true),
            ("'64MB'", 64_000_000, true),
            ("'1.5KiB'", 1536, true),
            ("'1kB'", 1000, true),
            ("'0B'", 0, true),
            ("'2000'", 2000, false),
            ("2000", 2000, false),
            ("0", 0, false),
            ("9_223_372_036_854_775_807", i64::MAX, false),
        ];
        for (text, value, is_size) in cases {
            assert_eq!(amount(text), Ok(Some((value, is_size))), "{text}");
        }
        let bad = [
            "''",
            "' '",
            "'MiB'",
            "'5parsecs'",
            "'5 Mi B'",
            "'-5MiB'",
            "-5",
            "1.5",
            "nan",
            "true",
            "[]",
            "{}",
            "2027-01-31",
            "'5MiB and more'",
            "'1e3'",
            "'0x10'",
            "'99999999TiB'",
            "'9223372036854775808'",
        ];
        for text in bad {
            let error = amount(text).unwrap_err().to_string();
            assert!(error.starts_with("h.toml:2:7: `max` is "), "{text}: {error}");
            assert!(error.contains("a size such as \"64MiB\" (B, KiB, MiB"), "{text}: {error}");
        }
        let beyond = amount("9223372036854775808").unwrap_err().to_string();
        assert!(beyond.starts_with("h.toml:2:7: "), "{beyond}");
    }

    #[test]
    fn percentages_are_numbers() {
        let percent = |text: &str| {
            let read = read(&format!("[[rule]]\nmax_growth_percent = {text}\n"))?;
            Ok::<_, TomlError>(read.rules[0].growth.percent)
        };
        assert_eq!(percent("10"), Ok(Some(10.0)));
        assert_eq!(percent("0.5"), Ok(Some(0.5)));
        assert_eq!(percent("0"), Ok(Some(0.0)));
        for text in ["-1", "nan", "inf", "'10'", "'10%'", "1e9", "true", "[10]"] {
            let error = percent(text).unwrap_err().to_string();
            assert!(error.starts_with("h.toml:2:22: `max_growth_percent` is "), "{text}: {error}");
            assert!(error.contains("a number from 0 to 100000000: 10 is 10 percent"), "{error}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_what_is_allowed() {
        let with = |from: &str, to: &str| FINE.replace(from, to);
        let allowed = |from: &str, to: &str| [FINE, &ALLOWED.replace(from, to)].concat();
        let long = "x".repeat(REGEX_MAX + 1);
        let leak = |line: &str| format!("[[rule]]\nclass = 'leak'\n{line}\n");
        let cases = [
            (
                "x = 1\n".to_owned(),
                "h.toml:1:1: unknown field `x`, expected one of `rule`, `allow`, `baseline`, \
                 `pattern`",
            ),
            (
                with("max", "maxx"),
                "h.toml:4:1: unknown field `maxx`, expected one of `name`, `func",
            ),
            (
                allowed("reason", "why"),
                "h.toml:7:1: unknown field `why`, expected one of `function`",
            ),
            (
                "[baseline]\nwide = 3\n".to_owned(),
                "h.toml:2:1: unknown field `wide`, expected `window`",
            ),
            ("[rule]\nmax = 1\n".to_owned(), "h.toml:1:1: invalid type: map, expected a sequence"),
            ("rule = 3\n".to_owned(), "h.toml:1:8: invalid type: integer `3`, expected a sequence"),
            (with("'cache'", "3"), "h.toml:2:8: invalid type: integer `3`, expected a string"),
            (with("'cache'", "' '"), "h.toml:2:8: `name` is empty"),
            (
                with("'^shop/cache'", "['a']"),
                "h.toml:3:12: invalid type: sequence, expected a string",
            ),
            (with("^shop", "^(shop"), "h.toml:3:12: `function` doesn't compile: regex parse error"),
            (
                with("^shop/cache", ""),
                "h.toml:3:12: `function` is empty, which would match everything",
            ),
            (with("^shop", &long), "h.toml:3:12: `function` has 1007 bytes, more than 1000"),
            (with("^shop", r"(\w{99}){99}"), "takes more than 524288 bytes when compiled"),
            (
                with("max", "package = 'x'\nmax"),
                "h.toml:4:11: `function` and `package` are both given: a scope is one of",
            ),
            (
                with("max", "class = 'leak'\nmax"),
                "h.toml:4:9: `function` and `class` are both given",
            ),
            (
                with("max", "level = 'warning'\nmax"),
                "h.toml:4:9: unknown variant `warning`, expected `fail` or `warn`",
            ),
            (
                with("max", "value = 'sum'\nmax"),
                "h.toml:4:9: unknown variant `sum`, expected `cum` or `flat`",
            ),
            (
                with("max", "allow_unmatched = 'yes'\nmax"),
                "h.toml:4:19: invalid type: string \"yes\", expected a boolean",
            ),
            (
                with("max", "sample_type = ' '\nmax"),
                "h.toml:4:15: `sample_type` is empty: use inuse_space, inuse_objects, alloc_space",
            ),
            (
                with("function = '^shop/cache'", "class = 'leaks'"),
                "h.toml:3:9: unknown variant `leaks`, expected `leak`",
            ),
            (
                with("function = '^shop/cache'", "pattern = 'timer-tickers'"),
                "h.toml:3:11: there is no pattern `timer-tickers` for heap profiles; the nearest are \
                 timer-ticker, time-after; `heapdiff patterns` lists them",
            ),
            (
                with("function = '^shop/cache'", "pattern = 'x'"),
                "h.toml:3:11: there is no pattern `x` for heap profiles; `heapdiff patterns` lists \
                 them",
            ),
            (
                with("max = '64MiB'", ""),
                "h.toml:1:1: rule `cache` has no limit: add `max_growth` (\"5MiB\"), ",
            ),
            (
                with("function = '^shop/cache'", "value = 'flat'"),
                "h.toml:3:9: rule `cache`: `value` needs a function, package or file",
            ),
            (
                with("function = '^shop/cache'", "allow_unmatched = true"),
                "h.toml:3:19: rule `cache`: the total always matches",
            ),
            (
                with("function = '^shop/cache'", "pattern = 'timer-ticker'\nvalue = 'flat'"),
                "h.toml:4:9: rule `cache`: a pattern matches whole stacks",
            ),
            (
                leak("max = 3"),
                "h.toml:3:7: rule `class leak`: `class = \"leak\"` allows no leaks at all",
            ),
            (leak("max_growth_percent = 3"), "leave out `max_growth_percent`, and list accepted"),
            (leak("sample_type = 'inuse_space'"), "h.toml:3:15: rule `class leak`: "),
            (leak("allow_unmatched = true"), "h.toml:3:19: rule `class leak`: "),
            (leak("value = 'cum'"), "h.toml:3:9: rule `class leak`: "),
            (
                [FINE, FINE].concat(),
                "h.toml:6:8: there is already a rule `cache` in line 2: give one of them another \
                 `name`",
            ),
            (
                "[[rule]]\nmax = 1\n[[rule]]\nmax = 2\n".to_owned(),
                "h.toml:3:1: there is already a rule `total` in line 1",
            ),
            (allowed("reason = 'SHOP-1'\n", ""), "h.toml:5:1: missing field `reason`"),
            (allowed("expires = 2027-01-31\n", ""), "h.toml:5:1: missing field `expires`"),
            (
                allowed("'SHOP-1'", "' '"),
                "h.toml:7:10: `reason` is empty: explain why this may grow",
            ),
            (
                allowed("function = '^shop/import'\n", ""),
                "h.toml:5:1: an [[allow]] needs a scope: `function`, `package` or `file`",
            ),
            (
                allowed("function = '^shop/import'", "class = 'leak'"),
                "h.toml:6:1: unknown field `class`, expected one of `function`",
            ),
            (
                allowed("reason", "rules = ['cash']\nreason"),
                "h.toml:7:10: there is no rule `cash`; the rules are: `cache`",
            ),
            (
                allowed("2027-01-31", "'tomorrow'"),
                "h.toml:8:11: `expires` is \"tomorrow\", and should be a date: 2027-01-31, the last day on",
            ),
            (
                allowed("2027-01-31", "'2027-02-30'"),
                "h.toml:8:11: `expires` is \"2027-02-30\", and",
            ),
            (allowed("2027-01-31", "'31.1.2027'"), "h.toml:8:11: `expires` is \"31.1.2027\", and"),
            (allowed("2027-01-31", "'20270131'"), "h.toml:8:11: `expires` is \"20270131\", and"),
            (
                allowed("2027-01-31", "2027-01-31T10:00:00Z"),
                "h.toml:8:11: `expires` is 2027-01-31T",
            ),
            (allowed("2027-01-31", "10:00:00"), "h.toml:8:11: `expires` is 10:00:00, and should"),
            (allowed("2027-01-31", "2027"), "h.toml:8:11: `expires` is 2027, and should be a date"),
            (allowed("2027-01-31", "2027-02-30"), "h.toml:8:11: "),
            (
                "[baseline]\nwindow = 3\n".to_owned(),
                "h.toml:2:10: `window` has to be a number of baselines from 4 to 1000",
            ),
            ("[baseline]\nwindow = '12'\n".to_owned(), "h.toml:2:10: invalid type: string \"12\""),
            (with("'cache'", "'cache"), "h.toml:2:"),
            ("[[rule".to_owned(), "h.toml:1:"),
            ("\u{feff}= ä".to_owned(), "h.toml:1:"),
            ([FINE, &"[".repeat(10_000)].concat(), "h.toml:5:"),
            ([FINE, "x = ", &"[".repeat(10_000)].concat(), "h.toml:5:"),
        ];
        for (text, expected) in cases {
            let error = error(&text);
            assert!(error.contains(expected), "{text:.300}\n{error}\n{expected}");
            let place = error.strip_prefix("h.toml:").unwrap_or_default();
            let mut numbers = place.splitn(3, ':').take(2).map(str::parse::<u32>);
            assert!(numbers.all(|number| number.is_ok()), "{error}");
        }
        let long = "#".repeat(FILE_MAX + 1);
        assert!(
            error(&long).starts_with("h.toml: a rule file can have at most 1048576 bytes, not")
        );
        let many: String =
            (0..=TABLES_MAX).map(|i| FINE.replace("'cache'", &format!("'{i}'"))).collect();
        assert_eq!(
            error(&many),
            "h.toml: a rules file can have at most 500 rules and [[allow]] entries"
        );
    }

    #[test]
    fn no_cut_off_file_panics() {
        let template = include_str!("../command/check/heapdiff.toml");
        let open = template.replace("\n#", "\n");
        for text in [template, open.as_str(), &[FINE, ALLOWED].concat()] {
            for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
                let _ = read(&text[..end]);
            }
        }
    }
}
