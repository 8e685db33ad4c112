//! Webhooks as administrators manage them. Their addresses may hold what only administrators should know, so nobody else
//! sees them.

use super::{STANDING, TOPIC};
use crate::{Actor, Deed, Error, FieldError, Fleet, Result};
use domain::{
    id::WebhookId,
    person::Permission,
    time::Timestamp,
    webhook::{Address, EventKind, HookState, Secrets, TEST},
};
use serde_json::json;
use store::webhook::{
    Webhook,
    delivery::{self, Delivery},
};
use uuid::Uuid;

/// How many webhooks there may be: each is told everything anew.
const MOST: usize = 20;
/// How many deliveries a page has.
const SHOWN: i64 = 50;

/// A new webhook, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct WebhookForm {
    /// Where its receiver is.
    #[serde(default)]
    pub url: String,
    /// The words for what it is told of.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// A webhook, and the secret that its receiver needs, when it is added or its secret is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWebhook {
    /// The webhook.
    pub hook: Webhook,
    /// What its receiver checks signatures with. It is kept nowhere: show it now.
    pub secret: String,
}

/// A webhook in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRow {
    /// The webhook.
    pub hook: Webhook,
    /// How much it is owed.
    pub waiting: i64,
}

/// A webhook with what it was told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDetail {
    /// The webhook.
    pub hook: Webhook,
    /// The last deliveries, the newest first.
    pub deliveries: Vec<Delivery>,
}

impl WebhookForm {
    fn checked(&self) -> Result<(String, Vec<EventKind>)> {
        let mut fields = Vec::new();
        let url = self.url.trim();
        if let Err(wrong) = Address::parse(url) {
            fields.push(FieldError { field: "url".to_owned(), message: wrong.to_owned() });
        }
        let mut kinds: Vec<EventKind> = Vec::new();
        for word in &self.kinds {
            match word.parse() {
                Ok(kind) => kinds.push(kind),
                Err(_) => {
                    let word: String = word.chars().take(60).collect();
                    let message = format!("There is no event “{word}”.");
                    fields.push(FieldError { field: "kinds".to_owned(), message });
                }
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() && fields.is_empty() {
            let message = "Choose what it is told of.".to_owned();
            fields.push(FieldError { field: "kinds".to_owned(), message });
        }
        if fields.is_empty() { Ok((url.to_owned(), kinds)) } else { Err(Error::Invalid { fields }) }
    }
}

fn subject_of(id: WebhookId) -> String {
    format!("webhook:{id}")
}

/// What the audit log, which more people read, may say of an address.
pub(super) fn host_of(hook: &Webhook) -> String {
    Address::parse(&hook.url).map(|address| address.host).unwrap_or_default()
}

fn missing(id: WebhookId) -> Error {
    Error::not_found("webhook", &id.to_string())
}

/// The secrets of a webhook after a change of what was seen.
fn changed(hook: &Webhook, seen: i64, now: Timestamp) -> Result<Secrets> {
    if hook.secrets.generation != seen {
        return Err(Error::Conflict(
            "Its secret was changed since you looked, and a secret is shown only once. If nobody kept it, change it again."
                .to_owned(),
        ));
    }
    hook.secrets.changed(now).ok_or_else(|| {
        let until = hook.secrets.signs_until.minute_words();
        Error::Conflict(format!(
            "Its secret was changed twice within a day, and all of them sign until {until}. Change it after that."
        ))
    })
}

/// A webhook, held by the deed from here on.
async fn held(deed: &mut Deed<'_>, id: WebhookId) -> Result<Webhook> {
    store::webhook::lock(&mut deed.tx, id).await?.ok_or_else(|| missing(id))
}

impl Fleet {
    /// All webhooks, the oldest first.
    ///
    /// # Errors
    /// When the actor may not manage settings.
    pub async fn webhooks(&self, actor: &Actor) -> Result<Vec<WebhookRow>> {
        actor.require(Permission::SettingManage)?;
        let waiting = delivery::waiting(self.db()).await?;
        let n = |id: WebhookId| waiting.iter().find(|(known, _)| *known == id).map_or(0, |(_, n)| *n);
        let hooks = store::webhook::all(self.db()).await?;
        Ok(hooks.into_iter().map(|hook| WebhookRow { waiting: n(hook.id), hook }).collect())
    }

    /// One webhook with what it was told last, or before a sequence.
    ///
    /// # Errors
    /// When the actor may not manage settings, or there is no such webhook.
    pub async fn webhook(&self, actor: &Actor, id: WebhookId, before: Option<i64>) -> Result<WebhookDetail> {
        actor.require(Permission::SettingManage)?;
        let hook = store::webhook::by_id(self.db(), id).await?.ok_or_else(|| missing(id))?;
        let deliveries = delivery::recent(self.db(), id, before.unwrap_or(i64::MAX), SHOWN).await?;
        Ok(WebhookDetail { hook, deliveries })
    }

    /// Adds a webhook. It is told what happens from now on.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, there are too many, or the passphrase is missing that secrets are derived
    /// with.
    pub async fn add_webhook(&self, actor: &Actor, form: &WebhookForm) -> Result<NewWebhook> {
        self.authorise(actor, Permission::SettingManage, "webhook").await?;
        let (url, kinds) = form.checked()?;
        let hook = Webhook {
            id: WebhookId(Uuid::now_v7()),
            url,
            kinds,
            state: HookState::Active,
            note: String::new(),
            secrets: Secrets::default(),
            troubles: 0,
            wait_until: Timestamp(0),
            created_by: actor.name().to_owned(),
            created_at: self.now(),
        };
        // It opens what is sealed, and may have to write it first: before the deed, which holds the one writer.
        let secret = self.webhook_secret(actor, &hook, hook.secrets.generation).await?.reveal();
        let mut deed = self.allow(actor, Permission::SettingManage, "webhook").await?;
        if store::webhook::all_within(&mut deed.tx).await?.len() >= MOST {
            return Err(Error::Conflict(format!("There are {MOST} webhooks already. Remove one first.")));
        }
        store::webhook::insert(&mut deed.tx, &hook).await?;
        deed.ring(STANDING, &hook.id.to_string()).await?;
        deed.commit("webhook.add", &subject_of(hook.id), &json!({"host": host_of(&hook), "kinds": hook.kinds})).await?;
        Ok(NewWebhook { hook, secret })
    }

    /// Gives a webhook another secret. Those before sign beside it for a day, so that its receiver can be given the new one
    /// at leisure. `seen` is the generation that whoever decides has seen.
    ///
    /// # Errors
    /// When the actor may not, there is no such webhook, its secret was changed since it was seen or too often within a day,
    /// or the passphrase is missing that secrets are derived with.
    pub async fn change_webhook_secret(&self, actor: &Actor, id: WebhookId, seen: i64) -> Result<NewWebhook> {
        let subject = subject_of(id);
        self.authorise(actor, Permission::SettingManage, &subject).await?;
        let hook = store::webhook::by_id(self.db(), id).await?.ok_or_else(|| missing(id))?;
        let next = changed(&hook, seen, self.now())?;
        // Before the deed, as it is for a new one.
        let secret = self.webhook_secret(actor, &hook, next.generation).await?.reveal();
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        let mut hook = held(&mut deed, id).await?;
        hook.secrets = changed(&hook, seen, self.now())?;
        store::webhook::put(&mut deed.tx, &hook).await?;
        deed.ring(STANDING, &id.to_string()).await?;
        let detail = json!({"host": host_of(&hook), "generation": hook.secrets.generation});
        deed.commit("webhook.secret", &subject, &detail).await?;
        Ok(NewWebhook { hook, secret })
    }

    /// Pauses a webhook, or lets it go on: what happened meanwhile is sent then.
    ///
    /// # Errors
    /// When the actor may not, or there is no such webhook.
    pub async fn pause_webhook(&self, actor: &Actor, id: WebhookId, paused: bool) -> Result<Webhook> {
        let subject = subject_of(id);
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        let mut hook = held(&mut deed, id).await?;
        let (state, action) =
            if paused { (HookState::Paused, "webhook.pause") } else { (HookState::Active, "webhook.resume") };
        if hook.state == state {
            return Ok(hook);
        }
        hook.state = state;
        hook.note.clear();
        if state == HookState::Active {
            (hook.troubles, hook.wait_until) = (0, Timestamp(0));
            delivery::renew(&mut deed.tx, id, self.now()).await?;
        }
        store::webhook::put(&mut deed.tx, &hook).await?;
        deed.ring(STANDING, &id.to_string()).await?;
        deed.commit(action, &subject, &json!({ "host": host_of(&hook) })).await?;
        Ok(hook)
    }

    /// Removes a webhook, with all that it is owed.
    ///
    /// # Errors
    /// When the actor may not, or there is no such webhook.
    pub async fn remove_webhook(&self, actor: &Actor, id: WebhookId) -> Result<Webhook> {
        let subject = subject_of(id);
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        let hook = held(&mut deed, id).await?;
        store::webhook::remove(&mut deed.tx, id).await?;
        deed.ring(STANDING, &id.to_string()).await?;
        deed.commit("webhook.remove", &subject, &json!({ "host": host_of(&hook) })).await?;
        Ok(hook)
    }

    /// Sends a webhook a message that says nothing, to see whether its receiver works.
    ///
    /// # Errors
    /// When the actor may not, or there is no such webhook.
    pub async fn test_webhook(&self, actor: &Actor, id: WebhookId) -> Result<Webhook> {
        let subject = subject_of(id);
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        let hook = held(&mut deed, id).await?;
        deed.ring(TOPIC, &format!("{TEST} {id}")).await?;
        deed.commit("webhook.test", &subject, &json!({ "host": host_of(&hook) })).await?;
        Ok(hook)
    }

    /// Sends something once more: what arrived, what waits or what was given up. Its receiver's pause ends by that.
    ///
    /// # Errors
    /// When the actor may not, or there is no such webhook or delivery.
    pub async fn resend_webhook(&self, actor: &Actor, id: WebhookId, seq: i64) -> Result<Webhook> {
        let subject = subject_of(id);
        let mut deed = self.allow(actor, Permission::SettingManage, &subject).await?;
        let mut hook = held(&mut deed, id).await?;
        if !delivery::again(&mut deed.tx, id, seq, self.now()).await? {
            return Err(Error::not_found("delivery", &seq.to_string()));
        }
        hook.wait_until = Timestamp(0);
        store::webhook::put(&mut deed.tx, &hook).await?;
        deed.ring(STANDING, &id.to_string()).await?;
        deed.commit("webhook.resend", &subject, &json!({"host": host_of(&hook), "seq": seq})).await?;
        Ok(hook)
    }
}
