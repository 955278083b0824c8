// Where in a piece four bars of four beats are, and which melody stands in them, as fusiontools/music/bars.py and bar_notes.py find it, in their words. Bars are rows
// { number, start, length, meter, regular }; 1 is the first whole bar, 0 an upbeat.
(ft => {
  const { MusicError, BAR, REST, searched, onset, offset, shift, sorted, count, even, meterName } = ft;
  const STEP = 0.25, BEATS = 16, QUARTERS = [1, 2, 4, 8], NEAR = 1e-6, OFF = STEP / 4, TAIL = 0.5;
  const FEW = 8, LATE = 0.02, EVEN = 0.7, FORGOTTEN = 16, TRIED = 2000;
  const start = bar => bar.start;

  // All bars of a piece that begin before a beat, the upbeat's included.
  function barsOf({ meters }, stop, where) {
    const changes = meters.map(m => m.beat), kindAt = beat => Math.max(searched(changes, beat + NEAR, undefined, true) - 1, 0);
    let rows = ft.barLines(meters, Math.max(stop, meters[0].bar), where)
      .filter((beat, i, all) => i + 1 === all.length || all[i + 1] - beat > NEAR)
      .map(beat => ({ start: beat, meter: meters[kindAt(beat)] }));
    const [first, next] = rows, again = meters.slice(2).some(m => meterName(m) === meterName(meters[0]));
    if (next && first.start < NEAR && next.start < next.meter.bar - NEAR && !again) {
      // a first bar that is too short: the end of a whole bar that begins before the music
      rows[0] = { start: next.start - next.meter.bar, meter: next.meter };
    }
    rows.forEach((row, i) => { row.length = (i + 1 < rows.length ? rows[i + 1].start : row.start + row.meter.bar) - row.start; });
    // what a repeat sign cuts in two counts as one bar
    const short = rows.map(row => row.length < row.meter.bar - NEAR), more = rows.map(() => false), long = rows.map(row => row.length);
    for (let i = 1; i < rows.length; i++) {
      const halves = Math.abs(long[i - 1] + long[i] - rows[i].meter.bar) < NEAR;
      more[i] = short[i] && short[i - 1] && halves && rows[i - 1].meter === rows[i].meter && !more[i - 1];
      if (more[i]) rows[i - 1].length += rows[i].length;
    }
    rows = rows.filter((_, i) => !more[i]).flatMap(row => {
      // as long as two bars, or more: lines that were forgotten
      const times = even(row.length / row.meter.bar), length = row.length / times;
      const forgotten = times > 1 && Math.abs(row.length - times * row.meter.bar) < NEAR && times <= FORGOTTEN;
      return forgotten ? Array.from({ length: times }, (_, i) => ({ ...row, start: row.start + length * i, length })) : [row];
    });
    rows = rows.filter((row, i) => row.start < stop - NEAR || !i);
    const before = rows.filter(row => row.start < -NEAR).length;
    return rows.map((row, i) => {
      const { bar, numerator } = row.meter, fours = QUARTERS.includes(bar) && [...QUARTERS, 16, 32].includes(numerator);
      return { ...row, number: i + 1 - before, regular: fours && Math.abs(row.length - bar) < NEAR };
    });
  }

  // For each bar whether four bars of 4/4 can begin with it.
  function foursOf(bars) {
    const lines = [...bars.map(start), bars.at(-1).start + bars.at(-1).length], irregular = [0];
    for (const { regular } of bars) irregular.push(irregular.at(-1) + !regular);
    return bars.map((bar, i) => {
      const end = Math.min(searched(lines, bar.start + BEATS - NEAR), lines.length - 1);
      return Math.abs(lines[end] - bar.start - BEATS) < NEAR && irregular[end] === irregular[i];
    });
  }

  // How a bar that has not four beats is read as one of four, or of twice or half of it: [parts, scale, beats that each part is held].
  function inFours({ numerator: n, denominator, bar }) {
    const beat = 4 / denominator;
    let [parts, scale, held] = [1, 1, 0];
    if ((n === 9 || n === 12) && beat <= 1) {
      const dotted = beat === 1 ? 2 : 1; // what three of them become
      [scale, held] = [dotted / (3 * beat), dotted * (n === 9)];
    } else if (n === 6 && beat === 1) [parts, held] = [2, beat];
    else if (n === 3 || n === 6) held = bar / 3;
    return QUARTERS.includes(bar * scale + parts * held) ? [parts, scale, held] : [1, 1, 0];
  }

  // Music in other meters, read in bars of four beats: { bars, tune, end }.
  function readInFours(bars, tune, end, number = null) {
    const plain = stretched(bars, tune, end, false), wide = stretched(bars, tune, end, true);
    if (number !== null) {
      const [four, more] = [plain, wide].map(read => foursOf(read.bars).some((fits, i) => fits && bars[i].number === number));
      return more && !four ? wide : plain;
    }
    const room = roomIn(plain), more = roomIn(wide);
    const at = tune.map(n => Math.max(searched(bars, n.onset + STEP / 2, start, true) - 1, 0));
    const three = at.filter(i => Math.abs(wide.bars[i].length - plain.bars[i].length) > NEAR).length;
    const most = three > at.filter(i => plain.bars[i].regular).length;
    return more > room || (more === room && most) ? wide : plain;
  }

  // 2 if four bars can be taken, 1 if fewer, at the end of the piece, 0 if none.
  function roomIn({ bars, tune, end }) {
    const { found } = candidates(bars, tune);
    return (found.length > 0) + found.some(i => hasMore(bars[i].start, end));
  }

  // Whether the fourth bar from a beat on is in the piece.
  const hasMore = (beat, end) => end > beat + BEATS - 4 + STEP / 2;

  // Bars of four dotted beats as bars of four beats; if `held`, those of three, too.
  function stretched(bars, tune, end, held) {
    const ways = bars.map(({ meter }) => {
      const way = inFours(meter);
      return way[2] && !held ? [1, 1, 0] : way;
    });
    const changed = ways.map(([, scale, hold]) => scale !== 1 || hold > 0);
    if (!changed.some(Boolean)) return { bars, tune, end };
    // b_j, where a part begins, and b'_j, where it is carried
    const parts = bars.flatMap(({ start: at, length }, i) => {
      const [many, scale, hold] = ways[i];
      return Array.from({ length: many }, (_, k) => ({ begins: at + k * (length / many), scale, length: (length / many) * scale + hold }));
    });
    let sum = 0;
    for (const part of parts) {
      sum += part.length;
      part.carries = bars[0].start + sum - part.length;
    }
    const carried = (beat, early) => { // by the part that a beat lies in, or falls short of by `early` at most
      const part = parts[Math.max(searched(parts, beat + early, p => p.begins, true) - 1, 0)];
      // t' = b'_j + a_j (t - b_j)
      return part.carries + part.scale * (beat - part.begins);
    };
    let first = 0;
    const read = bars.map((bar, i) => {
      const [many, scale, hold] = ways[i], length = bar.length * scale + many * hold, { carries } = parts[first];
      first += many;
      const fits = Math.abs(bar.length - bar.meter.bar) < NEAR && QUARTERS.some(q => Math.abs(length - q) < NEAR);
      return { ...bar, start: carries, length, regular: changed[i] ? fits : bar.regular };
    });
    // What rounds to a bar line begins there. What ends a sixteenth before one was meant to reach it.
    const moved = tune.map(n => {
      const begins = carried(n.onset, STEP / 2);
      return { ...n, onset: begins, duration: Math.max(carried(offset(n), STEP + NEAR) - begins, NEAR) };
    });
    return { bars: read, tune: sorted(moved), end: carried(end, STEP + NEAR) };
  }

  // Where a melody begins, the bars of its upbeat (0 or 1), where four can be taken.
  function candidates(bars, tune) {
    const onGrid = n => Math.floor(n.onset / STEP + 0.5) * STEP, last = onGrid(tune.at(-1));
    const first = Math.max(onGrid(tune[0]), bars[0].start), begin = Math.max(searched(bars, first + NEAR, start) - 1, 0);
    const half = bars[begin].length / 2; // a bar of one beat has no second half to speak of
    const upbeat = Number(half >= 1 && first - bars[begin].start >= half), from = begin + upbeat, fours = foursOf(bars), found = [];
    let group = 0;
    for (let i = from; i < searched(bars, last + NEAR, start); i++) {
      // bars shorter than 4/4 are counted in groups, from the first of their kind in a row
      const alike = i > from && Math.abs(bars[i].length - bars[i - 1].length) < NEAR && bars[i].regular && bars[i - 1].regular;
      if (!alike) group = i;
      const beats = bars[i].start - bars[group].start, inGroup = Math.abs(beats - 4 * even(beats / 4)) < NEAR;
      // where no note begins there is nothing to take
      const [a, b] = [0, BEATS].map(x => searched(tune, bars[i].start + x - STEP / 2, onset));
      if (fours[i] && inGroup && (a < b || i === from)) found.push(i);
    }
    if (upbeat && fours[begin]) found.push(begin); // the last choice
    return { begin, upbeat, found };
  }

  // The bar from which four are taken when nobody says which, and what is left out.
  function firstBar({ bars, tune, end }, where) {
    const { begin, upbeat, found } = candidates(bars, tune);
    if (!found.length) throw noFour(bars, begin, where, "choose another piece, or the number of a bar that is in 4/4 or 3/4");
    let at = found[0], fewest = null;
    const fewer = (a, b) => { // compared one by one, as Python's tuples are
      const i = a.findIndex((x, k) => x !== b[k]);
      return i >= 0 && a[i] < b[i];
    };
    for (const i of found.slice(0, TRIED)) {
      if (!hasMore(bars[i].start, end)) continue;
      const faults = faultsOf(tune, bars[i].start);
      if (!fewest || fewer(faults, fewest)) [at, fewest] = [i, faults];
      if (!faults[0] && !faults[1]) break;
    }
    const first = begin + upbeat;
    if (upbeat && at === first) return { at, words: ["The upbeat before them is left out."] };
    if (at <= first) return { at, words: [] };
    let begins = "bar " + bars[begin].number, these = "the four bars with the shortest rest";
    if (!bars[first].regular) [begins, these] = [meterName(bars[first].meter), "its first four bars of four beats"];
    else if (!foursOf(bars)[first]) these = "its first four bars, of four beats, that are whole";
    else if (fewest && !fewest[0] && !fewest[1]) these = "its first four bars without a rest longer than a bar";
    return { at, words: [`Its melody begins in ${begins}; these are ${these}.`] };
  }

  // Of four bars: a rest longer than a bar, half a bar of silence first, longest rest.
  function faultsOf(tune, beat) {
    const tokens = ft.encode(notesFrom(tune, beat).notes.map(n => ({ ...n, pitch: 60 })), ft.HALF), rest = ft.longestRest(tokens);
    return [Number(rest > BAR), Number(tokens.slice(0, BAR / 2).every(token => token === REST)), rest];
  }

  // The bar that somebody chose.
  function chosenBar({ bars, tune, end }, number, where) {
    const there = bars.filter(bar => bar.start < end - NEAR), at = there.findIndex(bar => bar.number === number);
    if (at < 0) throw new MusicError(`there is no bar ${number}`, where, `choose one from ${there[0].number} to ${there.at(-1).number}`);
    if (!foursOf(bars)[at]) throw noFour(bars, at, where, "choose another bar, or leave the number out");
    if (!notesFrom(tune, bars[at].start).notes.length) {
      throw new MusicError(`its melody rests in the four bars from bar ${number} on`, where, "choose another bar");
    }
    return at;
  }

  // The error that there are no four bars of four beats from a bar on.
  function noFour(bars, at, where, todo) {
    const { number } = bars[at], four = bars.slice(at, at + 4), names = [...new Set(four.map(bar => meterName(bar.meter)))];
    let found = `its meter changes in the four bars from bar ${number} on (${names.join(", then ")})`;
    if (names.length === 1) {
      found = `it is in ${names[0]} from bar ${number} on, and only music in four beats, or in three, can be fused`;
      const odd = four.filter(bar => Math.abs(bar.length - bars[at].length) > NEAR);
      if (odd.length || bars[at].regular) {
        const [one] = odd.length ? odd : four;
        found = `the four bars from bar ${number} on are not alike: bar ${one.number} lasts ${ft.general(one.length)} beats, in ${names[0]}`;
      }
    }
    return new MusicError(found, where, todo);
  }

  // How far behind the sixteenths all notes of a melody lie alike, in beats; 0 where they do not.
  function gridOffset(notes) {
    // 1/K sum_k exp(2 pi i t_k / step): its angle says where in a step the notes lie, its length how much they agree
    const turn = n => (2 * Math.PI * n.onset) / STEP, mean = f => notes.reduce((sum, n) => sum + f(turn(n)), 0) / notes.length;
    const [x, y] = [mean(Math.cos), mean(Math.sin)], found = (Math.atan2(y, x) / (2 * Math.PI)) * STEP;
    return notes.length >= FEW && Math.hypot(x, y) > EVEN && Math.abs(found) > LATE ? found : 0;
  }

  // Sixteen beats of a melody, on the grid, and a sentence on all that was lost or moved.
  function notesFrom(tune, beat) {
    // of what was before only the last note can sound, and a few that move onto its place
    const [low, high] = [beat - STEP, beat + BEATS + STEP].map(x => searched(tune, x, onset)), part = tune.slice(Math.max(low - 8, 0), high);
    const moved = ft.quantize(shift(part, -beat), STEP), said = [], voice = ft.legato(moved);
    let notes = ft.crop(voice, 0, BEATS);
    const lost = moved.filter(n => n.onset >= 0 && n.onset < BEATS).length - notes.length;
    if (lost) said.push(`${count(lost, "note")}, less than a sixteenth from the next, ${lost === 1 ? "is" : "are"} left out.`);
    const [before] = voice.filter(n => n.onset < 0 && offset(n) > 0);
    if (before) {
      const tail = Math.min(offset(before), BEATS);
      if (tail >= TAIL) {
        notes = sorted([{ ...before, onset: 0, duration: tail }, ...notes]);
        said.push("A note that is held from before is struck anew.");
      } else said.push("The end of a note from before is left out.");
    }
    if (voice.some(n => n.onset < BEATS && offset(n) > BEATS)) said.push("Its last note goes on after these bars, and is cut.");
    return { notes, said: [...said, ...offGrid(part.map(n => n.onset - beat))] };
  }

  // What to say of notes that are moved onto the sixteenths of four bars.
  function offGrid(onsets) {
    const places = onsets.map(x => x / STEP).filter(x => x >= -0.5 && x < BEATS / STEP - 0.5);
    const off = places.map(x => Math.abs(x - Math.floor(x + 0.5)) * STEP), far = off.filter(x => x > OFF).length;
    if (!far) return [];
    const [lie, are] = far === 1 ? ["lies", "is"] : ["lie", "are"], most = ft.fixed(ft.most(off), 2);
    return [`${far} of ${count(off.length, "note")} ${lie} off the sixteenths, and ${are} moved by up to ${most} beats.`];
  }

  Object.assign(ft, { STEP, BEATS, NEAR, barsOf, inFours, readInFours, firstBar, chosenBar, gridOffset, notesFrom });
})(window.ftFuse);
