//! Generates heap profiles of any size, for the benchmarks and for anything else that needs a large
//! profile.
//!
//! They look like the Go runtime's: four sample types, one sample per (stack, object size) with the
//! size as the label `bytes`, each location right before the first sample that needs it, inlined
//! frames in some locations, the string table at the end, and values scaled from counts of sampled
//! objects. The bytes are written by hand, so that no reader is tested against its own writer. The
//! same [`Shape`] always gives the same bytes.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::Write as _;

/// Bytes between two samples: the runtime's default.
const PERIOD: i64 = 524_288;

/// Object sizes, as the Go allocator rounds them; small ones are more frequent.
const SIZES: [i64; 16] =
    [16, 32, 48, 64, 96, 128, 208, 256, 512, 1024, 2048, 4096, 8192, 32_768, 131_072, 1_048_576];

/// The size of a profile, and how similar the two of a pair are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Number of functions in the program.
    pub(crate) functions: u32,
    /// Number of stacks in each profile.
    pub(crate) stacks: u32,
    /// Number of samples in each profile: at least one per stack; each further one has another
    /// size.
    pub(crate) samples: u32,
    /// Frames in a stack on average, at least 2.
    pub(crate) depth: u32,
    /// Share of stacks that both profiles of a pair contain, in percent.
    pub(crate) common: u32,
    /// The seed of the random numbers.
    pub(crate) seed: u64,
}

impl Shape {
    /// A small service: a profile of about 20 kB compressed.
    pub(crate) const SMALL: Self =
        Self { functions: 400, stacks: 250, samples: 400, depth: 16, common: 90, seed: 1 };
    /// A medium service: about 1 MB compressed.
    pub(crate) const MEDIUM: Self =
        Self { functions: 8_000, stacks: 15_000, samples: 25_000, depth: 30, common: 90, seed: 2 };
    /// A large program: about 9 MB compressed, 39 MB as protobuf.
    pub(crate) const LARGE: Self = Self {
        functions: 40_000,
        stacks: 150_000,
        samples: 250_000,
        depth: 40,
        common: 90,
        seed: 3,
    };
    /// A very large program: about 35 MB compressed, 150 MB as protobuf.
    pub(crate) const HUGE: Self = Self {
        functions: 60_000,
        stacks: 600_000,
        samples: 1_000_000,
        depth: 40,
        common: 90,
        seed: 4,
    };

    /// The two profiles of a pair, as uncompressed protobuf.
    pub(crate) fn pair(self) -> [Vec<u8>; 2] {
        [self.profile(Side::Before), self.profile(Side::After)]
    }

    fn profile(self, side: Side) -> Vec<u8> {
        let mut writer = Writer::new(self, side);
        writer.samples();
        writer.finish()
    }
}

/// Compresses as the runtime does: one member, fastest level.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

/// Which profile of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Random numbers: splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// A number below `n` that is small more often than not: the square of a uniform share.
    fn skewed(&mut self, n: u64) -> u64 {
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (share * share * n as f64) as u64
    }
}

/// Writes one profile.
struct Writer {
    shape: Shape,
    side: Side,
    out: Vec<u8>,
    strings: BTreeMap<String, u64>,
    table: Vec<String>,
    /// Function ids by number of the function.
    functions: BTreeMap<u64, u64>,
    /// Location ids by (function, call site).
    locations: BTreeMap<(u64, u64), u64>,
}

impl Writer {
    fn new(shape: Shape, side: Side) -> Self {
        let mut writer = Self {
            shape,
            side,
            out: Vec::new(),
            strings: BTreeMap::new(),
            table: Vec::new(),
            functions: BTreeMap::new(),
            locations: BTreeMap::new(),
        };
        writer.string("");
        let types = [
            ("alloc_objects", "count"),
            ("alloc_space", "bytes"),
            ("inuse_objects", "count"),
            ("inuse_space", "bytes"),
        ];
        for (name, unit) in types {
            let value_type = writer.value_type(name, unit);
            message(&mut writer.out, 1, &value_type);
        }
        writer
    }

    fn string(&mut self, text: &str) -> u64 {
        if let Some(&known) = self.strings.get(text) {
            return known;
        }
        let id = self.table.len() as u64;
        self.strings.insert(text.to_owned(), id);
        self.table.push(text.to_owned());
        id
    }

    fn value_type(&mut self, name: &str, unit: &str) -> Vec<u8> {
        let mut inner = Vec::new();
        number(&mut inner, 1, self.string(name));
        number(&mut inner, 2, self.string(unit));
        inner
    }

    fn samples(&mut self) {
        let Shape { stacks, samples, common, .. } = self.shape;
        let stacks = u64::from(stacks.max(1));
        for index in 0..u64::from(samples).max(stacks) {
            let stack = index % stacks;
            let is_common = stack * 100 < u64::from(common) * stacks;
            // The seed of a stack that only one profile has includes the profile.
            let own = if is_common { 0 } else { 1 + self.side as u64 };
            let locations = self.stack((stack << 2) | own);
            let size = SIZES[Random(stack ^ (self.shape.seed << 40)).skewed(16) as usize];
            let size = size * (1 + (index / stacks) as i64);
            self.sample(&locations, size, (index << 2) | own);
        }
    }

    /// The location ids of a stack, leaf first. Neighbours share all but the last few frames, as
    /// stacks under the same request handler do, which also makes a profile compressible.
    fn stack(&mut self, stack: u64) -> Vec<u64> {
        // The two low bits distinguish the profiles of a pair.
        let mut trunk = Random(self.shape.seed.wrapping_mul(0x1_0000_0001) ^ ((stack >> 2) / 40));
        let mut twig = Random(self.shape.seed ^ stack.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let functions = u64::from(self.shape.functions.max(3));
        let depth = u64::from(self.shape.depth.max(2));
        let depth = depth / 2 + trunk.below(depth) + 1;
        let twigs = (1 + twig.below(4)).min(depth - 1);
        let mut locations = vec![self.location(0, 0), self.location(1, 0)];
        let mut function = 1;
        for level in 2..depth {
            let random = if level + twigs < depth { &mut trunk } else { &mut twig };
            // A function calls one of a few others.
            let site = random.skewed(6);
            function = 2 + Random((function << 8) | site).next() % (functions - 2);
            locations.push(self.location(function, site));
        }
        locations.reverse();
        locations
    }

    fn location(&mut self, function: u64, site: u64) -> u64 {
        if let Some(&known) = self.locations.get(&(function, site)) {
            return known;
        }
        let id = self.locations.len() as u64 + 1;
        self.locations.insert((function, site), id);
        let mut inner = Vec::new();
        number(&mut inner, 1, id);
        number(&mut inner, 2, 1);
        number(&mut inner, 3, 0x0040_0000 + function * 0x400 + site * 0x20);
        // One location in six has one or two functions inlined into it.
        let inlined = Random((function << 8) | site).below(12);
        if function > 1 && inlined < 2 {
            for depth in 0..=inlined {
                let callee =
                    2 + (function * 31 + depth) % u64::from(self.shape.functions.max(3) - 2);
                self.line(&mut inner, callee, site);
            }
        }
        self.line(&mut inner, function, site);
        message(&mut self.out, 4, &inner);
        id
    }

    fn line(&mut self, location: &mut Vec<u8>, function: u64, site: u64) {
        let mut inner = Vec::new();
        number(&mut inner, 1, self.function(function));
        number(&mut inner, 2, 10 + function % 900 + site * 3);
        message(location, 4, &inner);
    }

    fn function(&mut self, function: u64) -> u64 {
        if let Some(&known) = self.functions.get(&function) {
            return known;
        }
        let id = self.functions.len() as u64 + 1;
        self.functions.insert(function, id);
        let package = function % (u64::from(self.shape.functions) / 12 + 1);
        let (name, file) = match function {
            0 => ("runtime.main".to_owned(), "runtime/proc.go".to_owned()),
            1 => ("main.main".to_owned(), "example.com/service/main.go".to_owned()),
            n => {
                let path = format!("example.com/service/internal/package{package}");
                let name = match n % 8 {
                    0 => format!("{path}.(*Server).Handle{n}"),
                    1 => format!("{path}.build{n}.func{}", n % 5 + 1),
                    2 => format!("{path}.Collect{n}[go.shape.string]"),
                    _ => format!("{path}.process{n}"),
                };
                (name, format!("{path}/file{}.go", n % 7))
            }
        };
        let mut inner = Vec::new();
        number(&mut inner, 1, id);
        let name = self.string(&name);
        number(&mut inner, 2, name);
        number(&mut inner, 3, name);
        number(&mut inner, 4, self.string(&file));
        number(&mut inner, 5, 5 + function % 900);
        message(&mut self.out, 5, &inner);
        id
    }

    /// Writes a sample with objects of one size: some sampled before, and some more after.
    fn sample(&mut self, locations: &[u64], size: i64, seed: u64) {
        let mut random = Random(self.shape.seed ^ seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut allocated = 1 + random.skewed(40) as i64;
        let mut in_use = random.below(2) as i64 * random.below(allocated as u64 + 1) as i64;
        let more = random.skewed(20) as i64;
        let kept = random.below(4) as i64 - 1;
        if self.side == Side::After {
            allocated += more;
            in_use = (in_use + kept * more / 2).clamp(0, allocated);
        }
        let mut values = Vec::new();
        for count in [allocated, in_use] {
            let (objects, bytes) = scale(count, size);
            varint(&mut values, objects as u64);
            varint(&mut values, bytes as u64);
        }
        let mut ids = Vec::new();
        for &location in locations {
            varint(&mut ids, location);
        }
        let mut label = Vec::new();
        number(&mut label, 1, self.string("bytes"));
        number(&mut label, 3, size as u64);

        let mut inner = Vec::new();
        message(&mut inner, 1, &ids);
        message(&mut inner, 2, &values);
        message(&mut inner, 3, &label);
        message(&mut self.out, 2, &inner);
    }

    fn finish(mut self) -> Vec<u8> {
        let mut mapping = Vec::new();
        number(&mut mapping, 1, 1);
        number(&mut mapping, 2, 0x0040_0000);
        number(&mut mapping, 3, 0x4000_0000);
        number(&mut mapping, 5, self.string("/opt/service/bin/service"));
        number(&mut mapping, 6, self.string("5eed0000000000000000000000000000000000aa"));
        number(&mut mapping, 7, 1);
        message(&mut self.out, 3, &mapping);
        let period_type = self.value_type("space", "bytes");
        message(&mut self.out, 11, &period_type);
        number(&mut self.out, 12, PERIOD as u64);
        // 2024-01-01 00:00 UTC, and ten minutes later.
        let seconds = if self.side == Side::Before { 1_704_067_200 } else { 1_704_067_800 };
        number(&mut self.out, 9, seconds * 1_000_000_000);
        for text in &self.table {
            message(&mut self.out, 6, text.as_bytes());
        }
        self.out
    }
}

/// The values that the runtime writes for `count` sampled objects of `size` bytes: an object is
/// sampled with probability 1 − exp(−size/period), so it represents the inverse of that
/// (`scaleHeapSample` in runtime/pprof).
fn scale(count: i64, size: i64) -> (i64, i64) {
    let factor = 1.0 / -(-(size as f64) / PERIOD as f64).exp_m1();
    ((count as f64 * factor) as i64, ((count * size) as f64 * factor) as i64)
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a numeric field, unless it is zero.
fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        varint(out, field << 3);
        varint(out, value);
    }
}

/// Writes a field that is a message, a string or a packed list.
fn message(out: &mut Vec<u8>, field: u64, inner: &[u8]) {
    varint(out, (field << 3) | 2);
    varint(out, inner.len() as u64);
    out.extend_from_slice(inner);
}
