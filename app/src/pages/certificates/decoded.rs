//! What stands in a certificate, read out.

use super::serial_number;
use crate::components::{
    icons,
    panel::{Panel, facts},
    text::{copy, fours, minute, mono},
};
use leptos::prelude::*;
use pki::Certificate;

/// The panel with everything that a certificate says, and the file itself.
pub(in crate::pages) fn panel(certificate: &Certificate, file: &str) -> impl IntoView + use<> {
    let names = names(certificate);
    let key = certificate.public_key_sha256();
    let rows = vec![
        ("Subject", certificate.subject().into_any()),
        ("Issuer", certificate.issuer().into_any()),
        ("Serial", serial_number(&certificate.serial_hex())),
        ("Not before", minute(certificate.not_before()).into_any()),
        ("Not after", minute(certificate.not_after()).into_any()),
        ("Names", names),
        ("Key", certificate.key_words().into_any()),
        ("Signature", certificate.signature_words().into_any()),
        ("Key's SHA-256", view! { {fours(&key)} {copy("hash of the key", &key)} }.into_any()),
    ];
    let extensions: Vec<_> = certificate
        .extensions()
        .into_iter()
        .map(|extension| {
            let critical = extension.critical.then(|| view! { " "<span class="tag">"critical"</span> });
            view! {
                <dt>{extension.name}{critical}</dt>
                <dd>{extension.words}</dd>
            }
        })
        .collect();
    let pem = certificate.pem();
    Panel::new("What it says")
        .aside(view! { <a class="btn small" href=file.to_owned()>{icons::icon(icons::DOWNLOAD)}"PEM"</a> })
        .flush(view! {
            <div class="body">{facts(rows)}</div>
            <div class="inset"><dl class="decoded small">{extensions}</dl></div>
            <details class="inset data">
                <summary>"As PEM"</summary>
                <pre class="json" tabindex="0">{pem}</pre>
            </details>
        })
}

fn names(certificate: &Certificate) -> AnyView {
    let names = certificate.dns_names();
    if names.is_empty() {
        return view! { <span class="quiet">"none"</span> }.into_any();
    }
    let names: Vec<_> = names.into_iter().map(|name| view! { <li>{mono(name)}</li> }).collect();
    view! { <ul>{names}</ul> }.into_any()
}
