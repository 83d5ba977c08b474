//! Certificates, known and unknown.

use dynservers_demand::Source as _;
use dynservers_demand::postgres::{Encryption, Postgres};

use super::helpers::{LONG, login, query, server, told_by};
use super::own_ca::{behind_tls, ca};

#[test]
fn a_ca_of_ones_own_is_trusted_if_it_is_named_and_no_other_is() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (ca(directory.path(), "ours"), ca(directory.path(), "other"));
    let port = behind_tls(ours.server, server().get_ports()[0], &[0, 0, 0, 8, 4, 210, 22, 47], b"S");
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
