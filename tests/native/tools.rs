//! The tools that these tests need, the programs they compile, and the recordings of those.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder of its own for a test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Whether all of these run; says so if one doesn't.
pub(crate) fn has(tools: &[&str]) -> bool {
    tools.iter().all(|tool| {
        let found = Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success());
        found || is_missing(tool)
    })
}

fn is_missing(what: &str) -> bool {
    assert!(
        std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(),
        "HEAPDIFF_REQUIRE_ALL is set, and {what} is missing: install it (on Debian and Ubuntu: g++, binutils, dwz, \
         libjemalloc2, libgoogle-perftools4)"
    );
    println!("skipped: {what} is missing");
    false
}

/// A heap profiler that a program is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profiler {
    Jemalloc,
    Gperftools,
}

pub(crate) const PROFILERS: [Profiler; 2] = [Profiler::Jemalloc, Profiler::Gperftools];

impl Profiler {
    /// Its library, where distributions have it.
    pub(crate) fn library(self) -> Option<PathBuf> {
        let names: &[&str] = match self {
            Self::Jemalloc => &["libjemalloc.so.2"],
            Self::Gperftools => &["libtcmalloc.so.4", "libtcmalloc.so.4t64"],
        };
        let folders =
            ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
        let found = folders
            .iter()
            .flat_map(|folder| names.iter().map(move |name| Path::new(folder).join(name)))
            .find(|path| path.exists());
        if found.is_none() {
            is_missing(names[0]);
        }
        found
    }

    /// Runs a program and returns the profile that it leaves; `None` without the profiler.
    pub(crate) fn record(self, program: &Path) -> Option<PathBuf> {
        static RUN: AtomicUsize = AtomicUsize::new(0);
        let run = RUN.fetch_add(1, Ordering::Relaxed);
        let folder = folder(&format!("recording-{run}"));
        let prefix = folder.join("heap");
        let mut command = Command::new(program);
        command.arg("60").env("LD_PRELOAD", self.library()?);
        match self {
            Self::Jemalloc => command.env(
                "MALLOC_CONF",
                format!(
                    "prof:true,prof_final:true,lg_prof_sample:0,prof_prefix:{}",
                    prefix.display()
                ),
            ),
            Self::Gperftools => command.env("HEAPPROFILE", &prefix),
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        Some(files.pop().unwrap_or_else(|| panic!("{self:?} left no profile: {output:?}")))
    }
}

/// A program of `testdata/programs/native`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Cpp,
    Rust,
}

impl Program {
    /// Compiles it with these flags and returns the binary.
    pub(crate) fn build(self, folder: &Path, flags: &[&str]) -> PathBuf {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/programs/native");
        let (compiler, source, binary) = match self {
            Self::Cpp => ("g++", "cache.cpp", folder.join("cache")),
            Self::Rust => ("rustc", "queue.rs", folder.join("queue")),
        };
        let mut command = Command::new(compiler);
        if self == Self::Rust {
            command.args(["--edition", "2024"]);
        }
        run(command.args(flags).arg(sources.join(source)).arg("-o").arg(&binary));
        binary
    }
}

/// Runs a command, which must succeed, and returns its output.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs heapdiff and returns whether it succeeds, its output and its messages.
pub(crate) fn heapdiff(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
