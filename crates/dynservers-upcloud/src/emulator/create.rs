//! Creates: from an order to a server.

use std::time::Duration;

use http::StatusCode;

use super::cloud::Step;
use super::network;
use super::operations::{no_capacity, parsed};
use super::order::Order;
use super::problem::Problem;
use super::report::Created;
use super::server::{Disk, Server, State, Work};
use super::settings::{Account, Capacity, SnapshotFault};
use super::{Answer, Emulator};

impl Emulator {
    pub(super) fn create(&mut self, body: &[u8]) -> Result<Answer, Problem> {
        let body = parsed(body)?.ok_or_else(|| Problem::unknown_attribute("server"))?;
        let order = Order::read(&body, &self.settings)?;
        if self.settings.account == Account::Other {
            let wanted = body.pointer("/server/storage_devices/storage_device/0/storage");
            return Err(Problem::no_storage(wanted.and_then(|uuid| uuid.as_str()).unwrap_or_default()));
        }
        self.check_room(&order)?;
        let password_for = order.password_for.clone();
        let number = self.accept(order);
        let mut details = self.details(number);
        if let Some(username) = password_for {
            details["server"]["password"] = format!("{:016x}", self.random.next()).into();
            details["server"]["username"] = username.into();
        }
        let after = Duration::from_millis(self.settings.durations.create_answer);
        Ok(Answer { status: StatusCode::ACCEPTED, after, ..Answer::ok(details) })
    }

    fn check_room(&self, order: &Order) -> Result<(), Problem> {
        let limits = &self.settings.limits;
        let reached = |limit: Option<u64>, used: &dyn Fn() -> u64, more: u64| {
            limit.is_some_and(|limit| used() + more > limit)
        };
        let cores = || self.cloud.servers().map(|server| server.plan.cores).sum();
        let memory = || self.cloud.servers().map(|server| server.plan.memory).sum();
        let addresses =
            || self.cloud.servers().map(|server| network::public_addresses(&server.interfaces)).sum();
        let code = if reached(limits.creating, &|| self.cloud.creating(), 1) {
            "SERVER_CREATING_LIMIT_REACHED"
        } else if reached(limits.servers, &|| self.cloud.census.living, 1)
            || reached(limits.cores, &cores, order.plan.cores)
        {
            "SERVER_CORE_LIMIT_REACHED"
        } else if reached(limits.memory, &memory, order.plan.memory) {
            "SERVER_MEMORY_LIMIT_REACHED"
        } else if reached(limits.public_ipv4, &addresses, network::public_ipv4(&order.interfaces)) {
            "SERVER_IP_LIMIT_REACHED"
        } else if self.settings.capacity == Capacity::Exhausted
            || self.settings.full_plans.iter().any(|plan| plan == order.plan.name)
        {
            return Err(no_capacity());
        } else {
            return Ok(());
        };
        Err(Problem::forbidden(code, "The limit of the account has been reached."))
    }

    /// Makes the server, which exists from now on, whatever becomes of the answer.
    fn accept(&mut self, order: Order) -> u64 {
        let number = self.cloud.number();
        let now_millis = self.cloud.now_millis();
        let durations = &self.settings.durations;
        let takes = self.random.around(durations.create, durations.spread_percent);
        let disks: Vec<(String, Disk)> = order
            .disks
            .into_iter()
            .map(|disk| {
                let disk = Disk {
                    title: disk.title,
                    size: disk.size,
                    tier: disk.tier,
                    zone: order.zone.clone(),
                    server: Some(number),
                    left_millis: 0,
                };
                (self.random.uuid("01"), disk)
            })
            .collect();
        let server = Server {
            uuid: self.random.uuid("00"),
            title: order.title,
            hostname: order.hostname,
            zone: order.zone,
            plan: order.plan,
            labels: order.labels,
            state: State::Maintenance,
            work: Work::Creating,
            operation: 0,
            created_millis: now_millis,
            ready_millis: now_millis + takes,
            interfaces: network::attach(&order.interfaces, number),
            disks: disks.iter().map(|(uuid, _)| uuid.clone()).collect(),
            group: order.group,
            metadata: order.metadata,
            boots: 0,
            listed: false,
        };
        self.ledger.created.push(Created {
            at_millis: now_millis,
            uuid: server.uuid.clone(),
            title: server.title.clone(),
            labels: server.labels.iter().cloned().collect(),
        });
        self.cloud.add(number, server, disks, self.settings.list_lag_millis);
        let steps = self.ending(takes);
        self.cloud.operate(number, &steps);
        number
    }

    /// Gives how the create that was accepted last is to end.
    fn ending(&self, takes_millis: u64) -> Vec<Step> {
        let nth = self.ledger.created.len() as u64;
        let falls_on = |every: u32| every > 0 && nth.is_multiple_of(u64::from(every));
        let settings = &self.settings;
        if falls_on(settings.create_stuck_every) {
            return settings.create_stuck_millis.map(Step::booted).into_iter().collect();
        }
        if falls_on(settings.create_error_every) || settings.snapshot_fault == Some(SnapshotFault::Broken) {
            let mut steps = vec![Step::last(takes_millis, State::Error)];
            steps.extend(settings.error_heals_after_millis.map(|heals| Step::booted(takes_millis + heals)));
            return steps;
        }
        vec![Step::booted(takes_millis)]
    }
}
