//! The router: the API, the page with its program, and the way here from pprof's addresses.

use super::listing::{API, Handler};
use super::refusal::{Refusal, Said};
use super::{Service, api, events, guard, openapi, packed, shell, uploads};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::ACCEPT;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get};
use std::sync::Arc;

/// The router of everything.
pub(super) fn router(service: &Arc<Service>) -> Router {
    let mut router = Router::new();
    for route in &API {
        router = router.route(route.path, handled(route.handler));
    }
    for path in shell::PAGES {
        router = router.route(path, get(|| async { shell::page() }));
    }
    for (path, _) in shell::OF_PPROF {
        let to_ours = |State(service): State<Arc<Service>>, request: Request| async move {
            shell::from_pprof(request.uri(), service.world().is_single())
        };
        router = router.route(path, get(to_ours));
    }
    let asset = |Path(name): Path<String>, request: Request| async move {
        shell::asset(&name, request.headers())
    };
    router
        .route("/assets/{name}", get(asset))
        .fallback(any(|| async { Refusal::missing("there is no such page; the first one is /") }))
        .method_not_allowed_fallback(|| async {
            let message = "this address takes another method";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method", message)
        })
        .with_state(Arc::clone(service))
        // Outside of everything else, so that nothing is done for a request that is refused.
        .layer(middleware::from_fn_with_state(Arc::clone(service), guarded))
}

async fn guarded(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let is_packed = !service.guard.is_local() && packed::is_accepted(request.headers());
    // A person reads what a browser shows in place of a page.
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    let is_page = accepted.is_some_and(|accepted| accepted.contains("text/html"))
        && !request.uri().path().starts_with("/api/");
    let mut response = match service.guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(instead) => *instead,
    };
    if is_page && let Some(Said(message)) = response.extensions_mut().remove() {
        shell::tell(&mut response, &message);
    }
    if is_packed {
        response = packed::pack(response).await;
    }
    guard::dress(&mut response);
    response
}

fn handled(handler: Handler) -> MethodRouter<Arc<Service>> {
    match handler {
        Handler::Question(what) => {
            get(move |State(service): State<Arc<Service>>, request: Request| {
                api::answer(service, what, request)
            })
        }
        Handler::Inputs => {
            get(|State(service): State<Arc<Service>>, request: Request| async move {
                api::inputs(&service, request.headers())
            })
        }
        Handler::Upload => axum::routing::post(uploads::add),
        Handler::Remove => delete(uploads::remove),
        Handler::Events => get(events::stream),
        Handler::Document => get(|| async { shell::json(openapi::document()) }),
    }
}
