//! Sessions: a cookie in the browser, a row in the database that only knows the cookie's hash.

use domain::{
    factor::SignInBy,
    id::UserId,
    time::{DAY, HOUR, MINUTE, SECOND, Timestamp},
};
use fleet::{Fleet, factor::HalfWay, session::session_hash};
use serde::{Deserialize, Serialize};
use std::fmt;
use store::session::SessionRow;
use time::OffsetDateTime;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store::{Error as StoreError, Result as StoreResult},
};

/// The cookie. Its prefix makes browsers insist on HTTPS, on the whole path, and on this host alone.
pub const COOKIE: &str = "__Host-muster";
/// How long a session lasts without a request.
const IDLE: i64 = 12 * HOUR;
/// How long a session lasts at most.
const ABSOLUTE: i64 = 7 * DAY;
/// How stale "last seen" may be: a page with its events must not write at every request.
const SEEN_EVERY: i64 = MINUTE;
/// The entry of a session's data that says who is signed in.
const SIGNED_IN: &str = "signed_in";
/// The entry of a session in which the second step of signing in is to be taken. It belongs to nobody.
const HALF_WAY: &str = "half_way";

/// Who is signed in, since when and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The account.
    pub user: UserId,
    /// When the session began, in microseconds.
    pub begun: i64,
    /// When it was last used, to the minute.
    pub seen: i64,
    /// The network address it was begun from.
    pub address: String,
    /// The browser, as it calls itself, cut to 200 characters.
    pub browser: String,
    /// How its owner came in; none in a session of before this was kept.
    #[serde(default)]
    pub by: Option<SignInBy>,
    /// When its owner last showed a second factor in it.
    #[serde(default)]
    pub proved: Option<Timestamp>,
}

impl SignedIn {
    fn ends(&self) -> i64 {
        (self.seen + IDLE).min(self.begun + ABSOLUTE)
    }
}

/// The sessions in the database.
#[derive(Clone)]
pub struct Sessions {
    fleet: Fleet,
}

impl Sessions {
    /// The sessions of this fleet's people.
    #[must_use]
    pub fn new(fleet: Fleet) -> Self {
        Self { fleet }
    }

    /// The layer that reads the cookie and writes it.
    #[must_use]
    pub fn layer(&self) -> SessionManagerLayer<Self> {
        SessionManagerLayer::new(self.clone())
            .with_name(COOKIE)
            .with_secure(true)
            .with_http_only(true)
            .with_same_site(SameSite::Lax)
            .with_path("/")
            // The session's own moment replaces it; this is for a session without one, which we never make.
            .with_expiry(Expiry::OnSessionEnd)
    }

    fn row(&self, record: &Record) -> StoreResult<SessionRow> {
        let signed_in: Option<SignedIn> = match record.data.get(SIGNED_IN) {
            Some(value) => Some(serde_json::from_value(value.clone()).map_err(|e| StoreError::Decode(e.to_string()))?),
            None => None,
        };
        let now = self.fleet.now();
        let (begun, seen) = signed_in.as_ref().map_or((now.0, now.0), |s| (s.begun, s.seen));
        Ok(SessionRow {
            id: hashed(&record.id),
            user_id: signed_in.as_ref().map(|s| s.user),
            data: serde_json::to_string(&record.data).map_err(|e| StoreError::Encode(e.to_string()))?,
            address: signed_in.as_ref().map(|s| s.address.clone()).unwrap_or_default(),
            user_agent: signed_in.map(|s| s.browser).unwrap_or_default(),
            created_at: Timestamp(begun),
            last_seen_at: Timestamp(seen),
            expires_at: Timestamp(record.expiry_date.unix_timestamp().saturating_mul(SECOND)),
        })
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// What the database knows a session by: who reads the database can't take a session over.
#[must_use]
pub fn hashed(id: &Id) -> String {
    session_hash(&id.to_string())
}

#[async_trait::async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        // 128 random bits do not meet; should they, saving fails on the row that is there rather than take it over.
        let row = self.row(record)?;
        store::session::insert(self.fleet.db(), &row).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        // A session that was ended elsewhere in between stays ended: this changes a row or nothing.
        let row = self.row(record)?;
        store::session::update(self.fleet.db(), &row).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let found = store::session::by_id(self.fleet.db(), &hashed(id)).await.map_err(backend)?;
        let Some(row) = found.filter(|row| row.expires_at > self.fleet.now()) else { return Ok(None) };
        let data = serde_json::from_str(&row.data).map_err(|e| StoreError::Decode(e.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date: calendar(row.expires_at.0) }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        store::session::delete(self.fleet.db(), &hashed(id)).await.map_err(backend)
    }
}

/// What the database said, in the words of `fleet`: of an error of a session nothing else is kept; see [`meant_by`].
fn backend(error: store::StoreError) -> StoreError {
    StoreError::Backend(fleet::Error::from(error).to_string())
}

/// What an error of a session means for whoever asked.
pub fn meant_by(error: tower_sessions::session::Error) -> fleet::Error {
    use fleet::Error as E;
    if let tower_sessions::session::Error::Store(StoreError::Backend(words)) = &error {
        let known = [E::Busy, E::Contended, E::Unreachable, E::Unsure, E::Slow];
        if let Some(known) = known.into_iter().find(|known| known.to_string() == *words) {
            return known;
        }
    }
    E::internal(error)
}

fn calendar(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(micros.div_euclid(SECOND)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Begins a session: a new id, so that whoever knew the old one gains nothing.
///
/// # Errors
/// When the database fails.
pub async fn begin(session: &Session, signed_in: SignedIn) -> Result<(), tower_sessions::session::Error> {
    session.cycle_id().await?;
    session.remove_value(HALF_WAY).await?;
    session.set_expiry(Some(Expiry::AtDateTime(calendar(signed_in.ends()))));
    session.insert(SIGNED_IN, signed_in).await
}

/// Begins a session in which the second step of signing in is to be taken. Whoever was signed in before is not any more.
///
/// # Errors
/// When the database fails.
pub async fn begin_half_way(session: &Session, half: HalfWay) -> Result<(), tower_sessions::session::Error> {
    session.cycle_id().await?;
    session.remove_value(SIGNED_IN).await?;
    session.set_expiry(Some(Expiry::AtDateTime(calendar(half.ends().0))));
    session.insert(HALF_WAY, half).await
}

/// Whoever is to take the second step of signing in, if anybody.
///
/// # Errors
/// When the database fails.
pub async fn half_way(session: &Session, now: Timestamp) -> Result<Option<HalfWay>, tower_sessions::session::Error> {
    Ok(session.get::<HalfWay>(HALF_WAY).await?.filter(|half| half.ends() > now))
}

/// Notes that whoever is signed in has shown a second factor.
///
/// # Errors
/// When the database fails.
pub async fn proved(session: &Session, at: Timestamp) -> Result<(), tower_sessions::session::Error> {
    let Some(signed_in) = session.get::<SignedIn>(SIGNED_IN).await? else { return Ok(()) };
    session.insert(SIGNED_IN, SignedIn { proved: Some(at), ..signed_in }).await
}

/// Who is signed in, if anybody; notes once a minute that they are still there.
///
/// # Errors
/// When the database fails.
pub async fn current(session: &Session, now: Timestamp) -> Result<Option<SignedIn>, tower_sessions::session::Error> {
    let Some(mut signed_in) = session.get::<SignedIn>(SIGNED_IN).await? else { return Ok(None) };
    if signed_in.ends() <= now.0 {
        return Ok(None);
    }
    if now.0 - signed_in.seen >= SEEN_EVERY {
        signed_in.seen = now.0;
        session.set_expiry(Some(Expiry::AtDateTime(calendar(signed_in.ends()))));
        session.insert(SIGNED_IN, &signed_in).await?;
    }
    Ok(Some(signed_in))
}
