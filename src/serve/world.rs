//! What is served at one moment: the inputs, and the sessions that questions are asked of. A change makes a new one;
//! requests that began before it end with the old one.

use super::backend::{self, Input, Live, State, Survey, Wanted};
use super::functions::Functions;
use super::query::Parameters;
use super::refusal::Refusal;
use super::sessions::Sessions;
use crate::model::measures;
use crate::model::profile::SampleType;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// Fewest snapshots that are searched for leaks if nothing else is asked.
const OVER_TIME: usize = 3;

/// What is served at one moment.
pub(super) struct World {
    start: u64,
    pub(super) revision: u64,
    pub(super) inputs: Vec<Input>,
    pub(super) arguments: Vec<String>,
    pub(super) abouts: Vec<&'static str>,
    pub(super) types: Vec<String>,
    pub(super) functions: Functions,
    pub(super) sessions: Sessions,
}

/// The snapshots that a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Chosen<'a> {
    /// None if there is one snapshot.
    pub(super) before: Option<&'a Input>,
    pub(super) after: &'a Input,
}

impl Chosen<'_> {
    /// The names of the inputs, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.before.into_iter().chain([self.after]).map(|input| input.name.clone()).collect()
    }
}

impl World {
    /// Of the server that began as `start`.
    pub(super) fn new(start: u64, revision: u64, survey: Survey) -> Self {
        let Survey { inputs, arguments, loaded, abouts, types } = survey;
        let functions = Functions::of(loaded.iter().map(|(_, subject)| subject));
        let sessions = Sessions::of(loaded);
        Self { start, revision, inputs, arguments, abouts, types, functions, sessions }
    }

    /// Tells it from any other, also from those of a server that was here before.
    pub(super) fn stamp(&self) -> String {
        format!("{:016x}-{}", self.start, self.revision)
    }

    /// The snapshots to choose from.
    pub(super) fn snapshots(&self) -> Vec<&Input> {
        let usable = |input: &&Input| input.kind.is_some() && input.state != State::Failed;
        backend::snapshots(self.inputs.iter().filter(usable).collect(), |input| input.kind)
    }

    /// The first and the last snapshot of the newest process, or the only one.
    fn usual(&self) -> Option<Chosen<'_>> {
        let snapshots = self.snapshots();
        let after = *snapshots.last()?;
        let mut same = snapshots.iter().copied().filter(|one| one.process == after.process);
        let before = same.next().filter(|before| before.id != after.id);
        // The newest process has one snapshot: the last of the one before is better than none.
        let earlier = || snapshots.iter().rev().nth(1).copied();
        Some(Chosen { before: before.or_else(earlier), after })
    }

    /// The snapshots that the parameters `a` and `b` name.
    pub(super) fn chosen(&self, parameters: &Parameters) -> Result<Chosen<'_>, Refusal> {
        let usual = self.usual().ok_or_else(|| {
            Refusal::new(
                axum::http::StatusCode::NOT_FOUND,
                "no-inputs",
                "there is nothing to show yet: drop a profile into the page",
            )
        })?;
        let named = |parameter: &str| {
            let text = parameters.get(parameter);
            text.map(|text| self.named(parameter, text)).transpose()
        };
        let after = named("b")?.unwrap_or(usual.after);
        // `a=` is a question about one snapshot.
        let before = match parameters.given("a") {
            Some("") => None,
            Some(_) => named("a")?,
            None => usual.before.filter(|before| before.id != after.id),
        };
        Ok(Chosen { before, after })
    }

    /// The snapshot with this id, else with this ordinal, else of this time.
    fn named(&self, parameter: &str, text: &str) -> Result<&Input, Refusal> {
        let snapshots = self.snapshots();
        let by_id = snapshots.iter().find(|input| input.id == text);
        let by_ordinal = || {
            let ordinal: usize = text.parse().ok()?;
            snapshots.get(ordinal.checked_sub(1)?)
        };
        let by_time = || {
            let time: Timestamp = text.parse().ok()?;
            let is_then = |input: &&&Input| {
                let own = input.time.as_ref().and_then(|own| own.parse::<Timestamp>().ok());
                own == Some(time)
            };
            snapshots.iter().find(is_then)
        };
        let found = by_id.or_else(by_ordinal).or_else(by_time);
        found.copied().ok_or_else(|| {
            let message = format!(
                "{parameter}: there is no snapshot {text:?}; use an id of /api/v1/inputs, a place from 1 to {}, or \
                 the time of a snapshot",
                snapshots.len()
            );
            Refusal::about(parameter, "no-snapshot", message)
        })
    }

    /// What is asked in a sample type if nothing is said.
    pub(super) fn about(&self, sample_type: Option<&str>) -> &'static str {
        match self.abouts.first() {
            // What never falls can't leak.
            Some(&"leaks") if sample_type.is_some_and(|wanted| self.is_cumulative(wanted)) => {
                "timeline"
            }
            Some(first) => first,
            None => "top",
        }
    }

    /// Whether a sample type, by its name or its place, counts what never falls.
    fn is_cumulative(&self, wanted: &str) -> bool {
        let name = wanted.parse().ok().and_then(|place: usize| self.types.get(place));
        measures::is_cumulative(&SampleType::new(name.map_or(wanted, String::as_str), ""))
    }

    /// The inputs among these that no command can read.
    pub(super) fn absent(&self, wanted: &Wanted) -> Vec<String> {
        let is_used = |input: &&Input| match wanted {
            Wanted::Snapshots(names) => names.contains(&input.name),
            Wanted::Recording => input.state != State::Failed,
        };
        let used = self.inputs.iter().filter(is_used);
        let absent = used.filter(|input| input.uploaded || input.state == State::Vanished);
        absent.map(|input| input.name.clone()).collect()
    }

    /// Whether one snapshot is all there is.
    pub(super) fn is_single(&self) -> bool {
        self.snapshots().len() < 2
    }

    /// What to load for a command, and the names of its inputs on a command line.
    pub(super) fn wanted(
        &self,
        command: &str,
        parameters: &Parameters,
    ) -> Result<(Wanted, Vec<String>), Refusal> {
        if matches!(command, "leaks" | "timeline") {
            self.chosen(&Parameters::default())?;
            return Ok((Wanted::Recording, self.arguments.clone()));
        }
        let chosen = self.chosen(parameters)?;
        let names = match command {
            "top" => vec![chosen.after.name.clone()],
            "diff" if chosen.before.is_none() => {
                let message =
                    "a: a comparison needs two snapshots, and there is one: ask about top";
                return Err(Refusal::about("a", "one-snapshot", message));
            }
            _ => chosen.names(),
        };
        Ok((Wanted::Snapshots(names.clone()), names))
    }

    /// The expression of a question about functions: the one that is given, or that of a function's id.
    pub(super) fn pattern(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let Some(id) = parameters.get("id") else { return Ok(parameters.pattern()?.to_owned()) };
        if parameters.get("p").is_some() {
            let message = "id: it names the functions, and so does p: leave one of them out";
            return Err(Refusal::about("id", "bad-parameter", message));
        }
        self.functions.pattern(id).ok_or_else(|| {
            let message = format!("id: no function of these snapshots has the id {id:?}");
            Refusal {
                status: axum::http::StatusCode::NOT_FOUND,
                ..Refusal::about("id", "no-match", message)
            }
        })
    }

    /// The inputs as the API lists them.
    pub(super) fn listed(&self, live: Option<&Live>) -> Value {
        let usual = self.usual();
        let default = usual.map(
            |Chosen { before, after }| json!({ "a": before.map(|input| &input.id), "b": after.id }),
        );
        json!({
            "start": format!("{:016x}", self.start),
            "revision": self.revision,
            "inputs": self.inputs,
            "live": live,
            "default": default,
        })
    }

    /// What a page is told about the server. What a recording does is no part of an answer that is kept.
    pub(super) fn described(&self) -> Value {
        let mut listed = self.listed(None);
        listed.as_object_mut().and_then(|listed| listed.remove("live"));
        listed["abouts"] = json!(self.abouts);
        listed["types"] = json!(self.types);
        listed["is_over_time"] = json!(self.snapshots().len() >= OVER_TIME);
        listed
    }
}
