//! CBV 2.0's words for business steps (section 7.1) and dispositions (7.2), in their several spellings.

use super::{NAMESPACE, percent_encode};

/// CBV 2.0's business steps.
pub const BIZ_STEPS: &[&str] = &[
    "accepting",
    "arriving",
    "assembling",
    "collecting",
    "commissioning",
    "consigning",
    "creating_class_instance",
    "cycle_counting",
    "decommissioning",
    "departing",
    "destroying",
    "disassembling",
    "dispensing",
    "encoding",
    "entering_exiting",
    "holding",
    "inspecting",
    "installing",
    "killing",
    "loading",
    "other",
    "packing",
    "picking",
    "receiving",
    "removing",
    "repackaging",
    "repairing",
    "replacing",
    "reserving",
    "retail_selling",
    "sampling",
    "sensor_reporting",
    "shipping",
    "staging_outbound",
    "stock_taking",
    "stocking",
    "storing",
    "transporting",
    "unloading",
    "unpacking",
    "void_shipping",
];

/// CBV 2.0's dispositions.
pub const DISPOSITIONS: &[&str] = &[
    "active",
    "available",
    "completeness_inferred",
    "completeness_verified",
    "conformant",
    "container_closed",
    "container_open",
    "damaged",
    "destroyed",
    "dispensed",
    "disposed",
    "encoded",
    "expired",
    "in_progress",
    "in_transit",
    "inactive",
    "mismatch_class",
    "mismatch_instance",
    "mismatch_quantity",
    "needs_replacement",
    "no_pedigree_match",
    "non_conformant",
    "non_sellable_other",
    "partially_dispensed",
    "recalled",
    "reserved",
    "retail_sold",
    "returned",
    "sellable_accessible",
    "sellable_not_accessible",
    "stolen",
    "unavailable",
    "unknown",
];

/// One of CBV's vocabularies: how its words look as URN, as web URI, and bare.
pub(super) struct Vocabulary {
    urn: &'static str,
    web: &'static str,
}

pub(super) const BIZ_STEP: Vocabulary = Vocabulary { urn: "urn:epcglobal:cbv:bizstep:", web: "BizStep-" };
pub(super) const DISPOSITION: Vocabulary = Vocabulary { urn: "urn:epcglobal:cbv:disp:", web: "Disp-" };
pub(super) const TRANSACTION: Vocabulary = Vocabulary { urn: "urn:epcglobal:cbv:btt:", web: "BTT-" };
pub(super) const PARTY: Vocabulary = Vocabulary { urn: "urn:epcglobal:cbv:sdt:", web: "SDT-" };

/// Where GS1's web vocabulary stood over time, and its compact form.
const WEB: &[&str] = &[
    "https://ref.gs1.org/cbv/",
    "http://ref.gs1.org/cbv/",
    "https://ns.gs1.org/cbv/",
    "http://ns.gs1.org/cbv/",
    "cbv:",
];

impl Vocabulary {
    /// The bare word of any spelling; what belongs to another vocabulary stays as it is.
    pub(super) fn bare<'a>(&self, text: &'a str) -> &'a str {
        let text = text.trim();
        if let Some(word) = text.strip_prefix(self.urn) {
            return word;
        }
        WEB.iter().find_map(|web| text.strip_prefix(web)?.strip_prefix(self.web)).unwrap_or(text)
    }

    /// The web URI that CBV 2.0 calls canonical.
    pub(super) fn web(&self, text: &str) -> String {
        let word = self.bare(text);
        if is_bare(word) { format!("https://ref.gs1.org/cbv/{}{word}", self.web) } else { word.to_owned() }
    }

    /// The URN of CBV 1, in which GS1's examples were hashed.
    #[cfg(test)]
    pub(super) fn urn(&self, text: &str) -> String {
        let word = self.bare(text);
        if is_bare(word) { format!("{}{word}", self.urn) } else { word.to_owned() }
    }
}

/// Whether this is a word rather than a URI.
pub(super) fn is_bare(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// What can be written for a word: one of GS1's own as it is, a foreign URI as it is, anything else in our namespace.
pub(super) fn writable(word: &str, known: &[&str], folder: &str) -> String {
    if known.contains(&word) || (is_uri(word) && !is_reserved(word)) {
        word.to_owned()
    } else {
        format!("{NAMESPACE}{folder}/{}", percent_encode(word, b"-._~"))
    }
}

/// GS1's schema accepts no URI of CBV where the bare word belongs.
fn is_reserved(uri: &str) -> bool {
    uri.starts_with("urn:epcglobal:cbv")
        || ["https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/"].iter().any(|p| uri.starts_with(p))
}

/// Whether this is a URI with a scheme, in the characters of RFC 3986.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let sound = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !rest.is_empty()
        && rest.bytes().all(sound)
        && super::percent_decode(rest).is_some()
        && !rest.contains(['[', ']'])
        && rest.matches('#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_word_is_one_word() {
        for text in [
            "shipping",
            " shipping ",
            "urn:epcglobal:cbv:bizstep:shipping",
            "https://ref.gs1.org/cbv/BizStep-shipping",
            "https://ns.gs1.org/cbv/BizStep-shipping",
            "cbv:BizStep-shipping",
        ] {
            assert_eq!(BIZ_STEP.bare(text), "shipping");
            assert_eq!(BIZ_STEP.web(text), "https://ref.gs1.org/cbv/BizStep-shipping");
        }
        assert_eq!(BIZ_STEP.bare("http://acme.example/step/melting"), "http://acme.example/step/melting");
    }

    #[test]
    fn what_is_written_is_a_word_or_a_uri() {
        assert_eq!(writable("shipping", BIZ_STEPS, "bizstep"), "shipping");
        assert_eq!(writable("http://acme.example/x", BIZ_STEPS, "bizstep"), "http://acme.example/x");
        assert_eq!(writable("melting it", BIZ_STEPS, "bizstep"), format!("{NAMESPACE}bizstep/melting%20it"));
        assert_eq!(
            writable("urn:epcglobal:cbv:bizstep:x", BIZ_STEPS, "bizstep"),
            format!("{NAMESPACE}bizstep/urn%3Aepcglobal%3Acbv%3Abizstep%3Ax")
        );
        assert!(!is_uri("no scheme") && !is_uri("a:") && !is_uri("a:b c") && !is_uri("a:%zz") && is_uri("geo:1.5,2"));
    }
}
