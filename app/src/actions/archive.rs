//! Files to take away, several in one archive: kits, delegation packages, stations.

use crate::{context::Ctx, pages::errors::Problem, pages::errors::respond_problem};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use fleet::enrol::KitFile;

/// The files as a tar archive in a folder of this name. What is secret is for its owner alone once unpacked, and no
/// cache keeps any of it.
pub(super) async fn tar(ctx: Ctx, name: &str, files: &[KitFile]) -> Response {
    let folder: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    match packed(&folder, files, ctx.now.0 / 1_000_000) {
        Ok(bytes) => download(bytes, "application/x-tar", &format!("{folder}.tar")),
        Err(error) => respond_problem(ctx, Problem::of(&fleet::Error::internal(error))).await,
    }
}

fn packed(folder: &str, files: &[KitFile], seconds: i64) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut head = tar::Header::new_ustar();
        head.set_size(file.content.len() as u64);
        head.set_mode(if file.secret { 0o600 } else { 0o644 });
        head.set_mtime(u64::try_from(seconds).unwrap_or(0));
        archive.append_data(&mut head, format!("{folder}/{}", file.name), file.content.as_slice())?;
    }
    archive.into_inner()
}

/// A file to take away, kept by no cache.
pub(super) fn download(body: impl Into<axum::body::Body>, kind: &'static str, name: &str) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body.into()).into_response()
}

/// PEM as a file.
pub(super) fn pem(text: String, name: &str) -> Response {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect();
    download(text, "application/x-pem-file", &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_for_their_owner_alone() {
        let file = |name: &str, secret| KitFile { name: name.into(), content: b"x".to_vec(), secret };
        let bytes = packed("GW_1", &[file("device.key", true), file("README", false)], 1).unwrap_or_default();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries: Vec<(String, u32)> = archive
            .entries()
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| {
                (entry.path_bytes().iter().map(|b| char::from(*b)).collect(), entry.header().mode().unwrap_or(0))
            })
            .collect();
        assert_eq!(entries, [("GW_1/device.key".to_owned(), 0o600), ("GW_1/README".to_owned(), 0o644)]);
    }
}
