//! Credentials: named, never written, found when they are needed.

use dynservers_core::{Failure, ProviderName};
use dynservers_http::{Reference, Secrets, SystemSecrets};
use dynservers_upcloud::Credentials;
use secrecy::SecretString;

use super::super::Problems;
use super::{SMALL, parse_in};

/// An environment in which these variables are set; files are those of the system.
struct Set<'a>(&'a [&'a str]);

impl Secrets for Set<'_> {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        match reference {
            Reference::Env(name) if self.0.contains(&name.as_str()) => Ok("a value".into()),
            Reference::Env(name) if name == "EMPTY" => Ok("".into()),
            Reference::Env(_) => Err(Failure::new(format!("{reference} cannot be read: it is not set"))),
            Reference::File(_) => SystemSecrets.read(reference),
        }
    }
}

fn found(line: &str, variables: &[&str]) -> Result<Credentials, Problems> {
    let text = SMALL.replace("kind = \"upcloud\"", &format!("kind = \"upcloud\"\n{line}"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("token"), "x").unwrap();
    let read = parse_in(&text, directory.path())?;
    let credentials = read.credentials(&ProviderName::new("upcloud").unwrap(), &Set(variables));
    if let Ok(Credentials::Token(Reference::File(path))) = &credentials {
        assert_eq!(path, &directory.path().join("token"));
    }
    credentials
}

fn env(name: &str) -> Reference {
    Reference::Env(name.to_owned())
}

#[test]
fn the_file_names_variables_and_files() {
    let token = found("token = { env = \"A\" }", &["A", "UPCLOUD_TOKEN"]);
    assert_eq!(token, Ok(Credentials::Token(env("A"))));
    let user = found("username = { env = \"A\" }\npassword = { env = \"B\" }", &["A", "B"]);
    assert_eq!(user, Ok(Credentials::Basic { username: env("A"), password: env("B") }));
    assert!(matches!(found("token = { file = \"token\" }", &[]), Ok(Credentials::Token(Reference::File(_)))));
}

#[test]
fn else_the_environment_is_asked_in_order() {
    let user =
        |username, password| Ok(Credentials::Basic { username: env(username), password: env(password) });
    let ours = ["UPCLOUD_USERNAME", "UPCLOUD_PASSWORD"];
    let reference = ["UP_CLOUD_USER_NAME", "UP_CLOUD_PASSWORD"];
    assert_eq!(found("", &["UPCLOUD_TOKEN"]), Ok(Credentials::Token(env("UPCLOUD_TOKEN"))));
    assert_eq!(found("", &[ours[0], ours[1], reference[0], reference[1]]), user(ours[0], ours[1]));
    assert_eq!(found("", &reference), user(reference[0], reference[1]));
}

#[test]
fn what_is_missing_is_named() {
    assert!(
        found("token = { file = \"absent\" }", &[])
            .unwrap_err()
            .to_string()
            .contains("absent cannot be read")
    );
    insta::assert_snapshot!(found("", &[]).unwrap_err(), @r#"
    error: dynservers.toml:3:1: providers.upcloud: its credentials are missing: neither the file nor the environment has any
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, or name other variables or files: token = { env = "NAME" }
    "#);
    insta::assert_snapshot!(found("token = { env = \"A\" }", &["UPCLOUD_TOKEN"]).unwrap_err(), @r#"
    error: dynservers.toml:3:1: providers.upcloud: its credentials are missing: environment variable A cannot be read: it is not set
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, or name other variables or files: token = { env = "NAME" }
    "#);
    insta::assert_snapshot!(found("username = { env = \"A\" }\npassword = { env = \"B\" }", &["A"]).unwrap_err(), @r#"
    error: dynservers.toml:3:1: providers.upcloud: its credentials are missing: environment variable B cannot be read: it is not set
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, or name other variables or files: token = { env = "NAME" }
    "#);
}

#[test]
fn an_environment_that_names_two_identities_or_half_of_one_is_refused() {
    let both = ["UPCLOUD_TOKEN", "UPCLOUD_USERNAME", "UPCLOUD_PASSWORD"];
    let token = "token = { env = \"UPCLOUD_TOKEN\" }";
    assert_eq!(found(token, &both), Ok(Credentials::Token(env("UPCLOUD_TOKEN"))));
    insta::assert_snapshot!(found("", &both).unwrap_err(), @r#"
    error: dynservers.toml:3:1: providers.upcloud: the environment is unclear: UPCLOUD_TOKEN and UPCLOUD_USERNAME are both set: unset one of them
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: or say in the file which to use: token = { env = "UPCLOUD_TOKEN" }
    "#);
    insta::assert_snapshot!(found("", &["UPCLOUD_USERNAME"]).unwrap_err(), @r#"
    error: dynservers.toml:3:1: providers.upcloud: the environment is unclear: UPCLOUD_USERNAME is set and UPCLOUD_PASSWORD is not: set both
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: or say in the file which to use: token = { env = "UPCLOUD_TOKEN" }
    "#);
}

#[test]
fn an_empty_secret_is_none() {
    let problems = found("token = { env = \"EMPTY\" }", &[]).unwrap_err().to_string();
    assert!(
        problems.contains("its credentials are missing: environment variable EMPTY is empty"),
        "{problems}"
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    for line in [
        "token = \"hunter2\"",
        "token = '''\nhunter2'''",
        "token = [\"hunter2\"]",
        "token = { value = \"hunter2\" }",
        "token = { env = \"hunter2=\" }",
        "username = \"hunter2\"\npassword = \"hunter2\"",
        "password = \"hunter2\"",
        "base_url = \"https://me:hunter2@example.com\"",
        "base_url = \"http://me:hunter2@example.com\"",
        "base_url = \"https://me:hunter2 x@example.com\"",
        "token = \"hunter2",
        "token = '''\nhunter2",
        "token = [\n hunter2 = \n]",
        "\"token\"=\"hunter2\" x",
        "token = { env = \"A\" }, password = \"hunter2\"",
    ] {
        let problems = found(line, &["A"]).unwrap_err();
        assert!(!format!("{problems} {problems:?}").contains("hunter2"), "{line}: {problems}");
    }
    insta::assert_snapshot!(found("token = \"hunter2\"", &[]).unwrap_err(), @r#"
    error: dynservers.toml:5:9: providers.upcloud.token: must not be written here: say where it is to be read from
      |
    5 | token = ***
      |         ^^^
    help: token = { env = "UPCLOUD_TOKEN" } or token = { file = "/run/secrets/token" }
    "#);
}
