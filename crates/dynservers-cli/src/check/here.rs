//! What servers and work on this machine need: programs that can be run, directories that can be read and written.

use std::path::{Path, PathBuf};

use dynservers_core::ProviderName;
use rustix::fs::{Access, access};

use super::Finding;
use crate::config::{
    AskSettings, Call, Configuration, HookTarget, ProviderSettings, SourceSettings, Template,
};

/// Checks programs, spools, and what servers on this machine are made of.
pub(super) fn check(configuration: &Configuration) -> Vec<Finding> {
    let mut findings: Vec<Finding> = configuration
        .providers
        .iter()
        .filter_map(|(name, settings)| match settings {
            ProviderSettings::UpCloud(_) => None,
            ProviderSettings::Local(home) => Some(kept(name, &home.directory)),
        })
        .collect();
    let wanted = programs(configuration);
    let missing: Vec<Finding> = wanted.iter().filter_map(|(what, program)| missing(what, program)).collect();
    if missing.is_empty() && !wanted.is_empty() {
        findings.push(Finding::ok("programs", format!("{} can be run", wanted.len())));
    }
    findings.extend(missing);
    for (name, settings) in &configuration.server_types {
        if let Template::Local(template) = &settings.template {
            findings.push(readable(format!("{name}: snapshot"), &template.snapshot));
        }
        for source in settings.demand.iter().flat_map(|demand| &demand.sources) {
            if let SourceSettings::Spool { directory } = source {
                findings.push(readable(format!("{name}: spool"), directory));
            }
        }
    }
    findings
}

/// Whether servers can be kept in a directory, which is made if it is not there.
fn kept(provider: &ProviderName, directory: &Path) -> Finding {
    let what = format!("provider {provider}");
    let place = directory.display();
    // What is missing above it is made too.
    let nearest = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    if !nearest.is_dir() {
        let help = "name another directory, or take that file away";
        return Finding::fail(what, format!("{} is not a directory", nearest.display()), help);
    }
    if access(nearest, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let help = "run this as the daemon's user, or name another directory";
        return Finding::fail(what, format!("{} cannot be written", nearest.display()), help);
    }
    let detail = if nearest == directory {
        format!("{place} can be written")
    } else {
        format!("{place} is made by `dynservers run`")
    };
    Finding::ok(what, detail)
}

fn readable(what: String, directory: &Path) -> Finding {
    let place = directory.display();
    if !directory.is_dir() {
        return Finding::fail(what, format!("there is no directory {place}"), format!("mkdir -p {place}"));
    }
    match access(directory, Access::READ_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(what, format!("{place} can be read")),
        Err(_) => Finding::fail(what, format!("{place} cannot be read"), "run this as the daemon's user"),
    }
}

/// Gives every program that is run here, with what it is for, and where it is looked for if it is a path.
fn programs(configuration: &Configuration) -> Vec<(String, Program)> {
    let here = &configuration.directory;
    let mut programs = Vec::new();
    for (name, settings) in &configuration.server_types {
        if let Template::Local(template) = &settings.template {
            let program = Program::new(&template.command, &template.snapshot);
            programs.extend(program.map(|program| (format!("{name}: command"), program)));
        }
        for (word, ask) in [("drain", &settings.workers.drain), ("busy", &settings.workers.busy)] {
            if let Some(AskSettings { call: Call::Command(argv), .. }) = ask {
                programs.extend(Program::new(argv, here).map(|program| (format!("{name}: {word}"), program)));
            }
        }
        for source in settings.demand.iter().flat_map(|demand| &demand.sources) {
            if let SourceSettings::Command { command, .. } = source {
                let program = Program::new(command, here);
                programs.extend(program.map(|program| (format!("{name}: source"), program)));
            }
        }
    }
    for hook in &configuration.hooks {
        if let HookTarget::Command(argv) = &hook.target {
            let program = Program::new(argv, here);
            programs.extend(program.map(|program| (format!("hook {}", hook.name), program)));
        }
    }
    programs
}

/// A program as it is named, and where it may be.
struct Program {
    name: String,
    places: Vec<PathBuf>,
}

impl Program {
    /// Nothing where the name is only known for each server.
    fn new(argv: &[String], directory: &Path) -> Option<Self> {
        let name = argv.first()?.clone();
        if name.contains('{') {
            return None;
        }
        let places = if name.contains('/') {
            vec![directory.join(&name)]
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|place| place.join(&name)).collect()
        };
        Some(Self { name, places })
    }
}

/// Tells why a program cannot be run, if it cannot.
fn missing(what: &str, program: &Program) -> Option<Finding> {
    let can_run = |place: &PathBuf| place.is_file() && access(place, Access::EXEC_OK).is_ok();
    if program.places.iter().any(can_run) {
        return None;
    }
    Some(match program.places.iter().find(|place| place.is_file()) {
        Some(place) => {
            let place = place.display();
            Finding::fail(what, format!("{place} may not be run"), format!("chmod +x {place}"))
        }
        None if program.name.contains('/') => {
            let place = program.places.first().map(|place| place.display().to_string()).unwrap_or_default();
            Finding::fail(what, format!("there is no program {place}"), "put it there, or correct the path")
        }
        None => {
            let name = &program.name;
            let help = "install it, or name it by its path";
            Finding::fail(what, format!("there is no program {name} in PATH"), help)
        }
    })
}
