//! The measured stages. Each function sets up its stage's input and gives divan only the stage to time.
//!
//! A stage that consumes its input gets a fresh copy each time. Copying the input and dropping the result
//! aren't timed.

use crate::generate::{Shape, gzip};
use divan::Bencher;
use divan::counter::BytesCount;
use flate2::bufread::MultiGzDecoder;
use heapdiff::analysis::flame;
use heapdiff::analysis::refs::{RefsDirection, RefsQuery};
use heapdiff::command::{self, Console};
use heapdiff::filter::{Granularity, Spec};
use heapdiff::graph::trim::{Fraction, TrimLimits};
use heapdiff::input;
use heapdiff::model::origin::Own;
use heapdiff::model::profile::Profile;
use heapdiff::model::rebase::Rebase;
use heapdiff::model::series::Series;
use heapdiff::report::session::{Cancel, Session};
use heapdiff::report::{Query, Question, analyze};
use std::ffi::OsString;
use std::io::{Read as _, sink};
use std::path::{Path, PathBuf};

/// Default number of rows in the table.
const ROWS: usize = 25;

/// Two profiles to compare, in every form that a stage starts with.
pub(crate) struct Pair {
    /// As protobuf.
    pub(crate) plain: [Vec<u8>; 2],
    /// The same, compressed as the runtime does it.
    pub(crate) gzip: [Vec<u8>; 2],
    /// The same as files.
    files: [PathBuf; 2],
}

impl Pair {
    /// Makes a pair, and writes it into a folder.
    pub(crate) fn new(name: &str, shape: Shape, folder: &Path) -> Self {
        let plain = shape.pair();
        let gzip = [gzip(&plain[0]), gzip(&plain[1])];
        let files = ["before", "after"].map(|side| folder.join(format!("{name}-{side}.pb.gz")));
        std::fs::create_dir_all(folder).expect("a folder to write to");
        for (file, bytes) in files.iter().zip(&gzip) {
            std::fs::write(file, bytes).expect("a file to write to");
        }
        Self { plain, gzip, files }
    }

    /// Bytes of both as protobuf.
    fn bytes(&self) -> BytesCount {
        BytesCount::new(self.plain[0].len() + self.plain[1].len())
    }

    fn profiles(&self) -> [Profile; 2] {
        [read(&self.plain[0]), read(&self.plain[1])]
    }
}

fn read(bytes: &[u8]) -> Profile {
    input::read_profile(bytes).expect("a profile")
}

fn series<const N: usize>(profiles: [Profile; N]) -> Series {
    let mut rebase = Rebase::default();
    for profile in profiles {
        rebase.add("profile", profile);
    }
    rebase.finish().expect("sample types in common")
}

/// The command line's query without options.
fn query(question: Question) -> Query {
    Query {
        question,
        sample_type: None,
        granularity: Granularity::default(),
        sort: None,
        nodecount: ROWS,
        all: false,
        own: Own::default(),
        normalize: false,
        trim_path: Vec::new(),
    }
}

pub(crate) fn inflate(bencher: Bencher<'_, '_>, pair: &Pair) {
    let mut buffer = vec![0; 64 << 10];
    bencher.counter(pair.bytes()).bench_local(|| {
        let mut total = 0;
        for bytes in &pair.gzip {
            let mut decoder = MultiGzDecoder::new(bytes.as_slice());
            loop {
                match decoder.read(&mut buffer).expect("a whole gzip stream") {
                    0 => break,
                    n => total += n,
                }
            }
        }
        total
    });
}

pub(crate) fn decode(bencher: Bencher<'_, '_>, pair: &Pair, form: &[Vec<u8>; 2]) {
    bencher.counter(pair.bytes()).bench_local(|| [read(&form[0]), read(&form[1])]);
}

pub(crate) fn rebase(bencher: Bencher<'_, '_>, pair: &Pair) {
    let profiles = pair.profiles();
    bencher.counter(pair.bytes()).with_inputs(|| profiles.clone()).bench_local_values(series);
}

pub(crate) fn diff(bencher: Bencher<'_, '_>, pair: &Pair) {
    let series = series(pair.profiles());
    let (query, spec) = (query(Question::Diff), Spec::default());
    bencher
        .counter(pair.bytes())
        .with_inputs(|| series.clone())
        .bench_local_values(|series| analyze(series, &query, &spec).expect("an answer"));
}

/// A question about the paths of the pair.
fn paths(bencher: Bencher<'_, '_>, pair: &Pair, question: Question) {
    let series = series(pair.profiles());
    let (query, spec) = (query(question), Spec::default());
    bencher
        .counter(pair.bytes())
        .with_inputs(|| series.clone())
        .bench_local_values(|series| analyze(series, &query, &spec).expect("an answer"));
}

pub(crate) fn refs(bencher: Bencher<'_, '_>, pair: &Pair) {
    let asked = RefsQuery {
        pattern: ".".to_owned(),
        direction: RefsDirection::Callers,
        sites: 1,
        lines: 20,
        depth: 0,
        branches: 8,
        fraction: Fraction::default(),
    };
    paths(bencher, pair, Question::Refs(asked));
}

pub(crate) fn flame(bencher: Bencher<'_, '_>, pair: &Pair) {
    let direction = flame::FlameDirection::RootFirst;
    let (width, part) = (flame::FlameWidth::After, flame::FlamePart::Whole);
    paths(
        bencher,
        pair,
        Question::Flame(flame::FlameOptions { width, direction, min_width: 500, part }),
    );
}

pub(crate) fn graph(bencher: Bencher<'_, '_>, pair: &Pair) {
    paths(bencher, pair, Question::Graph(TrimLimits::default()));
}

pub(crate) fn peek(bencher: Bencher<'_, '_>, pair: &Pair) {
    paths(bencher, pair, Question::Peek(None));
}

/// The filters of a session.
pub(crate) const FILTERS: [&str; 3] = ["focus", "ignore", "hide"];

/// A diff in a session, each time with another expression.
pub(crate) fn new_filter(bencher: Bencher<'_, '_>, pair: &Pair, filter: &str) {
    let session = Session::new(series(pair.profiles()).into());
    let query = query(Question::Diff);
    let mut asked = 0;
    let spec = || {
        asked += 1;
        // Each is another text, of which only the digit matches.
        let regex = Some(format!("{}|never{asked}$", asked % 10));
        match filter {
            "focus" => Spec { focus: regex, ..Spec::default() },
            "ignore" => Spec { ignore: regex, ..Spec::default() },
            _ => Spec { hide: regex, ..Spec::default() },
        }
    };
    bencher.counter(pair.bytes()).with_inputs(spec).bench_local_values(|spec| {
        session.analyze(&query, &spec, None, &Cancel::default()).expect("an answer")
    });
}

pub(crate) fn top(bencher: Bencher<'_, '_>, pair: &Pair) {
    let series = series([read(&pair.plain[1])]);
    let (query, spec) = (query(Question::Top), Spec::default());
    bencher
        .counter(BytesCount::new(pair.plain[1].len()))
        .with_inputs(|| series.clone())
        .bench_local_values(|series| analyze(series, &query, &spec).expect("an answer"));
}

/// A command on the files of the pair, `heapdiff ARGS BEFORE AFTER`.
pub(crate) fn whole(bencher: Bencher<'_, '_>, pair: &Pair, args: &[&str]) {
    let mut all = vec![OsString::from("heapdiff")];
    all.extend(args.iter().map(OsString::from));
    all.extend(pair.files.iter().map(OsString::from));
    bencher.counter(pair.bytes()).with_inputs(|| all.clone()).bench_local_values(|args| {
        let (mut out, mut err) = (sink(), sink());
        let mut console = Console::of_streams(&mut out, &mut err);
        assert_eq!(command::run(args, &mut console), 0, "heapdiff answers");
    });
}
