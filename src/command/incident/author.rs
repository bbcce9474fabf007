//! Who changed a line last, by git, if it is installed. It reads what is committed: it runs no hook, no
//! filter and no monitor of the checkout, which may be a stranger's, and asks no server. It has a few
//! seconds.

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

/// Who changed a line of a file last; `None` if that isn't known, or `text`, which is the line in the
/// checkout, isn't committed there.
pub(super) fn last_author(root: &Path, path: &str, line: i64, text: &str) -> Option<LineAuthor> {
    if line < 1 || !root.join(".git").exists() {
        return None;
    }
    let range = format!("{line},{line}");
    let mut child = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        .args(["-c", "protocol.allow=never", "--no-pager"])
        // The file in the checkout would go through the filters that its settings name.
        .args(["blame", "--porcelain", "--no-textconv", "-L", &range, "HEAD", "--", path])
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
    let answer = child.stdout.take()?;
    let reading = thread::spawn(move || {
        let mut read = Vec::new();
        answer.take(READ_MAX).read_to_end(&mut read).map(|_| read)
    });
    let is_done = ends_well(&mut child);
    let answer = reading.join().ok()?.ok()?;
    is_done.then(|| author(&String::from_utf8_lossy(&answer), text))?
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

/// Reads what `git blame --porcelain` says about a line, if it is this one.
fn author(text: &str, line: &str) -> Option<LineAuthor> {
    let own = text.lines().find_map(|line| line.strip_prefix('\t'))?;
    if own.trim_end() != line.trim_end() {
        return None;
    }
    let commit = text.split_whitespace().next()?;
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let seconds: i64 = field("author-time")?.parse().ok()?;
    let day = Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d").to_string();
    let name = field("author")?.to_owned();
    let commit = commit.chars().take(COMMIT_SHOWN).collect();
    Some(LineAuthor { name, commit, day })
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
        assert_eq!(author(text, "x"), Some(expected));
        assert_eq!(author(text, "y"), None, "another line is there now");
        assert_eq!(author("", ""), None);
    }

    #[test]
    fn nothing_that_a_checkout_names_is_run() {
        let root = std::env::temp_dir().join(format!("heapdiff-author-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).unwrap();
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=Ada", "-c", "user.email=a@example.com"]).args(args);
            git.current_dir(&root).stdout(Stdio::null()).status()
        };
        if git(&["init", "-q"]).is_err() {
            assert!(std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(), "needs git");
            return;
        }
        let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
        write("f.go", "package f\n\nvar x = 1\n");
        git(&["add", "."]).unwrap();
        git(&["commit", "-qm", "x"]).unwrap();
        let run = root.join("was-run");
        for (name, words) in
            [("filter.x.clean", "; cat"), ("filter.x.smudge", "; cat"), ("core.fsmonitor", "")]
        {
            git(&["config", name, &format!("touch '{}'{words}", run.display())]).unwrap();
        }
        write(".gitattributes", "*.go filter=x\n");
        // Longer than a pipe holds.
        let long = format!("// {}", "y".repeat(1 << 20));
        write("f.go", &format!("package f\n\nvar x = 1\n{long}\n"));
        let who = |line, text: &str| last_author(&root, "f.go", line, text).map(|who| who.name);
        assert_eq!(who(3, "var x = 1").as_deref(), Some("Ada"));
        assert_eq!((who(4, &long), who(3, "var x = 2")), (None, None), "not committed");
        assert!(!run.exists(), "git ran what the checkout names");
        std::fs::remove_dir_all(root).unwrap();
    }
}
