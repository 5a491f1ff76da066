// Files that are dropped on a box or chosen for it. Gradio refuses by their names what it takes for no picture, in a notice of
// its own and in English, and empties a picture's box before it looks at what is dropped there. Here the server judges every
// file by what is in it, answers beside the box in the page's language, and the picture stays until there is another. Only a
// file that is too large to be sent is answered here.
(() => {
  const UNJUDGED = "image/unjudged";
  const boxOf = (event) => event.target.closest?.(".picture-box");
  const most = () => window.gradio_config?.max_file_size || Infinity; // bytes
  const megabytes = (size) => Math.ceil(size / 2 ** 20);

  const say = (box, text) => playgroundBeside(box.parentElement, text, box);
  // Says beside a box that a file is too large, or nothing any more.
  function tooLarge(box, files) {
    const large = files.find((file) => file.size > most());
    say(box, large ? playgroundSay("picture.too_large", { name: large.name, size: megabytes(large.size), most: megabytes(most()) }) : "");
    return Boolean(large);
  }

  // What gradio gets: every file called a picture; none where one is too large.
  function sent(box, files) {
    const given = new DataTransfer();
    for (const file of tooLarge(box, files) ? [] : files) given.items.add(file.type.startsWith("image/") ? file : new File([file], file.name, { type: UNJUDGED }));
    return given.files;
  }

  // The other boxes and the buttons that take files, and what a browser's list of files shows first: a hint, no rule.
  const TAKES = {
    "load-recipe": ".json,.png,.jpg,.jpeg,.webp", "add-painting": "image/*", "regions-load": "image/*", "any-open": "image/*",
    "styles-open": ".safetensors,.pth,.pt,.model", "train-photos": "image/*,.zip", "many-files": "image/*,video/*",
  };
  const takes = (node) => (node instanceof Element ? node.closest(Object.keys(TAKES).map((id) => `#${id}`).join()) : null);
  const inputOf = (owner) => owner.querySelector("input[type=file]") || (owner.previousElementSibling?.matches("input[type=file]") ? owner.previousElementSibling : null);
  const ownerOf = (input) => takes(input) || takes(input.nextElementSibling); // a button stands behind its input
  const besideOf = (owner) => owner.closest(".buttons") || owner;
  document.addEventListener("click", (event) => {
    const owner = takes(event.target), input = owner && inputOf(owner);
    if (input) input.accept = TAKES[owner.id];
    if (owner) say(besideOf(owner), "");
  }, true);

  document.addEventListener("change", (event) => {
    if (event.target.type !== "file") return;
    const box = boxOf(event), owner = ownerOf(event.target);
    if (box) event.target.files = sent(box, [...event.target.files]);
    else if (owner && tooLarge(besideOf(owner), [...event.target.files])) { event.stopImmediatePropagation(); event.target.value = ""; }
  }, true);
  document.addEventListener("drop", (event) => {
    const owner = !boxOf(event) && takes(event.target);
    if (!owner || !tooLarge(besideOf(owner), [...(event.dataTransfer?.files || [])])) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: new DataTransfer() })); // the dragging is over
  }, true);
  // What is dropped goes the way of what is chosen; gradio is told that the dragging is over.
  document.addEventListener("drop", (event) => {
    const box = boxOf(event), input = box?.querySelector("input[type=file]"), files = event.dataTransfer?.files;
    if (!input || !files?.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    input.parentElement.dispatchEvent(new DragEvent("drop", { cancelable: true, dataTransfer: new DataTransfer() }));
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, true);
  document.addEventListener("click", (event) => {
    const source = event.target.closest?.(".source"), box = source?.querySelector(".picture-box");
    if (box && (event.target.closest(".samples") || boxOf(event))) say(box, "");
  }, true);

  // A file that misses every box would be opened by the browser in place of the page.
  document.addEventListener("dragover", (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
})();
