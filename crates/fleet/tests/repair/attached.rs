//! Notes and photos.

use crate::world::{World, support, worlds};
use sha2::{Digest, Sha256};

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
        match world.fleet.db() {
            store::Db::Sqlite { write, .. } => {
                sqlx::query("DELETE FROM repair_picture").execute(write).await.map(drop).unwrap();
            }
            store::Db::Postgres(pool) => {
                sqlx::query("DELETE FROM repair_picture").execute(pool).await.map(drop).unwrap();
            }
        }
        assert!(world.fleet.repair_photo(&support(), &code, id).await.is_err());
        let photos = world.fixture.folder.path().join("photos");
        let put = |name: &str, content: &[u8]| {
            let folder = photos.join(&name[..2]);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), content).unwrap();
            folder.join(name)
        };
        let altered = put(&sha256, b"another picture");
        assert_eq!(world.fleet.take_in_photos().await.unwrap(), 0);
        assert!(altered.exists(), "what is not understood is not removed");
        put(&sha256, &picture);
        let nobodys = put(&hex::encode(Sha256::digest(b"x")), b"x");
        assert_eq!(world.fleet.take_in_photos().await.unwrap(), 1, "{}", world.name());
        assert_eq!(world.fleet.repair_photo(&support(), &code, id).await.unwrap().1, picture);
        assert!(!photos.join(&sha256[..2]).join(&sha256).exists() && nobodys.exists());
        std::fs::remove_file(nobodys).unwrap();
        assert_eq!(world.fleet.take_in_photos().await.unwrap(), 0);
        assert!(!photos.exists(), "{}: nothing is left of the folder", world.name());
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
