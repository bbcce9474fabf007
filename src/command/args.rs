//! The command line: the subcommands, and what heapdiff does without one.
//!
//! Without a subcommand the number of inputs decides: one shows its top functions, two are
//! compared, more are searched for leaks. Shared options are in `options.rs`; `request.rs`
//! interprets them.

#[cfg(feature = "http")]
use super::capture;
#[cfg(feature = "http")]
use super::options::ReadingArgs;
use super::options::{BaseArgs, Options, OwnArgs};
use super::request::{Request, diff_request, top_request};
#[cfg(feature = "serve")]
use super::serve;
#[cfg(feature = "watch")]
use super::watch;
use super::{
    CommandError, baseline, check, completions, convert, diff, doctor, flame, gc, goroutines,
    graph, incident, leaks, list, memory, merge, patterns, peek, refs, tags, timeline, top, traces,
};
use clap::{Args, Parser, Subcommand};

/// What can be given as an input, for `--help`.
const INPUTS: &str = "\
Inputs:
  FILE      a profile, recognized by its content: pprof's protobuf, or text (Go's ?debug=1,
            gperftools, jemalloc, ...), also packed with gzip, zstd or bzip2
  FOLDER    the files in it, except hidden ones and those in its subfolders
  GLOB      'heap-*.pb.gz', quoted or not: * ? [a-z] {a,b}, and ** for folders of any depth
  URL       a service with net/http/pprof: http://HOST:PORT, HOST:PORT or unix:///run/app.sock
            for its heap, or the address of a profile
  -         standard input

The files of a folder or a glob are sorted by name, heap-2 before heap-10, and each is read once. \
Files that aren't profiles are skipped with a warning, and so is text next to protobuf; a damaged \
profile is an error.";

const EXAMPLES: &str = "\
Examples:
  heapdiff before.pb.gz after.pb.gz          what grew, and where
  heapdiff -lines -focus=cache a.pb b.pb     line by line, under functions named like cache
  heapdiff top heap.pb.gz                    where the memory is
  heapdiff leaks --limit 2GiB snapshots/     what leaks, and when memory runs out
  heapdiff graph a.pb b.pb -o grown.svg      the call paths that grew
  heapdiff list windowFor a.pb b.pb          the source of a function, line by line

Long options take one dash or two, as in pprof: -inuse_space, --inuse-space.";

/// What the columns of the table mean, for `--help`.
const COLUMNS: &str = "\
The table:
  Δ flat   after − before, for memory the function itself allocated (Δ cum: it and its callees)
  ± 95 %   95 % interval: if the program were sampled again and again, 95 of 100 such intervals
           would contain the true change
  kept     the share of memory allocated in between that is still in use
  f ← g    f, in the standard library, allocated memory on a call from g, in your own code
  where    the line with most of the row's value; for f ← g, the line in g";

/// Compare pprof heap profiles: what grew, how sure that is, and which line is behind it
#[derive(Debug, Parser)]
#[command(
    name = "heapdiff",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{INPUTS}\n\n{COLUMNS}"),
    override_usage = "heapdiff [OPTIONS] BEFORE AFTER\n       heapdiff [OPTIONS] PROFILE\n       heapdiff [OPTIONS] PROFILE PROFILE PROFILE...\n       heapdiff COMMAND ..."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) bare: BareArgs,
}

/// Defines the subcommands, in the order of the help. A question is one line: its arguments, the
/// field with its inputs, and the function that makes its request.
macro_rules! commands {
    ($(
        questions { $($name:ident($args:ty), $($input:ident).+ => $request:path;)+ }
        others { $($(#[$about:meta])* $other:ident $(($other_args:ty))?;)+ }
    )+) => {
        #[derive(Debug, Subcommand)]
        pub(super) enum Command {$(
            $($name($args),)+
            $($(#[$about])* $other $(($other_args))?,)+
        )+}

        impl Command {
            /// Returns the inputs of a question as typed.
            fn of_question(&mut self) -> Option<&mut Vec<String>> {
                match self {
                    $($(Self::$name(args) => Some(&mut args.$($input).+),)+)+
                    _ => None,
                }
            }

            /// Returns the request of a question, or another command as it is.
            pub(super) fn request(self) -> Result<Result<Request, CommandError>, Box<Self>> {
                match self {
                    $($(Self::$name(args) => Ok($request(args)),)+)+
                    other => Err(Box::new(other)),
                }
            }
        }
    };
}

commands! {
    questions {
        Diff(diff::DiffArgs), inputs => diff::request;
        Top(top::TopArgs), inputs => top::request;
        Refs(refs::RefsArgs), profiles.inputs => refs::request;
        Leaks(leaks::LeaksArgs), inputs => leaks::request;
        Timeline(timeline::TimelineArgs), inputs => timeline::request;
    }
    others {
        #[cfg(feature = "http")]
        Capture(Box<capture::CaptureArgs>);
        #[cfg(feature = "watch")]
        Watch(Box<watch::WatchArgs>);
        #[cfg(feature = "serve")]
        Serve(Box<serve::ServeArgs>);
        Check(check::CheckArgs);
        Baseline(baseline::BaselineArgs);
        Convert(convert::ConvertArgs);
        Merge(merge::MergeArgs);
    }
    questions {
        Graph(graph::GraphArgs), profiles.inputs => graph::request;
        Peek(peek::PeekArgs), profiles.inputs => peek::peek_request;
        Tree(peek::TreeArgs), profiles.inputs => peek::tree_request;
        List(list::ListArgs), profiles.inputs => list::request;
        Goroutines(goroutines::GoroutinesArgs), inputs => goroutines::request;
        Traces(traces::TracesArgs), profiles.inputs => traces::request;
        Tags(tags::TagsArgs), profiles.inputs => tags::request;
        Flame(flame::FlameArgs), profiles.inputs => flame::request;
    }
    others {
        Gc(gc::GcArgs);
        Memory(memory::MemoryArgs);
        Doctor(Box<doctor::DoctorArgs>);
        Incident(Box<incident::IncidentArgs>);
        Patterns(patterns::PatternsArgs);
        Completions(completions::CompletionsArgs);
        /// Print the manual page
        Man;
    }
}

impl Cli {
    /// Returns the inputs as typed, if the command reads inputs.
    pub(super) fn inputs(&mut self) -> Option<&mut Vec<String>> {
        match &mut self.command {
            None => Some(&mut self.bare.inputs),
            Some(Command::Convert(args)) => Some(&mut args.inputs),
            Some(Command::Merge(args)) => Some(&mut args.inputs),
            Some(Command::Patterns(args)) => args.inputs(),
            // Of check and baseline, only the command itself knows which side each profile is on.
            Some(command) => command.of_question(),
        }
    }
}

/// Options without a subcommand: the number of inputs decides which one is run.
#[derive(Debug, Args)]
pub(super) struct BareArgs {
    /// Profiles: one shows its top functions, two are compared, more are searched for leaks. Files,
    /// folders, globs or URLs; `-` reads standard input
    #[arg(value_name = "PROFILE")]
    inputs: Vec<String>,
    #[command(flatten)]
    base: BaseArgs,
    /// Scale AFTER to the total of BEFORE before comparing
    #[arg(long)]
    normalize: bool,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    options: Options,
}

/// Returns the request of a command line that has profiles and nothing else.
#[cfg(feature = "http")]
pub(super) fn profiles_request(
    inputs: Vec<String>,
    reading: ReadingArgs,
) -> Result<Request, CommandError> {
    let mut options = Options::default();
    options.output.dress.reading = reading;
    let (base, own) = (BaseArgs::default(), OwnArgs::default());
    bare_request(BareArgs { inputs, base, normalize: false, own, options })
}

/// Returns the request of a command line without a subcommand.
pub(super) fn bare_request(args: BareArgs) -> Result<Request, CommandError> {
    let BareArgs { inputs, base, normalize, own, options } = args;
    let with_own = |request: Request, own: OwnArgs| Ok(request.with_own(own.own()?));
    if base.base.is_some() || base.diff_base.is_some() {
        return with_own(diff_request(base, inputs, normalize, options)?, own);
    }
    match inputs.as_slice() {
        [] => Err(CommandError::Usage(
            "no profile given: `heapdiff BEFORE AFTER` compares two, `heapdiff PROFILE` shows one, \
             and `heapdiff PROFILE...` finds leaks in more than two"
                .to_owned(),
        )),
        [_] if normalize => Err(CommandError::Usage(
            "--normalize scales one profile to another, and only one is given".to_owned(),
        )),
        [_] => with_own(top_request(inputs, options)?, own),
        [_, _] => with_own(diff_request(base, inputs, normalize, options)?, own),
        _ if normalize => Err(CommandError::Usage(
            "--normalize scales one profile to another, and more than two are given".to_owned(),
        )),
        _ => leaks::plain_request(inputs, own, options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::request::{Layout, ROWS_SHOWN};
    use crate::filter::Granularity;
    use crate::model::origin::Own;
    use crate::output::Format;
    use crate::report::{Question, Sort};
    use clap::CommandFactory;
    use std::ffi::OsString;
    use std::path::PathBuf;

    fn parse(line: &str) -> Result<Request, String> {
        let args = std::iter::once("heapdiff").chain(line.split_whitespace()).map(OsString::from);
        let args = super::super::spelling::normalize(args.collect(), &Cli::command());
        let cli = Cli::try_parse_from(args).map_err(|error| error.to_string())?;
        match cli.command {
            None => bare_request(cli.bare),
            Some(command) => command.request().unwrap_or_else(|other| panic!("{line}: {other:?}")),
        }
        .map_err(|error| error.to_string())
    }

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn own_code_is_said_to_every_command_that_blames() {
        let own = Own::new(Some(regex::Regex::new("^app/").unwrap()));
        for command in
            ["a", "a b", "a --base b", "top a", "diff a b", "refs f a b", "a b c", "leaks a b"]
        {
            let request = parse(&format!("{command} -own ^app/")).unwrap();
            assert_eq!(request.query.own, own, "{command}");
        }
    }

    #[test]
    fn each_spelling_means_what_it_means_in_pprof() {
        type Check = fn(&Request) -> bool;
        let spellings: [(&[&str], Check); 30] = [
            (
                &[
                    "-sample_index=alloc_space",
                    "--sample-index alloc_space",
                    "-alloc_space",
                    "--alloc-space",
                    "-sample_index alloc_space",
                    "--sample_index=alloc_space",
                ],
                |r| r.query.sample_type.as_deref() == Some("alloc_space"),
            ),
            (&["-sample_index=2", "--sample-index=2"], |r| {
                r.query.sample_type.as_deref() == Some("2")
            }),
            (&["-inuse_space"], |r| r.query.sample_type.as_deref() == Some("inuse_space")),
            (&["-inuse_objects"], |r| r.query.sample_type.as_deref() == Some("inuse_objects")),
            (&["-alloc_objects"], |r| r.query.sample_type.as_deref() == Some("alloc_objects")),
            (&["-focus=x|y", "-focus x|y", "--focus x|y", "--focus=x|y"], |r| {
                r.spec.focus.as_deref() == Some("x|y")
            }),
            (&["-ignore=x", "--ignore x"], |r| r.spec.ignore.as_deref() == Some("x")),
            (&["-hide=x", "-hide x"], |r| r.spec.hide.as_deref() == Some("x")),
            (&["-show=x", "--show x"], |r| r.spec.show.as_deref() == Some("x")),
            (&["-show_from=x", "--show-from x"], |r| r.spec.show_from.as_deref() == Some("x")),
            (&["-prune_from=x", "--prune-from=x"], |r| r.spec.prune_from.as_deref() == Some("x")),
            (&["-tagfocus=bytes=1kb:4kb"], |r| r.spec.tagfocus.as_deref() == Some("bytes=1kb:4kb")),
            (&["-tagignore x"], |r| r.spec.tagignore.as_deref() == Some("x")),
            (&["-noinlines"], |r| r.spec.noinlines),
            (&["-flat", "--sort flat"], |r| r.query.sort == Some(Sort::Flat)),
            (&["-cum", "--cum", "-sort=cum"], |r| r.query.sort == Some(Sort::Cum)),
            (&["-nodecount=5", "-nodecount 5", "-n 5", "-n5", "-n=5", "--nodecount=5"], |r| {
                r.query.nodecount == 5
            }),
            (&["", "-top", "-text", "--format table"], |r| {
                r.query.nodecount == ROWS_SHOWN && r.output.format == Format::Table
            }),
            (&["--format json", "-format=csv"], |r| r.query.nodecount == 0),
            (&["-functions", "--granularity functions", ""], |r| {
                r.query.granularity == Granularity::Functions
            }),
            (&["-filefunctions"], |r| r.query.granularity == Granularity::Filefunctions),
            (&["-files"], |r| r.query.granularity == Granularity::Files),
            (&["-lines", "-granularity=lines"], |r| r.query.granularity == Granularity::Lines),
            (&["-addresses"], |r| r.query.granularity == Granularity::Addresses),
            (&["-packages"], |r| r.query.granularity == Granularity::Packages),
            (&["-unit=MB", "--unit MB"], |r| r.output.unit.as_deref() == Some("MB")),
            (&["-unit=auto", "-unit=minimum", ""], |r| r.output.unit.is_none()),
            (&["-trim_path=/a:/b/", "--trim-path /a:/b"], |r| r.output.trim_path == ["/a/", "/b/"]),
            (&["-o f.json", "--output=f.json", "-of.json"], |r| {
                r.output.file == Some(PathBuf::from("f.json"))
            }),
            (&["-all", "--all"], |r| r.query.all),
        ];
        for (spellings, check) in spellings {
            for options in spellings {
                let lines = [
                    format!("{options} a b"),
                    format!("a {options} b"),
                    format!("a b {options}"),
                    format!("{options} diff a b"),
                    format!("diff {options} a b"),
                    format!("diff a b {options}"),
                    format!("{options} top a b"),
                    format!("top a {options} b"),
                ];
                for line in lines {
                    let request = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                    assert!(check(&request), "{line}: {request:?}");
                    assert_eq!(request.inputs, ["a", "b"], "{line}");
                }
            }
        }
    }

    #[test]
    fn the_inputs_say_the_question() {
        let cases: [(&str, Question, &[&str]); 14] = [
            ("a b", Question::Diff, &["a", "b"]),
            ("a", Question::Top, &["a"]),
            ("-", Question::Top, &["-"]),
            ("- b", Question::Diff, &["-", "b"]),
            ("top a b c", Question::Top, &["a", "b", "c"]),
            ("-base x a", Question::Diff, &["x", "a"]),
            ("-base=x -top a", Question::Diff, &["x", "a"]),
            ("a -diff_base x", Question::Diff, &["x", "a"]),
            ("diff --diff-base=x a", Question::Diff, &["x", "a"]),
            ("-base top top", Question::Top, &[]),
            ("./top a", Question::Diff, &["./top", "a"]),
            ("-- top diff", Question::Diff, &["top", "diff"]),
            ("a top", Question::Diff, &["a", "top"]),
            ("diff top diff", Question::Diff, &["top", "diff"]),
        ];
        for (line, question, inputs) in cases {
            match parse(line) {
                Ok(request) => {
                    assert_eq!(request.query.question, question, "{line}");
                    assert_eq!(request.inputs, inputs, "{line}");
                }
                // The subcommand wins over the file of its name.
                Err(error) => assert!(inputs.is_empty(), "{line}: {error}"),
            }
        }
        assert!(parse("-normalize a b").unwrap().query.normalize);
    }

    #[test]
    fn graphs_and_peeks_are_asked_for_as_in_pprof() {
        let limits = |line: &str| match parse(line).unwrap().query.question {
            Question::Graph(limits) => {
                (limits.nodecount, limits.nodefraction.get(), limits.edgefraction.get())
            }
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(limits("graph a b"), (80, 0.005, 0.001));
        assert_eq!(limits("graph -nodecount=9 -nodefraction=0.1 -edgefraction 0 a"), (9, 0.1, 0.0));
        for (line, format, layout) in [
            ("graph a", Format::Dot, Layout::None),
            ("graph a -o -", Format::Dot, Layout::None),
            ("graph a -o x.SVG", Format::Dot, Layout::Graphviz),
            ("graph a --format svg", Format::Dot, Layout::Graphviz),
            ("graph a -o x.gv", Format::Dot, Layout::None),
            ("graph a -o x.svg --format dot", Format::Dot, Layout::None),
            ("graph a -o x.json", Format::Json, Layout::None),
        ] {
            let output = parse(line).unwrap().output;
            assert_eq!((output.format, output.layout), (format, layout), "{line}");
        }
        let base = parse("graph -diff_base x a -o a.svg").unwrap();
        assert_eq!(base.inputs, ["x", "a"]);
        for (line, pattern, nodecount, sort) in [
            ("peek main.*x a b", Some("main.*x"), 0, None),
            ("-cum peek f -n 3 a", Some("f"), 3, Some(Sort::Cum)),
            ("tree a", None, ROWS_SHOWN, None),
            ("tree a --format csv", None, 0, None),
        ] {
            let query = parse(line).unwrap().query;
            assert_eq!(query.question, Question::Peek(pattern.map(str::to_owned)), "{line}");
            assert_eq!((query.nodecount, query.sort), (nodecount, sort), "{line}");
        }
    }

    #[test]
    fn questions_about_one_profile_or_two() {
        let request = parse("list -source_path=/a:/b -trim_path=/c -base x f y").unwrap();
        assert_eq!(request.query.question, Question::List { pattern: "f".to_owned() });
        assert_eq!(request.inputs, ["x", "y"]);
        assert_eq!(request.output.trim_path, ["/c/"]);
        let sources = request.sources.unwrap();
        assert_eq!(sources.source_path.as_deref(), Some("/a:/b"));
        assert_eq!(sources.context, 5);
        assert_eq!(parse("list f -context 2 y").unwrap().sources.unwrap().context, 2);
        let request = parse("traces -lines -trim_path=/c -n 3 a b").unwrap();
        assert_eq!(request.query.question, Question::Traces);
        assert_eq!((request.query.granularity, request.query.nodecount), (Granularity::Lines, 3));
        let request = parse("tags -alloc_space --format csv a").unwrap();
        assert_eq!(request.query.question, Question::Tags);
        assert_eq!(request.query.nodecount, 0);
    }

    #[test]
    fn more_than_two_profiles_are_asked_what_leaks() {
        for line in ["a b c", "leaks a b c", "leaks a", "c b -n 3 a d"] {
            assert!(matches!(parse(line).unwrap().query.question, Question::Leaks(_)), "{line}");
        }
        let Question::Leaks(asked) =
            parse("leaks --limit 2GiB --gogc off a").unwrap().query.question
        else {
            panic!("not leaks")
        };
        let limit = asked.limit.unwrap();
        assert_eq!((limit.limit, limit.gogc), (2 << 30, None));
        assert_eq!(parse("timeline -cum a b").unwrap().query.question, Question::Timeline);
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("-lines -files a b", "cannot be used with"),
            ("-inuse_space -sample_index=1 a b", "cannot be used with"),
            ("-inuse_space -alloc_space a b", "cannot be used with"),
            ("-flat -cum a b", "cannot be used with"),
            ("-base x -diff_base y a", "cannot be used with"),
            ("-top --format json a b", "cannot be used with"),
            ("-focus=a(b a b", "-focus: regex parse error"),
            ("-tagfocus=k=a(b a b", "-tagfocus: regex parse error"),
            ("-nodecount=-1 a b", "expected a whole number from 0 to"),
            ("-n x a b", "expected a whole number from 0 to"),
            ("--width 5 a b", "expected a whole number from 40 to 10000"),
            ("-unit=parsec a b", "`parsec` isn't a unit"),
            ("-unit=MB --format csv a b", "only affects the table"),
            ("-http=:8080 a b", "'--http'"),
            ("-nosuch a b", "expected a whole number from 0 to"),
            ("-normalize a b c", "more than two"),
            ("leaks", "leaks needs profiles"),
            ("leaks --limit x a", "expected a size"),
            ("leaks --limit -5 a", "expected a size"),
            ("leaks --limit 2GiB --gogc x a", "expected a percentage"),
            ("leaks --own a(b a", "-own: regex parse error"),
            ("diff --own a(b a b", "-own: regex parse error"),
            ("refs --peek --own f f a", "cannot be used with '--own"),
            ("timeline", "timeline needs profiles"),
            ("timeline -sort=bound a b", "'--sort'"),
            ("-lines a b c", "another granularity"),
            ("-all a b c", "--all has no effect on leaks"),
            ("diff a", "one is given"),
            ("diff a b c", "3 are given"),
            ("diff -base x a b", "exactly one profile"),
            ("top", "top needs a profile"),
            ("top --sort delta a", "use flat or cum"),
            ("-sort=bound a", "use flat or cum"),
            ("top -base x a", "'--base'"),
            ("-normalize a", "only one is given"),
            ("list", "REGEX"),
            ("list x", "no profile given: heapdiff list REGEX PROFILE"),
            ("list a(b x", "REGEX: regex parse error"),
            ("list x -base y a b", "exactly one profile"),
            ("list x -lines a", "'--lines'"),
            ("traces", "no profile given: heapdiff traces PROFILE"),
            ("traces -trim_path=/x a", "these stacks name none"),
            ("tags -noinlines a", "tags shows none"),
            ("tags -trim_path=/x a", "tags shows none"),
            ("tags - -", "only once"),
            ("- -", "only once"),
            ("graph -nodefraction=2 a", "expected a number from 0 to 1"),
            ("graph -edgefraction=NaN a", "expected a number from 0 to 1"),
            ("graph -nodecount=x a", "expected a whole number"),
            ("graph a -o x.png", "can't tell the format; use .svg, .dot or .json"),
            ("graph --format csv a", "invalid value 'csv'"),
            ("graph", "no profile given: heapdiff graph PROFILE"),
            ("graph -base x", "exactly one profile"),
            ("peek a(b x", "REGEX: regex parse error"),
            ("peek main", "no profile given: heapdiff peek REGEX PROFILE"),
            ("tree", "no profile given: heapdiff tree PROFILE"),
            ("-all", "no profile given"),
        ];
        for (line, part) in cases {
            let error = parse(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
