//! Random profiles, the same in every run, and random encodings of a profile.
//!
//! The wire format allows many encodings of one message: fields in any order, numbers packed, one by one or in
//! several packs, numbers longer than necessary, scalars given twice (the last counts), unknown fields.
//! [`Random::wire`] uses all of them.

use heapdiff::input::pprof::proto;
use std::collections::{BTreeMap, VecDeque};

/// Splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True one time in `n`.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
    }

    /// A number of any size, small ones more often.
    pub(crate) fn number(&mut self) -> u64 {
        let bits = self.below(65) as u32;
        self.next().checked_shr(64 - bits).unwrap_or(0)
    }

    /// Ids that are 1, 2, 3, ..., shuffled, scattered or huge.
    fn ids(&mut self, n: usize) -> Vec<u64> {
        let mut ids: Vec<u64> = match self.below(4) {
            0 | 1 => (1..=n as u64).collect(),
            2 => (1..=n as u64).map(|i| i * 977 + 5).collect(),
            _ => (1..=n as u64).map(|i| u64::MAX - i * i).collect(),
        };
        if self.one_in(3) {
            self.shuffle(&mut ids);
        }
        ids
    }

    /// A valid profile. `value` gives the values of samples.
    pub(crate) fn profile(&mut self, value: impl Fn(&mut Self) -> i64) -> proto::Profile {
        let words = ["", "inuse_space", "bytes", "main.größe", "f", "a b;c", "net/http.(*T).f", ""];
        let types = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "more"];
        let units = ["count", "bytes", "count", "bytes", "kilobytes"];
        let mut string_table: Vec<Vec<u8>> = vec![Vec::new()];
        string_table.extend(types.iter().chain(&units).map(|s| s.as_bytes().to_vec()));
        for i in 0..self.below(20) {
            let word = self.pick(&words);
            string_table.push(if self.one_in(2) {
                (*word).into()
            } else {
                format!("{word}{i}").into()
            });
        }
        if self.one_in(8) {
            string_table.push(b"caf\xe9".to_vec());
        }
        let n = string_table.len();
        let text = |random: &mut Self| random.below(n) as i64;
        let width = 1 + self.below(types.len());
        let sample_type = (0..width as i64)
            .map(|i| proto::ValueType { r#type: 1 + i, unit: 1 + types.len() as i64 + i })
            .collect();
        let count = self.below(3);
        let mapping = self.ids(count).into_iter().map(|id| proto::Mapping {
            id,
            memory_start: self.number(),
            memory_limit: self.number(),
            file_offset: self.number(),
            filename: text(self),
            build_id: text(self),
            has_functions: self.one_in(2),
            has_filenames: self.one_in(2),
            has_line_numbers: self.one_in(2),
            has_inline_frames: self.one_in(2),
        });
        let mapping: Vec<_> = mapping.collect();
        let count = 1 + self.below(12);
        let function = self.ids(count).into_iter().map(|id| proto::Function {
            id,
            name: text(self),
            system_name: text(self),
            filename: text(self),
            start_line: self.number() as i64,
        });
        let function: Vec<_> = function.collect();
        let most = if self.one_in(10) { 300 } else { 20 };
        let count = 1 + self.below(most);
        let location = self.ids(count).into_iter().map(|id| proto::Location {
            id,
            mapping_id: match mapping.as_slice() {
                // Without any mapping, a reference to one is meaningless.
                [] => self.below(3) as u64,
                all => {
                    if self.one_in(4) {
                        0
                    } else {
                        self.pick(all).id
                    }
                }
            },
            address: self.number(),
            line: (0..self.below(4))
                .map(|_| proto::Line {
                    function_id: self.pick(&function).id,
                    line: self.number() as i64,
                    column: if self.one_in(3) { self.number() as i64 } else { 0 },
                })
                .collect(),
            is_folded: self.one_in(5),
        });
        let location: Vec<_> = location.collect();
        let sample = (0..self.below(40)).map(|_| proto::Sample {
            location_id: (0..self.below(12)).map(|_| self.pick(&location).id).collect(),
            value: (0..width).map(|_| value(self)).collect(),
            label: (0..self.below(3))
                .map(|_| proto::Label {
                    key: text(self),
                    str: if self.one_in(2) { text(self) } else { 0 },
                    num: if self.one_in(2) { self.number() as i64 } else { 0 },
                    num_unit: if self.one_in(2) { text(self) } else { 0 },
                })
                .collect(),
        });
        let sample = sample.collect();
        proto::Profile {
            sample_type,
            sample,
            mapping,
            location,
            function,
            drop_frames: text(self),
            keep_frames: text(self),
            time_nanos: self.number() as i64,
            duration_nanos: self.number() as i64,
            period_type: self
                .one_in(2)
                .then(|| proto::ValueType { r#type: text(self), unit: text(self) }),
            period: self.number() as i64,
            comment: (0..self.below(3)).map(|_| text(self)).collect(),
            default_sample_type: text(self),
            doc_url: text(self),
            string_table,
        }
    }

    /// A profile in some valid encoding.
    pub(crate) fn wire(&mut self, p: &proto::Profile) -> Vec<u8> {
        let mut m = Fields::default();
        for t in &p.sample_type {
            let t = self.value_type(t);
            m.bytes(1, t, self);
        }
        for s in &p.sample {
            let sample = self.sample(s);
            m.bytes(2, sample, self);
        }
        for x in &p.mapping {
            let mut f = Fields::default();
            let numbers = [
                x.id,
                x.memory_start,
                x.memory_limit,
                x.file_offset,
                x.filename as u64,
                x.build_id as u64,
            ];
            let flags = [x.has_functions, x.has_filenames, x.has_line_numbers, x.has_inline_frames];
            (1..).zip(numbers).for_each(|(number, value)| f.scalar(number, value, self));
            (7..).zip(flags).for_each(|(number, flag)| f.flag(number, flag, self));
            m.bytes(3, f.shuffled(self), self);
        }
        for x in &p.location {
            let mut f = Fields::default();
            (1..).zip([x.id, x.mapping_id, x.address]).for_each(|(n, v)| f.scalar(n, v, self));
            for line in &x.line {
                let mut l = Fields::default();
                let numbers = [line.function_id, line.line as u64, line.column as u64];
                (1..).zip(numbers).for_each(|(n, v)| l.scalar(n, v, self));
                f.bytes(4, l.shuffled(self), self);
            }
            f.flag(5, x.is_folded, self);
            m.bytes(4, f.shuffled(self), self);
        }
        for x in &p.function {
            let mut f = Fields::default();
            let names = [x.name, x.system_name, x.filename, x.start_line].map(|v| v as u64);
            f.scalar(1, x.id, self);
            (2..).zip(names).for_each(|(n, v)| f.scalar(n, v, self));
            m.bytes(5, f.shuffled(self), self);
        }
        for string in &p.string_table {
            m.bytes(6, string.clone(), self);
        }
        let numbers = [
            (7, p.drop_frames),
            (8, p.keep_frames),
            (10, p.duration_nanos),
            (12, p.period),
            (14, p.default_sample_type),
            (15, p.doc_url),
        ];
        for (number, value) in numbers {
            m.scalar(number, value as u64, self);
        }
        // A second one is an error: two profiles glued together.
        m.once(9, p.time_nanos as u64, self);
        if let Some(t) = &p.period_type {
            let t = self.value_type(t);
            m.bytes(11, t, self);
        }
        let comments: Vec<u64> = p.comment.iter().map(|&c| c as u64).collect();
        m.numbers(13, &comments, self);
        m.shuffled(self)
    }

    fn value_type(&mut self, t: &proto::ValueType) -> Vec<u8> {
        let mut f = Fields::default();
        f.scalar(1, t.r#type as u64, self);
        f.scalar(2, t.unit as u64, self);
        f.shuffled(self)
    }

    fn sample(&mut self, s: &proto::Sample) -> Vec<u8> {
        let mut f = Fields::default();
        f.numbers(1, &s.location_id, self);
        f.numbers(2, &s.value.iter().map(|&v| v as u64).collect::<Vec<_>>(), self);
        for label in &s.label {
            let mut l = Fields::default();
            let numbers = [label.key, label.str, label.num, label.num_unit];
            (1..).zip(numbers).for_each(|(n, v)| l.scalar(n, v as u64, self));
            f.bytes(3, l.shuffled(self), self);
        }
        f.shuffled(self)
    }

    /// A varint, sometimes longer than necessary.
    fn varint(&mut self, mut value: u64, out: &mut Vec<u8>) {
        let start = out.len();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        if self.one_in(12) {
            let length = out.len() - start;
            for _ in 0..self.below(11 - length) {
                *out.last_mut().unwrap() |= 0x80;
                out.push(0);
            }
        }
    }
}

/// The fields of a message; those with the same number stay in order.
#[derive(Default)]
struct Fields(BTreeMap<u64, VecDeque<Vec<u8>>>);

impl Fields {
    fn push(&mut self, number: u64, wire_type: u64, random: &mut Random, content: &[u8]) {
        let mut field = Vec::new();
        random.varint(number << 3 | wire_type, &mut field);
        field.extend_from_slice(content);
        self.0.entry(number).or_default().push_back(field);
    }

    fn once(&mut self, number: u64, value: u64, random: &mut Random) {
        if value == 0 && random.one_in(2) {
            return;
        }
        let mut content = Vec::new();
        random.varint(value, &mut content);
        self.push(number, 0, random, &content);
    }

    /// A number, sometimes preceded by another one that doesn't count.
    fn scalar(&mut self, number: u64, value: u64, random: &mut Random) {
        if random.one_in(12) {
            let mut content = Vec::new();
            let other = random.number();
            random.varint(other, &mut content);
            self.push(number, 0, random, &content);
            content.clear();
            random.varint(value, &mut content);
            self.push(number, 0, random, &content);
        } else {
            self.once(number, value, random);
        }
    }

    /// Any number but 0 is true.
    fn flag(&mut self, number: u64, flag: bool, random: &mut Random) {
        let value = if flag { 1 + random.number() / 2 } else { 0 };
        self.scalar(number, value, random);
    }

    fn bytes(&mut self, number: u64, content: Vec<u8>, random: &mut Random) {
        let mut field = Vec::new();
        random.varint(content.len() as u64, &mut field);
        field.extend(content);
        self.push(number, 2, random, &field);
    }

    /// Numbers encoded one by one, packed, or in several packs, some of them empty.
    fn numbers(&mut self, number: u64, values: &[u64], random: &mut Random) {
        let way = random.below(4);
        let mut rest = values;
        while !rest.is_empty() || random.one_in(10) {
            let n = if way == 0 { rest.len() } else { random.below(rest.len() + 1) };
            let (now, later) = rest.split_at(n);
            rest = later;
            if way == 1 || (way == 2 && random.one_in(2)) {
                for &value in now {
                    let mut content = Vec::new();
                    random.varint(value, &mut content);
                    self.push(number, 0, random, &content);
                }
            } else {
                let mut content = Vec::new();
                for &value in now {
                    random.varint(value, &mut content);
                }
                self.bytes(number, content, random);
            }
        }
    }

    /// The message: fields with different numbers in any order, with unknown ones between them.
    fn shuffled(mut self, random: &mut Random) -> Vec<u8> {
        for _ in 0..if random.one_in(4) { 1 + random.below(2) } else { 0 } {
            let number = 16 + random.number() / 32 % (1 << 20);
            match random.below(4) {
                0 => {
                    let mut content = Vec::new();
                    let value = random.number();
                    random.varint(value, &mut content);
                    self.push(number, 0, random, &content);
                }
                1 => self.push(number, 1, random, &[0xff; 8]),
                2 => self.push(number, 5, random, &[0x80; 4]),
                _ => self.bytes(number, vec![0xff; random.below(20)], random),
            }
        }
        let in_order = random.one_in(3);
        let mut message = Vec::new();
        while !self.0.is_empty() {
            let numbers: Vec<u64> = self.0.keys().copied().collect();
            let number = if in_order { numbers[0] } else { *random.pick(&numbers) };
            let queue = self.0.get_mut(&number).unwrap();
            message.extend(queue.pop_front().unwrap());
            if queue.is_empty() {
                self.0.remove(&number);
            }
        }
        message
    }
}

/// Where the next number of a text is, from a position on.
pub(crate) fn next_number(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let from = at + text[at..].iter().position(u8::is_ascii_digit)?;
    let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(from..from + digits.count())
}
