"""Checks of what a camera sends, and of the pictures that KVS makes of it. Facts in, verdicts out."""

from kinesight.domain.health.checks import span
from kinesight.domain.health.findings import Cause, Verdict, broken, good, unknown

from kinesight_cli.doctor.facts import MediaFacts, PicturesFacts, PolicyFacts
from kinesight_cli.doctor.policies import conditional_refusals, refusals

IMAGE_TAG = "AWS_KINESISVIDEO_IMAGE_GENERATION"
_CODECS = {"V_MPEG4/ISO/AVC": "H.264", "V_MPEGH/ISO/HEVC": "H.265"}


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
