//! `muster demo`: a console with a fleet that looks like one, and an account for every role.

mod authorities;

use super::{
    COMMAND_LINE, place,
    serve::{Running, say},
};
use crate::{
    cli::{self, Demo},
    data,
    failure::{Failure, Outcome},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::person::Role;
use fleet::{Actor, Fleet, Origin, people::UserForm, token::TokenForm};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use simulator::{Travel, demo::Plan};
use std::{net::SocketAddr, path::Path};
use store::Db;

/// The name of the data folder where none was asked for.
const FOLDER: &str = "muster-demo";
/// The file that holds how to get in.
const CREDENTIALS: &str = "demo-credentials.json";
/// What the file of a demo that is being made says: its database is in the folder, or elsewhere.
const HERE: &str = "sqlite";
const ELSEWHERE: &str = "postgresql";
/// All that a fleet has in the data folder.
const FLEET: &[&str] = &[
    "muster.db",
    "muster.db-shm",
    "muster.db-wal",
    "artifacts",
    "crl",
    "keys",
    "uploads",
    authorities::FOLDER,
    simulator::WIRED_FOLDER,
    PASSPHRASE,
];
/// How long the demo's API token works, in days.
const TOKEN_DAYS: i64 = 365;
/// The file with the passphrase of the demo's keys, where none was given.
const PASSPHRASE: &str = "demo-key-passphrase";

/// How to get in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Credentials {
    console: String,
    gateway: String,
    pki: String,
    api_token: String,
    accounts: Vec<Account>,
}

/// One account.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Account {
    role: String,
    email: String,
    password: String,
    link: String,
}

/// Makes the fleet, if it isn't there from the last time, and runs the console.
///
/// # Errors
/// When it can't start.
pub async fn run(demo: Demo) -> Outcome {
    let folder = data::folder(demo.place.data.as_deref(), FOLDER)?;
    data::make(&folder)?;
    let _lock = data::Lock::take(&folder)?;
    let database_url = place::database_url(&demo.place)?;
    let kind = if database_url.is_some() { ELSEWHERE } else { HERE };
    begin_again(&folder, kind)?;
    let travel = Travel::default();
    let db = Db::open(&folder, database_url.as_deref()).await?;
    let fleet = Fleet::with_clock(db, folder.clone(), travel.clock());
    // Before anything is written: what is refused leaves nothing.
    refuse_others(&fleet, kind).await?;
    let keys = place::keys(&key_options(&demo, &folder)?, &folder)?;
    // Its files lie in its own folder, whatever bucket this machine is set up for.
    let fleet = fleet.with_keys(keys);
    fleet.be_node(&fleet.node().await?);
    let mut credentials = match read(&folder.join(CREDENTIALS))? {
        Some(credentials) => credentials,
        None => make(&fleet, &travel, &demo, kind).await?,
    };
    authorities::publish(&fleet).await;
    // Before the port is asked for: if that is taken, the next start finds everything made.
    write(&folder.join(CREDENTIALS), &credentials)?;
    remove(&folder, place::DEMO_MAKING)?;
    let mut running = Running::start(fleet.clone(), &demo.listen, &demo.watch).await?;
    credentials.console.clone_from(&running.url);
    credentials.gateway.clone_from(&running.gateway);
    credentials.pki.clone_from(&running.pki);
    addresses(&fleet, &running.pki, &running.gateway).await?;
    refresh(&fleet, &mut credentials).await?;
    write(&folder.join(CREDENTIALS), &credentials)?;
    let gateway = (running.gateway.clone(), demo.listen.tenant.clone());
    running.beside(tokio::spawn(simulator::live::run(fleet, demo.seed, gateway)));
    tell(&credentials, &folder)?;
    running.until_stopped().await;
    Ok(())
}

/// What opens the keys: what was asked for, or a passphrase of the demo's own.
fn key_options(demo: &Demo, folder: &Path) -> Result<cli::Keys, Failure> {
    if place::passphrase(&demo.keys)?.is_some() {
        return Ok(demo.keys.clone());
    }
    let file = authorities::passphrase_file(folder.join(PASSPHRASE))?;
    Ok(cli::Keys { key_passphrase_file: Some(file) })
}

/// Sees to it that certificates say where this demo really is.
async fn addresses(fleet: &Fleet, pki: &str, gateway: &str) -> Outcome {
    let mut settings = fleet.settings(&COMMAND_LINE).await?;
    if settings.pki_url != pki || settings.gateway_url != gateway {
        (settings.pki_url, settings.gateway_url) = (pki.to_owned(), gateway.to_owned());
        fleet.save_settings(&COMMAND_LINE, &settings).await?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, Failure> {
    let told = |error: &dyn std::fmt::Display| {
        Failure::NotDone(format!("{} can't be read ({error}); delete its folder to make a new demo", file.display()))
    };
    match std::fs::read(file) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| told(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

fn write(file: &Path, content: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(content).map_err(Failure::because)?;
    Ok(pki::write_private(file, text.as_bytes())?)
}

/// Removes a file or a folder, if it is there.
fn remove(folder: &Path, name: &str) -> Outcome {
    let path = folder.join(name);
    let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::NotDone(format!("{} can't be removed ({error})", path.display())))
        }
        _ => Ok(()),
    }
}

/// Removes what a start left that was ended before its fleet was whole: half a story can't be told to its end.
fn begin_again(folder: &Path, kind: &str) -> Outcome {
    let marker = folder.join(place::DEMO_MAKING);
    if !marker.exists() || folder.join(CREDENTIALS).exists() {
        return Ok(());
    }
    let begun = std::fs::read_to_string(&marker).map_err(Failure::because)?;
    if (begun.as_str(), kind) != (HERE, HERE) {
        let told = "holds a demo that was ended before it was whole, in a database of its own; choose an empty folder";
        return Err(Failure::NotDone(format!("{} {told} with --data, and an empty database", folder.display())));
    }
    // The marker comes last, so that a start which ends here too is followed by one that removes the rest.
    FLEET.iter().chain([&place::DEMO_MAKING]).try_for_each(|name| remove(folder, name))
}

/// Refuses a folder in which somebody else's fleet lives, or has its keys while its database is elsewhere.
async fn refuse_others(fleet: &Fleet, kind: &str) -> Outcome {
    let has = |name: &str| fleet.folder().join(name).exists();
    let is_free = !has("keys") && (kind == HERE || !has("muster.db"));
    if has(CREDENTIALS) || (is_free && fleet.set_up_needed().await?) {
        return Ok(());
    }
    let told =
        "holds a fleet already, but not the demo's; choose an empty one with --data FOLDER, or use: muster serve";
    Err(Failure::NotDone(format!("{} {told}", fleet.folder().display())))
}

/// Fills the fleet and makes the accounts.
async fn make(fleet: &Fleet, travel: &Travel, demo: &Demo, kind: &str) -> Result<Credentials, Failure> {
    pki::write_private(&fleet.folder().join(place::DEMO_MAKING), kind.as_bytes())?;
    let (plan, credentials) = (Plan::new(fleet.now(), demo.seed, demo.devices), credentials()?);
    tracing::info!(devices = plan.devices, seed = plan.seed, "making up a fleet");
    let world = simulator::demo::found(fleet, plan).await?;
    let known = |address: SocketAddr| address.port() != 0 && !address.ip().is_unspecified();
    if known(demo.listen.pki) && known(demo.listen.gateway) {
        let (pki, gateway) = (demo.listen.pki, demo.listen.gateway);
        addresses(fleet, &format!("http://{pki}"), &format!("https://{gateway}")).await?;
    }
    authorities::make(fleet, travel, &world).await?;
    let revoked = simulator::demo::fill(fleet, plan, |_| {}).await?;
    people(fleet, &credentials).await?;
    simulator::events::revoke(fleet, travel, revoked).await?;
    let (support, manager) =
        (actor(fleet, &credentials, Role::Support).await?, actor(fleet, &credentials, Role::Manager).await?);
    let desk = simulator::repairs::Desk { support: &support, manager: &manager };
    simulator::repairs::happen(fleet, travel, plan, desk).await?;
    simulator::events::happen(fleet, travel, plan, &actor(fleet, &credentials, Role::Operator).await?).await?;
    simulator::reports::happen(fleet, travel, plan).await?;
    let (operator, admin) =
        (actor(fleet, &credentials, Role::Operator).await?, actor(fleet, &credentials, Role::Admin).await?);
    let crew = simulator::releases::Crew { operator: &operator, manager: &manager, admin: &admin };
    simulator::releases::happen(fleet, travel, plan, crew).await?;
    simulator::rollouts::happen(fleet, travel, plan, &world, crew).await?;
    Ok(credentials)
}

async fn people(fleet: &Fleet, credentials: &Credentials) -> Outcome {
    for account in &credentials.accounts {
        let role: Role = account.role.parse().map_err(Failure::because)?;
        let form = UserForm { email: account.email.clone(), name: person(role).to_owned(), role: account.role.clone() };
        fleet.add_user_with_password(&COMMAND_LINE, &form, &account.password).await?;
    }
    Ok(())
}

/// One of the accounts: the operator asks for what waits in the manager's inbox, support stands at the bench.
async fn actor(fleet: &Fleet, credentials: &Credentials, role: Role) -> Result<Actor, Failure> {
    let of_role = credentials.accounts.iter().find(|account| account.role == role.as_str());
    let email = of_role.map(|account| account.email.as_str()).unwrap_or_default();
    let user = fleet.user_by_email(&COMMAND_LINE, email).await?;
    let (id, email, name, role) = (user.id, user.email, user.name, user.role);
    Ok(Actor::User { id, email, name, role, proved_at: None, origin: Origin::default() })
}

/// An account for every role.
fn credentials() -> Result<Credentials, Failure> {
    let account = |role: Role| {
        let (role, email) = (role.to_string(), format!("{role}@muster.example"));
        Ok::<_, Failure>(Account { role, email, password: password()?, link: String::new() })
    };
    let accounts = Role::ALL.iter().copied().map(account).collect::<Result<_, _>>()?;
    Ok(Credentials { accounts, ..Credentials::default() })
}

/// Names, so that the audit log and the history read as if people had worked there.
const fn person(role: Role) -> &'static str {
    match role {
        Role::Operator => "Olu Adeyemi",
        Role::Support => "Sanne de Wit",
        Role::Manager => "Marta Kowalczyk",
        Role::Auditor => "Aiko Tanaka",
        Role::Admin => "Ada Lindqvist",
    }
}

fn password() -> Result<String, Failure> {
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).map_err(Failure::because)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Makes a new sign-in link for each account, and a token if the old one has ended.
async fn refresh(fleet: &Fleet, credentials: &mut Credentials) -> Result<(), Failure> {
    let console = credentials.console.clone();
    for account in &mut credentials.accounts {
        let user = fleet.user_by_email(&COMMAND_LINE, &account.email).await?;
        // Somebody may have tried disabling accounts; the demo goes on for the others.
        account.link = match fleet.sign_in_link(&COMMAND_LINE, user.id).await {
            Ok(token) => format!("{console}/link/{token}"),
            Err(fleet::Error::Conflict(_)) => String::new(),
            Err(error) => return Err(error.into()),
        };
    }
    let known = fleet.actor_of_token(&credentials.api_token, Origin::default()).await?;
    if known.is_none() {
        let form = TokenForm { name: "Demo".to_owned(), role: Role::Operator.to_string(), days: TOKEN_DAYS };
        credentials.api_token = fleet.add_token(&COMMAND_LINE, &form).await?.secret;
    }
    Ok(())
}

fn tell(credentials: &Credentials, folder: &Path) -> std::io::Result<()> {
    say(&format!("\nMuster's demo runs at {}\n", credentials.console))?;
    say("Sign in by an account's password, or once by its link:\n")?;
    for account in &credentials.accounts {
        say(&format!("  {:<9} {:<26} {}", account.role, account.email, account.password))?;
        say(&format!("            {}", account.link))?;
    }
    say(&format!(
        "\nDevices come to {}; CRLs, OCSP and CA certificates are at {}",
        credentials.gateway, credentials.pki
    ))?;
    say(&format!("All of it, and an API token, is in {}", folder.join(CREDENTIALS).display()))?;
    let ceremony = folder.join(authorities::FOLDER);
    say(&format!(
        "The demo held the root's ceremony itself, in {}: trust nothing that it signed.",
        ceremony.display()
    ))?;
    say("The browser asks about the certificate, which the demo’s own CA signed. Ctrl-C stops it.")
}
