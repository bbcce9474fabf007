//! What leaks.

use super::kinds::{MIB, Plan, SERVE};
use super::lookalikes;
use super::rest;

/// Containers that own code fills, and what they call to do so.
const CONTAINERS: [&str; 8] = [
    "(*{}Store).put",
    "(*{}Index).insert",
    "(*{}Registry).register",
    "(*{}Hub).join",
    "(*{}Journal).append",
    "remember_{}",
    "(*{}s).add",
    "observe_{}",
];

const LEAVES: [&str; 4] = [
    ";strings.Clone",
    ";bytes.(*Buffer).Write;bytes.(*Buffer).grow;bytes.growSlice",
    ";encoding/json.Unmarshal;encoding/json.(*decodeState).object;reflect.New",
    ";container/list.(*List).PushBack;container/list.(*List).insertValue",
];

/// The function that fills a container, and the stack to it.
fn container(plan: &mut Plan<'_>) -> (String, String) {
    let word = plan.word();
    let name = plan.draw.pick(&CONTAINERS).replace("{}", &word);
    let function = plan.own(&name);
    let root = plan.root(&word);
    (function.clone(), format!("{root};{function}"))
}

fn leaf(plan: &mut Plan<'_>) -> &'static str {
    if plan.draw.chance(0.6) {
        return "";
    }
    let leaf: &&'static str = plan.draw.pick(&LEAVES);
    leaf
}

/// What it held before it was recorded, as a share of its growth.
fn base(plan: &mut Plan<'_>) -> f64 {
    if plan.draw.chance(0.5) { 0.0 } else { plan.draw.between(0.0, 2.0) }
}

/// Levels of growth in bytes, on top of a base.
fn levels(rise: &[f64], growth: f64, base: f64) -> Vec<f64> {
    rise.iter().map(|share| growth * (base + share)).collect()
}

/// Adds a container that grows by an even rate.
fn linear(plan: &mut Plan<'_>, growth: f64, size: f64) {
    let (function, stack) = container(plan);
    let stack = stack + leaf(plan);
    let base = base(plan);
    let level = levels(&plan.sum(|_| 1.0), growth, base);
    plan.site(&stack, size, &level, 0.0);
    plan.truth.culprits.push(vec![function]);
}

pub(crate) fn small_objects(plan: &mut Plan<'_>) {
    let (growth, size) = (plan.growth(), plan.draw.scale(32.0, 4096.0).round());
    linear(plan, growth, size);
}

pub(crate) fn large_objects(plan: &mut Plan<'_>) {
    let growth = plan.growth();
    let size = plan.draw.scale(16_384.0, 1_048_576.0).min(growth / 8.0).round();
    linear(plan, growth, size);
}

pub(crate) fn late(plan: &mut Plan<'_>) {
    let (function, stack) = container(plan);
    let start = plan.draw.between(0.3, 0.65);
    let growth = plan.growth();
    let size = plan.draw.scale(32.0, 65_536.0).min(growth / 12.0).round();
    let base = base(plan);
    let rise = plan.sum(|x| if x < start { 0.0 } else { 1.0 / (1.0 - start) });
    plan.site(&stack, size, &levels(&rise, growth, base), 0.0);
    plan.truth.culprits.push(vec![function]);
}

/// What is copied to twice the size whenever it is full: its contents grow evenly.
pub(crate) fn doubling(plan: &mut Plan<'_>) {
    let (function, stack) = container(plan);
    let leaf = plan.draw.pick(&[
        ";bytes.(*Buffer).Write;bytes.(*Buffer).grow;bytes.growSlice",
        ";internal/runtime/maps.(*table).grow;internal/runtime/maps.newarray",
        "",
    ]);
    let stack = stack + leaf;
    let last = MIB * plan.draw.scale(8.0, 64.0);
    // At the end it is between half full and full; at the start it holds a share of that.
    let (end, start) = (last * plan.draw.between(0.5, 1.0), plan.draw.between(0.04, 0.2));
    let rise = plan.sum(|_| 1.0);
    let top = rise[rise.len() - 1];
    let contents: Vec<f64> =
        rise.iter().map(|share| end * (start + (1.0 - start) * share / top)).collect();
    let mut size = last;
    while size > contents[0] / 2.0 {
        let is_in = |&held: &f64| held <= size && held > size / 2.0;
        let level: Vec<f64> = contents.iter().map(|c| if is_in(c) { size } else { 0.0 }).collect();
        plan.site(&stack, size, &level, 0.0);
        size /= 2.0;
    }
    plan.truth.culprits.push(vec![function]);
}

pub(crate) fn lines(plan: &mut Plan<'_>) {
    let (function, stack) = container(plan);
    let many = plan.draw.whole(3, 6);
    let growth = plan.growth();
    let rise = plan.sum(|_| 1.0);
    for line in 0..many {
        let size = plan.draw.scale(16.0, 1024.0).round();
        let share = growth / many as f64;
        plan.site(&format!("{stack}@{}", 20 + 3 * line), size, &levels(&rise, share, 0.0), 0.0);
    }
    plan.truth.culprits.push(vec![function]);
}

/// Goroutines that never end, with what they hold.
pub(crate) fn goroutines(plan: &mut Plan<'_>) {
    let word = plan.word();
    let root = plan.root(&word);
    let starter = plan.own(&format!("(*{word}s).start"));
    let body = format!("{starter}.func1");
    let many = plan.draw.scale(30.0, 4000.0);
    let size = plan.draw.scale(256.0, 65_536.0).min(40.0 * MIB / many).round();
    let rise = plan.sum(|_| 1.0);
    let level = levels(&rise, many * size, 0.0);
    let inner = plan.own(&format!("(*{word}).read"));
    plan.site(&format!("{body};{inner}"), size, &level, 0.0);
    plan.site(&format!("{root};{starter}"), 96.0, &levels(&rise, many * 96.0, 0.0), 0.0);
    let wait = *plan.draw.pick(&["runtime.chanrecv1", "runtime.selectgo", "runtime.chansend1"]);
    let count = rise.iter().map(|share| (many * share).round() as i64).collect();
    plan.wait(&format!("{body};{inner};{wait};runtime.gopark"), count);
    plan.truth.culprits.push(vec![starter, body, inner]);
}

/// Objects that only a call releases.
pub(crate) fn timers(plan: &mut Plan<'_>) {
    let word = plan.word();
    let root = plan.root(&word);
    let function = plan.own(&format!("watch_{word}"));
    let growth = plan.growth();
    let rise = plan.sum(|_| 1.0);
    let parts: &&[(&str, f64, f64)] = plan.draw.pick(&[
        &[("time.NewTicker", 152.0, 1.0)] as &[(&str, f64, f64)],
        &[("time.AfterFunc", 112.0, 0.7), ("", 64.0, 0.3)],
        &[
            ("context.WithCancel;context.withCancel", 96.0, 0.4),
            (
                "context.WithCancel;context.withCancel;context.(*cancelCtx).propagateCancel",
                48.0,
                0.6,
            ),
        ],
        &[
            ("context.WithTimeout;context.WithDeadline;context.WithDeadlineCause", 128.0, 0.5),
            (
                "context.WithTimeout;context.WithDeadline;context.WithDeadlineCause;time.AfterFunc",
                112.0,
                0.5,
            ),
        ],
    ]);
    for &(frames, size, share) in *parts {
        let frames = if frames.is_empty() { String::new() } else { format!(";{frames}") };
        let level = levels(&rise, growth * share, 0.0);
        plan.site(&format!("{root};{function}{frames}"), size, &level, 0.0);
    }
    plan.truth.culprits.push(vec![function]);
}

/// Requests that something keeps, made by the server: no own frame, and many lines of a library.
pub(crate) fn requests(plan: &mut Plan<'_>) {
    let rise = plan.sum(|_| 1.0);
    let growth = plan.growth();
    let base = base(plan);
    let read = "net/http.(*conn).serve@1985;net/http.(*conn).readRequest@1025";
    let parts = [
        (format!("{read};net/http.readRequest@1060"), 288.0, 0.2),
        (format!("{read};net/http.readRequest@1075;net/url.ParseRequestURI;net/url.parse"), 144.0, 0.1),
        (format!("{read};net/http.readRequest@1101;net/textproto.(*Reader).ReadMIMEHeader;net/textproto.readMIMEHeader@545"), 384.0, 0.25),
        (format!("{read};net/http.readRequest@1101;net/textproto.(*Reader).ReadMIMEHeader;net/textproto.readMIMEHeader@570"), 48.0, 0.15),
        ("net/http.(*conn).serve@1985;net/http.(*conn).readRequest@1048;context.WithCancel;context.withCancel".to_owned(), 96.0, 0.1),
        ("net/http.(*conn).serve@1985;net/http.(*conn).readRequest@1068".to_owned(), 192.0, 0.2),
    ];
    for (stack, size, share) in parts {
        plan.site(&stack, size, &levels(&rise, growth * share, base), 0.0);
    }
    let word = plan.word();
    let function = plan.own(&format!("(*server).handle_{word}"));
    let level = levels(&rise, growth * 0.1, 0.0);
    if plan.draw.chance(0.5) {
        plan.site(&format!("{SERVE};{function}"), 64.0, &level, 0.0);
    }
    let library = ["serve", "readRequest"].map(|name| format!("net/http.(*conn).{name}"));
    plan.truth.culprits.push(
        [
            library.to_vec(),
            vec![
                "net/http.readRequest".to_owned(),
                "net/textproto.readMIMEHeader".to_owned(),
                "net/textproto.(*Reader).ReadMIMEHeader".to_owned(),
                "net/url.parse".to_owned(),
                function,
            ],
        ]
        .concat(),
    );
}

pub(crate) fn two(plan: &mut Plan<'_>) {
    small_objects(plan);
    large_objects(plan);
}

/// The function that keeps makes ten to fifty times as much for the moment.
pub(crate) fn over_churn(plan: &mut Plan<'_>) {
    let (growth, size) = (plan.growth(), plan.draw.scale(32.0, 8192.0).round());
    linear(plan, growth, size);
    let times = plan.draw.scale(10.0, 50.0);
    let n = plan.n();
    let made = vec![growth * times / n as f64; n];
    let seen = vec![growth * plan.draw.between(0.02, 0.15); n];
    plan.garbage(&made, &seen);
}

pub(crate) fn slow(plan: &mut Plan<'_>) {
    for _ in 0..plan.draw.whole(5, 20) {
        rest::one(plan);
    }
    let unit = if plan.service.period > 1e5 { 1.0 } else { 0.3 };
    let growth = MIB * unit * plan.draw.scale(1.5, 5.0);
    let size = plan.draw.scale(32.0, 4096.0).round();
    linear(plan, growth, size);
}

pub(crate) fn cache_without_limit(plan: &mut Plan<'_>) {
    let (growth, size) = (plan.growth(), plan.draw.scale(64.0, 8192.0).round());
    let (function, stack) = lookalikes::cache(plan, 0.5);
    let base = base(plan);
    let level = levels(&plan.sum(|_| 1.0), growth, base);
    plan.site(&stack, size, &level, 0.0);
    plan.truth.culprits.push(vec![function]);
}

/// Of what it holds, a part goes, but less than comes.
pub(crate) fn sessions(plan: &mut Plan<'_>) {
    let (function, stack) = container(plan);
    let (growth, size) = (plan.growth(), plan.draw.scale(64.0, 16_384.0).round());
    let rise = plan.sum(|_| 1.0);
    let base = base(plan);
    let ends = plan.draw.between(0.3, 3.0);
    plan.site(&stack, size, &levels(&rise, growth, base), ends);
    plan.truth.culprits.push(vec![function]);
}
