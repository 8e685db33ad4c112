//! `muster kit`: everything that a first real device needs, in a folder.

use super::{COMMAND_LINE, files, place, serve::say};
use crate::{cli::Kit, failure::Outcome};

/// Makes the kit and writes it.
///
/// # Errors
/// When the folder holds files, or the device can't be enrolled.
pub async fn run(step: Kit) -> Outcome {
    // Before a certificate is made that would have no place.
    let _folder = files::empty_folder(&step.folder)?;
    let fleet = place::existing_with_keys(&step.place, &step.keys).await?;
    let kit = if step.key_in_device {
        fleet.est_kit(&COMMAND_LINE, &step.serial).await?
    } else {
        fleet.kit(&COMMAND_LINE, &step.serial).await?
    };
    fleet.db().close().await;
    let written = files::write_all(&step.folder, &kit.files())?;
    say(&format!("The kit of {} ({}):", kit.serial, kit.dns_name))?;
    for path in written {
        say(&format!("  {}", path.display()))?;
    }
    if kit.settings.gateway_url.is_empty() {
        say(
            "The gateway's address is not set, so the files hold a place to fill in; set it with: muster authority settings --gateway-url URL",
        )?;
    }
    Ok(say("README.txt says what to do with them. The key in them is kept nowhere else.")?)
}
