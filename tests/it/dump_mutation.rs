//! No dump causes a panic, and goroutines that are counted without reading their lines count as if they were read: damaged,
//! cut and mixed dumps are the same with other ends of lines, which are always read line by line. Dumps that are read in
//! parts on several threads are the same as those that one thread reads in order. The mutations are the same in every run;
//! `HEAPDIFF_MUTATIONS=N` makes more of them.

use super::ask;
use super::random::Random;
use heapdiff::input;
use heapdiff::parallel;
use heapdiff::report::{Answer, Question};

/// Goroutines of many forms; `ID`, `MIN`, `AT` and `OBJ` are numbers.
const FORMS: [&str; 12] = [
    "goroutine ID [chan send, MIN minutes]:\nmain.(*hub).send(0xOBJ, 0x2?)\n\t/app/main.go:9 +0x1d\n\
     created by main.start in goroutine 1\n\t/app/main.go:3 +0x1a\n\n",
    "goroutine ID [sync.Mutex.Lock, MIN minutes]:\ninternal/sync.runtime_SemacquireMutex(0xAT?, 0x5?, 0x1?)\n\
     \t/go/sema.go:95 +0x25\ninternal/sync.(*Mutex).lockSlow(0xOBJ)\n\t/go/mutex.go:149 +0x15d\n\
     main.(*hub).post(0xOBJ, 0xAT)\n\t/app/hub.go:88 +0x1d\ncreated by main.start in goroutine 1\n\t/app/main.go:3 +0x1a\n\n",
    "goroutine ID [select]:\nmain.(*hub).run(0xOBJ)\n\t/app/hub.go:99 +0x1d\nmain.main()\n\t/app/main.go:3 +0x1a\n\n",
    "goroutine ID gp=0xAT m=nil [chan receive]:\nruntime.gopark(0xAT?, 0x0?, 0x0?, 0x0?, 0x0?)\n\
     \t/go/proc.go:462 +0xce fp=0xAT sp=0xAT pc=0x48174e\nmain.(*hub).wait(0xOBJ, {0x1, 0xAT})\n\t/app/hub.go:7 +0x1 fp=0xAT\n\
     runtime.goexit({})\n\t/go/asm.s:1 +0x1\ncreated by main.start in goroutine ID\n\t/app/main.go:3 +0x1a\n\n",
    "goroutine ID [running]:\nmain.f(0xAT)\n\t/app/main.go:3 +0x1\n\n",
    "goroutine ID [running]:\nruntime/debug.Stack()\n\t/go/stack.go:26 +0x5e\nmain.f()\n\t/app/main.go:3 +0x1\n\n",
    "goroutine ID [running]:\n\tgoroutine running on other thread; stack unavailable\ncreated by main.f\n\t/app/a.go:7 +0x1\n\n",
    "goroutine ID [select, locked to thread]:\nmain.deep(0x1)\n\t/app/main.go:9 +0x1d\n...23 frames elided...\nmain.deep(0xAT)\n\t/app/main.go:9\n\n",
    "goroutine ID [select, 1 minutes labels:{\"a\": \"0xAT\"}]:\nmain.(*hub).run(0xOBJ)\n\t/app/0x12/hub.go:99 +0x1d\n\n",
    "goroutine ID [chan send (leaked)]:\nmain.f(...)\n\t/app/main.go:3\nmain.g[...](0xAT?)\n\t/app/main.go:4 +0x1\n\
     [originating from goroutine 21]:\nmain.h(...)\n\t/app/main.go:5 +0x9\n\n",
    "panic: boom\n\n",
    "2026-01-02T03:04:05Z stderr F goroutine ID [select]:\n2026-01-02T03:04:05Z stderr F main.f()\n\n",
];

/// What takes the place of a part.
const PARTS: [&str; 14] = [
    "goroutine ",
    " in goroutine 5 [running]:",
    "[chan receive]:",
    "0x",
    "0xFFFF",
    "0x123456789abcdef01",
    "\n\n",
    "\n",
    "\t",
    ")",
    "...",
    "created by ",
    "0",
    "sync.(*Cond).Wait(0xc000000010)",
];

/// A goroutine of a form, often like others but for its numbers.
fn goroutine(random: &mut Random, id: usize) -> String {
    let number = |random: &mut Random| match random.below(8) {
        0 => format!("{:x}", random.number() >> random.below(64)),
        _ => format!("c0000000{:02x}", 16 * random.below(6)),
    };
    let id = if random.one_in(40) { random.below(4) } else { id };
    let mut text = random.pick(&FORMS).replace("ID", &id.to_string());
    text = text.replace("MIN", &(1 + random.below(3) * random.below(60)).to_string());
    for mark in ["AT", "OBJ"] {
        while text.contains(mark) {
            text = text.replacen(mark, &number(random), 1);
        }
    }
    text
}

fn dump(random: &mut Random) -> Vec<u8> {
    let first = random.below(3000);
    let count = random.below(60);
    let text: String = (first..first + count).map(|id| goroutine(random, id + 1)).collect();
    let mut text = text.into_bytes();
    for _ in 0..random.below(9) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(30)).min(text.len());
        match random.below(6) {
            0 => text.truncate(at),
            1 => drop(text.drain(at..end)),
            2 if at < text.len() => text[at] = b"09afx \t\n(:]\xff"[random.below(12)],
            3 => {
                let part = random.pick(&PARTS).bytes();
                text.splice(at..at, part);
            }
            4 => {
                let again = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            _ => {
                let part = random.pick(&PARTS).bytes();
                text.splice(at..end, part);
            }
        }
    }
    text
}

#[test]
fn no_dump_is_too_strange_and_repeats_count() {
    parallel::limited(3, all_dumps);
}

fn all_dumps() {
    let runs = std::env::var("HEAPDIFF_MUTATIONS").ok().and_then(|runs| runs.parse().ok());
    let (mut read, mut refused) = (0, 0);
    for seed in 0..runs.unwrap_or(2000) {
        let mut random = Random(seed);
        let text = dump(&mut random);
        let [whole, parts] = [usize::MAX / 64, 1 + random.below(400)].map(|bytes| {
            input::cut_dumps_at(bytes);
            format!("{:?}", input::read_profile(text.as_slice()))
        });
        assert_eq!(whole, parts, "seed {seed}: {}", String::from_utf8_lossy(&text));
        let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        let other = lines.join(b"\r\n".as_slice());
        let both = [ask::series(&[&text]), ask::series(&[&other])];
        let [Ok(series), Ok(_)] = both else {
            let [one, other] = both.map(Result::err);
            assert_eq!(one.is_some(), other.is_some(), "seed {seed}: {one:?} {other:?}");
            refused += 1;
            continue;
        };
        let headers = text.windows(10).filter(|part| *part == b"goroutine ").count() as i64;
        let held: i64 = series.snapshots.iter().flat_map(|one| &one.samples.values).sum();
        assert!(held <= headers, "seed {seed}: {held} of {headers}");
        let [one, other] = [&text, &other].map(|text| {
            match ask::ask(Question::Goroutines, &[text], "goroutine").answer {
                Answer::Goroutines(answer) => answer,
                answer => panic!("seed {seed}: {answer:?}"),
            }
        });
        assert_eq!(one, other, "seed {seed}: {}", String::from_utf8_lossy(&text));
        read += 1;
    }
    assert!(read > refused && refused > 0, "{read} read, {refused} refused");
}
