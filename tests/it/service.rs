//! A service on loopback that answers as a test tells it to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes with `200 OK`.
    Body(Vec<u8>),
    /// These bytes, and what they are.
    Typed(&'static str, Vec<u8>),
    /// A line with this status.
    Status(u16, &'static str),
    /// Leads there.
    Redirect(String),
    /// This status and these lines of the head.
    Head(u16, String),
    /// Announces all bytes, sends the first of them and closes the connection.
    Cut(Vec<u8>, usize),
    /// The same in chunks, so that no length is announced.
    CutChunk(Vec<u8>, usize),
    /// Sends the first bytes and then nothing more.
    Stall(Vec<u8>, usize),
    /// Sends the bytes after a while.
    Late(Duration, Vec<u8>),
    /// Closes the connection without an answer.
    Close,
    /// What isn't HTTP.
    Raw(Vec<u8>),
}

/// Decides how to answer a request: its number from 0, and its text.
type Answer = dyn FnMut(usize, &str) -> Reply + Send;

/// A service that runs until it is dropped.
pub(crate) struct Service {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
}

impl Service {
    pub(crate) fn new(answer: impl FnMut(usize, &str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let is_over = Arc::<AtomicBool>::default();
        let answer: Arc<Mutex<Box<Answer>>> = Arc::new(Mutex::new(Box::new(answer)));
        let (heard, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        let number = Arc::<AtomicUsize>::default();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (answer, heard, over) =
                    (Arc::clone(&answer), Arc::clone(&heard), Arc::clone(&over));
                let number = Arc::clone(&number);
                thread::spawn(move || {
                    let Some(request) = request(&stream) else { return };
                    let mine = number.fetch_add(1, Ordering::SeqCst);
                    let reply = answer.lock().unwrap()(mine, &request);
                    heard.lock().unwrap().push(request);
                    // The client may be gone.
                    let _ = send(&stream, reply, &over);
                });
            }
        });
        Self { address, requests, is_over }
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// Reads a request: up to its empty line, and its body.
fn request(mut stream: &TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut one) {
            Ok(1) if bytes.len() < 1 << 16 => bytes.push(one[0]),
            _ => return None,
        }
    }
    let mut text = String::from_utf8(bytes).ok()?;
    let lower = text.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    stream.take(length).read_to_string(&mut text).ok()?;
    Some(text)
}

fn send(mut stream: &TcpStream, reply: Reply, is_over: &AtomicBool) -> std::io::Result<()> {
    let mut head = |status: &str, kind: &str, length: usize| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    let binary = "application/octet-stream";
    match reply {
        Reply::Body(body) => {
            head("200 OK", binary, body.len())?;
            stream.write_all(&body)?;
        }
        Reply::Typed(kind, body) => {
            head("200 OK", kind, body.len())?;
            stream.write_all(&body)?;
        }
        Reply::Status(code, line) => {
            head(&format!("{code} Told"), "text/plain", line.len())?;
            stream.write_all(line.as_bytes())?;
        }
        Reply::Redirect(to) => {
            let head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close";
            write!(stream, "{head}\r\nLocation: {to}\r\n\r\n")?;
        }
        Reply::Head(code, lines) => {
            let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
            write!(stream, "HTTP/1.1 {code} Told\r\n{lines}\r\n{end}")?;
        }
        Reply::Cut(body, sent) => {
            head("200 OK", binary, body.len())?;
            stream.write_all(&body[..sent.min(body.len())])?;
        }
        Reply::CutChunk(body, sent) => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close";
            write!(stream, "{head}\r\n\r\n{:x}\r\n", body.len())?;
            stream.write_all(&body[..sent.min(body.len())])?;
        }
        Reply::Stall(body, sent) => {
            head("200 OK", binary, body.len())?;
            stream.write_all(&body[..sent.min(body.len())])?;
            while !is_over.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        Reply::Late(after, body) => {
            thread::sleep(after);
            head("200 OK", binary, body.len())?;
            stream.write_all(&body)?;
        }
        Reply::Close => {}
        Reply::Raw(bytes) => stream.write_all(&bytes)?,
    }
    stream.flush()?;
    stream.shutdown(Shutdown::Both)
}
