//! Runs Chromium, which opens SVG files as a reader would.
//!
//! Without it the tests print that they are skipped, and pass. `HEAPDIFF_REQUIRE_ALL=1` makes that a failure.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The page after its scripts have run, and the browser's log.
pub(crate) fn open(chromium: &Path, case: &str, page: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{case}"));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("page.svg");
    std::fs::write(&file, page).unwrap();
    let out = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--window-size=1400,900"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(folder.join("profile"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{case}: {}", text(&out.stderr));
    (text(&out.stdout), text(&out.stderr))
}

/// Chromium, under one of its names.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = [
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(),
            "HEAPDIFF_REQUIRE_ALL is set, and there is no Chromium to open pictures with: install it"
        );
        println!("skipped: no Chromium to open pictures with (install it to run this test)");
    }
    found
}
