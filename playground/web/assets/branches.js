// Cards of a run and its branches. A card is made once and then only changed, so that the one in use keeps the focus.
const root = () => element.querySelector(".branches");

function card(name) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.name = name;
  button.innerHTML = '<img alt=""><strong></strong><span class="about"></span><span class="state"></span>';
  return button;
}

function show() {
  const cards = props.value || [];
  if (!root()) return;
  const old = new Map([...root().children].map((button) => [button.dataset.name, button]));
  cards.forEach((wanted, index) => {
    const button = old.get(wanted.name) || card(wanted.name);
    old.delete(wanted.name);
    if (root().children[index] !== button) root().insertBefore(button, root().children[index] || null);
    const picture = button.querySelector("img");
    if (wanted.picture && picture.getAttribute("src") !== wanted.picture) picture.src = wanted.picture;
    for (const [place, text] of [["strong", wanted.title], [".about", wanted.about], [".state", wanted.state]]) {
      const node = button.querySelector(place);
      if (node.textContent !== text) node.textContent = text;
    }
    button.setAttribute("aria-pressed", String(wanted.shown));
  });
  old.forEach((button) => button.remove());
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-name]");
  if (button) trigger("click", { name: button.dataset.name });
});
show();
watch("value", show);
