//! Saved views of the device list.

use crate::{Db, StoreResult, Tx};
use domain::{
    id::{UserId, ViewId},
    time::Timestamp,
};
use serde::Serialize;
use uuid::Uuid;

/// A saved view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedView {
    /// Its id.
    pub id: ViewId,
    /// Whose it is.
    pub user_id: UserId,
    /// That person's name.
    pub owner: String,
    /// What it is called.
    pub name: String,
    /// The fleet query, in its canonical form.
    pub query: String,
    /// The order, as the list's address writes it; empty for the usual one.
    pub sort: String,
    /// The columns, as the list's address writes them; empty for the usual ones.
    pub columns: String,
    /// Whether everybody sees it.
    pub shared: bool,
    /// When it was saved.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    owner: String,
    name: String,
    query: String,
    sort: String,
    columns: String,
    shared: bool,
    created_at: i64,
}

impl From<Row> for SavedView {
    fn from(row: Row) -> Self {
        Self {
            id: ViewId(row.id),
            user_id: UserId(row.user_id),
            owner: row.owner,
            name: row.name,
            query: row.query,
            sort: row.sort,
            columns: row.columns,
            shared: row.shared,
            created_at: Timestamp(row.created_at),
        }
    }
}

queries! {
    VISIBLE = "SELECT v.id, v.user_id, u.name AS owner, v.name, v.query, v.sort, v.columns, v.shared, v.created_at \
               FROM saved_view v JOIN user_account u ON u.id = v.user_id WHERE v.user_id = $1 OR v.shared = $2";
    BY_ID = "SELECT v.id, v.user_id, u.name AS owner, v.name, v.query, v.sort, v.columns, v.shared, v.created_at \
             FROM saved_view v JOIN user_account u ON u.id = v.user_id WHERE v.id = $1";
    COUNT_OF = "SELECT COUNT(*) FROM saved_view WHERE user_id = $1";
    INSERT = "INSERT INTO saved_view (id, user_id, name, query, sort, columns, shared, created_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    DELETE = "DELETE FROM saved_view WHERE id = $1";
}

/// The views that somebody sees: their own, and those that are shared.
///
/// # Errors
/// When the database fails.
pub async fn visible(db: &Db, user: Option<UserId>) -> StoreResult<Vec<SavedView>> {
    let user = user.map(|id| id.0);
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(VISIBLE).bind(user).bind(true).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A view by its id, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_id_within(tx: &mut Tx, id: ViewId) -> StoreResult<Option<SavedView>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    Ok(row.map(Into::into))
}

/// How many views somebody saved.
///
/// # Errors
/// When the database fails.
pub async fn count_of(tx: &mut Tx, user: UserId) -> StoreResult<i64> {
    Ok(within!(tx, |executor| sqlx::query_scalar(COUNT_OF).bind(user.0).fetch_one(executor).await)?)
}

/// Enters a view.
///
/// # Errors
/// [`crate::StoreError::Exists`] when this person already has one of this name.
pub async fn insert(tx: &mut Tx, view: &SavedView) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(view.id.0)
            .bind(view.user_id.0)
            .bind(&view.name)
            .bind(&view.query)
            .bind(&view.sort)
            .bind(&view.columns)
            .bind(view.shared)
            .bind(view.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Removes a view.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx, id: ViewId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(DELETE).bind(id.0).execute(executor).await.map(drop))?;
    Ok(())
}
