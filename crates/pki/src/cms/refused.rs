//! Why a signature does not count.

/// Why a CMS signature does not count. Each is one sentence that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CmsRefused {
    /// Not CMS at all, or too large or nested too deep to be a signature.
    #[error("the signature is no readable CMS message in DER form: {0}; sign with `openssl cms -sign -outform DER`")]
    Malformed(&'static str),
    /// CMS of another type: encrypted, say.
    #[error("the signature is a CMS message, but not of the type SignedData (RFC 5652, 5); use `openssl cms -sign`")]
    NotSignedData,
    /// Nobody signed: certificates alone.
    #[error("nobody signed: the CMS message carries no signer; sign with `openssl cms -sign`")]
    Unsigned,
    /// More signers than anybody needs.
    #[error("the signature has {0} signers; at most {1} are looked at")]
    TooManySigners(usize, usize),
    /// Neither in the message nor beside it.
    #[error("the signature is detached, and what was signed is not beside it")]
    NoContent,
    /// The message does not hold the signer's certificate.
    #[error("the signature does not carry its signer's certificate; sign without `-nocerts`")]
    NoCertificate,
    /// An algorithm that is not checked here, or two that don't fit each other.
    #[error(
        "the signature is made with {0}, which is not accepted; use ECDSA on P-256 or P-384 or RSA of at least \
             2048 bits, with SHA-256 or SHA-384"
    )]
    Algorithm(String),
    /// The signed attributes lack what they must have (RFC 5652, 11), or stand where content should.
    #[error("the signature's signed attributes are not as RFC 5652 wants them: {0}")]
    Attributes(&'static str),
    /// The content is another than was signed.
    #[error("the content is not what {signer} signed: its hash is another; it was changed after it was signed")]
    WrongDigest {
        /// Whose signature.
        signer: String,
    },
    /// The signature is not that key's.
    #[error("the signature is not one by the key of {signer}")]
    WrongSignature {
        /// Whose it should be.
        signer: String,
    },
    /// The signer's certificate was not issued by one of ours.
    #[error(
        "{signer} is not one of ours: its certificate was issued by {issuer}, which is not trusted to sign \
             updates; sign with a code-signing certificate that was issued here"
    )]
    ForeignSigner {
        /// Whose signature.
        signer: String,
        /// Whom its certificate names as issuer.
        issuer: String,
    },
    /// A certificate for another purpose.
    #[error(
        "the certificate of {signer} is not for code signing (extended key usage codeSigning and, if usages are \
             named, digitalSignature)"
    )]
    NotForCodeSigning {
        /// Whose signature.
        signer: String,
    },
    /// A certificate with a critical extension that is not understood here (RFC 5280, 4.2).
    #[error("the certificate of {signer} has a critical extension that is not understood here ({oid})")]
    CriticalExtension {
        /// Whose signature.
        signer: String,
        /// Which.
        oid: String,
    },
    /// The certificate, or its issuer's, has ended.
    #[error("the certificate of {subject} ended {at}; sign with one that is valid")]
    Expired {
        /// Whose certificate: the signer's or its issuer's.
        subject: String,
        /// When, RFC 3339.
        at: String,
    },
    /// The certificate, or its issuer's, has not begun.
    #[error("the certificate of {subject} begins only {at}")]
    NotYetValid {
        /// Whose certificate: the signer's or its issuer's.
        subject: String,
        /// When, RFC 3339.
        at: String,
    },
}
