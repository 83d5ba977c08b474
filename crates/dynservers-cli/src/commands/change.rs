//! Changes: `ensure`, `increase`, `decrease`, `reboot`, `takeover` and `resume`.

use dynservers_core::{Done, TypeName};

use crate::args::Target;
use crate::commands::wait::{Waited, until_settled};
use crate::commands::{CommandError, emit};
use crate::exit::Exit;
use crate::site::Site;
use crate::terminal::complain;

/// Something that the daemon is to change.
#[derive(Debug)]
pub(crate) enum Change {
    /// Sets how many servers there should be.
    Ensure(u32, Target),
    /// Wants more.
    Increase(u32, Target),
    /// Wants fewer.
    Decrease(u32, Target),
    /// Reboots every server of a type.
    Reboot(Target),
    /// Takes over the servers of other owners.
    Takeover,
    /// Ends the holds.
    Resume,
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
            Self::Reboot(target) => {
                let server_type = site.server_type(target.server_type.clone())?;
                (client.reboot(&server_type).await?, Some((server_type, target)))
            }
            Self::Takeover => (client.takeover().await?, None),
            Self::Resume => (client.resume().await?, None),
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
        Done::TakenOver { servers: 0 } => "No servers of other owners are held.".to_owned(),
        Done::TakenOver { servers: count } => format!("{} taken over", servers(*count)),
        Done::Resumed { providers: 0 } => "Nothing was held.".to_owned(),
        Done::Resumed { providers: 1 } => "The hold of 1 provider is over.".to_owned(),
        Done::Resumed { providers } => format!("The holds of {providers} providers are over."),
        _ => "Done.".to_owned(),
    }
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
        assert_eq!(sentence(&Done::Rebooting { server_type, servers: 1 }), "web: 1 server to be rebooted");
    }
}
