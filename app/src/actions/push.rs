//! Taking a release in from a form. Its file goes to disk as it comes; a file that is here need not be sent again because
//! another field was wrong.

use super::{refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState},
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    body::Bytes,
    extract::{
        FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::{StatusCode, header},
    response::Response,
};
use domain::{
    id::UploadId,
    person::Permission,
    release::{NOTES_MAX, SBOM_MAX},
};
use fleet::{
    Error,
    release::{Pushed, ReleaseForm, UploadForm},
};
use std::time::Duration;

/// How long the rest of what is refused is listened to. A browser that is cut off in the middle of sending shows its own
/// error instead of our answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A field beside the files may have so many bytes.
const FIELD_MAX: usize = NOTES_MAX * 4 + 1_000;

/// `POST /releases/new`.
pub(super) async fn send(Extension(ctx): Extension<Ctx>, request: Request) -> Response {
    if let Err(error) = super::allowed(&ctx, Permission::ReleasePush, "release").await {
        return respond_problem(ctx, Problem::of(&error)).await;
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let Ok(mut parts) = Multipart::from_request(request, &()).await else {
        let text = "A release comes as multipart/form-data. Use the form on its page, or the API.";
        return respond_problem(ctx, Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This is no file", text)).await;
    };
    let mut form = FormState::default();
    let taken = take(&ctx, &mut parts, &mut form, length).await;
    if taken.is_err() {
        drain(&mut parts).await;
    }
    let pushed = match taken {
        Ok(sbom) => push(&ctx, &form, sbom).await,
        Err(error) => Err(error),
    };
    match pushed {
        Ok((pushed, None)) => {
            let told =
                if pushed.fresh { "It is here, in dev." } else { "This release is here already, of the same file." };
            see_other(&format!("/releases/{}", pushed.release.id), Some(&Flash::done(told)))
        }
        Ok((pushed, Some(why))) => {
            let told = format!("It is here, but its bill of materials is not attached: {why}");
            see_other(&format!("/releases/{}", pushed.release.id), Some(&Flash::warn(told)))
        }
        // What can't be taken as it is, is said at the file.
        Err(Error::Conflict(why) | Error::TooLarge(why)) => {
            refused(ctx, "/releases/new", form, &Error::field("file", why)).await
        }
        Err(error) => refused(ctx, "/releases/new", form, &error).await,
    }
}

fn broken(error: &MultipartError) -> Error {
    tracing::debug!(%error, "an upload broke off");
    Error::field("file", "The upload broke off before its end. Send it again.")
}

/// Reads the fields in whatever order they come. Gives the bill of materials, if there is one.
async fn take(
    ctx: &Ctx,
    parts: &mut Multipart,
    form: &mut FormState,
    length: Option<i64>,
) -> Result<Option<Bytes>, Error> {
    let mut sbom = None;
    while let Some(field) = parts.next_field().await.map_err(|error| broken(&error))? {
        let Some(name) = field.name().map(str::to_owned) else { continue };
        match name.as_str() {
            "file" if field.file_name().is_some_and(|name| !name.is_empty()) => {
                let id = receive(ctx, field, length).await?;
                form.values.push(("upload".to_owned(), id.to_string()));
            }
            "sbom" if field.file_name().is_some_and(|name| !name.is_empty()) => {
                sbom = Some(whole(field, SBOM_MAX, "sbom").await?);
            }
            "file" | "sbom" => {}
            _ => {
                let text = whole(field, FIELD_MAX, "notes").await?;
                form.values.push((name, String::from_utf8_lossy(&text).replace('\0', "")));
            }
        }
    }
    Ok(sbom)
}

async fn whole(mut field: Field<'_>, most: usize, name: &str) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > most {
            return Err(Error::field(name, "This is longer than is taken."));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Takes the file in as an upload. A form doesn't say how large its file is: the whole request is larger, so that is asked
/// for, and what came is the file.
async fn receive(ctx: &Ctx, field: Field<'_>, length: Option<i64>) -> Result<UploadId, Error> {
    let file_name = field.file_name().unwrap_or_default().to_owned();
    let most = ctx.fleet.settings(&ctx.actor).await?.release_mib.saturating_mul(1 << 20);
    let size = length.unwrap_or(most).max(1);
    let upload = ctx.fleet.begin_upload(&ctx.actor, &UploadForm { file_name, size, sha256: String::new() }).await?;
    ctx.fleet.append_upload(&ctx.actor, upload.id, 0, field).await?;
    ctx.fleet.end_upload(&ctx.actor, upload.id).await?;
    Ok(upload.id)
}

async fn push(ctx: &Ctx, form: &FormState, sbom: Option<Bytes>) -> Result<(Pushed, Option<String>), Error> {
    let upload: UploadId = form.value("upload").parse().map_err(|_| Error::field("file", "Choose a file."))?;
    let wanted = ReleaseForm {
        product: form.value("product").to_owned(),
        version: form.value("version").to_owned(),
        models: form.all("models").map(str::to_owned).collect(),
        revisions: form.value("revisions").split(',').map(str::to_owned).collect(),
        notes: form.value("notes").to_owned(),
    };
    let pushed = ctx.fleet.push_release(&ctx.actor, &wanted, upload).await?;
    let Some(document) = sbom else { return Ok((pushed, None)) };
    let attached = ctx.fleet.attach_sbom(&ctx.actor, pushed.release.id, document).await;
    Ok((pushed, attached.err().map(|error| error.to_string())))
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
