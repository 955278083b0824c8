// The pad's behaviour: a plane of takes with a dot on it, a piano roll, and the clock that all takes share. How a take sounds: see pad_sound.js.
// No library, no network, one global name: `ftPads`, for the page and for tests.
(() => {
  if (window.ftPads) return window.ftPads.scan();
  if (!window.AudioContext || !window.OfflineAudioContext) return; // the pictures and their <audio> stay
  const { listen, lay, midi } = window.ftPadSound;
  const AHEAD = 1.5; // the next round of a loop is laid out this early, since timers of a page in the background are slow
  const clock = s => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
  const make = (tag, cls, attrs = {}, text = "") => {
    const e = document.createElement(tag);
    e.className = cls;
    for (const k in attrs) e.setAttribute(k, attrs[k]);
    e.textContent = text;
    return e;
  };

  // Pages have many ways of being dark; the colour behind the pad is the one that counts.
  function isDark(element) {
    for (let e = element.parentElement; e; e = e.parentElement) {
      const [r, g, b, a = 1] = (getComputedStyle(e).backgroundColor.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
      if (a > 0.5) return 0.3 * r + 0.6 * g + 0.1 * b < 110;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }
  // A colour as three numbers; on dark paper it needs more light.
  const bright = (hex, dark) => hex.slice(1).match(/../g).map(c => parseInt(c, 16) * (dark ? 0.6 : 1) + (dark ? 102 : 0));
  const mix = (a, b, t) => a.map((c, i) => c + (b[i] - c) * t);
  const css = numbers => "rgb(" + numbers.map(Math.round).join(",") + ")";

  // A canvas as sharp as the screen, cleared; nothing while its place has no size.
  function sheet(canvas) {
    const w = canvas.parentElement.clientWidth, h = canvas.parentElement.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!w || !h) return null;
    const size = [Math.round(w * ratio), Math.round(h * ratio)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, h);
    return [g, w, h];
  }

  let context = null; // one for the page, made at the first touch: before that, browsers let none sound

  const pads = new WeakMap(); // each live figure and what the page has to do with it; never written into the page, which may be saved
  const live = new Set();

  function upgrade(figure) {
    figure.querySelectorAll(".ft-pad-live").forEach(e => e.remove()); // from a page that was saved while it lived
    figure.querySelectorAll("audio").forEach(a => a.pause());
    const data = JSON.parse(figure.dataset.ft), { n, corners, cells, labels, inputs } = data;
    const sprite = { ...data.sprite, mp3: figure.dataset.ftSound };
    const second = 60 / data.tempo / data.ticks, length = data.length * second;
    const takes = data.takes.map(flat => {
      const rows = [];
      for (let i = 0; i < flat.length; i += data.stride) rows.push([...flat.slice(i, i + 3), data.stride > 3 ? flat[i + 3] : data.velocity]);
      return rows;
    });
    const heard = takes.map(t => t.map(([on, dur, p, v]) => [on * second, (on + dur) * second, p, (v / data.velocity) ** 1.6]));
    const pitches = takes.flatMap(t => t.map(r => r[2]));
    const low = Math.min(...pitches) - 2, high = Math.max(...pitches) + 2;
    let row = n >> 1, column = n >> 1, layer = 0, input = -1; // what is chosen: a cell of a layer, or one of the inputs
    let on = false, turn = 0, origin = null, position = 0, loop = true, sound = null, cut = null, next = null, frame = 0, timer = 0, telling = 0;
    let hint = "Click or drag in the plane. ";

    const take = () => (input < 0 ? cells[layer][row * n + column] : inputs[input].take);
    const said = () => (input < 0 ? "row " + (row + 1) + ", column " + (column + 1) : inputs[input].label);
    const now = () => (origin === null ? position : Math.min(Math.max(context.currentTime - origin, 0), length));

    // What stands on the page
    const main = make("div", "ft-pad-live ft-pad-main"), left = make("div", "ft-pad-left"), right = make("div", "ft-pad-right");
    const ends = [0, 2].map(c => {
      const line = make("div", "ft-pad-ends", { "aria-hidden": "true" });
      for (const k of [c, c + 1]) line.append(make("span", "", {}, corners[k]));
      return line;
    });
    const plane = make("div", "ft-pad-plane", {
      tabindex: 0, role: "slider", "aria-roledescription": "plane", "aria-valuemin": 1, "aria-valuemax": n * n,
      "aria-label": "Plane between " + corners.join(", "),
    });
    const field = make("canvas", "ft-pad-canvas"), dot = make("div", "ft-pad-dot");
    plane.append(field, dot);
    left.append(ends[0], plane, ends[1]);
    const legend = make("div", "ft-pad-legend"), scale = make("i", "", { "aria-hidden": "true" });
    if (data.values) {
      const range = data.range.map(v => make("span", "", {}, String(+v.toPrecision(2))));
      legend.append(make("span", "ft-pad-name", {}, data.value_name), range[0], scale, range[1]);
      left.append(legend);
    }
    const roll = make("div", "ft-pad-roll", {
      tabindex: 0, role: "slider", "aria-label": "Position in " + data.title, "aria-valuemin": 0, "aria-valuemax": length.toFixed(2),
    });
    const canvas = make("canvas", "ft-pad-canvas"), head = make("div", "ft-pad-head");
    roll.append(canvas, head);
    const status = make("p", "ft-pad-status", { role: "status", "aria-live": "polite" });
    const bar = make("div", "ft-pad-bar");
    const play = make("button", "ft-pad-play", { type: "button" }), time = make("span", "ft-pad-time");
    const sources = inputs.map((one, k) => {
      const b = make("button", "ft-pad-input", { type: "button", title: "Hear it, and again: back to the plane" }, one.label);
      b.onclick = () => choose({ input: input === k ? -1 : k });
      return b;
    });
    const again = make("button", "ft-pad-loop", { type: "button", title: "Repeat (key L)" }, "↻ loop");
    const file = make("a", "ft-pad-midi", { title: "Save these notes as a MIDI file" }, "↓ MIDI");
    const last = make("span", "ft-pad-last");
    last.append(again, file);
    bar.append(play, time, ...sources, last);
    const knob = make("input", "", { type: "range", min: 0, max: labels.length - 1, step: 1, value: 0, "aria-label": data.slider });
    const mark = make("output", "");
    if (labels.length > 1) {
      const line = make("label", "ft-pad-slider");
      line.append(make("span", "", {}, data.slider), knob, mark);
      right.append(line);
    }
    right.append(roll, status, bar);
    main.append(left, right);

    function label() {
      play.setAttribute("aria-label", (on ? "Pause " : "Play ") + said());
      play.title = (on ? "Pause" : "Play") + " (space)";
      play.textContent = on ? "❚❚" : "▶";
      again.setAttribute("aria-pressed", loop);
      again.classList.toggle("ft-pad-on", loop);
      sources.forEach((b, k) => { b.setAttribute("aria-pressed", k === input); b.classList.toggle("ft-pad-on", k === input); });
    }

    function show() {
      const id = take(), rows = takes[id], twins = cells[layer].filter(c => c === id).length;
      const corner = { "0,0": 0, ["0," + (n - 1)]: 1, [n - 1 + ",0"]: 2, [n - 1 + "," + (n - 1)]: 3 }[row + "," + column];
      const count = rows.length === 1 ? "1 note" : (rows.length || "no") + " notes";
      let words = inputs[input]?.label + " · " + count;
      if (input < 0) {
        const value = data.values && data.values[layer][row * n + column];
        words = (corner === undefined ? "" : "Corner " + corners[corner] + " · ") + "row " + (row + 1) + ", column " + (column + 1) + " of " + n +
          (labels.length > 1 ? " · " + data.slider + " " + labels[layer] : "") + " · " + count +
          (data.values ? " · " + data.value_name + " " + +value.toPrecision(3) : "") + (twins > 1 ? " · the same melody in " + twins + " cells" : "");
        words = words[0].toUpperCase() + words.slice(1);
      }
      clearTimeout(telling);
      telling = setTimeout(() => { status.textContent = hint + words; }, status.textContent ? 120 : 0); // a dragged dot is told of where it rests
      plane.dataset.cell = row + "," + column;
      plane.dataset.take = id;
      plane.dataset.layer = layer;
      plane.setAttribute("aria-valuenow", row * n + column + 1);
      plane.setAttribute("aria-valuetext", "row " + (row + 1) + ", column " + (column + 1) + " of " + n);
      dot.style.left = (100 * (column + 0.5)) / n + "%";
      dot.style.top = (100 * (row + 0.5)) / n + "%";
      dot.hidden = input >= 0;
      knob.value = layer;
      mark.textContent = labels[layer];
      knob.setAttribute("aria-valuetext", labels[layer]);
      const part = input < 0 ? [labels.length > 1 ? labels[layer] : "", row + 1, column + 1] : [inputs[input].label];
      file.download = [data.title, ...part].join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") + ".mid";
      file.hidden = !rows.length;
      file.href = "data:audio/midi;base64," + midi(data, rows);
      label();
      paint();
      draw();
    }

    function paint() {
      const drawn = sheet(field);
      if (!drawn) return;
      const [g, w, h] = drawn, dark = figure.classList.contains("ft-pad-dark"), own = take(), ids = cells[layer];
      const x = j => Math.round((j * w) / n), y = i => Math.round((i * h) / n);
      const ink = dark ? "#ffffffb0" : "#000000a0", ramp = shades();
      const line = (colour, thick, differ) => { // along every edge between two cells of which this can be said
        g.fillStyle = colour;
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) {
            if (j && differ(ids[i * n + j], ids[i * n + j - 1])) g.fillRect(x(j) - thick / 2, y(i) - thick / 2, thick, y(i + 1) - y(i) + thick);
            if (i && differ(ids[i * n + j], ids[i * n + j - n])) g.fillRect(x(j) - thick / 2, y(i) - thick / 2, x(j + 1) - x(j) + thick, thick);
          }
      };
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const [from, to] = data.values ? data.range : [0, 1], v = data.values ? data.values[layer][i * n + j] : 0.3;
          g.fillStyle = css(mix(...ramp, to > from ? (v - from) / (to - from) : 0.5));
          g.fillRect(x(j), y(i), x(j + 1) - x(j), y(i + 1) - y(i));
        }
      line(ink, 1, (a, b) => a !== b);
      if (input < 0) line(dark ? "#ffffff" : "#000000", 3, (a, b) => a !== b && (a === own || b === own));
    }

    function shades() { // the colours of the least and the greatest value
      const dark = figure.classList.contains("ft-pad-dark"), ground = dark ? [20, 24, 28] : [255, 255, 255], top = bright(data.colour, dark);
      return [mix(ground, top, 0.1), top];
    }

    function draw() {
      const t = now();
      head.style.left = (100 * t) / length + "%";
      time.textContent = clock(t) + " / " + clock(length);
      roll.setAttribute("aria-valuenow", t.toFixed(2));
      roll.setAttribute("aria-valuetext", t.toFixed(1) + " of " + length.toFixed(1) + " seconds, " + said());
      const drawn = sheet(canvas);
      if (!drawn) return;
      const [g, w, h] = drawn, dark = figure.classList.contains("ft-pad-dark"), ground = dark ? "#14181c" : "#ffffff";
      const x = s => (s / length) * w, tall = h / (high - low + 1), y = p => (high - p) * tall;
      for (let p = low; p <= high; p++) { // the black keys' rows are shaded, as on every piano roll
        if ([1, 3, 6, 8, 10].includes(p % 12)) { g.fillStyle = dark ? "#ffffff0a" : "#0000000a"; g.fillRect(0, y(p), w, tall); }
        if (p % 12 === 0) { g.fillStyle = dark ? "#ffffff30" : "#00000026"; g.fillRect(0, y(p) + tall - 0.5, w, 1); }
      }
      g.fillStyle = dark ? "#ffffff24" : "#0000001c";
      data.bars.forEach(b => g.fillRect(x(b * second), 0, 1, h));
      const ink = css(bright(input < 0 ? data.colour : inputs[input].colour, dark));
      for (const [start, stop, p, level] of heard[take()]) {
        const sounding = t >= start && t < stop && (on || t > 0);
        g.globalAlpha = sounding ? 1 : Math.min(0.85, 0.5 + 0.35 * level);
        g.fillStyle = sounding ? (dark ? "#ffffff" : "#111111") : ink;
        const at = x(start), wide = Math.max(x(stop - start) - 1, 1.5);
        g.beginPath();
        g.roundRect ? g.roundRect(at, y(p), wide, Math.max(tall - 1, 2), Math.min(2, wide / 3)) : g.rect(at, y(p), wide, Math.max(tall - 1, 2));
        g.fill();
      }
      g.globalAlpha = 1;
      g.font = "10px system-ui, sans-serif";
      g.fillStyle = dark ? "#ffffffd0" : "#000000c0";
      g.strokeStyle = ground; // a rim, so that a name is read over a note
      g.lineWidth = 3;
      for (let p = low; p <= high; p++) {
        if (p % 12) continue;
        const at = ["C" + (p / 12 - 1), 3, Math.min(y(p) - 2 + tall, h - 2)];
        g.strokeText(...at);
        g.fillText(...at);
      }
    }

    // What is heard
    function off(at) {
      [cut, next].forEach(f => f && f(at));
      cut = next = null;
    }

    function place(at) { // sound from here on, on the clock that runs
      off(at);
      cut = lay(context, sound, heard[take()], at - origin, at);
    }

    function beat() { // a few times a second: the next round, or the end
      if (origin === null) return;
      const left = origin + length - context.currentTime;
      const late = Math.max(0, 0.01 - left); // if the page was asleep
      if (loop && !next && left < AHEAD) next = lay(context, sound, heard[take()], late, origin + length + late);
      if (!loop && next) { next(context.currentTime); next = null; }
      if (left > 0) return;
      if (!loop) { cut = null; stop(); position = 0; draw(); return; }
      origin += length;
      [cut, next] = [next, null];
    }

    function tick() {
      beat();
      draw();
      frame = on ? requestAnimationFrame(tick) : 0;
    }

    async function start() {
      document.dispatchEvent(new CustomEvent("ft-play", { detail: figure })); // all others fall silent
      const mine = ++turn;
      on = true;
      label();
      context ||= new AudioContext();
      context.resume();
      try {
        sound ||= await listen(sprite, context);
      } catch (error) {
        on = false;
        status.textContent = "This browser cannot decode the sound: " + error.message;
        return label();
      }
      if (mine !== turn) return; // stopped, or started once more, while the sound was decoded
      const at = context.currentTime + 0.02;
      origin = at - (position < length - 0.05 ? position : 0);
      place(at);
      clearInterval(timer);
      timer = setInterval(beat, 250);
      if (!frame) tick();
    }

    function stop() {
      if (!on) return;
      position = now();
      turn++;
      on = false;
      if (origin !== null) off(context.currentTime);
      origin = null;
      clearInterval(timer);
      label();
      draw();
    }

    function seek(s) {
      position = Math.max(0, Math.min(s, length - 0.01));
      if (origin !== null) { const at = context.currentTime + 0.01; origin = at - position; place(at); }
      draw();
    }

    // The clock goes on: another take is heard from the same moment.
    function choose(to) {
      const before = take();
      hint = "";
      const inside = v => Math.max(0, Math.min(v, n - 1));
      row = inside(to.row ?? row);
      column = inside(to.column ?? column);
      layer = Math.max(0, Math.min(to.layer ?? layer, labels.length - 1));
      input = to.input ?? -1;
      show();
      if (origin !== null && take() !== before) place(context.currentTime + 0.01);
    }
    function toggleLoop() { loop = !loop; label(); }

    play.onclick = () => (on ? stop() : start());
    again.onclick = toggleLoop;
    knob.oninput = () => choose({ layer: +knob.value });
    const pick = e => {
      const r = plane.getBoundingClientRect();
      const to = { row: Math.floor(((e.clientY - r.top) / r.height) * n), column: Math.floor(((e.clientX - r.left) / r.width) * n) };
      if (to.row !== row || to.column !== column || input >= 0) choose(to);
    };
    plane.onpointerdown = e => {
      if (e.button) return;
      plane.focus({ preventScroll: true });
      plane.setPointerCapture(e.pointerId);
      pick(e);
      if (!on) start();
    };
    plane.onpointermove = e => { if (e.buttons & 1) pick(e); };
    plane.onpointerup = () => { if (on && context) context.resume(); }; // a finger counts as a wish to hear only when it is lifted
    const at = e => { const r = roll.getBoundingClientRect(); seek(((e.clientX - r.left) / r.width) * length); };
    roll.onpointerdown = e => { roll.focus({ preventScroll: true }); roll.setPointerCapture(e.pointerId); at(e); };
    roll.onpointermove = e => { if (e.buttons) at(e); };
    main.addEventListener("keydown", e => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.key === "Tab") return;
      e.stopPropagation(); // a notebook has keys of its own
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
      const jump = { 1: [0, 0], 2: [0, n - 1], 3: [n - 1, 0], 4: [n - 1, n - 1], 5: [n >> 1, n >> 1] }[e.key];
      if (e.key === " ") { if (/^(BUTTON|A)$/.test(e.target.tagName)) return; on ? stop() : start(); }
      else if (way && e.target === knob) return;
      else if (way && e.target === roll) seek(now() + (way[1] - way[0]) * (e.shiftKey ? 5 : 1));
      else if (way) choose({ row: row + way[0], column: column + way[1] });
      else if (jump) choose({ row: jump[0], column: jump[1] });
      else if (e.target === roll && e.key === "Home") seek(0);
      else if (e.target === roll && e.key === "End") seek(length);
      else if (e.key === "l" || e.key === "L") toggleLoop();
      else return;
      e.preventDefault();
    });

    const shade = () => {
      figure.classList.toggle("ft-pad-dark", isDark(figure));
      scale.style.background = "linear-gradient(90deg," + shades().map(css).join(",") + ")";
      paint();
      draw();
    };
    const size = new ResizeObserver(() => { paint(); draw(); });
    pads.set(figure, {
      stop,
      shade,
      appear: () => { size.observe(roll); size.observe(plane); shade(); },
      vanish: () => { stop(); size.disconnect(); sound = null; },
      render: async (i, j, k = 0) => {
        const rate = 44100, memory = new OfflineAudioContext(1, Math.ceil((length + 0.5) * rate), rate);
        lay(memory, await listen(sprite, memory), heard[cells[k][i * n + j]], 0, 0);
        return (await memory.startRendering()).getChannelData(0);
      },
    });
    figure.classList.add("ft-pad-awake");
    figure.querySelector(".ft-pad-body").append(main);
    show();
  }

  // The script stands last in its figure: where it is there, the parser has seen all that stands before it.
  function scan() {
    for (const f of live) if (!f.isConnected) { live.delete(f); pads.get(f).vanish(); }
    for (const f of document.querySelectorAll("figure.ft-pad")) {
      if (live.has(f) || !f.querySelector("script")) continue;
      if (!pads.has(f)) upgrade(f);
      live.add(f);
      pads.get(f).appear();
    }
  }
  // What would be heard of a cell (row, column, and layer where there is a slider): a promise of its samples, mono, 44,100 a second.
  const render = (figure, i, j, k) => pads.get(figure).render(i, j, k);
  window.ftPads = { scan, render, count: () => live.size };
  document.addEventListener("ft-play", e => live.forEach(f => f !== e.detail && pads.get(f).stop()));
  const shades = new MutationObserver(() => live.forEach(f => pads.get(f).shade()));
  for (const e of [document.documentElement, document.body]) shades.observe(e, { attributes: true });
  new MutationObserver(scan).observe(document.documentElement, { childList: true, subtree: true });
  scan();
})();
