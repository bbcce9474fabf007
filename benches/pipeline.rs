//! How long each stage of the main job takes: `cargo bench`, or `cargo bench large` for one size.
//!
//! There is a block for each size of profile, made by `generate.rs` from a fixed seed, and in it a line for each
//! stage. Every stage works on the same pair of profiles (`top` on the second alone), nothing but the stage
//! itself is timed, and throughput is in bytes of uncompressed protobuf, so the lines of a block can be
//! set side by side:
//!
//! - `inflate` unpacks both and keeps nothing. It is the floor: no reader of packed profiles can be quicker.
//! - `decode_plain` reads both from plain protobuf, one after the other; `decode_gzip` from gzip, which
//!   for a large file is unpacked on a thread of its own, so that it takes little more than the slower of the two.
//! - `rebase` puts both onto shared symbols.
//! - `diff` goes from the series to the report, `top` likewise for one profile, and `refs`, `flame`, `graph` and `peek`
//!   for the questions about the paths of both.
//! - `whole_job` is `heapdiff BEFORE AFTER` from the files on disk to the last byte of the table, run inside
//!   this process through [`heapdiff::command::run`], so that starting a process is not measured. It reads the two
//!   files at the same time where there are two cores, so it can be quicker than the sum of its stages.
//!
//! Look at the columns `fastest` and `median`: they should be near each other, and where they are not, the
//! machine was busy with something else. Each first line is time, each second one throughput.
//! `cargo bench -- --sort location` prints the stages in the order in which they run.
//!
//! With `HEAPDIFF_BENCH_WRITE=FOLDER` the profiles are written there instead, to be looked at or to be
//! given to another tool.

mod generate;
mod stages;

use generate::Shape;
use stages::Pair;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The stages at one size.
macro_rules! at_size {
    ($size:ident, $shape:expr) => {
        #[divan::bench_group(sample_size = 1, max_time = 3)]
        mod $size {
            use super::{LazyLock, Pair, Shape, folder, stages};
            use divan::Bencher;

            pub(super) const SHAPE: Shape = $shape;

            /// Made once, before the first stage is timed.
            static PAIR: LazyLock<Pair> =
                LazyLock::new(|| Pair::new(stringify!($size), SHAPE, &folder()));

            #[divan::bench]
            fn inflate(bencher: Bencher<'_, '_>) {
                stages::inflate(bencher, &PAIR);
            }

            #[divan::bench]
            fn decode_plain(bencher: Bencher<'_, '_>) {
                stages::decode(bencher, &PAIR, &PAIR.plain);
            }

            #[divan::bench]
            fn decode_gzip(bencher: Bencher<'_, '_>) {
                stages::decode(bencher, &PAIR, &PAIR.gzip);
            }

            #[divan::bench]
            fn rebase(bencher: Bencher<'_, '_>) {
                stages::rebase(bencher, &PAIR);
            }

            #[divan::bench]
            fn diff(bencher: Bencher<'_, '_>) {
                stages::diff(bencher, &PAIR);
            }

            #[divan::bench]
            fn top(bencher: Bencher<'_, '_>) {
                stages::top(bencher, &PAIR);
            }

            #[divan::bench]
            fn refs(bencher: Bencher<'_, '_>) {
                stages::refs(bencher, &PAIR);
            }

            #[divan::bench]
            fn flame(bencher: Bencher<'_, '_>) {
                stages::flame(bencher, &PAIR);
            }

            #[divan::bench]
            fn graph(bencher: Bencher<'_, '_>) {
                stages::graph(bencher, &PAIR);
            }

            #[divan::bench]
            fn peek(bencher: Bencher<'_, '_>) {
                stages::peek(bencher, &PAIR);
            }

            #[divan::bench]
            fn whole_job(bencher: Bencher<'_, '_>) {
                stages::whole_job(bencher, &PAIR);
            }
        }
    };
}

at_size!(small, Shape::SMALL);
at_size!(medium, Shape::MEDIUM);
at_size!(large, Shape::LARGE);

fn main() {
    if let Some(folder) = std::env::var_os("HEAPDIFF_BENCH_WRITE") {
        let folder = Path::new(&folder);
        for (name, shape) in
            [("small", small::SHAPE), ("medium", medium::SHAPE), ("large", large::SHAPE)]
        {
            Pair::new(name, shape, folder);
        }
        return;
    }
    divan::main();
    // Not there where no stage was asked for that needs files.
    let _ = std::fs::remove_dir_all(folder());
}

/// Where the whole job finds its profiles.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("heapdiff-bench-{}", std::process::id()))
}
