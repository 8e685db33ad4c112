//! Telling webhooks what happens: one process at a time hears the bell, writes down what each is owed, and sends it.

mod sender;

pub use sender::{Sender, Trusted};

use crate::api::told;
use domain::{id::WebhookId, node::Lease};
use fleet::{
    Fleet,
    observe::Job,
    webhook::{Ear, News},
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};
use store::turn::Turn;
use tokio::task::{Id, JoinSet};

/// How often it is looked for what happened.
const LOOK: Duration = Duration::from_secs(1);
/// How long it is waited after something failed here.
const PAUSE: Duration = Duration::from_secs(5);
/// How many webhooks are told at the same time. One receiver that is slow holds up no other.
const AT_ONCE: usize = 16;
/// How many messages one gets before it is looked who else is waiting.
const IN_A_ROW: usize = 100;

/// Tells webhooks until it is stopped. Dropped anywhere, it leaves what is owed to whoever comes next.
pub async fn run(fleet: Fleet, sender: Sender) {
    if !fleet.can_seal() {
        // Without the passphrase nothing can be signed; another process may have it.
        return;
    }
    loop {
        if let Err(error) = in_turn(&fleet, &sender).await {
            tracing::warn!(%error, "webhooks can't be told; what they are owed is kept");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn in_turn(fleet: &Fleet, sender: &Sender) -> fleet::Result<()> {
    // Who can't sign must not keep the turn from one that can.
    fleet.can_derive().await?;
    let turn = fleet.turn(Lease::Webhooks).await?;
    let told = turn.run(tell_always(fleet, sender, &turn)).await;
    // Another goes on; we wait for the next turn at once, should that one end.
    if turn.is_over() { Ok(()) } else { told }
}

/// Tells webhooks as long as the turn is ours.
async fn tell_always(fleet: &Fleet, sender: &Sender, turn: &Turn) -> fleet::Result<()> {
    let mut ear = Ear::default();
    let mut under_way = JoinSet::new();
    let mut told: HashMap<Id, WebhookId> = HashMap::new();
    loop {
        for news in ear.hear(fleet).await? {
            let data = if news.is_wanted { data_of(fleet, &news).await? } else { Value::Null };
            ear.owe(fleet, &news, &data).await?;
        }
        let busy: HashSet<WebhookId> = told.values().copied().collect();
        for hook in fleet.webhooks_to_tell().await?.into_iter().filter(|hook| !busy.contains(hook)) {
            if told.len() < AT_ONCE {
                let task = under_way.spawn(turn.fenced(tell(fleet.clone(), sender.clone(), hook)));
                told.insert(task.id(), hook);
            }
        }
        let look = tokio::time::sleep(LOOK);
        tokio::pin!(look);
        loop {
            let ended = tokio::select! {
                () = &mut look => break,
                Some(ended) = under_way.join_next_with_id() => ended,
            };
            let id = match ended {
                Ok((id, ())) => id,
                Err(stopped) => stopped.id(),
            };
            told.remove(&id);
        }
    }
}

/// What is told of an event. One that can't be read keeps no other one back: its name alone is told.
async fn data_of(fleet: &Fleet, news: &News) -> fleet::Result<Value> {
    match told::data(fleet, news).await {
        Err(error @ (fleet::Error::Internal(_) | fleet::Error::Slow)) => {
            tracing::error!(%error, seq = news.seq, "what webhooks are told of can't be read; its name alone is told");
            Ok(json!({ "id": news.about }))
        }
        told => told,
    }
}

/// Sends one webhook what it is owed, in order.
async fn tell(fleet: Fleet, sender: Sender, hook: WebhookId) {
    for _ in 0..IN_A_ROW {
        let next = async {
            let Some(message) = fleet.next_message(hook).await? else { return Ok(false) };
            let begun = Instant::now();
            let told = sender.send(&message).await;
            fleet.observed().worked(Job::Webhook, begun.elapsed(), told.note.is_empty());
            fleet.webhook_answered(&message, &told).await
        };
        match next.await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, webhook = %hook, "a webhook was not told; it is tried again");
                // Until then it counts as busy.
                tokio::time::sleep(PAUSE).await;
                break;
            }
        }
    }
}
