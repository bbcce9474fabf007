//! Describes an input that no format recognizes: what it seems to be, and how to get a profile
//! instead.

use std::fmt;

/// Why an input is refused: what it is instead of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it is in a word or two, as in "a.json (JSON)".
    pub what: String,
    /// The rest of the sentence, from its first comma: what to do.
    rest: String,
}

impl Refusal {
    /// Returns the refusal of a gctrace log, which isn't a profile.
    pub(super) fn gctrace() -> Self {
        Self {
            what: "a gctrace log".to_owned(),
            rest: ", not a profile; use heapdiff gc for it, or fetch /debug/pprof/heap".to_owned(),
        }
    }

    /// Returns the refusal of memory statistics, which aren't a profile.
    pub(super) fn gauges() -> Self {
        Self {
            what: "a record of memory".to_owned(),
            rest: ", not a profile; use heapdiff memory for it, or fetch /debug/pprof/heap"
                .to_owned(),
        }
    }

    /// Returns the refusal of another format where a resident set is needed.
    pub(super) fn without_rss(format: &str) -> Self {
        Self {
            what: format!("a {format}"),
            rest: ", not a list of times and resident sets; give it without --rss".to_owned(),
        }
    }

    /// Returns the refusal of a profile where a log is needed.
    pub(super) fn not_a_log(format: &str) -> Self {
        Self {
            what: format!("a {format}"),
            rest: ", not a log; heapdiff gc reads what GODEBUG=gctrace=1 writes to standard error"
                .to_owned(),
        }
    }
}

/// Prints one sentence without its subject: the caller puts the input's name before it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is {}{}", self.what, self.rest)
    }
}

/// How to convert what pprof reads.
const CONVERT: &str = "; convert it with the program that wrote it: \
                       `go tool pprof -proto PROGRAM FILE > FILE.pb.gz`";
const NO_PROFILE: &str = ", not a profile; heapdiff reads only profiles";
const WITHOUT_STACKS: &str = ", which has no stacks any more; use the profile it was made from";

/// The first bytes of files that are often saved by mistake, what they are, and what to do.
const KNOWN: &[(&[u8], &str, &str)] = &[
    (b"HTTP/", "an HTTP response with its headers", "; fetch it without them: curl without -i"),
    (b"--- heap", "a heap profile of C++ or Java in text form", CONVERT),
    (b"--- thread", "a list of threads in text form", NO_PROFILE),
    (b"PeriodType:", "what `pprof -raw` prints", "; write a profile with `pprof -proto` instead"),
    (b"File: ", "a report of pprof", WITHOUT_STACKS),
    (b"Type: ", "a report of pprof", WITHOUT_STACKS),
    (b"digraph ", "a graph in Graphviz's language", WITHOUT_STACKS),
    (b"PERFILE2", "a recording of perf", "; convert it with perf_to_profile"),
    (b"FLR\0", "a recording of Java Flight Recorder", "; convert it to pprof first"),
    (b"JAVA PROFILE", "a heap dump of Java", NO_PROFILE),
    (b"\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0", "a CPU profile of gperftools", CONVERT),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "; unpack it first: `zstd -d`"),
    (b"BZh", "packed with bzip2", "; unpack it first: `bunzip2`"),
    (b"\xfd7zXZ\0", "packed with xz", "; unpack it first: `unxz`"),
    (b"PK\x03\x04", "a zip archive", "; unpack it first and use the profiles in it"),
    (b"\x1f\x8b", "gzip inside gzip", "; unpack it once first: `gunzip`"),
    (b"\x7fELF", "a program", NO_PROFILE),
    (b"\x89PNG\r\n", "an image", NO_PROFILE),
    (b"go1.", "an execution trace, a heap dump or a binary of Go", NO_PROFILE),
];

fn known(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let known = KNOWN.iter().find(|(start, ..)| head.starts_with(start));
    known.map(|(_, what, rest)| (*what, *rest))
}

/// Whether bytes begin like a known file that isn't a profile.
pub(super) fn is_known(head: &[u8]) -> bool {
    known(head).is_some()
}

/// Describes bytes that no format recognizes.
pub(super) fn explain(head: &[u8]) -> Refusal {
    let refusal = |what: &str, rest: String| Refusal { what: what.to_owned(), rest };
    if let Some((what, rest)) = known(head) {
        return refusal(what, rest.to_owned());
    }
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start();
    let lower = start.get(..start.len().min(64)).unwrap_or(start).to_lowercase();
    if lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || lower.starts_with("<?xml")
    {
        return refusal(
            "a web page",
            format!(
                ", not a profile{}; check the address it was fetched from (/debug/pprof/heap)",
                title(start)
            ),
        );
    }
    if lower.starts_with('{') || lower.starts_with('[') {
        let rest = ", not a pprof profile; check the address it was fetched from";
        return refusal("JSON", rest.to_owned());
    }
    if is_text(head) {
        return refusal(
            "text",
            format!(
                ", not a profile: it begins with {:?}; check the address it was fetched from \
                 (/debug/pprof/heap)",
                start.lines().next().unwrap_or("").chars().take(60).collect::<String>()
            ),
        );
    }
    refusal(
        "not a pprof profile",
        format!(
            ": it begins with bytes {}; use a .pb.gz file such as /debug/pprof/heap serves",
            head.iter().take(8).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
        ),
    )
}

/// Adds advice to a message about a broken profile, unless it already has some after a semicolon.
pub(super) fn with_advice(complaint: &str) -> String {
    if complaint.contains("; ") {
        return complaint.to_owned();
    }
    format!(
        "{complaint}; fetch it again, and if that doesn't help, check the program that wrote it"
    )
}

/// Whether bytes are text: no control characters except white space.
pub(super) fn is_text(head: &[u8]) -> bool {
    head.iter().all(|&b| b >= 0x20 && b != 0x7f || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
}

fn title(page: &str) -> String {
    let found = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    found.map_or_else(String::new, |(title, _)| format!(" (its title: {:?})", title.trim()))
}
