// The first pictures of a request, and those that failed.

import { ask } from "./api.js";
import { compare } from "./compare.js";
import { h, webLink } from "./dom.js";
import { lighter, weight } from "./text.js";

export const PICTURES = 18;
const PAGES = 10; // of products that are looked through for them
const FAILURES = 50;
const succeeded = (image) => image.state === "done" || image.state === "kept";

/** The first pictures of the `done` ones, as list items. A sheet may begin with a hundred that failed. */
export async function firstPictures(id, done, signal) {
  const found = [];
  let after = "";
  for (let page = 0; page < PAGES && found.length < Math.min(done, PICTURES) && after !== null; page += 1) {
    const { items, next } = await ask(`results/${id}?limit=${2 * PICTURES}${after}`, { signal });
    found.push(...items.flatMap((product) => product.images.filter(succeeded).map((image) => ({ product, image }))));
    after = next && `&cursor=${encodeURIComponent(next)}`;
  }
  return found.slice(0, PICTURES).map(({ product, image }) => picture(product, image));
}

function picture(product, image) {
  const gain = image.state === "kept" ? "kept as it was" : `${lighter(image.bytes_in, image.bytes_out)}\u00a0% lighter`;
  const name = product.product_name || `Row ${product.row}`;
  const button = h(
    "button",
    { type: "button", onclick: () => compare(product, image), "aria-label": `Compare ${name}, picture ${image.position}: ${gain}` },
    h("span", { class: "frame" }, h("img", { src: image.output_url, alt: "", loading: "lazy", decoding: "async", referrerpolicy: "no-referrer" })),
    h(
      "span",
      { class: "label" },
      h("span", { class: "name", dir: "auto" }, name),
      h("span", { class: "muted" }, `${weight(image.bytes_in)} → ${weight(image.bytes_out)}`),
      h("span", { class: "lighter" }, gain),
    ),
  );
  return h("li", { "data-key": image.output_url }, button);
}

/** A page of failed images as table rows, and the cursor of the next page. */
export async function failures(id, cursor, signal) {
  const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
  const page = await ask(`results/${id}?state=failed&limit=${FAILURES}${after}`, { signal });
  const rows = page.items.flatMap((product) =>
    product.images.filter((image) => image.error).map((image) =>
      h(
        "tr",
        {},
        h("td", { dir: "auto" }, product.product_name || `Row ${product.row}`),
        h("td", { class: "number", "data-label": "Picture" }, String(image.position)),
        h("td", {}, image.error.message),
        h("td", {}, webLink(image.input_url)),
      ),
    ),
  );
  return { rows, next: page.next };
}
