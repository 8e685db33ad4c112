//! Issuing certificates: everything in them comes from the template and the issuer.

use crate::{
    Certificate, Error, Name, Profile, SerialNumber, Signer, certificate::key_id, instant, oids, profile::extension,
};
use der::{
    Decode, Encode,
    asn1::{BitString, Ia5String, OctetString},
};
use domain::time::{SECOND, Timestamp};
use spki::SubjectPublicKeyInfoOwned;
use std::{net::IpAddr, sync::Arc};
use x509_cert::{
    TbsCertificate, Version,
    ext::{
        Extension,
        pkix::{
            AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
            CrlDistributionPoints, KeyUsage, KeyUsages, NameConstraints, SubjectAltName, SubjectKeyIdentifier,
            constraints::name::GeneralSubtree,
            crl::dp::DistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    name::RdnSequence,
    serial_number::SerialNumber as X509SerialNumber,
    time::Validity,
};

/// Where others find what belongs to a certificate. All of it plain HTTP: it is signed, and asking for it must not need
/// what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Urls {
    /// The issuer's certificate.
    pub ca_issuers: Option<String>,
    /// Who answers OCSP about it.
    pub ocsp: Option<String>,
    /// The issuer's CRL.
    pub crl: Option<String>,
}

/// A certificate to be.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its serial number, which the issuer must not have used.
    pub serial: SerialNumber,
    /// Whom it is for.
    pub subject: Name,
    /// Its public key: SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// What it is for.
    pub profile: Profile,
    /// The first moment at which it holds.
    pub not_before: Timestamp,
    /// The last moment at which it holds.
    pub not_after: Timestamp,
    /// DNS names that it stands for.
    pub dns_names: Vec<String>,
    /// Addresses that it stands for.
    pub ip_addresses: Vec<IpAddr>,
    /// For authorities: the domains below which all names of issued certificates must be. Empty for no constraint.
    pub permitted_dns: Vec<String>,
    /// Where others find what belongs to it.
    pub urls: Urls,
}

/// Who issues: a certificate and the key that belongs to it.
#[derive(Clone, Debug)]
pub struct Issuer {
    certificate: Certificate,
    signer: Arc<dyn Signer>,
}

impl Issuer {
    /// Brings both together.
    ///
    /// # Errors
    /// When the certificate is no authority's, or the key is not the certificate's.
    pub fn new(certificate: Certificate, signer: Arc<dyn Signer>) -> Result<Self, Error> {
        if !certificate.is_ca() {
            return Err(Error::NotAuthority { subject: certificate.subject() });
        }
        if certificate.public_key() != signer.public_key() {
            return Err(Error::OtherKey { subject: certificate.subject() });
        }
        Ok(Self { certificate, signer })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The key.
    #[must_use]
    pub const fn signer(&self) -> &Arc<dyn Signer> {
        &self.signer
    }
}

/// Issues a certificate.
///
/// # Errors
/// When the template can't stand in a certificate, or asks for more than the issuer may give: a longer validity, names
/// outside of its constraints, an authority below one that may have none. Then nothing is signed.
pub fn issue(template: &Template, issuer: &Issuer) -> Result<Certificate, Error> {
    let parent = &issuer.certificate;
    within_issuer(parent, template.not_after, template.profile.is_ca().then_some(template.profile.path_length()))?;
    names_permitted(template, parent)?;
    let contents = Contents {
        issuer: parent.x509().tbs_certificate.subject.clone(),
        authority_key_id: parent.key_id_bytes(),
        subject: template.subject.to_x509()?,
        extensions: extensions(template)?,
        ..Contents::of(template)?
    };
    contents.sign(issuer.signer.as_ref())
}

/// Makes a certificate that signs itself: a root.
///
/// # Errors
/// When the template can't stand in a certificate, or its public key is not the signer's.
pub fn self_sign(template: &Template, signer: &dyn Signer) -> Result<Certificate, Error> {
    let subject = template.subject.to_x509()?;
    if template.public_key != signer.public_key() {
        return Err(Error::OtherKey { subject: subject.to_string() });
    }
    let contents = Contents {
        issuer: subject.clone(),
        authority_key_id: key_id(&template.public_key)?,
        subject,
        extensions: extensions(template)?,
        ..Contents::of(template)?
    };
    contents.sign(signer)
}

/// Issues a second certificate for an authority that has one: the same name, key, key identifier and constraints under
/// another issuer. With it, who knows only the old root trusts the new one too.
///
/// # Errors
/// When the subject is no authority, or it would outlive the issuer.
pub fn cross_sign(
    subject: &Certificate,
    serial: SerialNumber,
    not_before: Timestamp,
    not_after: Timestamp,
    urls: &Urls,
    issuer: &Issuer,
) -> Result<Certificate, Error> {
    if !subject.is_ca() {
        return Err(Error::NotAuthority { subject: subject.subject() });
    }
    within_issuer(&issuer.certificate, not_after, Some(subject.path_length()))?;
    let theirs = &subject.x509().tbs_certificate;
    let mut extensions = vec![
        extension(&BasicConstraints { ca: true, path_len_constraint: subject.path_length() }, true)?,
        extension(&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign), true)?,
    ];
    let constraints = theirs.extensions.iter().flatten().filter(|it| it.extn_id == oids::ID_CE_NAME_CONSTRAINTS);
    extensions.extend(constraints.cloned());
    extensions.extend(locations(urls)?);
    let contents = Contents {
        serial,
        issuer: issuer.certificate.x509().tbs_certificate.subject.clone(),
        authority_key_id: issuer.certificate.key_id_bytes(),
        validity: instant::validity(not_before, not_after)?,
        subject: theirs.subject.clone(),
        subject_key_id: subject.key_id_bytes(),
        public_key: theirs.subject_public_key_info.clone(),
        extensions,
    };
    contents.sign(issuer.signer.as_ref())
}

/// What stands in a certificate, when all of it was found right.
struct Contents {
    serial: SerialNumber,
    issuer: RdnSequence,
    authority_key_id: Vec<u8>,
    validity: Validity,
    subject: RdnSequence,
    subject_key_id: Vec<u8>,
    public_key: SubjectPublicKeyInfoOwned,
    extensions: Vec<Extension>,
}

impl Contents {
    /// What the template alone says; names and extensions are still empty.
    fn of(template: &Template) -> Result<Self, Error> {
        let malformed = |source| Error::Malformed { what: "public key", source };
        Ok(Self {
            serial: template.serial,
            issuer: RdnSequence::default(),
            authority_key_id: Vec::new(),
            validity: instant::validity(template.not_before, template.not_after)?,
            subject: RdnSequence::default(),
            subject_key_id: key_id(&template.public_key)?,
            public_key: SubjectPublicKeyInfoOwned::from_der(&template.public_key).map_err(malformed)?,
            extensions: Vec::new(),
        })
    }

    fn sign(self, signer: &dyn Signer) -> Result<Certificate, Error> {
        let mut extensions = vec![
            extension(&SubjectKeyIdentifier(octets(self.subject_key_id)?), false)?,
            extension(
                &AuthorityKeyIdentifier {
                    key_identifier: Some(octets(self.authority_key_id)?),
                    authority_cert_issuer: None,
                    authority_cert_serial_number: None,
                },
                false,
            )?,
        ];
        extensions.extend(self.extensions);
        let signature_algorithm = signer.algorithm().signature_identifier();
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: X509SerialNumber::new(self.serial.as_bytes()).map_err(Error::Encode)?,
            signature: signature_algorithm.clone(),
            issuer: self.issuer,
            validity: self.validity,
            subject: self.subject,
            subject_public_key_info: self.public_key,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature = signer.sign(&tbs_certificate.to_der().map_err(Error::Encode)?)?;
        let signature = BitString::from_bytes(&signature).map_err(Error::Encode)?;
        let made = x509_cert::Certificate { tbs_certificate, signature_algorithm, signature };
        Certificate::from_der(&made.to_der().map_err(Error::Encode)?)
    }
}

fn extensions(template: &Template) -> Result<Vec<Extension>, Error> {
    let mut extensions = template.profile.extensions()?;
    let names = alternative_names(template)?;
    if !names.is_empty() {
        extensions.push(extension(&SubjectAltName(names), false)?);
    } else if template.profile.needs_name() {
        return Err(Error::NoName);
    }
    if template.profile.is_ca() && !template.permitted_dns.is_empty() {
        extensions.push(extension(&name_constraints(&template.permitted_dns)?, true)?);
    }
    extensions.extend(locations(&template.urls)?);
    Ok(extensions)
}

fn alternative_names(template: &Template) -> Result<Vec<GeneralName>, Error> {
    let mut names = Vec::with_capacity(template.dns_names.len() + template.ip_addresses.len());
    for name in &template.dns_names {
        names.push(GeneralName::DnsName(dns_name(name)?));
    }
    for address in &template.ip_addresses {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        names.push(GeneralName::IpAddress(self::octets(octets)?));
    }
    Ok(names)
}

/// A host name as RFC 1034 prefers it, with a `*` for the first label at most.
fn dns_name(text: &str) -> Result<Ia5String, Error> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    if text.len() > 253 || !name.split('.').all(label) {
        return Err(Error::Name(text.chars().take(80).collect()));
    }
    Ia5String::new(text).map_err(Error::Encode)
}

fn name_constraints(permitted: &[String]) -> Result<NameConstraints, Error> {
    let subtree = |domain: &String| {
        Ok(GeneralSubtree { base: GeneralName::DnsName(dns_name(domain)?), minimum: 0, maximum: None })
    };
    let permitted = permitted.iter().map(subtree).collect::<Result<Vec<_>, Error>>()?;
    Ok(NameConstraints { permitted_subtrees: Some(permitted), excluded_subtrees: None })
}

fn locations(urls: &Urls) -> Result<Vec<Extension>, Error> {
    let mut extensions = Vec::new();
    let access = [(oids::ID_AD_OCSP, &urls.ocsp), (oids::ID_AD_CA_ISSUERS, &urls.ca_issuers)]
        .into_iter()
        .filter_map(|(method, url)| url.as_ref().map(|url| (method, url)))
        .map(|(access_method, url)| Ok(AccessDescription { access_method, access_location: location(url)? }))
        .collect::<Result<Vec<_>, Error>>()?;
    if !access.is_empty() {
        extensions.push(extension(&AuthorityInfoAccessSyntax(access), false)?);
    }
    if let Some(url) = &urls.crl {
        let point = DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![location(url)?])),
            reasons: None,
            crl_issuer: None,
        };
        extensions.push(extension(&CrlDistributionPoints(vec![point]), false)?);
    }
    Ok(extensions)
}

fn location(url: &str) -> Result<GeneralName, Error> {
    let wrong = || Error::Url(url.chars().take(120).collect());
    let fits = url.starts_with("http://") && url.len() > "http://".len() && url.chars().all(|c| c.is_ascii_graphic());
    if !fits {
        return Err(wrong());
    }
    Ia5String::new(url).map(GeneralName::UniformResourceIdentifier).map_err(|_| wrong())
}

/// Refuses what the issuer's certificate would not carry: `authority` holds the path length of an authority.
fn within_issuer(issuer: &Certificate, until: Timestamp, authority: Option<Option<u8>>) -> Result<(), Error> {
    if until.0.div_euclid(SECOND) > issuer.not_after().0.div_euclid(SECOND) {
        return Err(Error::OutlivesIssuer { until: until.rfc3339(), issuer_until: issuer.not_after().rfc3339() });
    }
    if let (Some(below), Some(allowed)) = (authority, issuer.path_length())
        && below.is_none_or(|below| below >= allowed)
    {
        return Err(Error::PathLength { subject: issuer.subject(), allowed });
    }
    Ok(())
}

fn names_permitted(template: &Template, issuer: &Certificate) -> Result<(), Error> {
    let permitted = issuer.permitted_dns();
    if permitted.is_empty() {
        return Ok(());
    }
    let refused =
        |name: String| Error::NameNotPermitted { name, issuer: issuer.subject(), permitted: permitted.join(", ") };
    let within = |name: &str, domain: &str| {
        let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
        name == domain || name.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let names = template.dns_names.iter().chain(&template.permitted_dns);
    match names.into_iter().find(|name| !permitted.iter().any(|domain| within(name, domain))) {
        Some(outside) => Err(refused(outside.clone())),
        None => Ok(()),
    }
}

fn octets(bytes: Vec<u8>) -> Result<OctetString, Error> {
    OctetString::new(bytes).map_err(Error::Encode)
}
