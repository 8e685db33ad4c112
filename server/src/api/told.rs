//! What webhooks are told of a thing: what the API says of it.

use super::{
    authorities::{ApprovalShape, FindingShape},
    releases::shapes::ReleaseDetailShape,
    revocations::RevocationShape,
    rollouts::shapes::RolloutDetailShape,
};
use domain::webhook::EventKind as Kind;
use fleet::{
    Actor, Error, Fleet, Result,
    webhook::{News, What},
};
use serde::Serialize;
use serde_json::{Value, json};

/// In whose name things are looked at.
const COURIER: Actor = Actor::Rule { name: "webhook" };

/// A thing as it is now.
///
/// # Errors
/// When the database fails. What is not there any more is told by its name alone.
pub async fn data(fleet: &Fleet, news: &News) -> Result<Value> {
    let What::Event(kind) = news.what else { return Ok(json!({ "webhook": news.about })) };
    match of(fleet, kind, &news.about).await {
        Err(Error::NotFound { .. }) => Ok(json!({ "id": news.about })),
        other => other,
    }
}

async fn of(fleet: &Fleet, kind: Kind, about: &str) -> Result<Value> {
    match kind {
        Kind::ReleasePushed | Kind::ReleasePromoted | Kind::ReleaseWithdrawn => {
            shown(&ReleaseDetailShape::from(&fleet.release(&COURIER, id(about, "release")?).await?))
        }
        Kind::RolloutSubmitted
        | Kind::RolloutApproved
        | Kind::RolloutRejected
        | Kind::RolloutStarted
        | Kind::WaveOpened
        | Kind::RolloutHalted
        | Kind::RolloutHeldBack
        | Kind::ExperimentDecided
        | Kind::RolloutPaused
        | Kind::RolloutResumed
        | Kind::RolloutCompleted
        | Kind::RolloutAborted => shown(&RolloutDetailShape::from(fleet.rollout(&COURIER, about).await?)),
        Kind::FindingOpened => shown(&FindingShape::from(&fleet.finding(&COURIER, id(about, "finding")?).await?.row)),
        Kind::RevocationDone => {
            shown(&RevocationShape::from(&fleet.revocation(&COURIER, id(about, "revocation")?).await?.row))
        }
        Kind::ApprovalWaiting | Kind::ApprovalDecided => {
            shown(&ApprovalShape::from(&fleet.approval(&COURIER, id(about, "approval")?).await?.row))
        }
    }
}

fn id<T: std::str::FromStr>(about: &str, what: &'static str) -> Result<T> {
    about.parse().map_err(|_| Error::not_found(what, about))
}

fn shown<T: Serialize>(shape: &T) -> Result<Value> {
    serde_json::to_value(shape).map_err(Error::internal)
}
