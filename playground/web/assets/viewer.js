// Before and after: both pictures fill one frame in the same way, whatever its shape, so that they line up to the pixel; a
// line over the picture is dragged or moved by arrow keys. Hold the button or B for the photo alone; zoom to the picture's own
// pixels, or as many times larger as is seen, and pan; full screen.
const root = () => element.querySelector(".viewer");
const part = (query) => root().querySelector(query);
const fingers = matchMedia("(pointer: coarse)").matches, held = fingers ? "hold_here" : "hold"; // fingers have no key B
const words = (key, values) => playgroundSay(`viewer.${key}`, values);
let at = 50, zoomed = false, x = 0, y = 0, shown = ""; // at: where the line is, in percent of what is seen of the picture

function build() {
  root().innerHTML = `<div class="frame"><img class="after" alt="" draggable="false"><img class="before" alt="" draggable="false"><span class="line"></span></div><p class="said" hidden></p>
    <input type="range" min="0" max="100" value="50" aria-label="">
    <div class="tools"><button type="button" data-do="hold" aria-pressed="false"></button><button type="button" data-do="zoom" aria-pressed="false"></button><button type="button" data-do="full"></button></div>`;
  part("[data-do=full]").hidden = !document.fullscreenEnabled; // as on a small phone
  part("input").setAttribute("aria-label", words("divide"));
  part(".after").alt = words("after");
  part(".before").alt = words("before");
}

function show() {
  const value = props.value;
  if (!value || !root()) return;
  if (!root().firstChild) build();
  part("[data-do=hold]").textContent = value.held || words(held);
  const said = part(".said");
  said.textContent = value.said || "";
  said.hidden = !value.said;
  if (shown !== value.after) {
    shown = value.after;
    part(".before").src = value.before;
    part(".after").src = value.after;
    zoomed = false; x = y = 0;
  }
  place();
}

// How large the picture is in the frame, how much larger it can be looked at, and what of it is seen, in the frame's pixels.
function looked() {
  const box = part(".frame").getBoundingClientRect(), [width, height] = props.value?.size || [1, 1];
  const fit = Math.min(box.width / width, box.height / height), own = fit * (devicePixelRatio || 1); // the screen's pixels for one of its own
  const level = [1, 2, 4, 8, 16, 32].find((times) => times > own * (times === 1 ? 1.05 : 1.5)) || 32;
  const zoom = zoomed ? level / own : 1, size = [width * fit, height * fit], free = [box.width - size[0] * zoom, box.height - size[1] * zoom];
  x = Math.max(Math.min(0, free[0] / 2), Math.min(Math.max(0, -free[0] / 2), x));
  y = Math.max(Math.min(0, free[1] / 2), Math.min(Math.max(0, -free[1] / 2), y));
  const left = free[0] / 2 + x, top = free[1] / 2 + y;
  const seen = { left: Math.max(0, left), top: Math.max(0, top), right: Math.min(box.width, box.width - free[0] / 2 + x), bottom: Math.min(box.height, box.height - free[1] / 2 + y) };
  return { box, size, zoom, level, left, seen, line: seen.left + (at / 100) * (seen.right - seen.left) };
}
function place() {
  const { box, size, zoom, level, left, seen, line } = looked(), frame = part(".frame"), range = part("input");
  const holding = root().classList.contains("holding"), stroke = part(".line"), tools = part(".tools");
  range.value = at;
  range.setAttribute("aria-valuetext", `${Math.round(at)} %`);
  Object.assign(range.style, { left: `${frame.offsetLeft + seen.left}px`, width: `${seen.right - seen.left}px` });
  frame.style.setProperty("--zoom", zoom); frame.style.setProperty("--x", `${x}px`); frame.style.setProperty("--y", `${y}px`);
  // What is cut off is said of the image element, which is as large as the frame, before it is zoomed.
  const margin = (box.width - size[0]) / 2, share = (line - left) / (size[0] * zoom);
  part(".before").style.clipPath = holding ? "none" : `inset(0 ${box.width - margin - share * size[0]}px 0 0)`;
  Object.assign(stroke.style, { left: `${line}px`, top: `${seen.top}px`, height: `${seen.bottom - seen.top}px` });
  stroke.hidden = holding;
  frame.classList.toggle("zoomed", zoomed);
  frame.classList.toggle("pixels", zoomed && level > 1);
  const button = part("[data-do=zoom]"), percent = 100 * level;
  button.textContent = words("zoom", { percent });
  button.title = words("zoom_help", { percent });
  button.setAttribute("aria-pressed", String(zoomed));
  part("[data-do=full]").textContent = words(!document.fullscreenElement ? "full" : fingers ? "leave_here" : "leave");
  // One below the other beside the picture where there is room, so that they cover nothing of it.
  const widest = Math.max(...[...tools.children].map((one) => one.offsetWidth));
  tools.classList.toggle("aside", !zoomed && margin > widest + 12);
}
function hold(on) {
  if (!root()?.firstChild || root().classList.contains("holding") === on) return;
  root().classList.toggle("holding", on);
  part("[data-do=hold]").setAttribute("aria-pressed", String(on));
  place();
}

// A drag anywhere on the picture moves the line, or the picture where it is zoomed; also one that begins on a button over it.
const GRIP = 24, SLIDE = 6; // pixels around the line that take it when zoomed; that make a press on a button a drag
let drag = null, slid = false;
function follow(event) {
  if (drag.moves) { x += event.clientX - drag.x; y += event.clientY - drag.y; drag.x = event.clientX; drag.y = event.clientY; }
  else {
    const { box, seen } = looked();
    at = Math.min(100, Math.max(0, (100 * (event.clientX - box.left - seen.left)) / (seen.right - seen.left)));
  }
  place();
}
element.addEventListener("pointerdown", (event) => {
  slid = false;
  if (event.target.closest("[data-do=hold]")) return hold(true);
  const frame = event.target.closest(".frame"), tool = event.target.closest(".tools button");
  if ((!frame && !tool) || event.button !== 0) return;
  const { box, line } = looked();
  drag = { moves: zoomed && Math.abs(event.clientX - box.left - line) >= GRIP, x: event.clientX, y: event.clientY, tool };
  if (tool) return;
  frame.setPointerCapture(event.pointerId);
  event.preventDefault();
  follow(event);
});
element.addEventListener("pointermove", (event) => {
  if (!drag) return;
  if (drag.tool) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < SLIDE) return;
    drag.tool = null; slid = true;
    part(".frame").setPointerCapture(event.pointerId);
  }
  root().classList.add("dragging");
  follow(event);
});
for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => { drag = null; root()?.classList.remove("dragging"); hold(false); });
}
element.addEventListener("input", (event) => { if (event.target.matches("input")) { at = Number(event.target.value); place(); } });
element.addEventListener("click", (event) => {
  const what = slid ? "" : event.target.closest("[data-do]")?.dataset.do;
  slid = false;
  if (what === "zoom") { zoomed = !zoomed; x = y = 0; place(); }
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
