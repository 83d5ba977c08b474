//! A provider in a temporary directory, and the questions that tests ask of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dynservers_core::{
    CreateFromSnapshot, Effect, EffectId, Executor as _, FleetName, Labels, Observed, Op, Outcome, OwnerId,
    ProviderId, ProviderName, ProviderState, ServerId, Spec, StopMode, Time, Token, TypeName, Why,
};
use dynservers_http::SystemSecrets;
use dynservers_local::{Local, Settings, guard};
use serde_json::{Value, json};

/// After how long a condition counts as never met; far beyond what any machine needs.
const NEVER: Duration = Duration::from_secs(60);
/// A stop that leaves all the time in the world.
pub(crate) const PATIENT: StopMode = StopMode::Soft { timeout: Duration::from_secs(600) };

/// A provider with a snapshot of its own. Its servers are killed when it is dropped.
pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) local: Option<Local>,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("snapshot")).unwrap();
        let local = Some(open(&directory.path().join("home"), "workers"));
        Self { directory, local }
    }

    /// A world whose servers run a shell script.
    pub(crate) fn of(script: &str) -> Self {
        let world = Self::new();
        world.script(script);
        world
    }

    /// Writes the snapshot's program.
    pub(crate) fn script(&self, script: &str) {
        let path = self.snapshot().join("start");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    pub(crate) fn snapshot(&self) -> PathBuf {
        self.directory.path().join("snapshot")
    }

    /// Where servers are.
    pub(crate) fn servers(&self) -> PathBuf {
        self.home().join("servers")
    }

    /// Something of a server.
    pub(crate) fn file(&self, id: &ProviderId, name: &str) -> PathBuf {
        self.servers().join(id.as_str()).join(name)
    }

    pub(crate) fn local(&self) -> &Local {
        self.local.as_ref().unwrap()
    }

    /// Lets one daemon end and another begin.
    pub(crate) fn replace_daemon(&mut self) {
        self.local = None;
        self.local = Some(open(&self.home(), "workers"));
    }

    pub(crate) fn execute(&self, op: Op) -> Outcome {
        execute(self.local(), op)
    }

    /// Creates a server of the snapshot.
    pub(crate) fn create(&self) -> ProviderId {
        self.create_with(json!({}))
    }

    /// Creates a server of the snapshot with more in its specification.
    pub(crate) fn create_with(&self, more: Value) -> ProviderId {
        let token = draw_token();
        let outcome = self.execute(create("workers", token, &self.spec(more)));
        let Outcome::Created(observed) = outcome else { panic!("{outcome:?}") };
        assert_eq!(observed.provider_id.as_str(), token.to_string());
        observed.provider_id
    }

    /// A specification of the snapshot.
    pub(crate) fn spec(&self, more: Value) -> Value {
        let mut spec = json!({ "snapshot": self.snapshot() });
        let Value::Object(more) = more else { panic!("{more}") };
        spec.as_object_mut().unwrap().extend(more);
        spec
    }

    /// Creates a server and waits until its program has said so by writing a file.
    pub(crate) fn create_ready(&self) -> ProviderId {
        let id = self.create();
        self.wait_for_file(&id, "root/ready");
        id
    }

    pub(crate) fn wait_for_file(&self, id: &ProviderId, name: &str) -> String {
        let path = self.file(id, name);
        wait_for(name, || path.exists());
        fs::read_to_string(path).unwrap()
    }

    pub(crate) fn look(&self) -> Vec<Observed> {
        look(self.local())
    }

    /// The state of a server in a look.
    pub(crate) fn state(&self, id: &ProviderId) -> Option<ProviderState> {
        self.look().into_iter().find(|seen| seen.provider_id == *id).map(|seen| seen.state)
    }

    pub(crate) fn wait_for_state(&self, id: &ProviderId, state: ProviderState) {
        wait_for(state.as_str(), || self.state(id) == Some(state));
    }

    pub(crate) fn stop(&self, id: &ProviderId, mode: StopMode) {
        let outcome = self.execute(Op::Stop { provider_id: id.clone(), mode });
        assert_eq!(outcome, Outcome::Accepted);
    }

    pub(crate) fn delete(&self, id: &ProviderId) -> Outcome {
        self.execute(Op::Delete { provider_id: id.clone(), seen: None })
    }

    /// Stops a server, whatever it does, and deletes it.
    pub(crate) fn remove(&self, id: &ProviderId) {
        remove(self.local(), id);
        assert!(!self.servers().join(id.as_str()).exists());
    }

    /// The number that a program wrote about itself.
    pub(crate) fn pid(&self, id: &ProviderId, name: &str) -> u32 {
        let path = self.file(id, name);
        let read = || fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        wait_for(name, || read().is_some());
        read().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let local = self.local.take().unwrap_or_else(|| open(&self.home(), "workers"));
        let Outcome::Page(page) = execute(&local, Op::Look) else { return };
        for server in page.servers {
            execute(&local, Op::Stop { provider_id: server.provider_id, mode: StopMode::Hard });
        }
    }
}

/// Draws a token that no other server of this machine has: its processes are known by it.
pub(crate) fn draw_token() -> Token {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Token(u128::from(std::process::id()) << 64 | u128::from(number))
}

pub(crate) fn open(home: &Path, fleet: &str) -> Local {
    let settings = Settings {
        fleet: FleetName::new(fleet).unwrap(),
        directory: home.to_owned(),
        guard: guard_command(),
        log_limit: 1024 * 1024,
        clock: Arc::new(|| Time::from_millis(1000)),
    };
    Local::new(settings, Arc::new(SystemSecrets)).unwrap()
}

/// This very program with the arguments by which it becomes a guard.
fn guard_command() -> Vec<std::ffi::OsString> {
    let program = std::env::current_exe().unwrap().into_os_string();
    let arguments = ["support::this_program_becomes_a_guard", "--exact", "--nocapture", "--quiet"];
    [program].into_iter().chain(arguments.into_iter().map(Into::into)).collect()
}

pub(crate) fn execute(local: &Local, op: Op) -> Outcome {
    execute_until(local, op, Time::from_millis(1000))
}

pub(crate) fn execute_until(local: &Local, op: Op, not_after: Time) -> Outcome {
    let provider = ProviderName::new("local").unwrap();
    let effect =
        Effect { id: EffectId(1), provider, op, step: None, not_after, server: None, why: Why::Asked };
    let completion = local.execute(&effect);
    assert_eq!((completion.next, completion.rate), (None, None));
    completion.outcome
}

pub(crate) fn create(fleet: &str, token: Token, spec: &Value) -> Op {
    let spec = Arc::new(Spec::new(spec.clone()));
    let labels = Labels {
        fleet: FleetName::new(fleet).unwrap(),
        owner: OwnerId::from_random(7),
        server_type: TypeName::new("default").unwrap(),
        server: ServerId(12),
        token,
        spec: spec.hash(),
    };
    Op::CreateFromSnapshot(Box::new(CreateFromSnapshot {
        server: ServerId(12),
        server_type: labels.server_type.clone(),
        name: "worker-12".into(),
        labels,
        spec,
    }))
}

pub(crate) fn look(local: &Local) -> Vec<Observed> {
    let outcome = execute(local, Op::Look);
    let Outcome::Page(page) = outcome else { panic!("{outcome:?}") };
    assert_eq!(page.total, Some(page.servers.len() as u64));
    page.servers
}

/// Stops a server, whatever it does, and deletes it.
pub(crate) fn remove(local: &Local, id: &ProviderId) {
    let stopped = execute(local, Op::Stop { provider_id: id.clone(), mode: StopMode::Hard });
    assert_eq!(stopped, Outcome::Accepted);
    wait_for("a delete", || match execute(local, Op::Delete { provider_id: id.clone(), seen: None }) {
        Outcome::Accepted => true,
        Outcome::Refused(dynservers_core::Reason::Busy, _) => false,
        other => panic!("{other:?}"),
    });
}

/// Waits until something is so.
pub(crate) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < NEVER, "never came: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process lives; one that is dead and not yet reaped does not.
pub(crate) fn lives(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn this_program_becomes_a_guard() {
    let directory = std::env::args_os().next_back().unwrap();
    // Alone as a test, its last argument is no server's directory, and nothing is started.
    let error = guard::run(Path::new(&directory)).unwrap_err();
    if std::env::var_os("DYNSERVERS_SERVER_TOKEN").is_some() {
        eprintln!("{error}");
        std::process::exit(127);
    }
    assert!(error.to_string().contains("only the daemon starts this"), "{error}");
}
