//! Signing what webhooks are told, as Standard Webhooks 1 says: HMAC with SHA-256 over the message's id, the time and the body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use std::fmt;
use zeroize::Zeroizing;

/// How a secret begins where people see it.
const SECRET: &str = "whsec_";
/// How a signature begins that is made with a secret that both sides have.
const SYMMETRIC: &str = "v1,";

/// The secret that a webhook's receiver shares with us.
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecret {
    /// A secret of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret as receivers' libraries take it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{SECRET}{}", STANDARD.encode(self.0.as_slice()))
    }

    /// The value of `webhook-signature` for a message that is sent at a time, in seconds since 1970.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("{SYMMETRIC}{}", STANDARD.encode(context.sign().as_ref()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// The vector that the standard's own libraries are tested with.
    #[test]
    fn a_signature_is_the_one_that_receivers_compute() {
        let text = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = WebhookSecret::new(STANDARD.decode(text).unwrap());
        assert_eq!(secret.reveal(), format!("whsec_{text}"));
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{secret:?}"), "WebhookSecret");
    }
}
