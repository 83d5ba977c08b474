//! Certificates of a test's own authority, and the server's side of TLS.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Request, Talk, read_request};

pub(crate) type Tls = StreamOwned<ServerConnection, std::net::TcpStream>;

/// An authority, and a certificate of `localhost` by it.
pub(crate) struct Certificates {
    authority: String,
    certificate: String,
    key: String,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Self { authority, certificate, key: key.serialize_pem() }
    }

    /// Writes them down for another process.
    pub(crate) fn write(&self, folder: &Path) {
        for (name, pem) in
            [("authority", &self.authority), ("certificate", &self.certificate), ("key", &self.key)]
        {
            std::fs::write(folder.join(name), pem).unwrap();
        }
    }

    /// Reads what another process wrote.
    pub(crate) fn read(folder: &Path) -> Self {
        let [authority, certificate, key] = ["authority", "certificate", "key"]
            .map(|name| std::fs::read_to_string(folder.join(name)).unwrap());
        Self { authority, certificate, key }
    }

    /// Gives the configuration of a server that shows the certificate.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Arc::new(builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

/// Speaks TLS on a connection, and answers each whole request by `answer`.
pub(crate) fn converse(talk: &mut Talk, config: &Arc<ServerConfig>, answer: impl Fn(&mut Tls, &Request)) {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut tls = StreamOwned::new(connection, talk.stream.try_clone().unwrap());
    let mut bytes = Vec::new();
    while let Some(request) = read_request(&mut tls, &mut bytes) {
        talk.remember(request.clone());
        answer(&mut tls, &request);
    }
}
