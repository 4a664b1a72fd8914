//! Every limit of a connection in one table: its unit, its default, what it costs and the attack it stops.
//!
//! The bytes that one connection can be made to hold are bounded by [`Limits::memory_bound_bytes`],
//! which is the sum written down there and measured in `interop-tests/tests/memory_bound/`.

use core::time::Duration;

/// The limits of one connection. Sizes are in bytes; every field has a default from [`Limits::default`].
///
/// Each entry names the *cost* of raising it and the *danger* it stands against.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Calls that the peer may have open at once. Default 256. *Cost*: one stream window each.
    /// *Danger*: rapid reset (CVE-2023-44487): a place is free again only when the handler has ended.
    pub max_inbound_calls: u32,
    /// Calls that this side may have open at once; more wait for a place. Default 100 000. *Cost*: one
    /// stream window of response each, taken only when opened. *Danger*: our own runaway loop.
    pub max_outbound_calls: u32,
    /// Notifications (unidirectional streams, the control stream among them) that the peer may have
    /// open at once, and datagrams whose handlers may run at once; more of those are dropped. Default 64.
    /// *Cost*: one `notification_window_bytes` each, out of the pool.
    pub max_inbound_notifications: u32,
    /// Unread bytes a call's stream may hold at first. Default 64 KiB. *Cost*: this, times calls.
    pub stream_window_bytes: u32,
    /// Unread bytes a notification's stream may hold. Default 16 KiB.
    pub notification_window_bytes: u32,
    /// Bytes by which the windows of fast streams may grow, all together, less the windows of
    /// notifications. Default 8 MiB. 0 keeps windows fixed. *Cost*: at most this. *Danger*: none new,
    /// a slow reader's window does not grow.
    pub window_pool_bytes: u32,
    /// The largest window one stream may grow to. Default 4 MiB. *Cost*: a share of the pool. Windows grow while
    /// the path takes more than they hold, and are used less where this side cannot read as fast as the peer sends:
    /// what would only stand in a queue delays the small calls behind it.
    pub max_stream_window_bytes: u32,
    /// Unread bytes that a stream over QUIC may hold, where windows do not grow. Default 1 MiB. *Cost*: this for
    /// each unread stream, up to `quic_connection_window_bytes`. *Danger*: at most this in a round trip.
    pub quic_stream_window_bytes: u32,
    /// Unread bytes that all streams of a connection over QUIC may hold. Default 16 MiB. *Danger*: streams
    /// that nobody reads (quinn's own default holds 128 MiB of a hostile peer's). Once they fill it, the one that
    /// was left unread for longest is given up with RESOURCE_EXHAUSTED.
    pub quic_connection_window_bytes: u32,
    /// Bytes that one stream may have queued to be sent. Default 256 KiB. *Danger*: a slow reader at
    /// the other end fills this side's memory.
    pub stream_send_buffer_bytes: u32,
    /// Bytes that all streams together may have queued to be sent. Default 4 MiB. Over QUIC those that are not
    /// acknowledged count too, and there are as many as the peer's `quic_connection_window_bytes`, within this side's.
    pub send_buffer_bytes: u32,
    /// The largest QMux record accepted, and the largest WebSocket message. Default 64 KiB, at least
    /// 16 382. *Cost*: a read buffer of this size. *Danger*: a record is held whole before it is read.
    pub max_record_bytes: u32,
    /// The largest datagram accepted, frame included; 0 refuses them. Default 16 382.
    pub max_datagram_frame_bytes: u32,
    /// Datagrams that may wait to be taken, each way; more are dropped. Default 64.
    pub max_queued_datagrams: u32,
    /// The largest message (arguments, item, answer), encoded. Default 4 MiB. *Danger*: unbounded
    /// values; sending a larger one fails before it leaves.
    pub max_message_bytes: u32,
    /// Bytes of half-received messages, all calls together, counted as announced. Default 8 MiB.
    /// *Danger*: many half-sent large messages; the newest is refused.
    pub max_reassembly_bytes: u32,
    /// What one message may take in memory once decoded. Default 16 MiB. *Danger*: 9 bytes that
    /// claim 2^40 elements, 100 kB of `None` that become 33 MB.
    pub max_decoded_bytes: u32,
    /// How deep a decoded value may nest. Default 64. *Danger*: the stack.
    pub max_depth: u32,
    /// Metadata of one call, encoded. Default 16 KiB. *Danger*: header floods (RUSTSEC-2024-0332).
    pub max_metadata_bytes: u32,
    /// Entries of metadata of one call. Default 64.
    pub max_metadata_entries: u32,
    /// How long the peer may take for its handshake, each step of it: the carrier's, the authentication
    /// hook's verdict on it, its SETTINGS. Default 10 s. *Danger*: slow loris.
    pub handshake_timeout: Duration,
    /// How long a call's header and arguments together may take to arrive. Default 10 s.
    pub request_timeout: Duration,
    /// After this long without a record from the peer, a ping is sent. Default 15 s; `None` never. Over QUIC after
    /// half of `idle_timeout` at the latest.
    pub ping_interval: Option<Duration>,
    /// After this long without a record from the peer, the connection is dead. Default 20 s; `None`
    /// never (stdio, Unix sockets, byte at a time). Over QUIC the ping begins it anew: at most half as long again.
    pub idle_timeout: Option<Duration>,
    /// How long the peer may take no bytes while some wait. Default 10 s. *Danger*: a frozen reader.
    pub write_stall_timeout: Duration,
    /// The deadline of a unary call that sets none. Default 30 s; `None` waits for ever. Sent with
    /// the call.
    pub default_timeout: Option<Duration>,
    /// How long the callee may take to get its status out once a call is over. Default 5 s.
    pub status_grace: Duration,
    /// Tokens of the abuse budget: what costs work and brings nothing spends them, useful work earns
    /// them back. Default 1000. *Danger*: floods of pings, resets, empty frames, and of calls that this side is made to
    /// begin and to end (CVE-2025-8671). Each call or notification
    /// that the peer cancels within 100 ms and before it got anything holds 2 until its handler has ended:
    /// a budget that is not above twice the sum of `max_inbound_calls` and `max_inbound_notifications` is
    /// refused.
    pub abuse_budget: u32,
}

impl Limits {
    /// The most heap that one connection holds for its peer, whatever the peer sends, with
    /// `outbound_calls` calls of this side open:
    ///
    /// ```text
    ///   calls   = max_inbound_calls + outbound_calls
    ///   windows = calls x stream_window_bytes + window_pool_bytes
    ///
    ///   windows                                              received and not read
    /// + windows / 4                                          blocks that received slices keep alive
    /// + (calls + max_inbound_notifications) x 48 KiB         beside each window: what was taken out of it
    ///                                                        and not asked for (16 KiB), a batch of
    ///                                                        answers (16 KiB), bookkeeping
    /// + (calls + max_inbound_notifications)
    ///     x 2 x max_metadata_bytes                           of the request, and of items after it
    /// + max_reassembly_bytes                                 halves of messages
    /// + send_buffer_bytes                                    accepted and not sent
    /// + 2 x max_queued_datagrams x max_datagram_frame_bytes  both ways
    /// + 4 x max_record_bytes + 64 KiB                        read buffer, write batch
    /// ```
    ///
    /// What a handler makes of its arguments is the program's own: at most `max_decoded_bytes` for each
    /// call being served. So is what it answers: a message that waits for a slow reader is held by its call,
    /// at most `max_message_bytes` of it. And so are the bytes that it is given and keeps: a `Bytes` may
    /// keep four times its length alive.
    pub fn memory_bound_bytes(&self, outbound_calls: u32) -> u64 {
        let wide = u64::from;
        let calls = wide(self.max_inbound_calls) + wide(outbound_calls);
        let channels = calls + wide(self.max_inbound_notifications);
        let windows = calls * wide(self.stream_window_bytes) + wide(self.window_pool_bytes);
        windows
            + windows / 4
            + channels * (CHANNEL_BYTES + 2 * wide(self.max_metadata_bytes))
            + wide(self.max_reassembly_bytes)
            + wide(self.send_buffer_bytes)
            + 2 * wide(self.max_queued_datagrams) * wide(self.max_datagram_frame_bytes)
            + 4 * wide(self.max_record_bytes)
            + WRITE_BATCH_BYTES
    }

    /// The same for a connection over QUIC:
    ///
    /// ```text
    ///   streams = 2 x max_inbound_calls + 1 + max_inbound_notifications + outbound_calls
    ///
    ///   memory_bound_bytes                       of the stream that small calls share
    /// + 2 x quic_connection_window_bytes         of all others: unread, and sent but not acknowledged
    /// + quic_connection_window_bytes x 3 / 2     packets that small pieces keep alive
    /// + streams x 144 KiB                        pieces between gaps: quinn keeps up to 1024 of each stream, in room
    ///                                            for twice as many, and 32 KiB of the packets that they came in
    /// ```
    ///
    /// The last two are what a hostile peer can do beyond its credit, with streams whose first byte never comes. Quinn's
    /// own state for a connection, some 200 KiB, comes in addition.
    pub fn quic_memory_bound_bytes(&self, outbound_calls: u32) -> u64 {
        let wide = u64::from;
        let window = wide(self.quic_connection_window_bytes);
        let inbound = 2 * wide(self.max_inbound_calls) + 1 + wide(self.max_inbound_notifications);
        let gaps = (inbound + wide(outbound_calls)) * GAPS_BYTES;
        self.memory_bound_bytes(outbound_calls) + 2 * window + window * 3 / 2 + gaps
    }
}

/// What quinn keeps of a stream beside its bytes, however these come.
const GAPS_BYTES: u64 = 144 << 10;

/// What a call or a notification holds beside its window, its messages and its metadata.
const CHANNEL_BYTES: u64 = 48 << 10;

/// What a driver takes from the mux for one write.
const WRITE_BATCH_BYTES: u64 = 64 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_inbound_calls: 256,
            max_outbound_calls: 100_000,
            max_inbound_notifications: 64,
            stream_window_bytes: 64 << 10,
            notification_window_bytes: 16 << 10,
            window_pool_bytes: 8 << 20,
            max_stream_window_bytes: 4 << 20,
            quic_stream_window_bytes: 1 << 20,
            quic_connection_window_bytes: 16 << 20,
            stream_send_buffer_bytes: 256 << 10,
            send_buffer_bytes: 4 << 20,
            max_record_bytes: 64 << 10,
            max_datagram_frame_bytes: 16_382,
            max_queued_datagrams: 64,
            max_message_bytes: 4 << 20,
            max_reassembly_bytes: 8 << 20,
            max_decoded_bytes: 16 << 20,
            max_depth: 64,
            max_metadata_bytes: 16 << 10,
            max_metadata_entries: 64,
            handshake_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(10),
            ping_interval: Some(Duration::from_secs(15)),
            idle_timeout: Some(Duration::from_secs(20)),
            write_stall_timeout: Duration::from_secs(10),
            default_timeout: Some(Duration::from_secs(30)),
            status_grace: Duration::from_secs(5),
            abuse_budget: 1000,
        }
    }
}
