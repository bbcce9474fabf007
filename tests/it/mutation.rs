//! No input causes a panic: damaged and hostile profiles are read, compared and written, or refused.
//!
//! Test builds check arithmetic, so this also finds overflowing sums. The mutations are the same in every run.

use super::ask::query;
use super::plain::{plain, reference};
use super::random::Random;
use super::{corpus, dsl, tables};
use flate2::Compression;
use flate2::write::GzEncoder;
use heapdiff::filter::{Granularity, Spec};
use heapdiff::input::pprof::proto;
use heapdiff::input::{self, InputError};
use heapdiff::model::profile::Profile;
use heapdiff::model::rebase::Rebase;
use heapdiff::output::{self, Format, Width};
use heapdiff::report::{self, Question, Report, Sort, analyze};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The outcome for an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Refused,
}

/// Reads bytes and runs every question on them, together with the original profile.
struct Victim {
    original: Profile,
    failures: Vec<String>,
    answered: usize,
    refused: usize,
}

impl Victim {
    fn new(original: &[u8]) -> Self {
        let original = input::read_profile(original).unwrap();
        Self { original, failures: Vec::new(), answered: 0, refused: 0 }
    }

    fn hit(&mut self, bytes: &[u8], how: impl FnOnce() -> String) {
        match catch_unwind(AssertUnwindSafe(|| ask_everything(bytes, &self.original))) {
            Ok(Fate::Answered) => self.answered += 1,
            Ok(Fate::Refused) => self.refused += 1,
            Err(panic) => {
                let what = panic.downcast_ref::<String>().map(String::as_str);
                let what = what.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                self.failures.push(format!("{}: {what}", how()));
            }
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let first: Vec<_> = self.failures.iter().take(20).collect();
            assert!(first.is_empty(), "{} failures: {first:#?}", self.failures.len());
            assert!(self.answered + self.refused > 0, "nothing was tried");
        }
    }
}

fn ask_everything(bytes: &[u8], original: &Profile) -> Fate {
    let profile = match input::read_profile(bytes) {
        Ok(profile) => profile,
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && message.len() < 2000, "message: {message}");
            return Fate::Refused;
        }
    };
    bounded(&profile, bytes);
    let mut fate = Fate::Refused;
    for (question, pair, sort, granularity) in [
        (Question::Diff, [original, &profile].as_slice(), None, Granularity::Functions),
        (Question::Diff, &[&profile, original], Some(Sort::Cum), Granularity::Lines),
        (Question::Top, &[&profile], None, Granularity::Addresses),
        (Question::Top, &[&profile, original, &profile], Some(Sort::Cum), Granularity::Packages),
    ] {
        let mut rebase = Rebase::default();
        for &profile in pair {
            rebase.add("input", profile.clone());
        }
        let Ok(series) = rebase.finish() else { continue };
        let query = report::Query { sort, granularity, ..query(question, "") };
        let Ok(report) = analyze(series, &query, &Spec::default()) else { continue };
        said(&report);
        fate = Fate::Answered;
    }
    fate
}

/// Checks that a profile is no larger than its bytes allow.
fn bounded(profile: &Profile, bytes: &[u8]) {
    let plain = corpus::unpacked(bytes).map_or(bytes.len(), |plain| plain.len());
    let symbols = &profile.symbols;
    let lines: usize = symbols.locations.ids().map(|id| symbols.locations.lines(id).len()).sum();
    let frames: usize = (0..profile.samples.len()).map(|i| profile.samples.stack(i).count()).sum();
    for (what, n) in [
        ("samples", profile.samples.len()),
        ("values", profile.samples.values.len()),
        ("frames", frames),
        ("functions", symbols.functions.len()),
        ("mappings", symbols.mappings.len()),
        ("locations", symbols.locations.len()),
        ("lines", lines),
        ("strings", symbols.strings.len()),
        ("label sets", profile.label_sets.len()),
    ] {
        assert!(n <= plain, "{n} {what} out of {plain} bytes");
    }
}

/// Every output shows it, and no number in it is infinite or NaN.
fn said(report: &Report) {
    let style = tables::plain(Width::Columns(80));
    for format in [Format::Table, Format::Json, Format::Csv] {
        let mut out = Vec::new();
        output::write(format, report, &style, &mut out).unwrap();
        if format == Format::Json {
            let again: Report = serde_json::from_slice(&out).unwrap();
            // NaN is written as null, and comes back as absent.
            assert!(again == *report, "JSON that does not read as it was written");
        }
        let text = String::from_utf8(out).unwrap();
        let numbers = ["NaN", "inf%", "inf "];
        assert!(format == Format::Json || numbers.iter().all(|n| !text.contains(n)), "{text}");
    }
}

fn small() -> Vec<u8> {
    dsl::bytes(&dsl::heap(&[
        dsl::stack("main;handler;append").inuse(3, 4096 * 3).sized(4096),
        dsl::stack("main;handler").inuse(10, 640).sized(64).label("tenant", "acme"),
        dsl::stack("main;bytes.growSlice").alloc(7, 448).sized(64),
    ]))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn every_beginning_of_a_profile() {
    let plain = small();
    for bytes in [plain.clone(), gzip(&plain), corpus::read("crafted/unpacked.pb.gz")] {
        let mut victim = Victim::new(&plain);
        for n in 0..bytes.len() {
            victim.hit(&bytes[..n], || format!("the first {n} bytes"));
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            assert_eq!(victim.answered, 0, "a gzip stream that is cut off is never read");
        }
    }
}

#[test]
fn every_byte_damaged() {
    let plain = small();
    let packed = gzip(&plain);
    let mut victim = Victim::new(&plain);
    for i in 0..plain.len() {
        for value in [0x00, 0xff, 0x7f, 0x80, plain[i] ^ 0x01, plain[i] ^ 0x80, plain[i] ^ 0x08] {
            let mut bytes = plain.clone();
            bytes[i] = value;
            victim.hit(&bytes, || format!("byte {i} is {value:#04x}"));
            agree(&bytes, || format!("byte {i} is {value:#04x}"));
        }
    }
    let answered = victim.answered;
    assert!(answered > 100 && victim.refused > 100, "{answered} of {}", plain.len() * 7);
    for i in 0..packed.len() {
        for value in [packed[i] ^ 0x01, packed[i] ^ 0x80] {
            let mut bytes = packed.clone();
            bytes[i] = value;
            victim.hit(&bytes, || format!("packed byte {i} is {value:#04x}"));
        }
    }
}

/// If both readers accept it, they read the same.
fn agree(bytes: &[u8], how: impl FnOnce() -> String) {
    // One merges a message that occurs twice, and the other replaces it, as pprof does.
    let Ok(message) = <proto::Profile as prost::Message>::decode(bytes) else { return };
    if let (Ok(ours), Ok(theirs)) = (input::read_profile(bytes), reference(bytes)) {
        let mut ours = plain(&ours);
        if message.period_type.is_some() {
            ours.header.period_type = theirs.header.period_type.clone();
        }
        assert!(ours == theirs, "{}: read differently", how());
    }
}

#[test]
fn random_damage_to_recordings() {
    let mut random = Random(21);
    let mut files = corpus::testdata();
    files.extend(corpus::shared(&["corpus/fuzz-malformed-proto"]));
    let mut all = Vec::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let plain = corpus::unpacked(&bytes).unwrap_or(bytes);
        if plain.len() < 30_000 {
            all.push((corpus::shown(&file), plain));
        }
    }
    let mut victim = Victim::new(&corpus::read("rate1/before.pb.gz"));
    for (name, bytes) in &all {
        victim.hit(bytes, || name.clone());
        for round in 0..12 {
            let mut bytes = bytes.clone();
            let kind = random.below(4);
            for _ in 0..=random.below(8) {
                damage(&mut bytes, kind, &all, &mut random);
            }
            victim.hit(&bytes, || format!("{name}, round {round}"));
            agree(&bytes, || format!("{name}, round {round}"));
        }
    }
    assert!(victim.answered > 100 && victim.refused > 100);
}

/// Changes, removes, repeats or takes over some bytes.
fn damage(bytes: &mut Vec<u8>, kind: usize, all: &[(String, Vec<u8>)], random: &mut Random) {
    let at = random.below(bytes.len());
    match kind {
        0 if !bytes.is_empty() => bytes[at] = random.next() as u8,
        1 => {
            let end = (at + random.below(20)).min(bytes.len());
            bytes.drain(at..end);
        }
        2 => {
            let end = (at + random.below(200)).min(bytes.len());
            let repeated = bytes[at..end].to_vec();
            bytes.splice(at..at, repeated);
        }
        _ => {
            let (_, other) = random.pick(all);
            let from = random.below(other.len());
            let to = (from + random.below(300)).min(other.len());
            let end = (at + random.below(100)).min(bytes.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
}

#[test]
fn random_profiles_of_any_values() {
    let mut random = Random(22);
    let mut victim = Victim::new(&small());
    let extremes =
        [0, 1, -1, i64::MAX, i64::MIN, i64::MAX / 4, i64::MAX / 5, -i64::MAX / 5, 1 << 53];
    for round in 0..300 {
        let profile = random.profile(|random| match random.below(40) {
            0 => *random.pick(&extremes),
            1..20 => 0,
            _ => (random.number() >> 12) as i64,
        });
        let bytes = random.wire(&profile);
        victim.hit(&bytes, || format!("round {round}"));
    }
    assert!(victim.answered > 30, "only {} answered", victim.answered);
}

#[test]
fn headers_of_any_values() {
    let numbers = [0, 1, -1, 2, i64::MIN, i64::MIN + 1, i64::MAX, 1 << 53, 524_288];
    let mut victim = Victim::new(&small());
    let base = proto_of(&small());
    for number in numbers {
        for size in numbers {
            let mut p = base.clone();
            (p.time_nanos, p.duration_nanos, p.period) = (number, size, number);
            victim.hit(&dsl::bytes(&p), || format!("time {number}, duration {size}"));
            let mut p = base.clone();
            p.period = number;
            p.sample.iter_mut().for_each(|s| s.label[0].num = size);
            victim.hit(&dsl::bytes(&p), || format!("period {number}, objects of {size} bytes"));
            let mut p = base.clone();
            p.location[0].line[0].line = number;
            p.location[0].line[0].column = size;
            p.location[0].address = number as u64;
            p.function[0].start_line = size;
            victim.hit(&dsl::bytes(&p), || format!("line {number}:{size}"));
            let mut p = base.clone();
            let mapping = proto::Mapping {
                id: 1,
                memory_start: number as u64,
                memory_limit: size as u64,
                file_offset: number as u64,
                ..Default::default()
            };
            p.mapping.push(mapping);
            p.location.iter_mut().for_each(|l| {
                l.mapping_id = 1;
                l.line.clear();
            });
            victim.hit(&dsl::bytes(&p), || format!("mapped from {number} to {size}"));
        }
    }
}

fn proto_of(bytes: &[u8]) -> proto::Profile {
    prost::Message::decode(bytes).unwrap()
}

/// The error of comparing a profile with itself.
fn complaint(profile: &proto::Profile) -> String {
    let bytes = dsl::bytes(profile);
    let mut rebase = Rebase::default();
    for name in ["before", "after"] {
        rebase.add(name, input::read_profile(bytes.as_slice()).unwrap());
    }
    let series = rebase.finish().unwrap();
    analyze(series, &query(Question::Diff, ""), &Spec::default()).expect_err("an error").to_string()
}

#[test]
fn sums_that_do_not_fit_are_an_error() {
    let most = i64::MAX / 2;
    for bytes in [i64::MAX, i64::MIN, most, -most] {
        let stacks = [(); 3].map(|()| dsl::stack("main;f").inuse(1, bytes));
        let message = complaint(&dsl::heap(&stacks));
        assert!(message.contains("more than 64 bits"), "{message}");
    }
}

#[test]
fn many_snapshots_that_fit_one_by_one_are_an_error_together() {
    let bytes = dsl::bytes(&dsl::heap(&[dsl::stack("main;f").inuse(1, i64::MAX / 4 - 1)]));
    let mut rebase = Rebase::default();
    for i in 0..9 {
        rebase.add(&format!("input {i}"), input::read_profile(bytes.as_slice()).unwrap());
    }
    let series = rebase.finish().unwrap();
    let answer = analyze(series, &query(Question::Top, ""), &Spec::default());
    assert!(answer.expect_err("too much").to_string().contains("more than 64 bits"));
}

#[test]
fn a_claim_of_length_takes_no_memory() {
    let mut varint = Vec::new();
    for length in [1_u64 << 60, u64::MAX, 1 << 28, (1 << 28) + 1, 1 << 31] {
        for field in 1..=15 {
            varint.clear();
            let mut rest = length;
            while rest >= 0x80 {
                varint.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            varint.push(rest as u8);
            let mut bytes = small();
            bytes.push(field << 3 | 2);
            bytes.extend(&varint);
            for end in [b"".as_slice(), &[0; 64]] {
                let bytes = [bytes.as_slice(), end].concat();
                let error = input::read_profile(bytes.as_slice()).expect_err("a lie");
                let error_is =
                    matches!(error, InputError::Malformed { .. } | InputError::CutOff(_));
                assert!(error_is, "{field}: {error}");
            }
        }
    }
}

#[test]
fn a_bomb_of_gzip_is_no_more_than_its_bytes() {
    let bomb = corpus::read("crafted/bad/gzip-bomb.pb.gz");
    assert!(bomb.len() < 10_000);
    assert!(matches!(input::read_profile(bomb.as_slice()), Err(InputError::TooMuch { .. })));
    // Ten thousand bytes of gzip that expand to ten million bytes of one string, of many strings,
    // of comments.
    let zeros = vec![0; 9 << 20];
    let mut one_string = small();
    one_string.extend([0x32, 0x80, 0x80, 0xc0, 0x04]);
    one_string.extend(&zeros);
    let many_strings = [small(), [0x32, 0].repeat(4 << 20)].concat();
    let mut comments = small();
    comments.extend([0x6a, 0x80, 0x80, 0xc0, 0x04]);
    comments.extend(vec![1; 9 << 20]);
    let mut victim = Victim::new(&small());
    for (name, bytes) in
        [("a string", one_string), ("strings", many_strings), ("comments", comments)]
    {
        let packed = gzip(&bytes);
        assert!(packed.len() < 12_000, "{} bytes", packed.len());
        victim.hit(&packed, || name.to_owned());
    }
}

#[test]
fn many_samples_of_nothing() {
    let mut bytes = small();
    // A sample of four zeros, a million times: without locations and labels.
    bytes.extend([0x12, 6, 0x12, 4, 0, 0, 0, 0].repeat(1_000_000));
    let profile = input::read_profile(bytes.as_slice()).unwrap();
    assert_eq!(profile.samples.len(), 1_000_003);
    let empty = input::read_profile([small(), [0x12, 0].repeat(1000)].concat().as_slice());
    assert!(empty.expect_err("no values").to_string().contains("has 0 values"));
}

#[test]
fn deep_stacks_many_times() {
    let mut p = proto_of(&small());
    let stack: Vec<u64> = (0..20_000).map(|i| 1 + i % p.location.len() as u64).collect();
    p.sample.iter_mut().for_each(|s| s.location_id.clone_from(&stack));
    let samples = p.sample.clone();
    (0..10).for_each(|_| p.sample.extend(samples.clone()));
    Victim::new(&small()).hit(&dsl::bytes(&p), || "deep stacks".to_owned());
}

#[test]
fn every_sample_with_labels_of_its_own() {
    let mut p = proto_of(&small());
    let sample = p.sample[0].clone();
    p.sample = (0..20_000)
        .map(|i| {
            let mut sample = sample.clone();
            sample.label[0].num = i;
            sample
        })
        .collect();
    p.sample[0].label = vec![p.sample[0].label[0]; 20_000];
    Victim::new(&small()).hit(&dsl::bytes(&p), || "distinct labels".to_owned());
}

#[test]
fn more_sample_types_than_there_are() {
    for n in [255, 256, 257, 5000] {
        let mut p = proto_of(&small());
        p.sample_type = vec![p.sample_type[3]; n];
        p.sample.iter_mut().for_each(|s| s.value = vec![1; n]);
        let read = input::read_profile(dsl::bytes(&p).as_slice());
        assert_eq!(read.is_ok(), n <= 256, "{n} sample types");
        Victim::new(&small()).hit(&dsl::bytes(&p), || format!("{n} sample types"));
    }
}

#[test]
fn ids_that_are_as_large_as_can_be() {
    let mut p = proto_of(&small());
    let moved = |id: u64| (1 << 63) + id * 0x0101_0101;
    p.location.iter_mut().for_each(|l| {
        l.id = moved(l.id);
        l.line.iter_mut().for_each(|line| line.function_id = moved(line.function_id));
    });
    p.function.iter_mut().for_each(|f| f.id = moved(f.id));
    p.sample.iter_mut().for_each(|s| s.location_id.iter_mut().for_each(|id| *id = moved(*id)));
    let read = plain(&input::read_profile(dsl::bytes(&p).as_slice()).unwrap());
    assert_eq!(read, plain(&input::read_profile(small().as_slice()).unwrap()));
}

#[test]
fn a_mangled_name_that_grows_when_it_is_read() {
    // Each template argument is a pair of the one before it: short when mangled, 2^30 names when
    // spelled out.
    let mut name = String::from("_Z1fISt4pairIiiE");
    for i in 1..31 {
        let id = char::from_digit(i, 36).unwrap().to_ascii_uppercase();
        name.extend(["S0_IS", &id.to_string(), "_S", &id.to_string(), "_E"]);
    }
    name.push_str("EvT_");
    let p = dsl::heap(&[dsl::stack(&format!("main;{name}")).inuse(1, 16)]);
    Victim::new(&small()).hit(&dsl::bytes(&p), || "a mangled name".to_owned());
}

#[test]
fn few_bytes_that_name_one_long_name_many_times() {
    let mut bytes = small();
    let name = proto_of(&bytes).string_table.len() as u8;
    bytes.extend([0x32, 0x80, 0x80, 0x80, 0x02]);
    bytes.extend(vec![b'x'; 4 << 20]);
    for id in 100..4000_u32 {
        let id = [id as u8 | 0x80, (id >> 7) as u8];
        bytes.extend([0x2a, 5, 0x08, id[0], id[1], 0x10, name]);
    }
    // Of each use, only the ends of the name are shown.
    Victim::new(&small()).hit(&bytes, || "4000 functions of one long name".to_owned());
}
