//! Saving and deleting views of the device list, and choosing its columns.

use super::{Access, ActionRoute, Posted, refused, see_other, see_other_with_cookie};
use crate::{
    context::{Ctx, Flash, devices_href, local_path},
    cookies,
    pages::{
        devices::{Column, views},
        errors,
    },
};
use axum::{Extension, extract::Path, http::StatusCode, response::Response, routing::post};
use domain::{id::ViewId, person::Permission};
use fleet::view::ViewForm;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/views", access: Access::May(Permission::ViewSave), handler: || post(save) },
    ActionRoute {
        method: "POST",
        path: "/views/{id}/delete",
        access: Access::May(Permission::ViewSave),
        handler: || post(delete),
    },
    ActionRoute {
        method: "POST",
        path: "/devices/columns",
        access: Access::May(Permission::FleetRead),
        handler: || post(columns),
    },
];

async fn save(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let value = |name: &str| form.value(name).to_owned();
    let view = ViewForm {
        name: value("name"),
        query: value("query"),
        sort: value("sort"),
        columns: value("columns"),
        shared: form.has("shared"),
    };
    let list = devices_href(&view.query);
    match ctx.fleet.save_view(&ctx.actor, &view).await {
        Ok(saved) => see_other(&views::href_of(&saved), Some(&Flash::done(format!("Saved as “{}”.", saved.name)))),
        Err(error) => refused(ctx, &list, form, &error).await,
    }
}

async fn delete(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let Ok(id) = id.parse::<ViewId>() else {
        return errors::respond(ctx, StatusCode::NOT_FOUND, "There is no such view. It may have been deleted.").await;
    };
    let list = devices_href(form.value("query"));
    match ctx.fleet.delete_view(&ctx.actor, id).await {
        Ok(view) => see_other(&list, Some(&Flash::done(format!("Deleted the view “{}”.", view.name)))),
        Err(error) => refused(ctx, &list, form, &error).await,
    }
}

/// Which columns the visitor sees from now on, on this browser.
async fn columns(Posted(form): Posted) -> Response {
    let next = local_path(form.value("next"));
    let words: Vec<&str> = form.all("column").collect();
    let cookie = if form.has("usual") || words.is_empty() {
        cookies::drop_cookie(cookies::COLUMNS)
    } else {
        cookies::keep(cookies::COLUMNS, &Column::write(&Column::read(Some(&words.join(",")))))
    };
    see_other_with_cookie(next, cookie)
}
