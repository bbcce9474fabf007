//! How much memory the stack of a goroutine takes, by the number of its frames.
//!
//! A stack has a power of two of bytes, at least 2 KiB, and grows when a call doesn't fit. Nothing
//! says how large frames are, so this is an estimate; docs/statistics.md has its errors.

/// The least that a stack takes, in bytes.
const LEAST: i64 = 2048;
/// What the runtime keeps free at the end of a stack.
const RESERVE: i64 = 512;
/// Bytes of a frame: of most small functions, of hardly any less, of hardly any more.
const FRAME: [i64; 3] = [56, 32, 512];

/// The bytes of a stack with so many frames: an estimate, and the ends of its range.
pub fn stack_bytes(frames: usize) -> [i64; 3] {
    let frames = i64::try_from(frames).unwrap_or(i64::MAX).min(1 << 24);
    FRAME.map(|frame| {
        let used = (RESERVE + frames * frame).max(LEAST);
        used.unsigned_abs().next_power_of_two().cast_signed()
    })
}

#[cfg(test)]
mod tests {
    use super::stack_bytes;

    #[test]
    fn sizes_are_powers_of_two() {
        assert_eq!(stack_bytes(0), [2048, 2048, 2048]);
        assert_eq!(stack_bytes(4), [2048, 2048, 4096]);
        // Measured with Go 1.26: 2 KiB for 13 frames of a small function, 4 KiB for 53, 32 KiB for 503.
        assert_eq!(stack_bytes(13)[0], 2048);
        assert_eq!(stack_bytes(53)[0], 4096);
        assert_eq!(stack_bytes(503)[0], 32768);
        assert_eq!(stack_bytes(usize::MAX)[2], 1 << 34);
    }
}
