//! What a server needs from the rest of the program: a backend reads inputs and command lines.
//!
//! A question is a command line, so what a browser shows, what the API answers and what a terminal prints come from one
//! place. The backend turns its words into a question, and the server asks it of what is loaded.

use crate::filter::Spec;
use crate::report::session::Cancel;
use crate::report::{InputKind, Query, Sources, Subject};
use serde::Serialize;
use std::sync::Arc;

/// Reads inputs and command lines.
pub trait Backend: Send + Sync + 'static {
    /// Looks at the inputs. `None` if nothing changed since the last look.
    ///
    /// # Errors
    ///
    /// Says why there is nothing to serve.
    fn survey(&self) -> Result<Option<Survey>, String>;

    /// What the recording of a service does now, if there is one.
    fn live(&self) -> Option<Live>;

    /// Loads inputs.
    ///
    /// # Errors
    ///
    /// Says which input can't be loaded, and why.
    fn load(&self, wanted: &Wanted) -> Result<Subject<'static>, String>;

    /// The question of a command line: the name of a command, options, and the names of inputs, of which it reads none.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the command line.
    fn asked(&self, command: &str, options: &[String], inputs: &[String]) -> Result<Asked, String>;

    /// Whether a command has this option.
    fn accepts(&self, command: &str, option: &str) -> bool;

    /// Options of each command that has them, and their values, unless a question says otherwise.
    fn usual(&self) -> &[(&'static str, String)];

    /// Runs a command line on the inputs as they are loaded, and returns what it prints; ends early once `cancel`
    /// is set, and what it returns then means nothing.
    ///
    /// # Errors
    ///
    /// Returns what it says.
    fn run(&self, words: &[String], cancel: &Cancel) -> Result<Vec<u8>, String>;

    /// Adds an input to those that are there.
    ///
    /// # Errors
    ///
    /// Says why it can't be one.
    fn add(&self, name: &str, bytes: Vec<u8>) -> Result<String, Unfit>;

    /// Removes an input that was added. Returns whether it was there.
    fn remove(&self, id: &str) -> bool;
}

/// Why bytes can't become an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// They are no profile, or a damaged one.
    Broken(String),
    /// There is no room for them.
    Full(String),
}

/// A question as a command line asks it.
#[derive(Clone)]
pub struct Asked {
    /// The question.
    pub query: Query,
    /// The filters.
    pub spec: Spec,
    /// Where the text of source files is, if lines are listed.
    pub sources: Option<Arc<dyn Sources + Send + Sync>>,
}

/// What to load.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wanted {
    /// These snapshots, by the names of their inputs.
    Snapshots(Vec<String>),
    /// All inputs, over time.
    Recording,
}

/// What there is.
#[derive(Default)]
pub struct Survey {
    /// The inputs: those in time order first.
    pub inputs: Vec<Input>,
    /// The inputs as arguments of a command line that is about all of them.
    pub arguments: Vec<String>,
    /// What was loaded to know this.
    pub loaded: Vec<(Wanted, Subject<'static>)>,
    /// What can be asked, by the names of commands; first what is asked if nothing is said.
    pub abouts: Vec<&'static str>,
    /// The sample types.
    pub types: Vec<String>,
}

/// The snapshots to choose from: profiles if there are any, else goroutines.
pub fn snapshots<T>(mut inputs: Vec<T>, kind: impl Fn(&T) -> Option<InputKind>) -> Vec<T> {
    let is_profile = |input: &T| kind(input) != Some(InputKind::Goroutine);
    if inputs.iter().any(is_profile) {
        inputs.retain(is_profile);
    }
    inputs
}

/// Whether an input can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is loaded.
    Ready,
    /// It can't be read.
    Failed,
    /// Its file is gone; what was read of it stays.
    Vanished,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name in the addresses of pages, as long as the server runs.
    pub id: String,
    /// The name of its file.
    pub name: String,
    /// Its kind; unknown if it can't be read.
    pub kind: Option<InputKind>,
    /// When it was taken (RFC 3339), if that is known.
    pub time: Option<String>,
    /// The process that it is of.
    pub process: usize,
    /// Number of samples.
    pub samples: usize,
    /// Its size, as stored.
    pub bytes: u64,
    /// Whether it can be used.
    pub state: State,
    /// Why not.
    pub error: Option<String>,
    /// Whether it was added in the browser, and can be removed there.
    pub uploaded: bool,
}

/// A service that is being recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Live {
    /// Its address, without secrets.
    pub url: String,
    /// Seconds between two snapshots: more than was asked for if a snapshot takes long.
    pub every_seconds: f64,
    /// When the next one is due (RFC 3339).
    pub next: Option<String>,
    /// Why the last one failed.
    pub failed: Option<String>,
}
