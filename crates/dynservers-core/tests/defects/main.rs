//! The defects of the reference, which must not exist here: one test or more for each row of this table, that fails on what
//! the row tells of. All of them, wherever they are: `cargo test --workspace defect_`.
//!
//! The reference is the PHP package `laravel-dynamic-servers` 1.1 with its drivers.
//!
//! | row | what it does there | the tests |
//! |---|---|---|
//! | 01 | the documented rule flaps and stops busy servers | here, `documented_rule` (four, with `queue`) |
//! | 02 | counts of 0 and below start and stop servers | here, `control_loop` |
//! | 03 | two `ensure(5)` at once start ten | here, `control_loop`; `dynservers`, with real threads on every runtime |
//! | 04 | the limit is one too low, and drifts | here, `control_loop` (two) |
//! | 05 | calls for each server while it waits | here, `control_loop` |
//! | 06 | no backoff | here, `control_loop` (two) |
//! | 07 | jobs that waited find healthy servers hanging | here, `control_loop` |
//! | 08 | a reboot knows no type and no bound | here, `control_loop` |
//! | 09 | arbitrary victims, no drain | here, `control_loop` (three) |
//! | 10 | asked first, written down after | here, `state_machine` |
//! | 11 | statuses that nobody watches | here, `state_machine` |
//! | 12 | late creates of servers already replaced | here, `state_machine` |
//! | 13 | a slow clone is lost | here, `state_machine` |
//! | 14 | an unknown state ends the job | here, `state_machine`; `dynservers-upcloud`, `tests/provider` (three) |
//! | 15 | "rebooted" the instant after the request | here, `state_machine` (two) |
//! | 16 | servers that nobody knows | here, `leaks` |
//! | 17 | any failed reading means deleted | here, `leaks` (two); `dynservers-upcloud`, `tests/provider` |
//! | 18 | rows forgotten at once | here, `leaks` (two) |
//! | 19 | requests that UpCloud refuses, no second try | here, `leaks` (two); `dynservers-upcloud`, `tests/provider` (four) |
//! | 20 | drivers that mangle ids and read one page | `dynservers-sim`, `tests/bad/defects.rs` (three) |
//! | 21 | output that hides and misleads | `dynservers-cli`, `src/commands/` in `events.rs` and `list.rs` (three) |
//! | 22 | numbers and rows that overwrite each other | here, `operator` (three) |

#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap has failed")]

#[allow(dead_code, reason = "the laws need the rest")]
#[path = "../laws/cloud.rs"]
mod cloud;
mod control_loop;
#[allow(dead_code, reason = "the laws need the rest")]
#[path = "../laws/disk.rs"]
mod disk;
mod documented_rule;
mod leaks;
mod operator;
mod queue;
mod state_machine;
#[allow(dead_code, reason = "the laws need the rest")]
#[path = "../laws/workers.rs"]
mod workers;
#[allow(dead_code, reason = "the laws need the rest")]
#[path = "../laws/world.rs"]
mod world;
