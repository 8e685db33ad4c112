//! What an act would hit: certificates that have not ended, and whose devices they are.

use super::reason_of;
use crate::{
    Db, StoreResult, Tx,
    device_list::{Bind, Filter, IN_ORDER},
};
use domain::{
    certificate::RevocationReason,
    id::{AuthorityId, CustodianId, DeviceId, RevocationId},
    time::{DAY, HOUR, Timestamp},
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// Whose certificates are meant.
#[derive(Clone, Debug)]
pub enum Which<'a> {
    /// One, with the others of its key, and renewals of these that were never used: whoever has the key, or asked for these
    /// with it, could come back with them.
    Certificate {
        /// Who signed it.
        authority: AuthorityId,
        /// Its serial, in hexadecimal.
        serial: &'a str,
    },
    /// All of one device.
    Device(DeviceId),
    /// All of these devices: a few thousand at most.
    Devices(&'a [DeviceId]),
    /// Those of all devices that an act is bound to.
    Bound(RevocationId),
    /// Those of all devices that a fleet query means.
    Query(&'a Filter),
    /// Those of all stations of a factory.
    Stations(CustodianId),
    /// All devices' that these authorities signed.
    SignedBy(&'a [AuthorityId]),
    /// The same without those that were revoked or superseded before: cutting the authorities off changes nothing about
    /// these.
    StillSignedBy(&'a [AuthorityId]),
}

/// How many certificates an act may enter one by one.
pub const MOST: usize = 100_000;

/// How many devices are named one by one in a statement.
const NAMED: usize = 10_000;

/// A certificate that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Who signed it.
    pub authority: AuthorityId,
    /// Its serial, in hexadecimal.
    pub serial: String,
    /// Whose it is, if it is a device's.
    pub device: Option<DeviceId>,
    /// Why it is cut off on its own now and by which act, if it is.
    pub revoked: Option<(RevocationReason, RevocationId)>,
    /// Whether a rule did that, and no person.
    pub is_of_rule: bool,
}

/// Devices that share what a preview tells.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Group {
    /// Who holds them.
    pub custodian_id: Uuid,
    /// Their model.
    pub model_id: Uuid,
    /// Where they stand in their life.
    pub lifecycle: String,
    /// The place in [`SEEN`] of their last contact; its length for those that were never heard from.
    pub seen: i64,
    /// How many.
    pub n: i64,
}

/// Within how long, in microseconds, and what people call it.
pub const SEEN: &[(i64, &str)] = &[
    (HOUR, "within an hour"),
    (DAY, "within a day"),
    (7 * DAY, "within a week"),
    (30 * DAY, "within a month"),
    (i64::MAX, "longer ago"),
];

/// A condition with what is bound to it.
struct Condition {
    sql: String,
    binds: Vec<Bind>,
}

impl Condition {
    fn new() -> Self {
        Self { sql: String::new(), binds: Vec::new() }
    }

    fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    /// On `certificate c`, and on `device d` where a query is meant.
    fn of_certificates(which: &Which<'_>, now: Timestamp) -> Self {
        let mut condition = Self::new();
        let sql = match which {
            Which::Certificate { authority, serial } => {
                let authority = condition.bind(Bind::Id(authority.0));
                let serial = condition.bind(Bind::Text((*serial).to_owned()));
                let key = format!(
                    "(SELECT public_key_sha256 FROM certificate WHERE authority_id = {authority} AND serial = {serial})"
                );
                format!(
                    "c.purpose <> 'authority' AND c.id IN (WITH RECURSIVE kin (id) AS (\
                     SELECT id FROM certificate WHERE public_key_sha256 = {key} UNION \
                     SELECT n.id FROM certificate n JOIN kin k ON n.replaces = k.id WHERE n.first_used_at = 0) \
                     SELECT id FROM kin)"
                )
            }
            Which::Bound(act) => {
                let act = condition.bind(Bind::Id(act.0));
                format!("c.device_id IN {} AND c.purpose = 'device'", bound_to(&act))
            }
            Which::Device(device) => {
                let device = condition.bind(Bind::Id(device.0));
                format!("c.device_id = {device} AND c.purpose = 'device'")
            }
            Which::Devices(devices) => {
                format!("c.device_id IN ({}) AND c.purpose = 'device'", condition.list(devices))
            }
            Which::Query(filter) => {
                condition.binds.clone_from(&filter.binds);
                format!("({}) AND c.purpose = 'device'", filter.sql.replace(IN_ORDER, "d.place"))
            }
            Which::Stations(factory) => {
                let factory = condition.bind(Bind::Id(factory.0));
                format!("c.purpose = 'station' AND c.factory_id = {factory}")
            }
            Which::SignedBy(authorities) => format!("c.purpose = 'device' AND {}", condition.signed_by(authorities)),
            Which::StillSignedBy(authorities) => format!(
                "c.purpose = 'device' AND {} AND NOT EXISTS (SELECT 1 FROM revoked r WHERE \
                 r.authority_id = c.authority_id AND r.serial = c.serial AND r.lifted_at = 0 AND r.reason <> {})",
                condition.signed_by(authorities),
                RevocationReason::CertificateHold.code()
            ),
        };
        let now = condition.bind(Bind::Number(now.0));
        condition.sql = format!("{sql} AND c.not_after > {now}");
        condition
    }

    fn list(&mut self, devices: &[DeviceId]) -> String {
        let places: Vec<String> = devices.iter().map(|id| self.bind(Bind::Id(id.0))).collect();
        if places.is_empty() { "NULL".to_owned() } else { places.join(", ") }
    }

    fn signed_by(&mut self, authorities: &[AuthorityId]) -> String {
        let places: Vec<String> = authorities.iter().map(|id| self.bind(Bind::Id(id.0))).collect();
        if places.is_empty() { "1 = 0".to_owned() } else { format!("c.authority_id IN ({})", places.join(", ")) }
    }

    /// On `device d`: that it is meant, whether it has a certificate already or not.
    fn of_devices_to_lock(which: &Which<'_>, now: Timestamp) -> Self {
        let mut condition = Self::new();
        match which {
            Which::Device(device) => condition.sql = format!("d.id = {}", condition.bind(Bind::Id(device.0))),
            Which::Devices(devices) => condition.sql = format!("d.id IN ({})", condition.list(devices)),
            Which::Bound(act) => {
                let act = condition.bind(Bind::Id(act.0));
                condition.sql = format!("d.id IN {}", bound_to(&act));
            }
            Which::Query(filter) => {
                condition.binds.clone_from(&filter.binds);
                condition.sql = filter.sql.replace(IN_ORDER, "d.place");
            }
            Which::Certificate { .. } | Which::Stations(_) | Which::SignedBy(_) | Which::StillSignedBy(_) => {
                condition = Self::of_devices(which, now);
            }
        }
        condition
    }

    /// On `device d`: that it has such a certificate.
    fn of_devices(which: &Which<'_>, now: Timestamp) -> Self {
        let mut condition = Self::of_certificates(which, now);
        if let Which::Query(filter) = which {
            let now = format!("${}", condition.binds.len());
            condition.sql = format!(
                "({}) AND EXISTS (SELECT 1 FROM certificate c WHERE c.device_id = d.id AND c.purpose = 'device' \
                 AND c.not_after > {now})",
                filter.sql
            );
        } else {
            condition.sql = format!("d.id IN (SELECT c.device_id FROM certificate c WHERE {})", condition.sql);
        }
        condition
    }
}

fn bound_to(act: &str) -> String {
    format!("(SELECT device_id FROM revocation_device WHERE revocation_id = {act})")
}

/// Binds the values of a condition to a statement.
macro_rules! bound {
    ($query:expr, $binds:expr) => {{
        let mut query = $query;
        for bind in $binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(*number),
                Bind::Id(id) => query.bind(*id),
            };
        }
        query
    }};
}

type Row = (Uuid, String, Option<Uuid>, Option<i64>, Option<Uuid>, Option<String>);

fn targets_sql(which: &Which<'_>, condition: &Condition) -> String {
    let from = match which {
        Which::Query(_) => "device d JOIN certificate c ON c.device_id = d.id",
        _ => "certificate c",
    };
    format!(
        "SELECT c.authority_id, c.serial, c.device_id, r.reason, r.revocation_id, a.preview_hash FROM {from} \
         LEFT JOIN revoked r ON r.authority_id = c.authority_id AND r.serial = c.serial AND r.lifted_at = 0 \
         LEFT JOIN revocation a ON a.id = r.revocation_id \
         WHERE {} ORDER BY c.authority_id, c.serial LIMIT {}",
        condition.sql,
        MOST + 1
    )
}

fn target((authority, serial, device, reason, act, shown): Row) -> Target {
    let revoked = reason.zip(act).map(|(reason, act)| (reason_of(reason), RevocationId(act)));
    // Whatever people decide on was shown to them before, and bears the hash of that.
    let is_of_rule = shown.is_some_and(|hash| hash.is_empty());
    Target { authority: AuthorityId(authority), serial, device: device.map(DeviceId), revoked, is_of_rule }
}

/// Makes whoever would renew or supersede the certificates that are meant wait until the transaction ends: their
/// devices are locked, in the order in which every deed locks them, then the certificates. SQLite has one writer.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, which: &Which<'_>, now: Timestamp) -> StoreResult<()> {
    let Tx::Postgres(tx) = tx else { return Ok(()) };
    let devices = Condition::of_devices_to_lock(which, now);
    let sql = format!("SELECT d.id FROM device d WHERE {} ORDER BY d.id FOR UPDATE", devices.sql);
    let query = bound!(sqlx::query(AssertSqlSafe(sql)), &devices.binds);
    query.fetch_all(&mut **tx).await?;
    if matches!(which, Which::Certificate { .. } | Which::Stations(_)) {
        let certificates = Condition::of_certificates(which, now);
        let sql = format!("SELECT c.id FROM certificate c WHERE {} ORDER BY c.id FOR UPDATE", certificates.sql);
        let query = bound!(sqlx::query(AssertSqlSafe(sql)), &certificates.binds);
        query.fetch_all(&mut **tx).await?;
    }
    Ok(())
}

/// The certificates that are meant and have not ended, by authority and serial: one more than [`MOST`] at most.
///
/// # Errors
/// When the database fails.
pub async fn targets(db: &Db, which: &Which<'_>, now: Timestamp) -> StoreResult<Vec<Target>> {
    let condition = Condition::of_certificates(which, now);
    let sql = targets_sql(which, &condition);
    let rows: Vec<Row> =
        search!(db, |pool| { bound!(sqlx::query_as(AssertSqlSafe(sql)), &condition.binds).fetch_all(pool).await })?;
    Ok(rows.into_iter().map(target).collect())
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn targets_within(tx: &mut Tx, which: &Which<'_>, now: Timestamp) -> StoreResult<Vec<Target>> {
    let condition = Condition::of_certificates(which, now);
    let sql = targets_sql(which, &condition);
    let rows: Vec<Row> = within!(tx, |executor| {
        bound!(sqlx::query_as(AssertSqlSafe(sql)), &condition.binds).fetch_all(executor).await
    })?;
    Ok(rows.into_iter().map(target).collect())
}

/// How many devices' certificates these authorities signed that have not ended and are neither revoked nor superseded on
/// their own.
///
/// # Errors
/// When the database fails.
pub async fn signed_by(db: &Db, authorities: &[AuthorityId], now: Timestamp) -> StoreResult<i64> {
    let condition = Condition::of_certificates(&Which::StillSignedBy(authorities), now);
    let sql = format!("SELECT COUNT(*) FROM certificate c WHERE {}", condition.sql);
    Ok(search!(db, |pool| { bound!(sqlx::query_scalar(AssertSqlSafe(sql)), &condition.binds).fetch_one(pool).await })?)
}

/// How many devices' certificates these authorities signed that have not ended, however each stands, as the transaction sees
/// it.
///
/// # Errors
/// When the database fails.
pub async fn signed_by_within(tx: &mut Tx, authorities: &[AuthorityId], now: Timestamp) -> StoreResult<i64> {
    let condition = Condition::of_certificates(&Which::SignedBy(authorities), now);
    let sql = format!("SELECT COUNT(*) FROM certificate c WHERE {}", condition.sql);
    Ok(within!(tx, |executor| {
        bound!(sqlx::query_scalar(AssertSqlSafe(sql)), &condition.binds).fetch_one(executor).await
    })?)
}

fn groups_sql(condition: &str, now: Timestamp) -> String {
    let mut cases = String::from("WHEN d.last_seen_at = 0 THEN ");
    cases.push_str(&SEEN.len().to_string());
    for (place, (span, _)) in SEEN.iter().enumerate().filter(|(_, (span, _))| *span != i64::MAX) {
        cases.push_str(&format!(" WHEN d.last_seen_at >= {} THEN {place}", now.0.saturating_sub(*span)));
    }
    let last = SEEN.len() - 1;
    format!(
        "SELECT custodian_id, model_id, lifecycle, CAST(seen AS BIGINT) AS seen, COUNT(*) AS n FROM \
         (SELECT d.custodian_id, d.model_id, d.lifecycle, CASE {cases} ELSE {last} END AS seen \
         FROM device d WHERE {condition}) AS hit GROUP BY custodian_id, model_id, lifecycle, seen"
    )
}

/// The devices whose certificates are meant, counted by what a preview tells of them.
///
/// # Errors
/// When the database fails.
pub async fn groups(db: &Db, which: &Which<'_>, now: Timestamp) -> StoreResult<Vec<Group>> {
    let condition = Condition::of_devices(which, now);
    let sql = groups_sql(&condition.sql, now);
    Ok(search!(db, |pool| { bound!(sqlx::query_as(AssertSqlSafe(sql)), &condition.binds).fetch_all(pool).await })?)
}

/// The same of devices that are named one by one.
///
/// # Errors
/// When the database fails.
pub async fn groups_of(db: &Db, devices: &[DeviceId], now: Timestamp) -> StoreResult<Vec<Group>> {
    let mut out = Vec::new();
    for chunk in devices.chunks(NAMED) {
        let sql = groups_sql(&format!("d.id IN ({})", crate::db::list_sql(db, chunk.len())), now);
        let groups: Vec<Group> = search!(db, |pool| {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id.0);
            }
            query.fetch_all(pool).await
        })?;
        out.extend(groups);
    }
    Ok(out)
}

/// The serials of the first of some devices that are named one by one.
///
/// # Errors
/// When the database fails.
pub async fn examples_of(db: &Db, devices: &[DeviceId], limit: usize) -> StoreResult<Vec<String>> {
    let few = devices.get(..limit.min(devices.len())).unwrap_or_default();
    if few.is_empty() {
        return Ok(Vec::new());
    }
    let places = crate::db::list_sql(db, few.len());
    let sql = format!("SELECT d.serial FROM device d WHERE d.id IN ({places}) ORDER BY d.serial");
    Ok(read!(db, |pool| {
        let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
        for id in few {
            query = query.bind(id.0);
        }
        query.fetch_all(pool).await
    })?)
}

/// The serials of some of these devices, in order.
///
/// # Errors
/// When the database fails.
pub async fn examples(db: &Db, which: &Which<'_>, now: Timestamp, limit: i64) -> StoreResult<Vec<String>> {
    let condition = Condition::of_devices(which, now);
    let sql = format!("SELECT d.serial FROM device d WHERE {} ORDER BY d.serial LIMIT {limit}", condition.sql);
    Ok(search!(db, |pool| { bound!(sqlx::query_scalar(AssertSqlSafe(sql)), &condition.binds).fetch_all(pool).await })?)
}
