//! What is kept of what comes in: nothing that is refused, nothing that a killed process left, and nobody's room but one's own.

use crate::world::{World, form, operator, pen, pipeline, says, worlds};
use bytes::Bytes;
use domain::{audit::Outcome, release::Stage, time::DAY};
use fleet::{
    AuditFilter, Error,
    release::{ReleaseForm, UploadForm},
    setting::Settings,
};
use simulator::image::Image;
use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

fn on_shelf(world: &World) -> usize {
    fs::read_dir(world.shelf("")).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_withdrawn_comes_back_under_no_name() {
    for world in worlds().await {
        let image = world.pipeline.image("1.4.2");
        let id = world.push(&image, &form("1.4.2")).await.unwrap().release.id;
        world.fleet.withdraw_release(&operator(), id, "it loses its network").await.unwrap();
        says(world.push(&image, &form("1.4.2")).await, "withdrawn for good");
        let other = ReleaseForm { product: "gateway-os2".into(), ..form("1.4.2") };
        says(world.push(&image, &other).await, "the file of gateway-os 1.4.2, which was withdrawn");
        assert_eq!(world.stage(id).await, Stage::Withdrawn);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_on_the_shelf() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        let document = |name: &str| {
            Bytes::from(format!(
                r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{{"type":"library","name":"{name}","version":"1"}}]}}"#
            ))
        };
        world.fleet.attach_sbom(&pipeline(), id, document("zlib")).await.unwrap();
        assert_eq!(on_shelf(&world), 2);
        says(world.fleet.attach_sbom(&pipeline(), id, document("openssl")).await, "has a bill of materials already");
        let next = pen(&world.fleet, "Builds 2").await;
        says(world.push(&next.image("1.4.2"), &form("1.4.2")).await, "of another file");
        assert_eq!(on_shelf(&world), 2, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_is_swept_and_nothing_else() {
    for world in worlds().await {
        world.pushed("1.4.2").await;
        let wanted = UploadForm { file_name: "a.swu".into(), size: 10, sha256: String::new() };
        let known = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap().id;
        let uploads = world.fixture.folder.path().join("uploads");
        let part = |id: &str| uploads.join(format!("{id}.part"));
        let (left, fresh) = ("01936e5a-0000-7000-8000-000000000001", "01936e5a-0000-7000-8000-000000000002");
        let being_put = world.shelf(&format!("{}#1", "a".repeat(64)));
        for path in [part(left), part(fresh), being_put.clone()] {
            fs::write(path, "left").unwrap();
        }
        let file = fs::read_dir(world.shelf("")).unwrap().map(|file| file.unwrap().path());
        let files: Vec<_> = file.filter(|path| *path != being_put).collect();
        let long_ago = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
        for path in [part(left), part(&known.to_string()), being_put.clone()].iter().chain(&files) {
            File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
        }
        world.fleet.sweep_release_files().await.unwrap();
        let there = [part(left), part(fresh), part(&known.to_string()), being_put].map(|path| path.exists());
        assert_eq!(there, [false, true, true, false], "{}", world.name());
        assert!(!files.is_empty() && files.iter().all(|path| path.exists()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_program_can_not_keep_all_others_out() {
    for world in worlds().await {
        let settings = world.fleet.settings(&operator()).await.unwrap();
        let settings = Settings { release_mib: 8 << 10, ..settings };
        world.fleet.save_settings(&crate::world::admin(), &settings).await.unwrap();
        let wanted = UploadForm { file_name: "a.swu".into(), size: 6 << 30, sha256: String::new() };
        for _ in 0..2 {
            world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap();
        }
        let more = world.fleet.begin_upload(&pipeline(), &wanted).await;
        assert!(matches!(more, Err(Error::NoRoom(_))), "{}", world.name());
        world.fleet.begin_upload(&operator(), &wanted).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_file_is_gone_begins_anew_and_none_lasts_for_ever() {
    for world in worlds().await {
        let wanted = UploadForm { file_name: "a.swu".into(), size: 100, sha256: "a".repeat(64) };
        let first = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap();
        fs::remove_file(world.fixture.folder.path().join("uploads").join(format!("{}.part", first.id))).unwrap();
        let second = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap();
        assert_ne!(first.id, second.id, "{}", world.name());
        // A byte a day.
        let mut here = 0;
        let ended = loop {
            let byte = futures::stream::iter([Ok::<_, std::io::Error>(vec![1])]);
            match world.fleet.append_upload(&pipeline(), second.id, here, byte).await {
                Ok(upload) => here = upload.received,
                Err(error) => break error,
            }
            world.wait(DAY - 1);
        };
        assert!(matches!(ended, Error::NotFound { .. }), "{}: {ended}", world.name());
        assert!((7..=8).contains(&here), "{}: {here}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pushes_of_one_upload_none_breaks() {
    for world in worlds().await {
        // Several times: by how far one is ahead is chance.
        for version in ["1.4.2", "1.4.3", "1.4.4", "1.4.5"] {
            let upload = world.sent(&world.pipeline.image(version)).await;
            let (ci, form) = (pipeline(), form(version));
            let push = async || loop {
                match world.fleet.push_release(&ci, &form, upload).await {
                    // A machine that stands still for seconds.
                    Err(Error::Busy) => {}
                    done => break done,
                }
            };
            let (first, second) = tokio::join!(push(), push());
            let told = format!("{}: {first:?} {second:?}", world.name());
            let made =
                [&first, &second].iter().filter(|pushed| pushed.as_ref().is_ok_and(|pushed| pushed.fresh)).count();
            assert_eq!(made, 1, "{told}");
            for pushed in [first, second] {
                assert!(matches!(pushed, Ok(_) | Err(Error::Conflict(_))), "{told}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_discards_a_file_while_it_is_checked_stays_on_record_if_it_is_refused() {
    let content = vec![b'x'; 16 << 20];
    for world in worlds().await {
        let image = Image { version: "1.4.2", hardware: &["B"], files: &[("rootfs.bin", &content)] };
        let image = image.signed(&world.pipeline.certificate, &world.pipeline.key).unwrap();
        let size = i64::try_from(image.len()).unwrap();
        let mut later = (0..60).map(|n| Duration::from_millis(5 * n)).cycle();
        let mut rounds = 0;
        loop {
            let wanted = UploadForm { file_name: "a.swu".into(), size, sha256: "0".repeat(64) };
            let upload = world.fleet.begin_upload(&pipeline(), &wanted).await.unwrap().id;
            let arriving = futures::stream::iter([Ok::<_, std::io::Error>(image.clone())]);
            world.fleet.append_upload(&pipeline(), upload, 0, arriving).await.unwrap();
            let (ci, form, wait) = (pipeline(), form("1.4.2"), later.next().unwrap_or_default());
            let discard = async {
                tokio::time::sleep(wait).await;
                world.fleet.discard_upload(&ci, upload).await
            };
            let (pushed, discarded) = tokio::join!(world.fleet.push_release(&ci, &form, upload), discard);
            let is_refused = matches!(pushed, Err(Error::Invalid { .. }));
            let log = world.fleet.audit_log(&crate::world::admin(), &AuditFilter::default(), 5).await.unwrap();
            let of_it = log.iter().filter(|entry| entry.record.subject == format!("upload:{upload}"));
            let denied = of_it.filter(|entry| entry.record.outcome == Outcome::Denied).count();
            assert_eq!(denied, usize::from(is_refused), "{}: {pushed:?}", world.name());
            if is_refused && discarded.is_ok() {
                break;
            }
            rounds += 1;
            assert!(rounds < 120, "{}: it was never discarded while it was checked", world.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_belongs_to_the_first_release_that_was_made_of_it() {
    for world in worlds().await {
        let upload = world.sent(&world.pipeline.image("1.4.2")).await;
        let (first, second) = (world.pushed("1.4.3").await, world.pushed("1.4.4").await);
        let used = async |release| {
            let mut tx = world.fleet.db().begin().await.unwrap();
            let used = store::upload::used(&mut tx, upload, release).await.unwrap();
            tx.commit().await.unwrap();
            used
        };
        assert!(used(first).await && used(first).await && !used(second).await, "{}", world.name());
        let mut tx = world.fleet.db().begin().await.unwrap();
        assert!(!store::upload::forget_unfinished(&mut tx, upload).await.unwrap());
        tx.commit().await.unwrap();
        let told = world.fleet.push_release(&pipeline(), &form("1.4.2"), upload).await;
        assert!(matches!(&told, Err(Error::Conflict(why)) if why.contains("1.4.3")), "{}: {told:?}", world.name());
    }
}
