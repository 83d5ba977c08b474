//! Requests: that there is one for everything, and that it is safe to send.

use dynservers_core::{Op, Outcome, Reason, StopMode};
use http::header::AUTHORIZATION;
use http::{Request, Uri};

use crate::conformance::bench::{Bench, brief};
use crate::conformance::case::{Case, Checked, Halt};
use crate::conformance::life::{UNANSWERED, made_plain};
use crate::conformance::report::{Danger, Flaw};
use crate::conformance::samples::every_op;
use crate::conformance::subject::Subject;

const OPEN: Flaw = Flaw {
    fault: "a request would go over the network in the clear",
    danger: Danger::Exposure,
    why: "its credentials can be read by whoever is on the way.",
    remedy: "build https URLs; plain http is for 127.0.0.1, ::1 and localhost only.",
};
const NOT_SENSITIVE: Flaw = Flaw {
    fault: "a header with credentials is not marked as sensitive",
    danger: Danger::Exposure,
    why: "whatever prints a request then prints the credentials.",
    remedy: "call HeaderValue::set_sensitive(true) on it before it goes into the request.",
};
const SECRET_IN_URL: Flaw = Flaw {
    fault: "a secret stands in the URL of a request",
    danger: Danger::Exposure,
    why: "URLs are written into logs here and at every proxy on the way.",
    remedy: "send credentials in a header.",
};
pub(crate) const NO_SOFT_STOP: Flaw = Flaw {
    fault: "a soft stop is refused",
    danger: Danger::Standstill,
    why: "a server that is let go is stopped softly, and by force only long after that was accepted: it would run and bill \
          for ever.",
    remedy: "where there is no soft stop, do a hard one for it, and say SoftStop::None in the capabilities.",
};
const NOT_DENIED: Flaw = Flaw {
    fault: "credentials that cannot be read are not told as denied",
    danger: Danger::Standstill,
    why: "instead of holding the provider until they can be read, each server type is blamed by itself and backs off.",
    remedy: "give Unbuildable::Denied when Secrets::read fails for a credential.",
};

/// Every operation has a request; what a cloud may lack is refused in so many words.
pub(crate) fn are_built<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    for (name, op) in every_op(&new, &observed.provider_id) {
        let Err(ended) = bench.request(&op, None) else { continue };
        let may_lack = matches!(op, Op::Account | Op::Reboot { .. });
        let is_soft_stop = matches!(op, Op::Stop { mode: StopMode::Soft { .. }, .. });
        let flaw = if is_soft_stop { &NO_SOFT_STOP } else { &UNANSWERED };
        let explains =
            matches!(&ended.outcome, Outcome::Refused(Reason::Invalid, why) if !why.message.is_empty());
        case.demand(may_lack && explains, flaw, || {
            format!("{name} built no request: {}", brief(&ended.outcome))
        });
    }
    Ok(())
}

/// Requests go over TLS, and show nobody what is in them.
pub(crate) fn are_safe<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    let (new, observed) = made_plain(bench)?;
    for (name, op) in every_op(&new, &observed.provider_id) {
        if let Ok(request) = bench.request(&op, None) {
            look_through(name, &request, &bench.secrets(), case);
        }
    }
    Ok(())
}

fn look_through(name: &str, request: &Request<Vec<u8>>, secrets: &[String], case: &mut Case) {
    let uri = request.uri();
    case.demand(is_safe(uri), &OPEN, || format!("{name} goes to {uri}"));
    let holds = |text: &[u8]| {
        secrets.iter().any(|secret| text.windows(secret.len()).any(|part| part == secret.as_bytes()))
    };
    case.demand(!holds(uri.to_string().as_bytes()), &SECRET_IN_URL, || format!("in that of {name}"));
    for (header, value) in request.headers() {
        let is_secret = header == AUTHORIZATION || holds(value.as_bytes());
        case.demand(!is_secret || value.is_sensitive(), &NOT_SENSITIVE, || format!("{header} of {name}"));
    }
}

fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    }
}

/// Credentials that cannot be read hold the provider.
pub(crate) fn need_credentials<S: Subject>(bench: &mut Bench<'_, S>, case: &mut Case) -> Checked {
    // What a look needs are credentials; what a create needs besides is its specification's affair.
    bench.answer(&Op::Look, None)?;
    let credentials = bench.vault.references();
    let (new, observed) = made_plain(bench)?;
    bench.vault.shut(credentials);
    for (name, op) in every_op(&new, &observed.provider_id) {
        let before = bench.vault.refused();
        let outcome = match bench.request(&op, None) {
            Ok(_) => "a request all the same".to_owned(),
            Err(ended) if matches!(ended.outcome, Outcome::Denied(_)) => continue,
            Err(ended) => brief(&ended.outcome),
        };
        let asked = bench.vault.refused() > before;
        case.demand(!asked, &NOT_DENIED, || format!("{name}: {outcome}"));
    }
    if bench.vault.refused() == 0 {
        return Err(Halt::NotApplicable("no credential is read while a request is built".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_safe() {
        for (uri, expected) in [
            ("https://api.example.com/v1", true),
            ("http://127.0.0.1:8080/v1", true),
            ("http://[::1]/v1", true),
            ("http://localhost/v1", true),
            ("http://api.example.com/v1", false),
            ("/v1", false),
        ] {
            assert_eq!(is_safe(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
