//! Samples: the servers that the kit asks for, and the names in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use dynservers_core::{
    CreateFromSnapshot, FleetName, Labels, Op, OwnerId, ProviderId, ServerId, Spec, StopMode, Token, TypeName,
};
use serde_json::Value;

/// A soft stop that leaves time enough.
pub(crate) const SOFT: StopMode = StopMode::Soft { timeout: Duration::from_secs(60) };

/// The fleet that the kit looks at.
pub(crate) fn fleet() -> FleetName {
    FleetName::new("kit").expect("a plain name")
}

/// A fleet of somebody else in the same account.
pub(crate) fn other_fleet() -> FleetName {
    FleetName::new("not-kit").expect("a plain name")
}

/// Draws servers that differ.
#[derive(Debug)]
pub(crate) struct Samples {
    drawn: u64,
    high: u128,
}

impl Samples {
    /// Draws the same servers in every run.
    pub(crate) const fn steady() -> Self {
        Self { drawn: 0, high: 0x00c0_ffee << 64 }
    }

    /// Draws servers that no other run on this machine has.
    pub(crate) fn unique() -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(1);
        let run = u128::from(RUNS.fetch_add(1, Ordering::Relaxed) & 0xffff);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let process = u128::from(std::process::id());
        Self { drawn: 0, high: (u128::from(since.as_micros() as u32) << 96) | (process << 64) | (run << 40) }
    }

    /// Draws a token that no server has.
    pub(crate) const fn token(&mut self) -> Token {
        self.drawn += 1;
        Token(self.high | self.drawn as u128)
    }

    /// Draws a server.
    pub(crate) fn server(&mut self, fleet: FleetName, spec: Value) -> CreateFromSnapshot {
        let token = self.token();
        let server = ServerId(100 + self.drawn);
        let server_type = TypeName::new("default").expect("a plain name");
        let spec = Arc::new(Spec::new(spec));
        let labels = Labels {
            fleet,
            owner: OwnerId::from_random(0x0b5e_55ed),
            server_type: server_type.clone(),
            server,
            token,
            spec: spec.hash(),
        };
        CreateFromSnapshot { server, server_type, name: format!("kit-worker-{server}").into(), labels, spec }
    }
}

/// Gives one operation of each kind, with a word for each.
pub(crate) fn every_op(new: &CreateFromSnapshot, id: &ProviderId) -> Vec<(&'static str, Op)> {
    let stop = |mode| Op::Stop { provider_id: id.clone(), mode };
    let reboot = Op::Reboot { provider_id: id.clone(), timeout: Duration::from_secs(60) };
    vec![
        ("check", Op::Check),
        ("look", Op::Look),
        ("find", Op::Find(new.labels.token)),
        ("inspect", Op::Inspect(id.clone())),
        ("account", Op::Account),
        ("create", create(new)),
        ("soft stop", stop(SOFT)),
        ("hard stop", stop(StopMode::Hard)),
        ("reboot", reboot),
        ("delete", Op::Delete { provider_id: id.clone(), seen: None }),
    ]
}

/// Makes the operation that creates a server.
pub(crate) fn create(new: &CreateFromSnapshot) -> Op {
    Op::CreateFromSnapshot(Box::new(new.clone()))
}

/// Whether an operation is about one server that is known by its id.
pub(crate) fn names_server(op: &Op) -> bool {
    matches!(op, Op::Inspect(_) | Op::Stop { .. } | Op::Reboot { .. } | Op::Delete { .. })
}
