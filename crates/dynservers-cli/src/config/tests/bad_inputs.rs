//! Files that are wrong, and the whole of what is said about each.

use super::super::Configuration;
use super::{SMALL, parse};

/// Gives what is said about the smallest file after one change.
#[track_caller]
fn told(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    refused(&SMALL.replace(from, to))
}

#[track_caller]
fn refused(text: &str) -> String {
    parse(text).expect_err("a wrong file").to_string()
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(refused(""), @r#"
    error: dynservers.toml:1:1: fleet: is missing
      |
    1 | 
      | ^
    help: fleet = "workers"

    error: dynservers.toml:1:1: providers: is missing
      |
    1 | 
      | ^
    help: [providers.upcloud]

    error: dynservers.toml:1:1: server_types: is missing
      |
    1 | 
      | ^
    help: [server_types.default]
    "#);
}

#[test]
fn text_that_is_no_toml() {
    insta::assert_snapshot!(refused("fleet: workers\nmax: 3\n"), @r#"
    error: dynservers.toml:1:6: is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
      |
    1 | fleet: workers
      |      ^
    help: see https://toml.io for how it is written

    error: dynservers.toml:1:8: is not TOML: key with no value, expected `=`
      |
    1 | fleet: workers
      |        ^
    help: see https://toml.io for how it is written

    error: dynservers.toml:2:6: is not TOML: key with no value, expected `=`
      |
    2 | max: 3
      |      ^
    help: see https://toml.io for how it is written
    "#);
}

#[test]
fn a_text_that_does_not_end() {
    insta::assert_snapshot!(told("\"workers\"", "\"workers"), @r#"
    error: dynservers.toml:1:17: is not TOML: invalid basic string, expected `"`
      |
    1 | fleet = "workers
      |                 ^
    help: see https://toml.io for how it is written
    "#);
}

#[test]
fn a_key_given_twice() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nmax = 30"), @r#"
    error: dynservers.toml:12:1: is not TOML: duplicate key
       |
    12 | max = 30
       | ^^^
    help: see https://toml.io for how it is written
    "#);
}

#[test]
fn an_unknown_key_at_the_top() {
    insta::assert_snapshot!(told("[providers.upcloud]", "flete = 3\n[providers.upcloud]"), @r#"
    error: dynservers.toml:3:1: flete: there is no such key
      |
    3 | flete = 3
      | ^^^^^
    help: known here: fleet, store, api, timing, providers, retired_types, server_types
    "#);
}

#[test]
fn an_unknown_key_near_a_known_one() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nstop_timout = \"60s\""), @r#"
    error: dynservers.toml:12:1: server_types.default.stop_timout: there is no such key
       |
    12 | stop_timout = "60s"
       | ^^^^^^^^^^^
    help: did you mean `stop_timeout`?
    "#);
}

#[test]
fn an_unknown_key_near_none() {
    insta::assert_snapshot!(told("[providers", "[timing]\ncolour = 1\n[providers"), @r#"
    error: dynservers.toml:4:1: timing.colour: there is no such key
      |
    4 | colour = 1
      | ^^^^^^
    help: known here: poll_interval, resync_interval, hanging_after, create_deadline, failed_retention, retention
    "#);
}

#[test]
fn a_fleet_with_a_bad_name() {
    insta::assert_snapshot!(told("\"workers\"", "\"My Workers\""), @r#"
    error: dynservers.toml:1:9: fleet: "My Workers" is not a valid fleet name
      |
    1 | fleet = "My Workers"
      |         ^^^^^^^^^^^^
    help: 1 to 63 characters: lower-case letters, digits, '-' and '_', with a letter or digit at both ends
    "#);
}

#[test]
fn a_type_with_a_bad_name() {
    insta::assert_snapshot!(told("[server_types.default]", "[server_types.\"a b\"]"), @r#"
    error: dynservers.toml:6:15: server_types."a b": "a b" is not a valid server type
      |
    6 | [server_types."a b"]
      |               ^^^^^
    help: 1 to 63 characters: lower-case letters, digits, '-' and '_', with a letter or digit at both ends
    "#);
}

#[test]
fn no_fleet() {
    insta::assert_snapshot!(told("fleet = \"workers\"", ""), @r#"
    error: dynservers.toml:1:1: fleet: is missing
      |
    1 | 
      | ^
    help: fleet = "workers"
    "#);
}

#[test]
fn no_max() {
    insta::assert_snapshot!(told("max = 20\n", ""), @r#"
    error: dynservers.toml:6:1: server_types.default.max: is missing
      |
    6 | [server_types.default]
      | ^^^^^^^^^^^^^^^^^^^^^^
    help: max = 20: what the account may be charged for at most
    "#);
}

#[test]
fn max_that_is_no_number() {
    insta::assert_snapshot!(told("max = 20", "max = \"many\""), @r#"
    error: dynservers.toml:11:7: server_types.default.max: must be a whole number from 0 to 100000, not a text
       |
    11 | max = "many"
       |       ^^^^^^
    help: max = 20
    "#);
}

#[test]
fn a_negative_number() {
    insta::assert_snapshot!(told("max = 20", "max = -1"), @r#"
    error: dynservers.toml:11:7: server_types.default.max: must be a whole number from 0 to 100000, not -1
       |
    11 | max = -1
       |       ^^
    help: max = 20
    "#);
}

#[test]
fn a_number_beyond_reason() {
    insta::assert_snapshot!(told("max = 20", "max = 99999999999999999999"), @r#"
    error: dynservers.toml:11:7: server_types.default.max: must be a whole number from 0 to 100000, not 99999999999999999999
       |
    11 | max = 99999999999999999999
       |       ^^^^^^^^^^^^^^^^^^^^
    help: max = 20
    "#);
}

#[test]
fn min_over_max() {
    insta::assert_snapshot!(told("max = 20", "min = 21\nmax = 20"), @r#"
    error: dynservers.toml:11:7: server_types.default.min: is 21, above max = 20
       |
    11 | min = 21
       |       ^^
    help: min = 20, or a larger max
    "#);
}

#[test]
fn a_provider_that_is_not_there() {
    insta::assert_snapshot!(told("provider = \"upcloud\"", "provider = \"upclout\""), @r#"
    error: dynservers.toml:7:12: server_types.default.provider: there is no provider "upclout"
      |
    7 | provider = "upclout"
      |            ^^^^^^^^^
    help: did you mean "upcloud"?
    "#);
}

#[test]
fn a_provider_without_a_kind() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", ""), @r#"
    error: dynservers.toml:3:1: providers.upcloud.kind: is missing
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: kind = "upcloud"
    "#);
}

#[test]
fn a_kind_that_is_not_known() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"hetzner\""), @r#"
    error: dynservers.toml:4:8: providers.upcloud.kind: must be "upcloud", not "hetzner"
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
    help: a whole number and a unit: "300ms", "20s", "10m", "2h" or "7d"
    "#);
}

#[test]
fn a_duration_with_another_unit() {
    insta::assert_snapshot!(told("[providers", "[timing]\npoll_interval = \"20 sec\"\n[providers"), @r#"
    error: dynservers.toml:4:17: timing.poll_interval: must be a duration from 10ms to 1d, not "20 sec"
      |
    4 | poll_interval = "20 sec"
      |                 ^^^^^^^^
    help: a whole number and a unit: "300ms", "20s", "10m", "2h" or "7d"
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
    error: dynservers.toml:5:12: providers.upcloud.base_url: sends credentials in the clear: http is for loopback addresses only
      |
    5 | base_url = "http://api.upcloud.com/1.3"
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: base_url = "https://api.upcloud.com/1.3"
    "#);
}

#[test]
fn another_scheme() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\nbase_url = \"ftp://localhost\""), @r#"
    error: dynservers.toml:5:12: providers.upcloud.base_url: must begin with https://
      |
    5 | base_url = "ftp://localhost"
      |            ^^^^^^^^^^^^^^^^^
    help: base_url = "https://api.upcloud.com/1.3"
    "#);
}

#[test]
fn an_address_that_is_no_url() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = \"upcloud\"\nbase_url = \"api.upcloud.com\""), @r#"
    error: dynservers.toml:5:12: providers.upcloud.base_url: must be a URL, not "api.upcloud.com"
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
    error: dynservers.toml:4:10: api.listen: is 111 bytes long from the root, and systems take 103 for a socket
      |
    4 | listen = "unix:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: listen = "unix:/run/dynservers.sock"
    "#);
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
fn a_snapshot_that_is_no_uuid() {
    insta::assert_snapshot!(told("01000000-0000-4000-8000-000030240200", "01..."), @r#"
    error: dynservers.toml:10:12: server_types.default.snapshot: must be a UUID, not "01..."
       |
    10 | snapshot = "01..."
       |            ^^^^^^^
    help: snapshot = "01000000-0000-4000-8000-000030240200"
    "#);
}

#[test]
fn a_network_without_its_uuid() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nnetworks = [\"public\", \"private\"]"), @r#"
    error: dynservers.toml:12:23: server_types.default.networks[1]: must be "public", "utility" or the UUID of a private network, not "private"
       |
    12 | networks = ["public", "private"]
       |                       ^^^^^^^^^
    help: networks = ["public", "utility"]
    "#);
}

#[test]
fn a_private_key() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nssh_keys = [\"-----BEGIN OPENSSH PRIVATE KEY----- b3Blbn\"]"), @r#"
    error: dynservers.toml:12:13: server_types.default.ssh_keys[0]: must be a public key, and this is a private one
       |
    12 | ssh_keys = [***
       |             ^^^
    help: ssh_keys = ["ssh-ed25519 AAAA... name"], a line of a .pub file
    "#);
}

#[test]
fn no_key_of_openssh() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nssh_keys = [\"ssh-ed25519\"]"), @r#"
    error: dynservers.toml:12:13: server_types.default.ssh_keys[0]: must be a public key as OpenSSH writes it
       |
    12 | ssh_keys = ["ssh-ed25519"]
       |             ^^^^^^^^^^^^^
    help: ssh_keys = ["ssh-ed25519 AAAA... name"], a line of a .pub file
    "#);
}

#[test]
fn labels_of_our_own() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nlabels = { dynservers-fleet = \"other\", x = \"y\" }"), @r#"
    error: dynservers.toml:12:12: server_types.default.labels.dynservers-fleet: keys that begin with `dynservers-` are the daemon's own
       |
    12 | labels = { dynservers-fleet = "other", x = "y" }
       |            ^^^^^^^^^^^^^^^^
    help: labels = { team = "jobs" }

    error: dynservers.toml:12:40: server_types.default.labels.x: UpCloud takes keys of 2 to 32 printable ASCII characters that do not begin with `_`
       |
    12 | labels = { dynservers-fleet = "other", x = "y" }
       |                                        ^
    help: labels = { team = "jobs" }
    "#);
}

#[test]
fn labels_of_our_own_in_the_payload() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nconfiguration = { labels = { label = [{ key = \"dynservers-id\", value = \"1\" }] } }"), @r#"
    error: dynservers.toml:12:47: server_types.default.configuration.labels.label[0].key: `dynservers-` is the daemon's own prefix
       |
    12 | configuration = { labels = { label = [{ key = "dynservers-id", value = "1" }] } }
       |                                               ^^^^^^^^^^^^^^^
    help: choose another name
    "#);
}

#[test]
fn a_date_in_the_payload() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nconfiguration = { since = 2026-01-01 }"), @r#"
    error: dynservers.toml:12:27: server_types.default.configuration.since: must be a text or a number, not a date
       |
    12 | configuration = { since = 2026-01-01 }
       |                           ^^^^^^^^^^
    help: write it in quotes
    "#);
}

#[test]
fn a_type_that_is_also_retired() {
    insta::assert_snapshot!(told("[providers", "retired_types = [\"default\"]\n[providers"), @r#"
    error: dynservers.toml:3:18: retired_types[0]: "default" is also configured
      |
    3 | retired_types = ["default"]
      |                  ^^^^^^^^^
    help: remove it here to keep it, or remove [server_types.default] to let it go
    "#);
}

#[test]
fn user_data_from_a_file_that_is_missing() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nuser_data_file = \"worker.sh\""), @r#"
    error: dynservers.toml:12:18: server_types.default.user_data_file: /etc/fleet/worker.sh cannot be read: No such file or directory (os error 2)
       |
    12 | user_data_file = "worker.sh"
       |                  ^^^^^^^^^^^
    help: relative paths are relative to the configuration file's directory
    "#);
}

#[test]
fn user_data_twice() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nuser_data = \"a\"\nuser_data_file = { env = \"ABSENT\" }"), @r#"
    error: dynservers.toml:13:18: server_types.default.user_data_file: is given beside user_data
       |
    13 | user_data_file = { env = "ABSENT" }
       |                  ^^^^^^^^^^^^^^^^^^
    help: leave one of the two out

    error: dynservers.toml:13:18: server_types.default.user_data_file: environment variable ABSENT cannot be read: it is not set
       |
    13 | user_data_file = { env = "ABSENT" }
       |                  ^^^^^^^^^^^^^^^^^^
    help: set it, or write the value here
    "#);
}

#[test]
fn a_reference_to_nothing() {
    insta::assert_snapshot!(told("\"de-fra1\"", "{ vault = \"zone\" }"), @r#"
    error: dynservers.toml:8:8: server_types.default.zone: must be one environment variable or one file
      |
    8 | zone = { vault = "zone" }
      |        ^^^^^^^^^^^^^^^^^^
    help: zone = { env = "NAME" } or zone = { file = "PATH" }
    "#);
}

#[test]
fn a_variable_that_holds_something_else() {
    insta::assert_snapshot!(told("kind = \"upcloud\"", "kind = { env = \"PRESENT\" }"), @r#"
    error: dynservers.toml:4:8: providers.upcloud.kind: must be "upcloud", not what is in environment variable PRESENT
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
fn no_type_at_all() {
    insta::assert_snapshot!(refused(SMALL.split("[server_types").next().unwrap()), @r#"
    error: dynservers.toml:1:1: server_types: is missing
      |
    1 | fleet = "workers"
      | ^
    help: [server_types.default]
    "#);
}

#[test]
fn a_list_of_providers() {
    insta::assert_snapshot!(told("[providers.upcloud]", "[[providers]]"), @r#"
    error: dynservers.toml:3:1: providers: must be a table, not a list
      |
    3 | [[providers]]
      | ^^^^^^^^^^^^^
    help: [providers]

    error: dynservers.toml:7:12: server_types.default.provider: there is no provider "upcloud"
      |
    7 | provider = "upcloud"
      |            ^^^^^^^^^
    help: configured:
    "#);
}

#[test]
fn many_problems_are_told_at_once_and_in_order() {
    insta::assert_snapshot!(refused(&SMALL.replace("\"workers\"", "\"W\"").replace("20\n", "\"x\"\nmin = -1\n").replace("kind", "kidn")), @r#"
    error: dynservers.toml:1:9: fleet: "W" is not a valid fleet name
      |
    1 | fleet = "W"
      |         ^^^
    help: 1 to 63 characters: lower-case letters, digits, '-' and '_', with a letter or digit at both ends

    error: dynservers.toml:3:1: providers.upcloud.kind: is missing
      |
    3 | [providers.upcloud]
      | ^^^^^^^^^^^^^^^^^^^
    help: kind = "upcloud"

    error: dynservers.toml:4:1: providers.upcloud.kidn: there is no such key
      |
    4 | kidn = "upcloud"
      | ^^^^
    help: known here: kind, base_url, token, username, password, request_timeout, list_lag, restart_time, max_servers_in_account, orphans, other_owner, concurrency

    error: dynservers.toml:11:7: server_types.default.max: must be a whole number from 0 to 100000, not a text
       |
    11 | max = "x"
       |       ^^^
    help: max = 20

    error: dynservers.toml:12:7: server_types.default.min: must be a whole number from 0 to 100000, not -1
       |
    12 | min = -1
       |       ^^
    help: min = 20
    "#);
}

#[test]
fn a_file_that_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dynservers.toml");
    let told = Configuration::load(&path).unwrap_err().to_string();
    let told = told.replace(&directory.path().display().to_string(), "DIRECTORY");
    insta::assert_snapshot!(told, @r#"
    error: DIRECTORY/dynservers.toml: cannot be read: No such file or directory (os error 2)
    help: name a file that exists with --config FILE
    "#);
}

#[test]
fn a_file_that_is_no_text() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dynservers.toml");
    std::fs::write(&path, b"fleet = \"\xff\"").unwrap();
    let told = Configuration::load(&path).unwrap_err().to_string();
    let told = told.replace(&directory.path().display().to_string(), "DIRECTORY");
    insta::assert_snapshot!(told, @r#"
    error: DIRECTORY/dynservers.toml: cannot be read: invalid utf-8 sequence of 1 bytes from index 9
    help: save it as UTF-8
    "#);
}
