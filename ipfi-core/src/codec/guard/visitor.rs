//! The wrapped visitor: counts depth, charges for text, and wraps what the library hands over.

use core::fmt;

use serde::de::{Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::Scope;
use super::access::{Enum, Map, Seq};
use super::de::Guard;

/// Where the elements of what a visitor makes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Behind a pointer, as many as the bytes say.
    Heap,
    /// Inside the value, as many as its type says.
    Inline,
}

/// A type's visitor, guarded.
pub(super) struct Guarded<'a, V> {
    visitor: V,
    scope: Scope<'a>,
    layout: Layout,
}

impl<'a, V> Guarded<'a, V> {
    #[inline]
    pub(super) fn new(visitor: V, scope: Scope<'a>, layout: Layout) -> Self {
        Self { visitor, scope, layout }
    }

    #[inline]
    fn charge_text<E: Error>(&self, bytes: usize) -> Result<(), E> {
        if self.scope.name { Ok(()) } else { self.scope.budget.charge_heap(bytes) }
    }
}

/// Values that hold no other.
macro_rules! forward {
    ($($method:ident($value:ty))*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

/// Text and bytes.
macro_rules! charge_and_forward {
    ($($method:ident($value:ty))*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.charge_text(value.len())?;
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Guarded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    forward! {
        visit_bool(bool) visit_char(char)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
    }

    charge_and_forward! {
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let scope = self.scope.enter::<V::Value, _>()?;
        self.visitor.visit_some(Guard::new(deserializer, scope))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let scope = self.scope.enter::<V::Value, _>()?;
        self.visitor.visit_newtype_struct(Guard::new(deserializer, scope))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        let scope = self.scope.enter::<V::Value, _>()?;
        self.visitor.visit_seq(Seq::new(elements, scope, self.layout, size_of::<V::Value>()))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let scope = self.scope.enter::<V::Value, _>()?;
        self.visitor.visit_map(Map::new(entries, scope, self.layout, size_of::<V::Value>()))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let scope = self.scope.enter::<V::Value, _>()?;
        self.visitor.visit_enum(Enum::new(variant, scope))
    }
}
