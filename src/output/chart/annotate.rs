//! Adds to the SVG of plotters what plotters can't write: titles of its elements, and a size that
//! scales with the page.

use super::MARK;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use std::io;

/// Writes `svg` with a title and a description, and each marked element with one of `titles`, in
/// their order.
pub(super) fn annotate(
    svg: &str,
    title: &str,
    description: &str,
    titles: &[String],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut reader = Reader::from_str(svg);
    let mut writer = Writer::new(&mut *out);
    let mut titles = titles.iter();
    let mark = MARK.to_string();
    loop {
        match reader.read_event().map_err(io::Error::other)? {
            Event::Eof => break,
            Event::Start(start) if start.name().as_ref() == b"svg" => {
                let mut root = BytesStart::new("svg");
                let words = [("role", "img"), ("aria-labelledby", "title about")];
                attributes(&start, &mut root, |name, _| !matches!(name, "width" | "height"))?;
                words.into_iter().for_each(|word| root.push_attribute(word));
                writer.write_event(Event::Start(root))?;
                text(&mut writer, "title", Some("title"), title)?;
                text(&mut writer, "desc", Some("about"), description)?;
            }
            Event::Empty(empty) => {
                let name = String::from_utf8_lossy(empty.name().as_ref()).into_owned();
                let mut element = BytesStart::new(name.as_str());
                let mut is_marked = false;
                attributes(&empty, &mut element, |name, value| {
                    is_marked |= name == "opacity" && value == mark;
                    name != "opacity" || (value != mark && value != "1")
                })?;
                let title = if is_marked { titles.next() } else { None };
                let Some(title) = title else {
                    writer.write_event(Event::Empty(element))?;
                    continue;
                };
                if name == "polygon" {
                    // Separates neighbours even if their colours look the same.
                    element.push_attribute(("stroke", "#FFFFFF"));
                    element.push_attribute(("stroke-width", "0.7"));
                }
                writer.write_event(Event::Start(element))?;
                text(&mut writer, "title", None, title)?;
                writer.write_event(Event::End(BytesEnd::new(name)))?;
            }
            Event::Start(start) if start.name().as_ref() == b"text" => {
                let mut element = BytesStart::new("text");
                let mut size = None;
                attributes(&start, &mut element, |name, value| {
                    if name == "font-size" {
                        size = value.parse::<f64>().ok();
                    }
                    !matches!((name, value), ("opacity", "1") | ("font-size", _))
                })?;
                if let Some(size) = size {
                    element.push_attribute(("font-size", format!("{size:.1}").as_str()));
                }
                writer.write_event(Event::Start(element))?;
            }
            // plotters breaks lines around what it writes.
            Event::Text(between) if between.iter().all(u8::is_ascii_whitespace) => {
                writer.write_event(Event::Text(between))?;
            }
            Event::Text(words) => {
                let words = String::from_utf8_lossy(&words).trim().to_owned();
                writer.write_event(Event::Text(BytesText::from_escaped(words)))?;
            }
            other => writer.write_event(other)?,
        }
    }
    Ok(())
}

/// Copies the attributes for which `keep` is true.
fn attributes(
    from: &BytesStart<'_>,
    to: &mut BytesStart<'_>,
    mut keep: impl FnMut(&str, &str) -> bool,
) -> io::Result<()> {
    for attribute in from.attributes() {
        let attribute = attribute.map_err(io::Error::other)?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        if keep(&name, &String::from_utf8_lossy(&attribute.value)) {
            to.push_attribute(attribute);
        }
    }
    Ok(())
}

fn text<W: io::Write>(
    writer: &mut Writer<W>,
    tag: &str,
    id: Option<&str>,
    words: &str,
) -> io::Result<()> {
    let mut start = BytesStart::new(tag);
    id.into_iter().for_each(|id| start.push_attribute(("id", id)));
    writer.write_event(Event::Start(start))?;
    writer.write_event(Event::Text(BytesText::new(words)))?;
    writer.write_event(Event::End(BytesEnd::new(tag)))
}
