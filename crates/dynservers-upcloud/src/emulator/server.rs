//! A server as the provider keeps it, and as it writes it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalog::Plan;
use super::labels::{self, Labels};
use super::network::{self, Interface};

/// What a server can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// On its way to another state.
    Maintenance,
    /// Powered on.
    Started,
    /// Powered off.
    Stopped,
    /// Broken, by a fault of the provider's.
    Error,
    /// About to be deleted: declared, and never seen.
    PendingDelete,
    /// Something that no documentation names.
    Unheard,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Error => "error",
            Self::PendingDelete => "pending_delete",
            Self::Unheard => "unheard",
        }
    }
}

/// What runs on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing.
    Idle,
    /// The create, still.
    Creating,
    /// Any other operation.
    Operating,
}

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) uuid: String,
    pub(super) title: String,
    pub(super) hostname: String,
    pub(super) zone: String,
    pub(super) plan: &'static Plan,
    pub(super) labels: Labels,
    pub(super) state: State,
    /// What runs, though the state may not show it yet.
    pub(super) work: Work,
    /// Counts operations, so that what an earlier one had planned is not carried out.
    pub(super) operation: u64,
    pub(super) created_millis: u64,
    /// When the create is to be over; what a stuck one shows as its progress is measured by it, too.
    pub(super) ready_millis: u64,
    pub(super) interfaces: Vec<Interface>,
    /// The UUIDs of its disks, the one that it boots from first.
    pub(super) disks: Vec<String>,
    pub(super) group: Option<String>,
    pub(super) metadata: bool,
    /// How often it has booted.
    pub(super) boots: u64,
    /// Whether listings show it.
    pub(super) listed: bool,
}

/// A disk.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) title: String,
    pub(super) size: u64,
    pub(super) tier: &'static str,
    pub(super) zone: String,
    /// The number of the server that it belongs to; none means that it was left behind.
    pub(super) server: Option<u64>,
    /// When it was left behind.
    pub(super) left_millis: u64,
}

impl Server {
    pub(super) fn is_busy(&self) -> bool {
        self.work != Work::Idle
    }

    /// Writes what a listing shows: no addresses, no devices, no networking.
    pub(super) fn write_summary(&self, epoch_seconds: u64) -> Value {
        json!({
            "core_number": self.plan.cores.to_string(),
            "created": epoch_seconds + self.created_millis / 1_000,
            "host": 7_653_311_107_u64,
            "hostname": self.hostname,
            "labels": labels::write(&self.labels),
            "license": 0,
            "memory_amount": self.plan.memory.to_string(),
            "plan": self.plan.name,
            "plan_ipv4_bytes": "0",
            "plan_ipv6_bytes": "0",
            "server_group": self.group,
            "simple_backup": "no",
            "state": self.state.as_str(),
            "tags": {"tag": []},
            "title": self.title,
            "uuid": self.uuid,
            "zone": self.zone,
        })
    }

    /// Writes everything.
    pub(super) fn write_details<'a>(
        &'a self,
        epoch_seconds: u64,
        now_millis: u64,
        disk: impl Fn(&str) -> Option<&'a Disk>,
    ) -> Value {
        let mut details = self.write_summary(epoch_seconds);
        let disks = self.disks.iter().enumerate();
        let devices: Vec<Value> =
            disks.filter_map(|(place, uuid)| Some(write_device(place, uuid, disk(uuid)?))).collect();
        let more = json!({
            "boot_order": "disk",
            "firewall": "off",
            "ip_addresses": network::write_addresses(&self.interfaces),
            "metadata": if self.metadata { "yes" } else { "no" },
            "networking": network::write_networking(&self.interfaces),
            "nic_model": "virtio",
            "remote_access_enabled": "no",
            "remote_access_type": "vnc",
            "storage_devices": {"storage_device": devices},
            "timezone": "UTC",
            "video_model": "vga",
        });
        if let (Value::Object(details), Value::Object(more)) = (&mut details, more) {
            details.extend(more);
            if self.state != State::Started {
                // A server that runs nowhere has no host, as in the recordings.
                details.remove("host");
            }
            if let Some(progress) = self.progress(now_millis) {
                details.insert("progress".to_owned(), progress.to_string().into());
            }
        }
        details
    }

    /// Gives the progress of a create, which stops being told well before the end, as it was recorded.
    fn progress(&self, now_millis: u64) -> Option<u64> {
        if self.work != Work::Creating {
            return None;
        }
        let whole = self.ready_millis.saturating_sub(self.created_millis).max(1);
        match now_millis.saturating_sub(self.created_millis).saturating_mul(100) / whole {
            share @ 0..23 => Some(share * 85 / 23),
            23..38 => Some(85),
            38..60 => Some(95),
            _ => None,
        }
    }
}

fn write_device(place: usize, uuid: &str, disk: &Disk) -> Value {
    json!({
        "address": format!("virtio:{place}"),
        "boot_disk": if place == 0 { "1" } else { "0" },
        "labels": [],
        "part_of_plan": "yes",
        "storage": uuid,
        "storage_encrypted": "no",
        "storage_size": disk.size,
        "storage_tier": disk.tier,
        "storage_title": disk.title,
        "type": "disk",
    })
}
