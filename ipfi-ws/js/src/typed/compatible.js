/**
 * Whether what one side writes in bincode is what the other reads: clause 15.4, on two descriptions as they travel. One of
 * them is a peer's, hence of any form: a name may be missing from its table, lead back to itself, or lead on through as many
 * types as a message holds.
 *
 * @module
 */

/**
 * @typedef {import('./error.js').Mismatch} Mismatch
 * @typedef {import('./description.js').Description} Description
 * @typedef {import('./description.js').MethodDescription} MethodDescription
 * @typedef {import('./description.js').Shape} Shape
 * @typedef {import('./description.js').TypeDef} TypeDef
 * @typedef {import('./description.js').Fields} Fields
 * @typedef {import('./description.js').Field} Field
 * @typedef {import('./description.js').Variant} Variant
 * @typedef {Map<string, TypeDef>} Table
 */

/** So deep are shapes compared: values that are nested deeper are not taken (clause 9.2). */
const MAX_DEPTH = 64;

/** How kinds are called. @type {Record<string, string>} */
const KINDS = {
  procedure: 'a procedure (one value)',
  sequence: 'a sequence',
  procedure_with_items: 'a procedure with items',
  sequence_with_items: 'a sequence with items',
  notification: 'a notification',
  raw: 'a raw procedure',
};

/** What leaves are called in Rust, where that is not their name here. @type {Record<string, string>} */
const LEAVES = { string: 'String', unit: '()', raw: 'Raw' };

/**
 * What does not fit, of calls of `caller`'s methods in bincode at `callee`.
 *
 * @param {Description} caller
 * @param {Description} callee
 * @returns {Mismatch[]}
 */
export function compatible(caller, callee) {
  /** @type {Mismatch[]} */
  const found = [];
  const [callers, callees] = [caller, callee].map(({ types }) => new Map(types.map((def) => [def.name, def])));
  for (const method of caller.methods) {
    const name = `${caller.name}.${method.name}`;
    const offered = callee.methods.find(({ index }) => Number(index) === Number(method.index));
    /** @param {string} place @param {string} caller @param {string} callee */
    const differ = (place, caller, callee) => found.push({ method: name, place, caller, callee });
    if (offered) compareMethods(method, offered, callers, callees, differ);
    else differ('', `index ${method.index}`, 'no such method');
  }
  return found;
}

/**
 * @param {MethodDescription} caller
 * @param {MethodDescription} callee
 * @param {Table} callers
 * @param {Table} callees
 * @param {(place: string, caller: string, callee: string) => void} differ
 */
function compareMethods(caller, callee, callers, callees, differ) {
  if (caller.kind !== callee.kind) return differ('', KINDS[caller.kind], KINDS[callee.kind]);
  if (caller.datagram && !callee.datagram) {
    differ('', 'a notification that may come as a datagram', 'one that may not');
  }
  const [sent, taken] = [caller.parameters, callee.parameters];
  if (sent.length !== taken.length) differ('', `${sent.length} arguments`, `${taken.length}`);
  /** What the caller writes and the callee reads. @param {string} place @param {Shape} written @param {Shape} read */
  const asked = (place, written, read) =>
    new Walk(callers, callees, (path, written, read) => differ(place + path, written, read)).shapes(written, read);
  /** The other way round. @param {string} place @param {Shape} read @param {Shape} written */
  const answered = (place, read, written) =>
    new Walk(callees, callers, (path, written, read) => differ(place + path, read, written)).shapes(written, read);
  for (let n = 0; n < Math.min(sent.length, taken.length); n++) {
    asked(`argument ${taken[n].name}`, sent[n].shape, taken[n].shape);
  }
  /** @param {string} place @param {Shape | null} one @param {Shape | null} other @param {typeof asked} compare */
  const both = (place, one, other, compare) => {
    if (one !== null && other !== null) compare(place, one, other);
    else if (one !== other) differ(place, one === null ? 'none' : print(one), other === null ? 'none' : print(other));
  };
  both('an item that is sent', caller.items, callee.items, asked);
  both(caller.kind.startsWith('sequence') ? 'an item' : 'the answer', caller.answer, callee.answer, answered);
  both('the error', caller.error, callee.error, answered);
}

/** Two shapes walked together. */
class Walk {
  /** Pairs of names that were begun: whoever meets one again has nothing to add. @type {Set<string>} */
  #seen = new Set();
  #depth = 0;
  /** @type {string[]} */
  #path = [];
  #written;
  #read;
  #found;

  /** @param {Table} written @param {Table} read @param {(path: string, written: string, read: string) => void} found */
  constructor(written, read, found) {
    this.#written = written;
    this.#read = read;
    this.#found = found;
  }

  /** @param {Shape} written @param {Shape} read */
  shapes(written, read) {
    const [one, other] = [nameOf(written), nameOf(read)];
    if (one !== null && other !== null) {
      const pair = JSON.stringify([one, other]);
      if (this.#seen.has(pair)) return;
      this.#seen.add(pair);
    }
    if (this.#depth >= MAX_DEPTH) return;
    this.#depth++;
    this.#resolved(written, read);
    this.#depth--;
  }

  /** @param {string} written @param {string} read */
  #differ(written, read) {
    this.#found(this.#path.join(''), written, read);
  }

  /** @param {string} step @param {() => void} walk */
  #inside(step, walk) {
    this.#path.push(step);
    walk();
    this.#path.pop();
  }

  /** @param {Shape} written @param {Shape} read */
  #resolved(written, read) {
    const [one, other] = [resolve(written, this.#written), resolve(read, this.#read)];
    if (isOpaque(one.shape) || isOpaque(other.shape)) return;
    if (one.def && other.def) return this.#defs(one.def, other.def);
    if (one.shape !== undefined && other.shape !== undefined) return this.#plain(one.shape, other.shape);
    const text = (/** @type {Resolved} */ { def, shape }, /** @type {Shape} */ whole) =>
      def || shape !== undefined ? print(whole) : `${print(whole)} (not described)`;
    // A tuple struct is the tuple of its fields; nothing else of the table looks like a shape outside of it.
    const fields = tupleOf(one.def ?? other.def);
    const shape = one.def ? other.shape : one.shape;
    if (fields && shape !== undefined && lengthOf(shape) === fields.length) {
      return one.def ? this.#tuples(fields, elementsOf(shape)) : this.#tuples(elementsOf(shape), fields);
    }
    this.#differ(text(one, written), text(other, read));
  }

  /** @param {any} written @param {any} read */
  #plain(written, read) {
    const kind = variantOf(written);
    const both = kind === variantOf(read);
    const [one, other] = [written[kind], read[kind]];
    if (both && kind === 'option') return this.shapes(one, other);
    if (both && kind === 'seq') return this.#inside('[]', () => this.shapes(one, other));
    if (both && kind === 'map') {
      this.#inside('[key]', () => this.shapes(one[0], other[0]));
      return this.#inside('[]', () => this.shapes(one[1], other[1]));
    }
    // Equal ones are walked once, however many they are.
    if (both && kind === 'array' && one[1] === other[1]) return this.#inside('[]', () => this.shapes(one[0], other[0]));
    const length = lengthOf(written);
    if (length !== null && length === lengthOf(read)) return this.#tuples(elementsOf(written), elementsOf(read));
    if (typeof written !== 'string' || written !== read) this.#differ(print(written), print(read));
  }

  /** @param {Shape[]} written @param {Shape[]} read */
  #tuples(written, read) {
    if (written.length !== read.length) return this.#differ(`${written.length} elements`, `${read.length} elements`);
    written.forEach((shape, n) => this.#inside(`.${n}`, () => this.shapes(shape, read[n])));
  }

  /** @param {TypeDef} written @param {TypeDef} read */
  #defs(written, read) {
    const [one, other] = [/** @type {any} */ (written.form), /** @type {any} */ (read.form)];
    if (one.struct !== undefined && other.struct !== undefined) {
      this.#fields(one.struct, other.struct, written.name, read.name);
    } else if (one.enum !== undefined && other.enum !== undefined) {
      this.#variants(one.enum, other.enum, read.name);
    } else {
      const text = (/** @type {any} */ form, /** @type {string} */ name) => `the ${form.struct === undefined ? 'enum' : 'struct'} ${name}`;
      this.#differ(text(one, written.name), text(other, read.name));
    }
  }

  /** The fields of a struct or a variant, and what it is called at both sides. @param {any} written @param {any} read @param {string} writtenName @param {string} readName */
  #fields(written, read, writtenName, readName) {
    const kind = variantOf(written);
    if (kind !== variantOf(read)) return this.#differ(`${writtenName} ${FORMS[kind]}`, `${readName} ${FORMS[variantOf(read)]}`);
    if (kind === 'newtype') this.shapes(written.newtype, read.newtype);
    else if (kind === 'tuple') this.#tuples(written.tuple, read.tuple);
    else if (kind === 'named') this.#byPlace(written.named, read.named);
  }

  /** Nothing in the bytes says which field is which. @param {Field[]} written @param {Field[]} read */
  #byPlace(written, read) {
    for (let n = 0; n < Math.max(written.length, read.length); n++) {
      const [one, other] = [written[n], read[n]];
      const step = `.${(one ?? other).name}`;
      if (one?.name !== other?.name) {
        const text = (/** @type {Field | undefined} */ field) =>
          field ? `${field.name}: ${print(field.shape)} in place ${n}` : `no field in place ${n}`;
        // All that follow are moved as well.
        return this.#inside(step, () => this.#differ(text(one), text(other)));
      }
      this.#inside(step, () => this.shapes(one.shape, other.shape));
    }
  }

  /** The reader may know more variants; those that are written it must know, under the same number. @param {Variant[]} written @param {Variant[]} read @param {string} enumName */
  #variants(written, read, enumName) {
    written.forEach((variant, n) => {
      const other = read[n];
      this.#inside(`::${variant.name}`, () => {
        if (!other) this.#differ(`variant ${n}`, `no such variant of ${enumName}`);
        else if (other.name === variant.name) this.#fields(variant.fields, other.fields, variant.name, other.name);
        else this.#differ(`${variant.name} as variant ${n}`, `${other.name} as that`);
      });
    });
  }
}

/** @type {Record<string, string>} */
const FORMS = {
  unit: 'without fields',
  newtype: 'of one field without a name',
  tuple: 'of fields without names',
  named: 'of named fields',
};

/**
 * A shape without the names around it: itself, a struct or an enum, or neither where a name leads nowhere.
 *
 * @typedef {{ shape?: Shape, def?: TypeDef }} Resolved
 */

/** @param {Shape} shape @param {Table} types @returns {Resolved} */
function resolve(shape, types) {
  // Each name leads to another type, or in a circle.
  for (let names = types.size; ; ) {
    const inner = /** @type {any} */ (shape);
    const name = nameOf(shape);
    if (inner.text_or !== undefined) {
      shape = inner.text_or;
    } else if (name === null) {
      return { shape };
    } else {
      const def = types.get(name);
      const newtype = /** @type {any} */ (def?.form)?.struct?.newtype;
      if (!def || newtype === undefined) return { def };
      if (names-- === 0) return {};
      shape = newtype;
    }
  }
}

/** The name of an enum's variant, as serde writes it. @param {any} value */
const variantOf = (value) => (typeof value === 'string' ? value : Object.keys(value)[0]);

/** @param {any} shape @returns {string | null} */
const nameOf = (shape) => shape.type ?? null;

/** @param {any} shape */
const isOpaque = (shape) => shape?.opaque !== undefined;

/** @param {TypeDef | undefined} def @returns {Shape[] | undefined} */
const tupleOf = (def) => /** @type {any} */ (def?.form)?.struct?.tuple;

/** @param {any} shape @returns {number | null} */
const lengthOf = (shape) => shape.tuple?.length ?? shape.array?.[1] ?? null;

/** The elements of a tuple, or of an array that was found to be as long as one. @param {any} shape @returns {Shape[]} */
const elementsOf = (shape) => shape.tuple ?? Array(shape.array[1]).fill(shape.array[0]);

/** A shape as it would be written in Rust, nearly. @param {any} shape @returns {string} */
export function print(shape) {
  const kind = variantOf(shape);
  const inner = shape[kind];
  if (kind === 'option') return `Option<${print(inner)}>`;
  if (kind === 'seq') return `Vec<${print(inner)}>`;
  if (kind === 'map') return `Map<${inner.map(print).join(', ')}>`;
  if (kind === 'tuple') return `(${inner.map(print).join(', ')}${inner.length === 1 ? ',' : ''})`;
  if (kind === 'array') return `[${print(inner[0])}; ${inner[1]}]`;
  if (kind === 'text_or') return `text or ${print(inner)}`;
  if (kind === 'type' || kind === 'opaque') return inner;
  return LEAVES[kind] ?? kind;
}
