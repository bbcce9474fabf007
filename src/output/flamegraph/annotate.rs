//! Adds to inferno's SVG what inferno can't write: names, values and colours of each frame, and
//! lines above the frames, for which everything below them moves down.
//!
//! The structure doesn't change, because the script in the SVG relies on it: frames are the
//! children of `#frames`, each with a title, a rectangle and a text.

use super::{FILLER, Look};
use crate::parallel;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use std::borrow::Cow;
use std::io;

/// A line above the frames.
pub(super) enum HeaderLine {
    /// A text.
    Text(String),
    /// Texts, some with a patch of colour before them.
    Legend(Vec<(Option<&'static str>, String)>),
}

/// Height of a line in pixels.
const LINE: f64 = 17.0;
/// Baseline of the first line, and left edge of all lines.
const FIRST: f64 = 42.0;
const LEFT: f64 = 10.0;
/// Width of a character, of a patch of colour, and of a gap, in pixels.
const CHARACTER: f64 = 7.25;
const PATCH: f64 = 13.0;
const GAP: f64 = 9.0;
/// Characters for which inferno has room in all frames together.
const CHARACTERS: f64 = 1200.0 / (12.0 * 0.59);

/// Parts of the frames that are written at once.
const PIECES: usize = 8;
/// What begins the frames, and each of them.
const FRAMES: &str = "<svg id=\"frames\"";
const FRAME: &str = "<g>";

/// Writes `svg` with each frame as `looks` describes it, by number, under the lines of `header`.
pub(super) fn annotate(
    svg: &str,
    looks: &[Look],
    header: &[HeaderLine],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let pieces = pieces(svg);
    let dressed = parallel::map(pieces.len(), |piece| {
        let mut dressing = Dressing {
            writer: Writer::new(Vec::with_capacity(pieces[piece].len() * 2)),
            looks,
            header,
            down: LINE * header.len() as f64,
            place: if piece == 0 { Place::Above } else { Place::Frames },
            text: None,
        };
        let mut reader = Reader::from_str(pieces[piece]);
        // The last piece ends what the first began.
        reader.config_mut().allow_unmatched_ends = true;
        loop {
            match reader.read_event().map_err(io::Error::other)? {
                Event::Eof => return Ok(dressing.writer.into_inner()),
                event => dressing.event(event)?,
            }
        }
    });
    dressed.into_iter().try_for_each(|piece: io::Result<Vec<u8>>| out.write_all(&piece?))?;
    out.write_all(b"\n")
}

/// Cuts an SVG into pieces that begin with a frame, all but the first.
fn pieces(svg: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = svg;
    let frames = svg.find(FRAMES).map_or(0, |frames| svg.len() - frames);
    for _ in 1..PIECES {
        // The first piece also has what is above the frames.
        let above = rest.len().saturating_sub(frames);
        let about = (above + frames / PIECES..rest.len()).find(|&at| rest.is_char_boundary(at));
        let Some(about) = about else { break };
        let Some(cut) = rest[about..].find(FRAME) else { break };
        let (piece, left) = rest.split_at(about + cut);
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

/// Position in the SVG.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Outside of the frames.
    Above,
    /// Among the frames, between two of them.
    Frames,
    /// In a frame, before its title is known.
    Untitled,
    /// In the frame of this number; its width is known after its rectangle.
    Frame { number: usize, width: f64 },
    /// In the filler.
    Filler,
}

struct Dressing<'a, W: io::Write> {
    writer: Writer<W>,
    looks: &'a [Look],
    header: &'a [HeaderLine],
    /// Pixels that everything below the header moves down.
    down: f64,
    place: Place,
    /// The frame whose text comes next.
    text: Option<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Text {
    /// The title of a frame.
    Title,
    /// The text in the frame.
    Name,
}

impl<W: io::Write> Dressing<'_, W> {
    fn event(&mut self, event: Event<'_>) -> io::Result<()> {
        let event = match event {
            Event::Start(start) => return self.start(&start),
            Event::Empty(empty) => self.empty(&empty)?,
            Event::End(end) => match (end.name().as_ref(), self.place) {
                (b"g", Place::Filler) => {
                    self.place = Place::Frames;
                    return Ok(());
                }
                (b"g", _) => {
                    self.place = Place::Frames;
                    Some(Event::End(end))
                }
                (b"svg", _) => {
                    self.place = Place::Above;
                    Some(Event::End(end))
                }
                (_, Place::Untitled | Place::Filler) => None,
                _ => Some(Event::End(end)),
            },
            Event::Text(text) => match self.text.take() {
                Some(Text::Title) => return self.title(text.as_ref()),
                Some(Text::Name) => None,
                None if self.place == Place::Filler => None,
                None => Some(Event::Text(text)),
            },
            other => Some(other),
        };
        event.map_or(Ok(()), |event| self.writer.write_event(event))
    }

    fn start(&mut self, start: &BytesStart<'_>) -> io::Result<()> {
        let id = attribute(start, "id");
        match (start.name().as_ref(), self.place) {
            (b"svg", Place::Above) if id.as_deref() == Some("frames") => {
                self.write_header()?;
                self.place = Place::Frames;
                self.writer.write_event(Event::Start(start.borrow()))
            }
            (b"svg", _) => {
                let height = number(start, "height") + self.down;
                let start = changed(start, |name, value| match name {
                    "height" => Some(height.to_string()),
                    "viewBox" => {
                        let (rest, _) = value.rsplit_once(' ')?;
                        Some(format!("{rest} {height}"))
                    }
                    _ => None,
                });
                self.writer.write_event(Event::Start(start))
            }
            (b"g", _) => {
                // Written as soon as the title identifies it.
                self.place = Place::Untitled;
                Ok(())
            }
            (b"title", Place::Untitled) => {
                self.text = Some(Text::Title);
                Ok(())
            }
            (_, Place::Filler) => Ok(()),
            (b"text", Place::Frame { number: frame, width }) => {
                let y = number(start, "y") + self.down;
                let start = changed(start, |name, _| (name == "y").then(|| in_hundredths(y)));
                self.writer.write_event(Event::Start(start))?;
                let name = self.looks.get(frame).map_or("", |look| look.name.as_str());
                self.write_text(&fitting(name, (width / 100.0 * CHARACTERS) as usize))?;
                self.text = Some(Text::Name);
                Ok(())
            }
            (b"text", _) => {
                let y = match id.as_deref() {
                    // Below the button, where it is visible however tall the SVG is.
                    Some("matched") => FIRST,
                    Some("details") => number(start, "y") + self.down,
                    _ => return self.writer.write_event(Event::Start(start.borrow())),
                };
                let start = changed(start, |name, _| (name == "y").then(|| in_hundredths(y)));
                self.writer.write_event(Event::Start(start))
            }
            _ => self.writer.write_event(Event::Start(start.borrow())),
        }
    }

    /// A rectangle: that of a frame, or the background.
    fn empty<'e>(&mut self, empty: &BytesStart<'e>) -> io::Result<Option<Event<'e>>> {
        let dressed = match self.place {
            Place::Filler => return Ok(None),
            _ if empty.name().as_ref() != b"rect" => empty.to_owned(),
            Place::Frame { number: frame, .. } => {
                let width = attribute(empty, "width").unwrap_or_default();
                let width = width.trim_end_matches('%').parse().unwrap_or_default();
                self.place = Place::Frame { number: frame, width };
                let (y, look) = (number(empty, "y") + self.down, self.looks.get(frame));
                changed(empty, |name, _| match name {
                    "y" => Some(y.to_string()),
                    "fill" => look.map(|look| look.fill.clone()),
                    _ => None,
                })
            }
            _ => {
                let height = number(empty, "height") + self.down;
                changed(empty, |name, _| (name == "height").then(|| height.to_string()))
            }
        };
        self.writer.write_event(Event::Empty(dressed))?;
        Ok(None)
    }

    /// Reads the title that inferno gave a frame, which begins with its number.
    fn title(&mut self, text: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(text);
        let name = text.split(' ').next().unwrap_or_default();
        if name == FILLER {
            self.place = Place::Filler;
            return Ok(());
        }
        let number = usize::from_str_radix(name, 16).ok();
        // The root frame has no number: inferno names it "all".
        let number = if name == "all" { Some(0) } else { number };
        let number =
            number.ok_or_else(|| io::Error::other(format!("no frame is called {name}")))?;
        self.place = Place::Frame { number, width: 0.0 };
        self.writer.write_event(Event::Start(BytesStart::new("g")))?;
        self.writer.write_event(Event::Start(BytesStart::new("title")))?;
        let title = self.looks.get(number).map_or("", |look| look.title.as_str());
        self.write_text(title)
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_event(Event::Text(BytesText::new(text)))
    }

    fn write_header(&mut self) -> io::Result<()> {
        for (i, line) in self.header.iter().enumerate() {
            let y = FIRST + LINE * i as f64;
            match line {
                HeaderLine::Text(text) => self.write_label(LEFT, y, text)?,
                HeaderLine::Legend(parts) => {
                    let mut x = LEFT;
                    for (color, label) in parts {
                        if let Some(color) = color {
                            self.write_patch(x, y, color)?;
                            x += PATCH + CHARACTER / 2.0;
                        }
                        if !label.is_empty() {
                            self.write_label(x, y, label)?;
                            x += CHARACTER * label.chars().count() as f64 + GAP;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn write_label(&mut self, x: f64, y: f64, text: &str) -> io::Result<()> {
        let at = [("x", format!("{x:.0}")), ("y", format!("{y:.0}"))];
        let at = at.iter().map(|(name, value)| (*name, value.as_str()));
        let start = BytesStart::new("text").with_attributes(at);
        let end = start.to_end().into_owned();
        self.writer.write_event(Event::Start(start))?;
        self.write_text(text)?;
        self.writer.write_event(Event::End(end))
    }

    fn write_patch(&mut self, x: f64, y: f64, color: &str) -> io::Result<()> {
        let place = [
            ("x", format!("{x:.0}")),
            ("y", format!("{:.0}", y - PATCH + 2.0)),
            ("width", format!("{PATCH}")),
            ("height", format!("{PATCH}")),
            ("fill", color.to_owned()),
            ("stroke", "rgb(160,160,160)".to_owned()),
            ("stroke-width", "0.5".to_owned()),
        ];
        let place = place.iter().map(|(name, value)| (*name, value.as_str()));
        self.writer.write_event(Event::Empty(BytesStart::new("rect").with_attributes(place)))
    }
}

/// Cuts a name to the room it has.
fn fitting(name: &str, room: usize) -> String {
    if room < 3 {
        String::new()
    } else if name.chars().count() < room {
        name.to_owned()
    } else {
        name.chars().take(room - 2).chain("..".chars()).collect()
    }
}

fn attribute<'s>(start: &'s BytesStart<'_>, name: &str) -> Option<Cow<'s, str>> {
    let mut attributes = start.attributes();
    // inferno names none twice.
    let mut all = attributes.with_checks(false).flatten();
    let attribute = all.find(|attribute| attribute.key.as_ref() == name.as_bytes())?;
    match attribute.value {
        Cow::Borrowed(value) => Some(String::from_utf8_lossy(value)),
        Cow::Owned(value) => Some(String::from_utf8_lossy(&value).into_owned().into()),
    }
}

fn number(start: &BytesStart<'_>, name: &str) -> f64 {
    attribute(start, name).and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// A number with two decimals.
fn in_hundredths(number: f64) -> String {
    // Nearly all numbers here have no more decimals, and then writing a whole number is enough.
    let hundredths = number * 100.0;
    let whole = hundredths as u32;
    if f64::from(whole).to_bits() == hundredths.to_bits() {
        format!("{}.{:02}", whole / 100, whole % 100)
    } else {
        format!("{number:.2}")
    }
}

/// An element with some of its attributes changed.
fn changed(
    start: &BytesStart<'_>,
    change: impl Fn(&str, &str) -> Option<String>,
) -> BytesStart<'static> {
    let mut new = String::with_capacity(start.len() * 2);
    new.push_str(std::str::from_utf8(start.name().into_inner()).unwrap_or_default());
    let name = new.len();
    for attribute in start.attributes().with_checks(false).flatten() {
        let key = std::str::from_utf8(attribute.key.into_inner()).unwrap_or_default();
        let value = std::str::from_utf8(&attribute.value).unwrap_or_default();
        new.push(' ');
        new.push_str(key);
        new.push_str("=\"");
        match change(key, value) {
            Some(changed) => new.push_str(&escape(&changed)),
            // It is escaped already.
            None => new.push_str(value),
        }
        new.push('"');
    }
    BytesStart::from_content(new, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_with_a_frame_and_are_the_whole() {
        let frames = (0..1000).map(|i| format!("<g><title>{i:x} größe·世界</title></g>"));
        let frames: String = frames.collect();
        let svg = format!("<svg>above<g>…</g>{FRAMES} x=\"10\">{frames}</svg></svg>");
        let cut = pieces(&svg);
        assert_eq!(cut.concat(), svg);
        assert_eq!(cut.len(), PIECES);
        assert!(cut[1..].iter().all(|piece| piece.starts_with(FRAME)));
        assert!(cut.iter().all(|piece| piece.len() < svg.len() / 4));
        assert_eq!(pieces("<svg></svg>"), ["<svg></svg>"]);
        assert_eq!(pieces(""), [""]);
    }

    #[test]
    fn hundredths_are_those_of_the_standard_library() {
        let numbers = (0..20_000).map(|i| f64::from(i) / 16.0);
        for number in numbers.chain([-0.0, -1.5, 1e12, 0.005, 4.35, f64::MAX, f64::NAN]) {
            assert_eq!(in_hundredths(number), format!("{number:.2}"));
        }
    }
}
