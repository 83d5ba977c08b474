//! Where the configuration file is looked for.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// The environment variable that names the file.
pub(crate) const VARIABLE: &str = "DYNSERVERS_CONFIG";
/// The places that are tried when nobody names a file.
const PLACES: [&str; 2] = ["dynservers.toml", "/etc/dynservers/dynservers.toml"];

/// Nobody named a configuration file, and there is none where one is expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "error: there is no configuration file\n  --config FILE: not given\n  {VARIABLE}: not set\n{}\
     help: write one in one of these places, or name it with --config FILE",
    .missing.iter().map(|path| format!("  {}: not there\n", path.display())).collect::<Vec<_>>().concat()
)]
pub(crate) struct NoConfiguration {
    /// The places that were tried.
    missing: Vec<PathBuf>,
}

/// Finds the configuration file: the one named, else `DYNSERVERS_CONFIG`, else the first that exists.
///
/// A file that somebody named is not checked here, and nothing else is tried in its place.
pub(crate) fn find(explicit: Option<&Path>) -> Result<PathBuf, NoConfiguration> {
    find_among(explicit, std::env::var_os(VARIABLE).map(PathBuf::from), &PLACES.map(PathBuf::from))
}

fn find_among(
    explicit: Option<&Path>,
    named: Option<PathBuf>,
    places: &[PathBuf],
) -> Result<PathBuf, NoConfiguration> {
    let named = named.filter(|path| !path.as_os_str().is_empty());
    if let Some(path) = explicit.map(Path::to_owned).or(named) {
        return Ok(path);
    }
    let found = places.iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| NoConfiguration { missing: places.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_wins_and_is_not_replaced() {
        let (flag, variable) = (Path::new("flag.toml"), || Some(PathBuf::from("variable.toml")));
        assert_eq!(find_among(Some(flag), variable(), &[]).unwrap(), flag);
        assert_eq!(find_among(None, variable(), &[]).unwrap(), Path::new("variable.toml"));
    }

    #[test]
    fn the_first_place_that_has_a_file_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let places = ["a", "b", "c"].map(|name| directory.path().join(name));
        std::fs::write(&places[1], "").unwrap();
        std::fs::write(&places[2], "").unwrap();
        assert_eq!(find_among(None, Some(PathBuf::new()), &places).unwrap(), places[1]);
    }

    #[test]
    fn nothing_found_lists_what_was_tried() {
        let error = find_among(None, None, &["x/dynservers.toml", "y/dynservers.toml"].map(PathBuf::from));
        insta::assert_snapshot!(error.unwrap_err(), @r#"
        error: there is no configuration file
          --config FILE: not given
          DYNSERVERS_CONFIG: not set
          x/dynservers.toml: not there
          y/dynservers.toml: not there
        help: write one in one of these places, or name it with --config FILE
        "#);
    }
}
