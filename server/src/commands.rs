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
    cli::{self, Command, LogFormat},
    failure::{Failure, Outcome},
    log,
};
use fleet::Actor;

/// Who acts when a command is typed: whoever may run it on this machine may read its database anyway.
pub const COMMAND_LINE: Actor = Actor::Rule { name: "command line" };

/// Runs a command to its end.
///
/// # Errors
/// With a sentence for people.
pub fn run(command: Command) -> Outcome {
    log::begin(log_format(&command));
    // Every command takes the same road, so that one of them can't be forgotten in a test of all.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::because)?;
    runtime.block_on(async {
        match command {
            Command::Serve(serve) => serve::run(*serve).await,
            Command::Demo(demo) => demo::run(demo).await,
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

/// What goes on says so to programs, if it is to; what is typed tells people what it did.
const fn log_format(command: &Command) -> LogFormat {
    match command {
        Command::Serve(serve) => serve.watch.log_format,
        Command::Demo(demo) => demo.watch.log_format,
        _ => LogFormat::Text,
    }
}
