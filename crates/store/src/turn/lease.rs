//! Leases on PostgreSQL. When one is over is told by the database's clock alone: those of nodes may be minutes off. How long a holder may
//! rely on what it was told is measured by its own monotonic clock, from before it asked.
//!
//! Nodes of the version before know no leases: see [`super::before`].

use super::{
    Claim, Held, Holder, PAUSE,
    before::{Session, Stands},
    is_set,
};
use crate::{StoreError, StoreResult, Tx};
use domain::node::Lease;
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

/// For how long a lease holds.
const HOLDS: Duration = Duration::from_secs(4);
/// For how long its holder relies on it: it stops before another can begin.
const RELIED_ON: Duration = Duration::from_millis(3_500);
/// How often it is renewed, and how soon it is tried again when that failed.
const RENEWED: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(200);
/// A lease that was not renewed for so long while we looked is over, whatever the database's clock says: after a fail-over it may be
/// another clock, that is behind.
const STALLED: Duration = Duration::from_millis(4_500);
/// How long giving one back may take.
const GIVEN_BACK: Duration = Duration::from_secs(1);

// What follows asks for the server's clock, so it is not among the queries that both databases understand.
macro_rules! now {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

const LOOK: &str = concat!("SELECT token, expires_at, expires_at <= ", now!(), " FROM lease WHERE name = $1");
/// Whoever holds it is asked for twice: one who looked and found it over may be late.
const TAKE: &str = concat!(
    "INSERT INTO lease (name, holder, token, taken_at, expires_at) VALUES ($1, $2, 1, ",
    now!(),
    ", ",
    now!(),
    " + $3) ON CONFLICT (name) DO UPDATE SET holder = $2, token = lease.token + 1, taken_at = ",
    now!(),
    ", expires_at = ",
    now!(),
    " + $3 WHERE lease.expires_at <= ",
    now!(),
    " OR (lease.token = $4 AND lease.expires_at = $5) RETURNING token"
);
const RENEW: &str =
    concat!("UPDATE lease SET expires_at = ", now!(), " + $4 WHERE name = $1 AND holder = $2 AND token = $3");
const GIVE_BACK: &str = "UPDATE lease SET holder = '', expires_at = 0 WHERE name = $1 AND holder = $2 AND token = $3";
/// Held until the transaction ends, so nobody takes it in between. Should we hang between this and the end, the server ends the transaction
/// for us: nobody waits longer for it than for the lease itself.
const FENCE: &str = "SELECT set_config('idle_in_transaction_session_timeout', '3000', true) FROM lease \
                     WHERE name = $1 AND holder = $2 AND token = $3 FOR SHARE";

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// Waits until a lease is ours.
pub(super) async fn taken(pool: &PgPool, lease: Lease, holder: &Holder) -> StoreResult<Held> {
    // What was last seen of it, and since when it has been so.
    let mut seen: Option<((i64, i64), Instant)> = None;
    let mut session = None;
    loop {
        if holder.is_ending() {
            return Err(StoreError::LeaseOver(lease));
        }
        let row: Option<(i64, i64, bool)> = sqlx::query_as(LOOK).bind(lease.as_str()).fetch_optional(pool).await?;
        let is_over = row.is_none_or(|(.., is_over)| is_over);
        let mut stalled = (0, 0);
        match (row, seen) {
            (Some((token, expires_at, _)), Some((known, since))) if known == (token, expires_at) => {
                if since.elapsed() >= STALLED {
                    stalled = known;
                }
            }
            (row, _) => seen = row.map(|(token, expires_at, _)| ((token, expires_at), Instant::now())),
        }
        if is_over || stalled != (0, 0) {
            if let Some(held) = take(pool, lease, holder, stalled, &mut session).await? {
                return Ok(held);
            }
        } else {
            // Whoever else has it needs what this one may have locked.
            session = None;
        }
        sleep(PAUSE).await;
    }
}

/// Takes a lease, if it is still over and no node of the version before is at the same work.
async fn take(
    pool: &PgPool,
    lease: Lease,
    holder: &Holder,
    stalled: (i64, i64),
    kept: &mut Option<Session>,
) -> StoreResult<Option<Held>> {
    let mut session = match kept.take() {
        Some(session) => session,
        None => Session::begin(pool, lease).await?,
    };
    if session.lock().await? == Stands::Before {
        *kept = Some(session);
        return Ok(None);
    }
    let asked = Instant::now();
    let token: Option<i64> = sqlx::query_scalar(TAKE)
        .bind(lease.as_str())
        .bind(&*holder.0.id)
        .bind(micros(HOLDS))
        .bind(stalled.0)
        .bind(stalled.1)
        .fetch_optional(pool)
        .await?;
    let Some(token) = token else { return Ok(None) };
    let claim = Claim { lease, holder: Arc::clone(&holder.0.id), token };
    // From here on nothing is committed that whoever hung in it has begun, so its session is of no use any more.
    if session.lock_at_last().await? == Stands::Before {
        give_back(pool, &claim).await?;
        *kept = Some(session);
        return Ok(None);
    }
    let (over, is_over) = watch::channel(false);
    let (ours, dropped) = oneshot::channel();
    holder.0.leases.send_modify(|n| *n += 1);
    let keeper = Keeper { pool: pool.clone(), claim: claim.clone(), holder: holder.clone(), session: Some(session) };
    tokio::spawn(keeper.keep(asked, over, dropped));
    Ok(Some(Held::Lease { claim, over: is_over, _ours: ours }))
}

async fn give_back(pool: &PgPool, claim: &Claim) -> StoreResult<()> {
    let query = sqlx::query(GIVE_BACK).bind(claim.lease.as_str()).bind(&*claim.holder).bind(claim.token);
    query.execute(pool).await?;
    Ok(())
}

pub(super) async fn fence(tx: &mut Tx, claim: &Claim) -> StoreResult<()> {
    // On SQLite there are no leases.
    let Tx::Postgres(tx) = tx else { return Ok(()) };
    let query = sqlx::query(FENCE).bind(claim.lease.as_str()).bind(&*claim.holder).bind(claim.token);
    match query.fetch_optional(&mut **tx).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseOver(claim.lease)),
    }
}

/// Renews a lease as long as its turn lasts, and gives it back then.
struct Keeper {
    pool: PgPool,
    claim: Claim,
    holder: Holder,
    /// Of its own: where the pool has no connection left, a lease is not lost for want of one.
    session: Option<Session>,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.holder.0.leases.send_modify(|n| *n = n.saturating_sub(1));
    }
}

impl Keeper {
    async fn keep(mut self, taken: Instant, over: watch::Sender<bool>, mut dropped: oneshot::Receiver<()>) {
        let (mut relied_on, mut next) = (taken + RELIED_ON, taken + RENEWED);
        let ending = self.holder.0.ending.subscribe();
        loop {
            let renewed = tokio::select! {
                biased;
                _ = &mut dropped => break,
                () = is_set(ending.clone()) => break,
                () = sleep_until(relied_on) => {
                    tracing::warn!(lease = %self.claim.lease, "a lease could not be renewed in time; its work ends here");
                    break;
                }
                renewed = self.renew(next) => renewed,
            };
            match renewed {
                Ok(Some(asked)) => (relied_on, next) = (asked + RELIED_ON, asked + RENEWED),
                Ok(None) => {
                    tracing::warn!(lease = %self.claim.lease, "another node has taken a lease; its work ends here");
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, lease = %self.claim.lease, "a lease was not renewed; it is tried again");
                    (self.session, next) = (None, Instant::now() + AGAIN);
                }
            }
        }
        over.send_replace(true);
        // What can't be given back is over by itself, a little later. It waits for what is being committed, and only then is it
        // unlocked for nodes of the version before.
        let _ = timeout(GIVEN_BACK, give_back(&self.pool, &self.claim)).await;
        if let Some(session) = self.session.take() {
            let _ = timeout(GIVEN_BACK, session.end()).await;
        }
    }

    /// Renews it at that time. When it was asked for; none when it is another's.
    async fn renew(&mut self, at: Instant) -> StoreResult<Option<Instant>> {
        sleep_until(at).await;
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::begin(&self.pool, self.claim.lease).await?),
        };
        let (asked, claim) = (Instant::now(), &self.claim);
        // It may be another session than the one that was locked by.
        if session.lock().await? == Stands::Before {
            return Ok(None);
        }
        let query = sqlx::query(RENEW).bind(claim.lease.as_str()).bind(&*claim.holder).bind(claim.token);
        let done = query.bind(micros(HOLDS)).execute(session.connection()).await?;
        Ok((done.rows_affected() == 1).then_some(asked))
    }
}
