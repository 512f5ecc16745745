"""Checks of what a camera sends, and of the pictures that KVS makes of it. Facts in, verdicts out."""

from kinesight_cli.doctor.facts import ClockFacts, FragmentsFacts, MediaFacts, PicturesFacts, PolicyFacts
from kinesight_cli.doctor.findings import Cause, Verdict, broken, good, unknown
from kinesight_cli.doctor.policies import conditional_refusals, refusals

IMAGE_TAG = "AWS_KINESISVIDEO_IMAGE_GENERATION"
_CODECS = {"V_MPEG4/ISO/AVC": "H.264", "V_MPEGH/ISO/HEVC": "H.265"}


def span(seconds: float) -> str:
    """12 s, 3 min, 2.5 h, 4 days."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.3g} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def bucket_policy(facts: PolicyFacts) -> Verdict:
    found = refusals(facts.policy, "s3:PutObject", facts.resource)
    if found:
        return broken(
            Cause.BUCKET_REFUSES,
            f"its policy denies s3:PutObject: {', '.join(found)}",
            "A Deny stands above every Allow: KVS, which writes under the camera's rights, may not write a picture.",
            f"aws s3api get-bucket-policy --bucket {facts.place} --query Policy --output text  "
            "# put it back without the statement, by put-bucket-policy",
        )
    some = conditional_refusals(facts.policy, "s3:PutObject", facts.resource)
    if some:
        return unknown(f"its policy denies s3:PutObject to some or under conditions: {', '.join(some)}")
    return good("its policy does not deny s3:PutObject")


def fragments(facts: FragmentsFacts) -> Verdict:
    cure = (
        f"kinesight put-video {facts.stream} FILE --tag image  # if this gives pictures, the camera, its network or "
        "its credentials are at fault"
    )
    if facts.newest is None:
        return broken(
            Cause.NO_FRAGMENTS,
            f"no fragment came within the last {span(facts.searched_s)}",
            "The camera sends nothing: it is off, has no network, its credentials are refused, or it sends to another "
            "stream or Region. Its own log has the answer of PutMedia.",
            cure,
        )
    age_s = (facts.now_ms - facts.newest.server_ms) / 1000
    fact = f"last fragment {span(age_s)} ago"
    measured = {"lastFragmentAgeSeconds": round(age_s, 1), "lastFragmentServerEpochMs": facts.newest.server_ms}
    if age_s > facts.silent_s:
        return broken(
            Cause.PRODUCER_SILENT,
            fact,
            f"Nothing came for over {span(facts.silent_s)} (--silent-after): the camera stopped sending, or sends only "
            "when something moves.",
            cure,
            **measured,
        )
    return good(fact, **measured)


def clock(facts: ClockFacts) -> Verdict:
    side = "ahead" if facts.ahead_s > 0 else "behind"
    fact = f"the camera's clock is {span(abs(facts.ahead_s))} {side}"
    if abs(facts.ahead_s) <= facts.clock_s:
        return good(fact, clockAheadSeconds=round(facts.ahead_s, 1))
    if not facts.counts:
        return good(f"{fact}, but SERVER_TIMESTAMP does not use it", clockAheadSeconds=round(facts.ahead_s, 1))
    return broken(
        Cause.CLOCK_OFF,
        fact,
        "Pictures, results and time ranges are timed by the camera's clock (ImageSelectorType PRODUCER_TIMESTAMP), so "
        "they are found at another time than they happened, and quiet hours are wrong. A recording that was played "
        "into the stream looks the same.",
        "make deploy ARGS='--parameter-overrides ImageSelectorType=SERVER_TIMESTAMP'  # or set the camera's clock",
        clockAheadSeconds=round(facts.ahead_s, 1),
    )


def tags(facts: MediaFacts) -> Verdict:
    tagged = sum(IMAGE_TAG in one.tags for one in facts.fragments)
    fact = f"{tagged} of the last {len(facts.fragments)} fragments are tagged {IMAGE_TAG}"
    if tagged == 0:
        return broken(
            Cause.UNTAGGED,
            fact,
            "KVS makes pictures only of fragments that the producer tags; stock kvssink can't. (A camera that tags "
            "when something moves is well until something does.)",
            "make deploy ARGS='--parameter-overrides LiveStatus=ENABLED'  # reads cameras that tag nothing; or tag: "
            "putKinesisVideoEventMetadata in AWS's C and C++ SDKs",
            taggedFragments=0,
        )
    return good(fact, taggedFragments=tagged)


def codec(facts: MediaFacts) -> Verdict:
    tracks = facts.fragments[-1].tracks
    first = tracks[0] if tracks else ("", "")
    if first[0] == "video" and first[1] in _CODECS:
        return good(f"track 1 is {_CODECS[first[1]]} video")
    told = ", ".join(f"{kind} {codec_id}" for kind, codec_id in tracks) or "no track"
    return broken(
        Cause.CODEC_UNUSABLE,
        f"its tracks are {told}",
        "KVS makes pictures of H.264 and H.265 alone, and of the first track alone (KVS guide, video playback "
        "requirements).",
        "# have the camera send H.264 or H.265 as its first track",
    )


def pictures(facts: PicturesFacts) -> Verdict:
    if facts.newest_ms is not None:
        age_s = (facts.now_ms - facts.newest_ms) / 1000
        return good(
            f"last picture {span(age_s)} ago",
            lastPictureAgeSeconds=round(age_s, 1),
            lastPictureEpochMs=facts.newest_ms,
        )
    if facts.tagged_age_s < facts.picture_s:
        return unknown(
            f"no picture yet of what came {span(facts.tagged_age_s)} ago", "# run doctor again in half a minute"
        )
    carried = "nobody may tell by whom" if facts.attached_to is None else ", ".join(facts.attached_to) or "nobody"
    return broken(
        Cause.PICTURES_NOT_WRITTEN,
        f"no picture in s3://{facts.bucket} of the last tagged fragments, {span(facts.tagged_age_s)} old "
        f"(the producer policy is carried by: {carried})",
        "KVS writes under the rights of whoever calls PutMedia, and says nothing where they don't suffice: the "
        "camera's role or user needs s3:PutObject on the bucket (and the key), as the stack's producer policy grants. "
        "A configuration that was changed less than a minute before the video came has the same effect.",
        f"aws iam attach-role-policy --role-name <the camera's role> --policy-arn {facts.policy_arn}",
    )
