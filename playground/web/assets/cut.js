// What is cut off the photo, and off a painting that is as large as the result, is dimmed on the pictures themselves; a line
// under them says so for everybody. The value: {"content": "W:H" or "none", "style": the same}.
const boxes = ["content", "style"].map((name) => document.getElementById(name));

function draw(name, box) {
  const shape = props.value?.[name] || "none", image = box?.querySelector("img");
  const cut = shape !== "none" && image?.naturalWidth > 0;
  box?.classList.toggle("is-cut", cut);
  let veil = box?.querySelector(":scope > .cut-veil");
  if (!cut) return veil?.remove();
  if (!veil) { veil = document.createElement("span"); veil.className = "cut-veil"; veil.setAttribute("aria-hidden", "true"); box.append(veil); }
  const frame = image.getBoundingClientRect(), around = box.getBoundingClientRect();
  const fit = Math.min(frame.width / image.naturalWidth, frame.height / image.naturalHeight);
  const width = image.naturalWidth * fit, height = image.naturalHeight * fit;
  const [across, down] = shape.split(":").map(Number), times = Math.min(width / across, height / down);
  const left = (width - across * times) / 2, top = (height - down * times) / 2;
  Object.assign(veil.style, {
    left: `${frame.left - around.left - box.clientLeft + (frame.width - width) / 2}px`, top: `${frame.top - around.top - box.clientTop + (frame.height - height) / 2}px`,
    width: `${width}px`, height: `${height}px`, borderWidth: `${top}px ${left}px`,
  });
}
function show() {
  boxes.forEach((box, at) => draw(["content", "style"][at], box));
  const said = [];
  if ((props.value?.content || "none") !== "none") said.push(playgroundSay("cut.content", { shape: props.value.content }));
  if ((props.value?.style || "none") !== "none") said.push(playgroundSay("cut.style"));
  const line = element.querySelector(".cut-line");
  if (line) line.textContent = said.join(" ");
}
let waiting = 0;
const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(show); };
for (const box of boxes) {
  if (!box) continue;
  new ResizeObserver(soon).observe(box);
  box.addEventListener("load", soon, true);
  new MutationObserver((changes) => { if (changes.some((change) => [...change.addedNodes, ...change.removedNodes].some((node) => !node.classList?.contains("cut-veil")))) soon(); }).observe(box, { childList: true, subtree: true });
}
show();
watch("value", show);
