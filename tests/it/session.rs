//! A session's answers are those of single questions, whatever was asked before and by whom.

use super::ask::{flame, query, refs, series};
use super::corpus;
use super::random::Random;
use heapdiff::analysis::cut_trees::CutTreesQuery;
use heapdiff::analysis::stacks::StackOrder;
use heapdiff::filter::{Granularity, Spec};
use heapdiff::graph::trim::TrimLimits;
use heapdiff::report::session::{Cancel, Session};
use heapdiff::report::{Query, Question, Report, Sort, analyze};

const PAIRS: [&str; 6] =
    ["chat", "allocs", "generics-inline", "goroutine", "crafted/no-symbols", "crafted/recursion"];

/// Parts of names that filters match, and one that matches nothing.
const WORDS: [&str; 8] =
    ["main", "runtime", "^main\\.", "net|http", "\\.go$", "alloc", "func1", "nothing has this"];

fn question(random: &mut Random) -> Question {
    match random.below(10) {
        0..=2 => Question::Diff,
        3 => Question::Refs(refs()),
        4 => Question::Stacks(StackOrder::LeafFirst),
        5 => Question::Graph(TrimLimits::default()),
        6 => Question::Peek(Some("main".to_owned())),
        7 => Question::Flame(flame()),
        8 => Question::Tags,
        _ => Question::CutTrees(CutTreesQuery { most: 40, is_comparison: true, from: None }),
    }
}

fn asked(random: &mut Random) -> (Query, Spec) {
    use Granularity::{Addresses, Filefunctions, Files, Functions, Lines, Packages};
    let mut query = query(question(random), "");
    query.sample_type = random.one_in(3).then(|| random.below(2).to_string());
    query.granularity =
        *random.pick(&[Functions, Functions, Filefunctions, Files, Lines, Addresses, Packages]);
    query.sort = *random.pick(&[None, None, Some(Sort::Cum), Some(Sort::Delta)]);
    query.normalize = random.one_in(8);
    query.all = random.one_in(2);
    if random.one_in(5) {
        query.trim_path = vec!["/".to_owned()];
    }
    let mut filter =
        |one_in: usize| random.one_in(one_in).then(|| (*random.pick(&WORDS)).to_owned());
    let spec = Spec {
        focus: filter(4),
        ignore: filter(6),
        hide: filter(5),
        show: filter(7),
        show_from: filter(7),
        prune_from: filter(7),
        tagfocus: filter(20).map(|_| "bytes=:4kb".to_owned()),
        tagignore: filter(20).map(|_| "16b:64b".to_owned()),
        noinlines: filter(5).is_some(),
    };
    (query, spec)
}

/// An answer, or why there is none. What JSON leaves out is compared too.
fn told<E: std::fmt::Display>(answer: Result<Report, E>) -> Result<(Report, String), String> {
    let report = answer.map_err(|error| error.to_string())?;
    let json = serde_json::to_string(&report).unwrap();
    Ok((report, json))
}

#[test]
fn a_session_answers_as_single_questions_do() {
    let mut answers = 0;
    for (number, pair) in PAIRS.into_iter().enumerate() {
        let mut random = Random(number as u64);
        let [before, after] = corpus::pair(pair);
        let series = series(&[&before, &after]).unwrap();
        let session = Session::new(series.clone().into());
        let mut earlier: Vec<(Query, Spec)> = Vec::new();
        for _ in 0..60 {
            let is_again = !earlier.is_empty() && random.one_in(3);
            let (query, spec) =
                if is_again { random.pick(&earlier).clone() } else { asked(&mut random) };
            let alone = told(analyze(series.clone(), &query, &spec));
            let in_session = told(session.analyze(&query, &spec, None, &Cancel::default()));
            answers += usize::from(alone.is_ok());
            assert!(alone == in_session, "{pair}: {query:?} {spec:?}");
            earlier.push((query, spec));
        }
    }
    assert!(answers > 200, "{answers}");
}

#[test]
fn threads_get_the_same_answers() {
    let [before, after] = corpus::pair("chat");
    let series = series(&[&before, &after]).unwrap();
    let session = Session::new(series.clone().into());
    let mut random = Random(7);
    let all: Vec<(Query, Spec)> = (0..12).map(|_| asked(&mut random)).collect();
    let expected: Vec<_> =
        all.iter().map(|(query, spec)| told(analyze(series.clone(), query, spec))).collect();
    std::thread::scope(|scope| {
        for first in 0..4 {
            let (session, all, expected) = (&session, &all, &expected);
            scope.spawn(move || {
                for at in (0..all.len()).map(|at| (at + first) % all.len()) {
                    let (query, spec) = &all[at];
                    let answer = told(session.analyze(query, spec, None, &Cancel::default()));
                    assert!(answer == expected[at], "{query:?} {spec:?}");
                }
            });
        }
    });
}
