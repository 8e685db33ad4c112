//! `muster ceremony show`: what files hold, to be compared with what people expect.

use crate::{
    commands::{files, serve::say},
    failure::{Failure, Outcome},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::certificate::RevocationReason;
use pki::{Certificate, CrlFacts, Request};
use std::path::PathBuf;

/// How many entries of a CRL are printed; all are counted.
const SHOWN: usize = 100;

/// Prints what each file holds.
///
/// # Errors
/// When a file can't be read or holds none of what is known here; the others are printed before.
pub fn show(paths: &[PathBuf]) -> Outcome {
    for path in paths {
        let content = files::read(path)?;
        say(&format!("{}:", path.display()))?;
        if !print(&content)? {
            let told = "holds no certificate, certificate request or CRL, in PEM or DER";
            return Err(Failure::NotDone(format!("{} {told}", path.display())));
        }
    }
    Ok(())
}

fn print(content: &[u8]) -> Result<bool, Failure> {
    let text = String::from_utf8_lossy(content);
    if let Ok(chain) = Certificate::chain_from_pem(&text) {
        for certificate in &chain {
            print_certificate(certificate)?;
        }
        return Ok(!chain.is_empty());
    }
    if let Ok(certificate) = Certificate::from_der(content) {
        print_certificate(&certificate)?;
    } else if let Ok(facts) = pki::read_crl(&der_of(content, "X509 CRL")) {
        print_crl(&facts)?;
    } else if text.contains("ENCRYPTED PRIVATE KEY") {
        say("  a sealed private key; it is opened only to sign")?;
    } else {
        match pki::request_from_text(content) {
            Ok(request) => print_request(&request)?,
            // It is one, but not one to be signed: that is worth knowing at a ceremony.
            Err(error) if text.contains("CERTIFICATE REQUEST") => return Err(Failure::Found(error.to_string())),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// The content of a PEM block with this label, or the content as it is.
#[must_use]
pub fn der_of(content: &[u8], label: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let block = text.split_once(&format!("-----BEGIN {label}-----"));
    let block = block.and_then(|(_, rest)| rest.split_once(&format!("-----END {label}-----")));
    let base64: Option<String> = block.map(|(body, _)| body.chars().filter(|c| !c.is_whitespace()).collect());
    base64.and_then(|body| STANDARD.decode(body).ok()).unwrap_or_else(|| content.to_vec())
}

fn line(name: &str, words: &str) -> std::io::Result<()> {
    say(&format!("  {name:<12} {words}"))
}

fn print_certificate(certificate: &Certificate) -> std::io::Result<()> {
    line("certificate", &certificate.subject())?;
    line("issuer", &certificate.issuer())?;
    line("serial", &certificate.serial_hex())?;
    line("holds", &format!("{} to {}", certificate.not_before().rfc3339(), certificate.not_after().rfc3339()))?;
    line("key", &certificate.key_words())?;
    line("key SHA-256", &certificate.public_key_sha256())?;
    line("signature", &certificate.signature_words())?;
    line("fingerprint", &certificate.fingerprint())?;
    for extension in certificate.extensions() {
        let critical = if extension.critical { " (critical)" } else { "" };
        say(&format!("  {}{critical}: {}", extension.name, extension.words))?;
    }
    Ok(())
}

fn print_request(request: &Request) -> std::io::Result<()> {
    line("request", &request.subject)?;
    line("key", &request.key_words)?;
    line("key SHA-256", &request.public_key_sha256())?;
    line("proof", "signed by the key that it asks for")
}

fn print_crl(facts: &CrlFacts) -> std::io::Result<()> {
    line("CRL of", &facts.issuer)?;
    line("number", &facts.number.to_string())?;
    line("made", &facts.this_update.rfc3339())?;
    line("next", &facts.next_update.rfc3339())?;
    line("entries", &facts.entries.len().to_string())?;
    for entry in facts.entries.iter().take(SHOWN) {
        let reason = RevocationReason::ALL.iter().find(|reason| reason.code() == entry.reason);
        let reason = reason.map_or_else(|| entry.reason.to_string(), ToString::to_string);
        say(&format!("  {} since {} ({reason})", entry.serial.hex(), entry.at.rfc3339()))?;
    }
    Ok(())
}
