//! Error envelopes: the two that UpCloud uses, read out of anything.

use http::Response;
use serde_json::Value;

/// The most characters that are kept of a message.
const MESSAGE_MOST: usize = 300;
/// How many characters of a message are looked at for secrets before it is cut.
const MESSAGE_READ: usize = 1024;
/// The most characters of a code or a correlation id; longer ones are not kept.
const WORD_MOST: usize = 64;

/// An error in UpCloud's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) correlation: Option<String>,
}

impl Envelope {
    /// Reads a body, if it is one of UpCloud's envelopes, whatever its content type claims.
    ///
    /// Servers, storages and accounts: `{"error": {"error_code", "error_message"}}`, also with `code` and `message`.
    /// Newer services: a problem (RFC 9457) whose type ends in `#ERROR_CODE`.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        if let Some(error) = value.get("error").filter(|error| error.is_object()) {
            let message = text(error, "error_message").or_else(|| text(error, "message"));
            let code = text(error, "error_code").or_else(|| text(error, "code"));
            return Some(Self {
                code: code.and_then(word),
                message: message.map(sentence),
                correlation: None,
            });
        }
        let fragment = text(&value, "type")?.rsplit_once('#')?.1;
        Some(Self {
            code: word(fragment.strip_prefix("ERROR_").unwrap_or(fragment)),
            message: text(&value, "title").map(sentence),
            correlation: text(&value, "correlation_id").and_then(word),
        })
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// Takes a text that must be one short word.
fn word(text: &str) -> Option<String> {
    let valid = (1..=WORD_MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| text.to_owned())
}

/// Takes the beginning of a text, in one line.
fn sentence(text: &str) -> String {
    text.chars().take(MESSAGE_READ).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Cuts a message to what is kept of it.
pub(crate) fn cut(message: &str) -> String {
    let mut cut: String = message.chars().take(MESSAGE_MOST).collect();
    if cut.len() < message.len() {
        cut.push('…');
    }
    cut
}

/// Reads UpCloud's id of a request.
pub(crate) fn correlation(response: &Response<Vec<u8>>) -> Option<String> {
    word(response.headers().get("upcloud-cid")?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_envelopes_are_read_in_all_their_forms() {
        let envelope = |code: &str, message: &str| Envelope {
            code: Some(code.into()),
            message: Some(message.into()),
            correlation: None,
        };
        for (body, expected) in [
            (
                r#"{"error":{"error_code":"SERVER_NOT_FOUND","error_message":"Not there."}}"#,
                envelope("SERVER_NOT_FOUND", "Not there."),
            ),
            (r#"{"error":{"code":"A","message":"B\nC"}}"#, envelope("A", "B C")),
            (r#"{"error":{"error_code":7}}"#, Envelope::default()),
            (
                r#"{"type":"https://developers.upcloud.com/1.3/errors#ERROR_INVALID","title":"T","status":400,
                   "correlation_id":"01ABC","invalid_params":[{"name":"a","reason":"b"}]}"#,
                Envelope { correlation: Some("01ABC".into()), ..envelope("INVALID", "T") },
            ),
        ] {
            assert_eq!(Envelope::read(body.as_bytes()), Some(expected), "{body}");
        }
    }

    #[test]
    fn anything_else_is_no_envelope() {
        for body in
            ["", "<html>404</html>", "{", "[]", "null", r#"{"error":"x"}"#, r#"{"type":"about:blank"}"#]
        {
            assert_eq!(Envelope::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn messages_are_cut_and_codes_are_words() {
        let long = "ä".repeat(5000);
        let body = format!(r#"{{"error":{{"error_code":"{long}","error_message":"{long}"}}}}"#);
        let envelope = Envelope::read(body.as_bytes()).unwrap();
        assert_eq!(envelope.code, None);
        let message = envelope.message.unwrap();
        assert_eq!(message.chars().count(), MESSAGE_READ);
        assert_eq!(cut(&message).chars().count(), MESSAGE_MOST + 1);
        assert_eq!(cut("short"), "short");
    }
}
