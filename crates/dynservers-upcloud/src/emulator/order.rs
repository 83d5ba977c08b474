//! A create as it was asked for, checked attribute by attribute.

use serde_json::Value;

use super::attributes::Attributes;
use super::catalog::{self, Plan};
use super::labels::{self, Labels};
use super::network::{self, Wanted};
use super::problem::Problem;
use super::random::is_uuid;
use super::settings::{Settings, Snapshot, SnapshotFault};

/// A create that the provider would take, if it has room for it.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) title: String,
    pub(super) hostname: String,
    pub(super) zone: String,
    pub(super) plan: &'static Plan,
    pub(super) labels: Labels,
    pub(super) interfaces: Vec<Wanted>,
    pub(super) disks: Vec<NewDisk>,
    pub(super) group: Option<String>,
    pub(super) metadata: bool,
    /// The user whose password is to be made and shown once.
    pub(super) password_for: Option<String>,
}

/// A disk that a create makes.
#[derive(Clone, Debug)]
pub(super) struct NewDisk {
    pub(super) title: String,
    pub(super) size: u64,
    pub(super) tier: &'static str,
}

const KNOWN: [&str; 27] = [
    "avoid_host",
    "boot_order",
    "core_number",
    "firewall",
    "host",
    "hostname",
    "hot_resize",
    "labels",
    "login_user",
    "memory_amount",
    "metadata",
    "networking",
    "nic_model",
    "password_delivery",
    "plan",
    "remote_access_enabled",
    "remote_access_password",
    "remote_access_type",
    "server_group",
    "simple_backup",
    "storage_devices",
    "tags",
    "timezone",
    "title",
    "user_data",
    "video_model",
    "zone",
];
const TIERS: [&str; 3] = ["maxiops", "standard", "hdd"];
const MOST_DISKS: usize = 16;

impl Order {
    /// Reads the body of a create.
    pub(super) fn read(body: &Value, settings: &Settings) -> Result<Self, Problem> {
        let server = Attributes::wrapped(body, "server")?;
        let server = Attributes::of(&server, "server", &KNOWN)?;
        let hostname =
            read_hostname(server)?.ok_or_else(|| Problem::missing("HOSTNAME_MISSING", "hostname"))?;
        let title = read_title(server)?.ok_or_else(|| Problem::missing("SERVER_TITLE_MISSING", "title"))?;
        let zone = read_zone(server)?;
        let plan = read_plan(server)?;
        let labels = server.get("labels").map(labels::read).transpose()?.unwrap_or_default();
        let interfaces = server.get("networking").map(network::read).transpose()?;
        let metadata = server
            .one_of("metadata", "METADATA_INVALID", &["yes", "no"])?
            .is_some_and(|value| value == "yes");
        let deliveries = ["none", "email", "sms"];
        server.one_of("password_delivery", "PASSWORD_DELIVERY_INVALID", &deliveries)?;
        server.text("user_data", "USER_DATA_INVALID")?;
        let devices = Devices { settings, zone: &zone, plan, metadata };
        Ok(Self {
            disks: devices.read(server)?,
            password_for: read_login(server)?,
            group: server.text("server_group", "GROUP_INVALID")?.map(ToOwned::to_owned),
            interfaces: interfaces.unwrap_or_else(network::default_interfaces),
            title: title.to_owned(),
            hostname: hostname.to_owned(),
            zone,
            plan,
            labels,
            metadata,
        })
    }
}

/// Reads a name of the domain name system, in which underscores are invalid.
pub(super) fn read_hostname(server: Attributes<'_>) -> Result<Option<&str>, Problem> {
    let hostname = server.text("hostname", "HOSTNAME_INVALID")?;
    let is_part = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match hostname {
        Some(name) if name.len() > 128 || !name.split('.').all(is_part) => {
            Err(Problem::invalid("HOSTNAME_INVALID", format!("The hostname {name:?} is invalid.")))
        }
        _ => Ok(hostname),
    }
}

pub(super) fn read_title(server: Attributes<'_>) -> Result<Option<&str>, Problem> {
    match server.text("title", "SERVER_TITLE_INVALID")? {
        Some(title) if !(1..=255).contains(&title.chars().count()) => {
            Err(Problem::invalid("SERVER_TITLE_INVALID", "The title must have 1 to 255 characters."))
        }
        title => Ok(title),
    }
}

fn read_zone(server: Attributes<'_>) -> Result<String, Problem> {
    match server.text("zone", "ZONE_INVALID")? {
        None => Err(Problem::missing("ZONE_MISSING", "zone")),
        Some(zone) if catalog::is_zone(zone) => Ok(zone.to_owned()),
        Some(zone) => Err(Problem::not_found("ZONE_NOT_FOUND", format!("The zone {zone} does not exist."))),
    }
}

/// Reads the plan. Code and status for an unknown name are not known of the real one.
pub(super) fn read_plan(server: Attributes<'_>) -> Result<&'static Plan, Problem> {
    let name = server.text("plan", "PLAN_INVALID")?.unwrap_or("custom");
    let unknown = || Problem::invalid("PLAN_INVALID", format!("The plan {name} does not exist."));
    let plan = catalog::plan_named(name).ok_or_else(unknown)?;
    let agrees = |key, code, value| Ok(server.number(key, code)?.is_none_or(|given| given == value));
    if !agrees("core_number", "CORE_NUMBER_INVALID", plan.cores)? {
        return Err(Problem::forbidden("PLAN_CORE_NUMBER_ILLEGAL", "The plan has another number of cores."));
    }
    if !agrees("memory_amount", "MEMORY_AMOUNT_INVALID", plan.memory)? {
        return Err(Problem::forbidden("PLAN_MEMORY_AMOUNT_ILLEGAL", "The plan has another memory amount."));
    }
    Ok(plan)
}

/// Gives the user for whom a password is to be made, if one was asked for.
fn read_login(server: Attributes<'_>) -> Result<Option<String>, Problem> {
    let Some(value) = server.get("login_user") else { return Ok(None) };
    let login = Attributes::of(value, "login_user", &["username", "create_password", "ssh_keys"])?;
    let username = login.text("username", "INVALID_USERNAME")?.unwrap_or("root");
    if let Some(keys) = login.get("ssh_keys") {
        Attributes::list(keys, "ssh_keys", "ssh_key")?;
    }
    let create = login.one_of("create_password", "CREATE_PASSWORD_INVALID", &["yes", "no"])?;
    Ok((create == Some("yes")).then(|| username.to_owned()))
}

/// What storage devices are checked against.
struct Devices<'a> {
    settings: &'a Settings,
    zone: &'a str,
    plan: &'a Plan,
    metadata: bool,
}

impl Devices<'_> {
    fn read(&self, server: Attributes<'_>) -> Result<Vec<NewDisk>, Problem> {
        let missing = || Problem::missing("STORAGE_DEVICES_MISSING", "storage_devices");
        let value = server.get("storage_devices").ok_or_else(missing)?;
        let devices = Attributes::list(value, "storage_devices", "storage_device")?;
        if devices.is_empty() {
            return Err(missing());
        }
        if devices.len() > MOST_DISKS {
            let message = format!("A server has {MOST_DISKS} storage devices at most.");
            return Err(Problem::conflict("STORAGE_DEVICE_LIMIT_REACHED", message));
        }
        devices.iter().map(|device| self.device(device)).collect()
    }

    fn device(&self, value: &Value) -> Result<NewDisk, Problem> {
        const KNOWN: [&str; 11] = [
            "action",
            "address",
            "backup_rule",
            "boot_disk",
            "encrypted",
            "labels",
            "size",
            "storage",
            "tier",
            "title",
            "type",
        ];
        let device = Attributes::of(value, "storage_device", &KNOWN)?;
        let action = device.one_of("action", "ACTION_INVALID", &["create", "clone", "attach"])?;
        let action = action.ok_or_else(|| Problem::missing("ACTION_MISSING", "action"))?;
        let tier = device.one_of("tier", "TIER_INVALID", &TIERS)?.unwrap_or("maxiops");
        let title = device.text("title", "STORAGE_TITLE_INVALID")?.unwrap_or("Storage").to_owned();
        let size = device.number("size", "SIZE_INVALID")?;
        let least = match action {
            "create" => None,
            _ => Some(self.source(device)?.size),
        };
        let size = match (size, least) {
            (Some(size), Some(least)) if size < least => {
                let message = format!("The size is smaller than the source, which has {least} GiB.");
                return Err(Problem::invalid("SIZE_INVALID", message));
            }
            (Some(size), _) => size,
            (None, Some(least)) => least.max(self.plan.storage),
            (None, None) => return Err(Problem::missing("SIZE_MISSING", "size")),
        };
        let tier = TIERS.iter().find(|known| **known == tier).copied().unwrap_or("maxiops");
        Ok(NewDisk { title, size, tier })
    }

    /// Finds the storage to clone.
    fn source(&self, device: Attributes<'_>) -> Result<&Snapshot, Problem> {
        let uuid = device.text("storage", "STORAGE_INVALID")?;
        let uuid = uuid.ok_or_else(|| Problem::missing("STORAGE_MISSING", "storage"))?;
        if !is_uuid(uuid, "01") {
            return Err(Problem::invalid("STORAGE_INVALID", "The storage UUID is invalid."));
        }
        let fault = self.settings.snapshot_fault;
        let found = self.settings.snapshots.iter().find(|snapshot| snapshot.uuid == uuid);
        let snapshot = found
            .filter(|_| fault != Some(SnapshotFault::Missing))
            .ok_or_else(|| Problem::no_storage(uuid))?;
        if fault == Some(SnapshotFault::Busy) {
            let message =
                format!("The operation is not allowed while the storage {uuid} is in state 'maintenance'.");
            return Err(Problem::conflict("STORAGE_STATE_ILLEGAL", message));
        }
        if snapshot.zone.as_deref().is_some_and(|zone| zone != self.zone) {
            return Err(Problem::conflict(
                "ZONE_MISMATCH",
                format!("The storage {uuid} is in another zone."),
            ));
        }
        if snapshot.cloud_init && !self.metadata {
            let message = "Metadata cannot be off with a cloud-init template.";
            return Err(Problem::conflict("METADATA_DISABLED_ON_CLOUD-INIT", message));
        }
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body() -> Value {
        json!({"server": {
            "hostname": "worker-1.example",
            "title": "worker 1",
            "zone": "de-fra1",
            "plan": "2xCPU-4GB",
            "metadata": "yes",
            "password_delivery": "none",
            "storage_devices": {"storage_device": [
                {"action": "clone", "storage": Snapshot::CUSTOM_IMAGE, "title": "disk", "tier": "maxiops"},
            ]},
        }})
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut body = body();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let object = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            object.remove(key);
        } else {
            object.insert(key.to_owned(), value);
        }
        body
    }

    fn refusal(body: &Value, settings: &Settings) -> (u16, &'static str) {
        let problem = Order::read(body, settings).unwrap_err();
        (problem.status.as_u16(), problem.code)
    }

    #[test]
    fn a_good_order_is_taken_with_the_defaults() {
        let order = Order::read(&body(), &Settings::default()).unwrap();
        assert_eq!((order.plan.cores, order.disks[0].size, order.interfaces.len()), (2, 80, 2));
        assert!(order.metadata && order.password_for.is_none());
    }

    #[test]
    fn each_wrong_attribute_has_its_own_refusal() {
        let device = "/server/storage_devices/storage_device/0";
        let unknown = "01ffffff-0000-4000-8000-000000000000";
        let ubuntu = "01000000-0000-4000-8000-000030240200";
        let cases = [
            ("/server/hostname", Value::Null, 400, "HOSTNAME_MISSING"),
            ("/server/hostname", json!("a_b"), 400, "HOSTNAME_INVALID"),
            ("/server/hostname", json!("a".repeat(64)), 400, "HOSTNAME_INVALID"),
            ("/server/hostname", json!(1), 400, "HOSTNAME_INVALID"),
            ("/server/title", Value::Null, 400, "SERVER_TITLE_MISSING"),
            ("/server/title", json!(""), 400, "SERVER_TITLE_INVALID"),
            ("/server/zone", Value::Null, 400, "ZONE_MISSING"),
            ("/server/zone", json!("xx-yyy9"), 404, "ZONE_NOT_FOUND"),
            ("/server/plan", json!("9xCPU-9GB"), 400, "PLAN_INVALID"),
            ("/server/core_number", json!("3"), 403, "PLAN_CORE_NUMBER_ILLEGAL"),
            ("/server/memory_amount", json!(1), 403, "PLAN_MEMORY_AMOUNT_ILLEGAL"),
            ("/server/metadata", json!(true), 400, "METADATA_INVALID"),
            ("/server/user_data", json!({}), 400, "USER_DATA_INVALID"),
            ("/server/password_delivery", json!("fax"), 400, "PASSWORD_DELIVERY_INVALID"),
            ("/server/login_user", json!({"create_password": true}), 400, "CREATE_PASSWORD_INVALID"),
            ("/server/login_user", json!({"ssh_keys": ["key"]}), 400, "UNKNOWN_ATTRIBUTE"),
            ("/server/colour", json!("red"), 400, "UNKNOWN_ATTRIBUTE"),
            ("/server/labels", json!([]), 400, "UNKNOWN_ATTRIBUTE"),
            ("/server/storage_devices", Value::Null, 400, "STORAGE_DEVICES_MISSING"),
            ("/server/storage_devices", json!({"storage_device": []}), 400, "STORAGE_DEVICES_MISSING"),
            ("/server/storage_devices", json!([]), 400, "UNKNOWN_ATTRIBUTE"),
        ];
        for (pointer, value, status, code) in cases {
            let body = with(pointer, value.clone());
            assert_eq!(refusal(&body, &Settings::default()), (status, code), "{pointer} {value}");
        }
        let cases = [
            ("action", Value::Null, 400, "ACTION_MISSING"),
            ("action", json!("copy"), 400, "ACTION_INVALID"),
            ("storage", Value::Null, 400, "STORAGE_MISSING"),
            ("storage", json!("debian"), 400, "STORAGE_INVALID"),
            ("storage", json!(unknown), 404, "STORAGE_NOT_FOUND"),
            ("tier", json!("gold"), 400, "TIER_INVALID"),
            ("size", json!(9), 400, "SIZE_INVALID"),
            ("size", json!("big"), 400, "SIZE_INVALID"),
            ("colour", json!("red"), 400, "UNKNOWN_ATTRIBUTE"),
        ];
        for (key, value, status, code) in cases {
            let body = with(&format!("{device}/{key}"), value.clone());
            assert_eq!(refusal(&body, &Settings::default()), (status, code), "{key} {value}");
        }
        let mut cloud_init = with(&format!("{device}/storage"), json!(ubuntu));
        assert!(Order::read(&cloud_init, &Settings::default()).is_ok());
        cloud_init["server"]["metadata"] = json!("no");
        assert_eq!(refusal(&cloud_init, &Settings::default()), (409, "METADATA_DISABLED_ON_CLOUD-INIT"));
        for bare in [json!({"hostname": "a"}), json!([]), json!({"server": 1}), json!({})] {
            assert_eq!(refusal(&bare, &Settings::default()), (400, "UNKNOWN_ATTRIBUTE"), "{bare}");
        }
    }

    #[test]
    fn snapshots_can_be_missing_busy_or_elsewhere() {
        let with = |fault| Settings { snapshot_fault: Some(fault), ..Settings::default() };
        assert_eq!(refusal(&body(), &with(SnapshotFault::Missing)), (404, "STORAGE_NOT_FOUND"));
        assert_eq!(refusal(&body(), &with(SnapshotFault::Busy)), (409, "STORAGE_STATE_ILLEGAL"));
        assert!(Order::read(&body(), &with(SnapshotFault::Broken)).is_ok());
        let elsewhere = Snapshot { zone: Some("fi-hel1".into()), ..Snapshot::new(Snapshot::CUSTOM_IMAGE) };
        let settings = Settings { snapshots: vec![elsewhere], ..Settings::default() };
        assert_eq!(refusal(&body(), &settings), (409, "ZONE_MISMATCH"));
    }
}
