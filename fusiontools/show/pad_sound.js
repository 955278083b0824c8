// What a pad sounds like: notes as slices of one short recording that holds every pitch once, so that eighty melodies weigh no more than one;
// and notes as a MIDI file. It knows nothing of pages, pads or clicks (see pad.js). Kept as one global name, `ftPadSound`.
(() => {
  if (window.ftPadSound) return;
  const RELEASE = 0.06; // seconds that a note takes to fall silent
  const CROSS = 0.03; // seconds from one take into another: what both hold sounds on as if nothing had happened

  // The recording as samples. Decoders differ by up to 50 ms in where an MP3 begins; the click at its head says where.
  async function listen(sprite, ctx) {
    const buffer = await ctx.decodeAudioData(Uint8Array.from(atob(sprite.mp3), c => c.charCodeAt(0)).buffer);
    const x = buffer.getChannelData(0).subarray(0, Math.round((sprite.click + 0.12) * buffer.sampleRate));
    let top = 0;
    x.forEach((v, i) => { if (Math.abs(v) > Math.abs(x[top])) top = i; });
    return { buffer, late: top / buffer.sampleRate - sprite.click, gain: sprite.gain, slices: sprite.slices };
  }

  // Lay out all notes of a take from a moment `from` on, to be heard from `when` on the context's clock. The same lines play to the
  // loudspeaker and into the memory of `render`. Gives back how to take the take off again.
  function lay(ctx, sound, notes, from, when) {
    const group = ctx.createGain(), sources = [];
    group.connect(ctx.destination);
    for (const [on, off, pitch, level] of notes) {
      const [start, longest] = sound.slices[pitch], end = Math.min(off, on + longest);
      if (end <= from) continue;
      const missed = Math.max(from - on, 0), at = when + on + missed - from, stop = when + end - from;
      const source = ctx.createBufferSource(), envelope = ctx.createGain();
      source.buffer = sound.buffer;
      envelope.gain.setValueAtTime(0, at);
      envelope.gain.linearRampToValueAtTime(sound.gain * level, Math.min(at + (missed ? CROSS : 0.003), stop));
      envelope.gain.setValueAtTime(sound.gain * level, stop);
      envelope.gain.linearRampToValueAtTime(0, stop + RELEASE);
      source.connect(envelope).connect(group);
      source.start(at, start + sound.late + missed);
      source.stop(stop + RELEASE);
      sources.push(source);
    }
    return at => {
      group.gain.setValueAtTime(1, at);
      group.gain.linearRampToValueAtTime(0, at + CROSS);
      sources.forEach(s => s.stop(at + CROSS)); // those that have not begun never will
    };
  }

  // A take as a MIDI file of one track, in base64.
  function midi(data, notes) {
    const two = n => [n >> 8, n & 255], four = n => [...two(n >>> 16), ...two(n & 65535)];
    const days = n => { const b = [n & 127]; while ((n >>= 7)) b.unshift((n & 127) | 128); return b; }; // seven bits a byte, all but the last marked
    const events = [[0, 0, [255, 81, 3, ...four(Math.round(6e7 / data.tempo)).slice(1)]]];
    if (data.meter) events.push([0, 0, [255, 88, 4, data.meter[0], Math.log2(data.meter[1]), 24, 8]]);
    events.push([0, 0, [192, data.program]]);
    for (const [on, dur, pitch, velocity] of notes) events.push([on, 2, [144, pitch, velocity]], [on + dur, 1, [128, pitch, 0]]);
    events.sort((a, b) => a[0] - b[0] || a[1] - b[1]); // at one moment keys go up before they go down
    let before = 0;
    const track = events.flatMap(([at, , bytes]) => { const wait = days(at - before); before = at; return [...wait, ...bytes]; });
    track.push(0, 255, 47, 0);
    const head = [77, 84, 104, 100, 0, 0, 0, 6, 0, 0, 0, 1, ...two(data.ticks), 77, 84, 114, 107, ...four(track.length)];
    return btoa([...head, ...track].map(b => String.fromCharCode(b)).join(""));
  }

  window.ftPadSound = { listen, lay, midi };
})();
