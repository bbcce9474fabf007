//! Protobuf's wire format, as far as reading it fast needs: a cursor over bytes that knows its offset in
//! the file, so that every complaint names a place.

use crate::input::InputError;

/// A field as it stands in a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2, with the offset of its first byte.
    Bytes(&'a [u8], u64),
    /// Wire types 1 and 5: pprof uses neither.
    Fixed,
}

/// Reads a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    base: u64,
}

impl<'a> Cursor<'a> {
    /// A cursor over bytes whose first stands at `base` in the file.
    pub(super) fn new(bytes: &'a [u8], base: u64) -> Self {
        Self { bytes, position: 0, base }
    }

    /// Position in the file.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Position in the bytes.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether everything was read.
    pub(super) fn at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// A complaint about the current place.
    #[cold]
    pub(super) fn fault(&self, expected: &str) -> InputError {
        malformed(self.offset(), expected)
    }

    /// A varint.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, InputError> {
        match self.bytes[self.position..] {
            [a, ..] if a < 0x80 => {
                self.position += 1;
                Ok(u64::from(a))
            }
            [a, b, ..] if b < 0x80 => {
                self.position += 2;
                Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
            }
            [a, b, c, ..] if c < 0x80 => {
                self.position += 3;
                Ok(u64::from(a & 0x7f) | u64::from(b & 0x7f) << 7 | u64::from(c) << 14)
            }
            _ => self.long_varint(),
        }
    }

    #[cold]
    fn long_varint(&mut self) -> Result<u64, InputError> {
        let mut value = 0;
        for i in 0..10 {
            let Some(&byte) = self.bytes.get(self.position + i) else {
                return Err(self.fault("a number, but the bytes end in the middle of one"));
            };
            // The tenth byte holds the 64th bit alone.
            if i == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.position += i + 1;
                return Ok(value);
            }
        }
        Err(self.fault("a number of at most 64 bits (varint), found a longer one"))
    }

    /// The next field's number and content.
    #[inline]
    pub(super) fn field(&mut self) -> Result<(u64, Field<'a>), InputError> {
        let key = self.varint()?;
        let number = key >> 3;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            2 => {
                let length = self.varint()?;
                let rest = &self.bytes[self.position..];
                if length > rest.len() as u64 {
                    return Err(self.fault(&format!(
                        "{length} bytes of field {number}, but only {} are left in the message around it",
                        rest.len()
                    )));
                }
                let start = self.offset();
                self.position += length as usize;
                Field::Bytes(&rest[..length as usize], start)
            }
            wire_type @ (1 | 5) => {
                let length = if wire_type == 1 { 8 } else { 4 };
                if self.bytes.len() - self.position < length {
                    return Err(self.fault("a fixed-width number, but the bytes end within it"));
                }
                self.position += length;
                Field::Fixed
            }
            other => {
                return Err(self.fault(&format!("a protobuf field, found wire type {other}")));
            }
        };
        if number == 0 {
            return Err(self.fault("a protobuf field number, found 0"));
        }
        Ok((number, field))
    }
}

/// An error with a place.
#[cold]
pub(super) fn malformed(offset: u64, expected: &str) -> InputError {
    let expected = if expected.starts_with("expected") || expected.contains(" has ") {
        expected.to_owned()
    } else {
        format!("expected {expected}")
    };
    InputError::Malformed { offset, expected, unpacked: false }
}
