//! The apt repository: one address, and each device sees the release that it is entitled to. What apt asks for are the members of
//! a set of packages as it was pushed; nothing is made here, and nothing signed: what a device trusts is whoever signed
//! `InRelease`.

use super::{answer::failed, known::Known, part};
use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::release::ArtifactKind;
use fleet::{
    Fleet,
    update::{Meaning, Wanted},
};
use http::{HeaderMap, Method};

/// Where indexes are asked for by what they hold (Debian's “Repository format”, “Acquire-By-Hash”).
const BY_HASH: &str = "/by-hash/SHA256/";
/// By this a device checks what it is told of; it asks for it before anything else.
const KEYRING: &str = "keyring.pgp";

/// A file of the set of packages that the device sees.
pub async fn file(
    State(fleet): State<Fleet>,
    Known(actor): Known,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let path = plain(&path);
    let wanted = match path.rsplit_once(BY_HASH) {
        Some((_, sha256)) if !sha256.contains('/') => Wanted::Hash(sha256),
        _ => Wanted::Path(&path),
    };
    match fleet.repository_part(&actor, ArtifactKind::Deb, wanted, meaning(&path)).await {
        Ok(found) => {
            let asked = part::Asked { method: &method, headers: &headers };
            part::send(&fleet, &actor, &found, kind(&found.path), asked).await
        }
        Err(error) => failed(&error),
    }
}

/// The path without `./`, which apt asks for where a repository is flat.
fn plain(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
    parts.join("/")
}

fn meaning(path: &str) -> Meaning {
    match path.rsplit('/').next().unwrap_or_default() {
        "InRelease" | "Release" | "Release.gpg" => Meaning::Entry,
        _ if path == KEYRING => Meaning::Entry,
        name if name.ends_with(".deb") => Meaning::Content,
        _ => Meaning::Index,
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('/').next().unwrap_or_default() {
        "InRelease" | "Release" | "Packages" => "text/plain; charset=utf-8",
        name if name.ends_with(".deb") => "application/vnd.debian.binary-package",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asking_for_a_file_means() {
        for path in ["dists/stable/InRelease", "InRelease", "keyring.pgp"] {
            assert_eq!(meaning(path), Meaning::Entry, "{path}");
        }
        assert_eq!(meaning("pool/main/g/gateway_2.0_amd64.deb"), Meaning::Content);
        for path in ["dists/stable/main/binary-amd64/Packages.gz", "dists/stable/InRelease/x", "pool/keyring.pgp"] {
            assert_eq!(meaning(path), Meaning::Index, "{path}");
        }
        assert_eq!(plain("./InRelease"), "InRelease");
        assert_eq!(plain("a/./b/../c"), "a/b/../c", "what leads elsewhere is there for nobody");
    }
}
