//! The page: one shell for all its addresses, its program and its style, and the way here from pprof's addresses.

use super::refusal::Refusal;
use crate::output::{LOOK, SCRIPT};
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use sha2::{Digest, Sha256};

/// The page, whatever it shows: the program asks for the data.
const SHELL: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"referrer\" content=\"no-referrer\">\n\
    <meta name=\"heapdiff-source\" content=\"http\">\n\
    <title>heapdiff</title>\n<link rel=\"icon\" href=\"data:,\">\n\
    <link rel=\"stylesheet\" href=\"/assets/app.css\">\n</head>\n<body>\n\
    <main id=\"app\">\n<h1>heapdiff</h1>\n\
    <p>This page needs JavaScript. Without it: heapdiff --help, or the API at /api/v1/openapi.json.</p>\n\
    </main>\n<script src=\"/assets/app.js\"></script>\n</body>\n</html>\n";

/// The addresses of the page.
pub const PAGES: [&str; 10] =
    ["/", "/diff", "/top", "/flame", "/refs", "/time", "/source", "/goroutines", "/gc", "/memory"];

/// pprof's addresses, and ours. There, the first page is the graph.
pub const OF_PPROF: [(&str, &str); 8] = [
    ("/ui", "/"),
    ("/ui/", "/"),
    ("/ui/flamegraph", "/flame"),
    ("/ui/top", "/diff"),
    ("/ui/peek", "/refs"),
    ("/ui/source", "/source"),
    ("/ui/disasm", "/source"),
    ("/ui/graph", "/flame"),
];

/// The page.
pub(super) fn page() -> Response<Body> {
    with_type("text/html; charset=utf-8", Body::from(SHELL))
}

/// Says in a page what an answer in JSON says.
pub(super) fn tell(response: &mut Response<Body>, message: &str) {
    let text = message.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>heapdiff</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n<h1>heapdiff</h1>\n<p>{text}</p>\n\
         <p><a href=\"/\">The first page</a></p>\n</body>\n</html>\n"
    );
    *response.body_mut() = Body::from(page);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    // That of the answer in JSON.
    response.headers_mut().remove(CONTENT_LENGTH);
}

/// Leads from an address of pprof's page to ours. `single` is the page of one snapshot.
pub(super) fn from_pprof(uri: &Uri, is_single: bool) -> Response<Body> {
    let ours = OF_PPROF.iter().find(|(theirs, _)| *theirs == uri.path());
    let page = match ours.map_or("/", |(_, ours)| ours) {
        "/diff" if is_single => "/top",
        page => page,
    };
    let place = uri.query().map_or_else(|| page.to_owned(), |query| format!("{page}?{query}"));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// The program or the style of the page.
pub(super) fn asset(name: &str, headers: &HeaderMap) -> Result<Response<Body>, Refusal> {
    let (text, kind) = match name {
        "app.js" => (SCRIPT, "text/javascript; charset=utf-8"),
        "app.css" => (LOOK, "text/css; charset=utf-8"),
        _ => return Err(Refusal::missing("the page has only app.js and app.css")),
    };
    let tag = tag(&[text]);
    let mut response =
        if is_known(headers, &tag) { unchanged() } else { with_type(kind, Body::from(text)) };
    mark(&mut response, &tag);
    Ok(response)
}

fn with_type(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A tag of what these texts stand for.
pub(super) fn tag(texts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    let digest = digest.finalize();
    let number =
        digest.iter().take(16).fold(0, |number: u128, &byte| number << 8 | u128::from(byte));
    format!("\"{number:032x}\"")
}

/// Whether the client has what this tag stands for.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|text| text.split(',')).any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// The client has it.
pub(super) fn unchanged() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Lets the client keep an answer, and ask whether it is still the same.
pub(super) fn mark(response: &mut Response<Body>, tag: &str) {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

/// An answer in JSON.
pub(super) fn json(value: &serde_json::Value) -> Response<Body> {
    with_type("application/json", Body::from(value.to_string() + "\n"))
}
