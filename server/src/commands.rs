//! What each command does. One file per command, named as it is typed.

mod audit;
mod authority;
mod backup;
mod ceremony;
mod client;
mod config;
mod demo;
mod doctor;
pub(crate) mod files;
mod import;
mod kit;
mod oidc;
mod openapi;
mod place;
mod release;
mod restore;
mod restored;
mod rollout;
mod serve;
mod shelf;
mod simulate;
mod station;
mod user;

use crate::{
    cli::{self, Command, LogFormat, Watch},
    failure::{Failure, Outcome},
    log, traces,
};
use fleet::Actor;

/// Who acts when a command is typed: whoever may run it on this machine may read its database anyway.
pub const COMMAND_LINE: Actor = Actor::Rule { name: "command line" };

/// Runs a command to its end.
///
/// # Errors
/// With a sentence for people.
pub fn run(command: Command) -> Outcome {
    let (format, traces) = match watch(&command) {
        // What goes on says so to programs, if it is to; what is typed tells people what it did.
        Some(watch) => (watch.log_format, traces::begin(&watch.traces)?),
        None => (LogFormat::Text, None),
    };
    log::begin(format, traces);
    // Every command takes the same road, so that one of them can't be forgotten in a test of all.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::because)?;
    runtime.block_on(async {
        match command {
            Command::Serve(serve) => serve::run(*serve).await,
            Command::Demo(demo) => demo::run(*demo).await,
            Command::Import(import) => import::run(import).await,
            Command::Backup(backup) => backup::run(backup).await,
            Command::Restore(restore) => restore::run(restore).await,
            Command::Restored(restored) => restored::run(restored).await,
            Command::Audit(cli::Audit::Verify(place)) => audit::verify(place).await,
            Command::User(cli::User::Add(user)) => user::add(user).await,
            Command::User(cli::User::ResetFactors(whose)) => user::reset_factors(whose).await,
            Command::Ceremony(step) => ceremony::run(step),
            Command::Authority(what) => authority::run(what).await,
            Command::Station(what) => station::run(what).await,
            Command::Kit(kit) => kit::run(kit).await,
            Command::Release(what) => release::run(what).await,
            Command::Rollout(what) => rollout::run(what).await,
            Command::Simulate(simulate) => simulate::run(simulate).await,
            Command::Openapi => openapi::run(),
            Command::Config(what) => config::run(what),
            Command::Doctor(doctor) => doctor::run(*doctor).await,
        }
    })
}

/// How what goes on is watched.
const fn watch(command: &Command) -> Option<&Watch> {
    match command {
        Command::Serve(serve) => Some(&serve.watch),
        Command::Demo(demo) => Some(&demo.watch),
        _ => None,
    }
}
