//! One account: as what, since when, and what an administrator may do about it.

mod provider;

use super::{role_choices, role_words, state};
use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons,
        panel::{Panel, confirmed, disabled_button, facts, head},
        text::{copy, minute, plural},
    },
    context::{Ctx, href},
    page::Page,
    pages::{errors::who_may, secret::shown_once},
};
use domain::{id::UserId, person::Permission, time::Timestamp};
use fleet::{factor::Factors, oidc::Identity, people::User};
use leptos::prelude::*;

/// `/users/{id}`.
///
/// # Errors
/// When the actor may not see people, there is no such account, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let id: UserId = ctx.param("id").parse().map_err(|_| fleet::Error::not_found("user", ctx.param("id")))?;
    let user = ctx.fleet.user(&ctx.actor, id).await?;
    let factors = ctx.fleet.factors_of(&ctx.actor, id).await?;
    let identity = ctx.fleet.identity_of(&ctx.actor, id).await?;
    let sub = view! { <p>{user.email.clone()}</p> };
    let body = view! {
        {link_once(&ctx, &user)}
        {head(view! { {user.name.clone()} {state(&user, identity.is_some()).badge()} }, sub, acts(&ctx, &user, identity.as_ref()))}
        <div class="cols lead">
            {change(&ctx, &user, identity.as_ref())}
            <div class="stack loose">
                {about(&user)} {provider::panel(&ctx, &user, identity.as_ref())} {second_factor(&ctx, &user, &factors)}
            </div>
        </div>
    };
    Ok(Page::new(user.name.clone(), body).crumb("Users", "/users").live("people"))
}

/// The link that was just made.
fn link_once(ctx: &Ctx, user: &User) -> impl IntoView + use<> {
    let secret = ctx.secret.clone()?;
    let title = format!("One-time link for {}", user.name);
    let advice = format!(
        "Send it to {} on a way that you trust. Whoever opens it can choose the account's password, once.",
        user.email
    );
    Some(shown_once(title, advice.into_any(), "link", &secret))
}

fn acts(ctx: &Ctx, user: &User, identity: Option<&Identity>) -> impl IntoView + use<> {
    if !ctx.may(Permission::UserManage) {
        let why = who_may(Permission::UserManage);
        return (disabled_button(icons::LINK, "New link", why.clone()), disabled_button(icons::PAUSE, "Disable", why))
            .into_any();
    }
    if user.disabled_at.is_some() {
        return post(user.id, "enable", "btn", icons::CHECK, "Enable").into_any();
    }
    let own = ctx.actor.user_id() == Some(user.id);
    let disable = if own {
        disabled_button(icons::PAUSE, "Disable", "You can't disable your own account; ask another administrator.")
            .into_any()
    } else {
        let what = view! {
            <b>{user.name.clone()}</b>
            " is signed out everywhere and can't sign in any more. API tokens that they made go on working. An account can be enabled again."
        };
        let button = view! { <summary class="btn danger">{icons::icon(icons::PAUSE)}"Disable"</summary> };
        confirmed(button, what, format!("/users/{}/disable", user.id), "Disable the account").into_any()
    };
    let link = match provider::keeps_out(ctx, user, identity) {
        Some(why) => disabled_button(icons::LINK, "New password link", why).into_any(),
        None => post(user.id, "link", "btn", icons::LINK, "New password link").into_any(),
    };
    (link, disable).into_any()
}

fn post(
    id: UserId,
    verb: &'static str,
    class: &'static str,
    icon: icons::Icon,
    label: &'static str,
) -> impl IntoView + use<> {
    view! {
        <form method="post" action=format!("/users/{id}/{verb}")>
            <button class=class type="submit">{icons::icon(icon)}{label}</button>
        </form>
    }
}

/// What the field holds now, when somebody changed it while it was being edited here.
fn now_hint(ctx: &Ctx, name: &str, now: &str) -> Option<String> {
    let typed = ctx.form.as_ref().filter(|form| form.has(name))?.value(name);
    (typed != now).then(|| format!("Now: {now}"))
}

fn change(ctx: &Ctx, user: &User, identity: Option<&Identity>) -> impl IntoView + use<> {
    if !ctx.may(Permission::UserManage) {
        return Panel::new("Name and role")
            .body(view! {
                <div class="stack">
                    {facts(vec![
                        ("Name", user.name.clone().into_any()),
                        ("Role", view! { {user.role.label()} <br /> <span class="small quiet">{role_words(user.role)}</span> }.into_any()),
                    ])}
                    <p class="small quiet">{who_may(Permission::UserManage)}</p>
                </div>
            })
            .into_any();
    }
    let form = ctx.form.as_ref();
    let mut name = Field::new(form, "name", "Name").value(user.name.clone()).required().max_length(100);
    let mut role = Field::new(form, "role", "Role").value(user.role.as_str());
    name = match now_hint(ctx, "name", &user.name) {
        Some(hint) => name.hint(hint),
        None => name,
    };
    role = match now_hint(ctx, "role", user.role.as_str()) {
        Some(_) => role.hint(format!("Now: {}", user.role.label())),
        None => role.hint("It holds from the next request on, in open sessions too."),
    };
    let role = match provider::of(ctx, identity) {
        // What can't be chosen here is sent as it is, so that the name can be.
        Some(label) => view! {
            {hidden("role", user.role.as_str().to_owned())}
            <div class="stack tight">
                <p class="label">"Role"</p>
                <p>{user.role.label()}</p>
                <p class="small quiet">{format!("It follows from their groups at {label}, at each sign-in.")}</p>
            </div>
        }
        .into_any(),
        None => role.select(role_choices()).into_any(),
    };
    Panel::new("Name and role")
        .body(view! {
            <form class="stack slim" method="post" action=format!("/users/{}", user.id)>
                {error_summary(form)}
                {hidden("version", user.version.to_string())}
                {name.input()}
                {role}
                <div><button class="btn" type="submit">{icons::icon(icons::CHECK)}"Save"</button></div>
            </form>
        })
        .into_any()
}

/// What the account shows beside its password, and taking it away when the phone is lost.
fn second_factor(ctx: &Ctx, user: &User, factors: &Factors) -> impl IntoView + use<> {
    let of = |list: usize| i64::try_from(list).unwrap_or(i64::MAX);
    let number = of(factors.apps.len() + factors.passkeys.len());
    let has = match number {
        0 => "None.".to_owned(),
        _ => format!(
            "{}, {}; {} left.",
            plural(of(factors.apps.len()), "authenticator app", "authenticator apps"),
            plural(of(factors.passkeys.len()), "passkey", "passkeys"),
            plural(factors.codes_left, "recovery code", "recovery codes")
        ),
    };
    let own = ctx.actor.user_id() == Some(user.id);
    let reset = match (number, ctx.may(Permission::UserManage), own) {
        (0, ..) => ().into_any(),
        (_, false, _) => view! { <p class="small quiet">{who_may(Permission::UserManage)}</p> }.into_any(),
        (_, true, true) => view! {
            <p class="small quiet">"You can't reset your own: use a recovery code, or ask another administrator."</p>
        }
        .into_any(),
        (_, true, false) => {
            let what = view! {
                "For a lost phone. "<b>{user.name.clone()}</b>
                " is signed out everywhere, and the password alone lets them in until they set another up. Make sure that it is they who ask."
            };
            let button = view! { <summary class="btn danger">{icons::icon(icons::REVERT)}"Reset"</summary> };
            confirmed(button, what, format!("/users/{}/factors/reset", user.id), "Take them away").into_any()
        }
    };
    Panel::new("Second factors").id("second-factors").body(view! { <div class="stack"><p>{has}</p>{reset}</div> })
}

fn about(user: &User) -> impl IntoView + use<> {
    let at = |time: Option<Timestamp>| match time {
        Some(time) => minute(time).into_any(),
        None => view! { <span class="quiet">"never"</span> }.into_any(),
    };
    let did = href("/audit", &[("actor", user.email.as_str())]);
    let done_to = href("/audit", &[("subject", format!("user:{}", user.email).as_str())]);
    let mut rows = vec![
        ("Email", view! { {user.email.clone()}{copy("email", &user.email)} }.into_any()),
        ("Added", minute(user.created_at).into_any()),
        ("Last sign-in", at(user.last_sign_in_at)),
        ("Password chosen", at(user.password_changed_at)),
    ];
    if user.disabled_at.is_some() {
        rows.push(("Disabled", at(user.disabled_at)));
    }
    rows.push((
        "Audit",
        view! { <a href=did>"What they did"</a> <br /> <a href=done_to>"What was done to the account"</a> }.into_any(),
    ));
    Panel::new("About").body(facts(rows))
}
