//! Random shapes, and random values of them.

use ipfi_core::schema::{Field, Fields, Form, Shape, TypeDef, TypeTable, Value, Variant};

use crate::{def, enumeration, ty};

/// A generator that gives the same again (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn wide(&mut self) -> u128 {
        // Of every length, not only long ones.
        let shift = self.below(128);
        ((u128::from(self.next()) << 64) | u128::from(self.next())) >> shift
    }

    fn text(&mut self) -> String {
        let count = self.below(12);
        (0..count).map(|_| self.character()).collect()
    }

    fn character(&mut self) -> char {
        ['a', 'Z', '0', '"', '\\', '\n', 'é', '€', '𝄞', '\u{0}'][self.below(10)]
    }
}

const LEAVES: [Shape; 16] = [
    Shape::Bool,
    Shape::U8,
    Shape::U16,
    Shape::U32,
    Shape::U64,
    Shape::U128,
    Shape::I8,
    Shape::I16,
    Shape::I32,
    Shape::I64,
    Shape::I128,
    Shape::F32,
    Shape::F64,
    Shape::Char,
    Shape::String,
    Shape::Bytes,
];

/// What a key may be in JSON.
const KEYS: [Shape; 6] = [Shape::String, Shape::U8, Shape::I64, Shape::U128, Shape::Char, Shape::I32];

/// What `None` cannot be mistaken for.
fn solid(random: &mut Random, depth: usize) -> Shape {
    match shape(random, depth) {
        Shape::Option(_) | Shape::Unit | Shape::Type(_) => LEAVES[random.below(LEAVES.len())].clone(),
        shape => shape,
    }
}

/// A shape, nested at most so deep. It may name the types of [`table`].
pub(crate) fn shape(random: &mut Random, depth: usize) -> Shape {
    if depth == 0 {
        return LEAVES[random.below(LEAVES.len())].clone();
    }
    let inner = depth - 1;
    match random.below(10) {
        0 => Shape::Unit,
        1 => Shape::option(solid(random, inner)),
        2 => Shape::seq(shape(random, inner)),
        3 => Shape::map(KEYS[random.below(KEYS.len())].clone(), shape(random, inner)),
        4 => Shape::Tuple((0..=random.below(3)).map(|_| shape(random, inner)).collect()),
        5 => Shape::Array(Box::new(shape(random, inner)), u32::try_from(random.below(4)).unwrap()),
        6 => Shape::TextOr(Box::new(LEAVES[random.below(LEAVES.len())].clone())),
        7..=8 => ty(["S", "T", "N", "U", "E", "Tree"][random.below(6)]),
        _ => LEAVES[random.below(LEAVES.len())].clone(),
    }
}

fn fields(random: &mut Random) -> Vec<Field> {
    let count = random.below(4);
    (0..count)
        .map(|n| {
            let shape = shape(random, 2);
            Field::new(["a", "type", "größe", ""][n], plain(shape))
        })
        .collect()
}

/// Types name no others, or they might have no end; but for `Tree`.
fn plain(shape: Shape) -> Shape {
    match shape {
        Shape::Type(_) => Shape::U8,
        Shape::Option(inner) => Shape::option(plain(*inner)),
        Shape::Seq(inner) => Shape::seq(plain(*inner)),
        Shape::Map(key, inner) => Shape::map(*key, plain(*inner)),
        Shape::Tuple(shapes) => Shape::Tuple(shapes.into_iter().map(plain).collect()),
        Shape::Array(inner, len) => Shape::Array(Box::new(plain(*inner)), len),
        shape => shape,
    }
}

/// One type of every form.
pub(crate) fn table(random: &mut Random) -> Vec<TypeDef> {
    let of = |fields| Form::Struct(fields);
    let tuple: Vec<_> = (0..=random.below(3)).map(|_| plain(shape(random, 2))).collect();
    let variants = vec![
        Variant::new("Unit", Fields::Unit),
        Variant::new("New", Fields::Newtype(plain(shape(random, 2)))),
        Variant::new("Tuple", Fields::Tuple(vec![Shape::U8, plain(shape(random, 1))])),
        Variant::new("named", Fields::Named(fields(random))),
    ];
    let tree = vec![
        Variant::new("Leaf", Fields::Newtype(Shape::U32)),
        Variant::new("Branch", Fields::Newtype(Shape::seq(ty("Tree")))),
    ];
    vec![
        def("S", random.below(2) == 0, of(Fields::Named(fields(random)))),
        def("T", false, of(Fields::Tuple(tuple))),
        def("N", false, of(Fields::Newtype(plain(shape(random, 2))))),
        def("U", false, of(Fields::Unit)),
        enumeration("E", variants),
        enumeration("Tree", tree),
    ]
}

/// A value of `shape`, as a codec that is for people or is not would have it.
pub(crate) fn value(
    random: &mut Random,
    shape: &Shape,
    types: &TypeTable<'_>,
    human: bool,
    depth: usize,
) -> Value {
    let unsigned =
        |random: &mut Random, bits: u32| Value::Unsigned(random.wide() & (u128::MAX >> (128 - bits)));
    let signed = |random: &mut Random, bits: u32| {
        let wide = random.wide().cast_signed();
        Value::Signed((wide << (128 - bits)) >> (128 - bits))
    };
    match shape {
        Shape::Bool => Value::Bool(random.below(2) == 0),
        Shape::U8 => unsigned(random, 8),
        Shape::U16 => unsigned(random, 16),
        Shape::U32 => unsigned(random, 32),
        Shape::U64 => unsigned(random, 64),
        Shape::U128 => unsigned(random, 128),
        Shape::I8 => signed(random, 8),
        Shape::I16 => signed(random, 16),
        Shape::I32 => signed(random, 32),
        Shape::I64 => signed(random, 64),
        Shape::I128 => signed(random, 128),
        Shape::F32 => {
            let bits = u32::try_from(random.next() >> 32).unwrap();
            Value::F32(Some(f32::from_bits(bits)).filter(|it| it.is_finite()).unwrap_or(0.1))
        }
        Shape::F64 => {
            Value::F64(Some(f64::from_bits(random.next())).filter(|it| it.is_finite()).unwrap_or(0.1))
        }
        Shape::Char => Value::Char(random.character()),
        Shape::String => Value::String(random.text()),
        Shape::Bytes => Value::Bytes(random.text().into_bytes()),
        Shape::Unit => Value::Unit,
        Shape::Option(inner) => {
            let some = random.below(2) == 0;
            Value::Option(some.then(|| Box::new(value(random, inner, types, human, depth))))
        }
        Shape::Seq(inner) => {
            let count = if depth == 0 { 0 } else { random.below(4) };
            Value::Seq((0..count).map(|_| value(random, inner, types, human, depth - 1)).collect())
        }
        Shape::Map(key, inner) => {
            let mut entry =
                |_| (value(random, key, types, human, depth), value(random, inner, types, human, depth));
            Value::Map((0..2).map(&mut entry).collect())
        }
        Shape::Tuple(shapes) => {
            Value::Tuple(shapes.iter().map(|it| value(random, it, types, human, depth)).collect())
        }
        Shape::Array(inner, len) => {
            Value::Tuple((0..*len).map(|_| value(random, inner, types, human, depth)).collect())
        }
        Shape::TextOr(_) if human => Value::String(random.text()),
        Shape::TextOr(inner) => value(random, inner, types, human, depth),
        Shape::Type(name) => match &types.get(name).unwrap().form {
            Form::Struct(fields) => held(random, fields, types, human, depth),
            Form::Enum(variants) => {
                let n = random.below(variants.len());
                let held = held(random, &variants[n].fields, types, human, depth);
                Value::Variant(u32::try_from(n).unwrap(), Box::new(held))
            }
        },
        shape => panic!("{shape} has no values of its own"),
    }
}

fn held(random: &mut Random, fields: &Fields, types: &TypeTable<'_>, human: bool, depth: usize) -> Value {
    match fields {
        Fields::Unit => Value::Unit,
        Fields::Newtype(shape) => value(random, shape, types, human, depth),
        Fields::Tuple(shapes) => {
            Value::Tuple(shapes.iter().map(|it| value(random, it, types, human, depth)).collect())
        }
        Fields::Named(fields) => Value::Struct(
            fields.iter().map(|it| Some(value(random, &it.shape, types, human, depth))).collect(),
        ),
    }
}
