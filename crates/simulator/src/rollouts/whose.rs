//! Whose devices a rollout of the past is for.

use crate::{World, demo::ACTOR};
use domain::custody::CustodianKind;
use fleet::{Fleet, Result};
use std::ops::RangeInclusive;

/// The query of a client's devices that are in use and trusted.
pub(super) fn in_use(which: &str, client: &str) -> String {
    format!("custodian:{client} state:active trust:trusted {which}")
}

/// The query of a client's devices, of which there are neither too few nor too many.
pub(super) async fn a_client(
    fleet: &Fleet,
    world: &World,
    (which, some): (&str, RangeInclusive<i64>),
    taken: &mut Vec<String>,
) -> Result<Option<String>> {
    for client in world.of_kind(CustodianKind::Client) {
        let query = format!("{} seen<1d", in_use(which, &client.code));
        if !taken.contains(&client.code) && some.contains(&fleet.count_devices(&ACTOR, &query).await?) {
            taken.push(client.code.clone());
            return Ok(Some(query));
        }
    }
    Ok(None)
}

/// A query with how many devices it means.
pub(super) async fn counted(fleet: &Fleet, query: String) -> Result<(String, u64)> {
    let n = fleet.count_devices(&ACTOR, &query).await?;
    Ok((query, u64::try_from(n).unwrap_or_default()))
}
