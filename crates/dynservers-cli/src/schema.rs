//! The JSON schema of the configuration file, for editors that complete and check as one writes.

/// The schema, as printed by `dynservers schema`. Tests hold it against the reader of the file.
pub(crate) const TEXT: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::config::Configuration;

    const FULL: &str = include_str!("config/tests/full.toml");
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
        assert_eq!(wrong(include_str!("init/upcloud.toml")), [""; 0]);
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

    /// Asks the reader of the file for the keys that it knows in a table, by a key that nobody means.
    fn known(table: &str, toml: &str) -> Vec<String> {
        let odd = "q".repeat(60);
        let text = toml.replacen(&format!("{table}\n"), &format!("{table}\n{odd} = 1\n"), 1);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dynservers.toml");
        std::fs::write(&path, text).unwrap();
        let told = Configuration::load(&path).unwrap_err().to_string();
        let at = told.find(&odd).unwrap_or_else(|| panic!("{table}: {told}"));
        let keys = told[at..].split("known here: ").nth(1).unwrap_or_else(|| panic!("{table}: {told}"));
        keys.lines().next().unwrap().split(", ").map(str::to_owned).collect()
    }

    #[test]
    fn every_key_that_the_reader_knows_is_in_it() {
        let minimal = "# root\nfleet = \"a\"\n[store]\n[api]\n[timing]\n[providers.upcloud]\nkind = \"upcloud\"\n\
             [server_types.default]\nprovider = \"upcloud\"\nzone = \"de-fra1\"\nplan = \"1xCPU-1GB\"\n\
             snapshot = \"01d15ea5-0000-4000-8000-000000000001\"\nmax = 1\n";
        let schema = schema();
        for (table, place) in [
            ("# root", "/properties"),
            ("[store]", "/properties/store/properties"),
            ("[api]", "/properties/api/properties"),
            ("[timing]", "/properties/timing/properties"),
            ("[providers.upcloud]", "/$defs/provider/properties"),
            ("[server_types.default]", "/$defs/server_type/properties"),
        ] {
            let described = schema.pointer(place).unwrap().as_object().unwrap();
            for key in known(table, minimal) {
                assert!(described.contains_key(&key), "{table}: {key} is not in the schema");
            }
        }
    }
}
