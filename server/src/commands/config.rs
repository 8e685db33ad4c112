//! `muster config`: which settings hold, where they come from, and what is wrong with them.

use super::{oidc, place, serve::say, shelf};
use crate::{
    cli::{CheckConfig, Config, Listen, Serve},
    failure::{Failure, Outcome},
    settings::{self, Effective, Origin},
};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Does what was asked for.
///
/// # Errors
/// When something is wrong with the settings.
pub fn run(what: Config) -> Outcome {
    match what {
        Config::Check(check) => run_check(&check),
        Config::Template => say(settings::template().trim_end()).map_err(Failure::from),
    }
}

/// What looking at the settings found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Findings {
    /// Muster would not start.
    wrong: Vec<String>,
    /// It would start, but not as it should.
    doubtful: Vec<String>,
}

fn run_check(check: &CheckConfig) -> Outcome {
    match &check.report.file {
        Some(file) => say(&format!("Settings of muster serve, with {}:", file.display()))?,
        None => say("Settings of muster serve, without a file:")?,
    }
    for line in table(&check.report.settings) {
        say(&line)?;
    }
    let findings = look(check);
    for told in &findings.wrong {
        say(&format!("✗ wrong      {told}"))?;
    }
    for told in &findings.doubtful {
        say(&format!("! attention  {told}"))?;
    }
    match (findings.wrong.len(), findings.doubtful.len()) {
        (0, 0) => say("Nothing is wrong with them.").map_err(Failure::from),
        (0, _) => Err(Failure::Found("the settings can be used, but look at what is said above".to_owned())),
        _ => Err(Failure::Wrong("Muster would not start with these settings".to_owned())),
    }
}

fn table(all: &[Effective]) -> Vec<String> {
    let widest = all.iter().map(|one| one.setting.key.len()).max().unwrap_or_default();
    let shown: Vec<String> =
        all.iter().map(|one| if one.values.is_empty() { "–".to_owned() } else { one.shown() }).collect();
    let wide = shown.iter().map(|text| text.chars().count()).filter(|wide| *wide <= 40).max().unwrap_or_default();
    let line = |(one, value): (&Effective, &String)| {
        let from = match &one.origin {
            Origin::Typed => "command line".to_owned(),
            Origin::Environment(name) => format!("environment, {name}"),
            Origin::File(line) => format!("file, line {line}"),
            Origin::Default if one.values.is_empty() => "not set".to_owned(),
            Origin::Default => "default".to_owned(),
        };
        format!("  {:<widest$}  {value:<wide$}  {from}", one.setting.key)
    };
    all.iter().zip(&shown).map(line).collect()
}

fn look(check: &CheckConfig) -> Findings {
    let (mut found, mut unread) = (Findings::default(), Vec::new());
    for one in &check.report.settings {
        for value in one.values.iter().filter(|_| one.setting.value_name == "FILE") {
            if !look_at_file(one, Path::new(value), &mut found) {
                unread.push(value.as_str());
            }
        }
        let in_file = matches!(one.origin, Origin::File(_)) && one.setting.is_secret;
        if let Some(file) = check.report.file.as_deref().filter(|_| in_file)
            && one.values.iter().any(|value| settings::has_password(value))
            && is_read_by_all(file)
        {
            found.doubtful.push(format!(
                "everybody on this machine can read {}, in which {} has a password: put it into a file of its own \
                 ({}-file), or chmod 640 it",
                file.display(),
                one.setting.key,
                one.setting.key,
            ));
        }
    }
    let mut of_values = Findings::default();
    look_at_values(check, &mut of_values);
    // That a file can't be read was told with the setting that names it.
    of_values.wrong.retain(|why| !unread.iter().any(|file| why.contains(file)));
    found.wrong.append(&mut of_values.wrong);
    found.doubtful.append(&mut of_values.doubtful);
    found
}

/// Whether a file can be read. They hold secrets, unless their name says that they are what everybody may see.
fn look_at_file(one: &Effective, file: &Path, found: &mut Findings) -> bool {
    let (key, shown) = (&one.setting.key, file.display());
    if let Err(why) = fs::File::open(file)
        .and_then(|open| open.metadata())
        .and_then(|meta| if meta.is_file() { Ok(()) } else { Err(std::io::Error::other("it is no file")) })
    {
        found.wrong.push(format!("{key}: {shown} can't be read: {why}"));
        return false;
    }
    let is_public = key.ends_with("-ca") || key == "ca" || key.ends_with("-cert");
    if !is_public && is_read_by_all(file) {
        found.doubtful.push(format!("everybody on this machine can read {shown} ({key}): chmod 600 {shown}"));
    }
    true
}

fn is_read_by_all(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

/// That two listeners are to be at the same place.
fn same_place(listen: &Listen) -> Option<String> {
    let all = [("console", listen.console), ("gateway", listen.gateway), ("pki", listen.pki)];
    let mut pairs = all.iter().enumerate().flat_map(|(n, one)| all.iter().skip(n + 1).map(move |other| (one, other)));
    let (one, other) = pairs.find(|(one, other)| one.1 == other.1 && one.1.port() != 0)?;
    Some(format!("{} and {} are to listen at the same address, {}: give each a port of its own", one.0, other.0, one.1))
}

/// That it is an address of a page and not a name.
fn no_name(host: &str) -> Option<String> {
    let is_url = host.contains('/');
    is_url.then(|| format!("host: “{host}” is no name: write it without https:// and without what comes after it"))
}

/// What is said of a provider of identities that nobody named.
fn lone(serve: &Serve) -> Option<String> {
    let oidc = &serve.oidc;
    let said = oidc.oidc_client_secret.is_some() || oidc.oidc_client_secret_file.is_some() || oidc.oidc_label.is_some();
    let is_lone = oidc.oidc_issuer.is_none() && said;
    is_lone.then(|| "oidc-issuer is missing, so what else is said of a provider of identities does nothing".to_owned())
}

/// What can be said of the values themselves, without starting.
fn look_at_values(check: &CheckConfig, found: &mut Findings) {
    let serve = &check.serve;
    let wrong = |why: Failure| Some(why.to_string());
    found.wrong.extend(place::folder(&serve.place).err().and_then(wrong));
    found.wrong.extend(shelf::place(&serve.shelf).err().and_then(wrong));
    found.wrong.extend(oidc::provider(&serve.oidc).err().and_then(wrong));
    found.wrong.extend(same_place(&serve.listen));
    found.wrong.extend(serve.listen.host.as_deref().and_then(no_name));
    found.doubtful.extend(lone(serve));
    match place::database_url(&serve.place) {
        Ok(Some(url))
            if !["postgres://", "postgresql://", "sqlite://"].iter().any(|scheme| url.starts_with(scheme)) =>
        {
            found.wrong.push("the database's address is none: write postgres://USER:PASSWORD@HOST/DATABASE".to_owned());
        }
        Ok(_) => {}
        Err(why) => found.wrong.extend(wrong(why)),
    }
    match place::passphrase(&serve.keys) {
        Ok(Some(_)) => {}
        Ok(None) => found.doubtful.push(
            "no passphrase of keys was given here, so nothing could be signed: key-passphrase-file, or the systemd \
             credential muster-key-passphrase, which only the service sees"
                .to_owned(),
        ),
        Err(why) => found.wrong.push(why.to_string()),
    }
    if let (Some(certificate), Some(key)) = (&serve.listen.tls_cert, &serve.listen.tls_key)
        && let (Ok(chain), Ok(secret)) = (fs::read(certificate), fs::read(key))
    {
        let names = (certificate.display().to_string(), key.display().to_string());
        match pki::read_identity((&chain, &names.0), (&secret, &names.1)) {
            Ok(identity) if identity.facts.not_after < fleet::system_time() => {
                found.doubtful.push(format!("tls-cert: {} has ended; browsers refuse it", names.0));
            }
            Ok(_) => {}
            Err(why) => found.wrong.push(format!("tls-cert, tls-key: {why}")),
        }
    }
}
