// What gradio's elements do not say of themselves: samples by their titles, sliders by what their value means. Parts come and
// go as a page is used, so everything is looked at again, at most four times a second, after something has changed.
(() => {
  const set = (node, name, value) => { if (value && node.getAttribute(name) !== value) node.setAttribute(name, value); };
  const text = (id) => document.getElementById(id)?.textContent.trim();

  function look() {
    document.querySelectorAll(".samples button.thumbnail-item").forEach((button) => {
      const title = button.querySelector(".caption-label")?.textContent.trim();
      set(button, "aria-label", title);
      set(button, "title", title);
    });
    document.querySelectorAll("[id^=slide-] input[type=range]").forEach((slider) => {
      const name = slider.closest("[id^=slide-]").id.slice(6);
      set(slider, "aria-valuetext", text(`words-${name}`));
      set(slider, "aria-label", document.querySelector(`#set-${name} [data-testid=block-info]`)?.textContent.trim());
    });
    document.querySelectorAll("#mix input[type=range]").forEach((slider) => {
      set(slider, "aria-valuetext", text("ratio"));
      set(slider, "aria-label", playgroundSay("mix"));
    });
    document.querySelectorAll("div.empty[aria-label]").forEach((node) => node.removeAttribute("aria-label"));
    const toggle = document.getElementById("weights-toggle");
    if (toggle && !toggle.hasAttribute("aria-expanded")) { toggle.setAttribute("aria-expanded", "false"); toggle.setAttribute("aria-controls", "balance"); }
  }
  let timer = null;
  const later = () => { timer ??= setTimeout(() => { timer = null; look(); }, 250); };
  new MutationObserver(later).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
})();
