//! A folder that another program fills: what is new in it, once it is whole.
//!
//! A file may be looked at while it is written. One that is packed is whole if it unpacks, since it
//! ends with a checksum. Any other file has to stay as it is from one look to the next. A profile is
//! taken once, by its name; a log that grows is read again. A file that goes away leaves what it showed.

use super::clock::Clock;
use super::manifest::{Failure, Shot, Taken, Totals};
use super::so_far::{self, Recorded};
use crate::command::inputs::MANIFEST;
use crate::input::{Budget, Content};
use crate::model::measures::{self, Kind};
use crate::model::profile::Profile;
use crate::parallel;
use crate::printable::escape;
use crate::source::expand::natural;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files that are read at a time.
const AT_ONCE: usize = 8;

/// What tells that a file changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed: Option<SystemTime>,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It was there, and may not be whole.
    Seen(Stamp),
    /// A profile that was taken.
    Profile,
    /// Something else that was taken, as it was then.
    Fact(Stamp),
    /// It can't be used as it is.
    Refused(Stamp),
}

/// What a file turned out to be.
enum Found {
    Profile(&'static str, Box<Profile>),
    Fact,
    /// Nothing about memory.
    Other,
    /// Not whole, or damaged.
    Broken(String),
    Gone,
}

/// The folder, with what was taken from it.
pub(in crate::command) struct Filled {
    folder: PathBuf,
    budget: Budget,
    known: BTreeMap<String, State>,
    /// Whether the last look failed, so that this is said once.
    is_lost: bool,
}

impl Filled {
    /// A folder of which nothing was taken yet.
    pub(in crate::command) fn new(folder: PathBuf, budget: Budget) -> Self {
        Self { folder, budget, known: BTreeMap::new(), is_lost: false }
    }

    pub(in crate::command) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(in crate::command) fn budget(&self) -> Budget {
        self.budget
    }

    /// Takes what is new. Files of one moment are one shot.
    pub(in crate::command) fn look(
        &mut self,
        number: usize,
        clock: &dyn Clock,
        recorded: &mut Recorded,
    ) -> Vec<Shot> {
        let mut gathering = Gathering { number, now: clock.time(), shots: Vec::new() };
        let there = match self.list() {
            Ok(there) => there,
            Err(error) => {
                if !self.is_lost {
                    let why = format!("{} can't be listed: {error}", self.folder.display());
                    gathering.failed("folder", &why);
                }
                self.is_lost = true;
                return gathering.shots;
            }
        };
        self.is_lost = false;
        let due = self.due(there);
        let (mut taken, mut states) = (Vec::new(), Vec::new());
        for part in due.chunks(AT_ONCE) {
            let (folder, budget) = (&self.folder, self.budget);
            let found = parallel::map_items(part, 1, |(name, ..)| find(&folder.join(name), budget));
            for ((name, stamp, is_settled), found) in part.iter().zip(found) {
                let (stamp, is_settled) = (*stamp, *is_settled);
                let state = match found {
                    Found::Profile(kind, profile) => {
                        recorded.newest = Totals::default();
                        match recorded.add(&self.folder.join(name), kind, &profile) {
                            Ok(()) => {
                                let (nanos, bytes) = (profile.header.time_nanos, stamp.bytes);
                                taken.push((nanos, name.clone(), kind, bytes, recorded.newest));
                                State::Profile
                            }
                            Err(why) => {
                                gathering.failed("file", &format!("{name}: {why}"));
                                State::Refused(stamp)
                            }
                        }
                    }
                    Found::Fact => {
                        recorded.add_fact(&self.folder.join(name), self.budget);
                        State::Fact(stamp)
                    }
                    Found::Other => State::Refused(stamp),
                    Found::Broken(why) if is_settled => {
                        gathering.failed("file", &format!("{name}: {why}"));
                        State::Refused(stamp)
                    }
                    // It is most likely being written.
                    Found::Broken(_) | Found::Gone => State::Seen(stamp),
                };
                states.push((name.clone(), state));
            }
        }
        self.known.extend(states);
        taken.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| natural(&a.1, &b.1)));
        for (nanos, file, kind, bytes, totals) in taken {
            gathering.taken(nanos, Taken { kind, file, bytes, seconds: 0.0, retries: Vec::new() });
            gathering.add(totals);
        }
        if let Some(shot) = gathering.shots.last_mut() {
            shot.totals.resident = recorded.newest.resident;
        }
        gathering.shots
    }

    /// Whether to read a file now, and whether it is as it was at the last look. Notes what was seen
    /// for the first time.
    fn due(&mut self, there: BTreeMap<String, Stamp>) -> Vec<(String, Stamp, bool)> {
        self.known.retain(|name, _| there.contains_key(name));
        let mut due = Vec::new();
        for (name, stamp) in there {
            let is_settled = match self.known.get(&name) {
                Some(State::Profile) => continue,
                Some(State::Fact(own) | State::Refused(own)) if *own == stamp => continue,
                Some(State::Seen(own)) => *own == stamp,
                _ => false,
            };
            self.known.insert(name.clone(), State::Seen(stamp));
            if is_settled || is_packed(&self.folder.join(&name)) {
                due.push((name, stamp, is_settled));
            }
        }
        due.sort_by(|a, b| natural(&a.0, &b.0));
        due
    }

    /// The files, without hidden ones and lists of captured files.
    fn list(&self) -> io::Result<BTreeMap<String, Stamp>> {
        let mut there = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || name == MANIFEST {
                continue;
            }
            // It may have gone since.
            let Ok(metadata) = fs::metadata(entry.path()) else { continue };
            if metadata.is_file() {
                let stamp = Stamp { bytes: metadata.len(), changed: metadata.modified().ok() };
                there.insert(name, stamp);
            }
        }
        Ok(there)
    }
}

/// Whether a file ends with a checksum: gzip, zstd, bzip2.
fn is_packed(path: &Path) -> bool {
    let mut head = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let starts = |magic: &[u8]| head.starts_with(magic);
    read.is_ok() && (starts(b"\x1f\x8b") || starts(b"\x28\xb5\x2f\xfd") || starts(b"BZh"))
}

fn find(path: &Path, budget: Budget) -> Found {
    let content = match so_far::read(path, budget) {
        Ok(content) => content,
        Err(_) if !path.exists() => return Found::Gone,
        Err(why) => return Found::Broken(why),
    };
    match content {
        Content::Goroutines(profile) => Found::Profile("goroutine", Box::new(profile)),
        Content::Profile(profile) if measures::kind(&profile.header) == Kind::Heap => {
            Found::Profile("heap", Box::new(profile))
        }
        Content::Collections(_) | Content::Gauges(_) => Found::Fact,
        Content::Profile(_) | Content::GcTrace(_) | Content::Other(_) => Found::Other,
    }
}

/// The shots of one look.
struct Gathering {
    number: usize,
    now: Timestamp,
    shots: Vec<Shot>,
}

impl Gathering {
    fn shot(&mut self, time: Timestamp, is_part: impl Fn(&Shot) -> bool) -> &mut Shot {
        if !self.shots.last().is_some_and(is_part) {
            let number = self.number + self.shots.len();
            let time = time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
            self.shots.push(Shot { number, time, ..Shot::default() });
        }
        let last = self.shots.len() - 1;
        &mut self.shots[last]
    }

    /// Adds a file: to the last shot, unless that has one of its kind.
    fn taken(&mut self, nanos: i64, file: Taken) {
        let own = Timestamp::from_nanosecond(i128::from(nanos)).ok().filter(|_| nanos != 0);
        let time = own.unwrap_or(self.now);
        let kind = file.kind;
        self.shot(time, |shot| shot.failed.is_empty() && !shot.has(kind)).files.push(file);
    }

    /// Adds what the file that was added last adds up to.
    fn add(&mut self, totals: Totals) {
        if let Some(shot) = self.shots.last_mut() {
            let Totals { live, goroutines, resident } = &mut shot.totals;
            *live = live.or(totals.live);
            *goroutines = goroutines.or(totals.goroutines);
            *resident = resident.or(totals.resident);
        }
    }

    fn failed(&mut self, kind: &'static str, error: &str) {
        let now = self.now;
        // It may quote names of files, and those in a profile.
        let error = escape(error).into_owned();
        let failure = Failure { kind, error, is_refused: false };
        self.shot(now, |shot| shot.files.is_empty()).failed.push(failure);
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::FastClock;
    use super::super::manifest::Shot;
    use super::super::so_far::Recorded;
    use super::Filled;
    use crate::input::Budget;
    use std::fs;
    use std::path::{Path, PathBuf};

    struct Case {
        folder: PathBuf,
        filled: Filled,
        recorded: Recorded,
    }

    impl Case {
        fn new(name: &str) -> Self {
            let own = format!("heapdiff-filled-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(own);
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir(&folder).unwrap();
            let filled = Filled::new(folder.clone(), Budget::default());
            Self { folder, filled, recorded: Recorded::default() }
        }

        fn put(&self, name: &str, bytes: &[u8]) {
            fs::write(self.folder.join(name), bytes).unwrap();
        }

        /// The files that a look takes, and what fails.
        fn look(&mut self) -> Vec<String> {
            let clock = FastClock::starting("2026-01-02T03:04:05Z".parse().unwrap());
            let shots = self.filled.look(1, &clock, &mut self.recorded);
            let words = |shot: &Shot| {
                let files = shot.files.iter().map(|file| format!("{} {}", file.kind, file.file));
                files.chain(shot.failed.iter().map(|one| one.error.clone())).collect::<Vec<_>>()
            };
            shots.iter().map(|shot| words(shot).join(", ")).collect()
        }
    }

    impl Drop for Case {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn sample(name: &str) -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/harbor/one").join(name))
            .unwrap()
    }

    #[test]
    fn files_are_taken_once_they_are_whole() {
        let mut case = Case::new("whole");
        assert_eq!(case.look(), [""; 0]);
        let packed = sample("heap-00.pb.gz");
        case.put("a.pb.gz", &packed[..packed.len() / 2]);
        case.put(".hidden.pb.gz", &packed);
        case.put("manifest.json", b"{}");
        assert_eq!(case.look(), [""; 0], "half of it");
        case.put("a.pb.gz", &packed);
        assert_eq!(case.look(), ["heap a.pb.gz"]);
        assert_eq!(case.look(), [""; 0], "once");
        // What isn't packed has to stay as it is from one look to the next.
        let text = b"heap profile: 1: 4096 [2: 8192] @ heap/1048576\n1: 4096 [2: 8192] @ 0x1\n#\t0x0\tmain.f+0x1\t/f.go:1\n";
        case.put("b.txt", &text[..60]);
        assert_eq!(case.look(), [""; 0]);
        case.put("b.txt", text);
        assert_eq!(case.look(), [""; 0], "it grew");
        assert_eq!(case.look(), ["heap b.txt"]);
    }

    #[test]
    fn files_of_one_moment_are_one_shot_in_order_of_time() {
        let mut case = Case::new("moments");
        for name in ["heap-02", "goroutine-02", "heap-01", "goroutine-01"] {
            let name = format!("{name}.pb.gz");
            case.put(&name, &sample(&name));
        }
        let shots = case.look();
        let heap = |shot: &str| shot.find("heap").is_some() && shot.find("goroutine").is_some();
        assert_eq!(shots.len(), 2, "{shots:?}");
        assert!(shots.iter().all(|shot| heap(shot)), "{shots:?}");
        assert!(shots[0].contains("heap-01") && shots[1].contains("heap-02"), "{shots:?}");
    }

    #[test]
    fn what_is_damaged_is_said_once_and_what_is_no_profile_never() {
        let mut case = Case::new("damaged");
        let packed = sample("heap-00.pb.gz");
        case.put("cut.pb.gz", &packed[..packed.len() / 2]);
        case.put("notes.md", b"# Notes\n\nNothing about memory.\n");
        assert_eq!(case.look(), [""; 0]);
        let said = case.look();
        assert!(said.len() == 1 && said[0].starts_with("cut.pb.gz: "), "{said:?}");
        assert_eq!(case.look(), [""; 0]);
        case.put("cut.pb.gz", &packed);
        assert_eq!(case.look(), ["heap cut.pb.gz"], "it is whole now");
    }

    #[test]
    fn a_profile_of_another_program_is_said_once_and_spoils_nothing() {
        let mut case = Case::new("other");
        case.put("a.pb.gz", &sample("heap-00.pb.gz"));
        assert_eq!(case.look(), ["heap a.pb.gz"]);
        // It doesn't say what was allocated, and so has other sample types.
        let text = b"heap profile: 1: 4096 [1: 4096] @ heap/1048576\n1: 4096 [1: 4096] @ 0x1\n#\t0x0\tmain.f+0x1\t/f.go:1\n";
        case.put("b\n\x1b.txt", text);
        case.look();
        let said = case.look();
        assert!(
            said[0].starts_with("b\\u{a}\\u{1b}.txt: it is a profile of objects, space"),
            "{said:?}"
        );
        assert_eq!(case.look(), [""; 0], "said once");
        case.put("c.pb.gz", &sample("heap-01.pb.gz"));
        assert_eq!(case.look(), ["heap c.pb.gz"]);
    }

    #[test]
    fn files_and_folders_may_go_away() {
        let mut case = Case::new("gone");
        case.put("a.pb.gz", &sample("heap-00.pb.gz"));
        assert_eq!(case.look(), ["heap a.pb.gz"]);
        fs::remove_file(case.folder.join("a.pb.gz")).unwrap();
        assert_eq!(case.look(), [""; 0]);
        fs::rename(&case.folder, case.folder.with_extension("away")).unwrap();
        let said = case.look();
        assert!(said.len() == 1 && said[0].contains("can't be listed"), "{said:?}");
        assert_eq!(case.look(), [""; 0], "said once");
        fs::rename(case.folder.with_extension("away"), &case.folder).unwrap();
        case.put("b.pb.gz", &sample("heap-01.pb.gz"));
        assert_eq!(case.look(), ["heap b.pb.gz"]);
    }

    #[test]
    fn a_list_of_samples_is_read_again_when_it_grows() {
        let mut case = Case::new("grows");
        case.put("rss.csv", b"time,rss\n2026-01-02T03:04:05Z,1000000\n");
        assert_eq!((case.look().len(), case.look().len()), (0, 0), "no shot");
        assert_eq!(case.recorded.newest.resident, Some(1_000_000));
        case.put(
            "rss.csv",
            b"time,rss\n2026-01-02T03:04:05Z,1000000\n2026-01-02T03:05:05Z,2000000\n",
        );
        case.look();
        case.look();
        assert_eq!(case.recorded.newest.resident, Some(2_000_000));
    }
}
