//! `kind = "rabbitmq"` of a source: which queues of a `RabbitMQ` are counted.

use std::time::Duration;

use dynservers_demand::rabbitmq::{InvalidRabbitMq, Login, Queue, RabbitMq};
use dynservers_hooks::InvalidWeb;

use super::field::Field;
use super::reader::Section;

/// Queues in a `RabbitMQ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RabbitMqSettings {
    /// The address of its management plugin, without credentials.
    pub(crate) address: String,
    /// Who logs in.
    pub(crate) login: Login,
    /// What is counted.
    pub(crate) queues: Vec<Queue>,
    /// How long all answers together may take.
    pub(crate) timeout: Duration,
}

/// The keys that such a source has, and those of other kinds have not.
pub(super) const KEYS: &[&str] = &["url", "username", "password", "vhost", "queues"];
const URL_HELP: &str = "url = \"http://127.0.0.1:15672\": where its management plugin listens";
const QUEUES_MOST: usize = 64;

impl RabbitMqSettings {
    /// Makes the source.
    pub(crate) fn source(&self) -> Result<RabbitMq, InvalidRabbitMq> {
        RabbitMq::new(&self.address, self.login.clone(), self.queues.clone(), self.timeout)
    }
}

pub(super) fn read(section: &mut Section<'_>, timeout: Option<Duration>) -> Option<RabbitMqSettings> {
    let url = section.required("url", URL_HELP);
    let username = section.required("username", "username = \"metrics\": one with the tag monitoring");
    let username = username.and_then(|field| field.text());
    let password = section.required("password", "password = { env = \"RABBITMQ_PASSWORD\" }");
    let password = password.and_then(|field| field.secret("RABBITMQ_PASSWORD"));
    let vhost = section.get("vhost").map_or_else(|| Some("/".to_owned()), |field| name(&field));
    let names = section.required("queues", "queues = [\"jobs\"]").and_then(|names| self::names(&names));
    let login = Login { username: Some(username?), password: Some(password?.into()) };
    let (url, vhost, timeout) = (url?, vhost?, timeout?);
    let queues = names?.into_iter().map(|name| Queue { vhost: vhost.clone(), name }).collect();
    let address = url.resolved()?.text;
    let settings = RabbitMqSettings { address, login, queues, timeout };
    match settings.source() {
        Ok(_) => return Some(settings),
        Err(InvalidRabbitMq::Web(InvalidWeb::Plain { .. })) => url.add(
            "is another machine, and http:// sends the password in the clear",
            "https://, with the plugin's listener or a proxy that speaks TLS",
        ),
        Err(InvalidRabbitMq::Web(InvalidWeb::Url { message, .. })) => url.add_hidden(message, URL_HELP),
        Err(error) => url.add_hidden(error.to_string(), URL_HELP),
    }
    None
}

fn names(names: &Field<'_>) -> Option<Vec<String>> {
    let items = names.items()?;
    if items.is_empty() || items.len() > QUEUES_MOST {
        names.add(format!("names {} queues", items.len()), format!("name 1 to {QUEUES_MOST}"));
        return None;
    }
    let items: Vec<Option<String>> = items.iter().map(name).collect();
    items.into_iter().collect()
}

fn name(field: &Field<'_>) -> Option<String> {
    let name = field.resolved()?.text;
    if name.is_empty() {
        field.add("is empty", format!("{} = \"jobs\"", field.name()));
        return None;
    }
    Some(name)
}
