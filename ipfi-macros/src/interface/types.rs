//! What a type says of a method, as far as its words do.

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Error, GenericArgument, Path, PathArguments, PathSegment, Result, Type, TypeImplTrait, TypeParamBound,
};

/// The name without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), ToOwned::to_owned)
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn type_arguments(segment: &PathSegment) -> Vec<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The `T` of `Receiver<T>`.
pub(super) fn receiver_item(ty: &Type) -> Option<Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Receiver")?;
    match type_arguments(segment)[..] {
        [item] => Some(item.clone()),
        _ => None,
    }
}

/// The `Context` of `&Context`.
pub(super) fn referred_context(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_none() && is_context(&reference.elem) => {
            Some(&reference.elem)
        }
        _ => None,
    }
}

/// Whether a `Receiver<...>` is inside.
pub(super) fn holds_receiver(ty: &Type) -> bool {
    fn holds(tokens: TokenStream) -> bool {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let found = match token {
                TokenTree::Ident(ident) if ident == "Receiver" => {
                    matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '<')
                }
                TokenTree::Group(group) => holds(group.stream()),
                _ => false,
            };
            if found {
                return true;
            }
        }
        false
    }
    holds(ty.to_token_stream())
}

/// Whether it is `Context`, or `ipfi::Context`, by value. Of another path it is somebody's own data.
pub(super) fn is_owned_context(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let mut segments = path.path.segments.iter();
    is_context(ty)
        && segments.next().is_some_and(|first| path.path.segments.len() == 1 || first.ident == "ipfi")
}

fn is_context(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Context" && segment.arguments.is_none())
}

/// The `T` of `impl Stream<Item = T>`.
pub(super) fn stream_item(ty: &TypeImplTrait) -> Option<Type> {
    let stream = |path: &Path| {
        let segment = path.segments.last().filter(|segment| segment.ident == "Stream")?;
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
            _ => None,
        })
    };
    ty.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => stream(&bound.path),
        _ => None,
    })
}

/// What a method answers or streams: `ok`, or `Result<ok, error>`.
pub(super) struct Value {
    pub(super) ok: Type,
    pub(super) error: Option<Type>,
}

impl Value {
    pub(super) fn read(ty: Type) -> Result<Self> {
        let (ok, error) = match last_segment(&ty).filter(|segment| segment.ident == "Result") {
            None => (ty, None),
            Some(segment) => match type_arguments(segment)[..] {
                [ok, error] => (ok.clone(), Some(error.clone())),
                _ => {
                    return Err(Error::new_spanned(
                        &ty,
                        "the error of a method is part of its interface: write it out, `Result<T, E>`",
                    ));
                }
            },
        };
        travels(&ok)?;
        error.as_ref().map_or(Ok(()), travels)?;
        Ok(Self { ok, error })
    }

    pub(super) fn is_unit(&self) -> bool {
        self.error.is_none() && matches!(&self.ok, Type::Tuple(tuple) if tuple.elems.is_empty())
    }
}

/// Refuses what cannot travel, as far as it can be read off: borrowed data, `impl Trait`, `Self`.
pub(super) fn travels(ty: &Type) -> Result<()> {
    match find(ty.to_token_stream()) {
        Some(Found::Borrowed) => Err(Error::new_spanned(
            ty,
            "a value that travels owns its data, so that no reference or lifetime can be in it: \
             write `String` for `&str`, `Vec<T>` for `&[T]`, `Cow<'_, T>`'s owned type for itself",
        )),
        Some(Found::Impl) => Err(Error::new_spanned(
            ty,
            "a value that travels has one type, which both sides know: write it out instead of `impl`",
        )),
        Some(Found::SelfType) => Err(Error::new_spanned(
            ty,
            "the types of an interface are the same for all who implement it: write the type out instead of `Self`",
        )),
        None => Ok(()),
    }
}

enum Found {
    Borrowed,
    SelfType,
    Impl,
}

fn find(tokens: TokenStream) -> Option<Found> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Punct(punct) if punct.as_char() == '\'' && punct.spacing() == Spacing::Joint => {
            Some(Found::Borrowed)
        }
        TokenTree::Punct(punct) if punct.as_char() == '&' => Some(Found::Borrowed),
        TokenTree::Ident(ident) if ident == "Self" => Some(Found::SelfType),
        TokenTree::Ident(ident) if ident == "impl" => Some(Found::Impl),
        TokenTree::Group(group) => find(group.stream()),
        _ => None,
    })
}
