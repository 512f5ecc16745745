// The operations of the viewer API that the page uses, with the types of its OpenAPI document. All throw ApiError.

import { escaped } from "../logic/addresses.js";
import { dayTimes } from "../logic/time.js";
import { change, read, readBlob, readIfChanged } from "./requests.js";

/**
 * @typedef {{ streamName: string, sessionKey: string }} SessionId
 * @typedef {Api.Responses} Responses
 */

const sessionPath = (/** @type {SessionId} */ { streamName, sessionKey }) =>
  `sessions/${escaped(streamName, sessionKey)}`;

/**
 * The filters as the API has them. Throws Error for a day that does not exist.
 * @param {SessionFilters} filters
 */
const sessionQuery = ({ day, ...others }) => ({ ...others, ...(day ? dayTimes(day) : {}) });

/**
 * @param {SessionFilters} filters
 * @param {string | null} [cursor]
 * @returns {Promise<ApiResponse<Responses["GET /api/sessions"]>>}
 */
export const listSessions = (filters, cursor) => read("sessions", { ...sessionQuery(filters), cursor });

/**
 * The first page, if it has changed.
 * @param {SessionFilters} filters
 * @param {string | null} tag
 * @returns {Promise<ConditionalResponse<Responses["GET /api/sessions"]>>}
 */
export const listChangedSessions = (filters, tag) => readIfChanged("sessions", sessionQuery(filters), tag);

/**
 * @param {SessionId} id
 * @returns {Promise<ApiResponse<Responses["GET /api/sessions/{stream}/{session_key}"]>>}
 */
export const getSession = (id) => read(sessionPath(id));

/**
 * @param {SessionId} id
 * @param {string | null} tag
 * @returns {Promise<ConditionalResponse<Responses["GET /api/sessions/{stream}/{session_key}"]>>}
 */
export const getChangedSession = (id, tag) => readIfChanged(sessionPath(id), {}, tag);

/**
 * @param {SessionId} id
 * @param {Api.Marks} marks
 * @param {string | null} tag of the session that was read
 * @returns {Promise<ApiResponse<Responses["PATCH /api/sessions/{stream}/{session_key}"]>>}
 */
export const markSession = (id, marks, tag) => change("PATCH", sessionPath(id), { body: marks, tag: tag ?? undefined });

/**
 * @param {SessionId} id
 * @returns {Promise<ApiResponse<Responses["GET /api/sessions/{stream}/{session_key}/playback"]>>}
 */
export const getPlayback = (id) => read(`${sessionPath(id)}/playback`);

/**
 * @param {SessionId} id
 * @returns {Promise<ApiResponse<Responses["POST /api/sessions/{stream}/{session_key}/bundle"]>>}
 */
export const createBundle = (id) => change("POST", `${sessionPath(id)}/bundle`);

/**
 * @param {DayTimes} day
 * @param {string} stream all cameras if it is empty
 * @returns {Promise<ApiResponse<Responses["GET /api/activity"]>>}
 */
export const getActivity = (day, stream) => read("activity", { ...day, stream });

/**
 * @param {string | null} [cursor]
 * @returns {Promise<ApiResponse<Responses["GET /api/cameras"]>>}
 */
export const listCameras = (cursor) => read("cameras", { cursor });

/**
 * A recent image of a camera. It costs a GetImages call.
 * @param {string} stream
 */
export const getCameraImage = (stream) => readBlob(`cameras/${escaped(stream)}/image`);

/**
 * The configuration document, and what applies to a camera.
 * @param {string} stream
 * @returns {Promise<ApiResponse<Responses["GET /api/rules"]>>}
 */
export const getRules = (stream) => read("rules", { stream });

/**
 * @param {RulesDocument} document
 * @param {string} tag of the document that was read
 * @returns {Promise<ApiResponse<Responses["PUT /api/rules"]>>}
 */
export const putRules = (document, tag) => change("PUT", "rules", { body: { document }, tag });

/** @returns {Promise<ApiResponse<Responses["GET /api/analyses"]>>} */
export const listAnalyses = () => read("analyses");

/**
 * @param {string} id
 * @returns {Promise<ApiResponse<Responses["GET /api/analyses/{analysis_id}"]>>}
 */
export const getAnalysis = (id) => read(`analyses/${escaped(id)}`);

/**
 * @param {Api.AnalysisRequest} request
 * @returns {Promise<ApiResponse<Responses["POST /api/analyses"]>>}
 */
export const startAnalysis = (request) => change("POST", "analyses", { body: request });

/**
 * @param {string} id of the analysis to make a time-lapse of
 * @returns {Promise<ApiResponse<Responses["POST /api/analyses/{analysis_id}/timelapse"]>>}
 */
export const startTimelapse = (id) => change("POST", `analyses/${escaped(id)}/timelapse`, { body: {} });
