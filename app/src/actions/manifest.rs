//! Taking in what a factory signed with a delegated CA. It comes as a file: certificates of thousands of devices are no
//! text for a field.

use super::{allowed, refused, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState, segment},
    pages::errors::{Problem, respond_problem},
    render,
};
use axum::{
    Extension,
    extract::{FromRequest, Multipart, Path, Request},
    http::Uri,
    response::Response,
};
use domain::person::Permission;
use fleet::authority::Delivery;
use std::sync::Arc;

/// The field, and the most bytes that are taken in it.
const FIELD: &str = "certificates";
const MOST: usize = 64 * 1024 * 1024;

/// `POST /authorities/{slug}/manifest`.
pub(super) async fn send(Extension(ctx): Extension<Ctx>, Path(slug): Path<String>, request: Request) -> Response {
    if let Err(error) = allowed(&ctx, Permission::CertificateEnrol, &format!("authority:{slug}")).await {
        return respond_problem(ctx, Problem::of(&error)).await;
    }
    let here = format!("/authorities/{}", segment(&slug));
    match delivered(&ctx, &slug, request).await {
        Ok(delivery) if delivery.withheld.is_empty() && delivery.refused.is_empty() => {
            see_other(&here, Some(&Flash::done(told(&delivery))))
        }
        Ok(delivery) => {
            let uri = here.parse::<Uri>().unwrap_or_else(|_| ctx.uri.clone());
            render::document(Ctx { uri, delivered: Some(Arc::new(delivery)), flash: None, ..ctx }).await
        }
        Err(error) => {
            let form = FormState { values: vec![(FIELD.to_owned(), String::new())], errors: Vec::new() };
            refused(ctx, &here, form, &error).await
        }
    }
}

async fn delivered(ctx: &Ctx, slug: &str, request: Request) -> Result<Delivery, fleet::Error> {
    let batch = ctx.fleet.authority(&ctx.actor, slug).await?.row.batch;
    let batch = batch.ok_or_else(|| fleet::Error::not_found("batch CA", slug))?;
    let text = file(request).await?;
    // Thousands of certificates take a while to be read, and others want this thread.
    let read = tokio::task::spawn_blocking(move || pki::Certificate::chain_from_pem(&text)).await;
    let certificates = read.map_err(fleet::Error::internal)?.map_err(|error| wrong(format!("{error}.")))?;
    ctx.fleet.deliver_manifest(&ctx.actor, &batch, &certificates).await
}

fn wrong(message: impl Into<String>) -> fleet::Error {
    fleet::Error::field(FIELD, message)
}

/// The file in the form.
async fn file(request: Request) -> Result<String, fleet::Error> {
    let broken = || wrong("The file broke off before its end. Nothing was taken in; send it again.");
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| wrong("Choose the file."))?;
    while let Some(mut part) = parts.next_field().await.map_err(|_| broken())? {
        if part.name() != Some(FIELD) {
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|_| broken())? {
            if bytes.len() + chunk.len() > MOST {
                return Err(wrong(
                    "This is more than 64 MB. Deliver it in parts: what is known already may come again.",
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        return String::from_utf8(bytes).map_err(|_| wrong("This is no PEM: it is not even text."));
    }
    Err(wrong("Choose the file."))
}

/// What came of a delivery that is as agreed, in a sentence.
fn told(delivery: &Delivery) -> String {
    let mut text = format!("{}.", plural(delivery.entered, "certificate is entered", "certificates are entered"));
    if delivery.known > 0 {
        text.push_str(&format!(" {} known already.", plural(delivery.known, "was", "were")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_agreed_is_told_in_a_sentence() {
        let delivery = Delivery { entered: 1, known: 2, ..Delivery::default() };
        assert_eq!(told(&delivery), "1 certificate is entered. 2 were known already.");
    }
}
