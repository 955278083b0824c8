// "Fuse on the page": what stands there, and what happens when it is touched. The music is read by excerpt.js, fused by network.js, drawn by
// roll.js and played by sound.js. Without scripts the picture and the words in the page stay.
(ft => {
  const root = document.querySelector(".ft-fuse"), folder = new URL(".", document.currentScript.src);
  if (!root || !window.AudioContext) return;
  const { model, tunes } = ft, [leftHue, rightHue, fusedHue] = model.colours, GRID = 20, MOST = 12, BARS = 8;
  const LARGEST = 2_000_000; // bytes of a file, which takes seconds then; the package reads more
  const make = (tag, cls = "", attrs = {}, ...inside) => {
    const e = document.createElement(tag);
    if (cls) e.className = cls;
    for (const k in attrs) e.setAttribute(k, attrs[k]);
    e.append(...inside);
    return e;
  };
  const button = (cls, text, click) => {
    const e = make("button", cls, { type: "button" }, text);
    e.onclick = click;
    return e;
  };
  const base64 = bytes => btoa(ft.latin(bytes)), bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
  const START = { generator: Object.keys(model.generators)[0], x: 0.5, y: 0.5, amount: 1, iterations: 1 };
  let dials = { ...START }, fused = null, heard = "fused";

  // ---- the networks, which are loaded when they are needed first -------------------------

  const net = { config: model.config, numbers: {} }, loads = {};
  function load(name) {
    return loads[name] ||= new Promise((done, failed) => {
      const script = make("script", "", { src: new URL(`weights_${name}.js`, folder) });
      script.onload = () => { Object.assign(net.numbers, ft.unpack(ft.weights[name])); delete ft.weights[name]; done(); };
      script.onerror = () => { delete loads[name]; script.remove(); failed(new Error(`The model did not load: is weights_${name}.js beside the book's other files?`)); };
      document.head.append(script);
    });
  }
  const awake = () => Object.keys(net.numbers).length > 0;

  // ---- one half: a file, its roll, its four bars -----------------------------------------

  function half(name, hue, first) {
    const side = { whole: null, excerpt: null, wanted: null };
    const pick = make("select", "", { "aria-label": `Tune on the ${name}` });
    tunes.forEach(({ title }, i) => pick.append(make("option", "", { value: i }, title)));
    const own = make("option", "", { value: -1, hidden: "" });
    pick.append(own);
    const file = make("input", "", { type: "file", accept: ".mid,.midi,.kar,.rmi,audio/midi", "aria-label": `MIDI file for the ${name}` });
    const canvas = make("canvas"), roll = make("div", "ft-fuse-roll ft-fuse-whole", { tabindex: 0, role: "slider", "aria-label": `Four bars of the ${name} tune` }, canvas);
    const reset = button("", "Reset the bars", () => take(null));
    reset.title = "The four bars that are taken when nobody chooses";
    const fault = make("p", "ft-fuse-fault", { role: "alert" }), words = make("div", "ft-fuse-words", { "aria-live": "polite" });
    const bar = make("div", "ft-fuse-bar", {}, pick, make("label", "ft-fuse-file", {}, file, make("span", "", {}, "or a MIDI file…")), reset);
    side.element = make("section", "ft-fuse-half", { "aria-label": name }, make("p", "ft-fuse-name", {}, name[0].toUpperCase() + name.slice(1)), bar, roll, fault, words);

    // Something may be refused: then what was there stays, and why is said.
    function guarded(what) {
      try {
        what();
        fault.textContent = "";
      } catch (error) {
        if (!error.found) throw error;
        fault.textContent = error.message;
      }
      show();
    }
    function open(bytes, title) {
      const whole = ft.tuneOf(ft.readFile(bytes, title), title), excerpt = ft.excerptOf(whole);
      Object.assign(side, { whole, excerpt, wanted: excerpt.bars[0] });
      update();
    }
    function take(number) {
      guarded(() => {
        side.wanted = number ?? side.wanted; // a bar that cannot be taken can be passed over
        side.excerpt = ft.excerptOf(side.whole, number);
        side.wanted = side.excerpt.bars[0];
        update();
      });
    }
    async function receive(given) {
      fault.textContent = `Reading ${given.name} …`;
      const read = async part => new Uint8Array(await part.arrayBuffer());
      const bytes = await Promise.all([read(given.slice(0, ft.HEAD)), given.size > LARGEST ? null : read(given)]).catch(() => []);
      guarded(() => {
        if (!bytes.length) throw new ft.MusicError("cannot be read", given.name, "check that it is a file, and still there");
        ft.checkHead(bytes[0], given.size, given.name);
        if (!bytes[1]) {
          const found = `${ft.commas(given.size)} bytes, and this page reads ${ft.commas(LARGEST)} at most`;
          throw new ft.MusicError(found, given.name, "choose another file, or take the command: " + ft.words.command);
        }
        open(bytes[1], given.name);
        own.textContent = given.name;
        own.hidden = false;
        pick.value = -1;
      });
      file.value = "";
      begin();
    }
    const numbers = () => side.whole.counted.filter(one => one.start < side.whole.end - ft.NEAR).map(one => one.number);
    const move = by => take(clamp(side.wanted + by, numbers()[0], numbers().at(-1)));
    const edges = () => [Math.min(side.whole.counted[0].start, 0) + side.whole.behind, Math.max(side.whole.end + side.whole.behind, side.excerpt.span[1])];

    function show() {
      if (!side.excerpt) return;
      const { excerpt, whole } = side, [from, to] = edges(), [first, last] = excerpt.bars, all = numbers();
      ft.roll(canvas, { notes: whole.found, from, to, lines: whole.counted.map(one => one.start + whole.behind), hue: () => hue, chosen: excerpt.span });
      const values = { "aria-valuemin": all[0], "aria-valuemax": all.at(-1), "aria-valuenow": first, "aria-valuetext": last > first ? `bars ${first} to ${last}` : `bar ${first}` };
      for (const k in values) roll.setAttribute(k, values[k]);
      const said = [...excerpt.said, ...(name === "left" ? excerpt.played : [])].map(sentence => make("li", "", {}, sentence));
      words.replaceChildren(make("p", "", {}, ft.describe(excerpt) + "."), make("ul", "", {}, ...said));
    }
    const touch = e => {
      const box = roll.getBoundingClientRect(), [from, to] = edges(), { counted, behind, end } = side.whole;
      const beat = from + ((e.clientX - box.left) / box.width) * (to - from) - behind - 2 * ft.BEATS / BARS; // the window's middle
      const at = clamp(ft.searched(counted, beat, one => one.start), 0, counted.filter(one => one.start < end - ft.NEAR).length - 1);
      if (counted[at].number !== side.wanted) take(counted[at].number);
    };
    roll.onpointerdown = e => { roll.setPointerCapture(e.pointerId); touch(e); };
    roll.onpointermove = e => { if (roll.hasPointerCapture(e.pointerId)) touch(e); };
    roll.onkeydown = e => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: BARS, PageDown: -BARS, Home: -Infinity, End: Infinity }[e.key];
      if (!by) return;
      e.preventDefault();
      move(by);
    };
    pick.onchange = () => { if (pick.value >= 0) guarded(() => open(bytesOf(tunes[pick.value].data), tunes[pick.value].title)); };
    file.onchange = () => { if (file.files.length) receive(file.files[0]); };
    pick.value = first;
    return Object.assign(side, { show, receive, start: () => guarded(() => open(bytesOf(tunes[first].data), tunes[first].title)) });
  }

  // ---- the dials --------------------------------------------------------------------------

  const slider = (label, attrs, key, words) => {
    const input = make("input", "", { type: "range", "aria-label": label, ...attrs }), out = make("output");
    const show = () => { input.value = dials[key]; out.textContent = words(dials[key]); };
    input.oninput = () => turn({ [key]: Number(input.value) });
    return { show, element: make("label", "ft-fuse-dial", {}, make("span", "", {}, label), input, out) };
  };
  const amount = slider("Amount", { min: 0, max: 1, step: 0.05 }, "amount", v => Math.round(100 * v) + " %");
  const iterations = slider("Iterations", { min: 1, max: MOST, step: 1 }, "iterations", String);
  const kind = make("select", "", { "aria-label": "Generator" });
  for (const [name, similarity] of Object.entries(model.generators)) kind.append(make("option", "", { value: name }, `${name}, λ ${similarity}`));
  kind.onchange = () => { turn({ generator: kind.value }); begin(); };
  const dot = make("i"), pad = make("div", "ft-fuse-pad", { tabindex: 0, role: "slider", "aria-roledescription": "plane", "aria-label": "Style between four corners", "aria-valuemin": 0, "aria-valuemax": GRID * GRID },
    ...["A", "B", "C", "D"].map(name => make("span", "", { "aria-hidden": "true" }, name)), dot);
  const press = e => {
    const box = pad.getBoundingClientRect(), on = v => Math.round(clamp(v, 0, 1) * GRID) / GRID;
    const [x, y] = [on((e.clientX - box.left) / box.width), on((e.clientY - box.top) / box.height)];
    if (x !== dials.x || y !== dials.y) turn({ x, y });
  };
  pad.onpointerdown = e => { pad.setPointerCapture(e.pointerId); press(e); begin(true); };
  pad.onpointermove = e => { if (pad.hasPointerCapture(e.pointerId)) press(e); };
  pad.onkeydown = e => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[e.key];
    if (!way) return;
    e.preventDefault();
    turn({ x: clamp(Math.round(dials.x * GRID + way[0]), 0, GRID) / GRID, y: clamp(Math.round(dials.y * GRID + way[1]), 0, GRID) / GRID });
  };
  const turn = changed => { dials = { ...dials, ...changed }; turned(); update(); };
  function turned() {
    amount.show();
    iterations.show();
    kind.value = dials.generator;
    [dot.style.left, dot.style.top] = [100 * dials.x + "%", 100 * dials.y + "%"];
    pad.setAttribute("aria-valuenow", Math.round(dials.y * GRID) * GRID + Math.round(dials.x * GRID));
    pad.setAttribute("aria-valuetext", `${Math.round(100 * dials.x)} % to the right, ${Math.round(100 * dials.y)} % down`);
  }
  const reset = button("", "Reset the dials", () => { turn(START); begin(); });

  // ---- what comes of it: seen, heard, saved ----------------------------------------------

  const canvas = make("canvas"), head = make("div", "ft-fuse-head", { hidden: "" });
  const result = make("div", "ft-fuse-roll ft-fuse-fused", { tabindex: 0, role: "slider", "aria-label": "Place in the melody", "aria-valuemin": 1, "aria-valuemax": BARS, "aria-valuenow": 1, "aria-valuetext": `bar 1 of ${BARS}`, hidden: "" }, canvas, head);
  const status = make("p", "ft-fuse-status", { role: "status" }), play = button("ft-fuse-play", "▶ Fuse and play", () => (player.on() ? stop() : begin(true)));
  const save = make("a", "ft-fuse-save", { hidden: "" }, "↓ MIDI");
  const choices = Object.entries({ fused: "Fused", plain: "As they are" }).map(([key, text]) => {
    const e = button("", text, () => { heard = key; update(); begin(); });
    e.title = key === "plain" ? "The two halves, one after the other" : "What the model makes of them";
    return [key, e];
  });
  const player = ft.player(share => {
    head.hidden = share === null;
    head.style.left = 100 * (share || 0) + "%";
    const bar = String(Math.floor((share || 0) * BARS) + 1);
    if (result.getAttribute("aria-valuenow") !== bar) {
      result.setAttribute("aria-valuenow", bar);
      result.setAttribute("aria-valuetext", `bar ${bar} of ${BARS}`);
    }
    const text = share === null ? "▶ Play" : "■ Stop";
    if (play.textContent !== text && fused) play.textContent = text;
  });
  const music = () => ft.heard(heard === "plain" ? plain() : fused.tokens, sides[0].excerpt.bpm);
  const plain = () => ft.repair(sides.flatMap(side => side.excerpt.tokens));
  function stop() {
    player.stop();
    play.textContent = "▶ Play";
  }

  // After a touch: the networks are loaded if they are not yet; `sound` asks for sound. The context wakes at once, within the tap.
  async function begin(sound = false) {
    if (sound) ft.wake();
    try {
      if (!awake()) status.textContent = `The model is loading, ${(model.megabytes.vae + model.megabytes[dials.generator]).toFixed(1)} MB …`;
      await Promise.all([load("vae"), load(dials.generator)]);
      update();
      if (sound && !player.on()) {
        document.dispatchEvent(new CustomEvent("ft-play", { detail: root }));
        player.play(music());
      }
    } catch (error) {
      status.textContent = error.message;
    }
  }

  function update() {
    if (!net.numbers["vae.sigma"] || !net.numbers[dials.generator + ".net.0.bias"] || sides.some(side => !side.excerpt)) return;
    const before = performance.now(), style = ft.styleAt(model.corners, dials.x, dials.y), [left, right] = sides.map(side => side.excerpt);
    fused = ft.fuse(net, left.tokens, right.tokens, { ...dials, style });
    const took = performance.now() - before, notes = fused.tokens.filter(token => token > ft.HOLD).length;
    const nothing = "Nothing but rests came of it: take another style, or less of the amount.";
    status.textContent = notes ? `${ft.count(notes, "note")}, at z-distance ${fused.distance.toFixed(2)} from the halves; computed in ${took.toFixed(0)} ms.` : nothing;
    root.classList.add("ft-fuse-done");
    result.hidden = false;
    save.hidden = !notes;
    save.download = "fused.mid";
    save.href = "data:audio/midi;base64," + base64(ft.writeMidi(fused.tokens, left.bpm, left.program));
    choices.forEach(([key, e]) => e.setAttribute("aria-pressed", key === heard));
    root.dataset.tokens = fused.tokens.join(" ");
    if (!player.on()) play.textContent = "▶ Play";
    player.change(music());
    draw();
  }
  function draw() {
    if (!fused) return;
    const notes = ft.decode(heard === "plain" ? plain() : fused.tokens), lines = Array.from({ length: BARS }, (_, i) => 4 * i), middle = 2 * BARS;
    const hue = n => (heard === "plain" ? (n.onset < middle ? leftHue : rightHue) : fusedHue);
    ft.roll(canvas, { notes, from: 0, to: 4 * BARS, lines, hue });
  }
  const seek = share => { ft.wake(); player.play(music(), clamp(share, 0, 1 - 1 / (4 * BARS))); };
  result.onpointerdown = e => seek((e.clientX - result.getBoundingClientRect().left) / result.clientWidth);
  result.onkeydown = e => {
    const now = Number(result.getAttribute("aria-valuenow")) - 1, to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: BARS - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    seek(to / BARS);
  };

  // ---- the whole --------------------------------------------------------------------------

  const sides = [half("left", leftHue, 0), half("right", rightHue, 1)];
  const dialed = make("div", "ft-fuse-dials", {}, amount.element, iterations.element, make("label", "ft-fuse-dial", {}, make("span", "", {}, "Generator"), kind), reset);
  root.append(make("div", "ft-fuse-live", {},
    make("div", "ft-fuse-halves", {}, ...sides.map(side => side.element)),
    make("div", "ft-fuse-bar", {}, play, ...choices.map(([, e]) => e), save),
    root.querySelector("figure"), result, status,
    make("div", "ft-fuse-halves", {}, make("div", "ft-fuse-style", {}, make("span", "", {}, "Style"), pad), dialed)));
  root.classList.add("ft-fuse-awake");
  // Anywhere on the page: a browser would leave it for a file that is dropped beside the tool.
  const withFiles = what => e => { if (e.dataTransfer?.types.includes("Files")) what(e); };
  document.addEventListener("dragover", withFiles(e => { e.preventDefault(); root.classList.add("ft-fuse-over"); }));
  document.addEventListener("dragleave", withFiles(() => root.classList.remove("ft-fuse-over")));
  document.addEventListener("drop", withFiles(e => {
    e.preventDefault();
    root.classList.remove("ft-fuse-over");
    const files = [...e.dataTransfer.files].slice(0, 2), over = sides.findIndex(side => side.element.contains(e.target));
    files.forEach((file, i) => sides[files.length === 2 ? i : Math.max(over, 0)].receive(file));
  }));
  // A finger counts as a tap when it is lifted.
  for (const e of [pad, result]) e.addEventListener("pointerup", () => { if (player.on()) ft.wake(); });
  document.addEventListener("ft-play", e => { if (e.detail !== root) stop(); });
  const redraw = () => { sides.forEach(side => side.show()); draw(); };
  new ResizeObserver(redraw).observe(root);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  turned();
  choices.forEach(([key, e]) => e.setAttribute("aria-pressed", key === heard));
  sides.forEach(side => side.start());
})(window.ftFuse);
