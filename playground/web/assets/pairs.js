// Pairs: the Gram matrix to touch. A cell is the average of two maps' product, and the product glows on the pictures; all of it
// is multiplied here, so that pointing at a cell asks nobody. What is shown comes from lenses.py: eight-bit maps of a few channels.
const NAMES = ["photo", "painting", "shown"], EVERY = 2.5, MATRIX = 132, PICTURE = 480, PHONE = 10;
const { follow, receive, unpacked, picture, heat, glow, number } = playgroundLens;
const words = (key, values) => playgroundSay(`pairs.${key}`, values);
let key = "", version = "", about = null, given = {}, wantedLayer = null;
let chosen = [0, 0], pointed = null, scrambled = false, pin = null;

const root = () => element.querySelector(".pairs");
const find = (place) => root().querySelector(place);
const theirs = () => (given.shown ? "shown" : "photo"); // what stands beside the painting

function build() {
  root().innerHTML = `<div class="lens-bar"><span class="layers" role="group" aria-label="${words("layer")}"></span>
      <button type="button" class="scramble" aria-pressed="false">${words("scramble")}</button><span class="lens-what"></span></div>
    <p class="message error" role="alert" hidden></p>
    <div class="pairs-body" hidden><div class="matrices" tabindex="0" role="img"></div>
      <p class="strongest-head"></p><ol class="strongest"></ol><div class="glows"></div>
      <p class="lens-said" role="status"></p><p class="pinned" hidden></p><p class="hint"></p></div>
    <p class="hint lens-wait">${playgroundSay("lens.waiting")}</p>`;
}

// ---------------------------------------------------------------- what comes

const lens = follow(element, (turn, at) => trigger("select", { turn, at, layer: wantedLayer, has: key, version }), EVERY);

async function read(part) {
  const [image, bytes] = await Promise.all([picture(part.picture), unpacked(part.maps)]);
  const [width, height] = part.size, count = width * height;
  return { ...part, image, count, maps: part.scales.map((scale, i) => bytes.subarray(i * count, (i + 1) * count)) };
}
const take = receive(element, lens, read, (value, parts) => {
  if (value.key !== key) { given = {}; if (key.split(" ").pop() !== value.layer || key === "") chosen = strongest(value, parts)[0] || [0, 0]; pin = null; }
  if (!value.has_shown) delete given.shown;
  Object.assign(given, parts);
  key = value.key;
  version = value.version;
  about = value;
  if (pin) remember();
  show();
});

// ---------------------------------------------------------------- numbers

// The product of two channels' maps at every position, in the order in which the positions are shown.
function product(part, [i, j]) {
  const a = part.maps[i], b = part.maps[j], scale = part.scales[i] * part.scales[j], order = scrambled ? shuffle(part) : null;
  const found = new Float32Array(part.count);
  for (let at = 0; at < part.count; at++) found[order ? order[at] : at] = a[at] * b[at] * scale;
  return found;
}
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// Where each position goes, the same for all channels of a picture.
function shuffle(part) {
  if (part.order) return part.order;
  const order = Uint32Array.from({ length: part.count }, (_, i) => i);
  let seed = 1;
  for (let i = order.length - 1; i > 0; i--) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    const other = seed % (i + 1);
    [order[i], order[other]] = [order[other], order[i]];
  }
  return (part.order = order);
}

// Pairs by how far the painting is from what stands beside it, the furthest first; each pair once.
function strongest(value, parts) {
  const painting = parts.painting || given.painting, other = parts.shown || given.shown || parts.photo || given.photo, found = [];
  if (!painting || !other) return [];
  value.channels.forEach((_, i) => { for (let j = i; j < value.channels.length; j++) found.push([i, j, Math.abs(painting.cells[i][j] - other.cells[i][j])]); });
  return found.sort((a, b) => b[2] - a[2]).map(([i, j]) => [i, j]);
}
const channel = (i) => about.channels[i];
const cell = (name, [i, j]) => given[name]?.cells[i][j];

// ---------------------------------------------------------------- what is drawn

function show() {
  find(".pairs-body").hidden = false;
  find(".lens-wait").hidden = true;
  find(".layers").innerHTML = about.layers.map((name) => `<button type="button" data-layer="${name}" aria-pressed="${name === about.layer}">${name}</button>`).join("");
  find(".lens-what").textContent = about.said;
  find(".scramble").setAttribute("aria-pressed", String(scrambled));
  const share = Math.round(100 * about.share);
  const lamps = about.layer === "conv4_1" ? ` ${words("lamps")}` : "";
  const hands = words(matchMedia("(max-width: 767px)").matches ? "hands_list" : "hands"); // there the pairs are a list (lens.css)
  find(".hint").textContent = `${hands} ${words("block", { count: about.channels.length, all: about.all, layer: about.layer, share, side: about.side })}${lamps}`;
  const matrices = find(".matrices"), kinds = ["painting", theirs(), "difference"];
  if (matrices.dataset.kinds !== kinds.join()) {
    matrices.dataset.kinds = kinds.join();
    matrices.innerHTML = kinds.map((kind) => `<figure data-kind="${kind}"><canvas width="${MATRIX}" height="${MATRIX}"></canvas><figcaption>${words(kind)}</figcaption></figure>`).join("");
    find(".glows").innerHTML = NAMES.filter((name) => given[name]).map((name) => `<figure data-name="${name}"><canvas class="glow"></canvas>
      <span class="two"><canvas class="map"></canvas><canvas class="map"></canvas></span><figcaption>${words(name)}</figcaption></figure>`).join("");
  }
  find(".strongest-head").textContent = words("strongest", { count: PHONE, other: words(theirs()) });
  find(".strongest").innerHTML = strongest(about, given).slice(0, PHONE).map(([i, j]) =>
    `<li><button type="button" data-cell="${i},${j}">${words("pair", { first: channel(i), second: channel(j) })} <b>${number(cell("painting", [i, j]))} · ${number(cell(theirs(), [i, j]))}</b></button></li>`).join("");
  drawMatrices();
  drawCell();
}

function drawMatrices() {
  const at = pointed || chosen, ours = theirs(), side = MATRIX / about.channels.length;
  const most = Math.max(...["painting", ours].flatMap((name) => given[name].cells.flat()), 1e-12);
  root().querySelectorAll(".matrices figure").forEach((figure) => {
    const paint = figure.querySelector("canvas").getContext("2d"), kind = figure.dataset.kind;
    about.channels.forEach((_, i) => about.channels.forEach((_, j) => {
      const value = kind === "difference" ? Math.abs(cell("painting", [i, j]) - cell(ours, [i, j])) : cell(kind, [i, j]);
      paint.fillStyle = `rgb(${heat(Math.sqrt(value / most)).join()})`; // a root, or a few strong cells leave the others black
      paint.fillRect(j * side, i * side, side, side);
    }));
    const frame = ([i, j], colour, width) => {
      paint.lineWidth = width;
      paint.strokeStyle = colour;
      paint.strokeRect(j * side + 1, i * side + 1, side - 2, side - 2);
    };
    if (pin) { frame(pin.at, "#000", 3); frame(pin.at, "#7fe0ff", 1.5); }
    frame(at, "#000", 4);
    frame(at, "#fff", 2);
  });
}

function drawCell() {
  const at = pointed || chosen, products = {};
  for (const name of NAMES) if (given[name]) products[name] = product(given[name], at);
  const most = Object.values(products).reduce((top, values) => values.reduce((a, b) => Math.max(a, b), top), 1e-12);
  root().querySelectorAll(".glows figure").forEach((figure) => {
    const part = given[figure.dataset.name], [glowing, first, second] = figure.querySelectorAll("canvas");
    const [width, height] = part.size, light = products[figure.dataset.name].map((value) => Math.sqrt(value / most)); // a root, as in the matrices
    if (glowing.width !== PICTURE || glowing.dataset.of !== part.picture.slice(-40)) {
      glowing.width = PICTURE;
      glowing.height = Math.round((PICTURE * part.image.height) / part.image.width);
      glowing.dataset.of = part.picture.slice(-40);
    }
    glow(glowing, scrambled ? mixed(part) : part.image, light, part.size);
    figure.dataset.average = average(products[figure.dataset.name]);
    figure.dataset.cell = cell(figure.dataset.name, at);
    [[first, at[0]], [second, at[1]]].forEach(([canvas, i]) => drawMap(canvas, part, i, Math.max(...NAMES.map((name) => (given[name] ? 255 * given[name].scales[i] : 0)))));
    glowing.setAttribute("role", "img");
    glowing.setAttribute("aria-label", words("glow_of", { name: words(figure.dataset.name) }));
    figure.style.flexGrow = width / height; // so that all are equally high
  });
  const said = sentence(at);
  if (find(".lens-said").textContent !== said) find(".lens-said").textContent = said;
  find(".matrices").setAttribute("aria-label", `${words("matrices")} ${said} ${words("keys")}`);
  root().querySelectorAll(".strongest button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.cell === at.join())));
  drawPin();
}

function drawMap(canvas, part, i, most) {
  const [width, height] = part.size, shade = new ImageData(width, height), order = scrambled ? shuffle(part) : null;
  canvas.width = width;
  canvas.height = height;
  for (let at = 0; at < part.count; at++) {
    const to = order ? order[at] : at, [r, g, b] = TABLE[Math.round((255 * part.maps[i][at] * part.scales[i]) / Math.max(most, 1e-12))];
    shade.data.set([r, g, b, 255], 4 * to);
  }
  canvas.getContext("2d").putImageData(shade, 0, 0);
  canvas.setAttribute("aria-hidden", "true");
}
const TABLE = Array.from({ length: 256 }, (_, i) => heat(i / 255));

// The picture itself with its pieces where their positions have gone.
function mixed(part) {
  if (part.mixed) return part.mixed;
  const canvas = document.createElement("canvas"), [width, height] = part.size, order = shuffle(part);
  canvas.width = part.image.width;
  canvas.height = part.image.height;
  const paint = canvas.getContext("2d"), x = canvas.width / width, y = canvas.height / height;
  for (let at = 0; at < part.count; at++) {
    const to = order[at];
    paint.drawImage(part.image, (at % width) * x, Math.floor(at / width) * y, x, y, (to % width) * x, Math.floor(to / width) * y, x, y);
  }
  return (part.mixed = canvas);
}

function sentence(at) {
  const [i, j] = at, values = { first: channel(i), second: channel(j), painting: number(cell("painting", at)), photo: number(cell("photo", at)) };
  const who = words(i === j ? "alone" : "together", values);
  const figures = given.shown ? words("figures", { ...values, shown: number(cell("shown", at)) }) : words("figures_before", values);
  return `${who} ${figures} ${words(scrambled ? "scrambled" : "average")}`;
}

// ---------------------------------------------------------------- a pinned cell

function togglePin(at) {
  pin = pin && pin.at.join() === at.join() ? null : { at, values: [] };
  if (pin) remember();
  drawMatrices();
  drawPin();
}
function remember() {
  const value = cell(theirs(), pin.at);
  if (pin.values[pin.values.length - 1] !== value) pin.values.push(value);
  if (pin.values.length > 60) pin.values.splice(1, 1);
}
function drawPin() {
  const place = find(".pinned");
  place.hidden = !pin;
  if (!pin) return;
  const [i, j] = pin.at, goal = cell("painting", pin.at), now = pin.values[pin.values.length - 1], top = Math.max(goal, ...pin.values, 1e-12);
  const x = (n) => (pin.values.length > 1 ? (n / (pin.values.length - 1)) * 116 + 2 : 118), y = (value) => 26 - (24 * value) / top;
  place.innerHTML = `<svg viewBox="0 0 120 28" aria-hidden="true"><line x1="0" x2="120" y1="${y(goal)}" y2="${y(goal)}"/>
    <polyline points="${pin.values.map((value, n) => `${x(n)},${y(value)}`).join(" ")}"/><circle r="2.5" cx="${x(pin.values.length - 1)}" cy="${y(now)}"/></svg><span></span>`;
  place.querySelector("span").textContent = words("pin", { first: channel(i), second: channel(j), from: number(pin.values[0]), now: number(now), goal: number(goal) });
}

// ---------------------------------------------------------------- hands

function cellAt(event) {
  const canvas = event.target.closest?.(".matrices canvas");
  if (!canvas) return null;
  const box = canvas.getBoundingClientRect(), count = about.channels.length;
  const place = (at, length) => Math.max(0, Math.min(count - 1, Math.floor((count * at) / length)));
  return [place(event.clientY - box.top, box.height), place(event.clientX - box.left, box.width)];
}
function point(at) {
  if (String(at) === String(pointed)) return;
  pointed = at;
  drawMatrices();
  drawCell();
}
element.addEventListener("pointermove", (event) => about && point(cellAt(event)));
element.addEventListener("pointerleave", () => about && point(null));
element.addEventListener("click", (event) => {
  const layer = event.target.closest("[data-layer]"), listed = event.target.closest("[data-cell]"), at = about && cellAt(event);
  if (layer) { wantedLayer = layer.dataset.layer; lens.renew(0); }
  if (event.target.closest(".scramble")) { scrambled = !scrambled; show(); }
  if (listed && listed.matches("button")) { chosen = listed.dataset.cell.split(",").map(Number); pointed = null; show(); root().querySelector(`.strongest [data-cell="${chosen}"]`)?.focus(); }
  if (at) { chosen = at; togglePin(at); drawCell(); }
});
element.addEventListener("keydown", (event) => {
  if (!about || !event.target.matches(".matrices")) return;
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key], last = about.channels.length - 1;
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); return togglePin(chosen); }
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  pointed = null;
  chosen = chosen.map((place, n) => Math.max(0, Math.min(last, place + step[n])));
  drawMatrices();
  drawCell();
});
build();
take(props.value);
watch("value", () => take(props.value));
