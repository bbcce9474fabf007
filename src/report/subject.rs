//! Subjects of questions: profiles, and facts known before the question is answered.

use super::{Input, Warning};
use crate::analysis::check::Judgement;
use crate::analysis::list::List;
use crate::model::recording::Recording;
use crate::model::series::Series;

/// The subject of a question.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The profiles.
    pub profiles: Profiles,
    /// Warnings about the inputs, such as skipped files. They come last in the report's warnings.
    pub warnings: Vec<Warning>,
    /// The source of the text of listed lines.
    pub sources: Option<&'a dyn Sources>,
}

/// The profiles of a question; [`super::Question::subject`] names the kind it takes.
#[derive(Clone, Debug)]
pub enum Profiles {
    /// One snapshot, two that are compared, or any number that are added up.
    Snapshots(Box<Snapshots>),
    /// Snapshots over time.
    Recording(Box<Recording>),
    /// Runs before and after.
    Runs(Box<Runs>),
}

/// One snapshot, two that are compared, or any number that are added up.
#[derive(Clone, Debug)]
pub struct Snapshots {
    /// The snapshots.
    pub series: Series,
    /// How many were given: more than in `series` if only the first and the last were kept.
    pub given: usize,
}

/// The runs that rules judge. The number of runs before is part of the question.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// Runs before, then runs after.
    pub series: Series,
    /// The snapshots whose first and last are the two runs, if a rule is about leaks.
    pub recording: Option<Recording>,
    /// The number of these snapshots; 0 if runs were given.
    pub snapshots: usize,
    /// Judgements of the drift of baselines, which are added to those of the rules.
    pub drift: Vec<Judgement>,
}

/// Supplies the text of source files. A report itself reads no file.
pub trait Sources: std::fmt::Debug {
    /// Fills in the text of each function, or why there is none. `inputs` record when the profiles
    /// were taken.
    fn fill(&self, list: &mut List, inputs: &[Input]);
}

impl From<Profiles> for Subject<'_> {
    fn from(profiles: Profiles) -> Self {
        Self { profiles, warnings: Vec::new(), sources: None }
    }
}

impl From<Series> for Subject<'_> {
    fn from(series: Series) -> Self {
        let given = series.snapshots.len();
        Snapshots { series, given }.into()
    }
}

impl From<Snapshots> for Subject<'_> {
    fn from(snapshots: Snapshots) -> Self {
        Profiles::Snapshots(Box::new(snapshots)).into()
    }
}

impl From<Recording> for Subject<'_> {
    fn from(recording: Recording) -> Self {
        Profiles::Recording(Box::new(recording)).into()
    }
}

impl From<Runs> for Subject<'_> {
    fn from(runs: Runs) -> Self {
        Profiles::Runs(Box::new(runs)).into()
    }
}
