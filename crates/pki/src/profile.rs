//! What a certificate may be used for, by its purpose. Never by what a request asks.

use crate::{Error, oids};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::{
    Encode,
    asn1::{Null, OctetString},
};
use x509_cert::ext::{
    Extension,
    pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages},
};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The root, which is kept offline.
    Root,
    /// A factory's authority: batch authorities stand below it.
    FactoryCa,
    /// A batch's authority: devices stand below it.
    BatchCa,
    /// The authority for our own servers, stations, responders and code.
    OperationsCa,
    /// A device.
    Device,
    /// A station in a factory that enrols devices.
    Station,
    /// A server: console, gateway.
    Server,
    /// Who answers OCSP for the issuer.
    OcspResponder,
    /// Who signs firmware.
    CodeSigning,
}

impl Profile {
    /// Whether it issues certificates.
    #[must_use]
    pub const fn is_ca(self) -> bool {
        matches!(self, Self::Root | Self::FactoryCa | Self::BatchCa | Self::OperationsCa)
    }

    /// How many authorities may stand below it on a path; `None` where there is no limit, or it is none.
    #[must_use]
    pub const fn path_length(self) -> Option<u8> {
        match self {
            Self::FactoryCa => Some(1),
            Self::BatchCa | Self::OperationsCa => Some(0),
            _ => None,
        }
    }

    /// Whether a certificate of it must name what it is for in its subject alternative name. Name constraints have no
    /// hold on a certificate without one.
    pub(crate) const fn needs_name(self) -> bool {
        matches!(self, Self::Device | Self::Server)
    }

    fn extended_key_usage(self) -> Option<ObjectIdentifier> {
        match self {
            Self::Root | Self::FactoryCa | Self::BatchCa | Self::OperationsCa => None,
            Self::Device | Self::Station => Some(oids::ID_KP_CLIENT_AUTH),
            Self::Server => Some(oids::ID_KP_SERVER_AUTH),
            Self::OcspResponder => Some(oids::ID_KP_OCSP_SIGNING),
            Self::CodeSigning => Some(oids::ID_KP_CODE_SIGNING),
        }
    }

    /// Basic constraints and usages.
    pub(crate) fn extensions(self) -> Result<Vec<Extension>, Error> {
        let constraints = BasicConstraints { ca: self.is_ca(), path_len_constraint: self.path_length() };
        let usage =
            if self.is_ca() { KeyUsages::KeyCertSign | KeyUsages::CRLSign } else { KeyUsages::DigitalSignature.into() };
        let mut extensions = vec![extension(&constraints, true)?, extension(&KeyUsage(usage), true)?];
        if let Some(purpose) = self.extended_key_usage() {
            extensions.push(extension(&ExtendedKeyUsage(vec![purpose]), false)?);
        }
        if self == Self::OcspResponder {
            extensions.push(encoded(oids::ID_PKIX_OCSP_NOCHECK, false, &Null)?);
        }
        Ok(extensions)
    }
}

/// An extension of a type that knows its identifier.
pub(crate) fn extension<T: AssociatedOid + Encode>(value: &T, critical: bool) -> Result<Extension, Error> {
    encoded(T::OID, critical, value)
}

fn encoded(extn_id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Result<Extension, Error> {
    let der = value.to_der().map_err(Error::Encode)?;
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(der).map_err(Error::Encode)? })
}
