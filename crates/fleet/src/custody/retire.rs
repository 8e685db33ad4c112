//! The end of a device's use: retired or destroyed. A correction takes it back, so one person is enough; cutting off the
//! certificates with it is an act of its own, for which a large selection needs two.

use super::{BULK_MAX, append_to, held};
use crate::{
    Actor, Error, FieldError, Fleet, Result,
    devices::Selection,
    revocation::{self, Outcome},
};
use domain::{
    custody::EndVerb,
    history::{Entry, Event, voided},
    id::{DeviceId, HistoryId},
    person::Permission,
    query::{self, MAX_ALTERNATIVES, MAX_CHARS, quoted},
    time::Timestamp,
};
use serde_json::json;

/// The end of a device's use, as a form gives it.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
pub struct RetireForm {
    /// The verb's word: `retire`, `destroy`.
    #[serde(default)]
    pub verb: String,
    /// Why, or for `destroy` how that is known.
    #[serde(default)]
    pub reason: String,
    /// When, in RFC 3339 or as a form's `2026-11-02T08:26` in UTC; empty for now.
    #[serde(default)]
    pub at: String,
    /// Where exactly; may be empty.
    #[serde(default)]
    pub place: String,
    /// Whether the certificates are revoked with it (`cessationOfOperation`), for good.
    #[serde(default)]
    pub revoke: bool,
    /// How many devices it is, typed by whoever means it; only where it is more than one.
    #[serde(default)]
    pub confirmation: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The entries in the devices' histories.
    pub entries: Vec<HistoryId>,
    /// What became of the certificates; none when they were to stay, or there were none.
    pub revocation: Option<Outcome>,
}

impl Fleet {
    /// Records that devices are retired or destroyed, all or none. Their tokens let nobody in from then on; those of
    /// destroyed ones are taken away. Their certificates are revoked with it only if the form says so, of exactly these
    /// devices; a large selection's wait for a second person.
    ///
    /// # Errors
    /// When the actor may not, a device is not known, there are more than [`BULK_MAX`], a field is wrong, or the use of one
    /// of them has ended before.
    pub async fn retire(&self, actor: &Actor, selection: &Selection, form: &RetireForm) -> Result<Retired> {
        self.authorise(actor, Permission::DeviceRetire, &subject_of(selection)).await?;
        if form.revoke {
            self.authorise(actor, Permission::CertificateRevoke, &subject_of(selection)).await?;
            self.require_fresh(actor).await?;
        }
        let selected = self.selected(actor, selection, BULK_MAX).await?;
        let (verb, at) = self.read_end(form, selected.devices.len())?;
        let serials: Vec<String> = selected.devices.iter().map(|device| device.serial.clone()).collect();
        let devices = self.devices_named(&serials, at).await?;
        let ending = match form.revoke {
            true => {
                let ids: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
                self.prepare_end(revocation_of(selection, &serials)?, &ids, form.reason.trim()).await?
            }
            false => None,
        };
        let subject = match serials.as_slice() {
            [serial] => format!("device:{serial}"),
            many => format!("devices:{}", many.len()),
        };
        let mut deed = self.allow(actor, Permission::DeviceRetire, &subject).await?;
        let (event, place) = (event_of(verb, form.reason.trim()), form.place.trim());
        let mut entries = Vec::with_capacity(devices.len());
        for device in &devices {
            let (before, history) = held(&mut deed, device).await?;
            if let Some(message) = ended(&device.serial, &history, verb) {
                return Err(Error::field("verb", message));
            }
            let entry = self.entry(actor, at, place, event.clone());
            entries.push(entry.id);
            append_to(&mut deed, before, vec![entry]).await?;
            if verb == EndVerb::Destroy {
                // The token of one that is only retired lets nobody in, and counts again when that is taken back.
                store::device_token::remove(&mut deed.tx, device.id).await?;
            }
            deed.ring("device", &device.serial).await?;
        }
        // In the same transaction: of the devices and their certificates both end, or neither.
        let enacted = match &ending {
            Some(ending) => Some((self.end_within(&mut deed, ending).await?, ending.subject())),
            None => None,
        };
        let detail = json!({"event": event, "at": at, "place": place, "revoke": form.revoke, "serials": serials});
        let action = match verb {
            EndVerb::Retire => "device.retire",
            EndVerb::Destroy => "device.destroy",
        };
        let mut audited = vec![(action, subject.as_str(), &detail)];
        audited.extend(enacted.iter().map(|(done, subject)| (done.action, subject.as_str(), &done.detail)));
        deed.commit_all(&audited).await?;
        let revocation = enacted.map(|(done, _)| done.outcome);
        if let Some(outcome) = revocation {
            self.enacted(outcome).await;
        }
        Ok(Retired { entries, revocation })
    }

    fn read_end(&self, form: &RetireForm, number: usize) -> Result<(EndVerb, Timestamp)> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: String| wrong.push(FieldError { field: field.to_owned(), message });
        let verb = form.verb.parse::<EndVerb>().ok();
        if verb.is_none() {
            say("verb", "Choose whether it is retired or destroyed.".to_owned());
        }
        let reason = form.reason.trim();
        if reason.is_empty() || reason.chars().count() > 200 {
            let what = if verb == Some(EndVerb::Destroy) { "how that is known" } else { "why" };
            say("reason", format!("Say in 1 to 200 characters {what}."));
        }
        if form.place.chars().count() > 200 {
            say("place", "Keep it under 200 characters.".to_owned());
        }
        if number == 0 {
            say("", "No device is selected.".to_owned());
        }
        if number > 1 && form.confirmation.trim() != number.to_string() {
            say("confirmation", format!("Type {number} to confirm that you mean so many devices."));
        }
        let at = self.time_of(&form.at).map_err(|message| say("at", message)).ok();
        match (verb, at) {
            (Some(verb), Some(at)) if wrong.is_empty() => Ok((verb, at)),
            _ => Err(Error::Invalid { fields: wrong }),
        }
    }
}

fn subject_of(selection: &Selection) -> String {
    match selection {
        Selection::Serials(serials) => match serials.as_slice() {
            [serial] => format!("device:{serial}"),
            many => format!("devices:{}", many.len()),
        },
        Selection::Query(_) => "devices".to_owned(),
    }
}

/// How an act of revocation calls the same devices.
fn revocation_of(selection: &Selection, serials: &[String]) -> Result<revocation::Selection> {
    if let [serial] = serials {
        return Ok(revocation::Selection::Device(serial.clone()));
    }
    if let Selection::Query(text) = selection {
        if query::parse(text)?.terms.is_empty() {
            return Err(Error::field("revoke", "Narrow the query: it means every device there is."));
        }
        return Ok(revocation::Selection::Query(text.clone()));
    }
    let quoted: Vec<String> = serials.iter().map(|serial| quoted(serial)).collect();
    let query = format!("serial:{}", quoted.join(","));
    if quoted.len() > MAX_ALTERNATIVES || query.chars().count() > MAX_CHARS {
        let told = "So many single devices can't be revoked at once. Select them by a query, or leave their certificates \
                    and revoke them in parts.";
        return Err(Error::field("revoke", told));
    }
    Ok(revocation::Selection::Query(query))
}

fn event_of(verb: EndVerb, reason: &str) -> Event {
    match verb {
        EndVerb::Retire => Event::Retired { reason: reason.to_owned() },
        EndVerb::Destroy => Event::Destroyed { evidence: reason.to_owned() },
    }
}

/// Why a device's use can't end so: it ended before. What was retired can still be destroyed.
fn ended(serial: &str, history: &[Entry], verb: EndVerb) -> Option<String> {
    let void = voided(history);
    let mut counted = history.iter().filter(|entry| !void.contains(&entry.id));
    let (word, end) = counted.find_map(|entry| match &entry.event {
        Event::Destroyed { .. } => Some(("destroyed", entry)),
        Event::Retired { .. } if verb == EndVerb::Retire => Some(("retired", entry)),
        _ => None,
    })?;
    Some(format!(
        "{serial} was {word} on {} already. If that is wrong, correct that entry in its history first.",
        end.at.day_words()
    ))
}
