//! The provider of identities: whether it answers, is the one that was meant, and what it has to be told.

use super::finding::Findings;
use crate::{
    cli::Serve,
    commands::{COMMAND_LINE, oidc, serve::console_url},
};
use domain::person::Role;
use fleet::{
    Fleet,
    oidc::{Facts, Provider},
};

const ABOUT: &str = "provider";

/// Looks at it, if there is one.
pub async fn look(serve: &Serve, found: &mut Findings) {
    match oidc::provider(&serve.oidc) {
        Ok(None) => {}
        Ok(Some(provider)) => {
            judge(&provider, provider.look().await, found);
            let uri = oidc::redirect_uri(&console_url(&serve.listen));
            found.ok(ABOUT, format!("it has to know this redirect URI of ours, to the letter: {uri}"));
        }
        Err(why) => found.wrong(ABOUT, why.to_string(), "see “Sign-in at a provider” in OPERATIONS.md"),
    }
}

fn judge(provider: &Provider, looked: Result<Facts, String>, found: &mut Findings) {
    let issuer = provider.issuer();
    let facts = match looked {
        Ok(facts) => facts,
        Err(why) => {
            found.wrong(
                ABOUT,
                format!("{issuer}: {why}"),
                "nobody can sign in there; compare oidc-issuer with what the provider says of itself below \
                 /.well-known/openid-configuration, and oidc-ca with who issued its certificate",
            );
            return;
        }
    };
    match facts.keys {
        0 => found.wrong(ABOUT, format!("{issuer} answers, but names no key"), "its tokens can't be verified"),
        1 => found.ok(ABOUT, format!("{issuer} answers, and signs with one key")),
        keys => found.ok(ABOUT, format!("{issuer} answers, and signs with {keys} keys")),
    }
    if facts.pkce == Some(false) {
        found.attention(
            ABOUT,
            "it does not say that it knows PKCE by S256, which is always used",
            "if sign-ins fail there, look for a setting of the client named PKCE",
        );
    }
}

/// Whether somebody gets in to put things right when the provider does not answer.
pub async fn look_at_admins(serve: &Serve, fleet: &Fleet, found: &mut Findings) {
    if serve.oidc.oidc_issuer.is_none() {
        return;
    }
    let Ok(users) = fleet.users(&COMMAND_LINE).await else { return };
    let admins: Vec<_> =
        users.into_iter().filter(|user| user.role == Role::Admin && user.disabled_at.is_none()).collect();
    for admin in &admins {
        let factors = fleet.factors_of(&COMMAND_LINE, admin.id).await.unwrap_or_default();
        if admin.has_password || !factors.passkeys.is_empty() {
            found.ok(ABOUT, "an administrator can sign in without it");
            return;
        }
    }
    found.attention(
        ABOUT,
        "no administrator has a password or a passkey here: while the provider does not answer, nobody could change anything",
        "make an account for that: muster user add ADDRESS --role admin",
    );
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::cli::{Command, Doctor};
    use crate::{commands::doctor::finding::Mark, settings};

    fn serve(issuer: &str) -> Serve {
        let typed = [
            "muster",
            "doctor",
            "--config=",
            "--oidc-issuer",
            issuer,
            "--oidc-client-id",
            "muster",
            "--oidc-group",
            "a=admin",
        ];
        let Command::Doctor(doctor) = settings::read(typed.map(Into::into)).unwrap().command else {
            unreachable!("typed")
        };
        let Doctor { serve, .. } = *doctor;
        serve
    }

    #[tokio::test]
    async fn one_that_does_not_answer_is_wrong_and_its_redirect_uri_is_told() {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = taken.local_addr().unwrap();
        drop(taken);
        let mut found = Findings::default();
        look(&serve(&format!("http://{at}")), &mut found).await;
        let marks = found.marks(ABOUT);
        assert!(marks[0].0 == Mark::Wrong && marks[0].1.contains("can't be reached"), "{marks:?}");
        assert!(marks[1].1.contains("https://localhost:8443/sign-in/oidc/callback"), "{marks:?}");
        let mut found = Findings::default();
        look(&serve("http://id.example"), &mut found).await;
        assert_eq!(found.worst(), Mark::Wrong);
    }

    #[test]
    fn what_it_says_of_itself_is_judged() {
        let provider = oidc::provider(&serve("https://id.example").oidc).unwrap().unwrap();
        let judged = |looked: Result<Facts, String>| {
            let mut found = Findings::default();
            judge(&provider, looked, &mut found);
            found.worst()
        };
        let facts = Facts { keys: 2, pkce: Some(true), ends_sessions: true, has_userinfo: true };
        assert_eq!(judged(Ok(facts.clone())), Mark::Ok);
        assert_eq!(judged(Ok(Facts { pkce: None, ..facts.clone() })), Mark::Ok);
        assert_eq!(judged(Ok(Facts { pkce: Some(false), ..facts.clone() })), Mark::Attention);
        assert_eq!(judged(Ok(Facts { keys: 0, ..facts })), Mark::Wrong);
        assert_eq!(judged(Err("it is another one".into())), Mark::Wrong);
    }
}
