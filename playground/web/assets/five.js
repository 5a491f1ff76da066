// "Try five values" behind the name of every setting that a grid may vary: shown while one points at it or is in it.
const named = (setting) => setting.querySelector("[data-testid=block-info], .label-text");
function add() {
  for (const name of props.value || []) {
    const setting = document.getElementById(`set-${name}`);
    if (!setting || setting.querySelector(":scope > .try-five")) continue;
    const button = document.createElement("button"), label = named(setting)?.textContent.trim() || name;
    button.type = "button";
    button.className = "try-five";
    button.dataset.name = name;
    button.textContent = "5×";
    button.title = playgroundSay("five.try");
    button.setAttribute("aria-label", playgroundSay("five.try_of", { name: label }));
    setting.append(button);
    if (setting.closest(".weight, .setting").matches(":hover, :focus-within")) place({ target: setting });
  }
}
// Behind the last word of the name and its mark, neither of which it may cover.
function place({ target }) {
  const around = target?.closest?.(".weight, .setting"), setting = around?.querySelector(":scope .try-five")?.parentElement, name = setting && named(setting);
  if (!name || !element.isConnected) return;
  const said = around.querySelector("[id^=words-]");
  if (said) said.title = said.textContent.trim(); // all of it where its line is too short
  const words = document.createRange();
  words.selectNodeContents(name);
  const last = [...words.getClientRects()].filter((box) => box.width).at(-1), box = setting.getBoundingClientRect();
  if (!last) return;
  const mark = getComputedStyle(name, "::after"), wide = parseFloat(mark.width) + parseFloat(mark.marginLeft) || 0;
  const button = setting.querySelector(":scope > .try-five"), control = setting.querySelector("input[type=number], .container > .wrap")?.getBoundingClientRect();
  const left = last.right + wide + 6, room = !control || control.top > last.bottom || left + button.offsetWidth <= control.left;
  button.style.left = `${room ? left - box.left : 0}px`;
  button.style.top = `${room ? (last.top + last.bottom) / 2 - box.top - button.offsetHeight / 2 : last.bottom - box.top}px`;
}
for (const name of ["pointerover", "focusin"]) document.addEventListener(name, place);
document.addEventListener("marks", () => place({ target: document.activeElement })); // a mark before the name moves what stands behind it
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".try-five");
  if (!button || !element.isConnected) return;
  trigger("select", { name: button.dataset.name });
  arrive();
});
// The Lab is seen from its top.
function arrive(tries = 100) {
  if (document.getElementById("lab")?.offsetParent) scrollTo(0, 0);
  else if (tries) setTimeout(() => arrive(tries - 1), 100);
}
// Panels that were closed come with their settings when they are opened.
document.addEventListener("click", () => setTimeout(add, 400));
new IntersectionObserver(add).observe(document.getElementById("studio") || document.body);
setTimeout(add, 1500);
watch("value", add);
