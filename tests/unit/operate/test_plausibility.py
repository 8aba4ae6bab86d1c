"""A file is looked at as a whole before any of it becomes an event; what cannot well be is held until it is accepted by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.drift_table import aligned
from tests.world import ADV, CUSTOMER, ESS, GATEWAY
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.operate.files.plausibility import FEW, Billed, KnownToUs, SuspicionKind, suspicions
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.files.timus_export import COLUMNS, Comparison, ExportFile, compare, take_in
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.reading import Stored
from timus_autotask.watch.listing import listed
from timus_autotask.watch.status import Records

TODAY = date(2026, 3, 16)
Units = Mapping[str, int]


def billed(subscription: str, units: Units, customer: str = "cus_a", *, ends: bool = False) -> Billed:
    """What one subscription has."""
    return Billed(subscription, customer, units, ends)


def known(*ones: Billed) -> KnownToUs:
    """What we know."""
    return KnownToUs(
        {one.subscription_id: one for one in ones},
        {one.customer_id for one in ones},
        {sku for one in ones for sku in one.units},
        TODAY,
    )


def found(told: Sequence[Billed], ours: KnownToUs) -> list[tuple[str, tuple[str, ...]]]:
    """Kind and held subscriptions of every suspicion, where all that the file tells is news."""
    news = {one.subscription_id for one in told}
    return [(one.kind.value, one.holds) for one in suspicions(told, news, ours)]


SUB = billed("sub_1", {ADV: 25, GATEWAY: 1})


class TestIds:
    """What a spreadsheet makes of an id is not taken for another one."""

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("0012345", "12345"),
            ("12e4", "120000"),
            ("12E4", "120000"),
            ("1234567890123456789", "1234567890123450000"),
            ("sub_8f2c1a", "SUB_8F2C1A"),
            ("12345", "12345.0"),
            ("0012345", "12,345"),
            ("1234567", "1.234.567"),
            ("00", "0"),
        ],
    )
    def test_an_id_that_a_spreadsheet_made_of_a_known_one_is_held(self, ours: str, theirs: str) -> None:
        """Of a subscription or a customer; whatever its units are, and whether the file has the known one too or not."""
        first = billed(ours, {ADV: 25})
        assert found([billed(theirs, {ESS: 7})], known(first)) == [("id-alike", (theirs,))]
        both = tuple(sorted((ours, theirs)))
        assert found([first, billed(theirs, {ESS: 7})], known(first)) == [("id-alike", both)]
        of_client = [("id-alike", ("sub_new",))]
        told = [billed("sub_new", {ESS: 7}, theirs), billed("sub_b", {ADV: 1}, ours)]
        assert found(told, known(billed("sub_b", {ADV: 1}, ours))) == of_client

    def test_other_ids_are_other_ids(self) -> None:
        """Also those that differ a little."""
        told = [billed("0012345", {ADV: 25}), billed("x1", {ADV: 1}), billed("1" * 19, {ADV: 1})]
        for each in ("12346", "123450", "x01", "1" * 20, "x1e0"):
            assert found([*told, billed(each, {ESS: 7})], known(*told)) == []

    def test_two_new_ones_may_be_one(self) -> None:
        """Rows of one subscription, of which one was rewritten."""
        told = [billed("0012", {ADV: 25}), billed("12", {GATEWAY: 1})]
        assert found(told, known(billed("0099", {ADV: 1}, "cus_b"))) == [
            ("clients-missing", ("0012", "12")),
            ("id-alike", ("0012", "12")),
        ]

    def test_a_sku_too(self) -> None:
        """Case counts in a SKU: another one would be billed by no service, and the known one go to 0."""
        told = [billed("sub_1", {ADV.lower(): 25, ADV: 0, GATEWAY: 1})]
        assert ("id-alike", ("sub_1",)) in found(told, known(SUB))

    def test_a_mere_number_among_ids_that_are_none(self) -> None:
        """It may be a day, or a number of another column."""
        told = [billed("46096", {ESS: 7}), billed("sub_x", {ESS: 1}, "41"), SUB]
        assert found(told, known(SUB)) == [("id-a-number", ("46096",)), ("id-a-number", ("sub_x",))]


class TestInPlace:
    """What is billed already is not billed again under another id."""

    @pytest.mark.parametrize("units", [{ADV: 25, GATEWAY: 1}, {ADV: 25}, {ADV: 31}, {GATEWAY: 1}])
    def test_a_twin_of_what_the_file_lacks_is_held(self, units: Units) -> None:
        """With the same units, other ones, or some of the SKUs."""
        assert found([billed("sub_new", units)], known(SUB)) == [("in-place-of-another", ("sub_new",))]

    def test_one_row_with_another_id(self) -> None:
        """The known subscription is held as well: it would lose what the row had."""
        told = [billed("sub_1", {ADV: 25}), billed("sub_l", {GATEWAY: 1})]
        kinds = found(told, known(SUB))
        assert ("in-place-of-another", ("sub_1", "sub_l")) in kinds

    def test_a_replacement_that_is_told_is_none(self) -> None:
        """Both are in the file, the former one with 0: the client has what it had."""
        told = [billed("sub_1", {ADV: 0, GATEWAY: 0}), billed("sub_new", {ADV: 25, GATEWAY: 1})]
        assert found(told, known(SUB)) == []

    def test_a_second_subscription_is_none(self) -> None:
        """Where the file tells of the first one; or is a part, and the two have nothing in common, also not the number of their units."""
        assert found([SUB, billed("sub_new", {ADV: 19})], known(SUB)) == []
        others = [billed(f"sub_b{n}", {ADV: 9}, f"cus_b{n}") for n in range(2)]
        assert found([billed("sub_new", {ESS: 7})], known(SUB, *others)) == []

    @pytest.mark.parametrize("units", [{ESS: 12}, {ESS: 1}, {GATEWAY: 3, ESS: 40}])
    def test_what_a_whole_file_lacks_may_have_been_replaced_by_anything(self, units: Units) -> None:
        """A plan may be replaced by fewer seats of another one: what is lacking would be billed on, beside what is new."""
        others = [billed(f"sub_b{n}", {ADV: 9}, f"cus_b{n}") for n in range(2)]
        told = [billed("sub_new", units), *others]
        [one] = [
            each for each in suspicions(told, {"sub_new"}, known(SUB, *others)) if "became" in each.message
        ]
        assert (one.kind, one.holds) == (SuspicionKind.IN_PLACE, ("sub_new",))
        assert "in-place-of-another" not in dict(found([SUB, *told], known(SUB, *others)))

    @pytest.mark.parametrize("units", [{ESS: 25, "WIFI": 1}, {ESS: 26}, {ESS: 29}, {ESS: 13}])
    def test_a_twin_with_other_skus_is_held(self, units: Units) -> None:
        """A SKU that was renamed or rewritten hides what is billed already; both would be billed."""
        [one] = suspicions([billed("sub_new", units)], {"sub_new"}, known(SUB))
        assert (one.kind, one.holds) == (SuspicionKind.IN_PLACE, ("sub_new",))
        assert (
            "what became of 25 SASE-ADV-USER, 1 SASE-GATEWAY in sub_1 of cus_a, so both would be billed"
            in one.message
        )

    def test_a_client_whose_id_was_lost(self) -> None:
        """A new client has what a known one had who is not in the file any more."""
        others = [billed(f"sub_{n}", {ADV: n}, f"cus_{n}") for n in range(5, 9)]
        told = [billed("sub_new", {ADV: 5}, "cus_new")]
        assert ("in-place-of-another", ("sub_new",)) in found(told, known(*others))
        assert found([*others, *told], known(*others)) == []


class TestCopies:
    """What the file lists under a known id is not billed again under a new one beside it."""

    @pytest.mark.parametrize(
        ("units", "copy"),
        [
            ({ADV: 25, GATEWAY: 1}, True),
            ({ADV: 25, GATEWAY: 1, ESS: 0}, True),
            ({ADV: 25}, True),
            ({GATEWAY: 1}, False),
            ({ADV: 24, GATEWAY: 1}, True),
            ({ADV: 25, GATEWAY: 2}, True),
            ({ADV: 25, ESS: 3}, True),
            ({ADV: 20}, True),
            ({ADV: 19}, False),
            ({ADV: 22, GATEWAY: 4}, False),
            ({ADV: 20, ESS: 1}, False),
            ({ESS: 25}, False),
            ({ADV: 0}, False),
        ],
    )
    def test_a_copy_of_a_known_one_is_held(self, units: Units, copy: bool) -> None:
        """With all that it has, or so much of it that it is no everyday change, or nearly; one with more of its own is no copy."""
        held = found([SUB, billed("sub_new", units)], known(SUB))
        assert held == ([("copy-of-another", ("sub_new",))] if copy else [])

    @pytest.mark.parametrize(("units", "part"), [(FEW, False), (FEW + 1, True)])
    def test_a_copy_of_all_is_one_however_small(self, units: int, part: bool) -> None:
        """Of a part only what is more than a few units, as everywhere."""
        small = billed("sub_1", {ADV: units, GATEWAY: 20})
        for copied, copy in (({ADV: units, GATEWAY: 20}, True), ({ADV: units}, part)):
            held = [kind for kind, _ in found([small, billed("sub_new", copied)], known(small))]
            assert held == (["copy-of-another"] if copy else [])
        one = billed("sub_1", {GATEWAY: 1})
        assert found([one, billed("sub_new", {GATEWAY: 1})], known(one)) == [
            ("copy-of-another", ("sub_new",))
        ]

    @pytest.mark.parametrize(
        ("there", "units", "copy"),
        [
            (8, 7, True),
            (8, 9, True),
            (8, 6, False),
            (5, 6, True),
            (6, 5, False),
            (100, 95, True),
            (100, 94, False),
        ],
    )
    def test_what_is_nearly_a_copy(self, there: int, units: int, copy: bool) -> None:
        """It differs by at most five units, and by at most a fifth; a few units are no copy, for they are everyday."""
        ours = billed("sub_1", {ADV: there})
        held = [kind for kind, _ in found([ours, billed("sub_new", {ADV: units})], known(ours))]
        assert held == (["copy-of-another"] if copy else [])

    def test_what_it_says_of_one_that_is_nearly_the_same(self) -> None:
        """The numbers of both."""
        [one] = suspicions([SUB, billed("sub_new", {ADV: 24, GATEWAY: 1})], {"sub_new"}, known(SUB))
        assert one.message == (
            "Subscription sub_new of cus_a is new, and has 24 SASE-ADV-USER, 1 SASE-GATEWAY; sub_1 has nearly the same in the same file: 25 "
            "SASE-ADV-USER, 1 SASE-GATEWAY. Both would be billed. If it is sub_1 under another id, leave it out; if it replaces sub_1, give "
            "sub_1 with quantity 0 in the same file."
        )

    def test_of_two_the_one_that_is_the_same_is_named(self) -> None:
        """Not one that is nearly so."""
        near = billed("sub_0", {ADV: 24, GATEWAY: 1})
        told = [near, SUB, billed("sub_new", SUB.units)]
        [one] = suspicions(told, {"sub_new"}, known(near, SUB))
        assert "all that it has, sub_1 has in the same file too" in one.message

    def test_what_it_says(self) -> None:
        """What is there twice, under which ids, and what to do about it."""
        [one] = suspicions([SUB, billed("sub_new", {ADV: 25, GATEWAY: 1})], {"sub_new"}, known(SUB))
        assert one.message == (
            "Subscription sub_new of cus_a is new, and all that it has, sub_1 has in the same file too: 25 SASE-ADV-USER, 1 SASE-GATEWAY. Both "
            "would be billed. If it is sub_1 under another id, leave it out; if it replaces sub_1, give sub_1 with quantity 0 in the same file."
        )

    def test_it_is_of_what_the_file_says_of_both(self) -> None:
        """Also where the known one changes in the same file: what counts is what would be billed."""
        told = [replace(SUB, units={ADV: 27, GATEWAY: 1}), billed("sub_new", {ADV: 27, GATEWAY: 1})]
        assert found(told, known(SUB)) == [("copy-of-another", ("sub_new",))]
        told = [replace(SUB, units={ADV: 18, GATEWAY: 1}), billed("sub_new", {ADV: 25, GATEWAY: 1})]
        assert found(told, known(SUB)) == []

    @pytest.mark.parametrize("was", [{ADV: 0, GATEWAY: 0}, {ADV: 25, GATEWAY: 1}])
    def test_a_copy_of_what_has_no_seats_is_none(self, was: Units) -> None:
        """The known one is over, since long or with this file: it is billed once."""
        ours = replace(SUB, units=was)
        other = billed("sub_2", {ADV: 40, GATEWAY: 2})
        told = [replace(SUB, units={ADV: 0, GATEWAY: 0}), other, billed("sub_new", {ADV: 25, GATEWAY: 1})]
        assert found(told, known(ours, other)) == []

    @pytest.mark.parametrize(
        ("begins", "copy"),
        [(None, True), (TODAY + timedelta(days=30), True), (TODAY + timedelta(days=31), False)],
    )
    def test_a_copy_that_begins_when_the_known_one_has_ended_is_none(
        self, begins: date | None, copy: bool
    ) -> None:
        """Until then both would be billed."""
        ending = replace(SUB, ends=True)
        told = replace(ending, days={"cancel_at": TODAY + timedelta(days=31)})
        new = replace(billed("sub_new", SUB.units), days={"effective_date": begins} if begins else {})
        held = found([told, new], known(ending))
        assert held == ([("copy-of-another", ("sub_new",))] if copy else [])
        assert found([ending, new], known(ending)) == [], "a day that the file does not give is none to go by"

    def test_a_replacement_of_one_of_two_that_are_equal_is_no_copy_of_the_other(self) -> None:
        """The client has as many seats as before, so nothing is billed twice."""
        other = billed("sub_2", SUB.units)
        told = [SUB, replace(other, units={ADV: 0, GATEWAY: 0}), billed("sub_new", SUB.units)]
        assert found(told, known(SUB, other)) == []

    def test_two_new_ones_that_are_equal_are_no_copies(self) -> None:
        """A client with two sites looks so, and nothing that we know says otherwise."""
        twice = [billed("sub_x", {ADV: 25}, "cus_x"), billed("sub_y", {ADV: 25}, "cus_x")]
        assert found([SUB, *twice], known(SUB)) == []
        assert found([SUB, billed("sub_x", SUB.units, "cus_x")], known(SUB)) == [], "nor is another client's"

    def test_two_copies_of_one_are_two(self) -> None:
        """Each is held by itself, and each says its units."""
        told = [SUB, billed("sub_x", SUB.units), billed("sub_y", SUB.units)]
        assert found(told, known(SUB)) == [("copy-of-another", ("sub_x",)), ("copy-of-another", ("sub_y",))]

    def test_an_id_that_is_alike_says_it_already(self) -> None:
        """Two suspicions of one fact would have to be accepted twice."""
        assert found([SUB, billed("SUB_1", SUB.units)], known(SUB)) == [("id-alike", ("SUB_1", "sub_1"))]


class TestChanges:
    """What changes by much is looked at by a person."""

    @pytest.mark.parametrize(
        ("before", "after", "large"),
        [
            (25, 250, True),
            (25, 2, True),
            (1, 10, True),
            (0, 28, True),
            (28, 42, False),
            (28, 43, True),
            (28, 14, False),
            (28, 13, True),
            (1, 1 + FEW, False),
            (8, 8 - FEW, False),
            (28, 31, False),
        ],
    )
    def test_the_bounds(self, before: int, after: int, large: bool) -> None:
        """More than five units, and more than half of them."""
        ours = known(billed("sub_1", {ADV: before, ESS: 100}))
        told = [billed("sub_1", {ADV: after, ESS: 100})]
        assert found(told, ours) == ([("large-change", ("sub_1",))] if large else [])

    def test_a_sku_without_a_row(self) -> None:
        """That it is 0 has to be written: a row may have been lost."""
        [one] = suspicions([billed("sub_1", {ADV: 25})], {"sub_1"}, known(SUB))
        assert one.message == "Subscription sub_1 of cus_a: SASE-GATEWAY from 1 to 0, for it has no row."
        assert found([billed("sub_1", {ADV: 25, GATEWAY: 0})], known(SUB)) == []

    def test_a_cancellation_counts_at_once(self) -> None:
        """That one comes, or comes no more, is as large as if its day were here; one that both know of is none."""
        ours, other = billed("sub_1", {ADV: 25}), billed("sub_2", {ADV: 25})
        ending = billed("sub_1", {ADV: 25}, ends=True)
        assert found([ending, other], known(ours, other)) == [("large-change", ("sub_1",))]
        assert found([ours, other], known(ending, other)) == [("large-change", ("sub_1",))]
        assert found([replace(ending, units={ADV: 26}), other], known(ending, other)) == []

    @pytest.mark.parametrize("nothing", [billed("sub_1", {ADV: 0}), billed("sub_1", {ADV: 2}, ends=True)])
    def test_a_client_to_nothing(self, nothing: Billed) -> None:
        """However small the client is."""
        assert found([nothing], known(billed("sub_1", {ADV: 2}))) == [("client-to-nothing", ("sub_1",))]
        more = billed("sub_2", {ADV: 2})
        assert found([nothing], known(billed("sub_1", {ADV: 2}), more)) == []


class TestBothWays:
    """What one client's subscriptions have more and fewer waits together, so that no half of a replacement is billed."""

    first, second = billed("sub_1", {ADV: 25}), billed("sub_2", {ADV: 20})

    @pytest.mark.parametrize(
        "told",
        [
            [billed("sub_1", {ADV: 0}), billed("sub_new", {ADV: 28})],
            [billed("sub_1", {ADV: 0}), billed("sub_new", {ADV: 50})],
            [billed("sub_1", {ADV: 0}), billed("sub_new", {ESS: 25})],
            [billed("sub_1", {ADV: 25}, ends=True), billed("sub_new", {ADV: 25})],
        ],
    )
    def test_what_comes_is_held_with_what_goes(self, told: list[Billed]) -> None:
        """Under one id: with more units, on another plan, or before the former one has ended."""
        held = found([*told, self.second], known(self.first, self.second))
        assert held == [("large-change", ("sub_1", "sub_new"))]

    def test_what_goes_is_held_with_what_comes(self) -> None:
        """Else the client would be billed too little until a person has looked."""
        small = billed("sub_1", {ADV: 5})
        told = [billed("sub_1", {ADV: 0}), billed("46096", {ADV: 5})]
        assert found(told, known(small)) == [("id-a-number", ("46096", "sub_1"))]
        told = [billed("sub_1", {ADV: 0}), replace(billed("sub_new", {ADV: 25}), version=999)]
        assert found(told, known(self.first)) == [("version-leaps", ("sub_1", "sub_new"))]

    def test_it_says_both_numbers(self) -> None:
        """Seats that move from one subscription to another, of which one row is wrong."""
        told = [billed("sub_1", {ADV: 5}), billed("sub_2", {ADV: 25})]
        [one] = suspicions(told, {"sub_1", "sub_2"}, known(self.first, self.second))
        assert one.message == (
            "Subscription sub_1 of cus_a: SASE-ADV-USER from 25 to 5. Held with it, for the one may make up for the other: sub_2 of cus_a: "
            "SASE-ADV-USER from 20 to 25."
        )

    def test_its_id_is_of_both_numbers(self) -> None:
        """Accepted with 28 beside it, it is open with 280."""

        def ids(units: int) -> list[str]:
            told = [billed("sub_1", {ADV: 5}), billed("sub_2", {ADV: units})]
            return [one.id for one in suspicions(told, {"sub_1", "sub_2"}, known(self.first, self.second))]

        assert ids(25) == ids(25)
        assert not {*ids(25)} & {*ids(26)}

    def test_seats_that_move_are_not_suspicious(self) -> None:
        """However many: the client has as many of the SKU as before, on each day."""
        told = [billed("sub_1", {ADV: 5}), billed("sub_2", {ADV: 40})]
        assert found(told, known(self.first, self.second)) == []
        days = [{"effective_date": TODAY}, {"effective_date": TODAY + timedelta(days=1)}]
        later = [replace(one, days=day) for one, day in zip(told, days, strict=True)]
        assert ("large-change", ("sub_1", "sub_2")) in found(later, known(self.first, self.second))

    def test_what_is_no_news_makes_up_for_nothing(self) -> None:
        """A rise that becomes no event is not billed, so the fall is large."""
        told = [billed("sub_1", {ADV: 5}), billed("sub_2", {ADV: 40})]
        [one] = suspicions(told, {"sub_1"}, known(self.first, self.second))
        assert (one.kind, one.holds) == (SuspicionKind.LARGE, ("sub_1",))

    def test_what_goes_the_same_way_goes_on(self) -> None:
        """And so does another client."""
        other = billed("sub_3", {ADV: 25}, "cus_b")
        told = [billed("sub_1", {ADV: 5}), billed("sub_2", {ADV: 19}), replace(other, units={ADV: 26})]
        assert found(told, known(self.first, self.second, other)) == [("large-change", ("sub_1",))]


class TestAllTogether:
    """What is small for each client is looked at where it is much for the whole file."""

    ours = tuple(billed(f"sub_{n}", {ADV: 20 + 3 * n}, f"cus_{n}") for n in range(10))

    def told(self, *changes: int) -> list[Billed]:
        """The file, with so many units more or fewer of each of the first clients."""
        more = dict(enumerate(changes))
        return [replace(one, units={ADV: one.units[ADV] + more.get(n, 0)}) for n, one in enumerate(self.ours)]

    def held(self, *changes: int) -> list[str]:
        """The kinds of suspicion of such a file."""
        return [kind for kind, _ in found(self.told(*changes), known(*self.ours))]

    @pytest.mark.parametrize("way", [1, -1])
    def test_most_clients_the_same_way(self, way: int) -> None:
        """More than half of them, however little each: all of the file waits."""
        assert self.held(*[way] * 5) == []
        news = tuple(f"sub_{n}" for n in range(7))  # of the last one something else is news
        [one] = suspicions(self.told(*[way] * 6), news, known(*self.ours))
        assert (one.kind, one.holds) == (SuspicionKind.WHOLE, news)
        assert "all-together" in self.held(*[way] * 6)
        assert "all-together" not in self.held(*[2 * way] * 3, *[-3 * way] * 3)

    @pytest.mark.parametrize(("both", "numbers"), [(1.48, (37, 29)), (0.52, (13, 11))])
    def test_both_of_two_clients(self, both: float, numbers: tuple[int, int]) -> None:
        """A file whose numbers were multiplied, each by less than half: it names the totals."""
        ours = known(SUB, billed("sub_2", {ADV: 20}, "cus_b"))
        first, second = numbers
        told = [billed("sub_1", {ADV: first, GATEWAY: 1}), billed("sub_2", {ADV: second}, "cus_b")]
        [one] = suspicions(told, {"sub_1", "sub_2"}, ours)
        assert (one.kind, one.holds) == (SuspicionKind.WHOLE, ("sub_1", "sub_2"))
        way, sums = ("more", "+21 and -0") if both > 1 else ("fewer", "+0 and -21")
        assert f"2 of the 2 clients that are billed would have {way} units at once" in one.message
        assert f"from 46 to {46 + first + second - 45} units in all" in one.message
        assert sums in one.message

    def test_several_by_much_together(self) -> None:
        """More than a fifth of all that the file names, whichever way; what one client does alone is judged by itself."""
        whole = sum(one.total() for one in self.ours)
        assert whole == 335
        assert self.held(10, 11, -13, -10, 13, -10) == []
        assert self.held(10, 11, -13, -10, 13, -11) == ["all-together"]
        part = self.told(10, 0, -9)
        assert found([part[0], part[2]], known(*self.ours)) == [("all-together", ("sub_0", "sub_2"))]
        assert found([part[0]], known(*self.ours)) == []

    def with_new(self, clients: int, units: Callable[[int], int], sku: str = ADV) -> list[tuple[str, int]]:
        """Kinds of suspicion, with how much each holds, where so many clients have a new subscription beside what they have."""
        new = [
            billed(f"sub_n{n}", {sku: units(one.units[ADV])}, one.customer_id)
            for n, one in enumerate(self.ours[:clients])
        ]
        each = suspicions([*self.ours, *new], {one.subscription_id for one in new}, known(*self.ours))
        return [(one.kind.value, len(one.holds)) for one in each]

    def test_new_subscriptions_of_most_clients(self) -> None:
        """Beside what they have, however small each is, and of whatever SKU: all of the file waits."""
        assert self.with_new(5, lambda _: 1) == []
        assert self.with_new(6, lambda _: 1) == [("all-together", 6)]
        assert self.with_new(10, lambda has: has, ESS) == [("all-together", 10)]
        assert self.with_new(10, lambda has: has // 2) == [("all-together", 10)]

    def test_new_subscriptions_of_several_clients_that_are_much_together(self) -> None:
        """More than a fifth of all that the file names; what is held by what it is alone holds no others."""
        assert self.with_new(3, lambda has: has - 6) == []
        assert self.with_new(4, lambda has: has - 6) == [("all-together", 4)]
        assert self.with_new(4, lambda has: has) == [("copy-of-another", 1)] * 4
        assert self.with_new(4, lambda has: 3 * has) == [("large-change", 1)] * 4

    def test_an_export_that_lists_next_terms_renewals_too(self) -> None:
        """Under ids of their own, with a seat fewer each: all of the file waits, and each says whose copy it nearly is."""
        assert self.with_new(10, lambda has: has - 1) == [
            ("all-together", 10),
            *[("copy-of-another", 1)] * 10,
        ]

    def test_replacements_that_are_told_do_not_count(self) -> None:
        """The clients have as many units as before, so nothing comes or goes."""
        gone = [replace(one, units={ADV: 0}) for one in self.ours]
        new = [replace(one, subscription_id=f"n_{one.subscription_id}") for one in self.ours]
        assert found([*gone, *new], known(*self.ours)) == []

    def test_clients_that_have_nothing_yet_do_not_count(self) -> None:
        """The first file of a new partner has only such clients, and so has one with which many clients come."""
        new = [billed(f"sub_n{n}", {ADV: 30}, f"cus_n{n}") for n in range(20)]
        assert found(new, known()) == []
        assert found([*self.ours, *new], known(*self.ours)) == []
        over = [replace(one, units={ADV: 0}) for one in self.ours]
        back = [billed(f"sub_n{n}", {ADV: 30}, one.customer_id) for n, one in enumerate(self.ours)]
        assert found([*over, *back], known(*over)) == []

    @pytest.mark.parametrize(("years", "clients", "held"), [(5, 6, True), (5, 5, False), (2, 6, False)])
    def test_terms_of_most_clients_that_end_much_later(self, years: int, clients: int, held: bool) -> None:
        """Contracts would be extended by years, and none is ever shortened again."""
        until = date(2026, 12, 31)
        ours = [replace(one, days={"term_end": until}) for one in self.ours]
        longer = {"term_end": date(2026 + years, 12, 31)}
        told = [replace(one, days=longer if n < clients else one.days) for n, one in enumerate(ours)]
        kinds = {one.kind for one in suspicions(told, {one.subscription_id for one in told}, known(*ours))}
        assert kinds == ({SuspicionKind.WHOLE} if held else set())

    def test_what_is_large_by_itself_holds_no_other_client(self) -> None:
        """A slip in one row is that row's matter."""
        assert found(self.told(200, 1), known(*self.ours)) == [("large-change", ("sub_0",))]

    def test_it_is_of_what_the_file_says(self) -> None:
        """Accepted for these changes, it is open for others that have the same sums."""
        ids = {
            one.id
            for changes in ((1, 2, 3, 4, 5, 6), (2, 1, 3, 4, 5, 6))
            for one in suspicions(self.told(*changes), {f"sub_{n}" for n in range(6)}, known(*self.ours))
            if one.kind is SuspicionKind.WHOLE
        }
        assert len(ids) == 2

    def test_two_rows_with_each_others_number(self) -> None:
        """Each change is everyday, and together they are an exchange."""
        told = self.told(6, 0, -6)
        [one] = suspicions(told, {"sub_0", "sub_2"}, known(*self.ours))
        assert (one.kind, one.holds) == (SuspicionKind.EXCHANGED, ("sub_0", "sub_2"))
        assert one.message == (
            "2 rows have each other's number here: sub_0 of cus_0: SASE-ADV-USER from 20 to 26; sub_2 of cus_2: SASE-ADV-USER from 26 to 20. "
            "Rows may have been exchanged, or a column moved."
        )
        assert self.held(6, 0, -5) == []
        assert found(self.told(6, 1, -6), known(*self.ours)) == [("exchanged", ("sub_0", "sub_2"))]

    def test_a_column_that_was_moved_by_a_row(self) -> None:
        """Also where the number at the end fell out."""
        assert self.held(3, 3, -6) == ["exchanged"]
        assert self.held(0, 0, 0, 0, 3, 3, 3) == ["exchanged"]
        assert self.held(0, 0, 0, 0, 3, 3) == []
        assert found(self.told(3, -3, 0, 3, -3), known(*self.ours)) == [
            ("exchanged", ("sub_0", "sub_1", "sub_3", "sub_4"))
        ]

    @pytest.mark.parametrize("more", [1, 2])
    def test_a_column_that_was_moved_while_a_few_rows_changed_besides(self, more: int) -> None:
        """Forty clients get the number of the row above, and some of these have changed as well: all of it waits."""
        ours = [billed(f"sub_{n}", {ADV: 20 + n}, f"cus_{n}") for n in range(40)]
        numbers = [20, *(20 + n for n in range(39))]
        for n in range(more):
            numbers[10 * n + 5] += 2
        told = [replace(one, units={ADV: number}) for one, number in zip(ours, numbers, strict=True)]
        held = {id_ for kind, ids in found(told, known(*ours)) if kind == "exchanged" for id_ in ids}
        assert len(held) >= 38

    def test_subscriptions_of_several_customers_that_are_others(self) -> None:
        """Ids that were moved by a row hold all of the file; a customer whose subscriptions all go to one other holds only those."""
        first, second, third, *rest = self.told(0, 0, 0, 1)
        told = [replace(first, customer_id="cus_1"), replace(second, customer_id="cus_0"), third, *rest]
        news = {"sub_0", "sub_1", "sub_3"}
        kinds = {one.kind.value: one.holds for one in suspicions(told, news, known(*self.ours))}
        assert kinds["exchanged"] == ("sub_0", "sub_1", "sub_3")
        both = replace(self.ours[1], customer_id="cus_0")
        told = [replace(first, customer_id="cus_2"), replace(both, customer_id="cus_2"), third, *rest]
        found_then = suspicions(told, news, known(self.ours[0], both, *self.ours[2:]))
        assert "exchanged" not in {one.kind.value for one in found_then}


class TestWhatIsNew:
    """What is new is compared with what the client has, or with what other clients have."""

    @pytest.mark.parametrize(
        ("units", "large"),
        [
            ({ADV: 25, ESS: 9}, False),
            ({ADV: 26, ESS: 9}, True),
            ({ADV: 2500}, True),
            ({GATEWAY: FEW}, False),
            ({GATEWAY: FEW + 1}, True),
            ({ESS: 26}, False),
            ({ESS: 27}, True),
            ({ESS: 2500}, True),
        ],
    )
    def test_a_second_subscription(self, units: Units, large: bool) -> None:
        """It may double what the client has of a SKU, or bring as many of a new SKU as the client has of all."""
        held = found([SUB, billed("sub_new", units)], known(SUB))
        assert held == ([("large-change", ("sub_new",))] if large else [])

    def test_several_are_counted_together(self) -> None:
        """New ones, and known ones that each change by little."""
        news = [billed(f"sub_n{n}", {ADV: 10}) for n in range(3)]
        assert found([SUB, *news], known(SUB)) == [("large-change", ("sub_n0", "sub_n1", "sub_n2"))]
        ours = [billed(f"sub_{n}", {ADV: 5}) for n in range(4)]
        told = [billed(f"sub_{n}", {ADV: 9}) for n in range(4)]
        assert found(told, known(*ours)) == [("large-change", ("sub_0", "sub_1", "sub_2", "sub_3"))]
        assert found(told[:2], known(*ours)) == []

    def test_what_is_large_by_itself_holds_no_others(self) -> None:
        """A subscription with a suspicion of its own is not counted again."""
        ours, other = billed("sub_1", {ADV: 25}), billed("sub_2", {ADV: 25})
        told = [billed("sub_1", {ADV: 250}), billed("sub_2", {ADV: 26})]
        assert found(told, known(ours, other)) == [("large-change", ("sub_1",))]

    def test_what_it_says(self) -> None:
        """Both totals, and which subscriptions bring them."""
        [one] = suspicions([SUB, billed("sub_new", {ADV: 2500})], {"sub_new"}, known(SUB))
        assert one.message == "Customer cus_a: SASE-ADV-USER from 25 to 2,525 by sub_new +2,500 (new)."

    @pytest.mark.parametrize(("units", "large"), [(100, False), (101, True), (99999, True)])
    def test_a_new_client(self, units: int, large: bool) -> None:
        """It begins with a hundred units, or with as many as the largest client has; all of it counts."""
        told = [SUB, billed("sub_x", {ADV: units - 1}, "cus_x"), billed("sub_y", {GATEWAY: 1}, "cus_x")]
        assert found(told, known(SUB)) == ([("large-change", ("sub_x", "sub_y"))] if large else [])
        big = billed("sub_b", {ADV: 101}, "cus_b")
        assert (found([*told, big], known(SUB, big)) == []) == (units <= 101)

    def test_a_client_without_units_is_as_a_new_one(self) -> None:
        """A trial that begins to be billed."""
        trial = billed("sub_t", {ADV: 0}, "cus_t")
        told = [SUB, trial, billed("sub_x", {ADV: 99999}, "cus_t")]
        [one] = suspicions(told, {"sub_x"}, known(SUB, trial))
        assert one.holds == ("sub_x",)
        assert one.message == (
            "Customer cus_t has nothing today and would begin with 99,999 units; the largest client that we know has 26."
        )

    @pytest.mark.parametrize(("rise", "held"), [(10, True), (11, True), (9, False)])
    def test_a_rise_by_what_another_one_has(self, rise: int, held: bool) -> None:
        """Rows of two subscriptions that were added up: what the second one has would be billed twice."""
        first, second = billed("sub_a", {ADV: 25}), billed("sub_b", {ADV: 10})
        told = [billed("sub_a", {ADV: 25 + rise})]
        assert found(told, known(first, second)) == ([("in-place-of-another", ("sub_a",))] if held else [])
        assert found([*told, second], known(first, second)) == []

    def test_a_rise_by_a_row_that_was_lost(self) -> None:
        """Also where the file names the second one, with other SKUs only."""
        first, second = billed("sub_a", {ADV: 25}), billed("sub_b", {ADV: 10, GATEWAY: 1})
        told = [billed("sub_a", {ADV: 35}), billed("sub_b", {GATEWAY: 1})]
        assert ("in-place-of-another", ("sub_a", "sub_b")) in found(told, known(first, second))


class TestVersionsAndDays:
    """A number of another column, or a slip in the year."""

    @pytest.mark.parametrize(
        ("ours", "theirs", "held"),
        [
            (3, 4, False),
            (3, 106, False),
            (3, 107, True),
            (3, 10**9, True),
            (400, 900, False),
            (400, 901, True),
        ],
    )
    def test_a_version_that_leaps_ahead_is_held(self, ours: int, theirs: int, held: bool) -> None:
        """Believed, it would make every later event of Timus's own an old one."""
        known_now, told = replace(SUB, version=ours), replace(SUB, version=theirs)
        assert found([told], known(known_now)) == ([("version-leaps", ("sub_1",))] if held else [])
        new = billed("sub_new", {ADV: 1})
        assert found([SUB, replace(new, version=theirs)], known(known_now)) == (
            [("version-leaps", ("sub_new",))] if held else []
        )

    def test_what_it_says(self) -> None:
        """Both numbers, and what would follow."""
        [one] = suspicions([replace(SUB, version=10**9)], {"sub_1"}, known(replace(SUB, version=3)))
        assert one.message == (
            "Subscription sub_1 of cus_a has version 1000000000, and we know version 3. If it is not right, every later event of Timus's "
            "own would be an old one."
        )

    @pytest.mark.parametrize(
        ("column", "before", "after"),
        [
            ("effective_date", 300, 300),
            ("term_start", 2196, 300),
            ("term_end", 300, 2196),
            ("cancel_at", 300, 2196),
        ],
    )
    def test_a_day_that_is_far_away_is_held(self, column: str, before: int, after: int) -> None:
        """Ten months, or six years where a term may reach so far; a century is a slip in any case."""

        def kinds(day: date) -> list[str]:
            return [kind for kind, _ in found([replace(SUB, days={column: day})], known(SUB))]

        for near in (TODAY, TODAY - timedelta(days=before), TODAY + timedelta(days=after)):
            assert kinds(near) == []
        for far in (TODAY - timedelta(days=before + 1), TODAY + timedelta(days=after + 1)):
            assert kinds(far) == ["day-far-away"]
        assert kinds(date(1926, 3, 16)) == kinds(date(2226, 3, 16)) == ["day-far-away"]


class TestClients:
    """A file that was meant to be whole and lacks clients."""

    clients = tuple(billed(f"sub_{n}", {ADV: n}, f"cus_{n}") for n in range(10, 20))

    def test_most_of_them(self) -> None:
        """All that would become events is held, for what is there may be cut off as well."""
        [one] = suspicions(self.clients[:9], {"sub_10", "sub_11"}, known(*self.clients))
        assert (one.kind, one.holds) == (SuspicionKind.CLIENTS_MISSING, ("sub_10", "sub_11"))
        assert one.message == "The file lacks 1 of the 10 clients that are billed: cus_19. Is it whole?"

    def test_a_part_on_purpose(self) -> None:
        """Fewer than half of them."""
        assert found(self.clients[:4], known(*self.clients)) == []

    def test_another_partners_file(self) -> None:
        """None of them."""
        told = [billed("sub_x", {ADV: 99}, "cus_x")]
        [one] = suspicions(told, {"sub_x"}, known(*self.clients))
        assert one.message == (
            "The file lacks 10 of the 10 clients that are billed: cus_10, cus_11, cus_12, cus_13, cus_14 and 5 more. Is it whole?"
        )

    def test_clients_who_are_billed_nothing_may_be_missing(self) -> None:
        """A trial, say."""
        trial = billed("sub_t", {ADV: 0}, "cus_t")
        assert found(self.clients, known(*self.clients, trial)) == []


def test_what_becomes_no_event_is_not_suspicious() -> None:
    """What we know better, or wait for, holds nothing."""
    told = [billed("sub_1", {ADV: 250}), billed("sub_new", {ADV: 25})]
    assert suspicions(told, set(), known(SUB)) == ()
    assert [one.holds for one in suspicions(told, {"sub_new"}, known(SUB))] == []


def test_what_is_known_as_anothers_is_suspicious_as_such_and_not_judged_otherwise() -> None:
    """However large it is: a person has to say whose it is in any case. Where nothing follows, nothing is suspicious."""
    assert suspicions([billed("sub_1", {ADV: 250}, "cus_b")], set(), known(SUB)) == ()
    other = billed("sub_2", {ADV: 25}, "cus_b")
    told = [billed("sub_1", {ADV: 250}, "cus_b"), other, billed("sub_3", {ADV: 1})]
    assert found(told, known(SUB, other, billed("sub_3", {ADV: 1}))) == [("customer-changed", ("sub_1",))]


def test_an_id_is_of_what_is_said() -> None:
    """The same file gives the same one; another number, or another client that is missing, gives another one."""

    def ids(units: int) -> list[str]:
        ours = known(billed("sub_1", {ADV: 25}))
        return [one.id for one in suspicions([billed("sub_1", {ADV: units})], {"sub_1"}, ours)]

    assert ids(250) == ids(250) == ["692dc08f"]
    assert ids(250) != ids(251)
    clients = [billed(f"sub_{n}", {ADV: n}, f"cus_{n:02}") for n in range(1, 41)]
    ours = known(*clients)
    [one] = suspicions(clients[10:], {"sub_20"}, ours)
    [other] = suspicions([*clients[10:39], clients[0]], {"sub_20"}, ours)
    assert one.id != other.id
    [later] = suspicions(clients[10:], {"sub_21", "sub_22"}, ours)
    assert later.id == one.id, "what was taken in meanwhile makes no other id"


# -- With the file before it


def compared(records: Records, text: str) -> Comparison:
    """A file against the records."""
    told = ExportFile("portal.csv", text.encode()).subscriptions()
    return compare(told, records, (), TODAY, ZoneInfo("UTC"), "portal.csv", "jane")


def test_what_is_held_stays_out_and_the_rest_goes_on() -> None:
    """Until it is accepted by its id; no other id does."""
    world = aligned()
    head = "customer_id,subscription_id,sku,quantity,term_end"
    text = f"{head}\n{CUSTOMER},sub_8f2c1a,{ADV},280,\n{CUSTOMER},sub_new,{ESS},4,2026-12-31\n"
    both = compared(listed(world.ports.store), text)
    [one] = both.suspicions
    assert one.message == f"Subscription sub_8f2c1a of {CUSTOMER}: {ADV} from 28 to 280."
    assert [event.subscription_id for event in both.events] == ["sub_8f2c1a", "sub_new"]
    assert [event.subscription_id for event in both.released()] == ["sub_new"]
    assert take_in(both, world.ports, {"00000000"}) == 1
    world.pass_time(minutes=1)
    assert (world.units(ADV, TODAY), world.units(ESS, TODAY)) == (28, 4)
    again = compared(listed(world.ports.store), text)
    assert [each.id for each in again.suspicions] == [one.id]
    assert take_in(again, world.ports, {one.id}) == 1
    world.pass_time(minutes=1)
    assert world.units(ADV, date(2026, 3, 17)) == 280


def test_a_replaced_subscription_moves_no_unit() -> None:
    """As docs/operations.md says to give it: what goes and what comes are taken in together, without a second command."""
    world = aligned()
    head = "customer_id,subscription_id,sku,quantity,term_end"
    text = f"{head}\n{CUSTOMER},sub_new,{ADV},28,2026-12-31\n{CUSTOMER},sub_8f2c1a,{ADV},0,\n"
    before = world.posted()
    assert take_in(compared(listed(world.ports.store), text), world.ports) == 2
    world.pass_time(minutes=1)
    assert world.posted() == before
    assert world.units(ADV, TODAY) == 28


def test_one_acceptance_makes_both_halves_of_a_replacement_on_one_day() -> None:
    """With another plan: until then the client keeps what it has."""
    world = aligned()
    head = "customer_id,subscription_id,sku,quantity,term_end"
    text = f"{head}\n{CUSTOMER},sub_new,{ESS},28,2026-12-31\n{CUSTOMER},sub_8f2c1a,{ADV},0,\n"
    both = compared(listed(world.ports.store), text)
    [one] = both.suspicions
    assert (one.holds, both.released()) == (("sub_8f2c1a", "sub_new"), ())
    assert take_in(both, world.ports, {one.id}) == 2
    world.pass_time(minutes=1)
    assert (world.units(ADV, TODAY), world.units(ESS, TODAY)) == (0, 28)


@dataclass(frozen=True)
class Portal:
    """What Timus has and we know: customers with their subscriptions and their units."""

    clients: Mapping[str, Mapping[str, Units]]

    @property
    def records(self) -> Records:
        """As our table has it."""
        customers = {
            customer: CustomerRecords(
                customer,
                subscriptions={
                    one: Stored(
                        Subscription(
                            one,
                            customer,
                            (
                                Version(
                                    3,
                                    date(2026, 1, 1),
                                    tuple(sorted(units.items())),
                                    "active",
                                    None,
                                    date(2026, 12, 31),
                                    "e",
                                    "subscription.updated",
                                ),
                            ),
                        ),
                        1,
                    )
                    for one, units in subscriptions.items()
                },
            )
            for customer, subscriptions in self.clients.items()
        }
        return Records(0, (), customers, {}, PartnerRecords(), ())

    @property
    def rows(self) -> list[dict[str, str]]:
        """As its export has it."""
        return [
            {
                "customer_id": customer,
                "subscription_id": one,
                "sku": sku,
                "quantity": str(quantity),
                "term_end": "2026-12-31",
            }
            for customer, subscriptions in self.clients.items()
            for one, units in subscriptions.items()
            for sku, quantity in units.items()
        ]


ids = st.sampled_from(["0012345", "0099", "12e4", "sub_8f2c1a", "sub_x", "1234567890123456789", "7e2", "A-1"])
unit_counts = st.dictionaries(st.sampled_from([ADV, ESS, GATEWAY, "0071"]), st.integers(1, 400), min_size=1)


near_counts = st.dictionaries(st.sampled_from([ADV, ESS]), st.integers(10, 20), min_size=1)


@st.composite
def portals(draw: st.DrawFn, counts: st.SearchStrategy[dict[str, int]] = unit_counts) -> Portal:
    """Each id once."""
    names = draw(st.lists(ids, min_size=2, max_size=6, unique=True))
    clients: dict[str, dict[str, Units]] = {}
    for name in names[1:]:
        customer = f"{draw(st.sampled_from(['cus_', '00', '1']))}{draw(st.integers(1, 3))}"
        clients.setdefault(customer, {})[name] = draw(counts)
    return Portal(clients)


def written(rows: list[dict[str, str]]) -> str:
    """As a file."""
    names = [column.name for column in COLUMNS if any(column.name in row for row in rows)]
    return "\n".join([";".join(names), *(";".join(row.get(name, "") for name in names) for row in rows), ""])


def rewritten(value: str) -> list[str]:
    """What spreadsheets and slips make of an id."""
    found = [value + "x", value[:-1] or "y", value.swapcase(), "46096", f"{value}1"]
    if value.replace("e", "", 1).isdigit():
        number = int(float(value)) if "e" in value else int(value)
        found += [
            str(number),
            f"{number}.0",
            f"{number:.2E}",
            str(number)[:15] + "0" * max(0, len(str(number)) - 15),
        ]
    return [each for each in found if each != value]


@given(portals(), st.data())
def test_one_damage_bills_nothing_else(portal: Portal, data: st.DataObject) -> None:
    """Whatever happens to one id, one number, one row or one column of a file that says what we know: no event comes of it."""
    rows = [*portal.rows]
    at = data.draw(st.integers(0, len(rows) - 1))
    what = data.draw(
        st.sampled_from(["customer_id", "subscription_id", "sku", "digit", "row", "column", "column twice"])
    )
    if what == "digit":
        number = rows[at]["quantity"]
        place = data.draw(st.integers(0, len(number)))
        rows[at] = {
            **rows[at],
            "quantity": number[:place] + data.draw(st.sampled_from(["0", "9"])) + number[place:],
        }
    elif what == "row":
        del rows[at]
    elif what == "column":
        name = data.draw(st.sampled_from(sorted(rows[0])))
        rows = [{other: value for other, value in row.items() if other != name} for row in rows]
    elif what == "column twice":
        rows = [{**row, "version": "4"} for row in rows]
    else:
        rows[at] = {**rows[at], what: data.draw(st.sampled_from(rewritten(rows[at][what])))}
    text = written(rows)
    if what == "column twice":
        text = text.replace(
            "version", data.draw(st.sampled_from(["Quantity", "SKU", "subscription-id", "seats"])), 1
        )
    released: list[str] = []
    try:
        released = [event.subscription_id for event in compared(portal.records, text).released()]
    except FileRefused as refused:
        assert refused.problems  # noqa: PT017 - a refusal is as good
    assert released == []


@given(
    portals() | portals(near_counts),
    st.sampled_from(["customer_id", "subscription_id", "sku", "quantity"]),
    st.data(),
)
def test_a_column_that_is_moved_bills_nothing(portal: Portal, column: str, data: st.DataObject) -> None:
    """By any number of rows, also where the numbers are so near that each change is small."""
    rows = portal.rows
    by = data.draw(st.integers(0, len(rows)))
    moved = [{**row, column: rows[(n + by) % len(rows)][column]} for n, row in enumerate(rows)]
    assert released(portal, moved) == []


@given(
    portals() | portals(near_counts),
    st.sampled_from([0.1, 0.5, 0.52, 0.9, 0.99, 1.01, 1.1, 1.48, 2, 10]),
)
def test_numbers_that_are_all_multiplied_bill_nothing(portal: Portal, factor: float) -> None:
    """By little or much, each rounded away from what it was; of one client alone a change is judged by itself."""
    assume(len(portal.clients) > 1)
    rounded = ceil if factor > 1 else floor
    rows = [{**row, "quantity": str(rounded(int(row["quantity"]) * factor))} for row in portal.rows]
    assert released(portal, rows) == []


def released(portal: Portal, rows: list[dict[str, str]]) -> list[str]:
    """The subscriptions of which a file would become events without a person's word."""
    try:
        return [event.subscription_id for event in compared(portal.records, written(rows)).released()]
    except FileRefused as refused:
        assert refused.problems  # noqa: PT017 - a refusal is as good
        return []


@given(
    portals(),
    st.one_of(
        st.tuples(st.just("version"), st.integers(107, 2**53 - 1).map(str)),
        st.tuples(
            st.sampled_from(["effective_date", "term_end", "cancel_at"]),
            st.one_of(st.dates(max_value=date(2025, 5, 1)), st.dates(min_value=date(2032, 4, 1))).map(str),
        ),
    ),
    st.data(),
)
def test_a_number_or_a_day_beyond_belief_bills_nothing(
    portal: Portal, damage: tuple[str, str], data: st.DataObject
) -> None:
    """In any column that has one, of any subscription, which is news in every other respect."""
    one = data.draw(st.sampled_from(sorted({row["subscription_id"] for row in portal.rows})))
    column, value = damage
    rows = [
        {**row, "version": "4", column: value} if row["subscription_id"] == one else row
        for row in portal.rows
    ]
    released: list[str] = []
    try:
        released = [event.subscription_id for event in compared(portal.records, written(rows)).released()]
    except FileRefused as refused:
        assert refused.problems  # noqa: PT017 - a refusal is as good
    assert one not in released


@given(
    portals(), st.sampled_from([ADV, GATEWAY, "NEW-SKU"]), st.integers(402, 9999), st.booleans(), st.data()
)
def test_nothing_new_is_billed_without_a_bound(
    portal: Portal, sku: str, units: int, mapped: bool, data: st.DataObject
) -> None:
    """A new subscription that is larger than all that any client has is never billed unseen, whoever's it is."""
    ours = {
        customer: sum(sum(each.values()) for each in of.values()) for customer, of in portal.clients.items()
    }
    customer = data.draw(st.sampled_from(sorted(portal.clients))) if mapped else "cus_quite_new"
    row = {
        "customer_id": customer,
        "subscription_id": "sub_quite_new",
        "sku": sku,
        "quantity": str(units + max(ours.values())),
        "term_end": "2026-12-31",
    }
    released = compared(portal.records, written([*portal.rows, row])).released()
    assert released == ()


@given(portals() | portals(near_counts), st.data())
def test_no_half_of_a_clients_changes_is_released(portal: Portal, data: st.DataObject) -> None:
    """Whatever a file says: where a client has more on one subscription and less on another one, all of it becomes events, or nothing."""
    numbers = st.integers(0, 50)
    rows = [
        {**row, "quantity": str(data.draw(numbers | st.just(int(row["quantity"]))))} for row in portal.rows
    ]
    for n in range(data.draw(st.integers(0, 2))):
        row = data.draw(st.sampled_from(portal.rows))
        rows.append({**row, "subscription_id": f"sub_new{n}", "quantity": str(data.draw(numbers))})
    had = {(row["subscription_id"], row["sku"]): int(row["quantity"]) for row in portal.rows}
    free = {*released(portal, rows)}
    for customer in {row["customer_id"] for row in rows}:
        changes = {
            (row["subscription_id"], int(row["quantity"]) - had.get((row["subscription_id"], row["sku"]), 0))
            for row in rows
            if row["customer_id"] == customer
        }
        changed = {one for one, more in changes if more}
        if min(more for _, more in changes) < 0 < max(more for _, more in changes):
            assert changed <= free or not changed & free


@given(portals(), st.data())
def test_another_id_with_other_skus_bills_nothing(portal: Portal, data: st.DataObject) -> None:
    """A subscription under a new id, with each SKU under a new name: what is billed already is not billed again beside it."""
    one = data.draw(st.sampled_from(sorted({row["subscription_id"] for row in portal.rows})))
    rows = [
        {**row, "subscription_id": "sub_quite_new", "sku": f"NEW-{row['sku']}"}
        if row["subscription_id"] == one
        else row
        for row in portal.rows
    ]
    released = [event.subscription_id for event in compared(portal.records, written(rows)).released()]
    assert "sub_quite_new" not in released


@given(portals() | portals(near_counts), st.data())
def test_a_subscription_that_is_listed_again_under_a_new_id_is_not_billed_again(
    portal: Portal, data: st.DataObject
) -> None:
    """Whichever it is, and whatever else the file says of the client; released it is by the ids of what is found, and by nothing less."""
    one = data.draw(st.sampled_from(sorted({row["subscription_id"] for row in portal.rows})))
    copied = [
        {**row, "subscription_id": "sub_quite_new"} for row in portal.rows if row["subscription_id"] == one
    ]
    found = compared(portal.records, written([*portal.rows, *copied]))
    assert "copy-of-another" in {each.kind.value for each in found.suspicions}
    assert found.released() == ()
    assert [event.subscription_id for event in found.released({each.id for each in found.suspicions})] == [
        "sub_quite_new"
    ]


@given(portals() | portals(near_counts), st.data())
def test_a_new_subscription_with_anything_of_its_own_is_no_copy(portal: Portal, data: st.DataObject) -> None:
    """More than a few units are enough: then it is judged by how much it is."""
    one = data.draw(st.sampled_from(sorted({row["subscription_id"] for row in portal.rows})))
    copied = [
        {**row, "subscription_id": "sub_quite_new"} for row in portal.rows if row["subscription_id"] == one
    ]
    if data.draw(st.booleans()):
        copied.append({**copied[0], "sku": "NEW-SKU", "quantity": str(FEW + 1)})
    else:
        numbers = {int(row["quantity"]) for row in portal.rows if row["sku"] == copied[0]["sku"]}
        copied[0]["quantity"] = str(
            data.draw(
                st.integers(1, 400).filter(lambda number: all(abs(number - one) > FEW for one in numbers))
            )
        )
    found = compared(portal.records, written([*portal.rows, *copied]))
    assert "copy-of-another" not in {each.kind.value for each in found.suspicions}


@given(portals())
def test_an_export_that_says_what_we_know_is_level(portal: Portal) -> None:
    """Nothing is suspicious, and nothing becomes an event."""
    found = compared(portal.records, written(portal.rows))
    assert (found.suspicions, found.events) == ((), ())
