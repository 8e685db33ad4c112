//! Whose a serial and a key are: of two who want one, the database decides.

use crate::{StoreResult, Tx};
use domain::id::CertificateId;
use uuid::Uuid;

queries! {
    COMPROMISED = "SELECT COUNT(*) FROM certificate c WHERE c.public_key_sha256 = $1 AND (c.reason = 'key_compromise' \
                   OR EXISTS (SELECT 1 FROM revoked r WHERE r.authority_id = c.authority_id AND r.serial = c.serial \
                   AND r.reason = 1))";
    CLAIM = "INSERT INTO enrolment (device_serial, certificate_id) VALUES ($1, $2) ON CONFLICT (device_serial) DO NOTHING";
    CLAIMED = "SELECT certificate_id FROM enrolment WHERE device_serial = $1";
    UNCLAIM = "DELETE FROM enrolment WHERE device_serial = $1 AND certificate_id = $2";
    MOVE_CLAIM = "UPDATE enrolment SET certificate_id = $2 WHERE device_serial = $1";
    OWN_KEY = "INSERT INTO key_owner (public_key_sha256, owner) VALUES ($1, $2) ON CONFLICT (public_key_sha256) DO NOTHING";
    KEY_OWNER = "SELECT owner FROM key_owner WHERE public_key_sha256 = $1";
}

/// Claims a device's serial for its first certificate. Gives the certificate that has the claim, if it is another: until
/// the transaction ends nobody else gets to claim or to move it.
///
/// # Errors
/// When the database fails.
pub async fn claim(tx: &mut Tx, device_serial: &str, id: CertificateId) -> StoreResult<Option<CertificateId>> {
    let done = within!(tx, |executor| {
        sqlx::query(CLAIM).bind(device_serial).bind(id.0).execute(executor).await.map(|done| done.rows_affected())
    })?;
    if done == 1 {
        return Ok(None);
    }
    let claimed: Option<Uuid> = match tx {
        Tx::Sqlite(tx) => sqlx::query_scalar(CLAIMED).bind(device_serial).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = sqlx::AssertSqlSafe(format!("{CLAIMED} FOR UPDATE"));
            sqlx::query_scalar(sql).bind(device_serial).fetch_optional(&mut **tx).await?
        }
    };
    Ok(claimed.map(CertificateId))
}

/// Gives up a claim of this transaction for which nothing was issued.
///
/// # Errors
/// When the database fails.
pub async fn unclaim(tx: &mut Tx, device_serial: &str, id: CertificateId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(UNCLAIM).bind(device_serial).bind(id.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Moves the claim on a device's serial to another certificate.
///
/// # Errors
/// When the database fails.
pub async fn move_claim(tx: &mut Tx, device_serial: &str, id: CertificateId) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(MOVE_CLAIM).bind(device_serial).bind(id.0).execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// Makes a key somebody's, if it is nobody's yet. Whose it is: the one given, or somebody else.
///
/// # Errors
/// When the database fails.
pub async fn own_key(tx: &mut Tx, public_key_sha256: &str, owner: &str) -> StoreResult<String> {
    let done = within!(tx, |executor| {
        sqlx::query(OWN_KEY)
            .bind(public_key_sha256)
            .bind(owner)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    if done == 1 {
        return Ok(owner.to_owned());
    }
    Ok(within!(tx, |executor| sqlx::query_scalar(KEY_OWNER).bind(public_key_sha256).fetch_one(executor).await)?)
}

/// Whether a certificate for this key was ever revoked because the key was compromised.
///
/// # Errors
/// When the database fails.
pub async fn is_compromised(tx: &mut Tx, public_key_sha256: &str) -> StoreResult<bool> {
    let n: i64 =
        within!(tx, |executor| sqlx::query_scalar(COMPROMISED).bind(public_key_sha256).fetch_one(executor).await)?;
    Ok(n > 0)
}
