import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader, Writer } from '../src/bytes.js';
import { CloseCode, TransportCode } from '../src/close_code.js';
import { Violation } from '../src/error.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { Connection } from '../src/mux/connection.js';
import * as frames from '../src/mux/frame.js';
import { RecordReader, putRecord } from '../src/record.js';
import { ControlError, ControlReader, encodeControl, encodeGoaway } from '../src/proto/control.js';
import { decodeHeader, procedureIndex, putHeader } from '../src/proto/header.js';
import { ItemReader, item } from '../src/proto/item.js';
import { Metadata, decodeMetadata } from '../src/proto/metadata.js';
import { decodeStatus, encodeStatus } from '../src/proto/status_body.js';
import { Status } from '../src/status.js';
import { hex, integer, toHex, vectors } from './vectors.js';

const limitsOf = (vector) => ({ ...DEFAULT_LIMITS, ...vector.limits });

/** Runs `act`, which must fail with `rule` and, as a status, with `code`. */
function refused(act, rule, code) {
  assert.throws(act, (error) => {
    assert.equal(error.rule, rule);
    if (code) assert.equal(error.code, code);
    return true;
  });
}

for (const vector of vectors('varint').vectors) {
  test(`clause 1.3: ${vector.name}`, () => {
    const reader = new Reader(hex(vector.hex));
    const value = reader.varint();
    if (vector.error) return assert.equal(value, -1);
    assert.equal(String(value), String(vector.value));
    assert.equal(reader.left, 0);
    const writer = new Writer();
    writer.varint(value);
    assert.equal(toHex(writer.finish()) === vector.hex, vector.canonical !== false);
  });
}

const pairs = (metadata) => metadata.entries.map(([key, value]) => [key, toHex(value)]);
const metadataOf = (value) => new Metadata(value.map(([key, bytes]) => [key, hex(bytes)]));

for (const vector of vectors('metadata').vectors) {
  test(`clause ${vector.clause}: metadata, ${vector.name}`, () => {
    const limits = limitsOf(vector);
    const decode = () => {
      const block = hex(vector.hex);
      if (block.length > limits.max_metadata_bytes) {
        // A block's length is judged where it stands, in a header.
        const writer = new Writer();
        writer.put(new Uint8Array([1, 0x21]));
        writer.varint(block.length);
        writer.put(block);
        return decodeHeader(new Reader(writer.finish()), limits).metadata;
      }
      return decodeMetadata(block, 'request', limits.max_metadata_entries, limits.max_metadata_entries);
    };
    if (vector.error) return refused(decode, vector.error, vector.status);
    const metadata = decode();
    assert.deepEqual(pairs(metadata), vector.value);
    assert.equal(toHex(metadata.encode()) === vector.hex, vector.canonical !== false);
  });
}

for (const vector of vectors('header').vectors) {
  test(`clause ${vector.clause}: header, ${vector.name}`, () => {
    const bytes = hex(vector.hex);
    const decode = () => {
      const header = decodeHeader(new Reader(bytes), limitsOf(vector));
      if (!header) throw new Status('INVALID_ARGUMENT', '', { rule: 'header-ended' });
      return header;
    };
    if (vector.error) return refused(decode, vector.error, vector.status);
    const { procedure, codec, timeout, metadata, priority } = decode();
    const seen = { procedure: integer(procedure), codec, timeout_ms: integer(timeout), metadata: pairs(metadata), priority };
    assert.deepEqual(seen, vector.value);
    const writer = new Writer();
    putHeader(writer, procedure, codec, timeout, metadata, priority);
    assert.equal(toHex(writer.finish()) === vector.hex, vector.canonical !== false);
    // Cut anywhere, it is not there yet.
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.equal(decodeHeader(new Reader(bytes.subarray(0, cut)), limitsOf(vector)), null);
    }
  });
}

const statusValue = (status) => ({
  code: status.code,
  origin: status.side,
  message: status.text,
  limit: status.limit && {
    name: status.limit.name,
    limit: integer(status.limit.value),
    seen: integer(status.limit.seen),
  },
  details: toHex(status.details),
});

for (const vector of vectors('status').vectors) {
  test(`clause ${vector.clause}: status, ${vector.name}`, () => {
    const decode = () => decodeStatus(hex(vector.hex));
    if (vector.error) return refused(decode, vector.error, 'INTERNAL');
    const status = decode();
    assert.deepEqual(statusValue(status), vector.value);
    assert.equal(toHex(encodeStatus(status, 1 << 20)) === vector.hex, vector.canonical !== false);
  });
}

/** What comes out of one direction of a call that is cut at `cuts`. */
function readItems(vector, cuts) {
  const reader = new ItemReader(vector.direction, limitsOf(vector), { bytes: 0 });
  const bytes = hex(vector.hex);
  const parts = [];
  let error = null;
  try {
    for (const [from, to] of cuts) {
      reader.push(bytes.subarray(from, to));
      for (let part = reader.next(); part !== null; part = reader.next()) {
        if (part instanceof Uint8Array) parts.push({ message: toHex(part) });
        else if (part instanceof Status) parts.push({ status: statusValue(part) });
        else parts.push({ metadata: pairs(part) });
      }
    }
    if (vector.fin) {
      reader.end();
      parts.push('end');
    }
  } catch (thrown) {
    if (!(thrown instanceof Status)) throw thrown;
    error = thrown;
  }
  return { parts, error };
}

/** The parts of a vector: fragments of a message put together, what is not whole left out. */
const expectedParts = (vector) =>
  (vector.value ?? vector.parts)
    .filter((part) => !part.unfinished)
    .map((part) => (part.message ? { message: part.message.join('') } : part));

for (const vector of vectors('items').vectors) {
  test(`clause ${vector.clause}: items, ${vector.name}`, () => {
    const { length } = hex(vector.hex);
    const cutsAt = (cut) => [[0, cut], [cut, length]];
    const splits = [[[0, length]], Array.from({ length }, (_, at) => [at, at + 1])];
    for (let cut = 1; cut < Math.min(length, 64); cut++) splits.push(cutsAt(cut));
    for (const cuts of splits) {
      const { parts, error } = readItems(vector, cuts);
      assert.deepEqual(parts, expectedParts(vector));
      if (vector.error) {
        assert.equal(error?.rule, vector.error);
        assert.equal(error?.code, vector.status);
      } else {
        assert.equal(error, null);
      }
    }
    if (vector.value?.length === 2 && vector.value[0].message?.length === 1 && vector.canonical !== false) {
      assert.equal(toHex(item(hex(vector.value[0].message[0]))), vector.hex);
    }
  });
}

for (const vector of vectors('control').vectors) {
  test(`clause ${vector.clause}: control stream, ${vector.name}`, () => {
    const bytes = hex(vector.hex).subarray(1);
    const { length } = bytes;
    const cuts = [[[0, length]], Array.from({ length: Math.min(length, 300) }, (_, at) => [at, at + 1])];
    if (length > 300) cuts.pop();
    for (const split of cuts) {
      const reader = new ControlReader();
      const messages = [];
      let error = null;
      try {
        for (const [from, to] of split) messages.push(...reader.push(bytes.subarray(from, to)));
        if (vector.fin) throw reader.end();
      } catch (thrown) {
        assert.ok(thrown instanceof ControlError);
        messages.push(...(thrown.messages ?? []));
        error = thrown;
      }
      const seen = messages.map((message) => {
        if (message === 'goaway') return message;
        if ('unknown' in message) return { unknown: integer(message.unknown) };
        const { max_message_bytes, max_metadata_bytes, serves, shared_calls, isolated, max_inbound_calls } = message.settings;
        return {
          settings: {
            max_message_bytes: integer(max_message_bytes),
            max_metadata_bytes: integer(max_metadata_bytes),
            serves,
            shared_calls,
            ...(isolated.length > 0 ? { isolated: isolated.map(integer) } : {}),
            ...(max_inbound_calls === 256 ? {} : { max_inbound_calls: integer(max_inbound_calls) }),
          },
        };
      });
      assert.deepEqual(seen, vector.value ?? vector.parts);
      assert.equal(error?.rule, vector.error);
      if (vector.error) assert.equal(error.code, CloseCode[vector.close]);
      if (vector.value && vector.canonical !== false && split === cuts[0]) {
        const parts = messages.map((message) => (message === 'goaway' ? encodeGoaway() : encodeControl(message.settings)));
        assert.equal(parts.map(toHex).join(''), vector.hex);
      }
    }
  });
}

for (const vector of vectors('procedures').vectors) {
  test(`clause 3.7: ${vector.name}`, () => {
    assert.equal(procedureIndex(vector.interface, vector.method), vector.value);
    const writer = new Writer();
    writer.varint(vector.value);
    assert.equal(toHex(writer.finish()), vector.hex);
  });
}

/** A frame as the vectors write it. */
function frameValue(frame) {
  switch (frame.type) {
    case 'PADDING':
      return { type: frame.type };
    case 'STREAM':
      return { ...numbers(frame), data: toHex(frame.data) };
    case 'DATAGRAM':
      return { type: frame.type, data: toHex(frame.data) };
    case 'CONNECTION_CLOSE':
      return { ...numbers(frame), reason: toHex(frame.reason) };
    case 'QX_TRANSPORT_PARAMETERS':
      return { type: frame.type, parameters: numbers(frame.parameters) };
    default:
      return numbers(frame);
  }
}

const numbers = (object) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, typeof value === 'object' ? value : integer(value)]));

/** What the vectors call a field that is called otherwise here, or is not there. */
function normalize(value) {
  const { bidirectional, limit, layer, ...rest } = value;
  if (bidirectional !== undefined) rest.bidi = bidirectional;
  if (limit !== undefined) rest.maximum = limit;
  if (layer !== undefined) rest.application = layer === 'application';
  return rest;
}

function readFrames(bytes) {
  const reader = new Reader(bytes);
  const found = [];
  while (reader.left > 0) {
    const frame = frames.decodeFrame(frames.frameType(reader), reader);
    const times = frame.type === 'PADDING' ? frame.bytes : 1;
    for (let i = 0; i < times; i++) found.push(frame);
  }
  return found;
}

function encodeFrame(frame) {
  const writer = new Writer();
  const { Type, putFrame } = frames;
  switch (frame.type) {
    case 'PADDING':
      writer.u8(0);
      break;
    case 'RESET_STREAM':
      putFrame(writer, Type.RESET_STREAM, frame.stream_id, frame.code, frame.final_size);
      break;
    case 'STOP_SENDING':
      putFrame(writer, Type.STOP_SENDING, frame.stream_id, frame.code);
      break;
    case 'STREAM':
      frames.putStreamHeader(writer, frame.stream_id, frame.offset, frame.data.length, frame.fin);
      writer.put(frame.data);
      break;
    case 'MAX_DATA':
    case 'DATA_BLOCKED':
      putFrame(writer, Type[frame.type], frame.maximum);
      break;
    case 'MAX_STREAM_DATA':
    case 'STREAM_DATA_BLOCKED':
      putFrame(writer, Type[frame.type], frame.stream_id, frame.maximum);
      break;
    case 'MAX_STREAMS':
    case 'STREAMS_BLOCKED':
      putFrame(writer, Type[frame.type] + (frame.bidi ? 0 : 1), frame.maximum);
      break;
    case 'CONNECTION_CLOSE':
      if (!frame.application && frame.frame_type !== 0) return null;
      frames.putClose(writer, frame.application, frame.code, frame.reason);
      break;
    case 'DATAGRAM':
      frames.putDatagram(writer, frame.data);
      break;
    case 'QX_PING':
      putFrame(writer, frame.response ? Type.PONG : Type.PING, frame.sequence);
      break;
    case 'QX_TRANSPORT_PARAMETERS':
      frames.putParameters(writer, frame.parameters);
      break;
  }
  return writer.finish();
}

/** Demands a breach with one of the codes that the vector allows. */
function breaks(act, vector) {
  assert.throws(act, (error) => {
    assert.ok(error instanceof Violation, String(error));
    const codes = [vector.error, vector.or_error, vector.may_reject].filter(Boolean).map((name) => TransportCode[name]);
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}, expected one of ${codes}`);
    return true;
  });
}

for (const vector of vectors('qmux_frames').vectors) {
  const bytes = hex(vector.hex);
  test(`${vector.clause}: ${vector.of}, ${vector.name}`, () => {
    if (vector.of === 'frame') {
      if (vector.error) return breaks(() => readFrames(bytes), vector);
      if (vector.may_reject) {
        try {
          readFrames(bytes);
        } catch {
          return breaks(() => readFrames(bytes), vector);
        }
      }
      const [frame, ...more] = readFrames(bytes);
      assert.equal(more.length, 0);
      compare(frameValue(frame), vector.value);
      if (vector.canonical !== false && vector.value.type !== 'QX_TRANSPORT_PARAMETERS') {
        const again = encodeFrame(frame);
        if (again) assert.equal(toHex(again), vector.hex);
      }
      const again = encodeFrame(frame);
      if (again) assert.deepEqual(readFrames(again)[0], frame);
      for (let cut = 1; cut < bytes.length && vector.value.type !== 'PADDING'; cut++) {
        // Every prefix is an error, or a frame that reaches to the end of its record.
        try {
          readFrames(bytes.subarray(0, cut));
        } catch (error) {
          assert.ok(error instanceof Violation);
        }
      }
      return;
    }
    if (vector.of === 'record') {
      const read = () => {
        const reader = new RecordReader(vector.max_record_size ?? 65_536);
        const records = [...reader.push(bytes)];
        if (!vector.error) assert.equal(records.length, 1);
        if (records[0].length === 0) throw new Violation(TransportCode.PROTOCOL_VIOLATION, 'a record without frames');
        return readFrames(records[0]);
      };
      if (vector.error) return breaks(read, vector);
      const found = read().map(frameValue);
      assert.equal(found.length, vector.value.length);
      found.forEach((frame, at) => compare(frame, vector.value[at]));
      if (vector.canonical !== false && !vector.value.some(({ type }) => type === 'QX_TRANSPORT_PARAMETERS')) {
        const writer = new Writer();
        for (const frame of read()) writer.put(encodeFrame(frame));
        assert.equal(toHex(putRecord(writer.finish())), vector.hex);
      }
      return;
    }
    // A server with the default limits of the specification, which are not a browser's.
    const limits = { ...DEFAULT_LIMITS, stream_window_bytes: 65_536, window_pool_bytes: 8 << 20 };
    const connection = new Connection('server', limits, 0);
    const reader = new RecordReader(limits.max_record_bytes);
    for (const record of reader.push(bytes)) connection.handleRecord(0, record);
    const codes = [vector.error, vector.or_error].filter(Boolean).map((name) => TransportCode[name]);
    assert.equal(connection.ended?.kind, 'violation', String(connection.ended));
    assert.ok(codes.includes(connection.ended.code), connection.ended.message);
    const farewell = readFrames(connection.transmit(0)).at(-1);
    assert.equal(farewell.type, 'CONNECTION_CLOSE');
    assert.equal(farewell.application, false);
    assert.equal(farewell.code, connection.ended.code);
  });
}

function compare(found, value) {
  const expected = normalize(value);
  for (const key of Object.keys(expected)) {
    assert.deepEqual(found[key], expected[key], `${key} of ${JSON.stringify(value)}: ${JSON.stringify(found)}`);
  }
}
