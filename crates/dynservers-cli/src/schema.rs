//! The JSON schema of the configuration file, for editors that complete and check as one writes.

/// The schema, as printed by `dynservers schema`. Tests hold it against the reader of the file.
pub(crate) const TEXT: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::config::{Configuration, EVENTS};

    const FULL: &str = include_str!("config/tests/full.toml");
    const LOCAL: &str = include_str!("config/tests/local.toml");
    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");

    fn schema() -> Value {
        serde_json::from_str(super::TEXT).unwrap()
    }

    /// Walks a value along the schema, and lists what does not fit. Knows the words that the schema uses.
    fn misfits(schema: &Value, value: &Value, root: &Value, at: &str) -> Vec<String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target =
                root.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
            return misfits(target, value, root, at);
        }
        let mut wrong = Vec::new();
        for alternatives in ["anyOf", "oneOf"] {
            let Some(options) = schema.get(alternatives).and_then(Value::as_array) else { continue };
            if !options.iter().any(|option| misfits(option, value, root, at).is_empty()) {
                wrong.push(format!("{at}: fits no alternative"));
            }
        }
        let is_type = match schema.get("type").and_then(Value::as_str) {
            None => true,
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64() || value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some(other) => panic!("{other} is a type that this test does not know"),
        };
        if !is_type {
            wrong.push(format!("{at}: is not of type {}", schema["type"]));
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array)
            && !choices.contains(value)
        {
            wrong.push(format!("{at}: is none of {choices:?}"));
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if value.is_object() && value.get(required.as_str().unwrap()).is_none() {
                wrong.push(format!("{at}: lacks {required}"));
            }
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            match (
                schema.get("properties").and_then(|known| known.get(key)),
                schema.get("additionalProperties"),
            ) {
                (Some(known), _) => wrong.extend(misfits(known, inner, root, &at)),
                (None, Some(Value::Bool(false))) => wrong.push(format!("{at}: is not known")),
                (None, Some(any @ Value::Object(_))) => wrong.extend(misfits(any, inner, root, &at)),
                (None, _) => {}
            }
        }
        if let Some(items) = schema.get("items") {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                wrong.extend(misfits(items, item, root, &format!("{at}[{index}]")));
            }
        }
        wrong
    }

    fn wrong(toml: &str) -> Vec<String> {
        let value: Value = toml::from_str(toml).unwrap();
        misfits(&schema(), &value, &schema(), "")
    }

    #[test]
    fn every_sample_fits() {
        assert_eq!(wrong(FULL), [""; 0]);
        assert_eq!(wrong(LOCAL), [""; 0]);
        assert_eq!(wrong(include_str!("init/upcloud.toml")), [""; 0]);
        assert_eq!(wrong(include_str!("init/local.toml")), [""; 0]);
        let Ok(readme) = std::fs::read_to_string(README) else { return };
        let blocks: Vec<&str> =
            readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!blocks.is_empty());
        for block in blocks.into_iter().filter(|block| block.starts_with("fleet")) {
            assert_eq!(wrong(block), [""; 0], "{block}");
        }
    }

    #[test]
    fn what_is_wrong_does_not_fit() {
        for (from, to) in [
            ("fleet = ", "flete = "),
            ("max = 20", "max = \"20\""),
            ("kind = \"upcloud\"", "kind = \"moon\""),
            ("poll_interval = \"20s\"", "poll_interval = 20"),
        ] {
            let toml = FULL.replacen(from, to, 1);
            assert_ne!(toml, FULL, "{from}");
            assert!(!wrong(&toml).is_empty(), "{to}");
        }
    }

    /// Asks the reader of the file for the keys that it knows at `# here`, by a key that nobody means.
    fn known(toml: &str) -> BTreeSet<String> {
        let odd = "q".repeat(60);
        let text = toml.replacen("# here\n", &format!("{odd} = 1\n"), 1);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynservers.toml");
        std::fs::write(&path, text).unwrap();
        let told = Configuration::load(&path).unwrap_err().to_string();
        let at = told.find(&odd).unwrap_or_else(|| panic!("{toml}: {told}"));
        let keys = told[at..].split("known here: ").nth(1).unwrap_or_else(|| panic!("{toml}: {told}"));
        keys.lines().next().unwrap().split(", ").map(str::to_owned).collect()
    }

    const PROVIDERS: &str = "[providers.upcloud]\nkind = \"upcloud\"\n[providers.here]\nkind = \"local\"\n";
    const TYPE: &str = "[server_types.default]\nprovider = \"here\"\nsnapshot = \"worker\"\nmax = 1\n";

    /// Every table of the file: where the schema speaks of it, and texts that show all keys that it can have.
    fn tables() -> Vec<(&'static str, Vec<String>)> {
        let with = |rest: &str| format!("fleet = \"a\"\n{PROVIDERS}{TYPE}{rest}");
        let alone = |rest: &str| vec![with(rest)];
        let default = "server_types.default";
        let source = |kind: &str| {
            with(&format!("policy.jobs_per_server = 1\n[[{default}.sources]]\nkind = \"{kind}\"\n# here\n"))
        };
        let ask = |ask: &str| with(&format!("[{default}.{ask}]\nhttp = \"http://127.0.0.1\"\n# here\n"));
        vec![
            ("/properties", vec![format!("# here\nfleet = \"a\"\n{PROVIDERS}{TYPE}")]),
            ("/properties/store/properties", alone("[store]\n# here\n")),
            ("/properties/api/properties", alone("[api]\n# here\n")),
            ("/properties/timing/properties", alone("[timing]\n# here\n")),
            (
                "/$defs/provider/properties",
                vec![
                    with("[providers.other]\nkind = \"upcloud\"\n# here\n"),
                    with("[providers.other]\nkind = \"local\"\n# here\n"),
                ],
            ),
            (
                "/$defs/server_type/properties",
                vec![
                    with("[server_types.other]\nprovider = \"upcloud\"\n# here\n"),
                    with("[server_types.other]\nprovider = \"here\"\n# here\n"),
                ],
            ),
            (
                "/$defs/source/properties",
                ["command", "http", "postgres", "prometheus", "rabbitmq", "redis", "spool"]
                    .map(source)
                    .into(),
            ),
            (
                "/$defs/policy/properties",
                vec![
                    with(&format!("sources = []\n[{default}.policy]\n# here\n")),
                    with(&format!("sources = []\n[{default}.policy]\ntarget_wait = \"5m\"\n# here\n")),
                ],
            ),
            ("/$defs/step/properties", alone(&format!("sources = []\n[[{default}.policy.steps]]\n# here\n"))),
            ("/$defs/rate/properties", alone(&format!("sources = []\n[{default}.policy.rate_up]\n# here\n"))),
            (
                "/$defs/billing/properties",
                alone(&format!("sources = []\n[{default}.policy.billing]\n# here\n")),
            ),
            (
                "/$defs/slot/properties",
                alone(&format!("sources = []\n[[{default}.policy.schedule]]\n# here\n")),
            ),
            ("/$defs/ask/properties", ["drain", "busy"].map(ask).into()),
            ("/$defs/hook/properties", alone("[[hooks]]\nurl = \"https://example.com\"\n# here\n")),
        ]
    }

    #[test]
    fn the_schema_has_every_key_that_the_reader_knows_and_no_other() {
        let schema = schema();
        for (place, texts) in tables() {
            let described = schema.pointer(place).unwrap_or_else(|| panic!("{place}")).as_object().unwrap();
            let described: BTreeSet<String> = described.keys().cloned().collect();
            let known: BTreeSet<String> = texts.iter().flat_map(|text| known(text)).collect();
            assert_eq!(described, known, "{place}: left is the schema, right the reader");
        }
    }

    /// Finds every place of the schema that lists the keys of a table.
    fn places(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        for (key, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{key}");
            if key == "properties" && value["additionalProperties"] == Value::Bool(false) {
                found.insert(at.clone());
            }
            places(inner, &at, found);
        }
    }

    #[test]
    fn no_table_of_the_schema_is_left_out() {
        let mut found = BTreeSet::new();
        places(&schema(), "", &mut found);
        let told: BTreeSet<String> = tables().into_iter().map(|(place, _)| place.to_owned()).collect();
        assert_eq!(found, told);
    }

    #[test]
    fn the_events_of_hooks_are_those_that_there_are() {
        let schema = schema();
        let words = |place: &str| -> BTreeSet<String> {
            let words = schema.pointer(place).and_then(Value::as_array).unwrap();
            words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(words("/$defs/hook/properties/events/items/enum"), EVENTS.map(str::to_owned).into());
    }
}
