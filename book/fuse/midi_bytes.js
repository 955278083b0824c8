// The bytes of a Standard MIDI File, in and out, as fusiontools/music/midi_bytes.py has them: a file is read whole or refused with its reason, in
// the same words. It knows neither notes nor tempo: see midi.js.
(ft => {
  const { MusicError, commas } = ft;
  const AGAIN = "export the file again from the program that made it, or leave it out";
  const LARGEST = 10_000_000, MOST_METAS = 200_000;
  const NAME = 0x03, END = 0x2f, TEMPO = 0x51, METER = 0x58;
  const size = status => ({ 8: 2, 9: 2, 10: 2, 11: 2, 12: 1, 13: 1, 14: 2 })[status >> 4] || 0; // data bytes of a channel event
  const latin = bytes => Array.from(bytes, b => String.fromCharCode(b)).join("");
  const starts = (data, word, at = 0) => latin(data.subarray(at, at + word.length)) === word;
  const big = (data, at, bytes) => data.subarray(at, at + bytes).reduce((sum, b) => sum * 256 + b, 0);

  // Out of a RIFF container, what its chunk "data" holds.
  function unwrapRiff(data) {
    if (!starts(data, "RIFF") || !starts(data, "RMID", 8)) return data;
    for (let at = 12; at + 8 <= data.length;) {
      if (starts(data, "data", at)) return data.subarray(at + 8);
      const long = new DataView(data.buffer, data.byteOffset + at + 4, 4).getUint32(0, true);
      at += 8 + long + (long % 2);
    }
    return data;
  }

  // What a file begins with, as Python shows it; its bytes where it is no text.
  function beginning(data) {
    const text = latin(data.subarray(0, 12)), hex = [...data.subarray(0, 4)].map(b => b.toString(16).padStart(2, "0")).join(" ");
    if (/[^\n\r\t -~\xa1-\xac\xae-\xff]|\\x/.test(text)) return "the bytes " + hex;
    const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
    const escaped = text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t");
    return quote + (quote === "'" ? escaped.replace(/'/g, "\\'") : escaped) + quote;
  }

  // Ticks of a beat, where each track's events begin and end, and what is passed over.
  function chunks(data, where) {
    const refuse = (found, todo = AGAIN) => { throw new MusicError(found, where, todo); };
    if (!data.length) refuse("the file is empty");
    if (!starts(data, "MThd")) {
      refuse(`not a MIDI file: it starts with ${beginning(data)} where MIDI says 'MThd'`, "take one that a music program exports as MIDI");
    }
    if (data.length < 14) refuse(`truncated: ${data.length} bytes, and the header alone takes 14`);
    const long = big(data, 4, 4), [kind, promised, division] = [8, 10, 12].map(at => big(data, at, 2));
    if (long < 6 || kind > 2) refuse(`its header is damaged (length ${long}, format ${kind})`);
    if (kind === 2) refuse("format 2: patterns that do not sound together", "export it as format 0 or 1");
    if (division & 0x8000 || !division) {
      refuse("its clock counts film frames or nothing, not fractions of a beat", "export it with ticks per quarter note");
    }
    const tracks = [];
    let at = 8 + long;
    while (tracks.length < promised && data.length - at >= 8) { // what stands after the last track is harmless, and common
      const own = starts(data, "MTrk", at), bytes = big(data, at + 4, 4);
      at += 8;
      if (at + bytes > data.length) refuse(`truncated: ${at + bytes - data.length} bytes of a track are missing`);
      if (own) tracks.push([at, at + bytes]);
      at += bytes;
    }
    if (tracks.length < promised) refuse(`truncated: ${promised - tracks.length} of ${promised} tracks are missing`);
    const said = starts(data, "MTrk", at) ? ["Tracks beyond those that its header counts: passed over."] : [];
    return { division, tracks, said };
  }

  // Where the events of a track begin, and what stands beside the music; returns where the last event ends.
  function walk(data, at, end, begins, marks, where) {
    let more = -1; // data bytes of an event without a status of its own: it takes the one before it
    while (at < end) {
      begins.push(at);
      while (data[at] > 0x7f) at++; // the time, of which the last byte is below 128
      const status = data[at + 1];
      if (status < 0x80) {
        if (more < 0) throw new MusicError(`an event without a status at byte ${at + 1}`, where, AGAIN);
        at += 1 + more;
      } else if (status < 0xf0) {
        more = size(status);
        at += 2 + more;
      } else if (status === 0xf0 || status === 0xf7 || status === 0xff) { // an instrument's own, or beside the music
        at += 2;
        const kind = status === 0xff ? data[at++] : null;
        let long = 0, i = 0;
        for (; i < 4; i++) {
          long = (long << 7) | (data[at + i] & 0x7f);
          if (data[at + i] < 0x80) break;
        }
        if (i === 4) throw new MusicError(`a length of over four bytes at byte ${at}`, where, AGAIN);
        at += i + 1;
        if (kind === NAME || kind === TEMPO || kind === METER) marks.push([begins.length - 1, kind, data.slice(at, at + long)]);
        at += long;
        if (kind === END) break;
      } else {
        const hex = status.toString(16).toUpperCase();
        throw new MusicError(`an event of status ${hex} at byte ${at + 1}: files know none`, where, AGAIN);
      }
    }
    return at;
  }

  // All events of a file: { division, events: [[track, tick, status, first, second]], metas: [{ track, tick, kind, data }], said }.
  function readEvents(bytes, where) {
    if (bytes.length > LARGEST) {
      throw new MusicError(`${commas(bytes.length)} bytes, and ${commas(LARGEST)} are the most that is read`, where, "choose another file");
    }
    const whole = unwrapRiff(bytes), { division, tracks, said } = chunks(whole, where);
    const data = new Uint8Array(whole.length + 8); // zeros behind the end: what is cut off there is noticed after it
    data.set(whole);
    const begins = [], counts = [], marks = [];
    let left = 0;
    for (const [first, end] of tracks) {
      const before = begins.length, at = walk(data, first, end, begins, marks, where);
      if (at > end) throw new MusicError("truncated: the last event of a track is cut off", where, AGAIN);
      if (marks.length > MOST_METAS) {
        throw new MusicError(`over ${commas(MOST_METAS)} names and changes of tempo and meter`, where, "leave it out: no music has so many");
      }
      let last = end;
      while (last > at && !data[last - 1]) last--;
      left += last - at;
      counts.push(begins.length - before);
    }
    if (left) said.push(`Bytes after the end of a track: ${left}, passed over.`);
    return { division, ...meanings(data, begins, counts, marks, said, where), said };
  }

  // What the events say that begin at `begins`, `counts` of them in each track.
  function meanings(data, begins, counts, marks, said, where) {
    const long = begins.find(at => data[at] > 0x7f && data[at + 1] > 0x7f && data[at + 2] > 0x7f && data[at + 3] > 0x7f);
    if (long !== undefined) throw new MusicError(`a time of over four bytes at byte ${long}`, where, AGAIN);
    const events = [], times = [], owners = [];
    let track = 0, left = counts[0], tick = 0, running = 0, over = 0;
    for (let at of begins) {
      for (; !left; left = counts[track]) { track++; tick = 0; }
      left--;
      let wait = 0;
      while (data[at] > 0x7f) wait = (wait << 7) | (data[at++] & 0x7f);
      tick += (wait << 7) | data[at++];
      times.push(tick);
      owners.push(track);
      if (data[at] >= 0xf0) continue;
      if (data[at] >= 0x80) running = data[at++];
      const two = size(running) === 2, [first, second] = [data[at], data[at + 1]];
      if (two && first > 0x7f) {
        throw new MusicError(`a key or a controller of number ${first}, where 127 is the last, at byte ${at}`, where, AGAIN);
      }
      over += (two ? second : first) > 0x7f;
      events.push([track, tick, running, Math.min(first, 0x7f), Math.min(second, 0x7f)]);
    }
    if (over) said.push(`Values over 127, the most that MIDI can say: ${over}, taken as 127.`);
    return { events, metas: marks.map(([i, kind, own]) => ({ track: owners[i], tick: times[i], kind, data: own })) };
  }

  // ---- out ------------------------------------------------------------------------------------

  // A grid as a file of one track: the bytes that fusiontools.music.excerpts.write_grid writes.
  function write(tokens, bpm, program) {
    const four = n => [24, 16, 8, 0].map(bits => (n >> bits) & 255), ascii = text => [...text].map(c => c.charCodeAt(0));
    const variable = n => (n > 127 ? variable(n >> 7).map(b => b | 128) : []).concat(n & 127); // seven bits a byte, all but the last marked
    const events = [[0, 0, [0xff, METER, 4, 4, 2, 24, 8]], [0, 0, [0xff, TEMPO, 3, ...four(ft.even(60e6 / bpm)).slice(1)]], [0, 0, [0xc0, program]]];
    for (const { onset, duration, pitch, velocity } of ft.decode(tokens)) {
      events.push([480 * onset, 2, [0x90, pitch, velocity]], [480 * (onset + duration), 1, [0x80, pitch, 64]]);
    }
    events.sort((a, b) => a[0] - b[0] || a[1] - b[1]); // on one tick, a key goes up before it is struck again
    let before = 0;
    const track = events.flatMap(([tick, , bytes]) => {
      const wait = variable(tick - before);
      before = tick;
      return [...wait, ...bytes];
    });
    track.push(0, 0xff, END, 0);
    return Uint8Array.from([...ascii("MThd"), 0, 0, 0, 6, 0, 1, 0, 1, 480 >> 8, 480 & 255, ...ascii("MTrk"), ...four(track.length), ...track]);
  }

  Object.assign(ft, { readEvents, writeMidi: write, latin, AGAIN, NAME, TEMPO, METER });
})(window.ftFuse);
