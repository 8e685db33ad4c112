//! Idempotency keys: a program that did not hear an answer may ask again without doing a thing twice.

use crate::{Actor, Error, Fleet, Result};
use domain::time::{DAY, MINUTE, Timestamp};
use store::idempotency::{Answered, RequestKey};

/// How long an answer is kept.
pub const KEPT: i64 = DAY;
/// After how long a request without an answer counts as given up: its node was stopped in the middle.
const ABANDONED: i64 = 10 * MINUTE;
/// The longest answer that is kept, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;

/// What is known of a request with an idempotency key.
#[derive(Debug)]
pub enum Begun {
    /// Nothing: do it, then finish or abandon the claim.
    Fresh(Claim),
    /// It was answered: answer the same.
    Replay {
        /// The answer's status.
        status: u16,
        /// The answer.
        body: String,
    },
    /// It is being done at this moment.
    InFlight,
    /// Another request had this key.
    Mismatch,
}

/// The right to answer a request.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a claim that is neither finished nor abandoned keeps its key busy for ten minutes"]
pub struct Claim {
    key: RequestKey,
    begun: Timestamp,
}

fn request_key(actor: &Actor, key: &str) -> Result<RequestKey> {
    if matches!(actor, Actor::Nobody { .. }) {
        return Err(Error::NotSignedIn);
    }
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let told = "Give an Idempotency-Key of 1 to 255 visible ASCII characters, like a UUID.";
        return Err(Error::field("Idempotency-Key", told));
    }
    let id = match actor {
        Actor::Rule { name } => (*name).to_owned(),
        _ => actor.id(),
    };
    Ok(RequestKey { actor: format!("{}:{id}", actor.kind()), key: key.to_owned() })
}

impl Fleet {
    /// Begins a request with a key that is the actor's own. `request_hash` covers what is asked: method, path, body.
    ///
    /// # Errors
    /// When the key can't be one, or the database fails.
    pub async fn begin_request(&self, actor: &Actor, key: &str, request_hash: &str) -> Result<Begun> {
        let key = request_key(actor, key)?;
        let (now, node) = (self.now(), self.node().await?);
        let mut tx = self.db().begin().await?;
        let begun = if store::idempotency::begin(&mut tx, &key, request_hash, now, &node).await? {
            Begun::Fresh(Claim { key, begun: now })
        } else {
            match store::idempotency::read(&mut tx, &key).await? {
                Some(known) if outlived(&known, now) => {
                    let (tx, begun) = (&mut tx, known.created_at);
                    let taken = store::idempotency::take_over(tx, &key, request_hash, now, begun, &node).await?;
                    if taken { Begun::Fresh(Claim { key, begun: now }) } else { Begun::InFlight }
                }
                Some(known) => standing(known, request_hash),
                // Abandoned this very moment: whoever asks again finds it free.
                None => Begun::InFlight,
            }
        };
        tx.commit().await?;
        Ok(begun)
    }

    /// Forgets the requests of an earlier process of this data folder that have no answer: it ended in the middle of
    /// them, and nobody need wait for that. For the start of a server, which has the folder to itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_unanswered(&self) -> Result<()> {
        let node = self.node().await?;
        let mut tx = self.db().begin().await?;
        store::idempotency::void(&mut tx, &node).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps the answer. One that is too long to keep is forgotten instead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_request(&self, claim: Claim, status: u16, body: &str) -> Result<()> {
        if body.len() > LONGEST_BODY {
            return self.abandon_request(claim).await;
        }
        let mut tx = self.db().begin().await?;
        store::idempotency::finish(&mut tx, &claim.key, claim.begun, status.into(), body).await?;
        Ok(tx.commit().await?)
    }

    /// Forgets the request: it came to nothing, by our fault, and may be sent again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn abandon_request(&self, claim: Claim) -> Result<()> {
        let mut tx = self.db().begin().await?;
        store::idempotency::abandon(&mut tx, &claim.key, claim.begun).await?;
        Ok(tx.commit().await?)
    }
}

fn outlived(known: &Answered, now: Timestamp) -> bool {
    let age = now.0 - known.created_at;
    age >= KEPT || (known.status == 0 && age >= ABANDONED)
}

fn standing(known: Answered, request_hash: &str) -> Begun {
    if known.request_hash != request_hash {
        return Begun::Mismatch;
    }
    match u16::try_from(known.status) {
        Ok(status) if status > 0 => Begun::Replay { status, body: known.body },
        _ => Begun::InFlight,
    }
}
