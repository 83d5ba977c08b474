//! The API's description of itself: OpenAPI 3.1, made of the table that the router is made of.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::api::problem::{MEDIA_TYPE, Problem};
use crate::api::table::Operation;

/// Describes the operations.
pub(crate) fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut shapes = settings.into_generator();
    let problem = shapes.subschema_for::<Problem>();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = described(operation, &mut shapes);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "dynservers control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Says how many servers there should be, and tells how things are. On a Unix socket, whoever \
                            may open it may say everything; on TCP, whoever knows the token may.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "http://localhost"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": shapes.take_definitions(true),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {
                    "description": "Why it was not done.",
                    "content": {MEDIA_TYPE: {"schema": problem}},
                },
            },
        },
    })
}

fn described(operation: &Operation, shapes: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters(operation, shapes),
        "responses": {
            "200": {"description": "It was done.", "content": answers(operation, shapes)},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    });
    if let Some(request) = operation.request {
        described["requestBody"] = json!({
            "required": request.required,
            "content": {"application/json": {"schema": (request.shape)(shapes)}},
        });
    }
    described
}

fn answers(operation: &Operation, shapes: &mut SchemaGenerator) -> Map<String, Value> {
    let answer = |answer: &crate::api::table::Answer| {
        (answer.media.to_owned(), json!({"schema": (answer.shape)(shapes)}))
    };
    operation.answers.iter().map(answer).collect()
}

fn parameters(operation: &Operation, shapes: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters = Vec::new();
    for part in operation.path.split('/') {
        if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            let kind = if name == "id" { "integer" } else { "string" };
            parameters.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}}));
        }
    }
    let query = operation.query.map(|query| query(shapes).to_value());
    let properties = query.as_ref().and_then(|query| query["properties"].as_object());
    for (name, shape) in properties.into_iter().flatten() {
        parameters.push(json!({"name": name, "in": "query", "required": false, "schema": shape}));
    }
    for (name, says) in &operation.headers {
        let shape = json!({"type": "string"});
        parameters.push(
            json!({"name": name.as_str(), "in": "header", "required": false, "description": says, "schema": shape}),
        );
    }
    parameters
}
