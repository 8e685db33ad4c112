//! Whose an account is at the provider of identities, and tying it to somebody there.

use crate::{
    components::{
        form::Field,
        icons,
        panel::{Panel, confirmed, facts},
        text::{copy, minute},
    },
    context::{Ctx, href},
};
use domain::{
    oidc::LocalSignIn,
    person::{Permission, Role},
};
use fleet::{oidc::Identity, people::User};
use leptos::prelude::*;

/// What the provider is called, if the account is one of it.
pub(super) fn of(ctx: &Ctx, identity: Option<&Identity>) -> Option<String> {
    let (provider, identity) = (ctx.fleet.provider()?, identity?);
    (identity.issuer == provider.issuer()).then(|| provider.label().to_owned())
}

/// Why there is no password for this account here, if there is none.
pub(super) fn keeps_out(ctx: &Ctx, user: &User, identity: Option<&Identity>) -> Option<String> {
    if user.role == Role::Admin {
        return None;
    }
    let provider = ctx.fleet.provider()?;
    let theirs = of(ctx, identity).map(|label| format!("They sign in at {label}, and have no password here."));
    let rare = || "Administrators alone sign in by password here.".to_owned();
    theirs.or_else(|| (provider.local() == LocalSignIn::Admins).then(rare))
}

/// Whose it is there; nothing where there is no provider and never was one.
pub(super) fn panel(ctx: &Ctx, user: &User, identity: Option<&Identity>) -> impl IntoView + use<> {
    let provider = ctx.fleet.provider();
    let may = ctx.may(Permission::UserManage);
    let inner = match identity {
        Some(identity) => linked(user, identity, may).into_any(),
        None if provider.is_some() && may => unlinked(ctx, user).into_any(),
        None => return ().into_any(),
    };
    Panel::new("Provider").id("provider").body(inner).into_any()
}

fn linked(user: &User, identity: &Identity, may: bool) -> impl IntoView + use<> {
    let last = match identity.last_sign_in_at {
        Some(at) => minute(at).into_any(),
        None => view! { <span class="quiet">"never"</span> }.into_any(),
    };
    let subject = identity.subject.clone();
    let rows = vec![
        ("Issuer", view! { <span class="mono">{identity.issuer.clone()}</span> }.into_any()),
        ("Subject", view! { <span class="mono">{subject.clone()}</span>{copy("subject", &subject)} }.into_any()),
        ("Linked", minute(identity.linked_at).into_any()),
        ("Last came from there", last),
    ];
    let remove = may.then(|| {
        let what = view! {
            <b>{user.name.clone()}</b>
            " is signed out everywhere, and can’t come in from there any more until the account is linked again."
        };
        let button = view! { <summary class="btn danger">{icons::icon(icons::REVERT)}"Unlink"</summary> };
        confirmed(button, what, format!("/users/{}/provider/remove", user.id), "Unlink the account")
    });
    view! { <div class="stack">{facts(rows)}{remove}</div> }
}

fn unlinked(ctx: &Ctx, user: &User) -> impl IntoView + use<> {
    let refused = href("/audit", &[("subject", format!("user:{}", user.email).as_str())]);
    view! {
        <form class="stack slim" method="post" action=format!("/users/{}/provider", user.id)>
            <p class="soft">"Not linked: its owner signs in here."</p>
            {Field::new(ctx.form.as_ref(), "subject", "Subject there")
                .mono()
                .required()
                .max_length(255)
                .autocomplete("off")
                .hint("Who they are at the provider, for good (claim sub). Make sure that it is they.")
                .input()}
            <div class="row wrap">
                <button class="btn" type="submit">{icons::icon(icons::LINK)}"Link the account"</button>
                <a class="small" href=refused>"Refused sign-ins name it"</a>
            </div>
        </form>
    }
}
