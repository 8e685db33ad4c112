//! Options of whatever runs the console: the provider of identities that people sign in at.

use clap::Args;
use domain::oidc::{GroupRole, LocalSignIn, SecondFactor};
use std::path::PathBuf;

/// Signing in at a provider of identities (OpenID Connect).
#[derive(Clone, Debug, Args)]
pub struct Oidc {
    /// The provider of identities that people sign in at (OpenID Connect): its issuer identifier, to the letter. By https; http is
    /// taken of this machine alone.
    #[arg(long, value_name = "URL", env = "MUSTER_OIDC_ISSUER", requires = "oidc_client_id")]
    pub oidc_issuer: Option<String>,
    /// What the provider calls this console.
    #[arg(long, value_name = "ID", env = "MUSTER_OIDC_CLIENT_ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// The secret that the provider gave this console; none for a public client. Better in a file.
    #[arg(long, value_name = "SECRET", env = "MUSTER_OIDC_CLIENT_SECRET", hide_env_values = true)]
    pub oidc_client_secret: Option<String>,
    /// A file whose first line is that secret. Else the systemd credential muster-oidc-client-secret.
    #[arg(long, value_name = "FILE", env = "MUSTER_OIDC_CLIENT_SECRET_FILE", conflicts_with = "oidc_client_secret")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// What is asked for beside openid; some providers want a scope of its own for groups.
    #[arg(
        long,
        value_name = "SCOPE",
        env = "MUSTER_OIDC_SCOPE",
        value_delimiter = ',',
        default_value = "email,profile"
    )]
    pub oidc_scope: Vec<String>,
    /// The claim that holds somebody's groups; with dots where it lies within another (realm_access.roles).
    #[arg(long, value_name = "CLAIM", env = "MUSTER_OIDC_GROUPS_CLAIM", default_value = "groups")]
    pub oidc_groups_claim: String,
    /// A group at the provider and the role of who is in it; one for each group, parted by ; in the environment. Who is in several
    /// gets the highest role (admin, manager, operator, support, auditor), who is in none can't sign in.
    #[arg(long, value_name = "GROUP=ROLE", env = "MUSTER_OIDC_GROUP", value_delimiter = ';', requires = "oidc_issuer")]
    pub oidc_group: Vec<GroupRole>,
    /// What the provider is called on the sign-in page. Default: the host of its issuer.
    #[arg(long, value_name = "NAME", env = "MUSTER_OIDC_LABEL")]
    pub oidc_label: Option<String>,
    /// What the provider says of a sign-in that counts as a second factor here: amr:VALUE or acr:VALUE, such as amr:mfa. None if it
    /// isn't said; then a second factor is shown here.
    #[arg(long, value_name = "CLAIM:VALUE", env = "MUSTER_OIDC_SECOND_FACTOR", value_delimiter = ',')]
    pub oidc_second_factor: Vec<SecondFactor>,
    /// Who may still sign in by password, passkey or link where there is a provider: everybody whose account is not the provider's, or
    /// admins alone. Admins always may.
    #[arg(long, value_name = "WHO", env = "MUSTER_OIDC_LOCAL", default_value_t = LocalSignIn::Everybody)]
    pub oidc_local: LocalSignIn,
    /// Certificates of authorities (PEM) that the provider may have its own from, beside the public ones.
    #[arg(long, value_name = "FILE", env = "MUSTER_OIDC_CA")]
    pub oidc_ca: Option<PathBuf>,
}
