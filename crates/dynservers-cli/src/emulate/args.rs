//! What the emulator is told: its flags, and the settings that they make.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use dynservers_upcloud::emulator::{Call, Credentials, Fault, FaultRule, Settings, Snapshot, Throttle};

use super::EmulateError;

/// Serves a stateful, strict emulator of the UpCloud API to any client.
#[derive(Clone, Debug, Args)]
pub(crate) struct EmulateArgs {
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    pub(crate) listen: SocketAddr,
    /// How many times faster than real its time passes
    #[arg(long, default_value = "1", value_parser = speed)]
    pub(crate) speed: f64,
    /// The seed of its random choices
    #[arg(long, default_value = "1")]
    pub(crate) seed: u64,
    /// A JSON file with settings; the flags below change them
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The only API token that it takes; without token and user it takes any credentials
    #[arg(long, conflicts_with_all = ["username", "password"])]
    pub(crate) token: Option<String>,
    /// The only API user that it takes
    #[arg(long, requires = "password")]
    pub(crate) username: Option<String>,
    /// The password of that user
    #[arg(long, requires = "username")]
    pub(crate) password: Option<String>,
    /// The UUID of a storage that can be cloned; may be repeated
    #[arg(long, value_name = "UUID")]
    pub(crate) snapshot: Vec<String>,
    /// Loses the answer to each N-th create
    #[arg(long, value_name = "N")]
    pub(crate) lose_create_every: Option<u32>,
    /// Never answers each N-th create
    #[arg(long, value_name = "N")]
    pub(crate) hang_create_every: Option<u32>,
    /// Lets each N-th create end in state error
    #[arg(long, value_name = "N")]
    pub(crate) error_create_every: Option<u32>,
    /// Lets each N-th create stay in maintenance for ever
    #[arg(long, value_name = "N")]
    pub(crate) stuck_create_every: Option<u32>,
    /// Shows new servers in listings so many milliseconds late, by its own clock
    #[arg(long, value_name = "MILLIS")]
    pub(crate) list_lag: Option<u64>,
    /// Lets so many requests a second through, by the real clock
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) throttle: Option<f64>,
    /// The longest page that it gives
    #[arg(long, value_name = "N")]
    pub(crate) page_cap: Option<usize>,
}

impl EmulateArgs {
    /// Gives the settings of the file, or the defaults, as the flags change them.
    pub(super) fn settings(&self) -> Result<Settings, EmulateError> {
        let mut settings = self.settings.as_ref().map_or_else(|| Ok(Settings::default()), read_settings)?;
        if self.settings.is_none() {
            // So that `created` looks like now to a client that compares it with its own clock.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            settings.epoch_seconds = now.as_secs();
        }
        settings.snapshots.extend(self.snapshot.iter().map(Snapshot::new));
        let rules = [(self.lose_create_every, Fault::Lost), (self.hang_create_every, Fault::Hang)];
        let rules = rules.into_iter().filter_map(|(every, fault)| Some((every?, fault)));
        settings.faults.extend(rules.map(|(every, fault)| FaultRule::every(every, Call::Create, fault)));
        settings.create_error_every = self.error_create_every.unwrap_or(settings.create_error_every);
        settings.create_stuck_every = self.stuck_create_every.unwrap_or(settings.create_stuck_every);
        settings.list_lag_millis = self.list_lag.unwrap_or(settings.list_lag_millis);
        settings.page_cap = self.page_cap.or(settings.page_cap);
        if let Some(real) = self.throttle {
            settings.throttle = Some(Throttle { per_second: real / self.speed, retry_after: None });
        }
        Ok(settings)
    }

    pub(super) fn credentials(&self) -> Credentials {
        match (&self.token, &self.username, &self.password) {
            (Some(token), _, _) => Credentials::Token(token.as_str().into()),
            (None, Some(username), Some(password)) => {
                Credentials::Basic { username: username.clone(), password: password.as_str().into() }
            }
            (None, _, _) => Credentials::Any,
        }
    }
}

fn read_settings(path: &PathBuf) -> Result<Settings, EmulateError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| EmulateError::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|source| EmulateError::Settings { path: path.clone(), source })
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}, such as 127.0.0.1:8080"))?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("the emulator checks no credentials worth the name, so it listens on loopback only".to_owned())
}

/// Beyond these, moments of the emulator's time leave what a clock can tell.
const SPEEDS: RangeInclusive<f64> = 0.01..=1_000_000.0;

fn speed(text: &str) -> Result<f64, String> {
    let (slowest, fastest) = (SPEEDS.start(), SPEEDS.end());
    let speed = text.parse::<f64>().ok().filter(|speed| SPEEDS.contains(speed));
    speed.ok_or_else(|| format!("not a number from {slowest} to {fastest}"))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "not a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: EmulateArgs,
    }

    fn parse(args: &[&str]) -> Result<EmulateArgs, clap::Error> {
        Command::try_parse_from(["emulate"].iter().chain(args)).map(|command| command.args)
    }

    #[test]
    fn flags_become_settings() {
        let flags = ["--speed", "60", "--throttle", "15", "--lose-create-every", "5", "--list-lag", "3000"];
        let args = parse(&flags).unwrap();
        let settings = args.settings().unwrap();
        assert_eq!(settings.throttle, Some(Throttle { per_second: 0.25, retry_after: None }));
        assert_eq!(settings.faults, [FaultRule::every(5, Call::Create, Fault::Lost)]);
        assert_eq!(settings.list_lag_millis, 3_000);
        assert!(settings.epoch_seconds > 1_767_225_600);
        assert!(matches!(args.credentials(), Credentials::Any));
        let args = parse(&["--token", "ucat_1"]).unwrap();
        assert!(matches!(args.credentials(), Credentials::Token(_)));
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        for bad in [
            &["--listen", "0.0.0.0:80"][..],
            &["--listen", "here"],
            &["--speed", "0"],
            &["--speed", "NaN"],
            &["--speed", "1e300"],
            &["--speed", "1e-300"],
            &["--throttle", "-1"],
            &["--username", "me"],
            &["--token", "a", "--username", "me", "--password", "b"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let missing = parse(&["--settings", "/nowhere/settings.json"]).unwrap().settings();
        assert!(matches!(missing, Err(EmulateError::Read { .. })));
    }
}
