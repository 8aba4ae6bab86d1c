"""Use case: find out whether an Autotask API user works, before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from timus_autotask.ports.errors import AutotaskError, CredentialsRefused, Rejected
from timus_autotask.ports.psa import Psa, Threshold


@dataclass(frozen=True, slots=True)
class CredentialsCheck:
    """What was found out about an API user."""

    rejected: Rejected | None
    """None: it works."""
    message: str
    """What was found, in one sentence, with Autotask's own message."""
    remedy: str = ""
    """What a person can do about it; ``""`` when it works."""
    zone: str = ""
    """Address of the tenant; ``""`` when it was not told."""
    allowance: Threshold | None = None
    """How much of the tenant's request allowance is used; None when Autotask does not tell."""

    @property
    def works(self) -> bool:
        """Whether the credentials may be kept."""
        return self.rejected is None


def check_credentials(autotask: Psa) -> CredentialsCheck:
    """Sign in once, and never again after a refusal: failed logins lock an API user.

    Raises ``RetryLater`` when Autotask cannot be asked just now, so that nothing is known.
    """
    try:
        zone = autotask.sign_in()
    except CredentialsRefused as refused:
        return CredentialsCheck(refused.rejected, refused.reason, REMEDIES[refused.rejected])
    try:
        allowance = autotask.threshold()
    except AutotaskError:
        allowance = None
    return CredentialsCheck(None, f"Autotask knows the API user at {zone}", zone=zone, allowance=allowance)


# Where the fields are: https://autotask.net/help/content/4_admin/1CompanySettings_Users/ResourcesUsersHR/Resources/API_User_Add_Edit.htm
REMEDIES: Mapping[Rejected, str] = {
    Rejected.USER_NAME: "Copy the user name again from the API user's page in Autotask (Username/Key).",
    Rejected.SECRET: "Generate a new secret on the API user's page in Autotask. If the secret is right, check the tracking "
    "identifier too: Autotask may answer the same to a wrong one.",
    Rejected.TRACKING_IDENTIFIER: "Copy the tracking identifier again from the API user's page in Autotask (27 characters). Only "
    "the one that is chosen there is accepted.",
    Rejected.BLOCKED: "On the API user's page in Autotask, tick Active, clear Locked, and choose the security level API User "
    "(system) or a copy of it.",
    Rejected.PERMISSION: "Give its security level in Autotask the permission to view all contracts, or choose API User (system).",
    Rejected.UNSAID: "Autotask does not say what is wrong with it. Check the tracking identifier first, then the user name, and "
    "whether the API user is active and not locked.",
}
"""What a person can do, by what is not accepted."""
