//! heapdiff agrees with `go tool pprof`: the same question gets the same number, to the byte.
//!
//! Each test asks both tools for every function (or line, file, address) of a profile or of a pair and
//! compares flat and cum. pprof runs without trimming and in the unit that heapdiff names, so that it
//! prints whole numbers. Rows with the same name (a function in two binaries) are added up. A row that
//! only one of them prints must be zero.
//!
//! Without Go there is nothing to compare with: the tests say so and pass. `HEAPDIFF_REQUIRE_ALL=1`
//! makes that a failure, so that CI can't skip them unnoticed. Recordings in `../shared` are compared too,
//! if there are any.

#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

use crate::corpus;
use heapdiff::model::series::NO_STACK;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

/// Flat and cum by name.
pub(crate) type Rows = BTreeMap<String, (i64, i64)>;

/// A question for both tools.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// One profile, or before and after.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) sample_type: String,
    /// Options both tools have, without dashes: `focus=main`, `lines`.
    pub(crate) options: Vec<String>,
}

#[test]
fn pairs_agree() {
    let Some(pprof) = pprof() else { return };
    let pairs = pairs(&testdata());
    assert!(pairs.len() > 20, "only {} pairs in testdata", pairs.len());
    compare(pprof, &cases_of_every_type(pprof, &pairs));
}

#[test]
fn single_profiles_agree() {
    let Some(pprof) = pprof() else { return };
    let singles: Vec<_> = profiles(&testdata())
        .into_iter()
        .filter(|file| !file.components().any(|part| part.as_os_str() == "bad"))
        .map(|file| vec![file])
        .collect();
    assert!(singles.len() > 60, "only {} profiles in testdata", singles.len());
    let cases = cases_of_every_type(pprof, &singles);
    compare(pprof, &cases);
}

#[test]
fn granularities_agree() {
    let Some(pprof) = pprof() else { return };
    let mut cases = Vec::new();
    for granularity in ["functions", "filefunctions", "files", "lines", "addresses"] {
        for inlines in [None, Some("noinlines")] {
            let options: Vec<_> = [Some(granularity), inlines].into_iter().flatten().collect();
            for files in [
                ["chat/before.pb.gz", "chat/after.pb.gz"],
                ["generics-inline/before.pb.gz", "generics-inline/after.pb.gz"],
                ["two-builds/v1.pb.gz", "two-builds/v2.pb.gz"],
                ["crafted/recursion/before.pb.gz", "crafted/recursion/after.pb.gz"],
                ["crafted/no-symbols/before.pb.gz", "crafted/no-symbols/after.pb.gz"],
                ["crafted/builds/before.pb.gz", "crafted/builds/after.pb.gz"],
            ] {
                cases.push(case(&files, "inuse_space", &options));
            }
            for file in [
                "crafted/inline-columns.pb.gz",
                "crafted/same-name.pb.gz",
                "crafted/no-mapping.pb.gz",
                "crafted/sparse-ids.pb.gz",
                "crafted/drop-frames.pb.gz",
            ] {
                cases.push(case(&[file], "inuse_space", &options));
            }
        }
    }
    compare(pprof, &cases);
}

#[test]
fn filters_agree() {
    let Some(pprof) = pprof() else { return };
    let combinations: &[&[&str]] = &[
        &["focus=limiter"],
        &["focus=limiter", "ignore=NewTicker"],
        &["focus=windowFor|compress"],
        &["focus=limiter\\.go"],
        &["focus=/heapdiff-testdata/chat$"],
        &["focus=nothing of this name"],
        &["ignore=main\\.load"],
        &["ignore=^time\\."],
        &["hide=^net/http\\."],
        &["hide=windowFor"],
        &["hide=ServeHTTP", "noinlines"],
        &["hide=limiter\\.go"],
        &["show=^main\\."],
        &["show=limiter|^main", "hide=main\\.main"],
        &["show=chat/main\\.go"],
        &["show_from=ServeHTTP"],
        &["show_from=main\\.\\(\\*server\\)", "focus=limiter"],
        &["show_from=server", "hide=Allow"],
        &["prune_from=limiter"],
        &["prune_from=net/http\\.\\(\\*ServeMux\\)"],
        &["prune_from=NewTicker", "focus=NewTicker"],
        &["tagfocus=bytes=1kb:4kb"],
        &["tagfocus=1kb:"],
        &["tagfocus=:512b"],
        &["tagfocus=65536b"],
        &["tagignore=2048b"],
        &["tagignore=bytes=:1kb"],
        &["tagfocus=100b:100kb", "tagignore=bytes=2kb"],
        &["focus=limiter", "ignore=NewTicker", "hide=Allow", "tagfocus=bytes=64b:"],
        &["focus=ServeHTTP", "show=main|limiter", "noinlines", "lines"],
        &["hide=^runtime\\.", "filefunctions"],
        &["focus=limiter", "noinlines", "addresses"],
        &["show_from=main\\.load", "prune_from=Allow", "lines"],
    ];
    let mut cases = Vec::new();
    for options in combinations {
        cases.push(case(&["chat/before.pb.gz", "chat/after.pb.gz"], "inuse_space", options));
        cases.push(case(&["chat/after.pb.gz"], "alloc_objects", options));
    }
    for options in [
        &["tagfocus=acme"] as &[&str],
        &["tagfocus=tenant=acme"],
        &["tagfocus=tenant=acme,endpoint=upload"],
        &["tagfocus=upload,download"],
        &["tagignore=zenith"],
        &["tagignore=tenant=zenith|acme"],
        &["tagfocus=tenant=acme", "tagignore=endpoint=/upload"],
        &["tagfocus=bytes=1kb"],
    ] {
        cases.push(case(
            &["crafted/labels/before.pb.gz", "crafted/labels/after.pb.gz"],
            "inuse_space",
            options,
        ));
        cases.push(case(&["crafted/duplicate-label-keys.pb.gz"], "inuse_space", options));
        cases.push(case(&["crafted/numeric-labels.pb.gz"], "inuse_space", options));
    }
    for options in [
        &["tagfocus=bytes=2kb:4kb"] as &[&str],
        &["tagfocus=latency=100ms:"],
        &["tagignore=latency=:1s"],
        &["tagfocus=generation=2"],
        &["tagfocus=2kb"],
    ] {
        cases.push(case(&["crafted/numeric-labels.pb.gz"], "inuse_space", options));
    }
    for options in [
        &["focus=insert"] as &[&str],
        &["focus=Tree", "noinlines"],
        &["hide=nested\\.func"],
        &["show=nested"],
        &["prune_from=round"],
        &["show_from=round"],
        &["ignore=\\(\\*branch"],
    ] {
        cases.push(case(
            &["generics-inline/before.pb.gz", "generics-inline/after.pb.gz"],
            "inuse_space",
            options,
        ));
    }
    compare(pprof, &cases);
}

#[test]
fn ends_of_recordings_and_profiles_of_strangers_agree() {
    let Some(pprof) = pprof() else { return };
    let mut pairs = Vec::new();
    let corpus = corpus::shared(&["corpus/pprof-proto-heap"]);
    pairs.extend(corpus.windows(2).map(<[PathBuf]>::to_vec));
    for recording in corpus::verdicts() {
        let heaps: Vec<_> = profiles(&recording)
            .into_iter()
            .filter(|file| name(file).starts_with("heap-") && name(file).ends_with(".pb.gz"))
            .collect();
        if let [first, .., last] = heaps.as_slice() {
            pairs.push(vec![first.clone(), last.clone()]);
        }
    }
    assert!(pairs.len() >= 6, "only {} pairs", pairs.len());
    let cases: Vec<_> = pairs
        .into_iter()
        .map(|files| Case { files, sample_type: "inuse_space".to_owned(), options: Vec::new() })
        .collect();
    compare(pprof, &cases);
}

#[test]
fn rows_of_pprof_are_read_as_printed() {
    let text = "File: chat\nType: inuse_space\n      flat  flat%   sum%        cum   cum%\n \
                16731125B 38.45% 38.45%  16731125B 38.45%  main.(*History).compress\n \
                -8404992B 19.32% 79.51%          0     0%  main.connect (inline)\n         \
                0     0%   100%      1024B     1%  a name  with spaces (partial-inline)\n         \
                7count     0%   100%      1024count     1%  a name  with spaces\n";
    let rows = read_top(text).expect("three rows");
    let expected = [
        ("a name  with spaces", (7, 2048)),
        ("main.(*History).compress", (16_731_125, 16_731_125)),
        ("main.connect", (-8_404_992, 0)),
    ];
    assert_eq!(rows, Rows::from(expected.map(|(name, row)| (name.to_owned(), row))));
    assert!(read_top("File: chat\n").is_err(), "no table");
    assert!(read_top("x flat%\n 1.25kB 1% 1% 1B 1% f\n").is_err(), "a rounded number");
}

/// Runs each case in both tools, several at a time, and fails with all differences.
fn compare(pprof: &Pprof, cases: &[Case]) {
    let next = AtomicUsize::new(0);
    let differences = Mutex::new(Vec::new());
    let compared = AtomicUsize::new(0);
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match pprof.ask(case).and_then(|theirs| Ok((theirs, heapdiff(case)?))) {
                        Ok((theirs, ours)) => {
                            compared.fetch_add(ours.len().max(theirs.len()), Ordering::Relaxed);
                            let mut found = differ(case, &theirs, &ours);
                            differences.lock().expect("no thread panics").append(&mut found);
                        }
                        Err(Failure::Refused) => _ = refused.fetch_add(1, Ordering::Relaxed),
                        Err(Failure::Broken(why)) => {
                            differences.lock().expect("no thread panics").push(why);
                        }
                    }
                }
            });
        }
    });
    let mut differences = differences.into_inner().expect("no thread panics");
    differences.sort();
    let compared = compared.into_inner();
    println!(
        "{} cases, {compared} rows compared, {} refused by pprof",
        cases.len(),
        refused.into_inner()
    );
    assert!(
        differences.is_empty(),
        "{} differences from pprof in {compared} rows:\n{}",
        differences.len(),
        differences.iter().take(30).fold(String::new(), |mut all, line| {
            let _ = writeln!(all, "  {line}");
            all
        })
    );
    assert!(compared > 0, "nothing was compared");
}

fn differ(case: &Case, theirs: &Rows, ours: &Rows) -> Vec<String> {
    // For a file, pprof prints a row for each of its functions. Their cums count a sample once
    // each, so their sum can't be compared with heapdiff's single row.
    let by_file = case.options.iter().any(|option| option == "files");
    let mut names: Vec<_> = theirs.keys().chain(ours.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| {
            let of = |rows: &Rows| rows.get(name).copied().unwrap_or_default();
            let (theirs, ours) = (of(theirs), of(ours));
            let agree = if by_file { theirs.0 == ours.0 } else { theirs == ours };
            (!agree)
                .then(|| format!("{case}: {name}: (flat, cum) pprof {theirs:?}, heapdiff {ours:?}"))
        })
        .collect()
}

/// Why there is nothing to compare.
pub(crate) enum Failure {
    /// pprof can't read these files, or not together; heapdiff may do so.
    Refused,
    /// An unexpected failure.
    Broken(String),
}

/// The pprof of the Go installation.
pub(crate) struct Pprof {
    path: PathBuf,
    folder: PathBuf,
    /// The result of [`Pprof::sample_types`].
    types: Mutex<BTreeMap<Vec<PathBuf>, Option<Types>>>,
}

/// Sample types, each with its unit.
pub(crate) type Types = Vec<(String, String)>;

/// Finds pprof, once. None if Go is missing and that is allowed.
pub(crate) fn pprof() -> Option<&'static Pprof> {
    static FOUND: OnceLock<Option<Pprof>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        // Runs pprof by its path, because `go tool pprof` takes thirty times as long to start.
        let out = Command::new("go").args(["tool", "-n", "pprof"]).output().ok()?;
        let path = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pprof");
        std::fs::create_dir_all(&folder).ok()?;
        (out.status.success() && path.is_file()).then(|| Pprof {
            path,
            folder,
            types: Mutex::default(),
        })
    });
    if found.is_none() {
        assert!(
            std::env::var_os("HEAPDIFF_REQUIRE_ALL").is_none(),
            "HEAPDIFF_REQUIRE_ALL is set, and `go tool -n pprof` finds no pprof: install Go"
        );
        println!("skipped: no `go tool pprof` to compare with (install Go to run this test)");
    }
    found.as_ref()
}

impl Pprof {
    pub(crate) fn run(&self, options: &[String], files: &[PathBuf]) -> Output {
        let mut command = Command::new(&self.path);
        // Independent of the user's saved settings and binaries.
        command.env("PPROF_TMPDIR", &self.folder).env("PPROF_BINARY_PATH", &self.folder);
        command.env("HOME", &self.folder).env("XDG_CONFIG_HOME", &self.folder);
        command.args(options);
        if let [before, after] = files {
            command.arg("-diff_base").arg(before).arg(after);
        } else {
            command.args(files);
        }
        command.output().expect("pprof runs")
    }

    /// The sample types that the files have in common. None if pprof refuses the files.
    pub(crate) fn sample_types(&self, files: &[PathBuf]) -> Option<Types> {
        if let Some(known) = self.types.lock().expect("no thread panics").get(files) {
            return known.clone();
        }
        let out = self.run(&["-raw".to_owned()], files);
        let text = String::from_utf8_lossy(&out.stdout);
        let header = text.split_once("Samples:\n").and_then(|(_, rest)| rest.lines().next());
        let types = header.filter(|_| out.status.success()).map(|header| {
            let words = header.split_whitespace();
            words
                .filter_map(|one| one.trim_end_matches("[dflt]").split_once('/'))
                .map(|(name, unit)| (name.to_owned(), unit.to_owned()))
                .collect::<Types>()
        });
        let mut known = self.types.lock().expect("no thread panics");
        known.insert(files.to_vec(), types.clone());
        types
    }

    pub(crate) fn ask(&self, case: &Case) -> Result<Rows, Failure> {
        let unit = self
            .sample_types(&case.files)
            .ok_or(Failure::Refused)?
            .into_iter()
            .find_map(|(name, unit)| (name == case.sample_type).then_some(unit))
            .ok_or(Failure::Refused)?;
        let mut options = vec![
            "-top".to_owned(),
            "-nodecount=1000000".to_owned(),
            "-nodefraction=0".to_owned(),
            "-edgefraction=0".to_owned(),
            format!("-unit={unit}"),
            format!("-sample_index={}", case.sample_type),
        ];
        options.extend(case.options.iter().map(|option| format!("-{option}")));
        let out = self.run(&options, &case.files);
        if !out.status.success() {
            return Err(Failure::Broken(format!(
                "{case}: pprof fails: {}",
                String::from_utf8_lossy(&out.stderr)
            )));
        }
        read_top(&String::from_utf8_lossy(&out.stdout))
            .map_err(|why| Failure::Broken(format!("{case}: pprof prints {why}")))
    }
}

/// Reads the output of `-top`: `flat flat% sum% cum cum%  name`, and maybe ` (inline)`.
fn read_top(text: &str) -> Result<Rows, String> {
    let (_, table) = text.split_once("flat%").ok_or_else(|| format!("no table: {text}"))?;
    let mut rows = Rows::new();
    for line in table.lines().skip(1) {
        let mut rest = line;
        let mut columns = [""; 5];
        for column in &mut columns {
            rest = rest.trim_start_matches(' ');
            let end = rest.find(' ').ok_or_else(|| format!("a short row: {line}"))?;
            (*column, rest) = rest.split_at(end);
        }
        let name = rest.trim_start_matches(' ');
        let name = ["(inline)", "(partial-inline)"]
            .iter()
            .find_map(|mark| name.strip_suffix(mark)?.strip_suffix(' '))
            .unwrap_or(name);
        let whole = |column: &str| -> Result<i64, String> {
            let end = column.find(|c: char| !c.is_ascii_digit() && c != '-');
            let (number, unit) = column.split_at(end.unwrap_or(column.len()));
            let number = number.parse().map_err(|e| format!("{column} in {line}: {e}"))?;
            if unit.starts_with('.') {
                Err(format!("a rounded {column}: {line}"))
            } else {
                Ok(number)
            }
        };
        let row = rows.entry(name.to_owned()).or_default();
        row.0 += whole(columns[0])?;
        row.1 += whole(columns[3])?;
    }
    Ok(rows)
}

/// What heapdiff prints.
fn heapdiff(case: &Case) -> Result<Rows, Failure> {
    let broken = |why: String| Failure::Broken(format!("{case}: heapdiff {why}"));
    let is_pair = case.files.len() == 2;
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.arg(if is_pair { "diff" } else { "top" }).args(&case.files);
    command.args(["--format", "json", "--all"]).args(case.sample_index());
    command.args(case.options.iter().map(|option| format!("--{option}")));
    let out = command.output().expect("heapdiff runs");
    if !out.status.success() {
        let why = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        return Err(broken(format!("exits with {}: {why}", out.status)));
    }
    let report: serde_json::Value =
        serde_json::from_slice(&out.stdout).map_err(|e| broken(format!("prints no JSON: {e}")))?;
    let (section, measures) = if is_pair { ("diff", "/delta") } else { ("top", "") };
    let list = report[section]["rows"].as_array();
    let mut rows = Rows::new();
    for row in list.ok_or_else(|| broken(format!("has no {section}.rows")))? {
        let number = |of: &str| row.pointer(&format!("{measures}/{of}"))?.as_i64();
        let (Some(name), Some(flat), Some(cum)) =
            (row["name"].as_str(), number("flat"), number("cum"))
        else {
            return Err(broken(format!("has a row without name, flat or cum: {row}")));
        };
        let Some(name) = pprofs_name(name) else { continue };
        let sum = rows.entry(name).or_default();
        sum.0 += flat;
        sum.1 += cum;
    }
    Ok(rows)
}

/// pprof's name for a row of heapdiff, where they differ on purpose: it has no row for samples
/// without a stack, and takes a name in angle brackets for the template arguments of nothing.
pub(crate) fn pprofs_name(name: &str) -> Option<String> {
    match name {
        NO_STACK => None,
        "<module>" => Some("<unknown>".to_owned()),
        // In testdata/crafted/names.pb.gz, by the file of its mapping.
        "<anonymous>" => Some("[service]".to_owned()),
        _ => Some(name.to_owned()),
    }
}

impl Case {
    /// heapdiff's option for the sample type. An only type without a name can't be asked for.
    pub(crate) fn sample_index(&self) -> Option<String> {
        let name = &self.sample_type;
        (!name.is_empty()).then(|| format!("--sample_index={name}"))
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for file in &self.files {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let file = file.strip_prefix(testdata()).or(file.strip_prefix(root)).unwrap_or(file);
            write!(f, "{} ", file.display())?;
        }
        f.write_str(&self.sample_type)?;
        self.options.iter().try_for_each(|option| write!(f, " -{option}"))
    }
}

pub(crate) fn case(files: &[&str], sample_type: &str, options: &[&str]) -> Case {
    Case {
        files: files.iter().map(|file| testdata().join(file)).collect(),
        sample_type: sample_type.to_owned(),
        options: options.iter().map(|&option| option.to_owned()).collect(),
    }
}

/// A case for each sample type that the files have in common. pprof must read them all, except for
/// those that `testdata/README.md` lists as refused.
pub(crate) fn cases_of_every_type(pprof: &Pprof, inputs: &[Vec<PathBuf>]) -> Vec<Case> {
    let mut cases = Vec::new();
    for files in inputs {
        let Some(types) = pprof.sample_types(files) else {
            let known = files.iter().any(|file| name(file) == "unknown-group.pb.gz");
            assert!(known, "pprof does not read {files:?}");
            continue;
        };
        cases.extend(types.into_iter().map(|(sample_type, _)| Case {
            files: files.clone(),
            sample_type,
            options: Vec::new(),
        }));
    }
    cases
}

pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Every folder's `before` and `after`, and the pairs with other names.
pub(crate) fn pairs(folder: &Path) -> Vec<Vec<PathBuf>> {
    let named = [
        ["two-builds/v1.pb.gz", "two-builds/v2.pb.gz"],
        ["chat/before.pb.gz", "chat/other-process.pb.gz"],
        ["chat/goroutine-before.pb.gz", "chat/goroutine-after.pb.gz"],
        ["chat/after.pb.gz", "chat/before.pb.gz"],
        ["seconds-delta/state.pb.gz", "seconds-delta/delta.pb.gz"],
        ["empty/heap.pb.gz", "chat/after.pb.gz"],
        ["chat/before.pb.gz", "empty/heap.pb.gz"],
        ["crafted/unpacked.pb.gz", "crafted/unknown-fields.pb.gz"],
    ];
    let before = profiles(folder).into_iter().filter(|file| name(file) == "before.pb.gz");
    before
        .map(|before| vec![before.clone(), before.with_file_name("after.pb.gz")])
        .filter(|pair| pair[1].exists())
        .chain(named.iter().map(|pair| pair.map(|file| folder.join(file)).to_vec()))
        .collect()
}

/// The profiles in a folder and in its subfolders, by name.
pub(crate) fn profiles(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_file())
        .filter(|path| {
            let other = ["txt", "md", "sh", "html", "log", "json", "tsv"];
            !path.extension().is_some_and(|extension| other.iter().any(|&o| extension == o))
        })
        .collect();
    // Of recordings over time, the first and the last are compared.
    let apart =
        |folder: &PathBuf| ["modules", "programs", "verdicts"].contains(&name(folder).as_str());
    found.extend(folders(folder).iter().filter(|f| !apart(f)).flat_map(|f| profiles(f)));
    found.sort();
    found
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
