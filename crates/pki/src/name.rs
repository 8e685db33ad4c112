//! Names of subjects: what stands in them, in which order, and how they are shown.

use crate::Error;
use const_oid::{ObjectIdentifier, db::rfc4519};
use der::{
    Tag, Tagged,
    asn1::{Any, SetOfVec},
};
use x509_cert::{
    attr::AttributeTypeAndValue,
    name::{RdnSequence, RelativeDistinguishedName},
};

/// The most characters of one part (RFC 5280, appendix A: the `ub-` bounds).
const LONGEST: usize = 64;

/// Whom a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// CN.
    pub common_name: String,
    /// O.
    pub organisation: Option<String>,
    /// OU.
    pub organisational_unit: Option<String>,
    /// The attribute `serialNumber` (of the device, not of the certificate).
    pub serial_number: Option<String>,
}

impl Name {
    /// A name that is a common name alone.
    #[must_use]
    pub fn common(common_name: impl Into<String>) -> Self {
        Self { common_name: common_name.into(), ..Self::default() }
    }

    pub(crate) fn to_x509(&self) -> Result<RdnSequence, Error> {
        let mut parts = Vec::with_capacity(4);
        if let Some(text) = &self.organisation {
            parts.push(part("organisation", rfc4519::O, Tag::Utf8String, text)?);
        }
        if let Some(text) = &self.organisational_unit {
            parts.push(part("organisational unit", rfc4519::OU, Tag::Utf8String, text)?);
        }
        parts.push(part("common name", rfc4519::CN, Tag::Utf8String, &self.common_name)?);
        if let Some(text) = &self.serial_number {
            parts.push(part("serial number", rfc4519::SERIAL_NUMBER, Tag::PrintableString, text)?);
        }
        Ok(RdnSequence(parts))
    }

    /// What we know of in a name of others; the first of each kind.
    pub(crate) fn from_x509(name: &RdnSequence) -> Self {
        Self {
            common_name: first(name, rfc4519::CN).unwrap_or_default(),
            organisation: first(name, rfc4519::O),
            organisational_unit: first(name, rfc4519::OU),
            serial_number: first(name, rfc4519::SERIAL_NUMBER),
        }
    }
}

fn part(field: &'static str, oid: ObjectIdentifier, tag: Tag, text: &str) -> Result<RelativeDistinguishedName, Error> {
    let (fits, hint) = match tag {
        Tag::PrintableString => (is_printable(text), ", and only letters, digits, spaces and ' ( ) + , - . / : = ?"),
        _ => (!text.chars().any(char::is_control), ", and no control characters"),
    };
    if text.trim().is_empty() || text.chars().count() > LONGEST || !fits {
        return Err(Error::Subject { field, text: text.chars().take(80).collect(), hint });
    }
    let value = Any::new(tag, text.as_bytes()).map_err(Error::Encode)?;
    SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).map(RelativeDistinguishedName).map_err(Error::Encode)
}

/// Whether X.680 lets a PrintableString hold it.
fn is_printable(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c))
}

/// The text of the first attribute of a kind.
pub(crate) fn first(name: &RdnSequence, oid: ObjectIdentifier) -> Option<String> {
    let attribute = name.0.iter().flat_map(|rdn| rdn.0.iter()).find(|attribute| attribute.oid == oid)?;
    text(&attribute.value)
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            std::str::from_utf8(value.value()).ok().map(str::to_owned)
        }
        Tag::TeletexString => Some(value.value().iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units: Vec<u16> =
                value.value().chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_name_comes_back_and_reads_as_rfc_4514_says() {
        let name = Name {
            common_name: "Ärger, \"quoted\"".into(),
            organisation: Some("Muster".into()),
            organisational_unit: Some("Werk 3".into()),
            serial_number: Some("GW2C-2611-04217".into()),
        };
        let x509 = name.to_x509().unwrap();
        assert_eq!(Name::from_x509(&x509), name);
        assert_eq!(x509.to_string(), r#"SERIALNUMBER=GW2C-2611-04217,CN=Ärger\, \"quoted\",OU=Werk 3,O=Muster"#);
    }

    #[test]
    fn what_no_certificate_can_carry_is_refused_with_its_reason() {
        let refused = |name: &Name| name.to_x509().unwrap_err().to_string();
        assert!(refused(&Name::common(" ")).starts_with("the common name “ ” can't stand"));
        assert!(refused(&Name::common("x".repeat(65))).contains("1 to 64 characters"));
        assert!(refused(&Name::common("line\nbreak")).contains("no control characters"));
        let odd = Name { serial_number: Some("a_b".into()), ..Name::common("x") };
        assert!(refused(&odd).contains("only letters, digits"));
    }
}
