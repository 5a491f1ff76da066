// "Try five values" beside every setting that a grid may vary: shown while one points at the setting or is in it.
function add() {
  for (const name of props.value || []) {
    const setting = document.getElementById(`set-${name}`);
    if (!setting || setting.querySelector(":scope > .try-five")) continue;
    const button = document.createElement("button"), label = setting.querySelector("[data-testid=block-info]")?.textContent.trim() || name;
    button.type = "button";
    button.className = "try-five";
    button.dataset.name = name;
    button.textContent = playgroundSay("five.try");
    button.setAttribute("aria-label", playgroundSay("five.try_of", { name: label }));
    setting.append(button);
  }
}
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".try-five");
  if (button && element.isConnected) trigger("select", { name: button.dataset.name });
});
// Panels that were closed come with their settings when they are opened.
document.addEventListener("click", () => setTimeout(add, 400));
new IntersectionObserver(add).observe(document.getElementById("studio") || document.body);
setTimeout(add, 1500);
watch("value", add);
