// The list of recent sheets.

import { ask } from "./api.js";
import { $, h } from "./dom.js";
import { ago, counted, lighter, number } from "./text.js";

const PAGE = 8;
let next = null;

export async function showRecent(more = false) {
  const page = await ask(`requests?limit=${PAGE}${more && next ? `&cursor=${encodeURIComponent(next)}` : ""}`);
  const items = page.items.map(item);
  if (more) $("recent-list").append(...items);
  else $("recent-list").replaceChildren(...items);
  next = page.next;
  $("recent-more").hidden = next === null;
  $("recent").hidden = $("recent-list").children.length === 0;
}

function item(request) {
  const running = request.completed_at === null;
  const facts = [counted(request.total_images, "picture", "pictures")];
  if (running) facts.push(`${request.progress.percent} %`);
  else if (request.bytes_in) facts.push(`${lighter(request.bytes_in, request.bytes_out)}\u00a0% lighter`);
  if (!running && request.failed_images) facts.push(`${number(request.failed_images)} failed`);
  facts.push(ago(request.created_at));
  const link = h(
    "a",
    { href: `#${request.request_id}` },
    h("strong", { dir: "auto" }, request.filename),
    h("small", {}, facts.join(" · ")),
    h("span", { class: `pill ${request.status}` }, request.status),
  );
  return h("li", {}, link);
}
