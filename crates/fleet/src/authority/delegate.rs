//! A delegated batch CA: a factory that must work without a connection signs a batch's devices itself, within a quota and
//! for a short time, and delivers what it signed afterwards.

use crate::{
    Actor, Deed, Error, Fleet, Result,
    custody::append,
    enrol::{Comer, CopiedKey, KitFile, domain_within, forged, note_copied_key},
    finding::{Found, note, settle},
    setting::Settings,
};
use domain::{
    authority::{Authority, AuthorityState, FindingKind},
    batch::Batch,
    certificate::{Certificate, CertificatePurpose, CertificateStatus, device_dns_name},
    device::{Device, check_serial},
    history::Event,
    id::{AuthorityId, CertificateId},
    person::Permission,
    time::Timestamp,
};
use pki::Passphrase;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// How many certificates are entered together.
const PIECE: usize = 200;

/// What came of certificates that a factory delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// How many were new and as agreed.
    pub entered: i64,
    /// How many were known already.
    pub known: i64,
    /// Those that are not as agreed: entered, and on hold. Their devices' serials.
    pub withheld: Vec<String>,
    /// What is wrong with each of these, in the same order.
    #[serde(skip)]
    pub reasons: Vec<(FindingKind, String)>,
    /// Those that could not be entered: what is wrong with each.
    pub refused: Vec<String>,
}

impl Fleet {
    /// What a factory needs to sign with a delegated CA: the key, sealed with a passphrase of this package alone, and the
    /// chain. The key stays here, too, because its CRL and its OCSP answers need it.
    ///
    /// # Errors
    /// When the actor may not, there is no such authority, or it isn't a delegated one that signs.
    pub async fn delegation_package(
        &self,
        actor: &Actor,
        id: AuthorityId,
        passphrase: &Passphrase,
    ) -> Result<Vec<KitFile>> {
        let subject = format!("authority:{id}");
        self.authorise(actor, Permission::AuthorityManage, &subject).await?;
        let authority = self.kept_authority(id).await?;
        if !authority.delegated || authority.state != AuthorityState::Active {
            return Err(Error::Conflict("Only an active delegated CA can be given to a factory.".to_owned()));
        }
        let key = self.key_at(&authority.key_location).await?;
        let passphrase = passphrase.clone();
        let sealed =
            tokio::task::spawn_blocking(move || pki::seal(&key, &passphrase)).await.map_err(Error::internal)?;
        let sealed = sealed.map_err(Error::internal)?;
        let (chain, roots) = (self.chain_below_root(id).await?, self.roots().await?);
        let deed = self.allow(actor, Permission::AuthorityManage, &subject).await?;
        let detail = json!({"name": authority.name, "quota": authority.quota, "not_after": authority.not_after});
        deed.commit("authority.delegate", &subject, &detail).await?;
        Ok(vec![
            KitFile::secret("batch-ca.key", sealed),
            KitFile::public("batch-ca.pem", pki::chain_pem(&chain)),
            KitFile::public("ca.pem", pki::chain_pem(&roots)),
            KitFile::public("README.txt", readme(&authority)),
        ])
    }

    /// Takes what a factory signed with a delegated CA. Everything that was signed is entered, also what should not have
    /// been: that is put on hold and is a finding.
    ///
    /// # Errors
    /// When the actor may not, a station delivers for another factory, or there is no such batch.
    pub async fn deliver_manifest(
        &self,
        actor: &Actor,
        batch_code: &str,
        certificates: &[pki::Certificate],
    ) -> Result<Delivery> {
        let subject = format!("batch:{batch_code}");
        self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        let catalogue = self.load_catalogue().await?;
        let batch = catalogue.batches.iter().find(|batch| batch.code == batch_code);
        let batch = batch.ok_or_else(|| Error::not_found("batch", batch_code))?;
        if matches!(actor, Actor::Station { factory, .. } if *factory != batch.factory_id) {
            let detail = json!({"refused": "another factory's batch"}).to_string();
            let (action, denied) = (Permission::CertificateEnrol.as_str(), domain::audit::Outcome::Denied);
            self.audit_alone(actor, action, &subject, denied, &detail).await?;
            return Err(Error::Conflict(format!("Batch {batch_code} is made by another factory.")));
        }
        let issuers = self.delegated(batch).await?;
        let settings = self.load_settings().await?;
        let mut delivery = Delivery::default();
        for piece in certificates.chunks(PIECE) {
            let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
            let before = delivery.clone();
            let issuers = held(&mut deed, &issuers).await?;
            let taker = Taker { batch, issuers: &issuers, settings: &settings };
            let mut copied = Vec::new();
            for certificate in piece {
                taker.take(&mut deed, certificate, (&mut delivery, &mut copied)).await?;
            }
            taker.note_copied(&mut deed, copied).await?;
            if delivery == before {
                continue;
            }
            deed.ring("certificate", &subject).await?;
            deed.commit("certificate.deliver", &subject, &json!(delivery)).await?;
            if delivery.withheld.len() > before.withheld.len() {
                self.follow_withheld().await;
            }
        }
        Ok(delivery)
    }

    /// What was put on hold counts in this process at once, and its records begin to follow.
    async fn follow_withheld(&self) {
        if let Err(error) = self.refresh_trust().await {
            tracing::error!(%error, "the trust of this process has not followed what was put on hold yet");
        }
        self.wake_revoker();
    }

    async fn delegated(&self, batch: &Batch) -> Result<Vec<(Authority, pki::Certificate)>> {
        let mut issuers = Vec::new();
        for authority in store::authority::of_batch(self.db(), batch.id).await? {
            if authority.delegated && authority.not_after.is_some() {
                let certificate = self.authority_certificate(&authority).await?;
                issuers.push((authority, certificate));
            }
        }
        Ok(issuers)
    }
}

/// The issuers as the transaction sees them, held until it ends: of two deliveries at once one finds the quota used up.
async fn held(
    deed: &mut Deed<'_>,
    issuers: &[(Authority, pki::Certificate)],
) -> Result<Vec<(Authority, pki::Certificate)>> {
    let mut ordered: Vec<_> = issuers.iter().collect();
    ordered.sort_by_key(|(authority, _)| authority.id);
    let mut held = Vec::with_capacity(issuers.len());
    for (authority, certificate) in ordered {
        if let Some(authority) = store::authority::lock(&mut deed.tx, authority.id).await? {
            held.push((authority, certificate.clone()));
        }
    }
    Ok(held)
}

/// A certificate's key that is another device's.
struct CopiedIn {
    key: CopiedKey,
    serial: String,
    authority: AuthorityId,
}

/// What takes a batch's delivered certificates, one by one.
struct Taker<'a> {
    batch: &'a Batch,
    issuers: &'a [(Authority, pki::Certificate)],
    settings: &'a Settings,
}

impl Taker<'_> {
    /// Notes keys that are others', in one order: of two deliveries with the same keys none waits for the other in a circle.
    async fn note_copied(&self, deed: &mut Deed<'_>, mut copied: Vec<CopiedIn>) -> Result<()> {
        copied.sort_by(|a, b| a.key.spki_sha256.cmp(&b.key.spki_sha256));
        let (batch, at) = (self.batch, deed.fleet().now());
        for CopiedIn { key, serial, authority } in copied {
            let comer = Comer { serial: &serial, batch: batch.id, batch_code: &batch.code, authority };
            note_copied_key(&mut deed.tx, &key, comer, at).await?;
        }
        Ok(())
    }

    async fn take(
        &self,
        deed: &mut Deed<'_>,
        delivered: &pki::Certificate,
        (delivery, copied): (&mut Delivery, &mut Vec<CopiedIn>),
    ) -> Result<()> {
        let serial_number = delivered.serial_hex();
        let mut refuse = |why: String| delivery.refused.push(format!("{}: {why}", delivered.common_name()));
        let Some((authority, ca)) = self.issuers.iter().find(|(_, ca)| delivered.verify_issued_by(ca).is_ok()) else {
            refuse(format!("no delegated CA of batch {} signed it", self.batch.code));
            return Ok(());
        };
        let name = delivered.common_name();
        let Ok(serial) = check_serial(&name) else {
            refuse("its common name is no serial of a device".to_owned());
            return Ok(());
        };
        let known = store::certificate::with_der_within(&mut deed.tx, authority.id, &serial_number).await?;
        if let Some((known, der)) = known {
            if der == delivered.der() {
                delivery.known += 1;
            } else {
                let found = forged(&known, &delivered.fingerprint());
                refuse(found.words.clone());
                let at = deed.fleet().now();
                note(&mut deed.tx, &found, at).await?;
                deed.ring("finding", found.kind.as_str()).await?;
            }
            return Ok(());
        }
        let device = store::device::lock_by_serials(&mut deed.tx, &[serial]).await?.pop();
        let row = row(deed, authority, delivered, serial);
        let problem = match self.problem(deed, authority, &row, device.as_ref()).await? {
            Some(problem) => Some(problem),
            None => self.flaw(deed.fleet().now(), authority, ca, delivered, serial),
        };
        store::authority::count_on(&mut deed.tx, authority.id, 1).await?;
        self.enter(deed, authority, row, delivered, device).await?;
        match problem {
            None => delivery.entered += 1,
            Some((kind, words)) => {
                copied.extend(self.withhold(deed, authority, delivered, (kind, words.clone())).await?);
                delivery.withheld.push(serial.to_owned());
                delivery.reasons.push((kind, words));
            }
        }
        Ok(())
    }

    /// What speaks against a certificate that exists all the same.
    async fn problem(
        &self,
        deed: &mut Deed<'_>,
        authority: &Authority,
        row: &Certificate,
        device: Option<&Device>,
    ) -> Result<Option<(FindingKind, String)>> {
        let serial = row.device_serial.as_deref().unwrap_or_default();
        let claimed = store::certificate::claim(&mut deed.tx, serial, row.id).await?;
        let owner = format!("device:{serial}");
        let owned = store::certificate::own_key(&mut deed.tx, &row.public_key_sha256, &owner).await?;
        let now = store::authority::by_id_within(&mut deed.tx, authority.id).await?;
        let beyond = now.is_some_and(|now| now.quota.is_some_and(|quota| now.issued >= quota));
        let compromised = store::certificate::is_compromised(&mut deed.tx, &row.public_key_sha256).await?;
        Ok(if beyond {
            let quota = authority.quota.unwrap_or_default();
            let words = format!("The factory signed for {serial} beyond the quota of {quota} devices.");
            Some((FindingKind::OverproducedCertificate, words))
        } else if claimed.is_some() {
            let words = format!("The factory signed for {serial}, which has a certificate already.");
            Some((FindingKind::OverproducedCertificate, words))
        } else if owned != owner {
            let words = format!(
                "The factory signed for {serial} with a key that is somebody else’s ({}).",
                owned.replace(':', " ")
            );
            let of_device = owned.starts_with("device:");
            Some((if of_device { FindingKind::IdentifierCopied } else { FindingKind::SharedKey }, words))
        } else if device.is_some_and(|device| device.batch_id != self.batch.id) {
            let words = format!("The factory signed for {serial}, which is of another batch.");
            Some((FindingKind::ForeignBatch, words))
        } else if compromised {
            let words = format!("The factory signed for {serial} with a key that was compromised.");
            Some((FindingKind::WrongCertificate, words))
        } else {
            None
        })
    }

    /// What is wrong with the certificate itself, or with who signed it.
    fn flaw(
        &self,
        now: Timestamp,
        authority: &Authority,
        ca: &pki::Certificate,
        delivered: &pki::Certificate,
        serial: &str,
    ) -> Option<(FindingKind, String)> {
        let domain = domain_within(ca, &self.batch.code, self.settings);
        let expected = device_dns_name(serial, &self.batch.code, &domain);
        if delivered.dns_names() != [expected.as_str()] || !delivered.ip_addresses().is_empty() {
            let words = format!("The factory signed for {serial} with other names than {expected}.");
            return Some((FindingKind::ForeignBatch, words));
        }
        let (from, to) = (delivered.not_before(), delivered.not_after());
        let wrong = if !authority.state.is_trusted() {
            format!("which was delivered while “{}” was cut off", authority.name)
        } else if ca.not_after() <= now {
            format!("which was delivered after “{}” had ended", authority.name)
        } else if delivered.is_ca() {
            "which may sign others".to_owned()
        } else if !delivered.has_purpose("clientAuth") {
            "which is not for clientAuth".to_owned()
        } else if !delivered.has_accepted_key() {
            format!("whose key is not accepted: {}", delivered.key_words())
        } else if from >= to || from < ca.not_before() || to > ca.not_after() {
            format!("which holds from {} to {}, beyond its CA", from.exact_words(), to.exact_words())
        } else {
            return None;
        };
        Some((FindingKind::WrongCertificate, format!("The factory signed a certificate for {serial} {wrong}.")))
    }

    async fn enter(
        &self,
        deed: &mut Deed<'_>,
        authority: &Authority,
        mut row: Certificate,
        delivered: &pki::Certificate,
        device: Option<Device>,
    ) -> Result<()> {
        let serial = row.device_serial.clone().unwrap_or_default();
        let device = device.filter(|device| device.batch_id == self.batch.id);
        row.device_id = device.as_ref().map(|device| device.id);
        let event = Event::CertificateIssued {
            serial: row.serial.clone(),
            issuer: authority.name.clone(),
            not_after: row.not_after,
        };
        let at = deed.fleet().now();
        store::certificate::insert_many(&mut deed.tx, &[(row, delivered.der().to_vec())]).await?;
        if let Some(device) = device {
            let entry = deed.fleet().entry(deed.actor(), at, "", event);
            append(deed, &device, vec![entry]).await?;
            settle(deed, FindingKind::DeviceWithoutCertificate, &serial, at).await?;
            deed.ring("device", &serial).await?;
        }
        Ok(())
    }

    /// Puts it on hold and says why. What is still to be noted, where its key is another device's.
    async fn withhold(
        &self,
        deed: &mut Deed<'_>,
        authority: &Authority,
        delivered: &pki::Certificate,
        (kind, words): (FindingKind, String),
    ) -> Result<Option<CopiedIn>> {
        let (serial, serial_number) = (delivered.common_name(), delivered.serial_hex());
        let at = deed.fleet().now();
        crate::revocation::withhold(deed, (authority.id, &serial_number), &words, at).await?;
        if kind == FindingKind::IdentifierCopied {
            let spki_sha256 = delivered.public_key_sha256();
            let owner = store::certificate::own_key(&mut deed.tx, &spki_sha256, &format!("device:{serial}")).await?;
            let key = CopiedKey { spki_sha256, first: owner.trim_start_matches("device:").to_owned() };
            deed.ring("finding", kind.as_str()).await?;
            return Ok(Some(CopiedIn { key, serial, authority: authority.id }));
        }
        let found = Found {
            kind,
            about: &serial,
            batch: Some(self.batch.id),
            authority: Some(authority.id),
            device: None,
            words,
            detail: json!({"serial": serial, "certificate": serial_number}),
        };
        note(&mut deed.tx, &found, at).await?;
        deed.ring("finding", kind.as_str()).await?;
        Ok(None)
    }
}

fn row(deed: &Deed<'_>, authority: &Authority, delivered: &pki::Certificate, serial: &str) -> Certificate {
    let now = deed.fleet().now();
    Certificate {
        id: CertificateId(Uuid::now_v7()),
        authority_id: authority.id,
        serial: delivered.serial_hex(),
        purpose: CertificatePurpose::Device,
        device_id: None,
        device_serial: Some(serial.to_owned()),
        factory_id: None,
        name: delivered.common_name(),
        public_key_sha256: delivered.public_key_sha256(),
        status: CertificateStatus::Valid,
        reason: None,
        status_at: now,
        not_before: delivered.not_before(),
        not_after: delivered.not_after(),
        // When the factory says; never later than now.
        issued_at: delivered.not_before().min(now),
        issued_by: deed.actor().name().to_owned(),
        first_used_at: None,
        replaces: None,
    }
}

fn readme(authority: &Authority) -> String {
    let until = authority.not_after.map(Timestamp::exact_words).unwrap_or_default();
    format!(
        "{}\n\n\
         batch-ca.key  the CA's key, sealed with the passphrase that you were told by another way (openssl pkey reads it)\n\
         batch-ca.pem  its certificate, with what stands above it\n\
         ca.pem        the root\n\n\
         It may sign for {} devices, until {until}. Each certificate needs: the device's serial as its common name and nothing\n\
         else in its subject; the device's DNS name as its only subject alternative name; an end not later than the CA's;\n\
         CA:FALSE, digitalSignature, clientAuth. Deliver every certificate afterwards: one that is not delivered is refused\n\
         everywhere, and one beyond the quota is put on hold.\n\n\
         Every device that it signs has to connect and renew its certificate before {until}. From then on a device that has\n\
         not is refused, can't renew any more, and needs a new certificate from somebody who has it in hand.\n",
        authority.name,
        authority.quota.unwrap_or_default()
    )
}
