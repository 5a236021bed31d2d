// The job in Node: fetch or read each picture, compress it with sharp, write it. One line of LIST is "SOURCE TARGET".
//
//   node halve.mjs FOLDER_OF_SHARP LIST IN_FLIGHT QUALITY [mozjpeg]
//
// One thread a picture and as many pictures at once as libuv has threads, which is what sharp's own guide advises for many pictures.
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

const [folder, list, inFlight, quality, mozjpeg] = process.argv.slice(2);
const sharp = createRequire(`${folder}/package.json`)("sharp");
sharp.concurrency(1);
sharp.cache(false);

const jobs = readFileSync(list, "utf8").trim().split("\n").map((line) => line.split(" "));

async function read(source) {
  if (!source.startsWith("http")) return readFile(source);
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`${source}: ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

async function work() {
  for (let job = jobs.pop(); job; job = jobs.pop()) {
    const [source, target] = job;
    const small = await sharp(await read(source)).jpeg({ quality: Number(quality), mozjpeg: mozjpeg === "mozjpeg" }).toBuffer();
    await writeFile(target, small);
  }
}

await Promise.all(Array.from({ length: Number(inFlight) }, work));
