// Piano rolls on the page, drawn; nothing is listened to or decided here.
(ft => {
  // Pages have many ways of being dark; the colour behind an element is the one that counts.
  function isDark(element) {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = (getComputedStyle(e).backgroundColor.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
      if (a > 0.5) return 0.3 * r + 0.6 * g + 0.1 * b < 110;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }
  // On dark paper a colour needs more light.
  const lit = (hex, dark) => "rgb(" + hex.slice(1).match(/../g).map(c => Math.round(parseInt(c, 16) * (dark ? 0.6 : 1) + (dark ? 102 : 0))) + ")";

  // A canvas as sharp as the screen, cleared; nothing while its place has no size.
  function sheet(canvas) {
    const { clientWidth: w, clientHeight: h } = canvas.parentElement, ratio = window.devicePixelRatio || 1;
    if (!w || !h) return null;
    [canvas.width, canvas.height] = [Math.round(w * ratio), Math.round(h * ratio)];
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    return [g, w, h];
  }

  // Notes between two beats, with lines at some beats; `hue` gives each note its colour. `window` is what is chosen: [first, last] in beats.
  function roll(canvas, { notes, from, to, lines, hue, chosen = null }) {
    const drawn = sheet(canvas);
    if (!drawn) return;
    const [g, w, h] = drawn, dark = isDark(canvas.parentElement), x = beat => ((beat - from) / (to - from)) * w;
    const pitches = notes.map(n => n.pitch), low = ft.least(pitches.concat(60)) - 2, high = ft.most(pitches.concat(67)) + 2;
    const row = h / (high - low + 1);
    g.fillStyle = dark ? "#ffffff26" : "#0000001c";
    if (lines.length < w / 4) lines.forEach(beat => g.fillRect(Math.round(x(beat)), 0, 1, h)); // more would be a grey field
    for (const n of notes) {
      g.globalAlpha = chosen && (n.onset < chosen[0] - 1e-6 || n.onset >= chosen[1] - 1e-6) ? 0.45 : 1;
      g.fillStyle = lit(hue(n), dark);
      g.fillRect(x(n.onset), (high - n.pitch) * row, Math.max(x(n.onset + n.duration) - x(n.onset) - 0.5, 1), Math.max(row - 0.5, 2));
    }
    g.globalAlpha = 1;
    if (!chosen) return;
    const [a, b] = chosen.map(x), wide = Math.max(b - a, 6);
    g.fillStyle = dark ? "#ffffff22" : "#00000012";
    g.fillRect(a, 0, wide, h);
    g.strokeStyle = dark ? "#fff" : "#222";
    g.lineWidth = 2;
    g.strokeRect(Math.min(Math.max(a, 1), w - wide - 1), 1, wide, h - 2);
  }

  Object.assign(ft, { roll, isDark });
})(window.ftFuse);
