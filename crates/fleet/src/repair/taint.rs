//! Parts that were taken out, until they are accounted for.

use super::{TaintedPart, subject_of, text_of};
use crate::{Actor, Error, Fleet, Result};
use domain::{id::TaintId, person::Permission, repair::TEXT_MAX};
use serde_json::json;

/// How many a list shows.
const SHOWN: i64 = 500;

impl Fleet {
    /// The parts that were taken out and are not accounted for, newest first: at most 500.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn tainted_parts(&self, actor: &Actor) -> Result<Vec<TaintedPart>> {
        actor.require(Permission::FleetRead)?;
        Ok(store::taint::open(self.db(), None, SHOWN).await?)
    }

    /// Records that a part that was taken out is destroyed, and how that is known.
    ///
    /// # Errors
    /// When the actor may not, there is no such part, it is accounted for already, or nothing shows it.
    pub async fn scrap_part(&self, actor: &Actor, id: TaintId, evidence: &str) -> Result<String> {
        let subject = format!("part:{id}");
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let evidence = text_of(
            "evidence",
            evidence,
            TEXT_MAX,
            "Say how its destruction is known: a certificate, a photo, who saw it.",
        )?;
        let part = store::taint::by_id(self.db(), id).await?;
        let part = part.ok_or_else(|| Error::not_found("part", &id.to_string()))?;
        let subject = subject_of(&part.code);
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let how = format!("Scrapped: {evidence}");
        if !store::taint::end(&mut deed.tx, id, self.now(), actor.name(), &how).await? {
            return Err(Error::Conflict(format!("{} is accounted for already.", part.identifier)));
        }
        deed.ring("repair", &part.code).await?;
        let detail = json!({"part": part.identifier_key, "device": part.serial, "evidence": evidence});
        deed.commit("repair.scrap", &subject, &detail).await?;
        Ok(part.code)
    }
}
