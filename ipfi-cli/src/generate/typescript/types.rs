//! The structs and enums of an interface: those that its methods mention, each after what it is made of, under the names that
//! they have in TypeScript.

use std::collections::{BTreeMap, BTreeSet};

use ipfi::schema::{Fields, Form, Shape, TypeDef};
use ipfi::typed::{Description, Method};

use super::well_known::WellKnown;
use super::{Refused, names};

/// What an interface is refused beyond: far more than one that somebody wrote.
const MAX_TYPES: usize = 10_000;

#[derive(Debug)]
pub(super) struct Types<'a> {
    defs: BTreeMap<&'a str, &'a TypeDef>,
    names: BTreeMap<&'a str, String>,
    /// Those, and what was taken before.
    taken: names::Scope,
    /// Each behind those that it mentions, unless they mention it.
    order: Vec<&'a TypeDef>,
}

impl<'a> Types<'a> {
    /// Those that the methods of `interface` mention; `taken` are names that are something else.
    pub(super) fn new(interface: &'a Description, taken: &[&str]) -> Result<Self, Refused> {
        if interface.types.len() > MAX_TYPES {
            return Err(Refused(format!("{} types, of which {MAX_TYPES} are taken", interface.types.len())));
        }
        let mut defs = BTreeMap::new();
        for def in &interface.types {
            if defs.insert(&*def.name, def).is_some() {
                return Err(Refused::named("the type", &def.name, "is described twice"));
            }
        }
        let mut types =
            Self { defs, names: BTreeMap::new(), taken: names::Scope::default(), order: Vec::new() };
        let mut met = BTreeSet::new();
        for method in &interface.methods {
            for (place, shape) in shapes_of(method) {
                types
                    .check(shape)
                    .and_then(|()| types.reach(shape, &mut met))
                    .map_err(|why| why.at(&place))?;
            }
        }
        let mut scope = names::Scope::with(&names::GLOBALS);
        for name in taken {
            scope.take(name, "");
        }
        for def in &types.order {
            types.names.insert(&def.name, scope.take(&names::pascal(&def.name), "Type"));
        }
        types.taken = scope;
        Ok(types)
    }

    /// Each behind those that it mentions, unless they mention it.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a TypeDef> {
        self.order.iter().copied()
    }

    /// What a type is called in TypeScript.
    pub(super) fn name(&self, name: &str) -> &str {
        self.names.get(name).map_or("", |name| name)
    }

    /// Every name that means something in the file already: types, and what is named after the interface.
    pub(super) fn taken(&self) -> names::Scope {
        self.taken.clone()
    }

    fn def(&self, name: &str) -> Result<&'a TypeDef, Refused> {
        self.defs.get(name).copied().ok_or_else(|| Refused::named("the type", name, "is not described"))
    }

    /// Whether values of `shape` may be null or nothing, which an option around it must be told from.
    pub(super) fn is_nothing(&self, shape: &Shape) -> bool {
        let mut shape = shape;
        // Each step leads to another type, or in a circle, through which there is an option.
        for _ in 0..=self.defs.len() {
            shape = match shape {
                Shape::Option(_) | Shape::Unit => return true,
                Shape::TextOr(inner) => inner,
                Shape::Type(name) => match self.defs.get(&**name).map(|def| &def.form) {
                    Some(Form::Struct(Fields::Newtype(inner))) => inner,
                    Some(Form::Struct(Fields::Unit)) => return true,
                    _ => return false,
                },
                _ => return false,
            };
        }
        true
    }

    /// Adds what `shape` mentions and was not `met` before, and what that does: without recursion, since a peer's types may be a long chain.
    fn reach(&mut self, shape: &'a Shape, met: &mut BTreeSet<&'a str>) -> Result<(), Refused> {
        let mut open: Vec<(Option<&TypeDef>, Vec<&str>)> = vec![(None, mentioned([shape]))];
        while let Some((def, ahead)) = open.last_mut() {
            match ahead.pop() {
                Some(name) if met.contains(name) => {}
                Some(name) => {
                    met.insert(name);
                    let def = self.def(name)?;
                    let shapes = if WellKnown::of(def).is_some() { Vec::new() } else { self.contents(def)? };
                    open.push((Some(def), mentioned(shapes)));
                }
                None => {
                    self.order.extend(*def);
                    open.pop();
                }
            }
        }
        Ok(())
    }

    /// The shapes that a type is made of, once it is found to be one that can be written.
    fn contents(&self, def: &'a TypeDef) -> Result<Vec<&'a Shape>, Refused> {
        let at = |why: Refused| why.at(&format!("the type {}", def.name));
        let fields: Vec<&Fields> = match &def.form {
            Form::Struct(fields) => vec![fields],
            Form::Enum(variants) => {
                distinct(variants.iter().map(|variant| &*variant.name)).map_err(at)?;
                variants.iter().map(|variant| &variant.fields).collect()
            }
        };
        let mut shapes = Vec::new();
        for fields in fields {
            match fields {
                Fields::Unit => {}
                Fields::Newtype(shape) => shapes.push(shape),
                Fields::Tuple(elements) => shapes.extend(elements),
                Fields::Named(named) => {
                    distinct(named.iter().map(|field| &*field.name)).map_err(at)?;
                    shapes.extend(named.iter().map(|field| &field.shape));
                }
            }
        }
        for shape in &shapes {
            self.check(shape).map_err(at)?;
        }
        if matches!(&def.form, Form::Struct(Fields::Newtype(_))) && self.is_circle(def) {
            return Err(at(Refused("it contains nothing but itself".to_owned())));
        }
        Ok(shapes)
    }

    fn is_circle(&self, def: &TypeDef) -> bool {
        let mut def = Some(def);
        for _ in 0..=self.defs.len() {
            let Some(TypeDef { form: Form::Struct(Fields::Newtype(inner)), .. }) = def else { return false };
            let mut inner = inner;
            while let Shape::TextOr(shape) = inner {
                inner = shape;
            }
            let Shape::Type(name) = inner else { return false };
            def = self.defs.get(&**name).copied();
        }
        true
    }

    /// Refuses what has no form in TypeScript.
    fn check(&self, shape: &Shape) -> Result<(), Refused> {
        match shape {
            Shape::Opaque(name) => Err(Refused::named(
                "the type",
                name,
                "does not say what its values look like: `#[derive(ipfi::Schema)]` beside serde's derives, or `#[ipfi(as = \"Type\")]` \
                 at a field of a type of somebody else's",
            )),
            Shape::Type(name) => self.def(name).map(drop),
            Shape::Raw => Err(Refused("`Raw` is a whole answer or item, and no part of one".to_owned())),
            _ => parts(shape).into_iter().try_for_each(|part| self.check(part)),
        }
    }
}

/// The shapes of a method and what each is of it; not `Raw` where it may be.
fn shapes_of(method: &Method) -> impl Iterator<Item = (String, &Shape)> {
    let parameters = method
        .parameters
        .iter()
        .map(|parameter| (format!(", argument {}", parameter.name), &parameter.shape));
    let raw = |shape: &&Shape| !matches!(shape, Shape::Raw);
    let items = method.items.iter().filter(raw).map(|shape| (", an item that is sent".to_owned(), shape));
    let answer = method.answer.iter().filter(raw).map(|shape| (", the answer".to_owned(), shape));
    let error = method.error.iter().map(|shape| (", the error".to_owned(), shape));
    let place = move |(place, shape)| (format!("{}{place}", method.name), shape);
    parameters.chain(items).chain(answer).chain(error).map(place)
}

/// The names of types that `shapes` mention, the last one first.
fn mentioned<'a>(shapes: impl IntoIterator<Item = &'a Shape>) -> Vec<&'a str> {
    fn collect<'a>(shape: &'a Shape, names: &mut Vec<&'a str>) {
        if let Shape::Type(name) = shape {
            names.push(name);
        }
        parts(shape).into_iter().for_each(|part| collect(part, names));
    }
    let mut names = Vec::new();
    shapes.into_iter().for_each(|shape| collect(shape, &mut names));
    names.reverse();
    names
}

/// The shapes that a shape is made of.
pub(super) fn parts(shape: &Shape) -> Vec<&Shape> {
    match shape {
        Shape::Option(inner) | Shape::Seq(inner) | Shape::Array(inner, _) | Shape::TextOr(inner) => {
            vec![inner]
        }
        Shape::Map(key, value) => vec![key, value],
        Shape::Tuple(elements) => elements.iter().collect(),
        _ => Vec::new(),
    }
}

/// Refuses names that an object cannot have as its own, each once.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Refused> {
    let mut met = BTreeSet::new();
    for name in names {
        if name == "__proto__" {
            return Err(Refused(
                "`__proto__` is no property that an object can have: rename it, `#[serde(rename = \"…\")]`"
                    .to_owned(),
            ));
        }
        if !met.insert(name) {
            return Err(Refused::named("the name", name, "is there twice"));
        }
    }
    Ok(())
}
