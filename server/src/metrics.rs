//! Metrics, in the text formats that Prometheus reads.
//!
//! What passes often is counted where it passes, without a lock and without making a text: see [`requests`]. What costs something
//! to find out ([`fleet::observe::Standing`]) is found out every quarter of a minute at most, whoever asks and however often. No
//! label has a name of a device, a person or an address, and every label has few values.

pub mod doorway;
pub mod requests;

mod build;
mod gauges;
mod process;

pub use doorway::Doorway;

use crate::{listener::Certificates, traces};
use fleet::Fleet;
use gauges::Gauges;
use http::HeaderValue;
use prometheus_client::{encoding, registry::Registry};
use std::{fmt, sync::Arc};

/// In which format metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// What Prometheus read before that, and what most other programs read.
    Prometheus,
}

impl Format {
    /// The one that an `Accept` header asks for.
    #[must_use]
    pub fn wanted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// What it is called in an answer.
    #[must_use]
    pub const fn content_type(self) -> HeaderValue {
        match self {
            Self::OpenMetrics => HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
            Self::Prometheus => HeaderValue::from_static(encoding::prometheus_text::CONTENT_TYPE),
        }
    }
}

/// All that is exported. Cloning shares it.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    gauges: Arc<Gauges>,
}

/// A certificate of our own, by the listener that shows it.
pub type OwnCertificate = (&'static str, Arc<Certificates>);

impl Metrics {
    /// What a process exports that serves this fleet by these doors.
    #[must_use]
    pub fn new(fleet: &Fleet, doors: Vec<Arc<Doorway>>, own: Vec<OwnCertificate>) -> Self {
        let gauges = Arc::new(Gauges::new(fleet.clone(), own));
        let mut registry = Registry::default();
        build::register(&mut registry, fleet.db().kind());
        registry.register_collector(Box::new(doorway::Doorways(doors)));
        registry.register_collector(Box::new(fleet.observed()));
        registry.register_collector(Box::new(Arc::clone(&gauges)));
        registry.register_collector(Box::new(traces::counts()));
        registry.register_collector(Box::new(process::Process::new()));
        Self(Arc::new(Inner { registry, gauges }))
    }

    /// Everything, as it is now.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn text(&self, format: Format) -> Result<String, fmt::Error> {
        self.0.gauges.refresh().await;
        let mut text = String::with_capacity(64 * 1024);
        match format {
            Format::OpenMetrics => encoding::text::encode(&mut text, &self.0.registry)?,
            Format::Prometheus => encoding::prometheus_text::encode(&mut text, &self.0.registry)?,
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(Format::wanted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::wanted("*/*"), Format::Prometheus);
        assert_eq!(Format::wanted(""), Format::Prometheus);
    }
}
