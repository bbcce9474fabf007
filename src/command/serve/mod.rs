//! `heapdiff serve INPUT...`: a page in the browser about the inputs, which asks further questions.

mod address;
#[cfg(test)]
mod days;
mod described;
mod live;
mod shelf;
mod stock;

use super::options::{OwnArgs, ReadingArgs};
use super::recorder::service::LeftOutArgs;
use super::recorder::stop::Stop;
use super::values::duration;
use super::{CommandError, Console, access};
use crate::output::shell;
use crate::parallel;
use crate::printable::escape;
use crate::serve::{self, Backend, Guard, Limits};
use address::Bound;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use live::Recording;
use std::cell::RefCell;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use stock::Stock;

/// The usual time between two snapshots of a service.
const EVERY: Duration = Duration::from_secs(30);
/// Bytes of a random token.
const TOKEN: usize = 24;
/// Fewest characters of a token that is given.
const SHORTEST: usize = 16;

/// Open a page in the browser about profiles, which answers further questions
#[derive(Debug, Args)]
#[command(
    override_usage = "heapdiff serve [OPTIONS] INPUT...\n       heapdiff serve [OPTIONS] URL",
    after_help = "\
Examples:
  heapdiff serve before.pb.gz after.pb.gz
  heapdiff serve --http :9000 snapshots/         new files in the folder show up
  heapdiff serve http://localhost:6060 --every 30s   a service, which is recorded meanwhile
  heapdiff serve --http 0.0.0.0:8080 snapshots/  for other machines, which need the token it prints
  heapdiff serve --http 0.0.0.0:8080 --host box.lan snapshots/  the same, also as http://box.lan:8080
  heapdiff serve                                 an empty page to drop profiles into

Only this machine is served unless --http names another address. Links made for pprof's web page work. \
The API is at /api/v1/openapi.json. With -q it prints its address and errors alone. Ctrl-C ends."
)]
pub(super) struct ServeArgs {
    /// Profiles: files, folders and globs, which are looked at again, or one service, as for `heapdiff
    /// capture`
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
    /// Where to serve: :PORT for this machine alone, or HOST:PORT; port 0 is any that is free [default:
    /// :8080, or any that is free]
    #[arg(long, value_name = "[HOST]:PORT")]
    http: Option<String>,
    /// Answer under this name as well, which another machine or a proxy in front of it has for this one; may be
    /// repeated
    #[arg(long, value_name = "NAME[:PORT]", value_parser = address::name)]
    host: Vec<String>,
    /// Don't open a browser
    #[arg(long, alias = "no_browser")]
    no_browser: bool,
    /// Ask for the token in FILE, - for standard input [default: a random one, for other machines]
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Look for source files below these folders and in their parents; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "source_path")]
    source_path: Option<String>,
    /// Remove these folders from file names; separate several with `:`
    #[arg(long, value_name = "PATHS", alias = "trim_path")]
    trim_path: Option<String>,
    #[command(flatten)]
    own: OwnArgs,
    /// Time between two snapshots of a service [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Service")]
    every: Option<Duration>,
    #[command(flatten, next_help_heading = "Service")]
    left_out: LeftOutArgs,
    /// Folder for the snapshots of a service [default: a new one, named by the service and the time]
    #[arg(short, long, value_name = "DIR", help_heading = "Service")]
    output: Option<PathBuf>,
    /// Remove snapshots of this folder that are older, but for the newest 24
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Service")]
    keep: Option<Duration>,
    /// Limits, for tests: HEAD,BODY,STALLED,LOOK,IDLE as times
    #[arg(long, value_name = "TIMES", hide = true, value_delimiter = ',', value_parser = duration)]
    limits: Vec<Duration>,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Serves until it is stopped.
pub(super) fn serve(args: ServeArgs, console: &mut Console<'_>) -> Result<(), CommandError> {
    // A mistake in a regular expression is said at once.
    let own = args.own.own.clone();
    args.own.own()?;
    let answer = |error: String| CommandError::Answer(error.into());
    let stop =
        Stop::on_signals().map_err(|error| answer(format!("can't listen for Ctrl-C: {error}")))?;
    // A port that is taken is said before anything is read.
    let bound = address::bind(args.http.as_deref())?;
    let alone = bound.alone().filter(|_| args.host.is_empty()).map(str::to_owned);
    let Bound { listeners, addresses, names, is_local } = bound;
    // Who is in front of it lets others in.
    let is_local = is_local && args.host.is_empty();
    let token = token(args.token.as_deref(), is_local)?;
    let (services, files) = live::split(&args.inputs)?;
    let recording = match services.as_slice() {
        [] if args.every.is_some() || args.keep.is_some() || args.output.is_some() => {
            return Err(CommandError::Usage(
                "--every, --keep and -o are about a service that is recorded, and none is given: heapdiff serve \
                 http://HOST:PORT"
                    .to_owned(),
            ));
        }
        [] => None,
        [one] => Some(Recording::begin(
            &live::Plan {
                service: one,
                folder: args.output.as_deref(),
                every: args.every.unwrap_or(EVERY),
                keep: args.keep,
                left_out: args.left_out,
                reading: &args.reading,
            },
            &stop,
        )?),
        many => {
            return Err(CommandError::Usage(format!(
                "serve records one service at a time, and {} are given: record them with heapdiff capture, and serve \
                 the folders",
                many.len()
            )));
        }
    };
    let usual = [("source-path", args.source_path), ("trim-path", args.trim_path), ("own", own)];
    let usual = usual.into_iter().filter_map(|(option, value)| Some((option, value?))).collect();
    let live = recording.as_ref().map(|one| (one.folder(), one.state()));
    let stock = Stock::new(files, live, args.reading.budget(), usual);
    let stock = Arc::new(stock);
    let survey = stock.survey().map_err(answer)?.unwrap_or_default();
    let address = addresses.first().map(|first| format!("http://{}/", own_name(*first)));
    let address = address.unwrap_or_default();
    let shown = match &token {
        Some(token) => format!("{address}?token={token}"),
        None => address,
    };
    let opens_browser = !args.no_browser && console.stderr_is_terminal;
    let stderr = RefCell::new(&mut console.stderr);
    let say = |message: &str| {
        let mut stderr = stderr.borrow_mut();
        // A message that can't be printed is no reason to fail.
        let _ = writeln!(stderr, "{message}");
        let _ = stderr.flush();
    };
    let warn = |message: &str| {
        if !args.reading.quiet {
            say(&format!("heapdiff: warning: {message}"));
        }
    };
    // Without its address it is of no use.
    say(&format!("Serving at {shown} (Ctrl-C ends)"));
    if !is_local {
        warn(
            "other machines can reach this at the addresses of this one, and at names that --host gives; what they \
             send and get can be read on the way",
        );
    }
    if let Some(name) = alone {
        warn(&format!(
            "here, {name} means this machine alone, so others can't reach this: --http \
             0.0.0.0:PORT serves them"
        ));
    }
    if opens_browser && !may_be_an_argument(&shown) {
        say("Open it yourself: the address holds the token");
    } else if opens_browser && let Err(error) = open::that_detached(&shown) {
        say(&format!("heapdiff: can't open a browser ({error}): open the address"));
    }
    let limits = limits(&args.limits);
    let guard = Guard::new(&addresses, &names, token).also(&args.host);
    let is_stopped = || {
        if let Some(recording) = &recording {
            recording.said().for_each(|message| warn(&message));
        }
        stop.is_set()
    };
    let served = serve::serve(listeners, stock, survey, guard, limits, &is_stopped);
    served.map_err(|error| answer(format!("can't serve: {error}")))?;
    let folder = recording.map(Recording::end);
    if args.reading.quiet {
        return Ok(());
    }
    say("heapdiff: interrupted, no longer serving");
    if let Some(folder) = folder {
        let folder = folder.to_string_lossy();
        let command = format!("heapdiff serve {}", shell::file(&escape(&folder)));
        say(&format!("the snapshots are in {}: {command}", escape(&folder)));
    }
    Ok(())
}

/// An address as a browser on this machine takes it.
fn own_name(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("localhost:{}", address.port());
    }
    address.to_string()
}

/// Whether an address may be an argument of another program, which every user of this machine can read.
fn may_be_an_argument(address: &str) -> bool {
    !address.contains("token=")
}

/// The limits, with the times that are given.
fn limits(given: &[Duration]) -> Limits {
    let mut limits = Limits::usual(parallel::threads());
    let Limits { head, body, stalled, look, idle, .. } = &mut limits;
    let times = [head, body, stalled, look, idle];
    times.into_iter().zip(given).for_each(|(time, given)| *time = *given);
    limits
}

/// The token that is asked for: the given one; a random one if other machines are served.
fn token(file: Option<&Path>, is_local: bool) -> Result<Option<String>, CommandError> {
    let Some(file) = file else {
        return Ok(if is_local { None } else { Some(random()?) });
    };
    let usage = |why: String| CommandError::Usage(format!("--token {}: {why}", file.display()));
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().take(1 << 16).read_to_string(&mut text);
        read.map(|_| text).map_err(|error| error.to_string())
    } else {
        access::text(file)
    };
    let text = text.map_err(usage)?;
    let token = text.trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if token.len() < SHORTEST || !token.chars().all(is_plain) {
        return Err(usage(format!(
            "expected at least {SHORTEST} letters and digits, also - . _ and ~: openssl rand -hex 24"
        )));
    }
    Ok(Some(token.to_owned()))
}

fn random() -> Result<String, CommandError> {
    let mut bytes = [0; TOKEN];
    getrandom::fill(&mut bytes)
        .map_err(|error| CommandError::Answer(format!("no random token: {error}").into()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::may_be_an_argument;

    #[test]
    fn an_address_with_a_token_is_given_to_no_program() {
        assert!(may_be_an_argument("http://127.0.0.1:8080/"));
        assert!(!may_be_an_argument("http://127.0.0.1:8080/?token=0123456789abcdef"));
    }
}
