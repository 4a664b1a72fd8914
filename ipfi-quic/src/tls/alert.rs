//! What the alerts of TLS mean (RFC 8446 section 6, RFC 7301 section 3.2).

use rustls::AlertDescription;

/// The meaning of an alert that the peer sent, as the end of "the peer refused: ".
pub(super) fn meaning(alert: u8) -> &'static str {
    match AlertDescription::from(alert) {
        AlertDescription::CertificateRequired => "client certificate required, and this side showed none",
        AlertDescription::CertificateExpired => "this side's certificate is expired or not yet valid there",
        AlertDescription::CertificateRevoked => "this side's certificate was revoked",
        AlertDescription::UnknownCA => "it does not know the issuer of this side's certificate",
        AlertDescription::BadCertificate => {
            "this side's certificate cannot be used, or is not for the name that was asked for"
        }
        AlertDescription::UnsupportedCertificate => "this side's certificate is not for this purpose",
        AlertDescription::CertificateUnknown => {
            "it does not accept this side's certificate, which may not be one it has pinned"
        }
        AlertDescription::AccessDenied => "this side's certificate is valid, but has no access",
        AlertDescription::NoApplicationProtocol => "no application protocol (ALPN) in common",
        AlertDescription::UnrecognisedName => "it does not serve the name that was asked for",
        AlertDescription::ProtocolVersion => "it does not speak TLS 1.3",
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "no cryptography in common, or none that it finds good enough"
        }
        AlertDescription::DecryptError => "a signature or a finished message of this side did not verify",
        AlertDescription::InternalError => "it has a fault of its own",
        AlertDescription::UserCanceled => "it gave up",
        _ => "it found this side's TLS at fault",
    }
}
