//! Files in pieces.

use crate::world::{NOW, World, field_of, fleet_on, form, operator, pipeline, says, worlds};
use domain::{id::UploadId, time::DAY};
use fleet::{
    Error, Fleet,
    release::{Upload, UploadForm},
    setting::Settings,
};
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use std::{io, sync::Arc, time::Duration};
use tokio::sync::oneshot;

async fn begin(world: &World, size: usize) -> UploadId {
    let form = UploadForm { file_name: "a.swu".into(), size: i64::try_from(size).unwrap(), sha256: String::new() };
    world.fleet.begin_upload(&pipeline(), &form).await.unwrap().id
}

async fn send(world: &World, id: UploadId, offset: usize, piece: &[u8]) -> Result<Upload, Error> {
    let arriving = stream::iter([Ok::<_, io::Error>(piece.to_vec())]);
    world.fleet.append_upload(&pipeline(), id, i64::try_from(offset).unwrap(), arriving).await
}

async fn here(world: &World, id: UploadId) -> i64 {
    world.fleet.upload(&pipeline(), id).await.unwrap().received
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_in_pieces_and_becomes_a_release() {
    for world in worlds().await {
        let image = world.pipeline.image("1.4.2");
        let id = begin(&world, image.len()).await;
        let (first, rest) = image.split_at(700);
        assert_eq!(send(&world, id, 0, first).await.unwrap().received, 700);
        says(world.fleet.push_release(&pipeline(), &form("1.4.2"), id).await, "700 of");
        says(send(&world, id, 0, first).await, "700 bytes of this file are here");
        says(send(&world, id, 701, rest).await, "700 bytes of this file are here");
        assert_eq!(here(&world, id).await, 700, "nothing is lost by a piece that belongs elsewhere");
        says(send(&world, id, 700, &image).await, "More came than");
        assert!(
            matches!(send(&world, id, 700, rest).await.unwrap(), Upload { received, size, .. } if received == size)
        );
        let pushed = world.fleet.push_release(&pipeline(), &form("1.4.2"), id).await.unwrap();
        assert!(pushed.fresh);
        let detail = world.fleet.release(&operator(), pushed.release.id).await.unwrap();
        let (file, sha256) = (&detail.files[0], hex::encode(Sha256::digest(&image)));
        assert_eq!((file.file_name.as_str(), file.number, &file.sha256), ("a.swu", 1, &sha256));
        assert_eq!((file.signers[0].name.as_str(), file.hardware.join(" ").as_str()), ("Builds", "B C"));
        assert_eq!(std::fs::read(world.shelf(&sha256)).unwrap(), image);
        let range = world.fleet.artifact_stream(&sha256, 3..9).await.unwrap();
        let pieces: Vec<_> = range.map(Result::unwrap).collect().await;
        assert_eq!(pieces.concat(), image[3..9]);
        // The answer was lost: the same is asked once more.
        let again = world.fleet.push_release(&pipeline(), &form("1.4.2"), id).await.unwrap();
        assert_eq!((again.release.id, again.fresh), (pushed.release.id, false));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_connection_broke_is_kept() {
    for world in worlds().await {
        let id = begin(&world, 1_000).await;
        let broken = stream::iter([Ok(vec![1; 400]), Err(io::Error::other("reset"))]);
        says(world.fleet.append_upload(&pipeline(), id, 0, broken).await, "go on from there");
        assert_eq!(here(&world, id).await, 400);
        assert_eq!(send(&world, id, 400, &[2; 600]).await.unwrap().received, 1_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_nothing_that_was_counted() {
    for world in worlds().await {
        let image = world.pipeline.image("1.4.2");
        let id = begin(&world, image.len()).await;
        send(&world, id, 0, &image[..500]).await.unwrap();
        // The process ended while more was written that it had not counted: it may be anything.
        let path = world.fixture.folder.path().join("uploads").join(format!("{id}.part"));
        let torn = [&image[..500], &[0xFF; 300]].concat();
        std::fs::write(&path, torn).unwrap();
        let fleet = fleet_on(&world.fixture, &world.clock);
        assert_eq!(fleet.upload(&pipeline(), id).await.unwrap().received, 500);
        let rest = stream::iter([Ok::<_, io::Error>(image[500..].to_vec())]);
        fleet.append_upload(&pipeline(), id, 500, rest).await.unwrap();
        assert!(fleet.push_release(&pipeline(), &form("1.4.2"), id).await.unwrap().fresh, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_send_at_once_one_is_told_so() {
    for world in worlds().await {
        let id = begin(&world, 1_000).await;
        let ((begins, begun), (lets_go, goes_on)) = (oneshot::channel(), oneshot::channel());
        let slow = stream::once(async move {
            begins.send(()).unwrap();
            goes_on.await.unwrap();
            Ok::<_, io::Error>(vec![7; 500])
        });
        let slow = slow.chain(stream::iter([Ok(vec![8; 500])]));
        let ci = pipeline();
        let first = world.fleet.append_upload(&ci, id, 0, slow);
        let second = async {
            begun.await.unwrap();
            // Were it made to wait for the first one, it would wait for ever.
            let told = tokio::time::timeout(Duration::from_secs(60), send(&world, id, 0, &[9; 1_000])).await;
            lets_go.send(()).unwrap();
            told.unwrap()
        };
        let (first, second) = tokio::join!(first, second);
        says(second, "at the moment");
        assert_eq!(first.unwrap().received, 1_000);
        let path = world.fixture.folder.path().join("uploads").join(format!("{id}.part"));
        assert_eq!(std::fs::read(path).unwrap(), [[7; 500], [8; 500]].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_by_the_same_program_goes_on() {
    for world in worlds().await {
        let image = world.pipeline.image("1.4.2");
        let sha256 = hex::encode(Sha256::digest(&image));
        let size = i64::try_from(image.len()).unwrap();
        let wanted = UploadForm { file_name: "a.swu".into(), size, sha256: sha256.clone() };
        let first = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap();
        send(&world, first.id, 0, &image[..300]).await.unwrap();
        let again = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap();
        assert_eq!((again.id, again.received), (first.id, 300));
        let other = world.fleet.begin_upload(&operator(), &wanted).await.unwrap();
        assert_ne!(other.id, first.id, "whose is whose");
        assert!(matches!(world.fleet.upload(&operator(), first.id).await, Err(Error::NotFound { .. })));
        // What arrives as something else than was announced was damaged on its way.
        let damaged = UploadForm { sha256: "0".repeat(64), ..wanted };
        let damaged = world.fleet.begin_upload(&pipeline(), &damaged).await.unwrap();
        send(&world, damaged.id, 0, &image).await.unwrap();
        says(world.fleet.push_release(&pipeline(), &form("1.4.2"), damaged.id).await, "damaged on its way");
        assert!(matches!(world.fleet.upload(&pipeline(), damaged.id).await, Err(Error::NotFound { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_much_is_taken_is_a_setting() {
    for world in worlds().await {
        let form = |size: i64| UploadForm { file_name: "a.swu".into(), size, sha256: String::new() };
        let fleet = &world.fleet;
        says(fleet.begin_upload(&pipeline(), &form((1 << 30) + 1)).await, "larger than 1024 MiB");
        let settings = fleet.settings(&operator()).await.unwrap();
        let settings = Settings { release_mib: 2, ..settings };
        fleet.save_settings(&crate::world::admin(), &settings).await.unwrap();
        says(fleet.begin_upload(&pipeline(), &form((2 << 20) + 1)).await, "larger than 2 MiB");
        assert_eq!(field_of(fleet.begin_upload(&pipeline(), &form(0)).await), "size");
        for _ in 0..50 {
            fleet.begin_upload(&pipeline(), &form(1)).await.unwrap();
        }
        assert!(matches!(fleet.begin_upload(&pipeline(), &form(1)).await, Err(Error::NoRoom(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_goes_on_with_is_forgotten_after_a_day() {
    for world in worlds().await {
        let (id, other) = (begin(&world, 10).await, begin(&world, 10).await);
        world.wait(DAY / 2);
        send(&world, other, 0, &[1; 5]).await.unwrap();
        world.wait(DAY / 2);
        assert_eq!(world.fleet.now(), NOW.plus(DAY));
        assert!(matches!(send(&world, id, 0, &[1; 5]).await, Err(Error::NotFound { .. })));
        world.fleet.forget_uploads().await.unwrap();
        let folder = world.fixture.folder.path().join("uploads");
        let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, [format!("{other}.part").as_str()]);
        assert_eq!(here(&world, other).await, 5);
        world.fleet.discard_upload(&pipeline(), other).await.unwrap();
        assert!(matches!(world.fleet.upload(&pipeline(), other).await, Err(Error::NotFound { .. })));
    }
}

/// On a disk of its own that is small: what is held in memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_which_the_disk_has_no_room_is_not_begun() {
    let small = tempfile::tempdir_in("/dev/shm").unwrap();
    let said = rustix::fs::statvfs(small.path()).unwrap();
    let free = i64::try_from(said.f_bavail * said.f_frsize).unwrap();
    for world in worlds().await {
        let settings = world.fleet.settings(&operator()).await.unwrap();
        let settings = Settings { release_mib: 16 * 1024, ..settings };
        world.fleet.save_settings(&crate::world::admin(), &settings).await.unwrap();
        let now = world.fleet.now();
        let fleet = Fleet::with_clock(world.fixture.db.clone(), small.path().to_owned(), Arc::new(move || now));
        let form = |size| UploadForm { file_name: "a.swu".into(), size, sha256: String::new() };
        // Twice the largest file is more than such a disk holds. By two, because one of them has not that much coming.
        let mut begun_before = Vec::new();
        for (n, who) in [(1_i64, pipeline()), (2, operator())] {
            let begun = fleet.begin_upload(&who, &form(16 << 30)).await;
            let fits = n * (16 << 30) + (256 << 20) <= free;
            assert_eq!(begun.is_ok(), fits, "{}: {n} of {free}: {begun:?}", world.name());
            match begun {
                Ok(upload) => begun_before.push((who, upload.id)),
                Err(refused) => {
                    assert!(matches!(&refused, Error::NoRoom(told) if told.contains("disk")), "{refused:?}");
                    break;
                }
            }
        }
        for (who, id) in begun_before {
            fleet.discard_upload(&who, id).await.unwrap();
        }
        // Here there is room for the same.
        world.fleet.begin_upload(&pipeline(), &form(1 << 10)).await.unwrap();
    }
}
