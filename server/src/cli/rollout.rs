//! `muster rollout`: looking at rollouts, stopping them and letting them go on, by the API of a console elsewhere.

use super::Remote;
use clap::{Args, Subcommand};

/// `muster rollout`.
#[derive(Clone, Debug, Subcommand)]
pub enum Rollout {
    /// List rollouts, the newest first.
    List(ListRollouts),
    /// Show a rollout: how it stands, its waves, and what their gates wait for.
    Show(OneRollout),
    /// Pause a rollout: no device is offered it, who is under way goes on.
    Pause(RolloutReason),
    /// Let a paused rollout go on. One that its gate stopped takes a manager, in the console.
    Resume(RolloutReason),
    /// Open the next wave by hand once the open one's gate is ready, or complete a rollout whose last wave is open.
    Advance(AdvanceRollout),
    /// End a rollout early, for good.
    Abort(AbortRollout),
}

/// `muster rollout list`.
#[derive(Clone, Debug, Args)]
pub struct ListRollouts {
    /// The console.
    #[command(flatten)]
    pub remote: Remote,
    /// Only those in this state: draft, submitted, approved, running, paused, halted, completed or aborted.
    #[arg(long)]
    pub state: Option<String>,
}

/// `muster rollout show`.
#[derive(Clone, Debug, Args)]
pub struct OneRollout {
    /// The console.
    #[command(flatten)]
    pub remote: Remote,
    /// The rollout's word in addresses.
    pub code: String,
}

/// `muster rollout pause`, `muster rollout resume`.
#[derive(Clone, Debug, Args)]
pub struct RolloutReason {
    /// Which one.
    #[command(flatten)]
    pub one: OneRollout,
    /// Why.
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// `muster rollout advance`.
#[derive(Clone, Debug, Args)]
pub struct AdvanceRollout {
    /// Which one.
    #[command(flatten)]
    pub one: OneRollout,
    /// The number of the wave that is open by now, as `show` says it: done again, it opens no further one.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub after: u32,
}

/// `muster rollout abort`.
#[derive(Clone, Debug, Args)]
pub struct AbortRollout {
    /// Which one.
    #[command(flatten)]
    pub one: OneRollout,
    /// Take devices that have it back to the release that the plan names for that.
    #[arg(long)]
    pub revert: bool,
    /// Why.
    #[arg(long, default_value = "")]
    pub reason: String,
}
