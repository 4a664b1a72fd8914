//! The table of structs and enums, while a description is written.

use core::any::TypeId;
use std::collections::BTreeMap;

use super::{Form, Shape, TypeDef};

/// The structs and enums that shapes refer to, each once, in the order in which they were met.
#[derive(Debug, Default)]
pub struct Types {
    /// A type that is being written is `None`.
    defs: Vec<Option<TypeDef>>,
    names: BTreeMap<TypeId, String>,
}

impl Types {
    /// The shape of `T`, which `form` writes if it is not in the table yet. Inside `form`, `T` may be met again. Two
    /// types with one `name` are told apart by a number.
    pub fn define<T: 'static>(&mut self, name: &str, form: impl FnOnce(&mut Self) -> Form) -> Shape {
        self.define_with::<T>(name, "", false, form)
    }

    /// As [`define`](Self::define), with documentation, and whether unknown fields are refused.
    pub fn define_with<T: 'static>(
        &mut self,
        name: &str,
        doc: &str,
        closed: bool,
        form: impl FnOnce(&mut Self) -> Form,
    ) -> Shape {
        let key = TypeId::of::<T>();
        if let Some(name) = self.names.get(&key) {
            return Shape::Type(name.clone());
        }
        let name = self.free(name);
        self.names.insert(key, name.clone());
        let place = self.defs.len();
        self.defs.push(None);
        let form = form(self);
        self.defs[place] = Some(TypeDef { name: name.clone(), doc: doc.to_owned(), closed, form });
        Shape::Type(name)
    }

    fn free(&self, name: &str) -> String {
        let taken = |candidate: &str| self.names.values().any(|name| name == candidate);
        if !taken(name) {
            return name.to_owned();
        }
        // There are fewer types than numbers.
        (2_u64..).map(|n| format!("{name}_{n}")).find(|candidate| !taken(candidate)).unwrap_or_default()
    }

    /// The table.
    pub fn finish(self) -> Vec<TypeDef> {
        self.defs.into_iter().flatten().collect()
    }
}
