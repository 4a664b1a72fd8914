//! `#[ipfi(...)]`, and what is kept of other attributes.

use proc_macro2::{Span, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Result};

/// Of the trait: `#[ipfi::interface(rename = "...")]`.
#[derive(Default)]
pub(super) struct InterfaceAttributes {
    pub(super) rename: Option<String>,
}

impl InterfaceAttributes {
    pub(super) fn parse(arguments: TokenStream) -> Result<Self> {
        let mut attributes = Self::default();
        let parser = syn::meta::parser(|meta| {
            if !meta.path.is_ident("rename") {
                return Err(meta.error("an interface takes `rename = \"...\"` and nothing else"));
            }
            attributes.rename = Some(name(&meta)?);
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
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        for attribute in attributes.iter().filter(|attribute| is_ours(attribute)) {
            attribute.parse_nested_meta(|meta| parsed.entry(&meta))?;
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

    fn entry(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
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

/// The text of documentation comments, without the space that begins each line.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines
        .flat_map(|text| {
            text.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()).collect::<Vec<_>>()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

fn name(meta: &ParseNestedMeta<'_>) -> Result<String> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "a name is not empty"));
    }
    Ok(text.value())
}

/// `250ms`, `5s`, `2m`, `1h`.
fn milliseconds(text: &LitStr) -> Result<u64> {
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
