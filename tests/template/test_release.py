"""A release of a real build, for CloudFormation's console and for the Serverless Application Repository."""

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
import yaml
from kinesight_local import template as local_template
from kinesight_local.build import architecture, built, default_cache
from kinesight_local.template import read_template
from moto import mock_aws
from samcli.vendor.serverlessrepo.application_metadata import ApplicationMetadata
from samcli.vendor.serverlessrepo.parser import get_app_metadata
from samtranslator.translator.transform import transform

from scripts import package_release, release_templates
from tests.template.test_deploying import MOST_BYTES, of_type

Document = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
PREFIX, REGION = "acme-kinesight", "eu-central-1"
BUCKET = f"{PREFIX}-{REGION}"
NOT_IN_THE_REPOSITORY = {
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::IAM::RolePolicy",
}
"""Types of template.yaml that "List of Supported AWS Resources" of the repository's guide does not have."""
MOST_README_BYTES = MOST_LICENSE_BYTES = 5 * 1000 * 1000
"""CreateApplication, botocore's model."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """As package_release.build makes it, of the build that other tests use, too."""
    folder = tmp_path_factory.mktemp("built")
    with built(ROOT, default_cache(ROOT)) as template:
        for one in template.parent.iterdir():
            if one.is_dir():
                (folder / one.name).symlink_to(one)
        shutil.copy(template, folder)
        package_release.complete(folder, architecture())
        yield folder


@pytest.fixture(scope="module")
def console(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is copied to a bucket; its zip files are not compressed, which takes less time."""
    target = tmp_path_factory.mktemp("console")
    package_release.write_console(build, target, "kinesight.yaml", compression=0)
    return target / release_templates.FOLDER


@pytest.fixture(scope="module")
def expanded(console: Path) -> Document:
    """As CloudFormation expands it in one Region."""
    document = read_template(console / "kinesight.yaml")
    values = local_template._parameters(document, {"StreamNames": "cam", "CodeBucketPrefix": PREFIX})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        result: Document = transform(document, values, local_template._NoManagedPolicies())
    return result


def locations(document: Document) -> list[Document]:
    """Bucket and Key of everything that the expanded template takes from S3, but a user's own consumer."""
    functions, layers = of_type(document, "AWS::Lambda::Function"), of_type(document, "AWS::Lambda::LayerVersion")
    code = [one["Code"] for name, one in functions.items() if name != "ConsumerFunction"]
    found = code + [one["Content"] for one in layers.values()]
    machines = [one["DefinitionS3Location"] for one in of_type(document, "AWS::StepFunctions::StateMachine").values()]
    return [{"Bucket": one["S3Bucket"], "Key": one["S3Key"]} for one in found] + machines


def resolved(bucket: Document) -> str:
    """SAM replaces parameters in some places and leaves others to CloudFormation."""
    text: str = bucket["Fn::Sub"]
    return text.replace("${CodeBucketPrefix}", PREFIX).replace("${AWS::Region}", REGION)


def test_every_digest_is_that_of_its_file(console: Path) -> None:
    lines = [line.split("  ") for line in (console / "SHA256SUMS").read_text().splitlines()]

    assert {name for _, name in lines} == {one.name for one in console.iterdir()} - {"SHA256SUMS"}
    for digest, name in lines:
        assert hashlib.sha256((console / name).read_bytes()).hexdigest() == digest
        if found := re.search(r"-([0-9a-f]{16})\.(zip|json)$", name):
            assert digest.startswith(found[1])


def test_every_reference_is_a_file_of_the_folder_and_no_file_is_left_over(console: Path, expanded: Document) -> None:
    found = locations(expanded)

    assert {resolved(one["Bucket"]) for one in found} == {BUCKET}
    assert {one["Key"] for one in found} == {
        f"kinesight/{one.name}" for one in console.iterdir() if one.suffix in {".zip", ".json"}
    }


def test_a_zip_has_the_files_of_its_folder(build: Path, console: Path) -> None:
    for name in ("KinesightLayer", "AnalyzeImagesFunction"):
        (path,) = console.glob(f"{name}-*.zip")
        with zipfile.ZipFile(path) as archive:
            assert sorted(archive.namelist()) == sorted(
                str(one.relative_to(build / name)) for one in (build / name).rglob("*") if one.is_file()
            )


def test_the_workflow_is_that_of_the_sources(console: Path) -> None:
    (path,) = console.glob("AnalyzeRange-*.json")

    assert json.loads(path.read_text()) == yaml.safe_load((ROOT / "statemachines/analyze_range.asl.yaml").read_text())


@pytest.fixture
def aws() -> Iterator[None]:
    """moto, with the functions' part of the folder in a bucket; the layers' would take a minute."""
    with mock_aws():
        boto3.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
        configuration: Any = {"LocationConstraint": REGION}
        boto3.client("s3", REGION).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=configuration)
        yield


def create(function: Document, name: str) -> int:
    """Size of the code that Lambda read."""
    created = boto3.client("lambda", REGION).create_function(
        FunctionName=name,
        Role="arn:aws:iam::123456789012:role/any",
        Runtime=function["Runtime"],
        Handler=function["Handler"],
        Code={"S3Bucket": resolved(function["Code"]["S3Bucket"]), "S3Key": function["Code"]["S3Key"]},
    )
    return created["CodeSize"]


def test_lambda_takes_the_code_from_the_bucket(aws: None, console: Path, expanded: Document) -> None:
    functions = of_type(expanded, "AWS::Lambda::Function")
    del functions["ConsumerFunction"]
    for one in console.glob("*Function-*.zip"):
        boto3.client("s3", REGION).put_object(Bucket=BUCKET, Key=f"kinesight/{one.name}", Body=one.read_bytes())

    assert {name: create(one, name) for name, one in functions.items()} == {
        name: next(console.glob(f"{name}-*.zip")).stat().st_size for name in functions
    }


def test_the_template_fits_into_cloudformation(console: Path, build: Path, expanded: Document) -> None:
    assert (console / "kinesight.yaml").stat().st_size < MOST_BYTES
    assert len(json.dumps(expanded)) < MOST_BYTES
    assert (build / "template.yaml").stat().st_size < MOST_BYTES


def test_code_that_lambda_does_not_take_is_refused(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = release_templates.parsed((build / "template.yaml").read_text())
    paths = {name: build / path for name, path in release_templates.local_paths(document).items()}
    package_release.check_code_sizes(document, paths)
    monkeypatch.setattr(release_templates, "MOST_CODE_BYTES", 30_000_000)

    with pytest.raises(SystemExit, match=r"Function has .* bytes with its layers"):
        package_release.check_code_sizes(document, paths)


def test_the_launch_link_names_what_there_is(console: Path) -> None:
    """Its form is AWS's: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html."""
    (link,) = re.findall(r"https://\S+/stacks/create/review\S+", (ROOT / "docs/deploy.md").read_text())
    values = dict(parse_qsl(urlsplit(link).fragment.partition("?")[2]))
    given = {name.removeprefix("param_"): one for name, one in values.items() if name.startswith("param_")}
    region = urlsplit(link).hostname.partition(".")[0]
    template = urlsplit(values["templateURL"])

    assert parse_qsl(urlsplit(link).query) == [("region", region)]
    assert template.netloc == f"{given['CodeBucketPrefix']}-{region}.s3.{region}.amazonaws.com"
    assert re.fullmatch(r"/kinesight/kinesight-[\d.]+-arm64\.yaml", template.path)
    local_template._parameters(read_template(console / "kinesight.yaml"), given)


# ---- the Serverless Application Repository -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repository(build: Path) -> Document:
    document = release_templates.parsed((build / "template.yaml").read_text())
    text = release_templates.text_of(release_templates.for_repository(document, "1.2.3", "https://example.com/src"))
    return release_templates.parsed(text)  # SAM changes what yaml.safe_load returns, once it is imported


def test_the_metadata_is_what_the_repository_takes(repository: Document) -> None:
    found: ApplicationMetadata = get_app_metadata(repository)  # type: ignore[no-untyped-call]

    required = ["author", "description", "name", "semantic_version", "source_code_url", "license_url"]
    assert found.validate(required)  # type: ignore[no-untyped-call]
    assert re.fullmatch(r"[a-zA-Z0-9\-]{1,140}", found.name)
    assert 1 <= len(found.description) <= 256
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", found.author)
    assert len(found.labels) <= 10
    assert all(re.fullmatch(r"[a-zA-Z0-9+\-_:/@]{1,127}", one) for one in found.labels)
    assert found.spdx_license_id == "Apache-2.0"
    assert "Apache License" in (ROOT / found.license_url).read_text()
    assert (ROOT / found.license_url).stat().st_size < MOST_LICENSE_BYTES
    assert (ROOT / found.readme_url).stat().st_size < MOST_README_BYTES


def test_types_that_the_repository_refuses_are_left_out(build: Path, repository: Document) -> None:
    whole = {one["Type"] for one in read_template(build / "template.yaml")["Resources"].values()}

    assert whole >= NOT_IN_THE_REPOSITORY
    assert not {one["Type"] for one in repository["Resources"].values()} & NOT_IN_THE_REPOSITORY
    assert not set(repository["Parameters"]) & set(release_templates.NOT_IN_THE_REPOSITORY)


def test_the_rest_is_as_the_whole_template_without_a_viewer(build: Path, repository: Document) -> None:
    """Its conditions and references hold: SAM expands both to the same resources."""
    whole = local_template.expand(build / "template.yaml", {"StreamNames": "cam"}).document
    (build / "serverlessrepo.yaml").write_text(release_templates.text_of(repository))
    plain = local_template.expand(build / "serverlessrepo.yaml", {"StreamNames": "cam"}).document

    assert set(plain["Resources"]) == set(whole["Resources"]) - {"ViewerPage"}
    assert set(plain["Outputs"]) == set(whole["Outputs"]) - {"ViewerUrl", "ViewerUserPoolId"}


def test_a_version_that_is_no_semantic_one_is_left_out(build: Path) -> None:
    document = release_templates.parsed((build / "template.yaml").read_text())
    metadata = release_templates.for_repository(document, "9ac04d8", "")["Metadata"]

    assert not {"SemanticVersion", "SourceCodeUrl"} & set(metadata["AWS::ServerlessRepo::Application"])


def test_links_of_the_readme_lead_to_the_sources() -> None:
    text = "[a](docs/a.md) [b](https://example.com) [c](#c) ![d](docs/d.png)"

    assert package_release.readme(text, "https://example.com/src") == (
        "[a](https://example.com/src/docs/a.md) [b](https://example.com) [c](#c) ![d](https://example.com/src/docs/d.png)"
    )
    assert package_release.readme(text, "") == text
