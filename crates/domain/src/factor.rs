//! Second factors: what is asked of whom beside a password, and for how long an answer counts.

use crate::{
    person::Role,
    time::{MINUTE, Timestamp},
    words::words,
};

/// How long somebody may take between the password and the second factor.
pub const HALF_WAY: i64 = 5 * MINUTE;
/// For how long somebody who showed a second factor isn't asked for it again in that session.
pub const FRESH: i64 = 10 * MINUTE;
/// How long an authenticator app that was begun waits for its first code.
pub const PENDING: i64 = 15 * MINUTE;
/// How many authenticator apps, and how many passkeys, an account may have.
pub const MOST: usize = 10;
/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// How many characters a recovery code has, without what holds its fours apart.
pub const RECOVERY_LENGTH: usize = 16;

words! {
    /// Who must have a second factor.
    SecondFactorPolicy {
        /// Nobody; who has one is asked for it.
        Optional => "optional", "Whoever wants one";
        /// Those who decide and those who administer.
        Managers => "managers", "Managers and admins";
        /// Everybody with an account.
        Everybody => "everybody", "Everybody";
    }
}

words! {
    /// How somebody came in, before any second factor.
    SignInBy {
        /// By password.
        Password => "password", "Password";
        /// By a one-time link.
        Link => "link", "One-time link";
        /// By a passkey, which is a second factor at once.
        Passkey => "passkey", "Passkey";
        /// At the provider of identities (OpenID Connect).
        Provider => "provider", "Provider";
    }
}

impl SecondFactorPolicy {
    /// Whether somebody of this role must have a second factor.
    #[must_use]
    pub const fn asks(self, role: Role) -> bool {
        match self {
            Self::Optional => false,
            Self::Managers => matches!(role, Role::Manager | Role::Admin),
            Self::Everybody => true,
        }
    }
}

/// Whether a second factor that was last shown then still counts. One of the future doesn't: a clock was put back.
#[must_use]
pub fn is_fresh(shown: Option<Timestamp>, now: Timestamp) -> bool {
    shown.is_some_and(|at| at <= now && now.0 - at.0 < FRESH)
}

/// A recovery code as it is compared: people type it in capitals, with blanks, or without what holds its fours apart.
#[must_use]
pub fn recovery_key(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A recovery code, or the secret of an app, in fours, so that it can be read aloud and typed.
#[must_use]
pub fn in_fours(text: &str, between: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(between)
}

/// The digits of an app's code, however they were typed; none when it can't be one.
#[must_use]
pub fn app_code(typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_the_policy_asks() {
        let asked = |policy: SecondFactorPolicy| Role::ALL.iter().filter(|role| policy.asks(**role)).count();
        assert_eq!(SecondFactorPolicy::ALL.iter().map(|policy| asked(*policy)).collect::<Vec<_>>(), [0, 2, 5]);
        assert!(SecondFactorPolicy::Managers.asks(Role::Manager) && SecondFactorPolicy::Managers.asks(Role::Admin));
    }

    #[test]
    fn a_proof_counts_for_ten_minutes_and_never_from_the_future() {
        let now = Timestamp(1_790_000_000_000_000);
        assert!(is_fresh(Some(now), now) && is_fresh(Some(now), now.plus(FRESH - 1)));
        assert!(!is_fresh(None, now) && !is_fresh(Some(now), now.plus(FRESH)));
        assert!(!is_fresh(Some(now.plus(1)), now));
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(recovery_key(" ABCD-efgh 2345-6789 "), "abcdefgh23456789");
        assert_eq!(in_fours("abcdefgh2345", "-"), "abcd-efgh-2345");
        assert_eq!(app_code("123 456").as_deref(), Some("123456"));
        assert_eq!(["12345", "1234567", "abcdef", "", "１２３４５６"].map(app_code), [const { None }; 5]);
    }
}
