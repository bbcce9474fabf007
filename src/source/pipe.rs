//! Opens files, and named pipes with a time limit.
//!
//! Opening a named pipe waits until another process opens its other end. If none ever does, for
//! example after a typing error in a script, a CI job would hang until it is killed. So the wait is
//! limited. Only the opening is: a pipe that a slow program has opened is read for as long as it
//! takes, and so is `<(curl ...)`, whose other end is open from the start.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long to wait for the other end of a pipe.
const PATIENCE: Duration = Duration::from_secs(10);
/// The environment variable for another time, in seconds.
const VARIABLE: &str = "HEAPDIFF_PIPE_TIMEOUT";
/// Longest time in seconds: a year.
const LONGEST: u64 = 365 * 24 * 3600;

/// Opens a file with these options; a named pipe too, if its other end is opened in time.
pub fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    open_within(path, options, patience())
}

/// Opens a file to read it.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

fn open_within(path: &Path, options: &OpenOptions, patience: Duration) -> io::Result<File> {
    if !is_pipe(path) {
        return options.open(path);
    }
    let (sender, receiver) = mpsc::channel();
    let (own, options) = (path.to_owned(), options.clone());
    // A thread that still waits can't be stopped: it ends with the process.
    thread::spawn(move || sender.send(options.open(own)));
    receiver.recv_timeout(patience).unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "is a pipe, and no process opened its other end within {seconds} s; start that \
                 process first, or wait longer with {VARIABLE}=SECONDS in the environment"
            ),
        ))
    })
}

/// The time limit. Anything but a number of seconds is ignored, as an unset variable is.
fn patience() -> Duration {
    let seconds = std::env::var(VARIABLE).ok().and_then(|text| text.trim().parse::<u64>().ok());
    seconds.map_or(PATIENCE, |seconds| Duration::from_secs(seconds.min(LONGEST)))
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::process::Command;
    use std::time::Instant;

    #[test]
    fn a_pipe_is_opened_with_its_other_end_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("heapdiff-pipe-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let pipe = folder.join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let short = Duration::from_millis(100);
        let mut read = OpenOptions::new();
        read.read(true);
        let started = Instant::now();
        let error = open_within(&pipe, &read, short).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains(VARIABLE), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5));

        // The thread that still waits reads nothing: its end closes as soon as it opens.
        let later = folder.join("later");
        assert!(Command::new("mkfifo").arg(&later).status().unwrap().success());
        let peer = later.clone();
        let writer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(200));
            let mut file = OpenOptions::new().write(true).open(peer).unwrap();
            thread::sleep(Duration::from_millis(200));
            file.write_all(b"late").unwrap();
        });
        let mut text = String::new();
        let mut file = open_within(&later, &read, Duration::from_secs(60)).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "late");
        writer.join().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
