//! Imports whose node is gone: with a bucket another one goes on with them.

use crate::{patience::until, storage::Storage, world::operator};
use domain::{import::ImportState, node::Lease};
use fleet::{Fleet, import::ImportRequest};
use futures::stream;
use std::{collections::HashSet, path::Path, time::Duration};
use store::{
    Db,
    testing::{self, Fixture},
};

const ROWS: i64 = 300;

fn manifest() -> String {
    let mut out = String::from("serial,model,hardware_revision,batch,factory,made_at\n");
    for n in 0..ROWS {
        out.push_str(&format!("N-{n:05},GW-200,C,2026-11-A,brno,2026-10-01T08:00:00Z\n"));
    }
    out
}

/// A node of its own folder, whose files lie in a bucket.
async fn node(fixture: &Fixture, folder: &Path, storage: &Storage) -> Fleet {
    let db = Db::postgres(fixture.url.as_deref().unwrap()).await.unwrap();
    let fleet = Fleet::new(db, folder.to_owned()).with_shelf(storage.place());
    fleet.be_node(&fleet.node().await.unwrap());
    fleet.join_nodes("node", "1.0.0").await.unwrap();
    fleet
}

async fn on_server(db: &Db, sql: &'static str) {
    let Db::Postgres(pool) = db else { unreachable!("it is on PostgreSQL") };
    sqlx::query(sql).execute(pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_node_is_gone_is_gone_on_with_by_another_once() {
    let (fixture, storage) = (testing::postgres().await.unwrap(), Storage::start().await);
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = node(&fixture, folders.0.path(), &storage).await;
    // It runs, however long the rest of this takes.
    on_server(&fixture.db, "UPDATE node SET seen_at = seen_at + 600000000").await;
    // Nobody works on it yet.
    let bystander = Fleet::new(fixture.db.clone(), folders.1.path().to_owned());
    let turn = bystander.turn(Lease::Imports).await.unwrap();
    let pieces = [Ok::<_, std::io::Error>(manifest().into_bytes())];
    let id = first.start_import(&operator(), &ImportRequest::new("a.csv"), stream::iter(pieces)).await.unwrap();
    assert_eq!(storage.files("imports"), [id.to_string()]);
    let second = node(&fixture, folders.1.path(), &storage).await;
    let mut not_there = HashSet::new();
    assert_eq!(second.take_over_imports(&mut not_there).await.unwrap(), 0, "its node runs");
    // It dies, and its disk with it.
    first.give_back_turns().await;
    first.db().close().await;
    drop(folders.0);
    on_server(&fixture.db, "UPDATE node SET seen_at = seen_at - 660000000 WHERE id = (SELECT node FROM import)").await;
    drop(turn);
    assert_eq!(second.take_over_imports(&mut not_there).await.unwrap(), 1);
    let import = loop {
        let import = second.import(&operator(), id).await.unwrap();
        if import.state.is_final() {
            break import;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((import.state, import.added, import.bad), (ImportState::Done, ROWS, 0), "{}", import.message);
    assert_eq!(second.device_total(&operator()).await.unwrap(), ROWS);
    assert_eq!(second.take_over_imports(&mut not_there).await.unwrap(), 0);
    // The file goes a moment after its import has ended.
    until("nothing of it stays in the bucket", async || storage.files("imports").is_empty()).await;
}
