//! The flame graph: its sums match the profile, its stacks match `top`, and no name breaks the SVG.
//! `tests/browser/flame.rs` opens it in a browser.

use super::ask::{ask, query, series};
use super::corpus;
use super::dsl::{bytes, heap, stack};
use super::pictures::{Drawn, flame, frames, hostile, hostile_profile, picture, written};
use heapdiff::analysis::flame::{FlameDirection, FlameFrame, FlameOptions, FlamePart, FlameWidth};
use heapdiff::analysis::stacks::StackOrder;
use heapdiff::filter::Spec;
use heapdiff::model::profile::SampleType;
use heapdiff::output::Format;
use heapdiff::report::{Question, Report, analyze};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn folded(inputs: &[&[u8]], order: StackOrder) -> Report {
    ask(Question::Stacks(order), inputs, "")
}

/// Profiles to draw: a single one, and two to compare.
fn cases() -> Vec<(String, Vec<Vec<u8>>)> {
    let mut cases = Vec::new();
    for pair in [
        "chat",
        "allocs",
        "generics-inline",
        "goroutine",
        "crafted/no-symbols",
        "crafted/recursion",
    ] {
        let [before, after] = corpus::pair(pair);
        cases.push((pair.to_owned(), vec![after.clone()]));
        cases.push((format!("{pair} compared"), vec![before, after]));
    }
    cases
}

fn slices(inputs: &[Vec<u8>]) -> Vec<&[u8]> {
    inputs.iter().map(Vec::as_slice).collect()
}

/// The frames directly under each frame, by position.
fn children(frames: &[FlameFrame]) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); frames.len()];
    let mut path: Vec<usize> = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        path.truncate(frame.depth as usize);
        if let Some(&parent) = path.last() {
            children[parent].push(i);
        }
        assert_eq!(path.len(), frame.depth as usize, "a level is missing above frame {i}");
        path.push(i);
    }
    children
}

#[test]
fn every_frame_is_what_ends_there_and_what_stands_under_it() {
    for (name, inputs) in cases() {
        for direction in [FlameDirection::RootFirst, FlameDirection::LeafFirst] {
            for width in [FlameWidth::After, FlameWidth::Before, FlameWidth::Delta] {
                if inputs.len() == 1 && width != FlameWidth::After {
                    continue;
                }
                let wanted = FlameOptions { direction, ..picture(width) };
                let (report, flame) = flame(&slices(&inputs), wanted);
                let total = &report.totals.iter().find(|t| t.sample_type == report.sample_type);
                let total = total.unwrap();
                let all = &flame.frames[0];
                assert_eq!(all.value.after.cum, total.value.after, "{name}");
                assert_eq!(all.value.before.map(|before| before.cum), total.value.before, "{name}");
                assert_eq!(flame.narrow.rows, 0, "{name}: nothing is too narrow for a width of 0");
                for (i, children) in children(&flame.frames).into_iter().enumerate() {
                    let frame = &flame.frames[i];
                    let sum: i64 = children.iter().map(|&child| flame.frames[child].width).sum();
                    assert!(sum <= frame.width, "{name}: {frame:?}");
                    if width == FlameWidth::After && frame.run == 1 && frame.deeper.is_none() {
                        assert_eq!(
                            sum + frame.value.after.flat,
                            frame.value.after.cum,
                            "{name}: {frame:?}"
                        );
                    }
                    let by_width =
                        |pair: &[usize]| flame.frames[pair[0]].width >= flame.frames[pair[1]].width;
                    assert!(children.windows(2).all(by_width), "{name}: the widest come first");
                }
                // Everything without width is in the strip.
                let strip = flame.elided.first().map_or(0, |frame| frame.width);
                match width {
                    FlameWidth::After
                        if inputs.len() == 2 && direction == FlameDirection::RootFirst =>
                    {
                        assert_eq!(strip, gone(&slices(&inputs)), "{name}");
                    }
                    FlameWidth::Delta => assert_eq!(strip, 0, "{name}"),
                    _ => {}
                }
            }
        }
    }
}

/// Sum before of the stacks that have nothing after, and no stack that begins with them, from
/// folded lines.
fn gone(inputs: &[&[u8]]) -> i64 {
    let report = folded(inputs, StackOrder::RootFirst);
    let text = written(Format::Folded, &report);
    let lines: Vec<(&str, i64, i64)> = text.lines().map(difference).collect();
    let is_there = |stack: &str| {
        lines.iter().any(|(other, _, after)| {
            *after != 0
                && other.strip_prefix(stack).is_some_and(|r| r.is_empty() || r.starts_with(';'))
        })
    };
    lines
        .iter()
        .filter(|(stack, before, _)| *before != 0 && !is_there(stack))
        .map(|line| line.1)
        .sum()
}

/// A line with two values.
fn difference(line: &str) -> (&str, i64, i64) {
    let (rest, after) = line.rsplit_once(' ').unwrap();
    let (stack, before) = rest.rsplit_once(' ').unwrap();
    (stack, before.parse().unwrap(), after.parse().unwrap())
}

#[test]
fn folded_stacks_add_up_to_the_top() {
    for (name, inputs) in cases() {
        for (i, input) in inputs.iter().enumerate() {
            let top = ask(Question::Top, &[input], "");
            let expected: BTreeMap<String, i64> = answer!(top.answer, Top)
                .rows
                .iter()
                .filter(|row| row.flat != 0)
                .map(|row| (row.name.replace(';', ":"), row.flat))
                .collect();
            for order in [StackOrder::RootFirst, StackOrder::LeafFirst] {
                let report = folded(&slices(&inputs), order);
                let mut sums: BTreeMap<String, i64> = BTreeMap::new();
                let text = written(Format::Folded, &report);
                for line in text.lines() {
                    let (stack, value) = if inputs.len() == 2 {
                        let (stack, before, after) = difference(line);
                        (stack, [before, after][i])
                    } else {
                        let (stack, value) = line.rsplit_once(' ').unwrap();
                        (stack, value.parse().unwrap())
                    };
                    let mut frames = stack.split(';');
                    let leaf = match order {
                        StackOrder::RootFirst => frames.next_back(),
                        StackOrder::LeafFirst => frames.next(),
                    };
                    // `top` has an address without symbols under its binary.
                    let leaf = leaf.unwrap();
                    let leaf = match leaf.rsplit_once("+0x") {
                        Some((binary, _)) => format!("[{binary}]"),
                        None => leaf.to_owned(),
                    };
                    *sums.entry(leaf).or_default() += value;
                }
                sums.retain(|_, &mut value| value != 0);
                assert_eq!(sums, expected, "{name}, {order:?}");
            }
        }
    }
}

#[test]
fn a_difference_reads_as_it_happened() {
    let before = bytes(&heap(&[stack("main;load").inuse(1, 64), stack("main;old").inuse(1, 100)]));
    let after = bytes(&heap(&[stack("main;load").inuse(3, 192), stack("main;new").inuse(1, 8)]));
    let report = folded(&[&before, &after], StackOrder::RootFirst);
    let mut lines: Vec<String> =
        written(Format::Folded, &report).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["main;load 64 192", "main;new 0 8", "main;old 100 0"]);

    let (_, flame) = flame(&[&before, &after], picture(FlameWidth::After));
    let line = |frame: &FlameFrame| {
        let name = &flame.names[frame.name as usize];
        format!(
            "{} {name} {} {:?}",
            frame.depth,
            frame.width,
            frame.value.delta.map(|delta| delta.cum)
        )
    };
    let main: Vec<_> = flame.frames.iter().map(line).collect();
    let strip: Vec<_> = flame.elided.iter().map(line).collect();
    assert_eq!(
        main,
        ["0 all 200 Some(36)", "1 main 200 Some(36)", "2 load 192 Some(128)", "2 new 8 Some(8)"]
    );
    assert_eq!(strip, ["0 gone 100 Some(-100)", "1 main 100 Some(-100)", "2 old 100 Some(-100)"]);
}

#[test]
fn opposite_changes_do_not_cancel_in_a_width() {
    let before = bytes(&heap(&[stack("main;a").inuse(1, 1000)]));
    let after = bytes(&heap(&[stack("main;b").inuse(1, 1000)]));
    let (_, flame) = flame(&[&before, &after], picture(FlameWidth::Delta));
    let main = &flame.frames[1];
    assert_eq!((main.width, main.value.delta.unwrap().cum), (2000, 0));
    assert!(flame.elided.is_empty());
}

#[test]
fn recursion_is_one_frame_and_depth_has_an_end() {
    let again = ["main"].into_iter().chain(std::iter::repeat_n("walk", 3000)).chain(["leaf"]);
    let again: Vec<&str> = again.collect();
    let profile = bytes(&heap(&[stack(&again.join(";")).inuse(1, 64)]));
    for direction in [FlameDirection::RootFirst, FlameDirection::LeafFirst] {
        let (report, flame) =
            flame(&[&profile], FlameOptions { direction, ..picture(FlameWidth::After) });
        assert_eq!(flame.frames.len(), 4);
        assert_eq!(flame.frames[2].run, 3000);
        assert!(written(Format::Svg, &report).contains("walk ×3 000 ("));
    }
    let deep: Vec<&str> = std::iter::repeat_n(["ping", "pong"], 2000).flatten().collect();
    let profile = bytes(&heap(&[stack(&deep.join(";")).inuse(1, 64)]));
    for direction in [FlameDirection::RootFirst, FlameDirection::LeafFirst] {
        let (report, flame) =
            flame(&[&profile], FlameOptions { direction, ..picture(FlameWidth::After) });
        let last = flame.frames.last().unwrap();
        assert_eq!((flame.frames.len() as u32, last.deeper), (252, Some(4000 - 250)));
        assert_eq!(last.value.after.cum, 64);
        assert!(written(Format::Svg, &report).contains("… 3 750 more frames ("));
    }
    // Other tools get the unchanged stack.
    let report = folded(&[&profile], StackOrder::RootFirst);
    assert_eq!(written(Format::Folded, &report), format!("{} 64\n", deep.join(";")));
}

#[test]
fn what_is_too_narrow_is_counted_and_stays_in_what_it_stands_under() {
    let small: Vec<String> = (0..500).map(|i| format!("main;small{i}")).collect();
    let mut stacks = vec![stack("main;large").inuse(1, 1_000_000)];
    stacks.extend(small.iter().map(|small| stack(small).inuse(1, 100)));
    let wanted = FlameOptions { min_width: 500, ..picture(FlameWidth::After) };
    let (report, flame) = flame(&[&bytes(&heap(&stacks))], wanted);
    assert_eq!(flame.frames.len(), 4);
    assert_eq!((flame.frames[3].several, flame.frames[3].value.after.cum), (Some(500), 50_000));
    assert_eq!(flame.frames[1].value.after.cum, 1_050_000);
    assert_eq!((flame.narrow.rows, flame.narrow.sum), (500, 50_000));
    let svg = written(Format::Svg, &report);
    assert!(
        svg.contains("500 frames with everything under them, together 48.8 KiB or 4.8 %"),
        "{svg}"
    );
}

#[test]
fn lines_that_moved_between_builds_have_no_width_as_a_change() {
    let before = heap(&[stack("main;f").inuse(1, 100)]);
    let mut after = heap(&[stack("main;f").inuse(1, 100), stack("main;g").inuse(1, 7)]);
    after.location.iter_mut().for_each(|location| location.line[0].line += 5);
    let (_, flame) = flame(&[&bytes(&before), &bytes(&after)], picture(FlameWidth::Delta));
    let drawn: Vec<_> =
        flame.frames.iter().map(|f| (flame.names[f.name as usize].as_str(), f.width)).collect();
    assert_eq!(drawn, [("all", 7), ("main", 7), ("g", 7)]);
}

#[test]
fn a_picture_of_many_frames_stays_small() {
    let names: Vec<String> =
        (0..11_000).map(|i| format!("main;package{}.function{i}", i % 100)).collect();
    let stacks: Vec<_> = names.iter().zip(1..).map(|(name, i)| stack(name).inuse(1, i)).collect();
    let (report, flame) = flame(&[&bytes(&heap(&stacks))], picture(FlameWidth::After));
    assert_eq!(flame.frames.len(), 10_000);
    assert_eq!(flame.narrow.rows, 11_002 - 10_000);
    let drawn: i64 = flame.frames[2..].iter().map(|frame| frame.width).sum();
    assert_eq!(drawn + flame.narrow.sum, flame.frames[0].width);
    assert!(written(Format::Svg, &report).len() < 5_000_000);
}

#[test]
fn a_change_has_the_same_colour_in_every_picture() {
    let fill = |before: i64, after: i64| {
        let rest = || stack("rest").inuse(1, 1_000_000);
        let profile = |value| bytes(&heap(&[rest(), stack("main").inuse(1, value)]));
        let (before, after) = (profile(before), profile(after));
        let mut series = series(&[&before, &after]).unwrap();
        // Without a period the error is unknown, and colours are those of the change.
        for snapshot in series.snapshots.iter_mut().map(Arc::make_mut) {
            snapshot.header.period_type = SampleType::default();
            snapshot.header.period = 0;
        }
        let query = query(Question::Flame(picture(FlameWidth::After)), "inuse_space");
        let report = analyze(series, &query, &Spec::default()).unwrap();
        frames(&written(Format::Svg, &report))
            .iter()
            .find(|frame| frame.title.starts_with("main ("))
            .unwrap()
            .fill
            .clone()
    };
    // The steps are 0.1, 1, 5 and 20 % of the larger total, here slightly more than 1 000 000.
    let shades = [10_500, 12_000, 25_000, 65_000, 400_000].map(|after| fill(10_000, after));
    assert_eq!(shades.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "{shades:?}");
    assert_eq!(fill(50_000, 52_000), shades[1], "how much it is of its own before does not matter");
    assert_eq!(fill(10_000, 10_000), "rgb(236,236,236)");
    assert_ne!(fill(12_000, 10_000), shades[1], "shrinkage is not growth");
}

#[test]
fn what_sampling_explains_is_pale() {
    let [before, after] = corpus::pair("chat");
    let (report, flame) = flame(&[&before, &after], picture(FlameWidth::After));
    let noise = flame.frames.iter().filter(|frame| {
        frame.value.delta.unwrap().cum != 0
            && frame.error.is_some_and(|e| e.lower <= 0 && e.upper >= 0)
    });
    let noise = noise.count();
    let svg = written(Format::Svg, &report);
    let pale =
        frames(&svg).into_iter().filter(|frame| frame.title.contains("within sampling error"));
    let pale: Vec<_> = pale.collect();
    assert!(noise > 0 && noise <= pale.len(), "{noise} of {}", pale.len());
    for frame in pale {
        let light = frame.fill.trim_start_matches("rgb(").trim_end_matches(')').split(',');
        assert!(light.map(|part| part.parse::<u32>().unwrap()).all(|part| part > 225), "{frame:?}");
    }
    let loud = frames(&svg).into_iter().find(|frame| frame.name.starts_with("chat/limiter.(*Lim"));
    let loud = loud.unwrap();
    assert!(loud.fill.starts_with("rgb(218,"), "{loud:?}");
    assert!(
        loud.title.contains("before 13.0 MiB → after 95.2 MiB, Δ +82.2 MiB ±12.9 MiB, +631 %"),
        "{loud:?}"
    );
}

#[test]
fn every_frame_is_drawn_inside_the_one_it_stands_under() {
    for (name, inputs) in cases() {
        let (report, flame) = flame(&slices(&inputs), picture(FlameWidth::After));
        let drawn = frames(&written(Format::Svg, &report));
        assert_eq!(drawn.len(), flame.frames.len() + flame.elided.len(), "{name}");
        let top = drawn.iter().map(|frame| frame.y).fold(f64::INFINITY, f64::min);
        for frame in &drawn {
            let over = |other: &&Drawn| {
                (other.y - frame.y + 16.0).abs() < 0.01
                    && other.x <= frame.x + 0.001
                    && other.x + other.width + 0.001 >= frame.x + frame.width
            };
            assert!(frame.y <= top || drawn.iter().any(|other| over(&other)), "{name}: {frame:?}");
        }
    }
}

#[test]
fn no_name_breaks_the_picture() {
    let svg = written(Format::Svg, &hostile());
    let drawn = frames(&svg);
    let has = |part: &str| drawn.iter().any(|frame| frame.title.contains(part));
    assert!(has("a<script src='x ("), "{drawn:?}");
    assert!(has("]]>&amp;'\" ("), "{drawn:?}");
    assert!(has("a;b 12 ("), "{drawn:?}");
    assert!(has("esc\\u{1b}[31m ("), "{drawn:?}");
    assert!(has("bidi\\u{202e}gpj ("), "{drawn:?}");
    assert!(has("nul\\u{0}line\\u{a}end ("), "{drawn:?}");
    assert!(svg.matches("<script").count() == 1, "only the script of the picture is one");
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
    let lines = written(Format::Folded, &hostile_folded());
    assert_eq!(lines.lines().count(), 9);
    for line in lines.lines() {
        assert_eq!(line.split(';').count(), 2, "{line}");
        assert!(line.rsplit_once(' ').unwrap().1.parse::<i64>().is_ok(), "{line}");
    }
}

fn hostile_folded() -> Report {
    folded(&[&hostile_profile()], StackOrder::RootFirst)
}

#[test]
fn nothing_to_draw_is_a_picture_as_well() {
    let empty = bytes(&heap(&[]));
    let one = bytes(&heap(&[stack("main").inuse(1, 64)]));
    let elided = FlameOptions { part: FlamePart::Elided, ..picture(FlameWidth::After) };
    let cases: [(&[&[u8]], FlameOptions, &str); 4] = [
        (&[&empty], picture(FlameWidth::After), "no samples"),
        (&[&empty, &empty], picture(FlameWidth::After), "no samples"),
        (&[&one, &one], picture(FlameWidth::Delta), "nothing changed"),
        (&[&one, &one], elided, "no stack is in one profile"),
    ];
    for (inputs, wanted, words) in cases {
        let (report, _) = flame(inputs, wanted);
        let drawn = frames(&written(Format::Svg, &report));
        assert_eq!(drawn.len(), 1);
        assert!(drawn[0].title.contains(words), "{words}: {drawn:?}");
    }
}

#[test]
fn a_difference_has_widths_and_folded_stacks_without_what_is_negative() {
    let profile = bytes(&heap(&[stack("main;a").inuse(1, -64), stack("main;b").inuse(1, 32)]));
    let (report, flame) = flame(&[&profile], picture(FlameWidth::After));
    assert_eq!((flame.frames[1].width, flame.frames[1].value.after.cum), (96, -32));
    let drawn = frames(&written(Format::Svg, &report));
    let fill = |name: &str| drawn.iter().find(|frame| frame.name == name).unwrap().fill.clone();
    assert_eq!((fill("a"), fill("b")), ("rgb(61,122,210)".to_owned(), "rgb(218,56,44)".to_owned()));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("negative.pb");
    std::fs::write(&file, &profile).unwrap();
    let out = heapdiff(&["flame", "-folded", &file.display().to_string()]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "main;b 32\n");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("1 stacks with negative values are left out"), "{said}");
}

fn heapdiff(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_heapdiff")).args(args).output().unwrap()
}

#[test]
fn mistakes_are_named_before_anything_is_read() {
    let cases: [(&[&str], &str); 10] = [
        (&[], "no profile given: heapdiff flame PROFILE"),
        (&["--width", "before", "a"], "--width needs two profiles"),
        (&["--elided", "a"], "--elided needs two profiles"),
        (&["-normalize", "a"], "--normalize needs two profiles"),
        (&["--elided", "--width", "delta", "a", "b"], "every changed frame has one"),
        (&["-folded", "-min_width=1", "a"], "--min-width only affects the flame graph"),
        (&["-folded", "--format", "svg", "a"], "cannot be used with"),
        (&["-min_width=200", "a"], "expected a percentage"),
        (&["-base", "x", "a", "b"], "exactly one profile"),
        (&["-focus=a(b", "a"], "regex parse error"),
    ];
    for (args, message) in cases {
        let out = heapdiff(&[&["flame"], args].concat());
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert!(error.contains(message), "{args:?}: {error}");
    }
}
