//! Files that are wrong as a whole, and all that is said about each.

use super::super::Configuration;
use super::{SMALL, refused, told};

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(refused(""), @r#"
    error: dynservers.toml:1:1: fleet: is missing
    help: fleet = "workers"

    error: dynservers.toml:1:1: providers: is missing
    help: [providers.upcloud]

    error: dynservers.toml:1:1: server_types: is missing
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
    help: did you mean `fleet`?
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
    help: fleet = "workers"
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
    help: kind = "upcloud" or kind = "local"

    error: dynservers.toml:4:1: providers.upcloud.kidn: there is no such key
      |
    4 | kidn = "upcloud"
      | ^^^^
    help: did you mean `kind`?

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
