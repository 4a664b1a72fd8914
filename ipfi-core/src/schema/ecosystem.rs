//! The shapes of other crates' types, each behind a feature of that crate's name.

use bytes::{Bytes, BytesMut};

use super::{Schema, Shape, Types};

impl Schema for Bytes {
    fn shape(_: &mut Types) -> Shape {
        Shape::Bytes
    }
}

impl Schema for BytesMut {
    fn shape(_: &mut Types) -> Shape {
        Shape::Bytes
    }
}

/// Types that are text in every codec, under a name by which a reader knows which.
#[cfg(any(feature = "url", feature = "jiff", feature = "chrono"))]
macro_rules! texts {
    ($($name:literal: $ty:ty;)*) => {$(
        impl Schema for $ty {
            fn shape(types: &mut Types) -> Shape {
                types.define::<Self>($name, |_| super::Form::Struct(super::Fields::Newtype(Shape::String)))
            }
        }
    )*};
}

#[cfg(feature = "url")]
texts! { "Url": url::Url; }

#[cfg(feature = "jiff")]
texts! {
    "Timestamp": jiff::Timestamp;
    "Zoned": jiff::Zoned;
    "Date": jiff::civil::Date;
    "Time": jiff::civil::Time;
    "DateTime": jiff::civil::DateTime;
    "Span": jiff::Span;
    "SignedDuration": jiff::SignedDuration;
}

#[cfg(feature = "chrono")]
texts! {
    "NaiveDate": chrono::NaiveDate;
    "NaiveTime": chrono::NaiveTime;
    "NaiveDateTime": chrono::NaiveDateTime;
}

#[cfg(feature = "chrono")]
impl<Z: chrono::TimeZone + 'static> Schema for chrono::DateTime<Z> {
    fn shape(types: &mut Types) -> Shape {
        types.define::<Self>("DateTime", |_| super::Form::Struct(super::Fields::Newtype(Shape::String)))
    }
}

#[cfg(feature = "uuid")]
impl Schema for uuid::Uuid {
    fn shape(types: &mut Types) -> Shape {
        super::builtin::text_or::<Self>(types, "Uuid", Shape::Bytes)
    }
}
