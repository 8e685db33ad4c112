//! `muster simulate` at a real gateway: virtual devices are enrolled by a station and install what they are told of.

use crate::{
    field::{A, Field, admin, fields, operator},
    pipeline::{Pipeline, plan, started},
};
use domain::rollout::{Plan, RolloutState};
use fleet::{check_in::RulesForm, rollout::Abort};
use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The program, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SERIALS: [&str; 4] = ["GW-1", "GW-2", "GW-3", "GX-4"];

fn start(field: &Field, batch: &str) -> Running {
    let log = File::options().create(true).append(true).open(field.file("simulated.log")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(["simulate", "--gateway", &format!("https://{}", field.gateway), "--station", ".", "--batch", batch])
        .args(["--folder", "devices", "--runs", "1.0", "--fault", "fail=17,serial=GX-*,version=2.0"])
        .args(SERIALS)
        .current_dir(&field.folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Running(child)
}

/// Waits until the program has said all of these.
async fn says(field: &Field, lines: &[&str]) {
    let begun = Instant::now();
    loop {
        let said = fs::read_to_string(field.file("simulated.log")).unwrap_or_default();
        let missing: Vec<_> = lines.iter().filter(|line| !said.contains(**line)).collect();
        if missing.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}: {missing:?} in:\n{said}", field.name());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Devices that are told to poll every two seconds.
async fn prepared(field: &Field) {
    field.devices(&SERIALS.map(str::to_owned), A).await;
    let known = field.fleet.model_rules(&operator(), "GW-200").await.unwrap();
    let form = RulesForm { mapping: known.mapping, poll: "2".into(), ..RulesForm::default() };
    field.fleet.change_model_rules(&admin(), "GW-200", &form).await.unwrap();
}

async fn firmware(field: &Field, serial: &str) -> String {
    field.fleet.device(&operator(), serial).await.unwrap().firmware.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn virtual_devices_install_fail_where_they_are_to_and_go_back() {
    for field in fields().await {
        prepared(&field).await;
        let pipeline = Pipeline::of(&field).await;
        // Large enough to come in parts.
        let payload: Vec<u8> = (0..70_000_u32).flat_map(u32::to_le_bytes).collect();
        let old = pipeline.release(&field, "1.0", &["C"], &[("rootfs", b"x")]).await;
        let new = pipeline.release(&field, "2.0", &["C"], &[("rootfs", &payload)]).await;
        let asked = Plan { revert_to: Some(old), ..plan(new) };
        let running = start(&field, "A");
        says(&field, &["GX-4: enrolled", "4 devices come to"]).await;
        let code = started(&field, asked).await;
        says(&field, &["GW-1: runs 2.0", "GW-2: runs 2.0", "GW-3: runs 2.0", "GX-4: failed to install 2.0"]).await;
        // One failed, so its gate stopped it; who was under way goes on and is verified.
        let begun = Instant::now();
        loop {
            field.fleet.look_after_rollouts().await.unwrap();
            let shown = field.fleet.rollout(&operator(), &code).await.unwrap();
            if (shown.row.state, shown.wave_views[0].evidence.verified) == (RolloutState::Halted, 3) {
                assert_eq!(shown.failures[0].code, "17", "{}", field.name());
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{}: {:?}", field.name(), shown.wave_views);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // Started anew they are who they were, and run what they ran.
        drop(running);
        let _running = start(&field, "A");
        field.fleet.abort_rollout(&operator(), &code, Abort::Revert, "It loses its network").await.unwrap();
        says(&field, &["GW-1: runs 1.0", "GW-2: runs 1.0", "GW-3: runs 1.0"]).await;
        for serial in ["GW-1", "GW-2", "GW-3"] {
            assert_eq!(firmware(&field, serial).await, "1.0", "{}: {serial}", field.name());
        }
        let said = fs::read_to_string(field.file("simulated.log")).unwrap();
        assert_eq!(said.matches(": enrolled").count(), SERIALS.len(), "{}: {said}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_enrols_nothing_for_another_factory() {
    let field = crate::field::field().await;
    let status = start(&field, "C").0.wait().unwrap();
    let said = fs::read_to_string(field.file("simulated.log")).unwrap();
    assert_eq!((status.code(), said.contains("GW-1 could not be enrolled")), (Some(3), true), "{said}");
}
