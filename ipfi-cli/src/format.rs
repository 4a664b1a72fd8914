//! JSON of a person's, and what travels: by a method's description, or as it is.

use bytes::Bytes;
use ipfi::CodecId;
use ipfi::core::codec::{CodecError, DecodeLimits};
use ipfi::schema::{self, Shape, TypeTable, Value};
use ipfi::typed::{Description, Method};
use serde::de::IgnoredAny;

use crate::failure::Failure;
use crate::show::signature;

/// How values are written and read.
pub(crate) enum Format<'a> {
    /// By their shapes.
    Described { types: TypeTable<'a>, method: &'a Method, codec: CodecId, limits: DecodeLimits },
    /// As they are: codec 4.
    Json,
}

/// The arguments of a call, as they were given.
pub(crate) struct Given {
    pub(crate) values: Values,
    /// Whether one came from standard input.
    pub(crate) from_input: bool,
}

pub(crate) enum Values {
    /// One JSON each.
    Each(Vec<String>),
    /// All in one array.
    Array(String),
}

impl Given {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.values, Values::Each(words) if words.is_empty())
    }
}

impl<'a> Format<'a> {
    pub(crate) fn described(
        description: &'a Description,
        method: &'a Method,
        codec: CodecId,
        limits: DecodeLimits,
    ) -> Self {
        Self::Described { types: TypeTable::new(&description.types), method, codec, limits }
    }

    /// The codec of the call.
    pub(crate) fn codec(&self) -> CodecId {
        match self {
            Self::Described { codec, .. } => *codec,
            Self::Json => CodecId::Json,
        }
    }

    /// Message 0 of the call.
    pub(crate) fn arguments(&self, given: &Given) -> Result<Bytes, Failure> {
        let Self::Described { types, method, codec, limits } = self else { return bare(&given.values) };
        let parameters = &method.parameters;
        let values = match &given.values {
            Values::Array(text) => schema::arguments_from_json(parameters, types, text, limits)
                .map_err(|error| Failure::usage(what(error)))?,
            Values::Each(texts) => {
                if texts.len() != parameters.len() {
                    let (count, s) = (parameters.len(), if parameters.len() == 1 { "" } else { "s" });
                    let text =
                        format!("{} takes {count} argument{s}, not {}", signature(method), texts.len());
                    return Err(Failure::usage(text));
                }
                let read = |(n, (text, parameter)): (usize, (&String, &ipfi::typed::Parameter))| {
                    schema::from_json(&parameter.shape, types, text, limits).map_err(|error| {
                        let hint = quoted(text, &parameter.shape);
                        let place = format!("argument {} ({})", n + 1, parameter.name);
                        Failure::usage(format!("{}{hint}", placed(&place, error)))
                    })
                };
                texts.iter().zip(parameters).enumerate().map(read).collect::<Result<Vec<Value>, _>>()?
            }
        };
        let encoded = schema::encode_arguments(*codec, parameters, types, &values);
        encoded.map_err(|error| Failure::usage(what(error)))
    }

    /// An item that is sent.
    pub(crate) fn item(&self, text: &str) -> Result<Bytes, String> {
        match self {
            Self::Json => json(text).map(|()| Bytes::copy_from_slice(text.as_bytes())),
            Self::Described { types, method, codec, limits } => {
                let shape = method.items.as_ref().unwrap_or(&Shape::Unit);
                let value = schema::from_json(shape, types, text, limits).map_err(what)?;
                schema::encode(*codec, shape, types, &value).map_err(what)
            }
        }
    }

    /// An answer, or an item of one, as JSON on a line; or the error of the method's own.
    pub(crate) fn answer(&self, bytes: &[u8]) -> Result<Result<String, String>, String> {
        match self {
            Self::Json => {
                let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
                json(text)?;
                // Outside of strings, which have none.
                Ok(Ok(text.trim().replace(['\n', '\r'], " ")))
            }
            Self::Described { types, method, codec, limits } => {
                let unit = Shape::Unit;
                let (shape, error) = (method.answer.as_ref().unwrap_or(&unit), method.error.as_ref());
                let outcome = schema::decode_answer(*codec, shape, error, types, bytes, limits);
                match outcome.map_err(|error| error.to_string())? {
                    Ok(value) => schema::to_json(shape, types, &value).map(Ok).map_err(what),
                    Err(value) => {
                        schema::to_json(error.unwrap_or(&unit), types, &value).map(Err).map_err(what)
                    }
                }
            }
        }
    }
}

/// Arguments that nobody described: JSON all the same.
fn bare(values: &Values) -> Result<Bytes, Failure> {
    match values {
        Values::Array(text) => {
            json(text).map_err(Failure::Usage)?;
            if !text.trim_start().starts_with('[') {
                return Err(Failure::usage("--data is a JSON array of all arguments: '[1, \"two\"]'"));
            }
            Ok(Bytes::copy_from_slice(text.as_bytes()))
        }
        Values::Each(texts) => {
            for (n, text) in texts.iter().enumerate() {
                json(text).map_err(|error| {
                    Failure::usage(format!("argument {}: {error}{}", n + 1, quoted(text, &Shape::String)))
                })?;
            }
            Ok(format!("[{}]", texts.join(",")).into())
        }
    }
}

fn json(text: &str) -> Result<(), String> {
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(|error| format!("not JSON: {error}"))
}

/// The error without the codec's name, which nobody chose.
fn what(error: CodecError) -> String {
    match error {
        CodecError::Decode { what, .. } | CodecError::Encode { what, .. } => what.into(),
        CodecError::Truncated { .. } => "the JSON ends too early".to_owned(),
        CodecError::Trailing { .. } => "there is something behind the JSON".to_owned(),
        other => other.to_string(),
    }
}

/// The same, at a place; what names a place itself stands in that one.
fn placed(place: &str, error: CodecError) -> String {
    format!("{place}: {}", what(error))
}

/// What a word should look like that was meant as text.
fn quoted(text: &str, shape: &Shape) -> String {
    let bare = serde_json::from_str::<IgnoredAny>(text).is_err();
    match shape {
        Shape::String | Shape::Char | Shape::TextOr(_) | Shape::Type(_) | Shape::Option(_)
            if bare && !text.starts_with(['"', '{', '[']) =>
        {
            let json = serde_json::Value::from(text).to_string();
            format!(" (text is written '{json}')")
        }
        _ => String::new(),
    }
}
