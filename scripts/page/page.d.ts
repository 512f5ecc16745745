// Types that several modules of the page share: the API's shapes by the page's names, and what builds elements.

type Session = Api.SessionCard;
type SessionDetails = Api.SessionDetails;
type SessionFrame = Api.SessionFrame;
type SessionTimes = Api.SessionTimes;
type SessionPage = Api.SessionsPage;
type SessionClip = Api.LinkedVideo;
type Camera = Api.Camera;
type CameraCheck = Api.HealthCheck;
type Analysis = Api.Analysis;
type ListedAnalysis = Api.ListedAnalysis;
type AnalysisResult = Api.AnalysisResult;

/** The midnights between which a day of the browser's time zone is. */
type DayTimes = { start: string; end: string };
/** Filters of the session list; an empty value does not filter. */
type SessionFilters = Record<"stream" | "label" | "zone" | "class" | "day" | "reviewed", string>;

/** A successful response. `unchanged` after a conditional read (304); then there is no body. */
type ApiResponse<Body> = { unchanged?: false; body: Body; tag: string | null };
type ConditionalResponse<Body> = ApiResponse<Body> | { unchanged: true; tag: string };

/** A corner as shares of the image's width and height, [across, down]. */
type Corner = [number, number];
type Zone = { name: string; polygon: Corner[]; kind?: string };
type Rule = { name: string; labels?: string[]; minimumConfidence?: number; zones?: string[] };
/** Settings of a camera that the zone editor writes. It does not change `stationary`. */
type ZoneSettings = { zones: Zone[]; rules: Rule[]; stationary?: unknown };
/** An entry of the configuration document; its further settings are kept. */
type CameraEntry = { streams?: string[]; streamTags?: string | unknown[]; [setting: string]: unknown };
type RulesDocument = { cameras?: CameraEntry[]; [part: string]: unknown };
/** The document, and the index of the entry that applies to the camera, null if none does. */
type ReadRules = { document: RulesDocument; entry: number | null };

type Child = Node | string | false | null | undefined | Child[];
type Listeners = { [Name in keyof HTMLElementEventMap as `on${Name}`]?: (event: HTMLElementEventMap[Name]) => unknown };
type Attributes = Listeners & Record<string, unknown>;

/** Replaces the content of the page. Has no effect once another view has been opened. */
type Show = (...content: Child[]) => void;
type ViewContext = { show: Show; fresh: boolean };
/** What a view leaves behind: how to leave it, whether it has unsaved changes, how to show another query in place. */
type OpenView = {
  leave?: () => unknown;
  hasUnsavedChanges?: () => boolean;
  update?: (query: URLSearchParams) => unknown;
};
type View = (query: URLSearchParams, context: ViewContext, ...parts: string[]) => Promise<OpenView>;
