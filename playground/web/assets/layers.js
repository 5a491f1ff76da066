// The grid of layers: one row a convolution, with a slider, a number, solo, off and reset; style and content layers are two
// lists, in the Studio neighbours a third, of which one is in sight. Rows are built once a network and then only changed, so that the one in use keeps the focus.
//
// A slider stands at 0 for its preset's weight and counts in powers of ten from there, so that 0.000015 and 80 000 are as
// easy to move as 1. A number is taken over when it is finished, and one that is none is answered in its row.
const REACH = 4, NOTCH = 0.05, MOST = 1e30;
const root = () => element.querySelector(".layer-grid");
let drawn = "", open = "style";
const kinds = () => ["style", "content", "neighbours"].filter((kind) => props.value[kind]);
const alone = {}; // by kind: the layer that is played solo, and the weights that come back after

const weight = (kind, layer) => Number((props.value[kind] || {})[layer] || 0);
const preset = (kind, layer) => Number(((props.value.preset || {})[kind] || {})[layer] || 0);
const digits = (value) => Number(value.toPrecision(3));
const format = (value) => playgroundDecimal(value === 0 ? "0" : value >= 1e6 || value < 1e-4 ? value.toExponential().replace("e+", "e") : value);

// What a row's slider counts from: its preset's weight; for a layer that the preset leaves out, the middle one of the others'.
function middle(kind, layer) {
  const own = preset(kind, layer);
  if (own > 0) return own;
  const others = Object.values((props.value.preset || {})[kind] || {}).map(Number).filter((value) => value > 0).sort((a, b) => a - b);
  return others.length ? others[Math.floor(others.length / 2)] : 1;
}
const notches = (kind, layer, value) => Math.log10(value / middle(kind, layer)) / NOTCH;
function valueAt(kind, layer, notch) {
  return notch === 0 ? middle(kind, layer) : digits(middle(kind, layer) * 10 ** (notch * NOTCH));
}

function read(text) {
  const plain = text.trim().replace(/[\s\u00a0\u202f\u2009']/g, "").replace("×10^", "e").replace(/^([^.,]*),([^.,]*)$/, "$1.$2");
  return plain === "" ? NaN : Number(plain);
}

function rowOf(kind, layer) {
  const name = `${layer}, ${playgroundSay(`term.${kind}`)}`, label = (key) => playgroundSay(`layers.${key}`, { name });
  return `<div class="row${layer.endsWith("_1") ? " first" : ""}" data-row="${kind}:${layer}"><span class="name">${layer}</span>
    <input type="range" min="${-REACH / NOTCH}" max="${REACH / NOTCH}" step="1" data-kind="${kind}" data-layer="${layer}" aria-label="${label("weight")}">
    <input type="text" inputmode="decimal" class="number" autocomplete="off" spellcheck="false" data-number="${kind}:${layer}" aria-label="${label("number")}">
    <span class="acts"><button type="button" data-act="solo" aria-label="${label("solo")}" title="${playgroundSay("layers.alone")}">S</button><button
      type="button" data-act="off" aria-label="${label("off")}" title="${playgroundSay("layers.is_off")}">○</button><button type="button" data-act="reset" aria-label="${label("reset")}" title="${playgroundSay("layers.as_preset")}">↺</button></span>
    <p class="message error" role="alert" hidden></p></div>`;
}

function build(layers) {
  root().innerHTML = `<div class="kinds" role="group" aria-label="${playgroundSay("layers.which")}">${kinds().map((kind) =>
    `<button type="button" class="k-${kind}" data-list="${kind}"></button>`).join("")}</div>` + kinds().map((kind) =>
    `<div class="list k-${kind}" data-of="${kind}">${layers.map((layer) => rowOf(kind, layer)).join("")}</div>`).join("");
}

function set(kind, weights) {
  const kept = Object.fromEntries(Object.entries(weights).filter(([, value]) => value > 0));
  props.value = { ...JSON.parse(JSON.stringify(props.value)), [kind]: kept };
  show();
  trigger("input");
}
function put(kind, layer, value) {
  if (value === weight(kind, layer)) return show();
  delete alone[kind];
  set(kind, { ...props.value[kind], [layer]: value });
}

function say(row, text) {
  const place = row.querySelector(".message"), box = row.querySelector(".number");
  place.hidden = !text;
  place.textContent = text;
  box.setAttribute("aria-invalid", String(Boolean(text)));
  playgroundUntilRead(box, text && (() => say(row, "")));
}

function show() {
  const value = props.value;
  if (!value || !value.layers || !root()) return;
  if (drawn !== value.layers.join() || !root().firstChild) {
    build(value.layers);
    drawn = value.layers.join();
  }
  for (const kind of kinds()) {
    const count = value.layers.filter((layer) => weight(kind, layer) > 0).length;
    const button = root().querySelector(`[data-list=${kind}]`);
    button.textContent = playgroundSay(`layers.${kind}`, { count });
    button.setAttribute("aria-pressed", String(open === kind));
    root().querySelector(`[data-of=${kind}]`).hidden = open !== kind;
    if (alone[kind] && !(count === 1 && weight(kind, alone[kind].layer) > 0)) delete alone[kind];
  }
  root().querySelectorAll(".row").forEach((row) => {
    const slider = row.querySelector("[type=range]"), { kind, layer } = slider.dataset, now = weight(kind, layer);
    const at = now > 0 ? Math.max(Number(slider.min), Math.min(Number(slider.max), notches(kind, layer, now))) : Number(slider.min);
    slider.value = at;
    slider.style.setProperty("--at", `${(100 * (at - slider.min)) / (slider.max - slider.min)}%`);
    slider.setAttribute("aria-valuetext", now === 0 ? playgroundSay("layers.is_off") : now === preset(kind, layer) ? playgroundSay("layers.same", { value: format(now) }) : format(now));
    const box = row.querySelector(".number");
    if (document.activeElement !== box || box.dataset.shown !== format(now)) box.value = box.dataset.shown = format(now);
    row.classList.toggle("off", now === 0);
    row.classList.toggle("changed", now !== preset(kind, layer));
    row.querySelector("[data-act=off]").setAttribute("aria-pressed", String(now === 0));
    row.querySelector("[data-act=solo]").setAttribute("aria-pressed", String(alone[kind]?.layer === layer));
    row.querySelector("[data-act=reset]").disabled = now === preset(kind, layer);
  });
}

// A typed number that is finished: taken over, or answered in its row, and then nothing has changed.
function finish(box) {
  const [kind, layer] = box.dataset.number.split(":"), row = box.closest(".row"), now = weight(kind, layer);
  const typed = box.value.trim(), value = read(typed);
  if (typed === format(now)) return; // also what was put back for something refused, whose answer stays until one types
  if (!(value >= 0 && value <= MOST)) {
    box.value = format(now);
    say(row, playgroundSay("layers.no_weight", { text: typed || "–", stays: format(now) }));
    return;
  }
  say(row, "");
  put(kind, layer, value);
}

// Keys of a slider: one step from where it stands, wherever that is, so that no weight falls to the end of a range. Home and
// End, which go to a slider's ends, do nothing here: these ends are only how far it reaches, four powers of ten from the
// preset's weight, and no weight that anyone would mean; reset, off and the number stand beside it.
// Steps that are taken back lead to the very weight that they set out from, be it a notch of the slider's or not.
const trails = {}; // by kind and layer: where keys set out from, how many steps from there they are, and at which weight
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
function press(event) {
  const target = event.target;
  if (target.matches(".number")) {
    if (event.key === "Enter") finish(target);
    if (event.key === "Escape") { target.value = target.dataset.shown; say(target.closest(".row"), ""); event.stopPropagation(); }
    return;
  }
  if (!target.matches("[type=range]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const { kind, layer } = target.dataset, now = weight(kind, layer), step = STEPS[event.key];
  if (event.key === "Home" || event.key === "End") return event.preventDefault();
  if (step === undefined) return;
  event.preventDefault();
  if (now === 0) return step > 0 && put(kind, layer, valueAt(kind, layer, 0));
  const id = `${kind}:${layer}`, before = trails[id]?.now === now ? trails[id] : { start: now, steps: 0 };
  const { start } = before, steps = before.steps + step, at = notches(kind, layer, start), near = Math.round(at);
  const far = Math.abs(at - near) < 0.1 ? valueAt(kind, layer, near + steps) : digits(start * 10 ** (steps * NOTCH));
  trails[id] = { start, steps, now: steps === 0 ? start : Math.min(MOST, far) };
  put(kind, layer, trails[id].now);
}

function act(button) {
  const { kind, layer } = button.closest(".row").querySelector("[type=range]").dataset, own = preset(kind, layer);
  say(button.closest(".row"), "");
  if (button.dataset.act === "reset") return put(kind, layer, own);
  if (button.dataset.act === "off") return put(kind, layer, weight(kind, layer) > 0 ? 0 : middle(kind, layer));
  if (alone[kind]?.layer === layer) {
    const before = alone[kind].before;
    delete alone[kind];
    return set(kind, before);
  }
  const before = alone[kind]?.before || { ...props.value[kind] };
  alone[kind] = { layer, before };
  set(kind, { [layer]: weight(kind, layer) || before[layer] || middle(kind, layer) });
}

element.addEventListener("input", (event) => {
  if (event.target.matches(".number")) say(event.target.closest(".row"), "");
  const slider = event.target.closest("[type=range]");
  if (slider) put(slider.dataset.kind, slider.dataset.layer, valueAt(slider.dataset.kind, slider.dataset.layer, Number(slider.value)));
});
element.addEventListener("change", (event) => event.target.matches(".number") && finish(event.target));
element.addEventListener("keydown", press);
element.addEventListener("click", (event) => {
  const list = event.target.closest("[data-list]"), button = event.target.closest("[data-act]");
  if (list) { open = list.dataset.list; show(); }
  if (button) act(button);
});
show();
watch("value", show);
