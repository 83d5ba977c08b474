//! UpCloud as a provider: what all of its requests and answers share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dynservers_core::{Completion, Failure, FleetName, Op, Step, StopBeforeDelete};
use dynservers_http::{
    Capabilities, Clock, CreateRetry, Provider, Secrets, SoftStop, TokenCarrier, Unbuildable, redact,
};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, Response};
use thiserror::Error;

use crate::base_url::BaseUrl;
use crate::credentials::Credentials;
use crate::request::Call;
use crate::{answer, create, errors};

const AGENT: HeaderValue = HeaderValue::from_static(concat!("dynservers/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What UpCloud bills at once: begun hours.
pub const BILLING_UNIT: Duration = Duration::from_secs(3_600);

/// How UpCloud is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Where the API is.
    pub base_url: BaseUrl,
    /// The fleet whose servers are looked for.
    pub fleet: FleetName,
    /// Who we are.
    pub credentials: Credentials,
    /// How many servers a page of a listing has; from 2 to 1000, since pages overlap by one.
    pub page_size: u32,
    /// How late a create may still show in a listing; UpCloud documents nothing.
    pub list_lag: Duration,
    /// After how long a reboot counts as done if the server was never seen down.
    pub restart_time: Duration,
}

impl Settings {
    /// Gives the settings that suit the API itself, to be changed at will.
    #[must_use]
    pub fn new(fleet: FleetName, credentials: Credentials) -> Self {
        let Capabilities { list_lag, restart_time, .. } = Capabilities::default();
        Self { base_url: BaseUrl::default(), fleet, credentials, page_size: 100, list_lag, restart_time }
    }
}

/// Settings with which UpCloud cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Pages are too small to overlap, or larger than any that UpCloud is known to give.
    #[error("page_size is {page_size}: from 2 to 1000 was expected")]
    PageSize {
        /// The size.
        page_size: u32,
    },
}

/// UpCloud as two pure functions; reads secrets, and nothing else, from outside.
pub struct UpCloud {
    settings: Settings,
    secrets: Arc<dyn Secrets>,
}

impl fmt::Debug for UpCloud {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UpCloud").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl UpCloud {
    /// Makes the provider. Reads no secret yet.
    pub fn new(settings: Settings, secrets: Arc<dyn Secrets>) -> Result<Self, SettingsError> {
        let page_size = settings.page_size;
        if (2..=1000).contains(&page_size) {
            Ok(Self { settings, secrets })
        } else {
            Err(SettingsError::PageSize { page_size })
        }
    }

    /// Builds the request of a call.
    pub(crate) fn build(&self, call: Call) -> Result<Request<Vec<u8>>, Unbuildable> {
        let authorization = self.authorization()?;
        self.signed(call, authorization)
    }

    fn authorization(&self) -> Result<HeaderValue, Unbuildable> {
        self.settings.credentials.authorization(&*self.secrets).map_err(Unbuildable::Denied)
    }

    fn signed(&self, call: Call, authorization: HeaderValue) -> Result<Request<Vec<u8>>, Unbuildable> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.settings.base_url, call.target))
            .header(ACCEPT, JSON)
            .header(USER_AGENT, AGENT)
            .header(AUTHORIZATION, authorization);
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, JSON);
        }
        request
            .body(call.body.unwrap_or_default())
            .map_err(|error| Failure::new(format!("the request cannot be written: {error}")).into())
    }

    /// Tells what an answer that is no success says, without our secrets.
    pub(crate) fn failure(&self, response: &Response<Vec<u8>>) -> Failure {
        errors::told(response, &|text| redact(text, &self.settings.credentials.exposed(&*self.secrets)))
    }

    /// Takes out of somebody else's words what we may have told them in confidence.
    fn redact(&self, op: &Op, text: &str) -> String {
        let mut secrets = self.settings.credentials.exposed(&*self.secrets);
        if let Op::CreateFromSnapshot(new) = op {
            let references = create::references(new);
            secrets.extend(references.iter().filter_map(|reference| self.secrets.read(reference).ok()));
        }
        redact(text, &secrets)
    }
}

impl Provider for UpCloud {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.token_carrier = TokenCarrier::LabelMap;
        capabilities.create_retry = CreateRetry::WaitAndLook;
        capabilities.stop_before_delete = StopBeforeDelete::Always;
        capabilities.soft_stop = SoftStop::WithTimeout;
        capabilities.list_lag = self.settings.list_lag;
        capabilities.restart_time = self.settings.restart_time;
        // Its disks and addresses do, the plan as a rule does not.
        capabilities.stopped_servers_bill = false;
        capabilities.billing_unit = Some(BILLING_UNIT);
        capabilities
    }

    fn request(&self, op: &Op, step: Option<&Step>, _: Clock) -> Result<Request<Vec<u8>>, Unbuildable> {
        let Settings { fleet, page_size, .. } = &self.settings;
        // Credentials first: without them nothing can be asked, whatever else is wrong.
        let authorization = self.authorization()?;
        self.signed(Call::new(op, step, fleet, *page_size, &*self.secrets)?, authorization)
    }

    fn response(
        &self,
        op: &Op,
        step: Option<&Step>,
        response: &Response<Vec<u8>>,
        clock: Clock,
    ) -> Completion {
        let redact = |text: &str| self.redact(op, text);
        if response.status().is_success() {
            answer::read(op, step, response, &redact)
        } else {
            errors::outcome(op, response, clock, &redact).into()
        }
    }
}
