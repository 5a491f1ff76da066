// Underlined words open their two sentences, by a tap or Enter; a first visit is shown round in three steps. Both texts stand
// in the page's words. A label of a setting is a word by its field; whatever else carries data-term.
(() => {
  const WORDS = ["content", "style", "layer", "map", "gram", "network", "pooling", "loss", "weight", "gradient", "optimiser", "lbfgs",
    "learning_rate", "step", "evaluation", "neighbours", "variation", "noise", "seed", "scales", "canvas"];
  const OF_SETTING = { content_weight: "content", style_weight: "style", neighbours_weight: "neighbours", neighbours_features: "neighbours", variation_weight: "variation", iterations: "step", steps: "step", seed: "seed", scales: "scales",
    network: "network", pool: "pooling", content_loss: "loss", style_loss: "gram", variation_loss: "variation", init: "noise", noise: "noise", canvas: "canvas",
    optimizer: "optimiser", learning_rate: "learning_rate", lbfgs_evaluations: "evaluation", lbfgs_history: "lbfgs" };
  const said = (word, part) => playgroundSay(`glossary.${word}.${part}`);

  // -------------------------------------------------------------------- the card
  let card = null, opener = null;
  function build() {
    card = document.createElement("div");
    card.id = "glossary";
    card.popover = "auto";
    card.setAttribute("role", "dialog");
    card.setAttribute("aria-labelledby", "glossary-word");
    card.innerHTML = `<h2 id="glossary-word" tabindex="-1"></h2><p></p><details><summary></summary><div class="words"></div></details>`;
    card.querySelector("summary").textContent = playgroundSay("glossary.all");
    card.querySelector(".words").append(...WORDS.map((word) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "term";
      button.dataset.term = word;
      button.textContent = said(word, "word");
      return button;
    }));
    card.addEventListener("toggle", (event) => { if (event.newState === "closed" && opener?.isConnected) opener.focus({ preventScroll: true }); });
    document.body.append(card);
  }
  function open(word, from) {
    if (!card) build();
    card.querySelector("h2").textContent = said(word, "word");
    card.querySelector("p").textContent = said(word, "text");
    if (!card.contains(from)) opener = from;
    if (!card.matches(":popover-open")) card.showPopover();
    const place = (card.contains(from) ? opener : from).getBoundingClientRect(), box = card.getBoundingClientRect();
    // Of a setting's name, beside the settings: below it the card would cover what it is about.
    const [left, top] = playgroundBesideColumn(card.contains(from) ? opener : from, box.width, box.height) ||
      [Math.max(8, Math.min(innerWidth - box.width - 8, place.left)), place.bottom + 8 + box.height < innerHeight ? place.bottom + 6 : Math.max(8, place.top - box.height - 6)];
    card.style.left = `${left}px`;
    card.style.top = `${top}px`;
    card.querySelector("h2").focus({ preventScroll: true });
  }

  // -------------------------------------------------------------------- which words there are
  function mark() {
    for (const [field, word] of Object.entries(OF_SETTING)) {
      document.querySelectorAll(`#set-${field} span[data-testid="block-info"], #train-${field} span[data-testid="block-info"]`).forEach((label) => {
        if (label.dataset.term) return;
        label.dataset.term = word;
        label.tabIndex = 0;
        label.setAttribute("role", "button");
        label.setAttribute("aria-haspopup", "dialog");
      });
    }
    document.querySelectorAll("#lesson-asked:not([data-marked]), #lesson-said p:not([data-marked])").forEach(underline);
  }
  // The first name of a layer in a lesson's sentence, and the first word that means one.
  function underline(place) {
    place.dataset.marked = "yes";
    const meant = playgroundSay("glossary.find.layer").split(", ").join("|");
    for (const pattern of [/conv\d_\d/, new RegExp(`(?<!\\p{L})(?:${meant})(?!\\p{L})`, "iu")]) {
      const node = [...place.childNodes].find((one) => one.nodeType === Node.TEXT_NODE && pattern.test(one.data));
      if (!node) continue;
      const found = pattern.exec(node.data), rest = node.splitText(found.index), word = document.createElement("span");
      rest.splitText(found[0].length);
      Object.assign(word, { textContent: found[0], tabIndex: 0, role: "button", ariaHasPopup: "dialog" });
      word.dataset.term = "layer";
      rest.replaceWith(word);
    }
  }
  const wordOf = (event) => (event.target instanceof Element ? event.target.closest("[data-term]") : null);
  // Names in the chart are moved while one presses: so what was pressed counts, not where the button was let go.
  document.addEventListener("pointerdown", (event) => {
    const word = wordOf(event);
    if (!word || event.button !== 0 || !word.closest(".curves")) return;
    event.preventDefault();
    const from = word;
    document.addEventListener("pointerup", () => open(from.dataset.term, from), { once: true });
  }, true);
  document.addEventListener("click", (event) => {
    const word = wordOf(event);
    if (!word) return;
    event.preventDefault(); // the label would put the cursor into its box
    event.stopPropagation();
    if (!word.closest(".curves") || event.detail === 0) open(word.dataset.term, word);
  }, true);
  document.addEventListener("keydown", (event) => {
    const word = wordOf(event);
    if (!word || word.tagName === "BUTTON" || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    open(word.dataset.term, word);
  }, true);

  // -------------------------------------------------------------------- the first visit
  const SEEN = "style-playground-shown-round", STEPS = [["pictures", "#content", "#style"], ["run", "#run"], ["balance", "#mix"]];
  let step = 0, round = null;
  const KEEP = ["#content", "#style", "#run", "#pause", "#terms-chart"], GAP = 14, EDGE = 8;
  // A phone has the slider behind a button, and then the step is about that.
  const opens = (query) => (query === "#mix" && [document.querySelector("#weights-toggle")].find((node) => node?.offsetParent)) || null;
  const named = (query) => opens(query) || document.querySelector(query);
  // Beside what the step names, its corner on it; over neither a picture's box, Run nor the curves.
  function stand() {
    const place = round && named(STEPS[step][1]);
    if (!place) return;
    if (!document.querySelector("#run")?.offsetParent) { round.style.cssText = "display: none"; return; } // another tab is open
    const at = place.getBoundingClientRect(), wide = round.offsetWidth, high = round.offsetHeight;
    const x = Math.max(EDGE, Math.min(innerWidth - wide - EDGE, at.left)), y = Math.max(EDGE, Math.min(innerHeight - high - EDGE, at.top + at.height / 2 - high / 2));
    const right = at.right + GAP, left = at.left - wide - GAP, top = Math.max(EDGE, at.top);
    const spots = [["right", right, y], ["left", left, y], ["right", right, top], ["left", left, top], ["above", x, at.top - high - GAP], ["below", x, at.bottom + GAP]];
    const taken = KEEP.map((query) => document.querySelector(query)).filter((node) => node && node !== place).map((node) => node.getBoundingClientRect());
    const fits = ([, x, y]) => x >= EDGE && y >= EDGE && x + wide <= innerWidth - EDGE && y + high <= innerHeight - EDGE;
    const free = ([, x, y]) => taken.every((box) => !box.width || x + wide <= box.left || box.right <= x || y + high <= box.top || box.bottom <= y);
    const spot = spots.find((one) => fits(one) && free(one)) || spots.find(fits);
    if (!spot) { delete round.dataset.side; round.style.cssText = ""; return; }
    const [side, fromX, fromY] = spot, level = side === "right" || side === "left";
    round.dataset.side = side;
    const along = level ? at.top + at.height / 2 - fromY : at.left + Math.min(at.width / 2, 60) - fromX; // where its corner is
    round.style.cssText = `left: ${fromX}px; top: ${fromY}px; bottom: auto; --at: ${Math.max(16, Math.min((level ? high : wide) - 16, along))}px`;
  }
  addEventListener("resize", stand);
  addEventListener("scroll", stand, { passive: true, capture: true });
  const seen = () => { try { return localStorage.getItem(SEEN) !== null; } catch { return true; } };
  function over() {
    try { localStorage.setItem(SEEN, "yes"); } catch { /* then it is over for this page */ }
    away();
  }
  function away() {
    document.querySelectorAll(".shown").forEach((node) => node.classList.remove("shown"));
    round?.remove();
    round = null;
  }
  function show() {
    const [name, ...queries] = STEPS[step], places = queries.map(named), last = step === STEPS.length - 1;
    if (!places.every(Boolean)) return over();
    document.querySelectorAll(".shown").forEach((node) => node.classList.remove("shown"));
    places.forEach((place) => place.classList.add("shown"));
    round.querySelector("p").textContent = playgroundSay(opens(queries[0]) ? "welcome.weights" : `welcome.${name}`);
    round.querySelector(".count").textContent = playgroundSay("welcome.count", { step: step + 1, steps: STEPS.length });
    round.querySelector("[data-do=on]").textContent = playgroundSay(last ? "welcome.end" : "welcome.on");
    round.querySelector("[data-do=skip]").hidden = last;
    stand();
  }
  // A link has opened a lesson alone, or a class has the page: its own lesson comes first, and there is nothing to lie over it.
  let asked = false, class_on = false;
  const elsewhere = () => document.documentElement.classList.contains("one-lesson") || class_on || Boolean(playground.key());
  document.addEventListener("told", ({ detail }) => {
    asked = true;
    class_on ||= Boolean(detail.class && ["teacher", "lesson", "wall", "paused"].some((name) => detail.class[name]));
    if (round && elsewhere()) away(); else begin();
  });
  function begin() {
    if (!asked || elsewhere() || seen() || round || !STEPS.every(([, query]) => document.querySelector(query)) || !document.querySelector("#run").offsetParent) return;
    round = document.createElement("section");
    round.id = "welcome";
    round.setAttribute("aria-label", playgroundSay("welcome.title"));
    round.innerHTML = `<p role="status"></p><span class="count"></span><button type="button" data-do="skip"></button><button type="button" data-do="on"></button>`;
    round.querySelector("[data-do=skip]").textContent = playgroundSay("welcome.skip");
    round.addEventListener("click", (event) => {
      const what = event.target.dataset?.do;
      if (what === "on") { step += 1; if (step < STEPS.length) show(); else over(); }
      if (what === "skip") over();
    });
    document.body.append(round);
    show();
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#run, #lesson-run, #grid-run, #class-strip .go") && !seen()) over(); // who runs has understood
    if (round && event.target.closest?.("[role=tab]")) setTimeout(stand, 300);
  });
  document.addEventListener("keydown", (event) => { if (round && event.key === "Escape") over(); });

  let timer = null;
  new MutationObserver(() => { timer ??= setTimeout(() => { timer = null; mark(); begin(); stand(); }, 300); }).observe(document.documentElement, { childList: true, subtree: true });
})();
