//! The canonical form of a state: what stays of it when everything that cannot matter is taken away.
//!
//! The form is made from what the derived `Debug` of the whole state prints: the machine with all of its private fields,
//! the disk, the write and the requests under way, the cloud. So nothing can be forgotten: a field that is added tomorrow
//! is in the form from the first day on. The text is then changed in these ways, and no other. Two states with equal
//! forms behave equally, since for each of them:
//!
//! - *Moments are relative to now.* The machine compares moments with each other and with now, after adding durations from
//!   its configuration; it never looks at the number itself.
//! - *What lies further back than [`SHORT`] keeps its order and loses its distance.* It is beyond every duration that is
//!   added to such a moment: a poll, a timeout, the lag of listings, the grace of orphans, the retention of records.
//! - *When a server was bound* matters until the lag of listings has passed for every reading that is out, and *when the
//!   account was read* for a poll: after that one moment is as good as another.
//! - *Moments that nothing will be compared with any more are left out:* the last moment of an attempt that made its server;
//!   of a server that is gone, everything but since when; when the process began, when the account's total was asked for,
//!   and when a stop was issued, which go into what is learned and what is shown.
//! - *How long a server has its status, how old its record is, and since when it goes* matter after `hanging_after` and
//!   `create_deadline`, which are two hours here, and are left out but for the retention of what is gone. Nothing lasts that
//!   long: the cloud takes ten seconds, a look comes each ten, and each fault of a bound costs a minute or two. As evidence,
//!   in every state that is visited nothing has lasted [`super::laws::LASTS`] ([`super::laws`]).
//! - *The pace's moments* are only compared with now: those that are over are equal.
//! - *Numbers of servers, effects and provider's ids are ranks.* They are compared and used as keys of ordered maps. A
//!   number of a server at or above the next one to be given keeps its distance from it.
//! - *Tokens are numbered as they first appear.* They are compared for equality only; maps of them are only looked up in.
//! - *Numbers of batches are relative to the latest.*
//! - *The state of the dice, and the counters of effects, events and servers made,* give names that are new, whatever
//!   they are.
//! - *The configuration* is the same in all states of a world.
//! - *Events, answers to commands, and failures' texts* are told to people and decide nothing here. (One failure's text is
//!   compared with another where workers drain, and no worker does.)
//! - *The moment in the fleet's row* keeps a clock from falling behind it, and no clock here does.
//! - *Learned durations* matter once three times one exceeds `hanging_after`, or something hangs: that neither happens is
//!   checked in every state.

use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use dynservers_core::Time;

use super::bounds::{LAG, POLL};

/// Further back than this, in milliseconds, a moment only has an order.
pub(crate) const SHORT: i128 = 60_000;
/// Fields whose values are left out.
const LEFT_OUT: &[&str] =
    &["config", "created_at", "failure", "learned", "made", "next_event", "since", "started", "time"];
/// Fields that are left out where they are numbers: the dice's state, and the number of the latest effect.
const COUNTERS: &[&str] = &["last", "state"];
/// Values that are left out: they tell people something.
const TOLD: &[&str] = &["CommandRecord", "Event", "Notify"];

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    /// A moment that keeps its order.
    Time(i128),
    /// A moment that is over once it lies further back than this.
    Fading(i128, i128),
    Server(u64),
    Next(u64),
    Effect(u64),
    Batch(u64),
    Token(u128),
    Provider(&'a str),
    /// The map of tokens: its entries stand in the order of their numbers, which were drawn.
    Tokens,
}

/// Gives the fingerprint of a state's text: equal for equal canonical forms. `reading_since` is when the
/// oldest reading that is out began, or now.
pub(crate) fn fingerprint(text: &str, now: Time, reading_since: Time) -> u64 {
    let (pieces, tokens) = Scanner::new(text, now, reading_since).scan();
    let names = Names::of(&pieces, &tokens, now);
    let mut hasher = DefaultHasher::new();
    for piece in &pieces {
        names.write(*piece, &tokens, &mut |bytes| hasher.write(bytes));
    }
    hasher.finish()
}

/// Gives the canonical form as text, for people.
#[cfg(test)]
pub(crate) fn form(text: &str, now: Time, reading_since: Time) -> String {
    let (pieces, tokens) = Scanner::new(text, now, reading_since).scan();
    let names = Names::of(&pieces, &tokens, now);
    let mut form = Vec::new();
    for piece in &pieces {
        names.write(*piece, &tokens, &mut |bytes| form.extend_from_slice(bytes));
    }
    String::from_utf8_lossy(&form).into_owned()
}

/// Reads the text once, and cuts it where something is renamed or left out.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    plain_from: usize,
    /// The status of the record that is being read, empty outside of one.
    status: &'a str,
    /// How long a server counts as newborn for whatever reading is out or to come.
    newborn: i128,
    pieces: Vec<Piece<'a>>,
    tokens: Vec<(u128, u64)>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, now: Time, reading_since: Time) -> Self {
        let newborn = millis(LAG + now.since(reading_since));
        Self {
            text,
            at: 0,
            plain_from: 0,
            status: "",
            newborn,
            pieces: Vec::with_capacity(512),
            tokens: Vec::new(),
        }
    }

    fn scan(mut self) -> (Vec<Piece<'a>>, Vec<(u128, u64)>) {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if byte.is_ascii_alphabetic() {
                let from = self.at;
                while bytes.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                    self.at += 1;
                }
                self.word(&self.text[from..self.at]);
            } else if *byte == b'"' {
                self.skip_string();
            } else {
                self.at += 1;
            }
        }
        self.cut(self.at);
        (self.pieces, self.tokens)
    }

    fn word(&mut self, word: &'a str) {
        let rest = &self.text[self.at..];
        if rest.starts_with('(') {
            self.wrapped(word);
        } else if rest.starts_with(": ") {
            self.field(word);
        } else if rest.starts_with(" {") && TOLD.contains(&word) {
            self.leave_out();
        }
    }

    /// A value in the wrapping of its type.
    fn wrapped(&mut self, word: &str) {
        let number = |scanner: &Self| scanner.number(scanner.at + 1);
        let piece = match word {
            "Time" => Piece::Time(i128::try_from(number(self)).unwrap_or(i128::MAX)),
            "ServerId" => Piece::Server(narrow(number(self))),
            "EffectId" => Piece::Effect(narrow(number(self))),
            "Seq" => Piece::Batch(narrow(number(self))),
            "Token" => Piece::Token(number(self)),
            "ProviderId" => {
                let end = self.text[self.at + 2..].find('"').map_or(self.text.len(), |end| self.at + 2 + end);
                Piece::Provider(&self.text[self.at + 2..end])
            }
            _ if TOLD.contains(&word) => return self.leave_out(),
            _ => return,
        };
        self.cut(self.at);
        self.pieces.push(piece);
        self.skip_wrapping();
        self.plain_from = self.at;
    }

    fn field(&mut self, word: &'a str) {
        let value = self.at + 2;
        let rest = &self.text[value..];
        let is_number = rest.as_bytes().first().is_some_and(u8::is_ascii_digit);
        match word {
            "status" => self.status = rest.split(',').next().unwrap_or_default(),
            // The last field of a record.
            "disowned" => self.status = "",
            _ => {}
        }
        if LEFT_OUT.contains(&word) || (is_number && COUNTERS.contains(&word)) || self.is_over(word, rest) {
            self.leave_out();
        } else if let Some(horizon) = self.fades(word)
            && let Some(time) =
                rest.find("Time(").filter(|place| *place == 0 || rest.starts_with("Some(Time("))
        {
            self.cut(self.at);
            let at = i128::try_from(self.number(value + time + 5)).unwrap_or(i128::MAX);
            self.pieces.push(Piece::Fading(at, horizon));
            self.skip_value();
            self.plain_from = self.at;
        } else if word == "next_server" {
            self.cut(self.at);
            self.pieces.push(Piece::Next(narrow(self.number(value))));
            self.skip_value();
            self.plain_from = self.at;
        } else if word == "tokens" {
            self.cut(self.at);
            self.pieces.push(Piece::Tokens);
            self.skip_value();
            let entries = self.text[value..self.at].split("Token(").skip(1);
            let numbers = entries.filter_map(|entry| {
                let (token, rest) = entry.split_once(')')?;
                let server = rest.split_once("ServerId(")?.1.split_once(')')?.0;
                Some((token.parse().ok()?, server.parse().ok()?))
            });
            self.tokens.extend(numbers);
            self.plain_from = self.at;
        }
    }

    /// Whether a moment is one that nothing will be compared with any more.
    fn is_over(&self, field: &str, rest: &str) -> bool {
        match field {
            "status_since" => self.status != "Deleted",
            "bound_at" | "at" | "accepted_at" => self.status == "Deleted",
            "not_after" => rest.split_once("), ").is_some_and(|(_, after)| after.starts_with("phase: Bound")),
            "begun" => self.text[..self.at].ends_with("AccountSeen { begun"),
            _ => false,
        }
    }

    /// Gives how far back a moment matters that does not matter for ever.
    fn fades(&self, field: &str) -> Option<i128> {
        match field {
            "next" | "closed_until" => Some(0),
            "ended" => Some(millis(POLL)),
            "bound_at" => Some(self.newborn),
            _ => None,
        }
    }

    /// Drops the value that follows, and leaves the word before it.
    fn leave_out(&mut self) {
        self.cut(self.at);
        self.skip_value();
        self.plain_from = self.at;
    }

    fn cut(&mut self, to: usize) {
        if self.plain_from < to {
            self.pieces.push(Piece::Plain(&self.text[self.plain_from..to]));
        }
        self.plain_from = to;
    }

    fn number(&self, from: usize) -> u128 {
        let digits = self.text[from..].bytes().take_while(u8::is_ascii_digit);
        digits.fold(0, |number, digit| number * 10 + u128::from(digit - b'0'))
    }

    /// Goes to the end of the value that begins here: to what closes or follows it on its own level.
    fn skip_value(&mut self) {
        let bytes = self.text.as_bytes();
        let mut depth = 0_u32;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'(' | b'{' | b'[' => depth += 1,
                b')' | b'}' | b']' | b',' if depth == 0 => return,
                b')' | b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Goes past the parentheses that begin here, whose content has none.
    fn skip_wrapping(&mut self) {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| *byte != b')') {
            if bytes[self.at] == b'"' {
                self.skip_string();
            } else {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    fn skip_string(&mut self) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        while bytes.get(self.at).is_some_and(|byte| *byte != b'"') {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
    }
}

fn millis(duration: Duration) -> i128 {
    i128::try_from(duration.as_millis()).unwrap_or(i128::MAX)
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The names by which things go in the canonical form.
struct Names<'a> {
    now: i128,
    /// The moments beyond the horizon, in order.
    old: Vec<i128>,
    /// The servers' numbers below the next one to be given, in order, and that one.
    servers: Vec<u64>,
    next: u64,
    effects: Vec<u64>,
    batch: u64,
    tokens: Vec<u128>,
    providers: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn of(pieces: &[Piece<'a>], map: &[(u128, u64)], now: Time) -> Self {
        let mut names = Self {
            now: i128::from(now.as_millis()),
            old: Vec::new(),
            servers: map.iter().map(|(_, server)| *server).collect(),
            next: u64::MAX,
            effects: Vec::new(),
            batch: 0,
            tokens: Vec::new(),
            providers: Vec::new(),
        };
        for piece in pieces {
            match *piece {
                Piece::Time(at) if names.now - at > SHORT => names.old.push(at),
                Piece::Server(id) => names.servers.push(id),
                Piece::Next(id) => names.next = names.next.min(id),
                Piece::Effect(id) => names.effects.push(id),
                Piece::Batch(seq) => names.batch = names.batch.max(seq),
                Piece::Token(token) if !names.tokens.contains(&token) => names.tokens.push(token),
                Piece::Provider(id) => names.providers.push(id),
                Piece::Time(_) | Piece::Fading(..) | Piece::Token(_) | Piece::Plain(_) | Piece::Tokens => {}
            }
        }
        let next = names.next;
        names.servers.retain(|id| *id < next);
        rank(&mut names.old);
        rank(&mut names.servers);
        rank(&mut names.effects);
        rank(&mut names.providers);
        names
    }

    fn server(&self, id: u64) -> u64 {
        let ranked = self.servers.len() as u64;
        if id < self.next { place(&self.servers, &id) } else { ranked + (id - self.next) }
    }

    fn token(&self, token: u128) -> u64 {
        self.tokens.iter().position(|known| *known == token).unwrap_or(self.tokens.len()) as u64
    }

    fn write(&self, piece: Piece<'_>, map: &[(u128, u64)], to: &mut impl FnMut(&[u8])) {
        let mut named = |kind: char, number: i128| to(format!("<{kind}{number}>").as_bytes());
        match piece {
            Piece::Plain(text) => to(text.as_bytes()),
            Piece::Time(at) if self.now - at > SHORT => named('o', i128::from(place(&self.old, &at))),
            Piece::Time(at) => named('t', at - self.now),
            Piece::Fading(at, horizon) => named('f', (at - self.now).max(-horizon - 1)),
            Piece::Server(id) => named('s', i128::from(self.server(id))),
            Piece::Next(id) => named('n', i128::from(self.server(id))),
            Piece::Effect(id) => named('e', i128::from(place(&self.effects, &id))),
            Piece::Batch(seq) => named('b', i128::from(self.batch - seq)),
            Piece::Token(token) => named('k', i128::from(self.token(token))),
            Piece::Provider(id) => named('p', i128::from(place(&self.providers, &id))),
            Piece::Tokens => {
                let mut entries: Vec<_> =
                    map.iter().map(|(token, server)| (self.token(*token), self.server(*server))).collect();
                entries.sort_unstable();
                to(format!("{entries:?}").as_bytes());
            }
        }
    }
}

fn rank<T: Ord>(values: &mut Vec<T>) {
    values.sort_unstable();
    values.dedup();
}

fn place<T: Ord>(ranked: &[T], value: &T) -> u64 {
    ranked.binary_search(value).map_or(u64::MAX, |place| place as u64)
}
