// The player's behaviour: it turns a static figure (pictures and <audio> elements, which work without any script)
// into a piano roll with a playhead, takes under one clock, and keys. No library, no network, no global names kept
// but one guard, so that twenty players on a page share one observer.
(() => {
  if (window.ftPlayers) return window.ftPlayers.scan();
  const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
  const clock = s => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
  const make = (tag, cls, attrs = {}) => {
    const e = document.createElement(tag);
    e.className = cls;
    for (const k in attrs) e.setAttribute(k, attrs[k]);
    return e;
  };

  // Pages have many ways of being dark; the colour behind the player is the one that counts.
  function isDark(element) {
    for (let e = element.parentElement; e; e = e.parentElement) {
      const [r, g, b, a = 1] = (getComputedStyle(e).backgroundColor.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
      if (a > 0.5) return 0.3 * r + 0.6 * g + 0.1 * b < 110;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // On dark paper a colour needs more light.
  const lighter = hex => "#" + hex.slice(1).match(/../g).map(c => Math.round(parseInt(c, 16) * 0.6 + 102).toString(16).padStart(2, "0")).join("");

  const players = new WeakMap(); // each live figure and what the page has to do with it; never written into the page, which may be saved
  const live = new Set(); // those of them that are on the page now

  function upgrade(figure) {
    const files = [...figure.querySelectorAll(".ft-midi")];
    figure.querySelectorAll(".ft-tabs, .ft-roll, .ft-bar").forEach(e => e.remove()); // from a page that was saved while they lived
    const data = JSON.parse(figure.dataset.ft);
    const takes = data.takes;
    const audios = [...figure.querySelectorAll("audio")];
    const pictures = [...figure.querySelectorAll("img")];
    const length = Math.max(...takes.map(t => t.seconds));
    const pitches = takes.flatMap(t => t.notes.map(n => n[2]));
    const low = Math.min(...pitches) - 2, high = Math.max(...pitches) + 2;
    let current = 0, frame = 0, loop = false;

    const tabs = make("div", "ft-tabs", { role: "radiogroup", "aria-label": "Takes" });
    const buttons = takes.map((take, i) => {
      const b = make("button", "ft-tab", { type: "button", role: "radio", title: takes.length > 1 ? "Key " + (i + 1) : "" });
      if (i < 9) b.setAttribute("aria-keyshortcuts", i + 1);
      b.textContent = take.label;
      b.style.setProperty("--ft-take", take.colour);
      b.onclick = () => { choose(i); b.focus({ preventScroll: true }); }; // not every browser focuses what is clicked
      tabs.append(b);
      return b;
    });
    const roll = make("div", "ft-roll", { tabindex: 0, role: "slider", "aria-label": "Position in " + data.title, "aria-valuemin": 0 });
    const canvas = make("canvas", "ft-canvas");
    const head = make("div", "ft-head");
    roll.append(canvas, head);
    const bar = make("div", "ft-bar");
    const play = make("button", "ft-play", { type: "button" });
    const time = make("span", "ft-time");
    const again = make("button", "ft-loop", { type: "button", "aria-pressed": "false", title: "Repeat (key L)" });
    again.textContent = "↻ loop";
    bar.append(play, time, again, ...files);
    const now = () => audios[current].currentTime;
    const playing = () => !audios[current].paused && !audios[current].ended;

    function label() {
      play.setAttribute("aria-label", (playing() ? "Pause " : "Play ") + takes[current].label);
      play.title = (playing() ? "Pause" : "Play") + " (space)";
      play.textContent = playing() ? "❚❚" : "▶";
      buttons.forEach((b, i) => {
        b.setAttribute("aria-checked", i === current); // the arrow keys seek, here too: each take is reached with the Tab key
      });
      figure.querySelectorAll(".ft-midi").forEach((a, i) => { a.hidden = i !== current; });
    }

    function position() {
      const t = Math.min(now(), length);
      head.style.left = (100 * t) / length + "%";
      time.textContent = clock(t) + " / " + clock(length);
      roll.setAttribute("aria-valuemax", length.toFixed(2));
      roll.setAttribute("aria-valuenow", t.toFixed(2));
      roll.setAttribute("aria-valuetext", t.toFixed(1) + " of " + length.toFixed(1) + " seconds, " + takes[current].label);
    }

    function draw() {
      const w = roll.clientWidth, h = roll.clientHeight, ratio = window.devicePixelRatio || 1;
      if (!w || !h) return;
      if (canvas.width !== Math.round(w * ratio)) { canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio); }
      const g = canvas.getContext("2d"), dark = figure.classList.contains("ft-dark"), take = takes[current];
      g.setTransform(ratio, 0, 0, ratio, 0, 0);
      g.clearRect(0, 0, w, h);
      const x = s => (s / length) * w;
      if (!take.notes.length) { // a recording: its picture is a spectrogram
        const p = pictures[current];
        if (p.complete && p.naturalWidth) g.drawImage(p, 0, 0, x(take.seconds), h);
        else p.onload = draw;
        return;
      }
      const row = h / (high - low + 1), y = p => (high - p) * row;
      for (let p = low; p <= high; p++) { // the black keys' rows are shaded, as on every piano roll
        if ([1, 3, 6, 8, 10].includes(((p % 12) + 12) % 12)) { g.fillStyle = dark ? "#ffffff0a" : "#0000000a"; g.fillRect(0, y(p), w, row); }
        if (p % 12 === 0) { g.fillStyle = dark ? "#ffffff30" : "#00000026"; g.fillRect(0, y(p) + row - 0.5, w, 1); }
      }
      g.fillStyle = dark ? "#ffffff24" : "#0000001c";
      take.bars.forEach(s => g.fillRect(x(s), 0, 1, h));
      const t = now();
      for (const [on, dur, p, v] of take.notes) {
        const sounding = t >= on && t < on + dur && (t > 0 || playing());
        g.globalAlpha = sounding ? 1 : 0.45 + (0.45 * v) / 127;
        g.fillStyle = sounding ? (dark ? "#ffffff" : "#111111") : dark ? lighter(take.colour) : take.colour;
        const left = x(on), width = Math.max(x(dur) - 1, 1.5), tall = Math.max(row - 1, 2);
        g.beginPath();
        g.roundRect ? g.roundRect(left, y(p), width, tall, Math.min(2, width / 3)) : g.rect(left, y(p), width, tall);
        g.fill();
      }
      g.globalAlpha = 1;
      g.font = "10px system-ui, sans-serif";
      g.fillStyle = dark ? "#ffffffd0" : "#000000c0";
      g.strokeStyle = dark ? "#14181c" : "#ffffff"; // a rim, so that a name is read over a note
      g.lineWidth = 3;
      for (let p = low; p <= high; p++) {
        if (p % 12) continue;
        const at = [NAMES[0] + (p / 12 - 1), 3, Math.min(y(p) - 2 + row, h - 2)];
        g.strokeText(...at);
        g.fillText(...at);
      }
    }

    function tick() {
      position();
      draw();
      frame = playing() ? requestAnimationFrame(tick) : 0;
    }

    function start() {
      document.dispatchEvent(new CustomEvent("ft-play", { detail: figure })); // all others fall silent
      if (now() >= takes[current].seconds - 0.05) audios[current].currentTime = 0;
      audios[current].play().catch(() => label());
    }
    function stop() { audios.forEach(a => a.pause()); }
    function seek(s) {
      audios[current].currentTime = Math.max(0, Math.min(s, takes[current].seconds - 0.01));
      position();
      draw();
    }
    function choose(i) { // the clock goes on: another take is heard from the same moment
      if (i < 0 || i >= takes.length) return;
      const t = now(), on = playing();
      stop();
      current = i;
      seek(t);
      if (on) start();
      label();
    }
    function toggleLoop() {
      loop = !loop;
      again.setAttribute("aria-pressed", loop);
      again.classList.toggle("ft-on", loop);
    }

    play.onclick = () => (playing() ? stop() : start());
    again.onclick = toggleLoop;
    audios.forEach((a, i) => {
      a.controls = false;
      a.onplay = a.onpause = () => { label(); if (!frame) tick(); };
      a.onended = () => { if (i === current && loop) { a.currentTime = 0; start(); } else { label(); position(); draw(); } };
      a.onseeked = () => { if (i === current) { position(); draw(); } };
    });
    const at = e => { const r = roll.getBoundingClientRect(); seek(((e.clientX - r.left) / r.width) * length); };
    roll.onpointerdown = e => { roll.focus({ preventScroll: true }); roll.setPointerCapture(e.pointerId); at(e); };
    roll.onpointermove = e => { if (e.buttons) at(e); };
    figure.addEventListener("keydown", e => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const step = e.shiftKey ? 5 : 1, chosen = e.target === buttons[current];
      if (e.key === " ") { if (/^(BUTTON|A)$/.test(e.target.tagName) && !chosen) { e.stopPropagation(); return; } playing() ? stop() : start(); }
      else if (e.key === "ArrowRight" || e.key === "ArrowLeft") seek(now() + (e.key === "ArrowRight" ? step : -step));
      else if (e.key === "Home") seek(0);
      else if (e.key === "End") seek(length);
      else if (e.key === "l" || e.key === "L") toggleLoop();
      else if (e.key >= "1" && e.key <= "9" && +e.key <= takes.length) choose(+e.key - 1);
      else return;
      e.preventDefault();
      e.stopPropagation(); // a notebook has keys of its own
    });
    const shade = () => { figure.classList.toggle("ft-dark", isDark(figure)); draw(); };
    const size = new ResizeObserver(() => { canvas.width = 0; draw(); });
    players.set(figure, { stop, shade, appear: () => { size.observe(roll); shade(); }, vanish: () => { stop(); size.disconnect(); } });
    figure.classList.add("ft-live");
    tabs.hidden = takes.length < 2; // one take needs no choice: the caption names it
    figure.querySelector(".ft-body").append(tabs, roll, bar);
    label();
    position();
  }

  // The script stands last in its figure: where it is there, the parser has seen all that stands before it.
  // A figure that left the page is let go, and taken up again if it returns, as cells do that scroll out of a notebook and back.
  function scan() {
    for (const f of live) if (!f.isConnected) { live.delete(f); players.get(f).vanish(); }
    for (const f of document.querySelectorAll("figure.ft-player")) {
      if (live.has(f) || !f.querySelector("script")) continue;
      if (!players.has(f)) upgrade(f);
      live.add(f);
      players.get(f).appear();
    }
  }
  window.ftPlayers = { scan, count: () => live.size };
  document.addEventListener("ft-play", e => live.forEach(f => f !== e.detail && players.get(f).stop()));
  const shades = new MutationObserver(() => live.forEach(f => players.get(f).shade()));
  for (const e of [document.documentElement, document.body]) shades.observe(e, { attributes: true });
  new MutationObserver(scan).observe(document.documentElement, { childList: true, subtree: true });
  scan();
})();
