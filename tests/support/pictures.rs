//! Draws flame graphs from profiles, and parses them.

use super::ask::ask;
use super::dsl::{bytes, heap, stack};
use heapdiff::analysis::flame::{Flame, FlameDirection, FlameOptions, FlamePart, FlameWidth};
use heapdiff::output::{self, FileNames, Format, Style};
use heapdiff::report::{Question, Report};
use quick_xml::Reader;
use quick_xml::events::Event;

/// A flame graph in which every frame is wide enough.
pub(crate) fn picture(width: FlameWidth) -> FlameOptions {
    FlameOptions {
        width,
        direction: FlameDirection::RootFirst,
        min_width: 0,
        part: FlamePart::Whole,
    }
}

/// The answer, and its flame graph.
pub(crate) fn flame(inputs: &[&[u8]], wanted: FlameOptions) -> (Report, Flame) {
    let report = ask(Question::Flame(wanted), inputs, "");
    let flame = answer!(report.answer.clone(), Flame);
    (report, flame)
}

/// A report in a format.
pub(crate) fn written(format: Format, report: &Report) -> String {
    let style = Style {
        width: output::Width::Unlimited,
        color: false,
        unit: None,
        file_names: FileNames::Short,
    };
    let mut out = Vec::new();
    output::write(format, report, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A frame of an SVG.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) fill: String,
    pub(crate) x: f64,
    pub(crate) width: f64,
    pub(crate) y: f64,
}

/// The frames of an SVG, which must be well-formed and contain no character that XML forbids.
pub(crate) fn frames(svg: &str) -> Vec<Drawn> {
    let illegal = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || "\u{fffe}\u{ffff}".contains(c);
    assert!(!svg.contains(illegal));
    let mut reader = Reader::from_str(svg);
    reader.config_mut().check_end_names = true;
    let (mut frames, mut in_frame, mut element) = (Vec::new(), false, Vec::new());
    let mut open = 0_i32;
    loop {
        let event = reader.read_event().expect("well-formed XML");
        if let Event::GeneralRef(entity) = &event {
            // References are between pieces of text.
            let text = match &**entity {
                b"lt" => '<',
                b"gt" => '>',
                b"amp" => '&',
                b"quot" => '"',
                b"apos" => '\'',
                other => panic!("{}", String::from_utf8_lossy(other)),
            };
            let Some(frame) = frames.last_mut().filter(|_| in_frame) else { continue };
            let frame: &mut Drawn = frame;
            if element == b"title" {
                frame.title.push(text);
            } else {
                frame.name.push(text);
            }
            continue;
        }
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                open += 1;
                element = start.name().as_ref().to_vec();
                if element == b"g" {
                    in_frame = true;
                    frames.push(Drawn::default());
                }
            }
            Event::End(end) => {
                open -= 1;
                in_frame &= end.name().as_ref() != b"g";
            }
            Event::Empty(rect) if in_frame => {
                let value = |name: &str| {
                    let attribute = rect.try_get_attribute(name).unwrap().unwrap();
                    String::from_utf8(attribute.value.to_vec()).unwrap()
                };
                let number = |name: &str| value(name).trim_end_matches('%').parse::<f64>().unwrap();
                let frame: &mut Drawn = frames.last_mut().unwrap();
                frame.fill = value("fill");
                (frame.x, frame.width, frame.y) = (number("x"), number("width"), number("y"));
            }
            Event::Text(text) if in_frame => {
                let text = text.decode().unwrap();
                let frame: &mut Drawn = frames.last_mut().unwrap();
                if element == b"title" {
                    frame.title.push_str(&text);
                } else {
                    frame.name.push_str(&text);
                }
            }
            _ => {}
        }
    }
    assert_eq!(open, 0);
    frames
}

const NAMES: [&str; 8] = [
    "a<script src='x",
    "]]>&amp;'\"",
    "a\u{37e};b 12",
    "esc\x1b[31m",
    "bidi\u{202e}gpj",
    "nul\0line\nend",
    "noncharacter\u{ffff}",
    "-",
];

/// Names as in a profile's string table: one may contain the separator of folded lines.
pub(crate) fn hostile_profile() -> Vec<u8> {
    let long = "long".repeat(20_000);
    let mut stacks: Vec<_> = NAMES
        .iter()
        .map(|name| stack(&format!("main;{}", name.replace(';', "\u{1}"))).inuse(1, 64))
        .collect();
    stacks.push(stack(&format!("main;{long}")).inuse(1, 64));
    let mut profile = heap(&stacks);
    for text in &mut profile.string_table {
        let name = String::from_utf8_lossy(text).replace('\u{1}', ";").replace('\u{37e}', "");
        *text = name.into_bytes();
    }
    // And one that isn't UTF-8.
    profile.string_table.iter_mut().filter(|text| text.as_slice() == b"-").for_each(|text| {
        *text = b"broken\xff".to_vec();
    });
    bytes(&profile)
}

/// A flame graph of these names.
pub(crate) fn hostile() -> Report {
    flame(&[&hostile_profile()], picture(FlameWidth::After)).0
}
