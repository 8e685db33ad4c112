//! Who must have a second factor.

use crate::{Actor, Error, Fleet, Result, setting::SECOND_FACTOR};
use domain::{factor::SecondFactorPolicy, person::Permission};
use serde_json::json;

impl Fleet {
    /// Whether whoever acts must have a second factor, has none and has shown none: a session that was begun while that was
    /// chosen, or at a node of the version before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lacks_second_factor(&self, actor: &Actor) -> Result<bool> {
        let Actor::User { id, role, proved_at: None, .. } = actor else { return Ok(false) };
        Ok(self.second_factor_policy().await?.asks(*role) && !store::factor::has_any(self.db(), *id).await?)
    }

    /// Who must have a second factor; without a choice nobody must.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn second_factor_policy(&self) -> Result<SecondFactorPolicy> {
        let chosen = store::setting::one(self.db(), SECOND_FACTOR).await?;
        Ok(chosen.and_then(|word| word.parse().ok()).unwrap_or(SecondFactorPolicy::Optional))
    }

    /// Chooses who must have a second factor. The sessions of those who must and have none end; they are led to it at
    /// their next sign-in. How many ended.
    ///
    /// # Errors
    /// When the actor may not, has to show a second factor again, or has none and would have to.
    pub async fn set_second_factor_policy(&self, actor: &Actor, policy: SecondFactorPolicy) -> Result<u64> {
        let subject = "settings";
        self.authorise(actor, Permission::SettingManage, subject).await?;
        self.require_fresh(actor).await?;
        let before = self.second_factor_policy().await?;
        if let Actor::User { id, role, .. } = actor
            && policy.asks(*role)
            && !store::factor::has_any(self.db(), *id).await?
            && !self.provider_of(*id).await?.is_some_and(|provider| provider.shows_second_factors())
        {
            return Err(Error::Conflict(
                "This would ask a second factor of you, and you have none. Add one on your account's page first."
                    .to_owned(),
            ));
        }
        let mut deed = self.allow(actor, Permission::SettingManage, subject).await?;
        store::user::lock(&mut deed.tx).await?;
        store::setting::put(&mut deed.tx, SECOND_FACTOR, policy.as_str()).await?;
        let ended = match policy {
            SecondFactorPolicy::Optional => 0,
            SecondFactorPolicy::Managers => store::factor::end_sessions_without(&mut deed.tx, false).await?,
            SecondFactorPolicy::Everybody => store::factor::end_sessions_without(&mut deed.tx, true).await?,
        };
        deed.ring("setting", "second_factor").await?;
        let detail = json!({"before": before, "after": policy, "sessions_ended": ended});
        deed.commit("factor.policy", subject, &detail).await?;
        Ok(ended)
    }
}
