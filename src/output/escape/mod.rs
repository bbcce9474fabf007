//! Text made safe for where it is written, one file per medium.
//!
//! [`escape`] makes a name safe for all of them: it shows what doesn't print. A medium adds what has
//! a meaning there. A format writes names through its medium only, so that no name from a profile
//! can be anything but a name.

pub(super) mod csv;
pub(super) mod html;
pub(super) mod json;
pub(super) mod lines;
pub(super) mod markdown;
pub(super) mod xml;

pub(crate) use crate::printable::escape;
