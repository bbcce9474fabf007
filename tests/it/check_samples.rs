//! Handwritten reports of checks: every outcome, and edge cases.

use crate::samples::{KIB, MIB, empty_diff, input, place};
use heapdiff::analysis::check::{Check, Demand, Granted, Judgement, Offender, Outcome};
use heapdiff::analysis::could_show::{CouldShow, Noisiest};
use heapdiff::analysis::estimates::Class;
use heapdiff::report::{Answer, CheckAnswer, Report, Warning, WarningCode};
use heapdiff::rules::Level;

/// A judgement about growth in total.
pub(crate) fn growth(rule: &str, value: i64, margin: i64, limit: i64) -> Judgement {
    let (lower, upper) = (value - margin, value + margin);
    Judgement {
        rule: rule.to_owned(),
        demand: Demand::Growth,
        scope: "total".to_owned(),
        level: Level::Fail,
        sample_type: "inuse_space".to_owned(),
        unit: "bytes".to_owned(),
        limit: Some(limit),
        limit_percent: None,
        before: Some(312 * MIB),
        after: Some(312 * MIB + value),
        value: Some(value),
        value_percent: Some(value as f64 / (312 * MIB) as f64 * 100.0),
        lower: Some(lower),
        upper: Some(upper),
        outcome: match () {
            () if lower > limit => Outcome::Fail,
            () if upper <= limit => Outcome::Pass,
            () => Outcome::Inconclusive,
        },
        message: "grew by so much, and so much is allowed".to_owned(),
        advice: None,
        allowed: 0,
        offenders: Vec::new(),
        let_pass: Vec::new(),
        corrected_for: 1,
        could_show: None,
    }
}

pub(crate) fn offender(function: &str, file: &str, line: i64, delta: i64, margin: i64) -> Offender {
    Offender {
        place: place(function, file, line),
        before: 120 * MIB,
        after: 120 * MIB + delta,
        delta,
        lower: delta - margin,
        upper: delta + margin,
        unit: None,
        class: None,
        patterns: Vec::new(),
        explanation: String::new(),
    }
}

/// What broke: growth of the total at two places.
fn broken() -> Judgement {
    let mut broken = growth("total", 578 * MIB, 9 * MIB, 5 * MIB);
    broken.limit_percent = Some(10.0);
    broken.limit = Some(32_715_571);
    broken.message = "grew by 578.0 MiB (+185.3 %), at least 569.0 MiB with 95 % confidence; the limit is 5.0 MiB or 10 %, \
                      whichever is larger"
        .into();
    broken.advice = Some(
        "look at github.com/acme/chat/internal/limiter.windowFor first; heapdiff refs shows every path to it".to_owned(),
    );
    broken.offenders = vec![
        offender(
            "github.com/acme/chat/internal/limiter.windowFor",
            "internal/limiter/limiter.go",
            54,
            401 * MIB,
            4 * MIB,
        ),
        offender(
            "main.newRequestLimiter",
            "/build/src/github.com/acme/chat/my limiter.go",
            28,
            131 * MIB,
            2700 * KIB,
        ),
    ];
    broken
}

fn open() -> Judgement {
    let mut open = growth("allocations of requests", 12 * MIB, 20 * MIB, 5 * MIB);
    open.scope = "function ^net/http\\.".into();
    open.sample_type = "alloc_space".into();
    open.message =
        "grew by 12.0 MiB (+3.8 %), bounds -8.0 MiB to 32.0 MiB; the limit is 5.0 MiB".into();
    open.advice = Some(
        "to tell growth of that size from none: GODEBUG=memprofilerate=32000 (now 524288), or 9 runs per side"
            .to_owned(),
    );
    open.offenders = vec![offender("main.(*server).handle", "server.go", 91, 11 * MIB, 20 * MIB)];
    open
}

fn kept_budget() -> Judgement {
    let mut kept = growth("cache", 0, 0, 64 * MIB);
    kept.demand = Demand::Budget;
    kept.scope = "package ^github\\.com/acme/chat/internal/cache$".into();
    kept.after = Some(61 * MIB);
    kept.value = Some(61 * MIB);
    (kept.lower, kept.upper) = (Some(59 * MIB), Some(63 * MIB));
    kept.value_percent = None;
    kept.message =
        "holds 61.0 MiB, at most 63.0 MiB with 95 % confidence; the limit is 64.0 MiB".into();
    kept.allowed = 3 * MIB;
    kept
}

fn warned() -> Judgement {
    let mut warned = growth("objects", 2_746_000, 40_000, 1_000_000);
    warned.level = Level::Warn;
    warned.sample_type = "inuse_objects".into();
    warned.unit = "count".into();
    (warned.before, warned.after) = (Some(1_204_331), Some(3_950_331));
    warned.value_percent = Some(228.0);
    warned.message =
        "grew by 2746000 (+228.0 %), at least 2706000 with 95 % confidence; the limit is 1000000"
            .into();
    warned.offenders = vec![offender("main.parse", "parse.go", 7, 2_740_000, 39_000)];
    warned
}

fn expired() -> Judgement {
    Judgement {
        rule: "allow-list heapdiff.toml:31".to_owned(),
        demand: Demand::Allowance,
        scope: "function ^main\\.importRows$".to_owned(),
        sample_type: String::new(),
        unit: String::new(),
        limit: None,
        before: None,
        after: None,
        value: None,
        value_percent: None,
        lower: None,
        upper: None,
        outcome: Outcome::Fail,
        message: "expired on 2026-01-31; it was allowed because: the import keeps its rows until SHOP-123 is done"
            .to_owned(),
        advice: Some(
            "fix the cause and remove the entry, or extend the date and update the reason".to_owned(),
        ),
        ..growth("", 1, 0, 0)
    }
}

/// Rules over several runs per side.
pub(crate) fn report(before: usize, after: usize, rules: Vec<Judgement>) -> Report {
    let mut report = empty_diff();
    report.inputs = (0..before)
        .map(|i| input(&format!("base-{}.pb.gz", i + 1)))
        .chain((0..after).map(|i| input(&format!("pr-{}.pb.gz", i + 1))))
        .collect();
    for input in &mut report.inputs[before..] {
        input.build_id = Some("77aa01aa5d0e7b6641c2".to_owned());
    }
    if before != 1 || after != 1 {
        report.comparison = None;
    }
    let is_limit = |rule: &&Judgement| matches!(rule.demand, Demand::Growth | Demand::Budget);
    let check = Check {
        limits: rules.iter().filter(is_limit).count(),
        outcome: Check::overall(rules.iter()),
        taken_for: None,
        before_runs: before,
        after_runs: after,
        rules,
        allowances: Vec::new(),
    };
    report.answer = Answer::Check(CheckAnswer { suspects: None, verdict: None, check });
    report
}

/// A rule for every outcome and level, three runs per side, and an allow-list.
pub(crate) fn failed() -> Report {
    let mut report = report(3, 3, vec![broken(), kept_budget(), open(), warned(), expired()]);
    let unused = "the allow-list entry at heapdiff.toml:20 (function ^main\\.old) has no effect; \
                  remove it if it is no longer needed";
    report.warnings = vec![Warning { code: WarningCode::NoMatch, message: unused.to_owned() }];
    let granted = |place: &str, scope: &str, reason: &str, is_used| Granted {
        place: place.to_owned(),
        scope: scope.to_owned(),
        reason: reason.to_owned(),
        expires: "2027-01-31".to_owned(),
        is_used,
    };
    answer!(&mut report.answer, Check).check.allowances = vec![
        granted(
            "heapdiff.toml:14",
            "package ^internal/warm",
            "the cache is filled at the start",
            true,
        ),
        granted("heapdiff.toml:20", "function ^main\\.old", "was slow to go", false),
    ];
    report
}

/// All rules pass, for one profile before and one after.
pub(crate) fn passed() -> Report {
    let mut small = growth("total", 2 * MIB, MIB, 5 * MIB);
    small.message =
        "grew by 2.0 MiB (+0.6 %), at most 3.0 MiB with 95 % confidence; the limit is 5.0 MiB"
            .into();
    report(1, 1, vec![small, kept_budget()])
}

/// One rule is inconclusive, because the profiles don't record how they were sampled.
pub(crate) fn inconclusive() -> Report {
    let mut report = report(1, 1, vec![open(), kept_budget()]);
    let rule = &mut answer!(&mut report.answer, Check).check.rules[0];
    (rule.lower, rule.upper) = (None, None);
    rule.message = "grew by 12.0 MiB (+3.8 %); the profiles record no sampling period, so there is no interval".into();
    report
}

/// The same, with a setting for what it counts as.
pub(crate) fn taken_for(outcome: Outcome) -> Report {
    let mut report = inconclusive();
    answer!(&mut report.answer, Check).check.taken_for = Some(outcome);
    report
}

/// There is no baseline, which was allowed; a budget is judged anyway.
pub(crate) fn without_baseline() -> Report {
    let mut unjudged = growth("total", 0, 0, 5 * MIB);
    (unjudged.before, unjudged.value, unjudged.value_percent) = (None, None, None);
    (unjudged.lower, unjudged.upper) = (None, None);
    unjudged.message = "there is no baseline to compare with, which was allowed".into();
    let mut budget = kept_budget();
    budget.before = None;
    report(0, 1, vec![unjudged, budget])
}

/// Snapshots over time in which nothing leaks, and what they could have shown.
pub(crate) fn without_leaks() -> Report {
    let mut leaks = growth("no leaks", 0, 0, 0);
    leaks.demand = Demand::Leaks;
    leaks.scope = "class leak".into();
    (leaks.before, leaks.after, leaks.value_percent) = (None, None, None);
    (leaks.lower, leaks.upper) = (None, None);
    leaks.message = "nothing leaks in 12 snapshots; a leak of less than 4.0 MiB/h would not show (or of less than \
                     40.0 MiB/h in main.traffic, whose size varies), nor fewer than 8 goroutines/h"
        .into();
    leaks.could_show = Some(CouldShow {
        power: 0.8,
        snapshots: 12,
        span_nanos: Some(5_400_000_000_000),
        unit: "bytes".to_owned(),
        growth: Some(6 * MIB),
        slope_per_hour: Some(4 * MIB),
        noisiest: Some(Noisiest {
            place: place("main.traffic", "traffic.go", 12),
            growth: 60 * MIB,
            slope_per_hour: Some(40 * MIB),
        }),
        goroutines: Some(12),
        goroutines_per_hour: Some(8),
    });
    report(1, 1, vec![leaks])
}

/// Snapshots over time, in which something leaks.
pub(crate) fn leaking() -> Report {
    let mut leaks = growth("no leaks", 2, 0, 0);
    leaks.demand = Demand::Leaks;
    leaks.scope = "class leak".into();
    (leaks.before, leaks.after, leaks.value_percent) = (None, None, None);
    (leaks.lower, leaks.upper) = (None, None);
    leaks.message = "there are 2 leaks in 12 snapshots, the worst in main.newRequestLimiter".into();
    leaks.advice = Some("Stop each ticker: defer t.Stop().".to_owned());
    let mut ticker = offender("main.newRequestLimiter", "limiter.go", 28, 131 * MIB, 3 * MIB);
    ticker.class = Some(Class::Leak);
    ticker.patterns = vec!["timer-ticker".to_owned()];
    ticker.explanation =
        "Its value rose in 11 of 11 intervals and shows no sign of leveling off. Stop each \
                          ticker: defer t.Stop()."
            .into();
    let mut map = offender("main.windowFor", "limiter.go", 54, 90 * MIB, 4 * MIB);
    map.class = Some(Class::Leak);
    map.explanation = "It holds more in each snapshot. Bound it.".into();
    leaks.offenders = vec![ticker, map];
    report(1, 1, vec![leaks])
}

/// A name that no function should have, but any could.
pub(crate) const HOSTILE: &str = "main.`f|g\\|h`<img src=x onerror=alert(1)>\u{1b}[31m\n::error::x\r\n@octocat #12 \
                                  GH-3 https://evil.example/ [a](b) **c** $x$ &lt;/code> ]]> \u{202e}--> {0} \"'%";

/// Hostile names and texts wherever they can come from a profile or a file of rules.
pub(crate) fn hostile() -> Report {
    let mut broken = broken();
    broken.rule = format!("rule {HOSTILE}");
    broken.scope = format!("function {HOSTILE}");
    broken.message = format!("message {HOSTILE}");
    broken.advice = Some(format!("advice {HOSTILE}"));
    broken.offenders[0].place = place(HOSTILE, &format!("dir/{HOSTILE}.go"), 3);
    broken.offenders[0].explanation = HOSTILE.into();
    broken.offenders[0].patterns = vec![HOSTILE.to_owned()];
    broken.offenders[1].place.line = Some(-1);
    let mut report = report(1, 2, vec![broken]);
    report.inputs[0].name = format!("{HOSTILE}.pb.gz");
    report.inputs[1].name = "-it's $(here).pb.gz".into();
    report.inputs[0].build_id = Some(HOSTILE.to_owned());
    report.warnings =
        vec![Warning { code: WarningCode::Other, message: format!("warning {HOSTILE}") }];
    answer!(&mut report.answer, Check).check.allowances = vec![Granted {
        place: format!("{HOSTILE}:1"),
        scope: HOSTILE.to_owned(),
        reason: HOSTILE.to_owned(),
        expires: "2027-01-31".to_owned(),
        is_used: false,
    }];
    report
}

/// More of everything than a comment has room for.
pub(crate) fn huge() -> Report {
    let rules = (0..400).map(|i| {
        let mut rule = broken();
        rule.rule = format!("rule {i} {}", "ü|x".repeat(2000));
        rule.message = "é".repeat(5000);
        rule.advice = Some("*".repeat(5000));
        rule.offenders = (0..10)
            .map(|j| offender(&"|`\\".repeat(3000), &"dir/".repeat(1000), j, MIB, KIB))
            .collect();
        rule
    });
    let mut report = report(200, 200, rules.collect());
    for input in &mut report.inputs {
        input.name = "x".repeat(3000);
    }
    report
}
