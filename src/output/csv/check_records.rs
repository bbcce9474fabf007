//! Rules, one line each. The offenders share a cell, the most certain first.

use crate::analysis::check::{Judgement, Offender};
use crate::analysis::could_show::CouldShow;
use crate::output::check_wording as wording;
use crate::output::columns::Columns;
use crate::output::columns::cells::{finite, joined, word};

pub(super) fn columns<'a>() -> Columns<'a, &'a Judgement> {
    Columns::<&Judgement>::new()
        .column("rule", |rule| &rule.rule)
        .optional("outcome", |rule| word(rule.outcome))
        .optional("level", |rule| word(rule.level))
        .optional("demand", |rule| word(rule.demand))
        .column("scope", |rule| &rule.scope)
        .column("sample_type", |rule| &rule.sample_type)
        .column("unit", |rule| &rule.unit)
        .optional("limit", |rule| rule.limit)
        .optional("limit_percent", |rule| rule.limit_percent)
        .optional("before", |rule| rule.before)
        .optional("after", |rule| rule.after)
        .optional("value", |rule| rule.value)
        .optional("value_percent", |rule| rule.value_percent.and_then(finite))
        .optional("lower", |rule| rule.lower)
        .optional("upper", |rule| rule.upper)
        .column("allowed", |rule| rule.allowed)
        .column("message", |rule| &rule.message)
        .optional("advice", |rule| rule.advice.as_ref())
        .column("offenders", |rule| joined(rule.offenders.iter().map(place)))
        .column("corrected_for", |rule| rule.corrected_for)
        .column("let_pass", |rule| joined(rule.let_pass.iter().map(place)))
        .optional("could_show_growth", |rule| shown(rule)?.growth)
        .optional("could_show_per_hour", |rule| shown(rule)?.slope_per_hour)
        .optional("could_show_goroutines_per_hour", |rule| shown(rule)?.goroutines_per_hour)
}

fn shown(rule: &Judgement) -> Option<&CouldShow> {
    rule.could_show.as_ref()
}

/// `main.serve chat.go:31`.
fn place(offender: &Offender) -> String {
    let place = wording::place(offender);
    format!("{} {place}", offender.place.function).trim_end().to_owned()
}
