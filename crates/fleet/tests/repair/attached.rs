//! Notes and photos.

use crate::world::{support, worlds};

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

/// How many files there are beneath a folder, those of photos that are being written too.
fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn what_is_refused_leaves_no_file() {
    for world in worlds().await {
        let code = world.open("GW-1").await;
        let most = usize::try_from(domain::repair::PHOTOS_MAX).unwrap();
        let add = async |n: usize| {
            let picture = format!("\u{0}{n}").into_bytes();
            let picture = [b"\xff\xd8\xff\xe0".as_slice(), &picture].concat();
            world.fleet.add_repair_photo(&support(), &code, "", picture).await
        };
        for n in 0..most {
            add(n).await.unwrap();
        }
        let folder = world.fixture.folder.path().join("photos");
        assert_eq!(files(&folder), most);
        // Sent again, one too many, and two at once.
        assert!(add(0).await.is_err());
        let (one, two) = tokio::join!(add(most), add(most + 1));
        assert!(one.is_err() && two.is_err());
        assert_eq!(files(&folder), most, "{}", world.name());
        let other = world.open("GW-2").await;
        let same = b"\xff\xd8\xff\xe0\x000".to_vec();
        for _ in 0..2 {
            world.fleet.add_repair_photo(&support(), &other, "", same.clone()).await.unwrap();
        }
        assert_eq!(files(&folder), most, "{}: one file for one picture", world.name());
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
