//! Reading acts: what was cut off, by whom, and how that spreads.

use super::{CameBack, ChannelRow, Preview, RevocationRow};
use crate::{Actor, Error, Fleet, Result, ocsp::USABLE_FOR, publish::VALID_FOR};
use domain::{
    id::RevocationId,
    person::Permission,
    retention::Kept,
    revocation::RevocationAct,
    time::{DAY, Timestamp},
};
use store::{
    revocation, revoked,
    revoked::cut::{self, Signer},
    spread,
};

/// How many acts a page of the list has at most.
const PAGE: i64 = 100;
/// How many devices a list on an act's page names.
const SHOWN: i64 = 50;
/// How many nodes, authorities and fetchers it names.
const CHANNELS: i64 = 200;
/// How many points a curve has at most.
const POINTS: usize = 120;

/// One page of acts, newest first.
#[derive(Clone, Debug)]
pub struct RevocationPage {
    /// The acts.
    pub rows: Vec<RevocationRow>,
    /// After which one the next page begins, if there is one.
    pub next: Option<RevocationId>,
}

/// How far an act has reached the field at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The moment.
    pub at: Timestamp,
    /// Which share of the devices that it hit had come back and been refused, 0 to 1.
    pub refused_share: f64,
    /// How many that were.
    pub met: i64,
}

/// Everything about an act.
#[derive(Clone, Debug)]
pub struct RevocationDetail {
    /// The act.
    pub row: RevocationRow,
    /// What was shown before.
    pub preview: Preview,
    /// The authorities that it concerns: their words in addresses, and their names.
    pub authorities: Vec<(String, String)>,
    /// How many devices it hit.
    pub devices: i64,
    /// How it reached the field.
    pub curve: Vec<CurvePoint>,
    /// What happened on each way, at each node: the first and the last time, and how often.
    pub channels: Vec<ChannelRow>,
    /// Devices that came back and were refused, or limited while on hold; the latest first.
    pub came_back: Vec<CameBack>,
    /// How many these are.
    pub came_back_total: i64,
    /// Devices that did not come back, with their last contact (none for never); those heard from last first.
    pub not_seen: Vec<(String, Option<Timestamp>)>,
    /// How many these are.
    pub not_seen_total: i64,
    /// When the last CRL or OCSP answer ends that was signed before the act and doesn't know of it; none when there was
    /// none.
    pub complete_at: Option<Timestamp>,
    /// When the last such OCSP answer ends; none when nobody can have got one.
    pub ocsp_until: Option<Timestamp>,
}

impl Fleet {
    /// Acts, newest first, after one.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn revocations(&self, actor: &Actor, after: Option<RevocationId>, limit: i64) -> Result<RevocationPage> {
        actor.require(Permission::AuthorityRead)?;
        let limit = limit.clamp(1, PAGE);
        let mut rows = revocation::list(self.db(), after, limit + 1).await?;
        let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = rows.last().filter(|_| more).map(|row| row.id);
        Ok(RevocationPage { rows, next })
    }

    /// Everything about an act.
    ///
    /// # Errors
    /// When the actor may not see it, or there is no such act.
    pub async fn revocation(&self, actor: &Actor, id: RevocationId) -> Result<RevocationDetail> {
        actor.require(Permission::AuthorityRead)?;
        let row = revocation::by_id(self.db(), id).await?;
        let row = row.ok_or_else(|| Error::not_found("revocation", &id.to_string()))?;
        let preview: Preview = serde_json::from_str(&row.preview).unwrap_or_default();
        let (came_back_total, came_back) = spread::who_came_back(self.db(), id, SHOWN).await?;
        let devices = self.devices_of(&row, &preview).await?;
        let cuts_off = row.effective_at.is_some() && row.act != RevocationAct::Release;
        let not_seen = if cuts_off {
            spread::missing(self.db(), id, row.scope.cuts_authorities(), SHOWN).await?
        } else {
            Vec::new()
        };
        let seen = |(serial, at): (String, i64)| (serial, (at != 0).then_some(Timestamp(at)));
        let not_seen_total = if cuts_off { (devices - came_back_total).max(0) } else { 0 };
        let authorities = self.authorities_of(&row).await?;
        let ocsp_until = self.last_old_answer(&row, &authorities).await?;
        Ok(RevocationDetail {
            complete_at: self.last_old_crl(&row, &authorities).await?.max(ocsp_until),
            ocsp_until,
            authorities: authorities.into_iter().map(|signer| (signer.slug, signer.name)).collect(),
            devices,
            curve: self.curve(&row, devices).await?,
            channels: spread::channels(self.db(), id, CHANNELS).await?,
            not_seen: not_seen.into_iter().map(seen).collect(),
            not_seen_total,
            came_back,
            came_back_total,
            preview,
            row,
        })
    }

    /// When the last OCSP answer ends that a responder may have signed before the act: whoever keeps one, as a server
    /// does that staples it, goes by the time that stands in it.
    async fn last_old_answer(&self, row: &RevocationRow, authorities: &[Signer]) -> Result<Option<Timestamp>> {
        let Some(since) = row.effective_at else { return Ok(None) };
        for signer in authorities {
            if store::certificate::had_responder(self.db(), signer.id, since).await? {
                return Ok(Some(since.plus(USABLE_FOR)));
            }
        }
        Ok(None)
    }

    /// When the last CRL ends that a verifier may hold from before the act.
    async fn last_old_crl(&self, row: &RevocationRow, authorities: &[Signer]) -> Result<Option<Timestamp>> {
        let Some(since) = row.effective_at else { return Ok(None) };
        let mut last = Timestamp(0);
        // Lists that ended so long ago may have been let go; then it is said how long one holds at most that we publish.
        let may_be_gone = since.plus(VALID_FOR + Kept::Crls.shortest() * DAY) < self.now();
        for signer in authorities {
            let until = store::crl::usable_until(self.db(), signer.id, since).await?;
            last = last.max(if may_be_gone && until.0 == 0 { since.plus(VALID_FOR) } else { until });
        }
        Ok((last.0 != 0).then_some(last))
    }

    /// How many devices an act hit: one that a rule did was shown to nobody before.
    async fn devices_of(&self, row: &RevocationRow, preview: &Preview) -> Result<i64> {
        if row.scope.cuts_authorities() || row.effective_at.is_none() {
            return Ok(preview.devices);
        }
        Ok(preview.devices.max(spread::devices(self.db(), row.id).await?))
    }

    async fn authorities_of(&self, row: &RevocationRow) -> Result<Vec<Signer>> {
        let mut ids = match row.act {
            RevocationAct::Release => cut::lifted_by(self.db(), row.id).await?,
            _ => cut::of_act(self.db(), row.id).await?,
        };
        if ids.is_empty() {
            ids = revoked::authorities_of(self.db(), row.id).await?;
        }
        let signers = cut::signers(self.db()).await?;
        Ok(signers.into_iter().filter(|signer| ids.contains(&signer.id)).collect())
    }

    async fn curve(&self, row: &RevocationRow, devices: i64) -> Result<Vec<CurvePoint>> {
        let Some(since) = row.effective_at else { return Ok(Vec::new()) };
        let times = spread::came_back_times(self.db(), row.id).await?;
        Ok(curve(since, self.now(), devices, &times))
    }
}

/// The steps at which devices came back, thinned out to what a chart can show.
fn curve(since: Timestamp, now: Timestamp, devices: i64, times: &[i64]) -> Vec<CurvePoint> {
    let point = |at: Timestamp, met: usize| {
        let met = i64::try_from(met).unwrap_or(i64::MAX);
        // Both are far below what a float holds exactly.
        let refused_share = if devices > 0 { (met as f64 / devices as f64).min(1.0) } else { 0.0 };
        CurvePoint { at, refused_share, met }
    };
    let step = times.len().div_ceil(POINTS).max(1);
    let mut points = vec![point(since, 0)];
    let steps = times.iter().enumerate().filter(|(i, _)| (i + 1) % step == 0 || i + 1 == times.len());
    points.extend(steps.map(|(i, at)| point(Timestamp(*at).max(since), i + 1)));
    points.push(point(now.max(since), times.len()));
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_only_rises_and_ends_with_all_that_came_back() {
        let times: Vec<i64> = (0..1_000).map(|n| 10 + n * n).collect();
        let points = curve(Timestamp(5), Timestamp(2_000_000), 2_000, &times);
        assert!(points.len() <= POINTS + 2, "{}", points.len());
        assert!(points.is_sorted_by(|a, b| a.at <= b.at && a.met <= b.met));
        assert_eq!(points.first().map(|p| p.met), Some(0));
        assert_eq!(points.last().map(|p| (p.met, p.refused_share)), Some((1_000, 0.5)));
        assert_eq!(curve(Timestamp(5), Timestamp(1), 0, &[]).len(), 2);
    }
}
