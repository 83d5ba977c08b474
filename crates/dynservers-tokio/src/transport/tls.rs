//! TLS: rustls with ring and the certificates that the system trusts, set for this client alone.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// Makes the configuration, and says why it trusts nobody if it does not.
pub(super) fn config() -> Result<(ClientConfig, Option<String>), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let (mut config, distrust) = match Verifier::new(provider) {
        Ok(verifier) => {
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
            (builder.with_no_client_auth(), None)
        }
        Err(error) => {
            let message = format!(
                "this system has no certificates to trust ({error}): install its ca-certificates package, \
                 or set SSL_CERT_FILE"
            );
            (builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(), Some(message))
        }
    };
    // reqwest leaves a configuration that it is given as it is: without this there is no HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, distrust))
}
