// Numbers that are typed: gradio is told of one when it is finished (Enter, or the box is left), never of its first digits,
// and of one that cannot be used not at all. That is answered beside the box, which takes its last value again.
(() => {
  const last = new WeakMap(); // what gradio knows of a box
  const boxOf = (event) => (event.target instanceof Element && event.target.matches(".setting input[type=number]") ? event.target : null);
  const ruleOf = (box) => {
    const setting = box.closest(".setting"), rule = (window.playgroundFields || {})[setting.id] || {};
    const edge = (name) => (box[name] !== "" && box.type === "number" && Number.isFinite(Number(box[name])) && box.closest(".head") ? Number(box[name]) : rule[name]);
    return { ...rule, min: edge("min"), max: edge("max"), setting };
  };

  function wrong(box, rule) {
    const text = box.value, value = Number(text), stays = last.get(box) || playgroundSay("field.nothing");
    const name = rule.label || playgroundSay("field.this");
    if (box.validity.badInput) return playgroundSay("field.no_number", { name, stays });
    if (text === "") return rule.optional ? "" : playgroundSay("field.empty", { name, stays });
    if (rule.whole && !Number.isInteger(value)) return playgroundSay("field.not_whole", { name, text, stays });
    if (rule.min !== undefined && (value < rule.min || (rule.above && value <= rule.min)))
      return playgroundSay(rule.above ? "field.not_above" : "field.too_small", { name, text, stays, bound: rule.min });
    if (rule.max !== undefined && (value > rule.max || (rule.below && value >= rule.max)))
      return playgroundSay(rule.below ? "field.not_below" : "field.too_large", { name, text, stays, bound: rule.max });
    return "";
  }

  function say(box, setting, text) {
    let place = setting.querySelector(":scope > .beside");
    if (!place) {
      if (!text) return;
      place = document.createElement("p");
      place.className = "beside message error";
      place.setAttribute("role", "alert");
      setting.append(place);
    }
    place.textContent = text;
    place.hidden = !text;
    box.setAttribute("aria-invalid", String(Boolean(text)));
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
