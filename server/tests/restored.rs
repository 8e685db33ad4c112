//! `muster restored`: what a database that went back in time by other means is told.

use crate::{
    commands::{command, says},
    field::{A, Field, PASSPHRASE, manager, operator},
    patience::until,
    pipeline::{Pipeline, plan},
    rollouts::approve,
};
use domain::{device::Trust, revocation::RevocationAct, rollout::RolloutState};
use fleet::{
    Actor, Fleet, Keys, Origin,
    revocation::Selection,
    rollout::{Abort, Resume},
};
use pki::Passphrase;
use std::path::Path;
use store::{
    Db,
    testing::{Cluster, Fixture},
};
use tempfile::TempDir;

fn add(email: &str) -> [&str; 5] {
    ["user", "add", email, "--role", "admin"]
}

#[test]
fn while_a_console_works_nothing_is_held_back() {
    let folder = TempDir::new().unwrap();
    says(folder.path(), &add("ada@b.example"), 0);
    says(folder.path(), &["restored"], 0);
    says(folder.path(), &["audit", "verify"], 0);
    // Taken last: a program that another test starts at this moment would keep it for a moment longer.
    let _lock = server::data::Lock::take(folder.path()).unwrap();
    let said = says(folder.path(), &["restored"], 3);
    assert!(said.contains("already works in"), "{said}");
}

/// Runs a command on a database of PostgreSQL; it must succeed.
fn does(folder: &Path, url: &str, arguments: &[&str]) -> String {
    let output = command(folder, arguments).env("MUSTER_DATABASE_URL", url).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

async fn trust_in(fleet: &Fleet, serial: &str) -> Trust {
    fleet.device(&operator(), serial).await.unwrap().trust
}

/// As docs/OPERATIONS.md has it: the WAL is archived, the machine is lost, and PostgreSQL comes up as of a moment before a mistake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_at_an_earlier_point_in_time_sends_nothing_and_who_was_cut_off_since_stays_so() {
    let (cluster, folder) = (Cluster::archiving().unwrap(), TempDir::new().unwrap());
    let url = cluster.migrated().await.unwrap();
    cluster.base_backup().unwrap();
    let data = folder.path().to_owned();
    let db = Db::postgres(&url).await.unwrap();
    let mut field = Field::on(Fixture { name: "PostgreSQL", db, url: Some(url.clone()), folder }).await;
    field.devices(&["GW-1".to_owned(), "GW-2".to_owned()], A).await;
    field.enrolled("GW-2", "A").await;
    let release = Pipeline::of(&field).await.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let code = field.fleet.create_rollout(&operator(), plan(release)).await.unwrap();
    let version = field.fleet.rollout(&operator(), &code).await.unwrap().version;
    field.fleet.submit_rollout(&operator(), &code, version).await.unwrap();
    approve(&field, &code).await;
    assert_eq!(field.fleet.rollout(&operator(), &code).await.unwrap().row.state, RolloutState::Running);

    let id = field.fleet.device(&operator(), "GW-1").await.unwrap().id;
    let device = Actor::Device { id, serial: "GW-1".to_owned(), origin: Origin::default() };
    until("it is offered", async || field.fleet.poll(&device).await.unwrap().update.is_some()).await;

    let moment = cluster.moment().await.unwrap();
    field.fleet.abort_rollout(&manager(), &code, Abort::Keep, "it bricks").await.unwrap();
    field.act(RevocationAct::Revoke, Selection::Device("GW-2".to_owned())).await;
    let listed =
        "curl -sS $PKI/crl/batch-ca-a.crl | openssl crl -inform DER -noout -text | grep -c 'Serial Number' || true";
    until("the CRL lists it", async || field.says(listed).await.trim() == "1").await;
    field.close().await;
    field.fleet.db().close().await;

    let recovered = cluster.recovered_to(&moment).await.unwrap();
    let url = recovered.url(url.rsplit('/').next().unwrap());
    let said = does(&data, &url, &["restored"]);
    assert!(said.contains("1 rollout that was running or scheduled is held back"), "{said}");
    does(&data, &url, &["audit", "verify"]);

    let keys = Keys { folder: data.join("keys"), passphrase: Some(Passphrase::new(PASSPHRASE.into()).unwrap()) };
    let fleet = Fleet::new(Db::open(&data, Some(&url)).await.unwrap(), data.clone()).with_keys(keys);
    fleet.load_trust().await.unwrap();
    fleet.refresh_rollouts().await.unwrap();
    fleet.look_after_rollouts().await.unwrap();
    let rollout = fleet.rollout(&operator(), &code).await.unwrap();
    assert_eq!(rollout.row.state, RolloutState::Paused, "it ran then, and was aborted since");
    assert_eq!(fleet.poll(&device).await.unwrap().update, None, "nothing goes on by itself");
    assert_eq!(trust_in(&fleet, "GW-2").await, Trust::Trusted, "the database knows nothing of its revocation");
    let publisher = tokio::spawn(fleet.clone().publisher());
    until("the data folder's CRL is heeded", async || trust_in(&fleet, "GW-2").await == Trust::Revoked).await;
    publisher.abort();
    // It was no lack of files that kept it from being told.
    fleet.resume_rollout(&manager(), &code, Resume::default()).await.unwrap();
    until("it is offered again", async || fleet.poll(&device).await.unwrap().update.is_some()).await;
    does(&data, &url, &["audit", "verify"]);
}
