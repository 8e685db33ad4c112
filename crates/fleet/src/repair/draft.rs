//! Parts as they are typed. Right or wrong, what was typed is kept.

use super::{RepairPart, SlotLook, held, look::present, ring, standing_in_the_way, subject_of};
use crate::{Actor, Deed, Error, FieldError, Fleet, Result};
use domain::{
    component::{ComponentClass, Part},
    factory_manifest::is_slot,
    identifier::normalise,
    person::Permission,
    repair::{CHANGES_MAX, PartDirection, PartFate, SLOT_RULE},
};
use serde_json::json;
use std::collections::BTreeSet;

/// How many characters of a field are kept: more than any identifier has.
const TYPED_MAX: usize = 100;

/// What happens in one slot, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct PartForm {
    /// The slot.
    #[serde(default)]
    pub slot: String,
    /// The identifier of the part that was taken out, as typed or scanned; may be empty.
    #[serde(default)]
    pub out: String,
    /// What becomes of it: a [`PartFate`]'s word; empty for scrap.
    #[serde(default)]
    pub fate: String,
    /// The identifier of the part that comes in; empty when the slot stays empty.
    #[serde(default, rename = "in")]
    pub part_in: String,
    /// What kind of part, for a slot that the manifest doesn't list.
    #[serde(default)]
    pub class: String,
    /// Who made the part that comes in; empty for the same as before.
    #[serde(default)]
    pub maker: String,
    /// Its type name; empty for the same as before.
    #[serde(default)]
    pub model: String,
}

impl PartForm {
    /// The form as lines, in the light of the parts that a manifest lists.
    ///
    /// # Errors
    /// When it says too little to be kept.
    fn lines(&self, parts: &[Part]) -> Result<(String, Vec<RepairPart>)> {
        let cut = |text: &str| text.trim().chars().take(TYPED_MAX).collect::<String>();
        let (slot, out, part_in) = (cut(&self.slot), cut(&self.out), cut(&self.part_in));
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: &str| {
            wrong.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        if slot.is_empty() {
            say("slot", "Choose the slot.");
        }
        let listed = parts.iter().find(|part| part.slot == slot);
        if listed.is_none() && !slot.is_empty() && !is_slot(&slot) {
            say("slot", SLOT_RULE);
        }
        let class = listed.map(|part| part.class).or_else(|| self.class.parse().ok());
        if class.is_none() && !slot.is_empty() {
            say("class", "The manifest lists nothing in this slot. Say what kind of part it is.");
        }
        if listed.is_none() && part_in.is_empty() && !slot.is_empty() {
            say("in", "Type the number of the part that comes in.");
        }
        let fate = if self.fate.is_empty() { Ok(PartFate::Scrap) } else { self.fate.parse() };
        if fate.is_err() {
            say("fate", "Choose what becomes of the part.");
        }
        let (Some(class), Ok(fate), true) = (class, fate, wrong.is_empty()) else {
            return Err(Error::Invalid { fields: wrong });
        };
        let line = |direction, identifier: String| RepairPart {
            slot: slot.clone(),
            direction,
            class,
            maker: if direction == PartDirection::In { cut(&self.maker) } else { String::new() },
            model: if direction == PartDirection::In { cut(&self.model) } else { String::new() },
            identifier_key: key_of(class, &identifier),
            identifier,
            fate: (direction == PartDirection::Out).then_some(fate),
        };
        let mut lines = Vec::new();
        if listed.is_some() || !out.is_empty() {
            lines.push(line(PartDirection::Out, out));
        }
        if !part_in.is_empty() {
            lines.push(line(PartDirection::In, part_in));
        }
        Ok((slot, lines))
    }
}

/// The lines of a form, in the light of the parts that a manifest lists.
pub(super) fn lines_of(form: &PartForm, parts: &[Part]) -> Result<(String, Vec<RepairPart>)> {
    form.lines(parts)
}

/// The key of an identifier, or nothing for what is none.
fn key_of(class: ComponentClass, typed: &str) -> String {
    normalise(class, typed).map(|found| found.key).unwrap_or_default()
}

impl Fleet {
    /// Keeps what happens in one slot, in the place of what was kept of it before, and says what is to be said of it.
    /// What is wrong is kept, too: [`SlotLook::errors`] tells.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, it is not on the bench, or the form says too little.
    pub async fn draft_part(&self, actor: &Actor, code: &str, form: &PartForm) -> Result<SlotLook> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let case = self.kept_repair(code).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let mut case = held(&mut deed, &case).await?;
        if !case.state.is_draft() {
            return Err(standing_in_the_way(&case));
        }
        let components = store::component::of_device_within(&mut deed.tx, case.device_id).await?;
        let (slot, lines) = form.lines(&present(&components))?;
        put(&mut deed, &mut case, &slot, &lines).await?;
        let detail = json!({"slot": slot, "out": form.out.trim(), "in": form.part_in.trim(), "fate": form.fate});
        deed.commit("repair.draft", &subject, &detail).await?;
        let kept = store::repair::parts(self.db(), case.id).await?;
        let looks = self.look(&case.serial, &present(&components), &kept).await?;
        looks.into_iter().find(|look| look.slot == slot).ok_or_else(|| Error::not_found("slot", &slot))
    }

    /// Takes a slot out of a repair again.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, or it is not on the bench.
    pub async fn drop_part(&self, actor: &Actor, code: &str, slot: &str) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let case = self.kept_repair(code).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let mut case = held(&mut deed, &case).await?;
        if !case.state.is_draft() {
            return Err(standing_in_the_way(&case));
        }
        let slot: String = slot.chars().take(TYPED_MAX).collect();
        put(&mut deed, &mut case, &slot, &[]).await?;
        deed.commit("repair.draft", &subject, &json!({"slot": slot})).await
    }

    /// What is to be said of a slot as it is being typed. Nothing is kept.
    ///
    /// # Errors
    /// When the actor may not see it, there is no such repair, or the form says too little.
    pub async fn check_draft(&self, actor: &Actor, code: &str, form: &PartForm) -> Result<SlotLook> {
        actor.require(Permission::FleetRead)?;
        let case = self.kept_repair(code).await?;
        let parts = present(&store::component::of_device(self.db(), case.device_id).await?);
        let (slot, lines) = form.lines(&parts)?;
        let mut all = store::repair::parts(self.db(), case.id).await?;
        all.retain(|line| line.slot != slot);
        all.extend(lines);
        let looks = self.look(&case.serial, &parts, &all).await?;
        looks.into_iter().find(|look| look.slot == slot).ok_or_else(|| Error::not_found("slot", &slot))
    }
}

/// Writes a slot in the deed's transaction.
pub(super) async fn put(
    deed: &mut Deed<'_>,
    case: &mut super::RepairCase,
    slot: &str,
    lines: &[RepairPart],
) -> Result<()> {
    let before = store::repair::parts_within(&mut deed.tx, case.id).await?;
    let slots: BTreeSet<&str> = before.iter().map(|line| line.slot.as_str()).filter(|kept| *kept != slot).collect();
    if !lines.is_empty() && slots.len() >= CHANGES_MAX {
        return Err(Error::TooLarge(format!(
            "One repair changes at most {CHANGES_MAX} slots. Open another one afterwards."
        )));
    }
    store::repair::put_slot(&mut deed.tx, case.id, slot, lines).await?;
    case.updated_at = deed.fleet().now();
    store::repair::update(&mut deed.tx, case).await?;
    ring(deed, case).await
}
