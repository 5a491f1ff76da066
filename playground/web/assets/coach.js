// The coach's line: the server says which rule holds; one that was sent away stays away in this browser.
const KEPT = "style-playground-coach", line = element.querySelector(".coach");
const away = () => { try { return JSON.parse(localStorage.getItem(KEPT)) || []; } catch { return []; } };
function show() {
  const { rule, text } = props.value || {};
  line.hidden = !rule || away().includes(rule);
  if (line.hidden) return line.replaceChildren();
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", playgroundSay("coach.close"));
  close.addEventListener("click", () => {
    try { localStorage.setItem(KEPT, JSON.stringify([...away(), rule])); } catch { /* a browser that keeps nothing */ }
    line.hidden = true;
  });
  line.replaceChildren(text, close);
}
show();
watch("value", show);
