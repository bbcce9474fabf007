//! Runs Graphviz, which lays graphs out: a child process that reads DOT and writes SVG.
//!
//! Its input and output are pipes of a few KiB. Each has its own thread here, because a child that
//! waits for its output to be read doesn't read its input. The child has a time limit.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A layout that takes longer would be too crowded to read.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between checks whether the child has exited, once its output has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Why there is no SVG.
#[derive(Debug, thiserror::Error)]
pub(super) enum GraphvizError {
    /// Graphviz isn't installed.
    #[error(
        "Graphviz draws the SVG of a call graph, and its `dot` isn't installed. Install it \
         (apt-get install graphviz, brew install graphviz), or write the graph itself: -o \
         graph.dot"
    )]
    Missing,
    /// It did not start, or was cut off.
    #[error("can't run `dot`: {0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error(
        "`dot` was still laying out the graph after {} s; draw less of it (-n 40, -focus), or \
         write the graph itself: -o graph.dot",
        .0.as_secs()
    )]
    Late(Duration),
    /// It failed.
    #[error("`dot` failed: {0}")]
    Failed(String),
}

/// Lays a graph out as SVG.
pub(super) fn svg(graph: Vec<u8>) -> Result<Vec<u8>, GraphvizError> {
    lay_out("dot", &["-Tsvg"], graph, PATIENCE)
}

fn lay_out(
    program: &str,
    args: &[&str],
    graph: Vec<u8>,
    patience: Duration,
) -> Result<Vec<u8>, GraphvizError> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => GraphvizError::Missing,
        _ => GraphvizError::Io(error),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that exits early closes the pipe; its own message says more than that error.
        thread::spawn(move || _ = stdin.write_all(&graph));
    }
    let drawing = child.stdout.take().map(read);
    let complaint = child.stderr.take().map(read);
    let left = || patience.saturating_sub(started.elapsed());
    let of = |pipe: Option<Pipe>| pipe.map(|pipe| pipe.recv_timeout(left()));
    let (drawing, complaint) = (of(drawing), of(complaint));
    let (Some(Ok(drawing)), Some(Ok(complaint))) = (drawing, complaint) else {
        end(&mut child);
        return Err(GraphvizError::Late(patience));
    };
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if left().is_zero() => {
                end(&mut child);
                return Err(GraphvizError::Late(patience));
            }
            None => thread::sleep(PAUSE),
        }
    };
    let drawing = drawing?;
    if !status.success() || drawing.is_empty() {
        let complaint = complaint?;
        let complaint = String::from_utf8_lossy(&complaint);
        let words = complaint.lines().next().unwrap_or("no error message").to_owned();
        return Err(GraphvizError::Failed(format!("{words} ({status})")));
    }
    Ok(drawing)
}

type Pipe = mpsc::Receiver<io::Result<Vec<u8>>>;

fn read(mut from: impl Read + Send + 'static) -> Pipe {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = from.read_to_end(&mut bytes).map(|_| bytes);
        // Nothing receives it after a timeout.
        let _ = sender.send(read);
    });
    receiver
}

/// Kills a child and leaves no zombie.
fn end(child: &mut Child) {
    // It may have exited by itself.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_failing_or_endless_program_is_an_error() {
        let run = |program: &str, args: &[&str], patience: u64| {
            lay_out(program, args, vec![b'x'; 1 << 20], Duration::from_millis(patience))
        };
        let missing = run("heapdiff-no-such-program", &[], 9_000).unwrap_err().to_string();
        assert!(missing.contains("apt-get install graphviz"), "{missing}");
        let failed = run("sh", &["-c", "echo no such graph >&2; exit 3"], 9_000).unwrap_err();
        assert!(failed.to_string().contains("no such graph (exit status: 3)"), "{failed}");
        let late = run("sh", &["-c", "exec sleep 60"], 50).unwrap_err();
        assert!(matches!(late, GraphvizError::Late(_)), "{late}");
        // More than a pipe holds, both ways at the same time.
        assert_eq!(run("cat", &[], 9_000).unwrap().len(), 1 << 20);
    }
}
