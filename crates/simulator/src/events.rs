//! What happened lately in a made-up fleet around certificates: acts of revocation, how one spreads, what nobody
//! expected, and what waits for a second person.

use crate::{
    PastAct, Travel,
    certify::{backdated, signed_for},
    demo::{ACTOR, Plan},
};
use domain::{
    certificate::RevocationReason,
    custody::CustodianKind,
    id::AuthorityId,
    revocation::RevocationAct,
    time::{DAY, MINUTE, SECOND},
};
use fleet::{
    Actor, Error, Fleet, Result,
    authority::AuthorityForm,
    enrol::StationForm,
    revocation::{RevokeForm, Selection},
};
use std::collections::HashMap;
use store::device_list::Sort;

/// How many acts of the past are done at most: each is one of its own.
const ACTS: usize = 40;
/// How long ago some devices were held.
const HELD_FOR: i64 = 50;
/// Of how few and how many devices at once.
const HELD: std::ops::RangeInclusive<i64> = 8..=60;

/// Who fetches CRLs, in the made-up world.
const VERIFIER: &str = "203.0.113.20";

/// What a form says about a selection, with what its preview wants.
async fn form(fleet: &Fleet, selection: Selection, act: RevocationAct, note: &str) -> Result<RevokeForm> {
    form_by(fleet, &ACTOR, selection, act, note).await
}

async fn form_by(
    fleet: &Fleet,
    actor: &Actor,
    selection: Selection,
    act: RevocationAct,
    note: &str,
) -> Result<RevokeForm> {
    let preview = fleet.preview(actor, &selection, act).await?;
    Ok(RevokeForm {
        selection,
        act,
        reason: RevocationReason::KeyCompromise,
        note: note.to_owned(),
        confirmation: preview.confirm_word,
        preview_hash: preview.hash,
    })
}

/// Revokes what lives tell of, each at its time. What is revoked already, or has ended before, stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn revoke(fleet: &Fleet, travel: &Travel, mut acts: Vec<PastAct>) -> Result<()> {
    acts.sort_by_key(|act| act.at);
    let skipped = acts.len().saturating_sub(ACTS);
    for act in acts.into_iter().skip(skipped) {
        travel.to(act.at);
        let done = revoke_one(fleet, act).await;
        travel.home();
        match done {
            Ok(()) | Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn revoke_one(fleet: &Fleet, act: PastAct) -> Result<()> {
    let form = form(fleet, Selection::Device(act.serial), RevocationAct::Revoke, &act.reason).await?;
    fleet.revoke(&ACTOR, &form).await.map(drop)
}

/// Lets everything happen that a visitor should find. What an earlier call did stays.
///
/// # Errors
/// When the database fails.
pub async fn happen(fleet: &Fleet, travel: &Travel, plan: Plan, operator: &Actor) -> Result<()> {
    stations(fleet).await?;
    let held = hold_some(fleet, travel, plan).await;
    travel.home();
    held?;
    find_something(fleet, plan).await?;
    ask_for_approvals(fleet, operator).await
}

async fn stations(fleet: &Fleet) -> Result<()> {
    if !fleet.stations(&ACTOR, None).await?.is_empty() {
        return Ok(());
    }
    for factory in
        fleet.catalogue(&ACTOR).await?.custodians.iter().filter(|custodian| custodian.kind == CustodianKind::Factory)
    {
        let name = format!("{} line 1", factory.name);
        fleet.station(&ACTOR, &StationForm { factory: factory.code.clone(), name, csr: String::new() }).await?;
    }
    Ok(())
}

/// Holds one client's devices, a while ago, and lets them come back and be refused since.
async fn hold_some(fleet: &Fleet, travel: &Travel, plan: Plan) -> Result<()> {
    let held_before = fleet.revocations(&ACTOR, None, 500).await?;
    if held_before.rows.iter().any(|row| row.act == RevocationAct::Hold) {
        return Ok(());
    }
    let Some(query) = a_client(fleet).await? else { return Ok(()) };
    let callers = callers(fleet, &query).await?;
    let now = fleet.now();
    let began = now.plus(-HELD_FOR * MINUTE);
    travel.to(began.plus(-SECOND));
    fleet.load_trust().await?;
    fleet.publish_due().await?;
    fleet.begin_to_note().await?;
    travel.to(began);
    let note = "The installer's laptop was stolen, with keys of these devices on it. Held until they have new ones.";
    let form = form(fleet, Selection::Query(query), RevocationAct::Hold, note).await?;
    fleet.revoke(&ACTOR, &form).await?;
    travel.to(began.plus(SECOND));
    fleet.publish_due().await?;
    fleet.flush_spread().await?;
    for minute in 1..HELD_FOR {
        travel.to(began.plus(minute * MINUTE));
        for (n, (authority, serial)) in callers.iter().enumerate() {
            if comes_back(n, minute) {
                fleet.refused(&ACTOR, *authority, serial, &format!("198.51.100.{}", 10 + n % 200));
            }
        }
        if minute % 10 == 0 {
            slugs_of(fleet, &callers).iter().for_each(|slug| fleet.crl_fetched(slug, VERIFIER));
        }
        fleet.flush_spread().await?;
    }
    tracing::debug!(seed = plan.seed, devices = callers.len(), "held one client's devices");
    Ok(())
}

/// Devices come back at their own pace; some of them never do.
fn comes_back(n: usize, minute: i64) -> bool {
    let of = |m: usize| i64::try_from(n % m).unwrap_or(0);
    n % 9 != 8 && minute % (5 + of(7) * 6) == of(5)
}

fn slugs_of(fleet: &Fleet, callers: &[(AuthorityId, String)]) -> Vec<String> {
    let trust = fleet.trust();
    let mut slugs: Vec<String> =
        callers.iter().filter_map(|(id, _)| trust.authority(*id)).map(|one| one.slug().to_owned()).collect();
    slugs.sort();
    slugs.dedup();
    slugs
}

/// The query of a client's devices of which there are neither too few nor too many.
async fn a_client(fleet: &Fleet) -> Result<Option<String>> {
    for client in
        fleet.catalogue(&ACTOR).await?.custodians.iter().filter(|custodian| custodian.kind == CustodianKind::Client)
    {
        let query = format!("custodian:{} state:active trust:trusted", client.code);
        if HELD.contains(&fleet.count_devices(&ACTOR, &query).await?) {
            return Ok(Some(query));
        }
    }
    Ok(None)
}

/// The certificates of devices that a query means.
async fn callers(fleet: &Fleet, query: &str) -> Result<Vec<(AuthorityId, String)>> {
    let ids: HashMap<String, AuthorityId> =
        fleet.authorities(&ACTOR).await?.into_iter().map(|row| (row.authority.slug, row.authority.id)).collect();
    let mut callers = Vec::new();
    for device in fleet.devices(&ACTOR, query, Sort::default(), None, 100).await?.page.devices {
        let rows = fleet.certificates_of_device(&ACTOR, &device.serial).await?;
        let present = rows.into_iter().find(|row| Some(&row.serial) == device.certificate_serial.as_ref());
        callers.extend(present.and_then(|row| Some((*ids.get(&row.authority_slug)?, row.serial))));
    }
    Ok(callers)
}

/// A certificate whose device was never delivered: what reconciling finds.
async fn find_something(fleet: &Fleet, plan: Plan) -> Result<()> {
    let signed_for = signed_for(fleet).await?;
    let batches = fleet.catalogue(&ACTOR).await?.batches;
    let newest = batches.iter().filter(|batch| signed_for.contains_key(&batch.code)).max_by_key(|b| b.started_at);
    let Some(batch) = newest else { return Ok(()) };
    if !fleet.findings(&ACTOR, false).await?.is_empty() {
        return Ok(());
    }
    let serial = format!("CAM-SAMPLE-{:04}", plan.seed % 10_000);
    match fleet.issue_backdated(&ACTOR, &batch.code, backdated(vec![(serial, plan.now.plus(-3 * DAY))]).await?).await {
        // An earlier call got as far as this.
        Ok(_) | Err(Error::Conflict(_)) => {}
        Err(error) => return Err(error),
    }
    fleet.reconcile(&ACTOR, &batch.code).await.map(drop)
}

/// What the operator asked for and a manager has to decide.
async fn ask_for_approvals(fleet: &Fleet, operator: &Actor) -> Result<()> {
    if fleet.approvals(&ACTOR, None).await?.iter().any(|row| row.requested_by == operator.name()) {
        return Ok(());
    }
    let batches = fleet.catalogue(&ACTOR).await?.batches;
    let newest = batches.iter().max_by_key(|batch| batch.started_at);
    let oldest = batches.iter().min_by_key(|batch| batch.started_at);
    let (Some(newest), Some(oldest)) = (newest, oldest) else { return Ok(()) };
    let delegated = AuthorityForm {
        kind: "batch".to_owned(),
        batch: newest.code.clone(),
        quota: Some(500),
        days: Some(14),
        delegated: true,
        ..AuthorityForm::default()
    };
    fleet.request_authority(operator, &delegated).await?;
    let note = "The line's programmer of that month wrote some keys twice. Hold all until each device has renewed.";
    let selection = Selection::Batch(oldest.code.clone());
    let form = form_by(fleet, operator, selection, RevocationAct::Hold, note).await?;
    fleet.revoke(operator, &form).await.map(drop)
}
