//! The parts of protobuf's wire format that fast reading needs: a cursor over bytes that knows its
//! offset in the file, so that every error names a position.

use crate::input::InputError;
use crate::model::profile::varint;

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2, with the offset of its first byte.
    Bytes(&'a [u8], u64),
    /// Wire types 1 and 5: pprof uses neither.
    Fixed,
}

/// Reads the fields of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    base: u64,
}

impl<'a> Cursor<'a> {
    /// Makes a cursor over bytes, the first of which is at `base` in the file.
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

    /// Makes an error about the current position.
    #[cold]
    pub(super) fn fault(&self, expected: &str) -> InputError {
        malformed(self.offset(), expected)
    }

    /// Reads a varint.
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
                return Err(self.fault("a number, but the bytes end in the middle of it"));
            };
            // The tenth byte holds only the 64th bit.
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

    /// Reads the number and content of the next field.
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
                        "{length} bytes of field {number}, but only {} are left in the message \
                         around it",
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

/// Makes an error with a position.
#[cold]
pub(super) fn malformed(offset: u64, expected: &str) -> InputError {
    let expected = if expected.starts_with("expected") || expected.contains(" has ") {
        expected.to_owned()
    } else {
        format!("expected {expected}")
    };
    InputError::Malformed { offset, expected, unpacked: false }
}

/// Calls `set` with each varint field of a message and skips other fields. If a field is repeated,
/// the last call counts.
#[inline]
pub(super) fn varints(
    bytes: &[u8],
    base: u64,
    mut set: impl FnMut(u64, u64),
) -> Result<(), InputError> {
    if usual_varints(bytes, &mut set).is_some() {
        return Ok(());
    }
    let mut cursor = Cursor::new(bytes, base);
    while !cursor.at_end() {
        if let (number, Field::Varint(value)) = cursor.field()? {
            set(number, value);
        }
    }
    Ok(())
}

/// Like [`varints`] for a message of varints alone, as nearly all are; `None` for any other, or if
/// it is broken.
#[inline]
pub(super) fn usual_varints(bytes: &[u8], set: &mut impl FnMut(u64, u64)) -> Option<()> {
    let mut rest = bytes.iter();
    while let Some(&key) = rest.next() {
        if key & 7 != 0 || !(8..0x80).contains(&key) {
            return None;
        }
        let value = varint(&mut rest)?;
        // The largest number, or a varint that is too long.
        if value == u64::MAX {
            return None;
        }
        set(u64::from(key >> 3), value);
    }
    Some(())
}
