//! `muster station`: factory stations and their certificates.

use super::{COMMAND_LINE, files, place, serve::say};
use crate::{
    cli::{AddStation, ListStations, Station},
    failure::Outcome,
};
use fleet::enrol::StationForm;

/// Does what was typed.
///
/// # Errors
/// When it can't be done.
pub async fn run(what: Station) -> Outcome {
    match what {
        Station::Add(step) => add(step).await,
        Station::List(step) => list(step).await,
    }
}

async fn add(step: AddStation) -> Outcome {
    let csr = step.csr.as_deref().map(files::read_text).transpose()?.unwrap_or_default();
    // Before a certificate is made that would have no place.
    let _folder = files::empty_folder(&step.folder)?;
    let fleet = place::existing_with_keys(&step.place, &step.keys).await?;
    let form = StationForm { factory: step.factory, name: step.name, csr };
    let station = fleet.station(&COMMAND_LINE, &form).await?;
    fleet.db().close().await;
    let written = files::write_all(&step.folder, &station.files())?;
    let until = station.certificate.not_after().day_words();
    say(&format!("Enrolled the station {} of {} until {until}:", station.name, form.factory))?;
    for path in written {
        say(&format!("  {}", path.display()))?;
    }
    Ok(())
}

async fn list(step: ListStations) -> Outcome {
    let fleet = place::existing(&step.place).await?;
    let rows = fleet.stations(&COMMAND_LINE, step.factory.as_deref()).await?;
    fleet.db().close().await;
    if rows.is_empty() {
        say("There are no stations. Enrol one with: muster station add FACTORY NAME FOLDER")?;
    }
    for row in rows {
        let status = row.status.label().to_lowercase();
        say(&format!("{:<24} {:<32} {status:<12} until {}", row.factory, row.name, row.not_after.day_words()))?;
    }
    Ok(())
}
