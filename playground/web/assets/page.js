// Keyboard, live regions, dragging along the curves, what the browser keeps, and how the server is. Loaded in the
// page's head, before gradio.

// What the browser keeps: for all its tabs who this person is, in each tab the run that it showed last. Where a browser
// keeps nothing for a page, as in some frames, both last as long as the page.
// A sentence of the page's words file, its placeholders filled.
const playgroundSay = (key, values = {}) =>
  (playgroundWords[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
window.playgroundSay = playgroundSay;
// Figures that are written with a point, with the decimal sign of the page's language.
window.playgroundDecimal = (figures) => String(figures).replace(".", playgroundSay("number.point"));
document.documentElement.lang = playgroundWords.language;
for (const key of ["live", "grows"]) document.documentElement.style.setProperty(`--say-${key}`, JSON.stringify(playgroundSay(key)));
// Gradio's own few words follow the browser's language: let them follow the page's.
for (const [name, value] of [["language", playgroundWords.language], ["languages", [playgroundWords.language]]]) {
  try { Object.defineProperty(navigator, name, { get: () => value, configurable: true }); } catch { /* it stays the browser's */ }
}

const playground = (() => {
  const fallback = {};
  const read = (store, name) => {
    try { return window[store].getItem(name) ?? ""; } catch { return fallback[name] ?? ""; }
  };
  const write = (store, name, value) => {
    try { window[store].setItem(name, value); } catch { fallback[name] = value; }
  };
  const PERSON = "style-playground-person", RUN = "style-playground-run", LINK = "style-playground-link", KEY = "style-playground-key";

  // The teacher's key goes out of the address at once: a class looks at it on the wall.
  const address = new URL(location.href);
  if (address.searchParams.has("key")) {
    write("sessionStorage", KEY, address.searchParams.get("key"));
    address.searchParams.delete("key");
    history.replaceState(history.state, "", address);
  }

  const person = () => {
    let secret = read("localStorage", PERSON);
    if (!/^[\w-]{20,64}$/.test(secret)) {
      const bytes = crypto.getRandomValues(new Uint8Array(18)); // unlike randomUUID, also over plain HTTP
      secret = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
      write("localStorage", PERSON, secret);
    }
    return secret;
  };
  const told = () => JSON.stringify({
    person: person(), run: read("sessionStorage", RUN), key: read("sessionStorage", KEY),
    elsewhere: read("sessionStorage", LINK) !== location.search,
  });
  const keep = (run) => {
    if (!run) return;
    write("sessionStorage", RUN, run);
    write("sessionStorage", LINK, location.search);
  };
  // The Studio is laid out before its first answer comes: the recipe of the link, or the run that comes back. Until then
  // nothing can be set there or started, or the answer would set it back, or Run paint another recipe than the page's.
  const LONG = 20_000; // milliseconds: a server that never answers must not lock the page
  let answered = false;
  const studio = () => document.getElementById("studio");
  const arrived = () => { answered = true; studio()?.removeAttribute("inert"); };
  new MutationObserver((_, watcher) => {
    if (!answered && !studio()) return;
    if (!answered) { studio().setAttribute("inert", ""); setTimeout(arrived, LONG); }
    watcher.disconnect();
  }).observe(document.documentElement, { childList: true, subtree: true });
  return { told, keep, arrived, key: () => read("sessionStorage", KEY), forgetKey: () => write("sessionStorage", KEY, "") };
})();

(() => {
  const press = (id) => {
    const button = document.getElementById(id);
    // not in a tab that is out of sight, nor before the page has its recipe
    const ready = Boolean(button && !button.disabled && button.offsetParent && !button.closest("[inert]"));
    if (ready) button.click();
    return ready;
  };
  const typing = (node) =>
    node && (node.isContentEditable || node.tagName === "TEXTAREA" || node.tagName === "SELECT" ||
      (node.tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(node.type)));
  // Space and Escape already mean something on these.
  const busy = (node) => node && node.closest && node.closest("button, a, summary, input, label, [role=listbox], [role=dialog]");

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      if (press("run")) event.preventDefault();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && !typing(target) && ["z", "y"].includes(event.key.toLowerCase())) {
      if (press(event.key.toLowerCase() === "y" || event.shiftKey ? "redo" : "undo")) event.preventDefault();
      return;
    }
    if (typing(target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    if ((key === " " || key === "escape") && busy(target)) return;
    const id = { r: "run", p: "pause", " ": "pause", s: "stop", escape: "stop" }[key];
    if (id && press(id)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".skip")) return;
    event.preventDefault();
    document.getElementById("run")?.focus();
  });

  // The language: of the address, so that a link keeps it.
  const choose = (event) => {
    if (!event.target.matches?.("#language")) return;
    const address = new URL(location.href);
    address.searchParams.set("lang", event.target.value);
    location.assign(address);
  };
  document.addEventListener("change", choose);
  new MutationObserver((_, watcher) => {
    const select = document.getElementById("language");
    if (select) { select.value = playgroundWords.language; watcher.disconnect(); }
  }).observe(document.documentElement, { childList: true, subtree: true });

  // On a phone the weights are a sheet over the lower half, so that the picture above stays in sight.
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("#weights-toggle");
    if (!toggle) return;
    const open = document.getElementById("studio").classList.toggle("weights-open");
    toggle.setAttribute("aria-expanded", String(open));
    if (open) document.getElementById("easel")?.scrollIntoView({ block: "start" });
  });

  // In the other tabs a phone shows the result below the pictures: bring it into view when something starts.
  document.addEventListener("click", (event) => {
    if (window.innerWidth >= 768) return;
    const room = event.target.closest("#train, #compare, #styles")?.closest(".room");
    room?.querySelector(".easel")?.scrollIntoView({ block: "start", behavior: "smooth" });
  });

  // Over plain HTTP from another machine browsers give no page the webcam or the clipboard: style.css hides their buttons.
  if (!window.isSecureContext) document.documentElement.classList.add("plain-http");

  // Dragging along a loss curve moves the time machine, which is opened if need be. The curves are drawn anew all the
  // time, so only their places are held on to.
  const CURVES = ["time-chart"];
  let dragged = null;
  const seek = (event) => {
    const area = dragged.querySelector(".area"), last = Number(dragged.querySelector("[data-last]")?.dataset.last);
    if (!area || !last) return;
    const box = area.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    document.dispatchEvent(new CustomEvent("moment", { detail: share * last }));
  };
  document.addEventListener("pointerdown", (event) => {
    const place = CURVES.map((id) => document.getElementById(id)).find((node) => node?.contains(event.target));
    if (!place || event.button !== 0 || !event.target.closest(".area") || place.querySelector(".waiting")) return;
    dragged = place;
    const panel = document.querySelector("#time > button.label-wrap:not(.open)");
    if (panel) panel.click();
    event.preventDefault(); // or the browser would select text
    seek(event);
  });
  document.addEventListener("pointermove", (event) => dragged && seek(event));
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { dragged = null; });

  // How the server is, for everybody, and how the class is, if there is one (class.js): one question every few seconds while
  // the page is in sight.
  const many = (key, count) => playgroundSay(`server.${key}.${count === 1 ? "one" : "many"}`, { count });
  let refused = 0;
  const tell = async () => {
    const line = document.getElementById("server-line");
    if (!line || document.hidden) return;
    try {
      const key = playground.key(), stays = playgroundClass.stays() ? "off" : "on";
      const answer = await fetch(`class?wall=${stays}`, { cache: "no-store", headers: key ? { "x-teacher-key": key } : {} });
      if (!answer.ok) return;
      const now = await answer.json();
      refused = key && !now.class?.teacher ? refused + 1 : 0;
      if (refused > 4) playground.forgetKey(); // an earlier server's
      document.dispatchEvent(new CustomEvent("told", { detail: now }));
      if (now.class) document.dispatchEvent(new CustomEvent("class", { detail: now.class }));
      const said = [playgroundWords[`server.${now.device}`] || now.device, many("people", now.people), many("runs", now.runs)];
      if (now.paused) said.push(playgroundSay("server.paused", { count: now.paused }));
      if (now.trainings) said.push(many("trainings", now.trainings));
      const painting = now.runs + now.trainings - now.paused; // several share one device, though none waits to begin
      said.push(now.waiting ? playgroundSay("server.waiting", { count: now.waiting }) : playgroundSay(painting > 1 ? "server.turns" : "server.nobody"));
      line.textContent = said.join(" · ");
    } catch {
      line.textContent = playgroundSay("server.silent");
    }
  };
  setInterval(tell, 4000);
  setTimeout(tell, 1500);
  document.addEventListener("ask-class", tell);
  document.addEventListener("visibilitychange", tell);

  // Gradio's containers cannot carry ARIA attributes, so they are set once the elements are there.
  const attributes = {
    announce: { role: "status", "aria-live": "polite", "aria-atomic": "true" },
    "run-message": { role: "alert" },
    "content-message": { role: "alert" },
    "style-message": { role: "alert" },
    preview: { role: "group", "aria-label": playgroundSay("preview") },
  };
  const watcher = new MutationObserver(() => {
    for (const [id, wanted] of Object.entries(attributes)) {
      const node = document.getElementById(id);
      if (!node) continue;
      for (const [name, value] of Object.entries(wanted)) node.setAttribute(name, value);
      delete attributes[id];
    }
    if (Object.keys(attributes).length === 0) watcher.disconnect();
  });
  watcher.observe(document.documentElement, { childList: true, subtree: true });
})();
