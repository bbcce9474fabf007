//! How long each stage of the main job takes: `cargo bench`.
//!
//! A module for each stage, from bytes to report, in the order in which they run. Throughput is in bytes
//! of uncompressed protobuf throughout, so that the stages can be set side by side. Inflating is the
//! floor: nothing that reads a profile can be quicker than that.
//!
//! With `HEAPDIFF_BENCH_WRITE=FOLDER` the profiles are written there instead, to be looked at or to be
//! given to another tool.

mod generate;

use generate::Shape;
use std::path::Path;

/// The sizes everything is measured at, by name.
const SHAPES: [(&str, Shape); 2] = [("service", Shape::SERVICE), ("large", Shape::LARGE)];

fn main() {
    if let Some(folder) = std::env::var_os("HEAPDIFF_BENCH_WRITE") {
        write(Path::new(&folder));
    } else {
        divan::main();
    }
}

fn write(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder to write to");
    for (name, shape) in SHAPES {
        for (side, bytes) in ["before", "after"].iter().zip(shape.pair_gzip()) {
            let path = folder.join(format!("{name}-{side}.pb.gz"));
            std::fs::write(path, bytes).expect("a file to write to");
        }
    }
}

/// The profile before, compressed and not.
fn before(name: &str) -> (Vec<u8>, Vec<u8>) {
    let shape = SHAPES.iter().find(|(own, _)| *own == name).expect("a shape of this name").1;
    let [plain, _] = shape.pair();
    (generate::gzip(&plain), plain)
}

/// Gzip to protobuf.
mod inflate {
    use divan::counter::BytesCount;
    use flate2::bufread::MultiGzDecoder;
    use std::io::Read as _;

    /// Through a buffer of 64 KiB that is used again and again, keeping nothing.
    #[divan::bench(args = ["service", "large"])]
    fn streamed(bencher: divan::Bencher<'_, '_>, name: &str) {
        let (compressed, plain) = super::before(name);
        let mut buffer = vec![0; 64 << 10];
        bencher.counter(BytesCount::new(plain.len())).bench_local(|| {
            let mut decoder = MultiGzDecoder::new(compressed.as_slice());
            let mut total = 0;
            loop {
                match decoder.read(&mut buffer).expect("a whole gzip stream") {
                    0 => break total,
                    n => total += n,
                }
            }
        });
    }
}
