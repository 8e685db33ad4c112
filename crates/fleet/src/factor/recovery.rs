//! Recovery codes: for whoever has lost the phone. Each works once; what is kept is their hashes.

use crate::{Actor, Error, Fleet, Result, people::no_user, secret};
use domain::{
    factor::{RECOVERY_CODES, RECOVERY_LENGTH, in_fours, recovery_key},
    person::Permission,
};
use serde_json::json;
use totp_rs::Secret;

/// 80 bits are 16 letters of base32: nobody tries them out, neither here nor on hashes that were stolen.
const BYTES: usize = RECOVERY_LENGTH * 5 / 8;

/// Ten new codes, as they are shown.
pub(super) fn fresh() -> Result<Vec<String>> {
    let code = || {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        let text = Secret::new(Box::new(bytes)).to_base32().to_ascii_lowercase();
        Ok(in_fours(&text, "-"))
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is kept of codes.
pub(super) fn hashes(codes: &[String]) -> Vec<String> {
    codes.iter().map(|code| hash(code)).collect()
}

/// What is kept of a code, however it was typed.
pub(super) fn hash(typed: &str) -> String {
    secret::hash(&recovery_key(typed))
}

impl Fleet {
    /// New recovery codes for oneself; the earlier ones are worth nothing from then on.
    ///
    /// # Errors
    /// When the second factor has to be shown again, or there is none.
    pub async fn new_recovery_codes(&self, actor: &Actor) -> Result<Vec<String>> {
        let id = self.person(actor, "factor.codes").await?;
        if !store::factor::has_any(self.db(), id).await? {
            return Err(Error::Conflict("Recovery codes stand in for a second factor. Add one first.".to_owned()));
        }
        self.require_fresh(actor).await?;
        let codes = fresh()?;
        let subject = format!("user:{}", actor.name());
        let mut deed = self.allow(actor, Permission::AccountManage, &subject).await?;
        store::user::lock(&mut deed.tx).await?;
        store::user::by_id_within(&mut deed.tx, id).await?.ok_or_else(|| no_user(id))?;
        store::factor::put_codes(&mut deed.tx, id, &hashes(&codes)).await?;
        deed.ring("people", &id.to_string()).await?;
        deed.commit("factor.codes", &subject, &json!({"codes": codes.len()})).await?;
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn ten_that_differ_and_are_read_as_people_type_them() {
        let mut codes = fresh().unwrap();
        assert!(codes.iter().all(|code| code.len() == 19 && recovery_key(code).len() == RECOVERY_LENGTH));
        assert_eq!(hash(&codes[0]), hash(&codes[0].to_uppercase().replace('-', " ")));
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 10);
    }
}
