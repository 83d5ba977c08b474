//! Hands: what people and UpCloud itself do to servers in the panel, and how servers come up.

use dynservers_sim::world::{Boot, Meddling};
use dynservers_upcloud::emulator::{Action, State, Turn};

use super::{UpCloudStack, found};

impl UpCloudStack {
    /// Has a server that was just made come up like this, in place of what the emulator had in mind.
    pub(super) fn come_up(&mut self, uuid: &str, boot: Boot) {
        let turns = match boot {
            Boot::After(seconds) => vec![turn(seconds, State::Started)],
            Boot::Never => Vec::new(),
            Boot::Broken => vec![turn(20, State::Error)],
            Boot::Short(seconds) => {
                vec![turn(23, State::Started), turn(seconds.saturating_add(23), State::Stopped)]
            }
        };
        if turns.is_empty() {
            self.stuck.insert(uuid.to_owned());
        }
        self.emulator.act(uuid, &Action::Course { turns }, self.now);
    }

    /// Does something to a server; whatever does not fit its state is left.
    pub(super) fn lay_hands(&mut self, uuid: &str, how: Meddling) {
        let action = match how {
            Meddling::Stop => self.become_now(uuid, State::Stopped),
            Meddling::Start => self.become_now(uuid, State::Started),
            Meddling::Break => self.become_now(uuid, State::Error),
            Meddling::Puzzle => self.become_now(uuid, State::Unheard),
            Meddling::Vanish => Some(Action::Vanish),
            Meddling::Unlabel => self.label(uuid, false),
            Meddling::Relabel => self.label(uuid, true),
            Meddling::Maintain(seconds) => self.maintain(uuid, seconds),
            Meddling::Rename => {
                let first = self.emulator.servers().next();
                first.map(|first| Action::Title { title: first.title.to_owned() })
            }
            Meddling::Return => None,
        };
        if let Some(action) = action {
            self.emulator.act(uuid, &action, self.now);
        }
    }

    fn become_now(&mut self, uuid: &str, state: State) -> Option<Action> {
        self.emulator.server(uuid)?;
        if state == State::Unheard {
            self.stuck.insert(uuid.to_owned());
        } else {
            self.stuck.remove(uuid);
        }
        Some(Action::Course { turns: vec![turn(0, state)] })
    }

    /// Takes all labels away, or gives those back that the server was made with.
    fn label(&mut self, uuid: &str, gives_back: bool) -> Option<Action> {
        let truth = self.emulator.server(uuid)?;
        let known = self.known.get_mut(uuid)?;
        let written = if gives_back { known.written.as_slice() } else { &[] };
        known.labels = found(written);
        let gone = truth.labels.iter().map(|(key, _)| (key.clone(), None));
        let there = written.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        Some(Action::Label { labels: gone.chain(there).collect() })
    }

    /// UpCloud works on what is at rest: nothing that it was asked for is forgotten over it.
    fn maintain(&self, uuid: &str, seconds: u16) -> Option<Action> {
        let truth = self.emulator.server(uuid)?;
        let is_at_rest = !truth.is_busy && truth.state != State::Maintenance;
        is_at_rest.then(|| Action::Maintenance { millis: Some(u64::from(seconds) * 1_000) })
    }
}

fn turn(seconds: u16, state: State) -> Turn {
    Turn { after_millis: u64::from(seconds) * 1_000, state }
}
