//! Serves metrics over HTTP, to as many clients and for as long as it takes to scrape.

use super::metrics::Metrics;
use crate::command::CommandError;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Most connections at once. One more ends the oldest: a client that is served needs a moment, and one that
/// is slow keeps nobody out.
const CONNECTIONS: usize = 64;
/// How long a connection may last.
const LONGEST: Duration = Duration::from_secs(10);
/// Most bytes of the head of a request.
const HEAD: usize = 16 << 10;

/// Reads an address: `PORT` and `:PORT` are of this machine alone.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').or_else(|| text.strip_prefix("localhost:")).unwrap_or(text);
    if let Ok(port) = port.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        "expected :PORT for this machine alone, IP:PORT, or 0.0.0.0:PORT for all networks"
            .to_owned()
    })
}

/// When the watch last went on, so that others see whether it still does.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    begin: Instant,
    last: Arc<AtomicU64>,
    patience: Duration,
}

impl Pulse {
    /// A watch that has begun, and that may be silent for so long.
    pub(super) fn new(patience: Duration) -> Self {
        Self { begin: Instant::now(), last: Arc::default(), patience }
    }

    /// It goes on.
    pub(super) fn beat(&self) {
        self.last.store(self.begin.elapsed().as_secs(), Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        let last = Duration::from_secs(self.last.load(Ordering::Relaxed));
        self.begin.elapsed().saturating_sub(last) <= self.patience
    }
}

/// Begins to serve. It ends with the program. Returns the address.
pub(super) fn serve(
    address: SocketAddr,
    metrics: Metrics,
    pulse: Pulse,
) -> Result<SocketAddr, CommandError> {
    let unusable = |error: std::io::Error| {
        CommandError::Usage(format!("--metrics {address}: {error}; use another port"))
    };
    let listener = TcpListener::bind(address).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    let bound = listener.local_addr().map_err(unusable)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(unusable)?;
    thread::spawn(move || runtime.block_on(accept(listener, metrics, pulse)));
    Ok(bound)
}

async fn accept(listener: TcpListener, metrics: Metrics, pulse: Pulse) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, most likely; that passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        open.retain(|one| !one.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let (metrics, pulse) = (metrics.clone(), pulse.clone());
        open.push_back(tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let reply = answer(&request, &metrics, &pulse);
                async move { Ok::<_, Infallible>(reply) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that is too slow, or gone, is no matter.
            let _ = tokio::time::timeout(LONGEST, connection).await;
        }));
    }
}

/// Answers a request; its body isn't read.
fn answer(request: &Request<Incoming>, metrics: &Metrics, pulse: &Pulse) -> Response<Full<Bytes>> {
    let plain = "text/plain; charset=utf-8";
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, kind, text) = match request.uri().path() {
        _ if !is_read => (StatusCode::METHOD_NOT_ALLOWED, plain, "only GET\n".to_owned()),
        "/metrics" => {
            let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
            let is_open =
                accepted.is_some_and(|text| text.contains("application/openmetrics-text"));
            let (text, kind) = metrics.text(is_open);
            (StatusCode::OK, kind, text)
        }
        "/healthz" if pulse.is_alive() => (StatusCode::OK, plain, "ok\n".to_owned()),
        "/healthz" => {
            let text = "the watch is stuck: it has done nothing for too long\n".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, plain, text)
        }
        _ => (StatusCode::NOT_FOUND, plain, "see /metrics and /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::{CONNECTIONS, Metrics, Pulse, address, serve};
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::time::{Duration, Instant};

    #[test]
    fn addresses_are_of_this_machine_unless_others_are_named() {
        let shown = |text: &str| address(text).map(|address| address.to_string());
        for (typed, expected) in [
            (":9188", "127.0.0.1:9188"),
            ("9188", "127.0.0.1:9188"),
            ("localhost:9188", "127.0.0.1:9188"),
            ("127.0.0.1:9188", "127.0.0.1:9188"),
            ("[::1]:9188", "[::1]:9188"),
            ("0.0.0.0:9188", "0.0.0.0:9188"),
        ] {
            assert_eq!(shown(typed).as_deref(), Ok(expected));
        }
        for wrong in ["", "host", "example.org:9188", ":99999", "0.0.0.0"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    fn ask(at: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // A connection that is closed early is an answer too.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    fn serving(patience: Duration) -> SocketAddr {
        let pulse = Pulse::new(patience);
        serve("127.0.0.1:0".parse().unwrap(), Metrics::default(), pulse).unwrap()
    }

    #[test]
    fn each_path_has_its_answer() {
        let at = serving(Duration::from_secs(3600));
        let first = |request: &str| ask(at, request).lines().next().unwrap_or_default().to_owned();
        for (request, status) in [
            ("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK"),
            ("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK"),
            ("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK"),
            ("GET /../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 404 Not Found"),
            (
                "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999\r\n\r\n",
                "HTTP/1.1 405 Method Not Allowed",
            ),
            ("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        ] {
            assert_eq!(first(request), status, "{request}");
        }
        let head = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 16));
        assert!(!ask(at, &head).starts_with("HTTP/1.1 200"));
        let open = ask(at, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n");
        assert!(open.ends_with("# EOF\n"), "{open}");
    }

    #[test]
    fn a_watch_that_is_stuck_shows() {
        let pulse = Pulse::new(LATE / 2);
        let late = Pulse { begin: Instant::now().checked_sub(LATE).unwrap(), ..pulse };
        let at = serve("127.0.0.1:0".parse().unwrap(), Metrics::default(), late.clone()).unwrap();
        let healthz = || ask(at, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(healthz().starts_with("HTTP/1.1 503"), "{}", healthz());
        late.beat();
        assert!(healthz().starts_with("HTTP/1.1 200"), "it goes on");
        let patient = Pulse { patience: Duration::from_secs(3600), ..late };
        assert!(patient.is_alive());
    }

    /// Longer than a test is held up between two lines.
    const LATE: Duration = Duration::from_secs(1200);

    #[test]
    fn slow_clients_neither_block_others_nor_add_up() {
        let at = serving(Duration::from_secs(3600));
        let mut slow = Vec::new();
        for i in 0..10 * CONNECTIONS {
            let mut stream = TcpStream::connect(at).unwrap();
            // Half of a head, and then nothing.
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:");
            slow.push(stream);
            if i % CONNECTIONS == 0 {
                let answer = ask(at, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
        }
    }
}
