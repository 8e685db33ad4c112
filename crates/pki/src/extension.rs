//! Extensions in words, for people who look at a certificate.

use crate::{certificate, oids};
use const_oid::ObjectIdentifier;
use der::Decode;
use x509_cert::ext::{
    self,
    pkix::{
        AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
        CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName, SubjectKeyIdentifier,
        constraints::name::GeneralSubtrees,
        name::{DistributionPointName, GeneralName},
    },
};

/// How many bytes of what can't be read are shown.
const SHOWN: usize = 64;

/// An extension of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// What it is called, or its identifier.
    pub name: String,
    /// Its identifier with dots.
    pub oid: String,
    /// Whether who does not know it must refuse the certificate.
    pub critical: bool,
    /// What it says.
    pub words: String,
}

pub(crate) fn describe(extension: &ext::Extension) -> Extension {
    let bytes = extension.extn_value.as_bytes();
    let words = words(extension.extn_id, bytes).unwrap_or_else(|| hexadecimal(bytes));
    Extension {
        name: name(extension.extn_id).map_or_else(|| extension.extn_id.to_string(), str::to_owned),
        oid: extension.extn_id.to_string(),
        critical: extension.critical,
        words,
    }
}

fn name(oid: ObjectIdentifier) -> Option<&'static str> {
    Some(match oid {
        oids::ID_CE_BASIC_CONSTRAINTS => "Basic constraints",
        oids::ID_CE_KEY_USAGE => "Key usage",
        oids::ID_CE_EXT_KEY_USAGE => "Extended key usage",
        oids::ID_CE_SUBJECT_KEY_IDENTIFIER => "Subject key identifier",
        oids::ID_CE_AUTHORITY_KEY_IDENTIFIER => "Authority key identifier",
        oids::ID_CE_SUBJECT_ALT_NAME => "Subject alternative name",
        oids::ID_CE_NAME_CONSTRAINTS => "Name constraints",
        oids::ID_CE_CERTIFICATE_POLICIES => "Certificate policies",
        oids::ID_CE_CRL_DISTRIBUTION_POINTS => "CRL distribution points",
        oids::ID_PE_AUTHORITY_INFO_ACCESS => "Authority information access",
        oids::ID_PKIX_OCSP_NOCHECK => "OCSP no check",
        _ => return None,
    })
}

fn words(oid: ObjectIdentifier, der: &[u8]) -> Option<String> {
    Some(match oid {
        oids::ID_CE_BASIC_CONSTRAINTS => basic_constraints(&BasicConstraints::from_der(der).ok()?),
        oids::ID_CE_KEY_USAGE => key_usage(&KeyUsage::from_der(der).ok()?),
        oids::ID_CE_EXT_KEY_USAGE => {
            let purposes = ExtendedKeyUsage::from_der(der).ok()?.0;
            purposes.into_iter().map(purpose_words).collect::<Vec<_>>().join(", ")
        }
        oids::ID_CE_SUBJECT_KEY_IDENTIFIER => hex::encode(SubjectKeyIdentifier::from_der(der).ok()?.0.as_bytes()),
        oids::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
            hex::encode(AuthorityKeyIdentifier::from_der(der).ok()?.key_identifier?.as_bytes())
        }
        oids::ID_CE_SUBJECT_ALT_NAME => general_names(&SubjectAltName::from_der(der).ok()?.0),
        oids::ID_CE_NAME_CONSTRAINTS => name_constraints(&NameConstraints::from_der(der).ok()?),
        oids::ID_CE_CERTIFICATE_POLICIES => {
            let policies = CertificatePolicies::from_der(der).ok()?.0;
            policies.iter().map(|policy| policy.policy_identifier.to_string()).collect::<Vec<_>>().join(", ")
        }
        oids::ID_CE_CRL_DISTRIBUTION_POINTS => {
            let points = CrlDistributionPoints::from_der(der).ok()?.0;
            let names = points.into_iter().filter_map(|point| match point.distribution_point? {
                DistributionPointName::FullName(names) => Some(general_names(&names)),
                DistributionPointName::NameRelativeToCRLIssuer(_) => None,
            });
            names.collect::<Vec<_>>().join(", ")
        }
        oids::ID_PE_AUTHORITY_INFO_ACCESS => access(&AuthorityInfoAccessSyntax::from_der(der).ok()?),
        oids::ID_PKIX_OCSP_NOCHECK => "The responder's own status need not be asked for".to_owned(),
        _ => return None,
    })
}

fn basic_constraints(constraints: &BasicConstraints) -> String {
    match (constraints.ca, constraints.path_len_constraint) {
        (false, _) => "No certification authority".to_owned(),
        (true, None) => "Certification authority, path length not limited".to_owned(),
        (true, Some(length)) => format!("Certification authority, path length {length}"),
    }
}

fn key_usage(usage: &KeyUsage) -> String {
    let words = [
        (usage.digital_signature(), "digital signature"),
        (usage.non_repudiation(), "non-repudiation"),
        (usage.key_encipherment(), "key encipherment"),
        (usage.data_encipherment(), "data encipherment"),
        (usage.key_agreement(), "key agreement"),
        (usage.key_cert_sign(), "certificate signing"),
        (usage.crl_sign(), "CRL signing"),
        (usage.encipher_only(), "encipher only"),
        (usage.decipher_only(), "decipher only"),
    ];
    words.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

/// A purpose by its name in RFC 5280, or its identifier.
pub(crate) fn purpose_words(purpose: ObjectIdentifier) -> String {
    match purpose {
        oids::ID_KP_CLIENT_AUTH => "clientAuth".into(),
        oids::ID_KP_SERVER_AUTH => "serverAuth".into(),
        oids::ID_KP_OCSP_SIGNING => "OCSPSigning".into(),
        oids::ID_KP_CODE_SIGNING => "codeSigning".into(),
        other => other.to_string(),
    }
}

fn name_constraints(constraints: &NameConstraints) -> String {
    let side = |word: &str, subtrees: &Option<GeneralSubtrees>| {
        subtrees.as_ref().map(|subtrees| {
            let names: Vec<_> = subtrees.iter().map(|subtree| subtree.base.clone()).collect();
            format!("{word}: {}", general_names(&names))
        })
    };
    let sides = [side("permitted", &constraints.permitted_subtrees), side("excluded", &constraints.excluded_subtrees)];
    sides.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn access(syntax: &AuthorityInfoAccessSyntax) -> String {
    let one = |description: &AccessDescription| {
        let method = match description.access_method {
            oids::ID_AD_OCSP => "OCSP".to_owned(),
            oids::ID_AD_CA_ISSUERS => "issuer's certificate".to_owned(),
            other => other.to_string(),
        };
        format!("{method}: {}", general_name(&description.access_location))
    };
    syntax.0.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn general_names(names: &[GeneralName]) -> String {
    names.iter().map(general_name).collect::<Vec<_>>().join(", ")
}

fn general_name(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(text) | GeneralName::Rfc822Name(text) | GeneralName::UniformResourceIdentifier(text) => {
            text.to_string()
        }
        GeneralName::DirectoryName(name) => name.to_string(),
        GeneralName::IpAddress(octets) => {
            certificate::address(name).map_or_else(|| hexadecimal(octets.as_bytes()), |address| address.to_string())
        }
        GeneralName::RegisteredId(id) => id.to_string(),
        GeneralName::OtherName(_) | GeneralName::EdiPartyName(_) => "a name of another kind".to_owned(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown = hex::encode(bytes.get(..SHOWN).unwrap_or(bytes));
    if bytes.len() > SHOWN { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}
