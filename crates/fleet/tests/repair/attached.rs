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
