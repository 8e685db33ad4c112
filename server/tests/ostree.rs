//! The OSTree repository of each device: as curl sees it, and as Debian's own ostree does with a device's kit. The latter is to be
//! run by `cargo xtask test --only verifiers`, which installs it.

use crate::{
    apt::{are, curl, files_below, reports, two_waves},
    ceremony::put,
    debs::File,
    field::{A, Field, field, fields, operator},
    pipeline::{Pipeline, plan, started},
    repository::{REF, made},
};
use domain::{revocation::RevocationAct, rollout::ActionState};
use fleet::revocation::Selection;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_sent_as_ostree_asks_for_them() {
    for field in fields().await {
        field.devices(&["GW-1".to_owned(), "GW-2".to_owned()], A).await;
        for serial in ["GW-1", "GW-2"] {
            field.enrolled(serial, "A").await;
        }
        let pipeline = Pipeline::of(&field).await;
        let (old, new) = (made("1.0"), made("2.0"));
        pipeline.repository(&field, "1.0", old.files.clone().into_iter().collect()).await.unwrap();
        let status = async |serial: &str, path: &str| {
            let rest = format!("-o got -w '%{{http_code}}' --path-as-is $GW/ostree/{path}");
            let code = curl(&field, serial, &rest).await;
            (code, fs::read(field.file("got")).unwrap())
        };
        let head = format!("refs/heads/{REF}");
        assert_eq!(status("GW-1", "config").await.0, "404", "{}: it has nothing", field.name());
        for serial in ["GW-1", "GW-2"] {
            reports(&field, serial, "1.0").await;
        }
        for (path, content) in old.files.iter().filter(|(path, _)| path.starts_with("repo/")) {
            let (code, got) = status("GW-1", path.strip_prefix("repo/").unwrap()).await;
            assert_eq!((code.as_str(), &got), ("200", content), "{}: {path}", field.name());
        }
        let release = pipeline.repository(&field, "2.0", new.files.clone().into_iter().collect()).await.unwrap();
        let greeting = format!("objects/{}/{}.filez", &new.greeting[..2], &new.greeting[2..]);
        assert_eq!(status("GW-1", &greeting).await.0, "404", "{}: it is no device's yet", field.name());
        let code = started(&field, two_waves(release)).await;
        let mut seen = Vec::new();
        for serial in ["GW-1", "GW-2"] {
            assert_eq!(status(serial, "config").await.0, "200");
            let (_, named) = status(serial, &head).await;
            seen.push((String::from_utf8(named).unwrap().trim().to_owned(), serial));
        }
        seen.sort_by_key(|(commit, _)| *commit == new.commit);
        let [(one, second), (two, first)] = seen.as_slice() else { unreachable!() };
        assert_eq!((one, two), (&old.commit, &new.commit), "{}", field.name());
        assert_eq!(are(&field, &code, 0, ActionState::Offered).await, 1, "{}", field.name());
        assert_eq!(status(second, &greeting).await.0, "404", "{}", field.name());
        assert_eq!(status(first, &greeting).await.0, "200", "{}", field.name());
        assert_eq!(are(&field, &code, 0, ActionState::Downloading).await, 1, "{}", field.name());
        for other in
            ["SHA256SUMS", "../SHA256SUMS", "state/x", "refs/heads/other", "objects/00/00.filez", "%2e%2e/x", "%00"]
        {
            assert_eq!(status(first, other).await.0, "404", "{}: {other}", field.name());
        }
    }
}

/// What a build does: a commit that GnuPG signs.
const BUILD: &str = r#"
set -euo pipefail
export GNUPGHOME=$PWD/gnupg
[ -d gnupg ] || { mkdir -m 700 gnupg; gpg --batch --quiet --passphrase '' --quick-generate-key 'CI <ci@example.com>' rsa3072 sign never; }
build() {
  mkdir -p set-$1 tree-$1/usr/bin
  echo $1 > tree-$1/usr/version
  printf '#!/bin/sh\necho the same in both\n' > tree-$1/usr/bin/hello
  ln -sf ../version tree-$1/usr/bin/link
  ostree --repo=set-$1/repo init --mode=archive
  ostree --repo=set-$1/repo commit -b gw/stable -s "gateway-tree $1" --add-metadata-string=version=$1 \
    --owner-uid=0 --owner-gid=0 --gpg-homedir=$GNUPGHOME ${2:-} tree-$1 > commit-$1
  gpg --batch --yes --export > ostree.gpg
}
"#;

const SIGNED: &str = "--gpg-sign=ci@example.com";

async fn built(field: &Field, version: &str, way: &str) -> (Vec<File>, String) {
    field.says(&format!("{BUILD}\nbuild {version} {way}")).await;
    let mut files = Vec::new();
    files_below(&field.file(&format!("set-{version}")), "", &mut files);
    let commit = fs::read_to_string(field.file(&format!("commit-{version}"))).unwrap();
    (files, commit.trim().to_owned())
}

/// A device's own repository, with the remote that its kit brings.
async fn device(field: &Field, serial: &str) {
    let kit = field.file(&format!("kit-{serial}"));
    put(&kit, &field.fleet.kit(&operator(), serial).await.unwrap().files());
    for (from, to) in [("device.pem", "pem"), ("device.key", "key")] {
        fs::copy(kit.join(from), field.file(&format!("{serial}.{to}"))).unwrap();
    }
    field.says(&format!("ostree --repo=repo-{serial} init --mode=bare-user-only")).await;
    let remote = fs::read_to_string(kit.join("ostree-remote.conf")).unwrap();
    let config = field.file(&format!("repo-{serial}")).join("config");
    let own = fs::read_to_string(&config).unwrap();
    fs::write(config, format!("{own}\n{remote}")).unwrap();
    field.says(&format!("ostree --repo=repo-{serial} remote gpg-import muster -k ostree.gpg")).await;
}

/// Whether a pull succeeds, and all it says.
async fn pull(field: &Field, serial: &str) -> (bool, String) {
    let output = field.sh(&format!("LC_ALL=C ostree --repo=repo-{serial} pull muster gw/stable 2>&1")).await;
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The commit that a device has after a pull, whole and with what the build put in it.
async fn pulled(field: &Field, serial: &str) -> (String, String) {
    let (done, said) = pull(field, serial).await;
    assert!(done, "{serial}: {said}");
    let repository = format!("ostree --repo=repo-{serial}");
    field.says(&format!("{repository} fsck -q >&2")).await;
    let commit = field.says(&format!("{repository} rev-parse muster:gw/stable")).await;
    let version = field.says(&format!("{repository} cat muster:gw/stable /usr/version")).await;
    (version.trim().to_owned(), commit.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs ostree and gnupg: cargo xtask test --only verifiers"]
async fn ostree_pulls_what_each_device_is_entitled_to() {
    let field = field().await;
    let serials = ["GW-1", "GW-2"];
    field.devices(&serials.map(ToOwned::to_owned), A).await;
    let pipeline = Pipeline::of(&field).await;
    let (files, old) = built(&field, "1.0", SIGNED).await;
    pipeline.repository(&field, "1.0", files).await.unwrap();
    for serial in serials {
        device(&field, serial).await;
        reports(&field, serial, "1.0").await;
        assert_eq!(pulled(&field, serial).await, ("1.0".to_owned(), old.clone()), "{serial}");
    }
    let (files, new) = built(&field, "2.0", SIGNED).await;
    let release = pipeline.repository(&field, "2.0", files.clone()).await.unwrap();
    let code = started(&field, two_waves(release)).await;
    // One address, two waves, two commits.
    let mut has = Vec::new();
    for serial in serials {
        has.push((pulled(&field, serial).await, serial));
    }
    has.sort();
    let [((one, old_commit), second), ((two, new_commit), first)] = has.as_slice() else { unreachable!() };
    assert_eq!((one.as_str(), old_commit, two.as_str(), new_commit), ("1.0", &old, "2.0", &new));
    assert_eq!(are(&field, &code, 0, ActionState::Downloading).await, 1, "a file was fetched");
    reports(&field, first, "2.0").await;
    assert!(pull(&field, first).await.0);
    assert_eq!(are(&field, &code, 0, ActionState::Verified).await, 1, "by its own word, and its coming again");
    field.fleet.look_after_rollouts().await.unwrap();
    assert_eq!(pulled(&field, second).await.0, "2.0", "the second wave");
    // What is cut off gets nothing, not even what it has.
    field.act(RevocationAct::Revoke, Selection::Device((*first).to_owned())).await;
    let (done, said) = pull(&field, first).await;
    assert!(!done, "{said}");
    assert!(pull(&field, second).await.0);
    reports(&field, second, "2.0").await;
    assert!(pull(&field, second).await.0);
    // A commit that nobody signed is refused by the device, whatever the envelope says.
    let (files, _) = built(&field, "3.0", "").await;
    let release = pipeline.repository(&field, "3.0", files).await.unwrap();
    started(&field, plan(release)).await;
    let (done, said) = pull(&field, second).await;
    assert!(!done && said.contains("GPG"), "{said}");
}
