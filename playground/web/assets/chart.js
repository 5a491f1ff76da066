// The one chart of a run, from its first step to its end and after: drawn on a canvas, names and figures as text beside it.
// A page is told the last points often and the whole curve seldom; they are joined here by their evaluations.
const figure = () => element.querySelector(".curves");
const TERM_ORDER = ["total", "content", "style", "neighbours", "variation"];
const view = { by: "term", weighted: false, log: true };
let run = null, rows = new Map(), keys = [], others = [], chosen = new Set(), pinned = null, pointed = null, asked = null, timer = null, queued = false, stood = "";

const narrow = "\u202f";
function number(value) {
  if (!value) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e10) {
    if (size >= 1000) return Number(value.toPrecision(3)).toFixed(0).replace(/\B(?=(\d{3})+$)/g, narrow);
    return String(Number(value.toPrecision(3)));
  }
  const power = Math.floor(Math.log10(size));
  return `${Number((value / 10 ** power).toPrecision(3))} × 10${String(power).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] || "⁻")}`;
}
const words = (key) => playgroundSay(`chart.${key}`);
const termOf = (key) => { const [kind, layer] = key.split(":"), name = playgroundWords[`term.${kind}`] || kind.replace("_", " "); return layer ? `${name} ${layer}` : name; };

function build() {
  const pick = (set, pairs) => `<span class="pick" role="group">${pairs.map(([to, key]) => `<button type="button" data-set="${set}" data-to="${to}">${words(key)}</button>`).join("")}</span>`;
  const out = ["csv", "png"].map((kind) => `<button type="button" data-out="${kind}">${words(kind)}</button>`).join("");
  figure().innerHTML = `<div class="chart-bar">
    ${pick("by", [["term", "term"], ["layer", "layer"]])}${pick("weighted", [["", "unweighted"], ["yes", "weighted"]])}${pick("log", [["yes", "log"], ["", "linear"]])}
    <details class="over"><summary>${words("over")}</summary><div class="over-list"></div></details><span class="out">${out}</span></div>
    <div class="plot-box"><div class="area" tabindex="0" role="img"><canvas></canvas><span class="waiting">${words("waiting")}</span></div><ul class="ends"></ul></div>
    <span class="for-ears" role="status"></span><div class="tip" hidden></div>`;
  new ResizeObserver(later).observe(figure().querySelector(".area"));
  new MutationObserver(later).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
}

function take() {
  const value = props.value || {};
  document.getElementById("studio")?.classList.toggle("is-running", Boolean(value.run) && !value.ended);
  const stands = `${value.run} ${Boolean(value.ended)}`;
  if (stands !== stood) { // for the lenses beside this chart
    stood = stands;
    document.dispatchEvent(new CustomEvent("on-easel", { detail: { run: value.run || "" } }));
  }
  if (value.run !== run) { run = value.run; rows = new Map(); keys = []; pinned = pointed = null; }
  if (value.others) others = value.others.filter((other) => other.run !== run);
  if (value.lay) chosen = new Set(value.lay);
  if (value.whole) rows = new Map();
  keys = value.keys && value.keys.length ? value.keys : keys;
  for (const point of value.points || []) rows.set(point[0], read(point, value.keys));
  later();
}
function read([at, step, size, seconds, weighted, plain], names) {
  const by = (list) => Object.fromEntries(names.map((key, i) => [key, list[i]]));
  return { at, step, size, seconds, weighted: by(weighted), plain: by(plain) };
}
const sorted = () => [...rows.values()].sort((a, b) => a.at - b.at);
// The total is a sum of weighted terms: it has no meaning before the weights.
const shown = (names) => names.filter((key) => (view.by === "layer" ? key.includes(":") : TERM_ORDER.includes(key)) && (view.weighted || key !== "total"));
const valueOf = (row, key) => {
  const of = view.weighted ? row.weighted : row.plain;
  return of[key] ?? null;
};

function later() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => { queued = false; if (element.isConnected && figure()) draw(); });
}

function colours() {
  const style = getComputedStyle(figure()), get = (name) => style.getPropertyValue(name).trim();
  const forced = matchMedia("(forced-colors: active)").matches;
  // All are read before anything is moved: a browser lays the page out anew for each one read after a change.
  const terms = Object.fromEntries(TERM_ORDER.map((key) => [key, forced ? "CanvasText" : get(`--c-${key}`) || style.color]));
  return {
    term: (key) => terms[key],
    layer: (key, i, n) => (forced ? "CanvasText" : `hsl(${Math.round((key.startsWith("content") ? 190 : -35) + (key.startsWith("content") ? 60 : 70) * (i / Math.max(1, n - 1)))} 62% ${document.body.classList.contains("dark") ? 70 : 32}%)`),
    text: forced ? "CanvasText" : get("--body-text-color-subdued"), line: forced ? "GrayText" : get("--border-color-primary"),
    band: forced ? "transparent" : get("--band"), accent: forced ? "Highlight" : get("--color-accent"), paper: get("--body-background-fill"),
  };
}
function colourOf(key, palette, names) {
  if (!key.includes(":")) return palette.term(key);
  const kind = key.split(":")[0], same = names.filter((other) => other.startsWith(kind));
  return palette.layer(key, same.indexOf(key), same.length);
}

let frame = null; // how the chart on show maps values to places, for pointing
function draw(canvas = figure().querySelector("canvas"), forFile = false) {
  const area = figure().querySelector(".area"), value = props.value || {}, data = sorted(), names = shown(keys), palette = colours();
  const width = area.clientWidth, height = area.clientHeight, scale = forFile ? 2 : devicePixelRatio || 1;
  figure().classList.toggle("by-layer", view.by === "layer");
  figure().querySelector(".waiting").hidden = data.length > 0;
  const label = data.length ? value.said || figure().dataset.said || "" : words("waiting");
  if (value.said) figure().dataset.said = value.said;
  area.setAttribute("aria-label", label);
  figure().setAttribute("aria-label", label);
  figure().dataset.last = data.length ? String(data[data.length - 1].at) : "";
  figure().querySelectorAll("[data-set]").forEach((button) => button.setAttribute("aria-pressed", String(String(view[button.dataset.set] === true ? "yes" : view[button.dataset.set] || "") === button.dataset.to)));
  overlays();
  if (!width || !height) return;
  canvas.width = width * scale; canvas.height = height * scale;
  canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.clearRect(0, 0, width, height);
  if (forFile) { pen.fillStyle = palette.paper; pen.fillRect(0, 0, width, height); }
  pen.font = '11px system-ui, sans-serif';
  if (!data.length) { figure().querySelector(".ends").replaceChildren(); frame = null; return; }

  const laid = others.filter((other) => chosen.has(other.run)).map((other) => ({ ...other, rows: other.points.map((point) => read(point, other.keys)) }));
  const lines = names.map((key) => data.map((row) => valueOf(row, key)));
  const all = [...lines, ...laid.flatMap((other) => shown(other.keys).map((key) => other.rows.map((row) => valueOf(row, key))))];
  const [low, high] = range(all);
  const left = 46, right = width - 6, top = 16, bottom = height - 18;
  const end = Math.max(value.steps || 1, data[data.length - 1].step, ...laid.map((other) => other.rows[other.rows.length - 1]?.step || 0));
  const across = (step) => left + ((right - left) * step) / end;
  const to = (number) => (view.log ? Math.log10(number) : number);
  const down = (number) => top + ((bottom - top) * (high - Math.min(high, Math.max(low, to(number))))) / (high - low);
  frame = { left, right, end, across, data };

  // bands for the sizes
  const stages = value.stages || [];
  stages.forEach(([from, until, size], i) => {
    if (i % 2) { pen.fillStyle = palette.band; pen.fillRect(across(from), top, across(until) - across(from), bottom - top); }
    const text = `${size} px`;
    if (pen.measureText(text).width + 6 < across(until) - across(from)) { pen.fillStyle = palette.text; pen.textAlign = "left"; pen.fillText(text, across(from) + 4, bottom - 4); }
  });
  // grid
  pen.lineWidth = 1; pen.fillStyle = palette.text; pen.textAlign = "right";
  for (const tick of ticks(low, high)) {
    pen.strokeStyle = palette.line; pen.beginPath(); pen.moveTo(left, down(tick)); pen.lineTo(right, down(tick)); pen.stroke();
    pen.fillText(number(tick), left - 6, down(tick) + 4);
  }
  pen.textAlign = "left"; pen.fillText("0", left, height - 4);
  pen.textAlign = "right"; pen.fillText(`${words("step")} ${Math.round(end)}`, right, height - 4);
  // flags where it was steered; those too near to the last are drawn without words
  let free = 0;
  for (const [step, text] of value.flags || []) {
    const x = across(step);
    pen.strokeStyle = palette.accent; pen.setLineDash([2, 3]); pen.beginPath(); pen.moveTo(x, 4); pen.lineTo(x, bottom); pen.stroke(); pen.setLineDash([]);
    pen.fillStyle = palette.accent; pen.beginPath(); pen.moveTo(x, 3); pen.lineTo(x + 7, 6.5); pen.lineTo(x, 10); pen.fill();
    const wide = pen.measureText(text).width;
    if (x + 10 > free && x + 10 + wide < right) { pen.textAlign = "left"; pen.fillText(text, x + 10, 10.5); free = x + 16 + wide; }
  }
  // lines: those laid over are thin and broken
  const path = (list, steps) => {
    pen.beginPath();
    let open = false;
    list.forEach((number, i) => {
      if (number === null || number === undefined) { open = false; return; }
      if (open) pen.lineTo(across(steps[i]), down(number)); else pen.moveTo(across(steps[i]), down(number));
      open = true;
    });
    pen.stroke();
  };
  pen.lineJoin = "round";
  laid.forEach((other, nth) => {
    shown(other.keys).forEach((key) => {
      pen.strokeStyle = colourOf(key, palette, keys); pen.lineWidth = 1.2; pen.setLineDash([[6, 3], [2, 2], [9, 3, 2, 3]][nth % 3]);
      path(other.rows.map((row) => valueOf(row, key)), other.rows.map((row) => row.step));
    });
  });
  pen.setLineDash([]);
  names.forEach((key, i) => {
    pen.strokeStyle = colourOf(key, palette, names); pen.lineWidth = key === "total" ? 2.4 : view.by === "layer" ? 1.4 : 1.9;
    pen.setLineDash(view.by === "layer" && key.startsWith("content") ? [5, 3] : []);
    path(lines[i], data.map((row) => row.step));
  });
  pen.setLineDash([]);
  for (const at of [pinned, pointed]) {
    if (at === null || forFile) continue;
    const row = nearest(at);
    pen.strokeStyle = palette.accent; pen.lineWidth = 1.5; pen.beginPath(); pen.moveTo(across(row.step), top); pen.lineTo(across(row.step), bottom); pen.stroke();
  }
  if (!forFile) ends(names, lines, down, palette, height, laid);
}

function label(key) {
  const item = document.createElement("li"), kind = key.split(":")[0];
  item.dataset.key = key;
  item.innerHTML = `<button type="button" class="term" data-term="${key.includes(":") ? "layer" : kind === "total" ? "loss" : kind}"></button> <b></b>`;
  item.firstChild.textContent = termOf(key).replace(`${playgroundSay("term.style")} conv`, "conv");
  return item;
}
// Names and figures at the lines' right ends, moved apart so that none covers another.
function ends(names, lines, down, palette, height, laid) {
  const row = pointed === null ? null : nearest(pointed);
  const made = names.map((key, i) => {
    const last = row ? valueOf(row, key) : lines[i].findLast((number) => number !== null);
    return last === null || last === undefined ? null : { key, value: last, place: down(last) };
  }).filter(Boolean).sort((a, b) => a.place - b.place);
  const gap = Math.min(15, (height - 20) / Math.max(1, made.length));
  let floor = 8;
  for (const each of made) { each.place = Math.max(each.place, floor); floor = each.place + gap; }
  let ceiling = height - 14;
  for (const each of [...made].reverse()) { each.place = Math.min(each.place, ceiling); ceiling = each.place - gap; }
  const list = figure().querySelector(".ends");
  const kept = new Map([...list.children].map((item) => [item.dataset.key, item]));
  for (const each of made) {
    const item = kept.get(each.key) || label(each.key); // kept, so that a name that is pressed or has the focus stays
    kept.delete(each.key);
    item.style.top = `${each.place}px`; item.style.color = colourOf(each.key, palette, names);
    item.style.fontSize = gap < 13 ? `${Math.max(8, gap - 1)}px` : "";
    item.querySelector("b").textContent = number(each.value);
    list.append(item);
  }
  kept.forEach((item) => item.remove());
}

// The axis covers where the lines are most of the time: a content loss that starts at nothing would squeeze all else.
function range(lines) {
  const lows = [], highs = [];
  for (const line of lines) {
    const own = line.filter((number) => number > 0).sort((a, b) => a - b);
    if (own.length) { lows.push(Math.max(own[Math.floor(own.length * 0.08)], own[Math.floor(own.length / 2)] * 1e-3)); highs.push(Math.min(own[own.length - 1], own[Math.floor(own.length / 2)] * 1e4)); }
  }
  if (!lows.length) return [0, 1];
  const top = Math.max(...highs);
  if (!view.log) return [0, top * 1.05];
  const low = Math.log10(Math.min(...lows)), high = Math.log10(top), spare = Math.max(0, 0.8 - (high - low)) / 2;
  return [low - spare - 0.05, high + spare + 0.05];
}
function ticks(low, high) {
  if (!view.log) {
    const step = 10 ** Math.floor(Math.log10(high / 2));
    const by = step * [1, 2, 5].find((times) => high / (step * times) <= 5);
    return Array.from({ length: Math.floor(high / by) + 1 }, (_, i) => i * by);
  }
  const steps = high - low < 1.4 ? [1, 2, 5] : high - low < 2 ? [1, 3] : [1], every = Math.max(1, Math.ceil((high - low) / 5)), found = [];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); decade += 1) {
    if (((decade % every) + every) % every) continue;
    for (const times of steps) { const at = decade + Math.log10(times); if (at >= low && at <= high) found.push(times * 10 ** decade); }
  }
  return found;
}

// Pointing: the figures of that moment stand at the lines' ends, its step and size beside the pointer, its picture under them.
const nearest = (at) => sorted().reduce((best, row) => (Math.abs(row.at - at) < Math.abs(best.at - at) ? row : best));
function rowAt(clientX) {
  if (!frame) return null;
  const box = figure().querySelector(".area").getBoundingClientRect();
  const step = ((clientX - box.left - frame.left) / (frame.right - frame.left)) * frame.end;
  return frame.data.reduce((best, row) => (Math.abs(row.step - step) < Math.abs(best.step - step) ? row : best));
}
function point(row, clientX, clientY) {
  pointed = row.at;
  const tip = document.getElementById("hover-picture"), place = figure().querySelector(".tip");
  place.hidden = false;
  const values = shown(keys).map((key) => `${termOf(key)} ${number(valueOf(row, key))}`).join(" · ");
  place.innerHTML = `<b>${words("step")} ${Math.round(row.step)}</b> · ${row.size ? `${row.size} px · ` : ""}${Math.round(row.seconds)} s`;
  figure().querySelector(".for-ears").textContent = `${words("step")} ${Math.round(row.step)}: ${values}`;
  if (tip) {
    tip.classList.add("pointing");
    tip.style.left = `${Math.min(innerWidth - 190, Math.max(6, clientX + 14))}px`;
    tip.style.top = `${Math.max(6, clientY - 170)}px`;
  }
  asked = row.at;
  if (!timer) timer = setTimeout(() => { timer = null; if (asked !== null) trigger("select", { evaluation: asked }); }, 140);
  later();
}
function leave() {
  pointed = asked = null;
  document.getElementById("hover-picture")?.classList.remove("pointing");
  const tip = figure()?.querySelector(".tip");
  if (tip) tip.hidden = true;
  later();
}

function overlays() {
  const list = figure().querySelector(".over-list"), wanted = others.map((other) => `${other.run}=${other.name}`).join();
  figure().querySelector(".over").hidden = !others.length;
  if (list.dataset.of === wanted) return;
  list.dataset.of = wanted;
  list.replaceChildren(...others.map((other) => {
    const label = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox"; box.value = other.run; box.checked = chosen.has(other.run);
    label.append(box, ` ${other.name}`);
    return label;
  }));
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob); link.download = name; link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
function csv() {
  const head = ["run", "step", "evaluations", "seconds", "size", ...keys.map((key) => `weighted ${key}`), ...keys.filter((key) => key !== "total").map((key) => `unweighted ${key}`)];
  const line = (name, row) => [name, row.step, row.at, row.seconds, row.size, ...keys.map((key) => row.weighted[key] ?? ""), ...keys.filter((key) => key !== "total").map((key) => row.plain[key] ?? "")];
  const quoted = (cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  const laid = others.filter((other) => chosen.has(other.run)).flatMap((other) => other.points.map((each) => line(other.name, read(each, other.keys))));
  const table = [head, ...sorted().map((row) => line(run, row)), ...laid];
  save("curves.csv", new Blob([table.map((cells) => cells.map(quoted).join(",")).join("\n") + "\n"], { type: "text/csv" }));
}
function png() {
  const canvas = document.createElement("canvas");
  draw(canvas, true);
  canvas.toBlob((blob) => save("curves.png", blob));
}

element.addEventListener("click", (event) => {
  const set = event.target.closest("[data-set]"), out = event.target.closest("[data-out]");
  if (set) { view[set.dataset.set] = set.dataset.set === "by" ? set.dataset.to : Boolean(set.dataset.to); later(); }
  if (out && rows.size) (out.dataset.out === "csv" ? csv : png)();
});
element.addEventListener("change", (event) => {
  if (!event.target.matches(".over-list input")) return;
  event.target.checked ? chosen.add(event.target.value) : chosen.delete(event.target.value);
  later();
});
let dragging = false;
const seek = (row, clientX = Infinity) => {
  pinned = row.at;
  // Left of the first point stands what the run began with, which no loss was measured of.
  const begins = figure().querySelector(".area").getBoundingClientRect().left + frame.left;
  document.dispatchEvent(new CustomEvent("moment", { detail: clientX <= begins ? 0 : row.at }));
  later();
};
element.addEventListener("pointermove", (event) => {
  if (!event.target.closest(".area")) return dragging || leave();
  const row = rowAt(event.clientX);
  if (!row) return;
  point(row, event.clientX, event.clientY);
  if (dragging) seek(row, event.clientX);
});
element.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.target.closest(".area")) return;
  const row = rowAt(event.clientX);
  if (!row) return;
  const panel = document.querySelector("#time > button.label-wrap:not(.open)");
  if (panel) panel.click();
  dragging = true;
  event.preventDefault();
  figure().querySelector(".area").focus({ preventScroll: true });
  seek(row, event.clientX);
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { dragging = false; });
document.addEventListener("sought", (event) => { if (element.isConnected) { pinned = event.detail; later(); } });
element.addEventListener("pointerleave", leave);
element.addEventListener("focusout", (event) => event.target.matches(".area") && leave());
element.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
  if (!event.target.matches(".area")) return;
  if (event.key === "Escape") return leave();
  if (event.key === "Enter" && pointed !== null) return seek(nearest(pointed));
  if (!step || !frame) return;
  event.preventDefault();
  const now = pointed === null ? frame.data.length - 1 : frame.data.indexOf(nearest(pointed));
  const row = frame.data[Math.min(frame.data.length - 1, Math.max(0, now + step))], box = event.target.getBoundingClientRect();
  point(row, box.left + frame.across(row.step), box.top + 10);
});
build();
take();
watch("value", take);
