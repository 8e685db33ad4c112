//! The program killed by `kill -9` while devices report over mutual TLS, technicians repair and clients claim: what was
//! answered as done is there, nothing is half done, the next start goes on, and the audit chain is whole.

use crate::{
    field::{A, Field, RULE, fields, operator},
    scene::life,
    served::{Answer, Ask, Served, ask, command, device, program},
};
use domain::{
    component::{ComponentClass, Part},
    device::Lifecycle,
    history::{Entry, Event, Standing},
    id::HistoryId,
    identifier::normalise,
    manifest,
    repair::RepairState,
    time::DAY,
};
use fleet::{catalogue::CustodianForm, seed::Life, token::TokenForm};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

const REPORTING: usize = 6;
/// How often each of them reports in a round: fewer changes than a device may send within a minute.
const REPORTS: usize = 18;
const REPAIRED: usize = 30;
const CLAIMED: usize = 80;
const ROUNDS: usize = 4;

fn reporting(n: usize) -> String {
    format!("GW-{n}")
}

fn repaired(n: usize) -> String {
    format!("RP-{n}")
}

fn claimed(n: usize) -> String {
    format!("CL-{n}")
}

/// The IMEI of a modem: of the device of this number, or one that is fitted in its place.
fn imei(n: usize) -> String {
    let body = format!("86194105{n:06}");
    let digits: Vec<u8> = body.bytes().map(|byte| byte - b'0').collect();
    domain::identifier::imei_with_check_digit(&digits.try_into().unwrap()).unwrap().to_string()
}

const fn new_modem(n: usize) -> usize {
    500_000 + n
}

/// A device of batch A with a modem.
fn made(field: &Field, serial: &str, modem: usize) -> Life {
    let found = normalise(ComponentClass::Lte, &imei(modem)).unwrap();
    let part = Part {
        slot: "lte0".into(),
        class: ComponentClass::Lte,
        maker: "Acme".into(),
        model: "L1".into(),
        identifier: found.shown,
        identifier_key: found.key,
    };
    let mut life = life(serial, A, field.fleet.now().plus(-DAY));
    let first = life.history[0].clone();
    let manifest = Event::ManifestRecorded {
        version: 1,
        hash: manifest::hash(serial, 1, "", std::slice::from_ref(&part)),
        previous_hash: String::new(),
        fitted: vec![part],
        removed: Vec::new(),
        reason: String::new(),
    };
    life.history.push(Entry { id: HistoryId(Uuid::now_v7()), at: first.at.plus(1), event: manifest, ..first });
    life
}

/// What was acknowledged, by whom it is about, and what was begun beyond that.
#[derive(Default)]
struct Told {
    /// The last count of a device that was taken, and the last that was sent.
    counts: BTreeMap<String, (usize, usize)>,
    /// Repairs, and how many of their steps were done.
    repairs: BTreeMap<String, (String, usize)>,
    /// Claims: the entry of the history that was told.
    claims: BTreeMap<String, Uuid>,
}

struct Load {
    field: Field,
    token: String,
    codes: BTreeMap<String, String>,
    told: Mutex<Told>,
}

impl Load {
    async fn prepare(mut field: Field) -> Arc<Self> {
        let form = CustodianForm { name: "Acme".into(), kind: "client".into(), ..CustodianForm::default() };
        field.fleet.add_custodian(&RULE, &form).await.unwrap();
        let all = (0..REPORTING).map(reporting).chain((0..REPAIRED).map(repaired)).chain((0..CLAIMED).map(claimed));
        let lives: Vec<Life> = all.enumerate().map(|(n, serial)| made(&field, &serial, n)).collect();
        field.fleet.seed_devices(&RULE, &lives).await.unwrap();
        for n in 0..REPORTING {
            field.enrolled(&reporting(n), "A").await;
        }
        let form = TokenForm { name: "Load".into(), role: "operator".into(), days: 1 };
        let token = field.fleet.add_token(&RULE, &form).await.unwrap().secret;
        let labels = field.fleet.labels(&operator(), "batch:A", "", 500).await.unwrap().items;
        let codes: BTreeMap<String, String> = labels
            .iter()
            .filter(|label| label.serial.starts_with("CL-"))
            .map(|label| (label.serial.clone(), label.code().unwrap().to_string()))
            .collect();
        assert_eq!(codes.len(), CLAIMED);
        field.close().await;
        Arc::new(Self { field, token, codes, told: Mutex::default() })
    }

    /// A device reports again and again; every few times another modem.
    async fn report(self: Arc<Self>, n: usize, round: usize) {
        let serial = reporting(n);
        let url = format!("https://{}/DEFAULT/controller/v1/{serial}/configData", self.field.gateway);
        let count = |i: usize| round * 1_000 + i;
        let requests: Vec<Ask> = (1..=REPORTS)
            .map(|i| {
                let modem = if i % 5 == 0 { new_modem(n) } else { n };
                let data = json!({"count": count(i).to_string(), "hw.lte0.imei": imei(modem)});
                Ask { method: "PUT", url: url.clone(), body: json!({ "data": data }) }
            })
            .collect();
        let answers = ask(&self.field, &device(&serial), &requests).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{serial}: {answers:?}");
        let mut told = self.told.lock().unwrap();
        let (taken, sent) = told.counts.entry(serial).or_default();
        if let Some(last) = answers.len().checked_sub(1) {
            *taken = count(last + 1);
        }
        *sent = count(REPORTS);
    }

    async fn post(&self, url: String, body: Value) -> Option<Answer> {
        ask(&self.field, &program(&self.token), &[Ask { method: "POST", url, body }]).await.pop()
    }

    /// Repairs one device after the other: opens, enters a modem, authorises. Goes on where the round before was.
    async fn repair(self: Arc<Self>, console: String) {
        for n in 0..REPAIRED {
            let serial = repaired(n);
            let (code, done) = self.told.lock().unwrap().repairs.get(&serial).cloned().unwrap_or_default();
            if done == 3 {
                continue;
            }
            let opening = json!({"device": serial, "symptom": "No network"});
            let code = if code.is_empty() {
                let Some((status, body)) = self.post(format!("{console}/api/v1/repairs"), opening).await else {
                    return;
                };
                if status == 409 {
                    // It was opened, and the answer was lost.
                    let open = self.field.fleet.repairs_of(&operator(), &serial).await.unwrap();
                    open[0].code.clone()
                } else {
                    assert_eq!(status, 201, "{body}");
                    let code = serde_json::from_str::<Value>(&body).unwrap()["code"].as_str().unwrap().to_owned();
                    self.told.lock().unwrap().repairs.insert(serial.clone(), (code.clone(), 1));
                    code
                }
            } else {
                code
            };
            let modem = json!({"slot": "lte0", "in": imei(new_modem(REPORTING + n))});
            let steps = [("parts", modem), ("authorise", json!({"reason": "Modem dead"}))];
            for (at, (step, body)) in steps.into_iter().enumerate() {
                let url = format!("{console}/api/v1/repairs/{code}/{step}");
                let Some((status, body)) = self.post(url, body).await else { return };
                assert!(status == 200 || status == 409 && body.contains("authorised"), "{step}: {status} {body}");
                self.told.lock().unwrap().repairs.insert(serial.clone(), (code.clone(), at + 2));
            }
        }
    }

    async fn claim(self: Arc<Self>, console: String) {
        for (serial, code) in &self.codes {
            if self.told.lock().unwrap().claims.contains_key(serial) {
                continue;
            }
            let claim = json!({"serial": serial, "code": code, "custodian": "acme"});
            let Some((status, body)) = self.post(format!("{console}/api/v1/claims"), claim).await else { return };
            assert!(status == 201 || status == 409 && body.contains("was claimed"), "{status} {body}");
            if status == 201 {
                let id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().parse().unwrap();
                self.told.lock().unwrap().claims.insert(serial.clone(), id);
            }
        }
    }

    /// How many steps of repairs were acknowledged, and how many claims.
    fn steps(&self) -> (usize, usize) {
        let told = self.told.lock().unwrap();
        (told.repairs.values().map(|(_, done)| done).sum(), told.claims.len())
    }

    /// Whether both were answered since, unless one has nothing left to do: on a busy machine one may be long at its first while the other
    /// does several.
    fn is_at_work_since(&self, (repaired, claimed): (usize, usize)) -> bool {
        let (repairs, claims) = self.steps();
        (repairs > repaired || repaired >= 3 * REPAIRED) && (claims > claimed || claimed >= CLAIMED)
    }

    /// Everybody at once, until all is done or nobody answers.
    async fn run(self: &Arc<Self>, console: &str, round: usize) {
        let mut tasks: Vec<_> = (0..REPORTING).map(|n| tokio::spawn(self.clone().report(n, round))).collect();
        tasks.push(tokio::spawn(self.clone().repair(console.to_owned())));
        tasks.push(tokio::spawn(self.clone().claim(console.to_owned())));
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// What is in the database, held against what was told.
    async fn check(&self) {
        let name = self.field.name();
        for n in 0..REPORTING {
            let serial = reporting(n);
            let shown = self.field.fleet.device_report(&operator(), &serial).await.unwrap();
            let kept = shown.attributes.get("count").map_or(0, |count| count.parse().unwrap());
            let (taken, sent) = self.told.lock().unwrap().counts.get(&serial).copied().unwrap_or_default();
            assert!((taken..=sent).contains(&kept), "{name}: {serial}: {kept} is not within {taken} and {sent}");
            self.one_story(&serial).await;
        }
        for n in 0..REPAIRED {
            self.check_repair(n).await;
        }
        let claims = self.told.lock().unwrap().claims.clone();
        for serial in self.codes.keys() {
            let history = self.one_story(serial).await;
            let claims_of_it: Vec<Uuid> = history
                .iter()
                .filter(|entry| matches!(entry.event, Event::Claimed { .. }))
                .map(|entry| entry.id.0)
                .collect();
            assert!(claims_of_it.len() <= 1, "{name}: {serial} was claimed twice");
            assert!(claims.get(serial).is_none_or(|id| claims_of_it == [*id]), "{name}: the claim of {serial} is lost");
        }
        let said = command(&self.field, &["audit", "verify"]).output().unwrap();
        let words = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.status.success() && words.contains("unbroken"), "{name}: {words}");
    }

    async fn check_repair(&self, n: usize) {
        let (name, serial) = (self.field.name(), repaired(n));
        let (_, done) = self.told.lock().unwrap().repairs.get(&serial).cloned().unwrap_or_default();
        let repairs = self.field.fleet.repairs_of(&operator(), &serial).await.unwrap();
        let history = self.one_story(&serial).await;
        let device = self.field.fleet.device(&operator(), &serial).await.unwrap();
        assert!(repairs.len() <= 1 && repairs.len() >= done.min(1), "{name}: {serial}: {done} {repairs:?}");
        assert_eq!(device.lifecycle == Lifecycle::InRepair, repairs.len() == 1, "{name}: {serial}");
        let Some(case) = repairs.first() else { return };
        let wanted = imei(new_modem(REPORTING + n));
        let slots = self.field.fleet.repair(&operator(), &case.code).await.unwrap().slots;
        let typed = slots.first().and_then(|look| look.part_in.as_ref()).map(|line| line.identifier.as_str());
        assert!(done < 2 || typed == Some(wanted.as_str()), "{name}: {serial}: {typed:?} was typed");
        let is_written = case.state == RepairState::Verifying;
        assert!(done < 3 || is_written, "{name}: {serial}: {}", case.state);
        // The case, the manifest, the parts and the history change together or not at all.
        let fitted = self.field.fleet.device_record(&operator(), &serial).await.unwrap().components;
        let fitted = fitted.into_iter().any(|part| part.removed_at.is_none() && part.part.identifier == wanted);
        let told = history.iter().any(|entry| matches!(entry.event, Event::RepairAuthorised { .. }));
        let all = (is_written, device.manifest_version == 2, fitted, told);
        assert!(all == (true, true, true, true) || all == (false, false, false, false), "{name}: {serial}: {all:?}");
    }

    /// A device's history, which must tell the same as its manifests, its parts and its standing.
    async fn one_story(&self, serial: &str) -> Vec<Entry> {
        let record = self.field.fleet.device_record(&operator(), serial).await.unwrap();
        let (components, manifests) = manifest::replay(&record.history);
        assert_eq!(manifests, record.manifests, "{serial}");
        let parts = |all: &[domain::component::Component]| -> BTreeSet<(String, Option<i64>)> {
            all.iter().map(|c| (c.part.identifier_key.clone(), c.removed_version)).collect()
        };
        assert_eq!(parts(&components), parts(&record.components), "{serial}");
        let standing = Standing::after(&record.history);
        assert_eq!((record.device.lifecycle, record.device.trust), (standing.lifecycle, standing.trust), "{serial}");
        record.history
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_kill_9() {
    for field in fields().await {
        let load = Load::prepare(field).await;
        let mut cut_short = 0;
        for round in 0..ROUNDS {
            let (mut served, before) = (Served::start(&load.field), load.steps());
            let console = served.console.clone();
            let running = tokio::spawn({
                let load = load.clone();
                async move { load.run(&console, round).await }
            });
            // Not before it is at work.
            while !load.is_at_work_since(before) && !running.is_finished() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(40 + u64::try_from(round).unwrap() * 137)).await;
            served.kill();
            running.await.unwrap();
            // What PostgreSQL was told before is done, or not, by now.
            store::testing::until_at_rest(load.field.fleet.db()).await.unwrap();
            load.check().await;
            cut_short += usize::from(load.told.lock().unwrap().counts.values().any(|(taken, sent)| taken < sent));
        }
        {
            let told = load.told.lock().unwrap();
            let (reporting, repairs, claims) = (told.counts.len(), told.repairs.len(), told.claims.len());
            let enough = cut_short > 0 && reporting == REPORTING && repairs > 1 && claims > 1;
            assert!(enough, "{}: {cut_short} cut short, {repairs} repairs, {claims} claims", load.field.name());
        }
        // The last start goes on to the end.
        let served = Served::start(&load.field);
        load.run(&served.console, ROUNDS).await;
        load.check().await;
        let told = load.told.lock().unwrap();
        assert!(told.repairs.len() == REPAIRED && told.repairs.values().all(|(_, done)| *done == 3));
        assert!(told.counts.values().all(|(taken, sent)| taken == sent), "{:?}", told.counts);
    }
}
