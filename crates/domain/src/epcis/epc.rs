//! Electronic Product Codes: what an event is about (EPC Tag Data Standard, GS1 Digital Link, RFC 9039).

use super::{
    digital_link::{canonical, check_digit},
    percent_decode, percent_encode,
};
use std::fmt;

/// What identifies one thing in EPCIS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Epc {
    /// `urn:epc:id:sgtin:0614141.107346.2017` (EPC Tag Data Standard, section 6.3.1).
    Sgtin {
        /// Company prefix and item reference: `0614141.107346`.
        class: String,
        /// The serial, decoded.
        serial: String,
    },
    /// `https://id.gs1.org/01/10614141073464/21/2017`, under any domain (GS1 Digital Link: URI Syntax). Where the
    /// company prefix ends can't be seen.
    DigitalLink {
        /// The GTIN, 14 digits.
        gtin: String,
        /// The serial, decoded.
        serial: String,
    },
    /// `urn:dev:muster:GW2C-2611-04217`: a device of ours whose model has no GTIN (RFC 9039, section 3.2.5, `otherbody`).
    Device {
        /// The serial, decoded.
        serial: String,
    },
    /// Anything else, as it is written.
    Other(String),
}

const SGTIN: &str = "urn:epc:id:sgtin:";
const DEVICE: &str = "urn:dev:muster:";

/// RFC 9039, section 3.2: what an identifier may hold unescaped. `_` would begin the name of a component.
pub(super) const DEV_UNRESERVED: &[u8] = b"-.";

impl Epc {
    /// Reads an identifier; never fails, since what isn't understood is kept.
    #[must_use]
    pub fn parse(uri: &str) -> Self {
        let uri = uri.trim();
        Self::sgtin(uri)
            .or_else(|| Self::device(uri))
            .or_else(|| Self::digital_link(uri))
            .unwrap_or_else(|| Self::Other(uri.to_owned()))
    }

    fn sgtin(uri: &str) -> Option<Self> {
        let mut fields = uri.strip_prefix(SGTIN)?.splitn(3, '.');
        let class = format!("{}.{}", fields.next()?, fields.next()?);
        let serial = percent_decode(fields.next()?).filter(|serial| !serial.is_empty())?;
        is_sgtin_class(&class).then_some(Self::Sgtin { class, serial })
    }

    fn device(uri: &str) -> Option<Self> {
        let serial = percent_decode(uri.strip_prefix(DEVICE)?).filter(|serial| !serial.is_empty())?;
        Some(Self::Device { serial })
    }

    fn digital_link(uri: &str) -> Option<Self> {
        if !uri.starts_with("http") {
            return None;
        }
        let link = canonical(uri)?;
        let (gtin, serial) = link.strip_prefix("https://id.gs1.org/01/")?.split_once("/21/")?;
        Some(Self::DigitalLink { gtin: gtin.to_owned(), serial: percent_decode(serial)? })
    }

    /// The identifier as a URI. A Digital Link comes back in its canonical form.
    #[must_use]
    pub fn uri(&self) -> String {
        match self {
            // EPC Tag Data Standard, section 6.3.1: what need not be escaped in a serial.
            Self::Sgtin { class, serial } => format!("{SGTIN}{class}.{}", percent_encode(serial, b"-._!'()*+,:;=")),
            Self::DigitalLink { gtin, serial } => {
                format!("https://id.gs1.org/01/{gtin}/21/{}", percent_encode(serial, b"-._"))
            }
            Self::Device { serial } => format!("{DEVICE}{}", percent_encode(serial, DEV_UNRESERVED)),
            Self::Other(uri) => uri.clone(),
        }
    }

    /// The serial, where the identifier holds one.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        match self {
            Self::Sgtin { serial, .. } | Self::DigitalLink { serial, .. } | Self::Device { serial } => Some(serial),
            Self::Other(_) => None,
        }
    }

    /// The GTIN, 14 digits, of an SGTIN in either form.
    #[must_use]
    pub fn gtin14(&self) -> Option<String> {
        match self {
            Self::Sgtin { class, .. } => sgtin_to_gtin14(class),
            Self::DigitalLink { gtin, .. } => Some(gtin.clone()),
            Self::Device { .. } | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Epc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri())
    }
}

/// Whether this is a GS1 company prefix (6 to 12 digits), a point and an item reference: 13 digits together.
#[must_use]
pub fn is_sgtin_class(text: &str) -> bool {
    text.split_once('.').is_some_and(|(company, item)| {
        (6..=12).contains(&company.len())
            && company.len() + item.len() == 13
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    })
}

/// The GTIN, 14 digits, of a company prefix and item reference: `0614141.107346` is `10614141073464`.
#[must_use]
pub fn sgtin_to_gtin14(class: &str) -> Option<String> {
    if !is_sgtin_class(class) {
        return None;
    }
    let (company, item) = class.split_once('.')?;
    let (indicator, rest) = item.split_at_checked(1)?;
    let body = format!("{indicator}{company}{rest}");
    let digit = check_digit(&body)?;
    Some(format!("{body}{digit}"))
}

/// The company prefix and item reference of a GTIN (14 digits with a right check digit), given how long the company
/// prefix is; a GTIN alone doesn't tell.
#[must_use]
pub fn gtin14_to_sgtin(gtin: &str, company_prefix_length: usize) -> Option<String> {
    if gtin.len() != 14 || !(6..=12).contains(&company_prefix_length) {
        return None;
    }
    let (body, digit) = gtin.split_at_checked(13)?;
    if check_digit(body)?.to_string() != digit {
        return None;
    }
    let (indicator, rest) = body.split_at_checked(1)?;
    let (company, item) = rest.split_at_checked(company_prefix_length)?;
    Some(format!("{company}.{indicator}{item}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sgtin_in_both_forms_is_one_gtin() {
        let urn = Epc::parse("urn:epc:id:sgtin:0614141.107346.2017");
        assert_eq!(urn, Epc::Sgtin { class: "0614141.107346".into(), serial: "2017".into() });
        for link in [
            "https://id.gs1.org/01/10614141073464/21/2017",
            "https://acme.example/x/gtin/10614141073464/ser/2017?a=b",
            "http://acme.example/01/10614141073464/10/LOT/21/2017",
        ] {
            let link = Epc::parse(link);
            assert_eq!((link.gtin14(), link.serial()), (urn.gtin14(), Some("2017")));
            assert_eq!(link.uri(), "https://id.gs1.org/01/10614141073464/21/2017");
        }
        assert_eq!(gtin14_to_sgtin("10614141073464", 7).as_deref(), Some("0614141.107346"));
        assert_eq!(gtin14_to_sgtin("10614141073465", 7), None);
    }

    #[test]
    fn our_own_survives_every_serial() {
        let epc = Epc::Device { serial: "A_b:1+2.3-4".into() };
        assert_eq!(epc.uri(), "urn:dev:muster:A%5Fb%3A1%2B2.3-4");
        assert_eq!(Epc::parse(&epc.uri()), epc);
    }

    #[test]
    fn the_rest_is_kept() {
        for uri in [
            "urn:epc:id:giai:4000001.12345",
            "urn:epc:id:sgtin:0614141.10734.2017",
            "urn:dev:muster:",
            "urn:dev:muster:%GG",
            "https://acme.example/things/7",
            "",
        ] {
            assert_eq!(Epc::parse(uri), Epc::Other(uri.into()));
        }
    }
}
