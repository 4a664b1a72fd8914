//! Whether a client and a server that were built at different times understand each other: clause 15.4.

mod walk;

use core::fmt;
use std::collections::HashSet;

use self::walk::{Pair, Table, Walk, table};
use super::brief::brief;
use super::{Description, Method};
use crate::codec::CodecId;
use crate::schema::Shape;
use crate::status::OneLine;

/// Something that a caller and a callee do not have alike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Interface and method: `Greeter.hello`.
    pub method: String,
    /// Where in it: `argument name`, `answer.age`.
    pub place: String,
    /// What the caller has there.
    pub caller: String,
    /// What the callee has there.
    pub callee: String,
}

impl fmt::Display for Mismatch {
    /// One line, whatever names the peer gives its types: control characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, place, caller, callee } = self;
        let [method, place, caller, callee] = [method, place, caller, callee].map(|text| OneLine(text));
        write!(f, "{method}")?;
        if !self.place.is_empty() {
            write!(f, ", {place}")?;
        }
        write!(f, ": the caller has {caller}, the callee {callee}")
    }
}

/// Whether calls of `caller`'s methods in `codec` mean at `callee` what they mean to the caller: clause 15.4. What the callee
/// offers beyond them does not matter.
///
/// In a codec that names fields (MessagePack, JSON) a sender may have more fields than its receiver, and fewer where
/// the receiver has a default; in one that does not (bincode, postcard) structs are the same. A shape that nobody described
/// ([`Shape::Opaque`]) is taken for the right one.
///
/// Either may be a peer's, and say what it likes. No more than 64 differences are told, and of each name no more than is
/// read; two descriptions whose comparison takes millions of steps are not compatible.
pub fn compatible(caller: &Description, callee: &Description, codec: CodecId) -> Result<(), Vec<Mismatch>> {
    let (mut found, mut budget, mut alike) = (Vec::new(), Budget::default(), HashSet::new());
    let (caller_types, callee_types) = (table(&caller.types), table(&callee.types));
    let caller_name = &caller.name;
    for method in &caller.methods {
        let name = brief(format_args!("{}.{}", caller.name, method.name));
        let Some(offered) = callee.methods.iter().find(|offered| offered.index == method.index) else {
            let (caller, callee) = (format!("index {}", method.index), "no such method".to_owned());
            if budget.tell() {
                found.push(Mismatch { method: name, place: String::new(), caller, callee });
            }
            continue;
        };
        let (caller, callee) = (&caller_types, &callee_types);
        let (found, budget, alike) = (&mut found, &mut budget, &mut alike);
        Compared { name, caller, callee, codec, budget, alike, found }.methods(method, offered);
    }
    if budget.is_spent() {
        let (caller, callee) = (format!("{} types", caller.types.len()), format!("{}", callee.types.len()));
        let place = "which take too long to compare".to_owned();
        found.push(Mismatch { method: brief(caller_name), place, caller, callee });
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// What a comparison may cost, whatever a peer describes.
#[derive(Debug)]
struct Budget {
    /// Steps that are left: a pair of shapes, a few names that are looked at. An interface of a hundred methods and types,
    /// twenty fields each, takes thirty thousand.
    steps: usize,
    /// Differences that are left to be told.
    differences: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: 2_000_000, differences: 64 }
    }
}

impl Budget {
    /// Whether there is something left, and a reader to go on for.
    fn spend(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_sub(steps);
        self.steps > 0 && self.differences > 0
    }

    /// Whether a difference is to be told.
    fn tell(&mut self) -> bool {
        let tells = self.differences > 0;
        self.differences = self.differences.saturating_sub(1);
        tells
    }

    fn is_spent(&self) -> bool {
        self.steps == 0
    }
}

/// One method of both sides.
struct Compared<'a> {
    name: String,
    caller: &'a Table<'a>,
    callee: &'a Table<'a>,
    codec: CodecId,
    budget: &'a mut Budget,
    alike: &'a mut HashSet<Pair>,
    found: &'a mut Vec<Mismatch>,
}

impl<'a> Compared<'a> {
    fn differ(&mut self, place: &dyn fmt::Display, caller: impl fmt::Display, callee: impl fmt::Display) {
        if self.budget.tell() {
            self.add(place, brief(caller), brief(callee));
        }
    }

    fn add(&mut self, place: impl fmt::Display, caller: String, callee: String) {
        self.found.push(Mismatch { method: self.name.clone(), place: brief(place), caller, callee });
    }

    fn methods(mut self, caller: &'a Method, callee: &'a Method) {
        if caller.kind != callee.kind {
            return self.differ(&"", caller.kind, callee.kind);
        }
        if caller.datagram && !callee.datagram {
            self.differ(&"", "a notification that may come as a datagram", "one that may not");
        }
        let counts = (caller.parameters.len(), callee.parameters.len());
        if counts.0 != counts.1 {
            self.differ(&"", format!("{} arguments", counts.0), counts.1);
        }
        for (sent, taken) in caller.parameters.iter().zip(&callee.parameters) {
            self.sent(&format_args!("argument {}", taken.name), &sent.shape, &taken.shape);
        }
        self.both(&"an item that is sent", &caller.items, &callee.items, Self::sent);
        let one = if caller.kind.is_sequence() { "an item" } else { "the answer" };
        self.both(&one, &caller.answer, &callee.answer, Self::answered);
        self.both(&"the error", &caller.error, &callee.error, Self::answered);
    }

    fn both(
        &mut self,
        place: &dyn fmt::Display,
        caller: &'a Option<Shape>,
        callee: &'a Option<Shape>,
        compare: impl FnOnce(&mut Self, &dyn fmt::Display, &'a Shape, &'a Shape),
    ) {
        match (caller, callee) {
            (Some(caller), Some(callee)) => compare(self, place, caller, callee),
            (None, None) => {}
            (Some(caller), None) => self.differ(place, caller, "none"),
            (None, Some(callee)) => self.differ(place, "none", callee),
        }
    }

    /// What the caller writes and the callee reads.
    fn sent(&mut self, place: &dyn fmt::Display, caller: &'a Shape, callee: &'a Shape) {
        let differences =
            Walk::new(self.codec, self.caller, self.callee, &mut *self.budget, &mut *self.alike)
                .run(caller, callee);
        for (path, written, read) in differences {
            self.add(format_args!("{place}{path}"), written, read);
        }
    }

    /// What the callee writes and the caller reads.
    fn answered(&mut self, place: &dyn fmt::Display, caller: &'a Shape, callee: &'a Shape) {
        let differences =
            Walk::new(self.codec, self.callee, self.caller, &mut *self.budget, &mut *self.alike)
                .run(callee, caller);
        for (path, written, read) in differences {
            self.add(format_args!("{place}{path}"), read, written);
        }
    }
}

#[cfg(test)]
mod tests;
