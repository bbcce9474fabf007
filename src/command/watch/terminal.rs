//! The terminal while it is drawn on, and how it gets back as it was: at the end, after an error, and
//! before the message of a panic in any thread.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, BufWriter, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Standard output, without the lock that the main thread holds: a panic in another thread has to
/// write as well.
#[cfg(unix)]
fn out() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd as _;
    io::stdout().as_fd().try_clone_to_owned().map(Into::into)
}

/// The terminal, by the stream that nothing locks.
#[cfg(not(unix))]
fn out() -> io::Result<io::Stderr> {
    Ok(io::stderr())
}

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// A terminal that is drawn on. Dropping it brings back what was there.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Box<dyn Write>>>,
    is_taken: Arc<AtomicBool>,
    /// What panics did before.
    hook: Hook,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        let is_taken = Arc::new(AtomicBool::new(true));
        let hook: Hook = panic::take_hook().into();
        let (flag, before) = (Arc::clone(&is_taken), Arc::clone(&hook));
        panic::set_hook(Box::new(move |info| {
            give_back(&flag);
            before(info);
        }));
        let taken = enable_raw_mode().and_then(|()| {
            let mut out: Box<dyn Write> = Box::new(BufWriter::new(out()?));
            execute!(out, EnterAlternateScreen)?;
            let mut terminal = Terminal::new(CrosstermBackend::new(out))?;
            terminal.clear()?;
            Ok(terminal)
        });
        match taken {
            Ok(terminal) => Ok(Self { terminal, is_taken, hook }),
            Err(error) => {
                give_back(&is_taken);
                panic::set_hook(Box::new(move |info| hook(info)));
                Err(error)
            }
        }
    }

    /// Whether it is still drawn on: not after a panic in another thread.
    pub(super) fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::SeqCst)
    }
}

/// Brings back what was there, once.
fn give_back(is_taken: &AtomicBool) {
    if !is_taken.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is nobody to tell if this fails.
    let _ = out().and_then(|mut out| execute!(out, LeaveAlternateScreen, Show));
    let _ = disable_raw_mode();
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(&self.is_taken);
        // A hook can't be changed during a panic, and is of no use after it.
        if !std::thread::panicking() {
            let hook = Arc::clone(&self.hook);
            panic::set_hook(Box::new(move |info| hook(info)));
        }
    }
}
