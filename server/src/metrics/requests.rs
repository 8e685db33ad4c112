//! How many requests came, how they ended, and how long they took, by route.
//!
//! A request finds its counters by the text of its route, which axum has made already: one look into a map that nobody
//! locks, and three atomic additions. The routes are those that the program has; whatever has none is one more. So nobody can
//! make more series by asking for more addresses.

use crate::listener::Door;
use arc_swap::ArcSwap;
use fleet::observe::{Histogram, LATENCY};
use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
    },
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// What stands for every address that is no route's.
const NO_ROUTE: &str = "none";
/// The methods that are told apart; others are the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// The classes of status that are told apart; 101 and its like count as the first.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The requests of one listener.
#[derive(Debug)]
pub struct Requests {
    door: Door,
    routes: ArcSwap<HashMap<Box<str>, Arc<Route>>>,
    no_route: Route,
}

#[derive(Debug)]
struct Route {
    protocol: &'static str,
    methods: [OnceLock<Box<Counted>>; METHODS.len()],
}

#[derive(Debug)]
struct Counted {
    took: Histogram,
    classes: [Counter; CLASSES.len()],
}

impl Route {
    fn new(protocol: &'static str) -> Self {
        Self { protocol, methods: Default::default() }
    }

    fn count(&self, method: &Method, status: StatusCode, took: Duration) {
        let known = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let counted = self.methods[known]
            .get_or_init(|| Box::new(Counted { took: Histogram::new(LATENCY), classes: Default::default() }));
        counted.took.note(took);
        counted.classes[class(status)].inc();
    }
}

fn class(status: StatusCode) -> usize {
    match status.as_u16() {
        0..300 => 0,
        300..400 => 1,
        400..500 => 2,
        _ => 3,
    }
}

impl Requests {
    /// None so far.
    #[must_use]
    pub fn new(door: Door) -> Self {
        Self { door, routes: ArcSwap::default(), no_route: Route::new("none") }
    }

    /// Counts one, by its route as axum writes it.
    pub fn count(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let Some(route) = route else { return self.no_route.count(method, status, took) };
        if let Some(known) = self.routes.load().get(route) {
            return known.count(method, status, took);
        }
        self.first_of(route).count(method, status, took);
    }

    /// The counters of a route that nobody asked for before. Two that come at once get the same ones.
    fn first_of(&self, route: &str) -> Arc<Route> {
        let new = Arc::new(Route::new(protocol(self.door, route)));
        self.routes.rcu(|routes| {
            let mut routes = HashMap::clone(routes);
            routes.entry(route.into()).or_insert_with(|| Arc::clone(&new));
            routes
        });
        self.routes.load().get(route).map_or(new, Arc::clone)
    }

    /// How many requests of a route ended with a status of this class; for tests.
    #[must_use]
    pub fn counted(&self, route: &str, method: &str, class: &str) -> u64 {
        let routes = self.routes.load();
        let route = if route == NO_ROUTE { Some(&self.no_route) } else { routes.get(route).map(|route| &**route) };
        let method = METHODS.iter().position(|name| *name == method);
        let class = CLASSES.iter().position(|name| *name == class);
        let (Some(route), Some(method), Some(class)) = (route, method, class) else { return 0 };
        route.methods[method].get().map_or(0, |counted| counted.classes[class].get())
    }
}

/// Which protocol a route belongs to.
fn protocol(door: Door, route: &str) -> &'static str {
    let begins = |with: &str| route.starts_with(with);
    match door {
        Door::Console if begins("/api/") => "api",
        Door::Console if begins("/assets/") => "assets",
        Door::Console if matches!(route, "/healthz" | "/readyz") => "probe",
        Door::Console => "pages",
        Door::Gateway if begins("/.well-known/est/") => "est",
        Door::Gateway if begins("/apt/") => "apt",
        Door::Gateway if begins("/ostree/") => "ostree",
        Door::Gateway if begins("/enrolments/") => "enrolment",
        Door::Gateway if begins("/token") => "token",
        Door::Gateway if route.ends_with("/configData") => "report",
        Door::Gateway if route.ends_with("/artifacts/{file}") => "download",
        Door::Gateway if route.contains("/controller/v1/") => "ddi",
        Door::Gateway => "other",
        Door::Pki if begins("/crl/") => "crl",
        Door::Pki if begins("/ca/") => "ca",
        Door::Pki => "ocsp",
        Door::Metrics => "metrics",
    }
}

type Named<'a> = (&'static str, &'a str, &'static str, &'static str, &'a Counted);

fn labels<'a>((listener, route, protocol, method, _): &Named<'a>) -> [(&'static str, &'a str); 4] {
    [("listener", *listener), ("protocol", *protocol), ("route", *route), ("method", *method)]
}

/// Writes the requests of all listeners.
pub fn encode<'a>(all: impl Iterator<Item = &'a Requests>, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let loaded: Vec<_> = all.map(|requests| (requests, requests.routes.load_full())).collect();
    let mut series: Vec<Named<'_>> = Vec::new();
    for (requests, routes) in &loaded {
        let routes = routes.iter().map(|(name, route)| (&**name, &**route));
        for (name, route) in routes.chain([(NO_ROUTE, &requests.no_route)]) {
            for (method, counted) in METHODS.iter().zip(&route.methods) {
                let Some(counted) = counted.get() else { continue };
                series.push((requests.door.as_str(), name, route.protocol, *method, counted));
            }
        }
    }
    let told = "Requests that were answered.";
    let mut family = encoder.encode_descriptor("muster_http_requests", told, None, MetricType::Counter)?;
    for one in &series {
        for (class, counter) in CLASSES.iter().zip(&one.4.classes) {
            let [a, b, c, d] = labels(one);
            ConstCounter::new(counter.get()).encode(family.encode_family(&[a, b, c, d, ("status", *class)])?)?;
        }
    }
    let (name, told) = ("muster_http_request_duration_seconds", "From a request's head to its answer's.");
    let mut family = encoder.encode_descriptor(name, told, None, MetricType::Histogram)?;
    for one in &series {
        one.4.took.encode(family.encode_family(&labels(one))?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_gateway_has_its_protocol() {
        let protocol = |route| protocol(Door::Gateway, route);
        for route in crate::gateway::ROUTES {
            assert!(route.path == "/" || protocol(route.path) != "other", "{}", route.path);
        }
        assert_eq!(protocol("/{tenant}/controller/v1/{controllerId}"), "ddi");
        assert_eq!(protocol("/{tenant}/controller/v1/{controllerId}/configData"), "report");
    }

    #[test]
    fn those_who_come_at_once_are_all_counted() {
        let requests = Requests::new(Door::Gateway);
        std::thread::scope(|scope| {
            for n in 0..4 {
                let requests = &requests;
                scope.spawn(move || {
                    for i in 0..1_000 {
                        let route = ["/a", "/b", "/c"][(n + i) % 3];
                        requests.count(Some(route), &Method::GET, StatusCode::OK, Duration::ZERO);
                    }
                });
            }
        });
        let all = ["/a", "/b", "/c"].map(|route| requests.counted(route, "GET", "2xx"));
        assert_eq!(all.iter().sum::<u64>(), 4_000, "{all:?}");
    }

    #[test]
    fn what_has_no_name_is_one_more_of_each() {
        let requests = Requests::new(Door::Console);
        let strange = Method::from_bytes(b"BREW").unwrap_or_default();
        requests.count(None, &strange, StatusCode::NOT_FOUND, Duration::ZERO);
        requests.count(None, &Method::GET, StatusCode::SWITCHING_PROTOCOLS, Duration::ZERO);
        assert_eq!(requests.counted("none", "other", "4xx"), 1);
        assert_eq!(requests.counted("none", "GET", "2xx"), 1);
    }
}
