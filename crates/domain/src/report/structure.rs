//! Whether an identifier can be what it says, whoever lists it.

use super::{Makers, PartReport, Tac};
use crate::{component::Part, identifier::Imei, suspicion::Signal};

/// What speaks against the identifier that is reported for a listed part; `listed` when the manifest lists that very
/// identifier.
pub(super) fn doubts(part: &Part, report: &PartReport, listed: bool, makers: &Makers) -> Vec<Signal> {
    let mut signals: Vec<Signal> = Vec::new();
    signals.extend(address(part, report, listed, makers));
    signals.extend(type_code(part, report, listed, makers));
    if listed {
        signals.extend(model(part, report));
    }
    signals
}

fn address(part: &Part, report: &PartReport, listed: bool, makers: &Makers) -> Option<Signal> {
    let mac = report.identifier.as_ref()?.mac()?;
    let (slot, class, reported) = (report.slot.clone(), part.class, mac.to_string());
    if mac.is_local() {
        return (!report.local).then_some(Signal::LocalMac { slot, class, reported, listed });
    }
    let known = makers.ouis(&part.maker);
    let foreign = !known.is_empty() && !known.iter().any(|oui| oui.holds(mac));
    foreign.then(|| Signal::ForeignOui { slot, class, reported, maker: part.maker.clone(), listed })
}

/// Where no type code of the listed model is known, the one of the listed modem is.
fn type_code(part: &Part, report: &PartReport, listed: bool, makers: &Makers) -> Option<Signal> {
    let reported = report.identifier.as_ref()?.identifier()?;
    let imei = Imei::parse(reported.key.strip_prefix("imei:")?).ok()?;
    let tac = Tac::of(imei);
    let known = makers.tacs(&part.model);
    let expected: Vec<String> = if known.is_empty() {
        vec![Tac::of(Imei::parse(&part.identifier).ok()?).to_string()]
    } else {
        known.iter().map(Tac::to_string).collect()
    };
    let tac = tac.to_string();
    let foreign = !expected.contains(&tac);
    foreign.then(|| Signal::ForeignTac { slot: report.slot.clone(), reported: imei.to_string(), tac, expected, listed })
}

fn model(part: &Part, report: &PartReport) -> Option<Signal> {
    let reported = report.model.as_deref()?;
    let (listed, said) = (letters(&part.model), letters(reported));
    let alike = listed.is_empty() || said.is_empty() || listed.contains(&said) || said.contains(&listed);
    (!alike).then(|| Signal::OtherModel {
        slot: report.slot.clone(),
        class: part.class,
        expected: part.model.clone(),
        reported: reported.to_owned(),
    })
}

/// Letters and digits in lower case: `Quectel EC25-E` and `EC25E` name one model.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
