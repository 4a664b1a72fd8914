//! What a file imports of the runtime: what it uses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::names::Scope;

/// Where something of the runtime is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Module {
    Bincode,
    Typed,
}

/// What was imported, by where it is and whether it is a type alone.
#[derive(Debug)]
pub(super) struct Imports {
    used: RefCell<BTreeMap<(bool, Module), BTreeSet<&'static str>>>,
    /// What the types are called here: those of the interface keep their names.
    locals: RefCell<BTreeMap<&'static str, String>>,
    /// Every name that the file has for a type, or exports.
    taken: RefCell<Scope>,
    /// Whether values are of no use: in declarations.
    types_only: bool,
}

impl Imports {
    /// For a file that has `taken` for names of its own.
    pub(super) fn new(taken: Scope, types_only: bool) -> Self {
        Self { used: RefCell::default(), locals: RefCell::default(), taken: RefCell::new(taken), types_only }
    }

    /// A function or a constant: they begin with a small letter, and no type of an interface does.
    pub(super) fn value(&self, module: Module, name: &'static str) -> &'static str {
        if !self.types_only {
            self.used.borrow_mut().entry((false, module)).or_default().insert(name);
        }
        name
    }

    /// A type of `ipfi/typed`, under the name it has here.
    pub(super) fn of_type(&self, name: &'static str) -> String {
        self.used.borrow_mut().entry((true, Module::Typed)).or_default().insert(name);
        self.local(name)
    }

    fn local(&self, name: &'static str) -> String {
        let mut locals = self.locals.borrow_mut();
        locals.entry(name).or_insert_with(|| self.taken.borrow_mut().take_behind(name, "Ipfi")).clone()
    }

    /// The lines that import it all from `runtime`: a package, or a folder that has the modules.
    pub(super) fn lines(&self, runtime: &str) -> String {
        let mut text = String::new();
        for ((is_type, module), names) in self.used.borrow().iter() {
            let names = names.iter().map(|name| match self.local(name) {
                local if *is_type && local != **name => format!("{name} as {local}"),
                _ => (*name).to_owned(),
            });
            let what = if *is_type { "import type" } else { "import" };
            let is_folder = runtime.starts_with(['.', '/']) || runtime.contains("://");
            let module = match (module, is_folder) {
                (Module::Bincode, false) => "bincode",
                (Module::Bincode, true) => "codec/bincode.js",
                (Module::Typed, false) => "typed",
                (Module::Typed, true) => "typed.js",
            };
            let from = super::text::quoted(&format!("{}/{module}", runtime.trim_end_matches('/')));
            let names: Vec<String> = names.collect();
            text.push_str(&super::list(&format!("{what} {{ "), &names, &format!(" }} from {from};"), ""));
            text.push('\n');
        }
        text
    }
}
