//! Snapshots that stay loaded while many questions are asked about them, from several threads at once.

use super::memo::Memo;
use super::{Profiles, Query, Report, ReportError, Sources, Subject, Warning, answer};
use crate::filter::Spec;
use crate::parallel;
pub use crate::parallel::Cancel;

/// Loaded snapshots that many questions are asked about. Shared between threads.
#[derive(Debug)]
pub struct Session {
    profiles: Profiles,
    warnings: Vec<Warning>,
    memo: Memo,
}

impl Session {
    /// A session about one snapshot or several, runs, or a recording. The source of the text of
    /// lines comes with each question.
    pub fn new(subject: Subject<'static>) -> Self {
        let Subject { profiles, warnings, .. } = subject;
        let memo = match &profiles {
            Profiles::Snapshots(snapshots) => Memo::new(&snapshots.series),
            Profiles::Recording(_) | Profiles::Runs(_) => Memo::none(),
        };
        Self { profiles, warnings, memo }
    }

    /// Answers a query as [`super::analyze`] does, and ends with [`ReportError::Cancelled`] once `cancel`
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
        // Snapshots are shared, not copied.
        let (profiles, warnings) = (self.profiles.clone(), self.warnings.clone());
        let subject = Subject { profiles, warnings, sources };
        let ask = || answer(subject, query, spec, &self.memo);
        let report = parallel::cancellable(Some(cancel.clone()), ask)?;
        if cancel.is_set() { Err(ReportError::Cancelled) } else { Ok(report) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::cut_trees::CutTreesQuery;
    use crate::filter::Granularity;
    use crate::model::builder::{Builder, RawFunction, RawLine, RawLocation, RawType};
    use crate::model::profile::Profile;
    use crate::model::rebase::Rebase;
    use crate::model::series::Series;
    use crate::report::{Question, analyze};

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

    /// Two snapshots of many stacks.
    fn series() -> Series {
        let mut rebase = Rebase::default();
        for (name, seed) in [("before", 1), ("after", 2)] {
            rebase.add(name, profile(seed));
        }
        rebase.finish().unwrap()
    }

    /// A heap profile of random stacks of 40 functions.
    fn profile(seed: u64) -> Profile {
        let mut builder = Builder::default();
        for string in ["", "inuse_space", "bytes", "inuse_objects", "count", "space"] {
            builder.string(string.as_bytes()).unwrap();
        }
        builder.sample_type(RawType { name: 3, unit: 4 }).unwrap();
        builder.sample_type(RawType { name: 1, unit: 2 }).unwrap();
        for id in 1..=40 {
            builder.string(format!("main.f{id}").as_bytes()).unwrap();
            let name = id as i64 + 5;
            builder.function(RawFunction { id, name, ..Default::default() }).unwrap();
            let line = RawLine { function: id, line: 7, column: 0 };
            builder.location(RawLocation { id, ..Default::default() }, &[line]).unwrap();
        }
        let labels = builder.label_set(&[]);
        let mut state = seed;
        for _ in 0..2 * parallel::WORTH {
            let mut random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state >> 33
            };
            for _ in 0..=random() % 12 {
                builder.sample_location(1 + random() % 40);
            }
            builder.sample_value(1);
            builder.sample_value(64);
            builder.end_sample(labels).unwrap();
        }
        builder.finish().unwrap()
    }

    fn questions() -> [Question; 3] {
        let trees = CutTreesQuery { most: 1000, is_comparison: true, from: None };
        [Question::Diff, Question::CutTrees(trees), Question::Tags]
    }

    #[test]
    fn little_is_done_once_a_question_is_cancelled() {
        let series = series();
        let spec = Spec { hide: Some("main.f1$".to_owned()), ..Spec::default() };
        for question in questions() {
            let query = Query::new(question);
            let asks = |cancel: &Cancel| {
                // Nothing is known yet.
                let session = Session::new(series.clone().into());
                session.analyze(&query, &spec, None, cancel)
            };
            let whole = Cancel::at(usize::MAX);
            assert!(asks(&whole).is_ok());
            let times = usize::MAX - whole.left();
            assert!(times > 20, "{times}");
            for part in 1..8 {
                let cancel = Cancel::at(times * part / 8);
                assert!(matches!(asks(&cancel), Err(ReportError::Cancelled)));
                // A piece of work is some thousand stacks; no loop goes on for many.
                assert!(cancel.asked() < 400, "{} of {times}", cancel.asked());
            }
        }
    }

    #[test]
    fn what_a_cancelled_question_left_is_not_used() {
        let series = series();
        let spec = Spec { focus: Some("main.f2".to_owned()), ..Spec::default() };
        for question in questions() {
            let query = Query::new(question);
            let expected = analyze(series.clone(), &query, &spec).unwrap();
            let session = Session::new(series.clone().into());
            for time in [1, 3, 10, 30, 100] {
                let _ = session.analyze(&query, &spec, None, &Cancel::at(time));
            }
            let answer = session.analyze(&query, &spec, None, &Cancel::default()).unwrap();
            assert!(answer == expected);
        }
    }

    #[test]
    fn what_is_known_of_all_samples_serves_those_that_a_filter_keeps() {
        let series = series();
        let session = Session::new(series.clone().into());
        let specs = [
            Spec::default(),
            Spec { focus: Some("main.f2".to_owned()), ..Spec::default() },
            Spec { ignore: Some("main.f(1|2)$".to_owned()), ..Spec::default() },
            Spec { hide: Some("main.f1$".to_owned()), ..Spec::default() },
            Spec { focus: Some("nothing".to_owned()), ..Spec::default() },
        ];
        for granularity in [Granularity::Functions, Granularity::Lines, Granularity::Files] {
            for spec in &specs {
                for question in questions() {
                    let query = Query { granularity, ..Query::new(question) };
                    let answer = session.analyze(&query, spec, None, &Cancel::default()).unwrap();
                    assert!(answer == analyze(series.clone(), &query, spec).unwrap());
                }
            }
        }
    }

    #[test]
    fn a_session_keeps_no_more_than_its_bound() {
        let series = series();
        let mut session = Session::new(series.clone().into());
        // Room for about two filters.
        let samples: usize = series.snapshots.iter().map(|one| one.samples.bytes()).sum();
        let most = 150 * samples;
        session.memo = Memo::of(most);
        let mut largest = 0;
        for round in 0..2 {
            for id in 1..10 {
                let spec = Spec { ignore: Some(format!("main.f{id}$")), ..Spec::default() };
                let query = Query::new(Question::Diff);
                let answer = session.analyze(&query, &spec, None, &Cancel::default()).unwrap();
                if round == 1 && id < 3 {
                    assert!(answer == analyze(series.clone(), &query, &spec).unwrap());
                }
                largest = largest.max(session.memo.bytes());
                assert!(largest <= most, "{largest} {most}");
            }
        }
        assert!(largest > 0);
    }

    #[test]
    fn threads_share_a_session() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&Session::new(Series::default().into()));
    }
}
