//! `heapdiff serve`: what it answers is what the command line prints, and what it refuses.

#![cfg(all(feature = "serve", unix))]
#![expect(clippy::unwrap_used, reason = "a test that can't continue has failed")]

#[expect(dead_code, reason = "other targets use the rest")]
#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod answers;
mod client;
mod guards;
mod inputs;
mod load;

use std::path::{Path, PathBuf};

/// A recording of the project.
fn given(name: &str) -> String {
    root().join("testdata").join(name).to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A server about two profiles of one process, in a folder of its own.
fn chat(name: &str) -> client::Server {
    let folder = support::program::folder(name);
    let [before, after] = ["chat/before.pb.gz", "chat/after.pb.gz"].map(given);
    client::Server::start(&folder, &[&before, &after])
}
