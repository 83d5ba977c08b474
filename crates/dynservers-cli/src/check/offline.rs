//! What can be found out on this machine: files, variables, the ledger.

use std::collections::BTreeSet;
use std::path::Path;

use dynservers_core::{Ledger, StoreError};
use dynservers_http::{Secrets as _, SystemSecrets};
use dynservers_store::Sqlite;

use super::Finding;
use crate::api::Endpoint;
use crate::config::{Configuration, ProviderSettings};
use crate::site::Site;

/// Checks what the configuration names here.
pub(super) async fn check(configuration: &Configuration) -> Vec<Finding> {
    let site = Site::from(configuration);
    let mut findings =
        vec![Finding::ok("configuration", format!("{} is right", configuration.path.display()))];
    findings.push(ledger(configuration, &site).await);
    if let Endpoint::Unix(path) = &site.endpoint {
        findings.push(folder("control API", path));
    }
    findings.extend(super::here::check(configuration));
    findings.extend(references(configuration));
    findings
}

/// Whether the ledger can be read and agrees with the configuration.
async fn ledger(configuration: &Configuration, site: &Site) -> Finding {
    const WHAT: &str = "ledger";
    let place = site.store.display().to_string();
    if !site.store.exists() {
        return folder(WHAT, &site.store);
    }
    let (path, fleet) = (site.store.clone(), site.fleet.clone());
    let load = move || Sqlite::open_read_only(&path, Some(&fleet))?.load();
    let loaded = tokio::task::spawn_blocking(load).await;
    let stored = match loaded {
        Ok(Ok(stored)) => stored,
        Ok(Err(error)) => return unreadable(&error),
        Err(_) => return Finding::fail(WHAT, format!("{place} breaks its reader"), "restore a copy of it"),
    };
    let servers = stored.servers.len();
    let contradictions = Ledger::restore(stored).contradictions(&configuration.core);
    if contradictions.is_empty() {
        return Finding::ok(WHAT, format!("{place} agrees, and has {servers} servers on record"));
    }
    let words: Vec<String> = contradictions.iter().map(ToString::to_string).collect();
    Finding::fail(WHAT, words.join("; "), "put it back, or retire the type first: retired_types = [\"NAME\"]")
}

fn unreadable(error: &StoreError) -> Finding {
    Finding::fail("ledger", error.to_string(), "name another file, or run this as the daemon's user")
}

/// Whether a file that is not there yet can be made.
fn folder(what: &str, path: &Path) -> Finding {
    let parent = path.parent().unwrap_or(Path::new("/"));
    if parent.is_dir() {
        Finding::ok(what, format!("{} is made by `dynservers run`", path.display()))
    } else {
        let help = format!("mkdir -p {}", parent.display());
        Finding::fail(what, format!("there is no directory {}", parent.display()), help)
    }
}

/// Whether every variable and file that is to be read later can be read.
fn references(configuration: &Configuration) -> Vec<Finding> {
    let templates = configuration.server_types.values().flat_map(|settings| settings.template.references());
    let mut findings = Vec::new();
    let mut read = 0_usize;
    let mut seen = BTreeSet::new();
    for reference in templates {
        if !seen.insert(reference.to_string()) {
            continue;
        }
        match SystemSecrets.read(&reference) {
            Ok(_) => read += 1,
            Err(failure) => {
                findings.push(Finding::fail(
                    reference.to_string(),
                    failure.message,
                    "set it, or correct its name",
                ));
            }
        }
    }
    let accounts = configuration.providers.iter();
    let accounts = accounts.filter(|(_, settings)| matches!(settings, ProviderSettings::UpCloud(_)));
    for (provider, _) in accounts {
        if let Err(problems) = configuration.credentials(provider, &SystemSecrets) {
            let message = problems.messages().join("; ");
            findings.push(Finding::fail(
                format!("provider {provider}"),
                message,
                "set UPCLOUD_TOKEN, or name another variable or file: token = { env = \"NAME\" }",
            ));
        } else {
            read += 1;
        }
    }
    if read > 0 {
        findings.push(Finding::ok("references", format!("{read} can be read")));
    }
    findings
}
