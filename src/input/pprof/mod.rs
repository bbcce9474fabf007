//! The pprof protobuf format, which Go and many others write.
//!
//! `decode` is the fast decoder from bytes to columns that every command uses. `proto` holds the
//! types that prost generates from `proto/profile.proto`; `encode` writes with them, and the tests
//! check the fast decoder against them.

mod decode;
pub mod encode;
mod label_cache;
pub mod proto;
mod wire;

pub use decode::decode;

use super::{Content, Format, Holds, InputError, Meter, Sniff};
use std::io::Read;

/// pprof's entry in the list of formats.
pub const FORMAT: Format =
    Format { name: "pprof profile", holds: Holds::Profile, sniff: Sniff::Start(sniff), read };

fn read(reader: &mut dyn Read, meter: Meter<'_>) -> Result<Content, InputError> {
    decode(reader, meter).map(Content::from)
}

/// Whether bytes may be a protobuf message of a profile: they begin with the key of a field, and
/// aren't text.
fn sniff(head: &[u8]) -> bool {
    let Some(&key) = head.first() else { return false };
    let (field, wire_type) = (key >> 3, key & 7);
    field != 0
        && matches!(wire_type, 0 | 1 | 2 | 5)
        && !super::refusal::is_text(head)
        && !super::refusal::is_known(head)
}
