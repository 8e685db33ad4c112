//! Files that are gone, altered or cut off on a node's shelf, while rollouts send them.

use crate::{patience::until, pushing, world::*};
use domain::{
    id::ReleaseId,
    release::Stage,
    rollout::{Plan, RolloutState, WaveSize},
    time::{MINUTE, SECOND},
};
use fleet::Error;
use std::{fs, path::PathBuf};

fn all(release: ReleaseId) -> Plan {
    Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }
}

async fn path(world: &World, release: ReleaseId) -> PathBuf {
    let file = world.fleet.release(&operator(), release).await.unwrap().files.remove(0);
    world.fleet.folder().join("artifacts").join(file.sha256)
}

#[tokio::test]
async fn a_file_that_is_not_on_this_node_ends_no_rollout() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.submitted(all(release)).await;
        let (path, away) = (path(&world, release).await, world.fleet.folder().join("away"));
        fs::rename(&path, &away).unwrap();
        let node = world.another().await;
        let id = node.rollout_approval(&operator(), &code).await.unwrap().unwrap();
        let hash = node.approval(&manager(), id).await.unwrap().row.hash;
        node.decide(&manager(), id, &hash, true, "").await.unwrap();
        node.look_after_rollouts().await.unwrap();
        node.look_after_rollouts().await.unwrap();
        let detail = world.rollout(&code).await;
        assert_eq!(detail.row.state, RolloutState::Approved, "{}: {}", world.name(), detail.row.reason);
        assert!(detail.row.reason.contains("push it again"), "{}", detail.row.reason);
        let said = detail.events.iter().filter(|event| event.deed == "wait").count();
        assert_eq!(said, 1, "{}: it is said once", world.name());
        // A node that has it starts it, and one that looked in vain does once it is back.
        fs::rename(&away, &path).unwrap();
        world.wait(MINUTE);
        node.look_after_rollouts().await.unwrap();
        let detail = world.rollout(&code).await;
        assert_eq!((detail.row.state, detail.row.reason.as_str()), (RolloutState::Running, ""), "{}", world.name());
        world.look().await;
        // This process has not read it yet, and a poll waits for that only so long.
        world.fleet.read_what_is_sent().await;
        assert!(world.offered(&devices[0]).await.is_some(), "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_altered_is_read_once_halts_and_keeps_nothing_else_back() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        let (bad, good) =
            (world.release("2.0", Stage::Production).await, world.release("2.1", Stage::Production).await);
        let broken = world.started(all(bad)).await;
        let whole = world.started(Plan { name: "Gateways to 2.1".to_owned(), ..all(good) }).await;
        let path = path(&world, bad).await;
        let mut content = fs::read(&path).unwrap();
        let at = content.len() / 2;
        content[at] ^= 1;
        fs::write(&path, content).unwrap();
        // A process that has not read it yet: the older rollout would be first.
        let node = world.another().await;
        for device in &devices {
            // Both have to be read, and a poll waits for that only so long.
            until("it gets the one that is whole", async || {
                world.wait(SECOND);
                node.poll(device).await.unwrap().update.is_some()
            })
            .await;
        }
        assert_eq!(world.count(&whole, 0, domain::rollout::ActionState::Offered).await, 3, "{}", world.name());
        node.halt_what_is_refused().await.unwrap();
        let detail = world.rollout(&broken).await;
        assert_eq!(detail.row.state, RolloutState::Halted, "{}", world.name());
        assert!(!detail.row.reason.is_empty());
        assert_eq!(world.state(&whole).await, RolloutState::Running);
    }
}

#[tokio::test]
async fn a_file_that_lost_its_end_is_sent_to_nobody_until_it_is_whole_again() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        let release = world.release("2.0", Stage::Production).await;
        world.started(all(release)).await;
        let id = world.offered(&devices[0]).await.unwrap();
        let what = world.fleet.deployment(&devices[0], id, None).await.unwrap();
        let (path, file) = (path(&world, release).await, &what.files[0]);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let end = file.size;
        for range in [0..end, end / 2 + 1..end, end - 1..end] {
            let told = world.fleet.artifact_stream(&file.sha256, range.clone()).await.map(drop);
            assert!(matches!(told, Err(Error::NotFound { .. })), "{}: {range:?}", world.name());
        }
        let again = world.fleet.artifact_for(&devices[0], what.module, &file.name).await;
        assert!(matches!(again, Err(Error::NotFound { .. })), "{}: it is read again first", world.name());
        assert_eq!(world.offered(&devices[1]).await, None, "{}", world.name());
        // What a read has found is taken for granted for a while: the file is not read again at each poll.
        fs::write(&path, &whole).unwrap();
        world.wait(10 * MINUTE);
        assert_eq!(world.offered(&devices[1]).await, None, "{}", world.name());
        // Whoever pushes it again has said that it is whole.
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(!world.releases().push(&whole, &pushing::form("2.0")).await.unwrap().fresh);
        world.fleet.artifact_for(&devices[0], what.module, &file.name).await.unwrap();
        assert!(world.offered(&devices[1]).await.is_some());
    }
}
