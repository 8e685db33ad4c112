//! What a device sees in a repository: one address, and each sees what it is entitled to at the moment.

use crate::{debs, pushing, world::*};
use domain::{
    history::Event,
    release::{ArtifactKind, Stage},
    rollout::{ActionState as S, Advance, Gate, Plan, Reaction, RolloutState, Wave, WaveSize, Window, Windows},
    time::{DAY, HOUR, MINUTE},
};
use fleet::{
    Actor, Error,
    rollout::Abort,
    update::{Meaning, Part, Wanted},
};

const IN_RELEASE: &str = "dists/stable/InRelease";

impl World {
    async fn part(&self, device: &Actor, path: &str, meaning: Meaning) -> Option<Part> {
        self.wait(domain::time::SECOND);
        let part = self.fleet.repository_part(device, ArtifactKind::Deb, Wanted::Path(path), meaning).await;
        match part {
            Ok(part) => {
                self.fleet.note_sent(device, &part).await;
                Some(part)
            }
            Err(Error::NotFound { .. }) => None,
            Err(other) => panic!("{}: {path}: {other}", self.name()),
        }
    }

    /// Asks for what leads to the rest; the version that the device sees.
    async fn sees(&self, device: &Actor) -> Option<String> {
        let part = self.part(device, IN_RELEASE, Meaning::Entry).await?;
        let bytes = std::fs::read(self.shelf(&part.archive)).unwrap();
        let (from, to) = (usize::try_from(part.start).unwrap(), usize::try_from(part.start + part.size).unwrap());
        let text = String::from_utf8(bytes[from..to].to_vec()).unwrap();
        let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
        version.map(ToOwned::to_owned)
    }

    async fn fetches(&self, device: &Actor, version: &str) -> bool {
        let path = format!("pool/main/gateway_{version}_amd64.deb");
        self.part(device, &path, Meaning::Content).await.is_some()
    }
}

fn all(release: domain::id::ReleaseId) -> Plan {
    Plan { waves: vec![wave(WaveSize::Rest)], ..plan(release) }
}

fn one_first(release: domain::id::ReleaseId) -> Plan {
    let mut plan = plan(release);
    plan.waves[0].size = WaveSize::Devices(1);
    plan.waves[0].gate.min_sample = 1;
    plan
}

#[tokio::test]
async fn two_devices_see_two_versions_and_what_runs_says_how_it_went() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        world.set("1.0").await;
        for device in &devices {
            assert_eq!(world.sees(device).await.as_deref(), Some("1.0"), "{}: by its word", world.name());
            assert!(world.kinds(device).await.is_empty(), "what it has is no offer");
        }
        let code = world.started(one_first(world.set("2.0").await)).await;
        let mut next = 0;
        for device in &devices {
            let why = world.fleet.device_rollouts(&operator(), device.name()).await.unwrap().remove(0);
            assert!(why.in_repository, "{}: no poll offers it", world.name());
            next += usize::from(why.is_next());
        }
        assert_eq!(next, 1, "{}: the other one is in the next wave", world.name());
        let (mut first, mut second) = (None, None);
        for device in &devices {
            match world.sees(device).await.as_deref() {
                Some("2.0") => first = Some(device),
                Some("1.0") => second = Some(device),
                other => panic!("{other:?}"),
            }
        }
        let (first, second) = (first.unwrap(), second.unwrap());
        // Asked again it is the same offer, written once; its polls lead to no file, and ask what runs.
        assert_eq!(world.sees(first).await.as_deref(), Some("2.0"));
        assert_eq!(world.kinds(first).await, ["update_offered"], "{}", world.name());
        let polled = world.poll(first).await;
        assert_eq!((polled.update, polled.wants_report), (None, true), "{}", world.name());
        // Both may fetch what they have, and only one of them the other.
        assert!(world.fetches(first, "1.0").await && world.fetches(second, "1.0").await);
        assert_eq!(world.count(&code, 0, S::Offered).await, 1, "what it has is no download");
        assert!(!world.fetches(second, "2.0").await && world.fetches(first, "2.0").await, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Downloading).await, 1);
        world.reports(first, "1.0").await;
        assert_eq!(world.count(&code, 0, S::Downloading).await, 1, "it runs the old one still");
        world.reports(first, "2.0").await;
        assert_eq!(world.count(&code, 0, S::Verifying).await, 1, "{}", world.name());
        world.wait(SOAK * MINUTE);
        // Whoever never polls is verified by asking here.
        assert_eq!(world.sees(first).await.as_deref(), Some("2.0"));
        assert_eq!(world.count(&code, 0, S::Verified).await, 1, "{}", world.name());
        assert!(!world.fetches(first, "1.0").await, "what it had is gone");
        world.look().await;
        assert_eq!(world.sees(second).await.as_deref(), Some("2.0"), "{}: the second wave", world.name());
        world.reports(second, "2.0").await;
        world.wait(SOAK * MINUTE);
        world.poll(second).await;
        world.look().await;
        assert_eq!(world.state(&code).await, RolloutState::Completed, "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_sent_is_begun_with_and_what_is_asked_about_is_not() {
    for world in worlds().await {
        let device = &world.devices(1).await[0];
        world.set("1.0").await;
        let code = world.started(all(world.set("2.0").await)).await;
        assert_eq!(world.sees(device).await.as_deref(), Some("2.0"));
        let path = Wanted::Path("pool/main/gateway_2.0_amd64.deb");
        let asked = world.fleet.repository_part(device, ArtifactKind::Deb, path, Meaning::Content).await.unwrap();
        assert_eq!(world.count(&code, 0, S::Offered).await, 1, "{}: by HEAD, or it is told 304", world.name());
        // A package is one by its hash, too.
        let hash = Wanted::Hash(&asked.sha256);
        let by_hash = world.fleet.repository_part(device, ArtifactKind::Deb, hash, Meaning::Index).await.unwrap();
        world.fleet.note_sent(device, &by_hash).await;
        assert_eq!(world.count(&code, 0, S::Downloading).await, 1, "{}", world.name());
    }
}

#[tokio::test]
async fn an_offer_that_can_not_be_delivered_hides_nothing_that_a_device_has() {
    for world in worlds().await {
        let device = &world.devices(1).await[0];
        world.set("1.0").await;
        let new = world.set("2.0").await;
        world.started(all(new)).await;
        assert_eq!(world.sees(device).await.as_deref(), Some("2.0"));
        let path = world.shelf(&world.fleet.release(&operator(), new).await.unwrap().files[0].sha256);
        let good = std::fs::read(&path).unwrap();
        let mut rotten = good.clone();
        let at = good.windows(15).position(|piece| piece == b"the gateway 2.0").unwrap();
        rotten[at] ^= 1;
        std::fs::write(&path, rotten).unwrap();
        // A process that has read none of it yet.
        let node = world.at_another().await;
        assert_eq!(node.sees(device).await.as_deref(), Some("1.0"), "{}", node.name());
        assert!(node.fetches(device, "1.0").await && !node.fetches(device, "2.0").await, "{}", node.name());
        assert_eq!(node.sees(device).await.as_deref(), Some("1.0"), "{}: it is told so again", node.name());
    }
}

#[tokio::test]
async fn what_stops_a_rollout_stops_its_repository() {
    for world in worlds().await {
        let devices = world.devices(3).await;
        world.set("1.0").await;
        let mut plan = plan(world.set("2.0").await);
        plan.waves.remove(0);
        let code = world.started(plan).await;
        let [told, fetching, other] = devices.as_slice() else { panic!() };
        for device in [told, fetching] {
            // What it says after it was stopped is what it said before, and counts all the same.
            world.reports(device, "1.0").await;
            assert_eq!(world.sees(device).await.as_deref(), Some("2.0"));
        }
        assert!(world.fetches(fetching, "2.0").await);
        world.fleet.pause_rollout(&manager(), &code, "").await.unwrap();
        assert_eq!(world.sees(told).await.as_deref(), Some("1.0"), "{}: it has not begun", world.name());
        assert!(!world.fetches(told, "2.0").await);
        assert!(world.fetches(fetching, "2.0").await, "{}: it has begun", world.name());
        assert_eq!(world.sees(other).await.as_deref(), Some("1.0"));
        world.fleet.resume_rollout(&manager(), &code, IN_SPITE).await.unwrap();
        assert_eq!(world.sees(told).await.as_deref(), Some("2.0"));
        // A device that is not trusted sees nothing of it.
        let quarantined = Event::Quarantined { reason: "looked into".into() };
        world.fleet.device_did(&RULE, other.name(), quarantined).await.unwrap();
        assert_eq!(world.sees(other).await, None, "{}", world.name());
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
        for device in [told, fetching] {
            assert_eq!(world.sees(device).await.as_deref(), Some("1.0"), "{}", world.name());
            assert!(!world.fetches(device, "2.0").await, "{}", world.name());
            assert_eq!(world.poll(device).await.update, None, "nobody there takes a link");
        }
        assert_eq!(world.count(&code, 0, S::Cancelling).await, 2, "{}", world.name());
        world.reports(told, "1.0").await;
        world.reports(fetching, "2.0").await;
        assert_eq!(world.count(&code, 0, S::Cancelled).await, 1, "{}", world.name());
        assert_eq!(world.count(&code, 0, S::Verifying).await, 1, "{}: it was too late for it", world.name());
    }
}

#[tokio::test]
async fn a_release_that_is_withdrawn_or_not_for_it_is_not_there() {
    for world in worlds().await {
        let devices = world.devices(1).await;
        let device = &devices[0];
        assert_eq!(world.sees(device).await, None, "{}: there is none", world.name());
        let developed =
            world.releases().push(&world.releases().pipeline.set("1.0"), &pushing::form("1.0")).await.unwrap();
        assert_eq!(developed.release.kind, ArtifactKind::Deb);
        assert_eq!(world.sees(device).await, None, "{}: its channel is production", world.name());
        for stage in [Stage::Staging, Stage::Production] {
            world.releases().promote(developed.release.id, stage).await.unwrap();
        }
        assert_eq!(world.sees(device).await.as_deref(), Some("1.0"));
        // What others get in waves nobody gets by saying that it runs it.
        let new = world.set("2.0").await;
        let mut plan = plan(new);
        plan.waves.remove(0);
        let other = world.devices_of(1, 1).await;
        plan.target = format!("serial:{}", other[0].name());
        world.started(plan).await;
        world.reports(device, "2.0").await;
        assert_eq!(world.sees(device).await, None, "{}", world.name());
        assert_eq!(world.sees(&other[0]).await.as_deref(), Some("2.0"));
        world.withdraw(new).await;
        assert_ne!(world.sees(&other[0]).await.as_deref(), Some("2.0"), "{}", world.name());
    }
}

#[tokio::test]
async fn what_was_stopped_comes_back_by_nobodys_word() {
    for world in worlds().await {
        let devices = world.devices(2).await;
        world.set("1.0").await;
        let mut plan = plan(world.set("2.0").await);
        plan.waves =
            vec![Wave { gate: Gate { advance: Advance::Manual, ..wave(WaveSize::Rest).gate }, ..wave(WaveSize::Rest) }];
        plan.target = format!("serial:{}", devices[0].name());
        let code = world.started(plan).await;
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("2.0"));
        world.reports(&devices[0], "2.0").await;
        world.wait(SOAK * MINUTE);
        world.poll(&devices[0]).await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 1, "{}", world.name());
        world.fleet.abort_rollout(&operator(), &code, Abort::Keep, "it loses its network").await.unwrap();
        world.look().await;
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("2.0"), "{}: it keeps it", world.name());
        // Written anew on the bench, it gets what it runs.
        world.reports(&devices[0], "1.0").await;
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("1.0"), "{}", world.name());
        // The rollout is long out of memory, and another device says that it runs it.
        world.reports(&devices[1], "2.0").await;
        assert_eq!(world.sees(&devices[1]).await, None, "{}", world.name());
    }
}

#[tokio::test]
async fn windows_hold_and_an_abort_takes_back() {
    for world in worlds().await {
        let devices = world.devices(4).await;
        let (old, new) = (world.set("1.0").await, world.set("2.0").await);
        let night =
            Windows { open: vec![Window { days: Vec::new(), from: 22 * 60, until: 23 * 60 }], ..Windows::default() };
        let mut plan = Plan { windows: night, reaction: Reaction::AbortRevert, revert_to: Some(old), ..plan(new) };
        plan.waves.remove(0);
        let code = world.started(plan).await;
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("1.0"), "{}: it is noon", world.name());
        world.wait(10 * HOUR + 20 * MINUTE);
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("2.0"), "{}", world.name());
        world.reports(&devices[0], "2.0").await;
        world.wait(SOAK * MINUTE);
        world.poll(&devices[0]).await;
        assert_eq!(world.count(&code, 0, S::Verified).await, 1);
        world.fleet.abort_rollout(&operator(), &code, Abort::Revert, "it loses its network").await.unwrap();
        world.look().await;
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("1.0"), "{}: it is taken back", world.name());
        world.reports(&devices[0], "1.0").await;
        world.wait(SOAK * MINUTE);
        assert_eq!(world.sees(&devices[0]).await.as_deref(), Some("1.0"));
        assert_eq!(world.kinds(&devices[0]).await.last(), Some(&"update_verified"), "{}", world.name());
    }
}

#[tokio::test]
async fn nobody_else_asks_here() {
    for world in worlds().await {
        world.devices(1).await;
        let asked = async |actor: &Actor| {
            world.fleet.repository_part(actor, ArtifactKind::Deb, Wanted::Path(IN_RELEASE), Meaning::Entry).await
        };
        assert!(matches!(asked(&admin()).await, Err(Error::Forbidden { .. })), "{}", world.name());
    }
}

#[tokio::test]
async fn a_set_that_ends_before_its_rollout_can_is_not_submitted() {
    for world in worlds().await {
        world.devices(2).await;
        let packager = debs::Packager::new(1, NOW.plus(-DAY));
        let mut files = packager.set("2.0", &[("gateway", b"the gateway 2.0")]);
        let lists = [("Packages", files[2].1.as_slice()), ("Packages.gz", files[3].1.as_slice())];
        let text = packager.release("2.0", &lists);
        let until = format!("Valid-Until: {}\nArchitectures:", debs::date(NOW.plus(3 * HOUR)));
        files[1].1 = packager.signed(&text.replace("Architectures:", &until));
        let set = world.releases().pipeline.envelope(files);
        let id = world.releases().push(&set, &pushing::form("2.0")).await.unwrap().release.id;
        for stage in [Stage::Staging, Stage::Production] {
            world.releases().promote(id, stage).await.unwrap();
        }
        let of = |open_minutes: u32, start_at| {
            let gate = Gate { open_minutes, ..wave(WaveSize::Rest).gate };
            Plan { waves: vec![Wave { gate, ..wave(WaveSize::Rest) }], start_at, ..plan(id) }
        };
        for plan in [of(180, None), of(60, Some(NOW.plus(2 * HOUR)))] {
            let code = world.fleet.create_rollout(&operator(), plan).await.unwrap();
            let version = world.rollout(&code).await.version;
            pushing::says(world.fleet.submit_rollout(&operator(), &code, version).await, "Valid-Until");
            assert_eq!(world.state(&code).await, RolloutState::Draft, "{}", world.name());
        }
        world.submitted(of(170, None)).await;
    }
}
