// Before and after: both pictures fill one frame in the same way, whatever its shape, so that they line up to the pixel; a
// line between them is dragged or moved by arrow keys. Hold the button or B for the photo alone; zoom to the picture's own
// pixels and pan; full screen.
const root = () => element.querySelector(".viewer");
let at = 50, zoom = 1, x = 0, y = 0, shown = "";
const held = matchMedia("(pointer: coarse)").matches ? "hold_here" : "hold"; // fingers have no key B
const words = (key) => playgroundSay(`viewer.${key}`);

function build() {
  root().innerHTML = `<div class="frame"><img class="after" alt=""><img class="before" alt=""><span class="line"></span></div><p class="said" hidden></p>
    <input type="range" min="0" max="100" value="50" aria-label="">
    <div class="tools"><button type="button" data-do="hold" aria-pressed="false"></button><button type="button" data-do="zoom" aria-pressed="false"></button><button type="button" data-do="full"></button></div>`;
  const label = (query, key) => { root().querySelector(query).textContent = words(key); };
  label("[data-do=hold]", held); label("[data-do=zoom]", "zoom"); label("[data-do=full]", "full");
  root().querySelector("input").setAttribute("aria-label", words("divide"));
  root().querySelector(".after").alt = words("after");
  root().querySelector(".before").alt = words("before");
}

function show() {
  const value = props.value;
  if (!value || !root()) return;
  if (!root().firstChild) build();
  root().querySelector("[data-do=hold]").textContent = value.held || words(held);
  const said = root().querySelector(".said");
  said.textContent = value.said || "";
  said.hidden = !value.said;
  if (shown !== value.after) {
    shown = value.after;
    root().querySelector(".before").src = value.before;
    root().querySelector(".after").src = value.after;
    zoom = 1; x = y = 0;
  }
  place();
}
function place() {
  const frame = root().querySelector(".frame"), range = root().querySelector("input");
  const held = root().classList.contains("holding");
  range.value = at;
  range.setAttribute("aria-valuetext", `${Math.round(at)} %`);
  frame.style.setProperty("--zoom", zoom); frame.style.setProperty("--x", `${x}px`); frame.style.setProperty("--y", `${y}px`);
  // The line belongs to the frame, the cut to the picture inside it: where the picture is narrower, at its edges.
  const box = frame.getBoundingClientRect(), picture = inside(box);
  const cut = (at / 100) * box.width, left = box.width / 2 + x - (picture.width * zoom) / 2;
  const share = Math.min(1, Math.max(0, (cut - left) / (picture.width * zoom)));
  const margin = (box.width - picture.width) / 2;
  root().querySelector(".before").style.clipPath = held ? "none" : `inset(0 ${box.width - margin - share * picture.width}px 0 0)`;
  root().querySelector(".line").style.left = `${at}%`;
  root().querySelector(".line").hidden = held;
  root().querySelector("[data-do=zoom]").setAttribute("aria-pressed", String(zoom !== 1));
  frame.classList.toggle("zoomed", zoom !== 1);
}
function inside(box) {
  const [width, height] = props.value?.size || [1, 1], fit = Math.min(box.width / width, box.height / height);
  return { width: width * fit, height: height * fit, fit };
}
function hold(on) {
  if (!root()?.firstChild || root().classList.contains("holding") === on) return;
  root().classList.toggle("holding", on);
  root().querySelector("[data-do=hold]").setAttribute("aria-pressed", String(on));
  place();
}
function pan(dx, dy) {
  const box = root().querySelector(".frame").getBoundingClientRect(), picture = inside(box);
  const roomX = Math.max(0, (picture.width * zoom - box.width) / 2), roomY = Math.max(0, (picture.height * zoom - box.height) / 2);
  x = Math.min(roomX, Math.max(-roomX, x + dx)); y = Math.min(roomY, Math.max(-roomY, y + dy));
  place();
}

let drag = null;
element.addEventListener("pointerdown", (event) => {
  if (event.target.closest("[data-do=hold]")) return hold(true);
  const frame = event.target.closest(".frame");
  if (!frame || event.button !== 0) return;
  const box = frame.getBoundingClientRect(), near = Math.abs(event.clientX - box.left - (at / 100) * box.width) < 24;
  drag = { line: zoom === 1 || near, x: event.clientX, y: event.clientY };
  frame.setPointerCapture(event.pointerId);
  event.preventDefault();
  if (drag.line) { at = Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)); place(); }
});
element.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const box = root().querySelector(".frame").getBoundingClientRect();
  if (drag.line) { at = Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)); place(); }
  else { pan(event.clientX - drag.x, event.clientY - drag.y); drag.x = event.clientX; drag.y = event.clientY; }
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { drag = null; hold(false); });
element.addEventListener("input", (event) => { if (event.target.matches("input")) { at = Number(event.target.value); place(); } });
element.addEventListener("click", (event) => {
  const what = event.target.closest("[data-do]")?.dataset.do;
  if (what === "zoom") {
    const { fit } = inside(root().querySelector(".frame").getBoundingClientRect()), own = 1 / fit / (devicePixelRatio || 1);
    zoom = zoom === 1 ? (own > 1.05 || own < 0.95 ? own : 2) : 1; x = y = 0; place();
  }
  if (what === "full") {
    if (document.fullscreenElement) document.exitFullscreen(); else root().requestFullscreen?.();
  }
});
const typing = (node) => node?.matches?.("textarea, select, [contenteditable], input:not([type=range]):not([type=checkbox]):not([type=radio])");
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "b" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !element.offsetParent) return;
  hold(true);
});
document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "b") hold(false); });
new ResizeObserver(() => root()?.firstChild && place()).observe(element);
document.addEventListener("fullscreenchange", () => root()?.firstChild && requestAnimationFrame(place));
show();
watch("value", show);
