//! UpCloud before its emulator.

use std::sync::Arc;

use dynservers_core::{FleetName, ProviderState};
use dynservers_http::{Reference, Secrets, Text};
use dynservers_sim::conformance::{Cloud, Subject, check_provider};
use dynservers_upcloud::emulator::{self, Action, Emulator, Foreign, Snapshot};
use dynservers_upcloud::{Credentials, Settings, Template, UpCloud};
use http::{Request, Response};
use serde_json::{Value, json};

struct UpCloudSubject(Credentials);

impl Subject for UpCloudSubject {
    type Provider = UpCloud;
    type Cloud = Account;

    fn provider(&self, fleet: FleetName, secrets: Arc<dyn Secrets>) -> UpCloud {
        let mut settings = Settings::new(fleet, self.0.clone());
        settings.page_size = 3;
        UpCloud::new(settings, secrets).unwrap()
    }

    fn cloud(&self) -> Account {
        Account { emulator: Emulator::new(emulator::Settings::default(), 1), now_millis: 0 }
    }

    fn page_size(&self) -> usize {
        3
    }

    fn spec(&self, labels: &[(&str, &str)]) -> Value {
        let mut template = Template::new("de-fra1", "1xCPU-1GB", Snapshot::CUSTOM_IMAGE);
        template.user_data = Some(Text::Env { env: "WORKER".to_owned() });
        template.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), Text::from(*value))).collect();
        Value::from(&template)
    }

    fn other_specs(&self, labels: &[(&str, &str)]) -> Vec<Value> {
        let labels: Vec<Value> =
            labels.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let with = |configuration: Value| {
            let mut spec = self.spec(&[]);
            spec["configuration"] = configuration;
            spec
        };
        vec![
            with(json!({"labels": {"label": labels}, "hostname": "mine", "title": "mine"})),
            with(json!({"labels": labels})),
        ]
    }

    fn state_words(&self) -> Vec<(ProviderState, &'static str)> {
        vec![
            (ProviderState::Running, "started"),
            (ProviderState::InProgress, "maintenance"),
            (ProviderState::Stopped, "stopped"),
            (ProviderState::Error, "error"),
            (ProviderState::Deleting, "pending_delete"),
        ]
    }

    fn error(&self, status: u16, message: &str) -> Response<Vec<u8>> {
        let body = json!({"error": {"error_code": "UNHEARD_OF", "error_message": message}});
        Response::builder().status(status).body(body.to_string().into_bytes()).unwrap()
    }
}

struct Account {
    emulator: Emulator,
    now_millis: u64,
}

impl Cloud for Account {
    fn answer(&mut self, request: &Request<Vec<u8>>, now_millis: u64) -> Response<Vec<u8>> {
        self.now_millis = now_millis;
        self.emulator.handle(request, now_millis).response
    }

    fn servers(&mut self) -> usize {
        self.emulator.report(self.now_millis).servers.len()
    }

    fn add_stranger(&mut self, name: &str) {
        let foreign = Foreign { title: name.to_owned(), ..Foreign::default() };
        self.emulator.add_foreign(&foreign, self.now_millis);
    }

    fn remove(&mut self, id: &str) {
        self.emulator.act(id, &Action::Vanish, self.now_millis);
    }

    fn left_behind(&mut self) -> usize {
        self.emulator.report(self.now_millis).disks_left.len()
    }
}

fn env(name: &str) -> Reference {
    Reference::Env(name.to_owned())
}

#[test]
fn upcloud_with_a_token_passes() {
    let report = check_provider(&UpCloudSubject(Credentials::Token(env("UPCLOUD_TOKEN")))).unwrap();
    println!("{report}");
}
