//! What questions are asked of: profiles, and what else is known before the question is asked.

use super::{Input, Warning};
use crate::analysis::check::Judgement;
use crate::analysis::list::List;
use crate::model::recording::Recording;
use crate::model::series::Series;

/// What a question is asked of.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The profiles.
    pub profiles: Profiles,
    /// What is known of the inputs beforehand, such as files that were set aside. It ends the report's warnings.
    pub warnings: Vec<Warning>,
    /// Where the text of listed lines comes from.
    pub sources: Option<&'a dyn Sources>,
}

/// The profiles that a question is asked of; which kind it wants, [`super::Question::subject`] says.
#[derive(Debug)]
pub enum Profiles {
    /// One snapshot, two that are compared, or any number that are added up.
    Snapshots(Box<Snapshots>),
    /// Snapshots through time.
    Recording(Box<Recording>),
    /// Runs before and after.
    Runs(Box<Runs>),
}

/// One snapshot, two that are compared, or any number that are added up.
#[derive(Debug)]
pub struct Snapshots {
    /// The snapshots.
    pub series: Series,
    /// How many were given: more than there are where only the first and the last were kept.
    pub given: usize,
}

/// What rules are judged with. How many of the runs are before is part of the question.
#[derive(Debug, Default)]
pub struct Runs {
    /// Runs before, then runs after.
    pub series: Series,
    /// The snapshots whose first and last are the two runs, where a rule is about leaks.
    pub recording: Option<Recording>,
    /// How many snapshots these are; 0 where runs were given.
    pub snapshots: usize,
    /// Judgements of a row of baselines, which join those of the rules.
    pub drift: Vec<Judgement>,
}

/// Where the text of source files comes from. A report reads no file itself.
pub trait Sources: std::fmt::Debug {
    /// Fills in the text of each function, or why there is none. `inputs` say when the profiles were taken.
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
