//! How a shape is printed in an error: as it would be written in Rust, nearly.

use core::fmt;

use super::Shape;

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::String => "String",
            Self::Bytes => "bytes",
            Self::Unit => "()",
            Self::Raw => "Raw",
            Self::Option(shape) => return write!(f, "Option<{shape}>"),
            Self::Seq(shape) => return write!(f, "Vec<{shape}>"),
            Self::Map(key, value) => return write!(f, "Map<{key}, {value}>"),
            Self::Array(shape, len) => return write!(f, "[{shape}; {len}]"),
            Self::TextOr(shape) => return write!(f, "text or {shape}"),
            Self::Type(name) | Self::Opaque(name) => return f.write_str(name),
            Self::Tuple(shapes) => {
                f.write_str("(")?;
                for (n, shape) in shapes.iter().enumerate() {
                    write!(f, "{}{shape}", if n == 0 { "" } else { ", " })?;
                }
                return f.write_str(if shapes.len() == 1 { ",)" } else { ")" });
            }
        })
    }
}
