//! What lets a device in, and what shuts it out: hold, release, revoke, kit, token.

use super::{
    forms::{again, folded},
    place::Place,
};
use crate::{
    components::{
        form::{Field, error_summary, hidden, radio},
        icons::{self, icon},
        panel::Panel,
        status::{Status, Tone},
        text::{ago, day},
    },
    context::{Ctx, href},
    pages::{certificates, errors::who_may, revocations, secret::shown_once},
};
use domain::{
    certificate::CertificateStanding,
    device::{Device, Trust},
    person::Permission,
};
use fleet::{certificate::CertificateRow, device_token::DeviceToken};
use leptos::prelude::*;

/// What a device has to come in with.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// Its certificates that were issued here, newest first.
    pub issued: Vec<CertificateRow>,
    /// Its token, without the secret.
    pub token: Option<DeviceToken>,
    /// How often its label was spoilt.
    pub spoilt: i64,
    /// Whether it is quarantined, whatever its certificates say.
    pub is_quarantined: bool,
    /// Whether it was revoked for good.
    pub is_revoked: bool,
}

impl Access {
    /// Reads it, as far as whoever asks may see it.
    pub(super) async fn of(ctx: &Ctx, device: &Device) -> Result<Self, fleet::Error> {
        let token = ctx.fleet.device_token(&ctx.actor, device.id).await?;
        let spoilt = ctx.fleet.labels_spoilt(&ctx.actor, device.id).await?;
        let (is_quarantined, is_revoked) = (device.trust == Trust::Quarantined, device.trust == Trust::Revoked);
        if !ctx.may(Permission::AuthorityRead) {
            return Ok(Self { token, spoilt, is_quarantined, is_revoked, ..Self::default() });
        }
        let issued = ctx.fleet.certificates_of_device(&ctx.actor, &device.serial).await?;
        let is_revoked = is_revoked && ctx.fleet.is_revoked_for_good(&ctx.actor, &device.serial).await?;
        Ok(Self { issued, token, spoilt, is_quarantined, is_revoked })
    }
}

/// The token that was just made.
pub(super) fn token_once(ctx: &Ctx) -> Option<impl IntoView + use<>> {
    let secret = ctx.secret.clone()?;
    let advice = "Put it into the device now. It proves less than a certificate: whoever reads it can pass for the device. The device gets its next one by POST /token at the gateway: let it do so whenever it changes hands.";
    Some(shown_once("The device's token".to_owned(), advice.into_any(), "token", &secret))
}

/// Whether a certificate counts.
const fn counts(row: &CertificateRow) -> bool {
    matches!(row.status, CertificateStanding::Valid | CertificateStanding::Expiring)
}

/// Whether it counts again once it is released.
const fn is_held(row: &CertificateRow) -> bool {
    matches!(row.status, CertificateStanding::Held)
}

/// The panel with everything that can be done.
pub(super) fn panel(ctx: &Ctx, access: &Access, place: &Place) -> impl IntoView + use<> {
    let living: Vec<&CertificateRow> = access.issued.iter().filter(|row| counts(row) || is_held(row)).collect();
    let held = living.iter().any(|row| is_held(row));
    let valid = living.iter().any(|row| counts(row));
    let list: Vec<_> = living.iter().map(|row| line(row)).collect();
    let none = living.is_empty().then(|| {
        view! { <p class="body small soft">"No certificate that was issued here counts for it. A kit brings one."</p> }
    });
    let none = none.filter(|_| !access.is_revoked);
    let body = view! {
        {(!list.is_empty()).then(|| view! { <ul class="lines">{list}</ul> })}
        {none}
        {access.token.as_ref().map(|token| weaker(ctx, token, place))}
        {(valid && !held).then(|| hold(ctx, place))}
        {held.then(|| release(ctx, place))}
        {(access.is_quarantined && !held).then(|| let_go(ctx, place))}
        {(valid || held).then(|| revoke(ctx, place))}
        {if access.is_revoked { brought_back(place) } else { kit(ctx, place) }}
        {token(ctx, place)}
    };
    Panel::new("Access").id("access").flush(body)
}

fn line(row: &CertificateRow) -> impl IntoView + use<> {
    let to = certificates::path(&row.authority_slug, &row.serial);
    let short: String = row.serial.chars().take(12).collect();
    view! {
        <li>
            {Status::from(row.status).cell()}
            <a class="mono" href=to title=row.serial.clone()>{short}"…"</a>
            <span class="push quiet small">"to "{day(row.not_after)}</span>
        </li>
    }
}

fn hold(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "hold");
    let open = form.is_some() || place.doing.as_deref() == Some("hold");
    let fields = view! {
        <form class="body stack tight" method="post" action=format!("{}/hold", place.path())>
            {error_summary(form)}
            {hidden("form", "hold")}
            {Field::new(form, "note", "Why").required().max_length(400)
                .hint("It can be released at any time. Until then it can only poll and report, and nobody else accepts its certificate.").textarea(2)}
            <div><button class="btn" type="submit">{icon(icons::PAUSE)}"Put on hold"</button></div>
        </form>
    };
    folded(ctx, Permission::CertificateHold, (icons::PAUSE, "Put on hold"), open, fields)
}

fn release(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "release");
    let open = form.is_some() || place.doing.as_deref() == Some("release");
    let fields = view! {
        <form class="body stack tight" method="post" action=format!("{}/release", place.path())>
            {error_summary(form)}
            {hidden("form", "release")}
            {Field::new(form, "note", "Why it may come back").required().max_length(400).textarea(2)}
            <div><button class="btn" type="submit">{icon(icons::SHIELD_CHECK)}"Release it from hold"</button></div>
        </form>
    };
    folded(ctx, Permission::CertificateHold, (icons::SHIELD_CHECK, "Release from hold"), open, fields)
}

/// A quarantined device without a certificate on hold: its token counts for everything again.
fn let_go(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "let_go");
    let open = form.is_some() || place.doing.as_deref() == Some("let_go");
    let fields = view! {
        <form class="body stack tight" method="post" action=format!("{}/quarantine/release", place.path())>
            {error_summary(form)}
            {hidden("form", "let_go")}
            {Field::new(form, "note", "Why it may come back").required().max_length(400)
                .hint("Its findings stand until somebody settles them.").textarea(2)}
            <div><button class="btn" type="submit">{icon(icons::SHIELD_CHECK)}"Release it from quarantine"</button></div>
        </form>
    };
    folded(ctx, Permission::CertificateHold, (icons::SHIELD_CHECK, "Release from quarantine"), open, fields)
}

/// Revoking has a page of its own: it can't be undone.
fn revoke(ctx: &Ctx, place: &Place) -> AnyView {
    if !ctx.may(Permission::CertificateRevoke) {
        let why = who_may(Permission::CertificateRevoke);
        return view! { <p class="folded off" title=why.clone()>{icon(icons::BAN)}<span>"Revoke for good"<small>{why.clone()}</small></span></p> }
            .into_any();
    }
    let to = revocations::path_of("device", &place.serial, "revoke");
    view! { <div class="folded body"><a class="btn danger" href=to>{icon(icons::BAN)}"Revoke for good"</a></div> }
        .into_any()
}

fn kit(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "kit");
    let open = form.is_some() || place.doing.as_deref() == Some("kit");
    let born_there = form.is_some_and(|form| form.value("key") == "device");
    let fields = view! {
        <form class="body stack tight" method="post" action=format!("{}/kit", place.path())>
            {error_summary(form)}
            {hidden("form", "kit")}
            <p class="small soft">"Key, certificate, chain, ready configuration for swupdate, apt, OSTree and curl, and what to type."</p>
            {radio("key", "here", "Make the key here", "It is in the archive, and kept nowhere else", !born_there)}
            {radio("key", "device", "The key is born in the device", "The archive holds the EST calls that enrol it", born_there)}
            <div><button class="btn" type="submit">{icon(icons::DOWNLOAD)}"Download the kit"</button></div>
        </form>
    };
    folded(ctx, Permission::CertificateEnrol, (icons::PACKAGE, "Connect it: a kit"), open, fields)
}

/// The way back of a device that was revoked for good: no kit, which one person alone could make.
fn brought_back(place: &Place) -> AnyView {
    let to = href("/repairs/new", &[("serial", place.serial.as_str())]);
    view! { <p class="body small soft">"It was revoked for good. "<a href=to>"A repair"</a>" can bring it back: it takes a second person, and gives the device a new key by a voucher."</p> }
        .into_any()
}

/// That the device has a token, for everybody who sees the device; and for whoever may hold it the way to shut out what
/// has that token.
fn weaker(ctx: &Ctx, token: &DeviceToken, place: &Place) -> impl IntoView + use<> {
    let used = match token.last_used_at {
        Some(at) => view! { ", last used " {ago(at, ctx.now)} }.into_any(),
        None => ", never used".into_any(),
    };
    let due = token.due_at.map(|since| {
        if token.only_rotates {
            return view! { <p class="small">"The device was claimed on "{day(since)}": until it has asked for its next token, this one lets it do nothing else. One that can't ask needs a new token from here."</p> }.into_any();
        }
        view! { <p class="small">"The device changed hands on "{day(since)}", so earlier holders may know it. It is replaced when the device asks for its next one."</p> }.into_any()
    });
    let shared = token.shared_at.map(|at| {
        view! { <p>{Status { word: "Two have its token", icon: icons::TWIN, tone: Tone::Bad }.cell()} " seen last on " {day(at)} ": another asked for the next one, or the one before came again. Make a new token and put it into the device; that ends all before it."</p> }
    });
    let remove = ctx.may(Permission::CertificateHold).then(|| {
        view! {
            <form method="post" action=format!("{}/token/remove", place.path())>
                <button class="btn small" type="submit">{icon(icons::X)}"Take the token away"</button>
            </form>
        }
    });
    view! {
        <div class="body stack tight">
            <p>{Status { word: "Token: weaker trust", icon: icons::KEY, tone: Tone::Warn }.cell()} " made " {day(token.made_at)} {used}</p>
            {due}
            {shared}
            {remove}
        </div>
    }
}

fn token(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "token");
    let fields = view! {
        <form class="body stack tight" method="post" action=format!("{}/token", place.path())>
            {error_summary(form)}
            {hidden("form", "token")}
            <p class="small soft">"For hardware that is too small for a certificate. It proves less, and is shown as weaker trust. A new one ends the one before."</p>
            <div><button class="btn" type="submit">{icon(icons::KEY)}"Make a token"</button></div>
        </form>
    };
    folded(ctx, Permission::CertificateEnrol, (icons::KEY, "A shared token instead"), form.is_some(), fields)
}
