//! `#[ipfi::interface]`: a trait is read ([`method`], [`attributes`], [`types`]), then written again with its server and
//! its client ([`write`]).

mod attributes;
mod method;
mod types;
mod write;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, ItemTrait, Path, Result, TraitItem, parse_quote};

use self::attributes::InterfaceAttributes;
pub(crate) use self::attributes::{documentation, is_documented, krate};
use self::method::Method;
pub(crate) use self::types::unraw;

/// A trait that was read without a fault.
struct Interface {
    item: ItemTrait,
    /// What ipfi is called where the trait is.
    krate: Path,
    name: String,
    methods: Vec<Method>,
}

impl Interface {
    /// What ipfi is called, as if it were written at `span`: what the compiler then says is told there.
    fn krate_at(&self, span: Span) -> TokenStream {
        let tokens = self.krate.to_token_stream().into_iter().map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        });
        tokens.collect()
    }
}

/// Faults leave what was written as it is: of those who name it, none is to fail for them.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let read_item: ItemTrait = match syn::parse2(item.clone()) {
        Ok(item) => item,
        Err(error) => {
            let error = Error::new(error.span(), format!("`#[ipfi::interface]` is for traits: {error}"))
                .into_compile_error();
            return quote!(#error #item);
        }
    };
    let interface = InterfaceAttributes::parse(arguments).and_then(|attributes| read(&read_item, attributes));
    match interface {
        Ok(interface) => write::all(&interface),
        Err(error) => {
            let (error, item) = (error.into_compile_error(), write::definition(&read_item));
            quote!(#error #item)
        }
    }
}

/// All faults at once: whoever mends them sees the next ones without another build.
fn read(item: &ItemTrait, attributes: InterfaceAttributes) -> Result<Interface> {
    let mut faults = Faults::default();
    let generics = &item.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let span =
            if generics.params.is_empty() { generics.where_clause.span() } else { generics.params.span() };
        faults.add(Error::new(
            span,
            "an interface is the same for all its callers and has no parameters of its own: write the types out; \
             what differs between servers is a parameter of the implementor, `impl<S: Store> Greeter for MyGreeter<S>`",
        ));
    }
    if let Some(attribute) = item.attrs.iter().find(|attribute| attributes::is_ours(attribute)) {
        faults.add(Error::new_spanned(
            attribute,
            "what holds for the whole interface is said where it is made one: `#[ipfi::interface(...)]`",
        ));
    }
    if let Some(token) = &item.unsafety {
        faults.add(Error::new(token.span(), "an interface is not `unsafe`: remove the word"));
    }
    let mut methods = Vec::new();
    for item in &item.items {
        match item {
            TraitItem::Fn(function) => {
                faults.take(Method::read(function)).into_iter().for_each(|method| methods.push(method));
            }
            other => faults.add(Error::new(
                other.span(),
                "an interface has methods and nothing else: move this out of the trait",
            )),
        }
    }
    faults.finish()?;
    let name = attributes.rename.unwrap_or_else(|| unraw(&item.ident));
    let krate = attributes.krate.unwrap_or_else(|| parse_quote!(::ipfi));
    Ok(Interface { item: item.clone(), krate, name, methods })
}

/// Errors that were found so far.
#[derive(Default)]
struct Faults(Option<Error>);

impl Faults {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
