//! Opening what a command works on.

use crate::{cli::Place, data, failure::Failure};
use fleet::Fleet;
use std::path::PathBuf;
use store::Db;

/// The name of the data folder where none was asked for.
pub const FOLDER: &str = "muster";

/// The data folder of a command.
///
/// # Errors
/// When there is none.
pub fn folder(place: &Place) -> Result<PathBuf, Failure> {
    Ok(data::folder(place.data.as_deref(), FOLDER)?)
}

/// The fleet in this folder, or in the database that is named; both are made if they aren't there.
///
/// # Errors
/// When either can't be opened.
pub async fn open(folder: PathBuf, database_url: Option<&str>) -> Result<Fleet, Failure> {
    data::make(&folder)?;
    let db = Db::open(&folder, database_url).await?;
    Ok(Fleet::new(db, folder))
}

/// The fleet of a command that works on what is there already.
///
/// # Errors
/// When nothing is there, or it can't be opened.
pub async fn existing(place: &Place) -> Result<Fleet, Failure> {
    let folder = folder(place)?;
    if place.database_url.is_none() && !folder.join("muster.db").exists() {
        let told = "holds no Muster database; say where it is with --data FOLDER, or make one with: muster serve";
        return Err(Failure::NotDone(format!("{} {told}", folder.display())));
    }
    open(folder, place.database_url.as_deref()).await
}
