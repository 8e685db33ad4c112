//! What the tests of imports share.

use domain::{import::ImportState, person::Role, time::Timestamp};
use fleet::{
    Actor, Error, Fleet, Origin,
    import::{Import, ImportProblem, ImportRequest},
};
use futures::stream;
use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{
    Db,
    testing::{self, Fixture},
};

pub const OPERATOR: Actor = Actor::Rule { name: "ada@muster.example" };

/// 2 November 2026, 12:00.
pub const NOW: Timestamp = Timestamp(1_793_620_800_000_000);

pub struct World {
    pub fleet: Fleet,
    pub fixture: Fixture,
}

pub async fn worlds() -> Vec<World> {
    let fixtures = testing::both().await.unwrap();
    fixtures.into_iter().map(|fixture| World { fleet: fleet_on(fixture.db.clone(), &fixture), fixture }).collect()
}

pub fn fleet_on(db: Db, fixture: &Fixture) -> Fleet {
    Fleet::with_clock(db, fixture.folder.path().to_owned(), Arc::new(|| NOW))
}

pub fn support() -> Actor {
    let id = "01936e5a-0000-7000-8000-000000000001".parse().unwrap();
    let (email, name) = ("sam@muster.example".to_owned(), "Sam".to_owned());
    Actor::User { id, email, name, role: Role::Support, proved_at: None, origin: Origin::default() }
}

/// A row of a manifest by its number.
pub fn row(n: u64) -> String {
    let mac = 0xd880_3900_0000_u64 + n * 2;
    format!(
        "GW-{n:06},GW-200,C,2026-11-A,brno,2026-10-01T08:00:00Z,1.4.2,NXP|i.MX8M Mini|CPU{n},{mac:012x},{:012x}\n",
        mac + 1
    )
}

pub const HEADER: &str = "serial,model,hardware_revision,batch,factory,made_at,firmware,cpu,eth0,wlan0\n";

pub fn manifest(rows: std::ops::Range<u64>) -> String {
    let mut out = String::from(HEADER);
    rows.for_each(|n| out.write_str(&row(n)).unwrap());
    out
}

impl World {
    pub async fn send(&self, request: &ImportRequest, bytes: &[u8]) -> Result<Import, Error> {
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> = bytes.chunks(1 << 16).map(|b| Ok(b.to_vec())).collect();
        let id = self.fleet.start_import(&OPERATOR, request, stream::iter(pieces)).await?;
        Ok(finished(&self.fleet, id).await)
    }

    pub async fn import(&self, name: &str, bytes: impl AsRef<[u8]>) -> Import {
        self.send(&ImportRequest::new(name), bytes.as_ref()).await.unwrap()
    }

    pub async fn skipping(&self, name: &str, bytes: impl AsRef<[u8]>) -> Import {
        let request = ImportRequest { skip_bad_rows: true, ..ImportRequest::new(name) };
        self.send(&request, bytes.as_ref()).await.unwrap()
    }

    pub async fn problems(&self, import: &Import) -> Vec<ImportProblem> {
        self.fleet.import_problems(&OPERATOR, import.id, 0, 500).await.unwrap()
    }

    pub async fn total(&self) -> i64 {
        self.fleet.device_total(&OPERATOR).await.unwrap()
    }

    pub fn name(&self) -> &'static str {
        self.fixture.name
    }

    /// Files that stay in the data folder although their import has ended: the last step, which may take a moment.
    pub async fn left_over(&self) -> usize {
        for _ in 0..500 {
            if self.spooled() == 0 {
                return 0;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.spooled()
    }

    /// Files that wait in the data folder.
    pub fn spooled(&self) -> usize {
        let files = std::fs::read_dir(self.fixture.folder.path().join("imports")).unwrap();
        files.filter(|file| file.as_ref().unwrap().file_name() != "node").count()
    }
}

/// An import once it is over. It may be slow on a busy machine, but not stand still.
pub async fn finished(fleet: &Fleet, id: domain::id::ImportId) -> Import {
    let (mut last, mut since) = (None, Instant::now());
    loop {
        let import = fleet.import(&OPERATOR, id).await.unwrap();
        if import.state.is_final() {
            return import;
        }
        let at = Some((import.state, import.bytes_done, import.rows_applied));
        if at != last {
            (last, since) = (at, Instant::now());
        }
        assert!(since.elapsed() < Duration::from_secs(120), "the import stands still: {import:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// That the import is done, with these numbers.
#[track_caller]
pub fn is_done(import: &Import, added: i64, unchanged: i64, bad: i64) {
    assert_eq!(
        (import.state, import.added, import.unchanged, import.bad),
        (ImportState::Done, added, unchanged, bad),
        "{import:#?}"
    );
    assert!(import.finished_at.is_some());
}
