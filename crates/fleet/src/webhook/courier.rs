//! Delivering what is owed. Sending it is for whoever speaks HTTP; here stands what is sent, and what follows from the reply.

use super::{STANDING, Webhook, hook::host_of};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    id::WebhookId,
    person::Permission,
    time::{SECOND, Timestamp},
    webhook::{DeliveryState, HookState, Next, Reply, after},
};
use pki::WebhookSecret;
use serde_json::json;
use store::webhook::delivery::{self, Tried};

/// In whose name webhooks are told.
const COURIER: Actor = Actor::Rule { name: "webhook" };
/// How much is kept of what went wrong, in characters.
const NOTE_MAX: usize = 200;

/// A message to a receiver, signed.
#[derive(Clone, Debug)]
pub struct Message {
    /// To which webhook.
    pub hook: WebhookId,
    /// Where its receiver is.
    pub url: String,
    /// The sequence of what is told.
    pub seq: i64,
    /// The message's id; the same each time it is sent.
    pub id: String,
    /// When it is sent, in seconds since 1970.
    pub timestamp: i64,
    /// The signatures over id, time and body, one of each secret that signs at the moment, with spaces between.
    pub signature: String,
    /// What is told, as JSON.
    pub body: String,
    attempts: i64,
    owed_at: Timestamp,
}

/// How a receiver answered, with what went wrong in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The answer.
    pub reply: Reply,
    /// What went wrong; may be empty.
    pub note: String,
}

impl Fleet {
    /// The webhooks that can be sent something now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn webhooks_to_tell(&self) -> Result<Vec<WebhookId>> {
        let waiting = delivery::waiting(self.db()).await?;
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let hooks = store::webhook::all(self.db()).await?;
        let can = |hook: &&Webhook| {
            hook.state == HookState::Active && hook.wait_until <= now && waiting.iter().any(|(id, _)| *id == hook.id)
        };
        Ok(hooks.iter().filter(can).map(|hook| hook.id).collect())
    }

    /// What a webhook is to be sent next, if anything.
    ///
    /// # Errors
    /// When the database fails, or the passphrase is missing that the secret is derived with.
    pub async fn next_message(&self, id: WebhookId) -> Result<Option<Message>> {
        let now = self.now();
        let Some(hook) = store::webhook::by_id(self.db(), id).await? else { return Ok(None) };
        if hook.state != HookState::Active || hook.wait_until > now {
            return Ok(None);
        }
        let Some((due, body)) = delivery::due(self.db(), id, now).await? else { return Ok(None) };
        let (message, timestamp) = (due.event.to_string(), now.0.div_euclid(SECOND));
        let mut signatures = Vec::new();
        for generation in hook.secrets.signing(now) {
            let secret = self.webhook_secret(&COURIER, &hook, generation).await?;
            signatures.push(secret.sign(&message, timestamp, body.as_bytes()));
        }
        Ok(Some(Message {
            hook: id,
            url: hook.url,
            seq: due.seq,
            signature: signatures.join(" "),
            id: message,
            timestamp,
            body,
            attempts: due.attempts,
            owed_at: due.owed_at,
        }))
    }

    /// Notes how a receiver answered. Whether the same webhook may be sent the next message at once.
    ///
    /// # Errors
    /// When the database fails; then it is sent once more.
    pub async fn webhook_answered(&self, message: &Message, told: &Told) -> Result<bool> {
        let subject = format!("webhook:{}", message.hook);
        let mut deed = self.allow(&COURIER, Permission::SettingManage, &subject).await?;
        let Some(mut hook) = store::webhook::lock(&mut deed.tx, message.hook).await? else { return Ok(false) };
        let (now, mut chance) = (self.now(), [0; 4]);
        getrandom::fill(&mut chance).map_err(Error::internal)?;
        let counted = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        let times = (counted(message.attempts + 1), counted(hook.troubles));
        let next = after(told.reply, times, message.owed_at, now, u32::from_ne_bytes(chance));
        let note: String = told.note.chars().take(NOTE_MAX).collect();
        let status = match told.reply {
            Reply::Status(status) => i64::from(status),
            Reply::None => 0,
        };
        let (state, next_at) = match next {
            Next::Delivered => (DeliveryState::Delivered, now),
            Next::Dead | Next::DeadWait(_) => (DeliveryState::Dead, now),
            Next::Again(at) => (DeliveryState::Owed, at),
            // It is the first one again when the receiver's pause ends.
            Next::Gone | Next::Wait(_) => (DeliveryState::Owed, Timestamp(0)),
        };
        let tried = Tried { state, next_at, at: now, status, note: &note };
        delivery::settle(&mut deed.tx, hook.id, message.seq, &tried).await?;
        (hook.troubles, hook.wait_until) = match next {
            Next::Wait(until) | Next::DeadWait(until) => (hook.troubles.saturating_add(1), until),
            _ => (0, Timestamp(0)),
        };
        let is_gone = next == Next::Gone && hook.state == HookState::Active;
        if is_gone {
            hook.state = HookState::Paused;
            "Its receiver answered 410: it wants nothing more.".clone_into(&mut hook.note);
        }
        store::webhook::put(&mut deed.tx, &hook).await?;
        deed.ring(STANDING, &hook.id.to_string()).await?;
        if is_gone {
            deed.commit("webhook.pause", &subject, &json!({"host": host_of(&hook), "reason": hook.note})).await?;
        } else {
            deed.commit_as_history().await?;
        }
        Ok(hook.state == HookState::Active && hook.wait_until <= now)
    }

    /// A secret of a webhook, after so many changes, derived anew.
    pub(super) async fn webhook_secret(&self, actor: &Actor, hook: &Webhook, generation: i64) -> Result<WebhookSecret> {
        if !self.can_seal() {
            return Err(no_passphrase());
        }
        let deriver = self.deriver(actor, Permission::SettingManage).await?;
        let subject = [b"webhook".as_slice(), hook.id.0.as_bytes(), &generation.to_be_bytes()].concat();
        Ok(WebhookSecret::new(deriver.bytes(&subject)))
    }
}

fn no_passphrase() -> Error {
    Error::Conflict(
        "What webhooks are told is signed with secrets that are derived from a sealed one, and the passphrase was not given. \
         Start Muster with --key-passphrase-file FILE, with MUSTER_KEY_PASSPHRASE set, or with the systemd credential \
         muster-key-passphrase."
            .to_owned(),
    )
}
