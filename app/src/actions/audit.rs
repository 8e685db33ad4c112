//! Verifying the audit log. It changes nothing, but reads everything: hence not by following a link.

use super::{Access, ActionRoute, see_other};
use crate::{
    components::{status::Tone, text::count},
    context::{Ctx, Flash},
    pages::errors::{Problem, respond_problem},
};
use axum::{Extension, response::Response, routing::post};
use domain::person::Permission;
use fleet::Verification;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[ActionRoute {
    method: "POST",
    path: "/audit/verify",
    access: Access::May(Permission::AuditRead),
    handler: || post(verify),
}];

async fn verify(Extension(ctx): Extension<Ctx>) -> Response {
    match ctx.fleet.audit_verify(&ctx.actor).await {
        Ok(verification) => {
            let (path, flash) = verdict(&verification);
            see_other(&path, Some(&flash))
        }
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

/// What was found, in a sentence, and the page where it is to be seen.
fn verdict(verification: &Verification) -> (String, Flash) {
    let entries = match verification.entries {
        1 => "1 entry".to_owned(),
        n => format!("{} entries", count(n)),
    };
    match &verification.break_at {
        None => {
            let head: String = verification.head.chars().take(16).collect();
            let text = format!("{entries}, unbroken. The last hash begins with {head}.");
            ("/audit".to_owned(), Flash::done(text))
        }
        Some(broken) => {
            let text = format!(
                "The chain breaks at entry {}: {}. The {entries} before it are whole.",
                count(broken.seq),
                broken.why
            );
            (format!("/audit?before={}", broken.seq.saturating_add(3)), Flash { tone: Tone::Bad, text })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::Break;

    #[test]
    fn verdicts() {
        let whole = Verification { entries: 1_204, head: "9f3a".repeat(16), break_at: None };
        assert_eq!(verdict(&whole).1.text, "1,204 entries, unbroken. The last hash begins with 9f3a9f3a9f3a9f3a.");
        let broken = Break { seq: 813, why: "its text was altered after it was written".to_owned() };
        let (path, flash) = verdict(&Verification { entries: 812, break_at: Some(broken), ..whole });
        assert_eq!(path, "/audit?before=816");
        assert!(flash.tone == Tone::Bad && flash.text.contains("entry 813"));
    }
}
