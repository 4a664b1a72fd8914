//! Names that are a peer's as names of TypeScript. Only letters, digits and `_` of ASCII are left, and what has a meaning there is
//! given another name, so that nothing but a name comes of one.

use std::collections::BTreeSet;

/// Names that are taken in one scope.
#[derive(Debug, Default, Clone)]
pub(super) struct Scope(BTreeSet<String>);

impl Scope {
    pub(super) fn with(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// `wanted`, or what is like it and free: `suffix` is tried first, then numbers.
    pub(super) fn take(&mut self, wanted: &str, suffix: &str) -> String {
        let mut name = wanted.to_owned();
        let mut next = 2_u64;
        while self.0.contains(&name) {
            name = if next == 2 && !suffix.is_empty() {
                format!("{wanted}{suffix}")
            } else {
                format!("{wanted}{suffix}{next}")
            };
            next += 1;
        }
        self.0.insert(name.clone());
        name
    }

    /// The same, but what is tried first is `prefix` before it.
    pub(super) fn take_behind(&mut self, wanted: &str, prefix: &str) -> String {
        let is_taken = self.0.contains(wanted);
        self.take(&if is_taken { format!("{prefix}{wanted}") } else { wanted.to_owned() }, "")
    }
}

/// What generated code calls by these names, where a type of the interface would hide it.
pub(super) const GLOBALS: [&str; 4] = ["Map", "Promise", "Uint8Array", "Record"];

/// What no parameter may be called: words of the language, and what the body of a method names.
const RESERVED: [&str; 55] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "methods",
    "call",
    "stream",
    "upload",
    "duplex",
    "notify",
];

/// The names of a method's parameters, of its items and of its options.
pub(super) fn parameters<'a>(names: impl Iterator<Item = &'a str>) -> (Vec<String>, String, String) {
    let mut scope = Scope::with(&RESERVED);
    let parameters = names.map(|name| scope.take(&camel(name), "_")).collect();
    let (items, options) = (scope.take("items", "_"), scope.take("options", "_"));
    (parameters, items, options)
}

/// `every_ms` as `everyMs`.
pub(super) fn camel(name: &str) -> String {
    let mut words = words(name);
    let first = if words.is_empty() { "unnamed".to_owned() } else { words.remove(0) };
    identifier(first + &words.iter().map(|word| capital(word)).collect::<String>())
}

/// The name of a type: `Page<User>` as `PageUser`.
pub(super) fn pascal(name: &str) -> String {
    let parts = name.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let whole: String = parts.map(capital).collect();
    identifier(if whole.is_empty() { "Unnamed".to_owned() } else { whole })
}

/// The name of a file, without its extension: `MyGreeter` as `my-greeter`.
pub(super) fn kebab(name: &str) -> String {
    let mut file = String::new();
    let mut lower = false;
    for character in pascal(name).chars() {
        if character == '_' {
            if !file.is_empty() && !file.ends_with('-') {
                file.push('-');
            }
        } else {
            if character.is_ascii_uppercase() && lower {
                file.push('-');
            }
            file.push(character.to_ascii_lowercase());
        }
        lower = !character.is_ascii_uppercase() && character != '_';
    }
    let file = file.trim_matches('-');
    if file.is_empty() { "unnamed".to_owned() } else { file.to_owned() }
}

/// The name of a field or a variant, as it travels, where an object's property is written.
pub(super) fn property(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { super::text::quoted(name) }
}

/// Whether JavaScript puts it before other properties, wherever it was written.
pub(super) fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn words(name: &str) -> Vec<String> {
    let words = name.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

fn identifier(name: String) -> String {
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}
