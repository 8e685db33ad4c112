//! Files of releases in backups, from any place into any other.

use crate::{
    storage::{Ground, Storage, grounds},
    world::{RULE, form, operator},
};
use fleet::{
    Fleet,
    backup::{Restored, Written, backup, backup_without_artifacts, restore_postgres, restore_sqlite},
    release::ShelfPlace,
};
use sha2::{Digest, Sha256};
use std::{fs, path::Path};
use store::{
    Db,
    testing::{self, Fixture},
};

/// An empty place like the world's.
async fn empty_like(ground: &Ground) -> Fixture {
    let of_postgres = ground.world.fixture.url.is_some();
    let fixture = if of_postgres { testing::postgres().await } else { testing::sqlite().await }.unwrap();
    fixture.db.close().await;
    fixture
}

async fn restore(into: &Fixture, shelf: &ShelfPlace, file: &Path, force: bool) -> Result<Restored, fleet::Error> {
    let folder = into.folder.path();
    match &into.url {
        Some(url) => restore_postgres(&RULE, url, folder, shelf, file, force).await.map(|(_, restored)| restored),
        None => restore_sqlite(&RULE, folder, shelf, file, force).await,
    }
}

async fn open(fixture: &Fixture, shelf: &ShelfPlace) -> Fleet {
    let db = Db::open(fixture.folder.path(), fixture.url.as_deref()).await.unwrap();
    Fleet::new(db, fixture.folder.path().to_owned()).with_shelf(shelf.clone())
}

async fn written(ground: &Ground, name: &str) -> (std::path::PathBuf, Written) {
    let file = ground.world.fixture.folder.path().join(name);
    let written = backup(&ground.world.fleet, &RULE, &file).await.unwrap();
    (file, written)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_back_whole_wherever_they_are_put() {
    for ground in grounds().await {
        let world = &ground.world;
        let (one, two) = (world.pipeline.image("1.4.2"), world.pipeline.image("1.4.3"));
        let first = world.push(&one, &form("1.4.2")).await.unwrap().release.id;
        world.push(&two, &form("1.4.3")).await.unwrap();
        // What is on the shelf and of no release is in no backup.
        fs::write(ground.path(&"0".repeat(64)), "left by nobody").unwrap();
        let (file, written) = written(&ground, "backup").await;
        assert_eq!((written.artifacts, written.missing.as_slice()), (2, &[][..]), "{}", ground.name());
        let storage = Storage::start().await;
        for shelf in [ShelfPlace::Folder, storage.place()] {
            let place = empty_like(&ground).await;
            let restored = restore(&place, &shelf, &file, false).await.unwrap();
            assert_eq!((restored.artifacts, restored.missing.as_slice()), (2, &[][..]), "{}", ground.name());
            assert!(!place.folder.path().join("restoring").exists());
            let fleet = open(&place, &shelf).await;
            let release = fleet.release(&operator(), first).await.unwrap();
            let sha256 = hex::encode(Sha256::digest(&one));
            assert_eq!(release.files[0].sha256, sha256);
            let content: Vec<bytes::Bytes> =
                futures::TryStreamExt::try_collect(fleet.artifact_stream(&sha256, 0..one.len() as u64).await.unwrap())
                    .await
                    .unwrap();
            assert!(content.concat() == one);
            fleet.db().close().await;
            // Once more: what is there already is left as it is.
            assert_eq!(restore(&place, &shelf, &file, true).await.unwrap().artifacts, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_missing_or_altered_is_told() {
    for ground in grounds().await {
        let world = &ground.world;
        let mut named = Vec::new();
        for version in ["1.0.0", "1.0.1", "1.0.2"] {
            let image = world.pipeline.image(version);
            world.push(&image, &form(version)).await.unwrap();
            named.push(hex::encode(Sha256::digest(&image)));
        }
        let without = world.fixture.folder.path().join("without");
        let bare = backup_without_artifacts(&world.fleet, &RULE, &without).await.unwrap();
        assert_eq!((bare.artifacts, bare.missing.as_slice()), (0, &[][..]));
        let header = fs::read(&without).unwrap();
        let header = String::from_utf8_lossy(&header[..4096]).into_owned();
        assert!(header.contains("\"artifacts\": \"left-out\""), "{header}");
        fs::remove_file(ground.path(&named[1])).unwrap();
        fs::write(ground.path(&named[2]), "not what it was").unwrap();
        let (file, told) = written(&ground, "backup").await;
        let told = told.missing.join("\n");
        assert!(
            told.contains("1 files of releases are not on the shelf") && told.contains("gateway-os 1.0.1"),
            "{told}"
        );
        assert!(told.contains("1 files of releases are damaged") && told.contains("gateway-os 1.0.2"), "{told}");
        let place = empty_like(&ground).await;
        let restored = restore(&place, &ShelfPlace::Folder, &file, false).await.unwrap();
        assert_eq!(restored.artifacts, 1, "{}", ground.name());
        let told = restored.missing.join("\n");
        assert!(told.contains("2 files of releases") && told.contains("gateway-os 1.0.1, gateway-os 1.0.2"), "{told}");
        let shelf = fs::read_dir(place.folder.path().join("artifacts")).unwrap();
        assert_eq!(shelf.map(|file| file.unwrap().file_name()).collect::<Vec<_>>(), [named[0].as_str()]);
        // Of a backup without them all are missing, unless the shelf has them.
        let place = empty_like(&ground).await;
        let told = restore(&place, &ShelfPlace::Folder, &without, false).await.unwrap().missing.join("\n");
        assert!(told.contains("3 files of releases") && told.contains("Push the same files again"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_altered_puts_nothing_on_the_shelf() {
    for ground in grounds().await {
        let world = &ground.world;
        let image = world.pipeline.image("1.4.2");
        world.push(&image, &form("1.4.2")).await.unwrap();
        let (file, _) = written(&ground, "backup").await;
        let good = fs::read(&file).unwrap();
        let at = good.windows(image.len()).position(|part| part == image).unwrap();
        let mut altered = good.clone();
        altered[at + 100] ^= 1;
        let mut renamed = good.clone();
        let name = good.windows(10).position(|part| part == b"artifacts/").unwrap();
        renamed[name + 10..name + 13].copy_from_slice(b"../");
        for (what, bad) in [("altered", altered), ("cut off", good[..at + 50].to_vec()), ("renamed", renamed)] {
            fs::write(&file, bad).unwrap();
            let place = empty_like(&ground).await;
            assert!(restore(&place, &ShelfPlace::Folder, &file, false).await.is_err(), "{}: {what}", ground.name());
            for left in ["artifacts", "restoring"] {
                let left = fs::read_dir(place.folder.path().join(left)).map_or(0, Iterator::count);
                assert_eq!(left, 0, "{what}");
            }
        }
    }
}
