//! How many connections come from where: one machine must not take all that there are, nor a few of them.

use crate::proxy::Proxies;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// The connections that are open, by where they come from.
#[derive(Clone, Debug)]
pub struct Crowd {
    most: usize,
    /// Many people come through one of these.
    proxies: Proxies,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Crowd,
    from: Option<IpAddr>,
}

impl Crowd {
    pub fn new(most: usize, proxies: Proxies) -> Self {
        Self { most, proxies, open: Arc::default() }
    }

    /// A place for one more connection from there; none when there are enough.
    pub fn admit(&self, address: IpAddr) -> Option<Place> {
        if self.proxies.has(address) {
            return Some(Place { crowd: self.clone(), from: None });
        }
        let from = home(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let there = open.entry(from).or_default();
        if *there >= self.most {
            return None;
        }
        *there += 1;
        Some(Place { crowd: self.clone(), from: Some(from) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(from) = self.from else { return };
        let mut open = self.crowd.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = open.get_mut(&from) {
            *there -= 1;
            if *there == 0 {
                open.remove(&from);
            }
        }
    }
}

/// Where an address belongs: of IPv6 whoever has one has at least all of its /64.
fn home(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the addresses are the test's own")]

    use super::*;

    #[test]
    fn each_has_so_many_places_and_proxies_any() {
        let crowd = Crowd::new(2, Proxies::new(&[crate::proxy::network("10.0.0.0/8").unwrap()]));
        let admit = |address: &str| crowd.admit(address.parse().unwrap());
        let first = admit("192.0.2.1").unwrap();
        let _second = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some(), "another one is not concerned");
        drop(first);
        assert!(admit("192.0.2.1").is_some());
        let _six = (admit("2001:db8::1").unwrap(), admit("2001:db8::2").unwrap());
        assert!(admit("2001:db8::3").is_none() && admit("2001:db8:0:1::1").is_some());
        let many: Vec<_> = (0..9).map(|_| admit("10.1.2.3").unwrap()).collect();
        drop(many);
        assert!(crowd.open.lock().unwrap().len() <= 2, "who is gone is forgotten");
    }
}
