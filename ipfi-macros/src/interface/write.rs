//! What is written: the trait, its server, its client, its description.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, ItemTrait, Path, ReturnType, TraitItem, Type};

use super::Interface;
use super::attributes::{
    deprecations, documentation, is_condition, is_documented, is_ours, is_shared, lints,
};
use super::method::{Answer, Method, Passed};
use super::types::Value;

pub(super) fn all(interface: &Interface) -> TokenStream {
    let parts = [definition(&interface.item), checks(interface), server(interface), client(interface)];
    parts.into_iter().collect()
}

/// The trait itself: `async fn` becomes a future that is `Send`.
///
/// Also of one with faults, so that these are all that is told: whoever names the trait finds it.
pub(super) fn definition(item: &ItemTrait) -> TokenStream {
    let mut item = item.clone();
    item.attrs.retain(|attribute| !is_ours(attribute));
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
            quote_spanned!(span=> impl ::core::future::Future<Output = #output> + ::core::marker::Send)
        } else if matches!(&function.sig.output, ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)))
        {
            quote_spanned!(span=> #output + ::core::marker::Send)
        } else {
            continue;
        };
        function.sig.output = syn::parse_quote!(-> #returned);
    }
    quote!(#item)
}

/// Type errors at the types that have them, and indices that meet at the methods, before anything runs.
fn checks(interface: &Interface) -> TokenStream {
    let whole = conditions(&interface.item.attrs);
    let methods = interface.methods.iter().map(|method| {
        let conditions = conditions(&method.item.attrs);
        let holds = assertions(interface, method);
        quote! {
            #(#whole)* #(#conditions)* #[allow(deprecated, unused_qualifications)]
            const _: () = { #holds };
        }
    });
    let indices = interface.methods.iter().map(|method| {
        let (conditions, index) = (conditions(&method.item.attrs), index(interface, method));
        quote!(#(#conditions)* #index)
    });
    let distinct = interface.methods.iter().map(|method| {
        let (conditions, index) = (conditions(&method.item.attrs), index(interface, method));
        let (interface_name, name) = (&interface.name, &method.name);
        let fault = format!(
            "{interface_name}.{name} has the index of another method of {interface_name}, or a reserved one: \
             give it one of its own, #[ipfi(index = ...)], or another name"
        );
        let span = method.item.sig.ident.span();
        let krate = interface.krate_at(span);
        quote_spanned! {span=>
            #(#conditions)*
            const _: () = #krate::__private::assert_index(__INDICES, #index, #fault);
        }
    });
    quote! {
        #(#methods)*

        #(#whole)*
        const _: () = {
            const __INDICES: &[u64] = &[#(#indices),*];
            #(#distinct)*
        };
    }
}

/// What must be true of the types of a method.
fn assertions(interface: &Interface, method: &Method) -> TokenStream {
    let assertion = |name: &str, ty: &Type| {
        let (span, name) = (ty.span(), Ident::new(name, Span::call_site()));
        let krate = interface.krate_at(span);
        quote_spanned!(span=> #krate::__private::#name::<#ty>();)
    };
    let context = method.context_type.iter().map(|ty| assertion("assert_context", ty));
    let receiver = method.receiver_type.iter().map(|ty| assertion("assert_receiver", ty));
    let arguments = method.arguments.iter().map(|(_, ty)| assertion("assert_argument", ty));
    let answered = match &method.answer {
        Answer::Nothing => None,
        Answer::Value(value) | Answer::Stream(value) => Some(value),
    };
    let values = method.items.iter().chain(answered.map(|value| &value.ok));
    let values = values.map(|ty| assertion("assert_value", ty));
    let error = answered.and_then(|Value { ok, error }| {
        let error = error.as_ref()?;
        let krate = interface.krate_at(error.span());
        Some(quote_spanned!(error.span()=> #krate::__private::assert_error::<#ok, #error>();))
    });
    quote!(#(#context)* #(#receiver)* #(#arguments)* #(#values)* #error)
}

fn server(interface: &Interface) -> TokenStream {
    let (vis, name, krate) = (&interface.item.vis, &interface.item.ident, &interface.krate);
    let conditions_of_all = conditions(&interface.item.attrs);
    let deprecated = deprecations(&interface.item.attrs);
    let server = format_ident!("{}Server", name);
    let client = format_ident!("{}Client", name);
    let doc = format!("Offers every method of [`{name}`]: `Interface::new().serve({server}(…))`.");
    let (registered, implementor) = (local("interface"), format_ident!("__Implementor"));
    let methods = interface.methods.iter().map(|method| {
        let conditions = conditions(&method.item.attrs);
        let registration = registration(interface, method, &registered, &implementor);
        quote!(#(#conditions)* let #registered = #registration;)
    });
    quote! {
        #(#conditions_of_all)*
        #[doc = #doc]
        #(#deprecated)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #vis struct #server<#implementor>(
            /// Whose methods are called.
            #vis #implementor,
        );

        #(#conditions_of_all)*
        #[allow(deprecated, unused_qualifications)]
        impl<#implementor> #krate::typed::Describe for #server<#implementor> {
            fn description() -> #krate::typed::Description {
                <#client as #krate::typed::Describe>::description()
            }
        }

        #(#conditions_of_all)*
        #[allow(deprecated, unused_qualifications)]
        impl<#implementor: #name> #krate::typed::Serve for #server<#implementor> {
            type Implementor = #implementor;

            fn into_shared(self) -> #krate::__private::Arc<#implementor> {
                #krate::__private::Arc::new(self.0)
            }

            fn register(
                #registered: #krate::Interface<#krate::__private::Arc<#implementor>>,
            ) -> #krate::Interface<#krate::__private::Arc<#implementor>> {
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
    let krate = &interface.krate;
    let (service, context, items) = (local("service"), local("context"), local("items"));
    let (trait_name, name) = (&interface.item.ident, &method.item.sig.ident);
    let index = index(interface, method);
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, ty)| (name, ty)).unzip();
    let streams = matches!(method.answer, Answer::Stream(_));
    let passed = method.passed.iter().map(|passed| match passed {
        Passed::Argument(name) => quote!(#name),
        Passed::Items => quote!(#items),
        // A sequence borrows it already.
        Passed::Context if streams => quote!(#context),
        Passed::Context => quote!(&#context),
    });
    let is_procedure = !streams && method.items.is_none() && !method.is_notification();
    let service_passed = match (streams, is_procedure) {
        (true, _) => quote!(#service),
        (false, true) => quote!(&#service),
        (false, false) => quote!(&#service.0),
    };
    let call = quote!(<#implementor as #trait_name>::#name(#service_passed #(, #passed)*));
    let arguments = quote!((#(#names,)*): (#(#types,)*));
    let items = method.items.as_ref().map(|ty| quote!(, #items: #krate::Receiver<#ty>));
    let shared = quote!(#krate::__private::Arc<#implementor>);
    let registration = if streams {
        let function = if items.is_some() { "service_sequence_with_items" } else { "service_sequence" };
        let function = Ident::new(function, Span::call_site());
        let context =
            if method.takes_context() { quote!(#context: &#krate::Context) } else { quote!((): &()) };
        quote! {
            #registered.#function(#index, |#service: &#shared, #context, #arguments #items|
                -> #krate::__private::BoxStream<'_, _> { ::std::boxed::Box::pin(#call) })
        }
    } else if is_procedure {
        let context = if method.takes_context() { quote!(#context: #krate::Context) } else { quote!((): ()) };
        quote! {
            #registered.service_procedure(#index, |#service: &#shared, #context, #arguments|
                -> #krate::__private::Answer<_> {
                    let #service = #krate::__private::Arc::clone(#service);
                    ::std::boxed::Box::pin(async move { #krate::__private::reply(#call.await) })
                })
        }
    } else {
        let function = if method.is_notification() { "notification" } else { "procedure_with_items" };
        let function = Ident::new(function, Span::call_site());
        let context = method.takes_context().then(|| quote!(#context: #krate::Context,));
        quote! {
            #registered.#function(#index, |#service: #krate::State<#shared>, #context #arguments #items|
                async move { #call.await })
        }
    };
    let idempotent = method.attributes.idempotent.then(|| quote!(.idempotent(#index)));
    let isolated = method.attributes.isolated.then(|| quote!(.isolated(#index)));
    let datagram = method.attributes.datagram.map(|_| quote!(.by_datagram(#index)));
    quote!(#registration #idempotent #isolated #datagram)
}

fn client(interface: &Interface) -> TokenStream {
    let (vis, name, krate) = (&interface.item.vis, &interface.item.ident, &interface.krate);
    let conditions_of_all = conditions(&interface.item.attrs);
    let deprecated = deprecations(&interface.item.attrs);
    let lints = lints(&interface.item.attrs);
    let client = format_ident!("{}Client", name);
    let doc = format!("Calls the methods of [`{name}`] at a peer. Cheap to clone.");
    let methods = interface.methods.iter().map(|method| client_method(interface, method));
    let described = local("described");
    let descriptions = interface.methods.iter().map(|method| {
        let conditions = conditions(&method.item.attrs);
        let description = description(interface, method, &described);
        quote!(#(#conditions)* #description;)
    });
    let (interface_name, interface_doc) = (&interface.name, documentation(&interface.item.attrs));
    quote! {
        #(#conditions_of_all)*
        #[doc = #doc]
        #(#deprecated)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[allow(dead_code)]
        #vis struct #client {
            wire: #krate::Wire,
        }

        #(#conditions_of_all)*
        #(#lints)*
        #[allow(dead_code, deprecated, unused_qualifications)]
        impl #client {
            /// Calls over `wire`, in its codec.
            #vis fn new(wire: &#krate::Wire) -> Self {
                Self { wire: ::core::clone::Clone::clone(wire) }
            }

            /// Calls over `wire`, once its peer was found to serve this interface as it is known here. It is asked once, by a call
            /// that may be dropped at any time; what it does not serve, or serves in another version, is an error by name.
            #vis async fn checked(
                wire: &#krate::Wire,
            ) -> ::core::result::Result<Self, #krate::typed::CheckError> {
                #krate::typed::check::<Self>(wire).await?;
                ::core::result::Result::Ok(Self::new(wire))
            }

            /// What it calls over.
            #vis fn wire(&self) -> &#krate::Wire {
                &self.wire
            }

            #(#methods)*
        }

        #(#conditions_of_all)*
        #[allow(deprecated, unused_qualifications, clippy::needless_borrow)]
        impl #krate::typed::Describe for #client {
            fn description() -> #krate::typed::Description {
                #[allow(unused_imports)]
                use #krate::__private::{ByName as _, BySchema as _};
                #[allow(unused_mut)]
                let mut #described = #krate::__private::Describing::new(#interface_name, #interface_doc);
                #(#descriptions)*
                #described.finish()
            }
        }
    }
}

fn client_method(interface: &Interface, method: &Method) -> TokenStream {
    let (vis, krate) = (&interface.item.vis, &interface.krate);
    let ident = &method.item.sig.ident;
    let attributes = method.item.attrs.iter().filter(|attribute| is_shared(attribute));
    let lints = lints(&method.item.attrs);
    let doc = (!is_documented(&method.item.attrs)).then(|| {
        let doc = format!("Calls `{}.{}`.", interface.name, method.name);
        quote!(#[doc = #doc])
    });
    let (names, types): (Vec<_>, Vec<_>) = method.arguments.iter().map(|(name, ty)| (name, ty)).unzip();
    let kind = call_kind(krate, method);
    let index = index(interface, method);
    let name = format!("{}.{}", interface.name, method.name);
    let timeout = method
        .attributes
        .timeout_ms
        .map(|ms| quote!(.timeout(#krate::__private::Duration::from_millis(#ms))));
    quote! {
        #(#attributes)*
        #doc
        #(#lints)*
        #[allow(clippy::too_many_arguments)]
        #vis fn #ident(&self #(, #names: #types)*) -> #krate::call::Call<#kind, (#(#types,)*)> {
            #krate::__private::call(&self.wire, #index, &#name, (#(#names,)*)) #timeout
        }
    }
}

/// The `K` of the `Call<K, A>` that a client's method gives.
fn call_kind(krate: &Path, method: &Method) -> TokenStream {
    let items = &method.items;
    match &method.answer {
        Answer::Nothing => quote!(#krate::call::Notify),
        Answer::Value(Value { ok, error }) => match (items, error) {
            (None, None) => quote!(#krate::call::Unary<#ok>),
            (None, Some(error)) => quote!(#krate::call::TryUnary<#ok, #error>),
            (Some(item), None) => quote!(#krate::call::Upload<#item, #ok>),
            (Some(item), Some(error)) => quote!(#krate::call::TryUpload<#item, #ok, #error>),
        },
        Answer::Stream(Value { ok, error }) => {
            let ty = match error {
                None => quote!(#ok),
                Some(error) => quote!(#krate::__private::ItemOf<#ok, #error>),
            };
            match items {
                None => quote!(#krate::call::StreamCall<#ty>),
                Some(item) => quote!(#krate::call::Duplex<#item, #ty>),
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
    let krate = &interface.krate;
    let kind = Ident::new(kind, Span::call_site());
    let (name, doc) = (&method.name, documentation(&method.item.attrs));
    let index = index(interface, method);
    let parameters = method.arguments.iter().map(|(name, ty)| {
        let (name, shape) = (super::types::unraw(name), shape(krate, ty));
        quote!(.parameter(#name, #shape))
    });
    let items = method.items.as_ref().map(|ty| shape(krate, ty)).map(|shape| quote!(.items(#shape)));
    let answer = match &method.answer {
        Answer::Nothing => None,
        Answer::Value(Value { ok, error }) | Answer::Stream(Value { ok, error }) => {
            let error = error.as_ref().map(|error| {
                let shape = shape(krate, error);
                quote!(.error(<#error as #krate::typed::MethodError<#ok>>::IS_VALUE, #shape))
            });
            let shape = shape(krate, ok);
            Some(quote!(.answer(#shape) #error))
        }
    };
    let idempotent = method.attributes.idempotent.then(|| quote!(.idempotent()));
    let datagram = method.attributes.datagram.map(|_| quote!(.datagram()));
    let timeout = method.attributes.timeout_ms.map(|ms| quote!(.timeout_ms(#ms)));
    quote! {
        #described.method(#name, #doc, #index, #krate::__private::Kind::#kind)
            #(#parameters)* #items #answer #idempotent #datagram #timeout
            .add()
    }
}

/// The function that gives the shape of a type, or says that it has none.
fn shape(krate: &Path, ty: &Type) -> TokenStream {
    let types = local("types");
    quote!(|#types| (&#krate::__private::Probe::<#ty>::NEW).shape(#types))
}

/// The index of a method, as an expression: the hash is computed where it is defined.
fn index(interface: &Interface, method: &Method) -> TokenStream {
    match &method.attributes.index {
        Some(index) => {
            let value: u64 = index.base10_parse().unwrap_or_default();
            let mut literal = Literal::u64_suffixed(value);
            literal.set_span(index.span());
            quote!(#literal)
        }
        None => {
            let (krate, interface, name) = (&interface.krate, &interface.name, &method.name);
            quote!(const { #krate::__private::typed_procedure(#interface, #name) })
        }
    }
}

/// A variable, or a parameter of a closure: even a constant of that name in the user's code is none of ours.
fn local(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| is_condition(attribute)).collect()
}
