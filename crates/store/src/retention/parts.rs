//! The partitions of what devices say of updates, on PostgreSQL: made before they are needed, dropped as a whole when all in them is
//! old. SQLite has none, and neither has a server where the table is whole.
//!
//! These ask PostgreSQL about its own catalogue, so they are not among the queries that both databases understand.

use super::first_action_since;
use crate::{Db, StoreResult, Tx};
use domain::time::{DAY, Timestamp};
use sqlx::{AssertSqlSafe, PgConnection};

/// How many actions a partition is for: about as many as there were in a month, within these limits.
const MONTH: i64 = 30 * DAY;
const NARROWEST: i64 = 1_000_000;
const WIDEST: i64 = 10_000_000;
/// How many partitions are made at once at most, whatever a backup says of its actions.
const AT_ONCE: usize = 200;
/// How many actions may be made while a partition is: where devices were faster, so many more are left beyond all.
const MEANWHILE: i64 = 100_000;

const PARTS: &str = "SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i \
                     JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('update_feedback') ORDER BY 1";
const IS_PARTED: &str = "SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = to_regclass('update_feedback'))";
const LAST_ACTION: &str = "SELECT COALESCE(MAX(id), 0) FROM update_action";
const LAST_BEYOND: &str = "SELECT COALESCE(MAX(action_id), 0) FROM update_feedback_beyond";
/// Others wait behind whoever waits for a table, so nobody waits long: it is tried again later. Below PostgreSQL's `deadlock_timeout`,
/// so that it is never a device that gives way.
const PATIENCE: &str = "SET LOCAL lock_timeout = '500ms'";
/// What is in no partition of its own is read while one is made, and nobody gets in meanwhile: not for long.
const QUICKLY: &str = "SET LOCAL statement_timeout = '2s'";
/// As devices do, the action first: who has it would wait for what they say, while the partition's reference waits for the action.
const ACTIONS: &str = "LOCK TABLE update_action IN SHARE ROW EXCLUSIVE MODE";

/// A partition: the actions below one, down to the partition before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    /// The action from which on it takes none.
    to: i64,
}

impl Part {
    /// None for the one that takes what is in no other.
    fn of(name: String, bounds: &str) -> Option<Self> {
        let to = bounds.rsplit_once('(')?.1.trim_end_matches(')').trim_matches('\'');
        Some(Self { name, to: to.parse().ok()? })
    }
}

async fn parts(connection: &mut PgConnection) -> StoreResult<Vec<Part>> {
    let rows: Vec<(String, String)> = sqlx::query_as(PARTS).fetch_all(connection).await?;
    let mut parts: Vec<Part> = rows.into_iter().filter_map(|(name, bounds)| Part::of(name, &bounds)).collect();
    parts.sort_by_key(|part| part.to);
    Ok(parts)
}

/// Makes the next partition, unless there is room for as many actions as were made in the last month. Where devices were faster than
/// this, what is beyond the last partition stays where it is, and the next one begins above. Whether one was made.
///
/// # Errors
/// When the database fails, or somebody holds the table for longer than others are to wait.
pub async fn make_ahead(db: &Db, now: Timestamp) -> StoreResult<bool> {
    let Db::Postgres(pool) = db else { return Ok(false) };
    let last: i64 = sqlx::query_scalar(LAST_ACTION).fetch_one(pool).await?;
    let Some(top) = top(&mut *pool.acquire().await?).await? else { return Ok(false) };
    let lately = last + 1 - first_action_since(db, now.plus(-MONTH)).await?;
    let width = lately.clamp(NARROWEST, WIDEST);
    if top - last > width {
        return Ok(false);
    }
    let beyond: i64 = sqlx::query_scalar(LAST_BEYOND).fetch_one(pool).await?;
    // Others go on beyond while this one is made.
    let from = if beyond < top && last < top { top } else { beyond.max(last).saturating_add(MEANWHILE) };
    let mut tx = db.begin().await?;
    if let Tx::Postgres(tx) = &mut tx {
        sqlx::query(PATIENCE).execute(&mut **tx).await?;
        sqlx::query(QUICKLY).execute(&mut **tx).await?;
        sqlx::query(ACTIONS).execute(&mut **tx).await?;
        make(tx, from, from.saturating_add(width)).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Makes partitions up to that of an action, before much is filled in: what lies beyond all of them has to be read whole for each that
/// is made later.
pub(crate) async fn make_up_to(connection: &mut PgConnection, last: i64) -> StoreResult<()> {
    let Some(mut from) = top(connection).await? else { return Ok(()) };
    for _ in 0..AT_ONCE {
        if from > last {
            break;
        }
        let to = from.saturating_add(WIDEST);
        make(connection, from, to).await?;
        from = to;
    }
    Ok(())
}

async fn make(connection: &mut PgConnection, from: i64, to: i64) -> StoreResult<()> {
    let sql =
        format!("CREATE TABLE update_feedback_{from} PARTITION OF update_feedback FOR VALUES FROM ({from}) TO ({to})");
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

/// The action from which on there is no partition, though all may have been dropped; none where the table is whole.
async fn top(connection: &mut PgConnection) -> StoreResult<Option<i64>> {
    let is_parted: bool = sqlx::query_scalar(IS_PARTED).fetch_one(&mut *connection).await?;
    let top = parts(connection).await?.last().map_or(0, |part| part.to);
    Ok(is_parted.then_some(top))
}

/// Drops a partition whose actions are all below that one and of which everything was said before that time, the oldest first. How many
/// rows go with it; none when there is no such partition any more.
///
/// # Errors
/// When the database fails, or somebody holds the table for longer than others are to wait.
pub async fn drop_oldest(tx: &mut Tx, below: i64, before: Timestamp) -> StoreResult<Option<u64>> {
    if let Tx::Postgres(tx) = tx {
        for part in parts(tx).await?.into_iter().filter(|part| part.to <= below) {
            let name = format!("\"{}\"", part.name.replace('"', "\"\""));
            sqlx::query(PATIENCE).execute(&mut **tx).await?;
            // Nobody says anything more of these actions until it is decided.
            let hold = AssertSqlSafe(format!("LOCK TABLE {name} IN SHARE MODE"));
            sqlx::query(hold).execute(&mut **tx).await?;
            let held = AssertSqlSafe(format!("SELECT COUNT(*), COALESCE(MAX(at), 0) FROM {name}"));
            let (rows, last): (i64, i64) = sqlx::query_as(held).fetch_one(&mut **tx).await?;
            if last < before.0 {
                sqlx::query(AssertSqlSafe(format!("DROP TABLE {name}"))).execute(&mut **tx).await?;
                return Ok(Some(u64::try_from(rows).unwrap_or_default()));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn what_is_filled_in_has_its_partitions_before() {
        let fixture = testing::postgres().await.unwrap();
        let Db::Postgres(pool) = &fixture.db else { unreachable!("it is on PostgreSQL") };
        let mut connection = pool.acquire().await.unwrap();
        for (last, number) in [(9_999_999, 1), (10_000_000, 2), (35_000_000, 4), (35_000_000, 4)] {
            make_up_to(&mut connection, last).await.unwrap();
            assert_eq!(parts(&mut connection).await.unwrap().len(), number, "{last}");
        }
        make_up_to(&mut connection, i64::MAX).await.unwrap();
        assert_eq!(parts(&mut connection).await.unwrap().len(), 4 + AT_ONCE);
    }

    #[test]
    fn bounds_are_read_as_postgresql_writes_them() {
        let part = |bounds| Part::of("p".to_owned(), bounds).map(|part| part.to);
        assert_eq!(part("FOR VALUES FROM (MINVALUE) TO ('10000000')"), Some(10_000_000));
        assert_eq!(part("FOR VALUES FROM ('10000000') TO ('11000000')"), Some(11_000_000));
        assert_eq!(part("DEFAULT"), None);
    }
}
