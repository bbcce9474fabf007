//! What this machine says about one of its processes.

use crate::analysis::gaps::Environment;
use std::fs;
use std::path::PathBuf;

/// The files about the memory of a process and its cgroup, each with its kind.
pub(super) fn memory_files(pid: u32) -> Vec<(&'static str, PathBuf)> {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let mut files = vec![("status", proc.join("status"))];
    if proc.join("smaps_rollup").exists() {
        files.push(("smaps_rollup", proc.join("smaps_rollup")));
    }
    // cgroup v2 has one line: `0::/path`.
    let cgroups = fs::read_to_string(proc.join("cgroup")).unwrap_or_default();
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::/"));
    let folder = own.map(|own| PathBuf::from("/sys/fs/cgroup").join(own));
    for kind in ["memory.current", "memory.stat", "memory.max"] {
        let file = folder.as_ref().map(|folder| folder.join(kind));
        files.extend(file.filter(|file| file.exists()).map(|file| (kind, file)));
    }
    files
}

/// The variables that the collector heeds, as a process was started with; `None` if they can't be read.
pub(super) fn environment(pid: u32) -> Option<Environment> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = |name: &[u8]| {
        let mut variables = bytes.split(|&byte| byte == 0);
        let value = variables.find_map(|one| one.strip_prefix(name)?.strip_prefix(b"="))?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    Some(Environment { gogc: value(b"GOGC"), gomemlimit: value(b"GOMEMLIMIT") })
}
