//! Half a day of a service that is served, on a clock that jumps: what stays in memory, what is read, and whether
//! the answers are those of the command line.
//!
//! As in a day of watching, there is a fourth of the usual snapshots, and a fourth of those stays.

use super::stock::Stock;
use crate::analysis::suspects::LeaksQuery;
use crate::command::recorder::clock::FastClock;
use crate::command::recorder::day::{EVERY, FEW, folder, recorder, start};
use crate::command::recorder::rounds::{self, Observer, Plan, Seen};
use crate::command::recorder::stop::Stop;
use crate::input::Budget;
use crate::output::{self, FileNames, Format, Style, Width};
use crate::patterns::Catalog;
use crate::report::session::{Cancel, Session};
use crate::serve::{Backend, Live, Survey, Wanted};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HALF: Duration = Duration::from_secs(12 * 3600);
/// Rounds between two comparisons with the command line.
const COMPARED: usize = 29;

/// Looks at the folder after each snapshot, as the server does.
struct Looking {
    stock: Stock,
    survey: Option<Survey>,
    rounds: usize,
    most_names: usize,
    most_held: usize,
    most_known: (usize, usize),
}

impl Looking {
    fn new(folder: &Path) -> Self {
        let state = Live { url: String::new(), every_seconds: 120.0, next: None, failed: None };
        let live = Some((folder, Arc::new(Mutex::new(state))));
        Self {
            stock: Stock::new(Vec::new(), live, Budget::default(), Vec::new()),
            survey: None,
            rounds: 0,
            most_names: 0,
            most_held: 0,
            most_known: (0, 0),
        }
    }

    /// The answer to a command in JSON, of what the last look loaded.
    fn served(&self, command: &str) -> Vec<u8> {
        let survey = self.survey.as_ref().unwrap();
        let asked = self.stock.asked(command, &[], &survey.arguments).unwrap();
        let (_, subject) =
            survey.loaded.iter().find(|(wanted, _)| *wanted == Wanted::Recording).unwrap();
        let session = Session::new(subject.clone());
        let report = session.analyze(&asked.query, &asked.spec, None, &Cancel::default()).unwrap();
        let style = Style {
            width: Width::Unlimited,
            color: false,
            unit: None,
            file_names: FileNames::Short,
        };
        let mut bytes = Vec::new();
        output::write(Format::Json, &report, &style, &mut bytes).unwrap();
        bytes
    }

    fn compare(&self, folder: &Path) {
        for command in ["leaks", "timeline"] {
            let folder = folder.to_string_lossy();
            let words = [command, "--format=json", "--", &folder].map(str::to_owned);
            let printed = self.stock.run(&words, &Cancel::default()).unwrap();
            assert!(self.served(command) == printed, "{command} in round {}", self.rounds);
        }
    }
}

impl Observer for Looking {
    fn seen(&mut self, seen: &Seen<'_>) {
        self.rounds += 1;
        let survey = self.stock.survey().unwrap().expect("there is a new snapshot");
        assert_eq!(survey.inputs.len(), seen.recorder.heaps());
        assert!(survey.inputs.iter().all(|input| input.error.is_none()));
        self.survey = Some(survey);
        assert!(self.stock.survey().unwrap().is_none(), "nothing is new");
        let (names, held) = self.stock.counts();
        let (inputs, bytes, reads) = self.stock.known().counts();
        // Each snapshot once, however many there are. Two are loaded as a pair.
        assert_eq!(reads, if self.rounds > 2 { self.rounds } else { 0 });
        self.most_names = self.most_names.max(names);
        self.most_held = self.most_held.max(held);
        self.most_known = (self.most_known.0.max(inputs), self.most_known.1.max(bytes));
        if self.rounds.is_multiple_of(COMPARED) && self.rounds > 2 {
            self.compare(seen.folder());
        }
    }

    fn say(&mut self, message: &str) {
        panic!("{message}");
    }

    fn waits(&mut self, _: Duration) {}
}

#[test]
fn half_a_day_of_a_service_is_served_within_bounds() {
    let clock = Arc::new(FastClock::starting(start()));
    let folder = folder("served-day");
    let mut recorders = [recorder(&folder, &clock).at_most(FEW)];
    let mut looking = Looking::new(&folder);
    let plan = Plan {
        every: EVERY,
        count: usize::MAX,
        length: Some(HALF),
        until_sure: false,
        asked: LeaksQuery { catalog: Arc::new(Catalog::builtin()), limit: None },
    };
    rounds::take(&mut recorders, &plan, &Stop::default(), &*clock, &mut looking).unwrap();
    assert!((355..=361).contains(&looking.rounds), "{} rounds", looking.rounds);
    looking.compare(&folder);
    // What was removed leaves nothing behind.
    assert!(looking.most_names <= FEW, "{} names", looking.most_names);
    assert!(looking.most_known.0 <= FEW, "{} inputs", looking.most_known.0);
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let largest = files.max().unwrap() as usize;
    assert!(looking.most_held <= FEW * largest, "{} bytes", looking.most_held);
    assert!(looking.most_known.1 <= FEW * 16 * 1024, "{} bytes", looking.most_known.1);
    fs::remove_dir_all(folder).unwrap();
}
