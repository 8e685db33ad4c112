//! Files for other programs: certificates in every state, lists, and answers.

use crate::{
    responder,
    world::{World, authority, key, template, urls},
};
use domain::time::{DAY, Timestamp};
use pki::{
    Certificate, Issuer, IssuerHashes, KeyAlgorithm, OcspFailure, OcspStatus, Profile, Responder, RevokedEntry,
    SerialNumber, Template, Urls, chain_pem, crl, cross_sign, issue, ocsp_failure, ocsp_response, read_ocsp_request,
    self_sign,
};
use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};
use tempfile::TempDir;

/// How it stands with a device, and how everybody should see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Good,
    Held,
    Revoked,
    Expired,
    /// Signed, but not on our books: what a stolen or copied authority would make.
    Unknown,
}

pub const STATES: [State; 5] = [State::Good, State::Held, State::Revoked, State::Expired, State::Unknown];

/// CRLReason of RFC 5280.
const KEY_COMPROMISE: u8 = 1;
const HOLD: u8 = 6;

pub struct Scene {
    folder: TempDir,
    pub world: World,
    /// Below the new root, which the old one has signed too.
    pub successor: World,
    pub cross: Certificate,
    /// Where OCSP is answered, in every device's certificate too.
    pub url: String,
    books: Arc<Books>,
}

/// What is known about devices.
struct Books {
    now: Timestamp,
    hashes: IssuerHashes,
    devices: Vec<(State, Certificate)>,
    responder: Responder,
}

impl Scene {
    pub fn new() -> Self {
        let now = crate::world::today();
        let world = World::at(now);
        let (successor, cross) = successor(&world);
        let (listener, url) = responder::listen();
        let books = Arc::new(Books {
            now,
            hashes: IssuerHashes::of(world.batch.certificate()),
            devices: STATES.iter().map(|state| (*state, device(&world, *state, &url))).collect(),
            responder: world.responder(&world.batch),
        });
        let answering = Arc::clone(&books);
        responder::serve(listener, move |question| answering.answer(question));
        let scene = Self { folder: tempfile::tempdir().unwrap(), world, successor, cross, url, books };
        scene.write_certificates();
        scene.write_lists();
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn device(&self, state: State) -> &Certificate {
        &self.books.devices.iter().find(|(has, _)| *has == state).unwrap().1
    }

    /// The file of a device's certificate.
    pub fn file(&self, state: State) -> PathBuf {
        self.path(&format!("{state:?}.pem"))
    }

    /// Every certificate of every profile.
    pub fn certificates(&self) -> Vec<(String, Certificate)> {
        let mut all = vec![("cross".to_owned(), self.cross.clone())];
        for (word, world) in [("old", &self.world), ("new", &self.successor)] {
            for (name, issuer) in [("root", &world.root), ("factory", &world.factory), ("batch", &world.batch)] {
                all.push((format!("{word}-{name}"), issuer.certificate().clone()));
            }
        }
        all.push(("new-device".into(), self.successor.device("GW2C-2612-00001")));
        all.extend(self.books.devices.iter().map(|(state, device)| (format!("{state:?}"), device.clone())));
        all.extend(operations(&self.world));
        all.push(("responder".into(), self.books.responder.certificate().clone()));
        all
    }

    fn write_certificates(&self) {
        for (name, certificate) in self.certificates() {
            fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(self.path(&format!("{name}.der")), certificate.der()).unwrap();
        }
        let chain = |world: &World| vec![world.batch.certificate().clone(), world.factory.certificate().clone()];
        fs::write(self.path("old-chain.pem"), chain_pem(&chain(&self.world))).unwrap();
        let mut crossed = chain(&self.successor);
        fs::write(self.path("new-chain.pem"), chain_pem(&crossed)).unwrap();
        crossed.push(self.cross.clone());
        fs::write(self.path("crossed-chain.pem"), chain_pem(&crossed)).unwrap();
    }

    fn write_lists(&self) {
        let now = self.world.now;
        let entry = |state, reason| RevokedEntry { serial: self.device(state).serial(), at: now, reason };
        let revoked = [entry(State::Held, HOLD), entry(State::Revoked, KEY_COMPROMISE)];
        let mut pem = String::new();
        for (word, world) in [("old", &self.world), ("new", &self.successor)] {
            let lists: [(&str, &Issuer, &[RevokedEntry]); 3] = [
                ("root", &world.root, &[]),
                ("factory", &world.factory, &[]),
                ("batch", &world.batch, if word == "old" { &revoked } else { &[] }),
            ];
            for (name, issuer, entries) in lists {
                let der = crl(issuer, 7, now, now.plus(7 * DAY), entries).unwrap();
                fs::write(self.path(&format!("{word}-{name}.crl")), &der).unwrap();
                let text = der::pem::encode_string("X509 CRL", der::pem::LineEnding::LF, &der).unwrap();
                fs::write(self.path(&format!("{word}-{name}.crl.pem")), &text).unwrap();
                pem.push_str(&text);
            }
        }
        fs::write(self.path("lists.pem"), pem).unwrap();
    }

    /// Answers a question in a file as the server does, and returns the file of the answer.
    pub fn answer(&self, question: &Path) -> PathBuf {
        let path = question.with_extension("answer");
        fs::write(&path, self.books.answer(&fs::read(question).unwrap())).unwrap();
        path
    }
}

impl Books {
    fn answer(&self, question: &[u8]) -> Vec<u8> {
        let asked = match read_ocsp_request(question) {
            Ok(asked) if asked.ids.iter().all(|id| id.is_of(&self.hashes)) => asked,
            Ok(_) => return ocsp_failure(OcspFailure::Unauthorized),
            Err(problem) => return ocsp_failure(problem.failure()),
        };
        let answers: Vec<_> = asked.ids.into_iter().map(|id| (id.clone(), self.status(id.serial))).collect();
        let until = self.now.plus(DAY);
        ocsp_response(&self.responder, &answers, self.now, until, self.now, asked.nonce.as_deref()).unwrap()
    }

    fn status(&self, serial: SerialNumber) -> OcspStatus {
        let at = self.now;
        match self.devices.iter().find(|(_, device)| device.serial() == serial).map(|(state, _)| state) {
            Some(State::Good | State::Expired) => OcspStatus::Good,
            Some(State::Held) => OcspStatus::Revoked { at, reason: HOLD },
            Some(State::Revoked) => OcspStatus::Revoked { at, reason: KEY_COMPROMISE },
            Some(State::Unknown) | None => OcspStatus::Unknown,
        }
    }
}

fn device(world: &World, state: State, url: &str) -> Certificate {
    let key = key(KeyAlgorithm::EcdsaP256);
    let template = world.device_template(&format!("GW2C-2611-{state:?}"), key.as_ref());
    let (not_before, not_after) = match state {
        State::Expired => (world.now.plus(-90 * DAY), world.now.plus(-DAY)),
        _ => (template.not_before, template.not_after),
    };
    let urls = Urls { ocsp: Some(url.to_owned()), ..template.urls.clone() };
    issue(&Template { not_before, not_after, urls, ..template }, &world.batch).unwrap()
}

/// A second root with its own factory and batch, and its certificate by the first.
fn successor(old: &World) -> (World, Certificate) {
    let now = old.now;
    let root_key = key(KeyAlgorithm::EcdsaP384);
    let root = Template {
        not_after: now.plus(8000 * DAY),
        ..template("Muster root 2", Profile::Root, root_key.as_ref(), now, 1)
    };
    let root = Issuer::new(self_sign(&root, root_key.as_ref()).unwrap(), root_key).unwrap();
    let serial = SerialNumber::random().unwrap();
    let urls_of_old = Urls { ocsp: None, ..urls("root") };
    let cross = cross_sign(root.certificate(), serial, now, now.plus(3650 * DAY), &urls_of_old, &old.root).unwrap();
    let factory = authority(&root, "Factory 4", Profile::FactoryCa, "root-2", now, Vec::new());
    let domain = vec![crate::world::DOMAIN.to_owned()];
    let batch = authority(&factory, "Batch GW2C-2612", Profile::BatchCa, "factory-4", now, domain);
    (World { now, root, factory, batch }, cross)
}

/// What the operations authority issues.
fn operations(world: &World) -> Vec<(String, Certificate)> {
    let now: Timestamp = world.now;
    let authority = authority(&world.root, "Operations", Profile::OperationsCa, "root", now, Vec::new());
    let with = |name: &str, profile, change: &dyn Fn(Template) -> Template| {
        let key = key(KeyAlgorithm::EcdsaP256);
        let template = Template { urls: urls("operations"), ..template(name, profile, key.as_ref(), now, 30) };
        issue(&change(template), &authority).unwrap()
    };
    let server = |template| Template {
        dns_names: vec!["console.muster.internal".into()],
        ip_addresses: vec![IpAddr::from([192, 0, 2, 7]), "2001:db8::7".parse().unwrap()],
        ..template
    };
    vec![
        ("operations".to_owned(), authority.certificate().clone()),
        ("server".to_owned(), with("console.muster.internal", Profile::Server, &server)),
        ("station".to_owned(), with("Station 1", Profile::Station, &|template| template)),
        ("code".to_owned(), with("Firmware signing", Profile::CodeSigning, &|template| template)),
    ]
}

/// Runs a program; what it said on both streams, and whether it was content.
pub fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "{} can't be started ({error}); cargo xtask test --only verifiers installs it",
            command.get_program().display()
        )
    });
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

/// Runs a program that must be content.
pub fn must(command: &mut Command) -> String {
    let (content, said) = run(command);
    assert!(content, "{command:?}\n{said}");
    said
}
