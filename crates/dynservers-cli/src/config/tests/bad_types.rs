//! Server types that are wrong, and all that is said about each.

use super::told;

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
    error: dynservers.toml:12:12: server_types.default.labels.dynservers-fleet: keys that begin with `dynservers-` are the fleet's own
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
    error: dynservers.toml:12:47: server_types.default.configuration.labels.label[0].key: keys that begin with `dynservers-` are the fleet's own
       |
    12 | configuration = { labels = { label = [{ key = "dynservers-id", value = "1" }] } }
       |                                               ^^^^^^^^^^^^^^^
    help: choose another key
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
#[cfg(target_os = "linux")]
fn user_data_from_a_pipe_is_refused_without_waiting_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let text = super::SMALL.replace("max = 20", "max = 20\nuser_data_file = \"pipe\"");
    let problems = super::parse_in(&text, directory.path()).unwrap_err().to_string();
    assert!(problems.contains("server_types.default.user_data_file: is no file"), "{problems}");
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
fn words_and_tiers_that_upcloud_does_not_have() {
    insta::assert_snapshot!(told("plan = \"2xCPU-4GB\"", "plan = \"2 CPU\"\nstorage_tier = \"standart\""), @r#"
    error: dynservers.toml:9:8: server_types.default.plan: must be one word of printable ASCII characters, not "2 CPU"
      |
    9 | plan = "2 CPU"
      |        ^^^^^^^
    help: plan = "2xCPU-4GB"

    error: dynservers.toml:10:16: server_types.default.storage_tier: must be "maxiops", "standard" or "hdd", not "standart"
       |
    10 | storage_tier = "standart"
       |                ^^^^^^^^^^
    help: storage_tier = "standard"
    "#);
}

#[test]
fn labels_of_the_payload_that_upcloud_does_not_take() {
    insta::assert_snapshot!(told("max = 20", "max = 20\nuser_data = \"\"\nconfiguration.labels.label = [{ key = \"team\", value = \"a\" }, { key = \"b\", value = \"a\" }]\n[server_types.other]\nprovider = \"upcloud\"\nzone = 1\nplan = \"a\"\nsnapshot = \"\"\nmax = 1\nconfiguration.labels.team = \"a\""), @r#"
    error: dynservers.toml:12:13: server_types.default.user_data: must not be empty
       |
    12 | user_data = ""
       |             ^^
    help: user_data = "...", or leave it out

    error: dynservers.toml:13:70: server_types.default.configuration.labels.label[1].key: UpCloud takes keys of 2 to 32 printable ASCII characters that do not begin with `_`
       |
    13 | configuration.labels.label = [{ key = "team", value = "a" }, { key = "b", value = "a" }]
       |                                                                      ^^^
    help: configuration = { labels = { label = [{ key = "team", value = "jobs" }] } }

    error: dynservers.toml:16:8: server_types.other.zone: must be a text, not a number
       |
    16 | zone = 1
       |        ^
    help: zone = "..."

    error: dynservers.toml:18:12: server_types.other.snapshot: must not be empty
       |
    18 | snapshot = ""
       |            ^^
    help: snapshot = "01000000-0000-4000-8000-000030240200"

    error: dynservers.toml:20:15: server_types.other.configuration.labels: must be { label = [{ key = "...", value = "..." }] }
       |
    20 | configuration.labels.team = "a"
       |               ^^^^^^
    help: configuration = { labels = { label = [{ key = "team", value = "jobs" }] } }
    "#);
}
