// How the page sounds: notes as oscillators. It knows nothing of pages; `lay` is the same for the loudspeaker and for the memory of a test.
(ft => {
  const PARTIALS = [0, 1, 0.42, 0.24, 0.1, 0.06], LEVEL = 0.22, ATTACK = 0.008, RELEASE = 0.06, CROSS = 0.03;
  let context = null; // one for the page, made at the first touch: before that, browsers let none sound

  // To be called within a tap or a key press: phones let a context sound only if it is made, and resumed, in there.
  function wake() {
    context ||= new AudioContext();
    if (context.state !== "running") context.resume();
    return context;
  }

  // Lay out notes in seconds from a moment `from` on, to be heard from `when` on. Gives back how to take them off again.
  function lay(ctx, notes, from, when) {
    const group = ctx.createGain(), wave = ctx.createPeriodicWave(new Float32Array(PARTIALS.length), Float32Array.from(PARTIALS)), sources = [];
    group.connect(ctx.destination);
    for (const { onset, duration, pitch } of notes) {
      if (onset + duration <= from) continue;
      const at = when + Math.max(onset - from, 0), stop = when + onset + duration - from, tone = ctx.createOscillator(), envelope = ctx.createGain();
      tone.setPeriodicWave(wave);
      tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
      envelope.gain.setValueAtTime(0, at);
      envelope.gain.linearRampToValueAtTime(LEVEL, Math.min(at + ATTACK, stop));
      envelope.gain.setTargetAtTime(LEVEL / 3, Math.min(at + ATTACK, stop), 0.5); // it dies away like a string
      envelope.gain.setTargetAtTime(0, Math.max(stop - RELEASE / 2, at + ATTACK), RELEASE / 4);
      tone.connect(envelope).connect(group);
      tone.start(at);
      tone.stop(stop + RELEASE);
      sources.push(tone);
    }
    return at => {
      group.gain.setValueAtTime(1, at);
      group.gain.linearRampToValueAtTime(0, at + CROSS);
      sources.forEach(tone => tone.stop(at + CROSS));
    };
  }

  // What plays goes round and round until it is stopped, and can change its notes while it plays. `tick` gets the place, from 0 to 1, or null.
  function player(tick) {
    const AHEAD = 1.5; // the next round is laid out this early, since timers of a page in the background are slow
    let music = null, cuts = [], began = 0, origin = 0, frame = 0, timer = 0;
    const on = () => cuts.length > 0;
    const place = () => ((Math.max(context.currentTime, began) - origin) / music.length) % 1;
    function start(share) {
      began = context.currentTime + 0.03;
      origin = began - share * music.length;
      round(share * music.length, began);
    }
    function round(from, when) {
      cuts = [...cuts.slice(-1), lay(context, music.notes, from, when)];
      const end = when + music.length - from;
      timer = setTimeout(() => {
        if (end < context.currentTime) start(0); // the page was asleep
        else round(0, end);
      }, 1000 * Math.max(end - AHEAD - context.currentTime, 0));
    }
    function hush() {
      clearTimeout(timer);
      cuts.forEach(cut => cut(context.currentTime));
      cuts = [];
    }
    function draw() {
      tick(place());
      frame = requestAnimationFrame(draw);
    }
    return {
      on,
      play(what, share = 0) {
        wake();
        hush();
        music = what;
        start(share);
        cancelAnimationFrame(frame);
        draw();
      },
      change(what) { // the same place of other notes
        if (!on()) return;
        const share = place();
        hush();
        music = what;
        start(share);
      },
      stop() {
        if (!on()) return;
        hush();
        cancelAnimationFrame(frame);
        tick(null);
      },
    };
  }

  // A grid as notes in seconds.
  function heard(tokens, bpm) {
    const beat = 60 / bpm, notes = ft.decode(tokens).map(n => ({ ...n, onset: n.onset * beat, duration: n.duration * beat }));
    return { notes, length: (tokens.length / 4) * beat };
  }

  Object.assign(ft, { wake, lay, player, heard, soundState: () => context && context.state });
})(window.ftFuse);
