//! Who changed a line last, by git, if it is installed. It reads the checkout alone: it runs no hook,
//! no filter and no monitor, and asks no server. It has a few seconds.

use crate::report::incident::LineAuthor;
use jiff::Timestamp;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long git may take: the history of a file may be long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time between checks whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);
/// Most bytes that are read of its answer.
const READ_MAX: u64 = 64 << 10;
/// Characters of a commit that identify it.
const COMMIT_SHOWN: usize = 12;

/// Who changed a line of a file last; `None` if that isn't known, or the line isn't committed.
pub(super) fn last_author(root: &Path, path: &str, line: i64) -> Option<LineAuthor> {
    if line < 1 || !root.join(".git").exists() {
        return None;
    }
    let range = format!("{line},{line}");
    let mut child = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager"])
        .args(["blame", "--porcelain", "--no-textconv", "-L", &range, "--", path])
        .current_dir(root)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // The answer about one line fits the buffer of a pipe.
    let is_done = ends_well(&mut child);
    let mut text = Vec::new();
    child.stdout.take()?.take(READ_MAX).read_to_end(&mut text).ok()?;
    is_done.then(|| author(&String::from_utf8_lossy(&text)))?
}

/// Waits for it, and stops it if it takes too long.
fn ends_well(child: &mut Child) -> bool {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if started.elapsed() < PATIENCE => thread::sleep(PAUSE),
            _ => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// Reads what `git blame --porcelain` says about a line.
fn author(text: &str) -> Option<LineAuthor> {
    let commit = text.split_whitespace().next()?;
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let is_committed = commit.chars().any(|c| c != '0');
    let seconds: i64 = field("author-time")?.parse().ok()?;
    let day = Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string();
    let name = field("author")?.to_owned();
    let commit = commit.chars().take(COMMIT_SHOWN).collect();
    is_committed.then_some(LineAuthor { name, commit, day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_git_is_read() {
        let text = "8d1ac2e02f9b4a3cbb91f9d8d6a9f1f0e3b7a5c4 28 28 1\nauthor Ada L\n\
                    author-mail <ada@example.com>\nauthor-time 1764300379\nauthor-tz +0100\n\
                    summary x\nfilename limiter.go\n\tx\n";
        let expected = LineAuthor {
            name: "Ada L".to_owned(),
            commit: "8d1ac2e02f9b".to_owned(),
            day: "2025-11-28".to_owned(),
        };
        assert_eq!(author(text), Some(expected));
        let new = text.replace("8d1ac2e02f9b4a3cbb91f9d8d6a9f1f0e3b7a5c4", &"0".repeat(40));
        assert_eq!(author(&new), None);
        assert_eq!(author(""), None);
    }
}
