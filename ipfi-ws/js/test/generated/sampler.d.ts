// Made by `ipfi gen ts` from the interface `Sampler`. Changes here are lost with the next run.

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
  Typed,
  Wire,
} from '../../src/typed.js';

/** A number of its own. */
export type Id = bigint;

export declare const Id: Type<Id>;

export type Pair = [number, string];

export declare const Pair: Type<Pair>;

export type Marker = undefined;

export declare const Marker: Type<Marker>;

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

export declare const Form: Type<Form>;

/** Contains itself. */
export interface Tree {
  value: number;
  children: Tree[];
}

export declare const Tree: Type<Tree>;

export interface PageId {
  items: Id[];
  next: Id | null;
}

export declare const PageId: Type<PageId>;

export type ResultU8String = { Ok: number } | { Err: string };

export declare const ResultU8String: Type<ResultU8String>;

/** Hexadecimal digits in five groups: `67e55044-10b1-426f-9247-bb680e5fe0c8`. */
export type Uuid = string;

export declare const Uuid: Type<Uuid>;

/** An address of IPv4 or IPv6: `192.0.2.1`, `2001:db8::1`. */
export type IpAddr = string;

export declare const IpAddr: Type<IpAddr>;

export interface Duration {
  secs: bigint;
  nanos: number;
}

export declare const Duration: Type<Duration>;

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

export declare const Everything: Type<Everything>;

/** Why there is no quotient. */
export type DivisionError = 'ByZero' | { Remainder: { quotient: number; rest: number } };

export declare const DivisionError: Type<DivisionError>;

/** The sum is larger than a `u64`. */
export interface Overflow {
  /** How many numbers were added until then. */
  after: bigint;
}

export declare const Overflow: Type<Overflow>;

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

/** The interface `Sampler`, for `serve`. */
export declare const Sampler: Typed<SamplerHandlers>;

/** A method of every kind. */
export declare class SamplerClient {
  #private;

  /** Calls the peer of `wire`, which is believed to serve the interface. */
  constructor(wire: Wire);

  /** Asks the peer of `wire` whether it serves this version of the interface, before the first call. */
  static checked(wire: Wire): Promise<SamplerClient>;

  /**
   * Gives back what it is given: a value of every type.
   *
   * Given up after 5000 ms, unless `options` say otherwise.
   * Calling it again does no harm.
   */
  everything(value: Everything, options?: CallOptions): Promise<Everything>;

  /** Several arguments, some of whose names are words of JavaScript. */
  join(new_: number, with_: bigint, thisOne: string | null, options: bigint[], options_?: CallOptions): Promise<string>;

  /** Counts from one number up to another. */
  count(from: bigint, limit: bigint, options?: CallOptions): StreamCall<bigint>;

  /** @throws {TypedError<DivisionError>} with the error as its `value` */
  divide(number: number, by: number, options?: CallOptions): Promise<number>;

  /**
   * Halves again and again, as long as there is no rest.
   *
   * @throws {TypedError<DivisionError>} with the error as its `value`
   */
  halve(number: number, options?: CallOptions): StreamCall<number>;

  /**
   * Adds up a stream of numbers.
   *
   * @throws {TypedError<Overflow>} with the error as its `value`
   */
  sum(items: Source<bigint>, options?: CallOptions): Promise<bigint>;

  /** Gives back each line, in the word of whoever serves. */
  echo(items?: Source<string> | null, options?: CallOptions): DuplexCall<string, string>;

  /** @throws {TypedError<Overflow>} with the error as its `value` */
  times(by: bigint, items?: Source<bigint> | null, options?: CallOptions): DuplexCall<bigint, bigint>;

  log(line: string, options?: CallOptions): Promise<void>;

  shout(line: string, options?: DatagramOptions): Promise<void>;

  /** What was logged and shouted. */
  logged(options?: CallOptions): Promise<string[]>;

  /** Fails, and not with a value. */
  refuse(why: string, options?: CallOptions): Promise<void>;

  /**
   * Does not end before its caller gives it up.
   *
   * Given up after 50 ms, unless `options` say otherwise.
   */
  never(options?: CallOptions): Promise<void>;

  /** Has no end. */
  forever(options?: CallOptions): StreamCall<bigint>;

  /** How many callers of `forever` have left. */
  left(options?: CallOptions): Promise<number>;

  /** Bytes as they are. */
  raw(length: number, options?: CallOptions): Promise<Uint8Array>;

  /**
   * Calls every method of its caller, who serves them too.
   *
   * @throws {TypedError<string>} with the error as its `value`
   */
  visit(options?: CallOptions): Promise<string[]>;
}
