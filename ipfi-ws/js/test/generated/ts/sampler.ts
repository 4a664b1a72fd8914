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
} from '../../../src/codec/bincode.js';
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
} from '../../../src/typed.js';
import type {
  Answer,
  Answers,
  CallOptions,
  Context,
  DatagramOptions,
  DuplexCall,
  Items,
  Source,
  StreamCall,
  Type,
  Wire,
} from '../../../src/typed.js';

/** A number of its own. */
export type Id = bigint;

export const Id: Type<Id> = newtype(u64);

export type Pair = [number, string];

export const Pair: Type<Pair> = tuple(u8, string);

export type Marker = undefined;

export const Marker: Type<Marker> = nothing();

/** A variant of every form. */
export type Form =
  /** No value. */
  | 'Point'
  | { Circle: number }
  | { Rect: [number, number] }
  | { Label: {
      /** What it says. */
      text: string;
      'font-size': number | null;
    } }
  | { Couple: [number, number] }
  | { Void: undefined }
  | { '7': Marker };

export const Form: Type<Form> = enumeration([
  ['Point', unit],
  ['Circle', f64],
  ['Rect', tuple(u32, u32)],
  ['Label', struct({ text: string, 'font-size': option(u8) })],
  ['Couple', lazy(() => tuple(u8, u8))],
  ['Void', lazy(() => unit)],
  ['7', Marker],
]);

/** Contains itself. */
export interface Tree {
  value: number;
  children: Tree[];
}

export const Tree: Type<Tree> = struct({ value: i32, children: seq(lazy(() => Tree)) });

export interface PageId {
  items: Id[];
  next: Id | null;
}

export const PageId: Type<PageId> = struct({ items: seq(Id), next: option(Id) });

export type ResultU8String = { Ok: number } | { Err: string };

export const ResultU8String: Type<ResultU8String> = enumeration({ Ok: u8, Err: string });

/** Hexadecimal digits in five groups: `67e55044-10b1-426f-9247-bb680e5fe0c8`. */
export type Uuid = string;

export const Uuid: Type<Uuid> = uuid;

/** An address of IPv4 or IPv6: `192.0.2.1`, `2001:db8::1`. */
export type IpAddr = string;

export const IpAddr: Type<IpAddr> = ip;

export interface Duration {
  secs: bigint;
  nanos: number;
}

export const Duration: Type<Duration> = struct({ secs: u64, nanos: u32 });

/** A value of every type. */
export interface Everything {
  yes: boolean;
  /** Numbers of 8, 16 and 32 bits are numbers. */
  small: [number, number, number, number, number, number];
  /** Those of 64 and 128 bits are bigints. */
  large: [bigint, bigint, bigint, bigint];
  real: [number, number];
  letter: string;
  text: string;
  bytes: Uint8Array;
  octets: Uint8Array;
  digest: Uint8Array;
  matrix: [number, number][];
  maybe: string | null;
  /** Nothing, `Some(None)` and `Some(Some(1))` are three values. */
  perhaps: { Some: number | null } | null;
  present: { Some: undefined } | null;
  list: (Id | null)[];
  table: Map<string, bigint[]>;
  by_id: Map<bigint, Pair>;
  nothing: undefined;
  marker: Marker;
  forms: Form[];
  tree: Tree;
  page: PageId;
  outcome: ResultU8String;
  uuid: Uuid;
  addresses: IpAddr[];
  pause: Duration;
  'class-name': string;
}

export const Everything: Type<Everything> = struct({
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

/** Why there is no quotient. */
export type DivisionError = 'ByZero' | { Remainder: { quotient: number; rest: number } };

export const DivisionError: Type<DivisionError> = enumeration({ ByZero: unit, Remainder: struct({ quotient: i32, rest: i32 }) });

/** The sum is larger than a `u64`. */
export interface Overflow {
  /** How many numbers were added until then. */
  after: bigint;
}

export const Overflow: Type<Overflow> = struct({ after: u64 });

/** What serves `Sampler`: `serve(new Interface(), Sampler, handlers)`. */
export interface SamplerHandlers {
  everything(value: Everything, context: Context): Answer<Everything>;
  join(new_: number, with_: bigint, thisOne: string | null, options: bigint[], context: Context): Answer<string>;
  count(from: bigint, limit: bigint, context: Context): Answers<bigint>;
  divide(number: number, by: number, context: Context): Answer<number>;
  halve(number: number, context: Context): Answers<number>;
  sum(items: Items<bigint>, context: Context): Answer<bigint>;
  echo(items: Items<string>, context: Context): Answers<string>;
  times(by: bigint, items: Items<bigint>, context: Context): Answers<bigint>;
  log(line: string, context: Context): Answer<void>;
  shout(line: string, context: Context): Answer<void>;
  logged(context: Context): Answer<string[]>;
  refuse(why: string, context: Context): Answer<void>;
  never(context: Context): Answer<void>;
  forever(context: Context): Answers<bigint>;
  left(context: Context): Answer<number>;
  raw(length: number, context: Context): Answer<Uint8Array>;
  visit(context: Context): Answer<string[]>;
}

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
export const Sampler = typed<SamplerHandlers>('Sampler', methods, {
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

/** A method of every kind. */
export class SamplerClient {
  readonly #wire: Wire;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static async checked(wire: Wire): Promise<SamplerClient> {
    await check(wire, Sampler);
    return new SamplerClient(wire);
  }

  /**
   * Gives back what it is given: a value of every type.
   *
   * Given up after 5000 ms, unless `options` say otherwise.
   * Calling it again does no harm.
   */
  everything(value: Everything, options?: CallOptions): Promise<Everything> {
    return call(this.#wire, methods.everything, [value], options);
  }

  /** Several arguments, some of whose names are words of JavaScript. */
  join(new_: number, with_: bigint, thisOne: string | null, options: bigint[], options_?: CallOptions): Promise<string> {
    return call(this.#wire, methods.join, [new_, with_, thisOne, options], options_);
  }

  /** Counts from one number up to another. */
  count(from: bigint, limit: bigint, options?: CallOptions): StreamCall<bigint> {
    return stream(this.#wire, methods.count, [from, limit], options);
  }

  /** @throws {TypedError<DivisionError>} with the error as its `value` */
  divide(number: number, by: number, options?: CallOptions): Promise<number> {
    return call(this.#wire, methods.divide, [number, by], options);
  }

  /**
   * Halves again and again, as long as there is no rest.
   *
   * @throws {TypedError<DivisionError>} with the error as its `value`
   */
  halve(number: number, options?: CallOptions): StreamCall<number> {
    return stream(this.#wire, methods.halve, [number], options);
  }

  /**
   * Adds up a stream of numbers.
   *
   * @throws {TypedError<Overflow>} with the error as its `value`
   */
  sum(items: Source<bigint>, options?: CallOptions): Promise<bigint> {
    return upload(this.#wire, methods.sum, [], items, options);
  }

  /** Gives back each line, in the word of whoever serves. */
  echo(items?: Source<string> | null, options?: CallOptions): DuplexCall<string, string> {
    return duplex(this.#wire, methods.echo, [], items, options);
  }

  /** @throws {TypedError<Overflow>} with the error as its `value` */
  times(by: bigint, items?: Source<bigint> | null, options?: CallOptions): DuplexCall<bigint, bigint> {
    return duplex(this.#wire, methods.times, [by], items, options);
  }

  log(line: string, options?: CallOptions): Promise<void> {
    return notify(this.#wire, methods.log, [line], options);
  }

  shout(line: string, options?: DatagramOptions): Promise<void> {
    return notify(this.#wire, methods.shout, [line], options);
  }

  /** What was logged and shouted. */
  logged(options?: CallOptions): Promise<string[]> {
    return call(this.#wire, methods.logged, [], options);
  }

  /** Fails, and not with a value. */
  refuse(why: string, options?: CallOptions): Promise<void> {
    return call(this.#wire, methods.refuse, [why], options);
  }

  /**
   * Does not end before its caller gives it up.
   *
   * Given up after 50 ms, unless `options` say otherwise.
   */
  never(options?: CallOptions): Promise<void> {
    return call(this.#wire, methods.never, [], options);
  }

  /** Has no end. */
  forever(options?: CallOptions): StreamCall<bigint> {
    return stream(this.#wire, methods.forever, [], options);
  }

  /** How many callers of `forever` have left. */
  left(options?: CallOptions): Promise<number> {
    return call(this.#wire, methods.left, [], options);
  }

  /** Bytes as they are. */
  raw(length: number, options?: CallOptions): Promise<Uint8Array> {
    return call(this.#wire, methods.raw, [length], options);
  }

  /**
   * Calls every method of its caller, who serves them too.
   *
   * @throws {TypedError<string>} with the error as its `value`
   */
  visit(options?: CallOptions): Promise<string[]> {
    return call(this.#wire, methods.visit, [], options);
  }
}
