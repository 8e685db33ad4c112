//! Where things are and who has them, as URIs. Custodians with a GS1 location number are named by it, the others in
//! our namespace.

use super::{NAMESPACE, digital_link::canonical};
use crate::custody::Custodian;

/// The URI of a custodian's location: its SGLN with the extension that means the place as a whole, or one of ours.
#[must_use]
pub fn custodian_location(custodian: &Custodian) -> String {
    if custodian.sgln.is_empty() { own_location(&custodian.code) } else { with_extension(&custodian.sgln) }
}

/// The URI of a location that has no GS1 number: `https://ns.muster.example/epcis/location/acme-logistics`.
#[must_use]
pub fn own_location(code: &str) -> String {
    format!("{NAMESPACE}location/{}", super::percent_encode(code, b"-._~"))
}

/// The text under which all URIs of one location or party are equal: an SGLN with or without extension, a PGLN and
/// Digital Links of the same GLN give `gln:4012345000016`; anything else stays as it is.
#[must_use]
pub fn location_key(uri: &str) -> String {
    let uri = uri.trim();
    let link = canonical(&with_extension(uri));
    let gln = link.as_deref().and_then(|link| {
        let rest =
            link.strip_prefix("https://id.gs1.org/414/").or_else(|| link.strip_prefix("https://id.gs1.org/417/"))?;
        rest.split('/').next()
    });
    gln.map_or_else(|| uri.to_owned(), |gln| format!("gln:{gln}"))
}

/// The party (PGLN) at a location (SGLN); CBV 2.0, section 8.7, wants parties where ownership and possession are meant.
pub(super) fn party(location: &str) -> String {
    let Some(rest) = location.strip_prefix("urn:epc:id:sgln:") else { return location.to_owned() };
    let mut fields = rest.split('.');
    match (fields.next(), fields.next()) {
        (Some(company), Some(reference)) => format!("urn:epc:id:pgln:{company}.{reference}"),
        _ => location.to_owned(),
    }
}

/// `urn:epc:id:sgln:4012345.00001` is how a custodian's location is kept; the EPC URI ends in an extension, `.0`.
fn with_extension(uri: &str) -> String {
    match uri.strip_prefix("urn:epc:id:sgln:") {
        Some(rest) if rest.matches('.').count() == 1 => format!("{uri}.0"),
        _ => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_location_has_one_key() {
        for uri in [
            "urn:epc:id:sgln:4012345.00001",
            "urn:epc:id:sgln:4012345.00001.0",
            "urn:epc:id:sgln:4012345.00001.dock-7",
            "urn:epc:id:pgln:4012345.00001",
            "https://id.gs1.org/414/4012345000016/254/7",
            "https://acme.example/417/4012345000016",
        ] {
            assert_eq!(location_key(uri), "gln:4012345000016");
        }
        assert_eq!(location_key("geo:47.5,11.1"), "geo:47.5,11.1");
        assert_eq!(party("urn:epc:id:sgln:4012345.00001.0"), "urn:epc:id:pgln:4012345.00001");
    }
}
