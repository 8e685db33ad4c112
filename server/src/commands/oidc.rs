//! The provider of identities that a command's options name.

use super::files::read;
use crate::{cli::Oidc, failure::Failure};
use fleet::oidc::{CALLBACK, Provider, ProviderSettings};
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Where systemd puts a service's credentials, and what ours is called.
const CREDENTIALS: (&str, &str) = ("CREDENTIALS_DIRECTORY", "muster-oidc-client-secret");

/// The provider, if one was given.
///
/// # Errors
/// When something that was said of it is wrong.
pub fn provider(options: &Oidc) -> Result<Option<Provider>, Failure> {
    let Some(issuer) = &options.oidc_issuer else { return Ok(None) };
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let authorities = match &options.oidc_ca {
        Some(file) => Some(read(file)?),
        None => None,
    };
    let settings = ProviderSettings {
        issuer: issuer.clone(),
        client_id: options.oidc_client_id.clone().unwrap_or_default(),
        client_secret: secret_from(options, set).map_err(Failure::NotDone)?,
        scopes: options.oidc_scope.clone(),
        groups_claim: options.oidc_groups_claim.clone(),
        groups: options.oidc_group.clone(),
        label: options.oidc_label.clone(),
        second_factor: options.oidc_second_factor.clone(),
        local: options.oidc_local,
        authorities,
    };
    Provider::new(settings).map(Some).map_err(Failure::NotDone)
}

/// The client's secret: as it is, in a file, or by systemd.
fn secret_from(options: &Oidc, set: impl Fn(&str) -> Option<OsString>) -> Result<Option<String>, String> {
    if let Some(secret) = &options.oidc_client_secret {
        return Ok(Some(secret.clone()));
    }
    let credential = || set(CREDENTIALS.0).map(|folder| Path::new(&folder).join(CREDENTIALS.1));
    let file: Option<PathBuf> = options.oidc_client_secret_file.clone();
    let Some(file) = file.or_else(|| credential().filter(|file| file.exists())) else { return Ok(None) };
    let told = |why: &str| format!("{} holds no client's secret: {why}", file.display());
    let text = std::fs::read_to_string(&file).map_err(|error| told(&error.to_string()))?;
    match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(secret) => Ok(Some(secret.to_owned())),
        None => Err(told("its first line is empty")),
    }
}

/// The address that the provider has to be told of, of a console that is reached here.
#[must_use]
pub fn redirect_uri(console: &str) -> String {
    format!("{console}{CALLBACK}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't write to its temporary folder should fail")]
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn options(typed: &[&str]) -> Result<Oidc, clap::Error> {
        let cli = Cli::try_parse_from([&["muster", "serve"], typed].concat())?;
        let Command::Serve(serve) = cli.command else { unreachable!("serve was typed") };
        Ok(serve.oidc)
    }

    const WHOLE: [&str; 6] =
        ["--oidc-issuer", "https://id.example", "--oidc-client-id", "muster", "--oidc-group", "cn=a,ou=b=admin"];

    #[test]
    fn a_provider_is_whole_or_what_is_missing_is_told() {
        assert!(provider(&options(&[]).unwrap()).unwrap().is_none());
        let whole = provider(&options(&WHOLE).unwrap()).unwrap().unwrap();
        assert_eq!((whole.issuer(), whole.label()), ("https://id.example", "id.example"));
        assert!(options(&WHOLE[..2]).is_err(), "a provider knows us by an id");
        assert!(options(&["--oidc-group", "a=king"]).is_err());
        let told = |typed: &[&str]| provider(&options(typed).unwrap()).unwrap_err().to_string();
        assert!(told(&WHOLE[..4]).contains("oidc-group is missing"));
        assert!(told(&[&["--oidc-issuer", "http://id.example"], &WHOLE[2..]].concat()).contains("https"));
    }

    #[test]
    fn the_secret_is_typed_or_in_a_file_or_of_systemd() {
        let folder = tempfile::tempdir().unwrap();
        let (file, credential) = (folder.path().join("secret"), folder.path().join(CREDENTIALS.1));
        std::fs::write(&file, "of the file\n").unwrap();
        std::fs::write(&credential, "of systemd\n").unwrap();
        let systemd = |name: &str| (name == CREDENTIALS.0).then(|| folder.path().as_os_str().to_owned());
        let read = |more: &[&str]| secret_from(&options(&[&WHOLE, more].concat()).unwrap(), systemd);
        assert_eq!(read(&["--oidc-client-secret", "typed"]).unwrap().as_deref(), Some("typed"));
        let named = file.to_str().unwrap();
        assert_eq!(read(&["--oidc-client-secret-file", named]).unwrap().as_deref(), Some("of the file"));
        assert_eq!(read(&[]).unwrap().as_deref(), Some("of systemd"));
        assert_eq!(secret_from(&options(&WHOLE).unwrap(), |_| None), Ok(None), "a public client");
        std::fs::write(&file, "\n").unwrap();
        assert!(read(&["--oidc-client-secret-file", named]).unwrap_err().contains("first line"));
    }
}
