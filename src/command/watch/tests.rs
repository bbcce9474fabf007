//! What is drawn, without a terminal: at several sizes against golden files, and at every small size
//! without a panic.

use super::draw;
use super::pages::PageQuery;
use super::paint::Paint;
use super::state::{Action, Curve, Round, State, View};
use crate::analysis::suspects::LeaksQuery;
use crate::command::recorder::clock::{Clock as _, FastClock};
use crate::command::recorder::filled::Filled;
use crate::command::recorder::manifest::Manifest;
use crate::command::recorder::rounds::{self, Observer, Plan, Seen};
use crate::command::recorder::stop::Stop;
use crate::command::recorder::{Recorder, Source};
use crate::input::Budget;
use crate::patterns::Catalog;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthStr as _;

/// Takes the last round.
#[derive(Default)]
struct Last(Option<Round>);

impl Observer for Last {
    fn seen(&mut self, seen: &Seen<'_>) {
        self.0 = Some(Round::of(seen, 0));
    }

    fn say(&mut self, _: &str) {}

    fn waits(&mut self, _: Duration) {}
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a folder shows after one look.
fn round(folder: &Path) -> Round {
    let clock = FastClock::starting("2026-01-02T03:04:05Z".parse().unwrap());
    let filled = Filled::new(folder.to_owned(), Budget::default());
    let every = Duration::from_secs(30);
    let manifest = Manifest::of("folder".to_owned(), every);
    let mut recorders = [Recorder::new(Source::Folder(filled), manifest)];
    let asked = LeaksQuery { catalog: Arc::new(Catalog::builtin()), limit: None };
    // What isn't packed takes a second look.
    let plan = Plan { every, count: 2, length: None, until_sure: false, asked };
    let mut last = Last::default();
    rounds::take(&mut recorders, &plan, &Stop::default(), &clock, &mut last).unwrap();
    assert!(clock.time() > "2026-01-02T03:04:34Z".parse().unwrap());
    last.0.unwrap()
}

fn state(folder: &str) -> State {
    let target = "http://harbor.example:6060".to_owned();
    let mut state = State::new(target, Some(4711), Duration::from_secs(30), false);
    let mut round = round(&root().join(folder));
    for (totals, resident) in round.new.iter_mut().zip(20..) {
        totals.resident = Some(resident << 20);
    }
    round.totals = *round.new.last().unwrap();
    round.next = Duration::from_millis(11_300);
    let now = state.begun + Duration::from_secs(754);
    state.add(round, now);
    state
}

/// A round without a verdict.
fn round_of(failures: &[&str]) -> Round {
    Round {
        so_far: None,
        totals: crate::command::recorder::manifest::Totals::default(),
        new: Vec::new(),
        failures: failures.iter().map(|&text| text.to_owned()).collect(),
        taken: 1,
        kept: 1,
        failed: failures.len(),
        when: "2026-01-02T03:04:05Z".parse().unwrap(),
        next: Duration::from_secs(30),
        goroutines: Vec::new(),
    }
}

fn drawn(state: &mut State, size: (u16, u16), color: bool) -> Buffer {
    let now = state.begun + Duration::from_secs(754);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| draw::draw(frame, state, Paint { color }, now)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let cells: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    let lines = cells.chunks(width).map(|line| line.concat().trim_end().to_owned() + "\n");
    lines.collect()
}

fn press(state: &mut State, code: KeyCode) -> Action {
    state.key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Compares with a golden file.
fn is_golden(name: &str, text: &str) {
    let path = root().join("tests/golden").join(format!("watch_{name}.txt"));
    if std::env::var_os("HEAPDIFF_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name}: HEAPDIFF_BLESS=1 cargo test --lib watch writes it");
}

const SIZES: [(u16, u16); 4] = [(200, 50), (80, 24), (40, 15), (40, 10)];

#[test]
fn the_overview_fits_every_size() {
    let mut leaks = state("testdata/harbor/one");
    let mut early = State::new("snapshots".to_owned(), None, Duration::from_secs(2), true);
    let mut lost = state("testdata/harbor/one");
    let mut failed = round_of(&["no heap: nobody listens at 127.0.0.1:6060"]);
    failed.so_far = lost.round.as_ref().and_then(|round| round.so_far.clone());
    lost.add(failed, lost.begun + Duration::from_secs(754));
    for (name, state) in [("leaks", &mut leaks), ("early", &mut early), ("lost", &mut lost)] {
        for size in SIZES {
            let text = text(&drawn(state, size, false));
            is_golden(&format!("{name}_{}x{}", size.0, size.1), &text);
        }
    }
}

#[test]
fn a_page_and_the_keys_fit_every_size() {
    let mut state = state("testdata/harbor/one");
    let Action::Ask(query) = press(&mut state, KeyCode::Enter) else { panic!("no page") };
    for size in SIZES {
        let lines = query.read(usize::from(size.0));
        let page = state.page.as_mut().unwrap();
        page.take(&query, usize::from(size.0), lines);
        let drawn = text(&drawn(&mut state, size, false));
        // The files have the path of this machine.
        let own = drawn.lines().filter(|line| !line.starts_with("Line by line: "));
        let own: String = own.flat_map(|line| [line, "\n"]).collect();
        is_golden(&format!("page_{}x{}", size.0, size.1), &own);
    }
    press(&mut state, KeyCode::Char('?'));
    assert_eq!(state.view, View::Keys);
    is_golden("keys_80x24", &text(&drawn(&mut state, (80, 24), false)));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.view, View::Page);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.view, View::Leaks);
    // Escape and the next key, so fast that the terminal makes one key of them.
    press(&mut state, KeyCode::Char('?'));
    state.key(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::ALT));
    assert_eq!(state.view, View::Leaks);
}

#[test]
fn a_page_has_the_numbers_of_its_command() {
    let mut state = state("testdata/harbor/one");
    let Action::Ask(query) = press(&mut state, KeyCode::Char('g')) else { panic!("no page") };
    assert_eq!(query.arguments.len(), 2 + 12, "all goroutine profiles");
    let lines = query.read(100);
    assert!(lines.iter().any(|line| line.contains("goroutines")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("heapdiff:")), "{lines:?}");
}

#[test]
fn no_size_and_no_state_panics() {
    let states: [fn() -> State; 4] = [
        || State::new("folder".to_owned(), None, Duration::from_secs(2), true),
        || {
            let mut state = State::new("host".to_owned(), None, Duration::from_secs(30), false);
            state.add(round_of(&["no heap: refused\u{1b}[31m"]), Instant::now());
            state
        },
        || state("testdata/harbor/one"),
        || {
            let mut state = state("testdata/harbor/one");
            press(&mut state, KeyCode::Enter);
            state
        },
    ];
    for make in states {
        let mut state = make();
        for columns in (1..100).step_by(3) {
            for lines in 1..20 {
                let buffer = drawn(&mut state, (columns, lines), true);
                let text = text(&buffer);
                assert!(!text.contains('\u{1b}'), "an escape sequence gets to the terminal");
                assert!(text.lines().all(|line| line.width() <= usize::from(columns)));
                for key in [KeyCode::Down, KeyCode::PageDown, KeyCode::End, KeyCode::Home] {
                    press(&mut state, key);
                }
            }
        }
    }
}

#[test]
fn colours_are_left_out_where_they_may_not_be() {
    let mut state = state("testdata/harbor/one");
    let colours = |buffer: &Buffer| buffer.content.iter().any(|cell| cell.fg != Color::Reset);
    assert!(colours(&drawn(&mut state, (100, 30), true)));
    let plain = drawn(&mut state, (100, 30), false);
    assert!(!colours(&plain));
    let is_marked = |cell: &ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
    assert!(plain.content.iter().any(is_marked), "the selection shows without colours");
}

#[test]
fn the_selection_moves_and_stays_on_its_leak() {
    let mut state = state("testdata/harbor/one");
    let count = state.suspects().len();
    assert!(count > 2, "{count}");
    press(&mut state, KeyCode::Char('j'));
    assert_eq!(state.selected, 1);
    let site = state.suspect().unwrap().site.clone();
    let again = round(&root().join("testdata/harbor/one"));
    state.add(again, Instant::now());
    assert_eq!(state.suspect().unwrap().site, site);
    press(&mut state, KeyCode::End);
    assert_eq!(state.selected, count - 1);
    press(&mut state, KeyCode::Down);
    assert_eq!(state.selected, count - 1);
    press(&mut state, KeyCode::Home);
    press(&mut state, KeyCode::Char('k'));
    assert_eq!(state.selected, 0);
    assert_eq!(press(&mut state, KeyCode::Char('q')), Action::Quit);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.key(control_c), Action::Quit);
    state.round = None;
    assert_eq!(press(&mut state, KeyCode::Enter), Action::None, "nothing is selected");
}

#[test]
fn a_page_without_profiles_says_so() {
    let query = PageQuery::goroutines(&[]);
    assert!(query.arguments.is_empty() && query.intro[0].contains("No goroutine profile"));
}

#[test]
fn a_curve_keeps_its_peaks_in_bounded_memory() {
    let mut curve = Curve::default();
    for i in 0..100_000_i64 {
        curve.push(Some(if i == 77_777 { 1_000_000 } else { i }));
        assert!(curve.values().len() <= 513);
    }
    assert!(curve.values().contains(&1_000_000));
    assert!(curve.values().len() >= 256);
}
