//! Reading certificates: lists, one with its chain and everything that happened to it, and when they end.

use crate::{Actor, Error, Fleet, Result};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    certificate::{
        Certificate, CertificatePurpose, CertificateStanding, CertificateStatus, EXPIRES_SOON, RevocationReason,
    },
    id::{CertificateId, RevocationId},
    person::Permission,
    time::{DAY, Timestamp},
};
use serde::Serialize;
use std::collections::HashMap;
use store::certificate::{ActOn, CertificateCursor, CertificateFilter as Kept};

/// How many certificates a page shows when nothing is said, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 500;

/// Which certificates a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFilter {
    /// Those of one authority, by the name in its addresses.
    pub authority: Option<String>,
    /// Those for one purpose.
    pub purpose: Option<CertificatePurpose>,
    /// Those that stand so.
    pub standing: Option<CertificateStanding>,
    /// Those that end later than so many days from now; negative for days that are over.
    pub expires_after_days: Option<i64>,
    /// Those that end within so many days from now; without a beginning only those that haven't ended.
    pub expires_within_days: Option<i64>,
    /// Those that were issued in the place of another within so many days before now.
    pub renewed_within_days: Option<i64>,
    /// Those of one device.
    pub device: Option<String>,
    /// Where the page begins: what [`CertificatePage::next`] said.
    pub cursor: Option<String>,
    /// How many to show; 0 for what is usual.
    pub limit: usize,
}

/// A certificate as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateRow {
    /// Its id.
    pub id: CertificateId,
    /// What issued it, as addresses name it.
    pub authority_slug: String,
    /// The issuer's name.
    pub authority_name: String,
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// What it is for.
    pub purpose: CertificatePurpose,
    /// The device's serial.
    pub device_serial: Option<String>,
    /// Whether there is a device of that serial.
    pub is_device: bool,
    /// The common name in it.
    pub name: String,
    /// How it stands now.
    pub status: CertificateStanding,
    /// Why, when it was held or revoked.
    pub reason: Option<RevocationReason>,
    /// Since when it stands so.
    pub status_at: Timestamp,
    /// From when it holds.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Who had it issued.
    pub issued_by: String,
    /// When it was first used.
    pub first_used_at: Option<Timestamp>,
    /// The serial number of the certificate that it replaces.
    pub replaces: Option<String>,
}

/// One page of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificatePage {
    /// The certificates.
    pub rows: Vec<CertificateRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// How many match; 10,001 stands for more than 10,000.
    pub total: i64,
}

/// One certificate above another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainLink {
    /// The authority, as addresses name it.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: AuthorityKind,
    /// In which state it is.
    pub state: AuthorityState,
    /// When its certificate ends.
    pub not_after: Option<Timestamp>,
    /// The serial number of its certificate.
    pub serial: String,
}

/// Something that happened to a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub words: String,
    /// Who did it; may be empty.
    pub by: String,
    /// More of it; may be empty.
    pub note: String,
    /// The act of revocation that it was.
    pub revocation: Option<RevocationId>,
    /// The other certificate that it is about: its issuer, as addresses name it, and its serial number.
    pub certificate: Option<(String, String)>,
}

impl CertificateEvent {
    fn new(at: Timestamp, words: impl Into<String>, by: &str) -> Self {
        let (words, by) = (words.into(), by.to_owned());
        Self { at, words, by, note: String::new(), revocation: None, certificate: None }
    }
}

/// A certificate with all that belongs to it.
#[derive(Clone, Debug)]
pub struct CertificateDetail {
    /// The certificate, as it is kept.
    pub row: CertificateRow,
    /// The certificate itself.
    pub certificate: pki::Certificate,
    /// What stands above it, nearest first, with the root.
    pub chain: Vec<ChainLink>,
    /// What happened to it, the oldest first.
    pub events: Vec<CertificateEvent>,
}

/// How many valid certificates end in a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpiryBucket {
    /// A word for addresses.
    pub word: &'static str,
    /// The words that people read.
    pub label: &'static str,
    /// How many.
    pub count: i64,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// When certificates end, and how many were renewed lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// The spans, the earliest first.
    pub buckets: Vec<ExpiryBucket>,
    /// How many were renewed in the last 30 days.
    pub renewed: i64,
}

impl Fleet {
    /// One page of certificates.
    ///
    /// # Errors
    /// When the actor may not see them, or there is no such authority.
    pub async fn certificates(&self, actor: &Actor, filter: &CertificateFilter) -> Result<CertificatePage> {
        actor.require(Permission::AuthorityRead)?;
        let authorities = store::authority::all(self.db()).await?;
        let kept = self.kept_filter(filter, &authorities)?;
        let cursor =
            match filter.cursor.as_deref() {
                None | Some("") => None,
                Some(text) => Some(text.parse::<CertificateCursor>().map_err(|()| {
                    Error::field("cursor", "This page can't be found again. Begin with the first one.")
                })?),
            };
        let limit = if filter.limit == 0 { PAGE } else { filter.limit.min(PAGE_MAX) };
        let kept = &kept;
        let read = |db| async move {
            tokio::try_join!(store::certificate::page(&db, kept, cursor, limit), store::certificate::count(&db, kept))
        };
        let (page, total) = self.listed(read).await?;
        let rows = self.rows(page.certificates, &authorities).await?;
        Ok(CertificatePage { rows, next: page.next.map(|cursor| cursor.to_string()), total })
    }

    /// A certificate by its issuer, as addresses name it, and its serial number.
    ///
    /// # Errors
    /// When the actor may not see it, or there is none.
    pub async fn certificate(&self, actor: &Actor, authority_slug: &str, serial: &str) -> Result<CertificateDetail> {
        actor.require(Permission::AuthorityRead)?;
        let authority = store::authority::by_slug(self.db(), authority_slug).await?;
        let authority = authority.ok_or_else(|| Error::not_found("authority", authority_slug))?;
        let missing = || Error::not_found("certificate", serial);
        let serial = pki::SerialNumber::from_hex(serial).map_err(|_| missing())?.hex();
        let found = store::certificate::by_serial(self.db(), authority.id, &serial).await?;
        let kept = found.ok_or_else(missing)?;
        let der = store::certificate::der(self.db(), kept.id).await?.ok_or_else(missing)?;
        let certificate = pki::Certificate::from_der(&der).map_err(Error::internal)?;
        let mut chain = vec![link_of(&authority)];
        chain.extend(self.above(&authority).await?.iter().map(|(above, _)| link_of(above)));
        let authorities = store::authority::all(self.db()).await?;
        let events = self.events_of(&kept, &authorities).await?;
        let row = self.rows(vec![kept], &authorities).await?.into_iter().next().ok_or_else(missing)?;
        Ok(CertificateDetail { row, certificate, chain, events })
    }

    /// All certificates of a device, the newest first.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn certificates_of_device(&self, actor: &Actor, serial: &str) -> Result<Vec<CertificateRow>> {
        actor.require(Permission::AuthorityRead)?;
        let mut kept = store::certificate::of_device(self.db(), serial).await?;
        kept.reverse();
        let authorities = store::authority::all(self.db()).await?;
        self.rows(kept, &authorities).await
    }

    /// When the valid certificates end; only those of one authority when one is given, as addresses name it.
    ///
    /// # Errors
    /// When the actor may not see them, or there is no such authority.
    pub async fn expiry(&self, actor: &Actor, authority: Option<&str>) -> Result<Expiry> {
        actor.require(Permission::AuthorityRead)?;
        let of = match authority {
            None => None,
            Some(slug) => {
                let found = store::authority::by_slug(self.db(), slug).await?;
                Some(found.ok_or_else(|| Error::not_found("authority", slug))?.id)
            }
        };
        let now = self.now();
        let spans = [
            ("expired", "Ended in the last 90 days", -90, 0),
            ("7d", "Within 7 days", 0, 7),
            ("30d", "8 to 30 days", 7, 30),
            ("90d", "31 to 90 days", 30, 90),
            ("1y", "91 days to a year", 90, 365),
            ("later", "Later", 365, 36_500),
        ];
        let mut buckets = Vec::with_capacity(spans.len());
        for (word, label, from, to) in spans {
            let (from, to) = (now.plus(from * DAY), now.plus(to * DAY));
            let count = store::certificate::ending(self.db(), (from, to), of).await?;
            buckets.push(ExpiryBucket { word, label, count, from, to });
        }
        let renewed = store::certificate::renewed_since(self.db(), now.plus(-EXPIRES_SOON), of).await?;
        Ok(Expiry { buckets, renewed })
    }

    fn kept_filter(&self, filter: &CertificateFilter, authorities: &[Authority]) -> Result<Kept> {
        let now = self.now();
        let mut kept = Kept { purpose: filter.purpose, device_serial: filter.device.clone(), ..Kept::default() };
        if let Some(slug) = &filter.authority {
            let authority = authorities.iter().find(|authority| authority.slug == *slug);
            kept.authority = Some(authority.ok_or_else(|| Error::not_found("authority", slug))?.id);
        }
        match filter.standing {
            None => {}
            Some(CertificateStanding::Valid) => {
                (kept.status, kept.ends_from) = (Some(CertificateStatus::Valid), Some(now));
                kept.soon = Some((now, false));
            }
            Some(CertificateStanding::Expiring) => {
                kept.status = Some(CertificateStatus::Valid);
                (kept.ends_from, kept.ends_before) = (Some(now), Some(now.plus(EXPIRES_SOON + 1)));
                kept.soon = Some((now, true));
            }
            Some(CertificateStanding::Expired) => kept.ends_before = Some(now),
            Some(CertificateStanding::Superseded) => kept.status = Some(CertificateStatus::Superseded),
            Some(CertificateStanding::Held) => kept.status = Some(CertificateStatus::Held),
            Some(CertificateStanding::Revoked) => kept.status = Some(CertificateStatus::Revoked),
        }
        kept.renewed_from = filter.renewed_within_days.map(|days| now.plus(-days.clamp(0, 36_500) * DAY));
        if filter.expires_after_days.is_some() || filter.expires_within_days.is_some() {
            kept.status = kept.status.or(Some(CertificateStatus::Valid));
            let day = |days: i64| now.plus(days.clamp(-36_500, 36_500) * DAY);
            let (from, until) = (filter.expires_after_days.map_or(now, day), filter.expires_within_days.map(day));
            kept.ends_from = Some(kept.ends_from.map_or(from, |set| set.max(from)));
            kept.ends_before = [kept.ends_before, until].into_iter().flatten().min();
        }
        Ok(kept)
    }

    async fn rows(&self, kept: Vec<Certificate>, authorities: &[Authority]) -> Result<Vec<CertificateRow>> {
        let now = self.now();
        let by_id: HashMap<_, _> = authorities.iter().map(|authority| (authority.id, authority)).collect();
        // One that another batch signed is not linked to its device.
        let unlinked = kept.iter().filter(|certificate| certificate.device_id.is_none());
        let unlinked: Vec<&str> = unlinked.filter_map(|certificate| certificate.device_serial.as_deref()).collect();
        let known = store::device::by_serials(self.db(), &unlinked).await?;
        let mut rows = Vec::with_capacity(kept.len());
        for certificate in kept {
            let replaced = match certificate.replaces {
                Some(id) => store::certificate::by_id(self.db(), id).await?.map(|old| old.serial),
                None => None,
            };
            let issuer = by_id.get(&certificate.authority_id);
            rows.push(CertificateRow {
                status: certificate.standing(now),
                authority_slug: issuer.map(|issuer| issuer.slug.clone()).unwrap_or_default(),
                authority_name: issuer.map(|issuer| issuer.name.clone()).unwrap_or_default(),
                id: certificate.id,
                serial: certificate.serial,
                purpose: certificate.purpose,
                is_device: certificate.device_id.is_some()
                    || known.iter().any(|device| Some(&device.serial) == certificate.device_serial.as_ref()),
                device_serial: certificate.device_serial,
                name: certificate.name,
                reason: certificate.reason,
                status_at: certificate.status_at,
                not_before: certificate.not_before,
                not_after: certificate.not_after,
                issued_at: certificate.issued_at,
                // A server's row says where its key is, which is nobody's name.
                issued_by: if certificate.issued_by.contains(':') {
                    "muster".to_owned()
                } else {
                    certificate.issued_by
                },
                first_used_at: certificate.first_used_at,
                replaces: replaced,
            });
        }
        Ok(rows)
    }

    /// What happened to a certificate: what its row says, what was issued in its place, and what was done to it or to all
    /// that its issuer signed.
    async fn events_of(&self, certificate: &Certificate, authorities: &[Authority]) -> Result<Vec<CertificateEvent>> {
        let issuer = |id| authorities.iter().find(|authority| authority.id == id);
        let issuer_name = issuer(certificate.authority_id).map_or("", |issuer| issuer.name.as_str());
        let issued = format!("Issued by {issuer_name}");
        let mut events = vec![CertificateEvent::new(certificate.issued_at, issued, &certificate.issued_by)];
        if let Some(at) = certificate.first_used_at {
            events.push(CertificateEvent::new(at, "First used", &certificate.name));
        }
        for renewed in store::certificate::replaced_by(self.db(), certificate.id).await? {
            let slug = issuer(renewed.authority_id).map(|issuer| issuer.slug.clone()).unwrap_or_default();
            let event = CertificateEvent::new(renewed.issued_at, "Renewed: another was issued", &renewed.issued_by);
            events.push(CertificateEvent { certificate: Some((slug, renewed.serial)), ..event });
        }
        if certificate.status == CertificateStatus::Superseded {
            let words = "Superseded by a later certificate";
            events.push(CertificateEvent::new(certificate.status_at, words, &certificate.name));
        }
        for act in store::certificate::acts_on(self.db(), certificate.authority_id, &certificate.serial).await? {
            events.extend(events_of_act(act, ""));
        }
        for cut in store::certificate::cuts_on(self.db(), certificate.authority_id).await? {
            events.extend(events_of_act(cut, &format!(", with everything that {issuer_name} signed")));
        }
        events.sort_by_key(|event| event.at);
        Ok(events)
    }
}

/// What an act did, and that it was lifted.
fn events_of_act(act: ActOn, to_what: &str) -> Vec<CertificateEvent> {
    let words = match (act.act.as_str(), store::revoked::reason_of(act.reason)) {
        ("", _) => "Refused from now on: superseded".to_owned(),
        ("hold", _) => format!("Put on hold{to_what}"),
        (_, reason) => format!("Revoked{to_what}: {}", reason.label().to_lowercase()),
    };
    let by = if act.approved.is_empty() { act.asked } else { format!("{}, approved by {}", act.asked, act.approved) };
    let event = CertificateEvent::new(Timestamp(act.at), words, &by);
    let mut events = vec![CertificateEvent { note: act.note, revocation: act.revocation.map(RevocationId), ..event }];
    if act.lifted_at > 0 {
        // What lifts a hold releases it or takes its place; in both cases that is another act.
        let event = CertificateEvent::new(Timestamp(act.lifted_at), format!("No longer on hold{to_what}"), &act.lifter);
        events.push(CertificateEvent { revocation: act.lifting.map(RevocationId), ..event });
    }
    events
}

fn link_of(authority: &Authority) -> ChainLink {
    ChainLink {
        slug: authority.slug.clone(),
        name: authority.name.clone(),
        kind: authority.kind,
        state: authority.state,
        not_after: authority.not_after,
        serial: authority.serial.clone(),
    }
}
