//! The pprof protobuf format: what Go, and many others, write.
//!
//! `decode` is the fast way from bytes to columns that every command uses. `proto` holds the types that
//! prost makes from `proto/profile.proto`; `encode` writes with them, and the tests read with them to
//! check the fast decoder against.

mod decode;
pub mod encode;
pub mod proto;
mod wire;

pub use decode::decode;

use super::{Content, Format, Holds, InputError, Sniff};
use std::io::Read;

/// pprof's entry in the list of formats.
pub const FORMAT: Format =
    Format { name: "pprof profile", holds: Holds::Profile, sniff: Sniff::Start(sniff), read };

fn read(reader: &mut dyn Read) -> Result<Content, InputError> {
    decode(reader).map(Content::from)
}

/// A protobuf message that may be a profile: its first key names a field of a profile, or at least a
/// field, and the bytes are not text.
fn sniff(head: &[u8]) -> bool {
    let Some(&key) = head.first() else { return false };
    let (field, wire_type) = (key >> 3, key & 7);
    field != 0
        && matches!(wire_type, 0 | 1 | 2 | 5)
        && !super::refusal::is_text(head)
        && !super::refusal::is_known(head)
}
