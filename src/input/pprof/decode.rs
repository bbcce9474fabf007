//! The fast decoder: from the byte stream straight into columns.
//!
//! The stream is read in pieces that fit the cache, and each top-level field is decoded as soon as
//! it is complete, so that decompressed bytes are used while they are in the cache and never all
//! held in memory. Nothing is allocated per sample, location or label: ids and values go to the
//! builder's columns, and a sample's labels are looked up by their bytes, which repeat often in a
//! heap profile.

use super::label_cache::LabelCache;
use super::wire::{Cursor, Field, malformed, usual_varints, varints};
use crate::input::{InputError, Meter};
use crate::model::builder::{
    Builder, Invalid, MAX_LINES, RawFunction, RawLine, RawLocation, RawMapping, RawType, Share,
};
use crate::model::profile::{Profile, varint};
use std::io::Read;

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;
/// Longest field of a profile; the longest are strings and deep stacks.
const MAX_FIELD: u64 = 1 << 28;
/// How many bytes a byte of a packed profile usually unpacks to, at most.
const UNPACKED: usize = 16;
/// What a byte of a string that is longer than a chunk weighs: it is held here, and several times
/// later.
const LONG_STRING: u64 = 6;
/// What a byte of another field of such a length weighs, as each can be a frame.
const LONG_FIELD: u64 = 24;

/// Decodes a whole stream, already decompressed. What it holds is weighed after each chunk.
pub fn decode(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Profile, InputError> {
    let mut decoder = Decoder::new(meter);
    let mut buffer = vec![0; CHUNK];
    let (mut filled, mut offset) = (0, 0);
    loop {
        let end = buffer.len().min(filled + CHUNK);
        let n = match reader.read(&mut buffer[filled..end]) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e.into()),
        };
        filled += n;
        let used = decoder.fields(&buffer[..filled], offset)?;
        let unpacked = offset + filled as u64;
        let bytes = Share { what: "unpacked bytes", count: unpacked, bytes: unpacked / SKIPPED };
        decoder.weigh_with(bytes)?;
        if n == 0 {
            if used < filled {
                return Err(InputError::CutOff(format!(
                    "the bytes end at {} within a field that begins at {}",
                    offset + filled as u64,
                    offset + used as u64
                )));
            }
            break;
        }
        buffer.copy_within(used..filled, 0);
        filled -= used;
        offset += used as u64;
        if filled == buffer.len() {
            // Grows with the bytes that arrive, whatever length the field claims.
            let (what, each) = match buffer[0] {
                STRING => ("bytes in one string", LONG_STRING),
                SAMPLE => ("bytes in one sample", LONG_FIELD),
                LOCATION => ("bytes in one location", LONG_FIELD),
                COMMENTS => ("bytes of comments", LONG_FIELD),
                _ => ("bytes in one field", LONG_FIELD),
            };
            decoder.weigh_with(Share::new(what, filled, 2 * each))?;
            buffer.resize(buffer.len() * 2, 0);
        }
    }
    decoder.builder.allow(meter.allowed());
    decoder.builder.finish().map_err(|Invalid(what)| InputError::Invalid(what))
}

struct Decoder<'a> {
    meter: Meter<'a>,
    builder: Builder,
    labels: LabelCache,
    lines: Vec<RawLine>,
}

impl<'a> Decoder<'a> {
    fn new(meter: Meter<'a>) -> Self {
        let mut builder = Builder::default();
        if let Some(bytes) = meter.whole {
            builder.expect(bytes as usize * UNPACKED);
        }
        Self { meter, builder, labels: LabelCache::default(), lines: Vec::new() }
    }

    /// Weighs what was read so far, and something else.
    fn weigh_with(&self, other: Share) -> Result<(), InputError> {
        self.meter.weigh(self.builder.weight().into_iter().chain([other]))
    }

    /// Decodes the complete fields and returns the number of bytes they take.
    fn fields(&mut self, bytes: &[u8], offset: u64) -> Result<usize, InputError> {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            let start = offset + used as u64;
            if let Some((sample, length)) = whole_sample(rest) {
                self.sample(sample, start + (length - sample.len()) as u64, start)?;
                used += length;
            } else if let Some((number, field, length)) = whole_field(rest, start)? {
                self.field(number, field, start)?;
                used += length;
            } else {
                return Ok(used);
            }
        }
    }

    fn field(&mut self, number: u64, field: Field<'_>, start: u64) -> Result<(), InputError> {
        let at = |Invalid(what): Invalid| InputError::Malformed {
            offset: start,
            expected: what,
            unpacked: false,
        };
        let header = &mut self.builder.header;
        match (number, field) {
            (2, Field::Bytes(bytes, base)) => return self.sample(bytes, base, start),
            (1, Field::Bytes(bytes, base)) => {
                self.builder.sample_type(value_type(bytes, base)?).map_err(at)?;
            }
            (3, Field::Bytes(bytes, base)) => {
                self.builder.mapping(mapping(bytes, base)?).map_err(at)?;
            }
            (4, Field::Bytes(bytes, base)) => {
                let raw = location(bytes, base, &mut self.lines)?;
                self.builder.location(raw, &self.lines).map_err(at)?;
            }
            (5, Field::Bytes(bytes, base)) => {
                self.builder.function(function(bytes, base)?).map_err(at)?;
            }
            (6, Field::Bytes(bytes, _)) => self.builder.string(bytes).map_err(at)?,
            (7, Field::Varint(v)) => header.drop_frames = v as i64,
            (8, Field::Varint(v)) => header.keep_frames = v as i64,
            (9, Field::Varint(v)) => {
                if header.time_nanos != 0 {
                    return Err(malformed(
                        start,
                        "one profile, found a second time_nanos: two profiles are glued together; \
                         give them as two files",
                    ));
                }
                header.time_nanos = v as i64;
            }
            (10, Field::Varint(v)) => header.duration_nanos = v as i64,
            (11, Field::Bytes(bytes, base)) => header.period_type = Some(value_type(bytes, base)?),
            (12, Field::Varint(v)) => header.period = v as i64,
            (13, Field::Varint(v)) => header.comments.push(v as i64),
            (13, Field::Bytes(bytes, base)) => {
                let mut cursor = Cursor::new(bytes, base);
                // As many as can be are weighed before they are held.
                let count = bytes.iter().filter(|&&b| b < 0x80).count();
                self.weigh_with(Share::new("comments", count, Builder::COMMENT))?;
                let header = &mut self.builder.header;
                while !cursor.at_end() {
                    header.comments.push(cursor.varint()? as i64);
                }
            }
            (14, Field::Varint(v)) => header.default_sample_type = v as i64,
            (15, Field::Varint(v)) => header.doc_url = v as i64,
            (1..=15, _) => return Err(wrong_type("profile", number, start)),
            _ => {}
        }
        Ok(())
    }

    fn sample(&mut self, bytes: &[u8], base: u64, start: u64) -> Result<(), InputError> {
        self.labels.begin();
        if self.usual_sample(bytes).is_none() {
            self.builder.forget_sample();
            self.labels.begin();
            self.any_sample(bytes, base)?;
        }
        let bytes = self.labels.current().len();
        if bytes > CHUNK {
            self.weigh_with(Share::new("bytes of labels in one sample", bytes, LABEL_BYTE))?;
        }
        let labels = self.labels.end(&mut self.builder, base)?;
        self.builder.end_sample(labels).map_err(|Invalid(what)| malformed(start, &what))
    }

    /// Decodes a sample as nearly all writers encode it: packed locations, packed values, labels.
    /// `None` if it is encoded differently or broken; then the builder may contain a part of it.
    #[inline]
    fn usual_sample(&mut self, bytes: &[u8]) -> Option<()> {
        let mut rest = bytes.iter();
        while let Some(&key) = rest.next() {
            let at = bytes.len() - rest.as_slice().len() - 1;
            let length = usize::try_from(varint(&mut rest)?).ok()?;
            let content = rest.as_slice().get(..length)?;
            let behind = &rest.as_slice()[length..];
            match key {
                LOCATIONS => self.builder.sample_locations_packed(content),
                VALUES if content.len() <= USUAL_VALUES => {
                    let mut values = content.iter();
                    while let Some(value) = varint(&mut values) {
                        self.builder.sample_value(value as i64);
                        // Minus one, or a varint that is too long.
                        if value == u64::MAX {
                            return None;
                        }
                    }
                    // Cut off within a number.
                    if content.last().is_some_and(|&last| last >= 0x80) {
                        return None;
                    }
                }
                LABEL => self.labels.add(&bytes[at..bytes.len() - behind.len()]),
                _ => return None,
            }
            rest = behind.iter();
        }
        Some(())
    }

    /// Decodes any sample.
    #[cold]
    fn any_sample(&mut self, bytes: &[u8], base: u64) -> Result<(), InputError> {
        let builder = &mut self.builder;
        let too_many = |Invalid(what): Invalid| malformed(base, &what);
        let mut cursor = Cursor::new(bytes, base);
        while !cursor.at_end() {
            let at = cursor.position();
            match cursor.field()? {
                (1, Field::Bytes(ids, base)) => {
                    let mut ids = Cursor::new(ids, base);
                    while !ids.at_end() {
                        builder.sample_location(ids.varint()?);
                    }
                }
                (1, Field::Varint(id)) => builder.sample_location(id),
                (2, Field::Bytes(values, base)) => {
                    let mut values = Cursor::new(values, base);
                    while !values.at_end() {
                        builder.next_sample_value(values.varint()? as i64).map_err(too_many)?;
                    }
                }
                (2, Field::Varint(value)) => {
                    builder.next_sample_value(value as i64).map_err(too_many)?;
                }
                (3, Field::Bytes(..)) => self.labels.add(&bytes[at..cursor.position()]),
                (number @ 1..=3, _) => return Err(wrong_type("sample", number, base + at as u64)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Keys of a sample's fields, each of wire type 2.
const LOCATIONS: u8 = 1 << 3 | 2;
const VALUES: u8 = 2 << 3 | 2;
const LABEL: u8 = 3 << 3 | 2;
/// Bytes of the values of a sample, as nearly all writers encode it.
const USUAL_VALUES: usize = 512;
/// How many unpacked bytes weigh one, even if they are skipped: they take time.
const SKIPPED: u64 = 4;
/// What a byte of labels weighs: two can be a label.
const LABEL_BYTE: u64 = 64;
/// Key of a sample in a profile.
const SAMPLE: u8 = 2 << 3 | 2;
/// Keys of other fields of a profile with a length.
const LOCATION: u8 = 4 << 3 | 2;
const STRING: u8 = 6 << 3 | 2;
const COMMENTS: u8 = 13 << 3 | 2;

/// Returns the content of the sample at the start of the bytes and the length of the whole field;
/// `None` if there is something else, or only a part of it.
#[inline]
fn whole_sample(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut rest = bytes.iter();
    if *rest.next()? != SAMPLE {
        return None;
    }
    let length = usize::try_from(varint(&mut rest)?).ok()?;
    let content = rest.as_slice().get(..length)?;
    Some((content, bytes.len() - rest.as_slice().len() + length))
}

/// Returns the number and content of the field at the start of `bytes` and where it ends; `None` if
/// more bytes are needed.
#[inline]
fn whole_field(bytes: &[u8], offset: u64) -> Result<Option<(u64, Field<'_>, usize)>, InputError> {
    let mut cursor = Cursor::new(bytes, offset);
    // 20 bytes hold any key and length; with fewer, a number may be cut off rather than too long.
    let head = |cursor: &mut Cursor<'_>| match cursor.varint() {
        Ok(v) => Ok(Some(v)),
        Err(_) if bytes.len() < 20 => Ok(None),
        Err(e) => Err(e),
    };
    let Some(key) = head(&mut cursor)? else { return Ok(None) };
    let number = key >> 3;
    if number == 0 {
        return Err(malformed(offset, "a field of a profile, found field number 0"));
    }
    let length = match key & 7 {
        0 => {
            let value = head(&mut cursor)?;
            return Ok(value.map(|value| (number, Field::Varint(value), cursor.position())));
        }
        1 => Some(8),
        2 => head(&mut cursor)?,
        5 => Some(4),
        wire_type => {
            return Err(malformed(
                offset,
                &format!("a protobuf field of a profile, found wire type {wire_type}"),
            ));
        }
    };
    let Some(length) = length else { return Ok(None) };
    if length > MAX_FIELD {
        return Err(malformed(
            offset,
            &format!("a field of at most {MAX_FIELD} bytes, found one that claims {length}"),
        ));
    }
    let (start, end) = (cursor.position(), cursor.position() + length as usize);
    let Some(content) = bytes.get(start..end) else { return Ok(None) };
    let field = if key & 7 == 2 { Field::Bytes(content, cursor.offset()) } else { Field::Fixed };
    Ok(Some((number, field, end)))
}

fn wrong_type(message: &str, number: u64, offset: u64) -> InputError {
    malformed(offset, &format!("field {number} of a {message} in its own wire type, found another"))
}

fn value_type(bytes: &[u8], base: u64) -> Result<RawType, InputError> {
    let mut raw = RawType::default();
    varints(bytes, base, |number, value| match number {
        1 => raw.name = value as i64,
        2 => raw.unit = value as i64,
        _ => {}
    })?;
    Ok(raw)
}

fn mapping(bytes: &[u8], base: u64) -> Result<RawMapping, InputError> {
    let mut raw = RawMapping::default();
    varints(bytes, base, |number, value| match number {
        1 => raw.id = value,
        2 => raw.start = value,
        3 => raw.limit = value,
        4 => raw.offset = value,
        5 => raw.file = value as i64,
        6 => raw.build_id = value as i64,
        7 => raw.has.functions = value != 0,
        8 => raw.has.filenames = value != 0,
        9 => raw.has.line_numbers = value != 0,
        10 => raw.has.inline_frames = value != 0,
        _ => {}
    })?;
    Ok(raw)
}

fn location(bytes: &[u8], base: u64, lines: &mut Vec<RawLine>) -> Result<RawLocation, InputError> {
    lines.clear();
    if let Some(raw) = usual_location(bytes, lines) {
        return Ok(raw);
    }
    lines.clear();
    let mut raw = RawLocation::default();
    let mut cursor = Cursor::new(bytes, base);
    while !cursor.at_end() {
        match cursor.field()? {
            (1, Field::Varint(v)) => raw.id = v,
            (2, Field::Varint(v)) => raw.mapping = v,
            (3, Field::Varint(v)) => raw.address = v,
            (4, Field::Bytes(bytes, base)) => {
                let mut line = RawLine::default();
                varints(bytes, base, |number, value| line.set(number, value))?;
                lines.push(line);
                // The builder refuses it.
                if lines.len() > MAX_LINES {
                    break;
                }
            }
            (5, Field::Varint(v)) => raw.is_folded = v != 0,
            (number @ 1..=5, _) => return Err(wrong_type("location", number, base)),
            _ => {}
        }
    }
    Ok(raw)
}

/// Decodes a location as nearly all writers encode it; `None` for any other, or if it is broken.
#[inline]
fn usual_location(bytes: &[u8], lines: &mut Vec<RawLine>) -> Option<RawLocation> {
    let mut raw = RawLocation::default();
    let mut rest = bytes.iter();
    while let Some(&key) = rest.next() {
        let value = varint(&mut rest).filter(|&value| value != u64::MAX)?;
        match key {
            0x08 => raw.id = value,
            0x10 => raw.mapping = value,
            0x18 => raw.address = value,
            0x22 => {
                let (content, behind) = rest.as_slice().split_at_checked(value as usize)?;
                let mut line = RawLine::default();
                usual_varints(content, &mut |number, value| line.set(number, value))?;
                lines.push(line);
                if lines.len() > MAX_LINES {
                    return None;
                }
                rest = behind.iter();
            }
            0x28 => raw.is_folded = value != 0,
            _ => return None,
        }
    }
    Some(raw)
}

fn function(bytes: &[u8], base: u64) -> Result<RawFunction, InputError> {
    let mut raw = RawFunction::default();
    varints(bytes, base, |number, value| match number {
        1 => raw.id = value,
        2 => raw.name = value as i64,
        3 => raw.system_name = value as i64,
        4 => raw.filename = value as i64,
        5 => raw.start_line = value as i64,
        _ => {}
    })?;
    Ok(raw)
}
