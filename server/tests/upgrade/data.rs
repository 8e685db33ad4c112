//! A fleet of the version before, as its own program left it: `data/upgrade/0.1/README.md` says how it was made.

use flate2::read::GzDecoder;
use pki::Certificate;
use server::gateway::DEFAULT_TENANT;
use simulator::device::{Identity, Wire};
use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};
use store::Db;
use tempfile::TempDir;

fn file(name: &str) -> GzDecoder<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/upgrade/0.1");
    GzDecoder::new(File::open(folder.join(name)).unwrap())
}

/// A file of the data set.
pub fn text(name: &str) -> String {
    let mut text = String::new();
    file(name).read_to_string(&mut text).unwrap();
    text
}

/// A data folder of the data set.
pub fn folder(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(file(name)).unpack(folder.path()).unwrap();
    folder
}

/// The file that opens the keys in such a folder.
pub fn passphrase(folder: &Path) -> PathBuf {
    folder.join("demo-key-passphrase")
}

/// The devices whose keys are in such a folder, each as it comes to the gateway at that address: with the certificate that it has from
/// before, as the database says.
pub async fn devices(db: &Db, folder: &Path, gateway: &str) -> BTreeMap<String, Wire> {
    let sql = "SELECT d.serial, c.der FROM device d JOIN certificate c ON c.device_id = d.id AND c.serial = d.certificate_serial";
    let certificates: Vec<(String, Vec<u8>)> = match db {
        Db::Sqlite { read, .. } => sqlx::query_as(sql).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
    };
    let roots = fs::read_to_string(folder.join("demo-ceremony/muster-demo-root-1.pem")).unwrap();
    let mut devices = BTreeMap::new();
    for (serial, der) in certificates {
        let Ok(key) = fs::read_to_string(folder.join("demo-devices").join(format!("{serial}.key"))) else { continue };
        let issued = Certificate::from_der(&der).unwrap();
        let identity = Identity::new(&issued.pem(), &key, &roots).unwrap();
        devices.insert(serial.clone(), Wire::new(gateway, DEFAULT_TENANT, &serial, identity).unwrap());
    }
    devices
}

/// Fills an empty database.
pub async fn load(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    raw_sql(AssertSqlSafe(text("postgres.sql.gz"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
