//! The streams that a command writes to, and what it may do there.
//!
//! Only this file reads the environment, so that a command that runs against buffers behaves the
//! same on every machine.

use super::progress::Held;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::PathBuf;

/// The streams of a run.
pub struct Console<'a> {
    /// Reports.
    pub stdout: &'a mut dyn Write,
    /// Errors, warnings and progress.
    pub stderr: &'a mut dyn Write,
    /// Columns of the terminal; `None` if standard output isn't a terminal.
    pub columns: Option<usize>,
    /// Whether to use colour by default: on a terminal that can show it, without `NO_COLOR`.
    pub color: bool,
    /// Whether standard error is a terminal, so that progress may be drawn there.
    pub stderr_is_terminal: bool,
    /// The GitHub Actions job that this runs in.
    pub github: Github,
    /// What the CI system reports about the build.
    pub ci: Ci,
    /// Inputs that are in memory.
    pub(super) held: Held,
}

/// A GitHub Actions job.
#[derive(Clone, Debug, Default)]
pub struct Github {
    /// Whether this runs in such a job.
    pub is_there: bool,
    /// The file to append the job summary to.
    pub step_summary: Option<PathBuf>,
}

impl Github {
    /// Reads the job from the environment.
    fn of_environment() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let step_summary = set("GITHUB_STEP_SUMMARY").map(PathBuf::from);
        let is_there = step_summary.is_some() || set("GITHUB_ACTIONS").is_some_and(|v| v == "true");
        Self { is_there, step_summary }
    }
}

/// What a CI system (GitHub Actions, GitLab) reports about the build it runs.
#[derive(Clone, Debug, Default)]
pub struct Ci {
    /// The branch; for a pull request, a name that no branch has.
    pub branch: Option<String>,
    /// The target branch of a pull request.
    pub base_branch: Option<String>,
    /// The commit.
    pub commit: Option<String>,
}

impl Ci {
    /// Reads the build from the environment.
    fn of_environment() -> Self {
        let first = |names: [&str; 2]| {
            let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
            names.into_iter().find_map(set)
        };
        Self {
            branch: first(["GITHUB_REF_NAME", "CI_COMMIT_BRANCH"]),
            base_branch: first(["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"]),
            commit: first(["GITHUB_SHA", "CI_COMMIT_SHA"]),
        }
    }
}

/// Where `watch` panics because a test of it asks so: `HEAPDIFF_TEST_PANIC=draw` or `shot`, in builds
/// with debug assertions alone.
#[cfg(feature = "watch")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provoked {
    /// Nowhere.
    None,
    /// Where it draws.
    Draw,
    /// Where it takes snapshots.
    Shot,
}

#[cfg(feature = "watch")]
impl Provoked {
    pub(super) fn of_environment() -> Self {
        let asked = cfg!(debug_assertions).then(|| std::env::var("HEAPDIFF_TEST_PANIC").ok());
        match asked.flatten().as_deref() {
            Some("draw") => Self::Draw,
            Some("shot") => Self::Shot,
            _ => Self::None,
        }
    }
}

/// Whether the terminal can be drawn on, and not only written to.
#[cfg(feature = "watch")]
pub(super) fn is_drawable() -> bool {
    stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of a terminal that doesn't report its width.
const USUAL_COLUMNS: usize = 80;

impl<'a> Console<'a> {
    /// Two streams that are no terminal, of a process that runs in no CI system.
    pub fn of_streams(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Console {
            stdout: out,
            stderr: err,
            columns: None,
            color: false,
            stderr_is_terminal: false,
            github: Github::default(),
            ci: Ci::default(),
            held: Held::default(),
        }
    }

    /// The streams of this process, written through `out` and `err`.
    pub fn of_process(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let columns = stdout().is_terminal().then(|| {
            terminal_size::terminal_size_of(stdout())
                .map_or(USUAL_COLUMNS, |(terminal_size::Width(columns), _)| usize::from(columns))
        });
        Console {
            columns: columns.map(|columns| if columns == 0 { USUAL_COLUMNS } else { columns }),
            color: anstream::AutoStream::choice(&stdout()) != anstream::ColorChoice::Never,
            stderr_is_terminal: stderr().is_terminal(),
            github: Github::of_environment(),
            ci: Ci::of_environment(),
            held: Held::default(),
            ..Self::of_streams(out, err)
        }
    }
}
