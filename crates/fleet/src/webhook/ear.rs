//! Hearing what was rung for webhooks, and writing down what each is owed.

use super::TOPIC;
use crate::{Fleet, Result};
use domain::{
    id::{EventId, WebhookId},
    time::{MINUTE, Timestamp},
    webhook::{EventKind, TEST},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{
    change::Change,
    webhook::{
        Webhook,
        delivery::{self, Event},
    },
};
use uuid::Uuid;

/// How many changes are read at once.
const MANY: i64 = 500;
/// How much later than one with a higher sequence a change may be committed.
const LATE: i64 = 10 * MINUTE;

/// Hears what is to be told to webhooks, each once. What was heard by an ear before this one is known by what is written
/// down.
#[derive(Debug, Default)]
pub struct Ear {
    /// Nothing up to here can become visible any more.
    floor: i64,
    /// What was heard above.
    heard: BTreeSet<i64>,
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Something happened.
    Event(EventKind),
    /// Somebody wants to see whether a receiver works.
    Test,
}

/// Something that was rung for webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The sequence of the change.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
    /// To what: a code, an id.
    pub about: String,
    /// Whether any webhook wants to know.
    pub is_wanted: bool,
}

impl News {
    /// None for what a later version rang.
    fn of(change: &Change, hooks: &[Webhook]) -> Option<Self> {
        let (word, about) = change.subject.split_once(' ')?;
        let what = if word == TEST { What::Test } else { What::Event(word.parse().ok()?) };
        let news = Self { seq: change.seq, at: Timestamp(change.at), what, about: about.to_owned(), is_wanted: false };
        Some(Self { is_wanted: hooks.iter().any(|hook| news.is_for(hook)), ..news })
    }

    /// Whether a webhook is told of it. One that is paused is told later; one that is newer is not.
    fn is_for(&self, hook: &Webhook) -> bool {
        match self.what {
            What::Test => self.about.parse().is_ok_and(|id: WebhookId| id == hook.id),
            What::Event(kind) => hook.kinds.contains(&kind) && hook.created_at <= self.at,
        }
    }

    /// The word for what happened, as it is told.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.what {
            What::Test => TEST,
            What::Event(kind) => kind.as_str(),
        }
    }
}

impl Ear {
    /// What was rung and is not written down yet, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hear(&mut self, fleet: &Fleet) -> Result<Vec<News>> {
        let (mut after, mut news, mut hooks, mut unknown) = (self.floor, Vec::new(), None, Vec::new());
        loop {
            let page = store::change::of_topic(fleet.db(), TOPIC, after, MANY).await?;
            let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
            let (from, to) = (first.seq, last.seq);
            let is_last = i64::try_from(page.len()).unwrap_or(MANY) < MANY;
            if page.iter().any(|change| !self.heard.contains(&change.seq)) {
                self.heard.extend(delivery::known(fleet.db(), from, to).await?);
            }
            let new: Vec<&Change> = page.iter().filter(|change| !self.heard.contains(&change.seq)).collect();
            if !new.is_empty() && hooks.is_none() {
                hooks = Some(store::webhook::all(fleet.db()).await?);
            }
            let hooks = hooks.as_deref().unwrap_or_default();
            for change in new {
                match News::of(change, hooks) {
                    Some(told) => news.push(told),
                    None => unknown.push(change.seq),
                }
            }
            self.heard.extend(unknown.drain(..));
            self.raise(&page, fleet.now());
            after = to;
            if is_last {
                break;
            }
        }
        Ok(news)
    }

    /// Raises the floor over what was written down and is so old that nothing comes in before it.
    fn raise(&mut self, page: &[Change], now: Timestamp) {
        let late = now.plus(-LATE).0;
        let is_done = |change: &&Change| change.at < late && self.heard.contains(&change.seq);
        if let Some(done) = page.iter().take_while(is_done).last().map(|change| change.seq) {
            self.floor = done;
            self.heard = self.heard.split_off(&(done + 1));
        }
    }

    /// Writes down what webhooks are told of some news, and to which of them it is owed. `data` is what it happened to, as the
    /// API shows it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owe(&mut self, fleet: &Fleet, news: &News, data: &Value) -> Result<()> {
        let mut tx = fleet.db().begin().await?;
        let hooks = store::webhook::all_within(&mut tx).await?;
        // Whoever was added since it was heard is not told: its data was not read.
        let told: Vec<&Webhook> = hooks.iter().filter(|hook| news.is_wanted && news.is_for(hook)).collect();
        let body = if told.is_empty() {
            String::new()
        } else {
            json!({"type": news.word(), "timestamp": news.at.rfc3339(), "data": data}).to_string()
        };
        let kind = news.word().to_owned();
        let event = Event { id: EventId(Uuid::now_v7()), seq: news.seq, kind, at: news.at, body };
        if delivery::insert(&mut tx, &event).await? {
            for hook in told {
                delivery::owe(&mut tx, hook.id, &event, fleet.now()).await?;
            }
        }
        tx.commit().await?;
        self.heard.insert(news.seq);
        Ok(())
    }
}
