// Connective Fusion on the page, as fusiontools/papers/connective_fusion/networks.py and fusing.py have it: the parallel VAE, the gated generator,
// the walk between iterations. Weights are those of the package; it computes in 32 bits, and this in 64. Every layer has a multiple of four inputs. One melody of eight bars takes a few million steps.
(ft => {
  const { HALF, HOLD, LOW, repair } = ft;
  const TOKENS = ft.HIGH - LOW + 3; // V: 30 pitches, a hold, a rest

  // ---- the weights: half precision in base64, a script for each network -------------------

  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, part = bits & 1023;
    return sign * (power ? 2 ** (power - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
  }

  // { tensors: { name: [first, length] }, data } as arrays of numbers by name.
  function unpack({ tensors, data }) {
    const known = Float64Array.from({ length: 65536 }, (_, bits) => half(bits)), text = atob(data), numbers = {};
    for (const [name, [first, length]] of Object.entries(tensors)) {
      const row = numbers[name] = new Float64Array(length);
      for (let i = 0, at = 2 * first; i < length; i++, at += 2) row[i] = known[text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8)];
    }
    return numbers;
  }

  // ---- layers ---------------------------------------------------------------------------------

  // y = W x + b. Nearly all time is spent here: one kind of array, and four sums at a time, make it four times as fast.
  function linear({ numbers }, name, x) {
    const weight = numbers[name + ".weight"], y = Float64Array.from(numbers[name + ".bias"]), n = x.length;
    for (let i = 0; i < y.length; i++) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let j = 0, at = i * n; j < n; j += 4, at += 4) {
        a += weight[at] * x[j];
        b += weight[at + 1] * x[j + 1];
        c += weight[at + 2] * x[j + 2];
        d += weight[at + 3] * x[j + 3];
      }
      y[i] += a + b + c + d;
    }
    return y;
  }

  // y = w (x - mean) / sqrt(variance + 1e-5) + b
  function layerNorm({ numbers }, name, x) {
    const weight = numbers[name + ".weight"], bias = numbers[name + ".bias"];
    const mean = x.reduce((a, b) => a + b) / x.length;
    const scale = 1 / Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length + 1e-5);
    return x.map((v, i) => weight[i] * (v - mean) * scale + bias[i]);
  }

  // erf(x) = 2 / sqrt(pi) exp(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...): all terms have one sign, so nothing cancels
  function erf(x) {
    if (Math.abs(x) > 6) return Math.sign(x);
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  const gelu = x => 0.5 * x * (1 + erf(x * Math.SQRT1_2));
  const relu = x => Math.max(x, 0);
  const sigmoid = x => 1 / (1 + Math.exp(-x));
  const twoLayers = (net, name, x) => linear(net, name + ".2", linear(net, name + ".0", x).map(gelu));

  // Mixes the places of each channel, then the channels of each place: rows of P places, W numbers each.
  function block(net, name, rows) {
    const norm = rows.map(row => layerNorm(net, name + ".norms.0", row));
    const mixed = rows.map(row => row.slice());
    for (let w = 0; w < rows[0].length; w++) {
      twoLayers(net, name + ".across", Float64Array.from(norm, row => row[w])).forEach((v, p) => { mixed[p][w] += v; });
    }
    return mixed.map(row => {
      const within = twoLayers(net, name + ".within", layerNorm(net, name + ".norms.1", row));
      return row.map((v, i) => v + within[i]);
    });
  }

  function blocks(net, name, rows) {
    const { blocks: many } = net.config;
    for (let i = 0; i < many; i++) rows = block(net, name + "." + i, rows);
    return rows.map(row => layerNorm(net, name + "." + many, row));
  }

  // ---- the VAE --------------------------------------------------------------------------------

  // Where a half stands in latent space, the mean of q(z|x): 64 tokens -> Z numbers.
  const known = new WeakMap(); // a half that stays is not encoded again
  function encode(net, tokens) {
    if (!known.has(tokens)) known.set(tokens, encoded(net, tokens));
    return known.get(tokens);
  }
  function encoded(net, tokens) {
    const { patch, width, latent } = net.config, table = net.numbers["vae.encoder.rows.weight"];
    const rows = [];
    for (let p = 0; p < HALF / patch; p++) {
      const row = Float64Array.from(net.numbers["vae.encoder.position"].subarray(p * width, (p + 1) * width));
      for (let i = 0; i < patch; i++) {
        const token = tokens[p * patch + i], own = i * TOKENS + (token > HOLD ? token - LOW + 2 : token);
        row.forEach((_, w) => { row[w] += table[own * width + w]; });
      }
      rows.push(row);
    }
    const flat = Float64Array.from(blocks(net, "vae.encoder.blocks", rows).flatMap(row => [...row]));
    return linear(net, "vae.encoder.output", flat).slice(0, latent);
  }

  // The likeliest token at each place, as a legal half that may begin with a hold: Z numbers -> 64 tokens.
  function decode(net, z) {
    const { patch, width } = net.config, flat = linear(net, "vae.decoder.input", z);
    const rows = Array.from({ length: HALF / patch }, (_, p) => flat.slice(p * width, (p + 1) * width));
    const tokens = blocks(net, "vae.decoder.blocks", rows).flatMap(row => {
      const logits = linear(net, "vae.decoder.output", row);
      return Array.from({ length: patch }, (_, i) => {
        const own = logits.subarray(i * TOKENS, (i + 1) * TOKENS), best = own.indexOf(Math.max(...own));
        return best > HOLD ? best + LOW - 2 : best;
      });
    });
    return repair(tokens, LOW); // a note for a first hold to go on with
  }

  // ---- the fusion: a pair of halves is 2 Z numbers, left before right --------------------

  // z' = (1 - g) z + g dz, where g is sigmoid(gate), and dz is `fresh`
  function generate(net, name, z, style) {
    let h = Float64Array.of(...z, ...style);
    for (const i of [0, 2, 4, 6]) h = linear(net, `${name}.net.${i}`, h).map(relu);
    const out = linear(net, name + ".net.8", h), gate = out.subarray(0, z.length), fresh = out.subarray(z.length);
    return z.map((v, i) => v + sigmoid(gate[i]) * (fresh[i] - v));
  }

  const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0) / u.length;

  // The z-distance of section 3.4, averaged over both halves.
  function distance(z, moved, sigma) {
    const u = moved.map((v, i) => (v - z[i]) / sigma[i % sigma.length]);
    return dot(u, u);
  }

  // Some of the way from the inputs to the strongest transformation, even in z-distance; `fusing.along` has the reasons.
  function along(path, amount, sigma) {
    const far = path.map(z => distance(path[0], z, sigma)), goal = amount * Math.max(...far);
    const end = Math.max(far.findIndex(d => d >= goal), 1), start = path[end - 1];
    if (goal <= 0) return start;
    const step = path[end].map((v, i) => v - start[i]), unit = (v, i) => v / sigma[i % sigma.length];
    // d(t) = |u + t v|^2 = a t^2 + 2 b t + c = goal, with lengths in units of sigma
    const u = start.map((v, i) => v - path[0][i]).map(unit), v = step.map(unit), [a, b, c] = [dot(v, v), dot(u, v), dot(u, u)];
    const t = far[end] <= goal ? 1 : Math.min(Math.max((-b + Math.sqrt(Math.max(b * b + a * (goal - c), 0))) / Math.max(a, 1e-30), 0), 1);
    return start.map((x, i) => x + t * step[i]);
  }

  // Two halves of 64 tokens become one melody of 128, at a z-distance from them.
  function fuse(net, left, right, { generator, style, iterations = 1, amount = 1 }) {
    const { latent } = net.config, sigma = net.numbers["vae.sigma"];
    const path = [Float64Array.from([...encode(net, left), ...encode(net, right)])];
    for (let i = 0; i < iterations; i++) path.push(generate(net, generator, path.at(-1), style));
    const z = along(path, amount, sigma), halves = [z.subarray(0, latent), z.subarray(latent)];
    return { tokens: repair(halves.flatMap(one => decode(net, one))), distance: distance(path[0], z, sigma) };
  }

  // A style on the plane between four corners: top left, top right, bottom left, bottom right.
  const styleAt = (corners, x, y) =>
    corners[0].map((_, i) => (1 - y) * ((1 - x) * corners[0][i] + x * corners[1][i]) + y * ((1 - x) * corners[2][i] + x * corners[3][i]));

  Object.assign(ft, { unpack, fuse, styleAt, erf });
})(window.ftFuse);
