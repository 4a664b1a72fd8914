//! `#[derive(ipfi::Schema)]`: a type is read with serde's attributes ([`attributes`]), and what serde makes of it is written
//! as calls that build a tree.

mod attributes;
mod bounds;
mod case;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Path, Result, Type, Variant, parse_quote};

use self::attributes::{ContainerAttributes, FieldAttributes, VariantAttributes};
use self::bounds::{Used, is_phantom_type};
use self::case::Case;
use crate::interface::{documentation, is_documented, unraw};

pub(crate) fn derive(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let attributes = ContainerAttributes::parse(&input.attrs)?;
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            lifetime,
            "a value that travels owns its data: remove the lifetime, and write owned types",
        ));
    }
    let krate = attributes.krate.clone().unwrap_or_else(|| parse_quote!(::ipfi));
    let used = Used::find(&input, &attributes)?;
    let generics = used.bounded(&input.generics, &krate);
    let writer = Writer { krate: &krate, types: Ident::new("__types", Span::mixed_site()) };
    let body = writer.body(&input, &attributes, &used)?;
    let (ident, types) = (&input.ident, &writer.types);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        // Names are written in full, whatever is in scope.
        #[allow(unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics #krate::__private::Schema for #ident #type_generics #where_clause {
            fn shape(#types: &mut #krate::__private::Types) -> #krate::__private::Shape {
                #body
            }
        }
    })
}

/// What everything that is written here names.
struct Writer<'a> {
    /// What ipfi is called where the type is.
    krate: &'a Path,
    /// The table.
    types: Ident,
}

impl Writer<'_> {
    fn body(
        &self,
        input: &DeriveInput,
        attributes: &ContainerAttributes,
        used: &Used,
    ) -> Result<TokenStream> {
        let (krate, types) = (self.krate, &self.types);
        if let Some(ty) = &attributes.described_as {
            return Ok(self.shape_of(ty));
        }
        let form = match &input.data {
            Data::Struct(data) => {
                if attributes.transparent {
                    return self.transparent(&data.fields, input);
                }
                self.refuse_skipped_newtype(&data.fields)?;
                let fields = self.fields(&data.fields, attributes.rename_all, attributes.default)?;
                quote!(#krate::__private::Form::Struct(#fields))
            }
            Data::Enum(data) => {
                let variants = data.variants.iter().map(|variant| self.variant(variant, attributes));
                let variants: Vec<_> = variants.collect::<Result<_>>()?;
                quote!(#krate::__private::Form::Enum(::std::vec![#(#variants),*]))
            }
            Data::Union(data) => {
                return Err(Error::new(data.union_token.span(), "serde has no unions: write an enum"));
            }
        };
        let name = attributes.rename.clone().unwrap_or_else(|| unraw(&input.ident));
        let doc = documentation(&input.attrs);
        let closed = attributes.closed;
        let name = if used.parameters.is_empty() {
            quote!(#name)
        } else {
            let parameters = used.parameters.iter().map(|ident| self.shape_of(&parse_quote!(#ident)));
            let shapes = Ident::new("__parameters", Span::mixed_site());
            quote!(&{ let #shapes = [#(#parameters),*]; #krate::__private::generic_name(#name, &#shapes) })
        };
        let local = Ident::new("__name", Span::mixed_site());
        Ok(quote! {
            let #local = #name;
            #types.define_with::<Self>(#local, #doc, #closed, |#types| #form)
        })
    }

    fn variant(&self, variant: &Variant, attributes: &ContainerAttributes) -> Result<TokenStream> {
        let own = VariantAttributes::parse(&variant.attrs)?;
        if own.skip {
            return Err(Error::new_spanned(
                variant,
                "a variant that is skipped moves the indices of those behind it in one direction only: put it last and \
                 into a type of its own, or remove the attribute",
            ));
        }
        let krate = self.krate;
        let name = own.rename.unwrap_or_else(|| attributes.rename_all.variant(&unraw(&variant.ident)));
        let rename_fields = own.rename_all.unwrap_or(attributes.rename_all_fields);
        let fields = self.fields(&variant.fields, rename_fields, false)?;
        let doc = doc(&variant.attrs);
        Ok(quote!(#krate::__private::Variant::new(#name, #fields) #doc))
    }

    /// The one field that is not skipped.
    fn transparent(&self, fields: &Fields, input: &DeriveInput) -> Result<TokenStream> {
        let mut shapes = Vec::new();
        for field in fields {
            let own = FieldAttributes::parse(&field.attrs)?;
            if !own.skip && !is_phantom_type(&field.ty) {
                shapes.push(self.shape_of(own.described_as.as_ref().unwrap_or(&field.ty)));
            }
        }
        match &shapes[..] {
            [shape] => Ok(shape.clone()),
            _ => Err(Error::new_spanned(
                &input.ident,
                "a transparent struct has one field that is not skipped",
            )),
        }
    }

    /// serde writes the field of a newtype struct nevertheless, and does not read it.
    fn refuse_skipped_newtype(&self, fields: &Fields) -> Result<()> {
        let Fields::Unnamed(all) = fields else { return Ok(()) };
        match all.unnamed.first() {
            Some(field) if all.unnamed.len() == 1 && FieldAttributes::parse(&field.attrs)?.skip => {
                Err(Error::new_spanned(
                    field,
                    "serde writes the one field of a tuple struct although it is skipped, and does not read it: \
                     remove the attribute, or the field",
                ))
            }
            _ => Ok(()),
        }
    }

    fn fields(&self, fields: &Fields, rename_all: Case, default: bool) -> Result<TokenStream> {
        let krate = self.krate;
        let mut written = Vec::new();
        for field in fields {
            let own = FieldAttributes::parse(&field.attrs)?;
            if own.skip {
                continue;
            }
            let shape = self.shape_of(own.described_as.as_ref().unwrap_or(&field.ty));
            written.push(match &field.ident {
                Some(ident) => {
                    let name = own.rename.clone().unwrap_or_else(|| rename_all.field(&unraw(ident)));
                    let doc = doc(&field.attrs);
                    let or_default = (default || own.default).then(|| quote!(.or_default()));
                    quote!(#krate::__private::Field::new(#name, #shape) #doc #or_default)
                }
                None => shape,
            });
        }
        Ok(match fields {
            Fields::Unit => quote!(#krate::__private::Fields::Unit),
            // serde takes a tuple of one field for a newtype by what is written, not by what is left of it; a variant
            // whose one field is skipped, for one without.
            Fields::Unnamed(all) if all.unnamed.len() == 1 => match &written[..] {
                [shape] => quote!(#krate::__private::Fields::Newtype(#shape)),
                _ => quote!(#krate::__private::Fields::Unit),
            },
            Fields::Unnamed(_) => {
                quote!(#krate::__private::Fields::Tuple(::std::vec![#(#written),*]))
            }
            Fields::Named(_) => quote!(#krate::__private::Fields::Named(::std::vec![#(#written),*])),
        })
    }

    /// The shape of a type, whose lack is told at the type.
    fn shape_of(&self, ty: &Type) -> TokenStream {
        let (krate, types) = (self.krate, &self.types);
        quote_spanned!(ty.span()=> <#ty as #krate::__private::Schema>::shape(#types))
    }
}

fn doc(attributes: &[syn::Attribute]) -> Option<TokenStream> {
    is_documented(attributes).then(|| {
        let doc = documentation(attributes);
        quote!(.doc(#doc))
    })
}
