// Talking to the server: the key, the problems it answers with, and its events.

const KEY = "halve-key";
export const needsKey = document.documentElement.dataset.keys === "yes";

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

export class Problem extends Error {
  constructor(body) {
    super(body.detail);
    this.code = body.code;
    this.status = body.status;
    this.field = body.field;
    this.findings = body.errors ?? [];
  }

  /** Of an answer; what stands between us and the server has errors of its own, in HTML or other JSON. */
  static of(status, body) {
    const known = typeof body?.detail === "string" ? body : { code: "unknown", detail: `The server answered ${status}.` };
    return new Problem({ status, ...known });
  }

  static async ofResponse(response) {
    return Problem.of(response.status, parsed(await response.text().catch(() => "")));
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const offline = () => new Problem({ status: 0, code: "offline", detail: "The server cannot be reached." });

/** Whether the server may answer if it is asked again: it is away, or has trouble of its own. */
export const passing = (problem) => problem instanceof Problem && (problem.status === 0 || problem.status >= 500);

export const authorization = () => (key.get() ? { Authorization: `Bearer ${key.get()}` } : {});

export async function ask(path, { method = "GET", signal } = {}) {
  let response;
  try {
    response = await fetch(path, { method, signal, headers: authorization() });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw offline();
  }
  if (!response.ok) throw await Problem.ofResponse(response);
  return response.status === 204 ? null : response.json();
}

/** Hand in a form, telling how much of it is sent. XMLHttpRequest, since fetch cannot tell that. */
export function send(path, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("error", () => reject(offline()));
    request.addEventListener("load", () => {
      const body = parsed(request.responseText);
      if (request.status < 300 && body?.request_id) resolve(body);
      else reject(Problem.of(request.status, body));
    });
    request.send(form);
  });
}
