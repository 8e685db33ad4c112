//! Models and batches.

use crate::{Db, StoreResult, Tx};
use domain::{
    batch::{Batch, Model},
    id::{BatchId, CustodianId, ModelId},
    time::Timestamp,
};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct ModelRow {
    id: Uuid,
    name: String,
    description: String,
    poll_interval_s: i64,
    sgtin: String,
}

impl From<ModelRow> for Model {
    fn from(row: ModelRow) -> Self {
        Self {
            id: ModelId(row.id),
            name: row.name,
            description: row.description,
            poll_interval_s: row.poll_interval_s,
            sgtin: row.sgtin,
        }
    }
}

#[derive(sqlx::FromRow)]
struct BatchRow {
    id: Uuid,
    code: String,
    factory_id: Uuid,
    model_id: Uuid,
    quota: Option<i64>,
    started_at: i64,
}

impl From<BatchRow> for Batch {
    fn from(row: BatchRow) -> Self {
        Self {
            id: BatchId(row.id),
            code: row.code,
            factory_id: CustodianId(row.factory_id),
            model_id: ModelId(row.model_id),
            quota: row.quota,
            started_at: Timestamp(row.started_at),
        }
    }
}

queries! {
    MODELS = "SELECT id, name, description, poll_interval_s, sgtin FROM model ORDER BY name";
    INSERT_MODEL = "INSERT INTO model (id, name, description, poll_interval_s, sgtin) VALUES ($1, $2, $3, $4, $5)";
    UPDATE_MODEL = "UPDATE model SET description = $2, poll_interval_s = $3, sgtin = $4 WHERE id = $1";
    BATCHES = "SELECT id, code, factory_id, model_id, quota, started_at FROM batch ORDER BY started_at DESC, code";
    INSERT_BATCH = "INSERT INTO batch (id, code, factory_id, model_id, quota, started_at) \
                    VALUES ($1, $2, $3, $4, $5, $6)";
}

/// All models, by name.
///
/// # Errors
/// When the database fails.
pub async fn models(db: &Db) -> StoreResult<Vec<Model>> {
    let rows: Vec<ModelRow> = read!(db, |pool| sqlx::query_as(MODELS).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// All models, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn models_within(tx: &mut Tx) -> StoreResult<Vec<Model>> {
    let rows: Vec<ModelRow> = within!(tx, |executor| sqlx::query_as(MODELS).fetch_all(executor).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Enters a model.
///
/// # Errors
/// [`crate::StoreError::Exists`] when its name is taken.
pub async fn insert_model(tx: &mut Tx, model: &Model) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT_MODEL)
            .bind(model.id.0)
            .bind(&model.name)
            .bind(&model.description)
            .bind(model.poll_interval_s)
            .bind(&model.sgtin)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Changes a model's description, poll interval and SGTIN class.
///
/// # Errors
/// When the database fails.
pub async fn update_model(tx: &mut Tx, model: &Model) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(UPDATE_MODEL)
            .bind(model.id.0)
            .bind(&model.description)
            .bind(model.poll_interval_s)
            .bind(&model.sgtin)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// All batches, newest first.
///
/// # Errors
/// When the database fails.
pub async fn batches(db: &Db) -> StoreResult<Vec<Batch>> {
    let rows: Vec<BatchRow> = read!(db, |pool| sqlx::query_as(BATCHES).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// All batches, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn batches_within(tx: &mut Tx) -> StoreResult<Vec<Batch>> {
    let rows: Vec<BatchRow> = within!(tx, |executor| sqlx::query_as(BATCHES).fetch_all(executor).await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Enters a batch.
///
/// # Errors
/// [`crate::StoreError::Exists`] when its code is taken.
pub async fn insert_batch(tx: &mut Tx, batch: &Batch) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT_BATCH)
            .bind(batch.id.0)
            .bind(&batch.code)
            .bind(batch.factory_id.0)
            .bind(batch.model_id.0)
            .bind(batch.quota)
            .bind(batch.started_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}
