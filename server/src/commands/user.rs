//! `muster user`: accounts, made and helped on the machine itself.

use super::{COMMAND_LINE, place, serve::say};
use crate::{
    cli::{AddUser, ResetFactors},
    data,
    failure::Outcome,
};
use fleet::people::UserForm;

/// Where a console listens that was told nothing else.
const USUAL_URL: &str = "https://localhost:8443";

/// Makes the account and prints its one-time link.
///
/// # Errors
/// When the address is taken or can't be one, or the database fails.
pub async fn add(user: AddUser) -> Outcome {
    let folder = place::folder(&user.place)?;
    let url = user.url.or_else(|| data::noted_address(&folder)).unwrap_or_else(|| USUAL_URL.to_owned());
    let fleet = place::open(folder, place::database_url(&user.place)?.as_deref()).await?;
    let name = user.name.unwrap_or_else(|| user.email.split('@').next().unwrap_or_default().to_owned());
    let form = UserForm { email: user.email, name, role: user.role.to_string() };
    let added = fleet.add_user(&COMMAND_LINE, &form).await?;
    fleet.db().close().await;
    say(&format!("{} may sign in as {}.", added.user.email, added.user.role.label().to_lowercase()))?;
    say(&format!("To choose a password, once, within a week: {}/link/{}", url.trim_end_matches('/'), added.link))?;
    Ok(())
}

/// Takes somebody's second factors away.
///
/// # Errors
/// When there is no such account, it has none, or the database fails.
pub async fn reset_factors(whose: ResetFactors) -> Outcome {
    let folder = place::folder(&whose.place)?;
    let fleet = place::open(folder, whose.place.database_url.as_deref()).await?;
    let user = fleet.user_by_email(&COMMAND_LINE, &whose.email).await?;
    let reset = fleet.reset_factors(&COMMAND_LINE, user.id).await?;
    fleet.db().close().await;
    say(&format!(
        "{} has no second factor any more. Sessions that ended: {}.",
        reset.user.email, reset.sessions_ended
    ))?;
    Ok(())
}
