// What the lenses under the easel share. A lens asks only while its tab is open and the page is looked at: once when it opens,
// when another picture stands on the easel, and from time to time while a run paints, the longer the answers take the seldomer.
window.playgroundLens = (() => {
  const PATIENCE = 10; // times an answer took, before the next is asked for
  const lenses = new Set();
  let run = "", at = null;
  const running = () => document.getElementById("studio")?.classList.contains("is-running");

  // Bytes that came deflated in base64.
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
  }
  const picture = (address) => new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = failed;
    image.src = address;
  });

  // `ask` is called with the number of the question and the moment that is looked at; `answered` is called by the lens.
  function follow(element, ask, every) {
    let open = false, stale = true, turn = 0, asked = 0, took = 0, waiting = false, timer = null;
    const later = (seconds) => { clearTimeout(timer); timer = setTimeout(now, 1000 * seconds); };
    function now() {
      if (!open || document.hidden || !element.isConnected) return;
      if (waiting && performance.now() - asked < 30000) { stale = true; return; }
      stale = false;
      waiting = true;
      asked = performance.now();
      ask(++turn, at);
    }
    const lens = {
      renew(seconds = 0.2) { stale = true; if (open && !document.hidden) later(seconds); },
      // Another run has come to the easel: what is shown is the last one's until the answer.
      outdated() { element.classList.toggle("outdated", every < 1e6); }, // what a run tells by itself is its own
      answered(number, early = false) {
        if (number !== turn || !waiting) return;
        waiting = false;
        if (!stale) element.classList.remove("outdated");
        took = (performance.now() - asked) / 1000;
        if (stale) later(0.1);
        else if (running() && at === null && every < 1e6) later(early ? 1 : Math.max(every, PATIENCE * took));
      },
    };
    lenses.add(lens);
    new IntersectionObserver((seen) => {
      open = seen[seen.length - 1].isIntersecting;
      if (open && (stale || (running() && at === null))) later(0);
    }).observe(element);
    document.addEventListener("visibilitychange", () => { if (open && !document.hidden && (stale || running())) later(0); });
    return lens;
  }

  // What a lens calls with each answer, a value with the number of its question. `read` makes of a picture that came what is kept
  // of it; `show` gets the answer and all pictures by name, unless a later answer has overtaken this one meanwhile.
  function receive(element, lens, read, show) {
    let latest = 0, some = false;
    const complain = (text) => {
      const place = element.querySelector(".message");
      place.hidden = !text;
      place.textContent = text;
      element.querySelector(".lens-wait").hidden = Boolean(text) || some;
    };
    return async (value) => {
      if (!value?.turn) return;
      const mine = ++latest;
      if (value.error) complain(value.error);
      if (value.error || value.same) return lens.answered(value.turn);
      const parts = {};
      for (const [name, part] of Object.entries(value.pictures)) parts[name] = await read(part, value);
      if (mine === latest) {
        some = true;
        complain("");
        show(value, parts);
      }
      lens.answered(value.turn, !value.pictures.shown); // a run that has just begun has no picture for a moment
    };
  }

  const all = () => lenses.forEach((lens) => lens.renew());
  document.addEventListener("on-easel", (event) => {
    if (event.detail.run !== run) {
      at = null;
      lenses.forEach((lens) => lens.outdated());
    }
    run = event.detail.run;
    all();
  });
  // The last notch of the time machine is the run as it is. Its slider stands right only after the event.
  document.addEventListener("sought", (event) => setTimeout(() => {
    const slider = document.querySelector("#scrubber input");
    at = slider && slider.value === slider.max ? null : event.detail;
    all();
  }));
  // Before any run the two boxes are looked at.
  document.addEventListener("load", (event) => { if (!run && event.target.closest?.("#content, #style")) all(); }, true);

  // Brightness for a share from 0 to 1: the same stops as in lens/drawn.py, dark to bright, so that it reads without colour.
  const STOPS = [[8, 8, 32], [78, 18, 102], [176, 46, 92], [240, 120, 50], [252, 240, 170]];
  function heat(share) {
    const place = Math.max(0, Math.min(1, share)) * (STOPS.length - 1), low = Math.min(STOPS.length - 2, Math.floor(place)), part = place - low;
    return STOPS[low].map((value, i) => Math.round(value + part * (STOPS[low + 1][i] - value)));
  }
  // A picture darkened but where `light` (one value from 0 to 1 a cell of width × height) is high, and there with a shine.
  function glow(canvas, base, light, [width, height]) {
    const paint = canvas.getContext("2d"), mask = glow.mask ||= document.createElement("canvas");
    mask.width = width;
    mask.height = height;
    const veil = (mode, [r, g, b], alpha) => {
      const shade = new ImageData(width, height);
      for (let i = 0; i < light.length; i++) shade.data.set([r, g, b, 255 * alpha(Math.max(0, Math.min(1, light[i])))], 4 * i);
      mask.getContext("2d").putImageData(shade, 0, 0);
      paint.globalCompositeOperation = mode;
      paint.drawImage(mask, 0, 0, canvas.width, canvas.height);
    };
    paint.globalCompositeOperation = "copy";
    paint.drawImage(base, 0, 0, canvas.width, canvas.height);
    veil("source-over", [0, 0, 0], (share) => 0.8 * (1 - share));
    veil("lighter", [252, 240, 170], (share) => 0.3 * share * share);
  }
  const number = (value) => (value === 0 ? "0" : Math.abs(value) >= 100 ? String(Math.round(value)) : playgroundDecimal(Number(value.toPrecision(3))));
  return { follow, receive, unpacked, picture, heat, glow, number };
})();
