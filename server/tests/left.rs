//! What 0.1 left, as it lies in `tests/data/upgrade`: data folders, databases, and the devices that belong to them.

use flate2::read::GzDecoder;
use serde::Deserialize;
use sqlx::{
    AssertSqlSafe, PgPool, Row, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where it lies.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/upgrade/0.1.0");
/// How old the data set is, in microseconds: on SQLite, and on PostgreSQL. The times of its updates are moved by that, so that no device
/// has been silent for too long, however late it is used.
const AGE: [&str; 2] = [
    "(SELECT CAST(unixepoch() AS BIGINT) * 1000000 - max(changed_at) FROM update_action)",
    "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - max(changed_at) FROM update_action)",
];

/// What there is beside a data folder and a database.
#[derive(Debug, Deserialize)]
pub struct Left {
    /// What opens the keys of its authorities.
    pub passphrase: String,
    /// The certificate of its root; PEM.
    pub root: String,
    /// The code of the rollout that runs.
    pub rollout: String,
    /// The devices.
    pub devices: Vec<Known>,
    /// One whose certificate was revoked.
    pub revoked: Known,
    /// Where all of it lies.
    #[serde(skip)]
    folder: PathBuf,
}

/// A device that 0.1 knows.
#[derive(Clone, Debug, Deserialize)]
pub struct Known {
    pub serial: String,
    /// The version that runs on it.
    pub runs: String,
    /// Whether the rollout is for it.
    pub is_updated: bool,
    /// Its key and its certificate; PEM.
    pub key: String,
    pub certificate: String,
}

impl Left {
    /// Unpacks what was left on SQLite, with its database.
    pub async fn on_sqlite(folder: &Path) -> Self {
        let left = Self::unpack("sqlite", folder);
        left.open(None).await.move_times().await;
        left
    }

    /// The same on PostgreSQL, into a database that is empty.
    pub async fn on_postgres(folder: &Path, url: &str) -> Self {
        let left = Self::unpack("postgres", folder);
        let dump = fs::read_to_string(folder.join("database.sql")).unwrap();
        // Its first words concern the session.
        let once = PgPoolOptions::new().max_connections(1).connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(dump)).execute(&once).await.unwrap();
        once.close().await;
        left.open(Some(url)).await.move_times().await;
        left
    }

    fn unpack(kind: &str, folder: &Path) -> Self {
        let packed = fs::File::open(Path::new(FOLDER).join(format!("{kind}.tar.gz"))).unwrap();
        tar::Archive::new(GzDecoder::new(packed)).unpack(folder).unwrap();
        let told = fs::read_to_string(folder.join("field.json")).unwrap();
        Self { folder: folder.to_owned(), ..serde_json::from_str(&told).unwrap() }
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The database, past the product: the one at this address, or that of the data folder.
    pub async fn open(&self, url: Option<&str>) -> Sql {
        match url {
            Some(url) => Sql::Postgres(PgPoolOptions::new().max_connections(1).connect(url).await.unwrap()),
            None => {
                let file = SqliteConnectOptions::new().filename(self.data().join("muster.db"));
                Sql::Sqlite(SqlitePoolOptions::new().max_connections(1).connect_with(file).await.unwrap())
            }
        }
    }
}

/// A database.
pub enum Sql {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Sql {
    /// What a query says, each column of which is a text.
    pub async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        fn texts<R: Row>(rows: &[R]) -> Vec<Vec<String>>
        where
            usize: sqlx::ColumnIndex<R>,
            for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
        {
            rows.iter().map(|row| (0..row.len()).map(|at| row.get(at)).collect()).collect()
        }
        let asked = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(pool) => texts(&sqlx::query(asked).fetch_all(pool).await.unwrap()),
            Self::Postgres(pool) => texts(&sqlx::query(asked).fetch_all(pool).await.unwrap()),
        }
    }

    /// Changes something.
    pub async fn run(&self, statement: &str) {
        let said = AssertSqlSafe(statement.to_owned());
        let _ = match self {
            Self::Sqlite(pool) => sqlx::query(said).execute(pool).await.unwrap().rows_affected(),
            Self::Postgres(pool) => sqlx::query(said).execute(pool).await.unwrap().rows_affected(),
        };
    }

    pub async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// Makes the updates that were under way as late as now.
    async fn move_times(self) {
        let age = match &self {
            Self::Sqlite(_) => AGE[0],
            Self::Postgres(_) => AGE[1],
        };
        self.run(&format!("UPDATE update_action SET due_at = due_at + {age} WHERE due_at > 0")).await;
        self.close().await;
    }
}
