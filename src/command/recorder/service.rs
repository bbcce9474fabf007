//! Services as typed: their addresses and folders, and a recorder for each.

use super::earlier;
use super::manifest::{Manifest, NAME};
use super::shot::{Taker, Wanted};
use super::stop::Stop;
use super::store::{Store, stamp};
use super::{Recorder, Source};
use crate::command::options::ReadingArgs;
use crate::command::{CommandError, inputs, local};
use crate::printable::escape;
use crate::source::http::{Address, Client};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a snapshot leaves out.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::command) struct LeftOutArgs {
    /// Don't ask for a collection before each snapshot: the heap is as of the last collection
    #[arg(long)]
    pub(in crate::command) no_gc: bool,
    /// Don't record goroutines
    #[arg(long)]
    pub(in crate::command) no_goroutines: bool,
    /// Don't record memory statistics
    #[arg(long)]
    pub(in crate::command) no_memstats: bool,
}

/// What to record, and where to.
pub(in crate::command) struct Asked<'a> {
    pub(in crate::command) services: &'a [String],
    /// The folder; a new one without it.
    pub(in crate::command) output: Option<&'a Path>,
    pub(in crate::command) every: Duration,
    pub(in crate::command) pid: Option<u32>,
    pub(in crate::command) left_out: LeftOutArgs,
    pub(in crate::command) reading: &'a ReadingArgs,
}

/// Makes a recorder for each service.
pub(in crate::command) fn recorders(
    asked: &Asked<'_>,
    stop: &Stop,
) -> Result<Vec<Recorder>, CommandError> {
    let addresses =
        asked.services.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    local::check(asked.pid, addresses.len())?;
    let usage = CommandError::Usage;
    let client = asked.reading.access.access().and_then(Client::new).map_err(usage)?;
    stop.with_client(client.clone());
    let started = stamp(Timestamp::now());
    let mut folders = BTreeSet::new();
    let mut recorders = Vec::new();
    for address in addresses {
        let name = address.folder_name();
        let mut folder = match asked.output {
            Some(folder) if asked.services.len() == 1 => folder.to_owned(),
            Some(folder) => folder.join(&name),
            None => PathBuf::from(format!("{name}-{started}")),
        };
        // Two paths of one host.
        while !folders.insert(folder.clone()) {
            folder = PathBuf::from(format!("{}-2", folder.display()));
        }
        let unusable = |why: String| {
            CommandError::Usage(format!("-o {}: {why}", escape(&folder.to_string_lossy())))
        };
        let store = Store::open(&folder).and_then(Store::alone);
        let store = store.map_err(|error| unusable(error.to_string()))?;
        let (earlier, removed) = earlier::read(&folder)
            .map_err(|why| unusable(format!("its {NAME} {why}; use another folder")))?;
        let wanted = Wanted {
            gc: !asked.left_out.no_gc,
            goroutines: !asked.left_out.no_goroutines,
            memory_statistics: !asked.left_out.no_memstats,
            pid: asked.pid,
            budget: asked.reading.budget(),
        };
        let manifest = Manifest {
            pid: asked.pid,
            gc: wanted.gc,
            earlier,
            removed,
            ..Manifest::of(address.to_string(), asked.every)
        };
        let taker = Taker::new(client.clone(), address, store, wanted);
        recorders.push(Recorder::new(Source::Service(Box::new(taker)), manifest));
    }
    Ok(recorders)
}

fn address(text: &str) -> Result<Address, CommandError> {
    let address = inputs::address(text)?;
    if address.parameter("seconds").is_some() {
        return Err(CommandError::Usage(format!(
            "{address}: ?seconds= asks for the difference of two moments, and a recording needs \
             whole snapshots: leave it out"
        )));
    }
    Ok(address)
}
