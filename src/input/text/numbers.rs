//! Reads numbers at the start of a text: decimal ones, and addresses.

use super::lines::Line;
use crate::input::InputError;

/// Returns the decimal number at the start of a text, with a sign if `signed`, and what follows it.
/// `None` if there is none, or if it takes more than 64 bits.
pub(super) fn decimal(text: &[u8], signed: Signed) -> Option<(i64, &[u8])> {
    let (is_negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) if signed == Signed::Maybe => (true, digits),
        _ => (false, text),
    };
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let mut value = 0_i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        value = value.checked_mul(10)?;
        // The least number has no positive counterpart.
        value = if is_negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some((value, rest))
}

/// Whether a number may be below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// It may.
    Maybe,
    /// It may not.
    Never,
}

/// A whole text as a decimal number.
pub(super) fn whole(text: &[u8]) -> Option<i64> {
    decimal(text, Signed::Maybe).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// A whole text as Go reads numbers of any base: `0x` before hexadecimal ones, and a zero before
/// octal ones.
pub(super) fn any_base(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}

/// Returns the hexadecimal number at the start of a text, without `0x`, and what follows it. `None`
/// if there is none, or if it takes more than 64 bits.
pub(super) fn hex(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut length) = (0_u64, 0);
    for &byte in text {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => break,
        };
        if value >> 60 != 0 {
            return None;
        }
        value = value << 4 | u64::from(digit);
        length += 1;
    }
    (length > 0).then(|| (value, &text[length..]))
}

/// Appends the addresses of a stack, as in `0x4a2f10 0x40d3f1`, to `stack`.
pub(super) fn addresses(
    line: Line<'_>,
    mut text: &[u8],
    stack: &mut Vec<u64>,
) -> Result<(), InputError> {
    loop {
        text = text.trim_ascii_start();
        if text.is_empty() {
            return Ok(());
        }
        let address = text.strip_prefix(b"0x").and_then(hex);
        match address {
            Some((address, rest)) if rest.first().is_none_or(u8::is_ascii_whitespace) => {
                stack.push(address);
                text = rest;
            }
            _ => {
                let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
                let part = Line { text: &text[..end], ..line };
                return Err(part.expected("an address such as 0x4a2f10 on the stack"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_take_more_than_64_bits_are_none() {
        let number = |text: &'static str| decimal(text.as_bytes(), Signed::Maybe);
        assert_eq!(number("12: 3"), Some((12, b": 3".as_slice())));
        assert_eq!(number("-9223372036854775808"), Some((i64::MIN, b"".as_slice())));
        assert_eq!(number("9223372036854775807"), Some((i64::MAX, b"".as_slice())));
        for bad in ["", "-", "x", "9223372036854775808", "-9223372036854775809"] {
            assert_eq!(number(bad), None, "{bad}");
        }
        assert_eq!(decimal(b"-1", Signed::Never), None);
        assert_eq!(hex(b"ffffffffffffffff x"), Some((u64::MAX, b" x".as_slice())));
        assert_eq!(hex(b"10000000000000000"), None);
        assert_eq!(hex(b" 1"), None);
    }

    #[test]
    fn a_base_is_told_by_its_prefix() {
        for (text, value) in [
            ("10", Some(10)),
            ("010", Some(8)),
            ("0x10", Some(16)),
            ("-0b11", Some(-3)),
            ("0", Some(0)),
            ("08", None),
            ("", None),
            ("--1", None),
        ] {
            assert_eq!(any_base(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        let stack = |text: &str| {
            let mut stack = Vec::new();
            let line = Line { number: 7, text: text.as_bytes() };
            addresses(line, text.as_bytes(), &mut stack).map(|()| stack)
        };
        assert_eq!(stack(" 0x10  0xff ").unwrap(), [16, 255]);
        assert_eq!(stack("").unwrap(), [0; 0]);
        for bad in ["0x10 10", "0x", "0x10g", "0x11112222333344445"] {
            let error = stack(bad).unwrap_err().to_string();
            assert!(error.contains("in line 7: expected an address"), "{error}");
        }
    }
}
