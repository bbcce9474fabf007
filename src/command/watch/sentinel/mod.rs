//! Watching on behalf of others: serves metrics for Prometheus, and tells a command and a webhook about
//! leaks. It observes the rounds beside what shows them, and none of its work delays a snapshot.

mod alarm;
mod channel;
mod hook;
mod metrics;
mod reading;
mod server;
mod webhook;

use crate::analysis::suspects::Suspect;
use crate::command::options::ReadingArgs;
use crate::command::recorder::rounds::{Observer, Seen};
use crate::command::recorder::stop::Stop;
use crate::command::recorder::store::Store;
use crate::command::values::duration;
use crate::command::{CommandError, Console, run};
use crate::output::{self, Format, Style, Width};
use crate::patterns::Confidence;
use crate::printable::escape;
use crate::report::{Answer, Report};
use alarm::{Key, Log};
use channel::{Alarm, Channel};
use clap::{Args, ValueEnum};
use hook::Hook;
use jiff::Timestamp;
use metrics::Metrics;
use reading::Readings;
use server::Pulse;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use webhook::Webhook;

/// How long a command may take.
const TIMEOUT: &str = "60s";
/// How long the loop may be silent, at least, before it counts as stuck. It is silent while a snapshot is
/// taken and judged, and not while it waits for the next.
const STUCK: Duration = Duration::from_secs(3600);
/// Most requests of a snapshot: heap and goroutines, each once more if it can't be read, and statistics from
/// two places.
const REQUESTS: u32 = 6;
/// How long deliveries may take when a watch has ended, and when it was interrupted.
const ENDINGS: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(5)];
/// How often the end looks for deliveries.
const STEP: Duration = Duration::from_millis(50);

/// How sure a leak has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sure {
    High,
    Medium,
    Low,
}

/// Watching on behalf of others.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sentinel")]
pub(super) struct SentinelArgs {
    /// Serve metrics for Prometheus on this address, at /metrics: `:9188` for this machine alone, 0.0.0.0:9188 for all networks
    #[arg(long, value_name = "ADDR", value_parser = server::address)]
    metrics: Option<SocketAddr>,
    /// Run this once for each leak, by `sh -c`: the report as JSON on standard input, `HEAPDIFF_SITE` and more in the environment
    #[arg(long, value_name = "COMMAND")]
    on_leak: Option<String>,
    /// End that command after this time
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = TIMEOUT, requires = "on_leak")]
    on_leak_timeout: Duration,
    /// Send the report as JSON here once for each leak; @FILE reads the URL from a file
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Send this header to the webhook; @FILE reads headers from a file, one in each line
    #[arg(long, value_name = "NAME: VALUE", requires = "webhook")]
    webhook_header: Vec<String>,
    /// How sure a leak has to be for the command and the webhook
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Sure::High)]
    confidence: Sure,
}

/// Tells others what a watch sees.
pub(super) struct Sentinel {
    metrics: Metrics,
    readings: Readings,
    pulse: Pulse,
    channels: Vec<Channel>,
    least: Confidence,
    log: Log,
    /// Where the log is kept; nowhere for a folder of another program.
    store: Option<Store>,
    /// What is to be said, when there is someone to say it.
    remarks: Vec<String>,
    now: Timestamp,
    is_over: Arc<AtomicBool>,
    webhook: Option<Webhook>,
}

impl SentinelArgs {
    /// Begins to serve, if anything of this was asked for.
    pub(super) fn begin(
        &self,
        reading: &ReadingArgs,
        console: &mut Console<'_>,
    ) -> Result<Option<Sentinel>, CommandError> {
        if self.metrics.is_none() && self.on_leak.is_none() && self.webhook.is_none() {
            return Ok(None);
        }
        let usage = CommandError::Usage;
        let metrics = Metrics::default();
        let access = reading.access.access().map_err(usage)?;
        let pulse = Pulse::new(access.longest().saturating_mul(REQUESTS).max(STUCK));
        let is_over = Arc::<AtomicBool>::default();
        let mut channels = Vec::new();
        if let Some(command) = &self.on_leak {
            let (command, timeout) = (command.clone(), self.on_leak_timeout);
            let hook = Hook { command, timeout, is_over: Arc::clone(&is_over) };
            channels.push(Channel::new("command", move |alarm| hook.run(alarm)));
        }
        let webhook = match &self.webhook {
            Some(typed) => Some(Webhook::new(typed, &self.webhook_header, access).map_err(usage)?),
            None => None,
        };
        if let Some(webhook) = webhook.clone() {
            channels.push(Channel::new("webhook", move |alarm| webhook.send(alarm)));
        }
        if let Some(address) = self.metrics {
            let address = server::serve(address, metrics.clone(), pulse.clone())?;
            if !reading.quiet {
                // If it can't be written, watching is worth more.
                let _ = writeln!(console.stderr, "metrics: http://{address}/metrics");
            }
        }
        Ok(Some(Sentinel {
            readings: Readings::new(&channels),
            metrics,
            pulse,
            channels,
            least: match self.confidence {
                Sure::High => Confidence::High,
                Sure::Medium => Confidence::Med,
                Sure::Low => Confidence::Low,
            },
            log: Log::default(),
            store: None,
            remarks: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            is_over,
            webhook,
        }))
    }
}

impl Sentinel {
    /// Keeps the log in the watch's own folder, and reads what an earlier watch left there.
    pub(super) fn remember_in(&mut self, folder: &Path) -> Result<(), CommandError> {
        if self.channels.is_empty() {
            return Ok(());
        }
        let store = Store::open(folder).map_err(|error| {
            CommandError::Usage(format!("-o {}: {error}", escape(&folder.to_string_lossy())))
        })?;
        match Log::read(folder) {
            Ok(log) => self.log = log,
            Err(why) => self.remarks.push(format!(
                "{}: {why}; all leaks count as new",
                escape(&folder.join(alarm::FILE).to_string_lossy())
            )),
        }
        self.store = Some(store);
        Ok(())
    }

    fn observe(&mut self, seen: &Seen<'_>) {
        self.pulse.beat();
        self.now = seen.when;
        self.settle(Duration::ZERO);
        self.log.forget(self.now);
        if let Some(so_far) = seen.so_far
            && let Some(answer) = so_far.leaks().filter(|answer| answer.verdict.needed.is_none())
        {
            let sure = answer.suspects.iter().enumerate();
            let least = self.least;
            for (place, suspect) in sure.filter(|(_, one)| reading::is_leak(one, least)) {
                self.tell(seen, &so_far.report, (place, suspect));
            }
        }
        self.readings.take(seen);
        self.metrics.set(self.readings.reading.clone());
        self.write_log();
    }

    /// Tells each channel that doesn't know of a leak yet.
    fn tell(&mut self, seen: &Seen<'_>, report: &Report, (place, suspect): (usize, &Suspect)) {
        let key = Key {
            service: seen.target().to_owned(),
            function: suspect.site.function.clone(),
            file: suspect.site.file.clone(),
            goroutines: suspect.is_of_goroutines(),
        };
        self.log.seen(&key, self.now);
        let Self { channels, log, now, .. } = self;
        let is_due = |channel: &&mut Channel| {
            !channel.is_waiting(&key) && log.is_due(&key, channel.name, *now)
        };
        let mut due = channels.iter_mut().filter(is_due).peekable();
        if due.peek().is_none() {
            return;
        }
        let facts = reading::facts(seen, suspect);
        let alarm = Arc::new(Alarm { key: key.clone(), facts, report: about(report, place) });
        due.for_each(|channel| channel.tell(&alarm));
    }

    /// Notes what was delivered and what wasn't; waits so long for it.
    fn settle(&mut self, wait: Duration) {
        for channel in &mut self.channels {
            for (key, result) in channel.outcomes(wait) {
                self.log.told(&key, channel.name, result.is_ok(), self.now);
                self.readings.count(channel.name, result.is_ok());
                let Err(why) = result else { continue };
                let who = match &self.webhook {
                    Some(webhook) if channel.name == "webhook" => {
                        format!("--webhook {}", webhook.name())
                    }
                    _ => "--on-leak".to_owned(),
                };
                self.remarks.push(format!("{who}: {}: {why}", escape(&key.function)));
            }
        }
    }

    fn write_log(&mut self) {
        let Some(store) = &self.store else { return };
        let Some(text) = self.log.changed() else { return };
        if let Err(error) = store.replace(alarm::FILE, &text) {
            let file = store.folder().join(alarm::FILE);
            self.remarks.push(format!("can't write {}: {error}", escape(&file.to_string_lossy())));
        }
    }

    /// Ends: lets deliveries finish, for a bounded time.
    pub(super) fn end(
        &mut self,
        why: &str,
        stop: &Stop,
        is_quiet: bool,
        console: &mut Console<'_>,
    ) {
        let [usual, short] = ENDINGS;
        let begin = Instant::now();
        let is_interrupted = || why == "interrupted" || stop.is_set();
        while self.channels.iter().any(|channel| !channel.is_idle())
            && begin.elapsed() < if is_interrupted() { short } else { usual }
        {
            self.settle(STEP);
        }
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(webhook) = &self.webhook {
            webhook.client.stop();
        }
        // A command that is ended gets a moment to clean up.
        let until = Instant::now() + short;
        while self.channels.iter().any(|channel| !channel.is_idle()) && Instant::now() < until {
            self.settle(STEP);
        }
        self.write_log();
        for remark in std::mem::take(&mut self.remarks) {
            if !is_quiet {
                run::say_warning(&remark, console);
            }
        }
    }
}

/// The report with this suspect alone, as JSON.
fn about(report: &Report, place: usize) -> Vec<u8> {
    let mut report = report.clone();
    if let Answer::Leaks(answer) = &mut report.answer {
        let before = answer.suspects.len();
        let suspect = answer.suspects.get(place).cloned();
        answer.suspects = suspect.into_iter().collect();
        answer.verdict.omitted += before - answer.suspects.len();
    }
    let style = Style {
        width: Width::Unlimited,
        color: false,
        unit: None,
        file_names: output::FileNames::Whole,
    };
    let mut text = Vec::new();
    // Writing to memory can't fail.
    let _ = output::write(Format::Json, &report, &style, &mut text);
    text
}

/// What shows the rounds, and the sentinel beside it.
pub(super) struct Beside<'a> {
    pub(super) shown: &'a mut dyn Observer,
    pub(super) sentinel: Option<&'a mut Sentinel>,
}

impl Beside<'_> {
    fn say_remarks(&mut self) {
        if let Some(sentinel) = &mut self.sentinel {
            sentinel.settle(Duration::ZERO);
            for remark in std::mem::take(&mut sentinel.remarks) {
                self.shown.say(&remark);
            }
        }
    }
}

impl Observer for Beside<'_> {
    fn seen(&mut self, seen: &Seen<'_>) {
        self.shown.seen(seen);
        if let Some(sentinel) = &mut self.sentinel {
            sentinel.observe(seen);
        }
        self.say_remarks();
    }

    fn say(&mut self, message: &str) {
        self.shown.say(message);
    }

    fn waits(&mut self, left: Duration) {
        self.shown.waits(left);
        if let Some(sentinel) = &mut self.sentinel {
            sentinel.pulse.beat();
            sentinel.write_log();
        }
        self.say_remarks();
    }
}
