//! What a visitor is given to read nested values with, wrapped: elements, entries, variants.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::de::Guard;
use super::visitor::{Guarded, Layout};
use super::{ALLOCATION, Scope, ZERO_SIZED};

/// A nested value's seed, guarded, with what it costs. Only asked for when there is a value, so the
/// end of a sequence of unknown length costs nothing.
struct Paid<'a, T> {
    seed: T,
    scope: Scope<'a>,
    price: usize,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Paid<'_, T> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        if self.price > 0 {
            self.scope.budget.charge::<D::Error>(self.price)?;
        }
        self.seed.deserialize(Guard::new(deserializer, self.scope))
    }
}

/// What the elements of one container cost.
enum Price {
    /// They are inside it: free while they fit.
    Inline { room: usize },
    /// They are on the heap.
    Heap {
        /// The first one pays for the block.
        started: bool,
        /// How many more are paid for.
        prepaid: usize,
        /// How much each of those was charged.
        unit: usize,
    },
}

impl Price {
    fn new(layout: Layout, room: usize) -> Self {
        match layout {
            Layout::Inline => Self::Inline { room },
            Layout::Heap => Self::Heap { started: false, prepaid: 0, unit: 0 },
        }
    }

    /// The price of the next element, a `T`, when `announced` of them are said to come, it included.
    #[inline]
    fn next<T>(&mut self, announced: Option<usize>) -> usize {
        let size = size_of::<T>();
        match self {
            Self::Inline { room } if size <= *room => {
                *room -= size;
                0
            }
            // More than the type has room for: the visitor must keep it somewhere else.
            Self::Inline { .. } => size,
            Self::Heap { started, prepaid, unit } => {
                let size = if size == 0 { ZERO_SIZED } else { size };
                if !*started {
                    *started = true;
                    *unit = size;
                    let count = announced.unwrap_or(1).max(1);
                    *prepaid = count - 1;
                    count.saturating_mul(size).saturating_add(ALLOCATION)
                } else if *prepaid > 0 {
                    *prepaid -= 1;
                    // The elements of one sequence may differ in type, if it is a buffer of serde's.
                    size.saturating_sub(*unit)
                } else {
                    size
                }
            }
        }
    }
}

/// A sequence, guarded.
pub(super) struct Seq<'a, A> {
    inner: A,
    scope: Scope<'a>,
    price: Price,
}

impl<'a, A> Seq<'a, A> {
    #[inline]
    pub(super) fn new(inner: A, scope: Scope<'a>, layout: Layout, room: usize) -> Self {
        Self { inner, scope, price: Price::new(layout, room) }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Seq<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let price = self.price.next::<T::Value>(self.inner.size_hint());
        let scope = self.scope.place_of::<T::Value>();
        self.inner.next_element_seed(Paid { seed, scope, price })
    }

    fn size_hint(&self) -> Option<usize> {
        self.scope.budget.hint(self.inner.size_hint())
    }
}

/// A map, or a struct with its fields' names, guarded.
pub(super) struct Map<'a, A> {
    inner: A,
    scope: Scope<'a>,
    layout: Layout,
    keys: Price,
    values: Price,
    /// How many values are still to come, the current one included, as the keys' hint had it.
    announced: Option<usize>,
}

impl<'a, A> Map<'a, A> {
    #[inline]
    pub(super) fn new(inner: A, scope: Scope<'a>, layout: Layout, room: usize) -> Self {
        let (keys, values) = (Price::new(layout, room), Price::new(layout, room));
        Self { inner, scope, layout, keys, values, announced: None }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Map<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.announced = self.inner.size_hint();
        match self.layout {
            Layout::Heap => {
                let price = self.keys.next::<K::Value>(self.announced);
                let scope = self.scope.place_of::<K::Value>();
                self.inner.next_key_seed(Paid { seed, scope, price })
            }
            // The names of fields: compared and forgotten.
            Layout::Inline => {
                self.inner.next_key_seed(Paid { seed, scope: self.scope.place_of_name(), price: 0 })
            }
        }
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let price = self.values.next::<T::Value>(self.announced);
        let scope = self.scope.place_of::<T::Value>();
        self.inner.next_value_seed(Paid { seed, scope, price })
    }

    fn size_hint(&self) -> Option<usize> {
        self.scope.budget.hint(self.inner.size_hint())
    }
}

/// An enum, guarded; then its variant's contents. The enum has been entered: what it holds is one
/// container further in.
pub(super) struct Enum<'a, A> {
    inner: A,
    scope: Scope<'a>,
}

impl<'a, A> Enum<'a, A> {
    #[inline]
    pub(super) fn new(inner: A, scope: Scope<'a>) -> Self {
        Self { inner, scope }
    }
}

impl<'de, 'a, A: EnumAccess<'de>> EnumAccess<'de> for Enum<'a, A> {
    type Error = A::Error;
    type Variant = Enum<'a, A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (tag, contents) =
            self.inner.variant_seed(Paid { seed, scope: self.scope.place_of_name(), price: 0 })?;
        Ok((tag, Enum::new(contents, self.scope)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Enum<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let price = Price::new(Layout::Inline, self.scope.place).next::<T::Value>(None);
        let scope = self.scope.place_of::<T::Value>();
        self.inner.newtype_variant_seed(Paid { seed, scope, price })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Guarded::new(visitor, self.scope, Layout::Inline))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Guarded::new(visitor, self.scope, Layout::Inline))
    }
}
