//! Certification authorities.

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    authority::{Authority, AuthorityState},
    id::{AuthorityId, BatchId, CustodianId},
    time::Timestamp,
};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    name: String,
    slug: String,
    parent_id: Option<Uuid>,
    factory_id: Option<Uuid>,
    batch_id: Option<Uuid>,
    state: String,
    key_location: String,
    serial: String,
    key_id: String,
    not_before: i64,
    not_after: i64,
    quota: Option<i64>,
    issued: i64,
    days: i64,
    delegated: i64,
    requested_by: String,
    created_at: i64,
    activated_at: i64,
    state_at: i64,
}

impl TryFrom<Row> for Authority {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: AuthorityId(row.id),
            kind: row.kind.parse().map_err(|e| StoreError::corrupt("authority.kind", e))?,
            name: row.name,
            slug: row.slug,
            parent_id: row.parent_id.map(AuthorityId),
            factory_id: row.factory_id.map(CustodianId),
            batch_id: row.batch_id.map(BatchId),
            state: row.state.parse().map_err(|e| StoreError::corrupt("authority.state", e))?,
            key_location: row.key_location,
            serial: row.serial,
            key_id: row.key_id,
            not_before: some_time(row.not_before),
            not_after: some_time(row.not_after),
            quota: row.quota,
            issued: row.issued,
            days: row.days,
            delegated: row.delegated != 0,
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            activated_at: some_time(row.activated_at),
            state_at: Timestamp(row.state_at),
        })
    }
}

/// A further certificate for an authority's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Who issued it.
    pub issuer_name: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// When it was brought in.
    pub created_at: Timestamp,
}

/// What an authority's own certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate<'a> {
    /// The certificate.
    pub der: &'a [u8],
    /// Its serial number, in hexadecimal.
    pub serial: &'a str,
    /// The identifier of the key, in hexadecimal.
    pub key_id: &'a str,
    /// From when it holds.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

macro_rules! columns {
    () => {
        "id, kind, name, slug, parent_id, factory_id, batch_id, state, key_location, serial, key_id, not_before, \
         not_after, quota, issued, days, delegated, requested_by, created_at, activated_at, state_at"
    };
}

queries! {
    ALL = concat!("SELECT ", columns!(), " FROM authority ORDER BY created_at, id");
    BY_ID = concat!("SELECT ", columns!(), " FROM authority WHERE id = $1");
    BY_SLUG = concat!("SELECT ", columns!(), " FROM authority WHERE slug = $1");
    OF_BATCH = concat!("SELECT ", columns!(), " FROM authority WHERE batch_id = $1 ORDER BY created_at DESC, id DESC");
    CERTIFICATE = "SELECT certificate FROM authority WHERE id = $1";
    CERTIFICATES = "SELECT id, certificate FROM authority WHERE certificate IS NOT NULL";
    REQUEST = "SELECT request FROM authority WHERE id = $1";
    INSERT = "INSERT INTO authority (id, kind, name, slug, parent_id, factory_id, batch_id, state, key_location, \
              quota, days, delegated, requested_by, created_at, state_at) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    SET_STATE = "UPDATE authority SET state = $3, state_at = $4 WHERE id = $1 AND state = $2";
    KEY_LOCATIONS = "SELECT key_location FROM authority WHERE state NOT IN ('revoked', 'rejected') ORDER BY id";
    SET_REQUEST = "UPDATE authority SET request = $2, key_location = $3 WHERE id = $1";
    ACTIVATE = "UPDATE authority SET state = 'active', state_at = $2, activated_at = $2, parent_id = $3, \
                certificate = $4, serial = $5, key_id = $6, not_before = $7, not_after = $8, key_location = $9, \
                request = NULL WHERE id = $1 AND state IN ('requested', 'awaiting_certificate')";
    TAKE = "UPDATE authority SET issued = issued + $2 \
            WHERE id = $1 AND state = 'active' AND (quota IS NULL OR issued + $2 <= quota)";
    COUNT_ON = "UPDATE authority SET issued = issued + $2 WHERE id = $1";
    CRLS = "SELECT c.authority_id, c.number, c.entries, c.this_update, c.next_update FROM authority a \
            CROSS JOIN crl c WHERE c.authority_id = a.id AND c.number = (SELECT MAX(n.number) FROM crl n WHERE n.authority_id = a.id)";
    LINKS = "SELECT certificate, issuer_name, not_after, created_at FROM authority_link WHERE authority_id = $1 \
             ORDER BY created_at, id";
    ALL_LINKS = "SELECT authority_id, certificate FROM authority_link ORDER BY created_at, id";
    INSERT_LINK = "INSERT INTO authority_link (id, authority_id, certificate, issuer_name, not_after, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
}

/// All authorities, oldest first. There are few: one a factory, one or two a batch.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<Authority>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// All authorities, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn all_within(tx: &mut Tx) -> StoreResult<Vec<Authority>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(ALL).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// An authority by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: AuthorityId) -> StoreResult<Option<Authority>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// An authority by its id, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn by_id_within(tx: &mut Tx, id: AuthorityId) -> StoreResult<Option<Authority>> {
    let row: Option<Row> = within!(tx, |executor| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// An authority by its id, held by the transaction until its end: nothing is issued by it meanwhile, and what is decided
/// from it stays true. To be locked before devices are.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, id: AuthorityId) -> StoreResult<Option<Authority>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(BY_ID).bind(id.0).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            // Rows that refer to it may be entered all the same.
            let sql = sqlx::AssertSqlSafe(format!("{BY_ID} FOR NO KEY UPDATE"));
            sqlx::query_as(sql).bind(id.0).fetch_optional(&mut **tx).await?
        }
    };
    row.map(TryInto::try_into).transpose()
}

/// Waits for whoever issues in these batches, and lets nobody issue there until the transaction ends: whoever enters
/// devices then sees every certificate that waits for one of them.
///
/// # Errors
/// When the database fails.
pub async fn hold_still(tx: &mut Tx, batches: &[BatchId]) -> StoreResult<()> {
    // On SQLite there is one writer, which is us.
    if let Tx::Postgres(tx) = tx {
        let ids: Vec<Uuid> = batches.iter().map(|batch| batch.0).collect();
        sqlx::query("SELECT id FROM authority WHERE batch_id = ANY($1) ORDER BY id FOR SHARE")
            .bind(ids)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// An authority by the name in its addresses.
///
/// # Errors
/// When the database fails.
pub async fn by_slug(db: &Db, slug: &str) -> StoreResult<Option<Authority>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_SLUG).bind(slug).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The authorities of a batch, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_batch(db: &Db, batch: BatchId) -> StoreResult<Vec<Authority>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(OF_BATCH).bind(batch.0).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The authorities of a batch as the transaction sees them, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_batch_within(tx: &mut Tx, batch: BatchId) -> StoreResult<Vec<Authority>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(OF_BATCH).bind(batch.0).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// An authority's certificate, once it has one.
///
/// # Errors
/// When the database fails.
pub async fn certificate(db: &Db, id: AuthorityId) -> StoreResult<Option<Vec<u8>>> {
    let found: Option<Option<Vec<u8>>> =
        read!(db, |pool| sqlx::query_scalar(CERTIFICATE).bind(id.0).fetch_optional(pool).await)?;
    Ok(found.flatten())
}

/// The certificates of all authorities that have one.
///
/// # Errors
/// When the database fails.
pub async fn certificates(db: &Db) -> StoreResult<Vec<(AuthorityId, Vec<u8>)>> {
    let rows: Vec<(Uuid, Vec<u8>)> = read!(db, |pool| sqlx::query_as(CERTIFICATES).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|(id, der)| (AuthorityId(id), der)).collect())
}

/// The request that the ceremony is to sign, while it is awaited.
///
/// # Errors
/// When the database fails.
pub async fn request(db: &Db, id: AuthorityId) -> StoreResult<Option<Vec<u8>>> {
    let found: Option<Option<Vec<u8>>> =
        read!(db, |pool| sqlx::query_scalar(REQUEST).bind(id.0).fetch_optional(pool).await)?;
    Ok(found.flatten())
}

/// Enters an authority, without a certificate.
///
/// # Errors
/// [`StoreError::Exists`] when its name or its slug is taken.
pub async fn insert(tx: &mut Tx, authority: &Authority) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(authority.id.0)
            .bind(authority.kind.as_str())
            .bind(&authority.name)
            .bind(&authority.slug)
            .bind(authority.parent_id.map(|id| id.0))
            .bind(authority.factory_id.map(|id| id.0))
            .bind(authority.batch_id.map(|id| id.0))
            .bind(authority.state.as_str())
            .bind(&authority.key_location)
            .bind(authority.quota)
            .bind(authority.days)
            .bind(i64::from(authority.delegated))
            .bind(&authority.requested_by)
            .bind(authority.created_at.0)
            .bind(authority.state_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Moves an authority from one state to another. False when it was in neither.
///
/// # Errors
/// When the database fails.
pub async fn set_state(
    tx: &mut Tx,
    id: AuthorityId,
    from: AuthorityState,
    to: AuthorityState,
    at: Timestamp,
) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        let query = sqlx::query(SET_STATE).bind(id.0).bind(from.as_str()).bind(to.as_str()).bind(at.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Where the keys are of all authorities that sign or may yet, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn key_locations(tx: &mut Tx) -> StoreResult<Vec<String>> {
    Ok(within!(tx, |executor| sqlx::query_scalar(KEY_LOCATIONS).fetch_all(executor).await)?)
}

/// Keeps the request that is to be signed, and where its key is.
///
/// # Errors
/// When the database fails.
pub async fn set_request(tx: &mut Tx, id: AuthorityId, request: &[u8], key_location: &str) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(SET_REQUEST).bind(id.0).bind(request).bind(key_location).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Gives an authority its certificate, from when on it signs. False when it isn't one that waits for it.
///
/// # Errors
/// When the database fails.
pub async fn activate(
    tx: &mut Tx,
    id: AuthorityId,
    parent: Option<AuthorityId>,
    own: &OwnCertificate<'_>,
    key_location: &str,
    at: Timestamp,
) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(ACTIVATE)
            .bind(id.0)
            .bind(at.0)
            .bind(parent.map(|id| id.0))
            .bind(own.der)
            .bind(own.serial)
            .bind(own.key_id)
            .bind(own.not_before.0)
            .bind(own.not_after.0)
            .bind(key_location)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Takes `n` of what an authority may still sign for; with 0 only makes sure that it may sign at all. False when its
/// quota is used up or it isn't active. Until the transaction ends nobody else changes the authority.
///
/// # Errors
/// When the database fails.
pub async fn take(tx: &mut Tx, id: AuthorityId, n: i64) -> StoreResult<bool> {
    let done = within!(tx, |executor| {
        sqlx::query(TAKE).bind(id.0).bind(n).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Counts what was signed elsewhere, whatever the quota and the state.
///
/// # Errors
/// When the database fails.
pub async fn count_on(tx: &mut Tx, id: AuthorityId, n: i64) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(COUNT_ON).bind(id.0).bind(n).execute(executor).await.map(drop))?;
    Ok(())
}

/// What is told of an authority's latest CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CrlSummary {
    /// Its number.
    pub number: i64,
    /// How many certificates it lists.
    pub entries: i64,
    /// When it was made.
    pub this_update: Timestamp,
    /// By when there will be another.
    pub next_update: Timestamp,
}

/// The latest CRL of each authority, without the list itself.
///
/// # Errors
/// When the database fails.
pub async fn crls(db: &Db) -> StoreResult<Vec<(AuthorityId, CrlSummary)>> {
    let rows: Vec<(Uuid, i64, i64, i64, i64)> = read!(db, |pool| sqlx::query_as(CRLS).fetch_all(pool).await)?;
    let row = |(id, number, entries, this, next)| {
        let (this_update, next_update) = (Timestamp(this), Timestamp(next));
        (AuthorityId(id), CrlSummary { number, entries, this_update, next_update })
    };
    Ok(rows.into_iter().map(row).collect())
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    certificate: Vec<u8>,
    issuer_name: String,
    not_after: i64,
    created_at: i64,
}

/// The further certificates for an authority's key, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn links(db: &Db, id: AuthorityId) -> StoreResult<Vec<Link>> {
    let rows: Vec<LinkRow> = read!(db, |pool| sqlx::query_as(LINKS).bind(id.0).fetch_all(pool).await)?;
    let link = |row: LinkRow| Link {
        certificate: row.certificate,
        issuer_name: row.issuer_name,
        not_after: Timestamp(row.not_after),
        created_at: Timestamp(row.created_at),
    };
    Ok(rows.into_iter().map(link).collect())
}

/// The further certificates of all authorities.
///
/// # Errors
/// When the database fails.
pub async fn all_links(db: &Db) -> StoreResult<Vec<(AuthorityId, Vec<u8>)>> {
    let rows: Vec<(Uuid, Vec<u8>)> = read!(db, |pool| sqlx::query_as(ALL_LINKS).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|(id, der)| (AuthorityId(id), der)).collect())
}

/// Keeps a further certificate for an authority's key.
///
/// # Errors
/// When the database fails.
pub async fn insert_link(tx: &mut Tx, id: AuthorityId, link: &Link) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT_LINK)
            .bind(Uuid::now_v7())
            .bind(id.0)
            .bind(&link.certificate)
            .bind(&link.issuer_name)
            .bind(link.not_after.0)
            .bind(link.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}
