//! Reads the digits of addresses, many at once: a large dump has tens of millions.

use std::ops::Range;

/// Digits of the longest address.
pub(super) const DIGITS: usize = 16;

/// How many digits a text begins with, up to one more than an address has.
pub(super) fn digits(text: &[u8]) -> usize {
    let is_digit = |byte: &u8| beyond_digits(*byte) == 0;
    let Some((first, rest)) = text.split_first_chunk::<DIGITS>() else {
        return text.iter().take_while(|byte| is_digit(byte)).count();
    };
    // The first byte that is none has a bit.
    let others = u128::from_le_bytes(first.map(beyond_digits));
    let digits = others.trailing_zeros() as usize / 8;
    digits + usize::from(digits == DIGITS && rest.first().is_some_and(is_digit))
}

/// 0 for the digits from 0 to 9 and from a to f alone.
#[inline]
pub(super) fn beyond_digits(byte: u8) -> u8 {
    let beyond_nine = byte.wrapping_sub(b'0').saturating_sub(9);
    beyond_nine.min(byte.wrapping_sub(b'a').saturating_sub(5))
}

/// An address in a text, of at most [`DIGITS`] digits, each from 0 to f. As many bytes of the text precede its end.
pub(super) fn address(text: &[u8], place: Range<usize>) -> u64 {
    let last: Option<&[u8; DIGITS]> = text[..place.end].last_chunk();
    let bytes = u128::from_be_bytes(*last.unwrap_or(&[0; DIGITS]));
    let others = 8 * (DIGITS - place.len()) as u32;
    let bytes = bytes.unbounded_shl(others).unbounded_shr(others);
    let digits = (bytes & (EACH * 0xf)) + 9 * ((bytes >> 6) & EACH);
    // Brings the digits together: by two, by four and so on.
    let digits = (digits | (digits >> 4)) & (u128::MAX / 0x101);
    let digits = (digits | (digits >> 8)) & (u128::MAX / 0x1_0001);
    let digits = (digits | (digits >> 16)) & (u128::MAX / 0x1_0000_0001);
    (digits | (digits >> 32)) as u64
}

/// 1 in each byte.
const EACH: u128 = u128::MAX / 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_up_to_16_digits() {
        for shift in 0..64 {
            let number = 0xfedc_ba98_7654_3210_u64 >> shift;
            let hex = format!("{number:x}");
            let text = format!("goroutine 7 f(0x{hex}, 0xff)");
            assert_eq!(digits(&text.as_bytes()[16..]), hex.len());
            assert_eq!(address(text.as_bytes(), 16..16 + hex.len()), number);
        }
        for (text, count) in
            [("", 0), ("g", 0), ("09af", 4), ("0123456789abcdef0g", 17), ("0123456789abcdeF", 15)]
        {
            assert_eq!(digits(text.as_bytes()), count, "{text}");
        }
    }
}
