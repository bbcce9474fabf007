//! A call graph for Graphviz.
//!
//! Boxes are sized by flat values and edges by the weight of the calls. Colour shows the sign: red
//! grew, blue shrank, grey didn't change; a single profile is red by its share. Nodes that are left
//! out are a dashed box with dashed edges, so that the numbers in a graph add up.
//!
//! Names come from the profiled program and may contain anything. They appear only in quoted
//! strings, with everything that means something to Graphviz, XML or a terminal escaped.

use super::Style;
use super::escape::{escape, xml};
use super::number::{Scale, percent_text};
use crate::analysis::call_graph::{Edge, Graph, Node, Other};
use crate::analysis::{Bounds, Measure, MeasureBounds};
use crate::model::change::Change;
use crate::report::{Answer, Report};
use std::fmt::Write as _;
use std::io;

/// Columns of a line in a box.
const LINE: usize = 40;
/// Characters of a name in a tooltip.
const TOOLTIP: usize = 500;
/// Font size in a box whose flat value is zero, and how much larger the heaviest box is.
const FONT: (f64, f64) = (8.0, 16.0);

pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let Answer::Graph(graph) = &report.answer else { return Ok(()) };
    let drawing = Drawing {
        report,
        graph,
        scale: Scale::new(&report.unit, style.unit.as_deref()),
        most: graph.main().map(|main| main.flat.unsigned_abs()).max().unwrap_or(0),
    };
    writeln!(out, "digraph {} {{", quoted(&text(&drawing.title())))?;
    writeln!(out, "graph [fontname=\"Helvetica,Arial,sans-serif\" tooltip=\" \"]")?;
    writeln!(
        out,
        "node [shape=box style=filled fillcolor=\"#f5f5f5\" color=\"#999999\" \
         fontname=\"Helvetica,Arial,sans-serif\"]"
    )?;
    writeln!(out, "edge [fontname=\"Helvetica,Arial,sans-serif\" fontsize=10]")?;
    drawing.legend(out)?;
    for (number, node) in graph.nodes.iter().enumerate() {
        drawing.node(number, node, out)?;
    }
    if let Some(other) = &graph.other {
        drawing.other(other, out)?;
    }
    for edge in graph.edges.iter().filter(|edge| edge.size != 0) {
        drawing.edge(edge, out)?;
    }
    writeln!(out, "}}")
}

struct Drawing<'a> {
    report: &'a Report,
    graph: &'a Graph,
    scale: Scale<'a>,
    /// The largest flat.
    most: u64,
}

impl Drawing<'_> {
    fn title(&self) -> String {
        let inputs = &self.report.inputs;
        let program = inputs.last().and_then(|input| input.program.clone());
        program
            .or_else(|| inputs.last().map(|input| input.name.clone()))
            .unwrap_or_else(|| "heapdiff".to_owned())
    }

    /// Whether two profiles are compared.
    fn is_comparison(&self) -> bool {
        self.report.comparison.is_some()
    }

    fn legend(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let Self { report, graph, .. } = self;
        let mut lines = vec![cut(&self.title(), LINE)];
        let build = report.inputs.last().and_then(|input| input.build_id.as_deref());
        lines.extend(build.map(|id| format!("build {}", id.chars().take(12).collect::<String>())));
        lines.push(format!("{} by {}", report.sample_type, report.granularity.name()));
        let total = report.totals.iter().find(|total| total.sample_type == report.sample_type);
        if let Some(total) = total {
            let value = total.value;
            let error = total.error.map(|error| self.margin(error, value.delta_or_value()));
            let value = in_words(&self.scale, value);
            lines.push(format!("total {value}{}", error.unwrap_or_default()));
        }
        let nodes = graph.nodes.len();
        let share = if self.is_comparison() { "Σ |Δ|" } else { "Σ |value|" };
        lines.push(format!(
            "{nodes} nodes shown; percentages are of {share}, {}",
            self.scale.value(graph.whole)
        ));
        if let Some(other) = &graph.other {
            lines.push(self.left_out(other));
            lines.push("dashed: nodes left out, and paths through them".to_owned());
        }
        if self.is_comparison() {
            lines.push("red grew, blue shrank, grey is unchanged".to_owned());
        }
        let of_inputs = report.inputs.iter().flat_map(|input| &input.warnings);
        let warnings = report.warnings.iter().chain(of_inputs).count();
        if warnings > 0 {
            lines.push(format!("warnings: {warnings} (--format json lists them)"));
        }
        let label: String = lines.iter().fold(String::new(), |mut label, line| {
            let _ = write!(label, "{}\\l", text(line));
            label
        });
        writeln!(
            out,
            "subgraph cluster_legend {{ color=\"#cccccc\" legend [id=legend fontsize=14 fillcolor=\"#ffffff\" \
             color=\"#ffffff\" label={} tooltip={}] }}",
            quoted(&label),
            quoted(&text(&self.title()))
        )
    }

    fn left_out(&self, other: &Other) -> String {
        let mut line = format!("left out: {}", number_of(other));
        if let (Some(grew), Some(shrank)) = (other.grew, other.shrank) {
            let (grew, shrank) = (self.scale.change(grew), self.scale.change(shrank));
            let _ = write!(line, "; flat {grew} and {shrank}");
        }
        line
    }

    fn node(&self, number: usize, node: &Node, out: &mut dyn io::Write) -> io::Result<()> {
        let main = node.value.delta_or_value();
        let mut label: Vec<String> = name_lines(&node.name).iter().map(|line| text(line)).collect();
        let error = |of: fn(&MeasureBounds) -> Bounds, value: i64| {
            node.error.map(|error| self.margin(of(&error), value)).unwrap_or_default()
        };
        let share = |percent: Option<f64>| {
            percent.map(|percent| format!(" ({})", percent_text(percent))).unwrap_or_default()
        };
        let flat = node.value.map(|measure| measure.flat);
        let cum = node.value.map(|measure| measure.cum);
        if flat.is_zero() {
            label.push("0".to_owned());
        } else {
            label.push(text(&format!(
                "{}{}{}",
                self.main(main.flat),
                error(|error| error.flat, main.flat),
                share(node.flat_percent)
            )));
            label.extend(self.both_sides(flat).map(|line| text(&line)));
        }
        if flat != cum {
            label.push(text(&format!(
                "of {}{}{}",
                self.main(main.cum),
                error(|error| error.cum, main.cum),
                share(node.cum_percent)
            )));
            label.extend(self.both_sides(cum).map(|line| text(&line)));
        }
        let part = match self.most {
            0 => 0.0,
            most => (main.flat.unsigned_abs() as f64 / most as f64).sqrt(),
        };
        let size = FONT.0 + (FONT.1 * part).ceil();
        let color = self.color(main.cum);
        writeln!(
            out,
            "N{} [id=node{} label={} fontsize={size} color={} fillcolor={} tooltip={}]",
            number + 1,
            number + 1,
            quoted(&label.join("\\n")),
            quoted(&color.dark()),
            quoted(&color.light()),
            quoted(&self.tooltip(node))
        )
    }

    /// All details, for the tooltip of a box.
    fn tooltip(&self, node: &Node) -> String {
        let mut lines = vec![cut(&node.name, TOOLTIP)];
        if let Some(file) = &node.file {
            let line = node.line.map(|line| format!(":{line}")).unwrap_or_default();
            lines.push(format!("{}{line}", cut(file, TOOLTIP)));
        }
        let report = self.report;
        let mut say = |sample_type: &str, scale: &Scale<'_>, value: Change<Measure>| {
            for (word, value) in [
                ("flat", value.map(|measure| measure.flat)),
                ("cum", value.map(|measure| measure.cum)),
            ] {
                lines.push(format!("{sample_type} {word} {}", in_words(scale, value)));
            }
        };
        say(&report.sample_type, &self.scale, node.value);
        for other in &node.others {
            say(&other.sample_type, &Scale::new(&other.unit, None), other.value);
        }
        lines.iter().map(|line| text(line)).collect::<Vec<_>>().join("\\n")
    }

    fn other(&self, other: &Other, out: &mut dyn io::Write) -> io::Result<()> {
        let flat = other.value.map(|measure| measure.flat);
        let mut label = vec![format!("other: {}", number_of(other))];
        label.push(format!("{} flat", self.main(flat.delta_or_value())));
        if let (Some(grew), Some(shrank)) = (other.grew, other.shrank) {
            label.push(format!("{} and {}", self.scale.change(grew), self.scale.change(shrank)));
        }
        label.extend(self.both_sides(flat));
        let label: Vec<String> = label.iter().map(|line| text(line)).collect();
        writeln!(
            out,
            "other [id=other label={} fontsize=10 style=\"dashed,filled\" fillcolor=\"#ffffff\" tooltip={}]",
            quoted(&label.join("\\n")),
            quoted(&text(&self.left_out(other)))
        )
    }

    fn edge(&self, edge: &Edge, out: &mut dyn io::Write) -> io::Result<()> {
        let is_other = edge.from.is_none() || edge.to.is_none();
        let id = |end: Option<usize>| match end {
            Some(number) => format!("N{}", number + 1),
            None => "other".to_owned(),
        };
        let name = |end: Option<usize>| {
            let node = end.and_then(|number| self.graph.nodes.get(number));
            node.map_or("other", |node| node.name.as_str())
        };
        let mut label = format!(" {}", text(&self.main(edge.value.delta_or_value())));
        if edge.inline {
            label.push_str("\\n (inline)");
        }
        let arrow = if edge.residual { "⇢" } else { "→" };
        let tooltip = format!(
            "{} {arrow} {}\\n{}",
            text(&cut(name(edge.from), TOOLTIP)),
            text(&cut(name(edge.to), TOOLTIP)),
            text(&in_words(&self.scale, edge.value))
        );
        let part = match self.graph.whole {
            0 => 0.0,
            whole => (edge.size as f64 / whole as f64).min(1.0),
        };
        write!(
            out,
            "{} -> {} [label={} color={} penwidth={:.1} weight={} tooltip={} labeltooltip={}",
            id(edge.from),
            id(edge.to),
            quoted(&label),
            quoted(&self.color(edge.value.delta_or_value()).dark()),
            1.0 + 5.0 * part,
            // Edges to nodes that are left out may bend out of the way.
            if is_other { 0 } else { 1 + (100.0 * part) as u32 },
            quoted(&tooltip),
            quoted(&tooltip)
        )?;
        if edge.residual {
            write!(out, " style=dashed")?;
        }
        if is_other {
            write!(out, " fontsize=8 fontcolor=\"#777777\"")?;
        }
        writeln!(out, "]")
    }

    /// A change, or a value.
    fn main(&self, value: i64) -> String {
        if self.is_comparison() { self.scale.change(value) } else { self.scale.value(value) }
    }

    fn margin(&self, error: Bounds, value: i64) -> String {
        format!(" {}", self.scale.margin(error, value))
    }

    /// `312.4 MiB → 890.1 MiB`, for a comparison.
    fn both_sides(&self, value: Change<i64>) -> Option<String> {
        let before = value.before?;
        Some(format!("{} → {}", self.scale.value(before), self.scale.value(value.after)))
    }

    fn color(&self, value: i64) -> Color {
        let share = match self.graph.whole {
            0 => 0.0,
            whole => (value as f64 / whole as f64).clamp(-1.0, 1.0),
        };
        Color(share)
    }
}

/// `1 node, 12 edges`
fn number_of(other: &Other) -> String {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let Other { nodes, edges, .. } = *other;
    format!("{nodes} node{}, {edges} edge{}", s(nodes), s(edges))
}

/// `312.4 MiB → 890.1 MiB, Δ +577.7 MiB`, or the one value.
fn in_words(scale: &Scale<'_>, value: Change<i64>) -> String {
    let after = scale.value(value.after);
    match (value.before, value.delta) {
        (Some(before), Some(delta)) => {
            format!("{} → {after}, Δ {}", scale.value(before), scale.change(delta))
        }
        _ => after,
    }
}

/// A share of the whole with its sign, as a colour.
#[derive(Clone, Copy)]
struct Color(f64);

impl Color {
    fn mix(self, grey: f64, red: [f64; 3], blue: [f64; 3]) -> String {
        let target = if self.0 < 0.0 { blue } else { red };
        // The square root: a tenth of the whole is already a lot.
        let part = self.0.abs().sqrt();
        let [r, g, b] = target.map(|channel| (grey + (channel - grey) * part).round() as u8);
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// For lines.
    fn dark(self) -> String {
        self.mix(150.0, [190.0, 20.0, 10.0], [10.0, 70.0, 190.0])
    }

    /// For areas.
    fn light(self) -> String {
        self.mix(245.0, [255.0, 190.0, 180.0], [180.0, 210.0, 255.0])
    }
}

/// A name split into lines, to keep boxes narrow: the last element of its path, its type, its
/// method.
fn name_lines(name: &str) -> Vec<String> {
    // Text in brackets isn't a path.
    let plain = name.find(['[', '(', ' ', '<']).unwrap_or(name.len());
    let base = name[..plain].rfind('/').map_or(name, |slash| &name[slash + 1..]);
    let (function, place) = match base.rsplit_once(' ') {
        // A function and its file.
        Some((function, place)) if place.contains('/') || place.contains(':') => {
            (function, Some(place.rsplit('/').next().unwrap_or(place)))
        }
        _ => (base, None),
    };
    let mut lines = Vec::new();
    let mut depth = 0_u32;
    let mut line = String::new();
    for c in function.chars() {
        match c {
            '(' | '[' | '<' => depth += 1,
            ')' | ']' | '>' => depth = depth.saturating_sub(1),
            '.' if depth == 0 && !line.is_empty() && lines.len() < 3 => {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            _ => {}
        }
        line.push(c);
    }
    lines.push(line);
    lines.extend(place.map(str::to_owned));
    lines.iter().map(|line| cut(line, LINE)).collect()
}

/// Cuts text to a number of characters and keeps its end, which is the most specific part.
fn cut(name: &str, most: usize) -> String {
    let escaped = escape(name);
    let length = escaped.chars().count();
    if length <= most {
        return escaped.into_owned();
    }
    let tail: String = escaped.chars().skip(length + 1 - most).collect();
    format!("…{tail}")
}

/// Escapes everything that means something to Graphviz or XML.
fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len() + 16);
    for c in xml::text(raw).chars() {
        match c {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            // Graphviz reads `&lt;` as `<`.
            '&' => safe.push_str("&amp;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A Graphviz string of text that [`text`] made safe.
fn quoted(safe: &str) -> String {
    format!("\"{safe}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_narrow_lines() {
        let cases: [(&str, &[&str]); 7] = [
            ("chat/limiter.(*Limiter).windowFor", &["limiter", "(*Limiter)", "windowFor"]),
            ("main.main", &["main", "main"]),
            ("main.f /a/b/c.go:12", &["main", "f", "c.go:12"]),
            (
                "github.com/a/b.Map[go.shape.string,x/y.Z].Load",
                &["b", "Map[go.shape.string,x/y.Z]", "Load"],
            ),
            ("operator new(unsigned long)", &["operator new(unsigned long)"]),
            ("std::vec::Vec<a.b>::push", &["std::vec::Vec<a.b>::push"]),
            ("", &[""]),
        ];
        for (name, lines) in cases {
            assert_eq!(name_lines(name), lines);
        }
        assert!(name_lines(&"x".repeat(1000)).iter().all(|line| line.chars().count() <= LINE));
    }

    #[test]
    fn nothing_in_a_name_means_anything() {
        assert_eq!(text("a\"b\\N&lt;\n\u{ffff}"), "a\\\"b\\\\N&amp;lt;\\\\u{a}\u{fffd}");
    }
}
