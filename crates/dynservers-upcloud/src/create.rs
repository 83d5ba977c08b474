//! The body of a create: a template made into a payload, with what makes the server ours written last.

use dynservers_core::{CreateFromSnapshot, Failure, Spec};
use dynservers_http::{Names, Reference, Secrets, Text, template};
use secrecy::ExposeSecret as _;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::labels;
use crate::template::{Template, is_uuid};

/// The most characters of a title.
const TITLE_MOST: usize = 255;

/// Makes the body of a create: `{"server": {..}}`.
///
/// In this order: what the template's keys ask for, its `configuration` merged over that, and last host name and
/// labels, which nothing can override.
pub(crate) fn body(create: &CreateFromSnapshot, secrets: &dyn Secrets) -> Result<Vec<u8>, Failure> {
    let template = of_spec(&create.spec)?;
    let names = Names::new(&create.name, &create.server_type, create.server);
    let rendering = Rendering { names: &names, secrets };
    let mut server = rendering.server(&template)?;
    template::merge(&mut server, rendering.configuration(&template.configuration)?);
    let labels = labels::with_ours(server.get("labels"), &create.labels)?;
    server["hostname"] = Value::String(names.hostname);
    server["labels"] = labels;
    serde_json::to_vec(&json!({ "server": server }))
        .map_err(|_| Failure::new("the specification cannot be written as JSON"))
}

/// Lists what a create reads from elsewhere, for [`dynservers_http::redact`].
pub(crate) fn references(create: &CreateFromSnapshot) -> Vec<Reference> {
    of_spec(&create.spec).map_or_else(|_| Vec::new(), |template| template.references())
}

fn of_spec(spec: &Spec) -> Result<Template, Failure> {
    // The decoder's own words may quote values, so they are not passed on.
    Template::deserialize(spec.body()).map_err(|_| {
        Failure::new("the specification is not one that this version of dynservers knows for UpCloud")
    })
}

struct Rendering<'a> {
    names: &'a Names,
    secrets: &'a dyn Secrets,
}

impl Rendering<'_> {
    fn text(&self, text: &Text) -> Result<String, Failure> {
        Ok(text.render(self.names, self.secrets)?.expose_secret().to_owned())
    }

    /// Renders key by key, since the map itself is never a reference, whatever its keys.
    fn configuration(&self, configuration: &Map<String, Value>) -> Result<Value, Failure> {
        let render = |(key, value): (&String, _)| {
            Ok((key.clone(), template::render(value, self.names, self.secrets)?.into_value()))
        };
        configuration.iter().map(render).collect::<Result<Map<_, _>, Failure>>().map(Value::Object)
    }

    fn server(&self, template: &Template) -> Result<Value, Failure> {
        let title = if self.names.name.is_empty() { &self.names.hostname } else { &self.names.name };
        let title: String = title.chars().take(TITLE_MOST).collect();
        let mut server = json!({
            "title": title,
            "zone": self.text(&template.zone)?,
            "plan": self.text(&template.plan)?,
            // Cloud-init templates need it, and user data is read through it.
            "metadata": "yes",
            // Otherwise UpCloud mails the account's owner for every server.
            "password_delivery": "none",
            "storage_devices": { "storage_device": [self.disk(template, &title)?] },
            "labels": { "label": self.labels(template)? },
        });
        let mut add = |key: &str, value: Value| server[key] = value;
        if let Some(user_data) = &template.user_data {
            add("user_data", self.text(user_data)?.into());
        }
        if !template.ssh_keys.is_empty() {
            let keys = template.ssh_keys.iter().map(|key| self.text(key)).collect::<Result<Vec<_>, _>>()?;
            add("login_user", json!({ "create_password": "no", "ssh_keys": { "ssh_key": keys } }));
        }
        if !template.networks.is_empty() {
            let interfaces = template
                .networks
                .iter()
                .map(|network| self.interface(network))
                .collect::<Result<Vec<_>, _>>()?;
            add("networking", json!({ "interfaces": { "interface": interfaces } }));
        }
        if let Some(group) = &template.server_group {
            add("server_group", self.text(group)?.into());
        }
        Ok(server)
    }

    fn disk(&self, template: &Template, title: &str) -> Result<Value, Failure> {
        let mut disk = Map::new();
        disk.insert("action".into(), "clone".into());
        disk.insert("storage".into(), self.text(&template.snapshot)?.into());
        disk.insert("title".into(), title.into());
        if let Some(tier) = &template.storage_tier {
            disk.insert("tier".into(), self.text(tier)?.into());
        }
        Ok(disk.into())
    }

    fn interface(&self, network: &Text) -> Result<Value, Failure> {
        let addresses = json!({ "ip_address": [{ "family": "IPv4" }] });
        match self.text(network)?.as_str() {
            kind @ ("public" | "utility") => Ok(json!({ "type": kind, "ip_addresses": addresses })),
            uuid if is_uuid(uuid) => {
                Ok(json!({ "type": "private", "network": uuid, "ip_addresses": addresses }))
            }
            _ => Err(Failure::new("networks: one is neither \"public\" nor \"utility\" nor a UUID")),
        }
    }

    fn labels(&self, template: &Template) -> Result<Vec<Value>, Failure> {
        template.labels.iter().map(|(key, value)| Ok(labels::label(key, &self.text(value)?))).collect()
    }
}
