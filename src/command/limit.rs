//! A limit on the memory of a process, as typed.

use super::values::size;
use crate::analysis::suspects::LimitQuery;
use clap::Args;

/// A limit on the memory of the process.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Limit")]
pub(super) struct LimitArgs {
    /// Predict when the process reaches SIZE: 2GiB, 500MB
    #[arg(long, value_name = "SIZE", value_parser = size::<i64>, allow_negative_numbers = true)]
    limit: Option<i64>,
    /// GOGC of the process, in percent; `off` for none
    #[arg(long, value_name = "N", value_parser = gogc, requires = "limit", default_value = "100")]
    gogc: Gogc,
}

impl LimitArgs {
    /// The limit, if one was given.
    pub(super) fn query(self) -> Option<LimitQuery> {
        self.limit.map(|limit| LimitQuery { limit, gogc: self.gogc.0 })
    }
}

/// The garbage collector's target: GOGC, in percent.
#[derive(Clone, Copy, Debug, Default)]
struct Gogc(Option<f64>);

fn gogc(text: &str) -> Result<Gogc, String> {
    if text == "off" {
        return Ok(Gogc(None));
    }
    let percent = text.parse().ok().filter(|percent: &f64| (0.0..=10_000.0).contains(percent));
    percent
        .map(|percent| Gogc(Some(percent)))
        .ok_or_else(|| "expected a percentage from 0 to 10000, or off".to_owned())
}
