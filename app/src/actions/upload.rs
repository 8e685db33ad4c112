//! Taking a file in from a form. It goes to disk as it comes and is never held in memory.

use super::{imports::wrong_file, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState},
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    extract::{
        FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
    response::Response,
};
use domain::{id::ImportId, import::ImportFormat};
use fleet::import::ImportRequest;
use std::time::Duration;

/// How long the rest of a file that is refused is listened to. A browser that is cut off in the middle of sending
/// shows its own error instead of our answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A field beside the file may have so many bytes.
const FIELD_MAX: usize = 1_000;
/// The same file sent again within so many imports is a second click.
const RECENT: i64 = 20;

/// `POST /imports`.
pub(super) async fn send(Extension(ctx): Extension<Ctx>, request: Request) -> Response {
    let Ok(mut parts) = Multipart::from_request(request, &()).await else {
        let text = "A file comes as multipart/form-data. Use the form on the imports page, or POST /api/v1/imports.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return respond_problem(ctx, Problem::new(status, "This is no file", text)).await;
    };
    let mut form = FormState::default();
    let outcome = take(&ctx, &mut parts, &mut form).await;
    if outcome.is_err() {
        drain(&mut parts).await;
    }
    match outcome {
        Ok(id) => started(&ctx, id).await,
        Err(Refusal::File(message)) => wrong_file(ctx, form, &message).await,
        Err(Refusal::Fleet(error)) => refused(ctx, "/imports", form, &error).await,
    }
}

enum Refusal {
    /// The form or the file in it is not what it should be.
    File(String),
    /// It can't be taken.
    Fleet(fleet::Error),
}

fn broken(error: &MultipartError) -> Refusal {
    tracing::debug!(%error, "an upload broke off");
    Refusal::File("The upload broke off before its end. Nothing was imported; send the file again.".to_owned())
}

/// Reads the form's fields, then the file, which is the last of them.
async fn take(ctx: &Ctx, parts: &mut Multipart, form: &mut FormState) -> Result<ImportId, Refusal> {
    while let Some(field) = parts.next_field().await.map_err(|error| broken(&error))? {
        match field.name() {
            Some("file") => return receive(ctx, form, field).await,
            Some(name) => {
                let name = name.to_owned();
                let value = text(field).await?;
                form.values.push((name, value));
            }
            None => {}
        }
    }
    Err(Refusal::File("Choose a file.".to_owned()))
}

async fn text(mut field: Field<'_>) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > FIELD_MAX {
            return Err(Refusal::File(
                "The form holds a text that is too long. Reload the page and try again.".to_owned(),
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn receive(ctx: &Ctx, form: &FormState, field: Field<'_>) -> Result<ImportId, Refusal> {
    let name = field.file_name().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Refusal::File("Choose a file.".to_owned()));
    }
    // Whether to try or to import must be known for certain: a form that says so only after the file is not ours.
    let dry_run = match form.value("mode") {
        "try" => true,
        "import" => false,
        _ => return Err(Refusal::File("Choose whether to try the file or to import it.".to_owned())),
    };
    let format = match form.value("kind") {
        "" => None,
        kind => Some(kind.parse::<ImportFormat>().map_err(|_| Refusal::File("Choose the kind of file.".to_owned()))?),
    };
    let request = ImportRequest { format, dry_run, skip_bad_rows: form.has("skip"), ..ImportRequest::new(&name) };
    ctx.fleet.start_import(&ctx.actor, &request, field).await.map_err(Refusal::Fleet)
}

/// Listens to the rest of what is sent, and forgets it.
async fn drain(parts: &mut Multipart) {
    let rest = async {
        while let Ok(Some(mut field)) = parts.next_field().await {
            while let Ok(Some(_)) = field.chunk().await {}
        }
    };
    if tokio::time::timeout(PATIENCE, rest).await.is_err() {
        tracing::debug!("a refused upload went on for too long");
    }
}

/// Leads on to the import; to the earlier one when the button was pressed twice.
async fn started(ctx: &Ctx, id: ImportId) -> Response {
    if let Ok(Some(earlier)) = twin(ctx, id).await
        && ctx.fleet.cancel_import(&ctx.actor, id).await.is_ok()
    {
        let flash = Flash::warn("This file is being imported already; here it is. The second one was cancelled.");
        return see_other(&format!("/imports/{earlier}"), Some(&flash));
    }
    see_other(&format!("/imports/{id}"), None)
}

/// An import of the same file in the same way, by the same person, that still runs.
async fn twin(ctx: &Ctx, id: ImportId) -> Result<Option<ImportId>, fleet::Error> {
    let this = ctx.fleet.import(&ctx.actor, id).await?;
    let before = ctx.fleet.imports(&ctx.actor, Some(id), RECENT).await?;
    let same = before.into_iter().find(|other| {
        !other.state.is_final()
            && (other.sha256 == this.sha256 && other.actor == this.actor)
            && (other.dry_run, other.skip_bad_rows, other.format) == (this.dry_run, this.skip_bad_rows, this.format)
    });
    Ok(same.map(|other| other.id))
}
