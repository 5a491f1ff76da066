// Run paints, and Save keeps, what the page shows once its last question is answered: a painting or a network that was
// chosen, a file on its way, a number just typed. Gradio acts on what it knows at the click, so one that comes early is held back.
(() => {
  const STARTS = "#run, #run-these, #faces, #regions-open, #compare, #save-settings, #copy-link", ASKS = /\/(run\/predict|upload)(\?|$)/;
  const SETTLED = 80; // milliseconds that gradio has to ask after a click, and to show an answer
  const LONG = 10_000; // a server that never answers holds nobody up for longer
  let unanswered = 0, last = 0, held = null;
  const now = () => performance.now();
  const settled = () => unanswered === 0 && now() - last > SETTLED;

  const asked = window.fetch;
  window.fetch = async (...given) => {
    const address = given[0]?.url ?? String(given[0]);
    if (!ASKS.test(address)) return asked(...given);
    unanswered += 1;
    try {
      return await asked(...given);
    } finally {
      unanswered -= 1;
      last = now();
    }
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".samples")) last = now();
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(STARTS);
    if (!button || button.disabled || button === held?.button && held.free) return;
    if (!held && settled()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (held) return; // one click is enough
    held = { button, free: false };
    button.setAttribute("aria-busy", "true");
    const until = now() + LONG;
    const look = setInterval(() => {
      if (!settled() && now() < until) return;
      clearInterval(look);
      button.removeAttribute("aria-busy");
      held.free = true;
      button.click();
      held = null;
    }, 20);
  }, true);
})();
