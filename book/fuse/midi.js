// A MIDI file as a piece, as fusiontools/music/midi.py has it: { tracks: [{ notes, program, isDrum, name }], tempo, meters, title, said }; and bar
// lines. Meters are { beat, numerator, denominator, bar }, bars being counted in beats; the tempo is { beat, second }, anchors of a clock.
(ft => {
  const { MusicError, AGAIN, commas, searched, sorted, offset } = ft;
  const LONGEST_HOURS = 6, MOST_BARS = 200_000, MOST_TRACKS = 1_920, DRUMS = 9;
  const MICROSECONDS = [20_000, 0xffffff];

  const meter = (beat, numerator = 4, denominator = 4) => ({ beat, numerator, denominator, bar: (4 * numerator) / denominator });
  const meterName = m => m.numerator + "/" + m.denominator;
  const byTick = metas => [...metas].sort((a, b) => a.tick - b.tick);

  // The second on which a beat falls.
  function secondsAt({ beat, second }, at) {
    const i = Math.min(Math.max(searched(beat, at, undefined, true) - 1, 0), beat.length - 2);
    return second[i] + ((at - beat[i]) * (second[i + 1] - second[i])) / (beat[i + 1] - beat[i]);
  }

  // The tempo map; of several tempi on one tick the last counts.
  function tempoOf({ metas, division }, where) {
    const at = new Map([[0, 500_000]]);
    for (const { tick, data } of byTick(metas.filter(m => m.kind === ft.TEMPO))) {
      if (data.length < 3) throw new MusicError(`a tempo of ${data.length} bytes, where MIDI says three`, where, AGAIN);
      const micros = (data[0] << 16) | (data[1] << 8) | data[2];
      at.set(tick, micros);
      if (micros < MICROSECONDS[0] || micros > MICROSECONDS[1]) {
        throw new MusicError(`an absurd tempo of ${micros} microseconds a beat`, where, "repair the tempo track in a MIDI editor");
      }
    }
    const beat = [...at.keys()].map(tick => tick / division), second = [0];
    beat.push(beat.at(-1) + 1); // the last tempo goes on: one more anchor gives its slope
    [...at.values()].forEach((micros, i) => second.push(second[i] + ((beat[i + 1] - beat[i]) * micros) / 1e6));
    return { beat, second };
  }

  // Time signatures; of several on one tick the last counts.
  function metersOf({ metas, division }, said) {
    const at = new Map();
    let passed = 0;
    for (const { tick, data } of byTick(metas.filter(m => m.kind === ft.METER))) {
      const [numerator, power] = data.length > 1 ? data : [0, 0];
      if (numerator && power <= 6) at.set(tick, meter(tick / division, numerator, 2 ** power));
      else passed++;
    }
    if (passed) said.push(`Time signatures that make no bar: ${passed}, passed over.`);
    return at.has(0) ? [...at.values()] : [meter(0), ...at.values()];
  }

  // The notes of one key, as [event, tick of its end], and how many lack an up: Python's `_untangle` has the reasons.
  function untangle(events) {
    const open = [], closed = [], ups = [], ticks = events.map(e => e.tick);
    events.forEach((e, i) => {
      if (e.down) open.push(i);
      else if (open.length) { closed.push(open.pop()); ups.push(e.tick); }
    });
    const pairs = closed.sort((a, b) => a - b).map((i, k) => [i, ups[k]]);
    for (const i of open) {
      const later = searched(ticks, ticks[i], undefined, true);
      if (later < ticks.length) pairs.push([i, ticks[later]]);
    }
    return [pairs, open.length];
  }

  // The notes of one key whose ups and downs come by turns; others are untangled.
  function notesOf(events) {
    const free = events.map(() => true), pairs = [];
    events.forEach((e, i) => {
      if (e.down && i + 1 < events.length && !events[i + 1].down) {
        pairs.push([i, events[i + 1].tick]);
        free[i] = free[i + 1] = false;
      }
    });
    return free.some(Boolean) ? untangle(events) : [pairs, 0];
  }

  const groups = (rows, key) => {
    const found = new Map();
    for (const row of rows) {
      const own = key(row);
      if (found.has(own)) found.get(own).push(row);
      else found.set(own, [row]);
    }
    return [...found].sort((a, b) => a[0] - b[0]);
  };

  // The notes, by chunk, channel and instrument.
  function tracksOf({ events, metas, division }, where, said) {
    const programs = new Map(), keys = [];
    for (const [track, tick, status, first, second] of events) {
      const lane = track * 16 + (status & 15), kind = status >> 4;
      if (kind === 12) programs.set(lane, first);
      else if (kind < 10) keys.push({ lane, tick, key: first, velocity: second, down: kind === 9 && second > 0, program: programs.get(lane) || 0 });
    }
    const struck = [];
    let open = 0;
    for (const [, own] of groups(keys, e => e.lane * 128 + e.key)) {
      const [pairs, more] = notesOf(own);
      open += more;
      for (const [i, until] of pairs.sort((a, b) => a[0] - b[0])) struck.push({ ...own[i], until });
    }
    if (open) said.push(`Notes whose key does not go up: ${open}; they last until the key is struck again, or are left out.`);
    const parts = groups(struck, e => e.lane * 128 + e.program);
    if (parts.length > MOST_TRACKS) {
      const found = `${commas(parts.length)} tracks, and ${commas(MOST_TRACKS)} are the most that is read`;
      throw new MusicError(found, where, "leave it out: no music has so many");
    }
    const names = new Map(metas.filter(m => m.kind === ft.NAME).map(m => [m.track, text(m.data)]));
    return parts.map(([, own]) => {
      const [{ lane, program }] = own;
      const notes = sorted(own.map(e => ({ // a note that ends where it starts is a click: one tick long
        onset: e.tick / division, duration: Math.max(e.until - e.tick, 1) / division, pitch: e.key, velocity: e.velocity,
      })));
      return { notes, program, isDrum: lane % 16 === DRUMS, name: names.get(lane >> 4) || "" };
    });
  }

  // A file names no encoding: UTF-8 is seldom mistaken, and Latin-1 loses nothing.
  function text(data) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    } catch {
      return ft.latin(data);
    }
  }

  const endOf = notes => notes.reduce((end, n) => Math.max(end, offset(n)), 0);

  function readMidi(bytes, where) {
    const events = ft.readEvents(bytes, where), { said } = events;
    const tempo = tempoOf(events, where), meters = metersOf(events, said), tracks = tracksOf(events, where, said);
    if (!tracks.length) {
      throw new MusicError("a MIDI file without a single note", where, "choose another file; this one may hold only tempo or lyrics");
    }
    const end = Math.max(...tracks.map(t => endOf(t.notes)));
    const hours = (secondsAt(tempo, end) - secondsAt(tempo, 0)) / 3600;
    if (!(hours <= LONGEST_HOURS && end <= MOST_BARS)) {
      throw new MusicError(`its last note ends on beat ${ft.fixed(end, 0)}, after ${ft.general(hours, 3)} hours`, where, AGAIN);
    }
    barLines(meters, end, where);
    return { tracks, tempo, meters, title: tracks[0].name, said, end };
  }

  // The beats on which bars start, from 0 up to `stop`.
  function barLines(meters, stop, where) {
    const spans = meters.map((m, i) => [m.beat, i + 1 < meters.length ? Math.min(meters[i + 1].beat, stop) : stop, m.bar]);
    const many = spans.reduce((sum, [start, end, bar]) => sum + Math.max(end - start, 0) / bar, 0);
    if (!(many <= MOST_BARS)) {
      throw new MusicError(`${commas(ft.even(many))} bars, and ${commas(MOST_BARS)} are the most`, where, AGAIN);
    }
    return spans.flatMap(([start, end, bar]) => {
      const length = Math.max(Math.ceil((end - start) / bar), 0), step = start + bar - start; // rounded as numpy's arange rounds it
      return Array.from({ length }, (_, i) => start + i * step);
    }).filter(beat => beat >= 0 && beat < stop);
  }

  Object.assign(ft, { readMidi, barLines, secondsAt, meterName, endOf });
})(window.ftFuse);
