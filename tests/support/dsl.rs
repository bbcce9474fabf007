//! Builds small profiles that read like the case they prove: `stack("main;handler;append").inuse(3, 4096)`.

use heapdiff::input::pprof::proto;
use prost::Message;

/// The description of a sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stack {
    frames: Vec<String>,
    /// Allocated objects and bytes, objects and bytes in use.
    values: [i64; 4],
    labels: Vec<(String, Value)>,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Number(i64, String),
}

/// A sample with a stack: its functions from root to leaf.
pub(crate) fn stack(frames: &str) -> Stack {
    Stack { frames: frames.split(';').map(str::to_owned).collect(), ..Stack::default() }
}

impl Stack {
    /// Sets the values in use, and the allocated ones to the same.
    pub(crate) fn inuse(mut self, objects: i64, bytes: i64) -> Self {
        self.values[2..].copy_from_slice(&[objects, bytes]);
        self.alloc(objects, bytes)
    }

    /// Sets the values in use, independent of the allocated ones.
    pub(crate) fn inuse_only(mut self, objects: i64, bytes: i64) -> Self {
        self.values[2..].copy_from_slice(&[objects, bytes]);
        self
    }

    /// Sets the allocated values.
    pub(crate) fn alloc(mut self, objects: i64, bytes: i64) -> Self {
        self.values[..2].copy_from_slice(&[objects, bytes]);
        self
    }

    /// Sets the object size, as Go records it.
    pub(crate) fn sized(self, bytes: i64) -> Self {
        self.number("bytes", bytes, "bytes")
    }

    pub(crate) fn number(mut self, key: &str, number: i64, unit: &str) -> Self {
        self.labels.push((key.to_owned(), Value::Number(number, unit.to_owned())));
        self
    }

    pub(crate) fn label(mut self, key: &str, text: &str) -> Self {
        self.labels.push((key.to_owned(), Value::Text(text.to_owned())));
        self
    }
}

/// A Go heap profile with these samples, at the default rate.
pub(crate) fn heap(stacks: &[Stack]) -> proto::Profile {
    let mut strings = Strings(vec![Vec::new()]);
    let mut value_type = |name: &str, unit: &str| proto::ValueType {
        r#type: strings.position(name),
        unit: strings.position(unit),
    };
    let sample_type = vec![
        value_type("alloc_objects", "count"),
        value_type("alloc_space", "bytes"),
        value_type("inuse_objects", "count"),
        value_type("inuse_space", "bytes"),
    ];
    let period_type = Some(value_type("space", "bytes"));
    let mut profile = proto::Profile {
        sample_type,
        period_type,
        period: 524_288,
        time_nanos: 1_760_000_000_000_000_000,
        ..proto::Profile::default()
    };
    for stack in stacks {
        let mut sample = proto::Sample { value: stack.values.to_vec(), ..Default::default() };
        for frame in stack.frames.iter().rev().filter(|frame| !frame.is_empty()) {
            let name = strings.position(frame);
            let known = profile.function.iter().position(|function| function.name == name);
            let id = known.map_or_else(
                || {
                    let id = profile.function.len() as u64 + 1;
                    let filename = strings.position(&format!("{frame}.go"));
                    profile.function.push(proto::Function {
                        id,
                        name,
                        system_name: name,
                        filename,
                        start_line: 0,
                    });
                    let line = vec![proto::Line { function_id: id, line: 10, column: 0 }];
                    let address = 0x40_0000 + id * 16;
                    profile.location.push(proto::Location {
                        id,
                        address,
                        line,
                        ..Default::default()
                    });
                    id
                },
                |row| row as u64 + 1,
            );
            sample.location_id.push(id);
        }
        for (key, value) in &stack.labels {
            let key = strings.position(key);
            sample.label.push(match value {
                Value::Text(text) => {
                    proto::Label { key, str: strings.position(text), ..Default::default() }
                }
                Value::Number(num, unit) => proto::Label {
                    key,
                    num: *num,
                    num_unit: strings.position(unit),
                    ..Default::default()
                },
            });
        }
        profile.sample.push(sample);
    }
    profile.string_table = strings.0;
    profile
}

/// The same samples as another kind of profile: the values of each are its first ones.
pub(crate) fn of_kind(
    mut profile: proto::Profile,
    types: &[(&str, &str)],
    (period_type, period): ((&str, &str), i64),
) -> proto::Profile {
    let mut strings = Strings(std::mem::take(&mut profile.string_table));
    let mut value_type = |(name, unit): (&str, &str)| proto::ValueType {
        r#type: strings.position(name),
        unit: strings.position(unit),
    };
    profile.sample_type = types.iter().map(|&t| value_type(t)).collect();
    profile.period_type = Some(value_type(period_type));
    profile.period = period;
    profile.sample.iter_mut().for_each(|sample| sample.value.truncate(types.len()));
    profile.string_table = strings.0;
    profile
}

/// The same profile of a process with these files in memory: name, first address, build id.
pub(crate) fn mapped(mut profile: proto::Profile, files: &[(&str, u64, &str)]) -> proto::Profile {
    let mut strings = Strings(std::mem::take(&mut profile.string_table));
    for (id, &(file, memory_start, build_id)) in (1..).zip(files) {
        profile.mapping.push(proto::Mapping {
            id,
            memory_start,
            memory_limit: memory_start + 0x1000,
            filename: strings.position(file),
            build_id: strings.position(build_id),
            ..Default::default()
        });
    }
    profile.string_table = strings.0;
    profile
}

/// The same profile with comments, and with the address of its documentation.
pub(crate) fn commented(mut profile: proto::Profile, texts: &[&str], doc: &str) -> proto::Profile {
    let mut strings = Strings(std::mem::take(&mut profile.string_table));
    profile.comment = texts.iter().map(|text| strings.position(text)).collect();
    profile.doc_url = strings.position(doc);
    profile.string_table = strings.0;
    profile
}

/// The uncompressed bytes of a profile.
pub(crate) fn bytes(profile: &proto::Profile) -> Vec<u8> {
    profile.encode_to_vec()
}

struct Strings(Vec<Vec<u8>>);

impl Strings {
    fn position(&mut self, text: &str) -> i64 {
        let known = self.0.iter().position(|known| known == text.as_bytes());
        known.unwrap_or_else(|| {
            self.0.push(text.into());
            self.0.len() - 1
        }) as i64
    }
}
