//! Addresses that settings name: whether they resolve and answer.

use super::finding::Findings;
use crate::commands::COMMAND_LINE;
use fleet::Fleet;
use http::Uri;
use std::time::Duration;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

const ABOUT: &str = "addresses";

/// How long a name may take to resolve, and an address to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at those of *Settings*.
pub async fn look(fleet: &Fleet, found: &mut Findings) {
    let settings = match fleet.settings(&COMMAND_LINE).await {
        Ok(settings) => settings,
        Err(why) => {
            found.wrong(ABOUT, format!("the settings can't be read: {why}"), "see what is said of the database");
            return;
        }
    };
    for (what, url) in [("the PKI listener's", &settings.pki_url), ("the gateway's", &settings.gateway_url)] {
        judge(what, url, found).await;
    }
}

async fn judge(what: &str, url: &str, found: &mut Findings) {
    if url.is_empty() {
        found.ok(ABOUT, format!("{what} is not set"));
        return;
    }
    match reached(url).await {
        Ok(()) => found.ok(ABOUT, format!("{what} answers: {url}")),
        Err(why) => found.attention(
            ABOUT,
            format!("{what}, {url}: {why}"),
            "devices must reach it by this name; from here it need not, if that is your network's intention",
        ),
    }
}

/// Whether somebody takes a connection at an address.
async fn reached(url: &str) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "this is no address".to_owned())?;
    let host = uri.host().ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let found = timeout(PATIENCE, lookup_host((host.as_str(), port))).await.map_err(|_| "its name takes too long")?;
    let found: Vec<_> = found.map_err(|_| format!("the name {host} does not resolve"))?.collect();
    let first = found.first().ok_or_else(|| format!("the name {host} does not resolve"))?;
    match timeout(PATIENCE, TcpStream::connect(first)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(why)) => Err(format!("nobody answers at {first} ({why})")),
        Err(_) => Err(format!("nobody answers at {first}")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::commands::doctor::finding::Mark;

    #[tokio::test]
    async fn addresses_that_do_not_answer_are_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let judged = async |url: String| {
            let mut found = Findings::default();
            judge("it", &url, &mut found).await;
            let (mark, told) = found.marks(ABOUT)[0];
            (mark, told.to_owned())
        };
        assert_eq!(judged(format!("https://{at}")).await.0, Mark::Ok);
        assert_eq!(judged(String::new()).await.0, Mark::Ok);
        drop(listener);
        let (mark, told) = judged(format!("https://{at}")).await;
        assert!(mark == Mark::Attention && told.contains("nobody answers"), "{told}");
        let (mark, told) = judged("http://no-such-host.invalid".to_owned()).await;
        assert!(mark == Mark::Attention && (told.contains("does not resolve") || told.contains("too long")), "{told}");
    }
}
