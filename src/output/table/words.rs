//! What grows, and how one says it: each kind of profile has words of its own. Memory grows and
//! shrinks, CPU time is taken, a lock is waited for.

use super::escape::escape;
use super::number::Scale;
use crate::report::{InputKind, Report, Total};

/// The words for what a report measures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// Above the sites that grew.
    pub(super) title: &'static str,
    /// `Nothing grew`, for values without error.
    pub(super) grew: &'static str,
    /// `Nothing grew or shrank`.
    pub(super) changed: &'static str,
    /// Ends such a sentence if error bars say so.
    pub(super) beyond: &'static str,
    /// Why there is nothing: `no allocation was sampled`.
    pub(super) nothing: &'static str,
}

const BEYOND: &str = ", beyond what sampling error explains";

/// The words for the sample type of a report.
pub(super) fn words(report: &Report) -> Words {
    let kind = report.inputs.last().map_or(InputKind::Other, |input| input.kind);
    let sample_type = report.sample_type.as_str();
    match kind {
        InputKind::Heap if sample_type.starts_with("alloc_") => Words {
            title: "Allocated more, and where to look",
            grew: "allocated more",
            changed: "allocated more or less",
            beyond: BEYOND,
            nothing: "no allocation was sampled",
        },
        InputKind::Heap | InputKind::Reference => Words {
            title: "Grew, and where to look",
            grew: "grew",
            changed: "grew or shrank",
            beyond: " by more than sampling error explains",
            nothing: "no allocation was sampled",
        },
        InputKind::Goroutine => Words {
            title: "More goroutines, and where to look",
            grew: "has more goroutines",
            changed: "has more or fewer goroutines",
            beyond: BEYOND,
            nothing: "there are no goroutines",
        },
        InputKind::Cpu => Words {
            title: "Took more time, and where to look",
            grew: "took more time",
            changed: "took more or less time",
            beyond: BEYOND,
            nothing: "no CPU time was recorded",
        },
        InputKind::Contention => Words {
            title: "Waited longer, and where to look",
            grew: if sample_type == "contentions" { "waited more often" } else { "waited longer" },
            changed: "waited longer or shorter",
            beyond: BEYOND,
            nothing: "nothing waited",
        },
        InputKind::Threadcreate => Words {
            title: "Created more threads, and where to look",
            grew: "created more threads",
            changed: "created more or fewer threads",
            beyond: BEYOND,
            nothing: "no thread was created",
        },
        InputKind::Other => Words {
            title: "Grew, and where to look",
            grew: "grew",
            changed: "grew or shrank",
            beyond: " by more than sampling error explains",
            nothing: "nothing was recorded",
        },
    }
}

fn is_zero(total: &Total) -> bool {
    total.value.after == 0 && total.value.before.unwrap_or(0) == 0
}

/// What to ask instead if all values of the sample type are 0 and those of another aren't: memory
/// that was allocated and isn't in use any more.
pub(super) fn elsewhere(report: &Report) -> Option<String> {
    let find = |name: &str| report.totals.iter().find(|total| total.sample_type == name);
    find(&report.sample_type).filter(|total| is_zero(total))?;
    let allocated = report.sample_type.strip_prefix("inuse_").and_then(|what| {
        let total = find(&format!("alloc_{what}")).filter(|total| !is_zero(total))?;
        let largest = total.value.after.max(total.value.before.unwrap_or(0));
        let amount = Scale::new(&total.unit, None).exact(largest);
        let what = if total.unit == "count" {
            format!("{amount} objects were")
        } else {
            format!("{amount} was")
        };
        Some(format!("Nothing is in use, but {what} allocated: ask with -{}.", total.sample_type))
    });
    let other = || {
        let total = report.totals.iter().find(|total| !is_zero(total))?;
        let (own, other) = (escape(&report.sample_type), escape(&total.sample_type));
        Some(format!("All values of {own} are 0; ask for others with -sample_index={other}."))
    };
    allocated.or_else(other)
}

/// Why there are no rows.
pub(super) fn nothing_to_show(report: &Report) -> String {
    let own = report.totals.iter().find(|total| total.sample_type == report.sample_type);
    elsewhere(report).unwrap_or_else(|| match own.filter(|total| !is_zero(total)) {
        Some(_) => "Nothing to show: the filters left no samples.".to_owned(),
        None => format!("Nothing to show: {}.", words(report).nothing),
    })
}
