//! UpCloud as the benches use it: with credentials that anybody takes.

use std::sync::Arc;

use dynservers_core::{Failure, Spec};
use dynservers_http::{Provider, Reference, SecretString, Secrets};
use dynservers_upcloud::emulator::Snapshot;
use dynservers_upcloud::{BaseUrl, Credentials, Settings, Template, UpCloud};

use crate::fleet::fleet_name;

struct Anybody;

impl Secrets for Anybody {
    fn read(&self, _: &Reference) -> Result<SecretString, Failure> {
        Ok("anybody".into())
    }
}

/// Gives the provider at an address; where there is none, only its values are used.
pub(crate) fn provider(url: Option<&str>) -> Arc<dyn Provider> {
    let token = Credentials::Token(Reference::Env("TOKEN".to_owned()));
    let mut settings = Settings::new(fleet_name(), token);
    if let Some(url) = url {
        settings.base_url = BaseUrl::new(url).expect("loopback needs no encryption");
    }
    Arc::new(UpCloud::new(settings, Arc::new(Anybody)).expect("pages have their usual size"))
}

/// Gives what servers are made from.
pub(crate) fn spec() -> Arc<Spec> {
    let template = Template::new("de-fra1", "1xCPU-1GB", Snapshot::CUSTOM_IMAGE);
    Arc::new(Spec::new((&template).into()))
}
