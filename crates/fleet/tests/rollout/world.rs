//! What these tests share: a fleet with releases, and devices that do as they are told.

pub use crate::scene::{RULE, admin, manager, operator, user};
pub use fleet::rollout::Resume;

use crate::{pushing, scene};
use domain::{
    history::Event,
    id::{DeviceId, ReleaseId},
    release::Stage,
    report::{Attributes, UpdateMode},
    rollout::{
        ActionState, Advance, Execution, Feedback, Finished, Gate, Plan, Reaction, RolloutState, Wave, WaveSize,
        Windows,
    },
    time::{DAY, MINUTE, SECOND, Timestamp},
};
use fleet::{
    Actor, Fleet, Origin, Result,
    check_in::PollAnswer,
    rollout::{RolloutDetail, StateCount},
    seed::Life,
    update::UpdateLink,
};
use uuid::Uuid;

/// 2 November 2026, 12:00, a Monday.
pub const NOW: Timestamp = pushing::NOW;

/// What a manager says who lets a rollout go on in spite of its gate.
pub const IN_SPITE: Resume<'static> = Resume::because("It is known.");

/// A fleet with a pipeline whose signatures count.
pub struct World {
    pub fleet: Fleet,
    releases: pushing::World,
}

/// One on each database.
pub async fn worlds() -> Vec<World> {
    let mut out = Vec::new();
    for releases in pushing::worlds().await {
        let fleet = releases.fleet.clone();
        fleet.load_trust().await.unwrap();
        for stage in Stage::WITH_RULES {
            releases.rule(stage, &[], 0, 0, false).await;
        }
        out.push(World { fleet, releases });
    }
    out
}

impl World {
    pub fn name(&self) -> &'static str {
        self.releases.name()
    }

    /// Another process on the same database, at the same time.
    pub async fn another(&self) -> Fleet {
        let fleet = pushing::fleet_on(&self.releases.fixture, &self.releases.clock);
        fleet.load_trust().await.unwrap();
        fleet.refresh_rollouts().await.unwrap();
        fleet
    }

    /// The same seen from there, once it has read what it sends.
    pub async fn at_another(self) -> Self {
        let fleet = self.another().await;
        fleet.read_what_is_sent().await;
        Self { fleet, ..self }
    }

    pub fn wait(&self, micros: i64) {
        self.releases.wait(micros);
    }

    /// Devices `GW-000` and so on, of one model, that run 1.0.
    pub async fn devices(&self, n: usize) -> Vec<Actor> {
        self.devices_of(0, n).await
    }

    pub async fn devices_of(&self, from: usize, n: usize) -> Vec<Actor> {
        self.devices_of_batch(from, n, scene::A).await
    }

    /// The same of a batch.
    pub async fn devices_of_batch(&self, from: usize, n: usize, batch: u128) -> Vec<Actor> {
        let lives: Vec<Life> = (from..from + n).map(|n| life(n, batch)).collect();
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
        lives.into_iter().map(|life| device(life.id, &life.serial)).collect()
    }

    /// The same with hardware revisions by their numbers.
    pub async fn devices_of_revisions(&self, n: usize, revision: impl Fn(usize) -> &'static str) -> Vec<Actor> {
        let of = |n: usize| Life { hardware_revision: revision(n).to_owned(), ..life(n, scene::A) };
        let lives: Vec<Life> = (0..n).map(of).collect();
        self.fleet.seed_devices(&RULE, &lives).await.unwrap();
        lives.into_iter().map(|life| device(life.id, &life.serial)).collect()
    }

    /// A release for the model, signed, pushed, and brought to a stage.
    pub async fn release(&self, version: &str, stage: Stage) -> ReleaseId {
        let id = self.releases.pushed(version).await;
        for next in Stage::WITH_RULES {
            if matches!(stage, Stage::Production | Stage::Withdrawn) || stage == next {
                self.releases.promote(id, next).await.unwrap();
            }
        }
        if stage == Stage::Withdrawn {
            self.withdraw(id).await;
        }
        id
    }

    /// A set of Debian packages for the model, in production.
    pub async fn set(&self, version: &str) -> ReleaseId {
        let set = self.releases.pipeline.set(version);
        let id = self.releases.push(&set, &pushing::form(version)).await.unwrap().release.id;
        for stage in [Stage::Staging, Stage::Production] {
            self.releases.promote(id, stage).await.unwrap();
        }
        id
    }

    /// What releases are made by.
    pub const fn releases(&self) -> &pushing::World {
        &self.releases
    }

    pub fn shelf(&self, sha256: &str) -> std::path::PathBuf {
        self.releases.shelf(sha256)
    }

    pub async fn withdraw(&self, id: ReleaseId) {
        self.fleet.withdraw_release(&operator(), id, "it loses its network").await.unwrap();
    }

    pub async fn rollout(&self, code: &str) -> RolloutDetail {
        self.fleet.rollout(&operator(), code).await.unwrap()
    }

    pub async fn state(&self, code: &str) -> RolloutState {
        self.rollout(code).await.row.state
    }

    /// How many devices of a wave are in a state.
    pub async fn count(&self, code: &str, wave: usize, state: ActionState) -> u64 {
        let detail = self.rollout(code).await;
        let of_state = |count: &&StateCount| count.state == state;
        detail.wave_views[wave].counts.iter().filter(of_state).map(|count| count.n).sum()
    }

    /// Writes, submits and has it approved; it starts by that.
    pub async fn started(&self, plan: Plan) -> String {
        let code = self.submitted(plan).await;
        self.approve(&manager(), &code).await.unwrap();
        self.look().await;
        code
    }

    pub async fn submitted(&self, plan: Plan) -> String {
        let code = self.fleet.create_rollout(&operator(), plan).await.unwrap();
        let version = self.rollout(&code).await.version;
        self.fleet.submit_rollout(&operator(), &code, version).await.unwrap();
        code
    }

    pub async fn approve(&self, actor: &Actor, code: &str) -> Result<()> {
        let id = self.fleet.rollout_approval(&operator(), code).await.unwrap().unwrap();
        let hash = self.fleet.approval(&manager(), id).await.unwrap().row.hash;
        self.fleet.decide(actor, id, &hash, true, "").await
    }

    pub async fn look(&self) {
        self.fleet.look_after_rollouts().await.unwrap();
    }

    pub async fn poll(&self, device: &Actor) -> PollAnswer {
        self.wait(SECOND);
        self.fleet.poll(device).await.unwrap_or_else(|error| panic!("{}: {}: {error}", self.name(), device.name()))
    }

    /// The update that a device is told of.
    pub async fn offered(&self, device: &Actor) -> Option<i64> {
        match self.poll(device).await.update {
            Some(UpdateLink::Deployment { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// The update that a device's user is asked about.
    pub async fn asked(&self, device: &Actor) -> Option<i64> {
        match self.poll(device).await.update {
            Some(UpdateLink::Confirmation { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// Those of these devices that are told of an update.
    pub async fn offered_of(&self, devices: &[Actor]) -> Vec<(Actor, i64)> {
        let mut out = Vec::new();
        for device in devices {
            if let Some(id) = self.offered(device).await {
                out.push((device.clone(), id));
            }
        }
        out
    }

    pub async fn says(&self, device: &Actor, id: i64, execution: Execution, finished: Finished) {
        let details = vec!["it was so".to_owned()];
        let feedback = Feedback { execution, finished, code: None, details };
        self.fleet.update_feedback(device, id, &feedback).await.unwrap();
    }

    pub async fn reports(&self, device: &Actor, version: &str) {
        self.wait(SECOND);
        let said = Attributes::collect([("sw.version", version.to_owned())]);
        self.fleet.report(device, said, UpdateMode::Merge).await.unwrap();
    }

    /// Installs, starts with it, says so, and lives through the soak.
    pub async fn installs(&self, device: &Actor, id: i64, version: &str) {
        self.fleet.deployment(device, id, None).await.unwrap();
        self.says(device, id, Execution::Proceeding, Finished::None).await;
        self.says(device, id, Execution::Closed, Finished::Success).await;
        assert!(self.poll(device).await.wants_report, "{}: only the device can say what runs", self.name());
        self.reports(device, version).await;
        self.wait(SOAK * MINUTE);
        self.poll(device).await;
    }

    pub async fn fails(&self, device: &Actor, id: i64) {
        self.says(device, id, Execution::Closed, Finished::Failure).await;
    }

    pub async fn told(&self, device: &Actor) -> Vec<Event> {
        let record = self.fleet.device_record(&operator(), device.name()).await.unwrap();
        let is_update = |event: &Event| event.kind().starts_with("update_");
        record.history.into_iter().map(|entry| entry.event).filter(is_update).collect()
    }

    pub async fn kinds(&self, device: &Actor) -> Vec<&'static str> {
        self.told(device).await.iter().map(Event::kind).collect()
    }

    pub async fn why(&self, device: &Actor, code: &str) -> Option<String> {
        self.fleet.why_not(&operator(), device.name(), code).await.unwrap().why_not
    }
}

pub const SOAK: i64 = 10;

fn life(n: usize, batch: u128) -> Life {
    let mut life = scene::life(&format!("GW-{n:03}"), batch, NOW.plus(-30 * DAY));
    // The same in every run, so that one salt always deals alike.
    life.id = DeviceId(Uuid::from_u128(0xD000 + n as u128));
    if let Some(Event::Manufactured { firmware, .. }) = life.history.first_mut().map(|entry| &mut entry.event) {
        *firmware = Some("1.0".to_owned());
    }
    life
}

/// Lets devices poll, and writes down that they did.
pub async fn heard(world: &World, devices: &[Actor]) {
    for device in devices {
        world.fleet.came(device);
        world.poll(device).await;
    }
    world.fleet.flush_contacts().await.unwrap();
}

pub fn device(id: DeviceId, serial: &str) -> Actor {
    Actor::Device { id, serial: serial.to_owned(), origin: Origin { address: "198.51.100.7".to_owned() } }
}

pub const GATE: Gate = Gate {
    advance: Advance::Auto,
    open_minutes: 0,
    min_sample: 3,
    failed_limit: 10_000,
    silent_limit: 34_000,
    done: 100_000,
    evidence: None,
};

pub fn wave(size: WaveSize) -> Wave {
    Wave { name: "Wave".to_owned(), size, gate: GATE }
}

/// Five devices first, then the rest.
pub fn plan(release: ReleaseId) -> Plan {
    Plan {
        name: "Gateways to 2.0".to_owned(),
        release,
        target: "model:GW-200".to_owned(),
        waves: vec![wave(WaveSize::Devices(5)), wave(WaveSize::Rest)],
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 60,
        soak_minutes: u32::try_from(SOAK).unwrap(),
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: String::new(),
        experiment: None,
        late_by_habit: false,
        confirmation_required: false,
    }
}
