//! A CA of one's own, and TLS by it before a real server that speaks none.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A CA of one's own, and a server's certificate by it.
pub(crate) struct Ca {
    pub(crate) file: PathBuf,
    pub(crate) server: rustls::ServerConfig,
}

pub(crate) fn ca(directory: &Path, name: &str) -> Ca {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // Else one could be taken for another that signed badly.
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let file = directory.join(name);
    std::fs::write(&file, own.pem()).unwrap();
    let server_key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(params, key);
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&server_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(server_key.serialize_der().into()),
        )
        .unwrap();
    Ca { file, server }
}

/// Speaks TLS before the real server at another port, as poolers do. Whoever connects may have to ask for it first: by what,
/// and how that is answered. Gives the port.
pub(crate) fn behind_tls(
    config: rustls::ServerConfig,
    real: u16,
    asked: &'static [u8],
    answer: &'static [u8],
) -> u16 {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut question = vec![0; asked.len()];
                    stream.read_exact(&mut question).await.unwrap();
                    assert_eq!(question, asked);
                    stream.write_all(answer).await.unwrap();
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut real = tokio::net::TcpStream::connect(("127.0.0.1", real)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut real).await;
                });
            }
        });
    });
    port
}
