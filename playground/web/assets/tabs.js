// Rows of tabs by the keyboard: arrows, Home and End open the next tab, Tab leaves the row for what stands in it. Gradio makes
// each tab a stop of its own and knows no arrows.
(() => {
  const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
  const inRow = (row) => [...row.querySelectorAll("[role=tab]")].filter((tab) => !tab.disabled && tab.offsetParent);

  // One stop a row: the tab that is open; the first where the open one is in the menu of those that did not fit.
  function stops(row) {
    const tabs = inRow(row), open = tabs.find((tab) => tab.ariaSelected === "true") ?? tabs[0];
    for (const tab of tabs) {
      const stop = tab === open ? 0 : -1;
      if (tab.tabIndex !== stop || !tab.hasAttribute("tabindex")) tab.tabIndex = stop;
    }
  }
  const all = () => document.querySelectorAll("[role=tablist]").forEach(stops);

  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("[role=tab]"), row = tab?.closest("[role=tablist]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const tabs = inRow(row), at = tabs.indexOf(tab), step = STEPS[event.key];
    const to = step ? tabs[(at + step + tabs.length) % tabs.length] : { Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault(); // or the page would scroll
    to.focus();
    to.click();
  });
  let timer = null;
  new MutationObserver(() => { timer ??= setTimeout(() => { timer = null; all(); }, 250); })
    .observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["aria-selected"] });
})();
