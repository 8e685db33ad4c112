//! Who acts.

use crate::{Error, Result};
use domain::{
    id::{CertificateId, CustodianId, DeviceId, TokenId, UserId},
    person::{Permission, Role},
    time::Timestamp,
};

/// Who acts, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody signed in.
    Nobody {
        /// Where the request came from.
        origin: Origin,
    },
    /// A person.
    User {
        /// The account.
        id: UserId,
        /// The account's address, which is how people know it.
        email: String,
        /// The person's name.
        name: String,
        /// What the person may do.
        role: Role,
        /// When a second factor was last shown in this session.
        proved_at: Option<Timestamp>,
        /// Where the request came from.
        origin: Origin,
    },
    /// A program with an API token.
    Token {
        /// The token.
        id: TokenId,
        /// Its name.
        name: String,
        /// What it may do.
        role: Role,
        /// Where the request came from.
        origin: Origin,
    },
    /// A station on a factory's line, known by its certificate.
    Station {
        /// The certificate.
        certificate: CertificateId,
        /// Its name.
        name: String,
        /// The factory it stands in.
        factory: CustodianId,
        /// Where the request came from.
        origin: Origin,
    },
    /// A device, known by its certificate or its token.
    Device {
        /// The device.
        id: DeviceId,
        /// Its serial.
        serial: String,
        /// Where the request came from.
        origin: Origin,
    },
    /// Muster itself: a rule, a command on the machine, the demo.
    Rule {
        /// Which one.
        name: &'static str,
    },
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The network address; empty for what happens on the machine itself.
    pub address: String,
}

impl Actor {
    /// The role; none for nobody and for rules.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::User { role, .. } | Self::Token { role, .. } => Some(*role),
            Self::Nobody { .. } | Self::Rule { .. } | Self::Station { .. } | Self::Device { .. } => None,
        }
    }

    /// Whether the actor may do that.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        match self {
            // What devices do are functions of their own.
            Self::Nobody { .. } | Self::Device { .. } => false,
            Self::Station { .. } => matches!(permission, Permission::CertificateEnrol),
            Self::User { role, .. } | Self::Token { role, .. } => role.may(permission),
            Self::Rule { .. } => true,
        }
    }

    /// Refuses unless the actor may do that. For reads; deeds go through [`crate::Fleet::allow`], which also audits.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`] for nobody, [`Error::Forbidden`] for the wrong role.
    pub fn require(&self, permission: Permission) -> Result<()> {
        match self {
            _ if self.may(permission) => Ok(()),
            Self::Nobody { .. } => Err(Error::NotSignedIn),
            _ => Err(Error::Forbidden { permission }),
        }
    }

    /// The name that history and audit show.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Nobody { .. } => "nobody",
            Self::User { email, .. } => email,
            Self::Token { name, .. } | Self::Station { name, .. } => name,
            Self::Device { serial, .. } => serial,
            Self::Rule { name } => name,
        }
    }

    /// The id in the audit log, or empty.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::User { id, .. } => id.to_string(),
            Self::Token { id, .. } => id.to_string(),
            Self::Station { certificate, .. } => certificate.to_string(),
            Self::Device { id, .. } => id.to_string(),
            Self::Nobody { .. } | Self::Rule { .. } => String::new(),
        }
    }

    /// The account, if a person acts.
    #[must_use]
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The same person, who showed a second factor then. Others have none to show.
    #[must_use]
    pub fn proved(mut self, at: Option<Timestamp>) -> Self {
        if let Self::User { proved_at, .. } = &mut self {
            *proved_at = at;
        }
        self
    }

    /// `user`, `token`, `station`, `device`, `rule` or `nobody`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Nobody { .. } => "nobody",
            Self::User { .. } => "user",
            Self::Token { .. } => "token",
            Self::Station { .. } => "station",
            Self::Device { .. } => "device",
            Self::Rule { .. } => "rule",
        }
    }

    /// The network address it acts from, or empty.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Nobody { origin }
            | Self::User { origin, .. }
            | Self::Token { origin, .. }
            | Self::Station { origin, .. }
            | Self::Device { origin, .. } => &origin.address,
            Self::Rule { .. } => "",
        }
    }
}
