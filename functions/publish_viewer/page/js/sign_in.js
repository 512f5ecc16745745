// Signing in. The local cloud's token is in the address that it prints; a deployed stack uses Cognito or another issuer
// (authorization code with PKCE). An issuer's token is valid in this tab only; the local cloud's is shared by all tabs.

import { button, element, heading, messageOf, show } from "./dom/elements.js";
import { base64url } from "./logic/base64url.js";

const LOCAL = "kinesight.token";
const ISSUED = "kinesight.issued";
const ISSUED_AT = "kinesight.issued-at";
const ATTEMPT = "kinesight.attempt";
const TOO_SOON_MS = 30_000;

/** @typedef {{ authorizeUrl?: string, tokenUrl?: string, clientId?: string, logoutUrl?: string }} Configuration */

let isSignedOut = false;

/**
 * Takes a token from the address, redeems an issuer's code, or sends the browser to the issuer.
 * @returns {Promise<boolean>} whether there is a token
 */
export async function signIn() {
  takeTokenOfAddress();
  const parameters = new URLSearchParams(location.search);
  try {
    const error = parameters.get("error");
    if (error !== null) throw new Error(parameters.get("error_description") ?? error);
    const code = parameters.get("code");
    if (code !== null) await redeem(code, parameters.get("state"));
  } catch (error) {
    return explain("Sign-in failed", messageOf(error), signInButton());
  }
  return token() !== null || goToIssuer();
}

/** @returns {string | null} */
export const token = () => sessionStorage.getItem(ISSUED) ?? localStorage.getItem(LOCAL);

export const canSignOut = () => sessionStorage.getItem(ISSUED) !== null;

export async function signOut() {
  forget();
  const { logoutUrl, clientId = "" } = await configuration();
  if (logoutUrl) location.assign(`${logoutUrl}?${new URLSearchParams({ client_id: clientId, logout_uri: pageUrl() })}`);
  else explain("Signed out", signInButton());
}

/**
 * Signs in again after the API has refused the token. Never returns, since the request has no response. A token that is
 * refused right after sign-in would be refused forever: that is explained instead. Of several requests that are refused
 * at the same time, the first one signs in.
 * @returns {Promise<never>}
 */
export async function signInAgain() {
  if (!isSignedOut) {
    isSignedOut = true;
    const isNew = Date.now() - Number(sessionStorage.getItem(ISSUED_AT)) < TOO_SOON_MS;
    forget();
    if (isNew) explainRefusal();
    else await goToIssuer();
  }
  return new Promise(() => {});
}

function explainRefusal() {
  const reason = "The issuer or the audience of its token is not what the stack expects (docs/viewer.md).";
  explain("The service does not accept this sign-in", reason, signInButton());
}

function takeTokenOfAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return;
  localStorage.setItem(LOCAL, given);
  isSignedOut = false;
  history.replaceState(null, "", `${location.pathname}#/sessions`);
}

function forget() {
  sessionStorage.removeItem(ISSUED);
  sessionStorage.removeItem(ISSUED_AT);
  localStorage.removeItem(LOCAL);
}

/**
 * @param {string} title
 * @param {...(string | HTMLElement)} content
 */
function explain(title, ...content) {
  show(heading(title), ...content.map((one) => (typeof one === "string" ? element("p", {}, one) : one)));
  return false;
}

const signInButton = () => element("p", {}, button("Sign in", goToIssuer, { class: "primary" }));

/** @returns {Promise<Configuration>} */
async function configuration() {
  const response = await fetch("config.json");
  return response.ok ? response.json() : {};
}

/** @returns {Promise<boolean>} whether there is a token already */
async function goToIssuer() {
  const { authorizeUrl, clientId = "" } = await configuration();
  if (token() !== null) return true; // another address was opened meanwhile
  if (!authorizeUrl) {
    return explain("Not signed in", "Open the full address that the local cloud printed; it contains the token.");
  }
  location.assign(`${authorizeUrl}?${await authorization(clientId)}`);
  return false;
}

/**
 * The parameters of an authorization request, whose secret is kept in this tab.
 * @param {string} clientId
 */
async function authorization(clientId) {
  const attempt = { secret: random(), state: random(), place: location.hash };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.secret));
  return new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: pageUrl(),
    scope: "openid email",
    state: attempt.state,
    code_challenge_method: "S256",
    code_challenge: base64url(new Uint8Array(digest)),
  });
}

/**
 * Exchanges the issuer's code for a token.
 * @param {string} code
 * @param {string | null} state
 */
async function redeem(code, state) {
  const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
  sessionStorage.removeItem(ATTEMPT);
  history.replaceState(null, "", `${location.pathname}${attempt?.place || "#/sessions"}`);
  if (attempt === null || attempt.state !== state) throw new Error("This tab did not request the sign-in.");
  const response = await exchange(code, attempt.secret);
  if (!response.ok) throw new Error(`The issuer returned status ${response.status}.`);
  sessionStorage.setItem(ISSUED, (await response.json()).id_token);
  sessionStorage.setItem(ISSUED_AT, String(Date.now()));
}

/**
 * @param {string} code
 * @param {string} secret
 */
async function exchange(code, secret) {
  const { tokenUrl = "", clientId = "" } = await configuration();
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: clientId,
    redirect_uri: pageUrl(),
    code,
    code_verifier: secret,
  });
  return fetch(tokenUrl, { method: "POST", body });
}

const pageUrl = () => `${location.origin}${location.pathname}`;

const random = () => base64url(crypto.getRandomValues(new Uint8Array(48)));
