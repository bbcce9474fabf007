//! `heapdiff serve`: a page in the browser that asks further questions, and the API that it asks.
//!
//! A question has no state: the address says what is asked, a command line says the same (`query`), the report answers it,
//! and `output` writes it. The server keeps what it loaded, uploads, and the newest answers. What reads inputs and command
//! lines is a [`Backend`].
//!
//! `guard` looks at every request first. `listing` says what there is, `api` answers, `work` bounds what is done at a
//! time, `world` is what is served at one moment, and `http` bounds what a client may take.

mod api;
mod backend;
mod events;
mod functions;
mod guard;
mod http;
mod listing;
mod openapi;
mod pace;
mod packed;
mod query;
mod refusal;
mod routes;
mod sessions;
mod shell;
mod uploads;
mod work;
mod world;

pub use backend::{Asked, Backend, Input, Live, State, Survey, Unfit, Wanted, snapshots};
pub use guard::{Guard, WRITE};
pub use openapi::document;
pub use shell::{OF_PPROF, PAGES};

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use work::Work;
use world::World;

/// How often a request to stop is looked for.
const STEP: Duration = Duration::from_millis(50);
/// How long requests that are being answered may take once the server stops.
const LAST: Duration = Duration::from_millis(200);

/// How much a server does at a time, and how long a client may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long the pause between two requests of a connection may be.
    pub idle: Duration,
    /// How long the body of a request may take.
    pub body: Duration,
    /// How long a client may take nothing of an answer.
    pub stalled: Duration,
    /// How often inputs are looked at.
    pub look: Duration,
    /// Most connections at a time.
    pub connections: usize,
    /// Analyses at a time.
    pub at_once: usize,
    /// Most questions that wait.
    pub queue: usize,
    /// Most bytes of answers that are kept.
    pub answers: usize,
    /// Most bytes of an upload.
    pub upload: usize,
    /// Uploads that are received at a time.
    pub uploads: usize,
}

impl Limits {
    /// The usual ones, with so many analyses at a time.
    pub fn usual(at_once: usize) -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body: Duration::from_secs(60),
            stalled: Duration::from_secs(30),
            look: Duration::from_secs(2),
            connections: 256,
            at_once,
            queue: 64,
            answers: 64 << 20,
            upload: 64 << 20,
            uploads: 4,
        }
    }
}

/// A server while it runs.
struct Service {
    /// Tells what it says from what another server said at the same address.
    start: u64,
    backend: Arc<dyn Backend>,
    guard: Guard,
    limits: Arc<Limits>,
    work: Arc<Work>,
    world: RwLock<Arc<World>>,
    /// Held while the inputs are looked at. What the recording did at the last look.
    looking: Mutex<Option<Live>>,
    revision: watch::Sender<u64>,
    uploads: Arc<Semaphore>,
}

impl Service {
    fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The inputs as the API lists them, and what the recording does now.
    fn listed(&self) -> serde_json::Value {
        self.world().listed(self.backend.live().as_ref())
    }

    /// Looks at the inputs, and serves what changed. Whether a recording goes on is news as well. If nothing can be said of them, all stays as it was.
    fn look(&self) {
        let mut seen = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let live = lasting(&*self.backend);
        let is_news = *seen != live;
        *seen = live;
        let Ok(Some(survey)) = self.backend.survey() else {
            if is_news {
                self.revision.send_modify(|_| {});
            }
            return;
        };
        let revision = self.world().revision + 1;
        let world = Arc::new(World::new(self.start, revision, survey));
        *self.world.write().unwrap_or_else(PoisonError::into_inner) = world;
        self.work.forget();
        self.revision.send_replace(revision);
    }
}

/// What a recording does, but for what every snapshot changes.
fn lasting(backend: &dyn Backend) -> Option<Live> {
    backend.live().map(|live| Live { next: None, ..live })
}

/// Serves at these listeners until `is_stopped`.
///
/// # Errors
///
/// Says why there is nothing to serve, or what can't be used.
pub fn serve(
    listeners: Vec<TcpListener>,
    backend: Arc<dyn Backend>,
    survey: Survey,
    guard: Guard,
    limits: Limits,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2 * limits.at_once + limits.uploads + 4)
        .build()?;
    let limits = Arc::new(limits);
    let start = getrandom::u64().map_err(io::Error::other)?;
    let seen = lasting(&*backend);
    let service = Arc::new(Service {
        start,
        backend,
        guard,
        work: Work::new(limits.at_once, limits.queue, limits.answers),
        world: RwLock::new(Arc::new(World::new(start, 1, survey))),
        looking: Mutex::new(seen),
        revision: watch::channel(1).0,
        uploads: Arc::new(Semaphore::new(limits.uploads)),
        limits: Arc::clone(&limits),
    });
    let served: io::Result<()> = runtime.block_on(async {
        let router = routes::router(&service);
        let room = Arc::new(Semaphore::new(limits.connections));
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (router, room) = (router.clone(), Arc::clone(&room));
            tokio::spawn(http::accept(listener, router, room, Arc::clone(&limits)));
        }
        let looker = Arc::clone(&service);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(looker.limits.look).await;
                let looker = Arc::clone(&looker);
                // A look that panics is one that saw nothing.
                let _ = tokio::task::spawn_blocking(move || looker.look()).await;
            }
        });
        while !is_stopped() {
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    });
    // Analyses that go on end with the program.
    runtime.shutdown_timeout(LAST);
    served
}
