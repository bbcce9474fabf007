//! What every simulated service has beside what it is about: sites that are steady, exchange their objects, or churn,
//! and goroutines that wait for work.

use super::kinds::{MIB, Plan, SERVE};

/// Adds the rest of a service.
pub(crate) fn add(plan: &mut Plan<'_>) {
    for _ in 0..plan.draw.whole(3, 25) {
        one(plan);
    }
    waiting(plan);
}

/// Frames of libraries below own code.
const LEAVES: [&str; 5] = [
    ";encoding/json.Unmarshal;encoding/json.(*decodeState).object;reflect.New",
    ";fmt.Sprintf",
    ";bytes.(*Buffer).Write;bytes.(*Buffer).grow;bytes.growSlice",
    ";strings.Clone",
    ";bufio.NewReaderSize",
];

/// Adds one site that doesn't grow.
pub(crate) fn one(plan: &mut Plan<'_>) {
    let word = plan.word();
    let root = plan.root(&word);
    let leaf = if plan.draw.chance(0.5) { "" } else { plan.draw.pick(&LEAVES) };
    let stack = format!("{root};{}{leaf}", plan.own(&format!("(*{word}s).get")));
    let size = plan.draw.scale(32.0, 65_536.0).round();
    let bytes = MIB * plan.draw.scale(0.2, 12.0);
    let n = plan.n();
    match plan.draw.whole(0, 3) {
        // Steady, exchanged slowly or often, around its level.
        0 | 1 => {
            let spread = plan.draw.between(0.0, 0.15);
            let noise = plan.draw.remembering(n, 0.3);
            let level: Vec<f64> =
                noise.iter().map(|x| bytes * (1.0 + spread * x).max(0.1)).collect();
            let renewed = plan.draw.scale(0.05, 20.0);
            plan.site(&stack, size, &level, renewed);
        }
        // Never exchanged.
        2 => plan.site(&stack, size, &vec![bytes; n], 0.0),
        _ => churns(plan, &stack, size, bytes),
    }
}

/// Adds a site that throws away what it makes.
pub(crate) fn churns(plan: &mut Plan<'_>, stack: &str, size: f64, bytes: f64) {
    let n = plan.n();
    plan.site(stack, size, &vec![0.0; n], 0.0);
    let made = bytes * plan.draw.scale(10.0, 300.0);
    let seen = vec![bytes * 0.3; n];
    plan.garbage(&vec![made; n], &seen);
}

/// Goroutines of a server that has a few connections.
fn waiting(plan: &mut Plan<'_>) {
    let n = plan.n();
    if plan.draw.chance(0.15) {
        return; // no goroutine profiles
    }
    plan.wait("main.main;net/http.ListenAndServe;net/http.(*Server).Serve;net.(*TCPListener).Accept;internal/poll.runtime_pollWait;runtime.gopark", vec![1; n]);
    let (many, spread) = (plan.draw.scale(2.0, 60.0), plan.draw.between(0.0, 0.4));
    let noise = plan.draw.remembering(n, 0.5);
    let count = noise.iter().map(|x| (many * (1.0 + spread * x)).round().max(0.0) as i64);
    let count: Vec<i64> = count.collect();
    let idle = count.iter().map(|count| count - count / 4).collect();
    plan.wait(IDLE, idle);
    let word = plan.word();
    let busy = format!(
        "{SERVE};{};database/sql.(*DB).Query;runtime.gopark",
        plan.own(&format!("(*server).handle_{word}"))
    );
    plan.wait(&busy, count.iter().map(|count| count / 4).collect());
    let workers = plan.draw.whole(1, 16) as i64;
    let worker = format!("{};runtime.chanrecv2;runtime.gopark", plan.own("(*worker).loop"));
    plan.wait(&worker, vec![workers; n]);
}

/// A connection that waits for its next request.
pub(crate) const IDLE: &str = "net/http.(*conn).serve;net/http.(*connReader).Read;internal/poll.runtime_pollWait;runtime.gopark";
