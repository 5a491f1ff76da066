// A field between three or four paintings: the nearer the dot is to one, the more of it. By mouse, pen, finger and keyboard.
// In a triangle the shares are barycentric coordinates, in a square bilinear ones; the weights are shares over the largest.
const WIDTH = 176, HEIGHT = 152, EDGE = 24, STEP = 0.05;
const CORNERS = { 3: [[0.5, 0], [1, 1], [0, 1]], 4: [[0, 0], [1, 0], [1, 1], [0, 1]] };
const words = (key, values) => playgroundSay(`blend.${key}`, values);
const pad = element.querySelector(".blend");
let count = 0, spot = [0.5, 0.5], held = false;

function sharesAt([x, y]) {
  if (count === 4) return [(1 - x) * (1 - y), x * (1 - y), x * y, (1 - x) * y];
  const top = 1 - y, right = x - top / 2;
  return [top, right, 1 - top - right];
}
function within([x, y]) {
  const inside = (value) => Math.min(1, Math.max(0, value));
  y = inside(y);
  const room = count === 3 ? y / 2 : 0.5; // the triangle is as wide as it is deep there
  return [Math.min(0.5 + room, Math.max(0.5 - room, x)), y];
}
function spotOf(weights) {
  const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  return [0, 1].map((axis) => weights.reduce((sum, weight, place) => sum + (weight / whole) * CORNERS[count][place][axis], 0));
}
const pixels = ([x, y]) => [EDGE + x * (WIDTH - 2 * EDGE), EDGE + y * (HEIGHT - 2 * EDGE)];

function build() {
  const outline = CORNERS[count].map((corner) => pixels(corner).join(",")).join(" ");
  const corners = CORNERS[count].map((corner, place) => {
    const [left, top] = pixels(corner);
    return `<span class="corner" style="left:${left}px;top:${top}px" aria-hidden="true"><b>${place + 1}</b></span>`;
  });
  pad.innerHTML = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true"><polygon points="${outline}"/></svg>${corners.join("")}
    <button type="button" class="dot" role="slider" aria-label="${words("label")}" aria-valuemin="0" aria-valuemax="100"></button>`;
  const dot = pad.querySelector(".dot");
  pad.onpointerdown = (event) => { pad.setPointerCapture(event.pointerId); held = true; move(at(event)); dot.focus({ preventScroll: true }); event.preventDefault(); };
  pad.onpointermove = (event) => { if (held) move(at(event)); };
  pad.onpointerup = pad.onpointercancel = () => { held = false; };
  dot.onkeydown = (event) => {
    const step = event.shiftKey ? 0.01 : STEP, corner = CORNERS[count][Number(event.key) - 1];
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (ways[event.key]) move(spot.map((value, axis) => value + ways[event.key][axis]));
    else if (event.key === "Home") move(spotOf(CORNERS[count].map(() => 1)));
    else if (corner) move(spot.map((value, axis) => value + (corner[axis] - value) * 4 * STEP));
    else return;
    event.preventDefault(); event.stopPropagation();
  };
}
function at(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left - EDGE) / (WIDTH - 2 * EDGE), (event.clientY - box.top - EDGE) / (HEIGHT - 2 * EDGE)];
}
function move(to) {
  spot = within(to);
  place();
  const shares = sharesAt(spot), most = Math.max(...shares);
  props.value = { ...props.value, weights: shares.map((share) => Math.round(share / most / 0.05) / 20) };
  trigger("input");
}
function place() {
  const dot = pad.querySelector(".dot"), [left, top] = pixels(spot), shares = sharesAt(spot).map((share) => Math.round(100 * share));
  dot.style.left = `${left}px`;
  dot.style.top = `${top}px`;
  dot.setAttribute("aria-valuenow", shares[0]);
  dot.setAttribute("aria-valuetext", shares.map((percent, at) => words("share", { number: at + 1, percent })).join(", "));
}
function show() {
  const weights = props.value?.weights ?? [];
  if (!pad || !CORNERS[weights.length]) return;
  if (count !== weights.length) { count = weights.length; build(); }
  for (const [number, corner] of pad.querySelectorAll(".corner").entries()) {
    const picture = document.querySelector(number ? `#thumbnail-${number + 1} img` : "#style img");
    corner.style.backgroundImage = picture ? `url("${picture.src}")` : "";
  }
  if (!held) { spot = within(spotOf(weights)); place(); }
}
watch("value", () => setTimeout(show)); // once the strip beside it stands
show();
