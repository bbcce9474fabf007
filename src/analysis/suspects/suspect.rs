//! A suspect, as it is reported.

use super::{explanation, is_any};
use crate::analysis::Place;
use crate::analysis::estimates::{Class, Estimate, Share};
use crate::patterns::{Catalog, Confidence};
use serde::{Deserialize, Serialize};

/// A site that may leak, with the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Suspect {
    /// Its rank; 1 is the worst.
    pub rank: usize,
    /// The line of the program's own code that is to blame; for goroutines the function that started them.
    pub site: Place,
    /// How it behaves through time.
    pub class: Class,
    /// How strong the evidence for the class is: what it keeps, what its goroutines do, how exactly
    /// its pattern fits.
    pub confidence: Confidence,
    /// Sample type of the values: `inuse_space`, or `goroutine`.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// Ids of the leak patterns that its stacks match, the most specific first.
    pub patterns: Vec<String>,
    /// How much it grew from the first snapshot of its process to the last.
    pub growth: Estimate,
    /// How fast it grows now; absent if the snapshots have no times, or are too few.
    pub slope_per_hour: Option<Estimate>,
    /// Its growth, corrected for the number of sites that were tested; absent if no test was
    /// needed.
    pub q_value: Option<f64>,
    /// The share it kept of what it allocated.
    pub retention: Option<Share>,
    /// The share of the intervals between snapshots in which it grew.
    pub persistence: f64,
    /// The stack that grew most, root first.
    pub path: Vec<String>,
    /// The first frame on that stack, below the site, that isn't own code.
    pub mechanism: Option<String>,
    /// The package of that frame, or of the code that goroutines run, if it is a dependency's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency: Option<String>,
    /// Other lines that are part of it.
    pub places: Vec<Place>,
    /// What the cause consists of, if that is more than one place: memory, and goroutines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// By how much the load of the whole program rose, if that explains the growth.
    pub load_factor: Option<f64>,
    /// The site that lost in the same time what this one gained, so that both together didn't grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaced>,
    /// Goroutines that wait on its stacks, or that the suspect consists of.
    pub goroutines: Option<Goroutines>,
    /// The function whose memory is a part of it for no other reason than that it makes one object for
    /// each goroutine, next to where they run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_for_each: Option<String>,
    /// What its value does, and what that means.
    pub explanation: String,
    /// How to fix it; empty if no action is needed.
    pub fix: String,
    /// The process it was seen in, by its position in the verdict.
    pub process: usize,
    /// The snapshot in which its growth begins, by its position in `values`.
    pub since: usize,
    /// Its value in each judged snapshot of its process.
    pub values: Vec<i64>,
    /// What shows its growth; of leaks, and of what grew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_by: Option<ShownBy>,
}

/// The functions and the profiles whose call paths show the growth of a suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownBy {
    /// The function to blame, or if less than half of the growth goes through it, another one, or
    /// several that together show more.
    pub functions: Vec<String>,
    /// The first and the last profile of its process, by position among the inputs.
    pub inputs: [usize; 2],
    /// The profile in which the growth begins, likewise.
    pub since: usize,
}

impl Suspect {
    /// Puts its patterns in order, and explains it by them. Where another pattern fits, there is no
    /// advice about containers in general.
    pub(super) fn settle(&mut self, catalog: &Catalog) {
        let find = |id: &String| catalog.find(id);
        let pattern_of = |id: &String| find(id).is_none_or(|pattern| !pattern.is_fallback());
        if self.patterns.iter().any(pattern_of) {
            self.patterns.retain(pattern_of);
        }
        self.patterns
            .sort_by_key(|id| find(id).map(|pattern| (is_any(pattern), pattern.confidence)));
        let snapshots = self.values.len();
        (self.explanation, self.fix) = explanation::explain(self, catalog, snapshots);
    }

    /// Whether its values are numbers of goroutines.
    pub fn is_of_goroutines(&self) -> bool {
        self.sample_type == "goroutine"
    }
}

/// A part of a suspect: one place whose memory, or whose goroutines, it leaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Part {
    /// The place that is to blame for this part alone.
    pub site: Place,
    /// Sample type of its growth: `inuse_space`, or `goroutine`.
    pub sample_type: String,
    /// Its unit.
    pub unit: String,
    /// How much it grew from the first snapshot of its process to the last.
    pub growth: Estimate,
}

/// What made the memory that a suspect replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Replaced {
    /// The site that lost most of it.
    pub site: Place,
    /// How much all of it grew together with the suspect.
    pub together: Estimate,
}

/// Goroutines that go with a suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Goroutines {
    /// How many there were in the first goroutine profile.
    pub before: i64,
    /// How many in the last.
    pub after: i64,
    /// What they wait for: `chan send`, `select`, `IO wait`.
    pub state: String,
    /// The function that started them; empty if the name of their first function doesn't reveal it.
    pub started_by: String,
    /// The function that they wait in.
    pub parked_in: String,
}
