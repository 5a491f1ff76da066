// Keyboard, live regions and the link that opens the page as it is now. Loaded in the page's head.
(() => {
  const press = (id) => {
    const button = document.getElementById(id);
    const ready = Boolean(button && !button.disabled && button.offsetParent); // not in a tab that is out of sight
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
    if (typing(target) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    if ((key === " " || key === "escape") && busy(target)) return;
    const id = { r: "run", p: "pause", " ": "pause", s: "stop", escape: "stop" }[key];
    if (id && press(id)) event.preventDefault();
  });

  // On a phone the result stands below the pictures: bring it into view when a run starts.
  document.addEventListener("click", (event) => {
    if (window.innerWidth >= 768) return;
    const room = event.target.closest("#run, #again, #train, #compare, #styles")?.closest(".room");
    room?.querySelector(".easel")?.scrollIntoView({ block: "start", behavior: "smooth" });
  });

  // Over plain HTTP from another machine browsers give no page the webcam or the clipboard: style.css hides their buttons.
  if (!window.isSecureContext) document.documentElement.classList.add("plain-http");

  // Gradio's containers cannot carry ARIA attributes, so they are set once the elements are there.
  const attributes = {
    announce: { role: "status", "aria-live": "polite", "aria-atomic": "true" },
    "run-message": { role: "alert" },
    "content-message": { role: "alert" },
    "style-message": { role: "alert" },
    preview: { role: "group", "aria-label": "The growing result" },
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
