//! What a crate may contain in which nothing is implied, whose items have the names of what the macros use, and
//! in which every lint is on.

#![no_implicit_prelude]
#![deny(warnings, missing_docs, missing_debug_implementations, clippy::pedantic, clippy::nursery)]
#![allow(
    unreachable_pub,
    dead_code,
    clippy::too_many_arguments,
    clippy::many_single_char_names,
    clippy::missing_errors_doc,
    clippy::redundant_pub_crate,
    reason = "the user's own"
)]

use ::futures::Stream;
use ::ipfi::{self as other, Context, Receiver};
use ::serde::{Deserialize, Serialize};
use ::std::clone::Clone as _;
use ::std::iter::Iterator as _;

/// Not the result.
#[derive(Debug)]
pub struct Result;
/// Not the option.
#[derive(Debug)]
pub struct Option;
/// Not the box.
#[derive(Debug)]
pub struct Box;
/// Not the call.
#[derive(Debug)]
pub struct Call;
/// Not the state.
#[derive(Debug)]
pub struct State;
/// Not to be sent.
pub trait Send {}
/// Not to be cloned.
pub trait Clone {}
/// Not to be described.
pub trait Schema {}
#[allow(non_upper_case_globals)]
const types: u8 = 0;
#[allow(non_upper_case_globals)]
const parameters: u8 = 0;
#[allow(non_upper_case_globals)]
const interface: u8 = 0;
mod core {}
mod std {}

/// An alias that hides its error.
pub type Answer<T> = ::core::result::Result<T, ::std::string::String>;

/// Has parameters.
#[derive(Debug, Serialize, Deserialize, other::Schema)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Data<T> {
    /// One.
    #[serde(default)]
    pub items: ::std::vec::Vec<T>,
}

/// Whatever can be written.
#[other::interface]
pub trait r#Odd {
    /// Named like a word of the language.
    async fn r#type(&self, r#fn: u8, mut a: u8) -> u8 {
        a += r#fn;
        a
    }
    #[doc = include_str!("doc.md")]
    async fn documented(&self, service: u8, items: u8, context: u8) -> ::core::option::Option<u8>;
    /// Behind an alias.
    async fn alias(&self, data: Data<u8>) -> Answer<usize>;
    /// Captures what it says.
    fn precise(&self) -> impl Stream<Item = u8> + ::core::marker::Send + use<'_, Self>;
    /// As many as there may be.
    async fn sixteen(
        &self,
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: u8,
        cx: &Context,
        items: Receiver<u8>,
    ) -> u8;
    /// Has a body.
    fn stream(&self, context: &Context, mut n: u8) -> impl Stream<Item = u8> {
        n += 1;
        let _ = context;
        ::futures::stream::iter(0..n)
    }
    /// Leaves early.
    async fn early(&self, fails: bool) -> ::core::result::Result<(), ::std::string::String> {
        if fails {
            return ::core::result::Result::Err("early".to_owned());
        }
        ::core::result::Result::Ok(())
    }
    /// Is no longer to be called.
    #[deprecated = "call another"]
    async fn old(&self) -> u8;
    /// Is written otherwise.
    #[expect(non_snake_case)]
    async fn camelCase(&self) -> u8;
    /// Has the name of a function of the description.
    async fn description(&self) -> u8;
    #[doc(hidden)]
    async fn hidden(&self) -> u8;
    /// Takes data that has the name of a call's context.
    async fn namesake(&self, context: named::Context) -> u8;
}

/// Names of ours that are somebody's own.
pub mod named {
    use ::serde::{Deserialize, Serialize};

    /// Not the context.
    #[derive(Debug, Serialize, Deserialize)]
    pub struct Context(pub u8);
}

use ::std::borrow::ToOwned as _;

/// Is not there.
#[other::interface]
#[cfg(any())]
pub trait Absent {
    async fn nowhere(&self, value: NotThere) -> u8;
}

/// Is no longer to be served.
#[other::interface]
#[deprecated = "serve another"]
pub trait Old {
    /// One.
    async fn one(&self) -> u8;
}

/// Answers.
#[derive(Debug)]
pub struct It;

impl Odd for It {
    async fn documented(&self, service: u8, items: u8, context: u8) -> ::core::option::Option<u8> {
        ::core::option::Option::Some(service + items + context)
    }
    async fn alias(&self, data: Data<u8>) -> Answer<usize> {
        ::core::result::Result::Ok(data.items.len())
    }
    fn precise(&self) -> impl Stream<Item = u8> + ::core::marker::Send + use<'_> {
        ::futures::stream::iter([1, 2])
    }
    async fn sixteen(
        &self,
        a: u8,
        b: u8,
        c: u8,
        d: u8,
        e: u8,
        f: u8,
        g: u8,
        h: u8,
        i: u8,
        j: u8,
        k: u8,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: u8,
        cx: &Context,
        items: Receiver<u8>,
    ) -> u8 {
        let (_, _) = (cx.clone(), items);
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p].iter().sum()
    }
    async fn old(&self) -> u8 {
        1
    }
    async fn camelCase(&self) -> u8 {
        2
    }
    async fn description(&self) -> u8 {
        3
    }
    async fn hidden(&self) -> u8 {
        4
    }
    async fn namesake(&self, context: named::Context) -> u8 {
        context.0
    }
}
