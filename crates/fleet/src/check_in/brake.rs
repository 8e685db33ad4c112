//! The brake: rules cut few devices of a model off within an hour. A firmware that words a number differently looks like
//! every device of the model being another; that is for people to decide.

use super::judge::Bench;
use crate::{
    Deed, Result,
    finding::{self, Found},
};
use domain::{
    authority::{FindingKind, FindingState},
    id::ModelId,
    suspicion::Response,
    time::HOUR,
};
use serde_json::json;

/// How many devices of a model are cut off by rules within an hour.
const AN_HOUR: i64 = 10;

fn about(model: ModelId) -> String {
    format!("model:{model}")
}

/// The most that a rule does for a device of this model at present. While the finding of a mass change stands, it asks.
pub(super) async fn most(deed: &mut Deed<'_>, model: ModelId) -> Result<Response> {
    let after = deed.fleet().now().plus(-HOUR);
    if store::brake::cut_off(&mut deed.tx, model, after).await? >= AN_HOUR {
        return Ok(Response::Ask);
    }
    let cause = finding::cause(FindingKind::HardwareMismatch, &about(model));
    let stands = store::finding::by_cause(&mut deed.tx, &cause).await?;
    let is_open = stands.is_some_and(|finding| finding.state == FindingState::Open);
    Ok(if is_open { Response::Ask } else { Response::Quarantine })
}

/// Counts a device that a rule cut off.
pub(super) async fn count(deed: &mut Deed<'_>, model: ModelId) -> Result<()> {
    let now = deed.fleet().now();
    Ok(store::brake::count(&mut deed.tx, model, now, now.plus(-HOUR)).await?)
}

/// Notes that so many devices of a model changed that none is cut off any more.
pub(super) async fn tell(deed: &mut Deed<'_>, bench: &Bench<'_>) -> Result<()> {
    let words = format!(
        "More than {AN_HOUR} devices of one model would have been cut off within an hour, {} the last of them. Rules cut \
         none of them off until this is settled.",
        bench.device.serial
    );
    let found = Found {
        kind: FindingKind::HardwareMismatch,
        about: &about(bench.device.model_id),
        batch: Some(bench.device.batch_id),
        authority: None,
        device: None,
        words,
        detail: json!({ "model": bench.device.model_id }),
    };
    finding::note(&mut deed.tx, &found, bench.fleet.now()).await?;
    deed.ring("finding", FindingKind::HardwareMismatch.as_str()).await
}
