//! What the API answers, in one list: the router is made of it, and so is the document that describes the API.

use axum::http::Method;

/// A question of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Page,
    Report,
    Rows,
    Series,
    Refs,
    Peek,
    Source,
    Tree,
    Command,
}

/// A request of the API.
pub(super) struct Route {
    pub(super) method: Method,
    /// Its path, with names in braces.
    pub(super) path: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// Names of its own parameters.
    pub(super) own: &'static [&'static str],
    /// Whether it takes those that filter and choose snapshots as well.
    pub(super) is_query: bool,
    /// The types of its answers.
    pub(super) kinds: &'static [&'static str],
    pub(super) handler: Handler,
}

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handler {
    /// A question about the inputs.
    Question(What),
    Inputs,
    Upload,
    Remove,
    Events,
    Document,
}

const JSON: &[&str] = &["application/json"];

/// A question about the inputs.
const fn question(
    path: &'static str,
    about: &'static str,
    own: &'static [&'static str],
    what: What,
) -> Route {
    let handler = Handler::Question(what);
    Route { method: Method::GET, path, about, own, is_query: true, kinds: JSON, handler }
}

/// All requests of the API.
pub(super) const API: [Route; 14] = [
    question(
        "/api/v1/page",
        "What a page shows: an answer with its heading, and what the server has",
        &["about", "all"],
        What::Page,
    ),
    question(
        "/api/v1/report",
        "The answer of a command: exactly what it prints with --format json",
        &["about", "all"],
        What::Report,
    ),
    question(
        "/api/v1/rows",
        "The answer of diff, or of top if there is one snapshot, with all rows",
        &[],
        What::Rows,
    ),
    question("/api/v1/series", "The answer of timeline", &[], What::Series),
    question(
        "/api/v1/refs",
        "The call paths to functions: the answer of refs",
        &["p", "id", "callees"],
        What::Refs,
    ),
    question(
        "/api/v1/peek",
        "The callers and callees of functions: the answer of peek",
        &["p", "id"],
        What::Peek,
    ),
    question(
        "/api/v1/source",
        "The lines of functions, with their text from the folders that are allowed: the answer of list",
        &["p", "id"],
        What::Source,
    ),
    Route {
        method: Method::GET,
        path: "/api/v1/tree",
        about: "The call paths as a tree; as columns in JSON if the header Accept asks for JSON",
        own: &["order", "most"],
        is_query: true,
        kinds: &["application/vnd.heapdiff.tree", "application/json"],
        handler: Handler::Question(What::Tree),
    },
    question(
        "/api/v1/command",
        "The command line that prints what `report` answers",
        &["about", "all", "p", "id", "callees"],
        What::Command,
    ),
    Route {
        method: Method::GET,
        path: "/api/v1/inputs",
        about: "The inputs, the service that is recorded, and which two are compared by default",
        own: &[],
        is_query: false,
        kinds: JSON,
        handler: Handler::Inputs,
    },
    Route {
        method: Method::POST,
        path: "/api/v1/inputs",
        about: "Adds the body as an input, in memory; needs the header X-Heapdiff: 1",
        own: &["name"],
        is_query: false,
        kinds: JSON,
        handler: Handler::Upload,
    },
    Route {
        method: Method::DELETE,
        path: "/api/v1/inputs/{id}",
        about: "Removes an input that was added; needs the header X-Heapdiff: 1",
        own: &[],
        is_query: false,
        kinds: JSON,
        handler: Handler::Remove,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/events",
        about: "Says when the inputs changed, as server-sent events named `inputs`",
        own: &[],
        is_query: false,
        kinds: &["text/event-stream"],
        handler: Handler::Events,
    },
    Route {
        method: Method::GET,
        path: "/api/v1/openapi.json",
        about: "This document",
        own: &[],
        is_query: false,
        kinds: JSON,
        handler: Handler::Document,
    },
];
