//! What is written: the trait, its server, its client, its description.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, ReturnType, TraitItem};

use super::Interface;
use super::attributes::{documentation, is_condition, is_ours, is_shared};
use super::method::{Answer, Method, Passed};
use super::types::Value;

pub(super) fn all(interface: &Interface) -> TokenStream {
    let parts = [definition(interface), checks(interface), server(interface), client(interface)];
    parts.into_iter().collect()
}

/// The trait itself: `async fn` becomes a future that is `Send`.
fn definition(interface: &Interface) -> TokenStream {
    let mut item = interface.item.clone();
    item.supertraits.extend::<[syn::TypeParamBound; 3]>([
        syn::parse_quote!(::core::marker::Send),
        syn::parse_quote!(::core::marker::Sync),
        syn::parse_quote!('static),
    ]);
    item.colon_token.get_or_insert_with(Default::default);
    for function in &mut item.items {
        let TraitItem::Fn(function) = function else { continue };
        function.attrs.retain(|attribute| !is_ours(attribute));
        let span = function.sig.output.span();
        let output = match &function.sig.output {
            ReturnType::Type(_, ty) => quote!(#ty),
            ReturnType::Default => quote!(()),
        };
        let returned = if function.sig.asyncness.take().is_some() {
            if let Some(body) = &function.default {
                function.default = Some(syn::parse_quote!({ async move #body }));
            }
            quote_spanned!(span=> impl ::ipfi::__private::Future<Output = #output> + ::core::marker::Send)
        } else {
            quote_spanned!(span=> #output + ::core::marker::Send)
        };
        function.sig.output = syn::parse_quote!(-> #returned);
    }
    quote!(#item)
}

/// Type errors at the types that have them, and indices that meet, before anything runs.
fn checks(interface: &Interface) -> TokenStream {
    let name = &interface.name;
    let methods = interface.methods.iter().map(|method| {
        let conditions = conditions(&method.item.attrs);
        let answered = match &method.answer {
            Answer::Nothing => None,
            Answer::Value(value) | Answer::Stream(value) => Some(value),
        };
        let arguments = method
            .arguments
            .iter()
            .map(|(_, ty)| quote_spanned!(ty.span()=> ::ipfi::__private::assert_argument::<#ty>();));
        let values = method.items.iter().chain(answered.map(|value| &value.ok));
        let values = values.map(|ty| quote_spanned!(ty.span()=> ::ipfi::__private::assert_value::<#ty>();));
        let error = answered.and_then(|Value { ok, error }| {
            let error = error.as_ref()?;
            Some(quote_spanned!(error.span()=> ::ipfi::__private::assert_error::<#ok, #error>();))
        });
        quote!(#(#conditions)* const _: () = { #(#arguments)* #(#values)* #error };)
    });
    let conditions =
        interface.methods.iter().map(|method| conditions(&method.item.attrs)).map(|it| quote!(#(#it)*));
    let conditions: Vec<_> = conditions.collect();
    let indices = interface.methods.iter().map(|method| index(name, method));
    let faults = interface.methods.iter().map(|method| {
        let (method, name) = (&method.name, name);
        format!(
            "{name}.{method} has the index of another method of {name}, or a reserved one: \
             give it one of its own, #[ipfi(index = ...)], or another name"
        )
    });
    let span = interface.item.ident.span();
    let distinct = quote_spanned! {span=>
        const _: () = ::ipfi::__private::assert_indices(
            &[#(#conditions #indices),*],
            &[#(#conditions #faults),*],
        );
    };
    quote!(#(#methods)* #distinct)
}

fn server(interface: &Interface) -> TokenStream {
    let (vis, name) = (&interface.item.vis, &interface.item.ident);
    let server = format_ident!("{}Server", name);
    let client = format_ident!("{}Client", name);
    let doc = format!("Offers every method of [`{name}`]: `Interface::new().serve({server}(…))`.");
    let local = |name| Ident::new(name, Span::mixed_site());
    let (registered, implementor) = (local("interface"), format_ident!("__Implementor"));
    let methods = interface.methods.iter().map(|method| {
        let conditions = conditions(&method.item.attrs);
        let registration = registration(interface, method, &registered, &implementor);
        quote!(#(#conditions)* let #registered = #registration;)
    });
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #vis struct #server<#implementor>(
            /// Whose methods are called.
            #vis #implementor,
        );

        impl<#implementor> ::ipfi::typed::Describe for #server<#implementor> {
            fn description() -> ::ipfi::typed::Description {
                <#client as ::ipfi::typed::Describe>::description()
            }
        }

        impl<#implementor: #name> ::ipfi::typed::Serve for #server<#implementor> {
            type Implementor = #implementor;

            fn into_shared(self) -> ::ipfi::__private::Arc<#implementor> {
                ::ipfi::__private::Arc::new(self.0)
            }

            fn register(
                #registered: ::ipfi::Interface<::ipfi::__private::Arc<#implementor>>,
            ) -> ::ipfi::Interface<::ipfi::__private::Arc<#implementor>> {
                #(#methods)*
                #registered
            }
        }
    }
}

/// The expression that registers one method.
fn registration(
    interface: &Interface,
    method: &Method,
    registered: &Ident,
    implementor: &Ident,
) -> TokenStream {
    let local = |name| Ident::new(name, Span::mixed_site());
    let (service, context, items) = (local("service"), local("context"), local("items"));
    let (trait_name, name) = (&interface.item.ident, &method.item.sig.ident);
    let index = index(&interface.name, method);
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, ty)| (name, ty)).unzip();
    let streams = matches!(method.answer, Answer::Stream(_));
    let passed = method.passed.iter().map(|passed| match passed {
        Passed::Argument(name) => quote!(#name),
        Passed::Items => quote!(#items),
        // A sequence borrows it already.
        Passed::Context if streams => quote!(#context),
        Passed::Context => quote!(&#context),
    });
    let service_passed = if streams { quote!(#service) } else { quote!(&#service.0) };
    let call = quote!(<#implementor as #trait_name>::#name(#service_passed #(, #passed)*));
    let arguments = quote!((#(#names,)*): (#(#types,)*));
    let items = method.items.as_ref().map(|ty| quote!(, #items: ::ipfi::Receiver<#ty>));
    let shared = quote!(::ipfi::__private::Arc<#implementor>);
    let registration = if streams {
        let function = if items.is_some() { "service_sequence_with_items" } else { "service_sequence" };
        let function = Ident::new(function, Span::call_site());
        let context = if method.takes_context { quote!(#context: &::ipfi::Context) } else { quote!((): &()) };
        quote! {
            #registered.#function(#index, |#service: &#shared, #context, #arguments #items|
                -> ::ipfi::__private::BoxStream<'_, _> { ::std::boxed::Box::pin(#call) })
        }
    } else {
        let function = match (&method.items, method.is_notification()) {
            (_, true) => "notification",
            (Some(_), _) => "procedure_with_items",
            (None, _) => "procedure",
        };
        let function = Ident::new(function, Span::call_site());
        let context = method.takes_context.then(|| quote!(#context: ::ipfi::Context,));
        quote! {
            #registered.#function(#index, |#service: ::ipfi::State<#shared>, #context #arguments #items|
                async move { #call.await })
        }
    };
    let idempotent = method.attributes.idempotent.then(|| quote!(.idempotent(#index)));
    let isolated = method.attributes.isolated.then(|| quote!(.isolated(#index)));
    let datagram = method.attributes.datagram.map(|_| quote!(.by_datagram(#index)));
    quote!(#registration #idempotent #isolated #datagram)
}

fn client(interface: &Interface) -> TokenStream {
    let (vis, name) = (&interface.item.vis, &interface.item.ident);
    let client = format_ident!("{}Client", name);
    let doc = format!("Calls the methods of [`{name}`] at a peer. Cheap to clone.");
    let methods = interface.methods.iter().map(|method| client_method(interface, method));
    let described = Ident::new("described", Span::mixed_site());
    let descriptions = interface.methods.iter().map(|method| {
        let conditions = conditions(&method.item.attrs);
        let description = description(interface, method, &described);
        quote!(#(#conditions)* #description;)
    });
    let (interface_name, interface_doc) = (&interface.name, documentation(&interface.item.attrs));
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #vis struct #client {
            wire: ::ipfi::Wire,
        }

        #[allow(dead_code)]
        impl #client {
            /// Calls over `wire`, in its codec.
            #vis fn new(wire: &::ipfi::Wire) -> Self {
                Self { wire: ::core::clone::Clone::clone(wire) }
            }

            /// Calls over `wire`, once its peer was found to serve this interface as it is known here.
            #vis async fn checked(
                wire: &::ipfi::Wire,
            ) -> ::core::result::Result<Self, ::ipfi::typed::CheckError> {
                ::ipfi::typed::check::<Self>(wire).await?;
                ::core::result::Result::Ok(Self::new(wire))
            }

            /// What it calls over.
            #vis fn wire(&self) -> &::ipfi::Wire {
                &self.wire
            }

            #(#methods)*
        }

        impl ::ipfi::typed::Describe for #client {
            #[allow(clippy::needless_borrow)]
            fn description() -> ::ipfi::typed::Description {
                #[allow(unused_imports)]
                use ::ipfi::__private::{ByName as _, BySchema as _};
                #[allow(unused_mut)]
                let mut #described = ::ipfi::__private::Describing::new(#interface_name, #interface_doc);
                #(#descriptions)*
                #described.finish()
            }
        }
    }
}

fn client_method(interface: &Interface, method: &Method) -> TokenStream {
    let vis = &interface.item.vis;
    let ident = &method.item.sig.ident;
    let attributes = method.item.attrs.iter().filter(|attribute| is_shared(attribute));
    let doc = documentation(&method.item.attrs).is_empty().then(|| {
        let doc = format!("Calls `{}.{}`.", interface.name, method.name);
        quote!(#[doc = #doc])
    });
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, ty)| (name, ty)).unzip();
    let kind = call_kind(method);
    let index = index(&interface.name, method);
    let name = format!("{}.{}", interface.name, method.name);
    let timeout = method
        .attributes
        .timeout_ms
        .map(|ms| quote!(.timeout(::ipfi::__private::Duration::from_millis(#ms))));
    quote! {
        #(#attributes)*
        #doc
        #[allow(clippy::too_many_arguments)]
        #vis fn #ident(&self #(, #names: #types)*) -> ::ipfi::call::Call<#kind, (#(#types,)*)> {
            ::ipfi::__private::call(&self.wire, #index, &#name, (#(#names,)*)) #timeout
        }
    }
}

/// The `K` of the `Call<K, A>` that a client's method gives.
fn call_kind(method: &Method) -> TokenStream {
    let items = &method.items;
    match &method.answer {
        Answer::Nothing => quote!(::ipfi::call::Notify),
        Answer::Value(Value { ok, error }) => match (items, error) {
            (None, None) => quote!(::ipfi::call::Unary<#ok>),
            (None, Some(error)) => quote!(::ipfi::call::TryUnary<#ok, #error>),
            (Some(item), None) => quote!(::ipfi::call::Upload<#item, #ok>),
            (Some(item), Some(error)) => quote!(::ipfi::call::TryUpload<#item, #ok, #error>),
        },
        Answer::Stream(Value { ok, error }) => {
            let ty = match error {
                None => quote!(#ok),
                Some(error) => quote!(::ipfi::__private::ItemOf<#ok, #error>),
            };
            match items {
                None => quote!(::ipfi::call::StreamCall<#ty>),
                Some(item) => quote!(::ipfi::call::Duplex<#item, #ty>),
            }
        }
    }
}

/// The statement that adds a method to the description.
fn description(interface: &Interface, method: &Method, described: &Ident) -> TokenStream {
    let kind = match (&method.answer, &method.items) {
        (Answer::Nothing, _) => "Notification",
        (Answer::Value(_), None) => "Procedure",
        (Answer::Value(_), Some(_)) => "ProcedureWithItems",
        (Answer::Stream(_), None) => "Sequence",
        (Answer::Stream(_), Some(_)) => "SequenceWithItems",
    };
    let kind = Ident::new(kind, Span::call_site());
    let (name, doc) = (&method.name, documentation(&method.item.attrs));
    let index = index(&interface.name, method);
    let parameters = method.arguments.iter().map(|(name, ty)| {
        let (name, shape) = (super::types::unraw(name), shape(ty));
        quote!(.parameter(#name, #shape))
    });
    let items = method.items.as_ref().map(shape).map(|shape| quote!(.items(#shape)));
    let answer = match &method.answer {
        Answer::Nothing => None,
        Answer::Value(Value { ok, error }) | Answer::Stream(Value { ok, error }) => {
            let error = error.as_ref().map(|error| {
                let shape = shape(error);
                quote!(.error(<#error as ::ipfi::typed::MethodError<#ok>>::IS_VALUE, #shape))
            });
            let shape = shape(ok);
            Some(quote!(.answer(#shape) #error))
        }
    };
    let idempotent = method.attributes.idempotent.then(|| quote!(.idempotent()));
    let datagram = method.attributes.datagram.map(|_| quote!(.datagram()));
    let timeout = method.attributes.timeout_ms.map(|ms| quote!(.timeout_ms(#ms)));
    quote! {
        #described.method(#name, #doc, #index, ::ipfi::__private::Kind::#kind)
            #(#parameters)* #items #answer #idempotent #datagram #timeout
            .add()
    }
}

/// The function that gives the shape of a type, or says that it has none.
fn shape(ty: &syn::Type) -> TokenStream {
    let types = Ident::new("types", Span::mixed_site());
    quote!(|#types| (&::ipfi::__private::Probe::<#ty>::NEW).shape(#types))
}

/// The index of a method, as an expression: the hash is computed where it is defined.
fn index(interface: &str, method: &Method) -> TokenStream {
    match &method.attributes.index {
        Some(index) => {
            let value: u64 = index.base10_parse().unwrap_or_default();
            let mut literal = Literal::u64_suffixed(value);
            literal.set_span(index.span());
            quote!(#literal)
        }
        None => {
            let name = &method.name;
            quote!(const { ::ipfi::__private::typed_procedure(#interface, #name) })
        }
    }
}

fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| is_condition(attribute)).collect()
}
