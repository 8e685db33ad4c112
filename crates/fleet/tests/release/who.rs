//! Who may do what.

use crate::world::{form, user, worlds};
use domain::{
    id::UploadId,
    person::Role,
    release::{CheckState, Stage, StageRule},
};
use fleet::{
    Actor, Error, Origin,
    release::{CheckForm, PromotionForm, ReleaseFilter, StageForm, UploadForm},
};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn each_deed_asks_who_does_it() {
    for world in worlds().await {
        let id = world.pushed("1.4.2").await;
        let (fleet, upload) = (&world.fleet, UploadId(Uuid::now_v7()));
        let check = CheckForm { name: "hil".into(), state: CheckState::Passed, url: String::new() };
        let stage = StageForm { stage: Stage::Staging, rule: StageRule::usual(Stage::Staging) };
        let sent = UploadForm { file_name: "a.swu".into(), size: 1, sha256: String::new() };
        let promotion = PromotionForm { to: Stage::Production, reason: String::new() };
        let nobody = Actor::Nobody { origin: Origin::default() };
        let people = Role::ALL.iter().zip(20..).map(|(role, n)| user(n, role.as_str(), *role)).chain([nobody]);
        for who in people {
            let role = who.role();
            let refused =
                |result: Result<(), Error>| matches!(result, Err(Error::Forbidden { .. } | Error::NotSignedIn));
            let pushes = matches!(role, Some(Role::Operator | Role::Admin));
            let withdraws = pushes || role == Some(Role::Manager);
            let deeds = [
                (pushes, fleet.begin_upload(&who, &sent).await.map(drop), "begin"),
                (pushes, fleet.upload(&who, upload).await.map(drop), "upload"),
                (pushes, fleet.discard_upload(&who, upload).await, "discard"),
                (pushes, fleet.push_release(&who, &form("1.4.2"), upload).await.map(drop), "push"),
                (pushes, fleet.report_check(&who, id, &check).await.map(drop), "check"),
                (pushes, fleet.attach_sbom(&who, id, "{}".into()).await.map(drop), "sbom"),
                (pushes, fleet.promote_release(&who, id, &promotion).await.map(drop), "promote"),
                (withdraws, fleet.withdraw_release(&who, id, "").await, "withdraw"),
                (role == Some(Role::Admin), fleet.change_stage_rule(&who, "GW-200", &stage).await, "rule"),
                (role.is_some(), fleet.releases(&who, &ReleaseFilter::default(), None, 0).await.map(drop), "list"),
                (role.is_some(), fleet.release(&who, id).await.map(drop), "one"),
                (role.is_some(), fleet.sbom_components(&who, id, "", 0, 1).await.map(drop), "components"),
            ];
            for (may, done, what) in deeds {
                assert_eq!(refused(done), !may, "{what} by {role:?} on {}", world.name());
            }
        }
        world.chain_holds().await;
    }
}
