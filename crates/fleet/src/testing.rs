//! What unit tests that need a database begin with: two devices, and an import that is being entered.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::{Actor, Fleet, import::ImportRequest};
use domain::{
    component::{ComponentClass, Part},
    id::ImportId,
    identifier::normalise,
    import::{ImportFormat, ImportState},
    time::Timestamp,
};
use futures::stream;
use std::{sync::Arc, time::Duration};
use store::{import::Import, testing::Fixture};
use uuid::Uuid;

pub(crate) const RULE: Actor = Actor::Rule { name: "test" };

/// 2 November 2026, 12:00.
pub(crate) const NOW: Timestamp = Timestamp(1_793_620_800_000_000);

const DEVICES: &str = "serial,model,hardware_revision,batch,factory,made_at,firmware,cpu\n\
                       GW-0,GW-200,C,B,brno,2026-10-01T08:00:00Z,1.4.2,NXP|i.MX8M Mini|CPU0\n\
                       GW-1,GW-200,C,B,brno,2026-10-01T08:00:00Z,1.4.2,NXP|i.MX8M Mini|CPU1\n";

/// A fleet with GW-0 and GW-1 of batch B, whose clock stands still.
pub(crate) async fn fleet(fixture: &Fixture) -> Fleet {
    let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), Arc::new(|| NOW));
    let pieces = [Ok::<_, std::io::Error>(DEVICES.as_bytes())];
    let id = fleet.start_import(&RULE, &ImportRequest::new("a.csv"), stream::iter(pieces)).await.unwrap();
    for _ in 0..3_000 {
        if store::import::by_id(fleet.db(), id).await.unwrap().unwrap().state.is_final() {
            return fleet;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("the import does not end");
}

/// The import of a file of four rows or events that is being entered.
pub(crate) async fn begun(fleet: &Fleet, format: ImportFormat) -> Import {
    let import = Import {
        id: ImportId(Uuid::now_v7()),
        file_name: "parts".into(),
        format,
        sha256: "0".repeat(64),
        size: 1,
        dry_run: false,
        skip_bad_rows: true,
        state: ImportState::Applying,
        actor: "ada".into(),
        node: "elsewhere".into(),
        rows_checked: 4,
        rows_applied: 0,
        bytes_done: 0,
        added: 0,
        unchanged: 0,
        bad: 0,
        left_out: 0,
        message: String::new(),
        created_at: NOW,
        finished_at: None,
    };
    let mut tx = fleet.db().begin().await.unwrap();
    store::import::insert(&mut tx, &import).await.unwrap();
    tx.commit().await.unwrap();
    import
}

pub(crate) fn part(class: ComponentClass, slot: &str, text: &str) -> Part {
    let found = normalise(class, text).unwrap();
    let (identifier, identifier_key) = (found.shown, found.key);
    Part { slot: slot.into(), class, maker: String::new(), model: String::new(), identifier, identifier_key }
}
