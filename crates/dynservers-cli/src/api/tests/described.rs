//! The API's description of itself against what it does: every operation is routed, and every answer has its shape.

use std::collections::BTreeSet;

use super::*;
use crate::api::routes::table;

async fn description(harness: &Harness) -> Value {
    let (status, _, document) = harness.get("/v1/openapi.json", "").await;
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    document
}

/// Gives the path with something that exists in place of what is to be filled in.
fn filled_in(path: &str) -> String {
    path.replace("{type}", "web").replace("{id}", "1")
}

#[tokio::test]
async fn every_operation_of_the_description_is_routed_and_needs_no_more_than_it_says() {
    let harness = Harness::unix().await;
    harness.fleet.happen(3);
    let document = description(&harness).await;
    let mut called = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let body = match &operation["requestBody"]["content"]["application/json"]["schema"] {
                Value::Null => String::new(),
                schema => example(schema, &document).to_string(),
            };
            let (length, path) = (body.len(), filled_in(path));
            let method = method.to_uppercase();
            let answer = harness
                .raw(&format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
                     Content-Type: application/json\r\n\r\n{body}"
                ))
                .await;
            called += 1;
            let shape = match answer.0 {
                200 => &operation["responses"]["200"]["content"]["application/json"]["schema"],
                // What the double refuses and what the sample is not: a problem of the fleet's, not of the request.
                422 | 503 => {
                    assert!(answer.1.contains(problem::MEDIA_TYPE), "{path}: {}", answer.1);
                    &document["components"]["responses"]["Problem"]["content"][problem::MEDIA_TYPE]["schema"]
                }
                other => panic!("{method} {path} with {body}: {other} {}", answer.2),
            };
            if answer.1.contains("json") {
                conforms(&answer.2, shape, &document, &format!("{method} {path}"));
            }
        }
    }
    assert_eq!(called, table::<Double>().operations.len(), "each was called");
}

#[tokio::test]
async fn every_route_is_in_the_description_and_nothing_else_is_routed() {
    let harness = Harness::unix().await;
    let document = description(&harness).await;
    let operations = table::<Double>().operations;
    let names: BTreeSet<_> = operations.iter().map(|operation| operation.name).collect();
    assert_eq!(names.len(), operations.len(), "names are used once");
    for operation in &operations {
        let method = operation.method.as_str().to_lowercase();
        assert_eq!(document["paths"][operation.path][method]["operationId"], operation.name);
    }
    for path in document["paths"].as_object().unwrap().keys() {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            if document["paths"][path][method.to_lowercase()].is_null() {
                let request =
                    format!("{method} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", filled_in(path));
                assert_problem(harness.raw(&request).await, 405, "method");
            }
        }
    }
}

/// Gives the smallest value of a shape that says something.
fn example(shape: &Value, document: &Value) -> Value {
    let shape = resolved(shape, document);
    let properties = shape["properties"].as_object().expect("a body is an object");
    let value = |shape: &Value| if has_type(shape, "boolean") { Value::Bool(true) } else { Value::from(1) };
    properties
        .iter()
        .map(|(name, shape)| (name.clone(), value(shape)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn resolved<'d>(shape: &'d Value, document: &'d Value) -> &'d Value {
    let Some(reference) = shape["$ref"].as_str() else { return shape };
    let found = document.pointer(reference.trim_start_matches('#'));
    resolved(found.unwrap_or_else(|| panic!("{reference} is nowhere")), document)
}

fn has_type(shape: &Value, name: &str) -> bool {
    shape["type"] == name
        || shape["type"].as_array().is_some_and(|types| types.iter().any(|kind| kind == name))
}

/// Holds a value against its shape, as far as our shapes go.
fn conforms(value: &Value, shape: &Value, document: &Value, place: &str) {
    fits(value, shape, document).unwrap_or_else(|error| panic!("{place}: {error}"));
}

fn fits(value: &Value, shape: &Value, document: &Value) -> Result<(), String> {
    let shape = resolved(shape, document);
    for choices in ["anyOf", "oneOf"] {
        if let Some(choices) = shape[choices].as_array() {
            let fitting = choices.iter().any(|choice| fits(value, choice, document).is_ok());
            return if fitting { Ok(()) } else { Err(format!("{value} is none of {choices:?}")) };
        }
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() || has_type(shape, "number") => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !shape["type"].is_null() && !has_type(shape, kind) {
        return Err(format!("{value} is not {}", shape["type"]));
    }
    if let Some(expected) = shape.get("const").filter(|expected| *expected != value) {
        return Err(format!("{value} is not {expected}"));
    }
    if let Some(words) = shape["enum"].as_array().filter(|words| !words.contains(value)) {
        return Err(format!("{value} is none of {words:?}"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(item, &shape["items"], document)?;
    }
    let Some(object) = value.as_object() else { return Ok(()) };
    for name in shape["required"].as_array().into_iter().flatten() {
        if !object.contains_key(name.as_str().unwrap()) {
            return Err(format!("{name} is missing in {value}"));
        }
    }
    for (name, value) in object {
        let shape = shape["properties"].get(name).unwrap_or(&shape["additionalProperties"]);
        fits(value, shape, document).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

#[test]
fn a_value_that_does_not_fit_is_noticed() {
    let document = serde_json::json!({"shapes": {"word": {"enum": ["a"], "type": "string"}}});
    let shape = serde_json::json!({
        "type": "object", "required": ["word"], "properties": {"word": {"$ref": "#/shapes/word"}},
    });
    let fits = |value: Value| fits(&value, &shape, &document).is_ok();
    assert!(fits(serde_json::json!({"word": "a"})));
    assert!(!fits(serde_json::json!({"word": "b"})));
    assert!(!fits(serde_json::json!({})));
    assert!(!fits(serde_json::json!(5)));
}

#[test]
fn every_status_has_its_word() {
    let words = schemars::schema_for!(crate::api::schema::StatusWord).to_value();
    for status in dynservers_core::Status::ALL {
        assert!(words.to_string().contains(&format!("\"{status}\"")), "{status}: {words}");
    }
}
