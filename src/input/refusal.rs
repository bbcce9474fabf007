//! What to say of an input that no format knows: what it seems to be, and how to get a profile instead.

/// Beginnings of things that people save by mistake, with what to do.
const KNOWN: &[(&[u8], &str)] = &[
    (b"HTTP/", "is an HTTP answer with its headers; fetch it without them: curl without -i"),
    (b"heap profile:", "is a heap profile in text form; fetch it without ?debug=1"),
    (b"--- heap", "is a heap profile in text form; convert it with `pprof -proto`"),
    (
        b"heap_v2/",
        "is a jemalloc heap dump in text form; convert it with `jeprof` or `pprof -proto`",
    ),
    (b"goroutine profile:", "is a goroutine profile in text form; fetch it without ?debug=1"),
    (b"goroutine ", "is a goroutine dump in text form; fetch it without ?debug=2"),
    (b"gc 1 @", "is a gctrace log, not a profile"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it first: `zstd -d`"),
    (b"BZh", "is packed with bzip2; unpack it first: `bunzip2`"),
    (b"\xfd7zXZ\0", "is packed with xz; unpack it first: `unxz`"),
    (b"PK\x03\x04", "is a zip archive; unpack it first and give the profiles in it"),
    (b"\x1f\x8b", "is gzip inside gzip; unpack it once first: `gunzip`"),
    (b"\x7fELF", "is a program, not a profile; heapdiff needs profiles only"),
    (b"go1.", "is an execution trace or a Go binary header, not a profile"),
];

/// One sentence without its subject: the caller puts the input's name before it.
pub(super) fn explain(head: &[u8]) -> String {
    if let Some((_, what)) = KNOWN.iter().find(|(start, _)| head.starts_with(start)) {
        return (*what).to_owned();
    }
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start();
    let lower = start.get(..start.len().min(64)).unwrap_or(start).to_lowercase();
    if lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || lower.starts_with("<?xml")
    {
        return format!(
            "is a web page, not a profile{}; check the address it was fetched from (/debug/pprof/heap)",
            title(start)
        );
    }
    if lower.starts_with('{') || lower.starts_with('[') {
        return "is JSON, not a pprof profile; check the address it was fetched from".to_owned();
    }
    if is_text(head) {
        return format!(
            "is text, not a profile: it begins with {:?}; check the address it was fetched from \
             (/debug/pprof/heap)",
            start.lines().next().unwrap_or("").chars().take(60).collect::<String>()
        );
    }
    format!(
        "is no pprof profile: it begins with bytes {}; give a .pb.gz file, as /debug/pprof/heap serves it",
        head.iter().take(8).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
    )
}

/// A complaint about a broken profile with what to do about it. One that says so itself does it behind a semicolon.
pub(super) fn with_advice(complaint: &str) -> String {
    if complaint.contains("; ") {
        return complaint.to_owned();
    }
    format!(
        "{complaint}; fetch it again, and if that does not help, look at the program that wrote it"
    )
}

/// Whether bytes are text: no control characters but white space.
pub(super) fn is_text(head: &[u8]) -> bool {
    head.iter().all(|&b| b >= 0x20 && b != 0x7f || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
}

fn title(page: &str) -> String {
    let found = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    found.map_or_else(String::new, |(title, _)| format!(" (its title: {:?})", title.trim()))
}
