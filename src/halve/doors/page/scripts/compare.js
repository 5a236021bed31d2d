// Before and after, one over the other. The original is only fetched when somebody wants to see it.

import { $ } from "./dom.js";
import { lighter, weight } from "./text.js";

export function prepareCompare() {
  $("compare-range").addEventListener("input", cut);
  $("compare-after").addEventListener("load", shape);
  $("compare").addEventListener("close", () => {
    for (const id of ["compare-before", "compare-after"]) $(id).removeAttribute("src");
  });
  $("compare").addEventListener("click", (event) => event.target === $("compare") && $("compare").close());
}

export function compare(product, image) {
  $("compare-title").textContent = product.product_name || `Row ${product.row}`;
  $("compare-before").src = image.input_url;
  $("compare-after").src = image.output_url;
  $("compare-facts-before").textContent = weight(image.bytes_in);
  const gain = image.state === "kept" ? "as it was" : `${lighter(image.bytes_in, image.bytes_out)}\u00a0% lighter`;
  $("compare-facts-after").textContent = `${weight(image.bytes_out)}, ${gain}`;
  $("compare-range").value = 50;
  cut();
  $("compare").showModal();
  $("compare-range").focus();
}

/** The stage takes the picture's shape, so that nothing but the picture is compared. */
function shape() {
  const { naturalWidth: width, naturalHeight: height } = $("compare-after");
  if (width && height) $("compare-after").parentElement.style.setProperty("--shape", String(width / height));
}

function cut() {
  $("compare-range").parentElement.style.setProperty("--cut", `${$("compare-range").value}%`);
}
