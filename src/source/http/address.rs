//! Addresses of services and of what they serve, as people type them.

use crate::printable::escape;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;

/// The folder in which `net/http/pprof` serves profiles.
const PPROF: &str = "/debug/pprof";
/// Names of what it serves there.
const SERVED: [&str; 10] = [
    "heap",
    "allocs",
    "goroutine",
    "goroutineleak",
    "threadcreate",
    "block",
    "mutex",
    "profile",
    "trace",
    "cmdline",
];

/// How a service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `https+insecure://`: TLS with a certificate that isn't checked, as pprof spells it.
    HttpsInsecure,
    /// `unix://`: a socket in the file system.
    Unix,
}

/// What is wrong with an address. The message has no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The address has a user name or a password in it.
    #[error(
        "has a user name or password in it, which other users of this machine can see; set \
         HEAPDIFF_BASIC_AUTH=USER:PASSWORD or use --basic-auth-file FILE"
    )]
    Password,
    /// It has no host.
    #[error("has no host; expected http://HOST:PORT")]
    NoHost,
    /// The port is no number from 1 to 65535.
    #[error("has the port `{0}`; expected a number from 1 to 65535")]
    Port(String),
    /// It has a character that addresses can't have.
    #[error("has the character {0:?} in it; percent-encode it")]
    Character(char),
    /// A socket without an absolute path.
    #[error("expected the absolute path of a socket: unix:///run/app.sock")]
    NoSocket,
}

/// The address of something that is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    /// Host and port; the socket's path for [`Scheme::Unix`].
    host: String,
    /// Empty, or from its `/` on.
    path: String,
    /// Behind `?`.
    query: Option<String>,
}

/// Returns what is behind the scheme, if `text` begins with one that can be fetched.
fn scheme(text: &str) -> Option<(Scheme, &str)> {
    let (name, rest) = text.split_once("://")?;
    let scheme = match name.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        "https+insecure" => Scheme::HttpsInsecure,
        "unix" => Scheme::Unix,
        _ => return None,
    };
    Some((scheme, rest))
}

/// An address that can't be read, without the user name and password that it may have. A password may hold
/// any character, so all before the last `@` is hidden.
pub fn hidden(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("http", text), |parts| parts);
    match rest.rfind('@') {
        Some(at) => format!("{scheme}://...{}", escape(&rest[at..])),
        None => escape(text).into_owned(),
    }
}

/// Whether `text` looks like `HOST:PORT`, with or without a path.
pub fn is_host_and_port(text: &str) -> bool {
    let (authority, _) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let is_name = !host.is_empty()
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let is_v6 = host.starts_with('[') && host.ends_with(']');
    // One letter is a drive of Windows.
    (is_v6 || is_name && (host.len() > 1)) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether an address is one of the internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            // 100.64.0.0/10 is for networks of providers.
            let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || is_shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_unspecified())
        }
    }
}

impl Address {
    /// Reads an address with a scheme, or `HOST:PORT` with or without a path.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = scheme(text).unwrap_or((Scheme::Http, text));
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        if let Some(c) = rest.chars().find(|&c| c.is_control() || c == ' ' || !c.is_ascii()) {
            return Err(AddressError::Character(c));
        }
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned()).filter(|q| !q.is_empty())),
            None => (rest, None),
        };
        if scheme == Scheme::Unix {
            let (socket, path) = rest.split_once(':').unwrap_or((rest, ""));
            if !socket.starts_with('/') || !(path.is_empty() || path.starts_with('/')) {
                return Err(AddressError::NoSocket);
            }
            return Ok(Self { scheme, host: socket.to_owned(), path: path.to_owned(), query });
        }
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if host.contains('@') {
            return Err(AddressError::Password);
        }
        // Behind a `/`, a `?` or a `#` of a password.
        let may_be_password = text.contains('@');
        let port = match host.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((_, after)) => after.strip_prefix(':'),
            None => host.rsplit_once(':').map(|(_, port)| port),
        };
        if let Some(port) = port.filter(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            if may_be_password {
                return Err(AddressError::Password);
            }
            return Err(AddressError::Port(port.to_owned()));
        }
        if host.is_empty() || host.starts_with(':') {
            return Err(AddressError::NoHost);
        }
        Ok(Self { scheme, host: host.to_owned(), path: path.to_owned(), query })
    }

    /// How it is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The socket, for [`Scheme::Unix`].
    pub fn socket(&self) -> Option<PathBuf> {
        (self.scheme == Scheme::Unix).then(|| PathBuf::from(&self.host))
    }

    /// Host and port, or the socket's path.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it names a service, and no profile of it.
    pub fn is_service(&self) -> bool {
        matches!(self.folder(), Some((_, None)))
    }

    /// Whether its host has an address of the internet: none of this machine, of a private network or
    /// of a link. Resolves the name; `false` if that fails.
    pub fn is_public(&self) -> bool {
        if self.scheme == Scheme::Unix {
            return false;
        }
        let port = if self.is_secure() { 443 } else { 80 };
        let found = self.host.to_socket_addrs().map(Vec::from_iter).or_else(|_| {
            let name = self.host.trim_start_matches('[').trim_end_matches(']');
            (name, port).to_socket_addrs().map(Vec::from_iter)
        });
        found.is_ok_and(|all| all.iter().any(|address| is_public(address.ip())))
    }

    /// Scheme and host: in the path there may be secrets as well.
    pub fn origin(&self) -> String {
        Self { path: String::new(), query: None, ..self.clone() }.to_string()
    }

    /// The value of a parameter, decoded; empty if it has none.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.as_deref()?.split('&');
        let value = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find_map(|(own, value)| (own == name).then_some(value))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    /// Where profiles are served, if this is no path of something else: the folder, and the name of
    /// the profile if it has one.
    fn folder(&self) -> Option<(String, Option<&str>)> {
        let path = self.path.trim_end_matches('/');
        if path.is_empty() {
            return Some((PPROF.to_owned(), None));
        }
        if path.ends_with(PPROF) || path.ends_with("/pprof") {
            return Some((path.to_owned(), None));
        }
        let (folder, name) = path.rsplit_once('/')?;
        (folder.ends_with("/pprof") || SERVED.contains(&name))
            .then(|| (folder.to_owned(), Some(name)))
    }

    /// What to fetch if `kind` is asked for: this address if it names something, and the profile of
    /// that kind if it is only a service.
    #[must_use]
    pub fn or_profile(&self, kind: &str, query: &str) -> Self {
        match self.folder() {
            Some((_, None)) => self.profile(kind, query),
            _ => self.clone(),
        }
    }

    /// The profile of this kind of the same service.
    #[must_use]
    pub fn profile(&self, kind: &str, query: &str) -> Self {
        let folder = self.folder().map_or_else(
            || format!("{}{PPROF}", self.path.trim_end_matches('/')),
            |(folder, _)| folder,
        );
        let query = Some(query.to_owned()).filter(|query| !query.is_empty());
        Self { path: format!("{folder}/{kind}"), query, ..self.clone() }
    }

    /// Another path of the same service.
    #[must_use]
    pub fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), query: None, ..self.clone() }
    }

    /// The variables of `expvar`, which are beside the profiles.
    #[must_use]
    pub fn variables(&self) -> Self {
        let folder = self.folder().map_or(PPROF.to_owned(), |(folder, _)| folder);
        let parent = folder.rsplit_once('/').map_or("/debug", |(parent, _)| parent);
        self.at(&format!("{parent}/vars"))
    }

    /// The address to send a request to, as the HTTP client takes it.
    pub(super) fn uri(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http | Scheme::Unix => "http",
            Scheme::Https | Scheme::HttpsInsecure => "https",
        };
        let host = if self.scheme == Scheme::Unix { "localhost" } else { &self.host };
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{scheme}://{host}{path}{query}")
    }

    /// Where a redirect leads, if it stays with this service.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let to = if location.starts_with('/') && !location.starts_with("//") {
            self.at_place(location)
        } else if let Some((scheme, _)) = location.split_once("://") {
            // Other schemes, such as file, are no services.
            if !["http", "https"].iter().any(|one| scheme.eq_ignore_ascii_case(one)) {
                return None;
            }
            let to = Self::parse(location).ok()?;
            let is_same = self.is_secure() == to.is_secure() && self.server() == to.server();
            let is_upgrade = self.scheme == Scheme::Http && to.scheme == Scheme::Https;
            if is_same {
                Self { scheme: self.scheme, ..to }
            } else if is_upgrade && self.server().0 == to.server().0 {
                to
            } else {
                return None;
            }
        } else if location.is_empty() || location.contains(':') || location.starts_with("//") {
            return None;
        } else {
            // Beside this path.
            let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            self.at_place(&format!("{folder}/{location}"))
        };
        Some(to)
    }

    /// A path of the same server, with what is behind its `?`.
    fn at_place(&self, place: &str) -> Self {
        let place = place.split_once('#').map_or(place, |(before, _)| before);
        let (path, query) = match place.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (place, None),
        };
        Self { path: path.to_owned(), query, ..self.clone() }
    }

    fn is_secure(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::HttpsInsecure)
    }

    /// The name of the server, in small letters, and its port.
    fn server(&self) -> (String, u16) {
        let usual = if self.is_secure() { 443 } else { 80 };
        let end = self.host.rfind(']').map_or(0, |end| end + 1);
        let colon = self.host[end..].rfind(':').map(|colon| end + colon);
        let (name, port) = match colon {
            Some(colon) => (&self.host[..colon], self.host[colon + 1..].parse().unwrap_or(usual)),
            None => (&*self.host, usual),
        };
        (name.to_ascii_lowercase(), port)
    }

    /// The address in full, with the secrets that it may have.
    pub fn full(&self) -> String {
        let shown = Self { query: None, ..self.clone() }.to_string();
        let query = self.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        shown + &query
    }

    /// A name for a folder with what comes from here.
    pub fn folder_name(&self) -> String {
        let host = self.host.trim_matches('/');
        host.chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
            .collect()
    }
}

/// Parameters whose values are secrets.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "token", "key", "secret", "pass", "pwd", "sig", "auth", "cred", "jwt", "session", "cookie",
        "code", "nonce",
    ];
    words.iter().any(|word| name.contains(word))
}

/// The address as it was meant, without the values of parameters that are secrets.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Http => write!(f, "http://{}{}", self.host, self.path)?,
            Scheme::Https => write!(f, "https://{}{}", self.host, self.path)?,
            Scheme::HttpsInsecure => write!(f, "https+insecure://{}{}", self.host, self.path)?,
            Scheme::Unix if self.path.is_empty() => write!(f, "unix://{}", self.host)?,
            Scheme::Unix => write!(f, "unix://{}:{}", self.host, self.path)?,
        }
        let Some(query) = &self.query else { return Ok(()) };
        for (place, pair) in query.split('&').enumerate() {
            let mark = if place == 0 { '?' } else { '&' };
            match pair.split_once('=') {
                Some((name, _)) if is_secret(name) => write!(f, "{mark}{name}=...")?,
                _ => write!(f, "{mark}{pair}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError, hidden, is_host_and_port};
    use crate::source::is_address;

    fn heap(text: &str) -> String {
        Address::parse(text).unwrap().or_profile("heap", "gc=1").to_string()
    }

    #[test]
    fn a_service_alone_means_its_profiles() {
        for (typed, expected) in [
            ("http://host:6060", "http://host:6060/debug/pprof/heap?gc=1"),
            ("host:6060", "http://host:6060/debug/pprof/heap?gc=1"),
            ("http://host:6060/", "http://host:6060/debug/pprof/heap?gc=1"),
            ("http://host/debug/pprof/", "http://host/debug/pprof/heap?gc=1"),
            ("https://host/svc/debug/pprof", "https://host/svc/debug/pprof/heap?gc=1"),
            ("http://[::1]:6060", "http://[::1]:6060/debug/pprof/heap?gc=1"),
            ("http://host/debug/pprof/allocs", "http://host/debug/pprof/allocs"),
            ("http://host/debug/pprof/heap?gc=1#x", "http://host/debug/pprof/heap?gc=1"),
            ("http://host/artifacts/heap.pb.gz", "http://host/artifacts/heap.pb.gz"),
            ("unix:///run/app.sock", "unix:///run/app.sock:/debug/pprof/heap?gc=1"),
            ("unix:///run/app.sock:/x/pprof/heap", "unix:///run/app.sock:/x/pprof/heap"),
        ] {
            assert_eq!(heap(typed), expected, "{typed}");
        }
    }

    #[test]
    fn other_profiles_are_beside_the_one_that_is_named() {
        let other = |text: &str| {
            let address = Address::parse(text).unwrap();
            (address.profile("goroutine", "").to_string(), address.variables().to_string())
        };
        for (typed, goroutine, variables) in [
            ("http://h:1", "http://h:1/debug/pprof/goroutine", "http://h:1/debug/vars"),
            (
                "http://h/a/debug/pprof/heap?gc=1",
                "http://h/a/debug/pprof/goroutine",
                "http://h/a/debug/vars",
            ),
            ("http://h/internal/heap", "http://h/internal/goroutine", "http://h/vars"),
            ("http://h/app", "http://h/app/debug/pprof/goroutine", "http://h/debug/vars"),
        ] {
            assert_eq!(other(typed), (goroutine.to_owned(), variables.to_owned()), "{typed}");
        }
    }

    #[test]
    fn files_are_no_addresses() {
        for text in ["heap.pb.gz", "a:b", "c:1", "dir/h:80", "/a/b:80", "h:0", "h:70000", "2026:x"]
        {
            assert!(!is_host_and_port(text) && !is_address(text), "{text}");
        }
        for text in ["localhost:6060", "10.0.0.1:80/debug/pprof/heap", "[::1]:6060", "app-1:6060"] {
            assert!(is_host_and_port(text), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| Address::parse(text).unwrap_err();
        assert_eq!(error("http://me:secret@host:1/"), AddressError::Password);
        assert_eq!(error("http://"), AddressError::NoHost);
        assert_eq!(error("http://:80"), AddressError::NoHost);
        assert_eq!(error("http://h:99999/"), AddressError::Port("99999".to_owned()));
        assert_eq!(error("http://h/a b"), AddressError::Character(' '));
        assert_eq!(error("unix://run/app.sock"), AddressError::NoSocket);
        for typed in
            ["http://me:se/cret@host:1/", "http://me:se?cret@host:1/", "me:se#cret@host:1/"]
        {
            assert_eq!(error(typed), AddressError::Password, "{typed}");
            assert!(!hidden(typed).contains("se") && hidden(typed).ends_with("...@host:1/"));
        }
        assert!(!error("http://me:secret@host:1/").to_string().contains("secret"));
        let module = Address::parse("http://host:1/debug/mod@v1.2/heap").unwrap();
        assert_eq!(module.to_string(), "http://host:1/debug/mod@v1.2/heap");
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "https://h/heap?X-Amz-Signature=abc&gc=1&access_token=xyz";
        let address = Address::parse(text).unwrap();
        let shown = "https://h/heap?X-Amz-Signature=...&gc=1&access_token=...";
        assert_eq!(address.to_string(), shown);
        assert_eq!(address.uri(), text);
    }

    #[test]
    fn redirects_stay_with_the_service() {
        let from = Address::parse("http://h:6060/debug/pprof/heap").unwrap();
        let to = |location: &str| from.redirected(location).map(|to| to.to_string());
        assert_eq!(to("/x?y=1").as_deref(), Some("http://h:6060/x?y=1"));
        assert_eq!(to("https://h/debug/pprof/heap").as_deref(), Some("https://h/debug/pprof/heap"));
        assert_eq!(to("http://h:6060/other").as_deref(), Some("http://h:6060/other"));
        assert_eq!(to("https://login.example.com/"), None);
        assert_eq!(to("//evil/x"), None);
        assert_eq!(to("http://H:6060/other").as_deref(), Some("http://H:6060/other"));
        assert_eq!(to("allocs?x=1").as_deref(), Some("http://h:6060/debug/pprof/allocs?x=1"));
        for other in
            ["", "file:///etc/passwd", "unix:///run/app.sock", "javascript:1", "http://h/x"]
        {
            assert_eq!(to(other), None, "{other}");
        }
        let from = |address: &str, location: &str| {
            let to = Address::parse(address).unwrap().redirected(location);
            to.map(|to| to.to_string())
        };
        assert_eq!(from("http://[::1]/heap", "https://[::2]/heap"), None, "another machine");
        assert!(from("http://[::1]/heap", "https://[::1]/heap").is_some());
        assert!(from("http://h/heap", "http://h:80/x").is_some());
        let unchecked = from("https+insecure://h:1/a", "https://h:1/b");
        assert_eq!(unchecked.as_deref(), Some("https+insecure://h:1/b"), "as it was asked for");
    }
}
