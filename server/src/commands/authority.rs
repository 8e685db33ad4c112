//! `muster authority`: what the authorities' pages do, from the command line. What needs a second person is only
//! requested here: approving is for people in the console.

use super::{COMMAND_LINE, files, place, serve::say};
use crate::{
    cli::{self, Authority, Place},
    failure::{Failure, Outcome},
};
use domain::id::AuthorityId;
use fleet::{Fleet, authority::AuthorityForm};
use pki::Passphrase;

/// Does what was typed.
///
/// # Errors
/// When it can't be done.
pub async fn run(what: Authority) -> Outcome {
    match what {
        Authority::List(place) => list(place).await,
        Authority::BringRoot(step) => bring_root(step).await,
        Authority::Link(step) => link(step).await,
        Authority::Request(step) => request(step).await,
        Authority::Pem(step) => pem(step).await,
        Authority::Deliver(step) => deliver(step).await,
        Authority::Crl(step) => crl(step).await,
        Authority::Delegate(step) => delegate(step).await,
        Authority::Manifest(step) => manifest(step).await,
        Authority::Retire(step) => retire(step).await,
        Authority::Settings(step) => settings(step).await,
    }
}

async fn list(place: Place) -> Outcome {
    let fleet = place::existing(&place).await?;
    let rows = fleet.authorities(&COMMAND_LINE).await?;
    fleet.db().close().await;
    if rows.is_empty() {
        say(
            "There are no authorities yet. Make a root (muster ceremony root) and bring it in (muster authority bring-root).",
        )?;
    }
    for row in rows {
        let authority = &row.authority;
        let name = format!("{}{}", "  ".repeat(row.depth), authority.slug);
        let until = authority.not_after.map(|at| format!("until {}", at.day_words())).unwrap_or_default();
        let issued = authority.quota.map_or_else(
            || format!("{} issued", authority.issued),
            |quota| format!("{} of {quota} issued", authority.issued),
        );
        let state = authority.state.label().to_lowercase();
        say(&format!("{name:<40} {:<14} {state:<26} {until:<20} {issued}", authority.kind.label()))?;
    }
    Ok(())
}

async fn bring_root(step: cli::BringFile) -> Outcome {
    let pem = files::read_text(&step.file)?;
    let fleet = place::existing(&step.place).await?;
    let brought = fleet.bring_root(&COMMAND_LINE, &pem).await;
    let listed = fleet.authorities(&COMMAND_LINE).await;
    fleet.db().close().await;
    let id = brought?;
    let root = listed?.into_iter().find(|row| row.authority.id == id);
    let slug = root.map(|row| row.authority.slug).unwrap_or_default();
    Ok(say(&format!("Brought in the root {slug}. What it signs can be delivered from now on."))?)
}

/// The id of an authority by the name in its addresses.
async fn id_of(fleet: &Fleet, slug: &str) -> Result<AuthorityId, Failure> {
    Ok(fleet.authority(&COMMAND_LINE, slug).await?.row.authority.id)
}

async fn link(step: cli::OneAuthority) -> Outcome {
    let pem = files::read_text(&step.file)?;
    let fleet = place::existing(&step.place).await?;
    let id = id_of(&fleet, &step.authority).await?;
    fleet.add_link(&COMMAND_LINE, id, &pem).await?;
    fleet.db().close().await;
    Ok(say(&format!("Brought in the cross-certificate for {}.", step.authority))?)
}

async fn request(step: cli::AskAuthority) -> Outcome {
    let fleet = place::existing(&step.place).await?;
    let of = |kind: &str| if step.kind == kind { step.code.clone() } else { String::new() };
    let form = AuthorityForm {
        factory: of("factory"),
        batch: of("batch"),
        kind: step.kind.clone(),
        name: step.name,
        quota: step.quota,
        days: step.days,
        delegated: step.delegated,
        key_location: step.key,
    };
    let id = fleet.request_authority(&COMMAND_LINE, &form).await?;
    let title = fleet.approval(&COMMAND_LINE, id).await?.row.title;
    fleet.db().close().await;
    say(&format!("Requested: {title}."))?;
    Ok(say(&format!("A manager approves it in the console, under Approvals (/approvals/{id})."))?)
}

async fn pem(step: cli::OneAuthority) -> Outcome {
    files::refuse_existing(&[&step.file])?;
    let fleet = place::existing(&step.place).await?;
    let id = id_of(&fleet, &step.authority).await?;
    let request = fleet.authority_request(&COMMAND_LINE, id).await?;
    fleet.db().close().await;
    files::write_new(&step.file, request.as_bytes(), false)?;
    let read = pki::request_from_text(&request).map_err(Failure::because)?;
    say(&format!("Wrote the request of {} to {}.", step.authority, step.file.display()))?;
    Ok(say(&format!("Its key's SHA-256, to be compared at the ceremony: {}", read.public_key_sha256()))?)
}

async fn deliver(step: cli::OneAuthority) -> Outcome {
    let pem = files::read_text(&step.file)?;
    let fleet = place::existing_with_keys(&step.place, &step.keys).await?;
    let id = id_of(&fleet, &step.authority).await?;
    fleet.deliver_authority(&COMMAND_LINE, id, &pem).await?;
    fleet.db().close().await;
    Ok(say(&format!("{} has its certificate and signs from now on.", step.authority))?)
}

async fn crl(step: cli::RootCrl) -> Outcome {
    let fleet = place::existing(&step.place).await?;
    fleet.load_trust().await?;
    let Some(file) = &step.file else {
        let entries = fleet.crl_to_sign(&COMMAND_LINE, &step.authority).await?;
        fleet.db().close().await;
        if entries.is_empty() {
            say(&format!("Nothing that {} signed is revoked; its next CRL is empty.", step.authority))?;
        }
        for entry in entries {
            let reason = domain::certificate::RevocationReason::ALL.iter().find(|reason| reason.code() == entry.reason);
            say(&format!(
                "--revoke {}:{}",
                entry.serial.hex(),
                reason.map_or("unspecified", |reason| reason.as_str())
            ))?;
        }
        return Ok(());
    };
    let der = super::ceremony::der_of(&files::read(file)?, "X509 CRL");
    let number = fleet.bring_crl(&COMMAND_LINE, &step.authority, &der).await?;
    fleet.db().close().await;
    Ok(say(&format!("Brought in CRL number {number} of {}; it is published from now on.", step.authority))?)
}

async fn delegate(step: cli::Delegate) -> Outcome {
    let _folder = files::empty_folder(&step.folder)?;
    let (passphrase, made) = match &step.package_passphrase_file {
        Some(file) => (Passphrase::from_file(file)?, false),
        None => (Passphrase::random()?, true),
    };
    let fleet = place::existing_with_keys(&step.place, &step.keys).await?;
    let id = id_of(&fleet, &step.authority).await?;
    let package = fleet.delegation_package(&COMMAND_LINE, id, &passphrase).await?;
    fleet.db().close().await;
    files::write_all(&step.folder, &package)?;
    say(&format!("Wrote the delegated CA {} to {}.", step.authority, step.folder.display()))?;
    if made {
        say(&format!("Its passphrase, which is kept nowhere; send it another way: {}", passphrase.reveal()))?;
    }
    Ok(())
}

async fn manifest(step: cli::Manifest) -> Outcome {
    let text = files::read_text(&step.file)?;
    let named = |error: pki::Error| Failure::NotDone(format!("{}: {error}", step.file.display()));
    let certificates = pki::Certificate::chain_from_pem(&text).map_err(named)?;
    let fleet = place::existing_with_keys(&step.place, &step.keys).await?;
    let delivery = fleet.deliver_manifest(&COMMAND_LINE, &step.batch, &certificates).await?;
    let compared = fleet.reconcile(&COMMAND_LINE, &step.batch).await?;
    fleet.db().close().await;
    say(&format!("{} certificates entered, {} known already.", delivery.entered, delivery.known))?;
    for serial in &delivery.withheld {
        say(&format!("on hold, because it is beyond what was agreed: {serial}"))?;
    }
    for refused in &delivery.refused {
        say(&format!("refused: {refused}"))?;
    }
    say(&format!("{} devices have certificates; {} were delivered.", compared.issued, compared.delivered))?;
    match delivery.withheld.len() + delivery.refused.len() {
        0 => Ok(()),
        n => Err(Failure::Found(format!("{n} certificates are not as agreed; the batch's page lists the findings"))),
    }
}

async fn retire(step: cli::Retire) -> Outcome {
    let fleet = place::existing(&step.place).await?;
    let id = id_of(&fleet, &step.authority).await?;
    fleet.retire_authority(&COMMAND_LINE, id, &step.reason).await?;
    fleet.db().close().await;
    Ok(say(&format!(
        "{} signs no more. What it signed is still trusted; of a batch CA, devices renew again once their batch has another \
         one.",
        step.authority
    ))?)
}

async fn settings(step: cli::ToSettings) -> Outcome {
    let fleet = place::existing(&step.place).await?;
    let before = fleet.settings(&COMMAND_LINE).await?;
    let mut settings = before.clone();
    let take = |place: &mut String, given: Option<String>| given.into_iter().for_each(|text| *place = text);
    take(&mut settings.domain, step.domain);
    take(&mut settings.pki_url, step.pki_url);
    take(&mut settings.gateway_url, step.gateway_url);
    settings.revocation_limit = step.revocation_limit.unwrap_or(settings.revocation_limit);
    settings.device_days = step.device_days.unwrap_or(settings.device_days);
    settings.station_days = step.station_days.unwrap_or(settings.station_days);
    let settings = if settings == before { before } else { fleet.save_settings(&COMMAND_LINE, &settings).await? };
    fleet.db().close().await;
    let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    say(&format!("--domain            {}", settings.domain))?;
    say(&format!("--pki-url           {}", or_none(&settings.pki_url)))?;
    say(&format!("--gateway-url       {}", or_none(&settings.gateway_url)))?;
    say(&format!("--revocation-limit  {}", settings.revocation_limit))?;
    say(&format!("--device-days       {}", settings.device_days))?;
    Ok(say(&format!("--station-days      {}", settings.station_days))?)
}
