//! Answers for other machines are packed with gzip: a tree takes longer to send than to pack. What goes to this
//! machine isn't.
//!
//! Packing gives secrets away where a page of another site can have its own text packed with them and see how long the
//! answer is. Here it can't: its requests are refused (`guard`), and the cookie with the token isn't sent with them.

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderValue, VARY,
};
use axum::http::{HeaderMap, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::io::Write;

/// Smaller answers fit into a packet or two.
const LEAST: u64 = 2 << 10;

/// Whether the client takes gzip.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|text| text.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").and_then(|weight| weight.trim().parse().ok());
            weight == Some(0.0_f32)
        };
        is_gzip && !parts.any(is_refused)
    })
}

/// Packs an answer that is whole and large enough.
pub(super) async fn pack(response: Response<Body>) -> Response<Body> {
    let size = response.body().size_hint().exact();
    if size.is_none_or(|size| size < LEAST) || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // A body of known size is in memory.
    let plain = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let again = plain.clone();
    let packed = tokio::task::spawn_blocking(move || packed(&plain)).await;
    let Ok(Some(packed)) = packed else { return Response::from_parts(head, Body::from(again)) };
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    head.headers.remove(CONTENT_LENGTH);
    // The same answer in other bytes.
    let tag = head.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok()) {
        head.headers.insert(ETAG, tag);
    }
    Response::from_parts(head, Body::from(packed))
}

fn packed(plain: &Bytes) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::{ACCEPT_ENCODING, HeaderMap, HeaderValue, is_accepted};

    #[test]
    fn gzip_is_taken_if_the_client_says_so() {
        for (value, is) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("identity", false),
            ("", false),
            ("xgzip", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(is_accepted(&headers), is, "{value}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
