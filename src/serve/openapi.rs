//! The document that describes the API, in `OpenAPI` 3.1. It is made of the list that the router is made of.

use super::listing::{API, Route};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The parameters that choose snapshots and filter them, and what they mean.
const QUERY: [(&str, &str); 17] = [
    (
        "a",
        "The snapshot before: an id such as i3, its place in the order of time from 1 on, or its time; empty for a question about one snapshot",
    ),
    ("b", "The snapshot after, named in the same way"),
    ("si", "Sample type by name or index"),
    ("f", "Focus: keep stacks with a matching frame"),
    ("i", "Ignore: drop stacks with a matching frame"),
    ("h", "Hide: remove matching frames from stacks"),
    ("s", "Show: keep only matching frames"),
    ("sf", "Show from: cut the frames above the topmost matching frame"),
    ("tf", "Keep samples with a matching label"),
    ("ti", "Drop samples with a matching label"),
    ("g", "Group by functions, filefunctions, files, lines, addresses or packages"),
    ("n", "Most rows; 0 for all"),
    ("nf", "Leave out branches below this fraction, in refs"),
    ("sort", "Sort by bound, delta, flat or cum"),
    ("norm", "1 to scale the snapshot after to the total of the one before"),
    ("noinlines", "1 to count inlined functions as part of the function they were inlined into"),
    ("own", "Treat functions with matching names as the program's own"),
];

/// What the other parameters mean.
const OWN: [(&str, &str); 8] = [
    ("about", "The command: diff, top, leaks, timeline, goroutines, tags, traces, gc or memory"),
    ("all", "1 for rows that are within noise or unchanged as well"),
    ("p", "A regular expression on the names of functions"),
    ("id", "A function, instead of p: the 32-bit FNV-1a hash of its name, in base 36"),
    ("callees", "1 for what the functions call instead of what calls them"),
    ("order", "root-first or leaf-first"),
    ("most", "Most paths of the tree"),
    ("name", "The name of the file"),
];

/// The document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let mut paths = Map::new();
        for route in &API {
            let method = route.method.as_str().to_ascii_lowercase();
            let path = paths.entry(route.path).or_insert_with(|| json!({}));
            path[method] = operation(route);
        }
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "heapdiff serve",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Answers are of heapdiff.report/v1 unless they say otherwise. A parameter without effect on an \
                                answer is named in its header X-Heapdiff-Ignored.",
            },
            "paths": paths,
            "components": { "schemas": { "Error": {
                "type": "object",
                "required": ["error"],
                "properties": { "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": { "type": "string", "description": "Stable name for programs" },
                        "message": { "type": "string" },
                        "parameter": { "type": "string", "description": "The parameter that is wrong" },
                    },
                } },
            } } },
        })
    });
    &DOCUMENT
}

fn operation(route: &Route) -> Value {
    let described = |names: &[&str], of: &[(&str, &str)], place: &str| -> Vec<Value> {
        let known = of.iter().filter(|(name, _)| names.contains(name));
        known.map(|(name, about)| parameter(name, about, place)).collect()
    };
    let mut parameters = Vec::new();
    if route.path.ends_with("{id}") {
        parameters.push(parameter("id", "The id of the input", "path"));
    }
    if route.is_query {
        parameters.extend(QUERY.map(|(name, about)| parameter(name, about, "query")));
    }
    parameters.extend(described(route.own, &OWN, "query"));
    let content: Map<String, Value> =
        route.kinds.iter().map(|kind| ((*kind).to_owned(), json!({}))).collect();
    let failed = json!({
        "description": "Why there is no answer",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    });
    let done = if route.method == axum::http::Method::POST { "201" } else { "200" };
    let mut operation = json!({
        "summary": route.about,
        "parameters": parameters,
        "responses": { done: { "description": "The answer", "content": content }, "default": failed },
    });
    if route.method == axum::http::Method::POST {
        let content = json!({ "application/octet-stream": {} });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn parameter(name: &str, about: &str, place: &str) -> Value {
    let required = place == "path";
    json!({
        "name": name,
        "in": place,
        "required": required,
        "description": about,
        "schema": { "type": "string" },
    })
}
