//! Lists of devices: a fleet query as parametrised SQL, keyset pages, and counts that stay cheap.

mod filter;
pub(crate) mod members;

pub(crate) use filter::{Bind, IN_ORDER, QUERIES};
pub use filter::{Filter, Names};
pub use members::{Half, members, members_sql, middle};

use crate::{Db, StoreResult, count, count::dimension, device};
use domain::{
    device::Device,
    query::{FleetQuery, Predicate},
};

/// By what a list is sorted; ties are broken by serial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// By serial.
    #[default]
    Serial,
    /// By the last contact; never first.
    Seen,
    /// By the time of manufacture.
    Made,
    /// By firmware, in the order of versions.
    Firmware,
    /// By the end of the certificate; none first.
    Certificate,
}

impl SortKey {
    /// Every key.
    pub const ALL: &'static [Self] = &[Self::Serial, Self::Seen, Self::Made, Self::Firmware, Self::Certificate];

    /// The word in an address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Seen => "seen",
            Self::Made => "made",
            Self::Firmware => "fw",
            Self::Certificate => "cert",
        }
    }

    const fn column(self) -> &'static str {
        match self {
            Self::Serial => "d.serial",
            Self::Seen => "d.last_seen_at",
            Self::Made => "d.made_at",
            Self::Firmware => "d.firmware_key",
            Self::Certificate => "d.certificate_not_after",
        }
    }

    fn value(self, device: &Device) -> SortValue {
        match self {
            Self::Serial => SortValue::Text(String::new()),
            Self::Seen => SortValue::Number(device.last_seen_at.map_or(0, |t| t.0)),
            Self::Made => SortValue::Number(device.made_at.0),
            Self::Firmware => {
                SortValue::Text(device.firmware.as_deref().map(domain::version::version_key).unwrap_or_default())
            }
            Self::Certificate => SortValue::Number(device.certificate_not_after.map_or(0, |t| t.0)),
        }
    }
}

/// How a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// The sorted-by value of the device at which a page begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// Of a column of numbers.
    Number(i64),
    /// Of a column of texts.
    Text(String),
}

/// A place in a sorted list: between a device and its neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The sorted-by value of the device.
    pub value: SortValue,
    /// Its serial.
    pub serial: String,
    /// Whether the page before it is wanted rather than the one after.
    pub backwards: bool,
}

/// One page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The devices, in order.
    pub devices: Vec<Device>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Where the page before ends, if there is one.
    pub previous: Option<Cursor>,
}

/// One page of the devices that match, by a keyset: a deep page costs what the first does.
///
/// # Errors
/// When the database fails.
pub async fn page(db: &Db, filter: &Filter, sort: Sort, cursor: Option<&Cursor>, limit: usize) -> StoreResult<Page> {
    let backwards = cursor.is_some_and(|c| c.backwards);
    let descending = sort.descending != backwards;
    let mut binds = filter.binds.clone();
    let mut sql = format!("SELECT {} FROM device d WHERE {}", device::COLUMNS, filter.sql);
    if let Some(cursor) = cursor {
        sql.push_str(&keyset(sort.key, cursor, descending, &mut binds));
    }
    let direction = if descending { "DESC" } else { "ASC" };
    let order = match sort.key {
        SortKey::Serial => format!("d.serial {direction}"),
        key => format!("{} {direction}, d.serial {direction}", key.column()),
    };
    sql.push_str(&format!(" ORDER BY {order} LIMIT {}", limit + 1));
    let rows: Vec<device::Row> = search!(db, |pool| {
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
        for bind in &binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(*number),
                Bind::Id(id) => query.bind(*id),
            };
        }
        query.fetch_all(pool).await
    })?;
    let mut devices = rows.into_iter().map(TryInto::try_into).collect::<StoreResult<Vec<Device>>>()?;
    let more = devices.len() > limit;
    devices.truncate(limit);
    if backwards {
        devices.reverse();
    }
    let at =
        |device: &Device, backwards| Cursor { value: sort.key.value(device), serial: device.serial.clone(), backwards };
    let has_next = if backwards { cursor.is_some() } else { more };
    let has_previous = if backwards { more } else { cursor.is_some() };
    Ok(Page {
        next: devices.last().filter(|_| has_next).map(|device| at(device, false)),
        previous: devices.first().filter(|_| has_previous).map(|device| at(device, true)),
        devices,
    })
}

fn keyset(key: SortKey, cursor: &Cursor, descending: bool, binds: &mut Vec<Bind>) -> String {
    let comparison = if descending { "<" } else { ">" };
    let mut place = |bind: Bind| {
        binds.push(bind);
        format!("${}", binds.len())
    };
    if key == SortKey::Serial {
        return format!(" AND d.serial {comparison} {}", place(Bind::Text(cursor.serial.clone())));
    }
    let value = place(match &cursor.value {
        SortValue::Number(number) => Bind::Number(*number),
        SortValue::Text(text) => Bind::Text(text.clone()),
    });
    let serial = place(Bind::Text(cursor.serial.clone()));
    format!(" AND ({}, d.serial) {comparison} ({value}, {serial})", key.column())
}

/// A count that may have been cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exactly(i64),
    /// At least so many; counting on would cost what the fleet is large.
    AtLeast(i64),
}

impl Count {
    /// The number, exact or not.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Exactly(n) | Self::AtLeast(n) => n,
        }
    }
}

/// Beyond this many a count says "at least".
pub const COUNT_CAP: i64 = 10_000;

/// How many devices match: from the kept counts when the query is one that they answer, otherwise counted up to
/// [`COUNT_CAP`].
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db, query: &FleetQuery, names: &Names<'_>, filter: &Filter) -> StoreResult<Count> {
    if let Some(exact) = kept_count(db, query, names).await? {
        return Ok(Count::Exactly(exact));
    }
    let n = counted(db, filter, COUNT_CAP + 1).await?;
    Ok(if n > COUNT_CAP { Count::AtLeast(COUNT_CAP) } else { Count::Exactly(n) })
}

/// How many devices match, counted to the end, whatever that costs.
///
/// # Errors
/// When the database fails.
pub async fn count_exactly(db: &Db, filter: &Filter) -> StoreResult<i64> {
    counted(db, filter, i64::MAX).await
}

async fn counted(db: &Db, filter: &Filter, cap: i64) -> StoreResult<i64> {
    // A count has no order to be read in, so the index is the better way for it.
    let conditions = filter.sql.replace(IN_ORDER, "d.place");
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM device d WHERE {conditions} LIMIT {cap}) AS matching");
    Ok(search!(db, |pool| {
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        for bind in &filter.binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(*number),
                Bind::Id(id) => query.bind(*id),
            };
        }
        query.fetch_one(pool).await
    })?)
}

/// The count of a query without terms, or of one term that asks for values which are counted.
async fn kept_count(db: &Db, query: &FleetQuery, names: &Names<'_>) -> StoreResult<Option<i64>> {
    let term = match query.terms.as_slice() {
        [] => return count::one(db, dimension::TOTAL, "").await.map(Some),
        [term] => term,
        _ => return Ok(None),
    };
    let (dimension, mut values): (_, Vec<String>) = match &term.predicate {
        Predicate::State(states) => (dimension::LIFECYCLE, states.iter().map(ToString::to_string).collect()),
        Predicate::Trust(trusts) => (dimension::TRUST, trusts.iter().map(ToString::to_string).collect()),
        Predicate::Model(texts) => (dimension::MODEL, names.models(texts).iter().map(ToString::to_string).collect()),
        Predicate::Batch(texts) => (dimension::BATCH, names.batches(texts).iter().map(ToString::to_string).collect()),
        Predicate::Custodian(texts) => {
            (dimension::CUSTODIAN, names.custodians(texts).iter().map(ToString::to_string).collect())
        }
        _ => return Ok(None),
    };
    values.sort();
    values.dedup();
    let mut n = 0;
    for value in &values {
        n += count::one(db, dimension, value).await?;
    }
    if term.negated {
        n = count::one(db, dimension::TOTAL, "").await? - n;
    }
    Ok(Some(n))
}
