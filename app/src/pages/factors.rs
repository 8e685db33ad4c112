//! Second factors: setting up an authenticator app, recovery codes, and the second step of signing in.

use super::{errors, sign_in::door};
use crate::{
    actions::factors::{SECOND_STEP, SET_UP},
    components::{
        form::{Field, error_summary, hidden, submit},
        icons::{self, icon},
        panel::{Panel, asked, confirmed, fold, head, link_button},
        passkey::Offer,
        qr::qr,
        table::frame,
        text::{ago, copy, day, plural},
    },
    context::{Ctx, FormState, local_path},
    page::Page,
    pages::errors::Problem,
};
use axum::http::StatusCode;
use domain::{factor::SecondFactorPolicy, id::FactorId, person::Permission, time::Timestamp};
use fleet::factor::{App, Factors, NextStep, Passkey, PendingApp};
use leptos::prelude::*;

/// A field for a code of an app, or for a recovery code.
pub(super) fn code_field(form: Option<&FormState>, name: &'static str) -> impl IntoView + use<> {
    Field::new(form, name, "Code")
        .autocomplete("one-time-code")
        .mono()
        .required()
        .max_length(40)
        .hint("The six digits that your authenticator app shows now, or one of your recovery codes.")
        .input()
}

fn first_code_field(form: Option<&FormState>) -> impl IntoView + use<> {
    Field::new(form, "code", "Code")
        .autocomplete("one-time-code")
        .mono()
        .required()
        .max_length(10)
        .hint("The six digits that the app shows now.")
        .input()
}

fn name_field(form: Option<&FormState>) -> impl IntoView + use<> {
    Field::new(form, "name", "What you call it")
        .max_length(60)
        .hint("“Phone”, “Tablet in the office”. May be empty.")
        .input()
}

/// The secret of an app that was begun, as a picture and as letters.
fn secret(pending: &PendingApp) -> impl IntoView + use<> {
    let letters = pending.secret.replace(' ', "");
    view! {
        <div class="stack tight">
            <p class="soft">"Scan this with an authenticator app, or type the letters into it."</p>
            {qr(&pending.address, "QR code with the secret for your authenticator app".to_owned())
                .map(|code| view! { <div class="qrbox">{code}</div> })}
            <div class="hashbox"><span class="mono">{pending.secret.clone()}</span>{copy("secret", &letters)}</div>
            <p class="small quiet">"Time-based, six digits, every 30 seconds, SHA-1: what every app takes for granted."</p>
        </div>
    }
}

/// Recovery codes that were just made.
fn codes_once(codes: &str) -> impl IntoView + use<> {
    let items: Vec<_> = codes.lines().map(|code| view! { <li class="mono">{code.to_owned()}</li> }).collect();
    view! {
        <section class="note go once" role="status" aria-label="Your recovery codes">
            {icon(icons::KEY)}
            <div class="stack tight">
                <h2>"Your recovery codes"</h2>
                <p>"Each lets you in once when your phone is lost. Print them, or keep them where you keep passwords."</p>
                <ul class="codes">{items}</ul>
                <div class="row">{copy("recovery codes", codes)}</div>
                <p class="small soft">"This is the only time that they are shown; earlier ones are worth nothing now."</p>
            </div>
        </section>
    }
}

/// `/account/factors`.
///
/// # Errors
/// When nobody is signed in, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let id = ctx.actor.user_id().ok_or(fleet::Error::NotSignedIn)?;
    if let Some(codes) = &ctx.secret {
        let body = view! {
            {head("Recovery codes", (), ())}
            {codes_once(codes)}
            <p>{link_button("/account", icons::CHECK, "I keep them, go on")}</p>
        };
        return Ok(Page::new("Recovery codes", body).crumb("Your account", "/account"));
    }
    let (user, factors) = (ctx.fleet.user(&ctx.actor, id).await?, ctx.fleet.factors_of(&ctx.actor, id).await?);
    let form = ctx.form.as_ref();
    let pending = ctx.fleet.pending_app(&ctx.actor).await?.and_then(|pending| begun_here(&ctx, pending));
    let asks_password = user.has_password && factors.is_empty();
    let choice = match &pending {
        Some(pending) => {
            Panel::new("Confirm the app").body(confirm_form(form, pending, "/account/factors/confirm")).into_any()
        }
        None => choose(&ctx, asks_password, user.email).into_any(),
    };
    let title = "Add a second factor";
    let sub = view! { <p>"Beside your password: a code that your phone shows, or a key that it keeps."</p> };
    let body = view! {
        {head(title, sub, ())}
        {error_summary(form)}
        {choice}
    };
    Ok(Page::new(title, body).crumb("Your account", "/account"))
}

/// Either of the two: their forms ask for the same, and only one is in sight unless somebody opens the other.
fn choose(ctx: &Ctx, asks_password: bool, email: String) -> impl IntoView + use<> {
    let form = ctx.form.as_ref();
    let is_of_passkey = |form: &FormState| {
        let fields = ["passkey_name", "passkey_present", "credential"];
        fields.iter().any(|field| form.error(field).is_some() || !form.value(field).is_empty())
    };
    let is_passkey = form.is_some_and(is_of_passkey);
    let app = view! { <div class="body">{begin_form(form, asks_password, email)}</div> };
    let passkey = view! { <div class="body">{passkey_form(ctx, asks_password)}</div> };
    Panel::new("Which one").flush(view! {
        {fold("An authenticator app", "A code that your phone shows. Works everywhere.", !is_passkey, app)}
        {fold("A passkey", "A key in your device or on a security key. Signs you in without a password, too.", is_passkey, passkey)}
    })
}

/// The app, if whoever looks has begun it: another one who knows the password may have, and knows its secret.
fn begun_here(ctx: &Ctx, pending: PendingApp) -> Option<PendingApp> {
    let named = match &ctx.form {
        Some(form) => form.value("app").to_owned(),
        None => ctx.query_value("app").unwrap_or_default(),
    };
    Some(pending).filter(|pending| pending.id.to_string() == named)
}

fn begin_form(form: Option<&FormState>, asks_password: bool, email: String) -> impl IntoView + use<> {
    let present = asks_password.then(|| {
        Field::new(form, "present", "Present password")
            .kind("password")
            .autocomplete("current-password")
            .required()
            .max_length(256)
            .input()
    });
    view! {
        <form class="stack slim" method="post" action=SET_UP>
            {name_field(form)}
            <input type="hidden" name="username" autocomplete="username" value=email />
            {present}
            <div>{submit(icons::RIGHT, "Go on")}</div>
        </form>
    }
}

/// A passkey, where the console has a name; elsewhere why there is none.
fn passkey_form(ctx: &Ctx, asks_password: bool) -> AnyView {
    let form = ctx.form.as_ref();
    let fields = view! {
        {Field::new(form, "passkey_name", "What you call it").max_length(60).hint("“Laptop”, “Security key”. May be empty.").input()}
        {asks_password.then(|| {
            Field::new(form, "passkey_present", "Present password")
                .kind("password")
                .autocomplete("current-password")
                .required()
                .max_length(256)
                .input()
        })}
    };
    let offer = Offer::new("/account/passkeys", "/account/passkeys/options", "Make a passkey").makes();
    match offer.form(ctx, form, fields) {
        Some(offer) => view! {
            <div class="stack">
                <p class="soft">"Your device or a security key keeps it, and unlocks it by your finger, face or PIN. It signs you in without a password, too."</p>
                {offer}
                <p class="small quiet">"This needs JavaScript and a browser of the last years. An authenticator app needs neither."</p>
            </div>
        }
        .into_any(),
        None => view! {
            <p class="soft">
                "Passkeys are bound to a host name, and you reach this console by an address. Open it by its name to add one; an authenticator app works either way."
            </p>
        }
        .into_any(),
    }
}

fn confirm_form(form: Option<&FormState>, pending: &PendingApp, action: &'static str) -> impl IntoView + use<> {
    view! {
        <form class="stack slim" method="post" action=action>
            {secret(pending)}
            {hidden("app", pending.id.to_string())}
            {first_code_field(form)}
            <div>{submit(icons::CHECK, "Confirm")}</div>
            <p class="small quiet">{format!("“{}” counts once it has shown a right code. This waits for 15 minutes.", pending.name)}</p>
        </form>
    }
}

/// One's own second factors, on one's account's page.
pub(super) fn own(ctx: &Ctx, factors: &Factors) -> impl IntoView + use<> {
    let number = i64::try_from(factors.apps.len() + factors.passkeys.len()).unwrap_or(i64::MAX);
    let panel = Panel::new("Second factors")
        .id("second-factors")
        .count(number)
        .aside(view! { <a class="btn small" href=SET_UP>{icon(icons::PLUS)}"Add one"</a> });
    if factors.is_empty() {
        return panel
            .body(view! {
                <p class="soft">
                    "None yet. With an authenticator app or a passkey a stolen password alone lets nobody in. It is also asked for before approvals and revocations."
                </p>
            })
            .into_any();
    }
    let apps = factors.apps.iter().map(|app| row(ctx, Listed::of_app(app)).into_any());
    let passkeys = factors.passkeys.iter().map(|passkey| row(ctx, Listed::of_passkey(passkey)).into_any());
    let rows: Vec<_> = apps.chain(passkeys).collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Your second factors: apps, then passkeys, the oldest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col" class="num">"Added"</th>
                    <th scope="col" class="num">"Last used"</th>
                    <th scope="col"><span class="sr">"Remove"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel.footer(codes_left(factors.codes_left)).flush(frame("Your second factors", table)).into_any()
}

fn codes_left(left: i64) -> impl IntoView + use<> {
    let what = view! { "The codes that you have now are worth nothing from then on." };
    let button = view! { <summary class="btn small">{icon(icons::KEY)}"New recovery codes"</summary> };
    view! {
        <span>{format!("{} left.", plural(left, "recovery code", "recovery codes"))}</span>
        {asked(button, what, "/account/factors/codes".to_owned(), ("btn small primary", "Make new ones"))}
    }
}

/// A second factor as the list shows it.
struct Listed {
    id: FactorId,
    name: String,
    kind: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    is_passkey: bool,
}

impl Listed {
    fn of_app(app: &App) -> Self {
        let App { id, created_at, last_used_at, .. } = *app;
        let kind = "Authenticator app".to_owned();
        Self { id, name: app.name.clone(), kind, created_at, last_used_at, is_passkey: false }
    }

    fn of_passkey(passkey: &Passkey) -> Self {
        let Passkey { id, created_at, last_used_at, .. } = *passkey;
        let kind = format!("Passkey at {}", passkey.site);
        Self { id, name: passkey.name.clone(), kind, created_at, last_used_at, is_passkey: true }
    }
}

fn row(ctx: &Ctx, listed: Listed) -> impl IntoView + use<> {
    let Listed { id, name, kind, created_at, last_used_at, is_passkey } = listed;
    let used = match last_used_at {
        Some(at) => ago(at, ctx.now).into_any(),
        None => view! { <span>"never"</span> }.into_any(),
    };
    let what = view! { "From then on "<b>{name.clone()}</b>" lets nobody in." };
    let label = format!("Remove {name}");
    let button = view! { <summary class="btn small danger" aria-label=label>"Remove"</summary> };
    let rename = is_passkey.then(|| rename(id, &name));
    view! {
        <tr>
            <th scope="row" class="two"><b>{name}</b><small>{kind}</small></th>
            <td data-l="Added" class="num nowrap quiet">{day(created_at)}</td>
            <td data-l="Last used" class="num nowrap quiet">{used}</td>
            <td class="num full">
                <span class="btns">
                    {rename}
                    {confirmed(button, what, format!("/account/factors/{id}/remove"), "Remove it")}
                </span>
            </td>
        </tr>
    }
}

/// Another name for a passkey.
fn rename(id: FactorId, name: &str) -> impl IntoView + use<> {
    let label = format!("Rename {name}");
    let field = format!("name-{id}");
    view! {
        <details class="menu confirm">
            <summary class="btn small" aria-label=label>"Rename"</summary>
            <form class="pop stack tight" method="post" action=format!("/account/passkeys/{id}/rename")>
                <label for=field.clone()>"What you call it"</label>
                <input class="input" id=field name="name" value=name.to_owned() maxlength="60" required />
                <div><button class="btn small" type="submit">"Rename"</button></div>
            </form>
        </details>
    }
}

/// `/sign-in/second`: for whoever has given the right password, and nobody else.
///
/// # Errors
/// When the database fails.
pub async fn load_second(ctx: Ctx) -> Result<Page, fleet::Error> {
    let form = ctx.form.as_ref();
    let next = form.map_or_else(|| ctx.query_value("next").unwrap_or_default(), |form| form.value("next").to_owned());
    let next = local_path(&next).to_owned();
    if let Some(codes) = &ctx.secret {
        return Ok(keep_codes(codes, next));
    }
    let Some(half) = ctx.half else {
        return Ok(start_over(&ctx, "Sign in with your email and password first.".to_owned()));
    };
    let (user, step) = match ctx.fleet.next_step(&half).await {
        Ok(known) => known,
        Err(fleet::Error::Conflict(text)) => return Ok(start_over(&ctx, text)),
        Err(error) => return Err(error),
    };
    let step = match step {
        NextStep::Confirm(pending) => begun_here(&ctx, pending).map_or(NextStep::SetUp, NextStep::Confirm),
        step => step,
    };
    let offer = matches!(step, NextStep::Show).then(|| {
        Offer::new("/sign-in/second/passkey", "/sign-in/second/passkey/options", "Use a passkey").form(
            &ctx,
            None,
            hidden("next", next.clone()),
        )
    });
    let inner = match &step {
        NextStep::Show => show(form).into_any(),
        NextStep::SetUp => view! {
            <p class="soft">"Your role must have a second factor, and you have none yet: an authenticator app on your phone."</p>
            {name_field(form)}
            <button class="btn primary wide" type="submit">{icon(icons::RIGHT)}"Set it up"</button>
        }
        .into_any(),
        NextStep::Confirm(pending) => view! {
            {secret(pending)}
            {hidden("app", pending.id.to_string())}
            {first_code_field(form)}
            <button class="btn primary wide" type="submit">{icon(icons::CHECK)}"Confirm and sign in"</button>
        }
        .into_any(),
    };
    let action = match &step {
        NextStep::Show => SECOND_STEP,
        NextStep::SetUp => "/sign-in/second/app",
        NextStep::Confirm(_) => "/sign-in/second/confirm",
    };
    let body = view! {
        <form method="post" action=action data-onward>
            <div>
                <h1 class="title">"Second factor"</h1>
                <p class="soft">{format!("Signing in as {}.", user.email)}</p>
            </div>
            {error_summary(form)}
            {hidden("next", next)}
            {inner}
            <p class="small quiet">"This waits for five minutes. "<a href="/sign-in">"Start over"</a></p>
        </form>
        {offer}
    };
    Ok(Page::new("Second factor", door(body)).bare())
}

fn show(form: Option<&FormState>) -> impl IntoView + use<> {
    view! {
        {code_field(form, "code")}
        <button class="btn primary wide" type="submit">{icon(icons::KEY)}"Sign in"</button>
        <p class="small quiet">"Lost your phone, and no recovery codes left? An administrator can take your second factor away."</p>
    }
}

fn keep_codes(codes: &str, next: String) -> Page {
    let body = view! {
        <div class="stack">
            <h1 class="title">"You are signed in"</h1>
            {codes_once(codes)}
            <a class="btn primary wide" href=next>{icon(icons::CHECK)}"I keep them, go on"</a>
        </div>
    };
    Page::new("Recovery codes", door(body)).bare()
}

fn start_over(ctx: &Ctx, text: String) -> Page {
    errors::page_of(ctx, &Problem::new(StatusCode::GONE, "Sign in again", text))
}

/// Who must have one, on the settings' page.
pub(super) fn policy(ctx: &Ctx, policy: SecondFactorPolicy) -> impl IntoView + use<> {
    let panel = Panel::new("Second factor").id("second-factor");
    if !ctx.may(Permission::SettingManage) {
        return panel
            .body(view! {
                <p>{format!("Must have one: {}.", policy.label().to_lowercase())}</p>
                <p class="small quiet">{errors::who_may(Permission::SettingManage)}</p>
            })
            .into_any();
    }
    let choices = SecondFactorPolicy::ALL.iter().map(|p| (p.as_str().to_owned(), p.label().to_owned())).collect();
    panel
        .body(view! {
            <form class="stack slim" method="post" action="/settings/second-factor">
                {Field::new(ctx.form.as_ref(), "policy", "Must have one")
                    .value(policy.as_str())
                    .hint("Whoever must and has none is led to it at the next sign-in; their sessions end now.")
                    .select(choices)}
                <div><button class="btn" type="submit">{icon(icons::CHECK)}"Save"</button></div>
            </form>
        })
        .into_any()
}
