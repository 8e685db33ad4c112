//! What a selection means at a moment: which certificates, or which authorities.

use super::Selection;
use crate::{Error, Fleet, Result, catalogue::Catalogue};
use domain::{
    custody::CustodianKind,
    id::{AuthorityId, BatchId, CustodianId, DeviceId, RevocationId},
    query,
    revocation::{RevocationAct, RevocationScope},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use store::{
    Tx,
    device_list::Filter,
    device_token,
    revoked::{
        cut::{self, Cut, Signer},
        target::{self, Target, Which},
    },
};

/// How many certificates are named that go with the one that is meant.
const KIN_SHOWN: usize = 20;

/// A selection whose names are resolved; what has to be read for that is read before a transaction begins.
pub(super) struct Plan {
    pub(super) selection: Selection,
    pub(super) act: RevocationAct,
    meant: Meant,
    /// What it is called.
    pub(super) name: String,
    /// The fleet query of its devices, for links.
    pub(super) query: Option<String>,
}

enum Meant {
    Certificate(AuthorityId, String),
    Device(DeviceId),
    Query(Filter),
    /// These devices, whatever a query means by now.
    Devices(Vec<DeviceId>),
    /// The devices that a request is bound to, whatever its query means by now.
    Bound(RevocationId),
    Batch(BatchId),
    Factory(CustodianId, HashSet<BatchId>),
}

/// What an act would hit at a moment.
pub(super) struct Hits {
    /// Certificates that it changes.
    pub(super) targets: Vec<Target>,
    /// Authorities that it changes.
    pub(super) authorities: Vec<Signer>,
    /// What cuts these off already.
    pub(super) cuts: Vec<Cut>,
}

impl Plan {
    pub(super) fn scope(&self) -> RevocationScope {
        self.selection.scope()
    }

    /// The certificates that are meant; none of those that an authority's cut decides on.
    fn which(&self) -> Option<Which<'_>> {
        match &self.meant {
            Meant::Certificate(authority, serial) => Some(Which::Certificate { authority: *authority, serial }),
            Meant::Device(device) => Some(Which::Device(*device)),
            Meant::Devices(devices) => Some(Which::Devices(devices)),
            Meant::Bound(act) => Some(Which::Bound(*act)),
            Meant::Query(filter) => Some(Which::Query(filter)),
            Meant::Batch(_) | Meant::Factory(..) => None,
        }
    }

    fn is_meant(&self, signer: &Signer) -> bool {
        match &self.meant {
            Meant::Batch(batch) => signer.batch == Some(*batch),
            Meant::Factory(factory, batches) => {
                use domain::authority::AuthorityKind as K;
                let of_factory = signer.factory == Some(*factory) || signer.batch.is_some_and(|b| batches.contains(&b));
                matches!(signer.kind, K::Factory | K::Batch) && of_factory
            }
            _ => false,
        }
    }

    /// Whether the act changes a certificate that stands so.
    fn changes(&self, target: &Target) -> bool {
        let is_held = target.revoked.map(|(reason, _)| crate::trust::is_hold(reason));
        match self.act {
            // What a rule holds a rule may release, when a device reports its repair: a person's hold takes its place.
            RevocationAct::Hold => is_held.is_none_or(|is_held| is_held && target.is_of_rule),
            RevocationAct::Revoke => is_held != Some(false),
            RevocationAct::Release => is_held == Some(true),
        }
    }

    /// Whether the act changes an authority that is cut off so.
    fn cuts_off(&self, signer: &Signer, cuts: &[Cut]) -> bool {
        use domain::authority::AuthorityState as S;
        let of_it: Vec<&Cut> = cuts.iter().filter(|cut| cut.authority == signer.id).collect();
        let is_revoked = signer.state == S::Revoked || of_it.iter().any(|cut| cut.act == RevocationAct::Revoke);
        let signs = matches!(signer.state, S::Active | S::Retired | S::Held);
        match self.act {
            RevocationAct::Hold => signs && of_it.is_empty() && signer.state != S::Held,
            RevocationAct::Revoke => signs && !is_revoked,
            RevocationAct::Release => !is_revoked && !of_it.is_empty(),
        }
    }

    /// The stations that go with a factory: their certificates are of the operations CA, so no cut of the factory's
    /// authorities refuses them.
    const fn stations(&self) -> Option<Which<'static>> {
        match &self.meant {
            Meant::Factory(factory, _) => Some(Which::Stations(*factory)),
            _ => None,
        }
    }

    fn of_authorities(&self, signers: Vec<Signer>, cuts: Vec<Cut>, stations: Vec<Target>) -> Hits {
        let meant = signers.into_iter().filter(|signer| self.is_meant(signer) && self.cuts_off(signer, &cuts));
        let authorities: Vec<Signer> = meant.collect();
        let ids: HashSet<AuthorityId> = authorities.iter().map(|signer| signer.id).collect();
        let cuts = cuts.into_iter().filter(|cut| ids.contains(&cut.authority)).collect();
        let targets = stations.into_iter().filter(|target| self.changes(target)).collect();
        Hits { targets, authorities, cuts }
    }

    fn of_certificates(&self, targets: Vec<Target>) -> Result<Hits> {
        let targets = not_too_many(targets)?.into_iter().filter(|target| self.changes(target)).collect();
        Ok(Hits { targets, authorities: Vec::new(), cuts: Vec::new() })
    }

    /// What the act would hit now.
    pub(super) async fn hits(&self, fleet: &Fleet, now: Timestamp) -> Result<Hits> {
        Ok(match self.which() {
            Some(which) => self.of_certificates(target::targets(fleet.db(), &which, now).await?)?,
            None => {
                let stations = match self.stations() {
                    Some(which) => target::targets(fleet.db(), &which, now).await?,
                    None => Vec::new(),
                };
                self.of_authorities(cut::signers(fleet.db()).await?, cut::alive(fleet.db()).await?, stations)
            }
        })
    }

    /// The same, as the transaction sees it. From here on until its end nobody else changes it: what is hit is locked
    /// before it is read.
    pub(super) async fn hits_within(&self, tx: &mut Tx, now: Timestamp) -> Result<Hits> {
        let Some(which) = self.which() else {
            let signers = cut::signers_within(tx).await?;
            let meant: Vec<AuthorityId> = signers.iter().filter(|s| self.is_meant(s)).map(|s| s.id).collect();
            cut::lock(tx, &meant).await?;
            let stations = match self.stations() {
                Some(which) => {
                    target::lock(tx, &which, now).await?;
                    target::targets_within(tx, &which, now).await?
                }
                None => Vec::new(),
            };
            return Ok(self.of_authorities(cut::signers_within(tx).await?, cut::alive_within(tx).await?, stations));
        };
        target::lock(tx, &which, now).await?;
        self.of_certificates(target::targets_within(tx, &which, now).await?)
    }

    /// How many devices have a token that the act concerns.
    pub(super) async fn tokens(&self, fleet: &Fleet, hits: &Hits) -> Result<i64> {
        Ok(match &self.meant {
            Meant::Batch(batch) => device_token::count_in_batch(fleet.db(), *batch).await?,
            Meant::Factory(factory, _) => device_token::count_of_factory(fleet.db(), *factory).await?,
            _ => device_token::count_of(fleet.db(), &hits.device_ids()).await?,
        })
    }

    /// The serials of certificates that are hit together with the one that is meant.
    pub(super) fn kin(&self, hits: &Hits) -> Vec<String> {
        let Meant::Certificate(authority, serial) = &self.meant else { return Vec::new() };
        let others = hits.targets.iter().filter(|target| (target.authority, &target.serial) != (*authority, serial));
        others.take(KIN_SHOWN).map(|target| target.serial.clone()).collect()
    }

    /// The plan of an act on exactly these devices, which somebody selected so.
    pub(super) fn of_devices(selection: Selection, act: RevocationAct, devices: &[DeviceId]) -> Self {
        let (meant, name, query) = match (&selection, devices) {
            (Selection::Device(serial), [device]) => (Meant::Device(*device), format!("device {serial}"), None),
            (other, _) => {
                let text = other.subject();
                (Meant::Devices(devices.to_vec()), format!("the devices of “{text}”"), Some(text))
            }
        };
        Self { selection, act, meant, name, query }
    }

    /// The plan of a request on a selection: it is bound to its devices, not to what its query means later.
    pub(super) fn bound(selection: Selection, act: RevocationAct, request: RevocationId) -> Self {
        let name = format!("the devices of “{}”", selection.subject());
        Self { query: Some(selection.subject()), selection, act, meant: Meant::Bound(request), name }
    }
}

impl Hits {
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.authorities.is_empty()
    }

    /// The devices, each once.
    pub(super) fn device_ids(&self) -> Vec<DeviceId> {
        let mut ids: Vec<DeviceId> = self.targets.iter().filter_map(|target| target.device).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    pub(super) fn authority_ids(&self) -> Vec<AuthorityId> {
        self.authorities.iter().map(|signer| signer.id).collect()
    }

    /// The certificates that are on hold, by who signed them and by the act that holds them.
    pub(super) fn held(&self) -> BTreeMap<(AuthorityId, RevocationId), Vec<&str>> {
        let mut out: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for target in &self.targets {
            if let Some((_, hold)) = target.revoked {
                out.entry((target.authority, hold)).or_default().push(&target.serial);
            }
        }
        out
    }

    /// The hash of exactly this. Of a batch or a factory that is its authorities, of a selection its devices, whatever
    /// certificates they get meanwhile: ordinary renewals must not keep an approval from ever being valid.
    pub(super) fn hash(&self, plan: &Plan) -> String {
        if plan.scope() == RevocationScope::Selection {
            return hash_of_devices(&plan.selection, plan.act, &self.device_ids());
        }
        let mut digest = begun(&plan.selection, plan.act);
        for signer in &self.authorities {
            add(&mut digest, signer.id.0.as_bytes());
            add(&mut digest, signer.serial.as_bytes());
        }
        // A factory's stations are not bound: they get new certificates every few weeks.
        for target in self.targets.iter().filter(|_| !plan.scope().cuts_authorities()) {
            add(&mut digest, target.authority.0.as_bytes());
            add(&mut digest, target.serial.as_bytes());
        }
        hex::encode(digest.finalize())
    }
}

/// One transaction enters them one by one, and whoever would cut off something else waits for it.
fn not_too_many(targets: Vec<Target>) -> Result<Vec<Target>> {
    if targets.len() > target::MOST {
        return Err(Error::Conflict(format!(
            "This means more than {} certificates. Choose batches, each of which one entry cuts off, or narrow the query.",
            target::MOST
        )));
    }
    Ok(targets)
}

/// The hash of an act on exactly these devices, which are in the order of their ids.
pub(super) fn hash_of_devices(selection: &Selection, act: RevocationAct, devices: &[DeviceId]) -> String {
    let mut digest = begun(selection, act);
    for device in devices {
        add(&mut digest, device.0.as_bytes());
    }
    hex::encode(digest.finalize())
}

fn begun(selection: &Selection, act: RevocationAct) -> Sha256 {
    let mut digest = Sha256::new();
    for text in ["muster-revocation-2", selection.scope().as_str(), act.as_str(), &selection.subject()] {
        add(&mut digest, text.as_bytes());
    }
    digest
}

fn add(digest: &mut Sha256, bytes: &[u8]) {
    digest.update((bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

impl Fleet {
    /// Resolves the names in a selection.
    pub(super) async fn plan_revocation(&self, selection: &Selection, act: RevocationAct) -> Result<Plan> {
        let catalogue = self.load_catalogue().await?;
        let (meant, name, query) = match selection {
            Selection::Certificate { authority, serial } => self.certificate_meant(authority, serial).await?,
            Selection::Device(serial) => {
                let device = store::device::by_serial(self.db(), serial).await?;
                let device = device.ok_or_else(|| Error::not_found("device", serial))?;
                (Meant::Device(device.id), format!("device {serial}"), None)
            }
            Selection::Query(text) => {
                let parsed = query::parse(text)?;
                if parsed.terms.is_empty() {
                    return Err(Error::field("query", "Narrow the query: it means every device there is."));
                }
                let filter = Filter::new(self.db(), &parsed, &catalogue.names(self.now())).await?;
                (Meant::Query(filter), format!("the devices of “{text}”"), Some(text.clone()))
            }
            Selection::Batch(code) => batch_meant(&catalogue, code)?,
            Selection::Factory(code) => factory_meant(&catalogue, code)?,
        };
        Ok(Plan { selection: selection.clone(), act, meant, name, query })
    }

    async fn certificate_meant(&self, slug: &str, serial: &str) -> Result<(Meant, String, Option<String>)> {
        let missing = || Error::not_found("certificate", &format!("{slug}/{serial}"));
        let signers = cut::signers(self.db()).await?;
        let authority = signers.iter().find(|signer| signer.slug == slug).ok_or_else(missing)?;
        let known = store::revoked::known(self.db(), authority.id, serial).await?.ok_or_else(missing)?;
        if known.purpose == domain::certificate::CertificatePurpose::Authority {
            return Err(Error::Conflict(
                "This is an authority's certificate. Revoke its batch or its factory, which cuts off all that it signed."
                    .to_owned(),
            ));
        }
        Ok((
            Meant::Certificate(authority.id, serial.to_owned()),
            format!("certificate {serial} of {}", authority.name),
            None,
        ))
    }
}

fn batch_meant(catalogue: &Catalogue, code: &str) -> Result<(Meant, String, Option<String>)> {
    let batch = catalogue.batches.iter().find(|batch| batch.code == *code);
    let batch = batch.ok_or_else(|| Error::not_found("batch", code))?;
    Ok((Meant::Batch(batch.id), format!("batch {code}"), Some(format!("batch:{}", quoted(code)))))
}

fn factory_meant(catalogue: &Catalogue, code: &str) -> Result<(Meant, String, Option<String>)> {
    let found = catalogue.custodians.iter().find(|c| c.code == *code && c.kind == CustodianKind::Factory);
    let factory = found.ok_or_else(|| Error::not_found("factory", code))?;
    let batches = catalogue.batches.iter().filter(|batch| batch.factory_id == factory.id).map(|batch| batch.id);
    let name = format!("factory {}", factory.name);
    Ok((Meant::Factory(factory.id, batches.collect()), name, Some(format!("factory:{}", quoted(code)))))
}

/// A value in a fleet query.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace(['"', '\\'], "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_transaction_should_enter_is_refused() {
        let authority = AuthorityId(uuid::Uuid::nil());
        let target = Target { authority, serial: "01".to_owned(), device: None, revoked: None, is_of_rule: false };
        let mut targets = vec![target; target::MOST];
        assert!(not_too_many(targets.clone()).is_ok());
        targets.extend(targets.first().cloned());
        assert!(matches!(not_too_many(targets), Err(Error::Conflict(why)) if why.contains("Choose batches")));
    }
}
