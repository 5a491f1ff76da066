// Numbers that are typed: gradio is told of one when it is finished (Enter, or the box is left), never of its first digits,
// and of one that cannot be used not at all. That is answered beside the box, which takes its last value again.
// A sentence on what somebody did, inside `holder` behind one of its parts; none where there is no text.
const playgroundBeside = (holder, text, behind = holder.lastElementChild) => {
  let place = holder.querySelector(":scope > .beside");
  if (!place) {
    if (!text) return;
    place = document.createElement("p");
    place.className = "beside message error";
    place.setAttribute("role", "alert");
    behind.after(place);
  }
  place.textContent = text;
  place.hidden = !text;
};

// A sentence beside a box that took its last value again is about what was typed, and goes with it: when another value comes,
// a preset, say, or when a person goes on elsewhere and has had the time to read it. No clock alone takes it away.
window.playgroundUntilRead = (() => {
  const READ = 6000, OFTEN = 250; // milliseconds
  const open = new Map(); // by box: the value it shows beside its sentence, since when, and what takes the sentence away
  let looking = null;
  const away = (box) => { const { hide } = open.get(box); open.delete(box); hide(); };
  function look() {
    for (const [box, { value }] of open) if (!box.isConnected || (box.value !== value && document.activeElement !== box)) away(box);
    if (!open.size) { clearInterval(looking); looking = null; }
  }
  const elsewhere = (event) => {
    for (const [box, { since, own }] of open) {
      const preset = event.target.closest?.("#preset, #reset, #undo, #redo");
      if (preset || (!own.contains(event.target) && performance.now() - since > READ)) away(box);
    }
  };
  for (const name of ["click", "input"]) document.addEventListener(name, elsewhere, true);
  return (box, hide) => {
    if (!hide) return open.delete(box);
    open.set(box, { value: box.value, since: performance.now(), own: box.closest(".setting, .row"), hide });
    looking ??= setInterval(look, OFTEN);
  };
})();

(() => {
  const last = new WeakMap(); // what gradio knows of a box
  const boxOf = (event) => (event.target instanceof Element && event.target.matches(".setting input[type=number]") ? event.target : null);
  const ruleOf = (box) => {
    const setting = box.closest(".setting"), rule = (window.playgroundFields || {})[setting.id] || {};
    const edge = (name) => (box[name] !== "" && box.type === "number" && Number.isFinite(Number(box[name])) && box.closest(".head") ? Number(box[name]) : rule[name]);
    return { ...rule, min: edge("min"), max: edge("max"), setting };
  };

  function wrong(box, rule) {
    const said = playgroundDecimal, text = said(box.value), value = Number(box.value), stays = said(last.get(box) || playgroundSay("field.nothing"));
    const name = rule.label || playgroundSay("field.this");
    if (box.validity.badInput) return playgroundSay("field.no_number", { name, stays });
    if (text === "") return rule.optional ? "" : playgroundSay("field.empty", { name, stays });
    if (rule.whole && !Number.isInteger(value)) return playgroundSay("field.not_whole", { name, text, stays });
    if (rule.min !== undefined && (value < rule.min || (rule.above && value <= rule.min)))
      return playgroundSay(rule.above ? "field.not_above" : "field.too_small", { name, text, stays, bound: said(rule.min) });
    if (rule.max !== undefined && (value > rule.max || (rule.below && value >= rule.max)))
      return playgroundSay(rule.below ? "field.not_below" : "field.too_large", { name, text, stays, bound: said(rule.max) });
    return "";
  }

  function say(box, setting, text) {
    playgroundBeside(setting, text);
    box.setAttribute("aria-invalid", String(Boolean(text)));
    playgroundUntilRead(box, text && (() => say(box, setting, "")));
  }

  function finish(box) {
    if (!last.has(box)) return;
    const rule = ruleOf(box), problem = wrong(box, rule), before = last.get(box);
    last.delete(box);
    if (problem) box.value = before;
    say(box, rule.setting, problem);
    if (!problem && box.value !== before) box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("focusin", (event) => { const box = boxOf(event); if (box && !last.has(box)) last.set(box, box.value); }, true);
  document.addEventListener("input", (event) => {
    const box = event.isTrusted && boxOf(event);
    if (box) event.stopImmediatePropagation();
  }, true);
  for (const end of ["change", "focusout"]) {
    document.addEventListener(end, (event) => {
      const box = event.isTrusted && boxOf(event);
      if (!box) return;
      finish(box);
      if (end === "change" && document.activeElement === box) last.set(box, box.value);
    }, true);
  }
  document.addEventListener("keydown", (event) => {
    const box = boxOf(event);
    if (!box || !["Enter", "Escape"].includes(event.key)) return;
    if (event.key === "Escape" && last.has(box)) { box.value = last.get(box); say(box, box.closest(".setting"), ""); event.stopPropagation(); }
    else if (event.key === "Enter") finish(box);
    last.set(box, box.value);
  }, true);
})();
