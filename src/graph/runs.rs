//! Hashes of sequences of rows, which runs of rows that are known can be added to at once.

use super::frames::RowId;

/// The hash of a sequence is a polynomial of this base modulo a prime. (Modulo 2⁶⁴, sequences that
/// are equal under any base are easy to make: Thue–Morse words.)
const BASE: u64 = 0x1129_42f4_88a3_1d35;
const PRIME: u64 = (1 << 61) - 1;

/// What a run of rows does to the hash of those before it: times one number, plus another.
#[derive(Clone, Copy)]
pub(super) struct Run {
    times: u64,
    plus: u64,
    /// Number of rows.
    pub(super) frames: usize,
}

impl Run {
    pub(super) fn of(rows: &[RowId]) -> Self {
        let one = |run: Self, row: &RowId| Self {
            times: modulo(u128::from(run.times) * u128::from(BASE)),
            plus: Self::one(run.plus, row.0),
            frames: run.frames + 1,
        };
        rows.iter().fold(Self { times: 1, plus: 0, frames: 0 }, one)
    }

    /// The hash after one row.
    #[inline]
    pub(super) fn one(hash: u64, row: u32) -> u64 {
        modulo(u128::from(hash) * u128::from(BASE) + u128::from(row) + 1)
    }

    #[inline]
    pub(super) fn after(self, hash: u64) -> u64 {
        modulo(u128::from(hash) * u128::from(self.times) + u128::from(self.plus))
    }
}

/// A number below the product of two hashes and a little more, modulo the prime.
#[inline]
fn modulo(number: u128) -> u64 {
    // 2⁶¹ is 1: the high bits count as often as the low ones.
    let sum = (number as u64 & PRIME) + (number >> 61) as u64;
    if sum >= PRIME { sum - PRIME } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_equal_modulo_a_power_of_two_have_hashes_of_their_own() {
        // Of 2048 letters: whether the number of ones in the index is odd, and its complement.
        let word = |flipped: u32| -> Vec<RowId> {
            (0..2048_u32).map(|at| RowId((at.count_ones() + flipped) % 2)).collect()
        };
        let (word, complement) = (Run::of(&word(0)), Run::of(&word(1)));
        assert_eq!(word.times, complement.times);
        assert_ne!(word.plus, complement.plus);
        let in_two = |first: &[u32], last: &[u32]| {
            let rows = |rows: &[u32]| rows.iter().copied().map(RowId).collect::<Vec<_>>();
            Run::of(&rows(last)).after(Run::of(&rows(first)).plus)
        };
        assert_eq!(in_two(&[7, u32::MAX], &[9]), in_two(&[7], &[u32::MAX, 9]));
        assert_ne!(in_two(&[7, 8], &[9]), in_two(&[8, 7], &[9]));
    }

    #[test]
    fn a_number_is_reduced_to_what_is_left_of_it() {
        for number in [0, 1, PRIME - 1, PRIME, PRIME + 1, u64::MAX] {
            for factor in [1, BASE, PRIME - 1] {
                let number = u128::from(number) * u128::from(factor);
                if number < u128::from(PRIME) * u128::from(PRIME) {
                    assert_eq!(u128::from(modulo(number)), number % u128::from(PRIME));
                }
            }
        }
    }
}
