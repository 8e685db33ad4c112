//! Whether a certificate may be entered: decided in the transaction that enters it, so that of two at once one is right.

use super::{
    copied::{Comer, CopiedKey, note_copied_key},
    key::{KeyUse, use_key},
    line::Line,
};
use crate::{Actor, Error, Fleet, Result, finding::Found, revocation::cut_for_good_within};
use domain::{
    audit::Outcome,
    authority::{AuthorityState, FindingKind},
    certificate::{Certificate, CertificateStatus},
    device::{Device, Lifecycle, check_serial},
    id::CertificateId,
    person::Permission,
    time::Timestamp,
};
use pki::Request;
use serde_json::json;
use std::collections::HashMap;
use store::Tx;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Admission {
    /// It may be entered.
    Enter,
    /// The device has a certificate for this key already: it gets that one again.
    Already(CertificateId),
    /// It may not.
    Refused(Refusal),
}

/// Why a certificate is not issued, and what that may mean.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) finding: Option<FindingKind>,
    /// The key that was asked for, where it is another device's.
    pub(super) copied: Option<CopiedKey>,
}

impl Refusal {
    pub(super) fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), finding: None, copied: None }
    }

    pub(super) fn finding(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { message: message.into(), finding: Some(kind), copied: None }
    }
}

/// Whether the actor may enrol in this batch at all: a station only where it stands.
pub(super) fn check_place(actor: &Actor, line: &Line) -> std::result::Result<(), Refusal> {
    match actor {
        Actor::Station { factory, name, .. } if *factory != line.batch.factory_id => Err(Refusal::finding(
            FindingKind::ForeignBatch,
            format!("The station {name} may not enrol for batch {}, which another factory makes.", line.batch.code),
        )),
        _ => Ok(()),
    }
}

/// Whether the names that a request asks for are those which the device gets. They would not be used anyway, but a
/// request for other names is meant for another device.
pub(super) fn check_names(line: &Line, request: &Request, serial: &str) -> std::result::Result<(), Refusal> {
    let dns_name = line.dns_name(serial);
    let fits = |name: &str| name == serial || name.eq_ignore_ascii_case(&dns_name);
    let named = [&request.common_name, &request.serial_number].into_iter().flatten();
    let wrong = named.chain(&request.dns_names).find(|name| !name.is_empty() && !fits(name)).cloned();
    let wrong = wrong.or_else(|| request.ip_addresses.first().map(ToString::to_string));
    match wrong {
        None => Ok(()),
        Some(wrong) => Err(Refusal::plain(format!(
            "The request asks for the name “{}”, but the device {serial} gets the names {serial} and {dns_name} only. \
             Make a request with these, or with none.",
            wrong.chars().take(80).collect::<String>()
        ))),
    }
}

/// Whether the device is one of this batch that can still have a certificate.
pub(super) fn check_device(line: &Line, device: Option<&Device>) -> std::result::Result<(), Refusal> {
    match device {
        Some(device) if device.batch_id != line.batch.id => Err(Refusal::finding(
            FindingKind::ForeignBatch,
            format!("The device {} is not of batch {}.", device.serial, line.batch.code),
        )),
        Some(device) if device.lifecycle == Lifecycle::Retired => {
            Err(Refusal::plain(format!("The device {} is retired and gets no certificate.", device.serial)))
        }
        _ => Ok(()),
    }
}

pub(super) fn checked_serial(serial: &str) -> std::result::Result<&str, Refusal> {
    check_serial(serial).map_err(|why| Refusal::plain(format!("This can't be a device's serial: {why}.")))
}

/// Holds the line's authority and the devices of these serials until the transaction ends, in the order in which every
/// deed does: who is known, and how each stands, is decided here and not by what was read before.
pub(super) async fn hold(tx: &mut Tx, line: &Line, serials: &[&str]) -> Result<HashMap<String, Device>> {
    store::authority::lock(tx, line.authority.id).await?;
    let devices = store::device::lock_by_serials(tx, serials).await?;
    Ok(devices.into_iter().map(|device| (device.serial.clone(), device)).collect())
}

/// Decides about a signed certificate of a device, if there is one already, and takes from the quota. What may be entered
/// is to be entered before the next one is decided about.
pub(super) async fn admit(
    tx: &mut Tx,
    actor: &Actor,
    line: &Line,
    signed: &Certificate,
    device: Option<&Device>,
    now: Timestamp,
) -> Result<Admission> {
    if let Err(refusal) = check_device(line, device) {
        return Ok(Admission::Refused(refusal));
    }
    let serial = signed.device_serial.as_deref().unwrap_or_default();
    let is_first = store::certificate::claim(tx, serial, signed.id).await?.is_none();
    if !is_first {
        let known = store::certificate::of_device_within(tx, serial).await?;
        if let Some(decided) = decided_by(&known, actor, signed, now) {
            return Ok(decided);
        }
        if let Some(why) = cut_for_good_within(tx, &known).await?
            && !is_brought_back(tx, device).await?
        {
            let why = why.label().to_lowercase();
            return Ok(Admission::Refused(Refusal::plain(format!(
                "{serial} was revoked for good ({why}): nobody brings it back alone. Open a repair of it. That takes a \
                 second person, and its voucher fetches a certificate for a new key."
            ))));
        }
    }
    let refused = match own_key(tx, signed, serial).await? {
        Some(refusal) => Some(refusal),
        None => take(tx, line, serial, is_first).await?,
    };
    if let Some(refusal) = refused {
        if is_first {
            store::certificate::unclaim(tx, serial, signed.id).await?;
        }
        return Ok(Admission::Refused(refusal));
    }
    if !is_first {
        store::certificate::move_claim(tx, serial, signed.id).await?;
    }
    Ok(Admission::Enter)
}

/// What follows from the certificates that the device has already.
fn decided_by(known: &[Certificate], actor: &Actor, signed: &Certificate, now: Timestamp) -> Option<Admission> {
    let serial = signed.device_serial.as_deref().unwrap_or_default();
    let lives = |certificate: &&Certificate| certificate.not_after > now;
    if known.iter().filter(lives).any(|certificate| certificate.status == CertificateStatus::Held) {
        let message = format!("The certificate of {serial} is on hold. Release it, or revoke it, first.");
        return Some(Admission::Refused(Refusal::plain(message)));
    }
    let valid = known.iter().rev().filter(lives).find(|certificate| certificate.status == CertificateStatus::Valid);
    if let Some(valid) = valid {
        if valid.public_key_sha256 == signed.public_key_sha256 {
            return Some(Admission::Already(valid.id));
        }
        let message = format!(
            "The device {serial} has a valid certificate for another key. Let it renew (simplereenroll) with that \
             certificate, or revoke that one and open a repair, which brings it a new key."
        );
        return Some(Admission::Refused(Refusal::plain(message)));
    }
    let revoked = known.iter().any(|certificate| certificate.status == CertificateStatus::Revoked);
    if revoked && matches!(actor, Actor::Station { .. }) {
        let message = format!("The certificate of {serial} was revoked. Only a person may enrol it again.");
        return Some(Admission::Refused(Refusal::plain(message)));
    }
    None
}

/// Whether a repair that two people stand for gives the device a new key.
async fn is_brought_back(tx: &mut Tx, device: Option<&Device>) -> Result<bool> {
    let Some(device) = device else { return Ok(false) };
    let open = store::repair::open_of_device(tx, device.id).await?;
    Ok(open.is_some_and(|case| case.key_changes && case.state.is_written()))
}

/// Makes the key the device's, unless it is somebody else's or was compromised.
pub(super) async fn own_key(tx: &mut Tx, signed: &Certificate, serial: &str) -> Result<Option<Refusal>> {
    let found = match use_key(tx, &signed.public_key_sha256, &format!("device:{serial}")).await? {
        KeyUse::Theirs => return Ok(None),
        KeyUse::Compromised => {
            return Ok(Some(Refusal::plain(format!(
                "A certificate for this key was revoked because the key was compromised. Make a new key for {serial}."
            ))));
        }
        KeyUse::Others(found) => found,
    };
    let other =
        found.strip_prefix("device:").map_or_else(|| found.replace(':', " "), |serial| format!("device {serial}"));
    let message = format!(
        "This key belongs to the {other}. Every device needs a key of its own: check whether {serial} was flashed with \
         an image that holds a key."
    );
    Ok(Some(match found.strip_prefix("device:") {
        Some(first) => {
            let copied = CopiedKey { spki_sha256: signed.public_key_sha256.clone(), first: first.to_owned() };
            Refusal { copied: Some(copied), ..Refusal::plain(message) }
        }
        None => Refusal::finding(FindingKind::SharedKey, message),
    }))
}

async fn take(tx: &mut Tx, line: &Line, serial: &str, is_first: bool) -> Result<Option<Refusal>> {
    if store::authority::take(tx, line.authority.id, i64::from(is_first)).await? {
        return Ok(None);
    }
    let authority = store::authority::by_id_within(tx, line.authority.id).await?;
    let name = &line.authority.name;
    Ok(Some(match authority {
        Some(authority) if authority.state == AuthorityState::Active => Refusal::finding(
            FindingKind::OverproducedCertificate,
            format!(
                "The quota of “{name}” is used up: it may sign for {} devices of batch {}, and {serial} would be one more.",
                authority.quota.unwrap_or_default(),
                line.batch.code
            ),
        ),
        Some(authority) => Refusal::plain(format!(
            "“{name}” doesn't sign any more; it is: {}.",
            authority.state.label().to_lowercase()
        )),
        None => Refusal::plain(format!("“{name}” doesn't sign any more.")),
    }))
}

impl Fleet {
    /// Records a refusal, in the audit log and, if it means something, as a finding. Where no serial is known it is about
    /// the batch, or about who asked.
    pub(super) async fn refuse(&self, actor: &Actor, line: Option<&Line>, serial: &str, refusal: Refusal) -> Error {
        let subject = match line {
            _ if !serial.is_empty() => format!("device:{}", serial.chars().take(80).collect::<String>()),
            Some(line) => format!("batch:{}", line.batch.code),
            None => format!("{}:{}", actor.kind(), actor.name()),
        };
        let detail = json!({"refused": refusal.message, "batch": line.map(|line| line.batch.code.as_str())});
        let (action, detail) = (Permission::CertificateEnrol.as_str(), detail.to_string());
        // What is refused again and again must not decide how fast the log grows. What a station did wrong with different
        // devices is a finding of each.
        let is_worth_it = self.is_worth_an_entry(actor, Permission::CertificateEnrol);
        if is_worth_it && let Err(error) = self.audit_alone(actor, action, &subject, Outcome::Denied, &detail).await {
            tracing::error!(%error, "a refusal was not audited");
        }
        let counts = is_worth_it || matches!(actor, Actor::Station { .. });
        if let (Some(key), Some(line)) = (refusal.copied.as_ref().filter(|_| counts), line) {
            self.find_copied_key(key, line, serial).await;
        }
        if let Some(kind) = refusal.finding.filter(|_| counts) {
            let by = actor.name();
            let about = if serial.is_empty() { format!("{subject} by {by}") } else { serial.to_owned() };
            let found = Found {
                kind,
                about: &about,
                batch: line.map(|line| line.batch.id),
                authority: line.map(|line| line.authority.id),
                device: None,
                words: refusal.message.clone(),
                detail: if serial.is_empty() { json!({"by": by}) } else { json!({"serial": serial, "by": by}) },
            };
            self.find(&found).await;
        }
        Error::Conflict(refusal.message)
    }

    /// Notes by itself that a device came with another device's key, beside what was refused. That it can't be noted must
    /// not hide why it was refused.
    async fn find_copied_key(&self, key: &CopiedKey, line: &Line, serial: &str) {
        let batch = &line.batch;
        let comer = Comer { serial, batch: batch.id, batch_code: &batch.code, authority: line.authority.id };
        let noted = async {
            let mut tx = self.db().begin().await?;
            note_copied_key(&mut tx, key, comer, self.now()).await?;
            self.found(tx, FindingKind::IdentifierCopied).await
        };
        if let Err(error) = noted.await {
            tracing::error!(%error, device = serial, "that a key is in several devices was not noted");
        }
    }

    /// Records that a request could not be taken at all: when its sender does not have the key, or wants to be an
    /// authority, that is a finding. What was wrong is for the sender, too.
    ///
    /// # Errors
    /// When the actor may not enrol.
    pub async fn bad_request(
        &self,
        actor: &Actor,
        batch_code: &str,
        serial: &str,
        problem: &pki::RequestError,
    ) -> Result<Error> {
        let subject = format!("batch:{batch_code}");
        if !matches!(actor, Actor::Device { .. }) {
            self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        }
        let message = format!("The request was refused: {problem}.");
        let means = matches!(problem, pki::RequestError::WrongProof | pki::RequestError::Authority);
        let refusal = Refusal { message, finding: means.then_some(FindingKind::BadProof), copied: None };
        // Which batch it was for is said as far as it is one; a request that can't be read names no device.
        let line = if batch_code.is_empty() { None } else { self.line(batch_code).await.ok() };
        let about = match actor {
            Actor::Device { serial: own, .. } if serial.is_empty() => own,
            _ => serial,
        };
        Ok(self.refuse(actor, line.as_ref(), about, refusal).await)
    }
}
