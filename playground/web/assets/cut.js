// What is cut off the photo, and off a painting that is as large as the result, is dimmed on the pictures themselves; a line
// under them says so for everybody. The value: {"content": "W:H" or "none", "style": the same}.
const NAMES = ["content", "style"];
const shapeOf = (name) => props.value?.[name] || "none";

function draw(name) {
  const box = document.querySelector(`#${name}.picture-box`), image = box?.querySelector("img");
  const cut = shapeOf(name) !== "none" && image?.naturalWidth > 0;
  let veil = box?.querySelector(":scope > .cut-veil");
  box?.classList.toggle("is-cut", cut);
  if (!cut) return veil?.remove();
  if (!veil) { veil = document.createElement("span"); veil.className = "cut-veil"; veil.setAttribute("aria-hidden", "true"); box.append(veil); }
  const frame = image.getBoundingClientRect(), around = box.getBoundingClientRect();
  const fit = Math.min(frame.width / image.naturalWidth, frame.height / image.naturalHeight);
  const width = image.naturalWidth * fit, height = image.naturalHeight * fit;
  const [across, down] = shapeOf(name).split(":").map(Number), times = Math.min(width / across, height / down);
  Object.assign(veil.style, {
    left: `${frame.left - around.left - box.clientLeft + (frame.width - width) / 2}px`, width: `${width}px`, height: `${height}px`,
    top: `${frame.top - around.top - box.clientTop + (frame.height - height) / 2}px`,
    borderWidth: `${(height - down * times) / 2}px ${(width - across * times) / 2}px`,
  });
}
function show() {
  NAMES.forEach(draw);
  const said = [];
  if (shapeOf("content") !== "none") said.push(playgroundSay("cut.content", { shape: shapeOf("content") }));
  if (shapeOf("style") !== "none") said.push(playgroundSay("cut.style"));
  const line = element.querySelector(".cut-line");
  if (line) line.textContent = said.join(" ");
}
let waiting = 0;
const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(show); };
const ours = (node) => node === element || element.contains(node) || node.classList?.contains("cut-veil");
const around = element.closest(".room-sources") || document.body;
new ResizeObserver(soon).observe(around);
around.addEventListener("load", soon, true); // of a picture
new MutationObserver((changes) => {
  if (changes.some((change) => !ours(change.target) && [...change.addedNodes, ...change.removedNodes].some((node) => !ours(node)))) soon();
}).observe(around, { childList: true, subtree: true });
show();
watch("value", show);
