//! What grows without leaking, or doesn't grow.

use super::kinds::{MIB, Plan, SERVE};
use super::rest::{self, IDLE};

pub(crate) fn steady(plan: &mut Plan<'_>) {
    for _ in 0..5 {
        rest::one(plan);
    }
}

pub(crate) fn churn(plan: &mut Plan<'_>) {
    for _ in 0..plan.draw.whole(3, 10) {
        let word = plan.word();
        let root = plan.root(&word);
        let stack = format!("{root};{}", plan.own(&format!("encode_{word}")));
        let (size, bytes) =
            (plan.draw.scale(64.0, 65_536.0).round(), MIB * plan.draw.scale(1.0, 30.0));
        rest::churns(plan, &stack, size, bytes);
    }
}

/// The function that fills a bounded container, and its stack. With the probability `named`, the names on it say so.
pub(crate) fn cache(plan: &mut Plan<'_>, named: f64) -> (String, String) {
    let word = plan.word();
    let root = plan.root(&word);
    let is_named = plan.draw.chance(named);
    let (name, leaf) = match plan.draw.whole(0, 3) {
        0 if is_named => (
            format!("load_{word}"),
            ";github.com/hashicorp/golang-lru/v2/simplelru.(*LRU[...]).Add;github.com/hashicorp/golang-lru/v2/internal.(*LruList[...]).insertValue",
        ),
        1 if is_named => (format!("(*{word}Ring).push"), ""),
        _ if is_named => (format!("(*{word}Cache).get"), ""),
        0 => (format!("load_{word}"), ""),
        1 => (format!("(*{word}Pages).fetch"), ""),
        2 => (
            format!("(*{word}History).push"),
            ";container/list.(*List).PushBack;container/list.(*List).insertValue",
        ),
        _ => (format!("(*{word}Table).lookup"), ""),
    };
    let function = plan.own(&name);
    let stack = format!("{root};{function}{leaf}");
    // A cache of a library is its own site only if no own code is nearer to the leaf.
    (function, stack)
}

/// How many of the bounded containers have names that say so.
const NAMED: f64 = 0.5;

/// Adds a bounded container that is filled like this, 0 to 1, and that exchanges this much when it is full.
fn bounded(plan: &mut Plan<'_>, rise: &[f64], renewed: f64) -> String {
    let growth = plan.growth() * 1.3;
    let size = plan.draw.scale(64.0, 65_536.0).min(growth / 20.0).round();
    let (function, stack) = cache(plan, NAMED);
    let level: Vec<f64> = rise.iter().map(|share| growth * share).collect();
    plan.site(&stack, size, &level, 0.0);
    let n = plan.n();
    if let Some(site) = plan.service.sites.last_mut() {
        for i in 1..n {
            // It exchanges only when nothing more fits.
            if rise[i] - rise[i - 1] < 1e-6 {
                site.exchanged[i] = renewed * site.level[i] / n as f64;
            }
        }
    }
    function
}

/// Each miss adds an entry, at an even rate.
pub(crate) fn filling(plan: &mut Plan<'_>) {
    let rise = plan.sum(|_| 1.0);
    let function = bounded(plan, &rise, 0.0);
    plan.truth.filling.push(function);
}

/// The more it holds, the fewer misses: keys are drawn from a fixed number.
pub(crate) fn filling_with_hits(plan: &mut Plan<'_>) {
    let tau = plan.draw.scale(0.35, 1.2);
    let rise = plan.sum(|x| (-x / tau).exp() / tau);
    let function = bounded(plan, &rise, 0.0);
    plan.truth.filling.push(function);
}

/// It is full before the end and keeps its contents, at an even rate or as misses fall.
pub(crate) fn stops(plan: &mut Plan<'_>) {
    let end = plan.draw.between(0.3, 0.6);
    let rise = if plan.draw.chance(0.5) {
        plan.sum(|x| if x < end { 1.0 / end } else { 0.0 })
    } else {
        let tau = end / 3.0;
        plan.sum(|x| (-x / tau).exp() / tau)
    };
    bounded(plan, &rise, 0.0);
}

/// It is full before the end, and evicts an entry for each new one.
pub(crate) fn evicts(plan: &mut Plan<'_>) {
    let end = plan.draw.between(0.3, 0.7);
    let rise = plan.sum(|x| if x < end { 1.0 / end } else { 0.0 });
    let renewed = 1.0 / end;
    bounded(plan, &rise, renewed);
}

/// Entries that stay as many as they are, each of which is replaced by larger ones.
pub(crate) fn entries(plan: &mut Plan<'_>) {
    let (_, stack) = cache(plan, NAMED);
    let growth = plan.growth() * 1.5;
    let classes = 5;
    let first = plan.draw.scale(64.0, 4096.0).round();
    let many = growth / (first * f64::from(1 << classes));
    // The class of an entry rises through the recorded time, and not all entries rise at once.
    let top = f64::from(classes) * plan.draw.between(0.6, 1.0);
    for class in 0..=classes {
        let share = |x: f64| {
            let at = top * x;
            (1.0 - (at - f64::from(class)).abs()).max(0.0)
        };
        let size = first * f64::from(1 << class);
        let level: Vec<f64> = plan.at.iter().map(|&x| many * size * share(x)).collect();
        plan.site(&stack, size, &level, 0.0);
    }
}

/// A level that walks, and has no aim.
pub(crate) fn walk(plan: &mut Plan<'_>) {
    let word = plan.word();
    let root = plan.root(&word);
    let stack = format!("{root};{}", plan.own(&format!("(*{word}s).hold")));
    let base = plan.growth();
    let step = base * plan.draw.between(0.1, 0.35);
    let mut level = base;
    let walk: Vec<f64> = (0..plan.n())
        .map(|_| {
            level = (level + step * plan.draw.normal()).abs();
            level
        })
        .collect();
    let size = plan.draw.scale(64.0, 65_536.0).round();
    let renewed = plan.draw.scale(0.5, 50.0);
    plan.site(&stack, size, &walk, renewed);
}

/// Sites that follow a load which comes and goes.
pub(crate) fn wave(plan: &mut Plan<'_>) {
    let (phase, waves) = (plan.draw.uniform(), plan.draw.between(0.8, 3.0));
    let depth = plan.draw.between(0.2, 0.8);
    let wave: Vec<f64> = plan
        .at
        .iter()
        .map(|x| 1.0 + depth * (std::f64::consts::TAU * (waves * x + phase)).sin())
        .collect();
    follow(plan, &wave);
}

/// Sites that follow a load which rises, and with it the connections.
pub(crate) fn ramp(plan: &mut Plan<'_>) {
    let (from, to) = (plan.draw.between(0.0, 0.4), plan.draw.between(0.5, 1.0));
    let times = plan.draw.between(1.0, 4.0);
    let load: Vec<f64> =
        plan.at.iter().map(|x| 1.0 + times * ((x - from) / (to - from)).clamp(0.0, 1.0)).collect();
    follow(plan, &load);
}

/// Adds sites and connections that are as large as the work there is.
fn follow(plan: &mut Plan<'_>, load: &[f64]) {
    // What each request holds while it is served, at many sites; and what it throws away.
    for _ in 0..plan.draw.whole(8, 20) {
        let word = plan.word();
        let stack = format!("{SERVE};{}", plan.own(&format!("(*{word}).serve")));
        let bytes = MIB * plan.draw.scale(0.5, 6.0);
        let size = plan.draw.scale(64.0, 16_384.0).round();
        let level: Vec<f64> = load.iter().map(|load| load * bytes).collect();
        plan.site(&stack, size, &level, 60.0);
        let made: Vec<f64> = load.iter().map(|load| load * bytes * 20.0).collect();
        plan.garbage(&made, &vec![0.0; load.len()]);
    }
    let connections = plan.draw.scale(4.0, 60.0);
    let count: Vec<i64> = load.iter().map(|load| (load * connections).round() as i64).collect();
    plan.wait(&IDLE.replace("Read;", "Read@780;"), count.clone());
    buffers(plan, &count);
}

/// The buffers of connections.
fn buffers(plan: &mut Plan<'_>, count: &[i64]) {
    for buffer in ["newBufioReader;bufio.NewReaderSize", "newBufioWriterSize;bufio.NewWriterSize"] {
        let level: Vec<f64> = count.iter().map(|&count| 4096.0 * count as f64).collect();
        plan.site(&format!("net/http.(*conn).serve@1920;net/http.{buffer}"), 4096.0, &level, 0.0);
    }
}

/// One step up, early or late.
pub(crate) fn step(plan: &mut Plan<'_>) {
    let word = plan.word();
    let root = plan.root(&word);
    let stack = format!("{root};{}", plan.own(&format!("(*{word}s).reload")));
    let (growth, place) = (plan.growth(), plan.draw.between(0.05, 0.98));
    let base = growth * plan.draw.between(0.0, 1.0);
    let size = plan.draw.scale(64.0, 1_048_576.0).min(growth / 6.0).round();
    let level: Vec<f64> =
        plan.at.iter().map(|&x| base + if x >= place { growth } else { 0.0 }).collect();
    let renewed = *plan.draw.pick(&[0.0, 0.5, 5.0]);
    plan.site(&stack, size, &level, renewed);
}

/// Keep-alive connections: as many as there are clients, which move, or become more up to a limit.
pub(crate) fn connections(plan: &mut Plan<'_>) {
    let limit = plan.draw.scale(6.0, 300.0);
    let n = plan.n();
    let is_ramp = plan.draw.chance(0.5);
    let (until, memory) = (plan.draw.between(0.3, 0.9), plan.draw.between(0.3, 0.95));
    let noise = plan.draw.remembering(n, memory);
    let count: Vec<i64> = plan
        .at
        .iter()
        .zip(&noise)
        .map(|(x, noise)| {
            let share = if is_ramp { (x / until).min(1.0) } else { 0.5 + 0.2 * noise };
            (limit * share.clamp(0.0, 1.0)).round() as i64
        })
        .collect();
    let word = plan.word();
    let busy = format!(
        "{SERVE};{};runtime.selectgo;runtime.gopark",
        plan.own(&format!("(*server).handle_{word}"))
    );
    let in_handler: Vec<i64> =
        count.iter().map(|&count| plan.draw.binomial(count as f64, 0.4) as i64).collect();
    let idle = count.iter().zip(&in_handler).map(|(all, busy)| all - busy).collect();
    plan.wait(&busy, in_handler);
    plan.wait(&IDLE.replace("Read;", "Read@780;"), idle);
    buffers(plan, &count);
}

/// Workers that are started when there is work and none is idle, up to a limit.
pub(crate) fn workers(plan: &mut Plan<'_>) {
    let limit = plan.draw.scale(8.0, 500.0);
    let until = plan.draw.between(0.3, 0.9);
    let rise = plan.sum(|x| if x < until { 1.0 / until } else { 0.0 });
    let top = rise[rise.len() - 1];
    let word = plan.word();
    let starter = plan.own(&format!("(*{word}Pool).Submit"));
    let body = format!("{starter}.func1");
    let count = rise.iter().map(|share| (limit * share / top).round() as i64).collect();
    plan.wait(&format!("{body};runtime.chanrecv2;runtime.gopark"), count);
    let size = plan.draw.scale(512.0, 65_536.0).round();
    let level: Vec<f64> = rise.iter().map(|share| size * limit * share / top).collect();
    let stack = format!("{body};{}", plan.own(&format!("new_{word}_buffer")));
    plan.site(&stack, size, &level, 0.0);
}

/// A heap that grew once, and garbage of which more is seen because marking takes longer.
pub(crate) fn marking(plan: &mut Plan<'_>) {
    let end = plan.draw.between(0.3, 0.7);
    let rise = plan.sum(|x| if x < end { 1.0 / end } else { 0.0 });
    bounded(plan, &rise, 0.0);
    for _ in 0..plan.draw.whole(2, 6) {
        let word = plan.word();
        let root = plan.root(&word);
        let stack = format!("{root};{}", plan.own(&format!("render_{word}")));
        let (size, bytes) =
            (plan.draw.scale(64.0, 8192.0).round(), MIB * plan.draw.scale(1.0, 6.0));
        rest::churns(plan, &stack, size, bytes);
        let n = plan.n();
        let seen: Vec<f64> = rise.iter().map(|share| bytes * (0.5 + share)).collect();
        plan.garbage(&vec![bytes * 100.0; n], &seen);
    }
}

/// A sync.Pool whose objects become as many as are used at once, and grow.
pub(crate) fn pool(plan: &mut Plan<'_>) {
    let word = plan.word();
    let root = plan.root(&word);
    let get = plan.own(&format!("(*{word}s).render"));
    let made = plan.own(&format!("init.{word}.func1"));
    let growth = plan.growth();
    let tau = plan.draw.scale(0.05, 0.3);
    let rise = plan.sum(|x| (-x / tau).exp() / tau);
    let size = plan.draw.scale(1024.0, 65_536.0).min(growth / 16.0).round();
    let level: Vec<f64> = rise.iter().map(|share| growth * share).collect();
    let renewed = plan.draw.scale(0.3, 5.0);
    plan.site(&format!("{root};{get};sync.(*Pool).Get;{made}"), size, &level, renewed);
}
