//! The account: who we are there, what we order, and how the provider and its emulator are set up for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynservers_core::labels::{FLEET, ID, OWNER, SPEC, TOKEN, TYPE};
use dynservers_core::{Failure, FleetName, FoundLabels, ProviderId, TypeName};
use dynservers_http::{Reference, Secrets, Text};
use dynservers_sim::world::Setup;
use dynservers_upcloud::emulator::{self, Durations, Emulator, Snapshot};
use dynservers_upcloud::{Credentials, Settings, Template, UpCloud};
use secrecy::SecretString;
use serde_json::Value;

/// The plans of the two types.
pub(super) const PLANS: [&str; 2] = ["1xCPU-1GB", "1xCPU-2GB"];
/// The token of ours.
const TOKEN_OF_OURS: &str = "ucat_of_ours";
/// What is in the user data of every server.
const USER_DATA: &str = "#!/bin/sh\nexec worker --password=hunter2\n";

/// Knows what the specifications and the credentials refer to.
struct Vault;

impl Secrets for Vault {
    fn read(&self, reference: &Reference) -> Result<SecretString, Failure> {
        match reference {
            Reference::Env(name) if name == "UPCLOUD_TOKEN" => Ok(TOKEN_OF_OURS.into()),
            Reference::Env(name) if name == "WORKER" => Ok(USER_DATA.into()),
            other => Err(Failure::new(format!("{other} is not in the vault"))),
        }
    }
}

fn env(name: &str) -> Reference {
    Reference::Env(name.to_owned())
}

/// Makes the provider, with the page size of the setup.
pub(super) fn provider(setup: &Setup) -> UpCloud {
    let fleet = FleetName::new("fleet").expect("the fleet of every world has this name");
    let mut settings = Settings::new(fleet, Credentials::Token(env("UPCLOUD_TOKEN")));
    settings.page_size = u32::from(setup.page_size.max(2));
    UpCloud::new(settings, Arc::new(Vault)).expect("the page size is within the bounds")
}

/// Makes the account with this number. How long answers take is the world's affair.
pub(super) fn emulator(number: u8) -> Emulator {
    let durations = Durations { create_answer: 0, delete_answer: 0, ..Durations::default() };
    let settings = emulator::Settings { durations, ..emulator::Settings::default() };
    Emulator::new(settings, u64::from(number) + 1).with_credentials(accepted(true))
}

/// Gives the credentials that the account takes: ours, or only somebody else's.
pub(super) fn accepted(are_ours: bool) -> emulator::Credentials {
    let token = if are_ours { TOKEN_OF_OURS } else { "ucat_of_somebody_else" };
    emulator::Credentials::Token(token.into())
}

/// Gives what a server of a type is to be.
pub(super) fn template(server_type: &TypeName) -> Value {
    let plan = PLANS[usize::from(server_type.as_str() != "default")];
    let mut template = Template::new("de-fra1", plan, Snapshot::CUSTOM_IMAGE);
    template.user_data = Some(Text::Env { env: "WORKER".to_owned() });
    template.labels = [("team".to_owned(), Text::from("jobs"))].into();
    Value::from(&template)
}

/// Writes the labels of a stranger as they are at UpCloud.
pub(super) fn written(labels: &FoundLabels) -> BTreeMap<String, String> {
    let pairs = [
        (FLEET, labels.fleet.as_ref().map(ToString::to_string)),
        (OWNER, labels.owner.as_ref().map(ToString::to_string)),
        (TYPE, labels.server_type.as_ref().map(ToString::to_string)),
        (ID, labels.server.as_ref().map(ToString::to_string)),
        (TOKEN, labels.token.as_ref().map(ToString::to_string)),
        (SPEC, labels.spec.as_ref().map(ToString::to_string)),
    ];
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// Makes the id of a UUID.
pub(super) fn id(uuid: &str) -> ProviderId {
    ProviderId::new(uuid.to_owned()).expect("a UUID is an id")
}
