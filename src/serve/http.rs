//! Connections: so many at a time, each with a limit to how long its client may be silent or take nothing.

use super::Limits;
use super::pace::{Pace, Paced};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// Most bytes that are read ahead of a request. A head that is longer than this and what one read adds to it is refused.
const HEAD: usize = 32 << 10;
/// How long to wait if no connection can be accepted: too many open files, most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for as long as it runs.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    room: Arc<Semaphore>,
    limits: Arc<Limits>,
) {
    loop {
        let Ok(seat) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.stalled));
        let service = TowerToHyperService::new(router.clone());
        let limits = Arc::clone(&limits);
        tokio::spawn(async move {
            let pace = Pace::new(limits.head, limits.idle);
            let stream = Paced::new(Box::pin(stream), pace.clone());
            let connection = http1::Builder::new()
                .timer(pace)
                // What is waited for is `Pace`'s to say.
                .header_read_timeout(limits.idle)
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), service);
            // A client that is too slow, or gone, is no matter.
            let _ = connection.await;
            drop(seat);
        });
    }
}
