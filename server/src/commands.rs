//! What each command does. One file per command, named as it is typed.

mod audit;
mod authority;
mod backup;
mod ceremony;
mod demo;
pub(crate) mod files;
mod import;
mod kit;
mod openapi;
mod place;
mod release;
mod restore;
mod serve;
mod shelf;
mod simulate;
mod station;
mod user;

use crate::{
    cli::{self, Command},
    failure::{Failure, Outcome},
};
use fleet::Actor;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Who acts when a command is typed: whoever may run it on this machine may read its database anyway.
pub const COMMAND_LINE: Actor = Actor::Rule { name: "command line" };

/// Runs a command to its end.
///
/// # Errors
/// With a sentence for people.
pub fn run(command: Command) -> Outcome {
    log();
    // Every command takes the same road, so that one of them can't be forgotten in a test of all.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::because)?;
    runtime.block_on(async {
        match command {
            Command::Serve(serve) => serve::run(serve).await,
            Command::Demo(demo) => demo::run(demo).await,
            Command::Import(import) => import::run(import).await,
            Command::Backup(backup) => backup::run(backup).await,
            Command::Restore(restore) => restore::run(restore).await,
            Command::Audit(cli::Audit::Verify(place)) => audit::verify(place).await,
            Command::User(cli::User::Add(user)) => user::add(user).await,
            Command::Ceremony(step) => ceremony::run(step),
            Command::Authority(what) => authority::run(what).await,
            Command::Station(what) => station::run(what).await,
            Command::Kit(kit) => kit::run(kit).await,
            Command::Release(what) => release::run(what).await,
            Command::Simulate(simulate) => simulate::run(simulate).await,
            Command::Openapi => openapi::run(),
        }
    })
}

/// Lines for people on a terminal, without colours elsewhere; always on standard error, where answers are not.
fn log() {
    let filter =
        EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tower_sessions=warn"));
    let terminal = std::io::stderr().is_terminal();
    // A second call, as in tests, keeps the first one's settings.
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal).try_init();
}
