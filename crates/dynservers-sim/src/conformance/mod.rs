//! The conformance kit: one call that tells all that is wrong with a provider.
//!
//! The core never leaks a server, never makes one twice and never kills one by mistake, *if its provider tells the
//! truth*. A provider that takes a gateway's 404 for "gone", or the first page of a listing for all of it, leaks. The
//! kit puts a provider before a fake of its cloud, says to it what clouds, gateways and users say, and reports every
//! fault that it finds: what was seen, what it leads to, and what to do.
//!
//! # For an HTTP API
//!
//! Implement [`Subject`] for your provider and call [`check_provider`] in a test. It needs a fake of the API, which need
//! not be slow, strict or faulty: the kit makes up the odd answers itself. [`FakeCloud`] is an account in memory for which
//! you write one function, from a request to a response in the API's words. Where there is an emulator already, implement
//! [`Cloud`] for it instead. This is UpCloud:
//!
//! ```
//! use std::sync::Arc;
//!
//! use dynservers_core::{FleetName, ProviderState};
//! use dynservers_http::{Reference, Secrets, Text};
//! use dynservers_sim::conformance::{Cloud, Subject, check_provider};
//! use dynservers_upcloud::emulator::{self, Action, Emulator, Foreign, Snapshot};
//! use dynservers_upcloud::{Credentials, Settings, Template, UpCloud};
//! use http::{Request, Response};
//! use serde_json::{Value, json};
//!
//! struct Account(Emulator);
//!
//! impl Cloud for Account {
//!     fn answer(&mut self, request: &Request<Vec<u8>>, now_millis: u64) -> Response<Vec<u8>> {
//!         self.0.handle(request, now_millis).response
//!     }
//!
//!     fn servers(&mut self) -> usize {
//!         self.0.report(0).servers.len()
//!     }
//!
//!     fn add_stranger(&mut self, name: &str) {
//!         self.0.add_foreign(&Foreign { title: name.to_owned(), ..Foreign::default() }, 0);
//!     }
//!
//!     fn remove(&mut self, id: &str) {
//!         self.0.act(id, &Action::Vanish, 0);
//!     }
//! }
//!
//! struct OfUpCloud;
//!
//! impl Subject for OfUpCloud {
//!     type Provider = UpCloud;
//!     type Cloud = Account;
//!
//!     fn provider(&self, fleet: FleetName, secrets: Arc<dyn Secrets>) -> UpCloud {
//!         let token = Credentials::Token(Reference::Env("UPCLOUD_TOKEN".to_owned()));
//!         let mut settings = Settings::new(fleet, token);
//!         settings.page_size = self.page_size() as u32;
//!         UpCloud::new(settings, secrets).expect("these settings are valid")
//!     }
//!
//!     fn cloud(&self) -> Account {
//!         Account(Emulator::new(emulator::Settings::default(), 1))
//!     }
//!
//!     fn page_size(&self) -> usize {
//!         3
//!     }
//!
//!     // What a user would write who asks for these labels besides.
//!     fn spec(&self, labels: &[(&str, &str)]) -> Value {
//!         let mut template = Template::new("de-fra1", "1xCPU-1GB", Snapshot::CUSTOM_IMAGE);
//!         template.labels = labels.iter().map(|(key, value)| (key.to_string(), Text::from(*value))).collect();
//!         Value::from(&template)
//!     }
//!
//!     fn state_words(&self) -> Vec<(ProviderState, &'static str)> {
//!         vec![(ProviderState::Running, "started"), (ProviderState::InProgress, "maintenance")]
//!     }
//!
//!     // Any error in the API's own words.
//!     fn error(&self, status: u16, message: &str) -> Response<Vec<u8>> {
//!         let body = json!({"error": {"error_code": "OTHER", "error_message": message}}).to_string();
//!         Response::builder().status(status).body(body.into_bytes()).expect("the status is valid")
//!     }
//! }
//!
//! let report = check_provider(&OfUpCloud).unwrap();
//! assert!(report.check("looks-are-whole").is_some_and(|check| !check.has_failed()));
//! println!("{report}");
//! ```
//!
//! [`Wire`] puts the same provider and the same fake under a whole fleet. How a port is made, from the questions about the
//! cloud to the fleet that uses it, is in `PROVIDERS.md` at the root of the repository.
//!
//! A fault reads like this:
//!
//! ```text
//! FAILED  looks-are-whole: a look shows every server, whatever its pages
//!   fault:    a look ends after its first page although there are more servers
//!   seen:     1 of 4 servers missing from a look of 1 page
//!   leads to: a leak: servers on later pages bill unseen, seem to be missing, and are made again.
//!   do:       give Completion::next with a page as long as the API says that there are more.
//! ```
//!
//! Every check begins with an empty account and runs whatever became of the others; a panic is a fault like any other.
//! The same provider gives the same report.
//!
//! | check | demands |
//! |---|---|
//! | `requests-are-built` | every operation has a request; [`Account`](dynservers_core::Op::Account) and [`Reboot`](dynservers_core::Op::Reboot) may be refused in words |
//! | `requests-are-safe` | https, or http to this machine; headers with credentials are sensitive; no secret in a URL |
//! | `unreadable-credentials-deny` | credentials that cannot be read are [`Denied`](dynservers_http::Unbuildable::Denied) |
//! | `gone-is-absent` | the cloud's own word that a server is gone is [`Absent`](dynservers_core::Outcome::Absent) |
//! | `hearsay-is-no-absence` | a gateway's 404, a 401 and a 5xx are not, nor are they successes |
//! | `nothing-is-no-listing` | an empty body is no empty [`Page`](dynservers_core::Outcome::Page) |
//! | `denied-is-denied` | 401, and 403 of what is read, are [`Denied`](dynservers_core::Outcome::Denied) |
//! | `doubtful-creates-are-lost` | 408, 5xx and garbled successes of a create are [`Lost`](dynservers_core::Outcome::Lost) |
//! | `lost-creates-are-found` | a create whose first request got no answer is found by its token |
//! | `throttles-are-obeyed` | 429 is [`Throttled`](dynservers_core::Outcome::Throttled), with `Retry-After` in both of its forms |
//! | `looks-are-whole` | all pages are read, with every server, and they end |
//! | `seams-are-true` | pages join as their [`Seam`](dynservers_core::Seam) says, also while servers come and go |
//! | `repeats-do-no-harm` | a server may show on two pages |
//! | `late-listings-are-borne` | a server may be missing from a listing at first |
//! | `strangers-stay-strangers` | servers of others do not bear our fleet's label, and count in the account's total |
//! | `unknown-states-are-unknown` | a new state of the cloud's spoils no look |
//! | `states-are-told-apart` | each of [`Subject::state_words`] is decoded as what it is |
//! | `slow-creates-are-in-progress` | a server that is being made is neither running nor broken |
//! | `ignored-shutdowns-show` | a soft stop is accepted, and a guest that ignores it runs |
//! | `stops-differ` | a hard stop is another request than a soft one, and timeouts are sent |
//! | `ids-are-kept` | create, look, find and inspect give one id |
//! | `answers-are-matched` | an answer about another server is not believed |
//! | `labels-are-kept` | all six labels come back as they were sent |
//! | `our-labels-win` | no specification of a user's takes them away |
//! | `finds-are-filtered` | a find shows the server of that token and no other |
//! | `namesakes-are-two` | servers of one name are kept apart |
//! | `repeated-creates-make-one` | a create may be repeated if the capabilities say so |
//! | `deletes-delete` | a delete takes that server and all that bills of it, and may be repeated |
//! | `garbage-is-borne` | no status, header or body makes it panic, or believe what nobody said |
//! | `odd-steps-are-borne` | no step makes it panic |
//! | `secrets-stay-secret` | no secret shows in Debug, in a failure or in a URL, even if the cloud quotes it |
//!
//! # For anything else
//!
//! An [`Executor`](dynservers_core::Executor) has no wire to be tried on: implement [`ExecutorSubject`] and call
//! [`check_executor`]. It runs `gone-is-absent`, `ids-are-kept`, `labels-are-kept`, `finds-are-filtered`,
//! `namesakes-are-two`, `repeated-creates-make-one` and `deletes-delete` as above, and besides:
//!
//! | check | demands |
//! |---|---|
//! | `operations-are-answered` | every operation is carried out, or refused in words; a stop is not refused |
//! | `late-effects-are-unsent` | nothing is begun after its [`not_after`](dynservers_core::Effect::not_after) |
//! | `ignored-shutdowns-end` | a hard stop ends what ignored a soft one |
//!
//! # What it cannot see
//!
//! Whether the fake is like the cloud. Record real answers, and keep them beside the fake as tests of their own.

mod bench;
mod case;
mod checks;
mod executor;
mod fake;
mod life;
mod noise;
mod provider;
mod report;
mod samples;
mod subject;
mod vault;
mod wire;

pub use executor::check_executor;
pub use fake::{Answering, FakeAccount, FakeCloud, FakeServer};
pub use provider::check_provider;
pub use report::{Check, Danger, Failed, Fault, Flaw, Report, Verdict};
pub use subject::{Cloud, ExecutorSubject, Subject};
pub use wire::Wire;
