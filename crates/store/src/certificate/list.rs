//! Lists of certificates, a page at a time.

use super::{COLUMNS, Row};
use crate::{Db, StoreResult, device_list::COUNT_CAP};
use domain::{
    certificate::{Certificate, CertificatePurpose, CertificateStatus, EXPIRES_SOON},
    id::{AuthorityId, CertificateId},
    time::Timestamp,
};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Which certificates a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFilter {
    /// Those of one authority.
    pub authority: Option<AuthorityId>,
    /// Those for one purpose.
    pub purpose: Option<CertificatePurpose>,
    /// Those of one status, as it is kept.
    pub status: Option<CertificateStatus>,
    /// Those that end at this time or later.
    pub ends_from: Option<Timestamp>,
    /// Those that end before this time.
    pub ends_before: Option<Timestamp>,
    /// At which time, and whether those are meant that are in the last part of their life then (`certificate::soon`), or
    /// those that are not.
    pub soon: Option<(Timestamp, bool)>,
    /// Those that replace another and were issued at this time or later.
    pub renewed_from: Option<Timestamp>,
    /// Those of one device.
    pub device_serial: Option<String>,
}

/// Where a page begins: after this certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateCursor {
    /// When it ends.
    pub not_after: Timestamp,
    /// Its id.
    pub id: CertificateId,
}

impl fmt::Display for CertificateCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.not_after.0, self.id)
    }
}

impl FromStr for CertificateCursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, id) = text.split_once('.').ok_or(())?;
        Ok(Self { not_after: Timestamp(time.parse().map_err(drop)?), id: id.parse().map_err(drop)? })
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePage {
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// Where the next page begins, if there is one.
    pub next: Option<CertificateCursor>,
}

enum Bind<'a> {
    Id(Uuid),
    Text(&'a str),
    Number(i64),
}

impl CertificateFilter {
    /// Whether the list is about when certificates end, and so in that order. Otherwise the newest come first.
    #[must_use]
    pub const fn is_by_end(&self) -> bool {
        self.ends_from.is_some() || self.ends_before.is_some()
    }

    fn conditions<'a>(&'a self, binds: &mut Vec<Bind<'a>>) -> String {
        let mut sql = String::from("1 = 1");
        let mut add = |condition: &str, bind: Bind<'a>| {
            binds.push(bind);
            sql.push_str(&format!(" AND {condition} ${}", binds.len()));
        };
        if let Some(authority) = self.authority {
            add("c.authority_id =", Bind::Id(authority.0));
        }
        if let Some(purpose) = self.purpose {
            add("c.purpose =", Bind::Text(purpose.as_str()));
        }
        if let Some(status) = self.status {
            add("c.status =", Bind::Text(status.as_str()));
        }
        if let Some(serial) = &self.device_serial {
            add("c.device_serial =", Bind::Text(serial));
        }
        if let Some(from) = self.ends_from {
            add("c.not_after >=", Bind::Number(from.0));
        }
        if let Some(before) = self.ends_before {
            add("c.not_after <", Bind::Number(before.0));
        }
        if let Some((now, is_soon)) = self.soon {
            let sign = if is_soon { ">=" } else { "<" };
            let third = "(c.not_after - c.not_before) / 3";
            let soon = format!("(CASE WHEN {third} < {EXPIRES_SOON} THEN {third} ELSE {EXPIRES_SOON} END)");
            add(&format!("{soon} {sign} c.not_after -"), Bind::Number(now.0));
        }
        if let Some(from) = self.renewed_from {
            add("c.replaces IS NOT NULL AND c.issued_at >=", Bind::Number(from.0));
        }
        sql
    }
}

/// One page of certificates, at most `limit`: by their end if the filter speaks of it, otherwise the newest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &Db,
    filter: &CertificateFilter,
    after: Option<CertificateCursor>,
    limit: usize,
) -> StoreResult<CertificatePage> {
    let mut binds = Vec::new();
    let sql = page_sql(filter, after, limit, &mut binds);
    let rows: Vec<Row> = search!(db, |pool| {
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
        for bind in &binds {
            query = match bind {
                Bind::Id(id) => query.bind(*id),
                Bind::Text(text) => query.bind(*text),
                Bind::Number(number) => query.bind(*number),
            };
        }
        query.fetch_all(pool).await
    })?;
    let mut certificates = rows.into_iter().map(TryInto::try_into).collect::<StoreResult<Vec<Certificate>>>()?;
    let more = certificates.len() > limit;
    certificates.truncate(limit);
    let next = certificates.last().filter(|_| more).map(|c| CertificateCursor { not_after: c.not_after, id: c.id });
    Ok(CertificatePage { certificates, next })
}

fn page_sql<'a>(
    filter: &'a CertificateFilter,
    after: Option<CertificateCursor>,
    limit: usize,
    binds: &mut Vec<Bind<'a>>,
) -> String {
    let mut conditions = filter.conditions(binds);
    let by_end = filter.is_by_end();
    if let Some(cursor) = after {
        if by_end {
            binds.push(Bind::Number(cursor.not_after.0));
            binds.push(Bind::Id(cursor.id.0));
            conditions.push_str(&format!(" AND (c.not_after, c.id) > (${}, ${})", binds.len() - 1, binds.len()));
        } else {
            binds.push(Bind::Id(cursor.id.0));
            conditions.push_str(&format!(" AND c.id < ${}", binds.len()));
        }
    }
    let order = if by_end { "c.not_after, c.id" } else { "c.id DESC" };
    format!("SELECT {COLUMNS} FROM certificate c WHERE {conditions} ORDER BY {order} LIMIT {}", limit.max(1) + 1)
}

/// How many certificates match, counted up to 10,000 and one.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db, filter: &CertificateFilter) -> StoreResult<i64> {
    let mut binds = Vec::new();
    let conditions = filter.conditions(&mut binds);
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM certificate c WHERE {conditions} LIMIT {}) AS matching",
        COUNT_CAP + 1
    );
    Ok(search!(db, |pool| {
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        for bind in &binds {
            query = match bind {
                Bind::Id(id) => query.bind(*id),
                Bind::Text(text) => query.bind(*text),
                Bind::Number(number) => query.bind(*number),
            };
        }
        query.fetch_one(pool).await
    })?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use super::*;

    async fn plan(db: &Db, sql: String, binds: &[Bind<'_>]) -> String {
        let Db::Sqlite { read, .. } = db else { panic!("only SQLite is asked") };
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
        for bind in binds {
            query = match bind {
                Bind::Id(id) => query.bind(*id),
                Bind::Text(text) => query.bind(*text),
                Bind::Number(number) => query.bind(*number),
            };
        }
        let rows: Vec<(i64, i64, i64, String)> = query.fetch_all(read).await.unwrap();
        rows.into_iter().map(|(.., detail)| detail).collect::<Vec<_>>().join("; ")
    }

    /// A page of a million certificates costs what a page of a hundred does: it is read from an index, in its order.
    #[tokio::test]
    async fn pages_by_status_neither_scan_nor_sort() {
        let fixture = crate::testing::both().await.unwrap().remove(0);
        let status = Some(CertificateStatus::Valid);
        let newest = CertificateFilter { status, ..CertificateFilter::default() };
        let by_end =
            CertificateFilter { ends_from: Some(Timestamp(1)), ends_before: Some(Timestamp(9)), ..newest.clone() };
        let cursor = CertificateCursor { not_after: Timestamp(5), id: CertificateId(Uuid::from_u128(7)) };
        let soon = CertificateFilter { soon: Some((Timestamp(1), true)), ..by_end.clone() };
        let by_status = [
            (&newest, "certificate_status_newest"),
            (&by_end, "certificate_status_expiry"),
            (&soon, "certificate_status_expiry"),
        ];
        for (filter, index) in by_status {
            for after in [None, Some(cursor)] {
                let mut binds = Vec::new();
                let sql = page_sql(filter, after, 50, &mut binds);
                let plan = plan(&fixture.db, sql, &binds).await;
                assert!(plan.contains(index) && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
        let counts =
            [(super::super::ENDING, "certificate_status_expiry"), (super::super::RENEWED, "certificate_renewed")];
        for (sql, index) in counts {
            let binds = [Bind::Number(1), Bind::Number(9)];
            let plan = plan(&fixture.db, sql.to_owned(), &binds[..sql.matches('$').count()]).await;
            assert!(plan.contains(index) && !plan.contains("SCAN"), "{plan}");
        }
    }
}
