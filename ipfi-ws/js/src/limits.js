/**
 * Every limit of a connection in one table: its unit, its default, what it costs and the attack it stops. The names and
 * meanings are those of `ipfi-core/src/limits.rs`; windows are a browser's.
 *
 * @module
 */

/**
 * What one connection may hold for its peer, in bytes, whatever the peer sends, with `n` calls of this side open:
 *
 * ```text
 *   (max_inbound_calls + n) x stream_window_bytes + window_pool_bytes   received and not read
 * + max_reassembly_bytes                                                halves of messages
 * + send_buffer_bytes + one message for each call                       written and not sent
 * + 2 x max_queued_datagrams x max_datagram_frame_bytes                 datagrams
 * + (max_inbound_calls + n + max_inbound_notifications) x 2 x max_metadata_bytes
 * ```
 *
 * @typedef {object} Limits
 * @property {number} max_inbound_calls Calls that the peer may have open at once; more wait at the peer. Danger: rapid
 *   reset; a place is free again only when the handler has ended.
 * @property {number} max_outbound_calls Calls that this side may have open at once; more wait. Danger: our own runaway loop.
 * @property {number} max_inbound_notifications Notifications, the control stream among them, that the peer may have open
 *   at once, and datagrams whose handlers may run at once; more of those are dropped.
 * @property {number} stream_window_bytes Unread bytes that a call's stream may hold at first.
 * @property {number} notification_window_bytes Unread bytes that a notification's stream may hold.
 * @property {number} window_pool_bytes Bytes by which the windows of fast streams may grow, all together, less the
 *   windows of notifications. 0 keeps windows fixed.
 * @property {number} max_stream_window_bytes The largest window that one stream may grow to.
 * @property {number} stream_send_buffer_bytes Bytes written to one stream and not sent beyond which its writer waits.
 *   Danger: a slow reader at the other end fills this side's memory.
 * @property {number} send_buffer_bytes The same for all streams together.
 * @property {number} max_record_bytes The largest record, and WebSocket message, that is taken. At least 16 382.
 * @property {number} max_datagram_frame_bytes The largest datagram frame that is taken; 0 refuses them.
 * @property {number} max_queued_datagrams Datagrams that may wait, each way; more are dropped.
 * @property {number} max_message_bytes The largest message (arguments, item, answer), encoded.
 * @property {number} max_reassembly_bytes Bytes of half-received messages, all calls together, counted as announced.
 * @property {number} max_decoded_bytes What one message may take once decoded. Danger: 9 bytes that claim 2^40 elements.
 * @property {number} max_depth How deep a decoded value may nest. Danger: the stack.
 * @property {number} max_metadata_bytes Metadata of one call, encoded; also the largest status.
 * @property {number} max_metadata_entries Entries of metadata of one call.
 * @property {number} handshake_timeout_ms How long the peer may take for its handshake. Danger: slow loris.
 * @property {number} request_timeout_ms How long a call's header and arguments may take to arrive.
 * @property {number} ping_interval_ms After this long without a record from the peer a ping is sent; 0 never.
 * @property {number} idle_timeout_ms After this long without a record from the peer the connection is dead; 0 never.
 * @property {number} write_stall_timeout_ms How long the peer may take no bytes while some wait. Danger: a frozen reader.
 * @property {number} default_timeout_ms The deadline of a unary call that sets none, sent with it; 0 waits for ever.
 * @property {number} status_grace_ms How long a status may take to get out once a call is over.
 * @property {number} abuse_budget Tokens that useless work spends and useful work earns (`mux/abuse.js`).
 */

const KB = 1024;
const MB = 1024 * KB;

/** @type {Readonly<Limits>} */
export const DEFAULT_LIMITS = Object.freeze({
  max_inbound_calls: 256,
  max_outbound_calls: 100_000,
  max_inbound_notifications: 64,
  stream_window_bytes: 16 * KB,
  notification_window_bytes: 16 * KB,
  window_pool_bytes: 4 * MB,
  max_stream_window_bytes: 4 * MB,
  stream_send_buffer_bytes: 256 * KB,
  send_buffer_bytes: 4 * MB,
  max_record_bytes: 64 * KB,
  max_datagram_frame_bytes: 16_382,
  max_queued_datagrams: 64,
  max_message_bytes: 4 * MB,
  max_reassembly_bytes: 8 * MB,
  max_decoded_bytes: 16 * MB,
  max_depth: 64,
  max_metadata_bytes: 16 * KB,
  max_metadata_entries: 64,
  handshake_timeout_ms: 10_000,
  request_timeout_ms: 10_000,
  ping_interval_ms: 15_000,
  idle_timeout_ms: 20_000,
  write_stall_timeout_ms: 10_000,
  default_timeout_ms: 30_000,
  status_grace_ms: 5_000,
  abuse_budget: 1000,
});

/** The least that QMux lets a side declare as max_record_size. */
const MIN_RECORD = 16_382;

/**
 * The defaults with `changes`, checked as a whole.
 *
 * @param {Partial<Limits>} [changes]
 * @returns {Limits}
 * @throws {RangeError} naming the limits that cannot work, with their values
 */
export function resolveLimits(changes = {}) {
  /** @type {Limits} */
  const limits = { ...DEFAULT_LIMITS, ...changes };
  /** @type {(name: keyof Limits, least: number) => void} */
  const atLeast = (name, least) => {
    if (!(limits[name] >= least)) throw new RangeError(`${name} = ${limits[name]} is too small: at least ${least}`);
  };
  for (const name of /** @type {(keyof Limits)[]} */ (Object.keys(limits))) {
    if (!(name in DEFAULT_LIMITS)) throw new RangeError(`there is no limit ${name}`);
    if (limits[name] === Infinity && name.endsWith('_ms')) limits[name] = 0;
    if (!Number.isSafeInteger(limits[name])) throw new RangeError(`${name} = ${limits[name]} is no whole number`);
    atLeast(name, 0);
  }
  atLeast('stream_window_bytes', 1);
  atLeast('notification_window_bytes', 1);
  atLeast('max_outbound_calls', 1);
  atLeast('stream_send_buffer_bytes', 1);
  atLeast('send_buffer_bytes', 1);
  atLeast('max_record_bytes', MIN_RECORD);
  atLeast('max_stream_window_bytes', limits.stream_window_bytes);
  atLeast('abuse_budget', 2 * (limits.max_inbound_calls + limits.max_inbound_notifications) + 1);
  const notifications = limits.max_inbound_notifications * limits.notification_window_bytes;
  if (limits.window_pool_bytes > 0) atLeast('window_pool_bytes', notifications);
  return limits;
}
