//! The methods: the table of them, the client's class, and what serves them.

use ipfi::core::interface::Kind as Calls;
use ipfi::schema::Shape;
use ipfi::typed::{Description, Method};

use super::imports::Module;
use super::shapes::Shapes;
use super::text::{documentation, lines, quoted};
use super::{Kind, Refused, names};

/// Indices from here on are no methods' (clause 3.6).
const FIRST_RESERVED: u64 = 1 << 30;

/// The interface and everything that is named after it.
#[derive(Debug)]
pub(super) struct Interface<'a> {
    pub(super) description: &'a Description,
    pub(super) name: String,
    methods: Vec<Named<'a>>,
}

/// A method and its names here.
#[derive(Debug)]
struct Named<'a> {
    method: &'a Method,
    name: String,
    parameters: Vec<String>,
    items: String,
    options: String,
}

impl<'a> Interface<'a> {
    pub(super) fn new(description: &'a Description) -> Result<Self, Refused> {
        // A class has one of the first name, which is something else; whatever has the second is a promise to `await`.
        let mut scope = names::Scope::with(&["constructor", "then"]);
        let methods = description.methods.iter().map(|method| {
            let parameters = method.parameters.iter().map(|parameter| &*parameter.name);
            let (parameters, items, options) = names::parameters(parameters);
            match method.kind {
                Calls::Procedure | Calls::Sequence | Calls::Notification => Ok(()),
                Calls::ProcedureWithItems | Calls::SequenceWithItems => Ok(()),
                kind => Err(Refused(format!("{kind} has no types"))),
            }
            .and_then(|()| match method.items.is_some() == takes_items(method) {
                true => Ok(()),
                false => Err(Refused("its kind and its items contradict each other".to_owned())),
            })
            .and_then(|()| match method.index < FIRST_RESERVED {
                true => Ok(()),
                false => Err(Refused(format!("its index {} is reserved", method.index))),
            })
            .map_err(|why| why.at(&method.name))?;
            Ok(Named {
                method,
                name: scope.take(&names::camel(&method.name), "_"),
                parameters,
                items,
                options,
            })
        });
        let methods = methods.collect::<Result<Vec<_>, Refused>>()?;
        let mut indices = std::collections::BTreeMap::new();
        for Named { method, .. } in &methods {
            if let Some(other) = indices.insert(method.index, &method.name) {
                return Err(Refused(format!("{other} has the same index, {}", method.index)).at(&method.name));
            }
        }
        Ok(Self { description, name: names::pascal(&description.name), methods })
    }

    pub(super) fn client(&self) -> String {
        format!("{}Client", self.name)
    }

    pub(super) fn handlers(&self) -> String {
        format!("{}Handlers", self.name)
    }

    /// What is called, and by what number: not exported, the client has it.
    pub(super) fn table(&self, shapes: &Shapes<'_>, kind: Kind) -> String {
        let mut text = String::new();
        if kind != Kind::Declarations {
            text += "const methods = {\n";
            for method in &self.methods {
                text += &method.entry(shapes);
            }
            text += "};\n\n";
        }
        let whole = format!("The interface `{}`, for `serve`.", lines(&self.description.name).concat());
        text += &documentation("", &[whole]);
        let (name, handlers) = (&self.name, self.handlers());
        let typed = shapes.typed("typed");
        let arguments = |generics: &str| {
            let types = shapes.types.iter().filter(|def| super::well_known::WellKnown::of(def).is_none());
            let types: Vec<_> =
                types.map(|def| type_entry(&def.name, shapes.types.name(&def.name))).collect();
            let head = format!(
                "export const {name} = {typed}{generics}({}, methods",
                quoted(&self.description.name)
            );
            if types.is_empty() {
                format!("{head});\n")
            } else {
                super::list(&format!("{head}, {{ "), &types, " });\n", "")
            }
        };
        text + &match kind {
            Kind::TypeScript => arguments(&format!("<{handlers}>")),
            Kind::JavaScript => arguments(""),
            Kind::Declarations => {
                format!("export declare const {name}: {}<{handlers}>;\n", shapes.imports.of_type("Typed"))
            }
        }
    }

    /// The class that calls.
    pub(super) fn class(&self, shapes: &Shapes<'_>, kind: Kind) -> String {
        let mut text = String::new();
        if kind != Kind::JavaScript {
            text += &documentation("", &lines(&self.description.doc));
        }
        let declare = if kind == Kind::Declarations { "declare " } else { "" };
        text += &format!("export {declare}class {} {{\n", self.client());
        text += &self.opening(shapes, kind);
        for method in &self.methods {
            text += "\n";
            if kind != Kind::JavaScript {
                text += &documentation("  ", &method.documentation(shapes));
            }
            text += &method.call(shapes, kind);
        }
        text + "}\n"
    }

    /// How one is made.
    fn opening(&self, shapes: &Shapes<'_>, kind: Kind) -> String {
        let client = self.client();
        let wire = || shapes.imports.of_type("Wire");
        let checked =
            "Asks the peer of `wire` whether it serves this version of the interface, before the first call.";
        let believed = "Calls the peer of `wire`, which is believed to serve the interface.";
        let check = || shapes.typed("check");
        let (open, close) = ("    await ", format!("    return new {client}(wire);\n  }}\n"));
        match kind {
            Kind::Declarations => format!(
                "  #private;\n\n  /** {believed} */\n  constructor(wire: {wire});\n\n  /** {checked} */\n  static checked(wire: {wire}): \
                 Promise<{client}>;\n",
                wire = wire()
            ),
            Kind::TypeScript => format!(
                "  readonly #wire: {wire};\n\n  /** {believed} */\n  constructor(wire: {wire}) {{\n    this.#wire = wire;\n  }}\n\n  /** \
                 {checked} */\n  static async checked(wire: {wire}): Promise<{client}> {{\n{open}{}(wire, {});\n{close}",
                check(),
                self.name,
                wire = wire()
            ),
            Kind::JavaScript => format!(
                "  #wire;\n\n  constructor(wire) {{\n    this.#wire = wire;\n  }}\n\n  static async checked(wire) {{\n{open}{}(wire, \
                 {});\n{close}",
                check(),
                self.name
            ),
        }
    }

    /// What a page or a program has that serves the interface.
    pub(super) fn served(&self, shapes: &Shapes<'_>) -> String {
        let doc = format!(
            "What serves `{}`: `serve(new Interface(), {}, handlers)`.",
            lines(&self.description.name).concat(),
            self.name
        );
        let mut text = documentation("", &[doc]);
        text += &format!("export interface {} {{\n", self.handlers());
        for method in &self.methods {
            text += &method.handler(shapes);
        }
        text + "}\n"
    }
}

fn takes_items(method: &Method) -> bool {
    matches!(method.kind, Calls::ProcedureWithItems | Calls::SequenceWithItems)
}

/// A type under the name that it has in Rust.
fn type_entry(rust: &str, name: &str) -> String {
    match names::property(rust) {
        property if property == name => property,
        property => format!("{property}: {name}"),
    }
}

impl Named<'_> {
    /// Its line in the table of methods.
    fn entry(&self, shapes: &Shapes<'_>) -> String {
        let Method { index, kind, parameters, items, answer, error, timeout_ms, datagram, .. } = self.method;
        let constructor = shapes.imports.value(
            Module::Typed,
            match kind {
                Calls::Sequence => "sequence",
                Calls::ProcedureWithItems => "procedureWithItems",
                Calls::SequenceWithItems => "sequenceWithItems",
                Calls::Notification => "notification",
                _ => "procedure",
            },
        );
        let mut what = Vec::new();
        let table = |shape: &Shape| shapes.code(shape).table;
        if !parameters.is_empty() {
            let tables: Vec<_> = parameters.iter().map(|parameter| table(&parameter.shape)).collect();
            what.push(format!("args: [{}]", tables.join(", ")));
        }
        what.extend(items.iter().map(|shape| format!("items: {}", table(shape))));
        let something = |shape: &&Shape| **shape != Shape::Unit;
        what.extend(answer.iter().filter(something).map(|shape| format!("returns: {}", table(shape))));
        what.extend(error.iter().map(|shape| format!("throws: {}", table(shape))));
        what.extend(timeout_ms.map(|timeout| format!("timeout: {timeout}")));
        what.extend(datagram.then(|| "datagrams: true".to_owned()));
        let head = format!("  {}: {constructor}({index}", self.name);
        if what.is_empty() {
            format!("{head}),\n")
        } else {
            super::list(&format!("{head}, {{ "), &what, " }),\n", "  ")
        }
    }

    fn documentation(&self, shapes: &Shapes<'_>) -> Vec<String> {
        let mut doc = lines(&self.method.doc);
        let mut more = Vec::new();
        if let Some(timeout) = self.method.timeout_ms {
            more.push(format!("Given up after {timeout} ms, unless `{}` say otherwise.", self.options));
        }
        if self.method.idempotent {
            more.push("Calling it again does no harm.".to_owned());
        }
        if let Some(error) = &self.method.error {
            let error = shapes.code(error).ty;
            more.push(format!("@throws {{TypedError<{error}>}} with the error as its `value`"));
        }
        if !doc.is_empty() && !more.is_empty() {
            doc.push(String::new());
        }
        doc.extend(more);
        doc
    }

    /// The type of each parameter.
    fn types(&self, shapes: &Shapes<'_>) -> Vec<String> {
        self.method.parameters.iter().map(|parameter| shapes.code(&parameter.shape).ty).collect()
    }

    /// The type of an answer, or of an item of it.
    fn answer(&self, shapes: &Shapes<'_>) -> String {
        match &self.method.answer {
            None | Some(Shape::Unit) => "void".to_owned(),
            Some(shape) => shapes.code(shape).ty,
        }
    }

    fn item(&self, shapes: &Shapes<'_>) -> String {
        self.method.items.as_ref().map_or_else(String::new, |shape| shapes.code(shape).ty)
    }

    /// The client's method.
    fn call(&self, shapes: &Shapes<'_>, kind: Kind) -> String {
        let (items, options) = (&self.items, &self.options);
        let mut values = self.parameters.clone();
        let mut arguments = vec!["this.#wire".to_owned(), format!("methods.{}", self.name)];
        arguments.push(format!("[{}]", values.join(", ")));
        if takes_items(self.method) {
            values.push(items.clone());
            arguments.push(items.clone());
        }
        values.push(options.clone());
        arguments.push(options.clone());
        let function = shapes.typed(match self.method.kind {
            Calls::Sequence => "stream",
            Calls::ProcedureWithItems => "upload",
            Calls::SequenceWithItems => "duplex",
            Calls::Notification => "notify",
            _ => "call",
        });
        let body = format!(" {{\n    return {function}({});\n  }}\n", arguments.join(", "));
        if kind == Kind::JavaScript {
            return super::list(&format!("  {}(", self.name), &values, ")", "  ") + &body;
        }
        let end = if kind == Kind::Declarations { ";\n" } else { &body };
        super::list(
            &format!("  {}(", self.name),
            &self.typed_parameters(shapes),
            &format!("): {}", self.result(shapes)),
            "  ",
        ) + end
    }

    /// The parameters of the client's method.
    fn typed_parameters(&self, shapes: &Shapes<'_>) -> Vec<String> {
        let of = |(name, ty): (&String, String)| format!("{name}: {ty}");
        let mut parameters: Vec<_> = self.parameters.iter().zip(self.types(shapes)).map(of).collect();
        if takes_items(self.method) {
            let source = format!("{}<{}>", shapes.imports.of_type("Source"), self.item(shapes));
            parameters.push(match self.method.kind {
                Calls::ProcedureWithItems => format!("{}: {source}", self.items),
                _ => format!("{}?: {source} | null", self.items),
            });
        }
        let options = if self.method.datagram { "DatagramOptions" } else { "CallOptions" };
        parameters.push(format!("{}?: {}", self.options, shapes.imports.of_type(options)));
        parameters
    }

    /// What the client's method gives.
    fn result(&self, shapes: &Shapes<'_>) -> String {
        let answer = self.answer(shapes);
        match self.method.kind {
            Calls::Sequence => format!("{}<{answer}>", shapes.imports.of_type("StreamCall")),
            Calls::SequenceWithItems => {
                format!("{}<{}, {answer}>", shapes.imports.of_type("DuplexCall"), self.item(shapes))
            }
            _ => format!("Promise<{answer}>"),
        }
    }

    /// The method of whoever serves it.
    fn handler(&self, shapes: &Shapes<'_>) -> String {
        let of = |(name, ty): (&String, String)| format!("{name}: {ty}");
        let mut parameters: Vec<_> = self.parameters.iter().zip(self.types(shapes)).map(of).collect();
        if takes_items(self.method) {
            parameters.push(format!(
                "{}: {}<{}>",
                self.items,
                shapes.imports.of_type("Items"),
                self.item(shapes)
            ));
        }
        let context = names::parameters(self.parameters.iter().map(|name| &**name).chain(["context"])).0;
        let context = context.last().cloned().unwrap_or_default();
        parameters.push(format!("{context}: {}", shapes.imports.of_type("Context")));
        let answer = match self.method.kind {
            Calls::Sequence | Calls::SequenceWithItems => "Answers",
            _ => "Answer",
        };
        let answer = format!("): {}<{}>;\n", shapes.imports.of_type(answer), self.answer(shapes));
        super::list(&format!("  {}(", self.name), &parameters, &answer, "  ")
    }
}
