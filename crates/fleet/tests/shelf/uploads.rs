//! Files whose pieces come to several nodes that share a bucket.

use crate::{
    patience::until,
    storage::{BUCKET, PREFIX, Storage},
    world::{World, form, operator, worlds},
};
use fleet::{
    Error, Fleet, Result,
    release::{Upload, UploadForm},
};
use futures::stream;
use std::{convert::Infallible, io};
use store::Db;
use tempfile::TempDir;

/// Another node: its own folder and its own connections to the database of a world, and no bucket yet.
async fn node(world: &World) -> (Fleet, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::postgres(world.fixture.url.as_deref().unwrap()).await.unwrap();
    let now = world.fleet.now();
    (Fleet::with_clock(db, folder.path().to_owned(), std::sync::Arc::new(move || now)), folder)
}

/// A world on PostgreSQL.
async fn world() -> World {
    worlds().await.into_iter().find(|world| world.fixture.url.is_some()).unwrap()
}

async fn begun(fleet: &Fleet, content: &[u8]) -> Upload {
    begun_as(fleet, content, "").await
}

/// The same of a file whose SHA-256 is known.
async fn begun_as(fleet: &Fleet, content: &[u8], sha256: &str) -> Upload {
    let size = i64::try_from(content.len()).unwrap();
    let form = UploadForm { file_name: "gateway-os-2.0.swu".to_owned(), size, sha256: sha256.to_owned() };
    fleet.begin_upload(&operator(), &form).await.unwrap()
}

/// The same node after a restart.
async fn restarted(world: &World, node: Fleet, storage: &Storage) -> Fleet {
    node.db().close().await;
    let db = Db::postgres(world.fixture.url.as_deref().unwrap()).await.unwrap();
    let now = world.fleet.now();
    Fleet::with_clock(db, node.folder().to_owned(), std::sync::Arc::new(move || now)).with_shelf(storage.place())
}

/// Where a node has its copy.
fn copy(folder: &TempDir, upload: &Upload) -> std::path::PathBuf {
    folder.path().join("uploads").join(format!("{}.part", upload.id))
}

async fn sends(fleet: &Fleet, upload: &Upload, from: usize, piece: &[u8]) -> Result<Upload> {
    let (from, piece) = (i64::try_from(from).unwrap(), stream::iter([Ok::<_, Infallible>(piece.to_vec())]));
    fleet.append_upload(&operator(), upload.id, from, piece).await
}

fn left(storage: &Storage, upload: &Upload) -> usize {
    storage.files(&format!("uploads/{}", upload.id)).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_node_goes_on_with_a_file_that_came_to_others_and_makes_a_release_of_it() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, second) = (node(&world).await, node(&world).await);
    let third = world.fleet.clone().with_shelf(storage.place());
    let (first, second) = ((first.0.with_shelf(storage.place()), first.1), second.0.with_shelf(storage.place()));
    let image = world.pipeline.image("2.0");
    let (a, b, c) = (image.len() / 4, image.len() / 2, image.len() - 7);
    let upload = begun(&first.0, &image).await;
    sends(&first.0, &upload, 0, &image[..a]).await.unwrap();
    // Its sender breaks off in the middle; what came is kept.
    let broken = stream::iter([Ok(image[a..b].to_vec()), Err(io::Error::other("gone"))]);
    let told = second.append_upload(&operator(), upload.id, i64::try_from(a).unwrap(), broken).await;
    assert!(matches!(told, Err(Error::Conflict(_))), "{told:?}");
    assert_eq!(third.upload(&operator(), upload.id).await.unwrap().received, i64::try_from(b).unwrap());
    // The first node is behind, and comes again.
    let behind = sends(&first.0, &upload, a, &image[a..b]).await;
    assert!(matches!(&behind, Err(Error::Conflict(why)) if why.contains(&b.to_string())), "{behind:?}");
    sends(&first.0, &upload, b, &image[b..c]).await.unwrap();
    // And is lost with its disk.
    first.0.db().close().await;
    drop(first);
    sends(&second, &upload, c, &image[c..]).await.unwrap();
    assert_eq!(left(&storage, &upload), 4);
    let pushed = third.push_release(&operator(), &form("2.0"), upload.id).await.unwrap();
    assert!(pushed.fresh);
    let file = store::artifact::of_release(third.db(), pushed.release.id).await.unwrap().remove(0);
    assert!(storage.files("").contains(&file.sha256));
    until("its pieces are gone", async || left(&storage, &upload) == 0).await;
    let again = second.push_release(&operator(), &form("2.0"), upload.id).await.unwrap();
    assert_eq!((again.fresh, again.release.id), (false, pushed.release.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_that_take_the_same_piece_one_counts_it() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, _first_folder) = node(&world).await;
    let (first, second) = (first.with_shelf(storage.place()), world.fleet.clone().with_shelf(storage.place()));
    let image = world.pipeline.image("2.0");
    let upload = begun(&first, &image).await;
    let mut here = 0;
    for part in image.chunks(image.len().div_ceil(5)) {
        let both = tokio::join!(sends(&first, &upload, here, part), sends(&second, &upload, here, part));
        let (counted, refused) = if both.0.is_ok() { both } else { (both.1, both.0) };
        here += part.len();
        assert_eq!(counted.unwrap().received, i64::try_from(here).unwrap());
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    assert!(first.push_release(&operator(), &form("2.0"), upload.id).await.unwrap().fresh);
    until("its pieces are gone", async || left(&storage, &upload) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pushes_one_file_at_the_same_time_at_two_nodes_gets_its_one_release() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, _first_folder) = node(&world).await;
    let (first, second) = (first.with_shelf(storage.place()), world.fleet.clone().with_shelf(storage.place()));
    for version in ["2.0", "2.1", "2.2"] {
        let (image, ours, operator) = (world.pipeline.image(version), form(version), operator());
        let upload = begun(&first, &image).await;
        sends(&second, &upload, 0, &image).await.unwrap();
        let push = async |node: &Fleet| until_free(async || node.push_release(&operator, &ours, upload.id).await).await;
        let pushed = tokio::join!(push(&first), push(&first), push(&second), push(&second));
        let pushed = [pushed.0, pushed.1, pushed.2, pushed.3];
        assert_eq!(pushed.iter().filter(|pushed| pushed.fresh).count(), 1, "{pushed:?}");
        assert!(pushed.iter().all(|one| one.release.id == pushed[0].release.id), "{pushed:?}");
    }
}

/// What is done once nobody else has the file.
async fn until_free<T>(mut done: impl AsyncFnMut() -> Result<T>) -> T {
    let mut made = None;
    until("nobody else has the file", async || {
        made = match done().await {
            Err(Error::Conflict(why)) if why.contains("Another request") => None,
            Err(Error::Busy | Error::Contended) => None,
            done => Some(done.unwrap()),
        };
        made.is_some()
    })
    .await;
    made.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_go_with_their_upload_even_if_the_bucket_is_away_then() {
    let (world, mut storage) = (world().await, Storage::start().await);
    let (first, _folder) = node(&world).await;
    let (first, second) = (first.with_shelf(storage.place()), world.fleet.clone().with_shelf(storage.place()));
    let upload = begun(&first, b"0123456789").await;
    sends(&first, &upload, 0, b"0123").await.unwrap();
    second.discard_upload(&operator(), upload.id).await.unwrap();
    until("its pieces are gone", async || left(&storage, &upload) == 0).await;
    assert!(matches!(sends(&first, &upload, 4, b"4567").await, Err(Error::NotFound { .. })));

    let upload = begun(&first, b"0123456789").await;
    sends(&first, &upload, 0, b"0123").await.unwrap();
    storage.stop().await;
    assert!(matches!(sends(&second, &upload, 4, b"4567").await, Err(Error::Away(_))), "what is here can't be had");
    second.discard_upload(&operator(), upload.id).await.unwrap();
    storage.start_again().await;
    first.sweep_release_files().await.unwrap();
    until("its pieces are swept", async || left(&storage, &upload) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_known_to_be_right_is_made_anew() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, folder) = node(&world).await;
    let first = first.with_shelf(storage.place());
    let image = world.pipeline.image("2.0");
    let (a, b) = (image.len() / 4, image.len() / 2);
    let upload = begun(&first, &image).await;
    sends(&first, &upload, 0, &image[..a]).await.unwrap();
    // What was not counted when the process was killed.
    std::fs::write(copy(&folder, &upload), vec![b'x'; b]).unwrap();
    let first = restarted(&world, first, &storage).await;
    sends(&first, &upload, a, &image[a..b]).await.unwrap();
    std::fs::remove_file(copy(&folder, &upload)).unwrap();
    sends(&first, &upload, b, &image[b..]).await.unwrap();
    assert_eq!(std::fs::read(copy(&folder, &upload)).unwrap(), image);
    assert!(first.push_release(&operator(), &form("2.0"), upload.id).await.unwrap().fresh);
    // Another node had a copy, too.
    let other = world.fleet.clone().with_shelf(storage.place());
    let left_there = world.fixture.folder.path().join("uploads").join(format!("{}.part", upload.id));
    std::fs::create_dir_all(left_there.parent().unwrap()).unwrap();
    std::fs::write(&left_there, &image).unwrap();
    other.sweep_release_files().await.unwrap();
    assert!(!left_there.exists(), "a release was made of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_at_one_node_alone_stays_its_own_when_there_is_a_bucket() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, folder) = node(&world).await;
    let upload = begun(&first, b"0123456789").await;
    sends(&first, &upload, 0, b"0123").await.unwrap();
    let first = restarted(&world, first, &storage).await;
    sends(&first, &upload, 4, b"45").await.unwrap();
    let first = restarted(&world, first, &storage).await;
    sends(&first, &upload, 6, b"6789").await.unwrap();
    assert_eq!(std::fs::read(copy(&folder, &upload)).unwrap(), b"0123456789");
    let other = world.fleet.clone().with_shelf(storage.place());
    assert!(matches!(other.upload(&operator(), upload.id).await, Err(Error::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_is_gone_on_with_at_any_node_unless_a_piece_of_it_is_lost() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, _folder) = node(&world).await;
    let (first, second) = (first.with_shelf(storage.place()), world.fleet.clone().with_shelf(storage.place()));
    let hash = "ab".repeat(32);
    let upload = begun_as(&first, b"0123456789", &hash).await;
    sends(&first, &upload, 0, b"0123").await.unwrap();
    let found = begun_as(&second, b"0123456789", &hash).await;
    assert_eq!((found.id, found.received), (upload.id, 4));
    for name in storage.files(&format!("uploads/{}", upload.id)) {
        std::fs::remove_file(
            storage.folder.path().join(BUCKET).join(PREFIX).join("uploads").join(upload.id.to_string()).join(name),
        )
        .unwrap();
    }
    assert!(matches!(sends(&second, &upload, 4, b"4567").await, Err(Error::NotFound { .. })), "a piece is gone");
    let anew = begun_as(&second, b"0123456789", &hash).await;
    assert_ne!(anew.id, upload.id);
    assert_eq!(anew.received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_crumbs_is_refused_before_it_fills_the_bucket() {
    let (world, storage) = (world().await, Storage::start().await);
    let fleet = world.fleet.clone().with_shelf(storage.place());
    let hash = "cd".repeat(32);
    let upload = begun_as(&fleet, &[b'x'; 400], &hash).await;
    let mut taken = 0;
    let refused = loop {
        match sends(&fleet, &upload, taken, b"x").await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&refused, Error::TooLarge(why) if why.contains("larger ones")), "{refused:?}");
    assert_eq!((taken, left(&storage, &upload)), (200, 200));
    let anew = begun_as(&fleet, &[b'x'; 400], &hash).await;
    assert_eq!((anew.id == upload.id, anew.received), (false, 0), "nobody can go on with the other");
    sends(&fleet, &anew, 0, &[b'x'; 400]).await.unwrap();
    fleet.sweep_release_files().await.unwrap();
    assert_eq!((left(&storage, &upload), left(&storage, &anew)), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_bucket_takes_nothing_for_it() {
    let (world, storage) = (world().await, Storage::start().await);
    let (first, folder) = node(&world).await;
    let first = first.with_shelf(storage.place());
    let hash = "ef".repeat(32);
    let upload = begun_as(&first, b"0123456789", &hash).await;
    let now = world.fleet.now();
    let without = Fleet::with_clock(first.db().clone(), folder.path().to_owned(), std::sync::Arc::new(move || now));
    assert!(matches!(sends(&without, &upload, 0, b"0123").await, Err(Error::NotFound { .. })));
    let anew = begun_as(&without, b"0123456789", &hash).await;
    assert_ne!(anew.id, upload.id);
    assert_eq!(sends(&without, &anew, 0, b"0123").await.unwrap().received, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_a_file_is_where_it_was_begun() {
    let world = world().await;
    let (first, _folder) = node(&world).await;
    let upload = begun(&first, b"0123456789").await;
    sends(&first, &upload, 0, b"0123").await.unwrap();
    assert!(matches!(sends(&world.fleet, &upload, 4, b"4567").await, Err(Error::NotFound { .. })));
    assert_eq!(sends(&first, &upload, 4, b"4567").await.unwrap().received, 8);
}
