//! TLS: rustls with ring and the certificates that the system trusts, set for this client alone.

use std::sync::Arc;

use rustls_platform_verifier::Verifier;
use ureq::tls::{RootCerts, TlsConfig};

/// Makes the configuration, and says why it trusts nobody if it does not.
pub(super) fn config() -> (TlsConfig, Option<String>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let distrust = Verifier::new(Arc::clone(&provider)).err().map(|error| {
        format!(
            "this system has no certificates to trust ({error}): install its ca-certificates package, \
             or set SSL_CERT_FILE"
        )
    });
    let config = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        // Never a default of the process: a host may have set another.
        .unversioned_rustls_crypto_provider(provider)
        .build();
    (config, distrust)
}
