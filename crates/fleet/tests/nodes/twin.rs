//! A node whose data folder is a copy of a running one's.

use crate::scene::admin;
use fleet::{Error, Fleet, node::NodeRow};
use store::{Db, testing};

const ID: &str = "0197f3e0-5f0e-7b6e-9d6c-1f2a3b4c5d6e";

async fn process(url: &str) -> (Fleet, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let fleet = Fleet::new(Db::open(folder.path(), Some(url)).await.unwrap(), folder.path().to_owned());
    fleet.be_node(ID);
    (fleet, folder)
}

async fn entered(fleet: &Fleet) -> Vec<NodeRow> {
    fleet.nodes(&admin()).await.unwrap().nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_running_node_does_not_start_and_who_was_killed_does() {
    let fixture = testing::postgres().await.unwrap();
    let url = fixture.url.as_deref().unwrap();
    let ((first, _first_folder), (copy, _copy_folder)) = (process(url).await, process(url).await);
    first.join_nodes("fleet-1", "1.0.0").await.unwrap();
    let beats = tokio::spawn(first.clone().beat("fleet-1".to_owned(), "1.0.0"));
    let refused = copy.join_nodes("fleet-2", "1.0.0").await;
    assert!(matches!(&refused, Err(Error::Conflict(why)) if why.contains("fleet-1 runs by the id")), "{refused:?}");
    let nodes = entered(&first).await;
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["fleet-1"]);

    beats.abort();
    copy.join_nodes("fleet-2", "1.0.0").await.unwrap();
    let nodes = entered(&copy).await;
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["fleet-2"]);

    copy.leave_nodes().await.unwrap();
    first.join_nodes("fleet-1", "1.0.0").await.unwrap();
}
