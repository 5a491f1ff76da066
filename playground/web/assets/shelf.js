// The shelf of results. A card brings its result back; its buttons pin it, lay it beside another, or make it a source, which
// dragging it onto a box does too. Cards are kept and only changed, so that the one in use keeps the focus.
const root = () => element.querySelector(".shelf");
let asked = false; // whether a comparison was asked for here, whose pair is to come into view
const TYPE = "text/x-playground-result";
const ACTS = [ // each with its drawing in a box of 16
  ["pin", "M6 1h4l-.5 5L12 8.5V10H4V8.5L6.500 6zM8 10v5"],
  ["compare", "M1.500 3h13v10h-13zM8 1v14"],
  ["content", "M1.500 3.500h13v9.500h-13zM1.500 11l3.500-3.500 3 3 2.500-2 4 3.500"],
  ["style", "M12.500 1.500l2 2L7 11l-2.500.5L5 9zM3.500 10c-2 .5-1 3-2.500 4.500 2.500.5 4.500 0 4.500-2.500"],
];

function card(name) {
  const item = document.createElement("div");
  item.className = "card";
  item.dataset.name = name;
  item.draggable = true;
  item.setAttribute("role", "listitem");
  item.innerHTML = `<button type="button" class="bring"><img alt="" draggable="false"><span></span></button><span class="acts">${ACTS.map(([act, sign]) =>
    `<button type="button" data-act="${act}"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="${sign}"/></svg></button>`).join("")}</span>`;
  return item;
}

function show() {
  if (!root()) return;
  const cards = props.value || [], old = new Map([...root().children].map((item) => [item.dataset.name, item]));
  cards.forEach((wanted, index) => {
    const item = old.get(wanted.name) || card(wanted.name), picture = item.querySelector("img");
    old.delete(wanted.name);
    if (root().children[index] !== item) root().insertBefore(item, root().children[index] || null);
    if (picture.getAttribute("src") !== wanted.picture) picture.src = wanted.picture;
    item.querySelector(".bring span").textContent = wanted.caption;
    for (const [act] of ACTS) {
      const button = item.querySelector(`[data-act=${act}]`);
      button.title = playgroundSay(`shelf.${act}`);
      button.setAttribute("aria-label", `${playgroundSay(`shelf.${act}`)}: ${wanted.caption}`);
    }
    item.querySelector("[data-act=pin]").setAttribute("aria-pressed", String(wanted.pinned));
    item.querySelector("[data-act=compare]").setAttribute("aria-pressed", String(wanted.compared));
  });
  old.forEach((item) => item.remove());
  const pair = cards.filter((one) => one.compared).map((one) => one.name).join();
  if (asked && pair.includes(",") && !document.querySelector("#studio.is-running")) document.getElementById("easel")?.scrollIntoView({ block: "center" });
  asked = false;
}

element.addEventListener("click", (event) => {
  const name = event.target.closest(".card")?.dataset.name, act = event.target.closest("[data-act]")?.dataset.act;
  if (!name) return;
  if (!act) {
    trigger("click", { name });
    document.getElementById("easel")?.scrollIntoView({ block: "center" }); // where it comes back to
    return;
  }
  if (act === "content" || act === "style") return trigger("select", { name, to: act });
  asked = act === "compare";
  trigger("input", { name, act });
});
element.addEventListener("dragstart", (event) => {
  const name = event.target.closest?.(".card")?.dataset.name;
  if (!name) return;
  event.dataTransfer.setData(TYPE, name);
  event.dataTransfer.effectAllowed = "copy";
});
// The boxes would take the drop for a file.
const boxOf = (event) => (event.dataTransfer?.types.includes(TYPE) ? event.target.closest?.("#content, #style") : null);
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const box = element.isConnected && boxOf(event);
    if (!box) return;
    event.preventDefault();
    event.stopPropagation();
    box.classList.toggle("shown", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") trigger("select", { name: event.dataTransfer.getData(TYPE), to: box.id });
  }, true);
}
show();
watch("value", show);
