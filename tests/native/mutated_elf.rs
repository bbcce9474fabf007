//! Binaries with changed bytes: reading one is an error or gives names, and never panics or takes much memory.
//! `HEAPDIFF_ELF_ROUNDS` sets how many are tried.

use super::tools::{Program, folder, has};
use heapdiff::symbolize::{Binary, Names};
use std::fs;
use std::sync::Arc;

/// Rounds without the variable.
const ROUNDS: u64 = 300;

/// The generator of `SplitMix64`: equal numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Changes a few bytes of a binary, or cuts it.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const EXTREMES: [u64; 6] = [0, 1, 0x7f, 0x80, u32::MAX as u64, u64::MAX];
    let headers = usize::from_le_bytes(bytes[0x28..0x30].try_into().unwrap());
    for _ in 0..=random.below(12) {
        // The headers are few bytes, and decide most.
        let at = match random.below(24) {
            0 => 4 + random.below(0x3c),
            1 => headers + random.below(bytes.len() - headers),
            2 => random.below(0x400),
            3..9 => bytes.len() / 4 + random.below(bytes.len() / 4),
            _ => random.below(bytes.len()),
        };
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => {
                let value = EXTREMES[random.below(EXTREMES.len())].to_le_bytes();
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
            _ => {
                let from = random.below(bytes.len() - 8);
                let end = (at + 8).min(bytes.len());
                bytes.copy_within(from..from + end - at, at);
            }
        }
    }
    if random.below(10) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
}

#[test]
fn changed_binaries_are_refused_or_name_addresses() {
    if !has(&["g++"]) {
        return;
    }
    let rounds = std::env::var("HEAPDIFF_ELF_ROUNDS").ok().and_then(|n| n.parse().ok());
    let folder = folder("mutated");
    let originals: Vec<Vec<u8>> = [
        &["-O2", "-g", "-gdwarf-5"][..],
        &["-O2", "-g", "-gdwarf-4", "-no-pie"],
        &["-O2", "-g", "-gz=zlib"],
    ]
    .iter()
    .map(|flags| fs::read(Program::Cpp.build(&folder, flags)).unwrap())
    .collect();
    let mut random = Random(15);
    let (mut read, mut named) = (0, 0);
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let mut bytes = originals[round as usize % originals.len()].clone();
        mutate(&mut bytes, &mut random);
        let Ok(binary) = Binary::parse(&Arc::from(bytes)) else { continue };
        read += 1;
        let mut names = Names::new(&binary, None, None);
        for address in (0x1000..0x2000).chain(0x40_1000..0x40_2000).step_by(7).chain([0, u64::MAX])
        {
            named += names.find(address).len();
        }
    }
    // Most are read, and the test isn't about refusals alone.
    assert!(read > 100 && named > 1000, "{read} read, {named} named");
}
