//! Second factors: the second step of signing in, one's own, and who must have one.

use super::{Access, ActionRoute, Posted, refused, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState, href, local_path},
    pages::errors::{Problem, respond_problem},
    render,
    session::{Beginning, SessionChange, with_session},
};
use axum::{
    Extension,
    extract::Path,
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
    routing::post,
};
use domain::{
    factor::SecondFactorPolicy,
    id::{FactorId, UserId},
    person::Permission,
};
use fleet::factor::{Confirmed, Entered, HalfWay};

const OWN: Access = Access::May(Permission::AccountManage);
/// Where the second step of signing in is taken.
pub const SECOND_STEP: &str = "/sign-in/second";
/// Where one's own authenticator apps are set up.
pub const SET_UP: &str = "/account/factors";

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: SECOND_STEP, access: Access::Anyone, handler: || post(second_step) },
    ActionRoute {
        method: "POST",
        path: "/sign-in/second/app",
        access: Access::Anyone,
        handler: || post(begin_half_way),
    },
    ActionRoute {
        method: "POST",
        path: "/sign-in/second/confirm",
        access: Access::Anyone,
        handler: || post(confirm_half_way),
    },
    ActionRoute { method: "POST", path: SET_UP, access: OWN, handler: || post(begin) },
    ActionRoute { method: "POST", path: "/account/factors/confirm", access: OWN, handler: || post(confirm) },
    ActionRoute { method: "POST", path: "/account/factors/codes", access: OWN, handler: || post(codes) },
    ActionRoute { method: "POST", path: "/account/factors/{id}/remove", access: OWN, handler: || post(remove) },
    ActionRoute {
        method: "POST",
        path: "/users/{id}/factors/reset",
        access: Access::May(Permission::UserManage),
        handler: || post(reset),
    },
    ActionRoute {
        method: "POST",
        path: "/settings/second-factor",
        access: Access::May(Permission::SettingManage),
        handler: || post(policy),
    },
];

/// Leads on after a first step: in, or to the second.
pub(super) fn led_on(entered: &Entered, by: domain::factor::SignInBy, next: &str, flash: Option<&Flash>) -> Response {
    match entered {
        Entered::In(user) => {
            let beginning = Beginning { user: user.id, by, proved_at: None };
            with_session(see_other(local_path(next), flash), SessionChange::Begin(beginning))
        }
        Entered::HalfWay(half) => {
            let to = match local_path(next) {
                "/" => SECOND_STEP.to_owned(),
                next => href(SECOND_STEP, &[("next", next)]),
            };
            with_session(see_other(&to, None), SessionChange::HalfWay(*half))
        }
    }
}

/// The page again, at its own address and with what leads on from it.
async fn again(ctx: Ctx, form: FormState, error: &fleet::Error) -> Response {
    refused(ctx, SECOND_STEP, form, error).await
}

pub(super) fn known_half(ctx: &Ctx) -> Result<HalfWay, fleet::Error> {
    ctx.half.ok_or_else(|| fleet::Error::Conflict("Sign in first: with your email and password.".to_owned()))
}

async fn second_step(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let shown = async {
        let half = known_half(&ctx)?;
        Ok::<_, fleet::Error>((half, ctx.fleet.second_step(&ctx.actor, &half, form.value("code")).await?))
    };
    match shown.await {
        Ok((half, user)) => {
            let beginning = Beginning { user: user.id, by: half.by, proved_at: Some(ctx.now) };
            with_session(see_other(local_path(form.value("next")), None), SessionChange::Begin(beginning))
        }
        Err(error) => again(ctx, form, &error).await,
    }
}

async fn begin_half_way(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let begun = async { ctx.fleet.begin_app_half_way(&ctx.actor, &known_half(&ctx)?, form.value("name")).await };
    match begun.await {
        Ok(app) => {
            let app = app.to_string();
            see_other(&href(SECOND_STEP, &[("next", local_path(form.value("next"))), ("app", app.as_str())]), None)
        }
        Err(error) => again(ctx, form, &error).await,
    }
}

async fn confirm_half_way(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let confirmed = async {
        let half = known_half(&ctx)?;
        let (user, confirmed) = ctx.fleet.confirm_app_half_way(&ctx.actor, &half, form.value("code")).await?;
        Ok::<_, fleet::Error>((half, user, confirmed))
    };
    match confirmed.await {
        Ok((half, user, confirmed)) => {
            let beginning = Beginning { user: user.id, by: half.by, proved_at: Some(ctx.now) };
            let page = codes_once(Ctx { form: Some(form), ..ctx }, SECOND_STEP, &confirmed.codes).await;
            with_session(page, SessionChange::Begin(beginning))
        }
        Err(error) => again(ctx, form, &error).await,
    }
}

/// The page with recovery codes that were just made. No cache keeps it.
pub(super) async fn codes_once(ctx: Ctx, path: &str, codes: &[String]) -> Response {
    let uri = path.parse::<Uri>().unwrap_or_else(|_| ctx.uri.clone());
    let ctx = Ctx { uri, secret: Some(codes.join("\n")), status: StatusCode::CREATED, flash: None, ..ctx };
    let mut response = render::document(ctx).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn begin(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.begin_app(&ctx.actor, form.value("name"), form.value("present")).await {
        Ok(app) => see_other(&href(SET_UP, &[("app", app.to_string())]), None),
        Err(error) => refused(ctx, SET_UP, form, &error).await,
    }
}

async fn confirm(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.confirm_app(&ctx.actor, form.value("code")).await {
        Ok(Confirmed { name, codes }) => {
            let proved = SessionChange::Proved(ctx.now);
            let flash = Flash::done(format!("“{name}” is added. You are asked for its code at your next sign-in."));
            let response = match codes.as_slice() {
                [] => see_other("/account", Some(&flash)),
                codes => codes_once(ctx, SET_UP, codes).await,
            };
            with_session(response, proved)
        }
        Err(error) => refused(ctx, SET_UP, form, &error).await,
    }
}

async fn codes(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.new_recovery_codes(&ctx.actor).await {
        Ok(codes) => codes_once(ctx, SET_UP, &codes).await,
        Err(error) => refused(ctx, "/account", form, &error).await,
    }
}

async fn remove(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let removed = match id.parse::<FactorId>() {
        Ok(id) => ctx.fleet.remove_factor(&ctx.actor, id).await,
        Err(_) => Err(fleet::Error::not_found("second factor", &id)),
    };
    match removed {
        Ok(name) => see_other("/account", Some(&Flash::done(format!("“{name}” is removed.")))),
        Err(error) => refused(ctx, "/account", form, &error).await,
    }
}

async fn reset(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let Ok(id) = id.parse::<UserId>() else {
        return respond_problem(ctx, Problem::of(&fleet::Error::not_found("user", &id))).await;
    };
    let page = format!("/users/{id}");
    match ctx.fleet.reset_factors(&ctx.actor, id).await {
        Ok(done) => {
            let ended = match i64::try_from(done.sessions_ended).unwrap_or(i64::MAX) {
                0 => String::new(),
                n => format!(" {} ended.", plural(n, "session", "sessions")),
            };
            see_other(&page, Some(&Flash::done(format!("{} has no second factor any more.{ended}", done.user.name))))
        }
        Err(error) => refused(ctx, &page, form, &error).await,
    }
}

async fn policy(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let chosen = async {
        super::allowed(&ctx, Permission::SettingManage, "settings").await?;
        let wrong = |_| fleet::Error::field("policy", "Choose who must have one.");
        let policy: SecondFactorPolicy = form.value("policy").parse().map_err(wrong)?;
        ctx.fleet.set_second_factor_policy(&ctx.actor, policy).await
    };
    match chosen.await {
        Ok(ended) => {
            let ended = match i64::try_from(ended).unwrap_or(i64::MAX) {
                0 => String::new(),
                n => format!(" {} ended, of people who have none yet.", plural(n, "session", "sessions")),
            };
            see_other("/settings", Some(&Flash::done(format!("Saved.{ended}"))))
        }
        Err(error) => refused(ctx, "/settings", form, &error).await,
    }
}
