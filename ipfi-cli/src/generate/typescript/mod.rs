//! Descriptions as TypeScript: types with their documentation, tables by which the JavaScript client reads and writes bincode,
//! and a class whose methods are the interface's.
//!
//! A description may be a peer's. Whatever it says, what is written is well formed and does nothing but what such a client does:
//! names become names ([`names`]), text becomes comments and strings ([`text`]), and what has no form is [`Refused`].

mod declarations;
mod imports;
mod methods;
mod names;
mod shapes;
mod text;
mod types;
mod well_known;

use core::fmt;

use ipfi::typed::Description;

use self::imports::Imports;
use self::methods::Interface;
use self::shapes::Shapes;
use self::types::Types;

/// Lines are no longer, where they can be broken.
const WIDTH: usize = 120;

/// What every file begins with, by which it is known.
pub(super) const MARK: &str = "// Made by `ipfi gen ts`";

/// What an interface is refused beyond.
const MAX_METHODS: usize = 10_000;

/// Longer names are no names.
const MAX_NAME: usize = 1_000;

/// What is written.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// The package that has the runtime, or a folder of its modules.
    pub(super) runtime: String,
    /// JavaScript with declarations beside it.
    pub(super) javascript: bool,
}

/// A file to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// Its name, without a folder.
    pub(super) name: String,
    pub(super) text: String,
}

/// Why there is no TypeScript for an interface: where in it, and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(String);

impl Refused {
    fn named(what: &str, name: &str, why: &str) -> Self {
        Self(format!("{what} `{}` {why}", text::one_line(name)))
    }

    fn at(self, place: &str) -> Self {
        Self(format!("{}: {}", text::one_line(place), self.0))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    TypeScript,
    JavaScript,
    Declarations,
}

/// The files of an interface.
pub(super) fn files(description: &Description, options: &Options) -> Result<Vec<File>, Refused> {
    let whole = |why: Refused| why.at(&description.name);
    check_sizes(description).map_err(whole)?;
    let interface = Interface::new(description).map_err(whole)?;
    let (client, handlers) = (interface.client(), interface.handlers());
    let types = Types::new(description, &[&interface.name, &client, &handlers]).map_err(whole)?;
    let name = names::kebab(&description.name);
    let file = |extension: &str, kind| File {
        name: format!("{name}.{extension}"),
        text: file(&interface, &types, kind, &options.runtime),
    };
    Ok(if options.javascript {
        vec![file("js", Kind::JavaScript), file("d.ts", Kind::Declarations)]
    } else {
        vec![file("ts", Kind::TypeScript)]
    })
}

fn check_sizes(description: &Description) -> Result<(), Refused> {
    if description.methods.len() > MAX_METHODS {
        return Err(Refused(format!(
            "{} methods, of which {MAX_METHODS} are taken",
            description.methods.len()
        )));
    }
    let types = description.types.iter().map(|def| &def.name);
    let methods = description.methods.iter().map(|method| &method.name);
    let mut names = types.chain(methods).chain([&description.name]);
    match names.find(|name| name.len() > MAX_NAME) {
        Some(name) => Err(Refused(format!("a name of {} bytes, of which {MAX_NAME} are taken", name.len()))),
        None => Ok(()),
    }
}

fn file(interface: &Interface<'_>, types: &Types<'_>, kind: Kind, runtime: &str) -> String {
    let imports = Imports::new(types.taken(), kind == Kind::Declarations);
    let mut shapes = Shapes { types, imports: &imports, above: Default::default() };
    let mut parts: Vec<String> =
        types.iter().map(|def| declarations::declaration(&mut shapes, def, kind)).collect();
    if kind != Kind::JavaScript {
        parts.push(interface.served(&shapes));
    }
    parts.push(interface.table(&shapes, kind));
    parts.push(interface.class(&shapes, kind));
    let name = text::one_line(&interface.description.name);
    let first = format!("{MARK} from the interface `{name}`. Changes here are lost with the next run.\n");
    format!("{first}\n{}\n{}", imports.lines(runtime), parts.join("\n"))
}

/// `open`, the items and `close` in one line, or each item in a line of its own.
fn list(open: &str, items: &[String], close: &str, indent: &str) -> String {
    let line = format!("{open}{}{close}", items.join(", "));
    if line.trim_end().len() <= WIDTH && !line.trim_end().contains('\n') || items.is_empty() {
        return line;
    }
    let mut text = format!("{}\n", open.trim_end());
    for item in items {
        text.push_str(&format!("{indent}  {item},\n"));
    }
    text + indent + close.trim_start()
}

#[cfg(test)]
mod tests;
