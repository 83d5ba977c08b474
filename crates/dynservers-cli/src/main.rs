//! The binary `dynservers`: the library of this package, called from a shell.

use std::process::ExitCode;

fn main() -> ExitCode {
    dynservers_cli::main()
}
