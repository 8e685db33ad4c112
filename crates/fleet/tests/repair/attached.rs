//! Notes and photos.

use crate::world::{World, support, worlds};
use fleet::{Actor, release::ShelfPlace, repair::TakenFiles};
use sha2::{Digest, Sha256};

const COMMAND: Actor = Actor::Rule { name: "command line" };

#[tokio::test]
async fn photos_are_kept_once_and_given_back_as_they_were() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let picture = b"\xff\xd8\xff\xe0 a picture".to_vec();
        let first = world.fleet.add_repair_photo(&support(), &code, "label", picture.clone()).await.unwrap();
        let again = world.fleet.add_repair_photo(&support(), &code, "label", picture.clone()).await.unwrap();
        assert_eq!(first, again, "{}", world.name());
        let detail = world.repair(&code).await;
        assert_eq!((detail.photos.len(), detail.photos[0].caption.as_str()), (1, "label"));
        let (kind, content) = world.fleet.repair_photo(&support(), &code, first).await.unwrap();
        assert_eq!((kind.as_str(), content), ("image/jpeg", picture));
        // Of another repair it is none.
        let other = world.open("GW-2").await;
        assert!(world.fleet.repair_photo(&support(), &other, first).await.is_err());
        for wrong in [Vec::new(), b"<svg/>".to_vec(), vec![0xff; domain::repair::PHOTO_MAX + 1]] {
            assert!(world.fleet.add_repair_photo(&support(), &code, "", wrong).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_repair_keeps_so_many_photos_and_a_picture_is_kept_once() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let most = usize::try_from(domain::repair::PHOTOS_MAX).unwrap();
        let picture = |n: usize| [b"\xff\xd8\xff\xe0".as_slice(), format!("\u{0}{n}").as_bytes()].concat();
        let add = async |n: usize| world.fleet.add_repair_photo(&support(), &code, "", picture(n)).await;
        for n in 0..most {
            add(n).await.unwrap();
        }
        // Sent again, one too many, and two at once.
        assert!(add(0).await.is_ok(), "it is there already");
        let (one, two) = tokio::join!(add(most), add(most + 1));
        assert!(one.is_err() && two.is_err());
        assert_eq!(pictures(&world).await, most, "{}: what is refused leaves nothing", world.name());
        let other = world.open("GW-2").await;
        for _ in 0..2 {
            world.fleet.add_repair_photo(&support(), &other, "", picture(0)).await.unwrap();
        }
        assert_eq!(pictures(&world).await, most, "{}: one picture, two repairs", world.name());
        assert!(!world.fixture.folder.path().join("photos").exists());
    }
}

#[tokio::test]
async fn a_photo_is_seen_at_every_node() {
    for world in worlds().await {
        let Some(url) = &world.fixture.url else { continue };
        let folder = tempfile::tempdir().unwrap();
        let db = store::Db::postgres(url).await.unwrap();
        let other = fleet::Fleet::new(db, folder.path().to_owned());
        let code = world.open("GW-1").await;
        let picture = b"\x89PNG\r\n\x1a\n of node one".to_vec();
        let id = world.fleet.add_repair_photo(&support(), &code, "", picture.clone()).await.unwrap();
        assert_eq!(other.repair_photo(&support(), &code, id).await.unwrap(), ("image/png".to_owned(), picture));
    }
}

async fn pictures(world: &World) -> usize {
    let count = "SELECT COUNT(*) FROM repair_picture";
    let count: i64 = match world.fleet.db() {
        store::Db::Sqlite { read, .. } => sqlx::query_scalar(count).fetch_one(read).await.unwrap(),
        store::Db::Postgres(pool) => sqlx::query_scalar(count).fetch_one(pool).await.unwrap(),
    };
    usize::try_from(count).unwrap()
}

#[tokio::test]
async fn photos_that_were_files_are_taken_into_the_database() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let picture = b"\xff\xd8\xff\xe0 of before".to_vec();
        let id = world.fleet.add_repair_photo(&support(), &code, "", picture.clone()).await.unwrap();
        let sha256 = world.repair(&code).await.photos[0].sha256.clone();
        // As it was before: the picture a file, beside one that was altered and one that belongs to nothing.
        run(world.fleet.db(), &["DELETE FROM repair_picture"]).await;
        assert!(world.fleet.repair_photo(&support(), &code, id).await.is_err());
        let photos = world.fixture.folder.path().join("photos");
        let put = |name: &str, content: &[u8]| {
            let folder = photos.join(&name[..2]);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), content).unwrap();
            folder.join(name)
        };
        let altered = put(&sha256, b"another picture");
        assert_eq!(world.fleet.take_in_photos(TakenFiles::AreRemoved).await.unwrap().taken, 0);
        assert!(altered.exists(), "what is not understood is not removed");
        put(&sha256, &picture);
        let nobodys = put(&hex::encode(Sha256::digest(b"x")), b"x");
        assert_eq!(world.fleet.take_in_photos(TakenFiles::AreRemoved).await.unwrap().taken, 1, "{}", world.name());
        assert_eq!(world.fleet.repair_photo(&support(), &code, id).await.unwrap().1, picture);
        assert!(!photos.join(&sha256[..2]).join(&sha256).exists() && nobodys.exists());
        std::fs::remove_file(nobodys).unwrap();
        assert_eq!(world.fleet.take_in_photos(TakenFiles::AreRemoved).await.unwrap().taken, 0);
        assert!(!photos.exists(), "{}: nothing is left of the folder", world.name());
    }
}

async fn run(db: &store::Db, statements: &[&'static str]) {
    for sql in statements {
        match db {
            store::Db::Sqlite { write, .. } => sqlx::query(*sql).execute(write).await.map(drop).unwrap(),
            store::Db::Postgres(pool) => sqlx::query(*sql).execute(pool).await.map(drop).unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_when_photos_were_files_is_restored_in_place_with_its_pictures() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let picture = b"\xff\xd8\xff\xe0 of before".to_vec();
        let id = world.fleet.add_repair_photo(&support(), &code, "", picture.clone()).await.unwrap();
        let sha256 = world.repair(&code).await.photos[0].sha256.clone();
        let (name, folder) = (world.name(), world.fixture.folder.path());
        let (file, url) = (folder.join("old.muster"), world.fixture.url.as_deref());
        run(world.fleet.db(), store::testing::BEFORE_PHOTOS).await;
        store::backup::write(world.fleet.db(), folder, None, &file, world.fleet.now()).await.unwrap();
        world.fleet.db().close().await;
        // The start of this version made the tables and took the file in, and removed it.
        let now = store::Db::open(folder, url).await.unwrap();
        let mut tx = now.begin().await.unwrap();
        store::repair::attached::add_picture(&mut tx, &sha256, &picture).await.unwrap();
        store::repair::attached::add_picture(&mut tx, "of a repair since", b"x").await.unwrap();
        tx.commit().await.unwrap();
        now.close().await;
        let restored = match url {
            Some(url) => {
                fleet::backup::restore_postgres(&COMMAND, url, folder, &ShelfPlace::Folder, &file, true)
                    .await
                    .unwrap()
                    .1
            }
            None => fleet::backup::restore_sqlite(&COMMAND, folder, &ShelfPlace::Folder, &file, true).await.unwrap(),
        };
        assert!(!restored.missing.iter().any(|why| why.contains("no picture")), "{name}: {restored:?}");
        let db = store::Db::open(folder, url).await.unwrap();
        let again = fleet::Fleet::new(db.clone(), folder.to_owned());
        assert_eq!(again.repair_photo(&support(), &code, id).await.unwrap().1, picture, "{name}");
        let strange = store::repair::attached::picture(&db, "of a repair since").await.unwrap();
        assert_eq!(strange, None, "{name}: only what the backup's photos name");
        db.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_among_the_photos_stops_no_backup() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let (good, bad) = (b"\xff\xd8\xff\xe0 good".to_vec(), b"\xff\xd8\xff\xe0 bad".to_vec());
        let id = world.fleet.add_repair_photo(&support(), &code, "", good.clone()).await.unwrap();
        world.fleet.add_repair_photo(&support(), &code, "", bad.clone()).await.unwrap();
        run(world.fleet.db(), &["DELETE FROM repair_picture"]).await;
        let (name, data) = (world.name(), world.fixture.folder.path());
        let place = |content: &[u8]| {
            let sha256 = hex::encode(Sha256::digest(content));
            let folder = data.join("photos").join(&sha256[..2]);
            std::fs::create_dir_all(&folder).unwrap();
            folder.join(sha256)
        };
        let (readable, altered, nobodys) = (place(&good), place(&bad), place(b"nobody's"));
        std::fs::write(&readable, &good).unwrap();
        std::fs::write(&altered, "altered").unwrap();
        std::fs::write(&nobodys, "nobody's").unwrap();
        // A name that is followed to nothing but itself can't be read, not even by root.
        let circle = data.join("photos/lost+found");
        std::fs::create_dir(&circle).unwrap();
        std::os::unix::fs::symlink("itself", circle.join("itself")).unwrap();
        let backup = async |file: &str| fleet::backup::backup(&world.fleet, &COMMAND, &data.join(file)).await.unwrap();
        let missing = backup("first").await.missing;
        let told = altered.strip_prefix(data).unwrap().display().to_string();
        assert!(
            missing.len() == 1 && missing[0].contains("1 files") && missing[0].contains(&told),
            "{name}: {missing:?}"
        );
        assert_eq!(world.fleet.repair_photo(&support(), &code, id).await.unwrap().1, good, "{name}");
        assert!(readable.exists(), "{name}: a backup removes nothing");
        let taken = world.fleet.take_in_photos(TakenFiles::AreRemoved).await.unwrap();
        assert_eq!((taken.taken, taken.stayed), (1, vec![told]), "{name}");
        assert!(!readable.exists() && altered.exists() && nobodys.exists() && circle.exists());
        // Where the whole folder can't be read, it is that which is told.
        std::fs::remove_dir_all(data.join("photos")).unwrap();
        std::os::unix::fs::symlink("photos", data.join("photos")).unwrap();
        let missing = backup("second").await.missing;
        assert!(missing.len() == 1 && missing[0].ends_with(": photos."), "{name}: {missing:?}");
    }
}

#[tokio::test]
async fn notes_are_kept_in_order() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        for text in ["first", "second"] {
            world.fleet.note_repair(&support(), &code, text).await.unwrap();
        }
        assert!(world.fleet.note_repair(&support(), &code, "  ").await.is_err());
        let texts: Vec<String> = world.repair(&code).await.notes.into_iter().map(|note| note.text).collect();
        assert_eq!(texts, ["first", "second"], "{}", world.name());
    }
}
