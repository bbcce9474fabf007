//! Fetches what services serve, over HTTP, TLS and unix sockets.

pub mod address;
mod error;
#[cfg(feature = "watch")]
mod post;
#[cfg(unix)]
mod unix;

pub use address::{Address, AddressError, Scheme};
pub use error::FetchError;

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use ureq::http::{HeaderName, HeaderValue, Response, header};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

/// The whole of an answer may take this many times the time that it may be silent.
const TOTAL: u32 = 10;
/// Most times that an answer leads to another path.
const REDIRECTS: usize = 5;
/// Time before the second try; twice that before the third, and so on.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Longest wait that an answer may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a wait looks whether the run is stopped.
const STEP: Duration = Duration::from_millis(20);
/// Bytes of an answer that says no that are looked at.
const QUOTED: u64 = 4096;
/// Bytes that are handed on at a time.
const CHUNK: usize = 64 << 10;

/// A header to send. Its value is a secret, and never printed.
#[derive(Clone)]
pub struct SecretHeader {
    name: HeaderName,
    value: HeaderValue,
}

impl fmt::Debug for SecretHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ...", self.name)
    }
}

impl SecretHeader {
    /// Reads `NAME: VALUE`.
    pub fn parse(line: &str) -> Result<Self, String> {
        let expected = || "expected a header: `NAME: VALUE`".to_owned();
        let (name, value) = line.split_once(':').ok_or_else(expected)?;
        Self::new(name.trim(), value.trim()).ok_or_else(expected)
    }

    /// Returns the header, or `None` if name or value aren't allowed in HTTP.
    pub fn new(name: &str, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self { name: name.parse().ok()?, value })
    }
}

/// How services are asked.
#[derive(Clone, Debug)]
pub struct Access {
    /// Headers to send with each request.
    pub headers: Vec<SecretHeader>,
    /// Certificates of those who sign servers' certificates, in PEM; the system's if absent.
    pub ca: Option<Vec<u8>>,
    /// Certificates and key of the client, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// How long an answer may be silent.
    pub timeout: Duration,
    /// Most bytes of an answer.
    pub limit: u64,
    /// How often a request that may pass is tried again.
    pub retries: u32,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            ca: None,
            identity: None,
            timeout: Duration::from_secs(60),
            limit: 4 << 30,
            retries: 3,
        }
    }
}

impl Access {
    /// The longest that fetching may take: with all tries, each as slow as is waited for.
    pub fn longest(&self) -> Duration {
        let one = self.timeout.saturating_mul(TOTAL);
        let waits = LONGEST_WAIT.saturating_mul(self.retries);
        one.saturating_mul(self.retries.saturating_add(1)).saturating_add(waits)
    }
}

/// Where the bytes of an answer go.
pub trait Target {
    /// Forgets what came: the next try begins.
    fn restart(&mut self) -> io::Result<()>;
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Target for Vec<u8> {
    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// What fetching took.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Bytes that came.
    pub bytes: u64,
    /// From the request that succeeded to its last byte.
    pub took: Duration,
    /// How long nothing was asked, before other tries.
    pub waited: Duration,
    /// Why earlier tries failed.
    pub failed: Vec<String>,
}

/// A client that can be stopped from another thread.
#[derive(Clone, Debug)]
pub struct Client {
    access: Arc<Access>,
    agents: Arc<[Agent; 2]>,
    /// One for each socket.
    of_sockets: Arc<Mutex<Vec<(PathBuf, Agent)>>>,
    stopped: Arc<AtomicBool>,
}

/// Reads the certificates of a file in PEM.
fn certificates(pem: &[u8], what: &str) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| format!("{what}: no PEM file: {error}"))?
        {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(format!("{what}: has no certificate; expected -----BEGIN CERTIFICATE-----"));
    }
    Ok(found)
}

impl Access {
    fn tls(&self, is_checked: bool) -> Result<TlsConfig, String> {
        let mut tls = TlsConfig::builder()
            .disable_verification(!is_checked)
            .root_certs(RootCerts::PlatformVerifier);
        if let Some(ca) = &self.ca {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates(ca, "--tls_ca")?)));
        }
        if let Some((chain, key)) = &self.identity {
            let chain = certificates(chain, "--tls_cert")?;
            let key = PrivateKey::from_pem(key).map_err(|error| format!("--tls_key: {error}"))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        Ok(tls.build())
    }

    fn agent(&self, is_checked: bool) -> Result<ureq::config::Config, String> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("heapdiff/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(self.timeout.saturating_mul(TOTAL)))
            .timeout_connect(Some(self.timeout.min(Duration::from_secs(10))))
            .timeout_resolve(Some(self.timeout.min(Duration::from_secs(10))))
            .timeout_per_read(Some(self.timeout))
            .tls_config(self.tls(is_checked)?);
        Ok(config.build())
    }
}

impl Client {
    /// Makes a client. Certificates that can't be read are an error.
    pub fn new(access: Access) -> Result<Self, String> {
        let agents = [true, false].map(|is_checked| access.agent(is_checked));
        let [checked, unchecked] = agents;
        let agents = Arc::new([checked?.new_agent(), unchecked?.new_agent()]);
        Ok(Self {
            access: Arc::new(access),
            agents,
            of_sockets: Arc::default(),
            stopped: Arc::default(),
        })
    }

    /// The same client, for answers of at most so many bytes.
    #[must_use]
    pub fn limited(&self, bytes: u64) -> Self {
        let limit = self.access.limit.min(bytes);
        Self { access: Arc::new(Access { limit, ..(*self.access).clone() }), ..self.clone() }
    }

    /// Stops all requests, from any thread.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let of_sockets = self.of_sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let of_sockets = of_sockets.iter().map(|(_, agent)| agent);
        self.agents.iter().chain(of_sockets).for_each(|agent| agent.clone().shutdown());
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Fetches what is at an address, and tries again what may pass.
    pub fn fetch(&self, address: &Address, target: &mut dyn Target) -> Result<Fetched, FetchError> {
        let (mut took, mut asked) = (Duration::ZERO, Duration::ZERO);
        let begin = Instant::now();
        let (bytes, failed) = self.again(LONGEST_WAIT, || {
            target.restart().map_err(FetchError::Keep)?;
            let start = Instant::now();
            let bytes = self.fetch_once(address, target);
            took = start.elapsed();
            asked += took;
            bytes
        })?;
        Ok(Fetched { bytes, took, waited: begin.elapsed().saturating_sub(asked), failed })
    }

    /// Does something until it succeeds, or fails in a way that doesn't pass, and waits in between: at
    /// most `longest`. Returns why earlier tries failed as well.
    fn again<T>(
        &self,
        longest: Duration,
        mut once: impl FnMut() -> Result<T, FetchError>,
    ) -> Result<(T, Vec<String>), FetchError> {
        let mut failed = Vec::new();
        let mut wait = FIRST_WAIT;
        loop {
            let error = match once() {
                Ok(done) => return Ok((done, failed)),
                Err(_) if self.is_stopped() => return Err(FetchError::Stopped),
                Err(error) => error,
            };
            if failed.len() >= self.access.retries as usize || !error.may_pass() {
                return Err(error);
            }
            let asked = match &error {
                FetchError::Status { wait, .. } => *wait,
                _ => None,
            };
            failed.push(error.to_string());
            let until = Instant::now() + asked.unwrap_or(wait).min(longest);
            while Instant::now() < until {
                if self.is_stopped() {
                    return Err(FetchError::Stopped);
                }
                thread::sleep(STEP.min(until.saturating_duration_since(Instant::now())));
            }
            wait *= 2;
        }
    }

    fn fetch_once(&self, address: &Address, target: &mut dyn Target) -> Result<u64, FetchError> {
        let mut at = address.clone();
        for _ in 0..=REDIRECTS {
            let response = self.request(&at)?;
            let code = response.status().as_u16();
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|value| value.to_str().ok()).unwrap_or_default();
            if !(300..400).contains(&code) || location.is_empty() {
                return self.take(response, target);
            }
            let Some(to) = at.redirected(location) else {
                let to = location.split(['?', '#']).next().unwrap_or_default();
                return Err(FetchError::Redirect(address::hidden(to)));
            };
            at = to;
        }
        Err(FetchError::Circle(at.to_string()))
    }

    fn agent(&self, address: &Address) -> Result<Agent, FetchError> {
        match address.scheme() {
            Scheme::Http | Scheme::Https => Ok(self.agents[0].clone()),
            Scheme::HttpsInsecure => Ok(self.agents[1].clone()),
            Scheme::Unix => self.of_socket(address),
        }
    }

    fn request(&self, address: &Address) -> Result<Response<Body>, FetchError> {
        let mut request = self.agent(address)?.get(address.uri());
        for SecretHeader { name, value } in &self.access.headers {
            request = request.header(name, value);
        }
        request.call().map_err(|error| FetchError::new(error, self.access.timeout, 0, None))
    }

    #[cfg(unix)]
    fn of_socket(&self, address: &Address) -> Result<Agent, FetchError> {
        let socket = address.socket().ok_or(FetchError::NoSocket)?;
        let mut known = self.of_sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, agent)) = known.iter().find(|(own, _)| *own == socket) {
            return Ok(agent.clone());
        }
        let config = self.access.agent(true).map_err(FetchError::Other)?;
        let resolver = ureq::unversioned::resolver::DefaultResolver::default();
        let connector = unix::UnixConnector { socket: socket.clone() };
        let agent = Agent::with_parts(config, connector, resolver);
        known.push((socket, agent.clone()));
        Ok(agent)
    }

    #[cfg(not(unix))]
    fn of_socket(&self, _: &Address) -> Result<Agent, FetchError> {
        Err(FetchError::NoUnix)
    }

    fn take(&self, response: Response<Body>, target: &mut dyn Target) -> Result<u64, FetchError> {
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let wait = header(header::RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        let wait = wait.map(Duration::from_secs);
        let is_page =
            header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
        let of = response.body().content_length();
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        if !status.is_success() || is_page {
            let mut body = Vec::new();
            // What came before an error is quoted.
            let _ = (&mut reader).take(QUOTED).read_to_end(&mut body);
            let quote = error::quote(&body);
            if quote.contains("HTTP request to an HTTPS server") {
                return Err(FetchError::WantsTls);
            }
            if status.is_success() {
                return Err(FetchError::Html(titled(&quote)));
            }
            let reason = status.canonical_reason().unwrap_or_default().to_owned();
            return Err(FetchError::Status { code: status.as_u16(), reason, quote, wait });
        }
        if of.is_some_and(|of| of > self.access.limit) {
            return Err(FetchError::TooLarge(self.access.limit));
        }
        let mut buffer = vec![0; CHUNK];
        let mut bytes = 0;
        loop {
            let amount = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(amount) => amount,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(FetchError::new(error.into(), self.access.timeout, bytes, of));
                }
            };
            if self.is_stopped() {
                return Err(FetchError::Stopped);
            }
            if bytes == 0 && error::looks_like_html(&buffer[..amount]) {
                return Err(FetchError::Html(titled(&error::quote(&buffer[..amount]))));
            }
            bytes += amount as u64;
            if bytes > self.access.limit {
                return Err(FetchError::TooLarge(self.access.limit));
            }
            target.take(&buffer[..amount]).map_err(FetchError::Keep)?;
        }
        match of {
            Some(of) if of > bytes => Err(FetchError::Cut { bytes, of: Some(of) }),
            _ if bytes == 0 => Err(FetchError::Empty),
            _ => Ok(bytes),
        }
    }
}

fn titled(quote: &str) -> String {
    if quote.is_empty() { String::new() } else { format!(" ({quote})") }
}
