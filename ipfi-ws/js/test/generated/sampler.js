// Made by `ipfi gen ts` from the interface `Sampler`. Changes here are lost with the next run.

import {
  bool,
  bytes,
  char,
  enumeration,
  f32,
  f64,
  i128,
  i16,
  i32,
  i64,
  i8,
  lazy,
  map,
  option,
  seq,
  string,
  struct,
  tuple,
  u128,
  u16,
  u32,
  u64,
  u8,
  unit,
} from '../../src/codec/bincode.js';
import {
  array,
  call,
  check,
  duplex,
  ip,
  newtype,
  nothing,
  notification,
  notify,
  octetArray,
  octets,
  procedure,
  procedureWithItems,
  raw,
  sequence,
  sequenceWithItems,
  some,
  stream,
  typed,
  upload,
  uuid,
} from '../../src/typed.js';

export const Id = newtype(u64);

export const Pair = tuple(u8, string);

export const Marker = nothing();

export const Form = enumeration([
  ['Point', unit],
  ['Circle', f64],
  ['Rect', tuple(u32, u32)],
  ['Label', struct({ text: string, 'font-size': option(u8) })],
  ['Couple', lazy(() => tuple(u8, u8))],
  ['Void', lazy(() => unit)],
  ['7', Marker],
]);

export const Tree = struct({ value: i32, children: seq(lazy(() => Tree)) });

export const PageId = struct({ items: seq(Id), next: option(Id) });

export const ResultU8String = enumeration({ Ok: u8, Err: string });

export const Uuid = uuid;

export const IpAddr = ip;

export const Duration = struct({ secs: u64, nanos: u32 });

export const Everything = struct({
  yes: bool,
  small: tuple(u8, u16, u32, i8, i16, i32),
  large: tuple(u64, u128, i64, i128),
  real: tuple(f32, f64),
  letter: char,
  text: string,
  bytes,
  octets,
  digest: octetArray(4),
  matrix: array(tuple(i16, i16), 9),
  maybe: option(string),
  perhaps: some(option(u8)),
  present: some(unit),
  list: seq(option(Id)),
  table: map(string, seq(u64)),
  by_id: map(u64, Pair),
  nothing: unit,
  marker: Marker,
  forms: seq(Form),
  tree: Tree,
  page: PageId,
  outcome: ResultU8String,
  uuid: Uuid,
  addresses: seq(IpAddr),
  pause: Duration,
  'class-name': string,
});

export const DivisionError = enumeration({ ByZero: unit, Remainder: struct({ quotient: i32, rest: i32 }) });

export const Overflow = struct({ after: u64 });

const methods = {
  everything: procedure(790136663, { args: [Everything], returns: Everything, timeout: 5000 }),
  join: procedure(968641394, { args: [u8, i64, option(string), seq(u64)], returns: string }),
  count: sequence(509795666, { args: [u64, u64], returns: u64 }),
  divide: procedure(678145080, { args: [i32, i32], returns: i32, throws: DivisionError }),
  halve: sequence(435250411, { args: [u32], returns: u32, throws: DivisionError }),
  sum: procedureWithItems(1050755780, { items: u64, returns: u64, throws: Overflow }),
  echo: sequenceWithItems(292678506, { items: string, returns: string }),
  times: sequenceWithItems(540215096, { args: [u64], items: u64, returns: u64, throws: Overflow }),
  log: notification(628997776, { args: [string] }),
  shout: notification(697312126, { args: [string], datagrams: true }),
  logged: procedure(41514188, { returns: seq(string) }),
  refuse: procedure(319542470, { args: [string] }),
  never: procedure(293719910, { timeout: 50 }),
  forever: sequence(858719677, { returns: u64 }),
  left: procedure(135632425, { returns: u32 }),
  raw: procedure(827366131, { args: [u32], returns: raw }),
  visit: procedure(263123423, { returns: seq(string), throws: string }),
};

/** The interface `Sampler`, for `serve`. */
export const Sampler = typed('Sampler', methods, {
  Id,
  Pair,
  Marker,
  Form,
  Tree,
  'Page<Id>': PageId,
  'Result<u8, String>': ResultU8String,
  Duration,
  Everything,
  DivisionError,
  Overflow,
});

export class SamplerClient {
  #wire;

  constructor(wire) {
    this.#wire = wire;
  }

  static async checked(wire) {
    await check(wire, Sampler);
    return new SamplerClient(wire);
  }

  everything(value, options) {
    return call(this.#wire, methods.everything, [value], options);
  }

  join(new_, with_, thisOne, options, options_) {
    return call(this.#wire, methods.join, [new_, with_, thisOne, options], options_);
  }

  count(from, limit, options) {
    return stream(this.#wire, methods.count, [from, limit], options);
  }

  divide(number, by, options) {
    return call(this.#wire, methods.divide, [number, by], options);
  }

  halve(number, options) {
    return stream(this.#wire, methods.halve, [number], options);
  }

  sum(items, options) {
    return upload(this.#wire, methods.sum, [], items, options);
  }

  echo(items, options) {
    return duplex(this.#wire, methods.echo, [], items, options);
  }

  times(by, items, options) {
    return duplex(this.#wire, methods.times, [by], items, options);
  }

  log(line, options) {
    return notify(this.#wire, methods.log, [line], options);
  }

  shout(line, options) {
    return notify(this.#wire, methods.shout, [line], options);
  }

  logged(options) {
    return call(this.#wire, methods.logged, [], options);
  }

  refuse(why, options) {
    return call(this.#wire, methods.refuse, [why], options);
  }

  never(options) {
    return call(this.#wire, methods.never, [], options);
  }

  forever(options) {
    return stream(this.#wire, methods.forever, [], options);
  }

  left(options) {
    return call(this.#wire, methods.left, [], options);
  }

  raw(length, options) {
    return call(this.#wire, methods.raw, [length], options);
  }

  visit(options) {
    return call(this.#wire, methods.visit, [], options);
  }
}
