//! Why something couldn't be fetched, and what to do about it.

use super::address::AddressError;
use crate::printable::escape;
use std::io;
use std::time::Duration;
use ureq::Timeout;

/// Most characters of an answer that a message quotes.
const QUOTED: usize = 160;

/// Why something couldn't be fetched. The message has no subject; the caller puts the address before it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address can't be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The run was stopped.
    #[error("stopped while it was being fetched")]
    Stopped,
    /// The name of the host leads nowhere.
    #[error(
        "there is no host of this name; check the name, and whether it is known only inside a cluster"
    )]
    NoHost,
    /// Nothing accepts connections.
    #[error(
        "connection refused; check the port, and that the service is up and serves \
         net/http/pprof there"
    )]
    Refused,
    /// There is no such socket.
    #[error("no such socket; check the path")]
    NoSocket,
    /// This system has no sockets in the file system.
    #[error("this system has no unix sockets")]
    NoUnix,
    /// No connection, for another reason.
    #[error("can't connect: {0}")]
    Unreachable(String),
    /// Too slow.
    #[error("{0} within {1:?}; see --http-timeout")]
    Timeout(&'static str, Duration),
    /// TLS failed.
    #[error("no secure connection: {0}{1}")]
    Tls(String, &'static str),
    /// It speaks TLS, and the address begins with `http://`.
    #[error("it expects TLS; use https:// instead of http://")]
    WantsTls,
    /// It doesn't speak TLS.
    #[error("it doesn't speak TLS; use http:// instead of https://")]
    NoTls,
    /// The proxy refuses.
    #[error(
        "the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY refuses: {0}; NO_PROXY leaves hosts out"
    )]
    Proxy(String),
    /// An answer that says no.
    #[error("{}", status(*code, reason, quote))]
    Status {
        /// Its code.
        code: u16,
        /// What HTTP calls it.
        reason: String,
        /// The first line of the answer; empty if it has none.
        quote: String,
        /// How long to wait before the next try, if the answer says so.
        wait: Option<Duration>,
    },
    /// It leads to another place.
    #[error("it redirects to {0}, which is another service, most likely for logging in; {LOGIN}")]
    Redirect(String),
    /// It redirects in circles.
    #[error("it redirects again and again, last to {0}")]
    Circle(String),
    /// A page instead of a profile.
    #[error(
        "it answers with an HTML page{0} instead of a profile; check the path (/debug/pprof/heap), \
         and whether it wants a login: {LOGIN}"
    )]
    Html(String),
    /// The connection broke.
    #[error("{}", cut(*bytes, *of))]
    Cut {
        /// Bytes that came.
        bytes: u64,
        /// Bytes that were announced.
        of: Option<u64>,
    },
    /// More bytes than allowed.
    #[error("it sends more than {0} bytes; see --http-limit")]
    TooLarge(u64),
    /// Nothing came.
    #[error("it answers with 0 bytes; expected a profile")]
    Empty,
    /// The bytes couldn't be kept.
    #[error("can't keep what it sends: {0}")]
    Keep(io::Error),
    /// Anything else.
    #[error("can't fetch it: {0}")]
    Other(String),
}

/// How to log in.
const LOGIN: &str = "set HEAPDIFF_TOKEN, or send a header from a file: -H @FILE";

fn status(code: u16, reason: &str, quote: &str) -> String {
    let advice = match code {
        401 | 407 => format!("; it wants a login: {LOGIN}"),
        403 => format!("; it doesn't allow this: {LOGIN}, or ask who runs it"),
        404 => {
            "; check the path: the service may not import net/http/pprof, or serve it at another \
                port or path"
                .to_owned()
        }
        405 => "; it doesn't allow GET there: check the path".to_owned(),
        502..=504 => "; the service behind this proxy doesn't answer: ask it directly".to_owned(),
        _ => String::new(),
    };
    let quote = if quote.is_empty() { String::new() } else { format!(" ({quote})") };
    format!("it answers {code} {reason}{quote}{advice}")
}

fn cut(bytes: u64, of: Option<u64>) -> String {
    match of {
        Some(of) => format!("the connection broke after {bytes} of {of} bytes"),
        None => format!("the connection broke after {bytes} bytes"),
    }
}

impl FetchError {
    /// Whether another try may succeed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoHost
            | Self::Refused
            | Self::Unreachable(_)
            | Self::Timeout(..)
            | Self::Cut { .. }
            | Self::Empty => true,
            Self::Status { code, .. } => matches!(code, 429 | 500..=599),
            _ => false,
        }
    }

    /// Whether the service answers that it doesn't serve this, or not to this client.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Status { code: 400..=499, .. })
    }

    /// Reads the client's error. `bytes` of `of` came before it.
    pub(super) fn new(error: ureq::Error, timeout: Duration, bytes: u64, of: Option<u64>) -> Self {
        match error {
            ureq::Error::HostNotFound => Self::NoHost,
            ureq::Error::Timeout(reason) => match reason {
                Timeout::Resolve => Self::Timeout("the host's name isn't resolved", timeout),
                Timeout::Connect => Self::Timeout("no connection", timeout),
                Timeout::Global | Timeout::PerCall => {
                    Self::Timeout("it isn't done", timeout.saturating_mul(super::TOTAL))
                }
                _ if bytes > 0 => Self::Timeout("it stalls: no more bytes", timeout),
                _ => Self::Timeout("no answer", timeout),
            },
            ureq::Error::Io(error) => Self::io(&error, bytes, of),
            ureq::Error::ConnectionFailed => {
                Self::Unreachable("no address of it answers".to_owned())
            }
            ureq::Error::ConnectProxyFailed(why) => Self::Proxy(escape(&why).into_owned()),
            ureq::Error::InvalidProxyUrl => Self::Proxy("its address can't be read".to_owned()),
            ureq::Error::Rustls(error) => Self::tls(&error),
            ureq::Error::BodyExceedsLimit(limit) => Self::TooLarge(limit),
            ureq::Error::BodyStalled => Self::Cut { bytes, of },
            ureq::Error::Protocol(error) => {
                Self::Other(format!("it doesn't answer in HTTP: {}", escape(&error.to_string())))
            }
            error => Self::Other(escape(&error.to_string()).into_owned()),
        }
    }

    fn io(error: &io::Error, bytes: u64, of: Option<u64>) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(inner) = inner {
            return Self::tls(inner);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::NotFound => Self::NoSocket,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Cut { bytes, of },
            _ if error.to_string().starts_with("failed to lookup address") => Self::NoHost,
            _ => Self::Unreachable(error.to_string()),
        }
    }

    fn tls(error: &rustls::Error) -> Self {
        let advice = match error {
            rustls::Error::InvalidCertificate(_) => {
                "; give the certificate of who signed it with --tls_ca FILE, or use \
                 https+insecure:// to trust it unchecked"
            }
            rustls::Error::InvalidMessage(_) => return Self::NoTls,
            rustls::Error::AlertReceived(_) => {
                "; it may ask for a client's certificate: --tls_cert FILE --tls_key FILE"
            }
            _ => "",
        };
        Self::Tls(escape(&error.to_string()).into_owned(), advice)
    }
}

/// The first line of an answer, short enough to quote; the title if it is a page.
pub(super) fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = if looks_like_html(body) {
        title(&text).unwrap_or_default()
    } else {
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    };
    let short: String = line.chars().take(QUOTED).collect();
    escape(&short).into_owned()
}

/// Whether bytes begin like a page.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |with: &str| {
        start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    begins("<!doctype html") || begins("<html") || begins("<head") || begins("<!--")
}

fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(page[start..end].trim())
}

#[cfg(test)]
mod tests {
    use super::{FetchError, looks_like_html, quote};

    #[test]
    fn answers_are_quoted_shortly() {
        assert_eq!(
            quote(b"\n  profile duration exceeds server's WriteTimeout\nmore"),
            "profile duration exceeds server's WriteTimeout"
        );
        assert_eq!(quote(b"<!DOCTYPE html><html><TITLE>Sign in</TITLE>"), "Sign in");
        assert_eq!(quote(b"<html><body>"), "");
        assert_eq!(quote(b"\x1b[31mred"), "\\u{1b}[31mred");
        assert_eq!(quote("é".repeat(500).as_bytes()).chars().count(), super::QUOTED);
    }

    #[test]
    fn pages_are_told_from_profiles() {
        for page in [&b"<!DOCTYPE HTML>"[..], b"  \n<html lang=en>", b"\xef\xbb\xbf<head>"] {
            assert!(looks_like_html(page));
        }
        for other in [&b"\x1f\x8b"[..], b"heap profile: 1: 2", b"", b"<x"] {
            assert!(!looks_like_html(other));
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let status = |code| FetchError::Status {
            code,
            reason: String::new(),
            quote: String::new(),
            wait: None,
        };
        assert!([500, 502, 503, 429].into_iter().all(|code| status(code).may_pass()));
        assert!(![400, 401, 403, 404].into_iter().any(|code| status(code).may_pass()));
        assert!(FetchError::Refused.may_pass() && !FetchError::Html(String::new()).may_pass());
    }
}
