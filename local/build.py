"""Builds template.yaml's functions and layer for the emulator, and deploys that same template to it.

``sam build`` makes the layer for Lambda's runtime and processors; here the same make rules make it for the interpreter of
the emulator. The SAM CLI itself (340 MB) is not needed: CloudFormation transforms the template.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError, WaiterError

from local.emulator import PYTHON, ROOT, StartFailed

TEMPLATE = ROOT / "template.yaml"
LAYER = ROOT / "layers" / "core"
CACHE = ROOT / ".tools" / "layers"
BUCKET = "artifacts"


class _TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (``!Ref X``) as the long ones (``{"Ref": "X"}``)."""


def _long_form(loader: _TemplateLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has no fourth kind
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_TemplateLoader.add_multi_constructor("!", _long_form)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template as plain data, intrinsic functions in their long form."""
    with path.open(encoding="utf-8") as file:
        template: dict[str, Any] = yaml.load(file, _TemplateLoader)  # noqa: S506 - a SafeLoader with our own tags
    return template


def deploy(session: boto3.Session, url: str, stack: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create the stack on the emulator at ``url`` and return its outputs.

    Raises :class:`StartFailed` with CloudFormation's own reasons.
    """
    template = read_template()
    s3 = session.client("s3", endpoint_url=url)
    s3.create_bucket(Bucket=BUCKET)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            code, place = _function_zip(ROOT / resource["Properties"]["CodeUri"]), "CodeUri"
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            code, place = _layer_zip(), "ContentUri"
        else:
            continue
        key = f"{hashlib.sha256(code).hexdigest()}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=code)
        resource["Properties"][place] = f"s3://{BUCKET}/{key}"

    # As `sam deploy` does: inline, CloudFormation takes 51,200 characters only.
    s3.put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template).encode())
    cloudformation = session.client("cloudformation", endpoint_url=url)
    try:
        cloudformation.create_stack(
            StackName=stack,
            TemplateURL=f"{url}/{BUCKET}/template.json",
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    except ClientError as error:  # a parameter that the template does not allow, say
        raise StartFailed(f"the stack could not be created: {error.response['Error']['Message']}") from error
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason')}"
            for event in events
            if "FAILED" in event.get("ResourceStatus", "")
        ]
        raise StartFailed("the stack could not be created:\n" + "\n".join(reasons)) from error
    [description] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
    # The emulator does not read the template's TimeToLiveSpecification.
    session.client("dynamodb", endpoint_url=url).update_time_to_live(
        TableName=outputs["TableName"],
        TimeToLiveSpecification=template["Resources"]["SyncTable"]["Properties"]["TimeToLiveSpecification"],
    )
    return outputs


def _function_zip(folder: Path) -> bytes:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        _add(target, folder)
    return archive.getvalue()


def _layer_zip() -> bytes:
    """The layer: its dependencies, kept from an earlier build if they are the same, and the package as it is now."""
    interpreter = subprocess.check_output([PYTHON, "-c", "import sys; print(sys.version)"])
    recipe = (LAYER / "Makefile").read_bytes()
    name = hashlib.sha256(interpreter + recipe + (LAYER / "requirements.lock").read_bytes()).hexdigest()[:16]
    kept = CACHE / f"{name}.zip"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with (
            _made("dependencies", "bytecode") as folder,
            tempfile.NamedTemporaryFile(dir=CACHE, delete=False) as file,
            zipfile.ZipFile(file, "w") as target,
        ):
            _add(target, folder)
        Path(file.name).rename(kept)  # whole or not at all: two stacks may build at once
    archive = BytesIO(kept.read_bytes())
    with _made("package", "bytecode") as folder, zipfile.ZipFile(archive, "a") as target:
        _add(target, folder)
    return archive.getvalue()


@contextmanager
def _made(*rules: str) -> Iterator[Path]:
    """A folder with what these rules of the layer's Makefile make for the emulator's interpreter."""
    version = subprocess.check_output(
        [PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
    )
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            "ARTIFACTS_DIR": folder,
            "PYTHON": PYTHON,
            "RUNTIME": version.strip(),
            "PLATFORMS": "native",
        }
        done = subprocess.run(
            ["make", "-C", LAYER, *rules, *(f"{name}={value}" for name, value in variables.items())],
            env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StartFailed(f"the layer could not be built:\n{done.stdout}{done.stderr}")
        yield Path(folder)


def _add(target: zipfile.ZipFile, folder: Path) -> None:
    """Add a folder's files; equal files give equal bytes."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.parts[0] != "__pycache__":
            target.writestr(zipfile.ZipInfo(str(inside), (1980, 1, 2, 0, 0, 0)), path.read_bytes())
