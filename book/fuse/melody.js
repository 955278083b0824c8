// The melody of a piece, as fusiontools/music/extract.py finds it: the most tuneful track, and inside it one note at a time.
(ft => {
  const { offset, searched, onset, legato, sorted } = ft;
  // The weights of `line`, and what `melody` weighs; extract.py says how they were chosen.
  const NOTE = 1.2, HEIGHT = 0.4, FREE = 4, BELOW = 2, LOUD = 1, UNDER = 0.3, VOICES = 3;
  const LEAP = 0.06, OCTAVE = 12, CUT = 0.3, APART = 0.06, REACH = 48, TOGETHER = 0.05;
  const TELLING = /melod|vocal|voice|voc\b|sing|lead|solo|tune|cantus/i, CLOSE = 0.6, NAMED = 2, ALONE = 0.8, MANY = 50_000;

  function median(values) {
    const row = [...values].sort((a, b) => a - b), half = row.length >> 1;
    return row.length % 2 ? row[half] : (row[half - 1] + row[half]) / 2;
  }
  const share = (row, test) => row.filter(test).length / row.length;

  // How like a sung tune a track is, 0 to about 1, and the share of its notes that do not run into the next one.
  function tunefulness(notes, end = ft.endOf(notes)) {
    if (notes.length < 2) return { alone: 0, score: 0 };
    const pairs = notes.slice(1).map((n, i) => [notes[i], n]), leap = ([a, b]) => Math.abs(b.pitch - a.pitch);
    const middle = median(notes.map(n => n.pitch));
    const alone = share(pairs, ([a, b]) => offset(a) <= b.onset + 0.1);
    const step = share(pairs, p => leap(p) <= 4), repeat = share(pairs, p => leap(p) === 0);
    const narrow = share(notes, n => Math.abs(n.pitch - middle) <= 9), high = share(notes, n => n.pitch >= 52);
    const present = Math.min(new Set(notes.map(n => Math.floor(n.onset / 4))).size / Math.max(end / 4, 1), 1);
    // s = alone * step * (0.2 + repeat) * narrow * high * sqrt(present)
    return { alone, score: alone * step * (0.2 + repeat) * narrow * high * Math.sqrt(present) };
  }

  // How many higher notes sound, or start too, when each note starts.
  function higher(notes) {
    const count = new Array(notes.length).fill(0);
    for (let k = 1; k <= Math.min(REACH, notes.length - 1); k++) {
      for (let i = k; i < notes.length; i++) {
        for (const [one, other] of [[i, i - k], [i - k, i]]) {
          const [a, b] = [notes[one], notes[other]], start = a.onset + TOGETHER;
          if (b.onset <= start && offset(b) > start && b.pitch > a.pitch) count[one]++;
        }
      }
    }
    return count;
  }

  // The notes of the path with the greatest sum of worths minus prices.
  function bestPath(notes, worth) {
    const best = [], before = [];
    let far = -1; // the best path that ends out of reach
    notes.forEach((note, j) => {
      const start = Math.max(0, j - REACH);
      if (start && (far < 0 || best[start - 1] > best[far])) far = start - 1;
      [best[j], before[j]] = far >= 0 && best[far] > 0 ? [best[far], far] : [0, -1];
      let [top, at] = [-Infinity, -1];
      for (let i = start; i < j && notes[i].onset <= note.onset - APART; i++) { // those that start early enough
        const leap = Math.min(Math.abs(notes[i].pitch - note.pitch), OCTAVE);
        const cut = Math.min(Math.max((offset(notes[i]) - note.onset) / notes[i].duration, 0), 1);
        // b_j = w_j + max(0, max_i (b_i - LEAP |p_i - p_j| - CUT cut_ij))
        const value = best[i] - LEAP * leap - CUT * cut;
        if (value > top) [top, at] = [value, i];
      }
      if (top > best[j]) [best[j], before[j]] = [top, at];
      best[j] += worth[j];
    });
    const path = [];
    let last = 0;
    best.forEach((value, j) => { if (value > best[last]) last = j; });
    for (let j = last; j >= 0; j = before[j]) path.push(notes[j]);
    return path.reverse();
  }

  // The path through the notes that behaves most like a tune.
  function line(notes) {
    const above = higher(notes).map(n => Math.min(n, VOICES)), loud = median(notes.map(n => n.velocity));
    let register = median(legato(notes).map(n => n.pitch)), path = [];
    for (let pass = 0; pass < 2; pass++) {
      const worth = notes.map((n, i) => {
        const away = n.pitch - register, outside = (Math.max(Math.abs(away) - FREE, 0) * (away < 0 ? BELOW : 1)) / OCTAVE;
        // w_i = NOTE - HEIGHT outside_i + LOUD louder_i - UNDER above_i
        return NOTE - HEIGHT * outside + LOUD * ((n.velocity - loud) / 32) - UNDER * above[i];
      });
      path = bestPath(notes, worth);
      register = median(path.map(n => n.pitch));
    }
    return legato(path);
  }

  function melody(tracks, where) {
    const own = tracks.filter(t => !t.isDrum && t.notes.length), end = Math.max(0, ...own.map(t => ft.endOf(t.notes)));
    const scores = own.map(t => tunefulness(t.notes, end).score * (TELLING.test(t.name) ? NAMED : 1)), best = Math.max(...scores);
    const parts = own.filter((_, i) => scores[i] >= CLOSE * best).map(t => t.notes);
    if (!parts.length) throw new ft.MusicError("there is no melody where no pitched note sounds", where, "choose a piece with more than drums");
    const [only] = parts, one = parts.length === 1 && only.length > 1 && only.length <= MANY;
    return one && tunefulness(only).alone < ALONE ? line(only) : legato(sorted(parts.flat()));
  }

  Object.assign(ft, { melody, MANY });
})(window.ftFuse);
