// Talking to the server: JSON there and back, and three ways to fail.
// @ts-check

/** The server can't be reached, or is in trouble itself: try again later. */
export class Offline extends Error {}
/** The cookie is gone: nothing will work before the person opens the printed address. */
export class SignedOut extends Error {}
/** The server understood and said no: trying again would not help. */
export class Refused extends Error {}

/**
 * @param {string} path
 * @param {object} [body]  posted as JSON; without it the request is a GET
 * @param {number} [patience]  milliseconds
 * @returns {Promise<any>}
 */
export async function call(path, body, patience = 20_000) {
  let reply;
  try {
    reply = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    throw new Offline(String(error));
  }
  if (reply.ok) return reply.json().catch((error) => { throw new Offline(String(error)); });
  const detail = await reply.json().then((said) => said.detail, () => reply.statusText);
  const words = typeof detail === "string" ? detail : JSON.stringify(detail);
  if (reply.status === 401) throw new SignedOut(words);
  if (reply.status >= 500 || reply.status === 408 || reply.status === 429) throw new Offline(words);
  throw new Refused(words);
}

/** @param {string} item @param {96|256|768} size */
export const thumbnail = (item, size) => `/thumbnails/${encodeURIComponent(item)}?size=${size}`;

// Not crypto.randomUUID alone: browsers offer it only on secure origins, and a plain address in a local network is none.
/** @returns {string} 32 hex digits */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID().replaceAll("-", "");
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
