//! The table of operations: what it holds is what is routed, and what the API says of itself.

use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderName, Method};
use axum::routing::{MethodFilter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Gives the schema of a type, and notes those that it refers to.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// One thing that can be asked of the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// How.
    pub(crate) method: Method,
    /// Where; parts in braces are to be filled in.
    pub(crate) path: &'static str,
    /// Its name, for those who make clients of the description.
    pub(crate) name: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// What its body is.
    pub(crate) request: Option<Request>,
    /// What its query is.
    pub(crate) query: Option<Shape>,
    /// Headers that it heeds, with what they say.
    pub(crate) headers: Vec<(HeaderName, &'static str)>,
    /// What it answers.
    pub(crate) answers: Vec<Answer>,
}

/// The body of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) shape: Shape,
    /// Whether it must be there.
    pub(crate) required: bool,
}

/// A good answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Its media type.
    pub(crate) media: &'static str,
    pub(crate) shape: Shape,
}

impl Operation {
    /// Begins with what every operation has.
    pub(crate) fn new(method: Method, path: &'static str, name: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            name,
            summary,
            request: None,
            query: None,
            headers: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Takes a body of this type.
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.request = Some(Request { shape: SchemaGenerator::subschema_for::<T>, required: true });
        self
    }

    /// Takes a body of this type, or none.
    pub(crate) fn may_take<T: JsonSchema>(mut self) -> Self {
        self.request = Some(Request { shape: SchemaGenerator::subschema_for::<T>, required: false });
        self
    }

    /// Takes a query of this type.
    pub(crate) fn asks<T: JsonSchema>(mut self) -> Self {
        self.query = Some(SchemaGenerator::root_schema_for::<T>);
        self
    }

    /// Heeds a header.
    pub(crate) fn heeds(mut self, name: HeaderName, says: &'static str) -> Self {
        self.headers.push((name, says));
        self
    }

    /// Answers with JSON of this type.
    pub(crate) fn gives<T: JsonSchema>(self) -> Self {
        self.gives_as::<T>("application/json")
    }

    /// Answers with another media type.
    pub(crate) fn gives_as<T: JsonSchema>(mut self, media: &'static str) -> Self {
        self.answers.push(Answer { media, shape: SchemaGenerator::subschema_for::<T> });
        self
    }
}

/// Operations and the routes to them. One cannot be added without the other.
#[derive(Debug)]
pub(crate) struct Table<S> {
    /// The operations, in the order in which they were added.
    pub(crate) operations: Vec<Operation>,
    /// The routes.
    pub(crate) router: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Table<S> {
    /// Makes an empty table.
    pub(crate) fn new() -> Self {
        Self { operations: Vec::new(), router: Router::new() }
    }

    /// Adds an operation and who carries it out.
    ///
    /// # Panics
    ///
    /// If its method is none that can be routed, or it is there already.
    pub(crate) fn add<H: Handler<T, S>, T: 'static>(mut self, operation: Operation, handler: H) -> Self {
        let filter = MethodFilter::try_from(operation.method.clone()).expect("the method can be routed");
        self.router = self.router.route(operation.path, on(filter, handler));
        self.operations.push(operation);
        self
    }
}
