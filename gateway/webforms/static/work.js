// The worker of the snippet: finds the number n for which SHA-256(salt + n) is the challenge (ALTCHA's proof of work).
// crypto.subtle is not there on pages without TLS and slower for so short texts, so SHA-256 (FIPS 180-4) is written out.
"use strict";
function solve({ salt, challenge, maxnumber }) {
  const K = new Int32Array(64), H = new Int32Array(8), w = new Int32Array(64);
  const part = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (found < 8) H[found] = part(Math.sqrt(n));
    K[found++] = part(Math.cbrt(n));
  }
  const wanted = Int32Array.from({ length: 8 }, (_, i) => parseInt(challenge.slice(i * 8, i * 8 + 8), 16) | 0);
  const h = new Int32Array(8), words = new Int32Array((((salt.length + 16 + 8) >> 6) + 1) * 16);

  function compress(block) {
    let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], z = h[7];
    for (let i = 0; i < 64; i++) {
      if (i < 16) w[i] = words[block + i];
      else {
        const x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ (x >>> 3))
          + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ (y >>> 10));
      }
      const one = (z + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      z = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += z;
  }

  for (let n = 0; n <= maxnumber; n++) {
    const text = salt + n, length = text.length, end = (((length + 8) >> 6) + 1) * 16;
    words.fill(0);
    for (let i = 0; i < length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    words[length >> 2] |= 0x80 << (24 - (length % 4) * 8);
    words[end - 1] = length * 8;
    h.set(H);
    for (let block = 0; block < end; block += 16) compress(block);
    if (h[0] === wanted[0] && h.every((value, i) => value === wanted[i])) return n;
  }
  return -1;
}
onmessage = (event) => postMessage(solve(event.data));
