//! A binary given as `--exe`, opened with its debug information.

use crate::model::symbols::program_name;
use crate::printable::escape;
use crate::source::binaries;
use crate::symbolize::{Binary, Names, crc};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A binary, and the names in it.
#[derive(Debug)]
pub(super) struct Exe {
    /// The mapping that it was given for.
    pub(super) name: Option<String>,
    /// The path, for messages.
    pub(super) shown: String,
    /// Its file name.
    pub(super) file_name: String,
    pub(super) binary: Binary,
    pub(super) names: Mutex<Names>,
    /// What is missing from it.
    pub(super) lacks: Option<String>,
}

impl Exe {
    /// Opens a binary, `[NAME=]BINARY`, and looks for its debug information in these folders.
    pub(super) fn open(typed: &str, folders: &[PathBuf]) -> Result<Self, String> {
        // A path may have the sign as well.
        let named = typed.split_once('=').filter(|_| !Path::new(typed).exists());
        let (name, path) = match named {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => (Some(name), path),
            Some(_) => return Err(format!("{}: expected BINARY or NAME=BINARY", escape(typed))),
            None => (None, typed),
        };
        let shown = escape(path).into_owned();
        let file = Path::new(path);
        let bytes = binaries::read(file).map_err(|error| format!("{shown}: {error}"))?;
        let binary = Binary::parse(&bytes).map_err(|error| format!("{shown}: {error}"))?;
        if !binary.has_code && binary.has_dwarf {
            return Err(format!(
                "{shown}: holds debug information alone, which doesn't say where code was loaded: give \
                 the binary itself, and the folder of this file with --debug-dir"
            ));
        }
        let mut refused = None;
        let debug =
            if binary.has_dwarf { None } else { debug_file(file, &binary, folders, &mut refused) };
        let (from, of) =
            debug.as_ref().map_or((file, &binary), |(path, binary)| (path.as_path(), binary));
        let shared = of.alt_link.as_ref().map(|link| {
            let files = binaries::shared_files(from, &link.file, &link.build_id, folders);
            files
                .into_iter()
                .filter_map(|file| Binary::parse_shared(&binaries::read(&file).ok()?).ok())
                .find(|shared| shared.build_id == link.build_id)
                .ok_or(&link.file)
        });
        let lacks = match (&shared, of.has_dwarf) {
            (Some(Err(file)), _) => Some(format!(
                "{shown}: part of its debug information is in {}, which isn't there: some functions have \
                 no names; install it, or give its folder with --debug-dir",
                escape(file)
            )),
            (_, true) => None,
            (_, false) => Some(without_debug(&shown, &binary, folders, refused)),
        };
        let names = Names::new(
            &binary,
            debug.as_ref().map(|(_, binary)| binary),
            shared.as_ref().and_then(|shared| shared.as_ref().ok()),
        );
        Ok(Self {
            name: name.map(str::to_owned),
            file_name: program_name(path).to_owned(),
            shown,
            names: Mutex::new(names),
            lacks,
            binary,
        })
    }
}

/// The file with the debug information of a binary. `refused` becomes why a file that was found isn't it.
fn debug_file(
    path: &Path,
    binary: &Binary,
    folders: &[PathBuf],
    refused: &mut Option<String>,
) -> Option<(PathBuf, Binary)> {
    let link = binary.debug_link.as_ref();
    let name = link.map(|link| link.file.as_str());
    for file in binaries::debug_files(path, &binary.build_id, name, folders) {
        let Ok(bytes) = binaries::read(&file) else { continue };
        let mut refuse = |why: String| {
            let file = escape(&file.to_string_lossy()).into_owned();
            refused.get_or_insert(format!("{file} isn't used: it {why}"));
        };
        let linked = link.is_some_and(|link| file.ends_with(&link.file) && link.crc == crc(&bytes));
        match Binary::parse(&bytes) {
            Err(error) => refuse(error.to_string()),
            // The build id is as good as the checksum, which takes longer.
            Ok(debug) if !binary.build_id.is_empty() && debug.build_id == binary.build_id => {
                return Some((file, debug));
            }
            Ok(debug) if linked && (debug.build_id.is_empty() || binary.build_id.is_empty()) => {
                return Some((file, debug));
            }
            Ok(_) => refuse("is of another build".to_owned()),
        }
    }
    None
}

/// What to say of a binary without debug information.
fn without_debug(
    shown: &str,
    binary: &Binary,
    folders: &[PathBuf],
    refused: Option<String>,
) -> String {
    let what = if binary.has_symbols {
        "has no debug information: functions have names, but no files, lines and inlined functions"
    } else {
        "is stripped: only functions that it exports have names, without files and lines"
    };
    let looked = folders.iter().map(|folder| folder.to_string_lossy()).collect::<Vec<_>>();
    let id = match binary.build_id.as_str() {
        "" => String::new(),
        id => format!(" (build id {id})"),
    };
    let next = refused.unwrap_or_else(|| {
        format!(
            "give a build with -g, or the folder of its debug information{id} with --debug-dir; {} has \
             none",
            escape(&looked.join(" and "))
        )
    });
    format!("{shown} {what}; {next}")
}
