//! Custodians.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{custody::Custodian, id::CustodianId, time::Timestamp};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    code: String,
    name: String,
    kind: String,
    country: String,
    city: String,
    sgln: String,
    created_at: i64,
}

impl TryFrom<Row> for Custodian {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: CustodianId(row.id),
            code: row.code,
            name: row.name,
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("custodian.kind", e))?,
            country: row.country,
            city: row.city,
            sgln: row.sgln,
            created_at: Timestamp(row.created_at),
        })
    }
}

queries! {
    ALL = "SELECT id, code, name, kind, country, city, sgln, created_at FROM custodian ORDER BY name, id";
    INSERT = "INSERT INTO custodian (id, code, name, kind, country, city, sgln, created_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    UPDATE = "UPDATE custodian SET name = $2, country = $3, city = $4, sgln = $5 WHERE id = $1";
}

/// All custodians, by name. There are few of them next to devices: hundreds to thousands.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<Custodian>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// All custodians, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn all_within(tx: &mut Tx) -> StoreResult<Vec<Custodian>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(ALL).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Enters a custodian.
///
/// # Errors
/// [`StoreError::Exists`] when its code is taken.
pub async fn insert(tx: &mut Tx, custodian: &Custodian) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(custodian.id.0)
            .bind(&custodian.code)
            .bind(&custodian.name)
            .bind(custodian.kind.as_str())
            .bind(&custodian.country)
            .bind(&custodian.city)
            .bind(&custodian.sgln)
            .bind(custodian.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Changes a custodian's name, country, city and location number. Code and kind stay: history speaks of them.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx, custodian: &Custodian) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(UPDATE)
            .bind(custodian.id.0)
            .bind(&custodian.name)
            .bind(&custodian.country)
            .bind(&custodian.city)
            .bind(&custodian.sgln)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}
