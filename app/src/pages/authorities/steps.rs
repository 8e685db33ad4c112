//! What has to be done next so that an authority can sign, and what a factory gets of a delegated one.

use super::{one::path, pem_field};
use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::{Panel, link_button, note},
        status::Tone,
    },
    context::Ctx,
    pages::errors::who_may,
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    person::Permission,
};
use fleet::{authority::AuthorityDetail, setting::Settings};
use leptos::prelude::*;

/// The next step; nothing once it is active.
pub(super) fn next(ctx: &Ctx, detail: &AuthorityDetail, settings: &Settings) -> AnyView {
    match detail.row.authority.state {
        AuthorityState::Requested => requested(detail).into_any(),
        AuthorityState::AwaitingCertificate => awaiting(ctx, detail, settings).into_any(),
        AuthorityState::Rejected => {
            note(Tone::Bad, icons::CROSS, "It was rejected. Nothing was made; request another one if it is needed.")
                .into_any()
        }
        AuthorityState::Active | AuthorityState::Retired | AuthorityState::Held | AuthorityState::Revoked => {
            ().into_any()
        }
    }
}

fn requested(detail: &AuthorityDetail) -> impl IntoView + use<> {
    let link = detail.approval.map(|id| view! { " "<a href=format!("/approvals/{id}")>"See what is asked for"</a> });
    note(
        Tone::Go,
        icons::HOURGLASS,
        view! { "A manager other than the requester has to approve it. Nothing is made before."{link} },
    )
}

/// What to type on the offline machine.
fn command(detail: &AuthorityDetail, settings: &Settings) -> String {
    let slug = &detail.row.authority.slug;
    let kind = match detail.row.authority.kind {
        AuthorityKind::Operations => "operations".to_owned(),
        _ => format!("factory --domain {}", settings.domain),
    };
    let url = match settings.pki_url.as_str() {
        "" => String::new(),
        url => format!(" --pki-url {url}"),
    };
    format!(
        "muster ceremony sign {slug}.csr.pem {slug}.pem --as {kind} --root ROOT.pem --key-passphrase-file FILE{url}"
    )
}

fn awaiting(ctx: &Ctx, detail: &AuthorityDetail, settings: &Settings) -> impl IntoView + use<> {
    let slug = &detail.row.authority.slug;
    let here = path(slug);
    let deliver = if ctx.may(Permission::AuthorityManage) {
        let form = ctx.form.as_ref().filter(|form| form.has("chain"));
        view! {
            <form class="stack tight" method="post" action=format!("{here}/certificate")>
                {error_summary(form)}
                {pem_field(Field::new(form, "chain", "Signed certificate, as PEM")
                    .hint("The chain up to the root may follow. Key, profile and issuer are checked.")
                    .required())}
                <div><button class="btn primary" type="submit">{icon(icons::UPLOAD)}"Deliver the certificate"</button></div>
            </form>
        }
        .into_any()
    } else {
        view! { <p class="small soft">{who_may(Permission::AuthorityManage)}</p> }.into_any()
    };
    let command = command(detail, settings);
    Panel::new("Its certificate is missing").aside(view! { <span>"The key is made and stays here"</span> }).body(
        view! {
            <ol class="todo">
                <li>
                    <b>"1. Take the request to the offline machine"</b>
                    <div>{link_button(format!("{here}/request.pem"), icons::DOWNLOAD, "Download the request")}</div>
                </li>
                <li>
                    <b>"2. Sign it there with the root's key"</b>
                    <pre tabindex="0">{command}</pre>
                </li>
                <li>
                    <b>"3. Bring the certificate here"</b>
                    {deliver}
                </li>
            </ol>
        },
    )
}

/// What the factory gets of a delegated authority.
pub(super) fn delegation(ctx: &Ctx, detail: &AuthorityDetail) -> Option<AnyView> {
    let authority = &detail.row.authority;
    if !authority.delegated || authority.state != AuthorityState::Active {
        return None;
    }
    let panel = Panel::new("For the factory");
    let package = if ctx.may(Permission::AuthorityManage) {
        let form = ctx.form.as_ref().filter(|form| form.has("passphrase"));
        view! {
            <form class="body stack tight" method="post" action=format!("{}/delegation.tar", path(&authority.slug))>
                {error_summary(form)}
                <p class="small soft">"The sealed key and the chain. Send the passphrase by another way than the file."</p>
                {Field::new(form, "passphrase", "Passphrase for the sealed key").kind("password").autocomplete("new-password").required().input()}
                <div><button class="btn" type="submit">{icon(icons::DOWNLOAD)}"Download the package"</button></div>
            </form>
        }
        .into_any()
    } else {
        view! { <p class="body small soft">{who_may(Permission::AuthorityManage)}</p> }.into_any()
    };
    let deliver =
        (detail.row.batch.is_some() && ctx.may(Permission::CertificateEnrol)).then(|| manifest(ctx, &authority.slug));
    Some(panel.flush(view! { {package} {deliver} }).into_any())
}

/// What the factory signed comes back here.
fn manifest(ctx: &Ctx, slug: &str) -> impl IntoView + use<> {
    let form = ctx.form.as_ref().filter(|form| form.has("certificates"));
    let error = form.and_then(|form| form.error("certificates")).map(str::to_owned);
    let invalid = error.is_some().then_some("true");
    let described = if error.is_some() { "certificates-error certificates-hint" } else { "certificates-hint" };
    view! {
        <form class="inset stack tight" method="post" action=format!("{}/manifest", path(slug)) enctype="multipart/form-data">
            {error_summary(form)}
            <div class="field">
                <label for="certificates">"Certificates that the factory signed, a PEM file"</label>
                <input
                    class="input"
                    id="certificates"
                    name="certificates"
                    type="file"
                    required
                    accept=".pem,.crt,.cer,.txt"
                    aria-invalid=invalid
                    aria-describedby=described
                />
                {error.map(|error| view! { <p class="hint bad" id="certificates-error">{icon(icons::WARN)}{error}</p> })}
                <p class="hint" id="certificates-hint">"Up to 64 MB. What is beyond the quota or otherwise not as agreed is put on hold, and becomes a finding."</p>
            </div>
            <div><button class="btn" type="submit">{icon(icons::UPLOAD)}"Take them in"</button></div>
        </form>
    }
}
