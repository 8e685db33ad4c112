//! Certificates by which a build pipeline signs software. Whoever holds one can sign what every device installs, so a
//! second person approves each, and the key is never made here.

use super::key::{KeyUse, use_key};
use crate::{
    Actor, Error, Fleet, Result,
    approval::{conclude, detail_of, open},
    authority::{BACKDATED, row_of},
    people::checked_name,
};
use domain::{
    approval::{ApprovalKind, ApprovalState},
    authority::Authority,
    certificate::CertificatePurpose,
    id::ApprovalId,
    person::Permission,
    time::DAY,
};
use pki::{Certificate, Name, Profile, Request, SerialNumber, Template};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::approval::Approval;

/// How long it holds unless something else is asked for, in days.
const USUAL_DAYS: i64 = 365;
/// The longest that can be asked for, in days: what signs code should be replaced now and then.
const LONGEST_DAYS: i64 = 1_095;

/// A code-signing certificate to be asked for, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CodeSigningForm {
    /// Whose it is: the pipeline's name, of at most 64 characters.
    pub name: String,
    /// The pipeline's request (PKCS#10) as PEM or base64.
    pub csr: String,
    /// How long it is to hold, in days; none for a year.
    pub days: Option<i64>,
}

impl Fleet {
    /// Asks for a code-signing certificate: once somebody else has approved it, it is issued by the operations CA.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, the key belongs to somebody else, or there is no operations CA.
    pub async fn request_code_signing(&self, actor: &Actor, form: &CodeSigningForm) -> Result<ApprovalId> {
        self.authorise(actor, Permission::AuthorityRequest, "code_signing").await?;
        let name = checked_name(&form.name)?;
        if name.chars().count() > 64 {
            return Err(Error::field("name", "Give a name of 1 to 64 characters."));
        }
        let days = form.days.unwrap_or(USUAL_DAYS);
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(Error::field("days", format!("Give a number of days from 1 to {LONGEST_DAYS}.")));
        }
        if form.csr.trim().is_empty() {
            return Err(Error::field("csr", "Paste the request. The pipeline's key stays where it was made."));
        }
        let request = read(&form.csr)?;
        let authority = self.operations().await?;
        let subject = format!("code_signing:{name}");
        let detail = json!({
            "name": name, "days": days, "parent": authority.name, "authority": authority.slug, "key": request.key_words,
            "public_key_sha256": request.public_key_sha256(), "request": form.csr.trim(),
        });
        let title = format!("Let “{name}” sign software, for {days} days");
        let mut deed = self.allow(actor, Permission::AuthorityRequest, &subject).await?;
        let id = open(&mut deed, ApprovalKind::CodeSigning, &subject, &title, &detail).await?;
        deed.commit("code_signing.request", &subject, &detail).await?;
        Ok(id)
    }

    /// Issues what was approved, or rejects it.
    pub(crate) async fn decide_code_signing(
        &self,
        actor: &Actor,
        approval: &Approval,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        let subject = format!("approval:{}", approval.id);
        let issued = if approve { Some(self.sign_for_code(&approval.detail).await?) } else { None };
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        let state = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
        conclude(&mut deed, approval, state, reason).await?;
        let mut detail = detail_of(approval, state, reason);
        if let Some((authority, certificate)) = issued {
            let mut row = row_of(&certificate, authority.id, CertificatePurpose::CodeSigning, actor.name(), self.now());
            row.issued_by.clone_from(&approval.requested_by_name);
            let wrong = match use_key(&mut deed.tx, &row.public_key_sha256, &approval.subject).await? {
                KeyUse::Theirs => None,
                KeyUse::Compromised => Some("This key was compromised. Reject the request."),
                KeyUse::Others(_) => {
                    Some("This key belongs to a device, a station or another pipeline. Reject the request.")
                }
            };
            if let Some(wrong) = wrong {
                return Err(Error::Conflict(wrong.to_owned()));
            }
            if !store::authority::take(&mut deed.tx, authority.id, 1).await? {
                return Err(Error::Conflict(format!("“{}” doesn't sign any more.", authority.name)));
            }
            detail["serial"] = json!(row.serial);
            store::certificate::insert_many(&mut deed.tx, &[(row, certificate.der().to_vec())]).await?;
            deed.ring("certificate", &certificate.serial_hex()).await?;
        }
        deed.commit("approval.decide", &subject, &detail).await
    }

    async fn sign_for_code(&self, detail: &Value) -> Result<(Authority, Certificate)> {
        let text = |field: &str| detail[field].as_str().unwrap_or_default();
        let request = read(text("request"))?;
        let (settings, authority) = (self.load_settings().await?, self.operations().await?);
        if authority.slug != text("authority") {
            let message = "Another operations CA signs now than was shown. Reject this and ask for it anew.";
            return Err(Error::Conflict(message.to_owned()));
        }
        let issuer = self.issuer(authority.id).await?;
        let (now, above) = (self.now(), issuer.certificate());
        let days = detail["days"].as_i64().unwrap_or(USUAL_DAYS);
        let template = Template {
            serial: SerialNumber::random().map_err(Error::internal)?,
            subject: Name::common(text("name")),
            public_key: request.public_key,
            profile: Profile::CodeSigning,
            not_before: now.plus(-BACKDATED).max(above.not_before()),
            not_after: now.plus(days * DAY).min(above.not_after()),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            permitted_dns: Vec::new(),
            urls: settings.urls(&authority.slug),
        };
        let certificate = pki::issue(&template, &issuer)
            .map_err(|error| Error::Conflict(format!("“{}” can't sign for it: {error}.", authority.name)))?;
        Ok((authority, certificate))
    }
}

fn read(csr: &str) -> Result<Request> {
    pki::request_from_text(csr)
        .map_err(|problem| Error::field("csr", format!("This request can't be taken: {problem}.")))
}
