"""Checks of what a camera sends and of the images that KVS generates. Pure functions from facts to results."""

from kinesight.domain.check_results import Cause, Result, failed, ok, warning
from kinesight.domain.health.checks import span

from kinesight_cli.doctor.facts import ImagesFacts, MediaFacts, PolicyFacts
from kinesight_cli.doctor.resource_policies import conditional_denials, denials

IMAGE_TAG = "AWS_KINESISVIDEO_IMAGE_GENERATION"
_CODECS = {"V_MPEG4/ISO/AVC": "H.264", "V_MPEGH/ISO/HEVC": "H.265"}


def bucket_policy(facts: PolicyFacts) -> Result:
    """Checks that nothing denies KVS to write images."""
    found = denials(facts.policy, "s3:PutObject", facts.resource)
    if found:
        return failed(
            Cause.BUCKET_REFUSES,
            f"the bucket policy denies s3:PutObject: {', '.join(found)}",
            "A Deny overrides every Allow, so KVS, which writes with the permissions of the camera, cannot write "
            "images.",
            f"aws s3api get-bucket-policy --bucket {facts.name} --query Policy --output text  "
            "# then put it back without the statement with put-bucket-policy",
        )
    some = conditional_denials(facts.policy, "s3:PutObject", facts.resource)
    if some:
        return warning(f"the bucket policy denies s3:PutObject to some callers or under conditions: {', '.join(some)}")
    return ok("the bucket policy does not deny s3:PutObject")


def tags(facts: MediaFacts) -> Result:
    """Checks that the producer tags fragments for image generation."""
    tagged = sum(IMAGE_TAG in one.tags for one in facts.fragments)
    fact = f"{tagged} of the last {len(facts.fragments)} fragments are tagged {IMAGE_TAG}"
    if tagged == 0:
        return failed(
            Cause.UNTAGGED,
            fact,
            "KVS generates images only of fragments that the producer tags; the stock kvssink cannot tag. (A camera "
            "that tags on motion has no tags while nothing moves.)",
            "make deploy ARGS='--parameter-overrides LiveStatus=ENABLED'  # for producers that do not tag; or tag with "
            "putKinesisVideoEventMetadata of AWS's C and C++ SDKs",
            taggedFragments=0,
        )
    return ok(fact, taggedFragments=tagged)


def codec(facts: MediaFacts) -> Result:
    """Checks that the first track has a codec of which KVS generates images."""
    tracks = facts.fragments[-1].tracks
    first = tracks[0] if tracks else ("", "")
    if first[0] == "video" and first[1] in _CODECS:
        return ok(f"track 1 is {_CODECS[first[1]]} video")
    found = ", ".join(f"{kind} {codec_id}" for kind, codec_id in tracks) or "no track"
    return failed(
        Cause.CODEC_UNUSABLE,
        f"the tracks are {found}",
        "KVS generates images only of H.264 and H.265, and only of the first track (KVS guide, video playback "
        "requirements).",
        "# configure the camera to send H.264 or H.265 as its first track",
    )


def images(facts: ImagesFacts) -> Result:
    """Checks that KVS has written images of the last tagged fragments."""
    if facts.newest_ms is not None:
        age_s = (facts.now_ms - facts.newest_ms) / 1000
        return ok(
            f"last image {span(age_s)} ago",
            lastImageAgeSeconds=round(age_s, 1),
            lastImageEpochMs=facts.newest_ms,
        )
    if facts.tagged_age_s < facts.maximum_delay_s:
        return warning(
            f"no image yet of fragments that arrived {span(facts.tagged_age_s)} ago",
            "# run doctor again in half a minute",
        )
    holders = "unknown" if facts.attached_to is None else ", ".join(facts.attached_to) or "none"
    return failed(
        Cause.IMAGES_NOT_WRITTEN,
        f"no image in s3://{facts.bucket} of the last tagged fragments, which are {span(facts.tagged_age_s)} old "
        f"(principals with the producer policy: {holders})",
        "KVS writes with the permissions of the caller of PutMedia and reports no error if they are missing: the role "
        "or user of the camera needs s3:PutObject on the bucket (and use of the key), as in the stack's producer "
        "policy. Stream settings that changed less than a minute before the video arrived have the same effect.",
        f"aws iam attach-role-policy --role-name <the camera's role> --policy-arn {facts.policy_arn}",
    )
