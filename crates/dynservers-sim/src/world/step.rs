//! Steps: everything that can happen in a world. The one vocabulary of properties, fuzzing and simulation.

use dynservers_core::Reason;
use serde::{Deserialize, Serialize};

use super::follow::{Follow, Work};

/// One thing that happens. Numbers that choose among what is there wrap around, so that every step can always be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Time passes.
    Pass {
        /// How much.
        millis: u64,
    },
    /// Somebody wants something.
    Ask(Wish),
    /// The last wish is said once more under its key, as a client does that heard no answer.
    Repeat,
    /// So much work is measured for a type.
    Demand {
        /// Which of the types.
        kind: u8,
        /// What is told.
        work: Work,
    },
    /// Every server that runs has work for so long.
    Work {
        /// How long.
        seconds: u32,
    },
    /// A worker ends.
    Leave {
        /// Which one.
        which: u8,
    },
    /// Some of the next questions to workers meet this.
    Answers {
        /// What.
        fate: AskFate,
        /// Every how many-th.
        every: u8,
    },
    /// Some of the next requests meet this.
    Fates {
        /// What.
        fate: Fate,
        /// Which requests.
        ops: Ops,
        /// Every how many-th.
        every: u8,
    },
    /// Requests, questions and the store do as they should again.
    Calm,
    /// Requests take their time from now on.
    Net(Net),
    /// Some of the next servers come up like this.
    Boots {
        /// How.
        boot: Boot,
        /// Every how many-th.
        every: u8,
    },
    /// New servers show this late in listings from now on.
    Lag {
        /// How late.
        millis: u32,
    },
    /// The cloud has no room for a type, or has room again.
    Capacity {
        /// Which of the types.
        kind: u8,
        /// Whether it has room.
        has_room: bool,
    },
    /// The cloud allows so many more servers than there are now, or as many as one likes.
    Quota {
        /// How many more.
        more: Option<u8>,
    },
    /// The credentials are revoked, or restored.
    Credentials {
        /// Whether they serve.
        are_valid: bool,
    },
    /// The credentials are those of another account, or of ours again.
    Account {
        /// Whether it is ours.
        is_ours: bool,
    },
    /// Something is done to one server by hand, or by the provider.
    Meddle {
        /// Which one.
        which: u8,
        /// What.
        how: Meddling,
    },
    /// All servers are gone at once.
    Disaster,
    /// A server appears that nobody here made.
    Stranger(Stranger),
    /// The process dies, and another one is started.
    Crash(Crash),
    /// The host is suspended, with its monotonic clock.
    Suspend {
        /// How long.
        seconds: u32,
    },
    /// The store does this from now on, or once.
    Store(StoreTrouble),
    /// Another configuration is loaded.
    Reload(Shape),
}

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// So many servers.
    Ensure {
        /// Which of the types.
        kind: u8,
        /// How many.
        count: u8,
    },
    /// So many more.
    Increase {
        /// Which of the types.
        kind: u8,
        /// How many.
        by: u8,
    },
    /// So many fewer.
    Decrease {
        /// Which of the types.
        kind: u8,
        /// How many.
        by: u8,
    },
    /// A number in place of what the demand asks for, or an end to that.
    Override {
        /// Which of the types.
        kind: u8,
        /// How many.
        count: Option<u8>,
        /// For how long.
        seconds: Option<u16>,
    },
    /// A restart of every server of a type.
    Reboot {
        /// Which of the types.
        kind: u8,
        /// How many at once.
        at_a_time: Option<u8>,
    },
    /// That a server is kept, or need not be.
    Protect {
        /// Which one.
        which: u8,
        /// Whether it is kept.
        protected: bool,
    },
    /// That nothing is created, or nobody chosen to go; or that this ends.
    Pause {
        /// Whether nothing is created.
        out: bool,
        /// Whether nobody is chosen to go.
        inward: bool,
    },
    /// The servers of other owners.
    Takeover,
    /// An end to holds.
    Resume,
}

/// What befalls one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is answered.
    Answer,
    /// It leaves and does not arrive.
    LoseRequest,
    /// It is done, and the answer is lost.
    LoseReply,
    /// It is done, and the host never says a word about it.
    Hang,
    /// It cannot be sent.
    Unsent,
    /// The provider asks for patience, and says for how many seconds if it is in the mood.
    Throttle(Option<u16>),
    /// The provider fails before it is done.
    FailBefore,
    /// The provider fails after it is done.
    FailAfter,
    /// Something between us and the provider says that there is no such page.
    NoSuchPage,
    /// It is done, and the answer is cut off in the middle.
    Garble,
    /// A listing shows less than it says that there is.
    Shorten,
    /// The credentials are not accepted this time.
    Deny,
    /// The provider refuses.
    Refuse(Reason),
    /// A create is accepted and comes to nothing.
    Vanish,
    /// A create is told that its server is there already.
    Exist,
}

/// Which requests a fate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ops {
    /// All.
    All,
    /// Those that change nothing.
    Reads,
    /// Those that change something.
    Changes,
    /// Creates.
    Creates,
    /// Searches for a token, and questions about one server.
    Questions,
}

/// What befalls one question to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskFate {
    /// It is answered.
    Answer,
    /// The worker does not hear it.
    LoseQuestion,
    /// The worker hears it, and nobody hears the worker.
    LoseAnswer,
    /// The host never says a word about it.
    Never,
    /// It is answered so many seconds later.
    Late(u16),
    /// It is answered twice.
    Twice,
}

/// How long requests take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Net {
    /// In the host, before they are sent; what is too late by then is not.
    pub wait: u32,
    /// Between the host and the provider.
    pub request: u32,
    /// On the way back.
    pub reply: u32,
}

impl Default for Net {
    fn default() -> Self {
        Self { wait: 0, request: 100, reply: 100 }
    }
}

/// How a server comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boot {
    /// After so many seconds.
    After(u16),
    /// Never.
    Never,
    /// In the provider's own error state.
    Broken,
    /// And stops by itself after so many seconds.
    Short(u16),
}

/// What is done to a server by hand, or by the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meddling {
    /// It is stopped.
    Stop,
    /// It is started.
    Start,
    /// It breaks.
    Break,
    /// It is gone.
    Vanish,
    /// One that was gone is there again, stopped.
    Return,
    /// It loses our labels.
    Unlabel,
    /// It gets the labels back that it lost.
    Relabel,
    /// The provider does something to it that takes so many seconds, and refuses everything meanwhile.
    Maintain(u16),
    /// It is in a state that nobody knows.
    Puzzle,
    /// It takes a name that another one has.
    Rename,
}

/// A server that nobody here made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stranger {
    /// It bears no label of ours.
    Foreign,
    /// It belongs to another fleet.
    OtherFleet,
    /// It belongs to our fleet and to another ledger.
    OtherOwner,
    /// It bears all of our labels and a token that nobody drew.
    Impostor,
    /// It bears the fleet's label and nothing else.
    HalfLabelled,
}

/// The end of a process, and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// After how many more outputs; at once if 0.
    pub after: u16,
    /// Whether the last one still takes effect.
    pub is_done: bool,
    /// How long nobody is there, in seconds.
    pub down: u16,
    /// By how much the wall clock is put forward or back meanwhile, in seconds.
    pub skew: i32,
}

/// What a store does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreTrouble {
    /// Every write takes so many milliseconds.
    Slow(u32),
    /// So many writes fail, each of which ends the process.
    Fail(u8),
    /// The next write is done, and fails nevertheless.
    LoseReply,
    /// The process dies in the midst of the next write, of which nothing stays.
    Tear,
    /// A backup is made.
    Backup,
    /// The process ends, and the next one finds the last backup.
    Restore,
    /// The process ends, and the next one finds nothing.
    Lose,
    /// Another process takes the ledger over: whatever is being written is refused.
    Fence,
}

/// What a configuration says, where worlds differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Shape {
    /// Whether workers are drained.
    pub drains: bool,
    /// Whether workers are asked how busy they are.
    pub scores: bool,
    /// How the number follows the demand, if it does.
    pub follows: Option<Follow>,
    /// Whether failed servers are kept.
    pub keeps_failed: bool,
    /// Whether the second type is retired.
    pub retires: bool,
    /// At least so many of each type.
    pub min: u8,
    /// At most so many of each type.
    pub max: u8,
    /// How many servers the account may have.
    pub account: Option<u8>,
}
