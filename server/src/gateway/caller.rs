//! Who calls: by the certificate that the handshake verified, or by a device's token.

use super::answer::{failed, told};
use crate::listener::Shown;
use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use fleet::{Actor, Error, Fleet, Origin, enrol::Peer, repair::is_voucher, trust::Verdict};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use std::{net::SocketAddr, sync::Arc};

/// What is told to whoever shows nothing.
pub const NOBODY: &str = "Show a certificate in the TLS handshake, or send a device's token in the header \
                          Authorization: TargetToken TOKEN.";
/// What is told to whoever shows what is not entered.
pub const STRANGER: &str = "This certificate was never entered here, although an authority of ours signed it. Where the \
                            factory signs by itself, its manifest has to be delivered first.";
/// What is told to whoever shows a voucher where none is taken.
pub const VOUCHER: &str = "A voucher is good for POST /.well-known/est/BATCH/simpleenroll alone.";
/// What is told to a device that is on hold or quarantined and asks for more than its repair needs.
pub const HELD: &str = "This device is on hold or quarantined. Until whoever manages the fleet releases it, it may poll, report \
                        what it is, ask GET / how it is known, and fetch CA certificates: what its repair needs.";
const AWAITED: &str = "The device of this certificate is not known yet; its manifest has to be delivered first.";
const ENDED: &str = "This certificate counts no more: it was revoked, superseded by one that was used since or, a station's, \
                     put on hold. This connection ends.";
const WRONG_TOKEN: &str = "This token is not valid here. Make a new one on the device's page.";
const CUT_OFF: &str = "This device is cut off or retired, and its token counts for nothing. Whoever manages the fleet knows why; \
                       another token would be refused, too.";

/// What is told to a device that has not asked for its next token since it was claimed.
const CLAIMED: &str = "This device was claimed by a client, so earlier holders may know its token: it counts for nothing but \
                       getting the next one. Ask for that by POST /token and use it from then on. A device that can't do \
                       that needs a new token from its page in the console.";
/// What is told to everybody while nobody knows who was cut off.
const STALE: &str =
    "This node can't read its database at the moment, so it does not know whom to trust. Come again in a moment.";
/// Where such a device may go: for its next token, and to ask how it is known.
const ROTATING: [&str; 2] = ["/token", "/"];

/// Who calls.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A device, by a certificate or by its token.
    Device {
        /// The device.
        actor: Actor,
        /// What stands behind its certificate, if it showed one.
        peer: Option<Arc<Peer>>,
    },
    /// A device that is on hold or quarantined: it may do what its repair needs.
    Held {
        /// The device.
        actor: Actor,
        /// What stands behind its certificate, if it showed one.
        peer: Option<Arc<Peer>>,
    },
    /// A factory station.
    Station {
        /// The station.
        actor: Actor,
        /// What stands behind its certificate.
        peer: Arc<Peer>,
    },
    /// A device with a good certificate that was not delivered yet.
    Awaited(Arc<Peer>),
    /// A certificate of ours that was never entered.
    Stranger,
    /// Whoever holds a voucher, which is good for one certificate and nothing else. What it is worth is looked at where
    /// it is used.
    Voucher {
        /// What was sent.
        voucher: String,
        /// From where.
        address: String,
    },
    /// Nobody that is known.
    Nobody,
}

/// Why nobody can act: a status and a sentence.
#[derive(Clone, Copy, Debug)]
pub struct Unknown(StatusCode, &'static str);

impl Unknown {
    /// The answer to whoever calls.
    pub fn answer(self) -> Response {
        told(self.0, self.1)
    }
}

impl Caller {
    /// Who acts.
    ///
    /// # Errors
    /// When nobody is known.
    pub fn actor(&self) -> Result<&Actor, Unknown> {
        match self {
            Self::Device { actor, .. } | Self::Station { actor, .. } => Ok(actor),
            Self::Held { .. } => Err(Unknown(StatusCode::FORBIDDEN, HELD)),
            Self::Awaited(_) => Err(Unknown(StatusCode::FORBIDDEN, AWAITED)),
            Self::Stranger => Err(Unknown(StatusCode::FORBIDDEN, STRANGER)),
            Self::Voucher { .. } => Err(Unknown(StatusCode::UNAUTHORIZED, VOUCHER)),
            Self::Nobody => Err(Unknown(StatusCode::UNAUTHORIZED, NOBODY)),
        }
    }
}

/// Finds out who calls, and puts a [`Caller`] into the request.
pub async fn identify(State(fleet): State<Fleet>, mut request: Request, next: Next) -> Response {
    let address = address(&request);
    let connection = request.extensions().get::<Arc<Shown>>().cloned();
    let shown = connection.as_ref().filter(|shown| shown.certificate().is_some());
    let says_who = shown.is_some() || request.headers().contains_key(header::AUTHORIZATION);
    if says_who && fleet.is_trust_stale() {
        return failed(&Error::Away(STALE.to_owned()));
    }
    let sent = voucher(request.headers()).filter(|_| shown.is_none());
    if let Some(voucher) = sent {
        request.extensions_mut().insert(Caller::Voucher { voucher, address });
        return next.run(request).await;
    }
    let caller = match (shown, token(request.headers())) {
        // Once for each request: between the act that cuts it off and the end of its connection it may still ask.
        (Some(shown), _) => match shown.verdict(&fleet) {
            Verdict::Good => by_certificate(&fleet, shown, address, false).await,
            Verdict::Held => by_certificate(&fleet, shown, address, true).await,
            Verdict::Revoked | Verdict::UnknownAuthority => return ended(request.version()),
        },
        (None, Some(token)) => {
            let found = fleet.token_holder(token, &address).await;
            if let (Some(connection), Ok(found)) = (&connection, &found) {
                connection.note_token(found.is_some());
            }
            match found {
                // First: it gets no next token while it is held, and could do nothing for its repair otherwise.
                Ok(Some(holder)) if holder.is_held => Ok(Caller::Held { actor: holder.actor, peer: None }),
                Ok(Some(holder)) if holder.only_rotates && !ROTATING.contains(&request.uri().path()) => {
                    return told(StatusCode::FORBIDDEN, CLAIMED);
                }
                Ok(Some(holder)) => Ok(Caller::Device { actor: holder.actor, peer: None }),
                Ok(None) => return refused(fleet.is_cut_off_token(token, &address).await),
                Err(error) => Err(error),
            }
        }
        (None, None) => Ok(Caller::Nobody),
    };
    match caller {
        Ok(caller) => {
            if let Caller::Device { actor, .. } | Caller::Held { actor, .. } = &caller {
                fleet.came(actor);
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => failed(&error),
    }
}

/// Lets only those on who are not on hold. Put before every route that a repair doesn't need.
pub async fn whole(State(fleet): State<Fleet>, request: Request, next: Next) -> Response {
    let is_limited = match request.extensions().get::<Caller>() {
        Some(Caller::Held { .. }) => Ok(true),
        // One that was quarantined before it had a certificate: what holds it is in no list of certificates.
        Some(Caller::Device { actor, peer: Some(_) }) => fleet.is_quarantined(actor).await,
        _ => Ok(false),
    };
    match is_limited {
        Ok(false) => next.run(request).await,
        Ok(true) => told(StatusCode::FORBIDDEN, HELD),
        Err(error) => failed(&error),
    }
}

/// The answer to a token that lets nobody in.
fn refused(is_cut_off: fleet::Result<bool>) -> Response {
    match is_cut_off {
        Ok(true) => told(StatusCode::FORBIDDEN, CUT_OFF),
        Ok(false) => told(StatusCode::UNAUTHORIZED, WRONG_TOKEN),
        Err(error) => failed(&error),
    }
}

/// The answer to a certificate that was cut off since it was let in.
fn ended(version: Version) -> Response {
    let mut response = told(StatusCode::FORBIDDEN, ENDED);
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn by_certificate(fleet: &Fleet, shown: &Shown, address: String, is_held: bool) -> Result<Caller, Error> {
    if is_held {
        shown.note_held(fleet);
    }
    let Some(peer) = shown.who(fleet).await? else { return Ok(Caller::Stranger) };
    let actor = peer.actor(Origin { address });
    Ok(match actor {
        // Its first use, which supersedes the one before, is noted when it is whole again.
        Some(actor @ Actor::Device { .. }) if is_held => Caller::Held { actor, peer: Some(peer) },
        Some(actor @ Actor::Station { .. }) => Caller::Station { actor, peer },
        Some(actor) => {
            note_first_use(fleet, &actor, &peer).await;
            Caller::Device { actor, peer: Some(peer) }
        }
        None if peer.is_device() => Caller::Awaited(peer),
        // One of our own servers has nothing to do here.
        None => Caller::Stranger,
    })
}

/// The first use of a certificate supersedes the one that it replaces; that of a quarantined device waits until it is
/// released. If that can't be written now, the next request is the first.
async fn note_first_use(fleet: &Fleet, actor: &Actor, peer: &Peer) {
    if peer.certificate.first_used_at.is_some() {
        return;
    }
    match fleet.used(actor, peer.certificate.id).await {
        Ok(true) => tracing::info!(device = actor.name(), serial = peer.certificate.serial, "first use"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, device = actor.name(), "the first use of a certificate was not noted"),
    }
}

/// The address from which a request came.
pub fn address(request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string()).unwrap_or_default()
}

/// `Authorization: TargetToken …` as hawkBit's clients send it, or `Bearer …`.
fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("TargetToken") || scheme.eq_ignore_ascii_case("Bearer");
    known.then(|| token.trim())
}

/// A voucher: `Authorization: Bearer …`, or as the password of `Basic`, which is what EST's clients send (RFC 7030, 3.2.3).
fn voucher(headers: &HeaderMap) -> Option<String> {
    let (scheme, sent) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let secret = if scheme.eq_ignore_ascii_case("Basic") {
        let decoded = String::from_utf8(STANDARD.decode(sent.trim()).ok()?).ok()?;
        decoded.split_once(':')?.1.to_owned()
    } else if scheme.eq_ignore_ascii_case("Bearer") {
        sent.trim().to_owned()
    } else {
        return None;
    };
    is_voucher(&secret).then_some(secret)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the headers are the test's own")]

    use super::*;

    #[test]
    fn both_schemes_carry_a_token() {
        let with = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        for good in ["TargetToken abc", "targettoken  abc", "Bearer abc "] {
            assert_eq!(token(&with(good)), Some("abc"), "{good}");
        }
        for other in ["Basic abc", "abc", ""] {
            assert_eq!(token(&with(other)), None, "{other}");
        }
    }

    #[test]
    fn a_voucher_is_a_password_or_a_bearer() {
        let with = |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        let basic = format!("Basic {}", STANDARD.encode("GW-1:musterv_abc:d"));
        for (sent, is) in [("Bearer musterv_abc", "musterv_abc"), (basic.as_str(), "musterv_abc:d")] {
            assert_eq!(voucher(&with(sent)).as_deref(), Some(is));
        }
        let plain = format!("basic {}", STANDARD.encode("GW-1:secret"));
        for other in ["Bearer musterd_abc", "Basic !", "Basic bXVzdGVydl8=", plain.as_str(), "TargetToken musterv_abc"]
        {
            assert_eq!(voucher(&with(other)), None, "{other}");
        }
    }
}
