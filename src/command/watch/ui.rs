//! Watching in the terminal: one thread takes the snapshots, others read pages, and this one draws
//! what they send and listens to keys.

use super::draw;
use super::pages::PageQuery;
use super::paint::Paint;
use super::sentinel::{Beside, Sentinel};
use super::state::{Action, Round, State};
use super::terminal::Screen;
use crate::command::CommandError;
use crate::command::console::Provoked;
use crate::command::recorder::Recorder;
use crate::command::recorder::clock::SystemClock;
use crate::command::recorder::rounds::{self, Observer, Plan, Seen};
use crate::command::recorder::stop::Stop;
use crate::parallel;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::style::force_color_output;
use std::io;
use std::panic;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long a key may wait.
const STEP: Duration = Duration::from_millis(50);
/// How often the time that is left is drawn.
const TICK: Duration = Duration::from_secs(1);

/// What the other threads send.
enum Message {
    Round(Box<Round>),
    Remark(String),
    Page(PageQuery, usize, Vec<String>),
}

/// Sends what is seen to the thread that draws. If that has ended, so will this one.
struct Teller {
    send: Sender<Message>,
    /// The number of the last shot that was sent.
    sent: usize,
    provoked: Provoked,
}

impl Observer for Teller {
    fn seen(&mut self, seen: &Seen<'_>) {
        assert!(self.provoked != Provoked::Shot, "asked to panic");
        let _ = self.send.send(Message::Round(Box::new(Round::of(seen, self.sent))));
        self.sent = seen.shot().map_or(self.sent, |shot| shot.number);
    }

    fn say(&mut self, message: &str) {
        let _ = self.send.send(Message::Remark(message.to_owned()));
    }

    fn waits(&mut self, _: Duration) {}
}

/// Watches, and draws what is seen, until a key, a signal or the plan ends it. Returns why it ended.
pub(super) fn watch(
    recorders: &mut [Recorder],
    plan: &Plan,
    stop: &Stop,
    (mut state, paint): (State, Paint),
    sentinel: Option<&mut Sentinel>,
) -> Result<&'static str, CommandError> {
    let provoked = Provoked::of_environment();
    let (send, receive) = mpsc::channel();
    let teller = Teller { send: send.clone(), sent: 0, provoked };
    let unusable = |error: io::Error| {
        CommandError::Answer(format!("the terminal can't be used: {error}; use --no-ui").into())
    };
    if paint.color {
        // Otherwise NO_COLOR has the last word, even against --color.
        force_color_output(true);
    }
    let mut screen = Screen::take().map_err(unusable)?;
    // The main thread draws, so it is no part of the pool that works.
    let threads = parallel::threads();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let mut teller = teller;
            parallel::limited(threads, || {
                let mut both = Beside { shown: &mut teller, sentinel };
                rounds::take(recorders, plan, stop, &SystemClock, &mut both)
            })
        });
        // After a panic too: the scope waits for the worker.
        let ending = Ending(stop);
        let is_over = || worker.is_finished() || stop.is_set();
        let mut window = Window { screen: &mut screen, paint, send, provoked };
        let drawn = window.run(&mut state, &receive, is_over);
        drop(ending);
        // Before anything is waited for.
        drop(screen);
        let ended = worker.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        drawn.map_err(unusable)?;
        ended
    })
}

/// Stops the recording when it is dropped.
struct Ending<'a>(&'a Stop);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// The terminal, with what is needed to draw on it.
struct Window<'a> {
    screen: &'a mut Screen,
    paint: Paint,
    send: Sender<Message>,
    provoked: Provoked,
}

impl Window<'_> {
    /// Draws until it is over.
    fn run(
        &mut self,
        state: &mut State,
        receive: &Receiver<Message>,
        is_over: impl Fn() -> bool,
    ) -> io::Result<()> {
        let mut drawn: Option<Instant> = None;
        while !is_over() && self.screen.is_taken() {
            let mut is_new = take(state, receive);
            let wait = if is_new { Duration::ZERO } else { STEP };
            while event::poll(if is_new { Duration::ZERO } else { wait })? {
                is_new = true;
                match event::read()? {
                    Event::Key(key) => match state.key(key) {
                        Action::Quit => return Ok(()),
                        Action::Ask(query) => self.ask(query)?,
                        Action::None => {}
                    },
                    Event::Resize(..) => self.ask_again(state)?,
                    _ => {}
                }
            }
            if is_new || drawn.is_none_or(|drawn| drawn.elapsed() >= TICK) {
                drawn = Some(Instant::now());
                let has_round = state.round.is_some();
                assert!(!(has_round && self.provoked == Provoked::Draw), "asked to panic");
                let paint = self.paint;
                self.screen
                    .terminal
                    .draw(|frame| draw::draw(frame, state, paint, Instant::now()))?;
            }
        }
        Ok(())
    }

    /// Reads a page beside: it takes as long as its command does.
    fn ask(&self, query: PageQuery) -> io::Result<()> {
        let columns = usize::from(self.screen.terminal.size()?.width);
        let send = self.send.clone();
        // It ends with the program.
        thread::spawn(move || {
            let text = parallel::limited(1, || query.read(columns));
            let _ = send.send(Message::Page(query, columns, text));
        });
        Ok(())
    }

    /// Reads the page again if it is for a terminal of another width.
    fn ask_again(&self, state: &State) -> io::Result<()> {
        let columns = usize::from(self.screen.terminal.size()?.width);
        match state.page.as_ref().filter(|page| page.is_for_other(columns)) {
            Some(page) => self.ask(page.query.clone()),
            None => Ok(()),
        }
    }
}

/// Takes what the other threads sent. Returns whether there was anything.
fn take(state: &mut State, receive: &Receiver<Message>) -> bool {
    let mut is_new = false;
    while let Ok(message) = receive.try_recv() {
        is_new = true;
        match message {
            Message::Round(round) => state.add(*round, Instant::now()),
            Message::Remark(text) => state.remark = Some(text),
            Message::Page(query, columns, text) => {
                if let Some(page) = &mut state.page {
                    page.take(&query, columns, text);
                }
            }
        }
    }
    is_new
}
