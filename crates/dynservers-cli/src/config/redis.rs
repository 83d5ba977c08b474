//! `kind = "redis"` of a source: which queues in a Redis are counted.

use std::path::PathBuf;
use std::time::Duration;

use dynservers_demand::redis::{InvalidRedis, Login, Queue, Redis};

use super::field::Field;
use super::reader::Section;

/// Queues in a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedisSettings {
    /// Its address, without credentials.
    pub(crate) address: String,
    /// Who logs in.
    pub(crate) login: Login,
    /// Whether it may be spoken to in the clear although it is another machine.
    pub(crate) plain: bool,
    /// Whose certificates alone are trusted, in place of what the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// What is counted.
    pub(crate) queues: Vec<Queue>,
    /// How long the answer may take.
    pub(crate) timeout: Duration,
}

/// The keys that such a source has, and those of other kinds have not.
pub(super) const KEYS: &[&str] = &[
    "url",
    "username",
    "password",
    "plain_redis",
    "ca_file",
    "list",
    "sorted_set",
    "stream",
    "group",
    "preset",
    "queues",
    "prefix",
];
const WHAT_HELP: &str = "list = \"jobs\", or sorted_set, or stream with group, or preset = \"laravel\" with queues = [\"default\"]";
const QUEUES_MOST: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Preset {
    Laravel,
    Sidekiq,
    BullMq,
}

const PRESETS: [(&str, Preset); 3] =
    [("laravel", Preset::Laravel), ("sidekiq", Preset::Sidekiq), ("bullmq", Preset::BullMq)];

impl RedisSettings {
    /// Makes the source.
    pub(crate) fn source(&self) -> Result<Redis, InvalidRedis> {
        let Self { address, login, plain, ca_file, queues, timeout } = self;
        let redis = Redis::new(address, login.clone(), *plain, queues.clone(), *timeout)?;
        match ca_file {
            Some(file) => redis.trusting(file.clone()),
            None => Ok(redis),
        }
    }
}

pub(super) fn read(section: &mut Section<'_>, timeout: Option<Duration>) -> Option<RedisSettings> {
    let url = section.required("url", "url = \"redis://127.0.0.1:6379/0\", or rediss:// with TLS");
    let username = section.get("username").map(|field| field.text());
    let password = section.get("password").map(|field| field.secret("REDIS_PASSWORD"));
    let plain = section.get("plain_redis").and_then(|field| field.boolean()).unwrap_or_default();
    let ca_file = section.get("ca_file").map_or(Some(None), |field| field.path().map(Some));
    let queues = queues(section);
    let login = Login {
        username: username.map_or(Some(None), |username| username.map(Some))?,
        password: password.map_or(Some(None), |password| password.map(|password| Some(password.into())))?,
    };
    let (url, ca_file, queues, timeout) = (url?, ca_file?, queues?, timeout?);
    let address = url.resolved()?;
    let settings = RedisSettings { address: address.text, login, plain, ca_file, queues, timeout };
    let Err(error) = settings.source() else { return Some(settings) };
    match error {
        InvalidRedis::Credentials => {
            let help = "username = \"...\" and password = { env = \"REDIS_PASSWORD\" }, beside it";
            url.add_hidden("holds a user or a password, which must not be written here", help);
        }
        InvalidRedis::Plain { .. } => {
            url.add(
                "is another machine, and redis:// sends everything in the clear",
                "rediss://, or plain_redis = true in a network of your own",
            );
        }
        _ => url.add_hidden(error.to_string(), "url = \"redis://127.0.0.1:6379/0\""),
    }
    None
}

/// Reads which keys are counted: one by its kind, or queues as a framework keeps them.
fn queues(section: &mut Section<'_>) -> Option<Vec<Queue>> {
    let [list, sorted_set, stream, preset] =
        ["list", "sorted_set", "stream", "preset"].map(|key| section.get(key));
    let [group, names, prefix] = ["group", "queues", "prefix"].map(|key| section.get(key));
    let given: Vec<&Field<'_>> = [&list, &sorted_set, &stream, &preset].into_iter().flatten().collect();
    match given.as_slice() {
        [] => {
            section.required("list", WHAT_HELP);
            return None;
        }
        [first, others @ ..] => {
            for other in others {
                other.add(format!("stands beside {}", first.name()), "make a source of its own of it");
            }
        }
    }
    let is_preset = preset.is_some();
    if stream.is_none()
        && let Some(group) = &group
    {
        group.add("belongs to a stream", "remove it");
    }
    for field in [&names, &prefix].into_iter().flatten().filter(|_| !is_preset) {
        field.add("belongs to a preset", "remove it, or say preset = \"laravel\"");
    }
    if let Some(list) = list {
        return Some(vec![Queue::List { key: key(&list)? }]);
    }
    if let Some(set) = sorted_set {
        return Some(vec![Queue::SortedSet { key: key(&set)? }]);
    }
    if let Some(stream) = stream {
        let group = group.or_else(|| section.required("group", "group = \"workers\": who reads the stream"));
        return Some(vec![Queue::Stream { key: key(&stream)?, group: key(&group?)? }]);
    }
    let (_, preset) = preset?.choice(&PRESETS.map(|(word, preset)| (word, (word, preset))))?;
    let names = names.or_else(|| section.required("queues", "queues = [\"default\"]"))?;
    let items = names.items()?;
    if items.is_empty() || items.len() > QUEUES_MOST {
        names.add(format!("names {} queues", items.len()), format!("name 1 to {QUEUES_MOST}"));
        return None;
    }
    let items: Vec<Option<String>> = items.iter().map(key).collect();
    let items = items.into_iter().collect::<Option<Vec<String>>>()?;
    let prefix = self::prefix(section, preset, prefix)?;
    let queue = |queue: String| match preset {
        Preset::Laravel => Queue::Laravel { prefix: prefix.clone(), queue },
        Preset::Sidekiq => Queue::Sidekiq { queue },
        Preset::BullMq => Queue::BullMq { prefix: prefix.clone(), queue },
    };
    Some(items.into_iter().map(queue).collect())
}

/// Reads what stands before every key. Laravel's follows from the application's name, and a wrong one would read as no work:
/// so it must be said.
fn prefix(section: &mut Section<'_>, preset: Preset, given: Option<Field<'_>>) -> Option<String> {
    match (preset, given) {
        (Preset::Sidekiq, Some(prefix)) => {
            prefix.add("is not Sidekiq's: its keys have none", "remove it");
            None
        }
        (Preset::Laravel | Preset::BullMq, Some(prefix)) => prefix.resolved().map(|prefix| prefix.text),
        (Preset::Laravel, None) => {
            let help =
                "prefix = \"laravel_database_\": what `php artisan config:show database.redis.options` tells";
            section.required("prefix", help);
            None
        }
        (Preset::Sidekiq, None) => Some(String::new()),
        (Preset::BullMq, None) => Some("bull".to_owned()),
    }
}

fn key(field: &Field<'_>) -> Option<String> {
    let key = field.resolved()?.text;
    if key.is_empty() {
        field.add("is empty", format!("{} = \"jobs\"", field.name()));
        return None;
    }
    Some(key)
}
