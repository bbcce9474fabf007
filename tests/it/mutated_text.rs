//! Text profiles whose lines, words and numbers are changed, so that the readers accept many of them. Byte for byte the
//! same in every run of a seed.

use super::corpus;
use super::mutated::{stored, try_all};
use super::random::Random;
use std::ops::Range;
use std::time::Duration;

/// Most bytes of an input, unpacked.
const MOST: usize = 1 << 20;

const MAPS: &str = "MAPPED_LIBRARIES:\n00400000-00500000 r-xp 00000000 08:01 1234   /bin/app\n\
    7f0000010000-7f0000020000 r-xp 00010000 08:01 77 /lib/x.so.6\nbuild=/x/app\n0x900000-0x910000: $build (@9000) abc\n";

/// The texts that are changed: one of each format, and recordings.
fn originals() -> Vec<Vec<u8>> {
    let heap = |writer: &str| {
        format!(
            "heap profile: 12: 3456 [78: 9012] @ {writer}\n  1: 9216 [ 3: 20000] @ 0x410001 0x7f0000010010\n\
             #\t0x410000\tmain.f+0x1\t/app/main.go:7\n-2: -128 [0: 0] @ 0x430000\n{MAPS}"
        )
    };
    let texts = [
        heap("heap/1048576"),
        heap("heap_v2/524288"),
        heap("heapprofile"),
        heap("growthz"),
        format!(
            "heap_v2/1024\n  t*: 3: 300 [0: 0]\n  t1: 3: 300 [0: 0]\n@ 0x410001 0x7f0000010010\n  t*: 3: 300 [0: 0]\n\
             \x20 t1: 1: 100 [0: 0]\n  t2: 2: 200 [0: 0]\n@ 0x410001\n  t*: 1: 7 [0: 0]\n{MAPS}"
        ),
        "goroutine profile: total 5\n4 @ 0x10 0x20 0x30\n# labels: {\"a\":\"b\"}\n#\t0xf\tmain.f+0x1\tf.go:3\n\n1 @ 0x20\n"
            .to_owned(),
        "--- mutex:\ncycles/second=2695944789\nsampling period=5\n135017496 1 @ 0x10 0x20\n".to_owned(),
        format!("--- contentionz 3 ---\ncycles/second = 3201000000\n  19490304       27 @ 0x410001\n{MAPS}"),
        format!(
            "--- threadz 1 ---\n\n--- Thread 7f794ab90940 (name: main/14748) stack: ---\n  0x0040be31: main\n\
             --- Thread 7f794a32c700 (name: t/14751) stack: ---\n    [same as previous thread]\n{MAPS}"
        ),
        "--- heapz 1 ---\nformat = java\nresolution = bytes\n7048 1 @ 0x3 0x4 0x5\n0x3 com.x.A.<clinit> (A.java:42)\n\
         0x4 com.x.B.run (/usr/lib/x/libfoo.so)\n0x5 GC\n"
            .to_owned(),
        "--- contentionz 1 ---\nformat = java\nresolution = microseconds\nsampling period = 100\n1 14 @ 0x3 0x4\n0x3 a.b (B.java:-2)\n"
            .to_owned(),
    ];
    let files =
        ["text-heap/before.txt", "text-heap/after.txt", "parked/after.txt", "parked/quit.log"]
            .map(corpus::read);
    texts.into_iter().map(String::into_bytes).chain(files).collect()
}

/// A number that is likely to be a mistake, as a text.
fn extreme(random: &mut Random) -> String {
    match random.below(9) {
        0 => "0".to_owned(),
        1 => i64::MAX.to_string(),
        2 => i64::MIN.to_string(),
        3 => u64::MAX.to_string(),
        4 => format!("{:#x}", random.number()),
        5 => "9".repeat(random.below(40)),
        6 => format!("-{}", random.number()),
        _ => random.number().to_string(),
    }
}

/// Changes a line, or the lines around it.
fn change(lines: &mut Vec<Vec<u8>>, others: &[Vec<u8>], random: &mut Random) {
    if lines.is_empty() {
        lines.push(extreme(random).into_bytes());
        return;
    }
    let at = random.below(lines.len());
    match random.below(12) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let line = lines[at].clone();
            let size = 1 << random.below(14);
            let times = (1 + random.below(size)).min(MOST / 4 / (line.len() + 1));
            lines.splice(at..at, std::iter::repeat_n(line, times));
        }
        2 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        3 => {
            let from = random.pick(others);
            let more: Vec<Vec<u8>> = from.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            let start = random.below(more.len());
            let end = (start + 1 + random.below(20)).min(more.len());
            lines.splice(at..at, more[start..end].iter().cloned());
        }
        4 => lines.truncate(at),
        5 => {
            let place = random.below(lines[at].len() + 1);
            lines[at].insert(place, random.next() as u8);
        }
        6 => lines[at] = lines[at].repeat(1 + random.below(50)),
        7 if !lines[at].is_empty() => {
            let place = random.below(lines[at].len());
            lines[at].remove(place);
        }
        8 => {
            let stack = (0..random.below(3000)).map(|i| format!(" {:#x}", i * random.below(7)));
            let stack: String = stack.collect();
            lines[at].extend_from_slice(stack.as_bytes());
        }
        _ => {
            // A word or a number in place of one.
            let line = String::from_utf8_lossy(&lines[at]).into_owned();
            let words: Vec<&str> = line.split_inclusive([' ', ':', '[', '/', '=', '\t']).collect();
            let which = random.below(words.len());
            let replaced = words.iter().enumerate().map(|(i, word)| match word.chars().last() {
                Some(end) if i == which && !end.is_alphanumeric() => {
                    format!("{}{end}", extreme(random))
                }
                _ if i == which => extreme(random),
                _ => (*word).to_owned(),
            });
            lines[at] = replaced.collect::<String>().into_bytes();
        }
    }
}

/// The input of a seed, as a file would hold it.
fn input(seed: u64, originals: &[Vec<u8>]) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x7e87);
    let original = random.pick(originals);
    let mut lines: Vec<Vec<u8>> = original.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..=random.below(4) {
        change(&mut lines, originals, &mut random);
    }
    let mut bytes = lines.join(&b'\n');
    bytes.truncate(MOST);
    stored(bytes, &mut random)
}

/// Tries profiles in text.
pub(crate) fn try_text(seeds: Range<u64>) -> (Duration, u64) {
    let originals = originals();
    try_all(seeds, |seed| input(seed, &originals))
}
