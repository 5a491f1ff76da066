// The grid of layers: one row a convolution, a content and a style slider each. Rows are built once a network and then
// only moved, so that a slider that is being dragged keeps the focus.
const root = () => element.querySelector(".layer-grid");
let drawn = "";

function format(weight) {
  return weight === 0 ? "–" : String(Number(weight.toPrecision(3)));
}

// Position 0 to 100 for weights: the left end is off, the rest covers 0.01 to 10 evenly in powers of ten.
const toPosition = (weight) => (weight <= 0 ? 0 : Math.min(100, Math.max(1, 1 + (99 * (Math.log10(weight) + 2)) / 3)));
const toWeight = (position) => (position < 1 ? 0 : Number((10 ** (((position - 1) * 3) / 99 - 2)).toPrecision(2)));

function build(layers) {
  const head = '<div class="row head" aria-hidden="true"><span>layer</span><span class="k-content">content</span><span class="k-style">style</span></div>';
  root().innerHTML = head + layers.map((layer) => {
    const sliders = ["content", "style"].map((kind) =>
      `<label class="cell k-${kind}"><input type="range" min="0" max="100" step="1" data-kind="${kind}" data-layer="${layer}"
        aria-label="${layer}, ${kind} weight"><output></output></label>`).join("");
    return `<div class="row${layer.endsWith("_1") ? " first" : ""}"><span class="name">${layer}</span>${sliders}</div>`;
  }).join("");
  root().querySelectorAll("input").forEach((input) => {
    const tell = () => {
      const { kind, layer } = input.dataset;
      const value = JSON.parse(JSON.stringify(props.value));
      value[kind] = { ...value[kind], [layer]: toWeight(Number(input.value)) };
      props.value = value;
      show();
      trigger("input");
    };
    input.addEventListener("input", tell);
    input.addEventListener("dblclick", () => { input.value = Number(input.value) < 1 ? toPosition(1) : 0; tell(); });
  });
}

function show() {
  const value = props.value;
  if (!value || !value.layers || !root()) return;
  if (drawn !== value.layers.join() || !root().firstChild) {
    build(value.layers);
    drawn = value.layers.join();
  }
  root().querySelectorAll("input").forEach((input) => {
    const weight = Number((value[input.dataset.kind] || {})[input.dataset.layer] || 0);
    if (document.activeElement !== input || toWeight(Number(input.value)) !== weight) input.value = toPosition(weight);
    input.style.setProperty("--at", `${toPosition(weight)}%`);
    input.setAttribute("aria-valuetext", weight === 0 ? "off" : String(weight));
    input.nextElementSibling.textContent = format(weight);
    input.parentElement.classList.toggle("off", weight === 0);
  });
}

show();
watch("value", show);
