//! Where a field or a variant is, by its name.

use std::collections::HashMap;

use crate::schema::{Field, Fields, Form, TypeDef, Variant};

/// Up to so many names are looked through one by one.
const FEW: usize = 16;

/// The places of names in lists that are long: a peer may send a list of a hundred thousand, and then as many values, each
/// of which would be compared with all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Names<'a> {
    /// By the list (where it lies, which is as long there as it is borrowed) and the name.
    places: HashMap<(usize, &'a str), usize>,
}

/// What has a name.
pub(super) trait Named {
    fn name(&self) -> &str;
}

impl Named for Field {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Variant {
    fn name(&self) -> &str {
        &self.name
    }
}

impl<'a> Names<'a> {
    /// Takes in the lists of a type.
    pub(super) fn add(&mut self, def: &'a TypeDef) {
        match &def.form {
            Form::Struct(fields) => self.fields(fields),
            Form::Enum(variants) => {
                self.list(variants);
                variants.iter().for_each(|variant| self.fields(&variant.fields));
            }
        }
    }

    fn fields(&mut self, fields: &'a Fields) {
        if let Fields::Named(fields) = fields {
            self.list(fields);
        }
    }

    fn list<T: Named>(&mut self, list: &'a [T]) {
        if list.len() > FEW {
            for (n, it) in list.iter().enumerate() {
                // As looking through them would find the first.
                self.places.entry((list.as_ptr().addr(), it.name())).or_insert(n);
            }
        }
    }

    /// Where `name` is in `list`, most likely at `expected`.
    pub(super) fn find<T: Named>(&self, list: &[T], name: &[u8], expected: usize) -> Option<usize> {
        let is = |it: &T| it.name().as_bytes() == name;
        if list.get(expected).is_some_and(is) {
            return Some(expected);
        }
        if list.len() <= FEW {
            return list.iter().position(is);
        }
        let name = core::str::from_utf8(name).ok()?;
        self.places.get(&(list.as_ptr().addr(), name)).copied()
    }
}
