//! Asking workers: whether they are done, whether they go on, and how busy they are.

use std::collections::BTreeMap;

use dynservers_core::{Addresses, Answer, Ask, Asker, Failure, Network, Question, TypeName};
use http::Method;
use serde_json::Value;
use thiserror::Error;

use crate::fill::{self, FillError, Place, Subject, fill};
use crate::program::{End, Program, complaint};
use crate::web::Web;
use crate::words::{MOST_QUOTED, sanitized};

/// The code with which a program says that the worker is still at work (`EX_TEMPFAIL` of `sysexits.h`).
pub const EXIT_BUSY: i32 = 75;
/// The code with which a program says that nobody works there any more (`EX_UNAVAILABLE` of `sysexits.h`).
pub const EXIT_GONE: i32 = 69;

/// The networks of an address, best first, if a type says nothing: the customer's own, since nobody else listens there.
pub const NETWORKS: [Network; 3] = [Network::Private, Network::Utility, Network::Public];

/// How a question is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Form {
    /// By a program, in whose arguments placeholders are filled.
    Command(Program),
    /// By a web address, in which placeholders are filled.
    Web(Web),
}

impl Form {
    /// Makes a program a way to ask, unless an argument has a placeholder that does not exist.
    pub fn command(program: Program) -> Result<Self, InvalidForm> {
        if program.argv.is_empty() {
            return Err(InvalidForm::Nothing);
        }
        for argument in &program.argv {
            fill::check(argument)
                .map_err(|source| InvalidForm::Fill { argument: argument.clone(), source })?;
        }
        Ok(Self::Command(program))
    }
}

impl From<Web> for Form {
    fn from(web: Web) -> Self {
        Self::Web(web)
    }
}

/// Why a program is no way to ask.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidForm {
    /// There is no program.
    #[error("no program is named: give its name and its arguments as a list")]
    Nothing,
    /// An argument cannot be filled.
    #[error("the argument {argument:?} cannot be filled: {source}")]
    Fill {
        /// The argument.
        argument: String,
        /// Why not.
        source: FillError,
    },
}

/// How the workers of one type are asked.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// How a worker is told to finish, and that it goes on after all.
    pub drain: Option<Form>,
    /// How a worker is asked how much it has to do.
    pub busy: Option<Form>,
    /// The networks on which it may be asked, best first; none means [`NETWORKS`].
    pub networks: Vec<Network>,
}

/// Asks the workers of a fleet, as the [crate's documentation](crate#workers) says.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    types: BTreeMap<TypeName, Worker>,
}

impl Workers {
    /// Makes one that knows how to ask the workers of these types.
    #[must_use]
    pub const fn new(types: BTreeMap<TypeName, Worker>) -> Self {
        Self { types }
    }
}

impl Asker for Workers {
    fn ask(&self, ask: &Ask) -> Answer {
        let worker = self.types.get(&ask.subject.server_type);
        let form = worker.and_then(|worker| match ask.question {
            Question::Drain { .. } | Question::Undrain => worker.drain.as_ref(),
            Question::Score => worker.busy.as_ref(),
        });
        let (Some(worker), Some(form)) = (worker, form) else {
            let question = ask.question.name();
            return silent(format!("nothing says how to ask workers of this type: {question}"));
        };
        let networks = if worker.networks.is_empty() { &NETWORKS[..] } else { &worker.networks };
        let subject = Subject {
            name: ask.subject.name.to_string(),
            server_type: ask.subject.server_type.to_string(),
            id: ask.server.to_string(),
            address: address(&ask.subject.addresses, networks).map(str::to_owned),
            provider_id: ask.subject.provider_id.as_ref().map(ToString::to_string),
        };
        match form {
            Form::Command(program) => ask_program(program, ask.question, &subject),
            Form::Web(web) => ask_web(web, ask.question, &subject),
        }
    }
}

/// Chooses the first address on the best network that has one.
fn address<'a>(addresses: &'a Addresses, networks: &[Network]) -> Option<&'a str> {
    networks.iter().find_map(|network| {
        addresses.iter().find(|address| address.network == *network).map(|address| address.address.as_str())
    })
}

fn ask_program(program: &Program, question: Question, subject: &Subject) -> Answer {
    let argv = program.argv.iter().map(|argument| fill(argument, subject, Place::Argument)).collect();
    let program = match argv {
        Ok(argv) => Program { argv, ..program.clone() },
        Err(error) => return silent(error.to_string()),
    };
    let output = match program.run(&environment(question, subject), &[]) {
        Ok(output) => output,
        Err(error) => return silent(error.to_string()),
    };
    match (output.status, question) {
        (End::Exit(0), Question::Drain { .. } | Question::Undrain) => Answer::Done,
        (End::Exit(0), Question::Score) => busy_or_done(&output.stdout),
        (End::Exit(EXIT_BUSY), _) => Answer::Busy { score: lenient(&output.stdout) },
        (End::Exit(EXIT_GONE), _) => Answer::Gone,
        (status @ (End::Exit(_) | End::Signal(_)), _) => {
            silent(format!("the program {status}{}", complaint(&output.stderr)))
        }
    }
}

/// Says to a program what is asked, and about whom.
fn environment(question: Question, subject: &Subject) -> Vec<(String, String)> {
    let mut variables = vec![
        ("DYNSERVERS_QUESTION", question.name().to_owned()),
        ("DYNSERVERS_SERVER_ID", subject.id.clone()),
        ("DYNSERVERS_SERVER_NAME", subject.name.clone()),
        ("DYNSERVERS_SERVER_TYPE", subject.server_type.clone()),
    ];
    variables.extend(subject.address.clone().map(|address| ("DYNSERVERS_SERVER_ADDRESS", address)));
    variables.extend(subject.provider_id.clone().map(|id| ("DYNSERVERS_SERVER_PROVIDER_ID", id)));
    if let Question::Drain { deadline } = question {
        variables.push(("DYNSERVERS_DEADLINE", (deadline.as_millis() / 1000).to_string()));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn ask_web(web: &Web, question: Question, subject: &Subject) -> Answer {
    let deadline = match question {
        Question::Drain { deadline } => Some((deadline.as_millis() / 1000).to_string()),
        Question::Undrain | Question::Score => None,
    };
    let extra: Vec<_> = deadline.iter().map(|deadline| ("dynservers-deadline", deadline.as_str())).collect();
    let called = match question {
        Question::Drain { .. } => web.call(Method::POST, Some(subject), &extra, Some(&[])),
        Question::Undrain => web.call(Method::DELETE, Some(subject), &extra, None),
        Question::Score => web.call(Method::GET, Some(subject), &extra, None),
    };
    let answer = match called {
        Ok(answer) => answer,
        Err(error) => return silent(error.message),
    };
    match (answer.status, question) {
        (200 | 204, Question::Drain { .. } | Question::Undrain) | (204, Question::Score) => Answer::Done,
        (200, Question::Score) => busy_or_done(&answer.body),
        (202 | 409 | 503, _) => Answer::Busy { score: lenient(&answer.body) },
        // Not 404, which a wrong path or a proxy in front of it says as well: work in hand would be cut off.
        (410, _) => Answer::Gone,
        (status, _) => {
            let message = format!("{} answered with status {status}: {}", web.shown(), answer.said);
            Answer::Silent(Failure { http_status: Some(status), ..Failure::new(message) })
        }
    }
}

/// Reads the answer to how busy a worker is.
fn busy_or_done(text: &[u8]) -> Answer {
    match score(text) {
        Some(0) => Answer::Done,
        Some(score) => Answer::Busy { score: Some(score) },
        None => silent(format!("this is no number of jobs: {}", sanitized(text, MOST_QUOTED))),
    }
}

/// Reads a score from an answer that need not have one.
fn lenient(text: &[u8]) -> Option<u64> {
    if text.trim_ascii().is_empty() { None } else { score(text) }
}

/// Reads a whole number, alone or as `busy` of a JSON object. Nothing at all is none to do.
fn score(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Some(0);
    }
    match serde_json::from_slice(text).ok()? {
        Value::Number(number) => number.as_u64(),
        Value::Object(object) => object.get("busy")?.as_u64(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn silent(message: String) -> Answer {
    Answer::Silent(Failure::new(message))
}
