//! Requesting authorities, bringing in roots and certificates, and what a factory takes along.

use super::{
    Access, ActionRoute, Posted, allowed,
    archive::{pem, tar},
    manifest, refused, renamed, see_other,
};
use crate::{
    context::{Ctx, Flash, FormState, segment},
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{id::AuthorityId, person::Permission};
use fleet::{authority::AuthorityForm, enrol::CodeSigningForm};
use pki::Passphrase;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "POST",
        path: "/authorities",
        access: Access::May(Permission::AuthorityRequest),
        handler: || post(request),
    },
    ActionRoute { method: "POST", path: "/authorities/roots", access: MANAGE, handler: || post(bring_root) },
    ActionRoute { method: "POST", path: "/authorities/{slug}/links", access: MANAGE, handler: || post(add_link) },
    ActionRoute { method: "POST", path: "/authorities/{slug}/certificate", access: MANAGE, handler: || post(deliver) },
    ActionRoute {
        method: "POST",
        path: "/authorities/{slug}/delegation.tar",
        access: MANAGE,
        handler: || post(delegation),
    },
    ActionRoute {
        method: "POST",
        path: "/authorities/{slug}/code-signing",
        access: Access::May(Permission::AuthorityRequest),
        handler: || post(request_code_signing),
    },
    ActionRoute { method: "POST", path: "/authorities/{slug}/crl", access: MANAGE, handler: || post(bring_crl) },
    ActionRoute { method: "POST", path: "/authorities/{slug}/retire", access: MANAGE, handler: || post(retire) },
    ActionRoute {
        method: "POST",
        path: "/authorities/{slug}/manifest",
        access: Access::May(Permission::CertificateEnrol),
        handler: || post(manifest::send),
    },
    ActionRoute { method: "GET", path: "/authorities/{slug}/request.pem", access: READ, handler: || get(request_pem) },
    ActionRoute {
        method: "GET",
        path: "/authorities/{slug}/certificate.pem",
        access: READ,
        handler: || get(certificate_pem),
    },
];

const MANAGE: Access = Access::May(Permission::AuthorityManage);
const READ: Access = Access::May(Permission::AuthorityRead);

fn page_of(slug: &str) -> String {
    format!("/authorities/{}", segment(slug))
}

/// The id of the authority in the address, for whoever may manage it.
async fn managed(ctx: &Ctx, slug: &str) -> Result<AuthorityId, fleet::Error> {
    allowed(ctx, Permission::AuthorityManage, &format!("authority:{slug}")).await?;
    Ok(ctx.fleet.authority(&ctx.actor, slug).await?.row.authority.id)
}

/// A number in a form; empty is none, and what is no number says so at its field.
fn number(form: &FormState, name: &str) -> Result<Option<i64>, fleet::Error> {
    let text = form.value(name).trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| fleet::Error::field(name, "Give a whole number, or nothing."))
}

fn authority_form(form: &FormState) -> Result<AuthorityForm, fleet::Error> {
    let value = |name| form.value(name).trim().to_owned();
    Ok(AuthorityForm {
        kind: value("kind"),
        name: value("name"),
        factory: value("factory"),
        batch: value("batch"),
        quota: number(form, "quota")?,
        days: number(form, "days")?,
        delegated: form.has("delegated"),
        key_location: value("key_location"),
    })
}

async fn request(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let asked = async {
        allowed(&ctx, Permission::AuthorityRequest, "authorities").await?;
        ctx.fleet.request_authority(&ctx.actor, &authority_form(&form)?).await
    };
    match asked.await {
        Ok(id) => {
            see_other(&format!("/approvals/{id}"), Some(&Flash::done("Asked for. A manager other than you decides.")))
        }
        Err(error) => refused(ctx, "/authorities/new", form, &error).await,
    }
}

async fn request_code_signing(
    Extension(ctx): Extension<Ctx>,
    Path(slug): Path<String>,
    Posted(form): Posted,
) -> Response {
    let asked = async {
        allowed(&ctx, Permission::AuthorityRequest, "code_signing").await?;
        let wanted = CodeSigningForm {
            name: form.value("name").trim().to_owned(),
            csr: form.value("csr").trim().to_owned(),
            days: number(&form, "days")?,
        };
        ctx.fleet.request_code_signing(&ctx.actor, &wanted).await
    };
    match asked.await {
        Ok(id) => {
            see_other(&format!("/approvals/{id}"), Some(&Flash::done("Asked for. A manager other than you decides.")))
        }
        Err(error) => refused(ctx, &page_of(&slug), form, &error).await,
    }
}

async fn bring_root(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.bring_root(&ctx.actor, form.value("pem")).await {
        Ok(_) => see_other("/authorities", Some(&Flash::done("The root is here. Nothing can sign with it here."))),
        Err(error) => refused(ctx, "/authorities", form, &error).await,
    }
}

async fn add_link(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&slug);
    let done = async {
        let id = managed(&ctx, &slug).await?;
        ctx.fleet.add_link(&ctx.actor, id, form.value("link")).await.map_err(|error| renamed(error, "pem", "link"))
    };
    match done.await {
        Ok(_) => {
            see_other(&here, Some(&Flash::done("The cross-certificate is here, and goes along with every chain.")))
        }
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn deliver(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&slug);
    let done = async {
        let id = managed(&ctx, &slug).await?;
        let done = ctx.fleet.deliver_authority(&ctx.actor, id, form.value("chain")).await;
        done.map_err(|error| renamed(error, "pem", "chain"))
    };
    match done.await {
        Ok(_) => see_other(&here, Some(&Flash::done("The certificate fits. The authority is active."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// What stands between the lines of a PEM text, or in a text that is base64 alone.
fn der_of(text: &str) -> Result<Vec<u8>, fleet::Error> {
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let base64: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(base64).map_err(|_| fleet::Error::field("crl", "This is no CRL as PEM. Paste the whole file."))
}

async fn bring_crl(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&slug);
    let done = async {
        managed(&ctx, &slug).await?;
        ctx.fleet.bring_crl(&ctx.actor, &slug, &der_of(form.value("crl"))?).await
    };
    match done.await {
        Ok(number) => see_other(&here, Some(&Flash::done(format!("CRL {number} is published.")))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn retire(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&slug);
    let done = async {
        allowed(&ctx, Permission::AuthorityManage, &format!("authority:{slug}")).await?;
        let authority = ctx.fleet.authority(&ctx.actor, &slug).await?.row.authority;
        if form.value("confirmation").trim() != authority.name {
            return Err(fleet::Error::field("confirmation", format!("Type {} to confirm.", authority.name)));
        }
        ctx.fleet.retire_authority(&ctx.actor, authority.id, form.value("reason")).await
    };
    match done.await {
        Ok(()) => see_other(&here, Some(&Flash::done("It signs no more. What it signed is still trusted."))),
        Err(error) => refused(ctx, &format!("{here}/retire"), form, &error).await,
    }
}

async fn delegation(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>, Posted(form): Posted) -> Response {
    let done = async {
        let id = managed(&ctx, &slug).await?;
        let passphrase = Passphrase::new(form.value("passphrase").to_owned());
        let passphrase = passphrase.map_err(|error| fleet::Error::field("passphrase", format!("{error}.")))?;
        ctx.fleet.delegation_package(&ctx.actor, id, &passphrase).await
    };
    match done.await {
        Ok(files) => tar(ctx, &slug, &files).await,
        Err(error) => refused(ctx, &page_of(&slug), form, &error).await,
    }
}

async fn request_pem(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>) -> Response {
    let done = async {
        let id = ctx.fleet.authority(&ctx.actor, &slug).await?.row.authority.id;
        ctx.fleet.authority_request(&ctx.actor, id).await
    };
    match done.await {
        Ok(text) => pem(text, &format!("{slug}.csr.pem")),
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

async fn certificate_pem(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>) -> Response {
    match ctx.fleet.authority(&ctx.actor, &slug).await {
        Ok(detail) => match detail.certificate {
            Some(certificate) => pem(certificate.pem(), &format!("{slug}.pem")),
            None => respond_problem(ctx, Problem::of(&fleet::Error::not_found("certificate", &slug))).await,
        },
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}
