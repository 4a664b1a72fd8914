//! `#[derive(ipfi::Schema)]`: a type is read with serde's attributes ([`attributes`]), and what serde makes of it is written
//! as calls that build a tree.

mod attributes;
mod case;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Result, Type, parse_quote};

use self::attributes::{ContainerAttributes, FieldAttributes, VariantAttributes};
use self::case::Case;
use crate::interface::{documentation, unraw};

pub(crate) fn derive(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let attributes = ContainerAttributes::parse(&input.attrs)?;
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            lifetime,
            "a value that travels owns its data: remove the lifetime, and write owned types",
        ));
    }
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::ipfi::__private::Schema));
    }
    let types = Ident::new("types", Span::mixed_site());
    let body = body(&input, &attributes, &types)?;
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::ipfi::__private::Schema for #ident #type_generics #where_clause {
            fn shape(#types: &mut ::ipfi::__private::Types) -> ::ipfi::__private::Shape {
                #body
            }
        }
    })
}

fn body(input: &DeriveInput, attributes: &ContainerAttributes, types: &Ident) -> Result<TokenStream> {
    if let Some(ty) = &attributes.described_as {
        return Ok(shape_of(ty, types));
    }
    let form = match &input.data {
        Data::Struct(data) => {
            if attributes.transparent {
                return transparent(&data.fields, input, types);
            }
            let fields = fields(&data.fields, attributes.rename_all, attributes.default, types)?;
            quote!(::ipfi::__private::Form::Struct(#fields))
        }
        Data::Enum(data) => {
            let mut variants = Vec::new();
            for variant in &data.variants {
                let own = VariantAttributes::parse(&variant.attrs)?;
                if own.skip {
                    return Err(Error::new_spanned(
                        variant,
                        "a variant that is skipped moves the indices of those behind it in one direction only: put it last and \
                         into a type of its own, or remove the attribute",
                    ));
                }
                let name = own
                    .rename
                    .clone()
                    .unwrap_or_else(|| attributes.rename_all.variant(&unraw(&variant.ident)));
                let rename_fields = own.rename_all.unwrap_or(attributes.rename_all_fields);
                let fields = fields(&variant.fields, rename_fields, false, types)?;
                let doc = doc(&variant.attrs);
                variants.push(quote!(::ipfi::__private::Variant::new(#name, #fields) #doc));
            }
            quote!(::ipfi::__private::Form::Enum(::std::vec![#(#variants),*]))
        }
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span(), "serde has no unions: write an enum"));
        }
    };
    let name = attributes.rename.clone().unwrap_or_else(|| unraw(&input.ident));
    let doc = documentation(&input.attrs);
    let closed = attributes.closed;
    let parameters = input.generics.type_params().map(|parameter| {
        let ident = &parameter.ident;
        shape_of(&parse_quote!(#ident), types)
    });
    let parameters: Vec<_> = parameters.collect();
    let name = if parameters.is_empty() {
        quote!(#name)
    } else {
        quote!(&{ let parameters = [#(#parameters),*]; ::ipfi::__private::generic_name(#name, &parameters) })
    };
    Ok(quote! {
        let name = #name;
        #types.define_with::<Self>(name, #doc, #closed, |#types| #form)
    })
}

/// The one field that is not skipped.
fn transparent(fields: &Fields, input: &DeriveInput, types: &Ident) -> Result<TokenStream> {
    let mut shapes = Vec::new();
    for field in fields {
        let own = FieldAttributes::parse(&field.attrs)?;
        if !own.skip {
            shapes.push(shape_of(own.described_as.as_ref().unwrap_or(&field.ty), types));
        }
    }
    match &shapes[..] {
        [shape] => Ok(shape.clone()),
        _ => Err(Error::new_spanned(&input.ident, "a transparent struct has one field that is not skipped")),
    }
}

fn fields(fields: &Fields, rename_all: Case, default: bool, types: &Ident) -> Result<TokenStream> {
    let mut written = Vec::new();
    for field in fields {
        let own = FieldAttributes::parse(&field.attrs)?;
        if own.skip {
            continue;
        }
        let shape = shape_of(own.described_as.as_ref().unwrap_or(&field.ty), types);
        written.push(match &field.ident {
            Some(ident) => {
                let name = own.rename.clone().unwrap_or_else(|| rename_all.field(&unraw(ident)));
                let doc = doc(&field.attrs);
                let or_default = (default || own.default).then(|| quote!(.or_default()));
                quote!(::ipfi::__private::Field::new(#name, #shape) #doc #or_default)
            }
            None => shape,
        });
    }
    Ok(match fields {
        Fields::Unit => quote!(::ipfi::__private::Fields::Unit),
        // serde takes a tuple struct of one field for a newtype by what is written, not by what is left of it.
        Fields::Unnamed(all) if all.unnamed.len() == 1 && written.len() == 1 => {
            quote!(::ipfi::__private::Fields::Newtype(#(#written)*))
        }
        Fields::Unnamed(_) => quote!(::ipfi::__private::Fields::Tuple(::std::vec![#(#written),*])),
        Fields::Named(_) => quote!(::ipfi::__private::Fields::Named(::std::vec![#(#written),*])),
    })
}

/// The shape of a type, whose lack is told at the type.
fn shape_of(ty: &Type, types: &Ident) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as ::ipfi::__private::Schema>::shape(#types))
}

fn doc(attributes: &[syn::Attribute]) -> Option<TokenStream> {
    let doc = documentation(attributes);
    (!doc.is_empty()).then(|| quote!(.doc(#doc)))
}
