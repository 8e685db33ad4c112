//! `muster doctor`: what is wrong with an installation, and what to do. It looks at what is there, running or not, and
//! changes nothing; of storage in a bucket alone it tries, as each start does, whether an object can be written.

mod authorities;
mod database;
mod finding;
mod folder;
mod listeners;
mod provider;
mod reach;
mod work;

use super::{place, serve::say, shelf};
use crate::{
    cli::{Doctor, Serve},
    failure::{Failure, Outcome},
};
use finding::{Findings, Mark};
use fleet::Fleet;

/// Looks, and says what it found.
///
/// # Errors
/// When something is wrong, or to be looked at.
pub async fn run(doctor: Doctor) -> Outcome {
    let found = if doctor.only_listeners {
        let mut found = Findings::default();
        listeners::look(&doctor.serve, true, &mut found).await;
        found
    } else {
        examine(&doctor.serve).await
    };
    if doctor.json {
        say(&serde_json::to_string_pretty(&found).map_err(Failure::because)?)?;
    } else {
        for line in found.lines() {
            say(&line)?;
        }
    }
    match found.worst() {
        Mark::Ok => Ok(()),
        Mark::Attention => Err(Failure::Found("some things want attention".to_owned())),
        Mark::Wrong => Err(Failure::Found("something is wrong".to_owned())),
    }
}

/// Everything, in the order in which one thing stands on another.
async fn examine(serve: &Serve) -> Findings {
    let mut found = Findings::default();
    let folder = match place::folder(&serve.place) {
        Ok(folder) => folder,
        Err(why) => {
            found.wrong("data folder", why.to_string(), "say where it is with --data FOLDER");
            return found;
        }
    };
    let state = folder::look(&folder, &mut found);
    folder::passphrase(&serve.keys, &mut found);
    // Whoever opens the database's files as another user leaves some that its owner can't open.
    if state.is_ours
        && let Some(fleet) = database::look(&serve.place, &folder, &mut found).await
    {
        inside(serve, fleet, &folder, &mut found).await;
    }
    provider::look(serve, &mut found).await;
    listeners::look(serve, state.is_running, &mut found).await;
    found
}

async fn inside(serve: &Serve, fleet: Fleet, folder: &std::path::Path, found: &mut Findings) {
    let fleet = match (place::keys(&serve.keys, folder), shelf::place(&serve.shelf)) {
        (Ok(keys), Ok(shelf)) => fleet.with_keys(keys).with_shelf(shelf),
        (Err(why), _) => {
            found.wrong("keys", why.to_string(), "give a file that holds the passphrase with --key-passphrase-file");
            fleet
        }
        (_, Err(why)) => {
            found.wrong("files of releases", why.to_string(), "see “Files in a bucket” in OPERATIONS.md");
            fleet
        }
    };
    authorities::look(&fleet, found).await;
    reach::look(&fleet, found).await;
    work::look(&fleet, found).await;
    provider::look_at_admins(serve, &fleet, found).await;
    fleet.db().close().await;
}
