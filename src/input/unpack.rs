//! Unpacks what inputs are packed with: gzip, zstd and bzip2, several streams after another too.

use crate::units::Bytes;
use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// What an input is packed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Bzip2,
}

/// Bytes of the largest window of zstd: larger than that of any level without `--ultra` or `--long`.
const WINDOW: u64 = 32 << 20;

impl Packing {
    /// What bytes that begin like this are packed with.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // The block size, and the digits of π.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => {
                Some(Self::Bzip2)
            }
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// The unpacked bytes. An end that comes too early is an [`io::ErrorKind::UnexpectedEof`], damaged
    /// bytes are [`io::ErrorKind::InvalidData`] or [`io::ErrorKind::InvalidInput`].
    pub(super) fn unpack<'r>(self, packed: impl BufRead + Send + 'r) -> Box<dyn Read + Send + 'r> {
        match self {
            Self::Gzip => Box::new(Members { decoder: Some(GzDecoder::new(packed)) }),
            Self::Zstd => Box::new(Frames::of(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        }
    }
}

/// The members of gzip.
struct Members<R> {
    /// The member that is being read; `None` at the end.
    decoder: Option<GzDecoder<R>>,
}

/// How a member begins.
const MEMBER: &[u8] = &[0x1f, 0x8b];

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let unpacked = decoder.read(buffer)?;
            if unpacked > 0 || buffer.is_empty() {
                return Ok(unpacked);
            }
            let Some(mut packed) = self.decoder.take().map(GzDecoder::into_inner) else { break };
            let next = packed.fill_buf()?;
            if next.is_empty() {
                break;
            }
            let length = next.len().min(MEMBER.len());
            if next[..length] != MEMBER[..length] {
                let message = "what follows is neither another gzip member nor the end";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.decoder = Some(GzDecoder::new(packed));
        }
        Ok(0)
    }
}

/// The frames of zstd.
struct Frames<R> {
    packed: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> Frames<R> {
    fn of(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { packed, decoder, is_in_frame: false }
    }

    /// Begins the next frame, after frames that hold nothing. Returns false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let skipped = self.packed.by_ref().take(u64::from(length));
                    if io::copy(&mut { skipped }, &mut io::sink())? < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(false)
    }

    /// Tells damaged bytes from those that are missing, and from what needs too much memory.
    fn failed(&mut self, error: FrameDecoderError) -> io::Error {
        if let FrameDecoderError::WindowSizeTooBig { requested, .. } = error {
            let (needs, most) = (Bytes(requested as f64), Bytes(WINDOW as f64));
            let message = format!(
                "its zstd window is {needs}, and heapdiff takes up to {most}; unpack it first with \
                 'zstd -d --long=31'"
            );
            return io::Error::new(io::ErrorKind::Unsupported, message);
        }
        if let FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_)) =
            error
        {
            let message = "what follows is neither another zstd frame nor the end";
            return io::Error::new(io::ErrorKind::InvalidData, message);
        }
        match self.packed.fill_buf() {
            Ok([]) => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            Ok(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            Err(error) => error,
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_in_frame {
                self.is_in_frame = self.begin()?;
                if !self.is_in_frame {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                if let Err(error) = self.decoder.decode_blocks(&mut self.packed, blocks) {
                    return Err(self.failed(error));
                }
            }
            let n = self.decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let stored = self.decoder.get_checksum_from_data();
            if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the checksum of a frame is wrong",
                ));
            }
            self.is_in_frame = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let packing = Packing::of(bytes).expect("a known packing");
        packing.unpack(bytes).read_to_end(&mut all).map(|_| all)
    }

    fn packed(text: &[u8]) -> [Vec<u8>; 3] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(text).unwrap();
        let zstd = compress_to_vec(text, CompressionLevel::Fastest);
        [gzip.finish().unwrap(), zstd, bzip2.finish().unwrap()]
    }

    #[test]
    fn streams_come_out_as_they_went_in_one_after_another() {
        let text: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        for one in packed(&text) {
            assert_eq!(unpacked(&one).unwrap(), text);
            assert_eq!(unpacked(&[one.clone(), one].concat()).unwrap(), text.repeat(2));
        }
    }

    #[test]
    fn what_follows_the_last_member_of_gzip_is_damage() {
        let [gzip, ..] = packed(b"heap");
        for behind in [&b"\0"[..], b"x", b"\x1f\x8c", b"<html>not found</html>"] {
            let error = unpacked(&[&gzip, behind].concat()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains("neither another gzip member"), "{error}");
        }
        let cut = [&gzip[..], &gzip[..1]].concat();
        assert_eq!(unpacked(&cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_frame_that_holds_nothing_is_skipped() {
        let [_, zstd, _] = packed(b"heap");
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd].concat();
        assert_eq!(unpacked(&[zstd.clone(), skipped].concat()).unwrap(), b"heapheap");
        let cut = [&zstd[..], &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1]].concat();
        assert_eq!(unpacked(&cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_window_that_is_too_large_is_not_damage() {
        // A frame of 64 MiB in one segment.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000, 0, 0, 0, 4, 1, 0, 0, 0];
        let error = unpacked(&frame).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().starts_with("its zstd window is 64.0 MiB, and"), "{error}");
    }

    #[test]
    fn what_follows_a_frame_is_named_if_it_is_none() {
        let [_, zstd, _] = packed(b"heap");
        let error = unpacked(&[&zstd[..], b"garbage"].concat()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("neither another zstd frame nor the end"), "{error}");
    }

    #[test]
    fn missing_and_damaged_bytes_are_told_apart() {
        let text: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(i) >> 9) as u8).collect();
        for one in packed(&text) {
            for cut in [one.len() / 2, one.len() - 1] {
                let error = unpacked(&one[..cut]).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
            }
            for at in [one.len() / 2, one.len() - 20] {
                let mut damaged = one.clone();
                damaged[at] ^= 0x55;
                assert!(unpacked(&damaged).is_err());
            }
        }
    }
}
