//! Server-sent events: that the inputs changed, or that the recording failed or goes on. What they are now, the page asks for itself.

use super::Service;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often something is sent, so that both sides know that the other is there.
const ALIVE: Duration = Duration::from_secs(15);

/// A client that listens.
struct Listener {
    service: Arc<Service>,
    revision: watch::Receiver<u64>,
    /// The ids of the snapshots that were there when it came.
    known: Vec<String>,
}

pub(super) async fn stream(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let revision = service.revision.subscribe();
    let known = service.world().snapshots().iter().map(|input| input.id.clone()).collect();
    let listener = Listener { service, revision, known };
    let events = stream::unfold(listener, |mut listener| async move {
        listener.revision.changed().await.ok()?;
        let event = listener.event();
        Some((Ok::<_, Infallible>(event), listener))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE))
}

impl Listener {
    fn event(&self) -> Event {
        let world = self.service.world();
        let snapshots = world.snapshots();
        let new = snapshots.iter().filter(|input| !self.known.contains(&input.id)).count();
        let failed = self.service.backend.live().and_then(|live| live.failed);
        let data = json!({
            "revision": world.revision,
            "snapshots": snapshots.len(),
            "new": new,
            "failed": failed,
        });
        Event::default().event("inputs").data(data.to_string())
    }
}
