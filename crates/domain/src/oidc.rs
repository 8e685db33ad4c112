//! Sign-in at a provider of identities (OpenID Connect Core 1.0): which role follows from somebody's groups, what counts as a
//! second factor there, and who may still come in without it.

use crate::{
    person::Role,
    time::{MINUTE, SECOND},
    words::words,
};
use std::str::FromStr;

/// How long somebody may be away at the provider, in microseconds.
pub const AWAY: i64 = 10 * MINUTE;
/// How far the provider's clock may be from ours, in microseconds.
pub const SKEW: i64 = MINUTE;
/// The same where somebody is asked to sign in there anew: a sign-in of a moment before must not pass for it.
pub const SKEW_AGAIN: i64 = 10 * SECOND;

words! {
    /// Who may sign in by password, passkey or link where there is a provider. Administrators always may: a provider that
    /// does not answer must lock nobody out.
    LocalSignIn {
        /// Everybody whose account is not the provider's.
        Everybody => "everybody", "Everybody whose account is not the provider’s";
        /// Administrators alone.
        Admins => "admins", "Administrators alone";
    }
}

/// A group at the provider, and the role of who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRole {
    /// The group, as the provider calls it.
    pub group: String,
    /// The role.
    pub role: Role,
}

impl FromStr for GroupRole {
    type Err = String;

    /// `GROUP=ROLE`. A group may hold “=” itself, as names of a directory do.
    fn from_str(text: &str) -> Result<Self, String> {
        let told = || "write GROUP=ROLE, such as fleet-operators=operator".to_owned();
        let (group, role) = text.rsplit_once('=').ok_or_else(told)?;
        let (group, role) = (group.trim(), role.trim());
        if group.is_empty() {
            return Err(told());
        }
        let role = role.parse().map_err(|_| {
            let known: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
            format!("“{role}” is no role; there are {}", known.join(", "))
        })?;
        Ok(Self { group: group.to_owned(), role })
    }
}

/// What the provider says of how somebody showed who they are, that counts as a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// This authentication method (claim `amr`, RFC 8176).
    Method(String),
    /// This authentication context (claim `acr`), which is also asked for.
    Context(String),
}

impl FromStr for SecondFactor {
    type Err = String;

    /// `amr:VALUE` or `acr:VALUE`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().split_once(':') {
            Some(("amr", value)) if !value.is_empty() => Ok(Self::Method(value.to_owned())),
            Some(("acr", value)) if !value.is_empty() => Ok(Self::Context(value.to_owned())),
            _ => Err("write amr:VALUE or acr:VALUE, such as amr:mfa".to_owned()),
        }
    }
}

/// Whether what the provider says of a sign-in holds one of these.
#[must_use]
pub fn is_second_factor(wanted: &[SecondFactor], methods: &[String], context: Option<&str>) -> bool {
    wanted.iter().any(|one| match one {
        SecondFactor::Method(method) => methods.contains(method),
        SecondFactor::Context(value) => context == Some(value.as_str()),
    })
}

/// How much a role is trusted with, for whoever is in several groups.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Auditor => 0,
        Role::Support => 1,
        Role::Operator => 2,
        Role::Manager => 3,
        Role::Admin => 4,
    }
}

/// The role that follows from somebody's groups: the highest one; none where none of them is mapped.
#[must_use]
pub fn role_of(mapped: &[GroupRole], groups: &[String]) -> Option<Role> {
    let roles = mapped.iter().filter(|one| groups.contains(&one.group)).map(|one| one.role);
    roles.max_by_key(|role| rank(*role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(texts: &[&str]) -> Vec<GroupRole> {
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn groups_are_read_with_their_roles() {
        let read = |text: &str| text.parse::<GroupRole>();
        assert_eq!(
            read("cn=fleet,ou=x = admin").map(|one| (one.group, one.role)),
            Ok(("cn=fleet,ou=x".into(), Role::Admin))
        );
        assert!(read("fleet").is_err() && read("=admin").is_err());
        assert!(read("fleet=king").is_err_and(|why| why.contains("operator, support, manager, auditor, admin")));
    }

    #[test]
    fn the_highest_role_wins_and_who_has_none_gets_none() {
        let mapped = mapped(&["a=admin", "m=manager", "o=operator", "s=support", "x=auditor"]);
        assert_eq!(mapped.len(), 5);
        let role = |groups: &[&str]| role_of(&mapped, &owned(groups));
        assert_eq!(role(&["x", "s", "o"]), Some(Role::Operator));
        assert_eq!(role(&["m", "o"]), Some(Role::Manager));
        assert_eq!(role(&["a", "m"]), Some(Role::Admin));
        assert_eq!(role(&["x"]), Some(Role::Auditor));
        assert_eq!((role(&[]), role(&["O", "o ", "others"])), (None, None), "a group is its name to the letter");
    }

    #[test]
    fn what_counts_as_a_second_factor_is_said_by_name() {
        let wanted: Vec<SecondFactor> =
            ["amr:mfa", "acr:urn:gold"].iter().filter_map(|text| text.parse().ok()).collect();
        assert_eq!(wanted.len(), 2);
        assert!(is_second_factor(&wanted, &owned(&["pwd", "mfa"]), None));
        assert!(is_second_factor(&wanted, &[], Some("urn:gold")));
        assert!(!is_second_factor(&wanted, &owned(&["pwd", "urn:gold"]), Some("mfa")));
        assert!(!is_second_factor(&[], &owned(&["mfa"]), Some("urn:gold")));
        assert!(["mfa", "amr:", ":x", "acr"].iter().all(|text| text.parse::<SecondFactor>().is_err()));
    }
}
