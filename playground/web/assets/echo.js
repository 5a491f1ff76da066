// Echo: what a layer finds alike. One points at a spot, and alike places light up in all pictures; the cosines are worked out
// here from the short vectors that lenses.py sends once a layer, so that pointing asks nobody.
const NAMES = ["photo", "painting", "shown"], EVERY = 8, WIDTH = 480, ALIKE = 0.5, FEW = 0.005; // as in lens/similarity.py
const { follow, receive, unpacked, picture, glow } = playgroundLens;
const words = (key, values) => playgroundSay(`echo.${key}`, values);
let version = "", about = null, given = {}, wantedLayer = null, spot = null, saying = null;

const root = () => element.querySelector(".echo");
const find = (place) => root().querySelector(place);

function build() {
  root().innerHTML = `<div class="lens-bar"><label class="echo-layer"><span></span><input type="range" min="0" max="1" step="1" aria-label="${words("layer")}"><output></output></label><span class="lens-what"></span></div>
    <p class="message error" role="alert" hidden></p>
    <div class="echo-body" hidden><div class="glows"></div><p class="lens-said" role="status"></p><p class="hint"></p></div>
    <p class="hint lens-wait">${playgroundSay("lens.waiting")}</p>`;
  find(".echo-layer span").textContent = words("layer");
}

const lens = follow(element, (turn, at) => trigger("select", { turn, at, layer: wantedLayer, version }), EVERY);

async function read(part, value) {
  const [image, bytes] = await Promise.all([picture(part.picture), unpacked(part.vectors)]), vectors = new Int8Array(bytes.buffer);
  return { ...part, image, vectors, lengths: lengths(vectors, value.directions) };
}
const take = receive(element, lens, read, (value, parts) => {
  given = parts;
  version = value.version;
  about = value;
  if (!spot || !given[spot.name]) spot = { name: "photo", x: 0.5, y: 0.5 };
  show();
});

function lengths(vectors, n) {
  const found = new Float32Array(vectors.length / n);
  for (let at = 0; at < found.length; at++) {
    let sum = 0;
    for (let i = at * n; i < (at + 1) * n; i++) sum += vectors[i] * vectors[i];
    found[at] = Math.sqrt(sum);
  }
  return found;
}

// The position whose middle is nearest to a place along one side of a picture, and where that middle is, both in pixels.
const { round, min, max } = Math;
const position = (pixel, count) => max(0, min(count - 1, round((pixel - about.field.first) / about.field.spacing)));
const centre = (at) => about.field.first + at * about.field.spacing;
function place() {
  const part = given[spot.name], [columns, rows] = part.size;
  return { column: position(spot.x * part.pixels[0], columns), row: position(spot.y * part.pixels[1], rows) };
}

// How alike every position of a picture is to the spot, from -1 to 1.
function cosines(part, own, at) {
  const n = about.directions, found = new Float32Array(part.lengths.length), here = own.lengths[at];
  if (!here) return found;
  for (let there = 0; there < found.length; there++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += part.vectors[there * n + i] * own.vectors[at * n + i];
    found[there] = part.lengths[there] ? sum / (part.lengths[there] * here) : 0;
  }
  return found;
}

function show() {
  find(".echo-body").hidden = false;
  find(".lens-wait").hidden = true;
  find(".lens-what").textContent = about.said;
  const slider = find(".echo-layer input"), names = NAMES.filter((name) => given[name]);
  slider.max = about.layers.length - 1;
  if (document.activeElement !== slider) slider.value = about.layers.indexOf(about.layer);
  named();
  find(".hint").textContent = words("meaning", { kept: round(100 * about.kept) });
  const glows = find(".glows");
  if (glows.dataset.names !== names.join()) {
    glows.dataset.names = names.join();
    glows.innerHTML = names.map((name) => `<figure data-name="${name}"><canvas tabindex="0" role="img"></canvas><figcaption>${playgroundSay(`pairs.${name}`)}</figcaption></figure>`).join("");
  }
  draw();
}
function named() {
  const layer = about.layers[Number(find(".echo-layer input").value)];
  find(".echo-layer output").textContent = layer;
  find(".echo-layer input").setAttribute("aria-valuetext", layer);
}

function draw() {
  const own = given[spot.name], { row, column } = place(), at = row * own.size[0] + column, shares = {};
  root().querySelectorAll("figure").forEach((figure) => {
    const part = given[figure.dataset.name], canvas = figure.querySelector("canvas"), found = cosines(part, own, at);
    const high = round((WIDTH * part.pixels[1]) / part.pixels[0]);
    if (canvas.width !== WIDTH || canvas.height !== high) { canvas.width = WIDTH; canvas.height = high; }
    figure.style.flexGrow = part.pixels[0] / part.pixels[1]; // so that all are equally high
    glow(canvas, part.image, found.map((value) => (value - ALIKE) / (1 - ALIKE)), part.size); // never stretched to fill the scale
    const same = found.reduce((count, value) => count + (value >= ALIKE), 0) - (part === own ? 1 : 0);
    shares[figure.dataset.name] = same / found.length;
    figure.dataset.most = Math.max(...found);
    canvas.setAttribute("aria-label", words("of", { name: playgroundSay(`pairs.${figure.dataset.name}`) }));
    if (part === own) square(canvas, part, row, column);
    figure.dataset.spot = part === own ? `${column},${row}` : "";
    figure.dataset.strongest = part === own ? String(found[at] >= figure.dataset.most - 1e-6) : "";
  });
  clearTimeout(saying); // ears are told where one stays
  find(".lens-said").setAttribute("aria-live", "off");
  find(".lens-said").textContent = sentence(shares);
  saying = setTimeout(() => find(".lens-said").setAttribute("aria-live", "polite"), 600);
}

// What the layer sees of the picture around the spot.
function square(canvas, part, row, column) {
  const paint = canvas.getContext("2d"), scale = canvas.width / part.pixels[0], side = max(6, about.field.pixels * scale);
  const x = centre(column) * scale - side / 2, y = centre(row) * scale - side / 2;
  paint.globalCompositeOperation = "source-over";
  for (const [colour, width] of [["#000", 5], ["#fff", 2.5]]) {
    paint.lineWidth = width;
    paint.strokeStyle = colour;
    paint.strokeRect(x, y, side, side);
  }
}

function sentence(shares) {
  const list = NAMES.filter((name) => shares[name] >= FEW).map((name) => words("share", { percent: max(1, round(100 * shares[name])), name: playgroundSay(`pairs.${name}`) }));
  const found = list.length ? words("alike", { list: list.join(", ") }) : words("nothing");
  return `${words("field", { layer: about.layer, pixels: about.field.pixels })} ${found}`;
}

// ---------------------------------------------------------------- hands

function point(event) {
  const canvas = event.target.closest?.(".glows canvas");
  if (!canvas || !about) return;
  const box = canvas.getBoundingClientRect(), within = (value) => max(0, min(0.9999, value));
  spot = { name: canvas.closest("figure").dataset.name, x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  draw();
}
element.addEventListener("pointermove", point);
element.addEventListener("pointerdown", point);
element.addEventListener("keydown", (event) => {
  const canvas = event.target.closest(".glows canvas"), step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!canvas || !step || !about) return;
  event.preventDefault();
  event.stopPropagation();
  const name = canvas.closest("figure").dataset.name, part = given[name];
  if (spot.name !== name) spot = { name, x: 0.5, y: 0.5 };
  const { row, column } = place(), [columns, rows] = part.size;
  const to = [max(0, min(columns - 1, column + step[0])), max(0, min(rows - 1, row + step[1]))];
  spot = { name, x: max(0, min(0.9999, centre(to[0]) / part.pixels[0])), y: max(0, min(0.9999, centre(to[1]) / part.pixels[1])) };
  draw();
});
element.addEventListener("input", (event) => {
  if (!event.target.matches(".echo-layer input") || !about) return;
  named();
  wantedLayer = about.layers[Number(event.target.value)];
  lens.renew(0.25);
});
build();
take(props.value);
watch("value", () => take(props.value));
