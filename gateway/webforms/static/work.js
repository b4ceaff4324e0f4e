// The worker of the snippet: finds the number n for which SHA-256(salt + n) is the challenge (ALTCHA's proof of work).
// crypto.subtle is not there on pages without TLS and slower for so short texts, so SHA-256 (FIPS 180-4) is written out.
"use strict";
function solve({ salt, challenge, maxnumber }) {
  const K = [], H = [];
  const part = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  for (let n = 2; K.length < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) { if (H.length < 8) H.push(part(Math.sqrt(n))); K.push(part(Math.cbrt(n))); }
  }
  const sha256 = (text) => {
    const h = H.slice(), w = new Int32Array(64), length = text.length;
    const words = new Int32Array((((length + 8) >> 6) + 1) * 16);
    for (let i = 0; i < length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    words[length >> 2] |= 0x80 << (24 - (length % 4) * 8);
    words[words.length - 1] = length * 8;
    const turn = (x, by) => (x >>> by) | (x << (32 - by));
    for (let block = 0; block < words.length; block += 16) {
      let [a, b, c, d, e, f, g, z] = h;
      for (let i = 0; i < 64; i++) {
        if (i < 16) w[i] = words[block + i];
        else {
          const x = w[i - 15], y = w[i - 2];
          w[i] = w[i - 16] + w[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
        }
        const one = (z + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        z = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
      }
      [a, b, c, d, e, f, g, z].forEach((value, i) => { h[i] = (h[i] + value) | 0; });
    }
    return h.map((value) => (value >>> 0).toString(16).padStart(8, "0")).join("");
  };
  for (let n = 0; n <= maxnumber; n++) if (sha256(salt + n) === challenge) return n;
  return -1;
}
onmessage = (event) => postMessage(solve(event.data));
