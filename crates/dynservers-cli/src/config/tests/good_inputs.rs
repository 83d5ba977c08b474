//! Files that are right, and what is read from them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynservers_core::{
    FailedPolicy, OrphanPolicy, OtherOwnerPolicy, ProviderConfig, ProviderName, Timing, TypeConfig, TypeName,
};
use dynservers_http::Text;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{
    Account, AddressPreference, Configuration, Listen, ProviderSettings, SocketAccess, StoreUrl, Template,
};
use super::{FULL, SMALL, parse, parse_in};

fn upcloud() -> ProviderName {
    ProviderName::new("upcloud").unwrap()
}

fn account<'c>(read: &'c Configuration, name: &ProviderName) -> &'c Account {
    let ProviderSettings::UpCloud(account) = &read.providers[name] else { panic!("another kind") };
    account
}

fn default_type() -> TypeName {
    TypeName::new("default").unwrap()
}

#[test]
fn every_key_of_the_documentation_is_read() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("worker.sh"), "#!/bin/sh\n").unwrap();
    let read = parse_in(FULL, directory.path()).unwrap();

    assert_eq!(read.fleet.as_str(), "workers");
    assert!(read.retired_types.is_empty());
    assert_eq!(read.store, StoreUrl::Sqlite(directory.path().join("dynservers.db")));
    let path = directory.path().join("dynservers.sock");
    assert_eq!(read.api, Listen::Unix { path, access: SocketAccess::default() });
    assert_eq!(
        (read.path.as_path(), read.directory.as_path()),
        (Path::new("dynservers.toml"), directory.path())
    );
    assert_eq!((&read.core.fleet, &read.core.retired_types), (&read.fleet, &read.retired_types));
    assert_eq!(read.core.timing, Timing::default());
    assert_eq!(read.core.providers[&upcloud()], ProviderConfig::default());
    assert_eq!(read.core.server_types[&default_type()], TypeConfig::new(upcloud(), 20));
    assert_eq!(read.core.contradictions(), []);
    assert_eq!(account(&read, &upcloud()).base_url.as_str(), "https://api.upcloud.com/1.3");
    let settings = &read.server_types[&default_type()];
    assert_eq!((&settings.provider, settings.address), (&upcloud(), AddressPreference::Public));
    assert_eq!(
        Value::from(&settings.template),
        json!({
            "zone": "de-fra1",
            "plan": "2xCPU-4GB",
            "snapshot": "01000000-0000-4000-8000-000030240200",
            "storage_tier": "maxiops",
            "user_data": {"file": directory.path().join("worker.sh")},
            "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample jobs"],
            "networks": ["public", "utility"],
            "server_group": "0b5169fc-23aa-4ba7-aaab-f38868ac99f3",
            "labels": {"team": "jobs"},
        })
    );
}

#[test]
fn what_is_left_out_is_as_documented() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("worker.sh"), "").unwrap();
    let (small, full) =
        (parse_in(SMALL, directory.path()).unwrap(), parse_in(FULL, directory.path()).unwrap());
    assert_eq!((&small.core, &small.store, &small.api), (&full.core, &full.store, &full.api));
    assert_eq!(account(&small, &upcloud()).base_url, account(&full, &upcloud()).base_url);
    assert_eq!(
        Value::from(&small.server_types[&default_type()].template),
        json!({
            "zone": "de-fra1",
            "plan": "2xCPU-4GB",
            "snapshot": "01000000-0000-4000-8000-000030240200",
            "storage_tier": "maxiops",
            "networks": ["public", "utility"],
        })
    );
}

#[test]
fn every_key_can_be_something_else() {
    let read = parse(
        r#"
        fleet = "jobs"
        retired_types = ["old", "older"]
        store.url = "sqlite:/var/lib/jobs.db"
        api.listen = "127.0.0.1:7373"
        timing = { poll_interval = "300ms", resync_interval = "1m", hanging_after = "2m", create_deadline = "3h", failed_retention = "0s", retention = "1d" }
        [providers.test]
        kind = "upcloud"
        base_url = "http://127.0.0.1:8080/1.3/"
        token = { file = "token" }
        request_timeout = "1s"
        list_lag = "0s"
        restart_time = "2s"
        max_servers_in_account = 3
        orphans = "report"
        other_owner = "takeover"
        concurrency = 4
        [server_types.big]
        provider = "test"
        zone = { env = "ZONE" }
        plan = "8xCPU-32GB"
        snapshot = { file = "snapshot" }
        storage_tier = "hdd"
        user_data = "echo {name}"
        ssh_keys = [{ file = "/keys/a.pub" }]
        networks = ["0300a1b2-0000-4000-8000-000000000001", "utility"]
        address = "private"
        labels = { team = { env = "TEAM" } }
        configuration = { timezone = "UTC", boot = [1, 1.5, true, { env = "BOOT" }] }
        min = 2
        max = 0x10
        stop_timeout = "5m"
        on_failed = "keep"
        "#,
    )
    .unwrap();
    let test = ProviderName::new("test").unwrap();
    let big = TypeName::new("big").unwrap();
    assert_eq!(read.retired_types.iter().map(TypeName::as_str).collect::<Vec<_>>(), ["old", "older"]);
    assert_eq!(read.store, StoreUrl::Sqlite(PathBuf::from("/var/lib/jobs.db")));
    assert_eq!(read.api, Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 7373))));
    let seconds = Duration::from_secs;
    assert_eq!(
        read.core.timing,
        Timing {
            poll_interval: Duration::from_millis(300),
            resync_interval: seconds(60),
            hanging_after: seconds(120),
            create_deadline: seconds(3 * 3600),
            failed_retention: Duration::ZERO,
            retention: seconds(86_400),
        }
    );
    assert_eq!(
        read.core.providers[&test],
        ProviderConfig {
            request_timeout: seconds(1),
            list_lag: Duration::ZERO,
            restart_time: seconds(2),
            max_servers_in_account: Some(3),
            orphans: OrphanPolicy::Report,
            other_owner: OtherOwnerPolicy::Takeover,
            concurrency: 4,
            ..ProviderConfig::default()
        }
    );
    assert_eq!(account(&read, &test).base_url.as_str(), "http://127.0.0.1:8080/1.3");
    let TypeConfig { min, max, stop_timeout, on_failed, .. } = read.core.server_types[&big];
    assert_eq!((min, max, stop_timeout, on_failed), (2, 16, seconds(300), FailedPolicy::Keep));
    assert_eq!(read.server_types[&big].address, AddressPreference::Private);
    assert_eq!(
        Value::from(&read.server_types[&big].template),
        json!({
            "zone": {"env": "ZONE"},
            "plan": "8xCPU-32GB",
            "snapshot": {"file": "/etc/fleet/snapshot"},
            "storage_tier": "hdd",
            "user_data": "echo {name}",
            "ssh_keys": [{"file": "/keys/a.pub"}],
            "networks": ["0300a1b2-0000-4000-8000-000000000001", "utility"],
            "labels": {"team": {"env": "TEAM"}},
            "configuration": {"timezone": "UTC", "boot": [1, 1.5, true, {"env": "BOOT"}]},
        })
    );
}

#[test]
fn what_the_daemon_needs_itself_is_read_at_once_and_what_a_request_needs_is_not() {
    let text = SMALL
        .replace("fleet = \"workers\"", "fleet = { env = \"PRESENT\" }")
        .replace("\"de-fra1\"", "{ env = \"ABSENT\" }");
    let read = parse(&text).unwrap();
    assert_eq!(read.fleet.as_str(), "value-of-present");
    let Template::UpCloud(template) = &read.server_types[&default_type()].template else {
        panic!("another kind")
    };
    assert_eq!(template.zone, Text::Env { env: "ABSENT".to_owned() });
}

#[test]
fn a_fleet_that_lets_its_last_servers_go_has_no_types() {
    let text =
        SMALL.split("[server_types").next().unwrap().replace("[prov", "retired_types = [\"default\"]\n[prov");
    assert!(parse(&text).unwrap().server_types.is_empty());
}

#[test]
fn a_file_is_loaded_relative_to_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleet.toml");
    std::fs::write(&path, SMALL).unwrap();
    let read = Configuration::load(&path).unwrap();
    assert_eq!((read.path, read.directory.as_path()), (path, directory.path()));
    assert_eq!(read.store, StoreUrl::Sqlite(directory.path().join("dynservers.db")));
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = parse(&text).map_err(|problems| problems.to_string());
    }

    #[test]
    fn no_file_of_any_bytes_panics(bytes: Vec<u8>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynservers.toml");
        std::fs::write(&path, &bytes).unwrap();
        let _ = Configuration::load(&path).map_err(|problems| problems.to_string());
    }

    /// Nearly right files go deeper than noise: any piece of the file is replaced by any other text.
    #[test]
    fn no_damaged_file_panics(
        at in 0..FULL.len(),
        length in 0_usize..40,
        piece in "[a-z0-9\"'={}\\[\\].\n# \\\\é-]{0,12}",
    ) {
        let end = (at + length).min(FULL.len());
        let damaged = format!("{}{piece}{}", FULL.get(..at).unwrap_or(FULL), FULL.get(end..).unwrap_or(""));
        let _ = parse(&damaged).map_err(|problems| problems.to_string());
    }
}

#[test]
fn a_socket_for_a_group() {
    let api = "[api]\nmode = \"0660\"\ngroup = \"deploy\"\nowner = \"1000\"\n";
    let read = parse(&format!("{SMALL}{api}")).unwrap();
    let Listen::Unix { access, .. } = read.api else { panic!("not a socket") };
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(access, SocketAccess { mode: 0o660, owner: named("1000"), group: named("deploy") });
}
