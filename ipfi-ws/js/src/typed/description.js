/**
 * What a typed interface consists of, as data that travels: clause 15.2. The tables of a client say it.
 *
 * @module
 */

/**
 * @template T
 * @typedef {import('../codec/bincode.js').Type<T>} Type
 */

/**
 * @typedef {import('../codec/bincode.js').Made} Made
 *
 * @typedef {string | { option: Shape } | { seq: Shape } | { map: [Shape, Shape] } | { tuple: Shape[] } | { array: [Shape, number] }
 *   | { text_or: Shape } | { type: string } | { opaque: string }} Shape
 * @typedef {{ name: string, shape: Shape }} Field
 * @typedef {'unit' | { newtype: Shape } | { tuple: Shape[] } | { named: Field[] }} Fields
 * @typedef {{ name: string, fields: Fields }} Variant
 * @typedef {{ name: string, form: { struct: Fields } | { enum: Variant[] } }} TypeDef
 *
 * @typedef {object} MethodDescription
 * @property {string} name
 * @property {number | bigint} index
 * @property {string} kind
 * @property {boolean} datagram
 * @property {Field[]} parameters
 * @property {Shape | null} items
 * @property {Shape | null} answer
 * @property {Shape | null} error
 *
 * @typedef {{ name: string, types: TypeDef[], methods: MethodDescription[] }} Description
 */

/** What tables say of an interface. @param {import('./method.js').Typed<any>} typed @returns {Description} */
export function describe({ name, methods, types }) {
  const table = new Table(types);
  const described = Object.entries(methods).map(([name, { kind, index, types }]) => {
    const { args = [], items = null, returns = null, throws = null, datagrams = false } = types;
    const shape = (/** @type {Type<any> | null} */ type) => type && table.shape(type);
    return {
      name,
      index,
      kind: kind.replaceAll(' ', '_'),
      datagram: datagrams,
      parameters: args.map((type, n) => ({ name: `${n}`, shape: table.shape(type) })),
      items: shape(items),
      answer: kind === 'notification' ? null : returns ? table.shape(returns) : 'unit',
      error: shape(throws),
    };
  });
  return { name, types: table.defs, methods: described };
}

/** Structs and enums, each once, by their names. */
class Table {
  /** @type {TypeDef[]} */
  defs = [];
  /** @type {Map<Type<any>, string>} */
  #names;
  /** @type {Set<Type<any>>} */
  #begun = new Set();

  /** @param {Record<string, Type<any>>} types */
  constructor(types) {
    this.#names = new Map(Object.entries(types).map(([name, type]) => [type, name]));
  }

  /** @param {Type<any>} type @returns {Shape} */
  shape(type) {
    const made = /** @type {any} */ (type.of);
    const name = this.#names.get(type);
    if (name !== undefined) {
      this.#define(name, type);
      return { type: name };
    }
    if (made === undefined) return { opaque: 'a type without a name' };
    if (typeof made === 'string') return made;
    if (made.lazy) return this.shape(made.lazy());
    if (made.struct || made.enum) {
      // One that was written by hand.
      this.#names.set(type, `a type without a name (${this.#names.size})`);
      return this.shape(type);
    }
    if (made.map) return { map: made.map.map((/** @type {Type<any>} */ each) => this.shape(each)) };
    if (made.tuple) return { tuple: made.tuple.map((/** @type {Type<any>} */ each) => this.shape(each)) };
    if (made.array) return { array: [this.shape(made.array[0]), made.array[1]] };
    return made.seq ? { seq: this.shape(made.seq) } : { option: this.shape(made.option) };
  }

  /** @param {string} name @param {Type<any>} type */
  #define(name, type) {
    if (this.#begun.has(type)) return;
    this.#begun.add(type);
    /** @type {TypeDef} */
    const def = { name, form: { struct: 'unit' } };
    this.defs.push(def);
    const { enum: variants } = /** @type {any} */ (type.of ?? {});
    def.form = variants
      ? { enum: variants.map((/** @type {[string, Type<any>]} */ [name, payload]) => ({ name, fields: this.#fields(payload) })) }
      : { struct: this.#fields(type, true) };
  }

  /** @param {Type<any>} type @param {boolean} [whole] whether it is the type that has a name, or a variant's @returns {Fields} */
  #fields(type, whole = false) {
    const made = /** @type {any} */ (type.of ?? {});
    if (!whole && this.#names.has(type)) return { newtype: this.shape(type) };
    if (made.struct) return { named: made.struct.map((/** @type {[string, Type<any>]} */ [name, type]) => ({ name, shape: this.shape(type) })) };
    if (made.tuple) return { tuple: made.tuple.map((/** @type {Type<any>} */ type) => this.shape(type)) };
    if (made === 'unit') return 'unit';
    return { newtype: made.lazy ? this.shape(made.lazy()) : this.shape(type) };
  }
}
