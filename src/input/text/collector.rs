//! Collects the samples of a text profile for the builder: addresses become locations, the lines
//! below a stack name them, and mappings come last.

use super::frames::{self, Frame, Name};
use super::lines::{Line, Lines};
use super::maps::{self, Finder, Map};
use crate::input::{InputError, Meter};
use crate::model::builder::{
    Builder, Invalid, RawFunction, RawLabel, RawLine, RawLocation, RawMapping, RawType, Share,
};
use crate::model::ids::LabelSetId;
use crate::model::profile::{Profile, TimeSource};
use crate::model::symbols::Resolved;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// What a location weighs: what it does in the builder, and here until then.
const LOCATION: u64 = 480;
/// What a function weighs here.
const FUNCTION: u64 = 64;
/// What a set of labels weighs here.
const LABELS: u64 = 128;

/// What a further line of a location weighs here.
const LINE: u64 = 160;

/// What is done with functions of the runtime that Go doesn't name at the leaf of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// They are left out, as Go leaves them out of a heap profile in protobuf.
    LeftOut,
    /// They are named by their addresses.
    ByAddress,
}

/// The parts of a profile, so far.
pub(super) struct Collector<'a> {
    meter: Meter<'a>,
    builder: Builder,
    places: Vec<Place>,
    place_of: HashMap<u64, u32, FxBuildHasher>,
    /// Lines of places beyond the first.
    more: HashMap<u32, Vec<RawLine>, FxBuildHasher>,
    more_count: usize,
    functions: HashMap<(i64, i64), u64, FxBuildHasher>,
    label_sets: HashMap<Vec<LabelKey>, LabelSetId, FxBuildHasher>,
    /// The last sample, until it is known what its addresses are.
    last: Option<Sample>,
    /// Number of the last sample.
    number: u64,
    unnamed: Unnamed,
    /// Whether any address was named.
    is_named: bool,
    /// The place of `runtime.goexit`. A goroutine that hasn't run yet has no other.
    exit: Option<u32>,
}

type LabelKey = (i64, i64, i64, i64);

/// An address on a stack.
struct Place {
    address: u64,
    line: Option<RawLine>,
    /// The sample, and the place on its stack, that named it.
    named_by: (u64, u32),
    is_runtime: bool,
}

/// A sample that isn't handed to the builder yet.
#[derive(Debug, Default)]
struct Sample {
    /// Rows of places, leaf first.
    stack: Vec<u32>,
    values: Vec<i64>,
    labels: Vec<RawLabel>,
    /// Places on the stack of the first and the last address that has a line.
    named: Option<(usize, usize)>,
    /// Whether a line didn't fit the stack: those after it aren't used.
    is_lost: bool,
}

impl<'a> Collector<'a> {
    pub(super) fn new(meter: Meter<'a>, unnamed: Unnamed) -> Self {
        Self {
            meter,
            builder: Builder::default(),
            places: Vec::new(),
            place_of: HashMap::default(),
            more: HashMap::default(),
            more_count: 0,
            functions: HashMap::default(),
            label_sets: HashMap::default(),
            last: None,
            number: 0,
            unnamed,
            is_named: false,
            exit: None,
        }
    }

    /// Sets what the values of the samples are, and the period.
    pub(super) fn types(
        &mut self,
        types: &[(&str, &str)],
        period_type: (&str, &str),
        period: i64,
    ) -> Result<(), InputError> {
        for &t in types {
            let t = self.value_type(t)?;
            self.builder.sample_type(t).map_err(invalid)?;
        }
        self.builder.header.period_type = Some(self.value_type(period_type)?);
        self.builder.header.period = period;
        Ok(())
    }

    fn value_type(&mut self, (name, unit): (&str, &str)) -> Result<RawType, InputError> {
        Ok(RawType { name: self.string(name.as_bytes())?, unit: self.string(unit.as_bytes())? })
    }

    /// Sets which frames are uninteresting.
    pub(super) fn drop_frames(&mut self, drop: &str, keep: &str) -> Result<(), InputError> {
        self.builder.header.drop_frames = self.string(drop.as_bytes())?;
        self.builder.header.keep_frames = self.string(keep.as_bytes())?;
        Ok(())
    }

    /// Sets the time that the profile covers.
    pub(super) fn covers(&mut self, nanoseconds: i64) {
        self.builder.header.duration_nanos = nanoseconds;
    }

    /// Whether lines named any address.
    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    /// The position of a string.
    pub(super) fn string(&mut self, text: &[u8]) -> Result<i64, InputError> {
        self.builder.interned(text).map_err(invalid)
    }

    /// A label with a number.
    pub(super) fn number_label(&mut self, key: &str, number: i64) -> Result<RawLabel, InputError> {
        Ok(RawLabel { key: self.string(key.as_bytes())?, number, ..RawLabel::default() })
    }

    /// A label with a number in a unit.
    pub(super) fn unit_label(
        &mut self,
        key: &str,
        number: i64,
        unit: &str,
    ) -> Result<RawLabel, InputError> {
        let unit = self.string(unit.as_bytes())?;
        Ok(RawLabel { unit, ..self.number_label(key, number)? })
    }

    /// A label with a text.
    pub(super) fn text_label(&mut self, key: &str, text: &str) -> Result<RawLabel, InputError> {
        let (key, text) = (self.string(key.as_bytes())?, self.string(text.as_bytes())?);
        Ok(RawLabel { key, text, ..RawLabel::default() })
    }

    /// Adds a sample with the addresses of its stack, leaf first.
    pub(super) fn sample(
        &mut self,
        stack: &[u64],
        values: &[i64],
        labels: &[RawLabel],
    ) -> Result<(), InputError> {
        self.flush()?;
        self.number += 1;
        let stack = stack.iter().map(|&address| self.place(address)).collect();
        let (values, labels) = (values.to_vec(), labels.to_vec());
        self.last = Some(Sample { stack, values, labels, ..Sample::default() });
        Ok(())
    }

    /// Changes the values of the last sample, if there is one.
    pub(super) fn change_last(&mut self, change: impl FnOnce(&mut [i64])) {
        if let Some(last) = &mut self.last {
            change(&mut last.values);
        }
    }

    /// Uses a comment below a stack: the name of an address, or labels.
    pub(super) fn comment(&mut self, line: Line<'_>) -> Result<(), InputError> {
        if let Some(frame) = frames::parse(line.text) {
            return self.name(&frame);
        }
        if self.last.is_none() {
            return Ok(());
        }
        for (key, value) in frames::labels(line.text).unwrap_or_default() {
            let label = self.text_label(&key, &value)?;
            if let Some(last) = &mut self.last {
                last.labels.push(label);
            }
        }
        Ok(())
    }

    fn place(&mut self, address: u64) -> u32 {
        let next = self.places.len() as u32;
        let row = *self.place_of.entry(address).or_insert(next);
        if row == next {
            let named_by = (0, 0);
            self.places.push(Place { address, line: None, named_by, is_runtime: false });
        }
        row
    }

    /// Names the address on the last stack that a line is about.
    fn name(&mut self, frame: &Frame<'_>) -> Result<(), InputError> {
        let Some(last) = self.last.as_mut().filter(|last| !last.is_lost) else { return Ok(()) };
        // The places are one below the addresses on the stack, and so are those of the lines,
        // except in old versions of Go.
        let is_at = |&row: &u32| {
            let address = self.places[row as usize].address;
            address == frame.address || address.wrapping_add(1) == frame.address
        };
        let from = last.named.map_or(0, |(_, at)| at + 1);
        let here = last.named.map(|(_, at)| at).filter(|&at| is_at(&last.stack[at]));
        let found = match here {
            // Another function at the same address.
            Some(at) if !last.stack.get(from).is_some_and(is_at) => Some(at),
            _ => last.stack[from..].iter().position(is_at).map(|at| from + at),
        };
        let Some(at) = found else {
            last.is_lost = true;
            return Ok(());
        };
        last.named = Some((last.named.map_or(at, |(first, _)| first), at));
        let row = last.stack[at];
        let named_by = (self.number, at as u32);
        let place = &self.places[row as usize];
        // Named before, by another sample or further down the stack.
        if place.line.is_some() && place.named_by != named_by {
            return Ok(());
        }
        let Name { function, file, line } = frame.name();
        if function.is_empty() {
            return Ok(());
        }
        let line = self.line(function, file, line)?;
        self.is_named = true;
        let place = &mut self.places[row as usize];
        place.named_by = named_by;
        if place.line.is_none() {
            place.line = Some(line);
        } else {
            self.more.entry(row).or_default().push(line);
            self.more_count += 1;
        }
        Ok(())
    }

    /// Names an address wherever it is, as a format does that lists its functions at the end. Returns
    /// whether it is on a stack.
    pub(super) fn name_address(
        &mut self,
        address: u64,
        function: &[u8],
        file: &[u8],
        line: i64,
    ) -> Result<(), InputError> {
        if let Some(&row) = self.place_of.get(&address) {
            self.places[row as usize].line = Some(self.line(function, file, line)?);
        }
        Ok(())
    }

    fn line(&mut self, function: &[u8], file: &[u8], line: i64) -> Result<RawLine, InputError> {
        let (name, filename) = (self.string(function)?, self.string(file)?);
        let next = self.functions.len() as u64 + 1;
        let id = *self.functions.entry((name, filename)).or_insert(next);
        if id == next {
            let function = RawFunction { id, name, system_name: name, filename, start_line: 0 };
            self.builder.function(function).map_err(invalid)?;
        }
        Ok(RawLine { function: id, line, column: 0 })
    }

    /// Hands the last sample to the builder.
    fn flush(&mut self) -> Result<(), InputError> {
        let Some(mut last) = self.last.take() else { return Ok(()) };
        if let Some((first, end)) = last.named {
            // What is left at the root is runtime.goexit. Go leaves it out of protobuf as well.
            if end + 2 == last.stack.len() {
                self.exit = last.stack.pop().or(self.exit);
            }
            match self.unnamed {
                Unnamed::LeftOut => {
                    last.stack.drain(..first);
                }
                Unnamed::ByAddress => {
                    for &row in &last.stack[..first] {
                        self.places[row as usize].is_runtime = true;
                    }
                }
            }
        }
        last.stack.iter().for_each(|&row| self.builder.sample_location(u64::from(row) + 1));
        last.values.iter().for_each(|&value| self.builder.sample_value(value));
        let key: Vec<LabelKey> = last
            .labels
            .iter()
            .map(|label| (label.key, label.text, label.number, label.unit))
            .collect();
        let labels = match self.label_sets.get(&key) {
            Some(&id) => id,
            None => *self.label_sets.entry(key).or_insert(self.builder.label_set(&last.labels)),
        };
        self.builder.end_sample(labels).map_err(invalid)
    }

    /// Weighs what was collected, if that is due.
    pub(super) fn weigh(&self, lines: &mut Lines<'_>) -> Result<(), InputError> {
        self.weigh_with(lines, &[])
    }

    /// The same, with what a format itself holds.
    pub(super) fn weigh_with(
        &self,
        lines: &mut Lines<'_>,
        more: &[Share],
    ) -> Result<(), InputError> {
        if !lines.is_due() {
            return Ok(());
        }
        let own = [
            lines.share(),
            Share::new("addresses", self.places.len(), LOCATION),
            Share::new("functions", self.functions.len(), FUNCTION),
            Share::new("sets of labels", self.label_sets.len(), LABELS),
            Share::new("lines of locations", self.more_count, LINE),
            Share::new("labels", self.last.as_ref().map_or(0, |last| last.labels.len()), LABELS),
        ];
        self.meter.weigh(self.builder.weight().into_iter().chain(own).chain(more.iter().copied()))
    }

    /// Reads the rest of the profile, and the mappings in it. `is_there` says that their first line
    /// was read.
    pub(super) fn maps(
        &self,
        lines: &mut Lines<'_>,
        is_there: bool,
    ) -> Result<Vec<Map>, InputError> {
        let mut reader = maps::Reader::new(is_there);
        while let Some(line) = lines.next()? {
            reader.take(line)?;
            self.weigh_with(lines, &[reader.share()])?;
        }
        Ok(reader.finish())
    }

    /// Builds the profile, with these mappings.
    pub(super) fn finish(mut self, maps: Vec<Map>, keep: Addresses) -> Result<Profile, InputError> {
        self.flush()?;
        let mut finder = Finder::new(maps);
        for row in 0..self.places.len() {
            let Place { address, line, is_runtime, .. } = self.places[row];
            let line = match line {
                None if self.exit == Some(row as u32) => {
                    Some(self.line(b"runtime.goexit", b"", 0)?)
                }
                None if is_runtime => {
                    Some(self.line(format!("runtime.0x{address:x}").as_bytes(), b"", 0)?)
                }
                line => line,
            };
            let lines: Vec<RawLine> = line
                .into_iter()
                .chain(self.more.remove(&(row as u32)).unwrap_or_default())
                .collect();
            let is_kept = keep == Addresses::Kept || lines.is_empty();
            let location = RawLocation {
                id: row as u64 + 1,
                mapping: if is_kept { finder.find(address) } else { 0 },
                address: if keep == Addresses::Kept { address } else { 0 },
                is_folded: false,
            };
            self.builder.location(location, &lines).map_err(invalid)?;
        }
        let is_named = self.is_named;
        let has = Resolved {
            functions: is_named,
            filenames: is_named,
            line_numbers: is_named,
            inline_frames: false,
        };
        for (id, map) in (1..).zip(finder.finish()) {
            let (file, build_id) = (self.string(&map.file)?, self.string(&map.build_id)?);
            let Map { start, limit, offset, .. } = map;
            let mapping = RawMapping { id, start, limit, offset, file, build_id, has };
            self.builder.mapping(mapping).map_err(invalid)?;
        }
        self.builder.allow(self.meter.allowed());
        let mut profile = self.builder.finish().map_err(invalid)?;
        profile.header.time_source = TimeSource::None;
        Ok(profile)
    }
}

/// Whether the addresses of a profile mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    /// They do.
    Kept,
    /// They only number the functions, and are taken out once these are known.
    Numbers,
}

pub(super) fn invalid(Invalid(what): Invalid) -> InputError {
    InputError::Invalid(what)
}
