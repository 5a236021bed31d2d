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

  static async of(response) {
    try {
      return new Problem(await response.json());
    } catch {
      return new Problem({ status: response.status, code: "unknown", detail: `The server answered ${response.status}.` });
    }
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
  if (!response.ok) throw await Problem.of(response);
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
      let body;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = { status: request.status, code: "unknown", detail: `The server answered ${request.status}.` };
      }
      if (request.status < 300) resolve(body);
      else reject(new Problem(body));
    });
    request.send(form);
  });
}
