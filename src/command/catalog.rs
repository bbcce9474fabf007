//! The patterns that a command works with: those of heapdiff, those of `heapdiff.toml` in the working directory, and
//! those of the files that were named.
//!
//! Each takes the place of an earlier one of its id. Files are read up to a limit, since a name may stand for a device.

use super::Error;
use super::options::PatternArgs;
use crate::patterns::Catalog;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file that is read without being named.
const USUAL: &str = "heapdiff.toml";
/// Bytes that are read at most: more than a pattern file may have.
const READ_MAX: u64 = (1 << 20) + 1;

/// The patterns, a user's own among them.
pub(super) fn catalog(args: &PatternArgs) -> Result<Catalog, Error> {
    let mut catalog = Catalog::builtin();
    match read(Path::new(USUAL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        text => add(&mut catalog, USUAL, text)?,
    }
    for file in &args.patterns {
        add(&mut catalog, &file.to_string_lossy(), read(file))?;
    }
    Ok(catalog)
}

fn add(catalog: &mut Catalog, name: &str, text: io::Result<Vec<u8>>) -> Result<(), Error> {
    let text = text.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => {
                "no such file; check the path (relative paths start at the working directory)"
                    .to_owned()
            }
            io::ErrorKind::IsADirectory => {
                "is a folder; name a file with [[pattern]] tables".to_owned()
            }
            _ => format!("can't read it: {error}"),
        };
        Error::Usage(format!("{name}: {why}"))
    })?;
    let text = String::from_utf8(text).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = String::from_utf8_lossy(valid).matches('\n').count() + 1;
        Error::Usage(format!(
            "{name}:{line}: byte {} is no UTF-8; a pattern file is text (TOML)",
            valid.len()
        ))
    })?;
    catalog.add_toml(name, &text).map_err(|error| Error::Usage(error.to_string()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(READ_MAX).read_to_end(&mut text)?;
    Ok(text)
}
