//! The fast decoder reads the same as a slow and obvious one.

use super::plain::{plain, reference};
use super::random::Random;
use super::{corpus, dsl};
use heapdiff::input::pprof::{decode, encode, proto};
use heapdiff::input::{self, Beginning, Budget, Holds, Meter};
use prost::Message;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// The allowed differences between the readers: pprof refuses the old group type, which prost
/// skips, and a second time, of which prost keeps the last; if there are two headers, the file has
/// one `time_nanos` too many.
const REFUSED_BY_OURS_ALONE: &[&str] =
    &["unknown-group.pb.gz", "concatenated.pb.gz", "concatenated-gzip.pb.gz"];

#[test]
fn recordings_are_read_alike() {
    let mut files = corpus::testdata();
    files.extend(corpus::verdicts().iter().flat_map(|folder| corpus::files(folder)));
    files.extend(corpus::shared(&["corpus", "patterns-lab"]));
    let (mut read, mut refused) = (0, 0);
    for file in files {
        match compare(&file) {
            Ok(true) => read += 1,
            Ok(false) => refused += 1,
            Err(why) => panic!("{}: {why}", corpus::shown(&file)),
        }
    }
    println!("{read} profiles read alike, {refused} refused by both");
    assert!(read > 60 && refused > 25, "{read} read, {refused} refused");
}

/// Whether both readers read a file, with equal results.
fn compare(file: &Path) -> Result<bool, String> {
    let bytes = std::fs::read(file).unwrap();
    if let Ok(Beginning::Known(format)) = input::look(bytes.as_slice())
        && format.holds == Holds::TextProfile
    {
        return Ok(false);
    }
    let ours = input::read_profile(bytes.as_slice());
    let theirs = corpus::unpacked(&bytes).map(|plain| reference(&plain));
    let name = file.file_name().unwrap().to_str().unwrap();
    match (ours, theirs) {
        (Ok(ours), Some(Ok(theirs))) if plain(&ours) == theirs => Ok(true),
        (Ok(_), Some(Ok(_))) => Err("read differently".to_owned()),
        (Ok(_), Some(Err(why))) => Err(format!("the slow reader alone refuses it: {why}")),
        (Ok(_), None) => Err("the gzip is broken, and it is read".to_owned()),
        (Err(_), Some(Ok(_))) if REFUSED_BY_OURS_ALONE.contains(&name) => Ok(false),
        (Err(why), Some(Ok(_))) => Err(format!("the fast reader alone refuses it: {why}")),
        (Err(_), _) => Ok(false),
    }
}

#[test]
fn random_profiles_are_read_alike_however_they_are_written() {
    let mut random = Random(1);
    let mut samples = 0;
    for round in 0..600 {
        let profile = random.profile(|random| random.number() as i64);
        for bytes in [dsl::bytes(&profile), random.wire(&profile), random.wire(&profile)] {
            let expected = reference(&bytes).unwrap();
            let ours = input::read_profile(bytes.as_slice())
                .unwrap_or_else(|error| panic!("round {round}: {error}"));
            let ours = plain(&ours);
            assert_eq!(ours, expected, "round {round}");
            samples += ours.samples.len();
        }
    }
    assert!(samples > 20_000, "only {samples} samples");
}

#[test]
fn what_arrives_byte_by_byte_is_read_alike() {
    struct Slow<'a>(&'a [u8]);
    impl std::io::Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let n = usize::from(!self.0.is_empty() && !buf.is_empty());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }
    let mut random = Random(2);
    for _ in 0..20 {
        let bytes = random.wire(&random_heap(&mut Random(3)));
        let profile =
            decode(&mut Slow(&bytes), Meter::new(Budget::default(), &AtomicU64::new(0))).unwrap();
        assert_eq!(plain(&profile), reference(&bytes).unwrap());
    }
}

fn random_heap(random: &mut Random) -> proto::Profile {
    random.profile(|random| random.below(1000) as i64)
}

#[test]
fn a_profile_that_is_written_reads_as_it_was() {
    let mut files = corpus::testdata();
    files.extend(corpus::shared(&["corpus"]));
    let mut written = 0;
    for file in files {
        let Ok(profile) = input::read_profile(std::fs::read(&file).unwrap().as_slice()) else {
            continue;
        };
        let (plain_bytes, mut packed) = (encode::encode(&profile), Vec::new());
        encode::write(&profile, &mut packed).unwrap();
        for bytes in [&plain_bytes, &packed] {
            let again = input::read_profile(bytes.as_slice()).unwrap();
            assert!(plain(&again) == plain(&profile), "{}", corpus::shown(&file));
        }
        assert!(packed.starts_with(&[0x1f, 0x8b]), "{}", corpus::shown(&file));
        assert_eq!(corpus::unpacked(&packed).unwrap(), plain_bytes, "{}", corpus::shown(&file));
        assert_eq!(reference(&plain_bytes).unwrap(), plain(&profile), "{}", corpus::shown(&file));
        written += 1;
    }
    assert!(written > 60, "only {written} were written");
}

#[test]
fn random_profiles_are_written_as_they_were() {
    let mut random = Random(4);
    for round in 0..300 {
        let bytes = dsl::bytes(&random.profile(|random| random.number() as i64));
        let profile = input::read_profile(bytes.as_slice()).unwrap();
        let written = encode::encode(&profile);
        let again = input::read_profile(written.as_slice()).unwrap();
        assert_eq!(plain(&again), plain(&profile), "round {round}");
        assert_eq!(encode::encode(&again), written, "round {round}: written twice");
    }
}

#[test]
fn each_string_is_written_once_and_the_empty_one_first() {
    let profile = dsl::heap(&[
        dsl::stack("main;f").inuse(1, 16).sized(16).label("tenant", ""),
        dsl::stack("main;f;f").inuse(1, 16).number("generation", 0, ""),
    ]);
    // A second empty string, for a label whose value is empty but present.
    let mut doubled = profile.clone();
    doubled.string_table.push(Vec::new());
    doubled.sample[0].label[1].str = doubled.string_table.len() as i64 - 1;
    for (profile, empty) in [(&profile, 1), (&doubled, 2)] {
        let read = input::read_profile(dsl::bytes(profile).as_slice()).unwrap();
        let written = encode::encode(&read);
        let table = proto::Profile::decode(written.as_slice()).unwrap().string_table;
        assert!(table[0].is_empty());
        assert_eq!(table.iter().filter(|s| s.is_empty()).count(), empty);
        let mut once = table.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len() + empty - 1, table.len());
        assert_eq!(plain(&input::read_profile(written.as_slice()).unwrap()), plain(&read));
    }
}
