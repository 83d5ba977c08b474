//! Providers and places that are wrong, and all that is said about each.

use super::told;

#[test]
fn a_provider_without_a_kind() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", ""), @r#"
    error: dynservers.toml:3:1: providers.upcloud.kind: is missing
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: kind = "upcloud" or kind = "local"
    "#);
}

#[test]
fn a_kind_that_is_not_known() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"hetzner\""), @r#"
    error: dynservers.toml:4:8: providers.upcloud.kind: must be "upcloud" or "local", not "hetzner"
      |
    4 | kind = "hetzner"
      |        ^^^^^^^^^
    help: kind = "upcloud"
    "#);
}

#[test]
fn a_duration_without_a_unit() {
    insta::assert_snapshot!(told("[providers", "[timing]\npoll_interval = 20\n[providers"), @r#"
    error: dynservers.toml:4:17: timing.poll_interval: must be a duration from 10ms to 1d, not a number
      |
    4 | poll_interval = 20
      |                 ^^
    help: a duration is a whole number and a unit: "300ms", "20s", "10m", "2h" or "7d"
    "#);
}

#[test]
fn a_duration_with_another_unit() {
    insta::assert_snapshot!(told("[providers", "[timing]\npoll_interval = \"20 sec\"\n[providers"), @r#"
    error: dynservers.toml:4:17: timing.poll_interval: must be a duration from 10ms to 1d, not "20 sec"
      |
    4 | poll_interval = "20 sec"
      |                 ^^^^^^^^
    help: a duration is a whole number and a unit: "300ms", "20s", "10m", "2h" or "7d"
    "#);
}

#[test]
fn a_duration_of_nothing() {
    insta::assert_snapshot!(told("[providers", "[timing]\npoll_interval = \"0s\"\n[providers"), @r#"
    error: dynservers.toml:4:17: timing.poll_interval: must be a duration from 10ms to 1d, not "0s"
      |
    4 | poll_interval = "0s"
      |                 ^^^^
    help: choose one within these bounds
    "#);
}

#[test]
fn http_to_a_remote_host() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\nbase_url = \"http://api.upcloud.com/1.3\""), @r#"
    error: dynservers.toml:5:12: providers.upcloud.base_url: sends credentials in the clear: plain http is for this machine only (localhost, 127.0.0.1, [::1])
      |
    5 | base_url = "http://api.upcloud.com/1.3"
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: base_url = "https://api.upcloud.com/1.3"
    "#);
}

#[test]
fn another_scheme() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\nbase_url = \"ftp://localhost\""), @r#"
    error: dynservers.toml:5:12: providers.upcloud.base_url: must begin with https://, not "ftp://localhost"
      |
    5 | base_url = "ftp://localhost"
      |            ^^^^^^^^^^^^^^^^^
    help: base_url = "https://api.upcloud.com/1.3"
    "#);
}

#[test]
fn an_address_that_is_no_url() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\nbase_url = \"api.upcloud.com\""), @r#"
    error: dynservers.toml:5:12: providers.upcloud.base_url: must be a URL like "https://api.upcloud.com/1.3", not "api.upcloud.com"
      |
    5 | base_url = "api.upcloud.com"
      |            ^^^^^^^^^^^^^^^^^
    help: base_url = "https://api.upcloud.com/1.3"
    "#);
}

#[test]
fn listening_to_the_world() {
    insta::assert_snapshot!(told("[providers", "[api]\nlisten = \"0.0.0.0:7373\"\n[providers"), @r#"
    error: dynservers.toml:4:10: api.listen: 0.0.0.0 is not loopback: commands are not encrypted on their way
      |
    4 | listen = "0.0.0.0:7373"
      |          ^^^^^^^^^^^^^^
    help: listen = "127.0.0.1:7373", with a tunnel or a proxy that does TLS before it
    "#);
}

#[test]
fn listening_to_nothing() {
    insta::assert_snapshot!(told("[providers", "[api]\nlisten = \"dynservers.sock\"\n[providers"), @r#"
    error: dynservers.toml:4:10: api.listen: must be `unix:PATH` or `IP:PORT`, not "dynservers.sock"
      |
    4 | listen = "dynservers.sock"
      |          ^^^^^^^^^^^^^^^^^
    help: listen = "unix:dynservers.sock" or listen = "127.0.0.1:7373"
    "#);
}

#[test]
fn a_socket_with_a_long_path() {
    insta::assert_snapshot!(told("[providers", &format!("[api]\nlisten = \"unix:{}\"\n[providers", "a".repeat(100))), @r#"
    error: dynservers.toml:4:10: api.listen: the socket's path from the root has 111 bytes, and systems take 103
      |
    4 | listen = "unix:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: listen = "unix:/run/dynservers.sock"
    "#);
}

#[test]
fn a_socket_for_everybody_for_a_group_that_may_not_and_on_a_port() {
    let api = |text: &str| told("[providers", &format!("[api]\n{text}\n[providers"));
    for (text, message) in [
        ("mode = \"0666\"", "every user of this machine"),
        ("mode = \"0770\"", "must be \"0600\" or \"0660\""),
        ("mode = \"660x\"", "must be \"0600\" or \"0660\""),
        ("mode = 660", "must be a text"),
        ("group = \"deploy\"", "may not open the socket by its mode"),
        ("mode = \"0660\"\ngroup = \"\"", "must be a name or a number"),
        ("listen = \"127.0.0.1:7373\"\nmode = \"0660\"", "is for a Unix socket"),
        ("listens = \"unix:x\"", "api.listens"),
    ] {
        let told = api(text);
        assert!(told.contains(message), "{text}: {told}");
    }
}

#[test]
fn a_store_of_another_kind() {
    insta::assert_snapshot!(told("[providers", "[store]\nurl = \"postgres://localhost\"\n[providers"), @r#"
    error: dynservers.toml:4:7: store.url: must be a file of SQLite's, `sqlite:PATH`
      |
    4 | url = "postgres://localhost"
      |       ^^^^^^^^^^^^^^^^^^^^^^
    help: url = "sqlite:dynservers.db"
    "#);
}

#[test]
fn a_store_that_does_not_last() {
    insta::assert_snapshot!(told("[providers", "[store]\nurl = \"sqlite::memory:\"\n[providers"), @r#"
    error: dynservers.toml:4:7: store.url: must name a file: a ledger that does not last would lose servers
      |
    4 | url = "sqlite::memory:"
      |       ^^^^^^^^^^^^^^^^^
    help: url = "sqlite:dynservers.db"
    "#);
}

#[test]
fn a_variable_that_holds_something_else() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = { env = \"PRESENT\" }"), @r#"
    error: dynservers.toml:4:8: providers.upcloud.kind: must be "upcloud" or "local", not what is in environment variable PRESENT
      |
    4 | kind = { env = "PRESENT" }
      |        ^^^^^^^^^^^^^^^^^^^
    help: kind = "upcloud"
    "#);
}

#[test]
fn a_word_that_is_nearly_right() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\norphans = \"adapt\""), @r#"
    error: dynservers.toml:5:11: providers.upcloud.orphans: must be "adopt" or "delete" or "report", not "adapt"
      |
    5 | orphans = "adapt"
      |           ^^^^^^^
    help: orphans = "adopt"
    "#);
}

#[test]
fn a_token_and_a_user() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\ntoken = { env = \"A\" }\nusername = { env = \"B\" }"), @r#"
    error: dynservers.toml:3:1: providers.upcloud: has a token and a user: one of them must go
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: token = { env = "UPCLOUD_TOKEN" }
    "#);
}

#[test]
fn half_a_user() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\nusername = { env = \"B\" }"), @r#"
    error: dynservers.toml:3:1: providers.upcloud: has half of a user: `username` and `password` belong together
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: username = { env = "UPCLOUD_USERNAME" } and password = { env = "UPCLOUD_PASSWORD" }
    "#);
}

#[test]
fn one_account_under_two_names() {
    let twice = "[providers.second]\nkind = \"upcloud\"\n\n[server_types.default]";
    insta::assert_snapshot!(told("[server_types.default]", twice), @r"
    error: dynservers.toml:3:1: providers.upcloud: second and upcloud are the same account
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: one [providers.NAME] an account: several types may share it
    ");
    let other = twice.replace("\n\n", "\ntoken = { env = \"SECOND\" }\n\n");
    super::parse(&super::SMALL.replace("[server_types.default]", &other)).expect("another account");
}
