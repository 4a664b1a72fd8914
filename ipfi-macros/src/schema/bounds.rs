//! Which parameters of a generic type must say what they look like: serde's own rule, so that what derives its traits
//! derives this one.

use std::collections::BTreeSet;

use proc_macro2::Ident;
use syn::{
    Data, DeriveInput, Fields, GenericArgument, Generics, Path, PathArguments, Result, Type, TypePath,
    parse_quote,
};

use super::attributes::{ContainerAttributes, FieldAttributes};

/// What of the parameters of a type is found in its fields.
pub(super) struct Used {
    all: BTreeSet<Ident>,
    /// Those whose values travel, in their order.
    pub(super) parameters: Vec<Ident>,
    /// Fields of types that belong to a parameter, `T::Item`.
    associated: Vec<TypePath>,
}

impl Used {
    pub(super) fn find(input: &DeriveInput, attributes: &ContainerAttributes) -> Result<Self> {
        let all = input.generics.type_params().map(|parameter| parameter.ident.clone()).collect();
        let mut used = Self { all, parameters: Vec::new(), associated: Vec::new() };
        if let Some(ty) = &attributes.described_as {
            used.field(ty);
            return Ok(used);
        }
        let every: Vec<&Fields> = match &input.data {
            Data::Struct(data) => vec![&data.fields],
            Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
            Data::Union(_) => Vec::new(),
        };
        for field in every.into_iter().flatten() {
            let own = FieldAttributes::parse(&field.attrs)?;
            if !own.skip {
                used.field(own.described_as.as_ref().unwrap_or(&field.ty));
            }
        }
        Ok(used)
    }

    /// The generics of the implementation. Parameters that are not found are there by name alone.
    pub(super) fn bounded(&self, generics: &Generics, krate: &Path) -> Generics {
        let mut generics = generics.clone();
        for parameter in generics.type_params_mut() {
            parameter.bounds.push(match self.parameters.contains(&parameter.ident) {
                true => parse_quote!(#krate::__private::Schema),
                false => parse_quote!('static),
            });
        }
        if !self.associated.is_empty() {
            let clause = generics.make_where_clause();
            for ty in &self.associated {
                clause.predicates.push(parse_quote!(#ty: #krate::__private::Schema));
            }
        }
        generics
    }

    fn field(&mut self, ty: &Type) {
        if let Type::Path(path) = ungrouped(ty)
            && path.path.segments.len() > 1
            && path.path.segments.first().is_some_and(|first| self.all.contains(&first.ident))
        {
            self.associated.push(path.clone());
        }
        self.ty(ty);
    }

    fn ty(&mut self, ty: &Type) {
        match ty {
            Type::Array(array) => self.ty(&array.elem),
            Type::Slice(slice) => self.ty(&slice.elem),
            Type::Reference(reference) => self.ty(&reference.elem),
            Type::Group(group) => self.ty(&group.elem),
            Type::Paren(paren) => self.ty(&paren.elem),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.ty(element)),
            Type::Path(path) => {
                if let Some(of) = &path.qself {
                    self.ty(&of.ty);
                }
                self.path(&path.path);
            }
            _ => {}
        }
    }

    fn path(&mut self, path: &Path) {
        if is_phantom(path) {
            return;
        }
        if let Some(ident) = path.get_ident()
            && self.all.contains(ident)
            && !self.parameters.contains(ident)
        {
            self.parameters.push(ident.clone());
        }
        for segment in &path.segments {
            if let PathArguments::AngleBracketed(arguments) = &segment.arguments {
                for argument in &arguments.args {
                    if let GenericArgument::Type(ty) = argument {
                        self.ty(ty);
                    }
                }
            }
        }
    }
}

/// `PhantomData<T>`, which travels whatever `T` is.
fn is_phantom(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "PhantomData")
}

/// Whether serde passes a field of this type over in a transparent struct.
pub(super) fn is_phantom_type(ty: &Type) -> bool {
    matches!(ungrouped(ty), Type::Path(path) if is_phantom(&path.path))
}

fn ungrouped(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}
