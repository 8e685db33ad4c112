//! Passwords: which are taken, and how they are hashed (argon2id).

use crate::{Error, Result};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{Error as HashError, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::time::SECOND;
use std::{sync::LazyLock, time::Duration};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The shortest password, in characters.
pub const SHORTEST: usize = 12;
/// The longest password, in characters.
pub const LONGEST: usize = 256;

/// OWASP's first choice of parameters for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

/// What the password of an account that doesn't exist is compared with, so that it takes as long as for one that
/// does. Its hash is made up; no password is known to give it.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bXVzdGVyLW5vYm9keS0wMQ$3q2Z1vYw0bWc9f7oTq5m8J4kLx6hRr2sUe1yNnPpQdA";

/// Hashing fills a core and 19 MiB: no more of it at a time than there are cores.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The right to hash once.
pub(crate) struct Turn(SemaphorePermit<'static>);

/// Waits for a turn to hash.
pub(crate) async fn turn() -> Result<Turn> {
    let permit = tokio::time::timeout(PATIENCE, TURNS.acquire()).await;
    let permit = permit.map_err(|_| Error::TooMany { wait_micros: 10 * SECOND })?;
    Ok(Turn(permit.map_err(Error::internal)?))
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Runs on a thread that may block. It keeps its turn even if whoever asked goes away.
async fn hashing<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let task = tokio::task::spawn_blocking(move || {
        let _permit = turn.0;
        work()
    });
    task.await.map_err(Error::internal)?
}

impl Turn {
    /// Whether the password is the one of this hash. Without a hash it never is, and takes as long.
    pub(crate) async fn verify(self, password: &str, hash: Option<&str>) -> Result<bool> {
        let known = hash.is_some() && password.chars().count() <= LONGEST;
        // What is longer than any password is not worth hashing.
        let password: String = password.chars().take(LONGEST).collect();
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        hashing(self, move || match matches(&password, &hash) {
            Ok(()) => Ok(known),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(other) => Err(Error::internal(other)),
        })
        .await
    }

    /// The hash of a password, as a PHC string with a salt of its own.
    pub(crate) async fn hash(self, password: &str) -> Result<String> {
        let password = password.to_owned();
        hashing(self, move || {
            let hash = hasher()?.hash_password(password.as_bytes()).map_err(Error::internal)?;
            Ok(hash.to_string())
        })
        .await
    }
}

fn matches(password: &str, hash: &str) -> argon2::password_hash::Result<()> {
    let hash = PasswordHash::new(hash)?;
    // The parameters are the hash's own.
    Argon2::default().verify_password(password.as_bytes(), &hash)
}

/// Whether a password may be set for this account, and what to change if not.
pub(crate) fn check(password: &str, email: &str) -> Result<()> {
    let length = password.chars().count();
    let wrong = if length < SHORTEST {
        format!("Choose a password of at least {SHORTEST} characters; a sentence is good.")
    } else if length > LONGEST {
        format!("Choose a password of at most {LONGEST} characters.")
    } else if password.trim().to_lowercase() == email {
        "Choose a password that is not your email address.".to_owned()
    } else if let Some(why) = easily_guessed(password, email) {
        format!("This password is easily guessed{why} Choose another; a sentence of a few uncommon words is good.")
    } else {
        return Ok(());
    };
    Err(Error::field("password", wrong))
}

/// Why somebody who knows how people choose would soon have this password: the end of a sentence. Nothing if not.
fn easily_guessed(password: &str, email: &str) -> Option<String> {
    let mut known = vec![email, "muster"];
    known.extend(email.split('@'));
    known.extend(email.split(['@', '.', '-', '_', '+']).filter(|part| !part.is_empty()));
    let estimate = zxcvbn::zxcvbn(password, &known);
    if estimate.score() >= zxcvbn::Score::Three {
        return None;
    }
    let warning = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    Some(warning.map_or_else(|| ".".to_owned(), |warning| format!(": {}", sentence(&warning.to_string()))))
}

/// With a small letter at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|first| first.to_lowercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_alone() {
        let hash = turn().await.unwrap().hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(turn().await.unwrap().verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!turn().await.unwrap().verify("correct horse batterY", Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobodys_hash_is_well_formed_and_fits_nothing() {
        assert_eq!(matches("", NOBODYS), Err(HashError::PasswordInvalid));
        assert!(!turn().await.unwrap().verify("anything", None).await.unwrap());
    }

    #[test]
    fn short_long_and_obvious_passwords_are_refused() {
        assert!(check("elevenchars", "a@b.example").is_err());
        assert!(check("twelve chars", "a@b.example").is_ok());
        for weak in [
            "aaaaaaaaaaaa",
            "password1234",
            "123456789012",
            "qwertyuiop12",
            "abcabcabcabc",
            "ada.lovelace1",
            "mustermuster",
        ] {
            let told = check(weak, "ada.lovelace@b.example").map_or_else(|e| e.to_string(), |()| "taken".to_owned());
            assert!(told.starts_with("This password is easily guessed"), "{weak}: {told}");
        }
        assert!(check("a sentence is a good password", "a@b.example").is_ok());
        assert!(check(&"x".repeat(257), "a@b.example").is_err());
        assert!(check("Someone@Long.Example", "someone@long.example").is_err());
    }
}
