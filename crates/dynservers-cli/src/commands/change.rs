//! Changes: `ensure`, `increase`, `decrease`, `override`, `reboot`, `protect`, `pause`, `takeover` and `resume`.

use std::time::Duration;

use dynservers_core::{Done, ServerId, TypeName};
use jiff::Timestamp;

use crate::api::client::Client;
use crate::api::wire::ProviderStatus;
use crate::args::Target;
use crate::commands::wait::{Waited, until_settled};
use crate::commands::{CommandError, emit};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::complain;
use crate::time::timestamp;

/// Something that the daemon is to change.
#[derive(Debug)]
pub(crate) enum Change {
    /// Sets how many servers there should be.
    Ensure(u32, Target),
    /// Wants more.
    Increase(u32, Target),
    /// Wants fewer.
    Decrease(u32, Target),
    /// Overrules the sources of a type, for a while or until that is ended.
    Overrule(u32, Option<Duration>, Target),
    /// Lets the sources of a type decide again.
    EndOverride(Target),
    /// Reboots every server of a type, at most so many at a time.
    Reboot(Option<u32>, Target),
    /// Protects a server, or ends that.
    Protect(ServerId, bool),
    /// Pauses creating, choosing servers to go, or both.
    Pause {
        /// Whether nothing is created.
        outward: bool,
        /// Whether nothing is chosen to go.
        inward: bool,
    },
    /// Takes over the servers of other owners.
    Takeover,
    /// Ends what is named; without anything named the pauses if there are any, else the holds.
    Resume {
        /// Whether the pause of creating ends.
        outward: bool,
        /// Whether the pause of choosing servers to go ends.
        inward: bool,
        /// Whether the holds end.
        holds: bool,
    },
}

impl Change {
    /// Says it to the daemon, tells what was answered, and waits for it if that is wished.
    pub(crate) async fn carry_out(self, site: &Site) -> Result<Exit, CommandError> {
        let client = site.client();
        let (done, target) = match self {
            Self::Ensure(count, target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.ensure(&server_type, count).await?, Some((server_type, target)))
            }
            Self::Increase(by, target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.increase(&server_type, by).await?, Some((server_type, target)))
            }
            Self::Decrease(by, target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.decrease(&server_type, by).await?, Some((server_type, target)))
            }
            Self::Overrule(count, lasting, target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.overrule(&server_type, count, lasting).await?, Some((server_type, target)))
            }
            Self::EndOverride(target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.end_override(&server_type).await?, Some((server_type, target)))
            }
            Self::Reboot(at_a_time, target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.reboot(&server_type, at_a_time).await?, Some((server_type, target)))
            }
            Self::Protect(server, protected) => (client.protect(server, protected).await?, None),
            Self::Pause { outward, inward } => {
                // Nothing named is everything.
                let both = outward == inward;
                (client.pause(outward || both, inward || both).await?, None)
            }
            Self::Takeover => (client.takeover().await?, None),
            Self::Resume { outward, inward, holds } => return resume(&client, outward, inward, holds).await,
        };
        emit(&format!("{}\n", sentence(&done)))?;
        match target {
            Some((server_type, target)) if target.wait => {
                report(&until_settled(&client, &server_type, target.timeout).await?, &server_type, &target)
            }
            Some(_) | None => Ok(Exit::Done),
        }
    }
}

/// Ends what is named; without anything named the pauses if there are any, else the holds.
async fn resume(client: &Client, outward: bool, inward: bool, holds: bool) -> Result<Exit, CommandError> {
    let before = client.status().await?;
    let is_named = outward || inward || holds;
    let is_paused = before.paused_out || before.paused_in;
    if outward || inward || (!is_named && is_paused) {
        let done = client.unpause(outward || !is_named, inward || !is_named).await?;
        emit(&format!("{}\n", sentence(&done)))?;
    }
    if holds || (!is_named && !is_paused) {
        emit(&format!("{}\n", sentence(&client.resume().await?)))?;
    } else {
        let held = |provider: &&ProviderStatus| provider.hold.is_some() || provider.second_controller;
        let held = before.providers.values().filter(held).count();
        if held > 0 {
            let (providers, are) = if held == 1 { ("provider", "is") } else { ("providers", "are") };
            emit(&format!(
                "{held} {providers} {are} still held: see `dynservers status`, then say `dynservers resume --holds`.\n"
            ))?;
        }
    }
    Ok(Exit::Done)
}

fn report(waited: &Waited, server_type: &TypeName, target: &Target) -> Result<Exit, CommandError> {
    match waited {
        Waited::Settled(reached) => {
            emit(&format!("{server_type}: {reached}\n"))?;
            Ok(Exit::Done)
        }
        Waited::TimedOut { reached, alarms } => {
            complain(format_args!("{server_type}: not there after {:?}: {reached}", target.timeout));
            for alarm in alarms {
                complain(alarm);
            }
            Ok(Exit::TimedOut)
        }
    }
}

/// Says what a command did.
fn sentence(done: &Done) -> String {
    match done {
        Done::Desired { server_type, before, requested, desired } => {
            let before = match before {
                Some(before) if before == desired => ", as before".to_owned(),
                Some(before) => format!(", {before} before"),
                None => String::new(),
            };
            let clamped = match requested.cmp(desired) {
                std::cmp::Ordering::Equal => String::new(),
                std::cmp::Ordering::Greater => format!(" ({requested} is more than its max allows)"),
                std::cmp::Ordering::Less => format!(" ({requested} is less than its min allows)"),
            };
            format!("{server_type}: {} wanted{before}{clamped}", servers(*desired))
        }
        Done::Rebooting { server_type, servers: count } => {
            format!("{server_type}: {} to be rebooted", servers(*count))
        }
        Done::Overridden { server_type, count: Some(count), until, .. } => {
            let until = until.map(timestamp).map_or_else(
                || format!(" until `dynservers override --end --type {server_type}`"),
                |until| format!(" until {}", moment(until)),
            );
            format!("{server_type}: {} wanted, whatever its sources say,{until}", servers(*count))
        }
        Done::Overridden { server_type, count: None, .. } => {
            format!("{server_type}: its sources decide again")
        }
        Done::Protected { server, protected: true } => format!("Server {server} is not chosen to go."),
        Done::Protected { server, protected: false } => format!("Server {server} may be chosen to go."),
        Done::Paused { out, inward } => match (out, inward) {
            (true, true) => "No server is made, and none is chosen to go.",
            (true, false) => "No server is made.",
            (false, true) => "No server is chosen to go.",
            (false, false) => "Nothing is paused.",
        }
        .to_owned(),
        Done::TakenOver { servers: 0 } => "No servers of other owners are held.".to_owned(),
        Done::TakenOver { servers: count } => format!("{} taken over", servers(*count)),
        Done::Resumed { providers: 0 } => "Nothing was held.".to_owned(),
        Done::Resumed { providers: 1 } => "The hold of 1 provider is over.".to_owned(),
        Done::Resumed { providers } => format!("The holds of {providers} providers are over."),
        _ => "Done.".to_owned(),
    }
}

fn moment(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn servers(count: u32) -> String {
    if count == 1 { "1 server".to_owned() } else { format!("{count} servers") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_was_clamped_is_told() {
        let told = |before, requested, desired| {
            let server_type = TypeName::new("web").unwrap();
            sentence(&Done::Desired { server_type, before, requested, desired })
        };
        assert_eq!(told(None, 5, 5), "web: 5 servers wanted");
        assert_eq!(told(Some(3), 1, 1), "web: 1 server wanted, 3 before");
        assert_eq!(told(Some(3), 3, 3), "web: 3 servers wanted, as before");
        assert_eq!(
            told(Some(3), 30, 20),
            "web: 20 servers wanted, 3 before (30 is more than its max allows)"
        );
        assert_eq!(told(None, 0, 2), "web: 2 servers wanted (0 is less than its min allows)");
    }

    #[test]
    fn what_was_done_is_told() {
        assert_eq!(sentence(&Done::TakenOver { servers: 2 }), "2 servers taken over");
        assert_eq!(sentence(&Done::TakenOver { servers: 0 }), "No servers of other owners are held.");
        assert_eq!(sentence(&Done::Resumed { providers: 0 }), "Nothing was held.");
        let server_type = TypeName::new("web").unwrap();
        assert_eq!(
            sentence(&Done::Rebooting { server_type: server_type.clone(), servers: 1 }),
            "web: 1 server to be rebooted"
        );
        let overridden = |count, until: Option<u64>| {
            let until = until.map(dynservers_core::Time::from_millis);
            sentence(&Done::Overridden { server_type: server_type.clone(), count, until, desired: count })
        };
        assert_eq!(
            overridden(Some(5), Some(1_750_000_000_000)),
            "web: 5 servers wanted, whatever its sources say, until 2025-06-15 15:06:40 UTC"
        );
        assert_eq!(
            overridden(Some(1), None),
            "web: 1 server wanted, whatever its sources say, until `dynservers override --end --type web`"
        );
        assert_eq!(overridden(None, None), "web: its sources decide again");
        let protected = |protected| sentence(&Done::Protected { server: ServerId(3), protected });
        assert_eq!(protected(true), "Server 3 is not chosen to go.");
        assert_eq!(protected(false), "Server 3 may be chosen to go.");
        let paused = |out, inward| sentence(&Done::Paused { out, inward });
        assert_eq!(paused(true, true), "No server is made, and none is chosen to go.");
        assert_eq!(paused(false, false), "Nothing is paused.");
    }
}
