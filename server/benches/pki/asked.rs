//! OCSP as a client speaks it, written by hand: what answers did not make the question.

use pki::{CertId, CertIdHash, IssuerHashes, SerialNumber};

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ 0..128 => out.push(u8::try_from(n).unwrap()),
        n @ 128..256 => out.extend([0x81, u8::try_from(n).unwrap()]),
        n => out.extend([0x82, u8::try_from(n >> 8).unwrap(), u8::try_from(n & 0xff).unwrap()]),
    }
    out.extend(content);
    out
}

/// A request about one certificate (RFC 6960, 4.1.1), as OpenSSL makes it: SHA-1, and a nonce where one is given.
pub fn question(issuer: &IssuerHashes, serial: SerialNumber, nonce: Option<&[u8]>) -> Vec<u8> {
    let id = CertId::new(CertIdHash::Sha1, issuer, serial);
    let algorithm = der(0x30, &[der(6, &[0x2b, 0x0e, 0x03, 0x02, 0x1a]), der(5, &[])].concat());
    let mut number = serial.as_bytes().to_vec();
    if number.first().is_some_and(|byte| byte & 0x80 != 0) {
        number.insert(0, 0);
    }
    let id = [algorithm, der(4, &id.name_hash), der(4, &id.key_hash), der(2, &number)].concat();
    let mut tbs = der(0x30, &der(0x30, &der(0x30, &id)));
    if let Some(nonce) = nonce {
        let oid = der(6, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02]);
        let extension = der(0x30, &[oid, der(4, &der(4, nonce))].concat());
        tbs.extend(der(0xa2, &der(0x30, &extension)));
    }
    der(0x30, &der(0x30, &tbs))
}

/// The same as an HTTP request.
pub fn posted(question: &[u8], keep: bool) -> Vec<u8> {
    let connection = if keep { "" } else { "Connection: close\r\n" };
    let head = format!(
        "POST /ocsp HTTP/1.1\r\nHost: localhost\r\n{connection}Content-Type: application/ocsp-request\r\n\
         Content-Length: {}\r\n\r\n",
        question.len()
    );
    [head.as_bytes(), question].concat()
}

/// Whether it is an answer: its status is successful (RFC 6960, 4.2.1). Every answer is longer than 255 bytes.
pub fn is_answer(body: &[u8]) -> bool {
    body.first() == Some(&0x30) && body.get(4..7) == Some(&[0x0a, 0x01, 0x00])
}

/// Whether it says “revoked”: a RevokedInfo, tagged \[1\], begins with the time.
pub fn says_revoked(body: &[u8]) -> bool {
    is_answer(body) && body.windows(4).any(|part| part[0] == 0xa1 && part[2..] == [0x18, 0x0f])
}
