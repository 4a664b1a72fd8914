/**
 * What comes in: frames of the connection, frames of streams.
 *
 * Everything here may throw a {@link Violation}, which ends the connection; nothing is changed before a frame has been
 * found good.
 *
 * @module
 */

import { clamp } from '../bytes.js';
import { StreamCode, TransportCode } from '../close_code.js';
import { Violation } from '../error.js';
import { COMPLETED, GIVEN_UP, LONG_RUN_MS } from './abuse.js';
import { SendCredit } from './flow.js';
import { StreamHeader, Type, decodeFrame, frameType } from './frame.js';
import { Event, MuxStream, Owed, State } from './stream.js';

/**
 * @typedef {import('../bytes.js').Reader} Reader
 * @typedef {import('../bytes.js').Varint} Varint
 * @typedef {import('./connection.js').Connection} Connection
 * @typedef {import('./frame.js').Frame} Frame
 */

const header = new StreamHeader();

/** Handles the frames of one record. @param {Connection} connection @param {Reader} reader */
export function handleFrames(connection, reader) {
  while (reader.left > 0 && !connection.ended) {
    const from = reader.at;
    const type = frameType(reader);
    if (type >= Type.STREAM && type <= 0x0f && connection.peer) {
      header.decode(Number(type), reader);
      onStream(connection, reader.take(header.length));
      continue;
    }
    const frame = decodeFrame(type, reader);
    // draft-ietf-quic-qmux-02 "QX_TRANSPORT_PARAMETERS Frames": first, and only first.
    if ((frame.type === 'QX_TRANSPORT_PARAMETERS') !== (connection.peer === null)) {
      const what = connection.peer
        ? 'QX_TRANSPORT_PARAMETERS other than as the first frame'
        : 'the first frame is not QX_TRANSPORT_PARAMETERS';
      throw new Violation(TransportCode.PROTOCOL_VIOLATION, what);
    }
    handleFrame(connection, frame, reader.at - from);
  }
}

/** @param {Connection} connection @param {Frame} frame @param {number} bytes */
function handleFrame(connection, frame, bytes) {
  const { budget } = connection;
  switch (frame.type) {
    case 'QX_TRANSPORT_PARAMETERS': {
      const { parameters } = frame;
      connection.peer = parameters;
      connection.timers.establish(clamp(parameters.max_idle_timeout));
      connection.sendCredit = new SendCredit(clamp(parameters.initial_max_data));
      connection.local[0].max = clamp(parameters.initial_max_streams_bidi);
      connection.local[1].max = clamp(parameters.initial_max_streams_uni);
      connection.placesFreed = true;
      return;
    }
    case 'RESET_STREAM':
      return onReset(connection, frame.stream_id, frame.code, frame.final_size);
    case 'STOP_SENDING':
      return onStop(connection, frame.stream_id, frame.code);
    case 'MAX_DATA':
      if (connection.sendCredit.raise(clamp(frame.maximum))) return;
      return budget.spend(1, 'a MAX_DATA that raises nothing');
    case 'MAX_STREAM_DATA': {
      const stream = weSendOn(connection, frame.stream_id);
      if (!stream) return budget.spend(1, 'a MAX_STREAM_DATA for a closed stream');
      if (!stream.sendCredit.raise(clamp(frame.maximum))) {
        return budget.spend(1, 'a MAX_STREAM_DATA that raises nothing');
      }
      stream.owed &= ~Owed.BLOCKED;
      return connection.reschedule(stream);
    }
    case 'MAX_STREAMS': {
      const local = connection.local[frame.bidi ? 0 : 1];
      const max = clamp(frame.maximum);
      if (max <= local.max) return budget.spend(1, 'a MAX_STREAMS that raises nothing');
      local.max = max;
      connection.placesFreed = true;
      return;
    }
    case 'DATA_BLOCKED':
      if (frame.maximum === connection.credit.received && connection.dataBlockedAt !== frame.maximum) {
        connection.dataBlockedAt = frame.maximum;
        return;
      }
      return budget.spend(1, 'a DATA_BLOCKED that is untrue or repeated');
    case 'STREAM_DATA_BLOCKED':
      return onStreamBlocked(connection, frame.stream_id, frame.maximum);
    case 'STREAMS_BLOCKED': {
      const remote = connection.remote[frame.bidi ? 0 : 1];
      if (frame.maximum === remote.opened && remote.blockedAt !== frame.maximum) {
        remote.blockedAt = frame.maximum;
        return;
      }
      return budget.spend(1, 'a STREAMS_BLOCKED that is untrue or repeated');
    }
    case 'PADDING':
      return budget.spend(1, 'a run of PADDING');
    case 'QX_PING':
      return onPing(connection, frame.response, frame.sequence);
    case 'DATAGRAM':
      return onDatagram(connection, frame.data, bytes);
    case 'CONNECTION_CLOSE':
      return connection.closedByPeer(frame.application, frame.code, frame.reason);
  }
}

/** draft-ietf-quic-qmux-02 "QX_PING Frames". @param {Connection} connection @param {boolean} response @param {Varint} sequence */
function onPing({ pings, budget }, response, sequence) {
  if (response) {
    if (sequence > pings.sent) {
      throw new Violation(TransportCode.PROTOCOL_VIOLATION, `a response to ping ${sequence}, which was never sent`);
    }
    if (sequence > pings.answered) pings.answered = Number(sequence);
    else budget.spend(1, 'a ping that was answered already');
    return;
  }
  if (sequence <= pings.received) {
    throw new Violation(TransportCode.PROTOCOL_VIOLATION, `ping ${sequence} does not increase`);
  }
  pings.received = sequence;
  // One answer is owed at most: that to the largest number answers all (CVE-2019-9512).
  pings.pong = sequence;
  budget.spend(1, 'a ping');
}

/** @param {Connection} connection @param {Uint8Array} data @param {number} bytes */
function onDatagram(connection, data, bytes) {
  const { max_datagram_frame_bytes: limit, max_queued_datagrams: queue } = connection.limits;
  if (bytes > limit) {
    // RFC 9221 section 3.
    const what = `datagram frame of ${bytes} bytes, limit max_datagram_frame_bytes = ${limit}`;
    throw new Violation(TransportCode.PROTOCOL_VIOLATION, what);
  }
  const full = connection.datagramsIn.length >= queue;
  // The newest are worth the most: the oldest goes.
  if (full) connection.datagramsIn.shift();
  if (queue > 0) connection.datagramsIn.push(data.slice());
  if (!full) connection.budget.payload(data.length);
  else if (data.length === 0) connection.budget.spend(1, 'an empty datagram that is dropped');
}

/** STREAM (RFC 9000 section 19.8), whose header is in `header`. @param {Connection} connection @param {Uint8Array} data */
function onStream(connection, data) {
  const { id, offset, length, fin } = header;
  const stream = peerSendsOn(connection, id);
  const { budget } = connection;
  if (!stream) return budget.spend(1, 'a STREAM frame for a closed stream');
  const { credit } = stream;
  const { received } = credit;
  if (stream.receiving !== State.OPEN && stream.receiving !== State.STOPPED) {
    // RFC 9000 section 4.5: data beyond the final size, or another final size.
    const end = clamp(offset) + length;
    if (end > received || (fin && end !== received)) finalSize(id, end, received);
    if (offset === received) return budget.spend(1, "a STREAM frame after the stream's end");
  }
  if (offset !== received) {
    // draft-ietf-quic-qmux-02 "Ordering of STREAM Frames".
    const what = `stream ${id}: bytes at offset ${offset} follow ${received}`;
    throw new Violation(TransportCode.PROTOCOL_VIOLATION, what);
  }
  const end = received + length;
  credit.check(end, stream.id);
  connection.credit.check(length);
  if (length > 0) credit.wantsGrowth = false;
  credit.received = end;
  connection.credit.receive(length);
  if (stream.receiving === State.STOPPED) {
    // Within credit that we granted: free, and its credit returns at once.
    connection.release(length);
  } else if (length > 0) {
    stream.input.push(data, true);
    budget.payload(length);
  }
  if (fin) return finished(connection, stream, State.COMPLETE);
  if (length === 0) return budget.spend(1, 'an empty STREAM frame');
  if (stream.receiving === State.OPEN) connection.notify(stream, Event.READABLE);
}

/** The final size is known: what was granted beyond it is not used. @param {Connection} connection @param {MuxStream} stream @param {number} state */
function finished(connection, stream, state) {
  const { credit } = stream;
  connection.credit.committed -= credit.granted - credit.received;
  credit.granted = credit.received;
  stream.owed &= ~(Owed.CREDIT | Owed.STOP);
  if (stream.receiving === State.STOPPED) {
    stream.receiving = State.OVER;
    connection.receivingEnded(stream);
    return;
  }
  stream.receiving = state;
  connection.notify(stream, Event.READABLE);
}

/** RESET_STREAM (RFC 9000 section 19.4). @param {Connection} connection @param {Varint} id @param {Varint} code @param {Varint} size */
function onReset(connection, id, code, size) {
  const stream = peerSendsOn(connection, id);
  const { budget } = connection;
  if (!stream) return budget.spend(1, 'a RESET_STREAM for a closed stream');
  const { credit } = stream;
  const { received } = credit;
  const complete = stream.receiving !== State.OPEN && stream.receiving !== State.STOPPED;
  // RFC 9000 section 4.5: the final size cannot change, nor be less than what has come.
  if (size < received || (complete && size !== received)) finalSize(id, size, received);
  if (complete) return budget.spend(1, "a RESET_STREAM after the stream's end");
  // RFC 9000 section 4.5: the final size counts against both credits.
  credit.check(size, stream.id);
  const unseen = Number(size) - received;
  connection.credit.check(unseen);
  credit.received += unseen;
  connection.credit.receive(unseen);
  connection.release(unseen + stream.input.clear());
  const asked = stream.receiving === State.STOPPED;
  if (!asked) stream.resetBy = code;
  finished(connection, stream, State.RESET);
  if (asked) return;
  connection.receivingEnded(stream);
  givenUp(connection, stream, code, 'a reset of a stream before anything was answered');
}

/** STOP_SENDING (RFC 9000 section 19.5), answered with RESET_STREAM and its code (section 3.5). @param {Connection} connection @param {Varint} id @param {Varint} code */
function onStop(connection, id, code) {
  const stream = weSendOn(connection, id);
  const { budget } = connection;
  if (!stream) return budget.spend(1, 'a STOP_SENDING for a closed stream');
  if (stream.sent || stream.stoppedBy !== null) {
    return budget.spend(1, "a STOP_SENDING after the stream's end");
  }
  stream.stoppedBy = code;
  stream.reset(code);
  connection.notify(stream, Event.STOPPED);
  givenUp(connection, stream, code, 'a stop of a stream before anything was answered');
}

/**
 * The peer gave one half of `stream` up. If it had opened the stream and got nothing for it yet, that is paid for, once;
 * one that is detached runs on and is no less work done (clause 13.5).
 *
 * @param {Connection} connection
 * @param {MuxStream} stream
 * @param {Varint} code
 * @param {string} what
 */
function givenUp(connection, stream, code, what) {
  const unanswered = !connection.isLocal(stream.id) && stream.sendCredit.sent === 0;
  if (!unanswered || stream.earns !== COMPLETED || code === StreamCode.DETACHED) return;
  if (connection.now - stream.opened >= LONG_RUN_MS) {
    stream.earns = 0;
    return;
  }
  stream.earns = GIVEN_UP / 2;
  connection.budget.spend(GIVEN_UP, what);
}

/** STREAM_DATA_BLOCKED (RFC 9000 section 19.13): the signal to grow the stream's window. @param {Connection} connection @param {Varint} id @param {Varint} limit */
function onStreamBlocked(connection, id, limit) {
  const stream = peerSendsOn(connection, id);
  const { budget } = connection;
  if (!stream) return budget.spend(1, 'a STREAM_DATA_BLOCKED for a closed stream');
  const { credit } = stream;
  if (stream.receiving !== State.OPEN || !credit.isHonestlyBlocked(limit)) {
    return budget.spend(1, 'a STREAM_DATA_BLOCKED that is untrue or repeated');
  }
  const unread = stream.input.length;
  credit.grow(unread, connection.limits.max_stream_window_bytes, connection.credit);
  if (credit.wantsUpdate(unread)) connection.owe(stream, Owed.CREDIT);
}

/** The stream on which the peer sends; none when it is over. @param {Connection} connection @param {Varint} id */
function peerSendsOn(connection, id) {
  const low = lowBits(id);
  if (low & 2 && connection.isLocal(low)) wrongState(id, 'the peer cannot send on it');
  return find(connection, id, low);
}

/** The stream on which we send; none when it is over. @param {Connection} connection @param {Varint} id */
function weSendOn(connection, id) {
  const low = lowBits(id);
  if (low & 2 && !connection.isLocal(low)) wrongState(id, 'this side cannot send on it');
  return find(connection, id, low);
}

/** Who opened a stream and of which kind it is (RFC 9000 section 2.1). @param {Varint} id */
const lowBits = (id) => (typeof id === 'bigint' ? Number(id & 3n) : id % 4);

/** The stream `id`, opened now if the peer may open it; none when it is over. @param {Connection} connection @param {Varint} id @param {number} low */
function find(connection, id, low) {
  const known = typeof id === 'number' ? connection.streams.get(id) : undefined;
  if (known) return known;
  const index = typeof id === 'number' ? (id - low) / 4 : Infinity;
  const kind = low & 2 ? 1 : 0;
  if (connection.isLocal(low)) {
    // RFC 9000 sections 19.4, 19.5, 19.8, 19.10 and 19.13.
    if (index >= connection.local[kind].next) wrongState(id, 'this side has not opened it');
    return undefined;
  }
  const remote = connection.remote[kind];
  if (index < remote.opened) return undefined;
  // RFC 9000 section 4.6. Tested before anything is made.
  if (index >= remote.granted) {
    const what = `stream ${id}: beyond the limit of ${remote.granted} streams of its kind`;
    throw new Violation(TransportCode.STREAM_LIMIT_ERROR, what);
  }
  const sendWindow = kind ? 0 : clamp(connection.peer?.initial_max_stream_data_bidi_local ?? 0);
  // RFC 9000 section 3.2: opening a stream opens all lower ones of its kind.
  for (; remote.opened <= index; remote.opened++) {
    const opened = remote.opened * 4 + low;
    const stream = new MuxStream(connection, opened, kind === 0, sendWindow, true, remote.window);
    stream.held = true;
    stream.opened = connection.now;
    connection.streams.add(stream);
    connection.accepted.push(stream);
  }
  return connection.streams.get(Number(id));
}

/** @param {Varint} id @param {string} what @returns {never} */
function wrongState(id, what) {
  throw new Violation(TransportCode.STREAM_STATE_ERROR, `stream ${id}: ${what}`);
}

/** @param {Varint} id @param {Varint} seen @param {number} known @returns {never} */
function finalSize(id, seen, known) {
  const what = `stream ${id}: final size or data at ${seen}, ${known} known before`;
  throw new Violation(TransportCode.FINAL_SIZE_ERROR, what);
}
