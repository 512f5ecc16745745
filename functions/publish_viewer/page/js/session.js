// Who is asking: the local cloud's token comes in the address, a deployed stack signs in with Cognito or another issuer
// (authorization code with PKCE). An issuer's token lives in this tab alone; the local cloud's is known to all tabs, and
// ends with it.

import { element, heading, show } from "./dom.js";

const LOCAL = "kinesight.token";
const ISSUED = "kinesight.issued";
const ISSUED_AT = "kinesight.issued-at";
const ATTEMPT = "kinesight.attempt";
const TOO_SOON_MS = 30_000;

let ended = false;

export async function signIn() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    localStorage.setItem(LOCAL, given);
    ended = false;
    history.replaceState(null, "", `${location.pathname}#/events`);
  }
  const returned = new URLSearchParams(location.search);
  try {
    if (returned.has("error")) throw new Error(returned.get("error_description") ?? returned.get("error"));
    if (returned.has("code")) await redeem(returned);
  } catch (error) {
    return tell("Signing in did not work", error.message, again());
  }
  return token() !== null || toIssuer();
}

export const token = () => sessionStorage.getItem(ISSUED) ?? localStorage.getItem(LOCAL);

export const canSignOut = () => sessionStorage.getItem(ISSUED) !== null;

export async function signOut() {
  forget();
  const { logoutUrl, clientId } = await configuration();
  if (logoutUrl) location.assign(`${logoutUrl}?${new URLSearchParams({ client_id: clientId, logout_uri: here() })}`);
  else tell("Signed out", "", again());
}

// Never returns: what asked has no answer. A token that is refused at once would be refused again, on and on. Several
// requests may be refused at the same time; the first one sees to it.
export async function refused() {
  if (ended) return new Promise(() => {});
  ended = true;
  const fresh = Date.now() - Number(sessionStorage.getItem(ISSUED_AT)) < TOO_SOON_MS;
  forget();
  if (fresh) tell("The service does not know this sign-in", "Its issuer or audience is not the stack's (docs/viewer.md).", again());
  else await toIssuer();
  return new Promise(() => {});
}

function forget() {
  [ISSUED, ISSUED_AT].forEach((name) => sessionStorage.removeItem(name));
  localStorage.removeItem(LOCAL);
}

function tell(title, ...content) {
  show(heading(title), ...content.map((one) => (typeof one === "string" ? element("p", {}, one) : one)));
  return false;
}

const again = () => element("p", {}, element("button", { type: "button", class: "primary", onclick: toIssuer }, "Sign in"));

async function configuration() {
  const answer = await fetch("config.json");
  return answer.ok ? answer.json() : {};
}

async function toIssuer() {
  const { authorizeUrl, clientId } = await configuration();
  if (token() !== null) return true; // another address was opened meanwhile
  if (!authorizeUrl) return tell("Not signed in", "Open the whole address that the local cloud printed; the token is a part of it.");
  const attempt = { secret: random(), state: random(), place: location.hash };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.secret));
  const asked = new URLSearchParams({
    response_type: "code", client_id: clientId, redirect_uri: here(), scope: "openid email", state: attempt.state,
    code_challenge_method: "S256", code_challenge: encoded(new Uint8Array(digest)),
  });
  location.assign(`${authorizeUrl}?${asked}`);
  return false;
}

async function redeem(returned) {
  const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT));
  sessionStorage.removeItem(ATTEMPT);
  history.replaceState(null, "", `${location.pathname}${attempt?.place || "#/events"}`);
  if (attempt === null || attempt.state !== returned.get("state")) throw new Error("This tab did not ask for it.");
  const { tokenUrl, clientId } = await configuration();
  const asked = {
    grant_type: "authorization_code", client_id: clientId, redirect_uri: here(),
    code: returned.get("code"), code_verifier: attempt.secret,
  };
  const answer = await fetch(tokenUrl, { method: "POST", body: new URLSearchParams(asked) });
  if (!answer.ok) throw new Error(`The issuer answered ${answer.status}.`);
  sessionStorage.setItem(ISSUED, (await answer.json()).id_token);
  sessionStorage.setItem(ISSUED_AT, String(Date.now()));
}

const here = () => `${location.origin}${location.pathname}`;

const random = () => encoded(crypto.getRandomValues(new Uint8Array(48)));

const encoded = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
