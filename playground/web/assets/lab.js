// The Lab: a cell shown large, a lesson opened by a link alone on the page, what is heard told to screen readers.
(() => {
  const alone = () => new URL(location.href).searchParams.has("lesson");
  if (alone()) document.documentElement.classList.add("one-lesson");
  const leave = () => {
    document.documentElement.classList.remove("one-lesson");
    const address = new URL(location.href);
    address.searchParams.delete("lesson");
    history.replaceState(history.state, "", address);
  };

  // The link to a lesson alone keeps what the address says of the language and the theme, also where it is copied.
  const keepAddress = (event) => {
    const link = event.target.closest?.(".lab-number a");
    if (!link) return;
    const address = new URL(link.href), here = new URL(location.href).searchParams;
    for (const name of ["lang", "__theme"]) if (here.has(name)) address.searchParams.set(name, here.get(name));
    link.href = address;
  };
  for (const when of ["pointerover", "pointerdown", "focusin"]) document.addEventListener(when, keepAddress);

  // A cell large, and another one in its place for as long as one holds: the picture itself, or the button.
  let large = null, cells = [], shown = 0, other = 0;
  const titleOf = (cell) => cell.querySelector("b").textContent;
  function build() {
    large = document.createElement("dialog");
    large.className = "lab-large";
    large.innerHTML = `<figure><img alt=""><figcaption></figcaption></figure><div class="lab-beside"><label><span></span><select></select></label>
      <button type="button" class="hold"></button></div><form method="dialog"><button></button></form>`;
    large.querySelector("form button").textContent = playgroundSay("lab.close");
    large.querySelector("label span").textContent = playgroundSay("lab.beside");
    const hold = large.querySelector(".hold"), image = large.querySelector("img"), back = () => put(shown), swap = () => cells.length > 1 && put(other);
    for (const place of [hold, image]) {
      place.addEventListener("pointerdown", (event) => { event.preventDefault(); swap(); });
      for (const end of ["pointerup", "pointerleave", "pointercancel"]) place.addEventListener(end, back);
    }
    hold.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); swap(); } });
    for (const end of ["keyup", "blur"]) hold.addEventListener(end, back);
    large.querySelector("select").addEventListener("change", (event) => { other = Number(event.target.value); named(); });
    large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
    document.body.append(large);
  }
  function put(index) {
    const cell = cells[index], image = large.querySelector("img");
    image.src = cell.querySelector("img").src;
    image.alt = titleOf(cell);
    const lines = [...cell.querySelectorAll("figcaption > :not(button)")].map((line) => line.textContent.trim());
    large.querySelector("figcaption").textContent = lines.filter(Boolean).join(" · ");
  }
  const named = () => { large.querySelector(".hold").textContent = playgroundSay("lab.hold", { other: titleOf(cells[other]) }); };
  function enlarge(button) {
    if (!large) build();
    cells = [...button.closest(".lab-grid").querySelectorAll("figure:has(.enlarge)")];
    shown = cells.indexOf(button.closest("figure"));
    other = shown === 0 ? cells.length - 1 : 0;
    large.querySelector(".lab-beside").hidden = cells.length < 2;
    const list = large.querySelector("select");
    list.replaceChildren(...cells.map((cell, i) => new Option(titleOf(cell), i)).filter((_, i) => i !== shown));
    list.value = other;
    if (cells.length > 1) named();
    put(shown);
    large.showModal();
  }
  // A cell's recipe is taken up in the Studio: what is said of it there comes into sight.
  function arrive(tries = 100) {
    const note = document.getElementById("preset-note");
    if (document.getElementById("run")?.offsetParent && note?.textContent.trim()) {
      scrollTo(0, 0);
      note.scrollIntoView({ block: "center" });
    } else if (tries) setTimeout(() => arrive(tries - 1), 100);
  }
  // What Run brings comes into sight: the sheet as it begins, then the verdict above it.
  const asked = () => document.querySelector("#lesson-question [data-lesson]")?.dataset.lesson;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const verdict = () => document.querySelector("#lesson-said .verdict:not([data-old])");
  let watching = null;
  function watchAnswer() {
    const run = document.getElementById("lesson-run"), lesson = asked(), shown = new Set();
    let idle = 0;
    clearInterval(watching);
    document.querySelector("#lesson-said .verdict")?.setAttribute("data-old", "");
    const see = (what) => {
      if (shown.has(what)) return;
      shown.add(what);
      document.getElementById("lesson-status")?.scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
    };
    watching = setInterval(() => {
      const busy = run.disabled, sheet = document.querySelector("#lesson-sheet .lab-grid");
      if (busy) see("begun");
      if (busy && sheet) see("sheet");
      if (!busy && verdict()) see("verdict");
      idle = busy ? 0 : idle + 1;
      if (shown.has("verdict") || idle > 50 || asked() !== lesson) clearInterval(watching);
    }, 100);
  }

  // On a phone the lessons stand in a row to push along: the one that was chosen, by whomever, comes into it.
  let seen = "";
  function chosenInSight() {
    const chip = document.querySelector("#lesson-choice label.selected"), row = chip?.parentElement;
    if (row?.offsetParent && row.scrollWidth > row.clientWidth) row.scrollLeft += chip.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - chip.offsetWidth) / 2;
  }
  new MutationObserver(() => {
    const now = asked();
    if (!now || now === seen) return;
    seen = now;
    for (const wait of [100, 600, 1500]) setTimeout(chosenInSight, wait);
  }).observe(document.documentElement, { childList: true, subtree: true });

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("#lesson-run")) watchAnswer();
    const button = event.target.closest(".lab-grid .enlarge");
    if (button) enlarge(button);
    if (event.target.closest(".lab-promote, .lab-all")) leave();
    if (event.target.closest(".lab-promote")) arrive();
  });
  document.addEventListener("focusin", (event) => {
    if (!event.target.closest?.("#lab")) return;
    for (const id of ["ears-said", "lesson-said", "lesson-message", "grid-message"]) {
      const place = document.getElementById(id);
      if (place && !place.hasAttribute("role")) { place.setAttribute("role", "status"); place.setAttribute("aria-live", "polite"); }
    }
  });
})();
