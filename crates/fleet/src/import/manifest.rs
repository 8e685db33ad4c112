//! Factory manifests: checked against themselves and the fleet, then entered.

mod apply;
mod check;
mod fleet;
mod piece;
mod plan;
mod settle;

use super::worker::{Checked, counted};
use crate::{Fleet, Result, enrol::beyond_quota};
use domain::import::ImportState;
use plan::Plan;
use std::path::Path;
use store::import::Import;

/// Works on the import of a manifest, from where it is.
pub(super) async fn run(fleet: &Fleet, import: &Import, path: &Path) -> Result<()> {
    let Some((plan, mut checked)) = check::check(fleet, import, path).await? else { return Ok(()) };
    checked.summary = summary(&checked, &plan);
    let resumed = import.state == ImportState::Applying;
    let (names, late) = if resumed {
        apply::prepare_again(fleet, import, &plan, &checked).await?
    } else {
        // Before the import can be seen to end: whoever waits for that finds what was found.
        overproduced(fleet, import, &plan).await?;
        let mut names = None;
        let applies = fleet
            .end_check(import, &checked, async |tx| {
                let (found, made) = apply::prepare(fleet, tx, &plan).await?;
                names = Some(found);
                Ok(made)
            })
            .await?;
        match names {
            Some(names) if applies => (names, 0),
            _ => return Ok(()),
        }
    };
    apply::apply(fleet, import, path, plan, names, late).await
}

/// Devices that a factory lists beyond what was agreed are a finding, also when the file is refused for them.
async fn overproduced(fleet: &Fleet, import: &Import, plan: &Plan) -> Result<()> {
    let over: Vec<_> = plan.batches.iter().filter(|(_, batch)| batch.over > 0).collect();
    if import.dry_run || over.is_empty() {
        return Ok(());
    }
    let batches = store::batch::batches(fleet.db()).await?;
    let mut tx = fleet.db().begin().await?;
    for (code, planned) in over {
        let batch = batches.iter().find(|batch| batch.code == *code).map(|batch| batch.id);
        let quota = planned.quota.unwrap_or_default();
        beyond_quota(&mut tx, batch, code, quota, planned.over, fleet.now()).await?;
    }
    Ok(tx.commit().await?)
}

fn summary(checked: &Checked, plan: &Plan) -> String {
    let counts = &checked.counts;
    let mut said = format!("{} would be added", counted(counts.added, "device"));
    for (n, what) in [(counts.unchanged, "were there already"), (counts.bad, "are bad"), (counts.left_out, "left out")]
    {
        if n > 0 {
            said.push_str(&format!(", {} {what}", super::worker::number(n)));
        }
    }
    said.push('.');
    said.push_str(&plan.news());
    said
}
