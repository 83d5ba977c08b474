//! The file of a CA of one's own.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Reads it, and says what is wrong with it.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    let wrong = |what: &str| {
        format!("the CA in {} cannot be used: {what}; it must be PEM, readable by this user", file.display())
    };
    let text = std::fs::read(file).map_err(|error| wrong(&error.to_string()))?;
    let mut certificates = 0;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        certificate.map_err(|error| wrong(&error.to_string()))?;
        certificates += 1;
    }
    if certificates == 0 {
        return Err(wrong("it holds no certificate"));
    }
    Ok(text)
}
