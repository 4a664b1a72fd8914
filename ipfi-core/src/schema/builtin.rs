//! The shapes of the standard library's types, as serde writes them. Its clocks' are not among them: this crate names
//! none (a point in time is a type of `jiff` or `chrono`, or described by `#[ipfi(as = "…")]`).

use core::cell::{Cell, RefCell};
use core::marker::PhantomData;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8, NonZeroU16,
    NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize, Saturating, Wrapping,
};
use core::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use core::time::Duration;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicUsize,
};
use std::sync::{Arc, Mutex, RwLock};

use super::{Field, Fields, Form, Schema, Shape, Types, Variant};
use crate::codec::Raw;

macro_rules! leaves {
    ($($shape:ident: $($ty:ty),+;)*) => {$($(
        impl Schema for $ty {
            fn shape(_: &mut Types) -> Shape {
                Shape::$shape
            }
        }
    )+)*};
}

leaves! {
    Bool: bool, AtomicBool;
    U8: u8, NonZeroU8, AtomicU8;
    U16: u16, NonZeroU16, AtomicU16;
    U32: u32, NonZeroU32, AtomicU32;
    U64: u64, NonZeroU64, usize, NonZeroUsize, AtomicUsize;
    U128: u128, NonZeroU128;
    I8: i8, NonZeroI8, AtomicI8;
    I16: i16, NonZeroI16, AtomicI16;
    I32: i32, NonZeroI32, AtomicI32;
    I64: i64, NonZeroI64, isize, NonZeroIsize, AtomicIsize;
    I128: i128, NonZeroI128;
    F32: f32;
    F64: f64;
    Char: char;
    String: String, str, PathBuf;
    Bytes: CString;
    Unit: ();
    Raw: Raw;
}

#[cfg(target_has_atomic = "64")]
leaves! {
    U64: core::sync::atomic::AtomicU64;
    I64: core::sync::atomic::AtomicI64;
}

/// Travels as what is in it.
macro_rules! wrappers {
    ($($ty:ty),*) => {$(
        impl<T: Schema> Schema for $ty {
            fn shape(types: &mut Types) -> Shape {
                T::shape(types)
            }
        }
    )*};
}

wrappers!(Cell<T>, RefCell<T>, Mutex<T>, RwLock<T>, Wrapping<T>, Saturating<T>, core::cmp::Reverse<T>);

/// Travels as what it points to: the shared ones where serde's feature `rc` is on.
macro_rules! pointers {
    ($($name:ident),*) => {$(
        impl<T: Schema + ?Sized> Schema for $name<T> {
            fn shape(types: &mut Types) -> Shape {
                T::shape(types)
            }
        }
    )*};
}

pointers!(Box, Rc, Arc);

impl<T: Schema + ?Sized + ToOwned> Schema for Cow<'static, T> {
    fn shape(types: &mut Types) -> Shape {
        T::shape(types)
    }
}

impl<T: Schema> Schema for [T] {
    fn shape(types: &mut Types) -> Shape {
        Shape::seq(T::shape(types))
    }
}

macro_rules! sequences {
    ($($name:ident<T $(, $other:ident)*>),*) => {$(
        impl<T: Schema $(, $other: 'static)*> Schema for $name<T $(, $other)*> {
            fn shape(types: &mut Types) -> Shape {
                Shape::seq(T::shape(types))
            }
        }
    )*};
}

sequences!(Vec<T>, VecDeque<T>, LinkedList<T>, BinaryHeap<T>, BTreeSet<T>, HashSet<T, S>);

impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    fn shape(types: &mut Types) -> Shape {
        Shape::map(K::shape(types), V::shape(types))
    }
}

impl<K: Schema, V: Schema, S: 'static> Schema for HashMap<K, V, S> {
    fn shape(types: &mut Types) -> Shape {
        Shape::map(K::shape(types), V::shape(types))
    }
}

impl<T: Schema> Schema for Option<T> {
    fn shape(types: &mut Types) -> Shape {
        Shape::option(T::shape(types))
    }
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    fn shape(types: &mut Types) -> Shape {
        // serde has arrays up to 32.
        Shape::Array(Box::new(T::shape(types)), u32::try_from(N).unwrap_or(u32::MAX))
    }
}

impl<T: ?Sized + 'static> Schema for PhantomData<T> {
    fn shape(types: &mut Types) -> Shape {
        types.define::<PhantomData<()>>("PhantomData", |_| Form::Struct(Fields::Unit))
    }
}

impl<T: Schema, E: Schema> Schema for Result<T, E> {
    fn shape(types: &mut Types) -> Shape {
        let (ok, err) = (T::shape(types), E::shape(types));
        types.define::<Self>(&format!("Result<{ok}, {err}>"), |_| {
            Form::Enum(vec![
                Variant::new("Ok", Fields::Newtype(ok)),
                Variant::new("Err", Fields::Newtype(err)),
            ])
        })
    }
}

macro_rules! tuples {
    ($(($($element:ident),+))*) => {$(
        impl<$($element: Schema),+> Schema for ($($element,)+) {
            fn shape(types: &mut Types) -> Shape {
                Shape::Tuple(vec![$($element::shape(types)),+])
            }
        }
    )*};
}

tuples! {
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
    (A, B, C, D, E, F, G, H, I)
    (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K)
    (A, B, C, D, E, F, G, H, I, J, K, L)
    (A, B, C, D, E, F, G, H, I, J, K, L, M)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P)
}

/// A struct of named fields that must all be there.
fn named<T: 'static>(types: &mut Types, name: &str, fields: Vec<(&str, Shape)>) -> Shape {
    let fields = fields.into_iter().map(|(name, shape)| Field::new(name, shape)).collect();
    types.define::<T>(name, |_| Form::Struct(Fields::Named(fields)))
}

impl Schema for Duration {
    fn shape(types: &mut Types) -> Shape {
        named::<Self>(types, "Duration", vec![("secs", Shape::U64), ("nanos", Shape::U32)])
    }
}

impl<T: Schema> Schema for Range<T> {
    fn shape(types: &mut Types) -> Shape {
        let bound = T::shape(types);
        let name = format!("Range<{bound}>");
        named::<Self>(types, &name, vec![("start", bound.clone()), ("end", bound)])
    }
}

impl<T: Schema> Schema for RangeInclusive<T> {
    fn shape(types: &mut Types) -> Shape {
        let bound = T::shape(types);
        let name = format!("RangeInclusive<{bound}>");
        named::<Self>(types, &name, vec![("start", bound.clone()), ("end", bound)])
    }
}

impl<T: Schema> Schema for RangeFrom<T> {
    fn shape(types: &mut Types) -> Shape {
        let start = T::shape(types);
        named::<Self>(types, &format!("RangeFrom<{start}>"), vec![("start", start)])
    }
}

impl<T: Schema> Schema for RangeTo<T> {
    fn shape(types: &mut Types) -> Shape {
        let end = T::shape(types);
        named::<Self>(types, &format!("RangeTo<{end}>"), vec![("end", end)])
    }
}

impl<T: Schema> Schema for Bound<T> {
    fn shape(types: &mut Types) -> Shape {
        let bound = T::shape(types);
        types.define::<Self>(&format!("Bound<{bound}>"), |_| {
            Form::Enum(vec![
                Variant::new("Unbounded", Fields::Unit),
                Variant::new("Included", Fields::Newtype(bound.clone())),
                Variant::new("Excluded", Fields::Newtype(bound)),
            ])
        })
    }
}

impl Schema for OsString {
    fn shape(types: &mut Types) -> Shape {
        types.define::<Self>("OsString", |_| {
            Form::Enum(vec![
                Variant::new("Unix", Fields::Newtype(Shape::seq(Shape::U8))),
                Variant::new("Windows", Fields::Newtype(Shape::seq(Shape::U16))),
            ])
        })
    }
}

/// Text for people, `binary` for programs, under a name by which a reader knows it.
pub(super) fn text_or<T: 'static>(types: &mut Types, name: &str, binary: Shape) -> Shape {
    types.define::<T>(name, |_| Form::Struct(Fields::Newtype(Shape::TextOr(Box::new(binary)))))
}

fn octets(len: u32) -> Shape {
    Shape::Array(Box::new(Shape::U8), len)
}

impl Schema for Ipv4Addr {
    fn shape(types: &mut Types) -> Shape {
        text_or::<Self>(types, "Ipv4Addr", octets(4))
    }
}

impl Schema for Ipv6Addr {
    fn shape(types: &mut Types) -> Shape {
        text_or::<Self>(types, "Ipv6Addr", octets(16))
    }
}

/// What tells the binary form of `T` from `T`.
struct Binary<T>(PhantomData<T>);

fn either<T: 'static>(types: &mut Types, name: &str, v4: Shape, v6: Shape) -> Shape {
    let binary = types.define::<Binary<T>>(&format!("{name}Octets"), |_| {
        Form::Enum(vec![Variant::new("V4", Fields::Newtype(v4)), Variant::new("V6", Fields::Newtype(v6))])
    });
    text_or::<T>(types, name, binary)
}

impl Schema for IpAddr {
    fn shape(types: &mut Types) -> Shape {
        either::<Self>(types, "IpAddr", octets(4), octets(16))
    }
}

impl Schema for SocketAddrV4 {
    fn shape(types: &mut Types) -> Shape {
        text_or::<Self>(types, "SocketAddrV4", Shape::Tuple(vec![octets(4), Shape::U16]))
    }
}

impl Schema for SocketAddrV6 {
    fn shape(types: &mut Types) -> Shape {
        text_or::<Self>(types, "SocketAddrV6", Shape::Tuple(vec![octets(16), Shape::U16]))
    }
}

impl Schema for SocketAddr {
    fn shape(types: &mut Types) -> Shape {
        let (v4, v6) = (vec![octets(4), Shape::U16], vec![octets(16), Shape::U16]);
        either::<Self>(types, "SocketAddr", Shape::Tuple(v4), Shape::Tuple(v6))
    }
}
