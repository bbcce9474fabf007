//! What matters of a heap profile in text: its first line, and the memory statistics at its end. The
//! stacks between them may take gigabytes, and are in the profile in protobuf as well.

use crate::source::http::Target;
use std::io;

/// Bytes at the end that are kept: the statistics take some 20 kB.
const KEPT: usize = 256 << 10;
/// Most bytes of the first line.
const FIRST: usize = 1024;
/// What the statistics begin with.
const STATISTICS: &[u8] = b"# runtime.MemStats";

/// Keeps the beginning and the end of what comes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Tail {
    /// The first line, and the statistics if there are any.
    pub(super) fn text(&self) -> Vec<u8> {
        let line = self.first.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let begin = memchr::memmem::rfind(&self.last, STATISTICS).unwrap_or(self.last.len());
        [line, b"\n", &self.last[begin..]].concat()
    }
}

impl Target for Tail {
    fn restart(&mut self) -> io::Result<()> {
        *self = Self::default();
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = FIRST.saturating_sub(self.first.len()).min(bytes.len());
        self.first.extend_from_slice(&bytes[..room]);
        self.last.extend_from_slice(bytes);
        // Only now and then, since the rest has to move.
        if self.last.len() > 2 * KEPT {
            self.last.drain(..self.last.len() - KEPT);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Tail};
    use crate::source::http::Target as _;

    #[test]
    fn little_is_kept_of_a_long_text() {
        let mut tail = Tail::default();
        tail.take(b"heap profile: 1: 2 [3: 4] @ heap/1048576\n").unwrap();
        for _ in 0..500 {
            tail.take(&b"1: 4096 [1: 4096] @ 0x1 0x2\n".repeat(500)).unwrap();
            assert!(tail.last.len() <= 3 * KEPT);
        }
        tail.take(b"\n# runtime.MemS").unwrap();
        tail.take(b"tats\n# Alloc = 5\n").unwrap();
        let expected =
            "heap profile: 1: 2 [3: 4] @ heap/1048576\n# runtime.MemStats\n# Alloc = 5\n";
        assert_eq!(String::from_utf8(tail.text()).unwrap(), expected);
        tail.restart().unwrap();
        tail.take(b"x\ny").unwrap();
        assert_eq!(tail.text(), b"x\n");
    }
}
