//! Fleets on this machine that are wrong, and all that is said about each.

use super::{SMALL_LOCAL, directory, parse_in};

/// Gives what is said about the small local file after one change, without where it is.
#[track_caller]
fn told(from: &str, to: &str) -> String {
    assert!(SMALL_LOCAL.contains(from), "{from}");
    let directory = directory();
    let problems = parse_in(&SMALL_LOCAL.replace(from, to), directory.path()).expect_err("a wrong file");
    problems.to_string().replace(&directory.path().display().to_string(), "DIRECTORY")
}

/// Gives what is said about the small local file with more keys of its type.
#[track_caller]
pub(super) fn told_with(more: &str) -> String {
    told("max = 8\n", &format!("max = 8\n{more}\n"))
}

#[test]
fn keys_of_another_kind() {
    insta::assert_snapshot!(told("max = 8", "max = 8\nzone = \"de-fra1\"\nplna = 1"), @r#"
    error: dynservers.toml:10:1: server_types.default.zone: is a key of types on upcloud providers; this type is on [providers.here], of kind "local"
       |
    10 | zone = "de-fra1"
       | ^^^^
    help: remove it

    error: dynservers.toml:11:1: server_types.default.plna: there is no such key
       |
    11 | plna = 1
       | ^^^^
    help: known here: provider, max, min, on_failed, drain, drain_deadline, drain_interval, busy, sources, policy, demand_interval, price_per_hour, stop_timeout, snapshot, command, env, log_limit
    "#);
    insta::assert_snapshot!(told("kind = \"local\"", "kind = \"local\"\ntoken = { env = \"A\" }"), @r#"
    error: dynservers.toml:5:1: providers.here.token: is a key of upcloud providers; this one is of kind "local"
      |
    5 | token = ***
      | ^^^^^
    help: remove it
    "#);
    insta::assert_snapshot!(super::told("max = 20", "max = 20\ncommand = [\"./start\"]"), @r#"
    error: dynservers.toml:12:1: server_types.default.command: is a key of types on local providers; this type is on [providers.upcloud], of kind "upcloud"
       |
    12 | command = ["./start"]
       | ^^^^^^^
    help: remove it
    "#);
}

#[test]
fn a_snapshot_that_cannot_be_one() {
    insta::assert_snapshot!(told("\"worker\"", "\"wroker\""), @r#"
    error: dynservers.toml:8:12: server_types.default.snapshot: there is no directory DIRECTORY/wroker
      |
    8 | snapshot = "wroker"
      |            ^^^^^^^^
    help: make it; relative paths are relative to the configuration file's directory
    "#);
    insta::assert_snapshot!(told("\"worker\"", "\".\""), @r#"
    error: dynservers.toml:8:12: server_types.default.snapshot: there is no program DIRECTORY/./start
      |
    8 | snapshot = "."
      |            ^^^
    help: put one there, or command = ["./worker"]
    "#);
}

#[test]
fn programs_and_variables_that_cannot_be() {
    insta::assert_snapshot!(told_with("command = []\nenv = { DYNSERVERS_ID = \"1\", A = 1 }"), @r#"
    error: dynservers.toml:10:11: server_types.default.command: must name a program; leave it out for ./start
       |
    10 | command = []
       |           ^^
    help: command = ["./start", "--name={name}"]

    error: dynservers.toml:11:9: server_types.default.env.DYNSERVERS_ID: variables that begin with DYNSERVERS_ tell a server who it is: use another name
       |
    11 | env = { DYNSERVERS_ID = "1", A = 1 }
       |         ^^^^^^^^^^^^^
    help: env = { QUEUE = "mail" }

    error: dynservers.toml:11:34: server_types.default.env.A: must be a text, not a number
       |
    11 | env = { DYNSERVERS_ID = "1", A = 1 }
       |                                  ^
    help: A = "..."
    "#);
    insta::assert_snapshot!(told_with("command = \"./start\""), @r#"
    error: dynservers.toml:10:11: server_types.default.command: must be a list, not a text
       |
    10 | command = "./start"
       |           ^^^^^^^^^
    help: command = [ ... ]
    "#);
}

#[test]
fn sizes_that_cannot_be() {
    insta::assert_snapshot!(told("kind = \"local\"", "kind = \"local\"\nlog_limit = \"10MB\""), @r#"
    error: dynservers.toml:5:13: providers.here.log_limit: must be a size from 4KiB to 1024GiB, not "10MB"
      |
    5 | log_limit = "10MB"
      |             ^^^^^^
    help: a size is a whole number and a unit: "512KiB", "10MiB" or "1GiB"
    "#);
    insta::assert_snapshot!(told("kind = \"local\"", "kind = \"local\"\nlog_limit = 1"), @r#"
    error: dynservers.toml:5:13: providers.here.log_limit: must be a size from 4KiB to 1024GiB, not 1
      |
    5 | log_limit = 1
      |             ^
    help: choose one within these bounds
    "#);
}

#[test]
fn drains_that_cannot_be() {
    insta::assert_snapshot!(told_with("drain_deadline = \"5m\""), @r#"
    error: dynservers.toml:10:18: server_types.default.drain_deadline: is of no use without `drain`: the soft stop is the drain, and stop_timeout its bound
       |
    10 | drain_deadline = "5m"
       |                  ^^^^
    help: drain = { command = ["./drain", "{name}"] }, or remove it
    "#);
    insta::assert_snapshot!(told_with("drain = {}\nbusy = { command = [\"a\"], http = \"http://{address}/\" }"), @r#"
    error: dynservers.toml:10:9: server_types.default.drain: must have `command` or `http`
       |
    10 | drain = {}
       |         ^^
    help: drain = { command = ["./drain", "{name}"] }

    error: dynservers.toml:11:34: server_types.default.busy.http: is given beside `command`
       |
    11 | busy = { command = ["a"], http = "http://{address}/" }
       |                                  ^^^^^^^^^^^^^^^^^^^
    help: leave one of the two out
    "#);
    insta::assert_snapshot!(told_with("drain = { command = [\"./drain\", \"{nmae}\"] }\nbusy = { http = \"ftp://{address}\", timeot = \"1s\" }"), @r#"
    error: dynservers.toml:10:33: server_types.default.drain.command[1]: there is no placeholder {nmae}: use {name}, {type}, {id}, {address} or {provider_id}, or write {{nmae}} where these braces are not ours
       |
    10 | drain = { command = ["./drain", "{nmae}"] }
       |                                 ^^^^^^^^
    help: command = ["./drain", "{name}"]

    error: dynservers.toml:11:17: server_types.default.busy.http: only http and https can be called
       |
    11 | busy = { http = "ftp://{address}", timeot = "1s" }
       |                 ^^^^^^^^^^^^^^^^^
    help: http = "https://example.com/..."

    error: dynservers.toml:11:36: server_types.default.busy.timeot: there is no such key
       |
    11 | busy = { http = "ftp://{address}", timeot = "1s" }
       |                                    ^^^^^^
    help: did you mean `timeout`?
    "#);
    insta::assert_snapshot!(told_with("drain = { http = \"http://10.0.0.1/\", headers = { Authorization = \"Bearer abc\" } }"), @r#"
    error: dynservers.toml:10:66: server_types.default.drain.headers.Authorization: must not be written here: say where it is to be read from
       |
    10 | drain = { http = "http://10.0.0.1/", headers = { Authorization = ***
       |                                                                  ^^^
    help: Authorization = { env = "AUTHORIZATION" } or Authorization = { file = "/run/secrets/authorization" }
    "#);
}

#[test]
fn demand_that_cannot_be() {
    insta::assert_snapshot!(told_with("sources = [{ kind = \"spool\", directory = \"jobs\" }]"), @r#"
    error: dynservers.toml:10:11: server_types.default.sources: says how much work there is, and nothing says how many servers that asks for
       |
    10 | sources = [{ kind = "spool", directory = "jobs" }]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: policy = { jobs_per_server = 10 }, in the type's own table
    "#);
    insta::assert_snapshot!(told_with("policy = { jobs_per_server = 10 }"), @r#"
    error: dynservers.toml:10:10: server_types.default.policy: is of no use without sources: nothing says how much work there is
       |
    10 | policy = { jobs_per_server = 10 }
       |          ^^^^^^^^^^^^^^^^^^^^^^^^
    help: sources = [{ kind = "spool", directory = "jobs" }], or remove it
    "#);
    insta::assert_snapshot!(told_with("sources = []\npolicy = { fallback = 9 }"), @r#"
    error: dynservers.toml:10:11: server_types.default.sources: is empty
       |
    10 | sources = []
       |           ^^
    help: sources = [{ kind = "spool", directory = "jobs" }], or remove it

    error: dynservers.toml:11:10: server_types.default.policy.jobs_per_server: is missing
       |
    11 | policy = { fallback = 9 }
       |          ^^^^^^^^^^^^^^^^
    help: jobs_per_server = 10: how many jobs make one server worth its while; or wait_per_server, target_wait, steps

    error: dynservers.toml:11:23: server_types.default.policy.fallback: is 9, outside of min = 0 and max = 8
       |
    11 | policy = { fallback = 9 }
       |                       ^
    help: fallback = 8
    "#);
    insta::assert_snapshot!(told_with("sources = [{ kind = \"spol\" }, { kind = \"command\", url = \"x\" }]\npolicy = { jobs_per_server = 0, hold = \"1y\" }"), @r#"
    error: dynservers.toml:10:21: server_types.default.sources[0].kind: must be "command" or "http" or "postgres" or "prometheus" or "rabbitmq" or "redis" or "spool", not "spol"
       |
    10 | sources = [{ kind = "spol" }, { kind = "command", url = "x" }]
       |                     ^^^^^^
    help: kind = "spool"

    error: dynservers.toml:10:31: server_types.default.sources[1].command: is missing
       |
    10 | sources = [{ kind = "spol" }, { kind = "command", url = "x" }]
       |                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: command = ["./queue-length"]

    error: dynservers.toml:10:51: server_types.default.sources[1].url: is a key of http sources; this one is of kind "command"
       |
    10 | sources = [{ kind = "spol" }, { kind = "command", url = "x" }]
       |                                                   ^^^
    help: remove it

    error: dynservers.toml:11:30: server_types.default.policy.jobs_per_server: must be a whole number from 1 to 1000000000, not 0
       |
    11 | policy = { jobs_per_server = 0, hold = "1y" }
       |                              ^
    help: jobs_per_server = 20

    error: dynservers.toml:11:40: server_types.default.policy.hold: must be a duration from 0s to 7d, not "1y"
       |
    11 | policy = { jobs_per_server = 0, hold = "1y" }
       |                                        ^^^^
    help: a duration is a whole number and a unit: "300ms", "20s", "10m", "2h" or "7d"
    "#);
}

#[test]
fn addresses_that_nothing_may_be_sent_to() {
    let source = |url: &str| {
        told_with(&format!(
            "sources = [{{ kind = \"http\", url = \"{url}\", pointer = \"waiting\" }}]\npolicy = {{ jobs_per_server = 1 }}"
        ))
    };
    insta::assert_snapshot!(source("http://queue.example/"), @r#"
    error: dynservers.toml:10:35: server_types.default.sources[0].url: is not encrypted, and goes to another machine
       |
    10 | sources = [{ kind = "http", url = "http://queue.example/", pointer = "waiting" }]
       |                                   ^^^^^^^^^^^^^^^^^^^^^^^
    help: use https, or plain_http = true in a network of your own

    error: dynservers.toml:10:70: server_types.default.sources[0].pointer: is no JSON pointer: "waiting"
       |
    10 | sources = [{ kind = "http", url = "http://queue.example/", pointer = "waiting" }]
       |                                                                      ^^^^^^^^^
    help: pointer = "/queues/mail/waiting"
    "#);
    let secret = source("https://user:hunter2@queue.example/");
    assert!(!secret.contains("hunter2"), "{secret}");
    insta::assert_snapshot!(source("https://{address}/"), @r#"
    error: dynservers.toml:10:35: server_types.default.sources[0].url: has placeholders, and there is no server to fill them with
       |
    10 | sources = [{ kind = "http", url = "https://{address}/", pointer = "waiting" }]
       |                                   ^^^^^^^^^^^^^^^^^^^^
    help: url = "https://example.com/..."

    error: dynservers.toml:10:67: server_types.default.sources[0].pointer: is no JSON pointer: "waiting"
       |
    10 | sources = [{ kind = "http", url = "https://{address}/", pointer = "waiting" }]
       |                                                                   ^^^^^^^^^
    help: pointer = "/queues/mail/waiting"
    "#);
}

#[test]
fn hooks_that_cannot_be() {
    let hooks = |hooks: &str| told_with(&format!("[[hooks]]\n{hooks}"));
    insta::assert_snapshot!(hooks("name = \"a\"\nurl = \"https://a/\"\nevents = [\"runing\"]"), @r#"
    error: dynservers.toml:10:1: hooks[0]: must have `secret`: how else is the receiver to know who speaks?
       |
    10 | [[hooks]]
       | ^^^^^^^^^
    help: secret = { env = "HOOK_SECRET" }, of `openssl rand -base64 24`

    error: dynservers.toml:13:11: hooks[0].events[0]: there is no event "runing"
       |
    13 | events = ["runing"]
       |           ^^^^^^^^
    help: did you mean "running"?
    "#);
    insta::assert_snapshot!(hooks("name = \"A b\"\ncommand = [\"./a\"]\nsecret = \"hunter2\"\n[[hooks]]\nname = \"c\"\n[[hooks]]\nname = \"c\"\ncommand = [\"a\"]\nurl = \"https://a/\""), @r#"
    error: dynservers.toml:11:8: hooks[0].name: "A b" is not a valid name of a hook
       |
    11 | name = "A b"
       |        ^^^^^
    help: 1 to 63 of a-z, 0-9, - and _

    error: dynservers.toml:13:10: hooks[0].secret: signs requests, and this hook is a command
       |
    13 | secret = ***
       |          ^^^
    help: remove it

    error: dynservers.toml:14:1: hooks[1]: must have `url` or `command`
       |
    14 | [[hooks]]
       | ^^^^^^^^^
    help: url = "https://example.com/hook"

    error: dynservers.toml:17:8: hooks[2].name: there are two hooks "c"
       |
    17 | name = "c"
       |        ^^^
    help: give each its own: what it was told is remembered by it

    error: dynservers.toml:18:11: hooks[2].command: is given beside `url`
       |
    18 | command = ["a"]
       |           ^^^^^
    help: leave one of the two out, or make two hooks
    "#);
}
