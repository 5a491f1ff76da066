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

  let large = null;
  function enlarge(button) {
    if (!large) {
      large = document.createElement("dialog");
      large.className = "lab-large";
      large.innerHTML = "<figure><img alt=''><figcaption></figcaption></figure><form method=dialog><button></button></form>";
      large.querySelector("button").textContent = playgroundSay("lab.close");
      large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
      document.body.append(large);
    }
    const cell = button.closest("figure"), image = large.querySelector("img");
    image.src = cell.querySelector("img").src;
    image.alt = cell.querySelector("b").textContent;
    large.querySelector("figcaption").textContent = cell.querySelector("figcaption").innerText.replace("\n", " · ");
    large.showModal();
  }
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const button = event.target.closest(".lab-grid .enlarge");
    if (button) enlarge(button);
    if (event.target.closest(".lab-promote, .lab-all")) leave();
  });
  document.addEventListener("focusin", (event) => {
    if (!event.target.closest?.("#lab")) return;
    for (const id of ["ears-said", "lesson-said", "lesson-message", "grid-message"]) {
      const place = document.getElementById(id);
      if (place && !place.hasAttribute("role")) { place.setAttribute("role", "status"); place.setAttribute("aria-live", "polite"); }
    }
  });
})();
