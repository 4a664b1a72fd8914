/**
 * Bytes that wait, in the pieces in which they came.
 *
 * @module
 */

/** Pieces below this are copied together where several wait: one object each would cost more than they do. */
const SMALL = 1024;
/** The first block that small pieces are copied into; doubled up to {@link MAX_BLOCK}. */
const MIN_BLOCK = 256;
const MAX_BLOCK = 16384;

export class ByteQueue {
  constructor() {
    /** @type {Uint8Array[]} */
    this.pieces = [];
    /** Pieces before this one are gone. */
    this.head = 0;
    /** Bytes in all. */
    this.length = 0;
    /** The block that the last piece lies at the end of, with room behind it. @type {Uint8Array | null} */
    this.block = null;
    this.filled = 0;
    /** The last piece is a view of a buffer that is not ours to keep. */
    this.borrowed = false;
  }

  /**
   * Appends `piece`. Where it is only `lent`, it must be {@link settle}d before its buffer is used again or is to be freed.
   *
   * @param {Uint8Array} piece
   * @param {boolean} [lent]
   */
  push(piece, lent = false) {
    if (piece.length === 0) return;
    if (this.length > 0 && piece.length < SMALL) {
      this.settle();
      this.copy(piece);
    } else {
      if (this.borrowed) this.settle();
      this.pieces.push(piece);
      this.block = null;
      this.borrowed = lent;
    }
    this.length += piece.length;
  }

  /** Makes what was lent our own, so that a small piece does not keep a large record alive. */
  settle() {
    if (!this.borrowed) return;
    this.borrowed = false;
    const last = this.pieces.length - 1;
    if (last < this.head) return;
    const piece = this.pieces[last];
    if (piece.length * 4 < piece.buffer.byteLength) this.pieces[last] = piece.slice();
  }

  /** Appends a copy to the last block. @param {Uint8Array} piece */
  copy(piece) {
    const last = this.pieces.length - 1;
    if (this.block && this.filled + piece.length <= this.block.length) {
      this.block.set(piece, this.filled);
      const start = this.pieces[last].byteOffset;
      this.filled += piece.length;
      this.pieces[last] = this.block.subarray(start, this.filled);
      return;
    }
    const size = Math.min(MAX_BLOCK, Math.max(MIN_BLOCK, piece.length * 4, (this.block?.length ?? 0) * 2));
    this.block = new Uint8Array(size);
    this.block.set(piece);
    this.filled = piece.length;
    this.pieces.push(this.block.subarray(0, piece.length));
  }

  /** The first piece, at most `max` bytes of it; nothing if there is none. @param {number} [max] */
  shift(max = Infinity) {
    if (this.length === 0) return null;
    let piece = this.pieces[this.head];
    if (piece.length > max) {
      this.pieces[this.head] = piece.subarray(max);
      piece = piece.subarray(0, max);
    } else {
      this.drop();
    }
    this.length -= piece.length;
    return piece;
  }

  /** Moves exactly `count` bytes, which are there, into `target`. @param {number} count @param {Uint8Array} target @param {number} at */
  move(count, target, at) {
    this.length -= count;
    while (count > 0) {
      const piece = this.pieces[this.head];
      if (piece.length > count) {
        target.set(piece.subarray(0, count), at);
        this.pieces[this.head] = piece.subarray(count);
        return;
      }
      target.set(piece, at);
      at += piece.length;
      count -= piece.length;
      this.drop();
    }
  }

  drop() {
    const { pieces } = this;
    this.head++;
    if (this.head === pieces.length) {
      pieces.length = 0;
      this.head = 0;
      this.block = null;
      this.borrowed = false;
    } else if (this.head >= 64 && this.head * 2 >= pieces.length) {
      this.pieces = pieces.slice(this.head);
      this.head = 0;
    } else {
      // Nothing is kept alive by its place alone.
      pieces[this.head - 1] = NONE;
    }
  }

  /** Throws everything away, and says how much it was. */
  clear() {
    const count = this.length;
    this.pieces = [];
    this.head = this.length = 0;
    this.block = null;
    this.borrowed = false;
    return count;
  }
}

const NONE = new Uint8Array(0);
