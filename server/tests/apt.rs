//! The apt repository of each device: as curl sees it, and as Debian's own apt does with a device's kit. The latter is to be run by
//! `cargo xtask test --only verifiers`, which installs what builds the packages.

use crate::{
    ceremony::put,
    debs::{File, Packager},
    field::{A, Field, field, fields, operator},
    pipeline::{Pipeline, plan, started},
};
use domain::{
    revocation::RevocationAct,
    rollout::{ActionState, Plan, WaveSize},
    time::HOUR,
};
use fleet::revocation::Selection;
use std::{fs, path::Path};

pub async fn curl(field: &Field, serial: &str, rest: &str) -> String {
    let script = format!("curl -sS --http1.1 --cacert ca.pem --cert {serial}.pem --key {serial}.key {rest}");
    field.says(&script).await.replace('\r', "")
}

/// What a device reports to run.
pub async fn reports(field: &Field, serial: &str, version: &str) {
    let address = format!("$GW/DEFAULT/controller/v1/{serial}/configData");
    let said =
        format!("-X PUT -o /dev/null -w '%{{http_code}}' -d '{{\"data\":{{\"sw.version\":\"{version}\"}}}}' {address}");
    assert_eq!(curl(field, serial, &said).await, "200");
}

/// One device first, then the other.
pub fn two_waves(release: domain::id::ReleaseId) -> Plan {
    let mut plan = plan(release);
    let mut first = plan.waves[0].clone();
    first.size = WaveSize::Devices(1);
    plan.waves.insert(0, first);
    plan
}

pub async fn are(field: &Field, code: &str, wave: usize, state: ActionState) -> u64 {
    let detail = field.fleet.rollout(&operator(), code).await.unwrap();
    detail.wave_views[wave].counts.iter().filter(|count| count.state == state).map(|count| count.n).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_sent_as_apt_asks_for_them() {
    for field in fields().await {
        field.devices(&["GW-1".to_owned()], A).await;
        field.enrolled("GW-1", "A").await;
        let pipeline = Pipeline::of(&field).await;
        let packager = Packager::new(1, field.fleet.now().plus(-HOUR));
        let content: Vec<u8> = (0..70_000_u32).flat_map(u32::to_le_bytes).collect();
        let files = packager.set("1.0", &[("gateway", &content)]);
        let of =
            |path: &str| files.iter().find(|(other, _)| other == path).map(|(_, content)| content.clone()).unwrap();
        pipeline.set(&field, "1.0", files.clone()).await.unwrap();
        let status =
            async |rest: &str| curl(&field, "GW-1", &format!("-o got -D head -w '%{{http_code}}' {rest}")).await;
        let head = || fs::read_to_string(field.file("head")).unwrap().replace('\r', "").to_lowercase();
        let got = || fs::read(field.file("got")).unwrap();
        let entry = "$GW/apt/dists/stable/InRelease";
        assert_eq!(status(entry).await, "404", "{}: it has nothing", field.name());
        assert_eq!(String::from_utf8(got()).unwrap().lines().count(), 1, "a sentence");
        reports(&field, "GW-1", "1.0").await;
        assert_eq!(status(entry).await, "200", "{}", field.name());
        assert_eq!(got(), of("dists/stable/InRelease"));
        let said = head();
        let value = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(ToOwned::to_owned));
            line.unwrap_or_else(|| unreachable!("{name}: {said}"))
        };
        assert_eq!(value("content-length"), got().len().to_string());
        let (tag, modified) = (value("etag"), value("last-modified"));
        assert_eq!(status(&format!("-H 'If-None-Match: {tag}' {entry}")).await, "304");
        // As a date is written, and not in the small letters of this test.
        let exact = curl(&field, "GW-1", &format!("-o got -D - {entry}")).await;
        let exact = exact
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("last-modified")));
        let exact = exact.unwrap().1.to_owned();
        assert_eq!(exact.to_lowercase(), modified);
        assert_eq!(status(&format!("-H 'If-Modified-Since: {exact}' {entry}")).await, "304", "{}", field.name());
        // A later date is that of another release.
        assert_eq!(status(&format!("-H 'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT' {entry}")).await, "200");
        assert_eq!(status(&format!("-I {entry}")).await, "200");
        let package = "$GW/apt/pool/main/gateway_1.0_amd64.deb";
        assert_eq!(status(package).await, "200");
        assert_eq!(got(), content, "{}", field.name());
        assert_eq!(status(&format!("-r 1000-1999 {package}")).await, "206");
        assert_eq!(got(), content[1000..2000]);
        assert_eq!(status(&format!("-H 'If-Range: {exact}' -r 279990- {package}")).await, "206");
        assert_eq!(got(), content[279_990..]);
        assert_eq!(status(&format!("-r 280000- {package}")).await, "416");
        let list = of("dists/stable/main/binary-amd64/Packages.gz");
        let by_hash = format!("$GW/apt/dists/stable/main/binary-amd64/by-hash/SHA256/{}", crate::debs::sha256(&list));
        assert_eq!((status(&by_hash).await.as_str(), got()), ("200", list));
        assert_eq!((status("$GW/apt/keyring.pgp").await.as_str(), got()), ("200", packager.keyring()));
        for other in [
            "SHA256SUMS",
            "pool/main/gateway_2.0_amd64.deb",
            "--path-as-is $GW/apt/../../etc/passwd",
            "%00",
            "%2e%2e/x",
        ] {
            let address = if other.starts_with("--") { other.to_owned() } else { format!("$GW/apt/{other}") };
            assert_eq!(status(&address).await, "404", "{}: {other}", field.name());
        }
        assert_eq!(status(&format!("-X POST {entry}")).await, "405");
    }
}

/// What a build does: packages by dpkg-deb, indexes by apt-ftparchive, and the signature by GnuPG.
const BUILD: &str = r#"
set -euo pipefail
export GNUPGHOME=$PWD/gnupg
[ -d gnupg ] || { mkdir -m 700 gnupg; gpg --batch --quiet --passphrase '' --quick-generate-key 'CI <ci@example.com>' rsa3072 sign never; }
build() {
  set=set-$1; package=package-$1; arch=$(dpkg --print-architecture)
  mkdir -p $set/pool/main $set/dists/stable/main/binary-$arch $package/DEBIAN $package/opt
  printf 'Package: muster-test\nVersion: %s\nArchitecture: all\nMaintainer: CI <ci@example.com>\nDescription: a test\n' $1 > $package/DEBIAN/control
  echo $1 > $package/opt/version
  dpkg-deb --root-owner-group --build $package $set/pool/main/muster-test_$1_all.deb
  cd $set
  apt-ftparchive packages pool > dists/stable/main/binary-$arch/Packages
  gzip -kn dists/stable/main/binary-$arch/Packages
  apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
    -o APT::FTPArchive::Release::Version=$1 -o APT::FTPArchive::Release::Components=main \
    -o APT::FTPArchive::Release::Architectures=$arch -o APT::FTPArchive::Release::Acquire-By-Hash=yes \
    release dists/stable > ../Release-$1
  gpg --batch --quiet --clearsign -o dists/stable/InRelease ../Release-$1
  gpg --export > keyring.pgp
  cd ..
}
"#;

pub fn files_below(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            files_below(&path, &format!("{name}/"), files);
        } else {
            files.push((name, fs::read(&path).unwrap()));
        }
    }
}

async fn built(field: &Field, version: &str) -> Vec<File> {
    field.says(&format!("{BUILD}\nbuild {version}")).await;
    let mut files = Vec::new();
    files_below(&field.file(&format!("set-{version}")), "", &mut files);
    files
}

/// A device's own apt and dpkg, in folders of their own, with what its kit brings.
async fn device(field: &Field, serial: &str) {
    let kit = field.file(&format!("kit-{serial}"));
    put(&kit, &field.fleet.kit(&operator(), serial).await.unwrap().files());
    // What the last line of the kit's instructions does, and the test's own curl.
    for (from, to) in [("device.pem", "pem"), ("device.key", "key")] {
        fs::copy(kit.join(from), field.file(&format!("{serial}.{to}"))).unwrap();
    }
    fs::copy(field.file("set-1.0/keyring.pgp"), kit.join("keyring.pgp")).unwrap();
    let root = field.file(&format!("root-{serial}"));
    for folder in [
        "var/lib/dpkg/updates",
        "var/lib/dpkg/info",
        "state/lists/partial",
        "cache/archives/partial",
        "log",
        "etc/parts",
        "etc/sources",
        "etc/preferences",
    ] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    fs::copy(kit.join("muster.sources"), root.join("etc/sources/muster.sources")).unwrap();
    let at = root.to_str().unwrap();
    let isolated = format!(
        "Dir::Etc::Parts \"{at}/etc/parts\";\nDir::Etc::Main \"/dev/null\";\nDir::Etc::SourceList \"/dev/null\";\n\
         Dir::Etc::SourceParts \"{at}/etc/sources\";\nDir::Etc::Preferences \"/dev/null\";\n\
         Dir::Etc::PreferencesParts \"{at}/etc/preferences\";\nDir::Etc::Trusted \"/dev/null\";\nDir::Etc::TrustedParts \"{at}/etc/none\";\n\
         Dir::State \"{at}/state\";\nDir::State::status \"{at}/var/lib/dpkg/status\";\nDir::Cache \"{at}/cache\";\nDir::Log \"{at}/log\";\n\
         DPkg::Options {{ \"--root={at}\"; \"--force-not-root\"; \"--log=/dev/null\"; }};\nAPT::Install-Recommends \"false\";\n\
         Acquire::Retries \"0\";\nAcquire::Languages \"none\";\n"
    );
    let kept = fs::read_to_string(kit.join("apt-muster.conf")).unwrap();
    fs::write(field.file(&format!("{serial}.conf")), isolated + &kept).unwrap();
}

/// apt-get for a device: whether it succeeds, and all it says.
async fn apt_get(field: &Field, serial: &str, what: &str) -> (bool, String) {
    let output = field
        .sh(&format!("APT_CONFIG=$PWD/{serial}.conf LC_ALL=C apt-get -qq -y -o Debug::NoLocking=1 {what} 2>&1"))
        .await;
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn upgraded(field: &Field, serial: &str) -> String {
    for what in ["update", "install muster-test"] {
        let (done, said) = apt_get(field, serial, what).await;
        assert!(done, "{serial}: {what}: {said}");
    }
    fs::read_to_string(field.file(&format!("root-{serial}/opt/version"))).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs apt-utils and gnupg: cargo xtask test --only verifiers"]
async fn apt_get_installs_what_each_device_is_entitled_to() {
    let field = field().await;
    let serials = ["GW-1", "GW-2"];
    field.devices(&serials.map(ToOwned::to_owned), A).await;
    let pipeline = Pipeline::of(&field).await;
    let old = built(&field, "1.0").await;
    pipeline.set(&field, "1.0", old.clone()).await.unwrap();
    for serial in serials {
        device(&field, serial).await;
        reports(&field, serial, "1.0").await;
        assert_eq!(upgraded(&field, serial).await, "1.0", "{serial}");
    }
    let new = built(&field, "2.0").await;
    let code = started(&field, two_waves(pipeline.set(&field, "2.0", new.clone()).await.unwrap())).await;
    // One address, two waves, two versions.
    let mut runs = Vec::new();
    for serial in serials {
        runs.push((upgraded(&field, serial).await, serial));
    }
    runs.sort();
    let [(one, second), (two, first)] = runs.as_slice() else { unreachable!() };
    assert_eq!((one.as_str(), two.as_str()), ("1.0", "2.0"));
    assert_eq!(are(&field, &code, 0, ActionState::Downloading).await, 1, "the package was fetched");
    reports(&field, first, "2.0").await;
    assert!(apt_get(&field, first, "update").await.0);
    assert_eq!(are(&field, &code, 0, ActionState::Verified).await, 1, "by its own word, and its coming again");
    field.fleet.look_after_rollouts().await.unwrap();
    assert_eq!(upgraded(&field, second).await, "2.0", "the second wave");
    // What is cut off gets nothing, not even what it has.
    field.act(RevocationAct::Revoke, Selection::Device((*first).to_owned())).await;
    let (done, said) = apt_get(&field, first, "-o APT::Update::Error-Mode=any update").await;
    assert!(!done, "{said}");
    assert!(apt_get(&field, second, "-o APT::Update::Error-Mode=any update").await.0);
    tampered(&field, &pipeline, new).await;
}

/// A set that was altered is refused here, and by apt where somebody else serves it.
async fn tampered(field: &Field, pipeline: &Pipeline, mut files: Vec<File>) {
    let package = files.iter_mut().find(|(path, _)| path.ends_with(".deb")).unwrap();
    let last = package.1.len() - 1;
    package.1[last] ^= 1;
    let refused = pipeline.set(field, "3.0", files.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("is not the file that"), "{refused}");
    let folder = field.file("by-hand");
    for (path, content) in &files {
        let to = folder.join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, content).unwrap();
    }
    let root = field.file("root-GW-2");
    let keyring = field.file("kit-GW-2").join("keyring.pgp");
    let source = format!(
        "Types: deb\nURIs: copy:{}\nSuites: stable\nComponents: main\nSigned-By: {}\n",
        folder.display(),
        keyring.display()
    );
    fs::write(root.join("etc/sources/muster.sources"), source).unwrap();
    let _ = fs::remove_file(root.join("cache/archives/muster-test_2.0_all.deb"));
    let (listed, said) = apt_get(field, "GW-2", "-o APT::Update::Error-Mode=any update").await;
    assert!(listed, "the lists are good: {said}");
    let (done, said) = apt_get(field, "GW-2", "install --reinstall muster-test").await;
    assert!(!done && said.contains("Hash Sum mismatch"), "{said}");
    // And a list that nobody of the keyring signed.
    let list = folder.join("dists/stable/InRelease");
    let altered = fs::read_to_string(&list).unwrap().replace("Suite: stable", "Suite: stablE");
    fs::write(&list, altered).unwrap();
    let (done, said) = apt_get(field, "GW-2", "-o APT::Update::Error-Mode=any update").await;
    assert!(!done, "{said}");
}
