//! What the terminal shows: plain data, with what each key does to it.

use super::pages::{Page, PageQuery};
use crate::analysis::estimates::Class;
use crate::analysis::suspects::Suspect;
use crate::command::recorder::manifest::Totals;
use crate::command::recorder::rounds::{LEAST, Seen};
use crate::command::recorder::so_far::{self, SoFar};
use crate::report::LeaksAnswer;
use jiff::Timestamp;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Moments that a curve keeps.
const MOMENTS: usize = 512;

/// What a round shows, for the thread that draws.
pub(super) struct Round {
    pub(super) so_far: Option<Arc<SoFar>>,
    /// What the newest snapshot adds up to.
    pub(super) totals: Totals,
    /// The same of all that are new.
    pub(super) new: Vec<Totals>,
    /// What failed in the newest shot.
    pub(super) failures: Vec<String>,
    pub(super) taken: usize,
    pub(super) kept: usize,
    pub(super) failed: usize,
    pub(super) when: Timestamp,
    pub(super) next: Duration,
    /// The goroutine profiles that stay.
    pub(super) goroutines: Vec<String>,
}

impl Round {
    /// What is seen, with the shots after that number.
    pub(super) fn of(seen: &Seen<'_>, sent: usize) -> Self {
        let shot = seen.shot();
        let failures = shot.map(|shot| shot.failed.as_slice()).unwrap_or_default();
        let goroutines = seen.recorder.manifest.files("goroutine");
        let shots = seen.recorder.manifest.shots.iter();
        let new = shots.filter(|shot| shot.number > sent && !shot.files.is_empty());
        Self {
            so_far: seen.so_far.cloned(),
            totals: seen.totals(),
            new: new.map(|shot| shot.totals).collect(),
            failures: failures
                .iter()
                .map(|one| format!("no {}: {}", one.kind, one.error))
                .collect(),
            taken: seen.taken(),
            kept: seen.recorder.snapshots(),
            failed: seen.failed(),
            when: seen.when,
            next: seen.next,
            goroutines: goroutines.iter().map(|file| so_far::named(seen.folder(), file)).collect(),
        }
    }
}

/// A value over the whole time of watching, in at most [`MOMENTS`] moments: when they get too many, of
/// every two the higher one stays.
#[derive(Debug, Default)]
pub(super) struct Curve {
    values: Vec<i64>,
    each: usize,
    /// The highest of those that make up the next moment.
    pending: Option<(usize, i64)>,
}

impl Curve {
    pub(super) fn push(&mut self, value: Option<i64>) {
        let Some(value) = value else { return };
        self.each = self.each.max(1);
        let (count, highest) = self.pending.unwrap_or((0, i64::MIN));
        self.pending = Some((count + 1, highest.max(value)));
        if count + 1 < self.each {
            return;
        }
        self.values.push(highest.max(value));
        self.pending = None;
        if self.values.len() >= MOMENTS {
            self.values =
                self.values.chunks(2).filter_map(|pair| pair.iter().max().copied()).collect();
            self.each *= 2;
        }
    }

    /// The moments so far.
    pub(super) fn values(&self) -> Vec<i64> {
        let pending = self.pending.map(|(_, highest)| highest);
        self.values.iter().copied().chain(pending).collect()
    }
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The overview.
    Leaks,
    /// A page of text.
    Page,
    /// The keys.
    Keys,
}

/// What to do after a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Quit,
    /// Read a page.
    Ask(PageQuery),
}

/// All that is drawn.
pub(super) struct State {
    /// The service, without secrets, or the folder.
    pub(super) target: String,
    pub(super) pid: Option<u32>,
    pub(super) every: Duration,
    /// Whether a folder is watched.
    pub(super) is_folder: bool,
    /// When watching began.
    pub(super) begun: Instant,
    /// When the next round is due.
    pub(super) due: Option<Instant>,
    pub(super) round: Option<Round>,
    pub(super) live: Curve,
    pub(super) goroutines: Curve,
    pub(super) resident: Curve,
    /// Something about the recording that isn't about a shot.
    pub(super) remark: Option<String>,
    pub(super) view: View,
    /// What was drawn before the keys.
    before_keys: View,
    pub(super) selected: usize,
    /// Whether a key selected it: until then, the worst is.
    is_chosen: bool,
    /// The rows that the table had room for when it was drawn.
    pub(super) room: usize,
    pub(super) page: Option<Page>,
}

impl State {
    pub(super) fn new(target: String, pid: Option<u32>, every: Duration, is_folder: bool) -> Self {
        Self {
            target,
            pid,
            every,
            is_folder,
            begun: Instant::now(),
            due: None,
            round: None,
            live: Curve::default(),
            goroutines: Curve::default(),
            resident: Curve::default(),
            remark: None,
            view: View::Leaks,
            before_keys: View::Leaks,
            selected: 0,
            is_chosen: false,
            room: 1,
            page: None,
        }
    }

    /// Takes a round. The selection stays on its leak, wherever that goes.
    pub(super) fn add(&mut self, round: Round, now: Instant) {
        let selected = self.suspect().filter(|_| self.is_chosen);
        let selected = selected.map(|one| (one.site.clone(), one.is_of_goroutines()));
        self.due = Some(now + round.next);
        for totals in &round.new {
            self.live.push(totals.live);
            self.goroutines.push(totals.goroutines);
            self.resident.push(totals.resident);
        }
        self.round = Some(round);
        let place = selected.and_then(|(site, is_of_goroutines)| {
            self.suspects()
                .iter()
                .position(|one| one.site == site && one.is_of_goroutines() == is_of_goroutines)
        });
        self.select(place.unwrap_or(self.selected));
    }

    /// The verdict, if there is one.
    pub(super) fn answer(&self) -> Option<(&SoFar, &LeaksAnswer)> {
        let so_far = self.round.as_ref()?.so_far.as_ref()?;
        Some((so_far, so_far.leaks()?))
    }

    /// What may leak, the worst first.
    pub(super) fn suspects(&self) -> &[Suspect] {
        self.answer().map(|(_, answer)| answer.suspects.as_slice()).unwrap_or_default()
    }

    /// The one that is selected.
    pub(super) fn suspect(&self) -> Option<&Suspect> {
        self.suspects().get(self.selected)
    }

    /// How many more snapshots a verdict needs.
    pub(super) fn missing(&self) -> usize {
        LEAST.saturating_sub(self.round.as_ref().map_or(0, |round| round.kept))
    }

    /// Whether something leaks.
    pub(super) fn has_leak(&self) -> bool {
        self.suspects().iter().any(|one| one.class == Class::Leak)
    }

    fn select(&mut self, place: usize) {
        self.selected = place.min(self.suspects().len().saturating_sub(1));
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::None;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        // A terminal sends Escape and a key right after it as that key with Alt.
        if key.modifiers.contains(KeyModifiers::ALT) && key.code != KeyCode::Esc {
            self.back();
        }
        match key.code {
            KeyCode::Char('c' | 'd') if is_control => return Action::Quit,
            _ if is_control => return Action::None,
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) if self.view != View::Keys => {
                self.before_keys = self.view;
                self.view = View::Keys;
            }
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => self.back(),
            _ if self.view == View::Keys => self.back(),
            KeyCode::Char('g') => return self.ask_goroutines(),
            KeyCode::Enter | KeyCode::Right if self.view == View::Leaks => return self.ask_refs(),
            KeyCode::Char('r') if self.view == View::Page => return self.ask_again(),
            code => self.go(code),
        }
        Action::None
    }

    fn back(&mut self) {
        self.view = match self.view {
            View::Keys => self.before_keys,
            View::Page | View::Leaks => {
                self.page = None;
                View::Leaks
            }
        };
    }

    /// Moves the selection, or the text of a page.
    fn go(&mut self, code: KeyCode) {
        let (place, last, room) = match (self.view, &self.page) {
            (View::Page, Some(page)) => (page.top, page.last_top(), page.room),
            _ => (self.selected, self.suspects().len().saturating_sub(1), self.room),
        };
        let step = room.saturating_sub(1).max(1);
        let place = match code {
            KeyCode::Up | KeyCode::Char('k') => place.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => place + 1,
            KeyCode::PageUp => place.saturating_sub(step),
            KeyCode::PageDown | KeyCode::Char(' ') => place + step,
            KeyCode::Home => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => return,
        };
        if let (View::Page, Some(page)) = (self.view, &mut self.page) {
            page.top = place.min(last);
        } else {
            self.is_chosen = true;
            self.select(place);
        }
    }

    /// Asks for the call paths to the suspect that is selected.
    fn ask_refs(&mut self) -> Action {
        self.is_chosen = true;
        let Some((so_far, _)) = self.answer() else { return Action::None };
        let Some(suspect) = self.suspect() else { return Action::None };
        let query = PageQuery::refs(&so_far.report, suspect);
        self.open(query)
    }

    fn ask_goroutines(&mut self) -> Action {
        let files = self.round.as_ref().map(|round| round.goroutines.clone()).unwrap_or_default();
        self.open(PageQuery::goroutines(&files))
    }

    fn ask_again(&mut self) -> Action {
        let is_of_goroutines = self.page.as_ref().is_some_and(|page| page.query.is_of_goroutines());
        if is_of_goroutines { self.ask_goroutines() } else { self.ask_refs() }
    }

    fn open(&mut self, query: PageQuery) -> Action {
        self.page = Some(Page::new(query.clone()));
        self.view = View::Page;
        if query.arguments.is_empty() { Action::None } else { Action::Ask(query) }
    }
}
