//! `muster rollout`, which asks a console elsewhere.

use crate::{
    field::{A, Field, field, operator},
    pipeline::{Pipeline, plan},
    remote::Remote,
    rollouts::{Api, approve},
};
use domain::rollout::{Advance, Execution, Feedback, Finished, Gate, Plan, Wave, WaveSize};
use fleet::{Actor, Origin, update::UpdateLink};

/// Two waves: the first one is opened by the start, the second by a person.
fn two_waves(plan: Plan) -> Plan {
    let gate =
        Gate { advance: Advance::Manual, failed_limit: 100_000, silent_limit: 100_000, done: 0, ..plan.waves[0].gate };
    let wave = |name: &str, size| Wave { name: name.into(), size, gate };
    Plan {
        name: "By hand".into(),
        waves: vec![wave("Canary", WaveSize::Devices(12)), wave("All", WaveSize::Rest)],
        ..plan
    }
}

/// One device of the open wave says how it went, which is all that the gate waits for.
async fn one_fails(field: &Field, serials: &[String]) {
    for serial in serials {
        let id = field.fleet.device(&operator(), serial).await.unwrap().id;
        let actor = Actor::Device { id, serial: serial.clone(), origin: Origin::default() };
        if let Some(UpdateLink::Deployment { id, .. }) = field.fleet.poll(&actor).await.unwrap().update {
            let (execution, finished) = (Execution::Closed, Finished::Failure);
            let said = Feedback { execution, finished, code: None, details: Vec::new() };
            return field.fleet.update_feedback(&actor, id, &said).await.map(drop).unwrap();
        }
    }
    unreachable!("a wave of twelve is open")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_shown_stopped_and_let_go_on() {
    let field = field().await;
    let api = Api::of(&field).await;
    let serials: Vec<String> = (0..24).map(|n| format!("GW-{n}")).collect();
    field.devices(&serials, A).await;
    let release = Pipeline::of(&field).await.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let remote = Remote::serve(&field.folder, api.router.clone(), &api.token).await;
    let run = async |arguments: &[&str], code: i32| remote.says(&[&["rollout"], arguments].concat(), code).await;
    assert_eq!(run(&["list"], 0).await, "");
    let code = field.fleet.create_rollout(&operator(), two_waves(plan(release))).await.unwrap();
    let code = code.as_str();
    let version = field.fleet.rollout(&operator(), code).await.unwrap().version;
    field.fleet.submit_rollout(&operator(), code, version).await.unwrap();
    assert!(run(&["show", code], 0).await.contains("state      submitted"));
    let early = run(&["advance", code, "--after", "1"], 3).await;
    assert!(early.contains("a manager has to decide first"), "a token approves nothing: {early}");
    approve(&field, code).await;

    let shown = run(&["show", code], 0).await;
    for part in ["By hand brings gateway-os 2.0", "running, wave 1 of 2", "open   Canary", "closed All", &remote.url] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(run(&["pause", code, "--reason", "a storm"], 0).await.contains("paused, wave 1 of 2"));
    assert!(run(&["show", code], 0).await.contains("why        a storm"));
    let paused = run(&["list", "--state", "paused"], 0).await;
    assert!(paused.starts_with(code) && paused.lines().count() == 1, "{paused}");
    assert_eq!(run(&["list", "--state", "running"], 0).await, "");
    assert!(run(&["resume", code], 0).await.contains("running, wave 1 of 2"));
    let early = run(&["advance", code, "--after", "1"], 3).await;
    let other = run(&["advance", code, "--after", "2"], 3).await;
    assert!(other.contains("409") && other.contains("Wave 1 of 2 is open"), "which wave it is comes first: {other}");
    assert!(early.contains("Wave 1 waits for this: "), "{early}");
    one_fails(&field, &serials).await;
    assert!(run(&["advance", code, "--after", "1"], 0).await.contains("running, wave 2 of 2"));
    let again = run(&["advance", code, "--after", "1"], 3).await;
    assert!(again.contains("409"), "the same once more opens nothing: {again}");
    assert!(run(&["abort", code, "--revert"], 3).await.contains("422"), "its plan names nothing to go back to");
    assert!(run(&["abort", code, "--reason", "enough"], 0).await.contains("aborted"));
    assert!(run(&["resume", code], 3).await.contains("409"));

    assert!(run(&["show", "none/../x"], 3).await.contains("404"));
    assert!(run(&["list", "--state", "dreaming"], 3).await.contains("400"));
    run(&["advance", code, "--after", "0"], 2).await;
    // Of the same name with another key, as after it was made anew, and of another name.
    let of_another_key =
        pki::console_certificate(&["localhost".to_owned()], &[], fleet::system_time()).unwrap().cert_pem;
    let of_another_name = std::fs::read_to_string(field.folder.join("test-root.pem")).unwrap();
    let ours = std::fs::read(remote.folder.join("ca.pem.console")).unwrap();
    for strangers in [of_another_key, of_another_name] {
        std::fs::write(remote.folder.join("ca.pem.console"), strangers).unwrap();
        let untrusted = run(&["list"], 3).await;
        assert!(untrusted.contains("--ca FILE"), "it is told how to trust it: {untrusted}");
    }
    std::fs::write(remote.folder.join("ca.pem.console"), ours).unwrap();
    std::fs::write(remote.folder.join("token"), "of nobody\n").unwrap();
    assert!(run(&["pause", code], 3).await.contains("401"));
    remote.end().await;
}
