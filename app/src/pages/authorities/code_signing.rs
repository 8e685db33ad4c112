//! Who may sign software, on the page of the CA that issues for it.

use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::Panel,
    },
    context::{Ctx, href, segment},
    pages::errors::who_may,
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    person::Permission,
};
use fleet::authority::AuthorityDetail;
use leptos::prelude::*;

/// The panel, on an operations CA that signs.
pub(super) fn panel(ctx: &Ctx, detail: &AuthorityDetail) -> Option<impl IntoView + use<>> {
    let authority = &detail.row.authority;
    if authority.kind != AuthorityKind::Operations || authority.state != AuthorityState::Active {
        return None;
    }
    let list = href("/certificates", &[("purpose", "code_signing"), ("authority", &authority.slug)]);
    let body = view! {
        <div class="body stack tight">
            <p class="small soft">"Build pipelines sign releases with a certificate of this CA. A second person approves each."</p>
            <p><a href=list>"Certificates for code signing"</a></p>
        </div>
        {ask(ctx, &authority.slug)}
    };
    Some(Panel::new("Code signing").id("code-signing").flush(body))
}

fn ask(ctx: &Ctx, slug: &str) -> AnyView {
    if !ctx.may(Permission::AuthorityRequest) {
        return view! { <p class="inset small soft">{who_may(Permission::AuthorityRequest)}</p> }.into_any();
    }
    let form = ctx.form.as_ref().filter(|form| form.has("name") && form.has("csr"));
    view! {
        <details class="folded" open=form.is_some()>
            <summary>{icon(icons::PLUS)}"Request a certificate for a pipeline"</summary>
            <form class="body stack tight" method="post" action=format!("/authorities/{}/code-signing", segment(slug))>
                {error_summary(form)}
                {Field::new(form, "name", "Pipeline").required().max_length(64).hint("What it is called, such as “Release builds of GW-200”.").input()}
                {Field::new(form, "csr", "Certificate request, as PEM").required().mono().max_length(20_000).hint("Made where the key is: openssl req -new -key signing.key -subj /CN=builds").textarea(4)}
                {Field::new(form, "days", "Valid for days").hint("At most 1,095. Empty for a year.").input()}
                <div><button class="btn" type="submit">{icon(icons::APPROVE)}"Ask for approval"</button></div>
            </form>
        </details>
    }
    .into_any()
}
