//! A goroutine of a dump: what it has in common with others, and how it is read.

use super::locks::Call;
use crate::input::InputError;
use crate::input::text::collector::Collector;
use crate::model::builder::RawLabel;
use crate::model::goroutines::label;

/// A frame: function, file and line.
pub(super) type Frame = (Box<[u8]>, Box<[u8]>, i64);

/// What goroutines of one sample have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Numbers of frames, leaf first.
    pub(super) stack: Vec<u32>,
    /// The frame that started them, or 0; frames count from 1.
    pub(super) creator: u32,
    pub(super) state: Vec<u8>,
    pub(super) minutes: i64,
    pub(super) is_locked: bool,
    pub(super) is_leaked: bool,
    pub(super) labels: Vec<(String, String)>,
}

/// A goroutine that is being read.
#[derive(Default)]
pub(super) struct Goroutine {
    /// Whether there is one.
    pub(super) is_open: bool,
    /// Its number, until it is known whether it is part of the dump.
    pub(super) id: Option<u64>,
    pub(super) key: Key,
    /// The function whose file comes next.
    pub(super) function: Option<Called>,
    pub(super) name: Vec<u8>,
    /// What that function says about locks.
    pub(super) call: Option<Call>,
    /// The calls on the stack that do, with their frames, leaf first.
    pub(super) calls: Vec<(Call, u32)>,
    /// Whether the rest are the stacks of those that started it.
    pub(super) is_in_ancestors: bool,
}

/// How a function is part of a goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// It is on the stack.
    Here,
    /// It has the `go` statement.
    Creator,
}

/// The labels of a sample.
pub(super) fn labels(
    collector: &mut Collector<'_>,
    key: &Key,
    frames: &[Frame],
) -> Result<Vec<RawLabel>, InputError> {
    let mut labels = Vec::new();
    for (key, value) in &key.labels {
        labels.push(collector.text_label(key, value)?);
    }
    labels.push(collector.text_label(label::STATE, &String::from_utf8_lossy(&key.state))?);
    if key.minutes > 0 {
        labels.push(collector.unit_label(label::WAIT, key.minutes, "minutes")?);
    }
    if key.is_locked {
        labels.push(collector.text_label(label::LOCKED, "thread")?);
    }
    if key.is_leaked {
        labels.push(collector.text_label(label::LEAKED, "proven")?);
    }
    let creator = (key.creator as usize).checked_sub(1).map(|creator| &frames[creator]);
    if let Some((function, file, line)) = creator {
        let function = String::from_utf8_lossy(function);
        labels.push(collector.text_label(label::CREATOR, &function)?);
        if !file.is_empty() {
            let at = format!("{}:{line}", String::from_utf8_lossy(file));
            labels.push(collector.text_label(label::CREATED_AT, &at)?);
        }
    }
    Ok(labels)
}
