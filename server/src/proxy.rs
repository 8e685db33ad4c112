//! Who really asks, when a proxy stands between them and us.
//!
//! Anybody can send `X-Forwarded-For`, and the throttle at the sign-in, the audit log and the limits go by addresses.
//! So the header counts only as far as it comes from proxies that whoever runs the console has named.

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of proxies that say truly on whose behalf they ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Proxies in these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether a proxy has this address.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of whoever sent a request that came from this peer. Each proxy appends whom it heard from, so the
    /// list is read from its end for as long as the speaker is one of ours.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // A line that is no text breaks the list where it stands.
        let lines = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for hop in hops.into_iter().rev() {
            match address_of(hop) {
                Some(before) if self.has(client) => client = before,
                _ => break,
            }
        }
        client
    }
}

/// `192.0.2.7`, `192.0.2.7:1234`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:1234`.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let alone = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = alone.parse().ok().or_else(|| hop.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    address.map(|address| address.to_canonical())
}

/// A network as it is typed: `10.0.0.0/8`, or the address of one proxy.
///
/// # Errors
/// With a sentence, when it is neither.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| IpNet::from(address)));
    network.ok_or_else(|| "give the proxy's address, or its network like 10.0.0.0/8 or 2001:db8::/32".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the addresses are the test's own")]

    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies::new(&["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"].map(|text| network(text).unwrap()));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_s_header_counts_for_nothing() {
        assert_eq!(client("198.51.100.9", &["203.0.113.5"]), "198.51.100.9");
        assert_eq!(client("192.0.2.2", &["203.0.113.5"]), "192.0.2.2");
    }

    #[test]
    fn the_last_that_is_no_proxy_is_the_client() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.5:4711"]), "203.0.113.5");
        // What the client wrote itself stands before what the proxies know.
        assert_eq!(client("10.0.0.1", &["127.0.0.1, 203.0.113.5, 10.0.0.2"]), "203.0.113.5");
        assert_eq!(client("10.0.0.1", &["127.0.0.1", "203.0.113.5,10.0.0.2", "192.0.2.1"]), "203.0.113.5");
        assert_eq!(client("2001:db8::1", &["[2001:db9::7]:99"]), "2001:db9::7");
        assert_eq!(client("2001:db8::1", &["[2001:db9::7]"]), "2001:db9::7");
        // All are proxies: the first one asked for itself.
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_list() {
        assert_eq!(client("10.0.0.1", &["203.0.113.5, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.5, , 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn networks_are_told_from_nonsense() {
        assert_eq!(network("192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
        for wrong in ["", "10.0.0.0/33", "proxy.example", "10.0.0.0-10.0.0.9"] {
            assert!(network(wrong).unwrap_err().contains("10.0.0.0/8"), "{wrong}");
        }
    }
}
