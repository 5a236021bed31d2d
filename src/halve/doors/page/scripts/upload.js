// Handing a sheet in: choose or drop it, say how, send it.

import { key, needsKey, send } from "./api.js";
import { $, tell } from "./dom.js";
import { refusal } from "./refusal.js";
import { weight } from "./text.js";

const WORDS = ["format", "max_size", "preset", "columns", "email", "webhook_url"];
const FIELDS = { max_size: "max-size", webhook_url: "webhook", max_bytes: "max-bytes", quality: "quality-number" };
let dropped = null;
let noKey = () => {};

/** `opened` is called with the id of each new request, `keyNeeded` where the key is missing or wrong. */
export function prepare(opened, keyNeeded) {
  noKey = keyNeeded;
  const form = $("upload-form");
  for (const element of document.querySelectorAll("[data-size]")) element.textContent = weight(Number(element.dataset.size));
  $("file").addEventListener("change", () => choose($("file").files[0] ?? null));
  $("file").addEventListener("click", () => ($("file").value = "")); // or choosing the same sheet again, mended, would change nothing
  $("file-clear").addEventListener("click", () => {
    $("file").value = "";
    choose(null);
    $("file").focus();
  });
  prepareDrop($("drop"));
  pair($("quality"), $("quality-number"));
  for (const radio of form.elements.by) radio.addEventListener("change", showHow);
  showHow();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form, opened);
  });
}

function choose(file) {
  dropped = file;
  $("drop").classList.toggle("chosen", file !== null);
  $("file-name").textContent = file ? file.name : "Drop a sheet here, or choose one";
  $("file-clear").hidden = file === null;
  if (file) {
    $("file-hint").textContent = weight(file.size);
    tell(`${file.name} chosen`);
    $("refusal").replaceChildren();
  } else {
    $("file-hint").textContent = `CSV, TSV or text, also as .gz, up to ${weight(Number(document.documentElement.dataset.maxBytes))}`;
  }
}

function prepareDrop(zone) {
  let depth = 0; // leaving a child enters another
  const over = (by) => zone.classList.toggle("over-it", (depth = Math.max(0, depth + by)) > 0);
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("dragenter", () => over(1));
  document.addEventListener("dragleave", () => over(-1));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    const file = event.dataTransfer?.files[0];
    if (file && !$("upload-view").hidden) choose(file);
  });
}

function pair(slider, box) {
  slider.addEventListener("input", () => (box.value = slider.value));
  box.addEventListener("input", () => {
    if (box.value >= 1 && box.value <= 100) slider.value = box.value;
  });
}

function showHow() {
  const chosen = $("upload-form").elements.by.value;
  for (const way of ["quality", "size", "eye"]) $(`by-${way}`).hidden = way !== chosen;
}

function collected(form) {
  const body = new FormData();
  body.append("file", dropped, dropped.name);
  if (form.elements.by.value === "size") body.append("max_bytes", $("max-bytes").value);
  else if (form.elements.by.value === "eye") body.append("quality", "auto");
  else if ($("quality-number").value !== "50") body.append("quality", $("quality-number").value);
  if ($("lenient").checked) body.append("mode", "lenient");
  for (const name of WORDS) {
    const value = form.elements[name]?.value.trim();
    if (value) body.append(name, value);
  }
  return body;
}

/** Browsers do not read a file that was changed since it was chosen, such as one whose mistakes were mended; nor a folder. */
async function stillThere() {
  try {
    await dropped.slice(0, 1).arrayBuffer();
  } catch {
    choose(null);
    throw { message: "The sheet was changed or moved since it was chosen. Choose it once more.", field: "file" };
  }
}

async function submit(form, opened) {
  if (needsKey && !key.get()) return noKey();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  $("refusal").replaceChildren();
  if (!dropped) return show({ message: "Choose a sheet first.", field: "file" });
  const unread = [...form.elements].find((input) => input.validity.badInput && !input.closest("[hidden]"));
  if (unread) return show({ message: "This must be a number.", field: unread.id }); // such as 2048px, which it gives out as empty
  const [button, bar] = [$("send"), $("sending")];
  button.disabled = true;
  bar.hidden = false;
  try {
    await stillThere();
    const answer = await send("upload", collected(form), (share) => (bar.value = 100 * share));
    $("file").value = "";
    choose(null);
    opened(answer.request_id);
  } catch (problem) {
    if (problem.code === "unauthorized") return noKey("This key is not known here.");
    show(problem, () => {
      $("lenient").checked = true;
      form.requestSubmit();
    });
  } finally {
    button.disabled = false;
    bar.hidden = true;
    bar.value = 0;
  }
}

function show(problem, without = null) {
  $("refusal").replaceChildren(...refusal(problem, without));
  const input = problem.field && $(FIELDS[problem.field] ?? problem.field);
  if (!input) return $("refusal").focus();
  input.closest("details")?.setAttribute("open", "");
  if (problem.field !== "file") input.setAttribute("aria-invalid", "true");
  input.focus();
}
