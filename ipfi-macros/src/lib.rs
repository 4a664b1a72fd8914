//! The macros of `ipfi`, which re-exports them with their documentation: use that crate.
//!
//! What they write is small and decides nothing: it names the functions of `ipfi::__private` and of `Interface` that do
//! the work. What they read, and what they refuse and how, is here.

mod interface;
mod schema;

use proc_macro::TokenStream;

/// Makes a server and a client of a trait: of `trait Greeter`, `GreeterServer` and `GreeterClient`.
///
/// The example `typed` of the repository is a whole program; the rules are these.
///
/// **Methods** take `&self` and
///
/// | are written | called by the client's method of that name | kind |
/// | --- | --- | --- |
/// | `async fn f(&self, a: A) -> T` | awaited: `Result<T, CallError>` | procedure |
/// | `async fn f(&self, a: A) -> Result<T, E>` | awaited: `Result<T, TypedError<E>>`; `Result<T, CallError>` where `E` is `Status` | procedure |
/// | `fn f(&self, a: A) -> impl Stream<Item = T>` | awaited: a `Receiver<T>` | sequence |
/// | `async fn f(&self, a: A, items: Receiver<I>) -> T` | `.items(stream)` awaited, or awaited: items are sent by hand | procedure with items |
/// | `fn f(&self, a: A, items: Receiver<I>) -> impl Stream<Item = T>` | awaited: a `Sender<I>` and a `Receiver<T>` | sequence with items |
/// | `#[ipfi(notification)] async fn f(&self, a: A)` | awaited, or `.datagram()` | notification |
///
/// What a client's method gives is a `Call`: `.timeout(…)`, `.metadata(…)`, `.priority(…)` and the rest come before
/// `.await`. A parameter `context: &Context`, anywhere, is the call at the server and no argument. All types own their
/// data and are `Serialize + Deserialize`; items and answers may be `Raw`.
///
/// **The trait** is `Send + Sync + 'static`, and its futures and streams are `Send` and may borrow `self`: the
/// call holds the implementor until they are gone. So an implementor writes `async fn` and
/// `-> impl Stream<Item = T>` as the trait does. Methods may have bodies, which are defaults.
///
/// **Attributes** of a method: `#[ipfi(index = 3)]` instead of the hash of its name, `#[ipfi(rename = "…")]` for the
/// name that is hashed, `#[ipfi(timeout = "5s")]` (`ms`, `s`, `m`, `h`) for the client's calls that set none,
/// `#[ipfi(idempotent)]`, `#[ipfi(isolated)]`, `#[ipfi(notification)]` and with it `#[ipfi(datagram)]`; of the trait:
/// `#[ipfi::interface(rename = "…")]`, and where the dependency has another name, `#[ipfi::interface(crate = "rpc")]`.
///
/// **`#[cfg(…)]`** on a method or the trait holds for all that is made of it. Parameters are the same everywhere.
///
/// **Stability.** An index is a hash of the two names. Methods may be added, removed and put in another order; who renames
/// one keeps its callers by `rename`.
#[proc_macro_attribute]
pub fn interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    interface::expand(arguments.into(), item.into()).into()
}

/// Says what a type looks like to serde: beside `Serialize` and `Deserialize`, whose attributes it reads.
///
/// `rename`, `rename_all`, `rename_all_fields`, `default`, `skip`, `transparent`, `deny_unknown_fields` and `from` with `into` mean
/// what they mean there. Enums are told apart from outside, as serde has it by default. What bincode and postcard cannot
/// carry is refused: `untagged`, `tag`, `flatten`, `skip_serializing_if`. For what is written by functions (`with`), and
/// for types that have no schema, `#[ipfi(as = "Type")]` names one that travels alike. Documentation comments travel.
/// Of other names that a reader takes (`alias`) a schema says nothing: a check is stricter than serde.
///
/// Parameters of a generic type need a schema where serde needs its traits of them. Where the dependency on ipfi has another
/// name: `#[ipfi(crate = "rpc")]`.
#[proc_macro_derive(Schema, attributes(ipfi, serde))]
pub fn schema(input: TokenStream) -> TokenStream {
    schema::derive(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
