// Marks every setting that is not its preset's: a dot before its name, and words for ears.
function mark() {
  const names = new Set(props.value || []);
  document.querySelectorAll("#studio .setting[id^=set-]").forEach((setting) => {
    const differs = names.has(setting.id.slice(4));
    setting.classList.toggle("differs", differs);
    setting.querySelectorAll("input").forEach((input) => {
      if (differs) input.setAttribute("aria-description", playgroundSay("differs"));
      else input.removeAttribute("aria-description");
    });
  });
  document.dispatchEvent(new CustomEvent("marks"));
}
mark();
watch("value", mark);
