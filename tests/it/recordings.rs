//! Inputs of several kinds: what each holds, and the recording that they make.

use crate::dsl::{bytes, stack};
use crate::histories::{KIB, snapshot};
use heapdiff::analysis;
use heapdiff::input::pprof::proto;
use heapdiff::input::{self, Budget, Content, Inflate};
use heapdiff::model::history::Gather;
use heapdiff::model::recording::{Lack, Recording, Span};

/// A heap that has allocated this many objects, this many seconds after the first.
fn allocated(seconds: i64, objects: i64) -> proto::Profile {
    snapshot(seconds, &[stack("main.main;main.work").alloc(objects, objects * KIB)])
}

/// This many goroutines, as Go writes them.
fn goroutines(seconds: i64, count: i64) -> proto::Profile {
    let mut profile = snapshot(seconds, &[stack("main.main;main.wait")]);
    profile.sample_type.truncate(1);
    for sample in &mut profile.sample {
        sample.value = vec![count];
    }
    for text in profile.string_table.iter_mut().filter(|text| *text == b"alloc_objects") {
        *text = b"goroutine".into();
    }
    profile
}

fn untimed(mut profile: proto::Profile) -> proto::Profile {
    profile.time_nanos = 0;
    profile
}

/// The recording that the inputs make, in any order.
fn recording(inputs: &[proto::Profile]) -> Recording {
    let (mut profiles, mut goroutines) = (Gather::default(), Gather::default());
    for (i, profile) in inputs.iter().enumerate() {
        match input::read(bytes(profile).as_slice(), Budget::default(), Inflate::Here).unwrap() {
            Content::Profile(profile) => profiles.add(&format!("heap {i}"), &profile).unwrap(),
            Content::Goroutines(profile) => goroutines.add(&format!("g {i}"), &profile).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    analysis::recording(profiles.finish().unwrap(), goroutines.finish().unwrap())
}

fn moments(spans: &[Span]) -> Vec<&[usize]> {
    spans.iter().map(|span| span.moments.as_slice()).collect()
}

#[test]
fn an_input_is_what_its_content_says() {
    let read = |text: &[u8]| input::read(text, Budget::default(), Inflate::Here).unwrap();
    assert!(matches!(read(&bytes(&allocated(0, 1))), Content::Profile(_)));
    assert!(matches!(read(&bytes(&goroutines(0, 1))), Content::Goroutines(_)));
    let log = b"listening\ngc 1 @0.012s 3%: 0.01+0.2+0.01 ms clock, 4 P\n";
    assert!(matches!(read(log), Content::GcTrace(_)));
    let text = b"heap profile: 1: 2 [3: 4] @ heap/1048576\n";
    assert!(matches!(read(text), Content::Profile(_)));
    assert!(matches!(read(b"goroutine profile: total 0\n"), Content::Goroutines(_)));
    assert!(matches!(read(b"goroutine 1 [running]:\n"), Content::Goroutines(_)));
    let dumped = b"stopping\ngoroutine 7 [select]:\nmain.f()\n\t/app/main.go:7 +0x1\n";
    assert!(matches!(read(dumped), Content::Goroutines(_)));
    let Content::Other(refusal) = read(b"stopping\n") else { panic!("a log is no profile") };
    assert!(refusal.what.starts_with("text"), "{}", refusal.what);
    let error = input::read_profile(log.as_slice()).unwrap_err().to_string();
    assert!(error.starts_with("is a gctrace log, not a profile; "), "{error}");
}

#[test]
fn one_split_into_processes_serves_all_tracks() {
    // Counters fall after 120 s: the program was restarted.
    let heaps = [0, 60, 120, 200, 260].into_iter().zip([10, 20, 30, 5, 15]);
    let mut inputs: Vec<_> = [10, 130, 190, 250].map(|at| goroutines(at, at)).into();
    inputs.extend(heaps.map(|(at, objects)| allocated(at, objects)));
    let recording = recording(&inputs);
    assert_eq!(moments(&recording.profiles.processes), [&[0, 1, 2][..], &[3, 4]]);
    assert_eq!(moments(&recording.goroutines.processes), [&[0, 1][..], &[2, 3]]);
    assert_eq!(recording.goroutines.processes[1].hours, [0.0, 60.0 / 3600.0]);
    assert_eq!(recording.main().order.len(), 5);
}

#[test]
fn goroutines_alone_are_what_a_recording_is_about() {
    let recording = recording(&[goroutines(60, 2), goroutines(0, 1)]);
    assert!(recording.is_of_goroutines() && recording.profiles.is_empty());
    assert_eq!(recording.tracks().count(), 1);
    assert_eq!(recording.main().order, [0, 1]);
    assert_eq!(recording.main().lacks, [Lack::Snapshots]);
}

#[test]
fn a_track_says_what_it_lacks() {
    let four: Vec<_> = (0..4).map(|i| allocated(60 * i, 10 + i)).collect();
    assert_eq!(recording(&four).profiles.lacks, [Lack::Goroutines]);
    let more = [four.as_slice(), &[untimed(goroutines(0, 1))]].concat();
    let both = recording(&more);
    assert!(both.profiles.lacks.is_empty());
    assert_eq!(both.goroutines.lacks, [Lack::Times, Lack::Snapshots]);
    let some: Vec<_> = four.into_iter().take(3).map(untimed).collect();
    let lacks = [Lack::Times, Lack::Snapshots, Lack::Goroutines];
    assert_eq!(recording(&some).profiles.lacks, lacks);
}
