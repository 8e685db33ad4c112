//! Writing DER from the inside out, for what is made often or large: CRLs and OCSP answers. And reading it piece by
//! piece where the very bytes matter.

use crate::{Error, Signer};
use der::{
    Decode, Reader, SliceReader,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier},
};

/// Universal and context tags, as bytes.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The tag `[n]` of something constructed.
pub(crate) const fn constructed(n: u8) -> u8 {
    0xa0 | n
}

/// The tag `[n]` of something primitive.
pub(crate) const fn primitive(n: u8) -> u8 {
    0x80 | n
}

/// Appends one value: tag, length, content.
pub(crate) fn value(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    head(out, tag, content.len());
    out.extend_from_slice(content);
}

/// Appends one value whose content is written by a function.
pub(crate) fn nest(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let (length, start_of_content) = (out.len() - start, start);
    let mut header = Vec::with_capacity(10);
    head(&mut header, tag, length);
    out.splice(start_of_content..start_of_content, header);
}

/// Appends tag and length.
pub(crate) fn head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    if length < 0x80 {
        out.extend(u8::try_from(length));
        return;
    }
    let bytes = length.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    out.extend(u8::try_from(bytes.len() - skip).map(|count| 0x80 | count));
    out.extend_from_slice(&bytes[skip..]);
}

/// Appends a whole number that is not negative, given as big-endian bytes.
pub(crate) fn unsigned(out: &mut Vec<u8>, magnitude: &[u8]) {
    let skip = magnitude.iter().take_while(|byte| **byte == 0).count();
    let magnitude = &magnitude[skip..];
    let pad = usize::from(magnitude.first().is_none_or(|first| first & 0x80 != 0));
    head(out, INTEGER, magnitude.len() + pad);
    out.extend(std::iter::repeat_n(0, pad));
    out.extend_from_slice(magnitude);
}

/// Appends an object identifier.
pub(crate) fn oid(out: &mut Vec<u8>, id: &ObjectIdentifier) {
    value(out, OBJECT_IDENTIFIER, id.as_bytes());
}

/// Appends bytes as a bit string without unused bits.
pub(crate) fn bits(out: &mut Vec<u8>, content: &[u8]) {
    head(out, BIT_STRING, content.len() + 1);
    out.push(0);
    out.extend_from_slice(content);
}

/// Appends an extension.
pub(crate) fn extension(out: &mut Vec<u8>, id: &ObjectIdentifier, content: impl FnOnce(&mut Vec<u8>)) {
    nest(out, SEQUENCE, |out| {
        oid(out, id);
        nest(out, OCTET_STRING, content);
    });
}

/// Signs what was written, and puts all three parts together.
pub(crate) fn sign(content: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, Error> {
    let signature = signer.sign(content)?;
    let mut tail = Vec::with_capacity(160);
    signature_algorithm(&mut tail, signer);
    bits(&mut tail, &signature);
    let mut out = Vec::with_capacity(content.len() + tail.len() + 8);
    head(&mut out, SEQUENCE, content.len() + tail.len());
    out.extend_from_slice(content);
    out.extend_from_slice(&tail);
    Ok(out)
}

/// Appends the algorithm of a key's signatures, which has no parameters (RFC 5758, 3.2).
pub(crate) fn signature_algorithm(out: &mut Vec<u8>, signer: &dyn Signer) {
    nest(out, SEQUENCE, |out| oid(out, &signer.algorithm().signature_oid()));
}

/// The three parts of everything that is signed in X.509: what is signed, how, and the signature.
pub(crate) struct Signed<'a> {
    pub(crate) content: &'a [u8],
    pub(crate) algorithm: AlgorithmId<'a>,
    pub(crate) signature: &'a [u8],
}

/// An algorithm with its parameters, as it stands.
#[derive(Clone, Copy)]
pub(crate) struct AlgorithmId<'a> {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) parameters: Option<AnyRef<'a>>,
}

impl<'a> AlgorithmId<'a> {
    pub(crate) fn read<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        reader.sequence(|reader| {
            let oid = ObjectIdentifier::decode(reader)?;
            let parameters = Option::<AnyRef<'a>>::decode(reader)?;
            Ok(Self { oid, parameters })
        })
    }
}

impl<'a> Signed<'a> {
    /// Takes a signed structure apart.
    pub(crate) fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let signed = reader.sequence(|reader| {
            let content = reader.tlv_bytes()?;
            let algorithm = AlgorithmId::read(reader)?;
            let signature = whole_bytes(reader)?;
            Ok(Self { content, algorithm, signature })
        })?;
        reader.finish(signed)
    }
}

/// Reads a bit string that has no unused bits.
pub(crate) fn whole_bytes<'a, R: Reader<'a>>(reader: &mut R) -> der::Result<&'a [u8]> {
    let bits = BitStringRef::decode(reader)?;
    bits.as_bytes().ok_or_else(|| der::Tag::BitString.value_error())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use der::{Encode, asn1::UintRef};

    #[test]
    fn numbers_and_lengths_are_as_der_wants_them() {
        for magnitude in [&[0][..], &[0x7f], &[0x80], &[0, 0, 0x80, 1], &[0xff; 20]] {
            let mut ours = Vec::new();
            unsigned(&mut ours, magnitude);
            assert_eq!(ours, UintRef::new(magnitude).unwrap().to_der().unwrap(), "{magnitude:?}");
        }
        for length in [0, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let mut ours = Vec::new();
            nest(&mut ours, OCTET_STRING, |out| out.resize(out.len() + length, 7));
            let theirs = der::asn1::OctetString::new(vec![7; length]).unwrap().to_der().unwrap();
            assert!(ours == theirs, "{length}");
        }
    }
}
