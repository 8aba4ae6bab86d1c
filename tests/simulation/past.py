"""Schedules that once broke a promise, each shrunk to what it needs: they are run for good.

``python -m tests.simulation`` prints a new one, ready to be put here, when it finds one.
"""

from __future__ import annotations

import datetime  # noqa: ICN001 - as a story prints itself
from collections.abc import Mapping
from typing import NamedTuple

from tests.simulation.scheduler import Place
from tests.simulation.story import ClientPlan, ContractPlan, Happening, Said, Story


class Past(NamedTuple):
    """What was broken, and the story and the faults that showed it."""

    words: str
    story: Story
    faults: Mapping[Place, str]


PAST = (
    Past(
        "I1 at 03-10 07:17:00: (29683949, 46) has 0 on 2026-03-10, Timus says 35; the line is applied ",
        Story(
            seed=2054,
            start=1773012176374678,
            zone="America/Los_Angeles",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=29683950, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ADV-USER": 30, "SASE-GATEWAY": 2},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683950,
                    company=600,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1773012943166083,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=2,
                            day=datetime.date(2026, 3, 8),
                            effective_at=datetime.datetime(
                                2026, 3, 8, 23, 35, 43, 166083, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 32, "SASE-GATEWAY": 2},
                            status="active",
                            cancel_at=None,
                        ),
                        "delays": (2.252996195307015,),
                    },
                ),
                Happening(
                    at=1773028124050685,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=9,
                            day=datetime.date(2026, 3, 8),
                            effective_at=datetime.datetime(2026, 3, 9, 3, 48, 44, 50685, tzinfo=datetime.UTC),
                            items={"SASE-ESS-USER": 35},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 11),
                        ),
                        "delays": (0.6490465830502457,),
                    },
                ),
            ),
            switches={
                "same_day": "override",
                "zero_quantity": "no_row",
                "date_rule": "keep",
                "tenant_zone": "America/New_York",
                "throttle": "500_itgenatr005",
                "unauthorized_body": "html",
                "item_id": "null",
            },
            hidden_skus=(),
            terms={},
        ),
        {},
    ),
    Past(
        "I2 at 03-24 18:30:02: (29683949, 46) was brought to 8 for 2026-03-25: Timus never had that",
        Story(
            seed=2880,
            start=1774301417404582,
            zone="Asia/Kolkata",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=None, terms={}),
                ClientPlan(id="cus_1", company=None, contract=None, gateway_contract=None, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 31),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 3},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683952,
                    company=600,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683959,
                    company=601,
                    start=datetime.date(2026, 1, 31),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1774301438519416,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=1,
                            day=datetime.date(2026, 3, 24),
                            effective_at=datetime.datetime(
                                2026, 3, 23, 21, 30, 38, 519416, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 30},
                            status="active",
                            cancel_at=None,
                        ),
                        "delays": (1.1871634587406226,),
                    },
                ),
                Happening(
                    at=1774301488012388,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=1,
                            day=datetime.date(2026, 3, 24),
                            effective_at=datetime.datetime(
                                2026, 3, 23, 21, 31, 28, 12388, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 3},
                            status="active",
                            cancel_at=None,
                        ),
                        "delays": (1.7895162371659934, 8753.75122768872),
                    },
                ),
                Happening(
                    at=1774301712147848,
                    kind="map",
                    what={"customer": "cus_1", "company": 601, "contract": 29683959},
                ),
                Happening(
                    at=1774302277036397,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=2,
                            day=datetime.date(2026, 3, 24),
                            effective_at=datetime.datetime(
                                2026, 3, 23, 21, 44, 37, 36397, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 27},
                            status="active",
                            cancel_at=None,
                        ),
                        "delays": (32.95793898797473,),
                    },
                ),
                Happening(
                    at=1774302357350603,
                    kind="move",
                    what={
                        "customer": "cus_0",
                        "company": 600,
                        "contract": 29683952,
                        "day": datetime.date(2026, 3, 25),
                    },
                ),
                Happening(
                    at=1774302487035208,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 24),
                            effective_at=datetime.datetime(
                                2026, 3, 23, 21, 48, 7, 35208, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 3},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 27),
                        ),
                        "delays": (0.7783413230345182,),
                    },
                ),
                Happening(
                    at=1774302601363740,
                    kind="edit",
                    what={
                        "contract": 29683949,
                        "sku": "SASE-ESS-USER",
                        "day": datetime.date(2026, 3, 22),
                        "delta": 11,
                    },
                ),
                Happening(at=1774303611452809, kind="resolve", what={"choice": "adopt"}),
            ),
            switches={
                "same_day": "refuse",
                "zero_quantity": "no_row",
                "date_rule": "convert",
                "tenant_zone": "America/New_York",
                "throttle": "429_retry_after",
                "unauthorized_body": "html",
                "item_id": "id",
            },
            hidden_skus=(),
            terms={},
        ),
        {("apply-4", 18): "land-late"},
    ),
    Past(
        "I1: a unit that a person added for a later day held up the new plan until then",
        Story(
            seed=5002502,
            start=1772504654014907,
            zone="Pacific/Auckland",
            quiet=60,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=None, terms={}),
                ClientPlan(id="cus_1", company=601, contract=29683959, gateway_contract=None, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-PRO-USER": 0},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683959,
                    company=601,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-PRO-USER": 2, "SASE-ESS-USER": 3},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1772504690185874,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=1,
                            day=datetime.date(2026, 3, 3),
                            effective_at=datetime.datetime(
                                2026, 3, 3, 2, 24, 50, 185874, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 2},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (253.7312145505604,),
                    },
                ),
                Happening(
                    at=1772504711918480,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1b",
                            customer="cus_1",
                            number=1,
                            day=datetime.date(2026, 3, 3),
                            effective_at=datetime.datetime(
                                2026, 3, 3, 2, 25, 11, 918480, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 3},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.176018110607298, 1.3698977511583326, 2594.6772462480567),
                    },
                ),
                Happening(
                    at=1772508867227126,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1b",
                            customer="cus_1",
                            number=2,
                            day=datetime.date(2026, 3, 3),
                            effective_at=datetime.datetime(
                                2026, 3, 3, 3, 34, 27, 227126, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 10},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (15323.651594184366,),
                    },
                ),
                Happening(
                    at=1772512652269620,
                    kind="edit",
                    what={
                        "contract": 29683959,
                        "sku": "SASE-ESS-USER",
                        "day": datetime.date(2026, 3, 5),
                        "delta": 1,
                    },
                ),
                Happening(at=1772531325226676, kind="service", what={"sku": "SASE-PRO-USER"}),
                Happening(at=1772541296636719, kind="resolve", what={"choice": "enforce"}),
                Happening(
                    at=1772541730782582,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=2,
                            day=datetime.date(2026, 3, 5),
                            effective_at=datetime.datetime(
                                2026, 3, 4, 23, 42, 10, 782582, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 2},
                            status="canceled",
                            cancel_at=datetime.date(2026, 3, 4),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (20455.56000492877, 20456.353801820733),
                    },
                ),
            ),
            switches={
                "same_day": "override",
                "zero_quantity": "no_row",
                "date_rule": "keep",
                "tenant_zone": "Pacific/Auckland",
                "throttle": "429_retry_after",
                "unauthorized_body": "empty",
                "item_id": "id",
            },
            hidden_skus=("SASE-PRO-USER",),
            terms={},
        ),
        {},
    ),
    Past(
        "I1: a plan waited for the day on which another contract's add-on is wanted again, not for its fall",
        Story(
            seed=34254,
            start=1774589096208282,
            zone="Asia/Kolkata",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=29683950, terms={}),
                ClientPlan(id="cus_1", company=None, contract=None, gateway_contract=None, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 1, "SASE-GATEWAY": 2},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683950,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683959,
                    company=601,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ADV-USER": 4},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1774589203843202,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=2,
                            day=datetime.date(2026, 3, 27),
                            effective_at=datetime.datetime(
                                2026, 3, 27, 5, 26, 43, 843202, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 4, "SASE-GATEWAY": 2},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.384346638107116,),
                    },
                ),
                Happening(
                    at=1774606861749618,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=4,
                            day=datetime.date(2026, 3, 27),
                            effective_at=datetime.datetime(
                                2026, 3, 27, 10, 21, 1, 749618, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 12},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.097662330553497,),
                    },
                ),
                Happening(
                    at=1774607953667401,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=5,
                            day=datetime.date(2026, 3, 30),
                            effective_at=datetime.datetime(
                                2026, 3, 29, 19, 39, 13, 667401, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 12, "SASE-GATEWAY": 2},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.766503171213907, 1.9009377653811463),
                    },
                ),
            ),
            switches={
                "same_day": "sum",
                "zero_quantity": "no_row",
                "date_rule": "keep",
                "tenant_zone": "America/New_York",
                "throttle": "429",
                "unauthorized_body": "html",
                "item_id": "null",
            },
            hidden_skus=(),
            terms={},
            attempts=2,
        ),
        {},
    ),
    Past(
        "I7: more of the new plan while the fall of the old one was still unclear",
        Story(
            seed=65949,
            start=1773714463251828,
            zone="UTC",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=None, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 20},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1773714513923338,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=2,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 2, 28, 33, 923338, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 18},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.261266897378143,),
                    },
                ),
                Happening(
                    at=1773721763279399,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 4, 29, 23, 279399, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 18},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.5164588485643287,),
                    },
                ),
                Happening(
                    at=1773774927822362,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=5,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 19, 15, 27, 822362, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 19, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (17990.043218960098,),
                    },
                ),
            ),
            switches={
                "same_day": "refuse",
                "zero_quantity": "no_row",
                "date_rule": "keep",
                "tenant_zone": "UTC",
                "throttle": "429_retry_after",
                "unauthorized_body": "html",
                "item_id": "null",
            },
            hidden_skus=(),
            terms={},
            attempts=5,
        ),
        {
            ("receive-1", 2): "vanishes",
            ("sweep-2", 13): "crash",
            ("apply-1", 20): "crash-before",
            ("sweep-7", 12): "crash-late",
        },
    ),
    Past(
        "a gateway that was taken away for a back-dated day made the plan give up the days before its own fall",
        Story(
            seed=48527,
            start=1773740496769153,
            zone="Europe/London",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=None, terms={}),
                ClientPlan(id="cus_1", company=None, contract=None, gateway_contract=None, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 6, "SASE-GATEWAY": 1},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683959,
                    company=601,
                    start=datetime.date(2026, 1, 31),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 23, "SASE-GATEWAY": 3},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1773740511838661,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=1,
                            day=datetime.date(2026, 3, 18),
                            effective_at=datetime.datetime(
                                2026, 3, 18, 21, 41, 51, 838661, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 23, "SASE-GATEWAY": 3},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (839.9957848680192, 872.2409473938483, 1084.6827189433259),
                    },
                ),
                Happening(
                    at=1773740526547646,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=2,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 9, 42, 6, 547646, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 24, "SASE-GATEWAY": 3},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.7134971781224673,),
                    },
                ),
                Happening(
                    at=1773740547943657,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=3,
                            day=datetime.date(2026, 3, 13),
                            effective_at=datetime.datetime(
                                2026, 3, 13, 9, 42, 27, 943657, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 24},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.985711085999259,),
                    },
                ),
                Happening(
                    at=1773740555469957,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=1,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 9, 42, 35, 469957, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 6, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.5322528368309247, 167.77788140459162),
                    },
                ),
                Happening(
                    at=1773741061725006,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=4,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 9, 51, 1, 725006, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 24, "SASE-GATEWAY": 3},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (496.9367546971071,),
                    },
                ),
                Happening(
                    at=1773741086562074,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=5,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 9, 51, 26, 562074, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 24, "SASE-GATEWAY": 3},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.6964271797562693,),
                    },
                ),
                Happening(
                    at=1773741978037678,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=4,
                            day=datetime.date(2026, 3, 17),
                            effective_at=datetime.datetime(
                                2026, 3, 17, 10, 6, 18, 37678, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 1, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (14982.338954248258,),
                    },
                ),
                Happening(
                    at=1773769790310950,
                    kind="map",
                    what={"customer": "cus_1", "company": 601, "contract": 29683959},
                ),
            ),
            switches={
                "same_day": "sum",
                "zero_quantity": "no_row",
                "date_rule": "convert",
                "tenant_zone": "America/New_York",
                "throttle": "429",
                "unauthorized_body": "html",
                "item_id": "null",
            },
            hidden_skus=("SASE-ADV-USER",),
            terms={},
            attempts=2,
        ),
        {
            ("receive-3", 1): "lost",
            ("apply-11", 14): "timeout-after",
            ("sweep-2", 7): "crash",
            ("sweep-3", 12): "frozen-before",
            ("sweep-4", 10): "zone-moved",
            ("sweep-6", 15): "crash-late",
        },
    ),
    Past(
        "L: a rise that was to make up for an earlier fall had to wait, and left one seat on a day that was taken",
        Story(
            seed=4843,
            start=1774575637541383,
            zone="America/Los_Angeles",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=29683950, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 28, "SASE-GATEWAY": 3, "SASE-PRO-USER": 3},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683950,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1774575668466437,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0b",
                            customer="cus_0",
                            number=1,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 27, 1, 41, 8, 466437, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 3, "SASE-GATEWAY": 2},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (24.661488363593815,),
                    },
                ),
                Happening(
                    at=1774575723335051,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=2,
                            day=datetime.date(2026, 3, 25),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 1, 42, 3, 335051, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 28, "SASE-GATEWAY": 1},
                            status="canceled",
                            cancel_at=datetime.date(2026, 3, 27),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.8898320015536325, 3.57034982560769),
                    },
                ),
                Happening(
                    at=1774575744696523,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 27, 1, 42, 24, 696523, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 26, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (17.41617233589902,),
                    },
                ),
                Happening(
                    at=1774576302814010,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0b",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 27, 1, 51, 42, 814010, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 3, "SASE-GATEWAY": 2},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 29),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (17.288757837632232, 279.2594336263543, 6543.927327475504),
                    },
                ),
                Happening(
                    at=1774588415422176,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0b",
                            customer="cus_0",
                            number=4,
                            day=datetime.date(2026, 3, 23),
                            effective_at=datetime.datetime(
                                2026, 3, 24, 5, 13, 35, 422176, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 3, "SASE-GATEWAY": 2},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 27),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (0.5165429166499131,),
                    },
                ),
            ),
            switches={
                "same_day": "override",
                "zero_quantity": "row",
                "date_rule": "convert",
                "tenant_zone": "America/Los_Angeles",
                "throttle": "429_retry_after",
                "unauthorized_body": "html",
                "item_id": "id",
            },
            hidden_skus=(),
            terms={"drift": "enforce", "approve_increases": {"above_percent": 10}, "partner_day_limit": 37},
            attempts=5,
        ),
        {},
    ),
    Past(
        "I10: a stale read was enforced, and the same decrease sent twice",
        Story(
            seed=14575,
            start=1774526542634002,
            zone="Europe/London",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683951, gateway_contract=None, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 31),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ADV-USER": 20, "SASE-GATEWAY": 1},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683951,
                    company=650,
                    start=datetime.date(2026, 1, 31),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ADV-USER": 4},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1774526577604935,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=1,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 12, 2, 57, 604935, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 20, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.0751412620851886,),
                    },
                ),
                Happening(
                    at=1774527218570884,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=2,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 12, 13, 38, 570884, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 20, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 29),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.6830594996736086,),
                    },
                ),
                Happening(
                    at=1774527247707381,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 12, 14, 7, 707381, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 20},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 29),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.7967564636591518,),
                    },
                ),
                Happening(
                    at=1774527312507390,
                    kind="map",
                    what={"customer": "cus_0", "company": 600, "contract": 29683949},
                ),
                Happening(
                    at=1774533756081467,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=4,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 14, 2, 36, 81467, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 18},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (4363.2817931428035,),
                    },
                ),
                Happening(
                    at=1774533791528430,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=5,
                            day=datetime.date(2026, 3, 23),
                            effective_at=datetime.datetime(
                                2026, 3, 23, 14, 3, 11, 528430, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.460926537826467,),
                    },
                ),
                Happening(
                    at=1774533794159874,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=6,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 14, 3, 14, 159874, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 4},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (0.6084478975563659, 10166.776148751129),
                    },
                ),
                Happening(
                    at=1774533807903005,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=7,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 14, 3, 27, 903005, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 16},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.357605867591414,),
                    },
                ),
                Happening(
                    at=1774539569845355,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=8,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 15, 39, 29, 845355, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 15},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (0.8353951526747336,),
                    },
                ),
                Happening(
                    at=1774539600101079,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=9,
                            day=datetime.date(2026, 3, 26),
                            effective_at=datetime.datetime(
                                2026, 3, 26, 15, 40, 0, 101079, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 15},
                            status="active",
                            cancel_at=datetime.date(2026, 3, 28),
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.1199390195427152,),
                    },
                ),
            ),
            switches={
                "same_day": "sum",
                "zero_quantity": "no_row",
                "date_rule": "keep",
                "tenant_zone": "Europe/London",
                "throttle": "500_itgenatr005",
                "unauthorized_body": "empty",
                "item_id": "null",
            },
            hidden_skus=(),
            terms={"drift": "enforce", "same_day": "attempt", "posted_period": "same-day"},
            attempts=5,
        ),
        {("sweep-7", 12): "html-502-after", ("apply-9", 11): "stale"},
    ),
    Past(
        "I1: a rise to come that waited for a drifted line held up the fall before it",
        Story(
            seed=200828,
            start=1774710877094683,
            zone="Europe/London",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=29683950, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 25, "SASE-ADV-USER": 25},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683950,
                    company=600,
                    start=datetime.date(2026, 1, 15),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1774710915780327,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0b",
                            customer="cus_0",
                            number=1,
                            day=datetime.date(2026, 3, 28),
                            effective_at=datetime.datetime(
                                2026, 3, 28, 15, 15, 15, 780327, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 25},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.9844213820216228, 18.2793677333629, 108.24497451440334),
                    },
                ),
                Happening(
                    at=1774710998560744,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 24),
                            effective_at=datetime.datetime(
                                2026, 3, 24, 15, 16, 38, 560744, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ESS-USER": 25, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (0.6143473047915364,),
                    },
                ),
                Happening(
                    at=1774711996156104,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0a",
                            customer="cus_0",
                            number=4,
                            day=datetime.date(2026, 3, 31),
                            effective_at=datetime.datetime(
                                2026, 3, 31, 3, 33, 16, 156104, tzinfo=datetime.UTC
                            ),
                            items={"SASE-ADV-USER": 25, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.7209722614549936,),
                    },
                ),
                Happening(
                    at=1774716041978432,
                    kind="edit",
                    what={
                        "contract": 29683949,
                        "sku": "SASE-ESS-USER",
                        "day": datetime.date(2026, 3, 28),
                        "delta": 1,
                    },
                ),
                Happening(
                    at=1774720958430972,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_0b",
                            customer="cus_0",
                            number=3,
                            day=datetime.date(2026, 3, 28),
                            effective_at=datetime.datetime(
                                2026, 3, 28, 18, 2, 38, 430972, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 22},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.4766446453537068,),
                    },
                ),
            ),
            switches={
                "same_day": "sum",
                "zero_quantity": "no_row",
                "date_rule": "convert",
                "tenant_zone": "Europe/London",
                "throttle": "429_itgenatr005",
                "unauthorized_body": "empty",
                "item_id": "id",
            },
            hidden_skus=(),
            terms={},
            attempts=5,
        ),
        {},
    ),
    Past(
        "I1: a plan waited for ever for another contract's add-on that was wanted again before it could come down",
        Story(
            seed=702769,
            start=1772590027349607,
            zone="UTC",
            quiet=0,
            settle=900,
            clients=(
                ClientPlan(id="cus_0", company=600, contract=29683949, gateway_contract=None, terms={}),
                ClientPlan(id="cus_1", company=601, contract=29683959, gateway_contract=29683960, terms={}),
            ),
            contracts=(
                ContractPlan(
                    id=29683949,
                    company=600,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ADV-USER": 19},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683959,
                    company=601,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={"SASE-ESS-USER": 25, "SASE-GATEWAY": 1},
                    recurring=True,
                    posted_through=None,
                ),
                ContractPlan(
                    id=29683960,
                    company=601,
                    start=datetime.date(2026, 1, 1),
                    end=datetime.date(2026, 12, 31),
                    units={},
                    recurring=True,
                    posted_through=None,
                ),
            ),
            happenings=(
                Happening(
                    at=1772590620382314,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=2,
                            day=datetime.date(2026, 3, 4),
                            effective_at=datetime.datetime(2026, 3, 4, 2, 17, 0, 382314, tzinfo=datetime.UTC),
                            items={"SASE-ESS-USER": 25, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.4438501307441403,),
                    },
                ),
                Happening(
                    at=1772611813769604,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=4,
                            day=datetime.date(2026, 3, 1),
                            effective_at=datetime.datetime(
                                2026, 3, 1, 8, 10, 13, 769604, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 22},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (2.0220100940976353, 3.079348508631506, 92.46549250656415),
                    },
                ),
                Happening(
                    at=1772611849092890,
                    kind="say",
                    what={
                        "said": Said(
                            subscription="sub_1a",
                            customer="cus_1",
                            number=5,
                            day=datetime.date(2026, 3, 5),
                            effective_at=datetime.datetime(
                                2026, 3, 5, 19, 10, 49, 92890, tzinfo=datetime.UTC
                            ),
                            items={"SASE-PRO-USER": 22, "SASE-GATEWAY": 1},
                            status="active",
                            cancel_at=None,
                            term_end=datetime.date(2026, 12, 31),
                            renews=False,
                        ),
                        "delays": (1.7526296352701738,),
                    },
                ),
            ),
            switches={
                "same_day": "override",
                "zero_quantity": "row",
                "date_rule": "keep",
                "tenant_zone": "America/New_York",
                "throttle": "429_retry_after",
                "unauthorized_body": "empty",
                "item_id": "id",
            },
            hidden_skus=(),
            terms={},
            attempts=5,
        ),
        {},
    ),
)
