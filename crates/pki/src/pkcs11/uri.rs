//! `pkcs11:` URIs (RFC 7512), as far as they name one private key.

use crate::Error;
use percent_encoding::percent_decode_str;
use std::{fs, path::PathBuf};
use zeroize::Zeroizing;

/// Which key is meant, and how to get at it.
pub(super) struct Uri {
    pub(super) token: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) module: PathBuf,
    pin: Option<Pin>,
}

enum Pin {
    Value(Zeroizing<String>),
    File(PathBuf),
}

impl Uri {
    pub(super) fn parse(uri: &str) -> Result<Self, Error> {
        let rest = uri.trim().strip_prefix("pkcs11:").ok_or_else(|| wrong("it does not begin with pkcs11:"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut serial, mut object, mut id) = (None, None, None, None);
        for (name, value) in pairs(path, ';')? {
            match name {
                "token" => token = Some(text(value)?),
                "serial" => serial = Some(text(value)?),
                "object" => object = Some(text(value)?),
                "id" => id = Some(percent_decode_str(value).collect()),
                "type" if value == "private" => {}
                other => {
                    return Err(wrong(&format!("“{other}={value}” is not understood; use token, serial, object, id")));
                }
            }
        }
        let (mut module, mut pin) = (None, None);
        for (name, value) in pairs(query, '&')? {
            match name {
                "module-path" => module = Some(PathBuf::from(text(value)?)),
                "pin-value" => pin = Some(Pin::Value(Zeroizing::new(text(value)?))),
                "pin-source" => {
                    let source = text(value)?;
                    let path = source.strip_prefix("file:").unwrap_or(&source);
                    pin = Some(Pin::File(PathBuf::from(path.strip_prefix("//").unwrap_or(path))));
                }
                other => {
                    return Err(wrong(&format!("“{other}” is not understood; use module-path, pin-source, pin-value")));
                }
            }
        }
        let module = module.ok_or_else(|| wrong("it does not name the token's library by module-path="))?;
        if object.is_none() && id.is_none() {
            return Err(wrong("it names no key by object= or id="));
        }
        Ok(Self { token, serial, object, id, module, pin })
    }

    /// The PIN; from a file, its first line.
    pub(super) fn pin(&self) -> Result<Option<Zeroizing<String>>, Error> {
        match &self.pin {
            None => Ok(None),
            Some(Pin::Value(pin)) => Ok(Some(pin.clone())),
            Some(Pin::File(path)) => {
                let text = Zeroizing::new(fs::read_to_string(path).map_err(Error::file(path, "read"))?);
                Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().trim().to_owned())))
            }
        }
    }

    /// Which key is meant, without the PIN.
    pub(super) fn shown(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.token.as_ref().map(|token| format!("token={token}")));
        parts.extend(self.object.as_ref().map(|object| format!("object={object}")));
        parts.extend(self.id.as_ref().map(|id| format!("id={}", hex::encode(id))));
        format!("pkcs11:{}", parts.join(";"))
    }
}

fn pairs(text: &str, separator: char) -> Result<Vec<(&str, &str)>, Error> {
    let parts = text.split(separator).filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').ok_or_else(|| wrong(&format!("“{part}” has no value")))).collect()
}

fn text(value: &str) -> Result<String, Error> {
    percent_decode_str(value).decode_utf8().map(String::from).map_err(|_| wrong("a value of it is not UTF-8"))
}

fn wrong(why: &str) -> Error {
    Error::Token(format!("its URI is wrong: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_uri_says_which_key_and_never_shows_its_pin() {
        let uri = "pkcs11:token=My%20token;object=ca;id=%01%ff;type=private?module-path=/lib/hsm.so&pin-value=12%3434";
        let uri = Uri::parse(uri).unwrap();
        assert_eq!(uri.token.as_deref(), Some("My token"));
        assert_eq!(uri.id.as_deref(), Some(&[1, 0xff][..]));
        assert_eq!(uri.pin().unwrap().unwrap().as_str(), "12434");
        assert_eq!(uri.shown(), "pkcs11:token=My token;object=ca;id=01ff");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        fs::write(&path, "9876\n").unwrap();
        let uri = format!("pkcs11:object=ca?module-path=/lib/hsm.so&pin-source=file:{}", path.display());
        assert_eq!(Uri::parse(&uri).unwrap().pin().unwrap().unwrap().as_str(), "9876");
    }

    #[test]
    fn what_is_missing_or_not_understood_is_told() {
        for (uri, told) in [
            ("file:key", "begin with pkcs11:"),
            ("pkcs11:object=ca", "module-path="),
            ("pkcs11:token=t?module-path=/x", "object= or id="),
            ("pkcs11:slot-id=1;object=ca?module-path=/x", "slot-id"),
            ("pkcs11:object?module-path=/x", "has no value"),
            ("pkcs11:object=ca?module-path=/x&pin=1", "“pin”"),
        ] {
            let error = Uri::parse(uri).err().unwrap().to_string();
            assert!(error.contains(told), "{uri}: {error}");
        }
    }
}
