"""An imitation of the Autotask PSA REST API that keeps state, for tests and for running everything on one machine.

It is written from the vendor's public documentation and from what others report of live tenants, and it shares no
code with the product: a misunderstanding on one side then shows as a failing test instead of hiding on both sides.

``AutotaskApi.handle`` answers one request as a pure function of the request and the state; ``server`` puts that
behind a socket; ``Control`` does what people do in Autotask's own pages and reads the ground truth.
"""

from local.autotask.api import AutotaskApi, Reply
from local.autotask.control import Control
from local.autotask.faults import Fault, NeverSent, NoAnswer
from local.autotask.rules import Model, Refused
from local.autotask.scenario import load_scenario, named_scenario
from local.autotask.switches import Switches

__all__ = [
    "AutotaskApi",
    "Control",
    "Fault",
    "Model",
    "NeverSent",
    "NoAnswer",
    "Refused",
    "Reply",
    "Switches",
    "load_scenario",
    "named_scenario",
]
