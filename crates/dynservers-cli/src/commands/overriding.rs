//! `override`: its words, where the type may stand before the number.

use std::time::Duration;

use dynservers_core::TypeName;

use crate::args::Target;
use crate::commands::{Change, CommandError};

/// Reads the words: `N`, `TYPE N`, or with `--end` nothing or `TYPE`.
pub(crate) fn overriding(
    words: Vec<String>,
    end: bool,
    lasting: Option<Duration>,
    mut target: Target,
) -> Result<Change, CommandError> {
    let mut words = words;
    let count = if end { None } else { Some(words.pop().ok_or_else(|| refused("how many is missing"))?) };
    if let Some(name) = words.pop() {
        let named = TypeName::new(name).map_err(|error| refused(&error.to_string()))?;
        if target.server_type.as_ref().is_some_and(|other| *other != named) {
            return Err(refused("two types are named"));
        }
        target.server_type = Some(named);
    }
    if !words.is_empty() {
        return Err(refused("with --end there is no number"));
    }
    let Some(count) = count else { return Ok(Change::EndOverride(target)) };
    let count = count
        .parse()
        .map_err(|_| refused(&format!("{count:?} is no number of servers: a whole number from 0 on")))?;
    Ok(Change::Overrule(count, lasting, target))
}

fn refused(what: &str) -> CommandError {
    let message = format!(
        "{what}: say `dynservers override [TYPE] N [--for 2h]`, or `dynservers override --end [TYPE]`"
    );
    CommandError::Words { message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn read(words: &[&str], end: bool, server_type: Option<&str>) -> Result<Change, CommandError> {
        let server_type = server_type.map(|name| TypeName::new(name).unwrap());
        let target = Target { server_type, wait: false, timeout: Duration::from_secs(1) };
        overriding(words.iter().map(|&word| word.to_owned()).collect(), end, None, target)
    }

    fn overrules(change: Change) -> (u32, Option<String>) {
        match change {
            Change::Overrule(count, _, target) => (count, target.server_type.map(|name| name.to_string())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_type_may_stand_before_the_number() {
        assert_eq!(overrules(read(&["5"], false, None).unwrap()), (5, None));
        assert_eq!(overrules(read(&["web", "5"], false, None).unwrap()), (5, Some("web".to_owned())));
        assert_eq!(overrules(read(&["5"], false, Some("web")).unwrap()), (5, Some("web".to_owned())));
        assert!(matches!(read(&[], true, None), Ok(Change::EndOverride(_))));
        assert!(
            matches!(read(&["web"], true, None), Ok(Change::EndOverride(target)) if target.server_type.is_some())
        );
    }

    #[test]
    fn what_cannot_be_meant_is_bad_usage() {
        for (words, end, server_type) in [
            (&[][..], false, None),
            (&["many"], false, None),
            (&["-1"], false, None),
            (&["Web Server", "1"], false, None),
            (&["web", "1"], false, Some("db")),
            (&["web", "1"], true, None),
        ] {
            let error = read(words, end, server_type).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage, "{words:?}");
            assert!(error.to_string().contains("override [TYPE] N"), "{error}");
        }
    }
}
