//! The demo's authorities: it runs a ceremony of its own, in a folder of its own, and lets one rule ask for what another
//! one approves, as two people would.

use crate::{
    cli::{self, Curve, RootKey, Sign, SignKind},
    commands::{
        ceremony::{self, RootSigner},
        files,
    },
    failure::{Failure, Outcome},
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    custody::{CustodianKind, slug},
    time::{DAY, Timestamp},
};
use fleet::{
    Actor, Fleet,
    authority::{AuthorityForm, AuthorityRow},
};
use pki::Passphrase;
use simulator::{Travel, World, demo::ACTOR};
use std::path::{Path, PathBuf};

/// The folder of the demo's ceremony, in its data folder.
pub const FOLDER: &str = "demo-ceremony";
/// Who approves what the demo asks for.
const APPROVER: Actor = Actor::Rule { name: "demo-approver" };
/// The root's name.
const ROOT: &str = "Muster Demo Root 1";
/// How long before the first batch the authorities were made, and a batch's before the batch.
const BEFORE: i64 = 14 * DAY;
/// For how many days the root holds.
const ROOT_DAYS: i64 = 9_131;
/// For how many days a CRL of the root counts, and how many are left when another one is made.
const CRL_DAYS: i64 = 365;
const CRL_LEFT: i64 = 180;

const README: &str = "This is the root of a demo. The demo made it here, so that everything below it can be tried.\n\n\
    A real root is made by `muster ceremony root` on a machine that has no network, and its key never leaves that\n\
    machine. Trust nothing that this one signed.\n";

/// A file with a passphrase that nobody else knows; made, if it isn't there.
///
/// # Errors
/// When it can't be written.
pub fn passphrase_file(path: PathBuf) -> Result<PathBuf, Failure> {
    if !path.exists() {
        pki::write_private(&path, format!("{}\n", Passphrase::random()?.reveal()).as_bytes())?;
    }
    Ok(path)
}

/// Makes all authorities, as of the time before the first batch. What an earlier start made stays.
///
/// # Errors
/// When the folder can't be written, or the database fails.
pub async fn make(fleet: &Fleet, travel: &Travel, world: &World) -> Outcome {
    let made = making(fleet, travel, world).await;
    travel.home();
    made
}

async fn making(fleet: &Fleet, travel: &Travel, world: &World) -> Outcome {
    let first = world.batches.iter().map(|(batch, _)| batch.started_at).min().unwrap_or(world.now);
    let began = first.plus(-BEFORE);
    travel.to(began);
    let ceremony = Ceremony::held(fleet, began).await?;
    ceremony.ensure(fleet, "operations", "").await?;
    for factory in fleet.catalogue(&ACTOR).await?.custodians.iter().filter(|c| c.kind == CustodianKind::Factory) {
        ceremony.ensure(fleet, "factory", &factory.code).await?;
    }
    for (batch, _) in &world.batches {
        travel.to(batch.started_at.plus(-BEFORE / 2));
        ceremony.ensure(fleet, "batch", &batch.code).await?;
    }
    Ok(())
}

/// Publishes a CRL of the root where there is none, its end is near, or it does not list what has to be on it: who checks a whole chain
/// refuses everything without one. A demo whose ceremony was taken away goes on without.
pub async fn publish(fleet: &Fleet) {
    if let Err(error) = published(fleet).await {
        tracing::warn!(%error, "no CRL of the demo's root was published");
    }
}

async fn published(fleet: &Fleet) -> Outcome {
    let (folder, now) = (fleet.folder().join(FOLDER), fleet.now());
    let (root, passphrase) = (folder.join(format!("{}.pem", slug(ROOT))), folder.join("passphrase"));
    let certificate = pki::Certificate::from_pem(&files::read_text(&root)?)?;
    let known = fleet.authorities(&ACTOR).await?;
    let Some(row) = known.iter().find(|row| row.authority.key_id == certificate.subject_key_id()) else {
        return Ok(());
    };
    fleet.load_trust().await?;
    let slug = &row.authority.slug;
    let entries = fleet.crl_to_sign(&ACTOR, slug).await?;
    let counts = |crl: &store::authority::CrlSummary| {
        crl.next_update > now.plus(CRL_LEFT * DAY) && usize::try_from(crl.entries) == Ok(entries.len())
    };
    if row.crl.as_ref().is_some_and(counts) {
        return Ok(());
    }
    let keys = cli::Keys { key_passphrase_file: Some(passphrase) };
    let signer = RootSigner::open(&RootKey { root, key: None, keys })?;
    let number = ceremony::crl_number(now, row.crl.as_ref().and_then(|crl| u64::try_from(crl.number).ok()));
    let list = signer.crl(number, now, now.plus(CRL_DAYS * DAY), &entries)?;
    fleet.bring_crl(&ACTOR, slug, &list).await?;
    Ok(())
}

/// The demo's own ceremony.
struct Ceremony {
    folder: PathBuf,
    root: RootSigner,
    now: Timestamp,
}

impl Ceremony {
    /// Makes the root and brings it in, where that hasn't been done.
    async fn held(fleet: &Fleet, now: Timestamp) -> Result<Self, Failure> {
        let folder = fleet.folder().join(FOLDER);
        let keys = cli::Keys { key_passphrase_file: Some(passphrase_file(folder.join("passphrase"))?) };
        let root = folder.join(format!("{}.pem", slug(ROOT)));
        if !root.exists() {
            // A start that was ended between the two files left a key without a certificate.
            let _ = std::fs::remove_file(root.with_extension("key"));
            let step = cli::Root {
                name: ROOT.to_owned(),
                folder: folder.clone(),
                days: ROOT_DAYS,
                organisation: None,
                curve: Curve::P384,
                key: None,
                keys: keys.clone(),
            };
            ceremony::root(&step, now)?;
            pki::write_public(&folder.join("README.txt"), README.as_bytes())?;
        }
        let signer = RootSigner::open(&RootKey { root, key: None, keys })?;
        let known = fleet.authorities(&ACTOR).await?;
        if !known.iter().any(|row| row.authority.key_id == signer.certificate().subject_key_id()) {
            fleet.bring_root(&ACTOR, &signer.certificate().pem()).await?;
        }
        Ok(Self { folder, root: signer, now })
    }

    /// Asks for an authority, approves it, and signs it where the root has to, as far as that hasn't been done.
    async fn ensure(&self, fleet: &Fleet, kind: &str, code: &str) -> Outcome {
        // Requested, approved, signed: each step is one of these turns.
        for _ in 0..4 {
            let found = find(fleet, kind, code).await?;
            match found.as_ref().map(|row| row.authority.state) {
                None => request(fleet, kind, code).await?,
                Some(AuthorityState::Requested) => approve(fleet, found.as_ref()).await?,
                Some(AuthorityState::AwaitingCertificate) => self.sign(fleet, found.as_ref()).await?,
                Some(_) => break,
            }
        }
        Ok(())
    }

    async fn sign(&self, fleet: &Fleet, row: Option<&AuthorityRow>) -> Outcome {
        let Some(row) = row else { return Ok(()) };
        let authority = &row.authority;
        let (request, out) = (self.file(&authority.slug, "csr.pem"), self.file(&authority.slug, "pem"));
        for left in [&request, &out] {
            // A start that was ended before the certificate was delivered signs anew.
            let _ = std::fs::remove_file(left);
        }
        let settings = fleet.settings(&ACTOR).await?;
        let pem = fleet.authority_request(&ACTOR, authority.id).await?;
        files::write_new(&request, pem.as_bytes(), false)?;
        let operations = authority.kind == AuthorityKind::Operations;
        let step = Sign {
            root: RootKey { root: PathBuf::new(), key: None, keys: cli::Keys::default() },
            request,
            out: out.clone(),
            kind: if operations { SignKind::Operations } else { SignKind::Factory },
            name: None,
            domain: settings.domain,
            days: None,
            pki_url: Some(settings.pki_url).filter(|url| !url.is_empty()),
        };
        let certificate = ceremony::sign_with(&self.root, &step, self.now)?;
        Ok(fleet.deliver_authority(&ACTOR, authority.id, &certificate.pem()).await?)
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        Path::new(&self.folder).join(format!("{name}.{extension}"))
    }
}

async fn find(fleet: &Fleet, kind: &str, code: &str) -> Result<Option<AuthorityRow>, Failure> {
    let rows = fleet.authorities(&ACTOR).await?.into_iter();
    let mut of_kind = rows.filter(|row| row.authority.kind.as_str() == kind && !row.authority.delegated);
    Ok(of_kind.find(|row| match row.authority.kind {
        AuthorityKind::Batch => row.batch.as_deref() == Some(code),
        AuthorityKind::Factory => row.factory.as_deref() == Some(code),
        _ => true,
    }))
}

async fn request(fleet: &Fleet, kind: &str, code: &str) -> Outcome {
    let of = |wanted: &str| if kind == wanted { code.to_owned() } else { String::new() };
    let form =
        AuthorityForm { kind: kind.to_owned(), factory: of("factory"), batch: of("batch"), ..AuthorityForm::default() };
    fleet.request_authority(&ACTOR, &form).await?;
    Ok(())
}

async fn approve(fleet: &Fleet, row: Option<&AuthorityRow>) -> Outcome {
    let Some(row) = row else { return Ok(()) };
    let subject = format!("authority:{}", row.authority.id);
    let waiting = fleet.approvals(&ACTOR, Some(domain::approval::ApprovalState::Waiting)).await?;
    let Some(approval) = waiting.iter().find(|approval| approval.subject == subject) else { return Ok(()) };
    Ok(fleet.decide(&APPROVER, approval.id, &approval.hash, true, "").await?)
}
