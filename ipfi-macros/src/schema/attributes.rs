//! What serde's attributes mean to a shape; and those that not every codec can carry, or that make of a value what its type
//! does not show, which are refused.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitStr, Path, Result, Token, Type, parenthesized};

use super::case::Case;
use crate::interface::krate;

#[derive(Default)]
pub(super) struct ContainerAttributes {
    pub(super) rename: Option<String>,
    pub(super) rename_all: Case,
    pub(super) rename_all_fields: Case,
    pub(super) default: bool,
    pub(super) transparent: bool,
    pub(super) closed: bool,
    /// `#[ipfi(as = "Type")]`, or what serde converts from and into.
    pub(super) described_as: Option<Type>,
    /// `#[ipfi(crate = "...")]`.
    pub(super) krate: Option<Path>,
}

#[derive(Default)]
pub(super) struct VariantAttributes {
    pub(super) rename: Option<String>,
    pub(super) rename_all: Option<Case>,
    pub(super) skip: bool,
}

#[derive(Default)]
pub(super) struct FieldAttributes {
    pub(super) rename: Option<String>,
    pub(super) default: bool,
    pub(super) skip: bool,
    pub(super) described_as: Option<Type>,
}

const UNTAGGED: &str = "bincode and postcard write no names, so that only an enum told apart by its index can be read back: remove \
    `untagged`, `tag` and `content`";
const FLATTEN: &str = "bincode and postcard read fields one after another, and a flattened struct has no known number of them: \
    make it a field of its own";
const LEFT_OUT: &str = "bincode and postcard read every field, also one that was not written: remove `skip_serializing_if`; an \
    `Option` costs one byte";
const ONE_WAY: &str =
    "a field that is written and not read, or read and not written, moves all that follow it: use `skip`";
const OTHER: &str =
    "bincode and postcard have no names to tell that a variant is an unknown one: remove `other`";
const CONVERTED: &str = "what is written here is not what the type shows: name a type that travels alike, \
    `#[ipfi(as = \"Type\")]`";

impl ContainerAttributes {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let Ours { described_as, krate } = Ours::parse(attributes)?;
        let mut parsed = Self { described_as, krate, ..Self::default() };
        let (mut from, mut into): (Option<LitStr>, Option<LitStr>) = (None, None);
        each_serde(attributes, |meta, name| {
            match name {
                "rename" => parsed.rename = Some(both_ways(meta)?.value()),
                "rename_all" => parsed.rename_all = Case::parse(&both_ways(meta)?)?,
                "rename_all_fields" => parsed.rename_all_fields = Case::parse(&both_ways(meta)?)?,
                "default" => {
                    skip_value(meta)?;
                    parsed.default = true;
                }
                "transparent" => parsed.transparent = true,
                "deny_unknown_fields" => parsed.closed = true,
                "untagged" | "tag" | "content" | "variant_identifier" | "field_identifier" => {
                    return Err(meta.error(UNTAGGED));
                }
                "from" | "try_from" => from = Some(meta.value()?.parse()?),
                "into" => into = Some(meta.value()?.parse()?),
                "remote" => return Err(meta.error(CONVERTED)),
                _ => skip_value(meta)?,
            }
            Ok(())
        })?;
        if parsed.described_as.is_none() {
            parsed.described_as = match (from, into) {
                (None, None) => None,
                (Some(from), Some(into)) if from.value() == into.value() => Some(from.parse()?),
                (Some(one), _) | (_, Some(one)) => {
                    return Err(Error::new(one.span(), CONVERTED));
                }
            };
        }
        Ok(parsed)
    }
}

impl VariantAttributes {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self::default();
        each_serde(attributes, |meta, name| {
            match name {
                "rename" => parsed.rename = Some(both_ways(meta)?.value()),
                "rename_all" => parsed.rename_all = Some(Case::parse(&both_ways(meta)?)?),
                "skip" | "skip_serializing" | "skip_deserializing" => parsed.skip = true,
                "other" => return Err(meta.error(OTHER)),
                "untagged" => return Err(meta.error(UNTAGGED)),
                "with" | "serialize_with" | "deserialize_with" => return Err(meta.error(CONVERTED)),
                _ => skip_value(meta)?,
            }
            Ok(())
        })?;
        Ok(parsed)
    }
}

impl FieldAttributes {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut parsed = Self { described_as: Ours::parse(attributes)?.described_as, ..Self::default() };
        let is_described = parsed.described_as.is_some();
        each_serde(attributes, |meta, name| {
            match name {
                "rename" => parsed.rename = Some(both_ways(meta)?.value()),
                "default" => {
                    skip_value(meta)?;
                    parsed.default = true;
                }
                "skip" => parsed.skip = true,
                "flatten" => return Err(meta.error(FLATTEN)),
                "skip_serializing_if" => return Err(meta.error(LEFT_OUT)),
                "skip_serializing" | "skip_deserializing" => return Err(meta.error(ONE_WAY)),
                "with" | "serialize_with" | "deserialize_with" | "getter" if !is_described => {
                    return Err(meta.error(CONVERTED));
                }
                _ => skip_value(meta)?,
            }
            Ok(())
        })?;
        Ok(parsed)
    }
}

/// Every entry of every `#[serde(...)]`.
fn each_serde(
    attributes: &[Attribute],
    mut entry: impl FnMut(&ParseNestedMeta<'_>, &str) -> Result<()>,
) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            entry(&meta, &name)
        })?;
    }
    Ok(())
}

/// `#[ipfi(...)]`.
#[derive(Default)]
struct Ours {
    described_as: Option<Type>,
    krate: Option<Path>,
}

impl Ours {
    fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut ours = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("ipfi")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("as") {
                    ours.described_as = Some(meta.value()?.parse::<LitStr>()?.parse()?);
                } else if meta.path.is_ident("crate") {
                    ours.krate = Some(krate(meta.value()?.parse()?)?);
                } else {
                    return Err(meta.error(
                        "a schema takes `as = \"Type\"`, of a type `crate = \"...\"`, and nothing else",
                    ));
                }
                Ok(())
            })?;
        }
        Ok(ours)
    }
}

/// The text of `name = "..."`, or of `name(serialize = "...", deserialize = "...")` if it is the same in both.
fn both_ways(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse();
    }
    let mut texts: Vec<LitStr> = Vec::new();
    meta.parse_nested_meta(|way| {
        texts.push(way.value()?.parse()?);
        Ok(())
    })?;
    match &texts[..] {
        [one, other] if one.value() == other.value() => Ok(one.clone()),
        _ => Err(meta.error("both ways are the same name, or one side cannot read what the other writes: write `rename = \"...\"`")),
    }
}

/// Passes over what an attribute of no interest has after its name.
fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inside;
        parenthesized!(inside in meta.input);
        inside.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
