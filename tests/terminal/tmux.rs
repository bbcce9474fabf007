//! A terminal of tmux, with a shell in it.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// How long a screen may take: long, since other tests may run.
const PATIENCE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(100);

/// Says that a test is skipped, or fails if it must not be.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(), "{why}");
    println!("skipped: {why}");
}

/// A terminal of its own server, which ends when it is dropped.
pub(crate) struct Terminal {
    server: String,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = Command::new("tmux").args(["-L", &self.server, "kill-server"]).output();
    }
}

impl Terminal {
    /// Opens a terminal; `None` without tmux, which is said.
    pub(crate) fn open(name: &str, (columns, lines): (usize, usize)) -> Option<Self> {
        if !Command::new("tmux").arg("-V").output().is_ok_and(|out| out.status.success()) {
            skip("no tmux on this machine");
            return None;
        }
        let terminal = Self { server: format!("heapdiff-{name}-{}", std::process::id()) };
        let [columns, lines] = [columns, lines].map(|size| size.to_string());
        let size = ["-x", &columns, "-y", &lines];
        let shell = "env PS1='ready> ' NO_COLOR= TERM=screen-256color sh";
        terminal.ask(&[&["-f", "/dev/null", "new-session", "-d"], &size[..], &[shell]].concat());
        terminal.wait("a shell", |screen| screen.contains("ready>"));
        Some(terminal)
    }

    fn ask(&self, args: &[&str]) -> String {
        let run = Command::new("tmux").args(["-L", &self.server]).args(args).output();
        let Output { status, stdout, stderr } = run.unwrap();
        assert!(status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Types a command. Its process is in the file `pid` of the folder, and its exit code follows it.
    pub(crate) fn run(&self, home: &Path, args: &[&str], variable: &str) {
        let script = home.join("run.sh");
        let quoted: Vec<String> = args.iter().map(|word| format!("'{word}'")).collect();
        let text = format!(
            "cd '{}'; echo $$ > pid; export {variable} RUST_BACKTRACE=0; exec '{}' {}\n",
            home.display(),
            env!("CARGO_BIN_EXE_heapdiff"),
            quoted.join(" ")
        );
        fs::write(&script, text).unwrap();
        self.ask(&["clear-history"]);
        self.type_in(&format!("clear; sh '{}'; echo ended=$?", script.display()));
        self.wait("something new", |screen| !screen.contains("clear; sh"));
    }

    fn type_in(&self, line: &str) {
        self.ask(&["send-keys", "-l", line]);
        self.key("Enter");
    }

    /// Presses a key, by its name in tmux.
    pub(crate) fn key(&self, key: &str) {
        self.ask(&["send-keys", key]);
    }

    pub(crate) fn resize(&self, columns: usize, lines: usize) {
        let [columns, lines] = [columns, lines].map(|size| size.to_string());
        self.ask(&["resize-window", "-x", &columns, "-y", &lines]);
    }

    /// Sends a signal to the command.
    pub(crate) fn signal(&self, home: &Path, signal: &str) {
        let pid = fs::read_to_string(home.join("pid")).unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status();
        assert!(sent.unwrap().success(), "{}", self.server);
    }

    /// What is on the screen, a line for each of its lines.
    pub(crate) fn screen(&self) -> String {
        self.ask(&["capture-pane", "-p"])
    }

    /// The same with escape sequences.
    pub(crate) fn styled(&self) -> String {
        self.ask(&["capture-pane", "-p", "-e"])
    }

    /// Waits for what the screen is to have, and returns it.
    pub(crate) fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is_there(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{screen}");
            thread::sleep(STEP);
        }
    }

    /// Waits for the end of the command, and checks that the terminal is as it was before.
    pub(crate) fn is_restored(&self) -> String {
        let screen = self.wait("exit code", |screen| screen.contains("ended="));
        let flags = self.ask(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(flags.trim(), "0 1", "the usual screen, with a cursor: {screen}");
        self.type_in("clear; stty -a");
        let modes = self.wait("modes", |screen| screen.contains("echoke"));
        for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
            let is_on = modes.split([' ', '\n', ';']).any(|word| word == mode);
            assert!(is_on, "{mode} is off: {modes}");
        }
        screen
    }
}
