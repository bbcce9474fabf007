//! The card of an incident as a page has it: the Markdown that [`super::markdown`] writes, taken apart into
//! blocks. It reads what that writes and no more of Markdown. A text of a block is plain, whatever stood
//! in the Markdown, so that who writes it escapes it for its medium.

use super::escape::html::text as html;
use serde::Serialize;
use std::io;
use std::iter::Peekable;
use std::str::{Chars, Lines};

/// Texts in a row.
pub(super) type Line = Vec<Span>;

/// A text in one style.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Span {
    pub(super) style: SpanStyle,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SpanStyle {
    Plain,
    Strong,
    Code,
}

/// A part of the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Block {
    /// A title of a level from 1.
    Heading { level: usize, text: Line },
    /// Some sentences.
    Paragraph { text: Line },
    /// Points, each of which may have more below it.
    List { items: Vec<Item> },
    /// A table; a column of numbers is on the right.
    Table { titles: Vec<Line>, right: Vec<bool>, rows: Vec<Vec<Line>> },
    /// A command to copy.
    Command { text: String },
    /// What is folded away at first.
    Details { summary: Line, blocks: Vec<Block> },
}

/// A point of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    pub(super) text: Line,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<Line>,
}

/// Takes a card apart.
pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    of(&mut markdown.lines().peekable())
}

/// The blocks up to the end, or up to the end of what is folded away.
fn of(lines: &mut Peekable<Lines<'_>>) -> Vec<Block> {
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if line == "</details>" {
            break;
        }
        let hashes = line.len() - line.trim_start_matches('#').len();
        if let Some(summary) = line.strip_prefix("<details><summary>") {
            let summary = spans(summary.trim_end_matches("</summary>"));
            blocks.push(Block::Details { summary, blocks: of(lines) });
        } else if (1..=6).contains(&hashes) && line[hashes..].starts_with(' ') {
            blocks.push(Block::Heading { level: hashes, text: spans(line[hashes..].trim()) });
        } else if line.starts_with("```") {
            blocks.push(Block::Command { text: fenced(line, lines) });
        } else if let Some(item) = line.strip_prefix("- ") {
            let mut items = vec![Item { text: spans(item), items: Vec::new() }];
            while let Some(line) = lines.peek() {
                if let Some(item) = line.strip_prefix("- ") {
                    items.push(Item { text: spans(item), items: Vec::new() });
                } else if let Some(item) = line.strip_prefix("  - ") {
                    items.iter_mut().last().into_iter().for_each(|of| of.items.push(spans(item)));
                } else {
                    break;
                }
                lines.next();
            }
            blocks.push(Block::List { items });
        } else if line.starts_with("| ") {
            blocks.push(table(line, lines));
        } else {
            let mut text = line.to_owned();
            while let Some(more) = lines.next_if(|line| !line.trim().is_empty()) {
                text.push(' ');
                text.push_str(more);
            }
            blocks.push(Block::Paragraph { text: spans(&text) });
        }
    }
    blocks
}

/// The lines up to a fence like the first.
fn fenced(fence: &str, lines: &mut Peekable<Lines<'_>>) -> String {
    let fence = &fence[..fence.len() - fence.trim_start_matches('`').len()];
    let text: Vec<&str> = lines.take_while(|line| *line != fence).collect();
    text.join("\n")
}

fn table(titles: &str, lines: &mut Peekable<Lines<'_>>) -> Block {
    let titles = cells(titles);
    let is_rule = |line: &&str| line.starts_with('|');
    let rule = lines.next_if(is_rule).unwrap_or_default();
    let mut right: Vec<bool> = rule.split('|').skip(1).map(|of| of.trim().ends_with(':')).collect();
    right.resize(titles.len(), false);
    let mut rows = Vec::new();
    while let Some(line) = lines.next_if(is_rule) {
        rows.push(cells(line));
    }
    Block::Table { titles, right, rows }
}

/// The cells of a row. A bar with a backslash before it is part of a name.
fn cells(row: &str) -> Vec<Line> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut characters = row.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '|' => cells.push(String::new()),
            '\\' if characters.peek() == Some(&'|') => {
                characters.next();
                cells.iter_mut().last().into_iter().for_each(|cell| cell.push('|'));
            }
            c => cells.iter_mut().last().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    cells.iter().map(|cell| spans(cell.trim())).collect()
}

/// The texts of a line.
fn spans(text: &str) -> Line {
    let mut line: Line = Vec::new();
    let mut style = SpanStyle::Plain;
    let mut put = |style: SpanStyle, c: char| match line.last_mut() {
        Some(span) if span.style == style => span.text.push(c),
        _ => line.push(Span { style, text: c.to_string() }),
    };
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '`' => {
                characters.by_ref().take_while(|c| *c != '`').for_each(|c| put(SpanStyle::Code, c));
            }
            '*' if characters.peek() == Some(&'*') => {
                characters.next();
                let is_strong = style == SpanStyle::Strong;
                style = if is_strong { SpanStyle::Plain } else { SpanStyle::Strong };
            }
            '\\' => put(style, characters.next().unwrap_or(c)),
            '&' => entity(&mut characters).into_iter().for_each(|c| put(style, c)),
            c => put(style, c),
        }
    }
    line
}

/// The character that the rest of an entity stands for; none for one that only keeps signs apart.
fn entity(characters: &mut Peekable<Chars<'_>>) -> Option<char> {
    let name: String = characters.take_while(|c| *c != ';').collect();
    match name.as_str() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        name => name
            .strip_prefix('#')
            .and_then(|number| char::from_u32(number.parse().ok()?))
            .filter(|c| *c != '\u{200b}'),
    }
}

/// The position of the heading with this text, or of the end.
pub(super) fn section(blocks: &[Block], title: &str) -> usize {
    let is_it = |block: &Block| match block {
        Block::Heading { text, .. } => matches!(text.as_slice(), [one] if one.text == title),
        _ => false,
    };
    blocks.iter().position(is_it).unwrap_or(blocks.len())
}

/// Writes blocks as HTML. Nothing is folded away: paper has no button.
pub(super) fn write_html(blocks: &[Block], out: &mut dyn io::Write) -> io::Result<()> {
    for block in blocks {
        match block {
            Block::Heading { level, text } => {
                writeln!(out, "<h{level}>{}</h{level}>", inline(text))
            }
            Block::Paragraph { text } => writeln!(out, "<p>{}</p>", inline(text)),
            Block::List { items } => list(items, out),
            Block::Table { titles, right, rows } => {
                let row = |tag: &str, cells: &[Line], out: &mut dyn io::Write| {
                    write!(out, "<tr>")?;
                    for (cell, is_number) in cells.iter().zip(right) {
                        let class = if *is_number { " class=\"num\"" } else { "" };
                        write!(out, "<{tag}{class}>{}</{tag}>", inline(cell))?;
                    }
                    writeln!(out, "</tr>")
                };
                writeln!(out, "<table>\n<thead>")?;
                row("th", titles, out)?;
                writeln!(out, "</thead>\n<tbody>")?;
                rows.iter().try_for_each(|cells| row("td", cells, out))?;
                writeln!(out, "</tbody>\n</table>")
            }
            Block::Command { text } => writeln!(out, "<pre>{}</pre>", html(text)),
            Block::Details { summary, blocks } => {
                writeln!(out, "<h3>{}</h3>", inline(summary))?;
                write_html(blocks, out)
            }
        }?;
    }
    Ok(())
}

fn list(items: &[Item], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<ul>")?;
    for Item { text, items } in items {
        write!(out, "<li>{}", inline(text))?;
        if !items.is_empty() {
            write!(out, "<ul>")?;
            items.iter().try_for_each(|item| write!(out, "<li>{}</li>", inline(item)))?;
            write!(out, "</ul>")?;
        }
        writeln!(out, "</li>")?;
    }
    writeln!(out, "</ul>")
}

fn inline(line: &Line) -> String {
    let spans = line.iter().map(|Span { style, text }| match style {
        SpanStyle::Plain => html(text),
        SpanStyle::Strong => format!("<strong>{}</strong>", html(text)),
        SpanStyle::Code => format!("<code>{}</code>", html(text)),
    });
    spans.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::escape::markdown::{cell, code, fenced, prose};

    fn said(line: &Line) -> String {
        line.iter().map(|span| span.text.as_str()).collect()
    }

    const ODD: &[&str] = &[
        "a|b\\|c",
        "</script><img src=x onerror=alert(1)>",
        "**no** _em_ [x](y) #12 @all &amp; &#64; GH-1 https://x www.y",
        "back`tick",
        "ends in \\",
        "日本語 ~ $x$ !y",
    ];

    #[test]
    fn what_is_written_is_read_back() {
        for &odd in ODD {
            assert_eq!(said(&spans(&prose(odd))), odd, "{odd}");
            let name = odd.replace('`', "\\u{60}");
            let name = name.strip_suffix('\\').map_or(name.clone(), |n| format!("{n}\\u{{5c}}"));
            let line = spans(&code(odd));
            assert_eq!(
                (line.len(), line[0].style, said(&line)),
                (1, SpanStyle::Code, name.clone())
            );
            let row = format!("| {} | {} | 7 |", cell(odd), prose(odd));
            let cells = cells(&row);
            assert_eq!(cells.len(), 3, "{odd}");
            assert_eq!(said(&cells[0]), name.replace("\\|", "\\u{5c}|"));
            assert_eq!(said(&cells[1]), odd);
        }
    }

    #[test]
    fn blocks_follow_each_other() {
        let markdown = format!(
            "# Incident: `a`\n\n## What\n\n- **Memory:** {}\n  - below\n- last\n\n| at | n |\n| --- | ---: |\n| x | 1 |\n\n\
             One.\n\n{}\n<details><summary>Files</summary>\n\ninside\n\n</details>\nafter\n",
            prose("a < b"),
            fenced("heapdiff 'a```b'"),
        );
        let blocks = blocks(&markdown);
        let kinds: Vec<String> = blocks
            .iter()
            .map(|block| serde_json::to_value(block).unwrap()["kind"].as_str().unwrap().to_owned())
            .collect();
        let meant = ["heading", "heading", "list", "table", "paragraph", "command", "details"];
        assert_eq!(kinds[..5], meant[..5]);
        let Block::List { items } = &blocks[2] else { panic!("{blocks:?}") };
        assert_eq!((items.len(), said(&items[0].items[0]).as_str()), (2, "below"));
        let Block::Table { right, rows, .. } = &blocks[3] else { panic!("{blocks:?}") };
        assert_eq!((right.as_slice(), rows.len()), (&[false, true][..], 1));
        let mut html = Vec::new();
        write_html(&blocks, &mut html).unwrap();
        let html = String::from_utf8(html).unwrap();
        assert!(html.contains("<li><strong>Memory:</strong> a &lt; b<ul><li>below</li></ul></li>"));
        assert!(html.contains("<td class=\"num\">1</td>"), "{html}");
    }
}
