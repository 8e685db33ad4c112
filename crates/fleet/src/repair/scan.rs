//! What a label, a part or a person says: which devices it may mean.

use crate::{Actor, Fleet, Result};
use domain::{identifier::lookup_keys, person::Permission, repair::read_code};

/// How many characters of a scan are looked at.
pub const SCAN_MAX: usize = 400;
/// How many devices a scan shows.
const SHOWN: usize = 50;

/// What a scan may mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// The serials of devices: those of this serial, or in which a part of this identifier is fitted.
    pub devices: Vec<String>,
    /// The name of a repair.
    pub repair: Option<String>,
}

/// A label's address without what stands behind “#”: that is the device's claim code, which goes into no address, log or
/// search. A part's number may have that sign in it.
#[must_use]
pub fn without_claim_code(text: &str) -> &str {
    match text.split_once('#') {
        Some((address, _)) if address.contains("://") => address,
        _ => text,
    }
}

/// What in a text may be a serial or an identifier: the whole of it, and of an address its last parts. Labels carry
/// `https://console.example/r/SERIAL` or a GS1 Digital Link, `…/01/GTIN/21/SERIAL`.
fn candidates(text: &str) -> Vec<String> {
    // Nobody can type NUL, and PostgreSQL can't look for it.
    let text: String = without_claim_code(text.trim()).chars().filter(|c| *c != '\0').take(SCAN_MAX).collect();
    let mut found = vec![text.clone()];
    if let Some((_, rest)) = text.split_once("://") {
        let path = rest.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').skip(1).filter(|part| !part.is_empty()).collect();
        let serial =
            parts.iter().zip(parts.iter().skip(1)).find(|(key, _)| matches!(**key, "21" | "c" | "r" | "devices"));
        found.extend(serial.map(|(_, value)| decoded(value)));
        found.extend(parts.last().map(|last| decoded(last)));
    }
    found.retain(|candidate| !candidate.is_empty() && !candidate.contains('\0'));
    found.dedup();
    found
}

/// A part of a path as it was before it was encoded; what is no encoding stays.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                out.push(b'%');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Fleet {
    /// What a scanned or typed text may mean: a device's serial, its label's address, the identifier of a part, or a
    /// repair's name.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn scanned(&self, actor: &Actor, text: &str) -> Result<Scanned> {
        actor.require(Permission::FleetRead)?;
        let mut found = Scanned::default();
        let candidates = candidates(text);
        for candidate in &candidates {
            let exact = store::device::by_serial(self.db(), candidate).await?;
            let exact = match exact {
                None => store::device::by_serial(self.db(), &candidate.to_uppercase()).await?,
                exact => exact,
            };
            if let Some(device) = exact {
                found.devices.push(device.serial);
                return Ok(found);
            }
        }
        for code in candidates.iter().filter_map(|candidate| read_code(candidate)) {
            found.repair = store::repair::by_code(self.db(), &code).await?.map(|case| case.code);
        }
        for candidate in &candidates {
            let keys = lookup_keys(candidate);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let fitted = store::component::fitted(self.db(), &keys).await?;
            found.devices.extend(fitted.into_iter().map(|fitted| fitted.serial));
        }
        found.devices.sort();
        found.devices.dedup();
        found.devices.truncate(SHOWN);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{candidates, without_claim_code};

    #[test]
    fn a_label_says_its_serial() {
        let last = |text: &str| candidates(text).last().cloned().unwrap_or_default();
        assert_eq!(last("https://console.example/r/GW2C-2611-04217"), "GW2C-2611-04217");
        assert_eq!(last("https://id.example/01/09506000134352/21/GW%2D1?17=261231"), "GW-1");
        assert_eq!(last(" 86 194105 033718 0 "), "86 194105 033718 0");
        assert_eq!(last("https://x/r/100%"), "100%");
        assert!(candidates("  ").is_empty());
    }

    #[test]
    fn a_labels_claim_code_is_looked_for_nowhere() {
        let label = "https://console.example/c/GW2C-2611-04217#7K3M-9QXD-42TF";
        assert_eq!(without_claim_code(label), "https://console.example/c/GW2C-2611-04217");
        let all = candidates(label);
        assert_eq!(all.last().map(String::as_str), Some("GW2C-2611-04217"));
        assert!(all.iter().all(|candidate| !candidate.contains("7K3M")), "{all:?}");
        // A part's own number may have that sign in it.
        assert_eq!(without_claim_code("PN#4711"), "PN#4711");
    }
}
