//! Certificates of made-up devices: where an authority signs for their batch, they are really issued.

use crate::{demo::ACTOR, wired};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    history::{Entry, Event},
    time::Timestamp,
};
use fleet::{Fleet, Result, certificate::CertificateFilter, enrol::Backdated, seed::Life};
use pki::{KeyAlgorithm, Signer, SoftwareKey};
use std::collections::{HashMap, HashSet};
use zeroize::Zeroizing;

/// For how many days a made-up device's certificate holds.
pub(crate) const CERTIFICATE_DAYS: i64 = 730;

/// A device whose certificates are revoked, once the device is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastAct {
    /// The device's serial.
    pub serial: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// The codes of the batches that an authority signs for, with the authority's name.
pub(crate) async fn signed_for(fleet: &Fleet) -> Result<HashMap<String, String>> {
    let rows = fleet.authorities(&ACTOR).await?.into_iter();
    let signing =
        rows.filter(|row| row.authority.kind == AuthorityKind::Batch && row.authority.state == AuthorityState::Active);
    Ok(signing.filter_map(|row| row.batch.map(|batch| (batch, row.authority.name))).collect())
}

/// Takes revocations out of lives: they are done as the deeds that they are, when the devices are there. What was
/// renewed after one was not.
pub(crate) fn take_revocations(lives: &mut [Life]) -> Vec<PastAct> {
    let mut acts = Vec::new();
    for life in lives {
        let mut revoked = false;
        let mut keep = |entry: &Entry| match &entry.event {
            Event::CertificateRevoked { reason } => {
                if !revoked {
                    acts.push(PastAct { serial: life.serial.clone(), at: entry.at, reason: reason.clone() });
                }
                revoked = true;
                false
            }
            Event::CertificateRenewed { .. } => !revoked,
            _ => true,
        };
        life.history.retain(&mut keep);
    }
    acts
}

/// What a life says of one certificate.
#[derive(Clone, Copy)]
struct Told {
    life: usize,
    entry: usize,
    at: Timestamp,
}

fn told(lives: &[Life]) -> Vec<Told> {
    let of_life = |(life, of): (usize, &Life)| {
        let is_issue =
            |event: &Event| matches!(event, Event::CertificateIssued { .. } | Event::CertificateRenewed { .. });
        let entries = of.history.iter().enumerate().filter(|(_, entry)| is_issue(&entry.event));
        entries.map(|(entry, of)| Told { life, entry, at: of.at }).collect::<Vec<_>>()
    };
    lives.iter().enumerate().flat_map(of_life).collect()
}

/// Issues the certificates that lives tell of, and writes into the lives which these are. What an earlier call issued,
/// which was ended before the devices were made, is found again.
pub(crate) async fn certify(
    fleet: &Fleet,
    batch: &str,
    authority: &str,
    lives: &mut [Life],
    wired: &HashSet<String>,
) -> Result<()> {
    let wanted = told(lives);
    let Some(first) = lives.first() else { return Ok(()) };
    let issued = if issued_before(fleet, &first.serial).await?.is_empty() {
        issue(fleet, batch, lives, &wanted, wired).await?
    } else {
        let mut issued = Vec::with_capacity(wanted.len());
        for life in lives.iter() {
            issued.extend(issued_before(fleet, &life.serial).await?);
        }
        issued
    };
    for (place, (serial, not_after)) in wanted.iter().zip(issued) {
        let entry = lives.get_mut(place.life).and_then(|life| life.history.get_mut(place.entry));
        let Some(entry) = entry else { continue };
        let issuer = authority.to_owned();
        entry.event = match entry.event {
            Event::CertificateRenewed { .. } => Event::CertificateRenewed { serial, issuer, not_after },
            _ => Event::CertificateIssued { serial, issuer, not_after },
        };
    }
    Ok(())
}

/// A device's certificates, the oldest first.
async fn issued_before(fleet: &Fleet, serial: &str) -> Result<Vec<(String, Timestamp)>> {
    let filter = CertificateFilter { device: Some(serial.to_owned()), ..CertificateFilter::default() };
    let mut rows = fleet.certificates(&ACTOR, &filter).await?.rows;
    rows.sort_by_key(|row| row.issued_at);
    Ok(rows.into_iter().map(|row| (row.serial, row.not_after)).collect())
}

async fn issue(
    fleet: &Fleet,
    batch: &str,
    lives: &[Life],
    wanted: &[Told],
    wired: &HashSet<String>,
) -> Result<Vec<(String, Timestamp)>> {
    let serials = wanted.iter().filter_map(|place| Some((lives.get(place.life)?.serial.clone(), place.at)));
    let (backdated, keys) = with_keys(serials.collect(), wired.clone()).await?;
    // Before they are issued: whoever goes on with what was ended here finds keys for all of them.
    wired::keep(fleet.folder(), &keys)?;
    let rows = fleet.issue_backdated(&ACTOR, batch, backdated).await?;
    Ok(rows.into_iter().map(|row| (row.serial, row.not_after)).collect())
}

/// Makes keys for devices. Nobody keeps the private halves: these devices never show themselves.
pub(crate) async fn backdated(serials: Vec<(String, Timestamp)>) -> Result<Vec<Backdated>> {
    with_keys(serials, HashSet::new()).await.map(|(made, _)| made)
}

/// The same, with the last key of each of those that come by the gateway.
async fn with_keys(
    serials: Vec<(String, Timestamp)>,
    wired: HashSet<String>,
) -> Result<(Vec<Backdated>, HashMap<String, Zeroizing<String>>)> {
    let made = tokio::task::spawn_blocking(move || {
        let (mut made, mut keys) = (Vec::with_capacity(serials.len()), HashMap::new());
        for (device_serial, issued_at) in serials {
            let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256)?;
            if wired.contains(&device_serial) {
                keys.insert(device_serial.clone(), key.pkcs8_pem()?);
            }
            let public_key = key.public_key().to_vec();
            made.push(Backdated { device_serial, public_key, issued_at, days: CERTIFICATE_DAYS });
        }
        Ok::<_, pki::Error>((made, keys))
    });
    made.await.map_err(fleet::Error::internal)?.map_err(fleet::Error::internal)
}
