/**
 * What the call layer needs of a carrier: streams with the semantics of RFC 9000 sections 2 to 4, and nothing more. Two
 * implement it: QMux over messages (`mux/session.js`) and WebTransport (`carrier/webtransport.js`). Nothing above
 * may learn which it has.
 *
 * Everything is by callback and at once where it can be: a small call that needs no waiting costs no promise. Handlers
 * must not throw; the call layer catches what its users' code throws.
 *
 * @module
 */

/**
 * Who is told of what happens to a stream. Each is called from the session's own turn, never from within a command.
 *
 * @typedef {object} StreamHandler
 * @property {() => void} onReadable Bytes, the end or a reset may have come: read until `read` gives null, or later.
 * @property {() => void} [onWritable] `writable` was false and is true again.
 * @property {(code: number | bigint) => void} [onStopped] The peer wants no more of what we send.
 * @property {(cause: import('./error.js').ConnectionError) => void} onClosed The connection ended. What had come whole can
 *   still be read. Nothing follows.
 *
 * A stream. Of a unidirectional one, the half that is not there is over from the beginning.
 *
 * @typedef {object} SessionStream
 * @property {StreamHandler | null} handler
 * @property {boolean} writable Whether more may be written without waiting. Asking makes `onWritable` come if not.
 * @property {boolean} sent Whether everything that was written has left, or was given up.
 * @property {boolean} touched Whether any byte has reached the transport.
 * @property {(bytes: Uint8Array, fin?: boolean) => void} write Takes all of `bytes`, which the caller must not change. Does
 *   nothing on a half that has ended.
 * @property {() => void} finish Nothing follows.
 * @property {(code: number | bigint) => void} reset Gives the sending half up; does nothing once everything has left.
 * @property {(priority: number) => void} setPriority
 * @property {number} opened When the peer opened it.
 * @property {() => Uint8Array | null} read The next piece of what came, whose credit then goes back to the peer.
 * @property {boolean} complete Whether all of it has come, read or not.
 * @property {boolean} ended Whether all of it has come and was read.
 * @property {number | bigint | null} resetBy The code with which the peer gave its half up.
 * @property {number | bigint | null} stoppedBy The code with which the peer stopped ours.
 * @property {(code: number) => void} stop Wants no more of what the peer sends.
 * @property {() => void} release Lets go of a stream that the peer opened: its place is free once both halves are over.
 * @property {Flow} flow What has come of the receiving half.
 *
 * Bytes of a receiving half: those that came, of them those that nobody has taken yet, and how many more the peer may send
 * before some are taken. A browser does not tell of the last over WebTransport: null.
 *
 * @typedef {{ received: number, unread: number, credit: number | null }} Flow
 *
 * Who is told of what happens to a session.
 *
 * @typedef {object} SessionHandler
 * @property {(stream: SessionStream, uni: boolean) => void} onStream The peer opened a stream.
 * @property {(bytes: Uint8Array) => void} onDatagram
 * @property {(budget: import('./mux/abuse.js').AbuseBudget, tokens: number, what: string) => void} charge Spends of a budget,
 *   and closes the session at its end.
 * @property {(cause: import('./error.js').ConnectionError) => void} onClosed The session ended; streams were told before.
 *
 * A connection's streams.
 *
 * @typedef {object} Session
 * @property {'client' | 'server'} side
 * @property {string} carrier Its name: `websocket`, `webtransport`, `pipe`
 * @property {SessionHandler | null} handler
 * @property {(uni: boolean) => SessionStream | null} open Opens a stream now, or not at all.
 * @property {(uni: boolean, opened: (stream: SessionStream | null) => void) => (() => void)} openLater Waits for a place, in
 *   order; gives null when the session ended. What it returns gives the wait up.
 * @property {number} maxDatagram The largest datagram; 0 if there are none.
 * @property {(bytes: Uint8Array) => boolean} sendDatagram Sends, or loses: false.
 * @property {(code: number, reason: string, cause?: import('./error.js').ConnectionError) => void} close
 * @property {import('./error.js').ConnectionError | null} ended
 * @property {number} sentBytes Bytes handed to the carrier since the connection began, its own framing left out.
 * @property {number} receivedBytes Bytes taken from it.
 * @property {() => void} flush What was written is worth sending now, and not only in the next microtask.
 */

export {};
