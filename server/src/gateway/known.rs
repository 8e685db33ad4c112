//! Who may bring a body: decided before a byte of it is read.

use super::{
    answer::{self, failed, told},
    caller::{self, Caller, Unknown},
};
use crate::turn::Turn;
use axum::{
    extract::{FromRef, FromRequestParts},
    response::{IntoResponse, Response},
};
use domain::person::Permission;
use fleet::{Actor, Fleet, enrol::Peer};
use http::{StatusCode, request::Parts};
use std::sync::Arc;

/// What is told to whoever sends a voucher that nobody made.
pub const NO_VOUCHER: &str = "This voucher is not known here. Make a new one on the repair's page.";

/// Whoever has shown who they are.
pub struct Known(pub Actor);

/// Whoever may enrol devices, with the turn to bring thousands at once.
pub struct Enroller {
    /// Who that is.
    pub actor: Actor,
    /// Holds a place until the request is answered.
    pub turn: Turn,
}

/// Whoever asks for a certificate: by what they are known, or by a voucher.
pub enum Enrolling {
    /// Whoever has shown who they are.
    Known(Actor),
    /// A device whose key was changed.
    Voucher {
        /// What it sent.
        voucher: String,
        /// From where.
        address: String,
    },
}

/// A device with its present certificate.
pub struct Renewing {
    /// The device.
    pub actor: Actor,
    /// What stands behind its certificate.
    pub peer: Arc<Peer>,
}

fn caller(parts: &Parts) -> &Caller {
    parts.extensions.get().unwrap_or(&Caller::Nobody)
}

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        caller(parts).actor().cloned().map(Self).map_err(Unknown::answer)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Enrolling
where
    Fleet: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match caller(parts) {
            Caller::Voucher { voucher, address } => {
                match Fleet::from_ref(state).knows_voucher(voucher, address).await {
                    Ok(true) => Ok(Self::Voucher { voucher: voucher.clone(), address: address.clone() }),
                    Ok(false) => Err(told(StatusCode::UNAUTHORIZED, NO_VOUCHER)),
                    Err(error) => Err(failed(&error)),
                }
            }
            // Clients of EST send a password only when they are asked for one.
            Caller::Nobody => Err(answer::asked_for_a_password(caller::NOBODY)),
            other => other.actor().cloned().map(Self::Known).map_err(Unknown::answer),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Enroller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Known(actor) = Known::from_request_parts(parts, state).await?;
        actor.require(Permission::CertificateEnrol).map_err(|error| failed(&error))?;
        let turn = Turn::take().await.map_err(|error| failed(&error))?;
        Ok(Self { actor, turn })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Renewing {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let why = match caller(parts) {
            Caller::Device { actor, peer: Some(peer) } => {
                return Ok(Self { actor: actor.clone(), peer: Arc::clone(peer) });
            }
            Caller::Device { .. } => {
                "Renewal needs the present certificate in the TLS handshake; a token is not enough."
            }
            Caller::Station { .. } => {
                "Only a device renews its certificate. A station gets a new one from an operator."
            }
            other => {
                let unknown = other.actor().err().map(Unknown::answer);
                return Err(unknown.unwrap_or_else(|| StatusCode::FORBIDDEN.into_response()));
            }
        };
        Err(told(StatusCode::FORBIDDEN, why))
    }
}
