//! Whether a device gets a release now, and if not, why, in a sentence.

use super::{Plan, RolloutState};
use crate::{
    device::{Lifecycle, Trust},
    id::ModelId,
    time::Timestamp,
    version::version_key,
    words::{counted, words},
};

/// A device, as far as rules need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its model.
    pub model: ModelId,
    /// Its hardware revision.
    pub revision: String,
    /// The code of its batch.
    pub batch: String,
    /// Its release channel.
    pub channel: String,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Whether it may be trusted.
    pub trust: Trust,
    /// Whether its certificate is on hold.
    pub held: bool,
    /// What it reported to run; empty for nothing.
    pub firmware: String,
    /// The zone that it reported; empty for none.
    pub zone: String,
}

/// A release, as far as rules need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fits {
    /// Its version.
    pub version: String,
    /// The models that it is for.
    pub models: Vec<ModelId>,
    /// The hardware revisions that it is for; every one if there are none.
    pub revisions: Vec<String>,
    /// Whether it may be sent to devices of a channel: [`fits_channel`].
    pub stage: String,
}

/// Why a device doesn't get a release, the weightiest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its certificate is on hold.
    Held,
    /// It is not trusted.
    Untrusted(Trust),
    /// It is retired, or on a repair bench.
    Lifecycle(Lifecycle),
    /// The rollout does not offer anything.
    State(RolloutState),
    /// It is not in the target.
    NotInTarget,
    /// It is in no wave.
    InNoWave,
    /// It is in the hold-out.
    HoldOut(String),
    /// The release is for other models.
    OtherModel,
    /// The release is for other revisions.
    OtherRevision(String),
    /// The release's stage is not for its channel.
    Stage {
        /// The release's stage.
        stage: String,
        /// The device's channel.
        channel: String,
    },
    /// It had its turn already.
    HadIt,
    /// It runs the version.
    RunsIt(String),
    /// It runs something newer.
    RunsNewer(String),
    /// The rollout goes on without devices that have something in common with it: why.
    HeldBack(String),
    /// Its wave was not opened yet.
    WaveNotOpen {
        /// Its wave, from 0.
        wave: usize,
        /// The wave's name.
        name: String,
    },
    /// Another update is under way.
    Busy(String),
    /// It is to be tried again later.
    Retry(Timestamp),
    /// Outside of its maintenance windows.
    Window,
    /// So many devices were told in this minute already.
    Rate(u32),
    /// The release was not found in order before its delivery.
    Release(String),
}

words! {
    /// Where that can be changed which keeps a device from a release.
    Remedy {
        /// At its certificate, which is on hold.
        Certificate => "certificate", "Its certificate";
        /// At what speaks against it.
        Trust => "trust", "What speaks against it";
        /// At its repair.
        Repair => "repair", "Its repair";
        /// At the wave, which is not open.
        Wave => "wave", "The waves";
        /// In the plan, which a rollout of its own can say otherwise.
        Plan => "plan", "The plan";
        /// At the rollout, which does not run.
        Rollout => "rollout", "The rollout";
        /// At the release, or by another one.
        Release => "release", "The release";
    }
}

impl Reason {
    /// Where it can be changed; none where there is nothing to be changed but to wait.
    #[must_use]
    pub const fn remedy(&self) -> Option<Remedy> {
        Some(match self {
            Self::Held => Remedy::Certificate,
            Self::Untrusted(_) => Remedy::Trust,
            Self::Lifecycle(Lifecycle::InRepair) => Remedy::Repair,
            Self::WaveNotOpen { .. } => Remedy::Wave,
            Self::State(_) | Self::HeldBack(_) => Remedy::Rollout,
            Self::NotInTarget
            | Self::InNoWave
            | Self::HoldOut(_)
            | Self::RunsNewer(_)
            | Self::Window
            | Self::Rate(_)
            | Self::Retry(_) => Remedy::Plan,
            Self::OtherModel | Self::OtherRevision(_) | Self::Stage { .. } | Self::Release(_) => Remedy::Release,
            Self::Lifecycle(_) | Self::HadIt | Self::RunsIt(_) | Self::Busy(_) => return None,
        })
    }

    /// It in a few words, the same for all devices of which it is so: `not trusted`.
    #[must_use]
    pub const fn in_short(&self) -> &'static str {
        match self {
            Self::Held => "with a certificate on hold",
            Self::Untrusted(_) => "not trusted",
            Self::Lifecycle(Lifecycle::InRepair) => "in repair",
            Self::Lifecycle(_) => "retired",
            Self::State(_) => "of a rollout that does not run",
            Self::NotInTarget => "not in the target",
            Self::InNoWave => "in no wave",
            Self::HoldOut(_) => "held out for comparison",
            Self::OtherModel => "of another model",
            Self::OtherRevision(_) => "of another hardware revision",
            Self::Stage { .. } => "of another channel",
            Self::HadIt => "had their turn",
            Self::RunsIt(_) => "run it already",
            Self::RunsNewer(_) => "run something newer",
            Self::HeldBack(_) => "held back",
            Self::WaveNotOpen { .. } => "of a wave that is not open",
            Self::Busy(_) => "busy with another update",
            Self::Retry(_) => "to be tried again",
            Self::Window => "outside of their window",
            Self::Rate(_) => "over the rate",
            Self::Release(_) => "whose release is not in order",
        }
    }

    /// It in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Held => "Its certificate is on hold. Release it first.".to_owned(),
            Self::Untrusted(Trust::Suspect) => "Something about it does not fit. Settle its findings first.".to_owned(),
            Self::Untrusted(trust) => format!("It is {}, so it gets nothing.", trust.label().to_lowercase()),
            Self::Lifecycle(Lifecycle::InRepair) => {
                "It is in repair. It gets updates again once its repair is closed.".to_owned()
            }
            Self::Lifecycle(lifecycle) => format!("It is {}.", lifecycle.label().to_lowercase()),
            Self::State(state) => format!("The rollout is not running: {}.", state.label().to_lowercase()),
            Self::NotInTarget => "It was not in the target when the rollout was submitted.".to_owned(),
            Self::InNoWave => "It is in the target, but in none of the waves.".to_owned(),
            Self::HoldOut(name) => format!("It is in the cohort “{name}”, which gets nothing for comparison."),
            Self::OtherModel => "The release is not made for its model.".to_owned(),
            Self::OtherRevision(revision) => format!("The release is not made for hardware revision {revision}."),
            Self::Stage { stage, channel } => {
                format!("The release is in stage {stage}, and the device’s channel is {channel}.")
            }
            Self::HadIt => "It had its turn in this rollout.".to_owned(),
            Self::RunsIt(version) => format!("It runs {version} already."),
            Self::RunsNewer(version) => {
                format!("It runs {version}, which is newer, and this rollout does not downgrade.")
            }
            Self::HeldBack(why) => format!("The rollout goes on without devices like it. {why}"),
            Self::WaveNotOpen { wave, name } => {
                format!("It is in wave {} (“{name}”), which is not open yet.", wave + 1)
            }
            Self::Busy(what) => format!("Another update is under way on it: {what}."),
            Self::Retry(at) => format!("It failed, and is tried again after {} UTC.", at.minute_words()),
            Self::Window => "It is outside of its maintenance window.".to_owned(),
            Self::Rate(rate) => {
                format!("This minute’s limit of {} is reached; it comes next.", counted((*rate).into(), "device"))
            }
            Self::Release(why) => why.clone(),
        }
    }
}

/// Whether devices of a channel get releases of a stage. What is withdrawn nobody gets; channels that are not known count as
/// production.
#[must_use]
pub fn fits_channel(stage: &str, channel: &str) -> bool {
    match channel {
        "dev" => matches!(stage, "dev" | "staging" | "production"),
        "staging" => matches!(stage, "staging" | "production"),
        _ => stage == "production",
    }
}

/// Whether a device may get a release by a plan at `now`, whatever wave it is in.
///
/// # Errors
/// Says why not.
pub fn eligible(subject: &Subject, fits: &Fits, plan: &Plan, now: Timestamp) -> Result<(), Reason> {
    may_install(subject, fits, plan.downgrades)?;
    if plan.windows.are_open(now, &subject.zone) { Ok(()) } else { Err(Reason::Window) }
}

/// Whether a device may get a release at any time: one that is older than what it runs only where `downgrades` are wanted.
///
/// # Errors
/// Says why not.
pub fn may_install(subject: &Subject, fits: &Fits, downgrades: bool) -> Result<(), Reason> {
    trusted(subject)?;
    if !fits.models.contains(&subject.model) {
        return Err(Reason::OtherModel);
    }
    let any = fits.revisions.is_empty();
    if !any && !fits.revisions.iter().any(|revision| revision.eq_ignore_ascii_case(&subject.revision)) {
        return Err(Reason::OtherRevision(subject.revision.clone()));
    }
    if !fits_channel(&fits.stage, &subject.channel) {
        return Err(Reason::Stage { stage: fits.stage.clone(), channel: subject.channel.clone() });
    }
    if !subject.firmware.is_empty() {
        let (runs, brings) = (version_key(&subject.firmware), version_key(&fits.version));
        if runs == brings {
            return Err(Reason::RunsIt(subject.firmware.clone()));
        }
        if runs > brings && !downgrades {
            return Err(Reason::RunsNewer(subject.firmware.clone()));
        }
    }
    Ok(())
}

/// Whether a device may get anything at all.
///
/// # Errors
/// Says why not.
pub const fn trusted(subject: &Subject) -> Result<(), Reason> {
    if subject.held {
        return Err(Reason::Held);
    }
    if !matches!(subject.trust, Trust::Trusted) {
        return Err(Reason::Untrusted(subject.trust));
    }
    if matches!(subject.lifecycle, Lifecycle::Retired | Lifecycle::InRepair) {
        return Err(Reason::Lifecycle(subject.lifecycle));
    }
    Ok(())
}
