//! One test binary, with a module per topic.

#![expect(clippy::unwrap_used, reason = "a test that can not go on has failed")]

/// The answer of a report that is known to be of a kind: `answer!(&report.answer, Diff)`.
macro_rules! answer {
    ($answer:expr, $kind:ident) => {
        match $answer {
            heapdiff::report::Answer::$kind(answer) => answer,
            other => panic!("not {}: {other:?}", stringify!($kind)),
        }
    };
}

mod ask;
mod bad_input;
mod baselines;
mod call_graph;
mod chart;
mod check;
mod check_files;
mod check_outputs;
mod check_samples;
mod cli;
mod convert;
mod corpus;
mod csv_columns;
mod decoder;
mod dsl;
mod flame;
mod folders;
mod gate_benchmark;
mod gate_truth;
mod golden;
mod graph_agreement;
mod histories;
mod judgement;
mod leaks;
mod list_agreement;
mod mutation;
mod odd_histories;
mod patterns;
mod plain;
mod planted_leaks;
mod pprof_agreement;
mod pprof_reads;
mod properties;
mod random;
mod recordings;
mod refs;
mod samples;
mod schema;
mod table;
mod time_samples;
mod time_tables;
mod timeline;
mod wire_types;
