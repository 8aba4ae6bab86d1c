"""The SDK as a function uses it: botocore without boto3, one session for all clients, and no more of its data than our services need.

A session reads a list of all endpoints there are (1.2 MB) and looks into the folder of each service of AWS (some four hundred), though each
client finds its address by the rules of its own service. Together that is a quarter of what the SDK takes of a cold start.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.session import Session

SERVICES = ("cloudwatch", "dynamodb", "secretsmanager", "sns", "sqs")
"""Those that a function may make a client of."""


class _Loader(Loader):
    """The SDK's own data, of our services."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - each has each type that is asked for
        return [*SERVICES]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """The list of endpoints is made of the partitions, which each client reads in any case: our services have no exceptions in it."""
        if name != "endpoints":
            data, path = super().load_data_with_path(name)
            return data, str(path)
        known, path = super().load_data_with_path("partitions")
        return {"version": 3, "partitions": [_partition(each) for each in known["partitions"]]}, str(path)


def _partition(known: dict[str, Any]) -> dict[str, Any]:
    """A partition, such as China's regions, in which every service has the usual address in every region."""
    return {
        "partition": known["id"],
        "dnsSuffix": known["outputs"]["dnsSuffix"],
        "regionRegex": known["regionRegex"],
        "regions": {},
        "services": {},
        "defaults": {
            "hostname": "{service}.{region}.{dnsSuffix}",
            "protocols": ["https"],
            "signatureVersions": ["v4"],
        },
    }


@cache
def session() -> Session:
    """The one of this process: its credentials and its data are loaded once."""
    made = Session()
    made.register_component("data_loader", _Loader())
    return made
