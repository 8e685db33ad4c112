//! Any order of acts gives what a plain model gives: at the gateway, in CRLs, in OCSP answers and in devices' records.

use crate::world::{World, batch, device, factory, operator, worlds};
use domain::{certificate::CertificateStatus, device::Trust, revocation::RevocationAct as Act, time::DAY};
use fleet::{
    Error,
    revocation::{Outcome, Selection},
    trust::Verdict,
};
use pki::{CertId, CertIdHash};
use std::collections::HashMap;

const EACH: usize = 4;

/// How heavily something is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    #[default]
    None,
    Held,
    Revoked,
}

#[derive(Default)]
struct Model {
    devices: HashMap<String, Weight>,
    authorities: HashMap<&'static str, Weight>,
}

const ALL: [&str; 3] = ["brno", "batch-a", "batch-b"];

impl Model {
    fn weight(&self, serial: &str) -> Weight {
        let batch = if serial.starts_with('A') { "batch-a" } else { "batch-b" };
        let of = |slug| self.authorities.get(slug).copied().unwrap_or_default();
        of(batch).max(of("brno")).max(self.devices.get(serial).copied().unwrap_or_default())
    }

    /// Does an act, and says whether it changed anything.
    fn act(&mut self, act: Act, target: &Selection) -> bool {
        let changed = |weight: &mut Weight| {
            let next = match (act, *weight) {
                (Act::Hold, Weight::None) => Weight::Held,
                (Act::Revoke, Weight::None | Weight::Held) => Weight::Revoked,
                (Act::Release, Weight::Held) => Weight::None,
                (_, same) => same,
            };
            std::mem::replace(weight, next) != next
        };
        let slugs: &[&'static str] = match target {
            Selection::Device(serial) => return changed(self.devices.entry(serial.clone()).or_default()),
            Selection::Query(_) => {
                let serials: Vec<String> = (0..2).map(|n| format!("A-{n:05}")).collect();
                return serials.into_iter().filter(|s| changed(self.devices.entry(s.clone()).or_default())).count() > 0;
            }
            Selection::Batch(code) if code == "A" => &["batch-a"],
            Selection::Batch(_) => &["batch-b"],
            _ => &ALL,
        };
        slugs.iter().filter(|slug| changed(self.authorities.entry(slug).or_default())).count() > 0
    }
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn target(chance: &mut Chance) -> Selection {
    match chance.below(12) {
        0 => batch("A"),
        1 => batch("B"),
        2 => factory(),
        3 => Selection::Query("serial:A-00000,A-00001".into()),
        n => device(&format!("{}-{:05}", if n % 2 == 0 { "A" } else { "B" }, chance.below(EACH as u64))),
    }
}

#[tokio::test]
async fn the_database_agrees_with_a_model() {
    for seed in 1..=3 {
        for world in worlds(EACH).await {
            let mut chance = Chance(seed);
            let mut model = Model::default();
            for step in 0..25 {
                // Revoking for good ends the game, so it comes seldom.
                let act = match chance.below(10) {
                    0 => Act::Revoke,
                    n if n % 2 == 0 => Act::Hold,
                    _ => Act::Release,
                };
                let target = target(&mut chance);
                let expected = model.act(act, &target);
                let done = world.try_act(act, target.clone()).await;
                match done {
                    Ok(Outcome::Waiting(approval, _)) => {
                        let shown = world.fleet.approval(&crate::world::manager(), approval).await.unwrap();
                        let manager = crate::world::manager();
                        world.fleet.decide(&manager, approval, &shown.row.hash, true, "").await.unwrap();
                    }
                    Ok(Outcome::Done(_)) => {}
                    Err(Error::Conflict(_)) => assert!(!expected, "{}: {seed}.{step}: {act} {target:?}", world.name()),
                    Err(other) => panic!("{other}"),
                }
                agrees(&world, &model, &format!("{} {seed}.{step} after {act} {target:?}", world.name())).await;
            }
            world.fleet.follow_acts().await.unwrap();
            records_agree(&world, &model).await;
            world.fleet.publish_due().await.unwrap();
            lists_agree(&world, &model).await;
        }
    }
}

fn serials() -> Vec<String> {
    ["A", "B"].iter().flat_map(|batch| (0..EACH).map(move |n| format!("{batch}-{n:05}"))).collect()
}

async fn agrees(world: &World, model: &Model, when: &str) {
    for serial in serials() {
        let expected = match model.weight(&serial) {
            Weight::None => Verdict::Good,
            Weight::Held => Verdict::Held,
            Weight::Revoked => Verdict::Revoked,
        };
        assert_eq!(world.verdict(&serial).await, expected, "{when}: {serial}");
    }
    // What was followed step by step is what is read anew.
    let followed = world.fleet.trust();
    world.fleet.load_trust().await.unwrap();
    let read = world.fleet.trust();
    for authority in read.authorities() {
        let before = followed.authority(authority.id()).unwrap();
        assert_eq!((before.cut(), before.revoked_count()), (authority.cut(), authority.revoked_count()), "{when}");
    }
}

async fn records_agree(world: &World, model: &Model) {
    for serial in serials() {
        let row = store::certificate::of_device(world.fleet.db(), &serial).await.unwrap().remove(0);
        let trust = world.fleet.device(&operator(), &serial).await.unwrap().trust;
        let expected = match model.weight(&serial) {
            Weight::None => (CertificateStatus::Valid, Trust::Trusted),
            Weight::Held => (CertificateStatus::Held, Trust::Quarantined),
            Weight::Revoked => (CertificateStatus::Revoked, Trust::Revoked),
        };
        assert_eq!((row.status, trust), expected, "{}: {serial}", world.name());
    }
}

/// Every certificate that is cut off and has not ended is in exactly one CRL, and OCSP says the same.
async fn lists_agree(world: &World, model: &Model) {
    let mut lists = Vec::new();
    for slug in ALL {
        lists.push((slug, world.listed(slug).await));
    }
    for serial in serials() {
        let row = store::certificate::of_device(world.fleet.db(), &serial).await.unwrap().remove(0);
        assert!(row.not_after > world.fleet.now().plus(DAY));
        let on: Vec<u8> = lists.iter().filter_map(|(_, list)| list.get(&row.serial).copied()).collect();
        let expected: &[u8] = match model.weight(&serial) {
            Weight::None => &[],
            Weight::Held => &[6],
            Weight::Revoked => &[1],
        };
        assert_eq!(on, expected, "{}: {serial}", world.name());
        let trust = world.fleet.trust();
        let authority = trust.authority(row.authority_id).unwrap();
        for hash in [CertIdHash::Sha1, CertIdHash::Sha256] {
            let id = CertId::new(hash, authority.hashes(), pki::SerialNumber::from_hex(&row.serial).unwrap());
            let said = crate::ocsp::ask(world, Some(authority.slug()), &[id], None).await;
            assert_eq!(said, [expected.first().map_or("good".to_owned(), |reason| format!("revoked {reason}"))]);
        }
    }
    // A batch's own certificate is on its factory's list.
    for slug in ["batch-a", "batch-b"] {
        let row = store::authority::by_slug(world.fleet.db(), slug).await.unwrap().unwrap();
        let of = |slug| model.authorities.get(slug).copied().unwrap_or_default();
        let listed = lists[0].1.contains_key(&row.serial);
        assert_eq!(listed, of(slug).max(of("brno")) != Weight::None, "{}: {slug}", world.name());
    }
}
