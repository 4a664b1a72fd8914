/**
 * What is to be sent, one record at a time.
 *
 * The order within a record: our transport parameters (once, first); CLOSE (and then nothing); control of the
 * connection; control of streams; datagrams; data by the schedule, and what became blocked by that. Nothing is formatted
 * before the transport can take it, and control is bits of state, so it cannot pile up.
 *
 * @module
 */

import { varintLength } from '../bytes.js';
import { Type, putClose, putDatagram, putFrame, putParameters, putStreamHeader } from './frame.js';
import { Event, MuxStream, Owed, State } from './stream.js';

/** @typedef {import('./connection.js').Connection} Connection */

/** More than any control frame takes, and more than all that one stream can owe. */
const CONTROL_ROOM = 32;
const STREAM_CONTROL_ROOM = 192;
/** Less room than this is not worth a STREAM frame's header. */
const MIN_STREAM_ROOM = 64;
const CLOSE_ROOM = 512;

/** @param {Connection} connection @returns {boolean} */
export function hasOutput(connection) {
  if (connection.ended) return connection.farewell !== null;
  return (
    (!connection.schedule.empty && (connection.sendCredit.available > 0 || connection.sendCredit.blocked)) ||
    connection.control.length > 0 ||
    !connection.parametersSent ||
    connection.pings.due ||
    connection.pings.pong !== -1 ||
    connection.credit.wantsUpdate ||
    connection.datagramsOut.length > 0 ||
    connection.remote.some(wantsStreams) ||
    (connection.peer !== null && connection.local.some(streamsBlocked))
  );
}

/** Whether MAX_STREAMS is due: a quarter of the places is newly free, or few are left. @param {Connection['remote'][0]} remote */
const wantsStreams = ({ closed, places, granted, opened }) =>
  closed + places > granted && (closed + places - granted >= places / 4 || granted - opened < places / 4);

/** Whether the peer's limit blocks us and it was not told. @param {Connection['local'][0]} local */
const streamsBlocked = ({ wanted, max, told }) => wanted && told !== max;

/** @param {Connection} connection @returns {Uint8Array | null} */
export function transmit(connection) {
  if (connection.ended && !connection.farewell) return null;
  const { out } = connection;
  out.at = 0;
  const max = connection.maxRecord;
  out.reserve(max);
  if (!connection.parametersSent) {
    connection.parametersSent = true;
    putParameters(out, parameters(connection));
  }
  const { farewell } = connection;
  if (farewell && max - out.at >= CLOSE_ROOM) {
    connection.farewell = null;
    putClose(out, farewell.application, farewell.code, farewell.reason);
  }
  if (!connection.ended) {
    putConnectionControl(connection);
    putStreamControl(connection, max);
    putDatagrams(connection, max);
    putData(connection, max);
    putStreamControl(connection, max);
  }
  return out.at === 0 ? null : out.bytes.slice(0, out.at);
}

/** What this side declares. @param {Connection} connection @returns {import('./params.js').Params} */
const parameters = ({ limits, initialWindow }) => ({
  max_idle_timeout: limits.idle_timeout_ms,
  initial_max_data: initialWindow,
  initial_max_stream_data_bidi_local: limits.stream_window_bytes,
  initial_max_stream_data_bidi_remote: limits.stream_window_bytes,
  initial_max_stream_data_uni: limits.notification_window_bytes,
  initial_max_streams_bidi: limits.max_inbound_calls,
  initial_max_streams_uni: limits.max_inbound_notifications,
  max_datagram_frame_size: limits.max_datagram_frame_bytes,
  max_record_size: limits.max_record_bytes,
});

/** @param {Connection} connection */
function putConnectionControl(connection) {
  const { out, pings } = connection;
  if (pings.pong !== -1) {
    putFrame(out, Type.PONG, pings.pong);
    pings.pong = -1;
  }
  if (pings.due) {
    pings.due = false;
    putFrame(out, Type.PING, ++pings.sent);
  }
  putMaxData(connection);
  for (const kind of [0, 1]) {
    const remote = connection.remote[kind];
    if (wantsStreams(remote)) {
      const granted = remote.closed + remote.places;
      connection.credit.committed += (granted - remote.granted) * remote.window;
      remote.granted = granted;
      // Before what needs it.
      putMaxData(connection);
      putFrame(out, Type.MAX_STREAMS + kind, granted);
    }
    const local = connection.local[kind];
    if (connection.peer && streamsBlocked(local)) {
      local.told = local.max;
      putFrame(out, Type.STREAMS_BLOCKED + kind, local.max);
    }
  }
}

/** @param {Connection} connection */
function putMaxData(connection) {
  if (connection.credit.wantsUpdate) putFrame(connection.out, Type.MAX_DATA, connection.credit.grant());
}

/** @param {Connection} connection @param {number} max */
function putStreamControl(connection, max) {
  const { control, out } = connection;
  let at = 0;
  for (; at < control.length && max - out.at >= STREAM_CONTROL_ROOM; at++) {
    const stream = control[at];
    const { owed } = stream;
    stream.owed = 0;
    if (owed & Owed.RESET) {
      putFrame(out, Type.RESET_STREAM, stream.id, stream.resetCode, stream.sendCredit.sent);
      stream.sending = State.OVER;
    }
    if (owed & Owed.FIN) {
      putStreamHeader(out, stream.id, stream.sendCredit.sent, 0, true);
      stream.sending = State.OVER;
    }
    if (owed & Owed.BLOCKED && stream.output.length > 0 && stream.sendCredit.blocked) {
      stream.sendCredit.told = stream.sendCredit.max;
      putFrame(out, Type.STREAM_DATA_BLOCKED, stream.id, stream.sendCredit.max);
    }
    if (owed & Owed.STOP) putFrame(out, Type.STOP_SENDING, stream.id, stream.stopCode);
    if (owed & Owed.CREDIT && stream.receiving === State.OPEN && stream.credit.wantsUpdate(stream.input.length)) {
      connection.credit.committed += stream.credit.grant(stream.input.length);
      putMaxData(connection);
      putFrame(out, Type.MAX_STREAM_DATA, stream.id, stream.credit.granted);
    }
    connection.retire(stream);
  }
  if (at === control.length) control.length = 0;
  else control.splice(0, at);
}

/** @param {Connection} connection @param {number} max */
function putDatagrams(connection, max) {
  const { datagramsOut, out } = connection;
  let at = 0;
  for (; at < datagramsOut.length; at++) {
    const data = datagramsOut[at];
    if (max - out.at < data.length + CONTROL_ROOM && out.at > 0) break;
    putDatagram(out, data);
  }
  datagramsOut.splice(0, at);
}

/** @param {Connection} connection @param {number} max */
function putData(connection, max) {
  const { schedule, out, sendCredit } = connection;
  for (;;) {
    const stream = /** @type {MuxStream | null} */ (schedule.first());
    if (!stream || max - out.at < MIN_STREAM_ROOM) return;
    if (sendCredit.available === 0) {
      if (sendCredit.blocked) {
        sendCredit.told = sendCredit.max;
        putFrame(out, Type.DATA_BLOCKED, sendCredit.max);
      }
      return;
    }
    const { output, sendCredit: credit } = stream;
    const head = 4 + varintLength(stream.id) + varintLength(credit.sent);
    const room = max - out.at - head - 1;
    const count = Math.min(output.length, sendCredit.available, credit.available, stream.allowance, room);
    const fin = count === output.length && stream.sending === State.FINISHING;
    putStreamHeader(out, stream.id, credit.sent, count, fin);
    output.move(count, out.bytes, out.at);
    out.at += count;
    credit.sent += count;
    sendCredit.sent += count;
    connection.queued -= count;
    connection.budget.payload(count);
    const waits = output.length > 0;
    schedule.charge(stream, count, waits && credit.available > 0);
    if (waits && credit.blocked) connection.owe(stream, Owed.BLOCKED);
    if (fin) {
      stream.sending = State.OVER;
      connection.retire(stream);
    }
    wakeWriters(connection, stream);
  }
}

/** Tells those who wait for room that there is some. @param {Connection} connection @param {MuxStream} stream */
function wakeWriters(connection, stream) {
  const { roomWaiters, limits } = connection;
  if (stream.full) {
    if (stream.output.length <= connection.share(stream.output.length) / 2) wake(connection, stream);
    else roomWaiters.add(stream);
  }
  if (roomWaiters.size > 0 && connection.queued <= limits.send_buffer_bytes / 2) {
    for (const waiter of roomWaiters) {
      if (waiter.output.length <= connection.share(waiter.output.length) / 2) wake(connection, waiter);
    }
  }
}

/** @param {Connection} connection @param {MuxStream} stream */
function wake(connection, stream) {
  connection.roomWaiters.delete(stream);
  stream.full = false;
  connection.notify(stream, Event.WRITABLE);
}
