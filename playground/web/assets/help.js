// What a setting is for: a note beside the column of settings while one points at its name, or comes to it by keys. It covers
// no setting, keeps off whatever else can be pressed, and goes as soon as one does something. Where there is no pointer, or no
// room beside a column, the sentence stands below the name (style.css), and there is nothing to do here.
// A place beside `from`'s column for a box of that size, off everything that can be pressed: first at its left, then its right.
window.playgroundBesideColumn = (from, wide, high) => {
  const EDGE = 8, GAP = 12, STEP = 8, FAR = 240; // pixels
  const at = from.getBoundingClientRect(), column = from.closest(".room-settings, .room-sources")?.getBoundingClientRect();
  if (!column) return null;
  const seen = (query) => [...document.querySelectorAll(query)].map((node) => node.getBoundingClientRect()).filter((box) => box.width && box.right > 0 && box.left < innerWidth);
  const pressed = seen("button, input, select, summary, a[href]"), looked = [...pressed, ...seen(".easel img, .area")];
  const free = (boxes, x, y) => boxes.every((box) => x + wide <= box.left || box.right <= x || y + high <= box.top || box.bottom <= y);
  const sides = [column.left - GAP - wide, column.right + GAP].filter((x) => x >= EDGE && x + wide <= innerWidth - EDGE);
  const level = Math.max(EDGE, Math.min(innerHeight - high - EDGE, at.top - 4)), heights = [level];
  for (let off = STEP; off <= FAR; off += STEP) heights.push(level - off, level + off);
  const spots = sides.flatMap((x) => heights.filter((y) => y >= EDGE && y + high <= innerHeight - EDGE).map((y) => [x, y]));
  return spots.find(([x, y]) => Math.abs(y - level) <= FAR / 3 && free(looked, x, y)) || spots.find(([x, y]) => free(pressed, x, y)) || spots[0] || null;
};

(() => {
  const WAIT = 350; // milliseconds: who passes over a name on the way elsewhere has asked nothing
  const NAME = "[data-testid=block-info], .label-text";
  let note = null, of = null, timer = null, byKeys = false;
  const settingOf = (node) => (node instanceof Element ? node.closest(".setting") : null);
  const textOf = (setting) => setting?.querySelector(".info-text");

  function away() {
    clearTimeout(timer);
    of = null;
    note?.classList.remove("open");
  }
  function open(setting) {
    const text = textOf(setting);
    if (!text || getComputedStyle(text).display !== "none") return; // it stands there
    if (!note) {
      note = document.createElement("div");
      note.id = "help";
      note.setAttribute("aria-hidden", "true"); // the control has it as its description
      document.body.append(note);
    }
    note.textContent = text.textContent;
    const spot = playgroundBesideColumn(setting.querySelector(NAME) || setting, note.offsetWidth, note.offsetHeight);
    if (!spot) return;
    [note.style.left, note.style.top] = spot.map((place) => `${place}px`);
    note.classList.add("open");
  }
  function later(setting) {
    if (!textOf(setting) || of === setting) return;
    away();
    of = setting;
    timer = setTimeout(() => open(setting), WAIT);
  }
  document.addEventListener("pointerover", (event) => {
    const name = event.pointerType !== "touch" && event.target.closest?.(NAME), setting = name && settingOf(name);
    if (setting) later(setting); else if (of && !byKeys) away();
  });
  document.addEventListener("focusin", (event) => {
    const setting = settingOf(event.target), text = textOf(setting);
    if (!text) return away();
    text.id ||= `${setting.id}-help`;
    event.target.setAttribute("aria-describedby", text.id);
    if (byKeys) later(setting);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Tab") byKeys = true; else away(); }, true);
  for (const done of ["pointerdown", "input", "wheel"]) document.addEventListener(done, () => { byKeys = false; away(); }, { capture: true, passive: true });
  document.addEventListener("focusout", () => byKeys && away());
  addEventListener("resize", away);
})();
