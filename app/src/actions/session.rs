//! Coming in and going out: by password, by a one-time link, by the first account.

use super::{Access, ActionRoute, Posted, factors::led_on, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState, segment},
    session::{SessionChange, with_session},
};
use axum::{Extension, extract::Path, response::Response, routing::post};
use domain::factor::SignInBy;
use fleet::{factor::Entered, link::LinkPurpose};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/sign-in", access: Access::Anyone, handler: || post(sign_in) },
    ActionRoute { method: "POST", path: "/sign-out", access: Access::Anyone, handler: || post(sign_out) },
    ActionRoute { method: "POST", path: "/link/{token}", access: Access::Anyone, handler: || post(follow_link) },
    ActionRoute { method: "POST", path: "/set-up/{token}", access: Access::Anyone, handler: || post(set_up) },
];

async fn sign_in(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let tried = ctx.fleet.sign_in(&ctx.actor, form.value("email"), form.value("password")).await;
    match tried {
        Ok(entered) => led_on(&entered, SignInBy::Password, form.value("next"), None),
        Err(error) => refused(ctx, "/sign-in", form, &error).await,
    }
}

async fn sign_out(Extension(ctx): Extension<Ctx>) -> Response {
    let signed_out = async {
        // Of the provider one signs out apart, and only who came from there is asked whether to.
        let theirs = ctx.fleet.ways_to_prove(&ctx.actor).await?.provider.is_some();
        ctx.fleet.sign_out(&ctx.actor).await?;
        Ok::<_, fleet::Error>(if theirs { "/sign-in?left" } else { "/sign-in" })
    };
    match signed_out.await {
        Ok(to) => with_session(see_other(to, Some(&Flash::done("You are signed out."))), SessionChange::End),
        Err(error) => refused(ctx, "/", FormState::default(), &error).await,
    }
}

/// A link signs in, or takes a new password first; which, the link itself knows.
async fn follow_link(Extension(ctx): Extension<Ctx>, Path(token): Path<String>, Posted(form): Posted) -> Response {
    let path = format!("/link/{}", segment(&token));
    let followed = match ctx.fleet.link(&token).await {
        Ok(link) if link.purpose == LinkPurpose::SetPassword => {
            ctx.fleet.set_password(&ctx.actor, &token, form.value("password")).await
        }
        Ok(_) => ctx.fleet.redeem_link(&ctx.actor, &token).await,
        Err(error) => Err(error),
    };
    match followed {
        Ok(entered) => led_on(&entered, SignInBy::Link, "/", None),
        Err(error) => refused(ctx, &path, form, &error).await,
    }
}

async fn set_up(Extension(ctx): Extension<Ctx>, Path(token): Path<String>, Posted(form): Posted) -> Response {
    let (name, email, password) = (form.value("name"), form.value("email"), form.value("password"));
    match ctx.fleet.set_up(&ctx.actor, &token, name, email, password).await {
        Ok(user) => {
            let flash = Flash::done("Your account is made. Import a factory's manifest next.");
            led_on(&Entered::In(user), SignInBy::Link, "/", Some(&flash))
        }
        Err(error) => refused(ctx, &format!("/set-up/{}", segment(&token)), form, &error).await,
    }
}
