//! `heapdiff flame INPUT... -o X.svg`: a flame graph, differential if two profiles are given.

use super::CommandError;
use super::options::{
    Color, ComparedArgs, DestinationArgs, DressArgs, FilterArgs, GranularityArgs, Options,
    OutputArgs, ReadingArgs, SampleArgs, extension,
};
use super::request::{self, Request, compared};
use super::symbols::SymbolArgs;
use crate::analysis::flame::{FlameDirection, FlameOptions, FlamePart, FlameWidth};
use crate::analysis::stacks::StackOrder;
use crate::output::Format;
use crate::report::Question;
use clap::{Args, ValueEnum};
use std::path::Path;

/// Draw a flame graph as SVG: of one profile, or of what changed between two
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff flame [OPTIONS] PROFILE -o X.svg\n       heapdiff flame [OPTIONS] BEFORE AFTER -o X.svg",
    after_help = "\
Examples:
  heapdiff flame heap.pb.gz -o heap.svg
  heapdiff flame before.pb.gz after.pb.gz -o diff.svg
  heapdiff flame -width delta -focus=cache before.pb.gz after.pb.gz -o cache.svg
  heapdiff flame -folded before.pb.gz after.pb.gz | inferno-flamegraph > other.svg",
    after_long_help = "\
Open the SVG in a browser: hover for values, click to zoom, press Ctrl-F to search by regular \
expression. Callers are above their callees. For two profiles growth is red and shrinkage blue, by \
its share of the larger total, in steps that are the same in every flame graph; frames that didn't \
change are grey, and changes within sampling error are pale. Frames of memory that is gone have no \
width after, so they are shown under \"gone\" (new ones under \"new\" with --width before). \
Recursive calls are one frame, `f ×120`. Frames too narrow to draw are merged into one, `… 12 \
more`, and so are those more than 250 frames deep; frames beyond the widest 10 000 are only \
counted. A negative value, in a profile that is a difference, is as wide as its size, and its \
colour shows the sign.

Examples:
  heapdiff flame heap.pb.gz -o heap.svg
  heapdiff flame before.pb.gz after.pb.gz -o diff.svg
  heapdiff flame -width delta -focus=cache before.pb.gz after.pb.gz -o cache.svg
  heapdiff flame -folded before.pb.gz after.pb.gz | inferno-flamegraph > other.svg"
)]
pub(super) struct FlameArgs {
    #[command(flatten)]
    pub(super) profiles: ComparedArgs,
    /// Scale AFTER to the total of BEFORE before comparing
    #[arg(long)]
    normalize: bool,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    sample: SampleArgs,
    #[command(flatten)]
    granularity: GranularityArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    output: FlameOutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Picture")]
struct PictureArgs {
    /// Value that sets the width of a frame, for two profiles [default: after]
    #[arg(long, value_enum, value_name = "WHAT")]
    width: Option<FlameWidth>,
    /// Start at the allocating functions and go up to their callers
    #[arg(long)]
    reverse: bool,
    /// Draw only frames without width: gone ones, or new ones with --width before
    #[arg(long)]
    elided: bool,
    /// Leave out frames narrower than this: percent of the whole (0.1, 0.1%), or pixels of 1200
    /// (2px) [default: 0.05%]
    #[arg(long, value_name = "WIDTH", alias = "min_width", value_parser = min_width, allow_negative_numbers = true)]
    min_width: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct FlameOutputArgs {
    /// Output format [default: by the extension of FILE, svg on standard output]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FlameFormat>,
    /// Same as --format folded
    #[arg(long, conflicts_with = "format")]
    folded: bool,
    #[command(flatten)]
    destination: DestinationArgs,
    /// Remove these folders from file names; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    trim_path: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    symbols: SymbolArgs,
}

/// The output formats of a flame graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FlameFormat {
    /// SVG, for a browser.
    Svg,
    /// A line per stack with its value, or with before and after, for other tools.
    Folded,
    /// The frames of the flame graph, as docs/schema/report.v1.json describes them.
    Json,
}

/// Narrowest frame that is drawn, in millionths of the whole: half a pixel, too small to point at.
const MIN_WIDTH: u32 = 500;
/// Width in pixels of the area that holds the frames.
const PIXELS: f64 = 1180.0;

pub(super) fn request(args: FlameArgs) -> Result<Request, CommandError> {
    let FlameArgs { profiles, normalize, picture, sample, granularity, filter, output } = args;
    let inputs = compared("flame", profiles)?;
    let format = match output.format {
        Some(format) => format,
        None if output.folded => FlameFormat::Folded,
        None => by_name(output.destination.file())?,
    };
    check(&inputs, normalize, &picture, format)?;
    let direction =
        if picture.reverse { FlameDirection::LeafFirst } else { FlameDirection::RootFirst };
    let question = if format == FlameFormat::Folded {
        Question::Stacks(match direction {
            FlameDirection::RootFirst => StackOrder::RootFirst,
            FlameDirection::LeafFirst => StackOrder::LeafFirst,
        })
    } else {
        Question::Flame(FlameOptions {
            width: picture.width.unwrap_or(FlameWidth::After),
            direction,
            min_width: picture.min_width.unwrap_or(MIN_WIDTH),
            part: if picture.elided { FlamePart::Elided } else { FlamePart::Whole },
        })
    };
    let options = Options {
        sample,
        granularity,
        filter,
        output: OutputArgs {
            format: match format {
                FlameFormat::Svg => Format::Svg,
                FlameFormat::Folded => Format::Folded,
                FlameFormat::Json => Format::Json,
            },
            top: false,
            dress: DressArgs {
                destination: output.destination,
                color: Color::Never,
                trim_path: output.trim_path,
                reading: output.reading,
                symbols: output.symbols,
                ..DressArgs::default()
            },
        },
        ..Options::default()
    };
    let mut request = request::request(question, inputs, options)?;
    request.query.normalize = normalize;
    Ok(request)
}

/// Returns the format that belongs to the output's file name.
fn by_name(file: Option<&Path>) -> Result<FlameFormat, CommandError> {
    let is_file = |file: &&Path| std::fs::metadata(file).map_or(true, |found| found.is_file());
    let file = file.filter(is_file);
    let Some(file) = file else { return Ok(FlameFormat::Svg) };
    match extension(file).as_deref() {
        Some("svg") => Ok(FlameFormat::Svg),
        Some("folded" | "collapsed") => Ok(FlameFormat::Folded),
        Some("json") => Ok(FlameFormat::Json),
        _ => Err(CommandError::Usage(format!(
            "-o {}: can't tell the format; use .svg, .folded or .json, or add --format svg",
            file.display()
        ))),
    }
}

/// Refuses options that would have no effect.
fn check(
    inputs: &[String],
    normalize: bool,
    picture: &PictureArgs,
    format: FlameFormat,
) -> Result<(), CommandError> {
    let is_folded = format == FlameFormat::Folded;
    let drawn = [
        ("--width", picture.width.is_some()),
        ("--elided", picture.elided),
        ("--min-width", picture.min_width.is_some()),
    ];
    let drawn = drawn.iter().find(|(_, given)| *given && is_folded);
    let compared = [
        ("--width", picture.width.is_some()),
        ("--elided", picture.elided),
        ("--normalize", normalize),
    ];
    let compared = compared.iter().find(|(_, given)| *given);
    let message = match (inputs.len(), drawn, compared) {
        (_, Some((option, _)), _) => format!(
            "{option} only affects the flame graph, and folded output has all stacks: leave it out"
        ),
        (1, _, Some((option, _))) => {
            format!("{option} needs two profiles to compare, and one is given")
        }
        _ if picture.elided && picture.width == Some(FlameWidth::Delta) => {
            "--elided draws frames without width, and with --width delta every changed frame has \
             one: leave one of them out"
                .to_owned()
        }
        _ => return Ok(()),
    };
    Err(CommandError::Usage(message))
}

/// Parses a share of the flame graph, in millionths.
fn min_width(text: &str) -> Result<u32, String> {
    let (number, percent) = match (text.strip_suffix("px"), text.strip_suffix('%')) {
        (Some(pixels), _) => (pixels, 100.0 / PIXELS),
        (None, Some(percent)) => (percent, 1.0),
        (None, None) => (text, 1.0),
    };
    let percent = number.trim().parse().ok().map(|number: f64| number * percent);
    percent.filter(|percent| (0.0..=100.0).contains(percent)).map_or_else(
        || Err("expected a percentage from 0 to 100% (0.1%), or pixels (2px)".to_owned()),
        |percent| Ok((percent * 10_000.0).round() as u32),
    )
}

#[cfg(test)]
mod tests {
    use super::min_width;

    #[test]
    fn a_width_is_a_share_or_pixels() {
        assert_eq!(min_width("0.1%"), Ok(1000));
        assert_eq!(min_width("0.1"), Ok(1000));
        assert_eq!(min_width("11.8px"), Ok(10_000));
        assert_eq!(min_width("0"), Ok(0));
        for wrong in ["", "x", "-1", "101", "1200px", "NaN", "inf%"] {
            assert!(min_width(wrong).is_err(), "{wrong}");
        }
    }
}
