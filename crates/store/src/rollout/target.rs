//! Who a rollout is for: sets of devices' numbers.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{id::RolloutId, rollout::Members};

queries! {
    OF = "SELECT part, members FROM rollout_target WHERE rollout_id = $1 ORDER BY part";
    PUT = "INSERT INTO rollout_target (rollout_id, part, members) VALUES ($1, $2, $3) \
           ON CONFLICT (rollout_id, part) DO UPDATE SET members = excluded.members";
    CLEAR = "DELETE FROM rollout_target WHERE rollout_id = $1";
}

/// A set of devices of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Who it was approved for.
    Target,
    /// Who joined since.
    Joined,
    /// Whom the query of a wave meant, by the number of the wave.
    Wave(usize),
}

impl Part {
    fn word(&self) -> String {
        match self {
            Self::Target => "target".to_owned(),
            Self::Joined => "joined".to_owned(),
            Self::Wave(n) => format!("wave:{n}"),
        }
    }
}

/// The sets of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sets {
    /// Who it was approved for.
    pub target: Members,
    /// Who joined since.
    pub joined: Members,
    /// Whom the queries of waves meant, by the number of the wave.
    pub waves: Vec<(usize, Members)>,
}

/// The sets of a rollout.
///
/// # Errors
/// When the database fails, or holds what is no set.
pub async fn of(db: &Db, rollout: RolloutId) -> StoreResult<Sets> {
    let rows: Vec<(String, Vec<u8>)> = read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).fetch_all(pool).await)?;
    let mut sets = Sets::default();
    for (part, bytes) in rows {
        let members = Members::from_bytes(&bytes).map_err(|e| StoreError::corrupt("rollout_target.members", e))?;
        match (part.as_str(), part.strip_prefix("wave:").and_then(|n| n.parse().ok())) {
            ("target", _) => sets.target = members,
            ("joined", _) => sets.joined = members,
            (_, Some(wave)) => sets.waves.push((wave, members)),
            _ => {}
        }
    }
    Ok(sets)
}

/// Writes a set.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, rollout: RolloutId, part: &Part, members: &Members) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(PUT).bind(rollout.0).bind(part.word()).bind(members.to_bytes());
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Drops the sets of a rollout that is a draft again.
///
/// # Errors
/// When the database fails.
pub async fn clear(tx: &mut Tx, rollout: RolloutId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(CLEAR).bind(rollout.0).execute(executor).await.map(drop))?;
    Ok(())
}
