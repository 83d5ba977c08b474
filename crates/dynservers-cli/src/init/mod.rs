//! `init`: a first configuration that works as it is. It writes all or nothing, and over nothing.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};
use thiserror::Error;

use crate::args::Home;
use crate::exit::Exit;

const LOCAL: &str = include_str!("local.toml");
const UPCLOUD: &str = include_str!("upcloud.toml");
const START: &str = include_str!("start.sh");

/// The configuration's name, which every command looks for.
const CONFIGURATION: &str = "dynservers.toml";
/// The snapshot's name, as in the configuration.
const SNAPSHOT: &str = "worker";

/// Why nothing was written.
#[derive(Debug, Error)]
pub(crate) enum InitError {
    /// Something is there already.
    #[error(
        "error: {} there already, and nothing was written\nhelp: take {} away, or name another directory with --dir DIR",
        are(.0), if .0.len() == 1 { "it" } else { "them" }
    )]
    Exists(Vec<PathBuf>),
    /// The system refuses.
    #[error("error: {} cannot be written: {source}; nothing was written", path.display())]
    System {
        /// What.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl InitError {
    /// Gives the code that the process ends with.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Exists(_) => Exit::Usage,
            Self::System { .. } => Exit::Failed,
        }
    }
}

fn are(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    format!("{} {}", names.join(" and "), if paths.len() == 1 { "is" } else { "are" })
}

/// Writes the files, and says what to do next.
pub(crate) fn init(home: Home, directory: &Path) -> Result<String, InitError> {
    let configuration = directory.join(CONFIGURATION);
    let snapshot = (home == Home::Local).then(|| directory.join(SNAPSHOT));
    let wanted = std::iter::once(&configuration).chain(&snapshot);
    // A link that leads nowhere is there too.
    let there: Vec<PathBuf> = wanted.filter(|path| path.symlink_metadata().is_ok()).cloned().collect();
    if !there.is_empty() {
        return Err(InitError::Exists(there));
    }
    fs::create_dir_all(directory).map_err(|source| system(directory, source))?;
    if let Some(snapshot) = &snapshot {
        write_snapshot(directory, snapshot).map_err(|source| taken(snapshot, source))?;
    }
    let text = if home == Home::Local { LOCAL } else { UPCLOUD };
    if let Err(source) = write(directory, &configuration, text) {
        // What was made a moment ago is ours to take away: nothing stays half-written.
        if let Some(snapshot) = &snapshot {
            let _ = fs::remove_dir_all(snapshot);
        }
        return Err(taken(&configuration, source));
    }
    Ok(next_steps(home, directory, &configuration, snapshot.as_deref()))
}

/// Writes a file beside its place and moves it there, unless something came there meanwhile.
fn write(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

fn write_snapshot(directory: &Path, snapshot: &Path) -> io::Result<()> {
    let made = Builder::new().prefix(".dynservers-init-").tempdir_in(directory)?;
    let start = made.path().join("start");
    fs::write(&start, START)?;
    fs::set_permissions(&start, Permissions::from_mode(0o755))?;
    fs::set_permissions(made.path(), Permissions::from_mode(0o755))?;
    // Takes the place of nothing but an empty directory, which holds nothing that anybody could miss.
    fs::rename(made.path(), snapshot)
}

fn taken(path: &Path, source: io::Error) -> InitError {
    match source.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => {
            InitError::Exists(vec![path.to_owned()])
        }
        _ => system(path, source),
    }
}

fn system(path: &Path, source: io::Error) -> InitError {
    InitError::System { path: path.to_owned(), source }
}

fn next_steps(home: Home, directory: &Path, configuration: &Path, snapshot: Option<&Path>) -> String {
    let mut text = format!("Written: {}\n", configuration.display());
    if let Some(snapshot) = snapshot {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "Written: {} (a sample: put your program there)",
            snapshot.join("start").display()
        );
    }
    let named = if directory == Path::new(".") {
        String::new()
    } else {
        format!(" --config {}", quoted(&configuration.display().to_string()))
    };
    let (edit, check) = match home {
        Home::Local => ("", "check"),
        Home::UpCloud => {
            ("\nPut your snapshot's UUID into it, and your token into UPCLOUD_TOKEN.\n", "check --online")
        }
    };
    text + &format!("{edit}\nNext:\n  dynservers{named} {check}\n  dynservers{named} run\n")
}

/// Quotes a path for a shell where it needs that.
fn quoted(path: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Configuration;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_written_for_upcloud_is_right_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let told = init(Home::UpCloud, directory.path()).unwrap();
        assert!(told.ends_with("run\n") && told.contains("check --online"), "{told}");
        assert_eq!(names(directory.path()), ["dynservers.toml"]);
        let configuration = Configuration::load(&directory.path().join("dynservers.toml")).unwrap();
        assert_eq!(configuration.fleet.as_str(), "workers");
    }

    #[test]
    fn what_is_written_for_this_machine_can_be_started() {
        let directory = tempfile::tempdir().unwrap();
        init(Home::Local, directory.path()).unwrap();
        assert_eq!(names(directory.path()), ["dynservers.toml", "worker"]);
        let start = fs::metadata(directory.path().join("worker/start")).unwrap();
        assert_eq!(start.permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn nothing_is_written_over_and_nothing_stays_half_written() {
        for there in ["dynservers.toml", "worker"] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join(there), "mine").unwrap();
            let error = init(Home::Local, directory.path()).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(error.to_string().contains(there), "{error}");
            assert_eq!(names(directory.path()), [there]);
            assert_eq!(fs::read_to_string(directory.path().join(there)).unwrap(), "mine");
        }
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/nonexistent", directory.path().join("dynservers.toml")).unwrap();
        assert!(matches!(init(Home::UpCloud, directory.path()), Err(InitError::Exists(_))));
    }

    #[test]
    fn the_next_steps_can_be_copied() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("it's here");
        let told = init(Home::Local, &directory).unwrap();
        assert!(
            told.contains("--config '") && told.contains("it'\\''s here/dynservers.toml' check\n"),
            "{told}"
        );
    }

    #[test]
    fn the_sample_does_work_and_ends_cleanly_when_asked() {
        use std::io::{BufRead as _, BufReader};
        use std::process::{Command, Stdio};
        let directory = tempfile::tempdir().unwrap();
        init(Home::Local, directory.path()).unwrap();
        let worker = directory.path().join("worker");
        let mut process =
            Command::new("./start").current_dir(&worker).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "begun");
        assert_eq!(lines.next().unwrap().unwrap(), "job 1 begins");
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(rest, ["job 1 done", "ended after 1 jobs"], "the job in hand is done first");
        assert!(process.wait().unwrap().success());
        assert_eq!(fs::read_to_string(worker.join("jobs-done")).unwrap(), "1\n");
    }
}
