//! The whole road from a root to a first device by the commands that people type, looked at by OpenSSL; and a kit that
//! does what its README says.

use crate::{
    commands::says,
    field::{A, Field, RULE, field, operator},
};
use domain::{
    approval::ApprovalState,
    custody::CustodianKind,
    time::{DAY, MINUTE},
};
use fleet::{Fleet, Keys, enrol::KitFile};
use pki::{
    Certificate, Issuer, KeyAlgorithm, Name, Passphrase, Profile, SerialNumber, Signer, SoftwareKey, Template, Urls,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, OnceLock},
};
use store::{Db, device_list::Sort};
use tempfile::TempDir;

/// What was made, once for all tests that look at it.
pub struct Road {
    data: TempDir,
    desk: TempDir,
}

/// What the road leads to.
struct Place {
    factory: String,
    batch: String,
    serial: String,
}

pub fn road() -> &'static Road {
    static ROAD: OnceLock<Road> = OnceLock::new();
    ROAD.get_or_init(|| {
        let road = Road { data: tempfile::tempdir().unwrap(), desk: tempfile::tempdir().unwrap() };
        road.travel();
        road
    })
}

impl Road {
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    fn file(&self, name: &str) -> String {
        self.desk.path().join(name).to_str().unwrap().to_owned()
    }

    fn muster(&self, line: &str) -> String {
        self.ends(line, 0)
    }

    /// Types a line, in which `@` stands for the desk's folder and `~` for a space.
    fn ends(&self, line: &str, code: i32) -> String {
        let desk = self.desk.path().to_str().unwrap();
        let arguments: Vec<String> = line.split(' ').map(|word| word.replace('@', desk).replace('~', " ")).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        says(self.data(), &arguments, code)
    }

    fn openssl(&self, line: &str) -> Output {
        Command::new("openssl").args(line.split(' ')).current_dir(self.desk.path()).output().unwrap()
    }

    fn openssl_says(&self, line: &str) -> String {
        let output = self.openssl(line);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "openssl {line}: {said}");
        said
    }

    fn fleet<T>(&self, with: impl AsyncFnOnce(&Fleet) -> T) -> T {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let db = Db::open(self.data(), None).await.unwrap();
            let passphrase = Some(Passphrase::from_file(&self.desk.path().join("keys.phrase")).unwrap());
            let keys = Keys { folder: self.data().join("keys"), passphrase };
            let fleet = Fleet::new(db, self.data().to_owned()).with_keys(keys);
            let done = with(&fleet).await;
            fleet.db().close().await;
            done
        })
    }

    /// What a manager does in the console.
    fn approve(&self) {
        self.fleet(async |fleet| {
            for waiting in fleet.approvals(&RULE, Some(ApprovalState::Waiting)).await.unwrap() {
                fleet.decide(&RULE, waiting.id, &waiting.hash, true, "").await.unwrap();
            }
        });
    }

    fn place(&self) -> Place {
        self.fleet(async |fleet| {
            let list = fleet.devices(&RULE, "", Sort::default(), None, 1).await.unwrap();
            let device = &list.page.devices[0];
            let factory = list.catalogue.custodians.iter().find(|c| c.kind == CustodianKind::Factory).unwrap();
            Place {
                factory: factory.code.clone(),
                batch: list.catalogue.batch_code(device.batch_id).to_owned(),
                serial: device.serial.clone(),
            }
        })
    }

    /// The name in addresses of the newest authority of a kind.
    fn slug(&self, kind: &str) -> String {
        self.fleet(async |fleet| {
            let rows = fleet.authorities(&RULE).await.unwrap().into_iter();
            let newest = rows.filter(|row| row.authority.kind.as_str() == kind).max_by_key(|row| row.authority.id);
            newest.unwrap().authority.slug
        })
    }

    fn travel(&self) {
        fs::write(self.file("root.phrase"), "of the roots\n").unwrap();
        fs::write(self.file("keys.phrase"), "of the server\n").unwrap();
        fs::write(self.file("a.csv"), domain::factory_manifest::template_csv()).unwrap();
        self.muster("import @/a.csv");
        self.roots();
        let place = self.place();
        self.signed("operations", "", "old-root");
        self.signed("factory", &place.factory, "new-root");
        self.muster(&format!("authority request batch {}", place.batch));
        self.approve();
        self.muster(&format!("kit {} @/kit --key-passphrase-file @/keys.phrase", place.serial));
        self.muster(&format!("station add {} Line~1 @/station --key-passphrase-file @/keys.phrase", place.factory));
        self.delegate(&place);
        self.crl();
    }

    fn roots(&self) {
        for name in ["Old~Root", "New~Root"] {
            self.muster(&format!("ceremony root {name} --folder @ --key-passphrase-file @/root.phrase"));
        }
        self.muster("authority settings --pki-url http://pki.example --gateway-url https://gateway.example");
        self.muster("authority bring-root @/old-root.pem");
        self.muster("authority bring-root @/new-root.pem");
        self.muster(
            "ceremony cross-sign @/new-root.pem @/link.pem --root @/old-root.pem --key-passphrase-file @/root.phrase",
        );
        self.muster("authority link new-root @/link.pem");
    }

    fn signed(&self, kind: &str, code: &str, root: &str) {
        let said = self.muster(format!("authority request {kind} {code}").trim_end());
        assert!(said.contains("A manager approves it in the console"), "{said}");
        self.approve();
        let slug = self.slug(kind);
        self.muster(&format!("authority pem {slug} @/{kind}.csr"));
        self.muster(&format!(
            "ceremony sign @/{kind}.csr @/{kind}.pem --as {kind} --root @/{root}.pem --key-passphrase-file @/root.phrase \
             --pki-url http://pki.example"
        ));
        self.muster(&format!("authority deliver {slug} @/{kind}.pem --key-passphrase-file @/keys.phrase"));
    }

    /// A factory that signs a device itself, and delivers the certificate.
    fn delegate(&self, place: &Place) {
        self.muster(&format!("authority request batch {} --delegated --quota 5", place.batch));
        self.approve();
        let slug = self.slug("batch");
        self.muster(&format!(
            "authority delegate {slug} @/delegated --key-passphrase-file @/keys.phrase --package-passphrase-file \
             @/root.phrase"
        ));
        let chain = fs::read_to_string(self.file("delegated/batch-ca.pem")).unwrap();
        let authority = Certificate::chain_from_pem(&chain).unwrap().remove(0);
        let sealed = fs::read_to_string(self.file("delegated/batch-ca.key")).unwrap();
        let key = pki::unseal(&sealed, &Passphrase::new("of the roots".into()).unwrap()).unwrap();
        let (device, now) = (SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap(), fleet::system_time());
        let template = Template {
            serial: SerialNumber::random().unwrap(),
            subject: Name::common("OFFLINE-1"),
            public_key: device.public_key().to_vec(),
            profile: Profile::Device,
            not_before: now.plus(-MINUTE),
            not_after: now.plus(DAY),
            dns_names: vec![domain::certificate::device_dns_name("OFFLINE-1", &place.batch, "devices.muster.internal")],
            ip_addresses: Vec::new(),
            permitted_dns: Vec::new(),
            urls: Urls::default(),
        };
        let made = pki::issue(&template, &Issuer::new(authority, Arc::new(key)).unwrap()).unwrap();
        fs::write(self.file("made.pem"), made.pem()).unwrap();
        let said =
            self.muster(&format!("authority manifest {} @/made.pem --key-passphrase-file @/keys.phrase", place.batch));
        assert!(said.contains("1 certificates entered"), "{said}");
        self.muster(&format!("authority retire {slug}"));
    }

    fn crl(&self) {
        let said = self.muster("authority crl old-root");
        assert!(said.contains("its next CRL is empty"), "{said}");
        let with = "--root @/old-root.pem --key-passphrase-file @/root.phrase";
        self.muster(&format!("ceremony crl @/1.crl {with} --revoke 0A:1B:certificate_hold --revoke 0a1c"));
        self.muster(&format!("ceremony crl @/2.crl {with} --previous @/1.crl --release 0a1b --revoke 0a1d:superseded"));
        self.muster("authority crl old-root @/2.crl");
    }
}

#[test]
fn what_the_ceremony_made_is_what_openssl_expects() {
    let road = road();
    for root in ["old-root", "new-root"] {
        road.openssl_says(&format!("verify -x509_strict -CAfile {root}.pem {root}.pem"));
        let text = road.openssl_says(&format!("x509 -in {root}.pem -noout -text"));
        assert!(text.contains("Public Key Algorithm: id-ecPublicKey") && text.contains("P-384"), "{text}");
        let key = road.openssl_says(&format!("pkey -in {root}.key -passin file:root.phrase -pubout"));
        assert_eq!(key.trim(), road.openssl_says(&format!("x509 -in {root}.pem -noout -pubkey")).trim());
    }
    let factory = road.openssl_says("x509 -in factory.pem -noout -text");
    for expected in ["CA:TRUE, pathlen:1", "DNS:devices.muster.internal", "http://pki.example/crl/new-root.crl"] {
        assert!(factory.contains(expected), "{expected}: {factory}");
    }
    let device = "verify -x509_strict -purpose sslclient";
    road.openssl_says(&format!("{device} -CAfile new-root.pem -untrusted kit/device.pem kit/device.pem"));
    let only_old = format!("{device} -CAfile old-root.pem -untrusted kit/device.pem kit/device.pem");
    assert!(!road.openssl(&only_old).status.success(), "the old root alone knows nothing of the new one");
    road.openssl_says(&format!(
        "{device} -CAfile old-root.pem -untrusted kit/device.pem -untrusted link.pem kit/device.pem"
    ));
    road.openssl_says(&format!("{device} -CAfile old-root.pem -untrusted station/station.pem station/station.pem"));
    let list = road.openssl_says("crl -in 2.crl -noout -text -CAfile old-root.pem");
    assert!(list.contains("verify OK") && list.contains("0A1C") && list.contains("0A1D"), "{list}");
    assert!(!list.contains("0A1B"), "what was released is off the list: {list}");
}

#[test]
fn a_ceremony_replaces_nothing_and_says_what_is_wrong() {
    let road = road();
    let before = fs::read(road.file("old-root.key")).unwrap();
    let said = road.ends("ceremony root Old~Root --folder @ --key-passphrase-file @/root.phrase", 3);
    assert!(said.contains("is there already and is not replaced"), "{said}");
    assert_eq!(fs::read(road.file("old-root.key")).unwrap(), before);
    let sign = "ceremony sign @/factory.csr @/again.pem --as factory --root @/old-root.pem";
    let said = road.ends(&format!("{sign} --key-passphrase-file @/keys.phrase"), 3);
    assert!(said.contains("passphrase is not the one"), "{said}");
    let said = road.ends(sign, 3);
    assert!(said.contains("--key-passphrase-file FILE"), "{said}");
    let said = road.ends(&format!("{sign} --key @/new-root.key --key-passphrase-file @/root.phrase"), 3);
    assert!(said.contains("does not belong to the certificate"), "{said}");
    assert!(!Path::new(&road.file("again.pem")).exists());
    let said = road.ends("kit none @/kit", 3);
    assert!(said.contains("holds files already"), "{said}");
    let said = road.ends(
        "ceremony sign @/a.csv @/x.pem --as factory --root @/old-root.pem --key-passphrase-file @/root.phrase",
        3,
    );
    assert!(said.contains("no certificate request"), "{said}");
}

#[test]
fn what_files_hold_is_shown() {
    let road = road();
    let said = road.muster("ceremony show @/factory.pem @/factory.csr @/2.crl @/old-root.key");
    for expected in
        ["CN=New Root", "ECDSA with SHA-384", "(critical)", "signed by the key that it asks for", "superseded"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    road.ends("ceremony show @/a.csv", 3);
    let said = road.muster("authority list");
    assert!(said.contains("old-root") && said.contains("Factory CA") && said.contains("retired"), "{said}");
    assert!(road.muster("station list").contains("Line 1"));
}

/// Puts a kit's files where a device would have them.
pub fn put(folder: &Path, files: &[KitFile]) {
    fs::create_dir_all(folder).unwrap();
    for file in files {
        let text = String::from_utf8(file.content.clone()).unwrap();
        fs::write(folder.join(&file.name), text.replace("/etc/muster", folder.to_str().unwrap())).unwrap();
    }
}

async fn kit_of(field: &Field, serial: &str, key_in_device: bool) -> PathBuf {
    let kit = if key_in_device {
        field.fleet.est_kit(&operator(), serial).await.unwrap()
    } else {
        field.fleet.kit(&operator(), serial).await.unwrap()
    };
    let folder = field.file(&format!("kit-{serial}"));
    put(&folder, &kit.files());
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_its_kit_is_known_at_the_gateway_and_renews() {
    let field = field().await;
    field.devices(&["GW-1".to_owned(), "GW-2".to_owned()], A).await;
    kit_of(&field, "GW-1", false).await;
    let said = field.says("cd kit-GW-1 && curl --config curl.conf $GW/").await;
    assert!(said.contains("GW-1"), "{said}");
    kit_of(&field, "GW-2", true).await;
    field.says("cp station.pem station.key kit-GW-2/ && cd kit-GW-2 && sh enrol.sh request && sh enrol.sh send").await;
    let said = field.says("cd kit-GW-2 && curl --config curl.conf $GW/").await;
    assert!(said.contains("GW-2"), "{said}");
    for kit in ["kit-GW-1", "kit-GW-2"] {
        field.says(&format!("cd {kit} && cp device.pem old.pem && cp device.key old.key && sh renew.sh")).await;
        let said =
            field.says(&format!("cd {kit} && ! cmp -s old.pem device.pem && curl --config curl.conf $GW/")).await;
        assert!(said.contains(kit.trim_start_matches("kit-")), "{said}");
        let old = field.sh(&format!("cd {kit} && curl -sSf --cacert ca.pem --cert old.pem --key old.key $GW/")).await;
        assert!(!old.status.success(), "the certificate before was superseded when the new one was used");
        // The power went after the new pair was used and before it was taken: the next run carries on.
        let cut = format!(
            "cd {kit} && cp device.pem before.pem && mkdir bin && printf '#!/bin/sh\nexit 1\n' > bin/cp && chmod +x bin/cp && \
             ! PATH=$PWD/bin:$PATH sh renew.sh > said && test -s new/device.pem && cmp -s before.pem device.pem && sh renew.sh > said && \
             ! cmp -s before.pem device.pem && test ! -e new && ls -d pair-* | wc -l && curl --config curl.conf $GW/"
        );
        let said = field.says(&cut).await;
        assert!(said.starts_with("1\n") && said.contains(kit.trim_start_matches("kit-")), "{said}");
    }
}
