//! Tests of both ways to know processes: only a server's own are found, whatever a record says.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use super::*;

const TOKEN: Token = Token(0x5eed_0000_0000_0000_0000_0000_0000_0001);
const OTHER: Token = Token(0x5eed_0000_0000_0000_0000_0000_0000_0002);

/// A process in a group of its own, killed when it is dropped.
struct Sleeper(Child);

impl Sleeper {
    fn new(variables: &[(&str, String)]) -> Self {
        let mut command = Command::new("sleep");
        command.arg("1000").envs(variables.iter().cloned()).process_group(0);
        // A test that is cut off leaves nobody who holds its output open.
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let sleeper = Self(child);
        // Until then it is still a copy of this program.
        let is_there = || {
            let arguments =
                Command::new("ps").args(["-o", "args=", "-p", &sleeper.0.id().to_string()]).output();
            String::from_utf8_lossy(&arguments.unwrap().stdout).contains("sleep 1000")
        };
        while !is_there() {}
        sleeper
    }

    fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

macro_rules! suite {
    ($name:ident, $system:ident, $marked:expr) => {
        mod $name {
            use super::*;

            /// Borne by one process of this suite alone.
            const MARKED: Token = Token($marked);

            fn record(sleeper: &Sleeper) -> Process {
                let pid = sleeper.0.id();
                let start = $system::start_of(pid).unwrap().unwrap();
                Process { pid, start, boot: boot_id().unwrap().to_owned(), token: TOKEN }
            }

            fn count(token: Token, process: &Process) -> usize {
                $system::Table::read().unwrap().members(token, Some(process)).len()
            }

            #[test]
            fn a_group_is_known_by_its_leader_and_by_nothing_less() {
                let sleeper = Sleeper::new(&[]);
                let right = record(&sleeper);
                assert_eq!(count(TOKEN, &right), 1);
                assert_eq!(count(OTHER, &right), 0, "a record of another server");
                let wrong_start = Process { start: "1".into(), ..right.clone() };
                let wrong_boot = Process { boot: "another".into(), ..right.clone() };
                let nobody = Process { pid: u32::MAX, ..right.clone() };
                let idle = Process { pid: 0, ..right };
                for wrong in [wrong_start, wrong_boot, nobody, idle] {
                    assert_eq!(count(TOKEN, &wrong), 0, "{wrong:?}");
                }
            }

            #[test]
            fn a_group_is_known_by_the_mark_of_one_of_it() {
                let sleeper = Sleeper::new(&[(TOKEN_VARIABLE, MARKED.to_string())]);
                let led_by_another = Process { start: "1".into(), token: MARKED, ..record(&sleeper) };
                assert_eq!(count(MARKED, &led_by_another), 1);
                let long_ago = Process { boot: "another".into(), token: OTHER, ..led_by_another };
                assert_eq!(count(OTHER, &long_ago), 0);
            }

            #[test]
            fn a_signal_reaches_its_target_and_once_that_is_dead_nobody() {
                let mut sleeper = Sleeper::new(&[]);
                let record = record(&sleeper);
                let members = $system::Table::read().unwrap().members(TOKEN, Some(&record));
                assert!(sleeper.is_alive());
                assert!(members[0].signal(Signal::KILL).unwrap());
                sleeper.0.wait().unwrap();
                assert!(!members[0].signal(Signal::KILL).unwrap());
                assert_eq!(count(TOKEN, &record), 0);
            }
        }
    };
}

#[cfg(target_os = "linux")]
suite!(on_linux, linux, 0x5eed_0003);
suite!(anywhere, portable, 0x5eed_0004);

#[test]
fn a_process_can_describe_itself() {
    let process = Process::current(TOKEN).unwrap();
    assert_eq!((process.pid, process.is_of_this_boot().unwrap()), (std::process::id(), true));
}

#[test]
fn the_clock_goes_forward() {
    let before = uptime_millis();
    assert!(before > 0 && uptime_millis() >= before);
}
