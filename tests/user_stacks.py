"""Functions and stacks of users on the local cloud: zip files, and the templates of examples/ as SAM packages them."""

import io
import re
import zipfile
from pathlib import Path

from kinesight_local.cloud import LocalCloud

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ROLE = "arn:aws:iam::123456789012:role/any"
_CODE_BUCKET = "code-of-examples"
_LOCAL_FILE = re.compile(r"(CodeUri|DefinitionUri): (\S+)")


def zipped(**modules: str) -> bytes:
    """A zip file of Python modules by name; two underscores stand for a folder's slash."""
    return _zip({f"{name.replace('__', '/')}.py": text for name, text in modules.items()})


def _zip(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def allow_functions(cloud: LocalCloud) -> None:
    """Creates ROLE, which moto wants to exist."""
    cloud.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")


def deploy_example(cloud: LocalCloud, example: str, **parameters: str) -> dict[str, str]:
    """Deploys an example by CloudFormation, as `sam deploy` does; returns the outputs."""
    folder, s3 = EXAMPLES / example, cloud.client("s3")
    s3.create_bucket(Bucket=_CODE_BUCKET)

    def uploaded(found: re.Match[str]) -> str:
        path = folder / found[2]
        body = path.read_bytes() if path.is_file() else _zip({one.name: one.read_text() for one in path.glob("*.py")})
        s3.put_object(Bucket=_CODE_BUCKET, Key=f"{example}/{path.name}", Body=body)
        return f"{found[1]}: s3://{_CODE_BUCKET}/{example}/{path.name}"

    template = _LOCAL_FILE.sub(uploaded, (folder / "template.yaml").read_text())
    s3.put_object(Bucket=_CODE_BUCKET, Key=f"{example}/template.yaml", Body=template.encode())
    cloudformation = cloud.client("cloudformation")
    change_set = cloudformation.create_change_set(
        StackName=example,
        ChangeSetName="create",
        ChangeSetType="CREATE",
        TemplateURL=f"{cloud.endpoints['AWS_ENDPOINT_URL']}/{_CODE_BUCKET}/{example}/template.yaml",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
    (stack,) = cloudformation.describe_stacks(StackName=example)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
