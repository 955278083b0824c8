// A file becomes four bars of melody, as fusiontools/music/excerpts.py makes them: whatever is adapted is said, in its words. This page reads MIDI
// only; what another file is, it says as fusiontools/music/scores.py does, whose table is `ftFuse.words`.
(ft => {
  const { MusicError, HOLD, LOW, HIGH, BAR, HALF, STEP, BEATS, NEAR, count, noteName, meterName, offset } = ft;
  const LARGEST = 64_000_000, HEAD = 2000, MIDI_ONLY = "this page reads MIDI files alone";
  const NUMBERS = { 1: "whole notes", 2: "half notes", 4: "quarters", 8: "eighths", 16: "sixteenths", 32: "thirty-seconds", 64: "sixty-fourths" };
  const REPEATS = { // fewer than four bars: their order, and how to say it
    1: [[0, 0, 0, 0], "It has one bar, and it is played four times."],
    2: [[0, 1, 0, 1], "It has two bars, and they are played twice."],
    3: [[0, 1, 2, 2], "It has three bars, and the last of them is played twice."],
  };

  // ---- files ----------------------------------------------------------------------------------

  // A piece out of the bytes of a file of that name, or a MusicError that says what it is.
  function readFile(bytes, name) {
    checkHead(bytes, bytes.length, name);
    const head = ft.latin(bytes.subarray(0, 4)), early = ft.latin(bytes.subarray(0, 200)).replace(/^[\xef\xbb\xbf\xff\xfe \t\r\n\0]+/, "");
    const { command } = ft.words, refuse = (found, todo) => { throw new MusicError(found, name, todo); };
    if (head.startsWith("PK")) refuse(`this is a packed file, and ${MIDI_ONLY}`, "unpack it, or take the command, which reads it: " + command);
    if (early.startsWith("<")) refuse(`this is a score in MusicXML, and ${MIDI_ONLY}`, "take the command, which reads it: " + command);
    if (head && head !== "MThd" && head !== "RIFF") {
      const text = textOf(bytes);
      if (/\.abc$/i.test(name) || /^(X:\s*\d|K:)/m.test(text)) refuse(`this is a tune in ABC, and ${MIDI_ONLY}`, "take the command, which reads it: " + command);
      const odd = /\p{C}/u.test(text.slice(0, HEAD).replace(/[\t-\r\x1c-\x1f\x85]/g, ""));
      const kind = odd ? "no file of music: it starts with the bytes " + [...bytes.subarray(0, 4)].map(b => b.toString(16).padStart(2, "0")).join(" ")
        : "a text in which no tune in ABC begins (with a line X:1)";
      refuse("this is " + kind, ft.words.take);
    }
    return ft.readMidi(bytes, name);
  }

  // Before the rest of a file is read: what its beginning says, and how large it is.
  function checkHead(head, size, name) {
    if (head.length) refuseForeign(ft.latin(head.subarray(0, HEAD)), name);
    if (size > LARGEST) throw new MusicError(`${ft.commas(size)} bytes, and ${ft.commas(LARGEST)} are the most that is read`, name, "choose another file");
  }

  // Say what a file is that is no score for us, by its first bytes, or by its name.
  function refuseForeign(head, name) {
    const ours = /^(MThd|RIFF)/.test(head) || head.replace(/^[\xef\xbb\xbf\xff\xfe \t\r\n\0]+/, "").startsWith("<")
      || /^X:\s*\d/m.test(head.replace(/\0/g, ""));
    for (const [what, begins, endings, todo] of ft.words.foreign) {
      const named = !ours && endings.some(end => name.toLowerCase().endsWith(end));
      if (named || (begins && new RegExp("^(?:" + begins + ")", "s").test(head))) {
        throw new MusicError(`this is ${what}, and notes are needed`, name, todo);
      }
    }
  }

  function textOf(bytes) {
    const mark = ft.latin(bytes.subarray(0, 2)), code = mark === "\xff\xfe" ? "utf-16le" : mark === "\xfe\xff" ? "utf-16be" : "utf-8";
    try {
      return new TextDecoder(code, { fatal: true }).decode(bytes);
    } catch {
      return ft.latin(bytes);
    }
  }

  // ---- four bars ------------------------------------------------------------------------------

  // What of a piece does not depend on the bar that is chosen: its melody, its bars.
  function tuneOf(piece, where) {
    const tracks = piece.tracks.map((track, i) => ({ ...track, number: i + 1 })).filter(track => !track.isDrum);
    const found = ft.melody(tracks, where), said = [...piece.said];
    if (tracks.some(track => track.notes.length > ft.MANY)) {
      said.push(`It has a track of more than ${ft.commas(ft.MANY)} notes: of notes that sound together the highest is taken.`);
    }
    const behind = ft.gridOffset(found);
    if (behind) {
      const lie = `${ft.fixed(Math.abs(behind), 2)} beats ${behind > 0 ? "after" : "before"}`;
      said.push(`All its notes lie ${lie} the sixteenths, and are moved there.`);
    }
    const line = ft.shift(found, -behind), end = piece.end - behind;
    const counted = ft.barsOf(piece, Math.max(end, ft.endOf(line)) + BEATS, where);
    return { piece, where, tracks, found, said, behind, line, end, counted };
  }

  // Four bars of a tune: { tokens, where, bars, track, said, bpm, program, played }, from a bar or, with null, from where the melody begins.
  function excerptOf(whole, number = null) {
    const { piece, where, tracks, found, behind, counted } = whole;
    const read = ft.readInFours(counted, whole.line, whole.end, number), { bars, tune, end } = read;
    const { at, words } = number === null ? ft.firstBar(read, where) : { at: ft.chosenBar(read, number, where), words: [] };
    const begin = bars[at].start, stop = Math.min(begin + BEATS, end) - STEP / 2; // an end that is a little late is no new bar
    const inside = bars.map((bar, i) => i).filter(i => i === at || (bars[i].start > begin - STEP / 2 && bars[i].start < stop));
    const asIs = i => Math.abs(bars[i].length - counted[i].length) < STEP / 2;
    let said = [...whole.said, ...words, ...metersSaid(inside.map(i => [bars[i].meter, asIs(i)]))];
    // what stands in them
    const { notes: raw, said: changed } = ft.notesFrom(tune, begin), { notes, moved } = inRange(raw);
    const wholeBars = Math.max(Math.ceil((stop - begin) / 4), 1), [tokens, repeated] = fourBars(ft.encode(notes, HALF), wholeBars);
    const rest = ft.longestRest(tokens) / BAR;
    if (rest > 1) {
      const other = number === null ? "no four bars of it rest less" : "choose another bar";
      moved.push(`It rests for ${ft.general(rest)} bars, which stay silent: the model knows rests of one bar at most; ${other}.`);
    }
    // where they are in the piece itself: bars that were given a beat are shorter there
    const four = bars.map((bar, i) => i).filter(i => bars[i].start > begin - STEP / 2 && bars[i].start < begin + BEATS - STEP / 2);
    const first = counted[at].start + behind, last = first + four.reduce((sum, i) => sum + counted[i].length, 0);
    const source = sourcesOf(tracks, piece.tracks.length, found, first - STEP / 2, last - STEP / 2);
    let { program } = source;
    const played = said.filter(sentence => sentence.startsWith("It names no tempo"));
    said = said.filter(sentence => !played.includes(sentence));
    const higher = ft.words.higher[program];
    if (higher && lowest(notes) - lowest(raw) >= 12) {
      program = higher[0];
      played.push(`Up there ${higher[1]} plays it.`);
    }
    // 60 beats / seconds: the tempo on average over the four bars, without what is held
    const beats = four.reduce((sum, i) => sum + counted[i].length * (asIs(i) ? 1 : ft.inFours(bars[i].meter)[1]), 0);
    const bpm = (60 * beats) / (ft.secondsAt(piece.tempo, last) - ft.secondsAt(piece.tempo, first));
    if (changes(piece.tempo, first, last)) {
      played.push(`Its tempo changes in these bars: ${ft.fixed(bpm, 0)} is taken, their average.`);
    }
    return {
      tokens, where, title: piece.title, bars: [bars[inside[0]].number, bars[inside.at(-1)].number], track: source.words,
      said: [...said, ...source.chords, ...changed, ...repeated, ...moved], bpm, program, played, span: [first, last],
    };
  }

  const describe = ({ where, bars: [first, last], track }) => `${where}, ${last > first ? `bars ${first} to ${last}` : `bar ${first}`}, ${track}`;
  const lowest = notes => ft.least(notes.map(n => n.pitch));

  // Whether a tempo is another within a stretch of beats, by more than rounding.
  function changes(tempo, first, last) {
    const beats = [first, ...tempo.beat.filter(beat => beat > first + NEAR && beat < last - NEAR), last];
    const pace = beats.slice(1).map((beat, i) => (ft.secondsAt(tempo, beat) - ft.secondsAt(tempo, beats[i])) / (beat - beats[i]));
    return ft.most(pace) > ft.least(pace) * 1.005;
  }

  // What to say of bars: of each its meter, and whether it stayed as it is.
  function metersSaid(bars) {
    const kinds = new Map(bars.map(([meter, asIs]) => [meterName(meter) + asIs, [meter, asIs]])), said = []; // each once
    for (const [meter, asIs] of kinds.values()) {
      const name = meterName(meter), [parts, scale, held] = asIs ? [1, 1, 0] : ft.inFours(meter);
      if (!asIs) said.push(`${kinds.size === 1 ? "It is in" : "In"} ${name}: ${stretchedSaid(meter, parts, held)}`);
      const quarters = meter.bar * scale + parts * held;
      if (quarters < 4) said.push(`Bars of ${name} are joined by ${quarters === 2 ? "twos" : "fours"}.`);
      else if (quarters > 4) said.push(`Each bar of ${name} counts as two.`);
      else if (asIs && name !== "4/4") said.push(`It is in ${name}, which is read as 4/4.`);
    }
    return said;
  }

  // What is done to bars of a meter to have four beats in them.
  function stretchedSaid({ numerator, denominator }, parts, held) {
    const words = [], beats = NUMBERS[denominator];
    if (numerator === 9 || numerator === 12) words.push(`each beat of three ${beats} becomes ${beats === "quarters" ? "two quarters" : "a quarter"}`);
    if (parts === 2) words.push(`each bar is read as two of 3/${denominator}`);
    if (held) {
      const short = numerator === 6 && parts === 1; // the beats of 6/8 are longer than what they are given
      const beat = short ? NUMBERS[Math.floor(denominator / 2)].replace(/s+$/, "") : "beat";
      words.push(`${parts === 2 ? "each of them" : "each bar"} is given a fourth ${beat}`, "and what sounds at its end is held");
    }
    return words.join(", ") + ".";
  }

  // Fewer than four whole bars, repeated until there are four, and what to say of it.
  function fourBars(tokens, whole) {
    if (whole >= 4) return [tokens, []];
    const [order, words] = REPEATS[whole], said = [words];
    const parts = order.flatMap((i, k) => {
      const part = tokens.slice(BAR * i, BAR * (i + 1));
      if (part[0] === HOLD && i !== (k ? order[k - 1] : -1) + 1) { // held from a bar that is not heard now
        part[0] = tokens.slice(0, BAR * i).filter(token => token > HOLD).at(-1);
      }
      return part;
    });
    const lost = tokens.slice(BAR * whole).filter(token => token > HOLD).length; // a grace on the double bar line
    if (lost) said.push(`${count(lost, "note")} at its very end ${lost === 1 ? "is" : "are"} left out.`);
    return [parts, said];
  }

  // The notes, moved to 55 to 84 by octaves, else by semitones, else note by note.
  function inRange(notes) {
    const pitches = notes.map(n => n.pitch), [low, high] = [ft.least(pitches), ft.most(pitches)];
    if (LOW <= low && high <= HIGH) return { notes, moved: [] };
    const outside = `${noteName(low)} to ${noteName(high)} lies outside ${noteName(LOW)} to ${noteName(HIGH)}`;
    const move = by => notes.map(n => ({ ...n, pitch: n.pitch + by }));
    // the nearest octave in which most notes are inside
    const octaves = [0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6];
    const inside = octaves.map(k => pitches.filter(p => p + 12 * k >= LOW && p + 12 * k <= HIGH).length), most = Math.max(...inside);
    const k = octaves[inside.indexOf(most)];
    if (most === notes.length) return { notes: move(12 * k), moved: [`It is moved ${octavesSaid(k)}: ${outside}.`] };
    if (high - low <= HIGH - LOW) {
      const by = Math.max(LOW - low, 0) + Math.min(HIGH - high, 0), way = `${count(Math.abs(by), "semitone")} ${by > 0 ? "up" : "down"}, into another key`;
      return { notes: move(by), moved: [`It is moved ${way}: ${outside}, and no octave has room for all of it.`] };
    }
    const folded = move(12 * k).map(n => ({
      ...n, pitch: n.pitch + 12 * (Math.max(Math.ceil((LOW - n.pitch) / 12), 0) - Math.max(Math.ceil((n.pitch - HIGH) / 12), 0)),
    }));
    const lost = notes.length - most, some = `${count(lost, "note")} ${lost === 1 ? "is" : "are"} moved by octaves, apart from the others`;
    const way = k ? `It is moved ${octavesSaid(k)}, and ${some}` : some;
    return { notes: ft.sorted(folded), moved: [`${way}: ${outside}, and no key has room for all of it.`] };
  }

  function octavesSaid(k) {
    const many = { 1: "an octave", 2: "two octaves", 3: "three octaves" }[Math.abs(k)];
    return `${many || count(Math.abs(k), "octave")} ${k > 0 ? "up" : "down"}`;
  }

  // The tracks that a melody comes from, in words, the instrument, what else sounds.
  function sourcesOf(tracks, many, found, first, last) {
    const sounding = notes => notes.filter(n => n.onset >= first && n.onset < last);
    const pairs = notes => new Set(sounding(notes).map(n => ft.even(n.onset * 1e6) + " " + n.pitch));
    const rows = tracks.map(track => pairs(track.notes)), tune = sounding(found), own = [];
    let left = pairs(found);
    while (left.size) { // the track that has most of what no track before it has
      const shared = rows.map(row => [...left].filter(pair => row.has(pair)).length), most = Math.max(...shared);
      if (!most) break;
      own.push(shared.indexOf(most));
      left = new Set([...left].filter(pair => !rows[own.at(-1)].has(pair)));
    }
    const program = own.length ? tracks[own[0]].program : ft.words.flute, named = [...own].sort((a, b) => a - b).map(i => tracks[i]);
    const sound = named.reduce((sum, track) => sum + sounding(track.notes).length, 0);
    const chords = sound > tune.length ? [`The melody is ${tune.length} of the ${sound} notes that sound there.`] : [];
    const names = named.map(track => track.number + (plain(track.name) ? ` "${plain(track.name)}"` : ""));
    const words = many === 1 ? "its only track" + names.join("").slice(1) : `${names.length > 1 ? "tracks" : "track"} ${names.join(" and ")} of ${many}`;
    return { words, program, chords };
  }

  // A name on one line, at most 40 characters.
  const plain = name => Array.from(name.replace(/[^\P{C}\t-\r\x1c-\x1f\x85]/gu, "").split(/[\s\x1c-\x1f\x85]+/u).filter(Boolean).join(" ")).slice(0, 40).join("");

  Object.assign(ft, { HEAD, readFile, checkHead, tuneOf, excerptOf, describe });
})(window.ftFuse);
