//! A fleet query as a WHERE clause. Values are always bound, names are resolved to ids beforehand.

use crate::{Db, StoreResult, component::PartType};
use domain::{
    batch::{Batch, Model},
    component::ComponentClass,
    custody::{Custodian, CustodianKind},
    device::Connection,
    identifier::lookup_keys,
    query::{FirmwareMatch, FleetQuery, Predicate, SerialMatch, Term, TimeRange},
    time::{SECOND, Timestamp},
    version::version_key,
};
use uuid::Uuid;

/// A value bound to a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    Text(String),
    Number(i64),
    Id(Uuid),
}

/// A condition on `device d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub(crate) sql: String,
    pub(crate) binds: Vec<Bind>,
}

/// What the names in a query stand for, and the time that ages count from.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// All custodians.
    pub custodians: &'a [Custodian],
    /// All models.
    pub models: &'a [Model],
    /// All batches.
    pub batches: &'a [Batch],
    /// All part types.
    pub parts: &'a [PartType],
    /// The time.
    pub now: Timestamp,
}

/// Parts rarer than this are looked up by the part; of commoner ones each device is asked.
const RARE: i64 = 20_000;
/// Of fewer devices at a place a page is sorted; of more, the list is read in its order until the page is full.
const FEW: i64 = 7_000;
/// If there are more places than this, each device's place is looked at instead.
const MANY_PLACES: i64 = 5_000;
/// The column, in a form for which no index is used: SQLite would otherwise take an index and sort all that it finds.
pub(crate) const IN_ORDER: &str = "(d.place || '')";
/// An identifier that more devices share than this is no identifier; the rest is not looked at.
const SHARED_IDENTIFIERS: i64 = 1_000;

queries! {
    // Every place once, by a step in the index from each to the next: reading all devices' places costs a second.
    PLACES = "WITH RECURSIVE found (place) AS (SELECT MIN(place) FROM device UNION ALL \
              SELECT (SELECT MIN(d.place) FROM device d WHERE d.place > found.place) FROM found \
              WHERE found.place IS NOT NULL) SELECT place FROM found WHERE place IS NOT NULL LIMIT $1";
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

impl Names<'_> {
    /// The custodians whose code is one of these, or whose name contains one.
    #[must_use]
    pub fn custodians(&self, texts: &[String]) -> Vec<Uuid> {
        self.holders(texts, |_| true)
    }

    fn holders(&self, texts: &[String], wanted: impl Fn(&Custodian) -> bool) -> Vec<Uuid> {
        let named = |c: &Custodian| texts.iter().any(|text| c.code == *text || contains(&c.name, text));
        self.custodians.iter().filter(|c| wanted(c) && named(c)).map(|c| c.id.0).collect()
    }

    /// The models of these names.
    #[must_use]
    pub fn models(&self, texts: &[String]) -> Vec<Uuid> {
        let named = |m: &Model| texts.iter().any(|text| m.name.eq_ignore_ascii_case(text));
        self.models.iter().filter(|m| named(m)).map(|m| m.id.0).collect()
    }

    /// The batches of these codes.
    #[must_use]
    pub fn batches(&self, texts: &[String]) -> Vec<Uuid> {
        let named = |b: &Batch| texts.iter().any(|text| b.code.eq_ignore_ascii_case(text));
        self.batches.iter().filter(|b| named(b)).map(|b| b.id.0).collect()
    }

    fn batches_of_factories(&self, texts: &[String]) -> Vec<Uuid> {
        let factories = self.holders(texts, |c| c.kind == CustodianKind::Factory);
        self.batches.iter().filter(|b| factories.contains(&b.factory_id.0)).map(|b| b.id.0).collect()
    }

    fn part_types(&self, classes: &[ComponentClass], texts: &[String]) -> Vec<i64> {
        let of_class = |p: &PartType| classes.is_empty() || classes.iter().any(|class| class.as_str() == p.class);
        let named = |p: &PartType| {
            texts.is_empty() || texts.iter().any(|text| contains(&p.maker, text) || contains(&p.model, text))
        };
        self.parts.iter().filter(|p| of_class(p) && named(p)).map(|p| p.id).collect()
    }
}

impl Filter {
    /// The devices for which every term of the query holds. Looks identifiers up, which is why it asks the database.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new(db: &Db, query: &FleetQuery, names: &Names<'_>) -> StoreResult<Self> {
        let mut builder = Builder { db, names, binds: Vec::new() };
        let mut conditions = Vec::with_capacity(query.terms.len());
        for term in &query.terms {
            conditions.push(builder.term(term).await?);
        }
        let sql = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
        Ok(Self { sql, binds: builder.binds })
    }
}

struct Builder<'a> {
    db: &'a Db,
    names: &'a Names<'a>,
    binds: Vec<Bind>,
}

const NEVER: &str = "1 = 0";
const FITTED: &str = "AND removed_at = 0";

impl Builder<'_> {
    async fn term(&mut self, term: &Term) -> StoreResult<String> {
        let condition = self.predicate(&term.predicate).await?;
        Ok(if term.negated { format!("NOT ({condition})") } else { format!("({condition})") })
    }

    fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    fn text(&mut self, text: impl Into<String>) -> String {
        self.bind(Bind::Text(text.into()))
    }

    fn number(&mut self, number: i64) -> String {
        self.bind(Bind::Number(number))
    }

    async fn predicate(&mut self, predicate: &Predicate) -> StoreResult<String> {
        Ok(match predicate {
            Predicate::Text(texts) => self.anything(texts).await?,
            Predicate::Serial(matches) => self.any(matches, Self::serial),
            Predicate::Model(texts) => self.ids("d.model_id", self.names.models(texts)),
            Predicate::Revision(texts) => self.texts("d.hardware_revision", texts),
            Predicate::Batch(texts) => self.ids("d.batch_id", self.names.batches(texts)),
            Predicate::Factory(texts) => self.ids("d.batch_id", self.names.batches_of_factories(texts)),
            Predicate::Custodian(texts) => self.ids("d.custodian_id", self.names.custodians(texts)),
            Predicate::Kind(kinds) => {
                let of_kind = self.names.custodians.iter().filter(|c| kinds.contains(&c.kind));
                self.ids("d.custodian_id", of_kind.map(|c| c.id.0).collect())
            }
            Predicate::State(states) => self.words("d.lifecycle", states.iter().map(|s| s.as_str())),
            Predicate::Trust(trusts) => self.words("d.trust", trusts.iter().map(|t| t.as_str())),
            Predicate::Connection(connections) => self.connections(connections),
            Predicate::Firmware(matches) => self.any(matches, Self::firmware),
            Predicate::FirmwareOrder(comparison, version) => {
                let key = self.text(version_key(version));
                format!("d.firmware_key <> '' AND d.firmware_key {} {key}", comparison.as_str())
            }
            Predicate::Channel(texts) => self.texts("d.channel", texts),
            Predicate::Seen(when) => self.time("d.last_seen_at", when.past(self.names.now)),
            Predicate::NeverSeen => "d.last_seen_at = 0".to_owned(),
            Predicate::Made(when) => self.time("d.made_at", when.past(self.names.now)),
            Predicate::CertificateEnds(when) => self.time("d.certificate_not_after", when.future(self.names.now)),
            Predicate::Certificate(states) => self.any(states, |builder, state| match state.ends(builder.names.now) {
                Some(range) => builder.time("d.certificate_not_after", range),
                None => "d.certificate_not_after = 0".to_owned(),
            }),
            Predicate::Component { classes, texts } => self.component(classes, texts).await?,
            Predicate::Identifier(texts) => {
                let keys: Vec<String> = texts.iter().flat_map(|text| lookup_keys(text)).collect();
                let holders = self.holders_of(&keys, FITTED).await?;
                self.ids("d.id", holders)
            }
            Predicate::Place(texts) => self.place(texts).await?,
        })
    }

    fn any<T>(&mut self, items: &[T], mut condition: impl FnMut(&mut Self, &T) -> String) -> String {
        let conditions: Vec<String> = items.iter().map(|item| condition(self, item)).collect();
        match conditions.as_slice() {
            [] => NEVER.to_owned(),
            [one] => one.clone(),
            _ => format!("({})", conditions.join(") OR (")),
        }
    }

    fn is_in(column: &str, places: &[String]) -> String {
        match places {
            [] => NEVER.to_owned(),
            [one] => format!("{column} = {one}"),
            _ => format!("{column} IN ({})", places.join(", ")),
        }
    }

    fn ids(&mut self, column: &str, ids: Vec<Uuid>) -> String {
        let places: Vec<String> = ids.into_iter().map(|id| self.bind(Bind::Id(id))).collect();
        Self::is_in(column, &places)
    }

    fn texts(&mut self, column: &str, texts: &[String]) -> String {
        let places: Vec<String> = texts.iter().map(|text| self.text(text)).collect();
        Self::is_in(column, &places)
    }

    fn words(&mut self, column: &str, words: impl Iterator<Item = &'static str>) -> String {
        let places: Vec<String> = words.map(|word| self.text(word)).collect();
        Self::is_in(column, &places)
    }

    fn serial(&mut self, wanted: &SerialMatch) -> String {
        match wanted {
            SerialMatch::Exact(serial) => format!("d.serial = {}", self.text(serial)),
            SerialMatch::Prefix(prefix) => self.serial_prefix(prefix),
        }
    }

    /// A range rather than LIKE: ranges use the index on both databases, whatever the prefix holds.
    fn serial_prefix(&mut self, prefix: &str) -> String {
        let from = self.text(prefix);
        let until = self.text(format!("{prefix}\u{10ffff}"));
        format!("d.serial >= {from} AND d.serial < {until}")
    }

    fn firmware(&mut self, wanted: &FirmwareMatch) -> String {
        match wanted {
            FirmwareMatch::None => "d.firmware_key = ''".to_owned(),
            FirmwareMatch::Exact(version) => format!("d.firmware_key = {}", self.text(version_key(version))),
            FirmwareMatch::Prefix(_) => wanted.key_range().map_or_else(
                || NEVER.to_owned(),
                |range| {
                    let (from, until) = (self.text(range.start), self.text(range.end));
                    format!("d.firmware_key >= {from} AND d.firmware_key < {until}")
                },
            ),
        }
    }

    /// Without a time (0) a device is in no range of times.
    fn time(&mut self, column: &str, range: TimeRange) -> String {
        let from = range.from.map_or(1, |t| t.0.max(1));
        let from = self.number(from);
        match range.until {
            Some(until) => format!("{column} >= {from} AND {column} < {}", self.number(until.0)),
            None => format!("{column} >= {from}"),
        }
    }

    fn connections(&mut self, connections: &[Connection]) -> String {
        let models: Vec<(Uuid, i64)> = self.names.models.iter().map(|m| (m.id.0, m.poll_interval_s)).collect();
        let now = self.names.now;
        let wanted: Vec<(Connection, Uuid, i64)> =
            connections.iter().flat_map(|c| models.iter().map(|(id, poll)| (*c, *id, *poll))).collect();
        self.any(&wanted, |builder, (connection, model, poll)| {
            let before = |intervals: i64| now.plus(-poll.saturating_mul(SECOND).saturating_mul(intervals)).0;
            let (online, late) = (before(Connection::ONLINE_INTERVALS), before(Connection::LATE_INTERVALS));
            let model = builder.bind(Bind::Id(*model));
            match connection {
                Connection::Online => format!("d.model_id = {model} AND d.last_seen_at >= {}", builder.number(online)),
                Connection::Late => {
                    let (from, until) = (builder.number(late), builder.number(online));
                    format!("d.model_id = {model} AND d.last_seen_at >= {from} AND d.last_seen_at < {until}")
                }
                Connection::Silent => format!("d.model_id = {model} AND d.last_seen_at < {}", builder.number(late)),
            }
        })
    }

    async fn anything(&mut self, texts: &[String]) -> StoreResult<String> {
        let keys: Vec<String> = texts.iter().flat_map(|text| lookup_keys(text)).collect();
        // Whoever types a part's number wants the device that has it, or had it.
        let holders = self.holders_of(&keys, "").await?;
        let mut prefixes: Vec<String> = texts.to_vec();
        // Serials are usually upper case, fingers usually aren't.
        prefixes.extend(texts.iter().map(|text| text.to_uppercase()).filter(|upper| !texts.contains(upper)));
        let serials = self.any(&prefixes, |builder, prefix| builder.serial_prefix(prefix));
        Ok(if holders.is_empty() { serials } else { format!("({serials}) OR {}", self.ids("d.id", holders)) })
    }

    async fn holders_of(&self, keys: &[String], condition: &str) -> StoreResult<Vec<Uuid>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT DISTINCT device_id FROM component WHERE identifier_key IN ({}) {condition} \
             LIMIT {SHARED_IDENTIFIERS}",
            crate::db::placeholders(keys.len())
        );
        Ok(read!(self.db, |pool| {
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            for key in keys {
                query = query.bind(key);
            }
            query.fetch_all(pool).await
        })?)
    }

    async fn component(&mut self, classes: &[ComponentClass], texts: &[String]) -> StoreResult<String> {
        let parts = self.names.part_types(classes, texts);
        let mut keys: Vec<String> = texts.iter().flat_map(|text| lookup_keys(text)).collect();
        if !classes.is_empty() {
            let of_class = |class: &ComponentClass, text: &String| {
                domain::identifier::normalise(*class, text).ok().map(|identifier| identifier.key)
            };
            keys = texts.iter().flat_map(|t| classes.iter().filter_map(move |c| of_class(c, t))).collect();
        }
        let holders = self.holders_of(&keys, FITTED).await?;
        let mut conditions = Vec::new();
        if !parts.is_empty() {
            let rare = self.is_rare(&parts).await?;
            let places: Vec<String> = parts.into_iter().map(|part| self.number(part)).collect();
            let of_part = Self::is_in("c.part_id", &places);
            conditions.push(if rare {
                format!("d.id IN (SELECT c.device_id FROM component c WHERE c.removed_at = 0 AND {of_part})")
            } else {
                format!(
                    "EXISTS (SELECT 1 FROM component c WHERE c.device_id = d.id AND c.removed_at = 0 AND {of_part})"
                )
            });
        }
        if !holders.is_empty() {
            conditions.push(self.ids("d.id", holders));
        }
        Ok(if conditions.is_empty() { NEVER.to_owned() } else { conditions.join(" OR ") })
    }

    /// Devices at places whose name contains one of the texts. There are many devices and few places, so the places are
    /// found first.
    async fn place(&mut self, texts: &[String]) -> StoreResult<String> {
        let places: Vec<String> =
            search!(self.db, |pool| sqlx::query_scalar(PLACES).bind(MANY_PLACES).fetch_all(pool).await)?;
        if i64::try_from(places.len()).is_ok_and(|n| n >= MANY_PLACES) {
            return Ok(self.any(texts, |builder, text| builder.place_like(text)));
        }
        let places: Vec<String> =
            places.into_iter().filter(|place| texts.iter().any(|text| contains(place, text))).collect();
        let column = if self.is_few(&places).await? { "d.place" } else { IN_ORDER };
        let bound: Vec<String> = places.iter().map(|place| self.text(place)).collect();
        Ok(Self::is_in(column, &bound))
    }

    fn place_like(&mut self, text: &str) -> String {
        let pattern = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = self.text(format!("%{pattern}%"));
        format!("LOWER(d.place) LIKE {pattern} ESCAPE '\\'")
    }

    /// Whether so few devices are at these places that sorting them costs less than reading the list in its order until
    /// a page is full of them.
    async fn is_few(&self, places: &[String]) -> StoreResult<bool> {
        if places.is_empty() {
            return Ok(true);
        }
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM device WHERE place IN ({}) LIMIT {FEW}) AS few",
            crate::db::placeholders(places.len())
        );
        let n: i64 = search!(self.db, |pool| {
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            for place in places {
                query = query.bind(place);
            }
            query.fetch_one(pool).await
        })?;
        Ok(n < FEW)
    }

    async fn is_rare(&self, parts: &[i64]) -> StoreResult<bool> {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM component WHERE removed_at = 0 AND part_id IN ({}) LIMIT {RARE}) AS few",
            crate::db::placeholders(parts.len())
        );
        let n: i64 = read!(self.db, |pool| {
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            for part in parts {
                query = query.bind(*part);
            }
            query.fetch_one(pool).await
        })?;
        Ok(n < RARE)
    }
}
