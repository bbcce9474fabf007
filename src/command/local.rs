//! What this machine says about one of its processes.

use super::CommandError;
use crate::analysis::gaps::Environment;
use std::fs;
use std::path::PathBuf;

/// Checks `--pid`, which is about one service and a process that is there.
pub(super) fn check(pid: Option<u32>, services: usize) -> Result<(), CommandError> {
    let Some(pid) = pid else { return Ok(()) };
    if services > 1 {
        return Err(CommandError::Usage(
            "--pid is the process of one service; give one URL with it".to_owned(),
        ));
    }
    if !folder(pid).exists() {
        return Err(CommandError::Usage(format!("--pid {pid}: this machine has no such process")));
    }
    Ok(())
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

/// When a process began, in ticks since the machine did: it tells a process from a later one with the same
/// number. `None` if there is no such process, or this system doesn't say.
#[cfg(feature = "http")]
pub(super) fn began(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(folder(pid).join("stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// The files about the memory of a process and its cgroup, each with its kind.
pub(super) fn memory_files(pid: u32) -> Vec<(&'static str, PathBuf)> {
    let proc = folder(pid);
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
    let bytes = fs::read(folder(pid).join("environ")).ok()?;
    let value = |name: &[u8]| {
        let mut variables = bytes.split(|&byte| byte == 0);
        let value = variables.find_map(|one| one.strip_prefix(name)?.strip_prefix(b"="))?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    Some(Environment { gogc: value(b"GOGC"), gomemlimit: value(b"GOMEMLIMIT") })
}

#[cfg(all(test, target_os = "linux", feature = "http"))]
mod tests {
    use super::began;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn processes_are_told_apart_by_when_they_began() {
        let own = began(std::process::id());
        assert!(own.is_some() && own == began(std::process::id()));
        // A tick is a hundredth of a second.
        thread::sleep(Duration::from_millis(30));
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(began(child.id()) > own);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(began(child.id()), None);
    }
}
