//! The provider: effects become directories and processes of this machine.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use dynservers_core::{
    Completion, Effect, Executor, Op, OrphanPolicy, OtherOwnerPolicy, Outcome, ProviderConfig, Reason,
    StopBeforeDelete,
};
use dynservers_http::Secrets;

use crate::janitor;
use crate::site::{LocalError, Settings, Site, refused};

/// How late a create may still show: it shows as soon as it is begun, and is begun in milliseconds.
const LIST_LAG: Duration = Duration::from_secs(1);

/// Servers as process groups on this machine.
///
/// Dropping it touches no server. Several may have the same directory at once, in one process or in many: the locks of
/// the servers keep them apart.
pub struct Local {
    site: Arc<Site>,
    janitor: Option<JoinHandle<()>>,
}

impl Local {
    /// Makes the directory, if it is not there, and starts the thread that keeps deadlines.
    ///
    /// `secrets` reads the references in a type's variables each time that one of its servers is started.
    pub fn new(settings: Settings, secrets: Arc<dyn Secrets>) -> Result<Self, LocalError> {
        let site = Arc::new(Site::open(settings, secrets)?);
        let janitor = janitor::start(Arc::clone(&site)).map_err(LocalError::Thread)?;
        Ok(Self { site, janitor: Some(janitor) })
    }

    /// Gives what a machine must know of this provider, unless it is configured otherwise.
    ///
    /// There is no limit to the servers beside those of their types, and what bears our labels is adopted.
    #[must_use]
    pub fn provider_config() -> ProviderConfig {
        ProviderConfig {
            list_lag: LIST_LAG,
            max_servers_in_account: None,
            orphans: OrphanPolicy::Adopt,
            other_owner: OtherOwnerPolicy::Hold,
            stop_before_delete: StopBeforeDelete::Always,
            ..ProviderConfig::default()
        }
    }

    fn outcome(&self, effect: &Effect) -> Outcome {
        if let Err(outcome) = self.site.require_in_time(effect) {
            return outcome;
        }
        match &effect.op {
            Op::Check | Op::Account => self.site.account(),
            Op::Look => self.site.look(),
            Op::Find(token) => self.site.find_token(*token),
            Op::Inspect(id) => self.site.inspect(id),
            Op::CreateFromSnapshot(create) => self.site.create(effect, create),
            Op::Stop { provider_id, mode } => self.site.stop(provider_id, *mode),
            Op::Reboot { provider_id, timeout } => self.site.reboot(provider_id, *timeout),
            Op::Delete { provider_id, .. } => self.site.delete(provider_id),
            _ => refused(Reason::Invalid, format!("a server on this machine has no {}", effect.op.name())),
        }
    }
}

/// Blocks: a create for as long as the copy of its snapshot takes, everything else for milliseconds.
impl Executor for Local {
    fn execute(&self, effect: &Effect) -> Completion {
        self.outcome(effect).into()
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Local").field("settings", &self.site.settings).finish_non_exhaustive()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.site.bell.end();
        if let Some(janitor) = self.janitor.take() {
            // A janitor that panicked has been told of by the panic itself.
            let _ = janitor.join();
        }
    }
}
