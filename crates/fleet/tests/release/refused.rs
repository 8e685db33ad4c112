//! What is refused, at each of the three points: when it comes, when it goes on, and before a device gets it.

use crate::world::{NOW, Pen, ROOTFS, World, field_of, form, operator, pen, pipeline, root, says, template, worlds};
use domain::{certificate::RevocationReason, release::Stage, revocation::RevocationAct, time::DAY};
use fleet::{
    Error,
    release::ReleaseForm,
    revocation::{RevokeForm, Selection},
};
use pki::{Certificate, Issuer, KeyAlgorithm, Profile, Signer, SoftwareKey};
use simulator::image::Image;
use std::sync::Arc;

async fn revoke(world: &World, pen: &Pen, act: RevocationAct) {
    let issuer = pen.certificate.authority_key_id().unwrap();
    let all = store::authority::all(world.fleet.db()).await.unwrap();
    let authority = all.iter().find(|authority| authority.key_id == issuer).unwrap();
    let selection = Selection::Certificate { authority: authority.slug.clone(), serial: pen.certificate.serial_hex() };
    let preview = world.fleet.preview(&operator(), &selection, act).await.unwrap();
    let form = RevokeForm {
        selection,
        act,
        reason: RevocationReason::KeyCompromise,
        note: "stolen".into(),
        preview_hash: preview.hash,
        confirmation: preview.confirm_word,
    };
    world.fleet.revoke(&operator(), &form).await.unwrap();
}

/// A certificate for signing code that says what ours say, of somebody else's operations CA.
fn foreign(key: &SoftwareKey) -> Certificate {
    let above = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let until = NOW.plus(900 * DAY);
    let operations = template(Profile::OperationsCa, "Operations", above.public_key(), until);
    let operations = Issuer::new(pki::issue(&operations, &root("Stranger")).unwrap(), Arc::new(above)).unwrap();
    let signing = template(Profile::CodeSigning, "Builds", key.public_key(), NOW.plus(90 * DAY));
    pki::issue(&signing, &operations).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_ours_does_not_come_in() {
    for world in worlds().await {
        let good = world.pipeline.image("1.4.2");
        let image = Image { version: "1.4.2", hardware: &["C"], files: &[("rootfs.bin", ROOTFS)] };
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let foreign = foreign(&key);
        let tampered = {
            let mut bytes = good.clone();
            let at = bytes.windows(ROOTFS.len()).position(|part| part == ROOTFS).unwrap();
            bytes[at] ^= 1;
            bytes
        };
        let other = world.pipeline.image("9.9.9");
        let description = image.description();
        let of_other = simulator::image::detached(b"something else", &world.pipeline.certificate, &world.pipeline.key);
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("not signed", image.archive(&description, None)),
            ("not one of ours", image.signed(&foreign, &key).unwrap()),
            ("cpio checksum is wrong", tampered),
            ("cut off", good[..good.len() - 700].to_vec()),
            ("changed after it was signed", image.archive(&description, Some(&of_other.unwrap()))),
            ("no SWUpdate image", b"no archive at all".to_vec()),
        ];
        for (part, content) in cases {
            let id = world.sent(&content).await;
            let refused = world.fleet.push_release(&pipeline(), &form("1.4.2"), id).await;
            let Err(Error::Invalid { fields }) = &refused else { panic!("{part}: {refused:?}") };
            assert_eq!(fields[0].field, "file", "{}", world.name());
            assert!(fields[0].message.contains(part), "{}", fields[0].message);
            // It is not kept.
            assert!(matches!(world.fleet.upload(&pipeline(), id).await, Err(Error::NotFound { .. })));
        }
        assert_eq!(field_of(world.push(&other, &form("1.4.2")).await), "version");
        let revisions = ReleaseForm { revisions: vec!["A".into()], ..form("1.4.2") };
        assert_eq!(field_of(world.push(&good, &revisions).await), "revisions");
        let page = world.fleet.releases(&operator(), &fleet::release::ReleaseFilter::default(), None, 0).await.unwrap();
        assert!(page.rows.is_empty());
        let shelf = std::fs::read_dir(world.shelf("")).map_or(0, Iterator::count);
        assert_eq!(shelf, 0, "what is refused is not on the shelf");
        assert!(world.push(&good, &form("1.4.2")).await.unwrap().fresh);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_held_signer_is_refused_at_each_point() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        world.fleet.release_checked(id).await.unwrap();
        world.fleet.release_stands(id).await.unwrap();
        revoke(&world, &world.pipeline, RevocationAct::Hold).await;
        for refused in [
            world.push(&world.pipeline.image("1.4.3"), &form("1.4.3")).await.err(),
            world.promote(id, Stage::Staging).await.err(),
            world.fleet.release_checked(id).await.err(),
            world.fleet.release_stands(id).await.err(),
        ] {
            says::<()>(Err(refused.unwrap()), "is on hold since");
        }
        revoke(&world, &world.pipeline, RevocationAct::Release).await;
        world.promote(id, Stage::Staging).await.unwrap();
        revoke(&world, &world.pipeline, RevocationAct::Revoke).await;
        world.wait(2 * DAY);
        for refused in [
            world.push(&world.pipeline.image("1.4.3"), &form("1.4.3")).await.err(),
            world.promote(id, Stage::Production).await.err(),
            world.fleet.release_checked(id).await.err(),
            world.fleet.release_stands(id).await.err(),
        ] {
            says::<()>(Err(refused.unwrap()), "was revoked on");
        }
        let detail = world.fleet.release(&operator(), id).await.unwrap();
        assert!(detail.unsafe_because.unwrap().contains("key compromised"));
        assert_eq!(world.stage(id).await, Stage::Staging);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_whose_time_is_over_is_refused_at_each_point() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        world.wait(91 * DAY);
        for refused in [
            world.push(&world.pipeline.image("1.4.3"), &form("1.4.3")).await.err(),
            world.promote(id, Stage::Staging).await.err(),
            world.fleet.release_checked(id).await.err(),
            world.fleet.release_stands(id).await.err(),
        ] {
            let refused = refused.unwrap().to_string();
            assert!(refused.contains("ended") || refused.contains("expired"), "{refused}");
        }
        // Signed by one that holds, it is another file, and needs another version.
        let next = pen(&world.fleet, "Builds 2").await;
        says(world.push(&next.image("1.4.2"), &form("1.4.2")).await, "of another file");
        assert!(world.push(&next.image("1.4.3"), &form("1.4.3")).await.unwrap().fresh);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_altered_on_the_shelf_goes_nowhere_until_it_is_put_back() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        let file = world.fleet.release(&operator(), id).await.unwrap().files.remove(0);
        let path = world.shelf(&file.sha256);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let at = bad.windows(ROOTFS.len()).position(|part| part == ROOTFS).unwrap();
        bad[at] ^= 1;
        // Another good image in its place is not it, either.
        for altered in [bad, good[..good.len() / 2].to_vec(), world.pipeline.image("1.4.1")] {
            std::fs::write(&path, altered).unwrap();
            assert_eq!(field_of(world.promote(id, Stage::Staging).await), "file");
            assert_eq!(field_of(world.fleet.release_checked(id).await), "file");
        }
        std::fs::remove_file(&path).unwrap();
        says(world.fleet.release_checked(id).await, "push it again");
        let again = world.push(&good, &form("1.4.2")).await.unwrap();
        assert_eq!((again.fresh, again.release.id), (false, id));
        world.fleet.release_checked(id).await.unwrap();
        world.promote(id, Stage::Staging).await.unwrap();
    }
}
