//! What an interface consists of, as data that travels: clause 15.2.

use serde::{Deserialize, Serialize};

use crate::interface::Kind;
use crate::schema::{Shape, TypeDef, Types};

/// An interface: its methods, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// Its name, which every index is hashed with.
    pub name: String,
    /// What its documentation says.
    pub doc: String,
    /// The structs and enums that shapes name.
    pub types: Vec<TypeDef>,
    /// Its methods.
    pub methods: Vec<Method>,
}

/// Descriptions as JSON, which is what reflection answers in that codec: the file that `ipfi gen` reads where no server runs.
///
/// ```no_run
/// # fn descriptions() -> Vec<ipfi_core::typed::Description> { Vec::new() }
/// # let descriptions = descriptions();
/// // In a test or behind an argument of the server: `&[GreeterClient::description()]`.
/// std::fs::write("greeter.json", ipfi_core::typed::to_json(&descriptions))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(feature = "json")]
pub fn to_json(descriptions: &[Description]) -> String {
    // They hold strings, numbers and lists.
    let mut text = serde_json::to_string_pretty(descriptions).expect("descriptions have a form in JSON");
    text.push('\n');
    text
}

/// A method of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Method {
    /// Its name, as it was hashed.
    pub name: String,
    /// What its documentation says.
    pub doc: String,
    /// The number by which it is called.
    pub index: u64,
    /// The way it is called.
    pub kind: Kind,
    /// Whether a repetition does no harm.
    pub idempotent: bool,
    /// Whether it is a notification that may come as a datagram.
    pub datagram: bool,
    /// The deadline of a client's calls that set none, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What it takes, without the stream of items.
    pub parameters: Vec<Parameter>,
    /// An item of the stream that it takes.
    pub items: Option<Shape>,
    /// What it answers, or an item of the stream that it answers with; none of a notification.
    pub answer: Option<Shape>,
    /// The `E` of a `Result<answer, E>` that travels as a value.
    pub error: Option<Shape>,
}

/// A parameter of a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name, which does not travel with a call.
    pub name: String,
    /// What it is.
    pub shape: Shape,
}

/// A description being written.
#[derive(Debug)]
pub struct Describing {
    description: Description,
    types: Types,
}

impl Describing {
    /// An interface without methods.
    pub fn new(name: &str, doc: &str) -> Self {
        let (name, doc) = (name.to_owned(), doc.to_owned());
        let description = Description { name, doc, types: Vec::new(), methods: Vec::new() };
        Self { description, types: Types::default() }
    }

    /// Adds a method.
    pub fn method(&mut self, name: &str, doc: &str, index: u64, kind: Kind) -> MethodDescribing<'_> {
        let method = Method {
            name: name.to_owned(),
            doc: doc.to_owned(),
            index,
            kind,
            idempotent: false,
            datagram: false,
            timeout_ms: None,
            parameters: Vec::new(),
            items: None,
            answer: None,
            error: None,
        };
        MethodDescribing { method, described: self }
    }

    /// What was written.
    pub fn finish(mut self) -> Description {
        self.description.types = self.types.finish();
        self.description
    }
}

/// A method of a description being written.
#[derive(Debug)]
#[must_use = "it is added by `add`"]
pub struct MethodDescribing<'a> {
    method: Method,
    described: &'a mut Describing,
}

/// Gives a shape when it is asked for.
type ShapeOf = fn(&mut Types) -> Shape;

impl MethodDescribing<'_> {
    /// A repetition does no harm.
    pub fn idempotent(mut self) -> Self {
        self.method.idempotent = true;
        self
    }

    /// It may come as a datagram.
    pub fn datagram(mut self) -> Self {
        self.method.datagram = true;
        self
    }

    /// The deadline of calls that set none.
    pub fn timeout_ms(mut self, timeout: u64) -> Self {
        self.method.timeout_ms = Some(timeout);
        self
    }

    /// Adds a parameter.
    pub fn parameter(mut self, name: &str, shape: ShapeOf) -> Self {
        let shape = shape(&mut self.described.types);
        self.method.parameters.push(Parameter { name: name.to_owned(), shape });
        self
    }

    /// It takes a stream of these.
    pub fn items(mut self, shape: ShapeOf) -> Self {
        self.method.items = Some(shape(&mut self.described.types));
        self
    }

    /// It answers this, or a stream of it.
    pub fn answer(mut self, shape: ShapeOf) -> Self {
        self.method.answer = Some(shape(&mut self.described.types));
        self
    }

    /// Its own errors are these, if they are values and no statuses.
    pub fn error(mut self, is_value: bool, shape: ShapeOf) -> Self {
        if is_value {
            self.method.error = Some(shape(&mut self.described.types));
        }
        self
    }

    /// Adds the method.
    pub fn add(self) {
        self.described.description.methods.push(self.method);
    }
}
