//! The values of a query's fields that only the database knows.

use crate::context::Ctx;
use domain::{
    custody::CustodianKind,
    device::Device,
    query::{CompletionItem, Field, quoted},
};
use fleet::devices::{Sort, SortKey};
use std::collections::BTreeSet;

/// How many serials are proposed.
const SERIALS: usize = 8;
/// Words that no list keeps are gathered from so many devices, the newest: enough for a proposal.
const SAMPLE: usize = 500;

/// The values that hold what was typed, in order.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn words(ctx: &Ctx, field: Field, typed: &str) -> fleet::Result<Vec<CompletionItem>> {
    match field {
        Field::Serial => serials(ctx, typed).await,
        Field::Firmware => sampled(ctx, typed, |device| device.firmware.clone().unwrap_or_default()).await,
        Field::Revision => sampled(ctx, typed, |device| device.hardware_revision.clone()).await,
        Field::Channel => sampled(ctx, typed, |device| device.channel.clone()).await,
        Field::Place => sampled(ctx, typed, |device| device.place.clone()).await,
        field => listed(ctx, field, typed).await,
    }
}

/// Those among known values that hold what was typed.
fn holding<'a>(known: impl IntoIterator<Item = (&'a str, &'a str)>, typed: &str) -> Vec<CompletionItem> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .filter(|(value, _)| !value.is_empty() && value.to_lowercase().contains(&typed))
        .map(|(value, hint)| CompletionItem::value(value, hint))
        .collect()
}

/// Values of which there is a list.
async fn listed(ctx: &Ctx, field: Field, typed: &str) -> fleet::Result<Vec<CompletionItem>> {
    let all = ctx.fleet.catalogue(&ctx.actor).await?;
    let factories = all.custodians.iter().filter(|custodian| custodian.kind == CustodianKind::Factory);
    let known: BTreeSet<(&str, &str)> = match field {
        Field::Model => all.models.iter().map(|model| (model.name.as_str(), "model")).collect(),
        Field::Batch => all.batches.iter().map(|batch| (batch.code.as_str(), all.model_name(batch.model_id))).collect(),
        Field::Factory => factories.map(|factory| (factory.name.as_str(), factory.city.as_str())).collect(),
        Field::Custodian => all.custodians.iter().map(|one| (one.name.as_str(), one.kind.label())).collect(),
        Field::Component => all.parts.iter().map(|part| (part.model.as_str(), part.maker.as_str())).collect(),
        _ => BTreeSet::new(),
    };
    Ok(holding(known, typed))
}

async fn serials(ctx: &Ctx, typed: &str) -> fleet::Result<Vec<CompletionItem>> {
    let query = if typed.is_empty() { String::new() } else { format!("serial:{}*", quoted(typed)) };
    let list = match ctx.fleet.devices(&ctx.actor, &query, Sort::default(), None, SERIALS).await {
        // What is being typed need not be a serial yet.
        Err(fleet::Error::Query(_)) => return Ok(Vec::new()),
        list => list?,
    };
    let item = |device: &Device| CompletionItem::value(&device.serial, list.catalogue.model_name(device.model_id));
    Ok(list.page.devices.iter().map(item).collect())
}

async fn sampled(ctx: &Ctx, typed: &str, value: impl Fn(&Device) -> String) -> fleet::Result<Vec<CompletionItem>> {
    let newest = Sort { key: SortKey::Made, descending: true };
    let list = ctx.fleet.devices(&ctx.actor, "", newest, None, SAMPLE).await?;
    let found: BTreeSet<String> = list.page.devices.iter().map(value).collect();
    Ok(holding(found.iter().map(|value| (value.as_str(), "")), typed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_may_stand_anywhere() {
        let found = holding([("Acme Logistics", "Client"), ("Kestrel", "Distributor"), ("", "")], "LOG");
        assert_eq!(found, [CompletionItem::value("Acme Logistics", "Client")]);
    }
}
