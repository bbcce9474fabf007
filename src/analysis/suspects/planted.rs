//! Suspects that tests make.

use super::{Goroutines, Ranked, Suspect};
use crate::analysis::Place;
use crate::analysis::estimates::{Class, Estimate};
use crate::patterns::Confidence;

/// A leak of own code at the end of a path, in bytes.
pub(super) fn leak(path: &[&str], values: &[i64]) -> Ranked {
    let function = (*path.last().unwrap()).to_owned();
    let growth = values[values.len() - 1] - values[0];
    let suspect = Suspect {
        rank: 0,
        site: Place { function, file: None, line: Some(1) },
        class: Class::Leak,
        confidence: Confidence::Med,
        sample_type: "inuse_space".to_owned(),
        unit: "bytes".to_owned(),
        patterns: Vec::new(),
        growth: Estimate { estimate: growth, lower: growth, upper: growth },
        slope_per_hour: None,
        q_value: None,
        retention: None,
        persistence: 1.0,
        path: path.iter().map(|&name| name.to_owned()).collect(),
        mechanism: None,
        dependency: None,
        places: Vec::new(),
        parts: Vec::new(),
        load_factor: None,
        replaces: None,
        goroutines: None,
        shown_by: None,
        one_for_each: None,
        explanation: String::new(),
        fix: String::new(),
        process: 0,
        since: 0,
        values: values.to_vec(),
    };
    Ranked {
        bound: growth as f64,
        suspect,
        is_own: true,
        records: Vec::new(),
        is_payload: false,
        objects: 0.0,
        trail: Vec::new(),
    }
}

/// Goroutines that pile up below a function.
pub(super) fn parked(path: &[&str], started_by: &str, values: &[i64]) -> Ranked {
    let mut one = leak(path, values);
    let suspect = &mut one.suspect;
    (suspect.sample_type, suspect.unit) = ("goroutine".to_owned(), "count".to_owned());
    suspect.confidence = Confidence::High;
    suspect.goroutines = Some(Goroutines {
        before: values[0],
        after: values[values.len() - 1],
        state: "select".to_owned(),
        started_by: started_by.to_owned(),
        parked_in: suspect.site.function.clone(),
    });
    one
}
