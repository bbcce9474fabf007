//! What a browser may ask for on behalf of whom. A page of another site can make a browser send requests here: so the
//! name in the address has to be one that this server has, a request for data has to come from a page of this server,
//! and one that changes something has to carry a header that a page of another site can't send.

use super::query::Parameters;
use super::refusal::Refusal;
use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderName,
    LOCATION, ORIGIN, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// The header of requests that change something.
pub const WRITE: HeaderName = HeaderName::from_static("x-heapdiff");
/// The type of what is uploaded. A form of another site can't send it.
const BYTES: &str = "application/octet-stream";
/// Where the browser says that a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Nothing but the page's own program and style, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Which requests are answered.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The names of this server, each with its port.
    hosts: Vec<String>,
    /// Names that it has elsewhere, as a proxy in front of it passes them on: with that one's port, or without.
    others: Vec<String>,
    /// Whether only this machine can connect.
    is_local: bool,
    /// The port, if any address of this machine is a name: what another site can't make its own name lead to.
    any_address: Option<u16>,
    token: Option<String>,
    port: u16,
    cookie: String,
}

impl Guard {
    /// A server at these addresses, under these names as well, for clients that have the token.
    pub fn new(addresses: &[SocketAddr], names: &[String], token: Option<String>) -> Self {
        let port = addresses.first().map_or(0, SocketAddr::port);
        let mut hosts = Vec::new();
        for address in addresses {
            if !address.ip().is_unspecified() {
                hosts.push(address.to_string());
            }
            if address.ip().is_loopback() || address.ip().is_unspecified() {
                hosts.push(format!("localhost:{port}"));
            }
        }
        hosts.extend(names.iter().map(|name| format!("{}:{port}", name.to_ascii_lowercase())));
        let is_local = addresses.iter().all(|address| address.ip().is_loopback());
        if port == 80 {
            let plain = hosts.iter().filter_map(|host| host.strip_suffix(":80"));
            let plain: Vec<String> = plain.map(str::to_owned).collect();
            hosts.extend(plain);
        }
        hosts.sort();
        hosts.dedup();
        let any_address = addresses.iter().any(|address| address.ip().is_unspecified());
        Self {
            hosts,
            others: Vec::new(),
            is_local,
            any_address: any_address.then_some(port),
            token,
            port,
            cookie: format!("heapdiff-{port}"),
        }
    }

    /// Also goes by these names: `NAME` at its own port and at the usual ones, or `NAME:PORT`.
    #[must_use]
    pub fn also(mut self, names: &[String]) -> Self {
        self.others.extend(names.iter().map(|name| name.to_ascii_lowercase()));
        self.is_local &= names.is_empty();
        self
    }

    /// Whether only this machine can connect, as far as is known.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// Checks a request before anything else looks at it. An answer in its stead is a refusal, or sends a browser that
    /// shows its token on to the same page without it.
    pub(super) fn check(&self, request: &Request<Body>) -> Result<(), Box<Response<Body>>> {
        use axum::response::IntoResponse;
        let refuse = |refusal: Refusal| Box::new(refusal.into_response());
        let headers = request.headers();
        let host = self.host(headers, request.uri()).map_err(refuse)?;
        let is_api = request.uri().path().starts_with("/api/");
        let is_elsewhere = self.is_other(&host);
        check_origin(headers, (&host, is_elsewhere), is_api).map_err(refuse)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            check_write(request.method(), headers).map_err(refuse)?;
        }
        self.check_token(request)
    }

    /// The name that the request is for, which has to be exactly one of this server's.
    fn host(&self, headers: &HeaderMap, uri: &Uri) -> Result<String, Refusal> {
        let mut given = headers.get_all(HOST).iter();
        let host = given.next().and_then(|host| host.to_str().ok());
        let of_uri = uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
        let host = host.map(str::to_ascii_lowercase).filter(|_| given.next().is_none());
        let is_ours = |host: &String| {
            let is_same = of_uri.as_ref().is_none_or(|other| other == host);
            is_same && (self.hosts.contains(host) || self.is_address(host) || self.is_other(host))
        };
        host.filter(is_ours).ok_or_else(|| {
            let names: Vec<&str> =
                self.hosts.iter().chain(&self.others).map(String::as_str).collect();
            let message = format!(
                "this server goes by {}: open one of these addresses, or name another one with --host",
                names.join(", ")
            );
            Refusal::forbidden("host", message)
        })
    }

    /// Whether this is a name that it has elsewhere, exactly.
    fn is_other(&self, host: &str) -> bool {
        let is_ours = |port: &str| self.port.to_string() == port;
        let plain = host.rsplit_once(':').filter(|(_, port)| is_ours(port)).map(|(name, _)| name);
        self.others.iter().any(|other| other == host || Some(other.as_str()) == plain)
    }

    /// Whether a name is an address with our port, if we serve at all addresses of the machine.
    fn is_address(&self, host: &str) -> bool {
        let address = host.parse::<SocketAddr>().ok();
        let plain = || host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        self.any_address.is_some_and(|port| match address {
            Some(address) => address.port() == port,
            None => port == 80 && plain().is_some(),
        })
    }

    /// Asks for the token, if there is one.
    fn check_token(&self, request: &Request<Body>) -> Result<(), Box<Response<Body>>> {
        use axum::response::IntoResponse;
        let Some(token) = &self.token else { return Ok(()) };
        let is_token = |shown: &str| bool::from(shown.as_bytes().ct_eq(token.as_bytes()));
        let headers = request.headers();
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if bearer.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(is_token) {
            return Ok(());
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|text| text.split(';')).filter_map(|one| one.trim().split_once('='));
        if pairs.any(|(name, value)| name == self.cookie && is_token(value)) {
            return Ok(());
        }
        let uri = request.uri();
        let is_page = request.method() == Method::GET && !uri.path().starts_with("/api/");
        let shown = Parameters::parse(uri.query());
        if is_page && shown.given("token").is_some_and(is_token) {
            return Err(Box::new(self.without_token(uri, token)));
        }
        let message = "this server asks for its token: open the address with ?token=… that it printed; a program sends it in the \
             header Authorization: Bearer …";
        Err(Box::new(Refusal::forbidden("token", message).into_response()))
    }

    /// Keeps the token in a cookie, and leads to the same page without it.
    fn without_token(&self, uri: &Uri, token: &str) -> Response<Body> {
        let mut kept = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if name != "token" {
                kept.append_pair(&name, &value);
            }
        }
        let (kept, path) = (kept.finish(), local(uri.path()));
        let place = if kept.is_empty() { path } else { format!("{path}?{kept}") };
        let cookie = format!("{}={token}; HttpOnly; SameSite=Strict; Path=/", self.cookie);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        for (name, value) in [(LOCATION, place), (SET_COOKIE, cookie)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A path that can't be taken for the name of another server.
pub(super) fn local(path: &str) -> String {
    format!("/{}", path.trim_start_matches(['/', '\\']))
}

/// Refuses what a page of another site asks for.
fn check_origin(
    headers: &HeaderMap,
    (host, is_elsewhere): (&str, bool),
    is_api: bool,
) -> Result<(), Refusal> {
    let foreign = || {
        let message =
            "this request comes from a page of another site: open the page of this server";
        Refusal::forbidden("origin", message)
    };
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        // A proxy in front may encrypt.
        let secure = origin.strip_prefix("https://").filter(|_| is_elsewhere);
        if origin.strip_prefix("http://").or(secure) != Some(host) {
            return Err(foreign());
        }
    }
    let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    if is_api && !headers.get_all(FETCH_SITE).iter().all(is_own) {
        return Err(foreign());
    }
    Ok(())
}

/// Refuses a change that a form or an image of another site could ask for.
fn check_write(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get(WRITE).is_none_or(|value| value != "1") {
        let message = "a request that changes something needs the header X-Heapdiff: 1";
        return Err(Refusal::forbidden("write", message));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if method == Method::POST && kind.is_none_or(|kind| kind.trim() != BYTES) {
        let message = format!("an upload needs the header Content-Type: {BYTES}");
        return Err(Refusal::forbidden("write", message));
    }
    Ok(())
}

/// Adds what every answer has.
pub(super) fn dress(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
