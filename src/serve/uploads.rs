//! Inputs that come from the page: read with a limit to their size and to their time, and held in memory.

use super::Service;
use super::backend::Unfit;
use super::query::Parameters;
use super::refusal::Refusal;
use super::shell::json;
use crate::printable::escape;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;
use std::sync::Arc;

/// Longest name of a file.
const LONGEST: usize = 200;
/// What a command line would take for a folder, a service or a pattern.
const SPECIAL: [char; 9] = ['/', '\\', ':', '*', '?', '[', ']', '{', '}'];

/// Adds an input.
pub(super) async fn add(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Refusal> {
    let name = name(Parameters::parse(request.uri().query()).get("name"))?;
    let most = service.limits.upload;
    if length(request.headers()).is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    let seat = Arc::clone(&service.uploads).try_acquire_owned().map_err(|_| Refusal::busy())?;
    let bytes = read(request.into_body(), &service).await?;
    // A client that leaves meanwhile leaves nothing behind that doesn't fit.
    let added = tokio::task::spawn_blocking(move || {
        let outcome = put(&service, &name, bytes);
        drop(seat);
        outcome
    });
    added.await.map_err(|_| Refusal::busy())?
}

/// Adds an input that can be read and fits the others.
fn put(service: &Service, name: &str, bytes: Bytes) -> Result<Response, Refusal> {
    let id = service.backend.add(name, bytes.into()).map_err(|unfit| match unfit {
        Unfit::Broken(why) => Refusal::about("name", "bad-input", why),
        Unfit::Full(why) => Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-inputs", why),
    })?;
    service.look();
    let world = service.world();
    let input = world.inputs.iter().find(|input| input.id == id);
    let input = input.ok_or_else(|| Refusal::missing("the input is gone again"))?;
    if let Some(why) = input.error.clone() {
        // It is a profile, and fits none of the others.
        service.backend.remove(&id);
        service.look();
        return Err(Refusal::about("name", "bad-input", why));
    }
    let added = json!({ "revision": world.revision, "input": input });
    Ok((StatusCode::CREATED, json(&added)).into_response())
}

/// Removes an input that was added.
pub(super) async fn remove(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let remover = Arc::clone(&service);
    let removed = tokio::task::spawn_blocking(move || {
        let was_there = remover.backend.remove(&id);
        if was_there {
            remover.look();
        }
        was_there
    });
    if !removed.await.map_err(|_| Refusal::busy())? {
        let message = "there is no such input that was added in the browser; others stay";
        return Err(Refusal::missing(message));
    }
    Ok(json(&service.listed()))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(most: usize) -> Refusal {
    let message = format!(
        "an upload may have {} MiB: name the file on the command line of heapdiff serve",
        most >> 20
    );
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
}

async fn read(body: Body, service: &Service) -> Result<Bytes, Refusal> {
    let most = service.limits.upload;
    let read = tokio::time::timeout(service.limits.body, Limited::new(body, most).collect()).await;
    let slow = "the upload took too long: try again, or name the file on the command line";
    let slow = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "slow", slow);
    read.map_err(slow)?.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            return too_large(most);
        }
        Refusal::new(StatusCode::BAD_REQUEST, "broken", "the upload broke off: try again")
    })
}

/// The name of an upload, which becomes an argument of command lines: so it is that of a file, and of nothing else.
fn name(given: Option<&str>) -> Result<String, Refusal> {
    let missing =
        || Refusal::about("name", "missing-parameter", "name: expected the name of the file");
    let name = given.ok_or_else(missing)?.trim();
    let is_special = name.contains(SPECIAL) || name.starts_with('-') || matches!(name, "." | "..");
    if name.is_empty() || name.len() > LONGEST || is_special || escape(name) != name {
        let message = format!(
            "name: expected the name of a file without its folder: at most {LONGEST} bytes that print, no - in front, \
             and none of {}",
            SPECIAL.map(String::from).join(" ")
        );
        return Err(Refusal::about("name", "bad-parameter", message));
    }
    Ok(name.to_owned())
}
