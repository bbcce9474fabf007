//! Debug information in files of its own: every way of keeping it gives the frames that the whole binary has.

use super::agreement::{frames, named};
use super::tools::{Profiler, Program, folder, has, heapdiff, run, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A binary without debug information, and what was taken out of it.
struct Split {
    folder: PathBuf,
    binary: PathBuf,
    recording: PathBuf,
    /// The file with the debug information.
    debug: PathBuf,
}

fn objcopy(args: &[&str], from: &Path, to: &Path) {
    run(Command::new("objcopy").args(args).args([from, to]));
}

/// Makes such a binary, with the name of the whole one.
fn split(name: &str, compression: &str) -> Option<Split> {
    if !has(&["g++", "objcopy"]) {
        return None;
    }
    let folder = folder(name);
    let binary = Program::Cpp.build(&folder, &["-O2", "-g", "-Wl,--build-id"]);
    let recording = Profiler::Gperftools.record(&binary)?;
    let (whole, debug) = (folder.join("whole"), folder.join("cache.debug"));
    fs::rename(&binary, &whole).unwrap();
    objcopy(&["--only-keep-debug", compression], &whole, &debug);
    objcopy(&["--strip-all"], &whole, &binary);
    Some(Split { folder, binary, recording, debug })
}

impl Split {
    /// Checks that the frames with these options are those of the whole binary.
    fn check(&self, options: &[&str]) {
        let given = format!("cache={}", text(&self.folder.join("whole")));
        let whole = named(&self.recording, &["--exe", &given]);
        let own = named(&self.recording, &[&["--exe", text(&self.binary)], options].concat());
        let [whole, own] = [whole, own].map(|p| frames(&p, &self.recording, &self.binary));
        assert!(whole.values().any(|frames| frames.len() > 2), "{whole:?}");
        assert_eq!(own, whole);
    }

    fn build_id(&self) -> String {
        let notes = run(Command::new("readelf").args(["-n", text(&self.binary)]));
        let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
        id.unwrap().to_owned()
    }
}

#[test]
fn a_debug_link_is_followed_to_the_same_folder_and_below() {
    let Some(files) = split("debug-link", "--compress-debug-sections=none") else { return };
    let link = format!("--add-gnu-debuglink={}", text(&files.debug));
    objcopy(&[&link], &files.binary, &files.folder.join("linked"));
    fs::rename(files.folder.join("linked"), &files.binary).unwrap();
    // A build id would do as well, so it is left out.
    objcopy(&["--remove-section=.note.gnu.build-id"], &files.binary, &files.folder.join("x"));
    fs::rename(files.folder.join("x"), &files.binary).unwrap();
    files.check(&[]);

    let below = files.folder.join(".debug");
    fs::create_dir(&below).unwrap();
    fs::rename(&files.debug, below.join("cache.debug")).unwrap();
    files.check(&[]);

    let other = files.folder.join("other");
    let deep = other.join(files.folder.canonicalize().unwrap().strip_prefix("/").unwrap());
    fs::create_dir_all(&deep).unwrap();
    fs::rename(below.join("cache.debug"), deep.join("cache.debug")).unwrap();
    files.check(&["--debug_dir", text(&other)]);

    // A file with another checksum is of another build.
    let mut bytes = fs::read(deep.join("cache.debug")).unwrap();
    bytes.push(0);
    fs::write(deep.join("cache.debug"), bytes).unwrap();
    let args =
        ["top", text(&files.recording), "--exe", text(&files.binary), "--debug-dir", text(&other)];
    let (ok, output, stderr) = heapdiff(&args);
    assert!(ok, "{stderr}");
    let output = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.contains("is stripped: only functions that it exports have names"), "{output}");
    assert!(output.contains("cache.debug isn't used: it is of another build"), "{output}");
}

#[test]
fn a_folder_by_build_id_is_used_and_compression_doesn_t_matter() {
    for compression in ["zlib", "zlib-gnu", "zstd"] {
        let option = format!("--compress-debug-sections={compression}");
        let help = Command::new("objcopy").arg("--help").output();
        let knows = help.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains("zstd"));
        if compression == "zstd" && !knows {
            println!("not tested with zstd, which this objcopy doesn't know");
            continue;
        }
        let Some(files) = split(&format!("build-id-{compression}"), &option) else { return };
        let id = files.build_id();
        let folder = files.folder.join("store").join(".build-id").join(&id[..2]);
        fs::create_dir_all(&folder).unwrap();
        fs::rename(&files.debug, folder.join(format!("{}.debug", &id[2..]))).unwrap();
        files.check(&["--debug-dir", "/nowhere", "--debug-dir", text(&files.folder.join("store"))]);
    }
}

#[test]
fn debug_information_that_dwz_moved_is_found() {
    if !has(&["dwz"]) {
        return;
    }
    let Some(files) = split("dwz", "--compress-debug-sections=none") else { return };
    let id = files.build_id();
    let folder = files.folder.join("store").join(".build-id").join(&id[..2]);
    fs::create_dir_all(&folder).unwrap();
    let debug = folder.join(format!("{}.debug", &id[2..]));
    fs::rename(&files.debug, &debug).unwrap();
    let copy = folder.join("copy.debug");
    fs::copy(&debug, &copy).unwrap();
    run(Command::new("dwz")
        .args(["-m", "shared.debug"])
        .args([&debug, &copy])
        .current_dir(&folder));
    files.check(&["--debug-dir", text(&files.folder.join("store"))]);
}

#[test]
fn a_table_of_symbols_names_functions_without_lines() {
    if !has(&["g++"]) {
        return;
    }
    let folder = folder("symbols-alone");
    let binary = Program::Cpp.build(&folder, &["-O2"]);
    let Some(recording) = Profiler::Gperftools.record(&binary) else { return };
    let profile = named(&recording, &["--exe", text(&binary)]);
    let frames = frames(&profile, &recording, &binary);
    let names: Vec<_> =
        frames.values().flatten().map(|(name, _, line)| (name.as_str(), *line)).collect();
    for expected in ["_ZN5cache4fillERNS_5StoreEi", "session_open", "main", "_start"] {
        assert!(names.contains(&(expected, 0)), "{expected}: {names:?}");
    }
}
