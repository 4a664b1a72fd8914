//! Types of Rust's libraries that are text for people and something else in bincode: they are strings in JavaScript, which the
//! runtime converts.

use ipfi::schema::{Fields, Form, Shape, TypeDef};

/// What the runtime has for such a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct WellKnown {
    /// Its table in `ipfi/typed`.
    pub(super) table: &'static str,
    /// What it looks like.
    pub(super) doc: &'static str,
}

impl WellKnown {
    /// What `def` is, if it is one: by its name, and by its form, so that another type of that name is none.
    pub(super) fn of(def: &TypeDef) -> Option<Self> {
        let Form::Struct(Fields::Newtype(Shape::TextOr(binary))) = &def.form else { return None };
        let octets = |count: u32| Shape::Array(Box::new(Shape::U8), count);
        let (table, doc, form) = match &*def.name {
            "Uuid" => (
                "uuid",
                "Hexadecimal digits in five groups: `67e55044-10b1-426f-9247-bb680e5fe0c8`.",
                Shape::Bytes,
            ),
            "Ipv4Addr" => ("ipv4", "An address of IPv4: `192.0.2.1`.", octets(4)),
            "Ipv6Addr" => ("ipv6", "An address of IPv6: `2001:db8::1`.", octets(16)),
            "IpAddr" => (
                "ip",
                "An address of IPv4 or IPv6: `192.0.2.1`, `2001:db8::1`.",
                Shape::Type("IpAddrOctets".into()),
            ),
            _ => return None,
        };
        (**binary == form).then_some(Self { table, doc })
    }
}
