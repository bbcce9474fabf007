//! `heapdiff graph INPUT... -o X.svg`: draws the call graph.

use super::CommandError;
use super::options::{
    Color, ComparedArgs, DestinationArgs, DressArgs, FilterArgs, GranularityArgs, Options,
    OutputArgs, ReadingArgs, SampleArgs, extension, fraction, nodecount,
};
use super::request::{self, Layout, Request, compared};
use super::symbols::SymbolArgs;
use crate::graph::trim::{Fraction, TrimLimits};
use crate::output::Format;
use crate::report::Question;
use clap::{Args, ValueEnum};
use std::path::Path;

/// Draw the call graph: the calls that allocated memory, or what changed
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff graph [OPTIONS] PROFILE -o FILE.svg|FILE.dot\n       heapdiff graph [OPTIONS] BEFORE AFTER -o FILE.svg|FILE.dot",
    after_help = "\
Examples:
  heapdiff graph heap.pb.gz -o heap.svg
  heapdiff graph -n 40 before.pb.gz after.pb.gz -o grown.svg
  heapdiff graph -focus=cache before.pb.gz after.pb.gz | dot -Tpng -o cache.png

Graphviz draws the SVG and has to be installed. Nodes that are left out appear as a dashed box, so \
that for each box the value that comes in equals its own value plus what goes out."
)]
pub(super) struct GraphArgs {
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    granularity: GranularityArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: DrawingArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// At most N nodes, 0 for all
    #[arg(short = 'n', long, value_name = "N", value_parser = nodecount, default_value_t = TrimLimits::default().nodecount, allow_negative_numbers = true)]
    nodecount: usize,
    /// Leave out nodes below this fraction of the total, or of all changes
    #[arg(long, value_name = "F", value_parser = fraction, default_value = "0.005", allow_negative_numbers = true)]
    nodefraction: Fraction,
    /// Leave out edges below this fraction
    #[arg(long, value_name = "F", value_parser = fraction, default_value = "0.001", allow_negative_numbers = true)]
    edgefraction: Fraction,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct DrawingArgs {
    /// Output format [default: by the extension of FILE, dot on standard output]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Drawn>,
    #[command(flatten)]
    destination: DestinationArgs,
    /// Print values in one unit: kB, MB, GB, bytes, ms, ... [default: one that fits each value]
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Remove these folders from file names; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    trim_path: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    symbols: SymbolArgs,
}

/// The output formats of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Drawn {
    /// For Graphviz.
    Dot,
    /// For a browser, laid out by Graphviz.
    Svg,
    /// For scripts: the whole report, as docs/schema/report.v1.json describes it.
    Json,
}

pub(super) fn request(args: GraphArgs) -> Result<Request, CommandError> {
    let GraphArgs { profiles, sample, granularity, limits, filter, output } = args;
    let drawn = match output.format {
        Some(format) => format,
        None => by_name(output.destination.file())?,
    };
    let inputs = compared("graph", profiles)?;
    let options = Options {
        sample,
        granularity,
        filter,
        output: OutputArgs {
            format: if drawn == Drawn::Json { Format::Json } else { Format::Dot },
            top: false,
            dress: DressArgs {
                destination: output.destination,
                color: Color::Never,
                unit: output.unit,
                trim_path: output.trim_path,
                reading: output.reading,
                symbols: output.symbols,
                ..DressArgs::default()
            },
        },
        ..Options::default()
    };
    let limits = TrimLimits {
        nodecount: limits.nodecount,
        nodefraction: limits.nodefraction,
        edgefraction: limits.edgefraction,
    };
    let mut request = request::request(Question::Graph(limits), inputs, options)?;
    if drawn == Drawn::Svg {
        request.output.layout = Layout::Graphviz;
    }
    Ok(request)
}

/// Returns the format that belongs to a file name's extension.
fn by_name(file: Option<&Path>) -> Result<Drawn, CommandError> {
    let Some(file) = file else { return Ok(Drawn::Dot) };
    match extension(file).as_deref() {
        Some("dot" | "gv") => Ok(Drawn::Dot),
        Some("svg") => Ok(Drawn::Svg),
        Some("json") => Ok(Drawn::Json),
        _ => Err(CommandError::Usage(format!(
            "-o {}: can't tell the format; use .svg, .dot or .json, or add --format svg",
            file.display()
        ))),
    }
}
