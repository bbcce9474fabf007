//! A server that runs until it is dropped, and a client that sends exactly what a test says.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

/// Longest that a test waits for something that has to come. None depends on how soon it does.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A server.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) said: BufReader<ChildStderr>,
    /// The address that it printed.
    pub(crate) address: String,
    pub(crate) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A command with this program, in a folder.
pub(crate) fn heapdiff(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdiff"));
    command.args(args).current_dir(folder);
    command
}

impl Server {
    /// Starts one at any port of this machine.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_at(folder, ":0", args)
    }

    pub(crate) fn start_at(folder: &Path, http: &str, args: &[&str]) -> Self {
        let args = [&["serve", "--no_browser", "--http", http], args].concat();
        let mut command = heapdiff(folder, &args);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.strip_prefix("Serving at ").unwrap_or_else(|| {
            let mut rest = String::new();
            let _ = said.read_to_string(&mut rest);
            panic!("{args:?}: {line}{rest}")
        });
        let address = address.split(' ').next().unwrap().to_owned();
        let host = address.trim_start_matches("http://").split('/').next().unwrap();
        let port = host.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, said, address, port }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The head of a request, with a header `Host` unless one is given.
    pub(crate) fn head(&self, request: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{request} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            let _ = write!(head, "Host: localhost:{}\r\n", self.port);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head + "Connection: close\r\n\r\n"
    }

    pub(crate) fn ask(&self, request: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that refuses needn't take all of it.
        let _ = stream.write_all(self.head(request, headers).as_bytes());
        let _ = stream.write_all(body);
        read(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &[], b"")
    }

    /// Uploads a file.
    pub(crate) fn add(&self, name: &str, bytes: &[u8]) -> Answer {
        let length = bytes.len().to_string();
        let headers = [
            ("Content-Type", "application/octet-stream"),
            ("X-Heapdiff", "1"),
            ("Content-Length", &length),
        ];
        self.ask(&format!("POST /api/v1/inputs?name={name}"), &headers, bytes)
    }

    /// The revision of the inputs.
    pub(crate) fn revision(&self) -> u64 {
        self.get("/api/v1/inputs").json()["revision"].as_u64().unwrap()
    }

    /// The bytes that the server has in memory.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most that it had.
    #[cfg(target_os = "linux")]
    pub(crate) fn most_resident(&self) -> u64 {
        self.memory("VmHWM:")
    }

    #[cfg(target_os = "linux")]
    fn memory(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

/// Reads an answer whose connection ends with it.
pub(crate) fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // What was sent after a refusal may reset the connection once the answer is here.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() }
}

/// A text as a value of a parameter.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
