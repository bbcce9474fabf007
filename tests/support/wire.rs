//! Protobuf by hand, for inputs that no writer would write.

/// A number as a varint.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A field that is a number.
pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// Appends a field with a length.
pub(crate) fn message(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    out.extend(varint(field << 3 | 2));
    out.extend(varint(content.len() as u64));
    out.extend_from_slice(content);
}

/// A field with a length: its number and its content.
pub(crate) struct Field<'a>(pub(crate) u64, pub(crate) &'a [u8]);

impl Field<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        message(&mut out, self.0, self.1);
        out
    }
}
