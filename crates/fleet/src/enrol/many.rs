//! Thousands at once: requests with their serials and, where the station knows them, their components.

use super::{
    Enrolled,
    admit::{Admission, Refusal, admit, check_device, check_names, check_place, checked_serial, hold},
    birth::{Birth, Newborn, fitted_since},
    line::{Line, Signed, Wanted},
    one::tell_history,
};
use crate::{Actor, Deed, Error, Fleet, Result};
use domain::{device::Device, person::Permission};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// How many are signed and entered together, so that the writer is never held for long.
const PIECE: usize = 250;
/// How many may come in one call.
pub const BULK_MAX: usize = 10_000;

/// One device to enrol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolItem {
    /// Its serial.
    pub serial: String,
    /// Its request: PKCS#10 as PEM or base64.
    pub csr: String,
    /// Its hardware revision; only with components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware_revision: Option<String>,
    /// The firmware that it leaves the line with; only with components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// When it was made, in RFC 3339; now when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<String>,
    /// Its components, each as in a row of a JSON Lines manifest. With them a device that isn't known is made; without,
    /// its manifest has to come later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Value>,
}

/// What became of one device.
#[derive(Clone, Debug)]
pub struct EnrolOutcome {
    /// Its serial, as it was given.
    pub serial: String,
    /// Its certificate, or why it got none.
    pub outcome: std::result::Result<Enrolled, String>,
    /// Whether the device was made, too.
    pub made: bool,
}

/// One that is signed, and what it is entered with.
struct Ready {
    at: usize,
    signed: Signed,
    newborn: Option<Newborn>,
}

impl Ready {
    fn serial(&self) -> &str {
        self.signed.row.device_serial.as_deref().unwrap_or_default()
    }

    /// Enters the certificate, and the device if it is made with it. Whether it was.
    async fn enter(&mut self, deed: &mut Deed<'_>, line: &Line, device: Option<&Device>) -> Result<bool> {
        // Somebody else may have entered the device since.
        let newborn = self.newborn.take().filter(|_| device.is_none());
        self.signed.row.device_id = device.or(newborn.as_ref().map(|newborn| &newborn.device)).map(|device| device.id);
        if let Some(newborn) = &newborn {
            newborn.enter(deed, &self.signed.row, &line.authority.name).await?;
        }
        store::certificate::insert_many(&mut deed.tx, &[self.signed.entry()]).await?;
        if let Some(device) = device {
            tell_history(deed, device, &self.signed.row, line).await?;
        }
        Ok(newborn.is_some())
    }
}

impl Fleet {
    /// Enrols many devices of a batch. Each has an answer of its own; what was answered is durable. Should the call end in
    /// the middle, ask again: who has a certificate gets the same one.
    ///
    /// # Errors
    /// When the actor may not, there is no such batch, nothing signs for it, or there are more than [`BULK_MAX`].
    pub async fn enrol_many(
        &self,
        actor: &Actor,
        batch_code: &str,
        items: Vec<EnrolItem>,
    ) -> Result<Vec<EnrolOutcome>> {
        let subject = format!("batch:{batch_code}");
        self.authorise(actor, Permission::CertificateEnrol, &subject).await?;
        if items.len() > BULK_MAX {
            return Err(Error::TooLarge(format!("Send at most {BULK_MAX} devices at once.")));
        }
        let line = Arc::new(self.line(batch_code).await?);
        if let Err(refusal) = check_place(actor, &line) {
            return Err(self.refuse(actor, Some(&line), &subject, refusal).await);
        }
        let mut outcomes = Vec::with_capacity(items.len());
        let mut seen = HashSet::new();
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let piece: Vec<EnrolItem> = items.by_ref().take(PIECE).collect();
            let repeats = piece.iter().map(|item| !seen.insert(item.serial.trim().to_owned())).collect();
            outcomes.extend(self.enrol_piece(actor, &line, piece, repeats).await?);
        }
        Ok(outcomes)
    }

    /// Enrols a piece; `repeats` says which of its rows repeat the serial of an earlier one.
    async fn enrol_piece(
        &self,
        actor: &Actor,
        line: &Arc<Line>,
        items: Vec<EnrolItem>,
        repeats: Vec<bool>,
    ) -> Result<Vec<EnrolOutcome>> {
        let serials: Vec<String> = items.iter().map(|item| item.serial.trim().to_owned()).collect();
        let named: Vec<&str> = serials.iter().map(String::as_str).collect();
        let known = store::device::by_serials(self.db(), &named).await?;
        let known: HashMap<String, Device> = known.into_iter().map(|device| (device.serial.clone(), device)).collect();
        let births = self.births(line, &items, &known).await?;
        let (signing, by, now) = (line.clone(), actor.name().to_owned(), self.now());
        let prepared = tokio::task::spawn_blocking(move || {
            let rows = items.iter().zip(births).zip(repeats).enumerate();
            let prepare = |(at, ((item, birth), repeats)): (usize, ((&EnrolItem, Birth), bool))| {
                if repeats {
                    return Err(Refusal::plain(format!("{} stands more than once in this call.", item.serial.trim())));
                }
                prepare(&signing, at, item, birth, &known, &by, now)
            };
            rows.map(prepare).collect::<Vec<_>>()
        });
        let mut outcomes: Vec<Option<std::result::Result<Enrolled, Refusal>>> = serials.iter().map(|_| None).collect();
        let mut ready = Vec::new();
        for (at, prepared) in prepared.await.map_err(Error::internal)?.into_iter().enumerate() {
            match prepared {
                Ok(one) => ready.push(one),
                Err(refusal) => set(&mut outcomes, at, Err(refusal)),
            }
        }
        let made = self.enter_piece(actor, line, ready, &mut outcomes).await?;
        let mut told = Vec::with_capacity(serials.len());
        for (at, (serial, outcome)) in serials.into_iter().zip(outcomes).enumerate() {
            let outcome = match outcome {
                Some(Ok(enrolled)) => Ok(enrolled),
                Some(Err(refusal)) => Err(self.refuse(actor, Some(line), &serial, refusal).await.to_string()),
                None => Err("Nothing was decided; ask again.".to_owned()),
            };
            told.push(EnrolOutcome { made: made.contains(&at) && outcome.is_ok(), serial, outcome });
        }
        Ok(told)
    }

    /// Enters what is signed, in one transaction, and says which devices were made.
    async fn enter_piece(
        &self,
        actor: &Actor,
        line: &Line,
        ready: Vec<Ready>,
        outcomes: &mut [Option<std::result::Result<Enrolled, Refusal>>],
    ) -> Result<Vec<usize>> {
        let subject = format!("batch:{}", line.batch.code);
        let mut deed = self.allow(actor, Permission::CertificateEnrol, &subject).await?;
        let serials: Vec<&str> = ready.iter().map(Ready::serial).collect();
        let fitted = fitted_since(&mut deed, ready.iter().filter_map(|one| one.newborn.as_ref())).await?;
        let known = hold(&mut deed.tx, line, &serials).await?;
        let (mut entered, mut again, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for mut one in ready {
            let device = known.get(one.serial());
            // Of one that is there by now nothing is made.
            let newborn = one.newborn.as_ref().filter(|_| device.is_none());
            if let Some(why) = newborn.and_then(|newborn| newborn.objection(&fitted)) {
                set(outcomes, one.at, Err(Refusal::plain(why)));
                continue;
            }
            match admit(&mut deed.tx, actor, line, &one.signed.row, device, self.now()).await? {
                Admission::Enter => {
                    if one.enter(&mut deed, line, device).await? {
                        made.push(one.at);
                    }
                    entered.push(one);
                }
                Admission::Already(id) => again.push((one.at, id)),
                Admission::Refused(refusal) => set(outcomes, one.at, Err(refusal)),
            }
        }
        if !entered.is_empty() {
            let issued: Vec<Value> =
                entered.iter().map(|one| json!([one.signed.row.device_serial, one.signed.row.serial])).collect();
            let detail = json!({
                "batch": line.batch.code, "authority": line.authority.slug, "made": made.len(), "issued": issued,
            });
            deed.ring("certificate", &subject).await?;
            deed.commit("certificate.issue", &subject, &detail).await?;
        } else {
            drop(deed);
        }
        for one in entered {
            set(outcomes, one.at, Ok(line.enrolled(one.signed.certificate)));
        }
        for (at, id) in again {
            set(outcomes, at, Ok(self.enrolled_before(id).await?));
        }
        Ok(made)
    }
}

fn set<T>(outcomes: &mut [Option<T>], at: usize, outcome: T) {
    if let Some(place) = outcomes.get_mut(at) {
        *place = Some(outcome);
    }
}

/// Checks and signs one, without the database.
fn prepare(
    line: &Line,
    at: usize,
    item: &EnrolItem,
    birth: Birth,
    known: &HashMap<String, Device>,
    by: &str,
    now: domain::time::Timestamp,
) -> std::result::Result<Ready, Refusal> {
    let serial = checked_serial(&item.serial)?;
    let request = pki::request_from_text(&item.csr).map_err(|problem| {
        let means = matches!(problem, pki::RequestError::WrongProof | pki::RequestError::Authority);
        let message = format!("The request was refused: {problem}.");
        Refusal { message, finding: means.then_some(domain::authority::FindingKind::BadProof), copied: None }
    })?;
    check_device(line, known.get(serial))?;
    check_names(line, &request, serial)?;
    let newborn = match birth {
        Birth::None => None,
        Birth::Of(newborn) => Some(*newborn),
        Birth::Wrong(why) => return Err(Refusal::plain(why)),
    };
    let wanted = Wanted {
        device_serial: serial,
        device_id: None,
        public_key: &request.public_key,
        by,
        from: now,
        days: line.settings.device_days,
        replaces: None,
    };
    let signed = line.sign(&wanted).map_err(|error| Refusal::plain(error.to_string()))?;
    Ok(Ready { at, signed, newborn })
}
