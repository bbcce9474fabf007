//! The SHA-256 of a file as it is stored, so that others can tell whether they have the same one.

use super::pipe;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// The size of a file in bytes, and its SHA-256 in hexadecimal.
pub fn sha256(name: &str) -> io::Result<(u64, String)> {
    let mut file = pipe::open_to_read(Path::new(name))?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((size, hexadecimal(&hash.finalize()))),
            Ok(read) => {
                hash.update(&piece[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The SHA-256 of a text.
pub fn of_text(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_one_that_sha256sum_writes() {
        let path = std::env::temp_dir().join(format!("heapdiff-digest-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(path.to_str().unwrap()).unwrap(), (3, expected.to_owned()));
        assert_eq!(of_text("abc"), expected);
        std::fs::remove_file(path).unwrap();
    }
}
