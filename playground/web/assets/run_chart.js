// The one chart of a run, from its first step to its end and after: drawn on a canvas, names and figures as text beside it.
// A page is told the last points often and the whole curve seldom; they are joined here by their evaluations.
const figure = () => element.querySelector(".curves");
const TERM_ORDER = ["total", "content", "style", "neighbours", "variation"];
const view = { by: "term", weighted: false, log: true };
let run = null, rows = new Map(), keys = [], others = [], chosen = new Set(), pinned = null, pointed = null, asked = null, timer = null, queued = false, stood = "";

const words = (key, values) => playgroundSay(`chart.${key}`, values);
const termOf = (key) => { const [kind, layer] = key.split(":"), name = playgroundWords[`term.${kind}`] || kind.replace("_", " "); return layer ? `${name} ${layer}` : name; };

function build() {
  const pick = (set, pairs) => `<span class="pick" role="group">${pairs.map(([to, key]) => `<button type="button" data-set="${set}" data-to="${to}">${words(key)}</button>`).join("")}</span>`;
  const out = ["csv", "png"].map((kind) => `<button type="button" data-out="${kind}">${words(kind)}</button>`).join("");
  figure().innerHTML = `<div class="chart-bar">
    ${pick("by", [["term", "term"], ["layer", "layer"]])}${pick("weighted", [["", "unweighted"], ["yes", "weighted"]])}${pick("log", [["yes", "log"], ["", "linear"]])}
    <details class="over"><summary>${words("over")}</summary><div class="over-list"></div></details><span class="out">${out}</span></div>
    <div class="plot-box"><div class="area" tabindex="0" role="img"><canvas></canvas><span class="waiting">${words("waiting")}</span><div class="tip" hidden></div><div class="steered" hidden></div></div><ul class="ends"></ul></div>
    <span class="for-ears" role="status"></span>`;
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

let frame = null; // how the chart on show maps values to places, for pointing
function draw(canvas = figure().querySelector("canvas"), forFile = false) {
  const area = figure().querySelector(".area"), data = sorted(), palette = coloursOf(figure(), TERM_ORDER);
  said(area, data);
  overlays();
  room(shown(keys), data);
  if (!area.clientWidth || !area.clientHeight) return;
  const pen = cleared(canvas, area.clientWidth, area.clientHeight, forFile ? 2 : devicePixelRatio || 1, forFile && palette.paper);
  if (!data.length) { figure().querySelector(".ends").replaceChildren(); frame = null; return; }

  const value = props.value || {}, names = shown(keys);
  const laid = others.filter((other) => chosen.has(other.run)).map((other) => ({ ...other, rows: other.points.map((point) => read(point, other.keys)) }));
  const lines = names.map((key) => data.map((row) => valueOf(row, key)));
  const all = [...lines, ...laid.flatMap((other) => shown(other.keys).map((key) => other.rows.map((row) => valueOf(row, key))))];
  const ran = Math.max(data[data.length - 1].step, ...laid.map((other) => other.rows[other.rows.length - 1]?.step || 0));
  const planned = Math.max(value.steps || 1, ran), end = axisEnd(ran, planned);
  const plane = planeOf(pen, area.clientWidth, area.clientHeight, end, range(all, view.log), view.log);
  frame = { left: plane.left, right: plane.right, end, across: plane.across, data, flags: value.flags || [] };
  drawBands(pen, plane, value.stages || [], palette);
  drawGrid(pen, plane, palette, end < planned ? words("planned", { end: Math.round(end), count: planned }) : `${words("step")} ${Math.round(end)}`);
  laid.forEach((other, nth) => shown(other.keys).forEach((key) => { // thin and broken
    pen.strokeStyle = colourOf(key, palette, keys); pen.lineWidth = 1.2; pen.setLineDash(DASHES[nth % 3]);
    drawLine(pen, plane, other.rows.map((row) => valueOf(row, key)), other.rows.map((row) => row.step));
  }));
  names.forEach((key, i) => {
    pen.strokeStyle = colourOf(key, palette, names); pen.lineWidth = key === "total" ? 2.4 : view.by === "layer" ? 1.4 : 1.9;
    pen.setLineDash(view.by === "layer" && key.startsWith("content") ? [5, 3] : []);
    drawLine(pen, plane, lines[i], data.map((row) => row.step));
  });
  drawFlags(pen, plane, value.flags || [], palette, laid.length ? 1 : 2); // names of what is laid over stand there too
  nameBands(pen, plane, value.stages || [], palette);
  nameLaid(pen, plane, laid.map((other) => other.name), palette);
  if (forFile) return;
  for (const at of [pinned, pointed]) if (at !== null) drawCursor(pen, plane, nearest(at).step, palette);
  ends(names, lines, plane.down, palette, area.clientHeight);
}
// What is drawn, for those who do not see it, and which way of looking is chosen.
function said(area, data) {
  figure().classList.toggle("by-layer", view.by === "layer");
  figure().querySelector(".waiting").hidden = data.length > 0;
  const label = data.length ? spoken(data) : words("waiting");
  area.setAttribute("aria-label", label);
  figure().setAttribute("aria-label", label);
  figure().dataset.last = data.length ? String(data[data.length - 1].at) : "";
  figure().querySelectorAll("[data-set]").forEach((button) => button.setAttribute("aria-pressed", String(String(view[button.dataset.set] === true ? "yes" : view[button.dataset.set] || "") === button.dataset.to)));
}
// The lines on show as one sentence: how they are looked at, where each began, where it is.
function spoken(data) {
  const lines = shown(keys).map((key) => {
    const values = data.map((row) => valueOf(row, key)).filter((value) => value !== null);
    if (!values.length) return "";
    const [first, now] = [values[0], values[values.length - 1]]; // a content loss begins at what rounding leaves of nothing
    return words("from_to", { name: termOf(key), now: number(now), first: number(first < 1e-9 * now ? 0 : first) });
  }).filter(Boolean);
  const laid = others.filter((other) => chosen.has(other.run)).map((other) => other.name);
  const said = words("said", {
    what: words(`said.${view.by}`), weights: words(view.weighted ? "said.weighted" : "said.unweighted"), axis: words(view.log ? "said.log" : "said.linear"),
    step: `${words("step")} ${Math.round(data[data.length - 1].step)}`, lines: lines.join("; "),
  });
  return laid.length ? `${said} ${words("said.over", { names: laid.join("; ") })}` : said;
}

const endOf = (key) => termOf(key).replace(`${playgroundSay("term.style")} conv`, "conv");
// The names at the lines' ends have as much room as the longest needs, which only grows while one looks at the same lines.
const ruler = document.createElement("canvas").getContext("2d");
let roomy = { of: "", wide: 0 };
function room(names, data) {
  if (!data.length) return;
  const of = `${run} ${view.by} ${view.weighted}`, last = data[data.length - 1];
  const family = getComputedStyle(figure()).fontFamily;
  const measured = (text, weight) => { ruler.font = `${weight} 12px ${family}`; return ruler.measureText(text).width; };
  const needs = names.map((key) => measured(`${endOf(key)} `, 400) + Math.max(...["0.00888", number(valueOf(last, key))].map((text) => measured(text, 600))) + 6);
  const wide = Math.ceil(Math.max(96, ...needs, roomy.of === of ? roomy.wide : 0));
  if (roomy.of !== of || wide > roomy.wide) figure().style.setProperty("--ends", `min(45%, ${wide}px)`);
  roomy = { of, wide };
}

function label(key) {
  const item = document.createElement("li"), kind = key.split(":")[0];
  item.dataset.key = key;
  item.innerHTML = `<button type="button" class="term" data-term="${key.includes(":") ? "layer" : kind === "total" ? "loss" : kind}"></button> <b></b>`;
  item.firstChild.textContent = endOf(key);
  return item;
}
// Names and figures at the lines' right ends, moved apart so that none covers another.
function ends(names, lines, down, palette, height) {
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

// Pointing: the figures of that moment stand at the lines' ends, its step and size on the axis, what was steered there above, and
// its picture in the easel's corner, where it covers no curve and no button.
const nearest = (at) => sorted().reduce((best, row) => (Math.abs(row.at - at) < Math.abs(best.at - at) ? row : best));
function rowAt(clientX) {
  if (!frame) return null;
  const box = figure().querySelector(".area").getBoundingClientRect();
  const step = ((clientX - box.left - frame.left) / (frame.right - frame.left)) * frame.end;
  return frame.data.reduce((best, row) => (Math.abs(row.step - step) < Math.abs(best.step - step) ? row : best));
}
function stand(place, html, x) {
  place.hidden = !html;
  place.innerHTML = html;
  const free = figure().querySelector(".area").clientWidth - place.offsetWidth;
  place.style.left = `${Math.max(0, Math.min(free, x - place.offsetWidth / 2))}px`;
}
const NEAR = 8; // pixels between a flag and what is pointed at
function point(row) {
  pointed = row.at;
  const tip = document.getElementById("hover-picture"), x = frame.across(row.step);
  const steered = frame.flags.filter(([step]) => Math.abs(frame.across(step) - x) <= NEAR).map(([, text]) => text);
  const values = shown(keys).map((key) => `${termOf(key)} ${number(valueOf(row, key))}`).join(" · ");
  stand(figure().querySelector(".tip"), `<b>${words("step")} ${Math.round(row.step)}</b> · ${row.size ? `${row.size} px · ` : ""}${Math.round(row.seconds)} s`, x);
  const list = document.createElement("span");
  list.textContent = steered.join(" · ");
  stand(figure().querySelector(".steered"), list.innerHTML, x);
  figure().querySelector(".for-ears").textContent = [`${words("step")} ${Math.round(row.step)}: ${values}`, ...steered].join(" · ");
  if (tip) {
    const easel = document.getElementById("easel").getBoundingClientRect(), own = figure().getBoundingClientRect();
    const corner = easel.bottom > 150 ? easel : own; // scrolled away, it is no place
    tip.classList.add("pointing");
    tip.style.left = `${corner.left + 6}px`;
    tip.style.bottom = `${innerHeight - corner.bottom + 6}px`;
  }
  asked = row.at;
  if (!timer) timer = setTimeout(() => { timer = null; if (asked !== null) trigger("select", { evaluation: asked }); }, 140);
  later();
}
function leave() {
  pointed = asked = null;
  document.getElementById("hover-picture")?.classList.remove("pointing");
  for (const tip of figure()?.querySelectorAll(".tip, .steered") || []) tip.hidden = true;
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
  point(row);
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
  const row = frame.data[Math.min(frame.data.length - 1, Math.max(0, now + step))];
  point(row);
});
build();
take();
watch("value", take);
