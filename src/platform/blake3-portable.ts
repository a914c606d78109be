/**
 * BLAKE3 (the specification's section 2) in plain arithmetic, for a few kB in a process that has just started: no module
 * to load, and straight-line code that the interpreter runs well before any compiler has seen it.
 */
const CHUNK = 1024;
const BLOCK = 64;
const CHUNK_START = 1;
const CHUNK_END = 2;
const PARENT = 4;
const ROOT = 8;

// The first 32 bits of the fractional parts of the square roots of the first eight primes, as in SHA-256.
const I0 = 0x6a09e667;
const I1 = 0xbb67ae85;
const I2 = 0x3c6ef372;
const I3 = 0xa54ff53a;
const I4 = 0x510e527f;
const I5 = 0x9b05688c;
const I6 = 0x1f83d9ab;
const I7 = 0x5be0cd19;

/** A chaining value: eight words, replaced in place by `compress`. */
type Chain = Int32Array;

function newChain(): Chain {
  return Int32Array.of(I0, I1, I2, I3, I4, I5, I6, I7);
}

/**
 * The compression function: `chain` becomes that of the 16 words of `block`. Seven rounds over sixteen variables; the
 * message words are exchanged between the rounds.
 */
function compress(chain: Chain, block: Int32Array, counter: number, length: number, flags: number): void {
  let m0 = block[0]!;
  let m1 = block[1]!;
  let m2 = block[2]!;
  let m3 = block[3]!;
  let m4 = block[4]!;
  let m5 = block[5]!;
  let m6 = block[6]!;
  let m7 = block[7]!;
  let m8 = block[8]!;
  let m9 = block[9]!;
  let m10 = block[10]!;
  let m11 = block[11]!;
  let m12 = block[12]!;
  let m13 = block[13]!;
  let m14 = block[14]!;
  let m15 = block[15]!;
  let a0 = chain[0]!;
  let a1 = chain[1]!;
  let a2 = chain[2]!;
  let a3 = chain[3]!;
  let b0 = chain[4]!;
  let b1 = chain[5]!;
  let b2 = chain[6]!;
  let b3 = chain[7]!;
  let c0 = I0 | 0;
  let c1 = I1 | 0;
  let c2 = I2 | 0;
  let c3 = I3 | 0;
  let d0 = counter | 0;
  let d1 = Math.floor(counter / 0x1_0000_0000) | 0;
  let d2 = length;
  let d3 = flags;
  for (let round = 0; ; round += 1) {
    // Columns.
    a0 = (a0 + b0 + m0) | 0;
    d0 ^= a0;
    d0 = (d0 >>> 16) | (d0 << 16);
    c0 = (c0 + d0) | 0;
    b0 ^= c0;
    b0 = (b0 >>> 12) | (b0 << 20);
    a0 = (a0 + b0 + m1) | 0;
    d0 ^= a0;
    d0 = (d0 >>> 8) | (d0 << 24);
    c0 = (c0 + d0) | 0;
    b0 ^= c0;
    b0 = (b0 >>> 7) | (b0 << 25);

    a1 = (a1 + b1 + m2) | 0;
    d1 ^= a1;
    d1 = (d1 >>> 16) | (d1 << 16);
    c1 = (c1 + d1) | 0;
    b1 ^= c1;
    b1 = (b1 >>> 12) | (b1 << 20);
    a1 = (a1 + b1 + m3) | 0;
    d1 ^= a1;
    d1 = (d1 >>> 8) | (d1 << 24);
    c1 = (c1 + d1) | 0;
    b1 ^= c1;
    b1 = (b1 >>> 7) | (b1 << 25);

    a2 = (a2 + b2 + m4) | 0;
    d2 ^= a2;
    d2 = (d2 >>> 16) | (d2 << 16);
    c2 = (c2 + d2) | 0;
    b2 ^= c2;
    b2 = (b2 >>> 12) | (b2 << 20);
    a2 = (a2 + b2 + m5) | 0;
    d2 ^= a2;
    d2 = (d2 >>> 8) | (d2 << 24);
    c2 = (c2 + d2) | 0;
    b2 ^= c2;
    b2 = (b2 >>> 7) | (b2 << 25);

    a3 = (a3 + b3 + m6) | 0;
    d3 ^= a3;
    d3 = (d3 >>> 16) | (d3 << 16);
    c3 = (c3 + d3) | 0;
    b3 ^= c3;
    b3 = (b3 >>> 12) | (b3 << 20);
    a3 = (a3 + b3 + m7) | 0;
    d3 ^= a3;
    d3 = (d3 >>> 8) | (d3 << 24);
    c3 = (c3 + d3) | 0;
    b3 ^= c3;
    b3 = (b3 >>> 7) | (b3 << 25);

    // Diagonals.
    a0 = (a0 + b1 + m8) | 0;
    d3 ^= a0;
    d3 = (d3 >>> 16) | (d3 << 16);
    c2 = (c2 + d3) | 0;
    b1 ^= c2;
    b1 = (b1 >>> 12) | (b1 << 20);
    a0 = (a0 + b1 + m9) | 0;
    d3 ^= a0;
    d3 = (d3 >>> 8) | (d3 << 24);
    c2 = (c2 + d3) | 0;
    b1 ^= c2;
    b1 = (b1 >>> 7) | (b1 << 25);

    a1 = (a1 + b2 + m10) | 0;
    d0 ^= a1;
    d0 = (d0 >>> 16) | (d0 << 16);
    c3 = (c3 + d0) | 0;
    b2 ^= c3;
    b2 = (b2 >>> 12) | (b2 << 20);
    a1 = (a1 + b2 + m11) | 0;
    d0 ^= a1;
    d0 = (d0 >>> 8) | (d0 << 24);
    c3 = (c3 + d0) | 0;
    b2 ^= c3;
    b2 = (b2 >>> 7) | (b2 << 25);

    a2 = (a2 + b3 + m12) | 0;
    d1 ^= a2;
    d1 = (d1 >>> 16) | (d1 << 16);
    c0 = (c0 + d1) | 0;
    b3 ^= c0;
    b3 = (b3 >>> 12) | (b3 << 20);
    a2 = (a2 + b3 + m13) | 0;
    d1 ^= a2;
    d1 = (d1 >>> 8) | (d1 << 24);
    c0 = (c0 + d1) | 0;
    b3 ^= c0;
    b3 = (b3 >>> 7) | (b3 << 25);

    a3 = (a3 + b0 + m14) | 0;
    d2 ^= a3;
    d2 = (d2 >>> 16) | (d2 << 16);
    c1 = (c1 + d2) | 0;
    b0 ^= c1;
    b0 = (b0 >>> 12) | (b0 << 20);
    a3 = (a3 + b0 + m15) | 0;
    d2 ^= a3;
    d2 = (d2 >>> 8) | (d2 << 24);
    c1 = (c1 + d2) | 0;
    b0 ^= c1;
    b0 = (b0 >>> 7) | (b0 << 25);

    if (round === 6) break;
    // The permutation 2 6 3 10 7 0 4 13 1 11 12 5 9 14 15 8, along its two cycles.
    const first = m0;
    m0 = m2;
    m2 = m3;
    m3 = m10;
    m10 = m12;
    m12 = m9;
    m9 = m11;
    m11 = m5;
    m5 = first;
    const second = m1;
    m1 = m6;
    m6 = m4;
    m4 = m7;
    m7 = m13;
    m13 = m14;
    m14 = m15;
    m15 = m8;
    m8 = second;
  }
  chain[0] = a0 ^ c0;
  chain[1] = a1 ^ c1;
  chain[2] = a2 ^ c2;
  chain[3] = a3 ^ c3;
  chain[4] = b0 ^ d0;
  chain[5] = b1 ^ d1;
  chain[6] = b2 ^ d2;
  chain[7] = b3 ^ d3;
}

export interface PortableBlake3 {
  update(data: Uint8Array): void;
  /** 32 bytes; the hasher is used up. */
  digest(): Uint8Array;
}

export function createPortableBlake3(): PortableBlake3 {
  const block = new Int32Array(16);
  const bytes = new Uint8Array(block.buffer);
  const view = new DataView(block.buffer);
  /** Chaining values of whole subtrees, the largest first: one for each bit of the number of chunks that are done. */
  const subtrees: Chain[] = [];
  let chunks = 0;
  let chain = newChain();
  /** Bytes in this chunk so far, and how many of them are in `block`: the last block is kept until it is known to be the last. */
  let inChunk = 0;
  let inBlock = 0;

  const load = () => {
    if (BIG_ENDIAN) for (let i = 0; i < 16; i += 1) block[i] = view.getInt32(4 * i, true);
  };
  const finishBlock = (flags: number) => {
    load();
    const start = inChunk <= BLOCK ? CHUNK_START : 0;
    compress(chain, block, chunks, inBlock, start | flags);
    inBlock = 0;
    block.fill(0);
  };
  const parent = (left: Chain, right: Chain, flags: number): Chain => {
    const words = new Int32Array(16);
    words.set(left);
    words.set(right, 8);
    const result = newChain();
    compress(result, words, 0, BLOCK, PARENT | flags);
    return result;
  };
  const finishChunk = () => {
    finishBlock(CHUNK_END);
    chunks += 1;
    let whole = chain;
    for (let count = chunks; count % 2 === 0; count /= 2) whole = parent(subtrees.pop()!, whole, 0);
    subtrees.push(whole);
    chain = newChain();
    inChunk = 0;
  };

  return {
    update(data) {
      for (let at = 0; at < data.length; ) {
        if (inBlock === BLOCK) {
          if (inChunk === CHUNK) finishChunk();
          else finishBlock(0);
        }
        const count = Math.min(BLOCK - inBlock, data.length - at);
        bytes.set(data.subarray(at, at + count), inBlock);
        inBlock += count;
        inChunk += count;
        at += count;
      }
    },
    digest() {
      finishBlock(CHUNK_END | (subtrees.length === 0 ? ROOT : 0));
      let root = chain;
      for (let left = subtrees.pop(); left !== undefined; left = subtrees.pop())
        root = parent(left, root, subtrees.length === 0 ? ROOT : 0);
      const digest = new Uint8Array(32);
      const out = new DataView(digest.buffer);
      root.forEach((word, i) => {
        out.setInt32(4 * i, word, true);
      });
      return digest;
    },
  };
}

const BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
