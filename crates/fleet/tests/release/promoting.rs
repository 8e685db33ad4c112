//! From stage to stage.

use crate::world::{NOW, field_of, form, manager, operator, pipeline, says, worlds};
use domain::{
    approval::ApprovalState,
    history::Event,
    release::{CheckState, Stage},
    time::{DAY, HOUR},
};
use fleet::{
    Error,
    release::{Promoted, ReleaseForm},
};

#[tokio::test(flavor = "multi_thread")]
async fn gates_say_what_is_missing_and_steps_are_on_record() {
    for world in worlds().await {
        world.rule(Stage::Staging, &["unit"], 0, 0, false).await;
        world.rule(Stage::Production, &["hil"], 48, 1, true).await;
        let id = world.pushed("1.4.2").await;
        says(world.promote(id, Stage::Production).await, "the stage after that is staging");
        says(world.promote(id, Stage::Staging).await, "“unit” was not reported yet");
        world.checked(id, "unit", CheckState::Failed).await;
        says(world.promote(id, Stage::Staging).await, "“unit” failed");
        world.checked(id, "unit", CheckState::Passed).await;
        assert_eq!(world.promote(id, Stage::Staging).await.unwrap(), Promoted::Done);
        says(world.promote(id, Stage::Staging).await, "in staging already");
        let missing = world.promote(id, Stage::Production).await.unwrap_err().to_string();
        for part in ["“hil” was not", "2 d more in staging", "0 of 1 GW-200 device verified by a rollout"] {
            assert!(missing.contains(part), "{missing}");
        }
        world.checked(id, "hil", CheckState::Passed).await;
        world.wait(2 * DAY);
        let mut life = crate::scene::life("GW-1", crate::scene::A, NOW);
        let verified = Event::UpdateVerified { from: None, version: "1.4.2".into() };
        life.history.push(crate::scene::entry(NOW.plus(HOUR), verified));
        world.fleet.seed_devices(&crate::world::RULE, &[life]).await.unwrap();
        // Flashed by hand: no rollout has seen it live with it.
        says(world.promote(id, Stage::Production).await, "0 of 1 GW-200 device verified by a rollout: 1 more");
        world.rule(Stage::Production, &["hil"], 48, 0, true).await;
        let promoted = world.promote(id, Stage::Production).await.unwrap();
        assert_eq!(world.stage(id).await, Stage::Staging);
        assert_eq!(world.promote(id, Stage::Production).await.unwrap(), promoted, "a double click asks once");
        world.approve(promoted).await.unwrap();
        let detail = world.fleet.release(&operator(), id).await.unwrap();
        assert_eq!((detail.release.stage, detail.next), (Stage::Production, None));
        let told: Vec<_> =
            detail.steps.iter().map(|step| (step.stage, step.by.as_str(), step.approved_by.as_str())).collect();
        let (ada, max) = ("ada@muster.example", "max@muster.example");
        let expected = [(Stage::Dev, "ci", ""), (Stage::Staging, ada, ""), (Stage::Production, ada, max)];
        assert_eq!(told, expected, "{}", world.name());
        assert!(detail.steps[2].gates.iter().any(|gate| gate.met && gate.told == "“hil” passed."));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_person_is_another_and_sees_what_is_approved() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        world.promote(id, Stage::Staging).await.unwrap();
        world.wait(DAY);
        let Promoted::Waits(approval) = world.promote(id, Stage::Production).await.unwrap() else { panic!("at once") };
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        let sha256 = &world.fleet.release(&operator(), id).await.unwrap().files[0].sha256;
        assert_eq!(shown.detail["files"][0]["sha256"].as_str(), Some(sha256.as_str()));
        assert_eq!(shown.row.title, "gateway-os 1.4.2 into production");
        let own = crate::world::user(1, "ada", domain::person::Role::Manager);
        assert!(world.fleet.decide(&own, approval, &shown.row.hash, true, "").await.is_err(), "the requester");
        assert!(world.fleet.decide(&operator(), approval, &shown.row.hash, true, "").await.is_err(), "no manager");
        assert!(world.fleet.decide(&manager(), approval, "another", true, "").await.is_err(), "another hash");
        world.fleet.decide(&manager(), approval, &shown.row.hash, false, "Not before the fair").await.unwrap();
        assert_eq!(world.stage(id).await, Stage::Staging);
        let rejected = world.fleet.release(&operator(), id).await.unwrap().approval.unwrap();
        assert_eq!((rejected.state, rejected.reason.as_str()), (ApprovalState::Rejected, "Not before the fair"));
        let second = world.promote(id, Stage::Production).await.unwrap();
        assert_ne!(second, Promoted::Waits(approval));
        world.approve(second).await.unwrap();
        assert_eq!(world.stage(id).await, Stage::Production);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_it_was_asked_for_makes_the_approval_void() {
    for world in worlds().await {
        world.rule(Stage::Production, &["hil"], 0, 0, true).await;
        let id = world.pushed("1.4.2").await;
        world.promote(id, Stage::Staging).await.unwrap();
        world.checked(id, "hil", CheckState::Passed).await;
        let asked = world.promote(id, Stage::Production).await.unwrap();
        world.checked(id, "hil", CheckState::Failed).await;
        says(world.approve(asked).await, "has changed since");
        assert_eq!(world.stage(id).await, Stage::Staging);
        let void = world.fleet.release(&operator(), id).await.unwrap().approval.unwrap();
        assert_eq!(void.state, ApprovalState::Void);
        world.checked(id, "hil", CheckState::Passed).await;
        let asked = world.promote(id, Stage::Production).await.unwrap();
        world.fleet.withdraw_release(&operator(), id, "It forgets the time").await.unwrap();
        says(world.approve(asked).await, "has changed since");
        assert_eq!(world.stage(id).await, Stage::Withdrawn);
        says(world.promote(id, Stage::Production).await, "for good");
        says(world.fleet.release_checked(id).await, "was withdrawn");
        says(world.fleet.withdraw_release(&operator(), id, "again").await, "already");
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_who_promote_at_once_one_does() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        let tries = futures::future::join_all((0..4).map(|_| world.promote(id, Stage::Staging))).await;
        let done = tries.iter().filter(|tried| matches!(tried, Ok(Promoted::Done))).count();
        assert_eq!(done, 1, "{}: {tries:?}", world.name());
        assert!(tries.iter().all(|tried| matches!(tried, Ok(_) | Err(Error::Conflict(_)))), "{tries:?}");
        assert_eq!(world.fleet.release(&operator(), id).await.unwrap().steps.len(), 2);
        world.wait(DAY);
        let asked = futures::future::join_all((0..4).map(|_| world.promote(id, Stage::Production))).await;
        let Ok(Promoted::Waits(first)) = &asked[0] else { panic!("{asked:?}") };
        assert!(asked.iter().all(|tried| matches!(tried, Ok(Promoted::Waits(id)) if id == first)), "{asked:?}");
        assert_eq!(world.fleet.approvals_waiting(&manager()).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_one_file_for_good() {
    for world in worlds().await {
        let image = world.pipeline.image("1.4.2");
        let first = world.push(&image, &form("1.4.2")).await.unwrap();
        let again = world.push(&image, &form("1.4.2")).await.unwrap();
        assert_eq!((again.fresh, again.release.id), (false, first.release.id));
        // ECDSA signs anew each time, so this is another file.
        says(world.push(&world.pipeline.image("1.4.2"), &form("1.4.2")).await, "of another file");
        let narrower = ReleaseForm { revisions: vec!["C".into()], ..form("1.4.2") };
        says(world.push(&image, &narrower).await, "for other models or revisions");
        let images = [world.pipeline.image("2.0"), world.pipeline.image("2.0"), world.pipeline.image("2.0")];
        let wanted = form("2.0");
        let races = futures::future::join_all(images.iter().map(|image| world.push(image, &wanted))).await;
        let fresh = races.iter().filter(|pushed| pushed.as_ref().is_ok_and(|pushed| pushed.fresh)).count();
        assert_eq!(fresh, 1, "{}: {races:?}", world.name());
        for (form, field) in [
            (ReleaseForm { models: Vec::new(), ..form("3") }, "models"),
            (ReleaseForm { models: vec!["GW-999".into()], ..form("3") }, "models"),
            (ReleaseForm { product: "a b".into(), ..form("3") }, "product"),
            (ReleaseForm { version: String::new(), ..form("3") }, "version"),
            (ReleaseForm { notes: "x".repeat(8_001), ..form("3") }, "notes"),
        ] {
            let id = world.sent(&world.pipeline.image("3")).await;
            assert_eq!(field_of(world.fleet.push_release(&pipeline(), &form, id).await), field);
            // What was wrong was not the file: it need not be sent again.
            world.fleet.upload(&pipeline(), id).await.unwrap();
            world.fleet.discard_upload(&pipeline(), id).await.unwrap();
        }
    }
}
