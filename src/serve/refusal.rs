//! Why a request isn't answered, as JSON that a page can show.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Seconds after which a client may ask again if there was too much to do.
const LATER: u64 = 2;

/// Why a request isn't answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Stable name for programs.
    pub(super) code: &'static str,
    /// What is wrong, and what to do.
    pub(super) message: String,
    /// The parameter that is wrong.
    pub(super) parameter: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), parameter: None }
    }

    /// About a parameter.
    pub(super) fn about(parameter: &str, code: &'static str, message: impl Into<String>) -> Self {
        let parameter = Some(parameter.to_owned());
        Self { parameter, ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    /// What a guard refuses.
    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// What isn't there.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", message)
    }

    /// There is too much to do.
    pub(super) fn busy() -> Self {
        let message = "the server has too many questions to answer: ask again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }
}

/// What an answer says in place of what was asked for.
#[derive(Clone)]
pub(super) struct Said(pub(super) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, code, message, parameter } = self;
        let mut error = json!({ "code": code, "message": &message });
        if let Some(parameter) = parameter {
            error["parameter"] = parameter.into();
        }
        let text = json!({ "error": error }).to_string() + "\n";
        let said = Said(message);
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        response.extensions_mut().insert(said);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(LATER));
        }
        response
    }
}
