//! Certificates, known and unknown.

use std::net::TcpListener;

use dynservers_demand::Source as _;
use dynservers_demand::postgres::{Encryption, Postgres};

use super::helpers::{LONG, login, name, query, server, told_by};

/// A CA of one's own, and a server's certificate by it.
pub(crate) struct Ca {
    pub(crate) file: std::path::PathBuf,
    server: rustls::ServerConfig,
}

pub(crate) fn ca(directory: &std::path::Path) -> Ca {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // Else one could be taken for another that signed badly.
    params.distinguished_name.push(rcgen::DnType::CommonName, name("ca"));
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let file = directory.join(name("ca"));
    std::fs::write(&file, own.pem()).unwrap();
    let server_key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(params, key);
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&server_key, &issuer).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
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

/// Speaks TLS before the real server, as poolers do. Gives the port.
fn behind_tls(config: rustls::ServerConfig) -> u16 {
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let real = ("127.0.0.1", server().get_ports()[0]);
    std::thread::spawn(move || {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // It is asked whether it speaks TLS.
                    let mut question = [0; 8];
                    stream.read_exact(&mut question).await.unwrap();
                    assert_eq!(question, [0, 0, 0, 8, 4, 210, 22, 47]);
                    stream.write_all(b"S").await.unwrap();
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut real = tokio::net::TcpStream::connect(real).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut real).await;
                });
            }
        });
    });
    port
}

#[test]
fn a_ca_of_ones_own_is_trusted_if_it_is_named_and_no_other_is() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (ca(directory.path()), ca(directory.path()));
    let port = behind_tls(ours.server);
    let database = server().get_dbname().unwrap().to_owned();
    let address = |host: &str| format!("postgres://{host}:{port}/{database}");
    let one = || vec![query("SELECT 1 AS waiting")];
    let source =
        Postgres::new(&address("127.0.0.1"), login(), Encryption::Ca(ours.file.clone()), one(), LONG)
            .unwrap();
    assert_eq!(source.measure().unwrap().waiting, 1);
    let told = told_by(&address("127.0.0.1"), Encryption::Ca(other.file), LONG);
    assert!(told.contains("UnknownIssuer") && told.contains("name its file"), "{told}");
    let told = told_by(&address("localhost"), Encryption::Ca(ours.file.clone()), LONG);
    assert!(told.contains("not valid for name"), "{told}");
    // The real one speaks none here: then nothing is said to it, least of all a password.
    let told = told_by(&super::helpers::address(None), Encryption::Ca(ours.file.clone()), LONG);
    assert!(told.contains("does not support TLS"), "{told}");
    std::fs::write(&ours.file, "no certificate").unwrap();
    let told = told_by(&address("127.0.0.1"), Encryption::Ca(ours.file), LONG);
    assert!(told.contains("it holds no certificate"), "{told}");
    let told = told_by(&address("127.0.0.1"), Encryption::Ca("/no/such/file".into()), LONG);
    assert!(told.contains("/no/such/file") && told.contains("must be PEM"), "{told}");
}
