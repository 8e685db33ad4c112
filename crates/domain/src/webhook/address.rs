//! Where a webhook's receiver is.

use std::net::{IpAddr, Ipv6Addr};

/// How long an address may be, in bytes.
pub const ADDRESS_MAX: usize = 1_000;

/// An address of a receiver, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether it is reached by TLS. What isn't is a loopback address.
    pub tls: bool,
    /// The host's name or its address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and the query, which begin with a slash.
    pub target: String,
}

impl Address {
    /// Takes an address apart.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > ADDRESS_MAX {
            return Err("Keep the address under 1,000 characters.");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                "An address is ASCII without spaces. Write what is beyond with % and two digits, names in Punycode.",
            );
        }
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err("Give an address that begins with https://."),
        };
        if rest.contains('#') {
            return Err("Leave out what follows the #: it is never sent.");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err("An address must not hold a password. The receiver knows us by the signature.");
        }
        let (host, port) = host_and_port(authority).ok_or("Give a host, and a port from 1 to 65535 or none.")?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let address =
            Self { tls, host: host.to_ascii_lowercase(), port: port.unwrap_or(if tls { 443 } else { 80 }), target };
        if tls || address.is_loopback() {
            Ok(address)
        } else {
            Err("Give an address that begins with https://. Without TLS only a loopback address can be reached.")
        }
    }

    /// Whether it names this machine itself. Where a name really leads is for whoever connects to see.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// The host and the port, as a request names them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, port)
    } else {
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
            return None;
        }
        (host, port)
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).map(|port| (host, Some(port)))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let address = Address::parse("https://Hooks.example/muster?site=7").unwrap();
        assert_eq!((address.tls, address.host.as_str(), address.port), (true, "hooks.example", 443));
        assert_eq!((address.target.as_str(), address.authority().as_str()), ("/muster?site=7", "hooks.example"));
        let bare = Address::parse("https://hooks.example:8443?x").unwrap();
        assert_eq!((bare.target.as_str(), bare.authority().as_str()), ("/?x", "hooks.example:8443"));
        let six = Address::parse("https://[2001:db8::7]:9/").unwrap();
        assert_eq!((six.host.as_str(), six.authority().as_str()), ("2001:db8::7", "[2001:db8::7]:9"));
    }

    #[test]
    fn without_tls_only_this_machine_is_reached() {
        for right in ["http://localhost:9/x", "http://127.0.0.1:9", "http://[::1]:9/"] {
            assert!(Address::parse(right).is_ok(), "{right}");
        }
        for wrong in ["http://hooks.example/", "http://10.0.0.1/", "http://127.0.0.1.example/", "ftp://x", "x", ""] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_address() {
        let long = format!("https://a/{}", "x".repeat(ADDRESS_MAX));
        let wrong = [
            "https://",
            "https:///x",
            "https://user:word@hooks.example/",
            "https://hooks.example@169.254.169.254/",
            "https://hooks.example/#part",
            "https://hooks.example:0/",
            "https://hooks.example:65536/",
            "https://hooks.example:+80/",
            "https://hooks.example:80:80/",
            "https://hooks.example\\@10.0.0.1/",
            "https://[::1/",
            "https://[x]/",
            "https://[::1]x/",
            "https://hooks.example/a b",
            "https://hooks.example/\r\nX-Other: 1",
            "https://hööks.example/",
            long.as_str(),
        ];
        for wrong in wrong {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
