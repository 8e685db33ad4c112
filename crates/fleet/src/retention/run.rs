//! Letting go what is kept no longer: by one node at a time, in small pieces, so that nobody waits for it.

use super::is_due;
use crate::{Actor, Fleet, Result, audit::Deed};
use domain::{
    id::AuthorityId,
    node::Lease,
    person::Permission,
    retention::Kept,
    time::{DAY, Timestamp},
};
use serde_json::json;
use std::time::{Duration, Instant};
use store::{
    StoreError, StoreResult, Tx, count, crl,
    retention::{self, Pass, parts},
    webhook::delivery,
};

/// In whose name it is done.
const RULE: Actor = Actor::Rule { name: "retention" };
/// How often it is begun anew.
const EVERY: i64 = DAY;
/// How many rows go in one transaction.
const ROWS: i64 = 1_000;
/// How many devices' histories are gone through in one.
const DEVICES: i64 = 200;
/// How long others get their turn between two of them.
const REST: Duration = Duration::from_millis(20);
/// How long one kind is worked on at a time: then the others', and later it goes on where it was.
const AT_A_TIME: Duration = Duration::from_secs(120);

/// What goes in pieces of so many rows, the oldest first.
#[derive(Clone, Copy)]
enum Piece {
    /// What devices said of actions below one.
    Feedback { below: i64, before: Timestamp },
    /// Lists of an authority.
    Lists { authority: AuthorityId, before: Timestamp },
    /// What webhooks were told.
    Told { before: Timestamp },
}

impl Piece {
    async fn goes(self, tx: &mut Tx) -> StoreResult<u64> {
        match self {
            Self::Feedback { below, before } => retention::forget_feedback(tx, below, before, ROWS).await,
            Self::Lists { authority, before } => crl::forget(tx, authority, before, ROWS).await,
            Self::Told { before } => delivery::forget(tx, before, ROWS).await,
        }
    }
}

impl Fleet {
    /// Lets go what is kept no longer, makes partitions before they are needed, and brings counts together that are held apart. To be
    /// called every few minutes by every node; one of them does it. How many rows went.
    ///
    /// # Errors
    /// When the database fails; it goes on where it was at the next call.
    pub async fn forget_what_is_old(&self) -> Result<u64> {
        let turn = self.turn(Lease::Retention).await?;
        turn.run(self.forget_in_turn()).await
    }

    async fn forget_in_turn(&self) -> Result<u64> {
        count::fold(self.db()).await?;
        // Where somebody holds the table for long it is tried again: until there is one, what comes goes elsewhere.
        if let Err(error) = parts::make_ahead(self.db(), self.now()).await {
            tracing::warn!(%error, "no partition was made ahead; it is tried again");
        }
        let policy = self.kept_for().await?;
        let mut gone = 0;
        for kept in Kept::ALL.iter().copied() {
            let mut pass = retention::pass(self.db(), kept).await?;
            let Some(before) = policy.of(kept).before(self.now()) else {
                // Everything is kept from now on, also what a pass under way would have let go.
                if pass.begun_at.is_some() {
                    self.end(&mut pass, None).await?;
                }
                continue;
            };
            if is_due(&pass, self.now(), EVERY) {
                gone += self.go_through(pass, before).await?;
            }
        }
        Ok(gone)
    }

    async fn go_through(&self, pass: Pass, before: Timestamp) -> Result<u64> {
        let (begun, first) = (Instant::now(), pass.begun_at.is_none());
        let mut pass = Pass { begun_at: pass.begun_at.or_else(|| Some(self.now())), ..pass };
        if first {
            (pass.gone, pass.upto) = (0, None);
        }
        let had = pass.gone;
        let is_through = match pass.kept {
            Kept::Feedback => self.feedback_goes(&mut pass, before, begun).await?,
            Kept::Steps => self.steps_go(&mut pass, before, begun).await?,
            Kept::Crls => self.crls_go(&mut pass, before, begun).await?,
            Kept::Webhooks => self.pieces(&mut pass, Piece::Told { before }, begun).await?,
        };
        if is_through {
            self.end(&mut pass, Some(before)).await?;
        }
        Ok(pass.gone - had)
    }

    /// Does one piece after the other, each in a transaction of its own, until one is not full. False where the time was over before.
    async fn pieces(&self, pass: &mut Pass, piece: Piece, begun: Instant) -> Result<bool> {
        while begun.elapsed() < AT_A_TIME {
            let mut deed = self.allow(&RULE, Permission::SettingManage, &subject(pass.kept)).await?;
            let rows = piece.goes(&mut deed.tx).await?;
            self.note(deed, pass, rows).await?;
            if rows < ROWS.unsigned_abs() {
                return Ok(true);
            }
            tokio::time::sleep(REST).await;
        }
        Ok(false)
    }

    /// What went is noted with it; who let it go is audited at the end of the pass.
    async fn note(&self, mut deed: Deed<'_>, pass: &mut Pass, rows: u64) -> Result<()> {
        pass.gone += rows;
        retention::put_pass(&mut deed.tx, pass).await?;
        deed.commit_as_history().await?;
        self.inner.observed.let_go(pass.kept, rows);
        Ok(())
    }

    async fn feedback_goes(&self, pass: &mut Pass, before: Timestamp, begun: Instant) -> Result<bool> {
        let below = retention::first_action_since(self.db(), before).await?;
        // Whole partitions first: they are read once, and dropped at once.
        loop {
            let mut deed = self.allow(&RULE, Permission::SettingManage, &subject(pass.kept)).await?;
            let rows = match parts::drop_oldest(&mut deed.tx, below, before).await {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                // Somebody reads all of it, as a backup does. What else goes does not wait for that.
                Err(StoreError::Busy | StoreError::Contended) => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            self.note(deed, pass, rows).await?;
        }
        self.pieces(pass, Piece::Feedback { below, before }, begun).await
    }

    async fn steps_go(&self, pass: &mut Pass, before: Timestamp, begun: Instant) -> Result<bool> {
        while begun.elapsed() < AT_A_TIME {
            let Some(upto) = retention::next_devices(self.db(), pass.upto, DEVICES).await? else { return Ok(true) };
            let mut deed = self.allow(&RULE, Permission::SettingManage, &subject(pass.kept)).await?;
            let rows = retention::forget_steps(&mut deed.tx, pass.upto, upto, before).await?;
            pass.upto = Some(upto);
            self.note(deed, pass, rows).await?;
            tokio::time::sleep(REST).await;
        }
        Ok(false)
    }

    async fn crls_go(&self, pass: &mut Pass, before: Timestamp, begun: Instant) -> Result<bool> {
        for (authority, _) in crl::numbers(self.db()).await? {
            // Most authorities have nothing to let go.
            if crl::superseded(self.db(), authority, before, 1).await? == 0 {
                continue;
            }
            if !self.pieces(pass, Piece::Lists { authority, before }, begun).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends a pass; one that is cut short has no time before which things went.
    async fn end(&self, pass: &mut Pass, before: Option<Timestamp>) -> Result<()> {
        (pass.begun_at, pass.ended_at, pass.upto) = (None, Some(self.now()), None);
        let subject = subject(pass.kept);
        let mut deed = self.allow(&RULE, Permission::SettingManage, &subject).await?;
        retention::put_pass(&mut deed.tx, pass).await?;
        if pass.gone == 0 {
            return deed.commit_as_history().await;
        }
        deed.commit("retention.let_go", &subject, &json!({"older_than": before, "rows": pass.gone})).await
    }
}

fn subject(kept: Kept) -> String {
    format!("retention:{kept}")
}
