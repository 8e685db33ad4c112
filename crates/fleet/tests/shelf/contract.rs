//! What is put on the shelf, read from it, and what is not there.

use crate::{
    storage::{Ground, grounds},
    world::{Pen, form, operator, pipeline, says},
};
use bytes::Bytes;
use domain::release::Stage;
use fleet::{Error, release::UploadForm};
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use simulator::image::Image;
use std::{fs, io};

/// An image that is longer than two parts.
fn large(pen: &Pen, version: &str) -> Vec<u8> {
    let content: Vec<u8> = (0_u32..5 << 20).flat_map(u32::to_le_bytes).collect();
    let image = Image { version, hardware: &["B"], files: &[("rootfs.bin", &content)] };
    image.signed(&pen.certificate, &pen.key).unwrap()
}

async fn part(ground: &Ground, sha256: &str, from: usize, to: usize) -> Vec<u8> {
    let stream = ground.world.fleet.artifact_stream(sha256, from as u64..to as u64).await.unwrap();
    stream.map(Result::unwrap).collect::<Vec<_>>().await.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_lies_there_whole_and_any_part_of_it_is_given() {
    for ground in grounds().await {
        let world = &ground.world;
        let image = large(&world.pipeline, "2.0.0");
        let sha256 = hex::encode(Sha256::digest(&image));
        let id = world.push(&image, &form("2.0.0")).await.unwrap().release.id;
        assert_eq!(ground.names(), [sha256.as_str()], "{}", ground.name());
        assert!(fs::read(ground.path(&sha256)).unwrap() == image, "{}", ground.name());
        let end = image.len();
        for (from, to) in [(0, 1), (0, end), (8 << 20, (8 << 20) + 1), ((8 << 20) - 3, (16 << 20) + 3), (end - 1, end)]
        {
            assert!(part(&ground, &sha256, from, to).await == image[from..to], "{}: {from}..{to}", ground.name());
        }
        world.fleet.release_checked(id).await.unwrap();
        world.promote(id, Stage::Staging).await.unwrap();
        let document = br#"{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"zlib","version":"1.3"}]}"#;
        world.fleet.attach_sbom(&pipeline(), id, Bytes::from_static(document)).await.unwrap();
        assert_eq!(world.fleet.sbom_document(&operator(), id).await.unwrap().document, &document[..]);
        assert_eq!(ground.names().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_altered_or_gone_is_refused_until_it_is_put_back() {
    for ground in grounds().await {
        let world = &ground.world;
        let image = world.pipeline.image("1.4.2");
        let sha256 = hex::encode(Sha256::digest(&image));
        let id = world.push(&image, &form("1.4.2")).await.unwrap().release.id;
        for altered in
            [image[..image.len() - 1].to_vec(), [&image[..], b"more"].concat(), world.pipeline.image("1.4.3")]
        {
            fs::write(ground.path(&sha256), altered).unwrap();
            assert!(world.fleet.release_checked(id).await.is_err(), "{}", ground.name());
            assert!(world.promote(id, Stage::Staging).await.is_err());
        }
        fs::remove_file(ground.path(&sha256)).unwrap();
        says(world.fleet.release_checked(id).await, "push it again");
        says(world.fleet.artifact_stream(&sha256, 0..5).await.map(drop), "push it again");
        assert!(!world.push(&image, &form("1.4.2")).await.unwrap().fresh);
        world.promote(id, Stage::Staging).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_pieces_and_what_is_given_up() {
    for ground in grounds().await {
        let world = &ground.world;
        let image = large(&world.pipeline, "2.0.0");
        let size = i64::try_from(image.len()).unwrap();
        let wanted = UploadForm { file_name: "a.swu".into(), size, sha256: String::new() };
        let id = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap().id;
        let piece = |range: std::ops::Range<usize>| stream::iter([Ok::<_, io::Error>(image[range].to_vec())]);
        let broken = piece(0..9 << 20).chain(stream::iter([Err(io::Error::other("reset"))]));
        says(world.fleet.append_upload(&pipeline(), id, 0, broken).await, "go on from there");
        let here = world.fleet.upload(&pipeline(), id).await.unwrap().received;
        assert_eq!(here, 9 << 20);
        assert!(ground.names().is_empty(), "{}: what is not whole is on no shelf", ground.name());
        world.fleet.append_upload(&pipeline(), id, here, piece(9 << 20..image.len())).await.unwrap();
        let given_up = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap().id;
        world.fleet.append_upload(&pipeline(), given_up, 0, piece(0..100)).await.unwrap();
        world.fleet.discard_upload(&pipeline(), given_up).await.unwrap();
        assert!(world.fleet.push_release(&pipeline(), &form("2.0.0"), id).await.unwrap().fresh);
        assert_eq!(ground.names().len(), 1);
        world.chain_holds().await;
    }
}

/// The file that was sent stays where it came until it is on the shelf and in the database.
#[tokio::test(flavor = "multi_thread")]
async fn storage_that_breaks_off_costs_no_file() {
    for mut ground in grounds().await {
        let Some(storage) = &mut ground.storage else { continue };
        let world = &ground.world;
        let image = large(&world.pipeline, "2.0.0");
        let upload = world.sent(&image).await;
        storage.stop().await;
        let failed = world.fleet.push_release(&pipeline(), &form("2.0.0"), upload).await;
        assert!(matches!(failed, Err(Error::Away(_))), "{failed:?}");
        storage.start_again().await;
        assert!(ground.names().is_empty());
        let pushed = world.fleet.push_release(&pipeline(), &form("2.0.0"), upload).await.unwrap();
        assert!(pushed.fresh);
        let sha256 = hex::encode(Sha256::digest(&image));
        assert!(part(&ground, &sha256, 0, image.len()).await == image);
        // A download that breaks off says so, and is no shorter file.
        let mut stream = ground.world.fleet.artifact_stream(&sha256, 0..image.len() as u64).await.unwrap();
        let first = stream.try_next().await.unwrap().unwrap().len();
        ground.storage.as_mut().unwrap().stop().await;
        let rest: Result<Vec<Bytes>, _> = stream.try_collect().await;
        let whole = rest.as_ref().is_ok_and(|rest| first + rest.iter().map(Bytes::len).sum::<usize>() == image.len());
        assert!(rest.is_err() || whole, "it ended as if it were whole");
    }
}
