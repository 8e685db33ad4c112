//! Webhooks: programs elsewhere that are told what happens.
//!
//! Whatever is worth telling rings the bell in its own transaction ([`tell`]). Whoever holds the turn writes down of each
//! what is told, and to whom ([`Ear`]), and then delivers it ([`courier`]). Nothing is lost by whoever dies in between:
//! what was rung is read again, and what was written down is owed until it is settled. A receiver may get the same twice; it
//! knows it again by its id.

mod courier;
mod ear;
mod hook;

pub use courier::{Message, Told};
pub use ear::{Ear, News, What};
pub use hook::{NewWebhook, WebhookDetail, WebhookForm, WebhookRow};
pub use store::webhook::{Webhook, delivery::Delivery};

use crate::Result;
use domain::{time::Timestamp, webhook::EventKind};
use store::Tx;

/// The bell's topic for what webhooks are told. Its subjects are a word of [`EventKind`] and what it happened to, with a
/// space between.
pub(crate) const TOPIC: &str = "webhook";
/// The bell's topic for how webhooks stand. Its subjects are ids.
pub(crate) const STANDING: &str = "webhook.standing";

/// Lets webhooks be told of something, once the transaction is committed.
pub(crate) async fn tell(tx: &mut Tx, at: Timestamp, kind: EventKind, about: &str) -> Result<()> {
    store::change::ring(tx, at, TOPIC, &format!("{kind} {about}")).await?;
    Ok(())
}
