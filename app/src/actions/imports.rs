//! Bringing files in, following and stopping an import, and what there is to download about it.

use super::{Access, ActionRoute, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState},
    pages::{
        errors::{Problem, respond_problem},
        imports::progress::progress,
    },
};
use axum::{
    Extension,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{
    factory_manifest::{template_csv, template_jsonl},
    id::ImportId,
    person::Permission,
};
use leptos::prelude::*;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/imports", access: RUN, handler: || post(super::upload::send) },
    ActionRoute { method: "POST", path: "/imports/{id}/cancel", access: RUN, handler: || post(cancel) },
    ActionRoute { method: "GET", path: "/imports/{id}/progress", access: READ, handler: || get(follow) },
    ActionRoute { method: "GET", path: "/imports/{id}/problems.csv", access: READ, handler: || get(problems) },
    ActionRoute { method: "GET", path: "/imports/template.csv", access: READ, handler: || get(csv) },
    ActionRoute { method: "GET", path: "/imports/template.jsonl", access: READ, handler: || get(jsonl) },
];

const RUN: Access = Access::May(Permission::ImportRun);
const READ: Access = Access::May(Permission::ImportRead);

/// A file to keep. Its name is ours: letters, digits, hyphens and dots.
pub(super) fn download(kind: &'static str, name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    (headers, text).into_response()
}

async fn refusal(ctx: Ctx, error: &fleet::Error) -> Response {
    respond_problem(ctx, Problem::of(error)).await
}

async fn csv(Extension(ctx): Extension<Ctx>) -> Response {
    match ctx.actor.require(Permission::ImportRead) {
        Ok(()) => download("text/csv; charset=utf-8", "muster-manifest.csv", template_csv().to_owned()),
        Err(error) => refusal(ctx, &error).await,
    }
}

async fn jsonl(Extension(ctx): Extension<Ctx>) -> Response {
    match ctx.actor.require(Permission::ImportRead) {
        Ok(()) => download("application/x-ndjson", "muster-manifest.jsonl", template_jsonl().to_owned()),
        Err(error) => refusal(ctx, &error).await,
    }
}

fn id_of(text: &str) -> Result<ImportId, fleet::Error> {
    text.parse().map_err(|_| fleet::Error::not_found("import", text))
}

async fn cancel(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let id = match id_of(&id) {
        Ok(id) => id,
        Err(error) => return refusal(ctx, &error).await,
    };
    let page = format!("/imports/{id}");
    match ctx.fleet.cancel_import(&ctx.actor, id).await {
        Ok(()) => see_other(&page, Some(&Flash::done("The import is cancelled. Nothing was changed."))),
        Err(fleet::Error::Conflict(why)) => see_other(&page, Some(&Flash::warn(why))),
        Err(error) => refused(ctx, &page, FormState::default(), &error).await,
    }
}

/// How far it is, for the island that follows it.
async fn follow(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let import = match id_of(&id) {
        Ok(id) => ctx.fleet.import(&ctx.actor, id).await,
        Err(error) => Err(error),
    };
    match import {
        Ok(import) => {
            let over = import.state.is_final().then_some("");
            let html = view! { <div data-over=over>{progress(&import)}</div> }.to_html();
            let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (headers, html).into_response()
        }
        Err(error) => Problem::of(&error).status.into_response(),
    }
}

async fn problems(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let table = match id_of(&id) {
        Ok(id) => ctx.fleet.import_problems_csv(&ctx.actor, id).await,
        Err(error) => Err(error),
    };
    match table {
        Ok(table) => download("text/csv; charset=utf-8", &format!("import-{id}-problems.csv"), table),
        Err(error) => refusal(ctx, &error).await,
    }
}

/// What is wrong with a file that can't even be looked at.
pub(super) async fn wrong_file(ctx: Ctx, form: FormState, message: &str) -> Response {
    let form = form.wrong("file", message);
    super::render_with_form(ctx, "/imports", form, StatusCode::UNPROCESSABLE_ENTITY).await
}
