//! One part that goes out or comes in, checked as it is typed.

use super::Taint;
use crate::{
    component::{ComponentClass, Part},
    factory_manifest::is_slot,
    identifier::{Identifier, IdentifierError, Imei, Mac, normalise},
    report::{Makers, Tac},
};

/// What is said of a slot's name that factory manifests don't take either.
pub const SLOT_RULE: &str =
    "A slot’s name begins with a small letter and has up to 32 small letters, digits and - _ . in it, like lte0.";

/// How a remark is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// It fits.
    Fine,
    /// One can go on; whoever approves will see it.
    Doubt,
    /// It can't be so.
    Wrong,
}

/// What is to be said of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How it is meant.
    pub tone: Tone,
    /// It in a sentence.
    pub words: String,
}

impl Remark {
    fn fine(words: impl Into<String>) -> Self {
        Self { tone: Tone::Fine, words: words.into() }
    }

    fn doubt(words: impl Into<String>) -> Self {
        Self { tone: Tone::Doubt, words: words.into() }
    }

    fn wrong(words: impl Into<String>) -> Self {
        Self { tone: Tone::Wrong, words: words.into() }
    }
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The part, unless something is wrong with it.
    pub part: Option<Part>,
    /// What is to be said of it, in the order in which it matters.
    pub remarks: Vec<Remark>,
}

impl Checked {
    /// What is wrong, if anything is: the first such sentence.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.remarks.iter().find(|remark| remark.tone == Tone::Wrong).map(|remark| remark.words.as_str())
    }

    fn of(part: Part, remarks: Vec<Remark>) -> Self {
        let wrong = remarks.iter().any(|remark| remark.tone == Tone::Wrong);
        Self { part: (!wrong).then_some(part), remarks }
    }

    fn only_wrong(words: impl Into<String>) -> Self {
        Self { part: None, remarks: vec![Remark::wrong(words)] }
    }
}

/// A part that is to leave a slot.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The slot.
    pub slot: &'a str,
    /// The parts of which the device is made by its manifest.
    pub parts: &'a [Part],
    /// What was typed or scanned from the part; empty when it was not looked at.
    pub typed: &'a str,
}

/// Checks that what is taken out of a slot is what the manifest says is in it.
#[must_use]
pub fn check_out(out: Outgoing<'_>) -> Checked {
    let Some(part) = out.parts.iter().find(|part| part.slot == out.slot) else {
        if out.typed.trim().is_empty() {
            return Checked::default();
        }
        return Checked::only_wrong(format!(
            "The manifest lists nothing in “{}”, so nothing can go out of it.",
            out.slot
        ));
    };
    if out.typed.trim().is_empty() {
        let words = format!("Not compared with the part in your hand; the manifest lists {} here.", part.identifier);
        return Checked::of(part.clone(), vec![Remark::doubt(words)]);
    }
    match normalise(part.class, out.typed) {
        Ok(found) if found.key == part.identifier_key => {
            Checked::of(part.clone(), vec![Remark::fine("This is the part that the manifest lists here.")])
        }
        Ok(found) => Checked::only_wrong(format!(
            "The manifest lists {} in “{}”, not {}. Look at the label again, or choose the slot that it came from.",
            part.identifier, out.slot, found.shown
        )),
        Err(error) => Checked::only_wrong(sentence(&error)),
    }
}

/// A part that is to come into a slot.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The serial of the device that it comes into.
    pub device: &'a str,
    /// The slot.
    pub slot: &'a str,
    /// The class of parts in this slot.
    pub class: ComponentClass,
    /// What was typed or scanned.
    pub typed: &'a str,
    /// Who made it; empty when it is the same as that of the part that goes out, or not known.
    pub maker: &'a str,
    /// Its type name; empty when it is the same as that of the part that goes out, or not known.
    pub model: &'a str,
    /// The parts of which the device is made by its manifest.
    pub parts: &'a [Part],
    /// The keys of the parts that the same repair brings into other slots.
    pub others: &'a [&'a str],
    /// The slots that the same repair empties or fills anew.
    pub changed: &'a [&'a str],
    /// The serials of the devices, other than this one, in which that identifier is fitted by their manifests.
    pub fitted_in: &'a [&'a str],
    /// That it was taken out of a device and is not accounted for.
    pub taint: Option<&'a Taint>,
    /// What is known of makers.
    pub makers: &'a Makers,
}

/// Checks a part that comes in: its check digit, its kind, its maker, and where it is or was.
#[must_use]
pub fn check_part(new: Incoming<'_>) -> Checked {
    // What the manifest lists has its name already.
    if !new.parts.iter().any(|part| part.slot == new.slot) && !is_slot(new.slot) {
        return Checked::only_wrong(SLOT_RULE);
    }
    let found = match normalise(new.class, new.typed) {
        Ok(found) => found,
        Err(error) => return Checked::only_wrong(mistaken(new.class, new.typed).unwrap_or_else(|| sentence(&error))),
    };
    let out = new.parts.iter().find(|part| part.slot == new.slot);
    let inherits = |given: &str, before: fn(&Part) -> &String| match given.trim() {
        "" => out.map(before).cloned().unwrap_or_default(),
        given => given.chars().take(80).collect(),
    };
    let part = Part {
        slot: new.slot.to_owned(),
        class: new.class,
        maker: inherits(new.maker, |part| &part.maker),
        model: inherits(new.model, |part| &part.model),
        identifier: found.shown.clone(),
        identifier_key: found.key.clone(),
    };
    let mut remarks = vec![well_formed(&found)];
    remarks.extend(same_kind(&new, &found));
    remarks.extend(maker(&new, &part, out, &found));
    remarks.extend(whereabouts(&new, out, &found));
    Checked::of(part, remarks)
}

fn sentence(error: &IdentifierError) -> String {
    let words = error.to_string();
    let mut letters = words.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// What a text is when it is not what the slot takes.
fn mistaken(class: ComponentClass, typed: &str) -> Option<String> {
    let takes = match class {
        ComponentClass::Lte => "an IMEI",
        ComponentClass::Ethernet | ComponentClass::Wlan => "a MAC address",
        _ => return None,
    };
    let is = if class != ComponentClass::Lte && Imei::parse(typed).is_ok() {
        "an IMEI"
    } else if class == ComponentClass::Lte && Mac::parse(typed).is_ok() {
        "a MAC address"
    } else {
        return None;
    };
    Some(format!(
        "This is {is}, but {} is identified by {takes}. Is it the wrong part, or the wrong slot?",
        named(class)
    ))
}

fn named(class: ComponentClass) -> &'static str {
    match class {
        ComponentClass::Ethernet => "an Ethernet interface",
        ComponentClass::Wlan => "a WLAN interface",
        ComponentClass::Lte => "an LTE modem",
        _ => "this part",
    }
}

fn well_formed(found: &Identifier) -> Remark {
    Remark::fine(if found.key.starts_with("imei:") {
        "The check digit is right."
    } else if found.key.starts_with("mac:") {
        "This is a MAC address."
    } else {
        "Read as the maker’s serial number."
    })
}

/// A serial number that reads like another kind's identifier is probably from another label.
fn same_kind(new: &Incoming<'_>, found: &Identifier) -> Option<Remark> {
    if !found.key.starts_with("sn:") {
        return None;
    }
    let bare: String = found.shown.chars().filter(|c| !c.is_whitespace()).collect();
    let label = new.class.label().to_lowercase();
    if bare.len() == 15 && Imei::parse(&bare).is_ok() {
        return Some(Remark::doubt(format!("This reads like the IMEI of a modem. Is it the {label}’s own number?")));
    }
    (bare.contains(':') && Mac::parse(&bare).is_ok())
        .then(|| Remark::doubt(format!("This reads like a MAC address. Is it the {label}’s own number?")))
}

/// What its beginning says of who made it.
fn maker(new: &Incoming<'_>, part: &Part, out: Option<&Part>, found: &Identifier) -> Option<Remark> {
    if let Some(digits) = found.key.strip_prefix("imei:") {
        return modem(new.makers, part, out, Imei::parse(digits).ok()?);
    }
    let mac = Mac::parse(found.key.strip_prefix("mac:")?).ok()?;
    if mac.is_local() {
        return Some(Remark::doubt(
            "This address was made up locally, so nobody vouches that no other part has it. The part’s label has the right one.",
        ));
    }
    let known = new.makers.ouis(&part.maker);
    if known.is_empty() {
        return None;
    }
    Some(if known.iter().any(|oui| oui.holds(mac)) {
        Remark::fine(format!("The address is one of {}’s.", part.maker))
    } else {
        Remark::doubt(format!("The address is none of those that {} has from the IEEE.", part.maker))
    })
}

fn modem(makers: &Makers, part: &Part, out: Option<&Part>, imei: Imei) -> Option<Remark> {
    let tac = Tac::of(imei);
    let known = makers.tacs(&part.model);
    if !known.is_empty() {
        return Some(if known.contains(&tac) {
            Remark::fine(format!("Type code {tac} is {}.", part.model))
        } else {
            Remark::doubt(format!("Type code {tac} is not one of {}.", part.model))
        });
    }
    // Where nothing is known of the model, the modem that goes out is one.
    let before = out.filter(|out| out.model == part.model).and_then(|out| Imei::parse(&out.identifier).ok())?;
    let before = Tac::of(before);
    Some(if before == tac {
        Remark::fine(format!("Type code {tac}, as the modem that goes out."))
    } else {
        Remark::doubt(format!("Type code {tac}; that of the modem that goes out is {before}. Is it the same model?"))
    })
}

/// Where it is, or was.
fn whereabouts(new: &Incoming<'_>, out: Option<&Part>, found: &Identifier) -> Vec<Remark> {
    if out.is_some_and(|out| out.identifier_key == found.key) {
        return vec![Remark::wrong("This is the part that goes out. Type the number of the new one.")];
    }
    if new.others.contains(&found.key.as_str()) {
        return vec![Remark::wrong("The same part comes into another slot of this repair.")];
    }
    let here = new.parts.iter().find(|part| part.identifier_key == found.key);
    if let Some(here) = here.filter(|here| !new.changed.contains(&here.slot.as_str())) {
        return vec![Remark::wrong(format!(
            "This part is in “{}” of this device. Take it out there first.",
            here.slot
        ))];
    }
    let elsewhere: Vec<&str> = new.fitted_in.iter().copied().filter(|serial| *serial != new.device).collect();
    if elsewhere.len() > 1 {
        let some: Vec<&str> = elsewhere.iter().copied().take(3).collect();
        return vec![Remark::wrong(format!(
            "By their manifests this part is in several devices ({}). Settle that conflict first.",
            some.join(", ")
        ))];
    }
    let mut remarks: Vec<Remark> = elsewhere
        .iter()
        .map(|serial| {
            Remark::doubt(format!("By its manifest it is in {serial}. A second person has to approve the move."))
        })
        .collect();
    if let Some(taint) = new.taint {
        remarks.push(Remark::doubt(format!(
            "Taken out of {} by {} on {} and recorded nowhere since. A second person has to approve it.",
            taint.device,
            taint.case,
            taint.since.day_words()
        )));
    }
    if remarks.is_empty() && here.is_none() {
        remarks.push(Remark::fine("Not fitted in any other device."));
    }
    remarks
}
