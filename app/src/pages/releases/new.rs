//! Pushing a release from the browser. A pipeline does the same by the API.

use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons,
        panel::{Panel, head},
        text::mono,
    },
    context::{Ctx, FormState},
    page::Page,
    pages::imports::size_words,
};
use domain::{
    id::UploadId,
    person::Permission,
    release::{NOTES_MAX, SBOM_MAX},
};
use fleet::release::Upload;
use leptos::prelude::*;

/// `/releases/new`.
///
/// # Errors
/// When the actor may not push releases, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::ReleasePush)?;
    let models: Vec<String> =
        ctx.fleet.catalogue(&ctx.actor).await?.models.into_iter().map(|model| model.name).collect();
    let settings = ctx.fleet.settings(&ctx.actor).await?;
    let form = ctx.form.as_ref();
    // A file that is here already need not be sent again because another field was wrong.
    let kept = match form.and_then(|form| form.value("upload").parse::<UploadId>().ok()) {
        Some(id) => ctx.fleet.upload(&ctx.actor, id).await.ok(),
        None => None,
    };
    let sub = view! { <p>"It begins in dev. The file is read whole, and must be signed by a code-signing certificate of this console's authority."</p> };
    let body = view! {
        {head("Push a release", sub, ())}
        <div class="cols lead">
            {Panel::new("The release").body(fields(form, &models, kept.as_ref(), settings.release_mib))}
            {Panel::new("From a pipeline").body(advice())}
        </div>
    };
    Ok(Page::new("Push a release", body).crumb("Releases", "/releases"))
}

fn fields(form: Option<&FormState>, models: &[String], kept: Option<&Upload>, most: i64) -> impl IntoView + use<> {
    view! {
        <form class="stack" method="post" action="/releases/new" enctype="multipart/form-data">
            {error_summary(form)}
            {Field::new(form, "product", "Product").required().max_length(64).hint("As gateway-os: letters, digits and . _ - + ~ :").input()}
            {Field::new(form, "version", "Version").required().mono().max_length(64)
                .hint("As the file says it of itself; devices report it once they run it.").input()}
            {model_choice(form, models)}
            {Field::new(form, "revisions", "Hardware revisions").max_length(400).hint("With commas between; none for all.").input()}
            {Field::new(form, "notes", "What is new").max_length(u32::try_from(NOTES_MAX).unwrap_or(u32::MAX)).textarea(4)}
            {file(form, kept, most)}
            {sbom(form)}
            <div><button class="btn primary" type="submit">{icons::icon(icons::UPLOAD)}"Push it"</button></div>
        </form>
    }
}

fn model_choice(form: Option<&FormState>, models: &[String]) -> impl IntoView + use<> {
    let error = form.and_then(|form| form.error("models")).map(str::to_owned);
    let boxes: Vec<_> = models
        .iter()
        .map(|name| {
            let checked = form.is_some_and(|form| form.all("models").any(|chosen| chosen == name));
            view! {
                <label class="choice">
                    <input type="checkbox" name="models" value=name.clone() checked=checked />
                    <b>{name.clone()}</b>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="stack tight" id="models">
            <legend class="label">"Models that it fits"</legend>
            {models.is_empty().then(|| view! { <p class="hint">"None is known yet: an "<a href="/imports">"import"</a>" of devices brings their models."</p> })}
            {boxes}
            {error.map(|error| view! { <p class="hint bad">{icons::icon(icons::WARN)}{error}</p> })}
        </fieldset>
    }
}

fn file(form: Option<&FormState>, kept: Option<&Upload>, most: i64) -> impl IntoView + use<> {
    let error = form.and_then(|form| form.error("file")).map(str::to_owned);
    if let (Some(kept), None) = (kept, &error) {
        let told = format!("{} ({}) is here already.", kept.file_name, size_words(kept.size));
        return view! { <div class="field"><span class="label">"File"</span>{hidden("upload", kept.id.to_string())}<p>{told}</p></div> }
            .into_any();
    }
    let invalid = error.is_some().then_some("true");
    let described = if error.is_some() { "file-error file-hint" } else { "file-hint" };
    let bytes = most.saturating_mul(1 << 20);
    view! {
        <div class="field">
            <label for="file">"File"</label>
            <input class="drop" id="file" name="file" type="file" required accept=".swu,.raucb,.tar" data-max=bytes.to_string()
                aria-invalid=invalid aria-describedby=described />
            {error.map(|error| view! { <p class="hint bad" id="file-error">{icons::icon(icons::WARN)}{error}</p> })}
            <p class="hint" id="file-hint" data-file="file">{format!("A SWUpdate image (.swu), a RAUC bundle (.raucb), a set of Debian packages or an OSTree repository (.tar), up to {most} MiB. Choose it, or drop it here.")}</p>
        </div>
    }
    .into_any()
}

fn sbom(form: Option<&FormState>) -> impl IntoView + use<> {
    let error = form.and_then(|form| form.error("sbom")).map(str::to_owned);
    let invalid = error.is_some().then_some("true");
    let most = i64::try_from(SBOM_MAX).unwrap_or(i64::MAX);
    view! {
        <div class="field">
            <label for="sbom">"Bill of materials (may be left out)"</label>
            <input class="drop" id="sbom" name="sbom" type="file" accept=".json,application/json" data-max=most.to_string()
                aria-invalid=invalid aria-describedby="sbom-hint" />
            {error.map(|error| view! { <p class="hint bad" id="sbom-error">{icons::icon(icons::WARN)}{error}</p> })}
            <p class="hint" id="sbom-hint" data-file="sbom">{format!("CycloneDX or SPDX 2 as JSON, up to {} MiB.", most >> 20)}</p>
        </div>
    }
}

fn advice() -> impl IntoView {
    view! {
        <div class="stack">
            <p>"A pipeline pushes with an API token of role Operator, and goes on where it was when a connection breaks:"</p>
            <pre class="mono note-text" tabindex="0">"muster release push gateway-os.swu \\\n  --product gateway-os --version 1.4.2 \\\n  --model GW-200 --sbom bom.cdx.json \\\n  --url https://… --token-file token"</pre>
            <p>"It reports its checks by "{mono("POST /api/v1/releases/{id}/checks")}", and may promote by "{mono("muster release promote")}"."</p>
        </div>
    }
}
