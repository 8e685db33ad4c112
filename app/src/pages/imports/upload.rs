//! The form that sends a file.

use super::size_words;
use crate::{
    components::{
        form::{Field, checkbox, error_summary, radio},
        icons,
        panel::Panel,
    },
    context::{Ctx, FormState},
    pages::errors::who_may,
};
use domain::{import::ImportFormat, person::Permission};
use fleet::import::{EPCIS_MAX, IMPORT_LIMIT};
use leptos::prelude::*;

/// The form, or who may fill it in.
pub(super) fn panel(ctx: &Ctx) -> impl IntoView + use<> {
    if !ctx.may(Permission::ImportRun) {
        return Panel::new("Import a file")
            .body(view! { <p class="soft">{who_may(Permission::ImportRun)}</p> })
            .into_any();
    }
    let form = ctx.form.as_ref();
    let chosen = |name: &str, value: &str| form.is_some_and(|form| form.value(name) == value);
    // What a file is to be used for must be known before it arrives: these fields stand before it, and are sent so.
    Panel::new("Import a file")
        .id("send")
        .body(view! {
            <form class="stack" method="post" action="/imports" enctype="multipart/form-data">
                {error_summary(form)}
                <fieldset class="stack tight">
                    <legend class="label">"What to do"</legend>
                    {radio("mode", "try", "Try only", "Reads and checks the file, changes nothing.", !chosen("mode", "import"))}
                    {radio("mode", "import", "Import", "Checks the file, then enters it.", chosen("mode", "import"))}
                </fieldset>
                {checkbox(
                    "skip",
                    "yes",
                    "Import good rows even if some are bad",
                    "Otherwise one bad row keeps the whole file out.",
                    chosen("skip", "yes"),
                )}
                {Field::new(form, "kind", "Kind of file").select(kinds())}
                {file(form)}
                <button class="btn primary" type="submit">{icons::icon(icons::UPLOAD)}"Send the file"</button>
            </form>
        })
        .into_any()
}

fn kinds() -> Vec<(String, String)> {
    std::iter::once((String::new(), "Find out by itself".to_owned()))
        .chain(ImportFormat::ALL.iter().map(|format| (format.as_str().to_owned(), format.label().to_owned())))
        .collect()
}

fn file(form: Option<&FormState>) -> impl IntoView + use<> {
    let error = form.and_then(|form| form.error("file")).map(str::to_owned);
    let invalid = error.is_some().then_some("true");
    let most = i64::try_from(IMPORT_LIMIT).unwrap_or(i64::MAX);
    let epcis = i64::try_from(EPCIS_MAX).unwrap_or(i64::MAX);
    let described = if error.is_some() { "file-error file-hint" } else { "file-hint" };
    view! {
        <div class="field">
            <label for="file">"File"</label>
            <input
                class="drop"
                id="file"
                name="file"
                type="file"
                required
                accept=".csv,.tsv,.txt,.jsonl,.ndjson,.json,.jsonld,text/csv,application/json"
                data-max=most.to_string()
                aria-invalid=invalid
                aria-describedby=described
            />
            {error.map(|error| view! { <p class="hint bad" id="file-error">{icons::icon(icons::WARN)}{error}</p> })}
            <p class="hint" id="file-hint" data-file="file">
                {format!("CSV or JSON Lines up to {}, EPCIS JSON-LD up to {}. Choose it, or drop it here.", size_words(most), size_words(epcis))}
            </p>
        </div>
    }
}
