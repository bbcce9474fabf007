//! Snapshots that stay loaded while many questions are asked about them, from several threads at once.

use super::{Profiles, Query, Report, ReportError, Sources, Subject, Warning, analyze};
use crate::filter::Spec;
pub use crate::parallel::Cancel;

/// Loaded snapshots that many questions are asked about. Shared between threads.
#[derive(Debug)]
pub struct Session {
    profiles: Profiles,
    warnings: Vec<Warning>,
}

impl Session {
    /// A session about one snapshot or several, runs, or a recording. The source of the text of
    /// lines comes with each question.
    pub fn new(subject: Subject<'static>) -> Self {
        let Subject { profiles, warnings, .. } = subject;
        Self { profiles, warnings }
    }

    /// Answers a query as [`analyze`] does, and ends with [`ReportError::Cancelled`] once `cancel`
    /// is set.
    pub fn analyze(
        &self,
        query: &Query,
        spec: &Spec,
        sources: Option<&dyn Sources>,
        cancel: &Cancel,
    ) -> Result<Report, ReportError> {
        if cancel.is_set() {
            return Err(ReportError::Cancelled);
        }
        let (profiles, warnings) = (self.profiles.clone(), self.warnings.clone());
        let report = analyze(Subject { profiles, warnings, sources }, query, spec)?;
        if cancel.is_set() { Err(ReportError::Cancelled) } else { Ok(report) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::series::Series;
    use crate::report::Question;

    #[test]
    fn a_cancelled_question_has_no_answer() {
        let session = Session::new(Series::default().into());
        let cancel = Cancel::default();
        let query = Query::new(Question::Top);
        let ask = || session.analyze(&query, &Spec::default(), None, &cancel);
        assert!(!matches!(ask(), Err(ReportError::Cancelled)));
        cancel.clone().set();
        assert!(matches!(ask(), Err(ReportError::Cancelled)));
    }

    #[test]
    fn threads_share_a_session() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&Session::new(Series::default().into()));
    }
}
