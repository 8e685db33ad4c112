//! The scripts that stand in the place of building an image: sets of Debian packages, and OSTree repositories.

use super::{Site, bash};
use domain::release::{ArtifactKind, Stage};
use fleet::release::ReleaseFilter;

/// A key of GnuPG that devices would trust, a package, and a tree of files.
const BUILT: &str = "
mkdir -m 700 gnupg
gpg --batch --quiet --passphrase '' --quick-generate-key 'CI <ci@example.com>' rsa3072 sign never
mkdir -p packages package/DEBIAN package/opt tree/usr
printf 'Package: gateway\\nVersion: 2.0\\nArchitecture: all\\nMaintainer: CI <ci@example.com>\\nDescription: a test\\n' > package/DEBIAN/control
echo 2.0 | tee package/opt/version > tree/usr/version
dpkg-deb --root-owner-group --build package packages/gateway_2.0_all.deb
";

/// Runs a script of the documents on what was built; the kind of the release that came of it.
async fn pushed(name: &str, folder: &str, product: &str) -> ArtifactKind {
    let site = Site::new().await;
    let at = site.remote.folder.join("build");
    std::fs::create_dir(&at).unwrap();
    let own = [
        ("GNUPGHOME", at.join("gnupg").to_str().unwrap().to_owned()),
        ("GPG_KEY", "ci@example.com".to_owned()),
        ("PRODUCT", product.to_owned()),
    ];
    let env: Vec<(String, String)> =
        site.env().into_iter().chain(own.map(|(name, value)| (name.to_owned(), value))).collect();
    let (is_built, said) = bash(&at, &["-eu"], BUILT, &env).await;
    assert!(is_built, "{said}");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pipelines");
    let (is_pushed, said) = bash(&at, &["-e"], &format!("sh '{script}/{name}' {folder} 2.0"), &env).await;
    assert!(is_pushed && said.contains(&format!("{product} 2.0 is pushed, in dev")), "{said}");
    let page = site.scene.field.fleet.releases(&crate::field::operator(), &ReleaseFilter::default(), None, 0).await;
    let release = page.unwrap().rows.remove(0).release;
    assert_eq!((release.version.as_str(), release.stage), ("2.0", Stage::Dev));
    site.remote.end().await;
    release.kind
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs apt-utils, gnupg and openssl: cargo xtask test --only verifiers"]
async fn a_folder_of_packages_becomes_a_release() {
    assert_eq!(pushed("debian-packages.sh", "packages", "gateway-packages").await, ArtifactKind::Deb);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ostree, gnupg and openssl: cargo xtask test --only verifiers"]
async fn a_tree_of_files_becomes_a_release() {
    assert_eq!(pushed("ostree-repository.sh", "tree", "gateway-tree").await, ArtifactKind::Ostree);
}
