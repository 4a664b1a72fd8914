//! Random descriptions, random values of them, and what becomes of their bytes when they are damaged: what the tables of a
//! generated client are compared with (F9, F10).
//!
//! The first line is an array of descriptions. Each other line is `interface method bytes`, and behind them what became of damaged
//! bytes: `bytes=bytes` where they were read and these are what is written then, `bytes=+` where they were read and cannot be
//! compared, `bytes=-` where they were refused. All numbers are places in the descriptions, all bytes are hexadecimal.

use std::fmt::Write as _;

use ipfi::CodecId;
use ipfi::core::codec::DecodeLimits;
use ipfi::schema::{Fields, Form, Shape, TypeDef, TypeTable, Value, decode, encode};
use ipfi::typed::Description;
use serde_json::{Value as Json, json};

use crate::Error;

const METHODS: usize = 12;
const VALUES: usize = 6;
const DAMAGED: usize = 4;

/// So deep may a value be, far below what is taken.
const DEPTH: usize = 5;

/// Longer values are made anew, and less deep: each is cut at every byte.
const MOST_BYTES: usize = 1500;

/// SplitMix64: the same again for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Of every length, not only long ones.
    fn wide(&mut self) -> u128 {
        let shift = self.below(128);
        ((u128::from(self.next()) << 64) | u128::from(self.next())) >> shift
    }

    fn text(&mut self) -> String {
        let length = [0, 3, 40, 300][self.below(4)];
        (0..self.below(length + 1)).map(|_| self.character()).collect()
    }

    fn character(&mut self) -> char {
        ['a', 'Z', '0', '"', '\\', '\n', 'é', '€', '𝄞', '\u{0}', '\u{feff}'][self.below(11)]
    }
}

const LEAVES: [&str; 16] = [
    "bool", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64", "char",
    "string", "bytes",
];
/// Keys that JavaScript compares as Rust does: no floats.
const KEYS: [&str; 6] = ["string", "u8", "i64", "u128", "char", "bool"];
const NAMES: [&str; 8] = ["a", "class", "font-size", "größe", "", "7", "10", "'*/"];

/// The types that each description has, by their names.
const TYPES: [&str; 8] = ["Named", "Tuple", "Newtype", "Unit", "Choice", "Tree", "List<Tree>", "promise"];

fn leaf(random: &mut Random) -> Json {
    json!(LEAVES[random.below(LEAVES.len())])
}

/// A shape, which may name the types before `types`: they have an end.
fn shape(random: &mut Random, depth: usize, types: usize) -> Json {
    if depth == 0 {
        return leaf(random);
    }
    let inner = depth - 1;
    match random.below(11) {
        0 => json!("unit"),
        1 | 2 => json!({ "option": shape(random, inner, types) }),
        3 => json!({ "seq": element(random, inner, types) }),
        4 => json!({ "map": [KEYS[random.below(KEYS.len())], shape(random, inner, types)] }),
        5 => {
            json!({ "tuple": (0..random.below(4)).map(|_| shape(random, inner, types)).collect::<Vec<_>>() })
        }
        6 => {
            // Long ones of what is short, or values were endless.
            let length = if depth == 1 { [0, 1, 9, 33][random.below(4)] } else { random.below(3) };
            json!({ "array": [shape(random, inner, types), length] })
        }
        7 => json!({ "text_or": leaf(random) }),
        8 | 9 if types > 0 => json!({ "type": TYPES[random.below(types)] }),
        _ => leaf(random),
    }
}

/// Elements that take no bytes could be millions without one, and each side charges for them what they take there.
fn element(random: &mut Random, depth: usize, types: usize) -> Json {
    match shape(random, depth, types) {
        shape @ Json::String(_) if shape != "unit" => shape,
        shape => json!({ "option": shape }),
    }
}

fn fields(random: &mut Random, types: usize) -> Json {
    let first = random.below(NAMES.len());
    let field = |random: &mut Random, n: usize| {
        let name = NAMES[(first + n) % NAMES.len()];
        json!({ "name": name, "doc": "", "shape": shape(random, 2, types), "default": false })
    };
    (0..random.below(5)).map(|n| field(random, n)).collect()
}

fn types(random: &mut Random) -> Json {
    let def = |name: &str, form: Json| json!({ "name": name, "doc": "", "closed": false, "form": form });
    let variant = |name: &str, fields: Json| json!({ "name": name, "doc": "", "fields": fields });
    let tuple =
        |random: &mut Random, types| (0..=random.below(3)).map(|_| shape(random, 2, types)).collect::<Json>();
    let tree = json!([
        variant("Leaf", json!("unit")),
        variant("Branch", json!({ "newtype": { "seq": { "type": "Tree" } } })),
        variant(
            "Other",
            json!({ "named": [{ "name": "list", "doc": "", "shape": { "option": { "type": "List<Tree>" } }, "default": true }] })
        ),
    ]);
    let list = json!([
        { "name": "head", "doc": "", "shape": { "type": "Tree" }, "default": false },
        { "name": "tail", "doc": "", "shape": { "option": { "type": "List<Tree>" } }, "default": false },
    ]);
    let choice = json!([
        variant(NAMES[random.below(NAMES.len())], json!("unit")),
        variant("New", json!({ "newtype": shape(random, 2, 4) })),
        variant("Tuple", json!({ "tuple": tuple(random, 4) })),
        variant("Struct", json!({ "named": fields(random, 4) })),
        variant("Void", json!({ "newtype": "unit" })),
    ]);
    json!([
        def("Named", json!({ "struct": { "named": fields(random, 0) } })),
        def("Tuple", json!({ "struct": { "tuple": tuple(random, 1) } })),
        def("Newtype", json!({ "struct": { "newtype": shape(random, 2, 2) } })),
        def("Unit", json!({ "struct": "unit" })),
        def("Choice", json!({ "enum": choice })),
        def("Tree", json!({ "enum": tree })),
        def("List<Tree>", json!({ "struct": { "named": list } })),
        // Contains itself and nothing else that has a name.
        def("promise", json!({ "struct": { "newtype": { "option": { "type": "promise" } } } })),
    ])
}

fn description(random: &mut Random, n: usize) -> Json {
    let method = |random: &mut Random, index: usize| {
        let parameter = json!({ "name": "value", "shape": shape(random, 3, TYPES.len()) });
        json!({
            "name": format!("m{index}"), "doc": "", "index": index, "kind": "notification", "idempotent": false, "datagram": false,
            "timeout_ms": null, "parameters": [parameter], "items": null, "answer": null, "error": null,
        })
    };
    let methods: Vec<Json> = (0..METHODS).map(|index| method(random, index)).collect();
    json!({ "name": format!("R{n}"), "doc": "", "types": types(random), "methods": methods })
}

fn value(random: &mut Random, shape: &Shape, types: &TypeTable<'_>, depth: usize) -> Value {
    let mut bits = |bits: u32| random.wide() & (u128::MAX >> (128 - bits));
    match shape {
        Shape::U8 => Value::Unsigned(bits(8)),
        Shape::U16 => Value::Unsigned(bits(16)),
        Shape::U32 => Value::Unsigned(bits(32)),
        Shape::U64 => Value::Unsigned(bits(64)),
        Shape::U128 => Value::Unsigned(bits(128)),
        Shape::I8 => Value::Signed((bits(8) as i8).into()),
        Shape::I16 => Value::Signed((bits(16) as i16).into()),
        Shape::I32 => Value::Signed((bits(32) as i32).into()),
        Shape::I64 => Value::Signed((bits(64) as i64).into()),
        Shape::I128 => Value::Signed(bits(128) as i128),
        // JavaScript has one NaN.
        Shape::F32 => {
            Value::F32(Some(f32::from_bits(bits(32) as u32)).filter(|it| !it.is_nan()).unwrap_or(-0.0))
        }
        Shape::F64 => {
            Value::F64(Some(f64::from_bits(bits(64) as u64)).filter(|it| !it.is_nan()).unwrap_or(-0.0))
        }
        Shape::Bool => Value::Bool(random.below(2) == 0),
        Shape::Char => Value::Char(random.character()),
        Shape::String => Value::String(random.text()),
        Shape::Bytes => Value::Bytes(random.text().into_bytes()),
        Shape::Option(inner) => {
            let some = depth > 0 && random.below(3) > 0;
            Value::Option(some.then(|| Box::new(value(random, inner, types, depth - 1))))
        }
        Shape::Seq(inner) => {
            let count = if depth == 0 { 0 } else { random.below(4) };
            Value::Seq((0..count).map(|_| value(random, inner, types, depth - 1)).collect())
        }
        Shape::Map(key, inner) => map(random, key, inner, types, depth),
        Shape::Tuple(shapes) => all(random, shapes, types, depth),
        Shape::Array(inner, length) => {
            Value::Tuple((0..*length).map(|_| value(random, inner, types, depth.saturating_sub(1))).collect())
        }
        Shape::TextOr(inner) => value(random, inner, types, depth),
        Shape::Type(name) => match types.get(name).map(|def| &def.form) {
            Some(Form::Struct(fields)) => held(random, fields, types, depth),
            Some(Form::Enum(variants)) => {
                // The first one holds nothing.
                let n = if depth == 0 { 0 } else { random.below(variants.len()) };
                let held = held(random, &variants[n].fields, types, depth.saturating_sub(1));
                Value::Variant(n as u32, Box::new(held))
            }
            None => Value::Unit,
        },
        _ => Value::Unit,
    }
}

/// Each key once.
fn map(random: &mut Random, key: &Shape, inner: &Shape, types: &TypeTable<'_>, depth: usize) -> Value {
    let mut entries: Vec<(Value, Value)> = Vec::new();
    for _ in 0..random.below(4).min(depth) {
        let key = value(random, key, types, 0);
        if entries.iter().all(|(other, _)| *other != key) {
            entries.push((key, value(random, inner, types, depth - 1)));
        }
    }
    Value::Map(entries)
}

fn all(random: &mut Random, shapes: &[Shape], types: &TypeTable<'_>, depth: usize) -> Value {
    Value::Tuple(shapes.iter().map(|it| value(random, it, types, depth)).collect())
}

fn held(random: &mut Random, fields: &Fields, types: &TypeTable<'_>, depth: usize) -> Value {
    match fields {
        Fields::Unit => Value::Unit,
        Fields::Newtype(shape) => value(random, shape, types, depth),
        Fields::Tuple(shapes) => all(random, shapes, types, depth),
        Fields::Named(fields) => {
            Value::Struct(fields.iter().map(|it| Some(value(random, &it.shape, types, depth))).collect())
        }
    }
}

/// Whether a value that was damaged may be written otherwise in JavaScript: which NaN it is, and keys that are there twice.
fn is_vague(shape: &Shape, defs: &[TypeDef]) -> bool {
    let text = format!("{shape:?}{defs:?}");
    ["F32", "F64", "Map("].iter().any(|what| text.contains(what))
}

/// Prints `count` values, and the descriptions that they belong to.
pub fn print(seed: u64, count: usize) -> Result<(), Error> {
    let mut random = Random(seed);
    let interfaces = count.div_ceil(METHODS * VALUES);
    let descriptions: Json = (0..interfaces).map(|n| description(&mut random, n)).collect();
    let mut out = format!("{descriptions}\n");
    let descriptions: Vec<Description> = serde_json::from_value(descriptions)?;
    for (n, description) in descriptions.iter().enumerate() {
        let types = TypeTable::new(&description.types);
        for (m, method) in description.methods.iter().enumerate() {
            for _ in 0..VALUES {
                line(&mut random, &mut out, (n, m), &method.parameters[0].shape, &description.types, &types)?;
            }
        }
    }
    print!("{out}");
    Ok(())
}

fn line(
    random: &mut Random,
    out: &mut String,
    (n, m): (usize, usize),
    shape: &Shape,
    defs: &[TypeDef],
    types: &TypeTable<'_>,
) -> Result<(), Error> {
    let limits = DecodeLimits::default();
    let read = |bytes: &[u8]| decode(CodecId::Bincode, shape, types, bytes, &limits);
    let mut whole = value(random, shape, types, DEPTH);
    let mut bytes = encode(CodecId::Bincode, shape, types, &whole)?;
    for depth in (0..DEPTH).rev() {
        if bytes.len() > MOST_BYTES {
            whole = value(random, shape, types, depth);
            bytes = encode(CodecId::Bincode, shape, types, &whole)?;
        }
    }
    if read(&bytes)? != whole {
        return Err(format!("{shape} is read as something else than {whole:?}").into());
    }
    // Cut anywhere, and with something behind: refused, whatever it is.
    let mut cuts: Vec<Vec<u8>> = (0..bytes.len()).map(|length| bytes[..length].to_vec()).collect();
    cuts.push([&*bytes, &[0]].concat());
    for cut in cuts {
        if let Ok(value) = read(&cut) {
            return Err(format!("{shape} is read as {value:?} out of {cut:?}").into());
        }
    }
    write!(out, "{n} {m} {}", hex(&bytes))?;
    for _ in 0..DAMAGED.min(bytes.len()) {
        let mut damaged = bytes.to_vec();
        let place = random.below(damaged.len());
        damaged[place] = random.next() as u8;
        let became = match read(&damaged) {
            Err(_) => "-".to_owned(),
            Ok(_) if is_vague(shape, defs) => "+".to_owned(),
            Ok(value) => hex(&encode(CodecId::Bincode, shape, types, &value)?),
        };
        write!(out, " {}={became}", hex(&damaged))?;
    }
    out.push('\n');
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
