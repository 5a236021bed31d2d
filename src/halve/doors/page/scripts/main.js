// Which view is shown: the request that the address names after its #, else the form.

import { key, needsKey } from "./api.js";
import { prepareCompare } from "./compare.js";
import { $, once } from "./dom.js";
import { showRecent } from "./recent.js";
import { RequestView } from "./request.js";
import { prepare } from "./upload.js";

const ID = /^#([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const UNKNOWN = "This key is not known here.";
let current = new AbortController();

function only(id) {
  for (const view of ["key-view", "upload-view", "request-view"]) if ($(view)) $(view).hidden = view !== id;
}

function askForKey(why = "") {
  only("key-view");
  $("key-error").textContent = why;
  $("key-error").hidden = !why;
  $("key").focus();
}

function route() {
  current.abort();
  current = new AbortController();
  document.title = "halve";
  if (needsKey && !key.get()) return askForKey();
  const id = ID.exec(location.hash)?.[1];
  if (id) {
    only("request-view");
    const view = new RequestView($("request-view"), id, current.signal, askForKey);
    view.title.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    return view.follow();
  }
  only("upload-view");
  recent();
}

async function recent(more = false) {
  try {
    await showRecent(more);
  } catch (problem) {
    if (problem.code === "unauthorized") askForKey(UNKNOWN);
  }
}

prepare((id) => (location.hash = id), askForKey);
prepareCompare();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address after its # is the request's, and would lead away from it
  $("main").focus();
});
$("recent-more").addEventListener("click", once(() => recent(true)));
$("change-key")?.addEventListener("click", () => askForKey());
$("key-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const word = $("key").value.trim();
  $("key").value = "";
  if (!/^[\x20-\x7e]+$/.test(word)) return askForKey(UNKNOWN); // no header could carry it, such as one in curly quotes
  key.set(word);
  route();
});
window.addEventListener("hashchange", route);
route();
