//! `#[ipfi(...)]`, and what is kept of other attributes.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Path};

/// Of the trait: `#[ipfi::interface(rename = "...")]`.
#[derive(Default)]
pub(super) struct InterfaceAttributes {
    pub(super) rename: Option<String>,
    /// What ipfi is called here.
    pub(super) krate: Option<Path>,
}

impl InterfaceAttributes {
    pub(super) fn parse(arguments: TokenStream) -> syn::Result<Self> {
        let mut attributes = Self::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("rename") {
                attributes.rename = Some(name(&meta)?);
            } else if meta.path.is_ident("crate") {
                attributes.krate = Some(krate(meta.value()?.parse()?)?);
            } else {
                return Err(meta
                    .error("an interface takes `rename = \"...\"` and `crate = \"...\"`, and nothing else"));
            }
            Ok(())
        });
        parser.parse2(arguments)?;
        Ok(attributes)
    }
}

/// Of a method: `#[ipfi(...)]`.
#[derive(Default)]
pub(super) struct MethodAttributes {
    pub(super) index: Option<LitInt>,
    pub(super) rename: Option<String>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) idempotent: bool,
    pub(super) isolated: bool,
    pub(super) notification: Option<Span>,
    pub(super) datagram: Option<Span>,
}

impl MethodAttributes {
    pub(super) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut parsed = Self::default();
        let mut known = Vec::new();
        for attribute in attributes {
            if is_ours(attribute) {
                attribute.parse_nested_meta(|meta| {
                    let name = meta.path.get_ident().cloned();
                    if known.contains(&name) {
                        return Err(meta.error("this is said twice: remove one"));
                    }
                    known.push(name);
                    parsed.entry(&meta)
                })?;
            } else if hides_what_counts(attribute) {
                return Err(Error::new_spanned(
                    attribute,
                    "what a method is must be seen, and is not behind `cfg_attr`: write one method for each case, \
                     each under a `#[cfg(...)]`",
                ));
            }
        }
        match parsed.datagram {
            Some(span) if parsed.notification.is_none() => Err(Error::new(
                span,
                "only a notification can come as a datagram, because nobody answers one: \
                 write `#[ipfi(notification, datagram)]`",
            )),
            _ => Ok(parsed),
        }
    }

    fn entry(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let span = meta.path.segments.first().map_or_else(Span::call_site, |segment| segment.ident.span());
        let known = meta.path.get_ident().map(ToString::to_string);
        match known.as_deref() {
            Some("index") => {
                let index: LitInt = meta.value()?.parse()?;
                if index.base10_parse::<u64>()? >= 1 << 30 {
                    return Err(Error::new(
                        index.span(),
                        "indices from 2^30 on are ipfi's own: choose a smaller one",
                    ));
                }
                self.index = Some(index);
            }
            Some("rename") => self.rename = Some(name(meta)?),
            Some("timeout") => self.timeout_ms = Some(milliseconds(&meta.value()?.parse()?)?),
            Some("idempotent") => self.idempotent = true,
            Some("isolated") => self.isolated = true,
            Some("notification") => self.notification = Some(span),
            Some("datagram") => self.datagram = Some(span),
            _ => {
                return Err(meta.error(
                    "a method takes `index = 3`, `rename = \"...\"`, `timeout = \"5s\"`, `idempotent`, `isolated`, \
                     `notification` and `datagram`",
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("ipfi")
}

/// Attributes that hold for the client's method too, and for whatever is written of a method at all.
pub(super) fn is_shared(attribute: &Attribute) -> bool {
    ["doc", "deprecated"].iter().any(|name| attribute.path().is_ident(name)) || is_condition(attribute)
}

/// `#[cfg(...)]`: a method that is not there is nowhere.
pub(super) fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}

/// A `cfg_attr` with an attribute that is read here.
fn hides_what_counts(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    attribute.path().is_ident("cfg_attr")
        && list
            .tokens
            .clone()
            .into_iter()
            .skip_while(|token| !matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
            .any(|token| matches!(token, TokenTree::Ident(ident) if ident == "ipfi" || ident == "cfg"))
}

pub(super) fn deprecations(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("deprecated")).collect()
}

/// The lints that a user allows; they are those of the names that the client repeats. What is expected in one place
/// may be missing in the other.
pub(super) fn lints(attributes: &[Attribute]) -> Vec<TokenStream> {
    let allowed = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => {
            let lints = &list.tokens;
            Some(quote!(#[allow(#lints)]))
        }
        _ => None,
    });
    allowed.collect()
}

/// The values of `#[doc = ...]`, which documentation comments are.
fn doc_values(attributes: &[Attribute]) -> impl Iterator<Item = &Expr> {
    attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => Some(&pair.value),
        _ => None,
    })
}

pub(crate) fn is_documented(attributes: &[Attribute]) -> bool {
    doc_values(attributes).next().is_some()
}

/// The text of documentation comments as an expression, without the space that begins each line; with a macro among
/// them (`#[doc = include_str!(...)]`), the compiler puts it together.
pub(crate) fn documentation(attributes: &[Attribute]) -> TokenStream {
    let line = |line: &str| line.strip_prefix(' ').unwrap_or(line).to_owned();
    let text = |text: String| text.split('\n').map(line).collect::<Vec<_>>().join("\n");
    let mut all_known = true;
    let parts = doc_values(attributes).map(|value| match value {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Ok(text(literal.value())),
        other => {
            all_known = false;
            Err(other)
        }
    });
    let parts: Vec<Result<String, &Expr>> = parts.collect();
    if all_known {
        let lines: Vec<String> = parts.into_iter().filter_map(Result::ok).collect();
        let text = lines.join("\n").trim().to_owned();
        return quote!(#text);
    }
    let parts =
        parts.into_iter().map(|part| part.map_or_else(|macro_| quote!(#macro_), |text| quote!(#text)));
    quote!(<::core::primitive::str>::trim(::core::concat!(#(#parts, "\n"),*)))
}

/// `crate = "..."`.
pub(crate) fn krate(path: LitStr) -> syn::Result<Path> {
    path.parse_with(Path::parse_mod_style)
}

fn name(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "a name is not empty"));
    }
    Ok(text.value())
}

/// `250ms`, `5s`, `2m`, `1h`.
fn milliseconds(text: &LitStr) -> syn::Result<u64> {
    let fault = || {
        let text = text.value();
        format!(
            "`{text}` is no timeout: write a whole number and a unit, `250ms`, `5s`, `2m` or `1h`, above 0"
        )
    };
    let value = text.value();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let factor = match &value[digits..] {
        "ms" => Some(1_u64),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number = value[..digits].parse::<u64>().ok().filter(|number| *number > 0);
    let product = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    product.ok_or_else(|| Error::new(text.span(), fault()))
}
