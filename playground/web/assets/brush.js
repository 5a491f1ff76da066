// Regions painted over the photo: a colour a painting, black for what is left as it is. What is drawn lies on a canvas of the
// map's own size above the photo and goes back as a PNG after every stroke; pointer events are mouse, pen and finger alike.
const COLOURS = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#000000"];
const root = () => element.querySelector(".brush");
const words = (key, values) => playgroundSay(`brush.${key}`, values);
let colour = COLOURS[0], erases = false, width = 26, shown = "", laid = "", last = null;

function build() {
  const pots = COLOURS.map((value, place) => {
    const name = place < 4 ? words("painting", { number: place + 1 }) : words("as_it_is");
    return `<button type="button" class="pot" data-colour="${value}" style="--pot:${value}" aria-label="${name}" title="${name}">${place < 4 ? place + 1 : "–"}</button>`;
  });
  root().innerHTML = `<div class="pots" role="group" aria-label="${words("colours")}">${pots.join("")}<button type="button" class="pot rubber" data-do="erase" aria-label="${words("erase")}" title="${words("erase")}">⌫</button>
    <label>${words("width")} <input type="range" min="4" max="90" value="${width}" aria-label="${words("width")}"></label><button type="button" class="wipe" data-do="clear">${words("clear")}</button></div>
    <div class="ground"><img alt=""><canvas tabindex="0" role="img" aria-label="${words("canvas")}"></canvas></div>`;
  const canvas = root().querySelector("canvas");
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); last = at(event); stroke(last); event.preventDefault(); });
  canvas.addEventListener("pointermove", (event) => { if (last) for (const each of event.getCoalescedEvents?.() ?? [event]) stroke(at(each)); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (last) { last = null; give(); } });
  root().querySelector("input").addEventListener("input", (event) => { width = Number(event.target.value); });
  root().addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.colour) { colour = button.dataset.colour; erases = false; }
    if (button.dataset.do === "erase") erases = true;
    if (button.dataset.do === "clear") { pen().clearRect(0, 0, canvas.width, canvas.height); give(); }
    press();
  });
  press();
}
function press() {
  for (const pot of root().querySelectorAll(".pot")) {
    pot.setAttribute("aria-pressed", String(pot.dataset.do === "erase" ? erases : !erases && pot.dataset.colour === colour));
  }
}
const pen = () => root().querySelector("canvas").getContext("2d");
function at(event) {
  const canvas = root().querySelector("canvas"), box = canvas.getBoundingClientRect();
  return { x: ((event.clientX - box.left) / box.width) * canvas.width, y: ((event.clientY - box.top) / box.height) * canvas.height };
}
function stroke(to) {
  const brush = pen();
  brush.globalCompositeOperation = erases ? "destination-out" : "source-over";
  brush.strokeStyle = colour; brush.lineWidth = width; brush.lineCap = brush.lineJoin = "round";
  brush.beginPath(); brush.moveTo(last.x, last.y); brush.lineTo(to.x + 0.01, to.y); brush.stroke();
  last = to;
}
function give() {
  laid = root().querySelector("canvas").toDataURL("image/png");
  props.value = { ...props.value, strokes: laid };
  trigger("input");
}
function show() {
  const value = props.value;
  if (!value || !value.photo || !root()) return;
  if (!root().firstChild) build();
  const canvas = root().querySelector("canvas");
  if (shown !== value.photo) {
    shown = value.photo; laid = "";
    root().querySelector("img").src = value.photo;
    [canvas.width, canvas.height] = value.size;
    root().querySelector(".ground").style.setProperty("--aspect", value.size[0] / value.size[1]);
  }
  if (laid !== (value.strokes || "")) {
    laid = value.strokes || "";
    const brush = pen(), drawn = new Image();
    brush.globalCompositeOperation = "source-over";
    if (!laid) brush.clearRect(0, 0, canvas.width, canvas.height);
    drawn.onload = () => { brush.clearRect(0, 0, canvas.width, canvas.height); brush.globalCompositeOperation = "source-over"; brush.imageSmoothingEnabled = false; brush.drawImage(drawn, 0, 0, canvas.width, canvas.height); };
    if (laid) drawn.src = laid;
  }
}
watch("value", show);
show();
