//! `demo`: the claims, shown: work that is not lost on this machine, and servers that do not leak in an emulated cloud.

pub(crate) mod local;
pub(crate) mod upcloud;

use std::fmt::Display;

use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::terminal::complain;

/// Shows one of them.
pub(crate) async fn run(args: DemoArgs) -> Exit {
    if args.upcloud {
        upcloud::run().await.unwrap_or_else(|error| failed(&error))
    } else {
        local::run(args.jobs.as_deref()).await.unwrap_or_else(|error| failed(&error))
    }
}

fn failed(error: &impl Display) -> Exit {
    complain(format_args!("error: {error}"));
    Exit::Failed
}
