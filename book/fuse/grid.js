// Notes and the grid, as fusiontools/music/notes.py and grid.py have them. A note is { onset, duration, pitch, velocity } in beats, and a list of
// notes is sorted by onset, then by pitch. A grid is an array of tokens, one for each sixteenth: 0 a rest, 1 a hold, else the pitch that starts.
// One global name for all of this folder's scripts: `ftFuse`.
window.ftFuse = {};
(ft => {
  const REST = 0, HOLD = 1, LOW = 55, HIGH = 84, BAR = 16, HALF = 64;

  // What went wrong, as fusiontools.errors says it: what was found, where, what to do.
  class MusicError extends Error {
    constructor(found, where, todo) {
      super((where === null ? "" : where + ": ") + found + "." + (todo ? " What to do: " + todo + "." : ""));
      Object.assign(this, { found, where, todo });
    }
  }

  const offset = note => note.onset + note.duration;
  const sorted = notes => [...notes].sort((a, b) => a.onset - b.onset || a.pitch - b.pitch);
  const shift = (notes, by) => sorted(notes.map(n => ({ ...n, onset: n.onset + by })));

  // How many of a sorted row, under a key, are less than a value; or, with `orEqual`, not more.
  function searched(row, value, key = x => x, orEqual = false) {
    let [low, high] = [0, row.length];
    while (low < high) {
      const middle = (low + high) >> 1, x = key(row[middle]);
      if (x < value || (orEqual && x === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  const onset = note => note.onset;

  // Every note is cut where the next one starts; of those that start together the highest stays.
  function legato(notes) {
    const top = [];
    notes.forEach((n, i) => {
      const together = i && !(n.onset - notes[i - 1].onset > 1e-6);
      if (!together) top.push(n);
      else if (n.pitch >= top.at(-1).pitch) top[top.length - 1] = n;
    });
    return sorted(top).map((n, i, all) => ({ ...n, duration: Math.min(n.duration, i + 1 < all.length ? all[i + 1].onset - n.onset : Infinity) }));
  }

  // Onsets and ends on multiples of a step; halves go up, and no note gets under one step.
  function quantize(notes, step) {
    return sorted(notes.map(n => {
      const first = Math.floor(n.onset / step + 0.5), last = Math.max(Math.floor(offset(n) / step + 0.5), first + 1);
      return { ...n, onset: first * step, duration: (last - first) * step };
    }));
  }

  const crop = (notes, start, stop) =>
    sorted(notes.filter(n => n.onset >= start && n.onset < stop)
      .map(n => ({ ...n, onset: n.onset - start, duration: Math.min(n.duration, stop - n.onset) })));

  function encode(notes, length) {
    const line = legato(quantize(notes, 1 / 4).map(n => ({ ...n, onset: n.onset * 4, duration: n.duration * 4 })));
    const tokens = new Array(length).fill(REST);
    for (const { onset: first, duration, pitch } of line) tokens.fill(HOLD, first, first + duration)[first] = pitch;
    return tokens;
  }

  function decode(tokens) {
    const notes = [];
    repair(tokens).forEach((token, i) => {
      if (token > HOLD) notes.push({ onset: i / 4, duration: 1 / 4, pitch: token, velocity: 80 });
      else if (token === HOLD) notes.at(-1).duration += 1 / 4;
    });
    return notes;
  }

  // A hold that holds nothing becomes a rest. `before` is what stands before the grid.
  function repair(tokens, before = REST) {
    return tokens.map(token => {
      const mended = token === HOLD && before === REST ? REST : token;
      if (token !== HOLD) before = token;
      return mended;
    });
  }

  function longestRest(tokens) {
    let longest = 0, run = 0;
    for (const token of tokens) longest = Math.max(longest, run = token === REST ? run + 1 : 0);
    return longest;
  }

  // Numbers in words, as Python writes them: halves go to even ones, and thousands have commas.
  const even = x => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
  function fixed(x, digits) {
    const scaled = x * 2 ** (digits + 1); // a tie is exact in binary only as an odd number of such parts
    return scaled % 2 !== 0 && scaled % 1 === 0 ? (even(x * 10 ** digits) / 10 ** digits).toFixed(digits) : x.toFixed(digits);
  }
  function general(x, digits = 6) {
    const [part, power] = x.toPrecision(digits).split("e");
    return +part + (power ? `e${power[0]}${power.slice(1).padStart(2, "0")}` : "");
  }
  const commas = x => Math.round(x).toLocaleString("en-US");
  const count = (n, what) => n + " " + what + (n === 1 ? "" : "s");
  const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
  const least = row => row.reduce((a, b) => Math.min(a, b), Infinity), most = row => row.reduce((a, b) => Math.max(a, b), -Infinity);
  const noteName = pitch => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);

  Object.assign(ft, { REST, HOLD, LOW, HIGH, BAR, HALF, MusicError, offset, sorted, shift, searched, onset, legato, quantize, crop });
  Object.assign(ft, { encode, decode, repair, longestRest, even, fixed, general, commas, count, least, most, noteName });
})(window.ftFuse);
