//! Rollouts of a made-up fleet, by the deeds that people do and by devices that install: one is over, one was stopped by its gate,
//! one compares releases, one has just opened its second wave, and one waits for a manager. Those that decide by evidence are in
//! [`evidence`].

mod evidence;
mod whose;

use crate::{
    Travel, World,
    demo::{ACTOR, Plan},
    device::{Device, Did, Fault, Faults, Harm, Inside, RESTART_S},
    live,
    releases::{Crew, approve},
    wired,
};
use domain::{
    custody::slug,
    id::ReleaseId,
    rollout::{Advance, Cohorts, Gate, Plan as RolloutPlan, Reaction, Variant, Wave, WaveSize, Windows},
    time::{HOUR, MINUTE, SECOND, Timestamp},
};
use fleet::{Error, Fleet, Result};
use std::sync::Arc;
use store::device_list::Sort;
use whose::{a_client, counted, in_use};

/// How many devices a rollout of the past has at most, so that it is made at once.
const MOST: i64 = 40;
/// How many an experiment, or a gate that goes by evidence, has at most: few devices show little.
const MANY: i64 = 120;
/// After so many devices of the past somebody looks after the rollouts, as time does in the present.
const LOOK: usize = 8;
/// How often devices of the past poll.
const POLL: i64 = 5 * MINUTE;

/// A rollout to be told.
struct Story {
    plan: RolloutPlan,
    /// What goes wrong.
    faults: Arc<Faults>,
    /// How long ago it was approved, and for how long its devices are followed; none waits for its approval.
    past: Option<(i64, i64)>,
}

/// Makes the rollouts that a fleet doesn't have yet. Where there are too few devices for one, it is left out.
///
/// # Errors
/// When the database or the data folder fails.
pub async fn happen(fleet: &Fleet, travel: &Travel, plan: Plan, world: &World, crew: Crew<'_>) -> Result<()> {
    let made = make(fleet, travel, plan, world, crew).await;
    travel.home();
    made
}

async fn make(fleet: &Fleet, travel: &Travel, plan: Plan, world: &World, crew: Crew<'_>) -> Result<()> {
    for story in stories(fleet, plan, world, crew).await? {
        match fleet.rollout(crew.operator, &slug(&story.plan.name)).await {
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => continue,
        }
        travel.to(plan.now.plus(-story.past.map_or(HOUR, |(ago, _)| ago)));
        match tell(fleet, travel, story, crew).await {
            // No device is left for a wave: a fleet this small has no such rollout.
            Ok(()) | Err(Error::Invalid { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn stories(fleet: &Fleet, plan: Plan, world: &World, crew: Crew<'_>) -> Result<Vec<Story>> {
    let release = async |product: &str, version: &str| match fleet.release_named(crew.operator, product, version).await
    {
        Ok(release) => Ok(Some(release.id)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let camera = release("camera-os", "3.1.4").await?;
    let (old, new) = (release("gateway-os", "1.4.2").await?, release("gateway-os", "1.5.0").await?);
    let (Some(camera), Some(old), Some(new)) = (camera, old, new) else { return Ok(Vec::new()) };
    let mut taken: Vec<String> = wired::client(world).map(|client| client.code.clone()).into_iter().collect();
    let mut stories = Vec::new();
    if let Some(target) = a_client(fleet, world, ("model:CAM-80 fw<3.1.4", 4..=MOST), &mut Vec::new()).await? {
        stories.push(over(camera, target));
    }
    // Before others take the clients that have many devices.
    if let Some(newer) = release("gateway-os", "1.5.1").await? {
        if let Some(target) = a_client(fleet, world, ("model:GW-200 rev:B,C fw<1.5", 70..=MANY), &mut taken).await? {
            stories.push(evidence::decided((new, newer), counted(fleet, target).await?, plan.seed));
        }
        if let Some(target) = a_client(fleet, world, ("model:GW-200 fw<1.5", 50..=MANY), &mut taken).await? {
            stories.push(evidence::undecided((new, newer), counted(fleet, target).await?, plan.seed));
        }
    }
    if let Some(target) = a_client(fleet, world, ("model:GW-200 fw<1.5", 10..=MOST), &mut taken).await? {
        stories.push(stopped(new, old, target, plan.seed));
    }
    if let Some(target) = a_client(fleet, world, ("model:GW-200 fw<1.4.2", 10..=MOST), &mut taken).await? {
        stories.push(compared(old, new, target, plan.seed));
    }
    if let Some(target) = a_client(fleet, world, ("model:GW-200 fw<1.5", 30..=MANY), &mut taken).await? {
        stories.push(evidence::shown(new, target, plan.seed));
    }
    if let Some(client) = wired::client(world) {
        stories.push(running(new, old, in_use("model:GW-200 fw<1.5", &client.code), plan.seed));
    }
    stories.push(waiting(camera));
    Ok(stories)
}

/// Percent in parts of 100 000.
const fn percent(n: u32) -> u32 {
    n * 1_000
}

fn gate(failed: u32, min_sample: u64, open_minutes: u32) -> Gate {
    Gate {
        advance: Advance::Auto,
        open_minutes,
        min_sample,
        failed_limit: percent(failed),
        silent_limit: percent(10),
        done: percent(80),
        evidence: None,
    }
}

fn wave(name: &str, size: WaveSize, gate: Gate) -> Wave {
    Wave { name: name.to_owned(), size, gate }
}

/// A plan as most are; what differs is set by whoever asks.
fn usual(name: &str, release: ReleaseId, target: String, waves: Vec<Wave>) -> RolloutPlan {
    RolloutPlan {
        name: name.to_owned(),
        release,
        target,
        waves,
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 0,
        timeout_minutes: 120,
        soak_minutes: 5,
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

fn over(camera: ReleaseId, target: String) -> Story {
    let waves = vec![
        wave("A quarter", WaveSize::Share(percent(25)), gate(20, 2, 0)),
        wave("The others", WaveSize::Rest, gate(20, 2, 0)),
    ];
    let plan = usual("Night mode without flicker", camera, target, waves);
    Story { plan, faults: Arc::default(), past: Some((30 * HOUR, HOUR)) }
}

fn stopped(new: ReleaseId, old: ReleaseId, target: String, seed: u64) -> Story {
    let waves = vec![
        wave("Revision A", WaveSize::Query("rev:A".to_owned()), gate(25, 2, 0)),
        wave("Later revisions", WaveSize::Rest, gate(10, 4, 0)),
    ];
    let plan = RolloutPlan { revert_to: Some(old), ..usual("Gateways to 1.5.0, second client", new, target, waves) };
    let fault =
        |harm, share, serials: &str| Fault { harm, share, serials: serials.to_owned(), versions: "*".to_owned() };
    let all = vec![
        fault(Harm::Code(17), 60, "GW2B-*"),
        fault(Harm::Code(17), 25, "GW2C-*"),
        fault(Harm::Code(4), 50, "GW2C-*"),
    ];
    Story { plan, faults: Arc::new(Faults::new(seed, all)), past: Some((20 * HOUR, HOUR)) }
}

fn compared(old: ReleaseId, new: ReleaseId, target: String, seed: u64) -> Story {
    let half = wave("All of them", WaveSize::Rest, Gate { advance: Advance::Manual, ..gate(40, 8, 24 * 60) });
    let variant = |name: &str, release, share| Variant { name: name.to_owned(), release, share: percent(share) };
    let variants =
        vec![variant("1.4.2", Some(old), 40), variant("1.5.0", Some(new), 40), variant("Hold-out", None, 20)];
    let cohorts = Some(Cohorts { wave: None, variants });
    let plan = RolloutPlan { cohorts, ..usual("1.4.2 beside 1.5.0", new, target, vec![half]) };
    Story { plan, faults: live::faults(seed), past: Some((3 * HOUR, 40 * MINUTE)) }
}

fn running(new: ReleaseId, old: ReleaseId, target: String, seed: u64) -> Story {
    let waves = vec![
        wave("Canaries", WaveSize::Share(percent(15)), gate(34, 2, 0)),
        wave("A third", WaveSize::Share(percent(33)), gate(25, 4, 10)),
        wave("The others", WaveSize::Rest, gate(20, 6, 10)),
    ];
    let plan = RolloutPlan {
        rate_per_minute: Some(6),
        soak_minutes: 2,
        revert_to: Some(old),
        ..usual("Gateways to 1.5.0", new, target, waves)
    };
    Story { plan, faults: live::faults(seed), past: Some((15 * MINUTE, 10 * MINUTE)) }
}

fn waiting(camera: ReleaseId) -> Story {
    let waves = vec![
        wave("One in a hundred", WaveSize::Share(percent(1)), gate(5, 1, 60)),
        wave("One in ten", WaveSize::Share(percent(10)), gate(5, 5, 24 * 60)),
        wave("Everybody", WaveSize::Rest, gate(5, 20, 0)),
    ];
    let target = "model:CAM-80 state:active fw<3.1.4".to_owned();
    let plan = RolloutPlan { timeout_minutes: 24 * 60, ..usual("Cameras to 3.1.4", camera, target, waves) };
    Story { plan, faults: Arc::default(), past: None }
}

/// Written, submitted and, unless it waits, approved and followed.
async fn tell(fleet: &Fleet, travel: &Travel, story: Story, crew: Crew<'_>) -> Result<()> {
    let target = story.plan.target.clone();
    let devices = if story.past.is_some() { devices(fleet, &target, &story.faults).await? } else { Vec::new() };
    let code = fleet.create_rollout(crew.operator, story.plan).await?;
    let version = fleet.rollout(crew.operator, &code).await?.version;
    let approval = match fleet.submit_rollout(crew.operator, &code, version).await {
        Ok(approval) => approval,
        Err(error) => {
            // A draft that nobody can submit would only be in the way.
            fleet.abort_rollout(crew.operator, &code, fleet::rollout::Abort::Keep, "").await?;
            return Err(error);
        }
    };
    let Some((_, span)) = story.past else { return Ok(()) };
    let began = fleet.now();
    travel.to(began.plus(MINUTE));
    approve(fleet, crew.manager, approval).await?;
    follow(fleet, travel, devices, (began.plus(2 * MINUTE), began.plus(span))).await
}

/// The devices of a target, each with its line.
async fn devices(fleet: &Fleet, target: &str, faults: &Arc<Faults>) -> Result<Vec<(Device, Inside)>> {
    let most = usize::try_from(MANY).unwrap_or(usize::MAX);
    let list = fleet.devices(&ACTOR, target, Sort::default(), None, most).await?;
    let device = |device: domain::device::Device| {
        let line = live::inside(fleet, device.id, &device.serial);
        (Device::new(&device.serial, device.firmware.as_deref().unwrap_or_default(), Arc::clone(faults)), line)
    };
    Ok(list.page.devices.into_iter().map(device).collect())
}

/// Lets devices poll, and the rollout go on, from one time to another.
async fn follow(
    fleet: &Fleet,
    travel: &Travel,
    mut devices: Vec<(Device, Inside)>,
    (from, to): (Timestamp, Timestamp),
) -> Result<()> {
    let mut at = from;
    while at <= to {
        let n = i64::try_from(devices.len().max(1)).unwrap_or(i64::MAX);
        for (place, (device, line)) in devices.iter_mut().enumerate() {
            // Spread over the interval, as they are in the field.
            travel.to(at.plus(POLL / n * i64::try_from(place).unwrap_or_default()));
            let turn = device.turn(line, true).await.map_err(of_line)?;
            if matches!(turn.did, Some(Did::Wrote(_))) {
                travel.to(fleet.now().plus(i64::from(RESTART_S) * SECOND));
                device.turn(line, true).await.map_err(of_line)?;
            }
            if place % LOOK == LOOK - 1 {
                fleet.look_after_rollouts().await?;
            }
        }
        at = at.plus(POLL);
        travel.to(at);
        fleet.look_after_rollouts().await?;
    }
    Ok(())
}

fn of_line(error: crate::device::LineError) -> Error {
    match error {
        crate::device::LineError::Fleet(error) => error,
        other => Error::internal(other),
    }
}
