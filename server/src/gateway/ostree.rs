//! The OSTree repository: one address, and each device sees the commits of the release that it is entitled to. What `ostree pull`
//! asks for are the members of a repository as it was pushed; nothing is made here, and nothing signed.

use super::{answer::failed, known::Known, part};
use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::release::ArtifactKind;
use fleet::{
    Error, Fleet,
    update::{Meaning, Wanted},
};
use http::{HeaderMap, Method};

/// Where a repository lies in its archive.
const FOLDER: &str = "repo/";

/// A file of the repository that the device sees.
pub async fn file(
    State(fleet): State<Fleet>,
    Known(actor): Known,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(meaning) = meaning(&path) else { return failed(&Error::not_found("file", &path)) };
    let inside = [FOLDER, &path].concat();
    match fleet.repository_part(&actor, ArtifactKind::Ostree, Wanted::Path(&inside), meaning).await {
        Ok(found) => {
            let asked = part::Asked { method: &method, headers: &headers };
            part::send(&fleet, &actor, &found, "application/octet-stream", asked).await
        }
        Err(error) => failed(&error),
    }
}

/// What asking for a file means; `None` for what no client needs. The configuration is asked for first, so it tells of the offer,
/// too.
fn meaning(path: &str) -> Option<Meaning> {
    match path.split_once('/') {
        None if matches!(path, "config" | "summary" | "summary.sig") => Some(Meaning::Entry),
        Some(("refs", name)) if name.starts_with("heads/") => Some(Meaning::Entry),
        Some(("objects", name)) if name.ends_with(".filez") => Some(Meaning::Content),
        Some(("objects", _)) => Some(Meaning::Index),
        // A delta is its description, and parts that hold what is installed.
        Some(("deltas", name)) if name.ends_with("/superblock") => Some(Meaning::Index),
        Some(("deltas", _)) => Some(Meaning::Content),
        Some(("delta-indexes", _)) => Some(Meaning::Index),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asking_for_a_file_means() {
        for path in ["config", "summary", "summary.sig", "refs/heads/gw/stable"] {
            assert_eq!(meaning(path), Some(Meaning::Entry), "{path}");
        }
        for path in
            ["objects/ab/cd.commit", "objects/ab/cd.dirtree", "objects/ab/cd.commitmeta", "deltas/a/b/superblock"]
        {
            assert_eq!(meaning(path), Some(Meaning::Index), "{path}");
        }
        for path in ["objects/ab/cd.filez", "deltas/a/b/0"] {
            assert_eq!(meaning(path), Some(Meaning::Content), "{path}");
        }
        for path in ["", ".lock", "state/x", "refs/remotes/x", "tmp/x", "extensions/x", "objects", "../SHA256SUMS"] {
            assert_eq!(meaning(path), None, "{path}");
        }
    }
}
