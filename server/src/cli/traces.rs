//! To whom traces are told.

use clap::Args;
use http::Uri;
use std::path::PathBuf;

/// To whom traces are told, and how much of them.
#[derive(Clone, Debug, Args)]
pub struct Traces {
    /// A collector (OTLP over HTTP, protobuf) that is told what requests took; /v1/traces is added to the address. Default: nobody
    /// is. OTEL_EXPORTER_OTLP_HEADERS has what opens it.
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = endpoint)]
    pub otlp_endpoint: Option<String>,
    /// Certificates of authorities (PEM) that the collector may have its own from, beside the public ones.
    #[arg(long, value_name = "FILE", env = "MUSTER_OTLP_CA")]
    pub otlp_ca: Option<PathBuf>,
    /// What this service is called there.
    #[arg(long, value_name = "NAME", env = "OTEL_SERVICE_NAME", default_value = "muster")]
    pub otlp_service: String,
    /// One of so many requests is told. Those that a trusted proxy has in a trace already are told if it says so.
    #[arg(long, value_name = "NUMBER", env = "MUSTER_OTLP_ONE_OF", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub otlp_one_of: u64,
}

/// An address that spans can be sent to.
fn endpoint(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|_| "write http://HOST[:PORT] or https://HOST[:PORT]".to_owned())?;
    let is_right =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if !is_right {
        return Err("write http://HOST[:PORT] or https://HOST[:PORT]".to_owned());
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) || uri.query().is_some() {
        return Err("what opens the collector belongs into OTEL_EXPORTER_OTLP_HEADERS, not into its address".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_told_is_a_collector() {
        for right in ["http://localhost:4318", "https://otel.example", "https://otel.example/base/"] {
            assert_eq!(endpoint(right).as_deref(), Ok(right));
        }
        for wrong in [
            "",
            "localhost:4318",
            "grpc://otel.example",
            "https://",
            "https://me:secret@otel.example",
            "https://otel.example?key=secret",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
