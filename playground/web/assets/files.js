// Files that are dropped on a picture's box or chosen for it. Gradio refuses by their names what it takes for no picture, in a
// notice of its own and in English, and empties a box before it looks at what is dropped there. Here the server judges every
// file by what is in it, answers beside the box in the page's language, and the picture stays until there is another. Only a
// file that is too large to be sent is answered here.
(() => {
  const UNJUDGED = "image/unjudged";
  const boxOf = (event) => event.target.closest?.(".picture-box");
  const most = () => window.gradio_config?.max_file_size || Infinity; // bytes
  const megabytes = (size) => Math.ceil(size / 2 ** 20);

  const say = (box, text) => playgroundBeside(box.parentElement, text, box);

  // What gradio gets: every file called a picture; none where one is too large.
  function sent(box, files) {
    const large = files.find((file) => file.size > most()), given = new DataTransfer();
    say(box, large ? playgroundSay("picture.too_large", { name: large.name, size: megabytes(large.size), most: megabytes(most()) }) : "");
    for (const file of large ? [] : files) given.items.add(file.type.startsWith("image/") ? file : new File([file], file.name, { type: UNJUDGED }));
    return given.files;
  }

  document.addEventListener("change", (event) => {
    const box = event.target.type === "file" && boxOf(event);
    if (box) event.target.files = sent(box, [...event.target.files]);
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
