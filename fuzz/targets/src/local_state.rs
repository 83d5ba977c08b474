//! The directory of the local provider: whatever lies in it, nothing of others is touched, and nobody is taken for gone
//! who is there.

mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{
    Effect, EffectId, Executor as _, Failure, FleetName, Observed, Op, Outcome, ProviderId, ProviderName,
    StopMode, Time, Token, Why, labels,
};
use dynservers_http::{Reference, Secrets};
use dynservers_local::{Local, Settings, guard};
use secrecy::SecretString;
use serde_json::Value;

use tree::Tree;

/// The fleet that looks.
const FLEET: &str = "workers";
/// No file of ours is longer.
const READ_MOST: u64 = 1024 * 1024;

/// Lays bytes out as a directory, as the module `tree` says, and does everything there that a fleet may want.
///
/// # Panics
///
/// If anything does not hold that must, whatever lies there.
pub fn local_state(bytes: &[u8]) {
    let Some(tree) = Tree::lay_out(bytes) else { return };
    let others = tree.not_ours(&is_ours);
    let Ok(local) = Local::new(settings(&tree), Arc::new(Nothing)) else { return };
    look(&local, &tree);
    for token in tree.tokens() {
        try_everything(&local, &tree, token);
    }
    look(&local, &tree);
    drop(local);
    let now = tree.not_ours(&|path| !others.contains_key(path));
    assert_eq!(now, others, "what is not ours was touched");
    tree.assert_outside_is_untouched();
}

struct Nothing;

impl Secrets for Nothing {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        Err(Failure::new(format!("{reference} cannot be read: there is nothing")))
    }
}

fn settings(tree: &Tree) -> Settings {
    Settings {
        fleet: FleetName::new(FLEET).expect("a plain word"),
        directory: tree.home(),
        // Whatever is started ends at once.
        guard: vec!["/bin/true".into()],
        log_limit: 4096,
        clock: Arc::new(|| Time::ZERO),
    }
}

fn execute(local: &Local, op: Op) -> Outcome {
    let effect = Effect {
        id: EffectId(1),
        provider: ProviderName::new("here").expect("a plain word"),
        op,
        step: None,
        not_after: Time::from_millis(1),
        server: None,
        why: Why::Wanted,
    };
    local.execute(&effect).outcome
}

/// Whether the directory of a server could be one of ours, judged without the provider's help.
fn is_ours(server: &Path) -> bool {
    let path = server.join("intent.json");
    let is_file = fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= READ_MOST);
    let intent = if is_file { fs::read(&path).unwrap_or_default() } else { Vec::new() };
    let intent: Value = serde_json::from_slice(&intent).unwrap_or_default();
    let label = |name: &str| intent["labels"][name].as_str();
    let token: Option<Token> = label(labels::TOKEN).and_then(|token| token.parse().ok());
    let named = server.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    label(labels::FLEET) == Some(FLEET) && token.is_some() && token == named
}

/// A look shows what is ours, each server once, and nothing else.
fn look(local: &Local, tree: &Tree) {
    let servers = match execute(local, Op::Look) {
        Outcome::Page(page) => {
            assert_eq!(page.total, Some(page.servers.len() as u64), "a look is one page");
            page.servers
        }
        Outcome::Lost(_) | Outcome::Denied(_) => return,
        other => panic!("no outcome of a look: {other:?}"),
    };
    let ids: BTreeSet<&ProviderId> = servers.iter().map(|server| &server.provider_id).collect();
    assert_eq!(ids.len(), servers.len(), "each server once");
    for server in &servers {
        assert_shown_rightly(server, tree);
    }
    for op in [Op::Check, Op::Account] {
        let outcome = execute(local, op);
        assert!(
            matches!(outcome, Outcome::Account(_) | Outcome::Lost(_) | Outcome::Denied(_)),
            "{outcome:?}"
        );
    }
}

fn assert_shown_rightly(server: &Observed, tree: &Tree) {
    let fleet = server.labels.fleet.as_ref().map(FleetName::as_str);
    assert_eq!(fleet, Some(FLEET), "a server of somebody else is shown");
    let token = server.labels.token.map(|token| token.to_string());
    assert_eq!(token.as_deref(), Some(server.provider_id.as_str()), "its id is its token");
    assert!(tree.server(server.provider_id.as_str()).is_dir(), "a server is shown that is not there");
}

/// Does everything to one server, ours or not.
fn try_everything(local: &Local, tree: &Tree, token: Token) {
    let path = tree.server(&token.to_string());
    let Ok(id) = ProviderId::new(token.to_string()) else { return };
    let stop = |mode| Op::Stop { provider_id: id.clone(), mode };
    for op in [
        Op::Find(token),
        Op::Inspect(id.clone()),
        Op::Reboot { provider_id: id.clone(), timeout: Duration::ZERO },
        stop(StopMode::Soft { timeout: Duration::from_secs(600) }),
        stop(StopMode::Hard),
        Op::Delete { provider_id: id.clone(), seen: None },
    ] {
        let (was_there, was_ours) = (fs::symlink_metadata(&path).is_ok(), is_ours(&path));
        let outcome = execute(local, op.clone());
        let told = || format!("{} of {}: {outcome:?}", op.name(), path.display());
        assert!(
            !was_there || !path.exists() || !matches!(outcome, Outcome::Absent(_)),
            "it is there: {}",
            told()
        );
        if let (Op::Find(_), Outcome::Page(page)) = (&op, &outcome) {
            for server in &page.servers {
                assert_shown_rightly(server, tree);
            }
        }
        if !op.is_read() && outcome == Outcome::Accepted {
            assert!(was_ours, "it is not ours: {}", told());
            assert!(!matches!(op, Op::Delete { .. }) || !path.exists(), "it is still there: {}", told());
        }
    }
    // Whoever calls the guard without a server's lock becomes nothing.
    guard::run(&path).expect_err("nobody handed a lock over");
}
