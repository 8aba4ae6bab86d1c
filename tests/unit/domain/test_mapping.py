"""Which contract and which service hold on a day, after any number of dated choices."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.mapping import (
    Alias,
    CustomerMapping,
    PlanMapping,
    Route,
    Routing,
    ServiceChoice,
    chosen_from,
    days_on,
    differ_from,
    in_force,
    replaced_from,
    service_on,
    shares,
)

ONE = timedelta(days=1)
DAY = date(2026, 3, 15)
days = st.none() | st.integers(0, 20).map(lambda n: DAY + timedelta(days=n))
routes = st.builds(Route, st.just(600), st.integers(1, 4), st.sampled_from([None, "ADV", "ESS"]))
orders = st.lists(st.tuples(routes, days), min_size=1, max_size=6)


def mapped(*orders: tuple[Route, date | None]) -> CustomerMapping:
    """A mapping after these orders."""
    mapping = CustomerMapping("cus_1", ())
    for route, first_day in orders:
        mapping = mapping.rerouted(route, first_day)
    return mapping


def test_a_first_route_holds_always() -> None:
    """Units that Timus told of before the customer was mapped are routed too."""
    assert mapped((Route(600, 1), None)).routings == (Routing((Route(600, 1),)),)


def test_a_move_holds_from_its_day_and_leaves_what_was_before() -> None:
    """Until the day before, the units stay on the earlier contract."""
    mapping = mapped((Route(600, 1), None), (Route(600, 2), DAY))
    assert mapping.routes("ADV", DAY - timedelta(days=1)) == (Route(600, 1),)
    assert mapping.routes("ADV", DAY) == (Route(600, 2),)
    assert mapping.contract_ids == (1, 2)


def test_mapping_the_same_again_changes_nothing() -> None:
    """A choice that repeats what holds leaves no trace."""
    mapping = mapped((Route(600, 1), None))
    assert mapping.rerouted(Route(600, 1), DAY) == mapping


@given(orders, routes, days)
def test_a_route_holds_from_its_day_for_its_sku_and_touches_nothing_else(
    earlier: list[tuple[Route, date | None]], route: Route, first_day: date | None
) -> None:
    """Every other SKU, and every earlier day, is routed as before."""
    before = mapped(*earlier)
    after = before.rerouted(route, first_day)
    for day in (DAY + timedelta(days=n) for n in range(-1, 22)):
        for sku in (None, "ADV", "ESS"):
            was = _routes_for(before, sku, day)
            changed = sku == route.sku and (first_day is None or day >= first_day)
            assert _routes_for(after, sku, day) == ((route,) if changed else was)
    assert list(after.routings) == sorted(after.routings, key=lambda r: r.first_day or date.min)


def _routes_for(mapping: CustomerMapping, sku: str | None, day: date) -> tuple[Route, ...]:
    routing = in_force(mapping.routings, day)
    return tuple(route for route in routing.routes if route.sku == sku) if routing else ()


def test_a_customer_is_the_companies_of_the_newest_routing() -> None:
    """What held before is replaced; where a SKU goes to another company, there are two."""
    moved = mapped((Route(602, 1), None), (Route(601, 2), DAY), (Route(600, 3, "ADV"), DAY))
    assert moved.companies == (600, 601)


def test_a_customer_without_a_contract_is_the_company_that_was_named() -> None:
    """There a contract may be opened. Whose is mapped goes by the mapping alone."""
    assert CustomerMapping("cus_1", (), company_id=600).companies == (600,)
    assert CustomerMapping("cus_1", ()).companies == ()
    both = CustomerMapping("cus_1", (Routing((Route(601, 1),)),), company_id=600)
    assert both.companies == (601,)


def test_a_name_that_a_person_has_confirmed_is_the_companys_and_no_others() -> None:
    """Case and legal form count here as little as anywhere."""
    mapping = CustomerMapping("cus_1", ()).also_called([Alias("Contoso Dental", 600)])
    assert mapping.is_called("CONTOSO dental Ltd", 600)
    assert not mapping.is_called("Contoso Dental", 601)
    assert not mapping.is_called("Fabrikam", 600)


def test_names_are_confirmed_once_and_the_earlier_ones_stay() -> None:
    """Each way of mapping may say the same again."""
    first, second = Alias("Contoso", 600), Alias("Fabrikam", 601)
    once = CustomerMapping("cus_1", ()).also_called([first, first])
    assert once.aliases == (first,)
    assert once.also_called([second, first]).aliases == (first, second)


def test_a_service_is_chosen_from_a_day_on() -> None:
    """The earlier service keeps the days before."""
    choices = chosen_from(chosen_from((), 45, None), 46, DAY)
    assert choices == (ServiceChoice(45), ServiceChoice(46, DAY))


def test_a_service_that_is_chosen_again_for_its_day_replaces_the_choice() -> None:
    """One day has one choice, and what repeats the one before is left out."""
    chosen = (ServiceChoice(45), ServiceChoice(46, DAY))
    assert chosen_from(chosen, 47, DAY) == (ServiceChoice(45), ServiceChoice(47, DAY))
    assert chosen_from(chosen, 46, DAY + timedelta(days=3)) == chosen
    assert chosen_from(chosen, 45, DAY) == (ServiceChoice(45),)
    assert chosen_from((), 45, DAY) == (ServiceChoice(45, DAY),)


def test_the_first_day_is_that_of_the_first_routing() -> None:
    """Before it the mapping says nothing; without one it always holds."""
    assert CustomerMapping("cus_1", ()).first_day is None
    assert mapped((Route(600, 1), DAY)).first_day == DAY
    assert mapped((Route(600, 1), None), (Route(600, 2), DAY)).first_day is None


def test_dated_services_hold_from_their_day() -> None:
    """A customer's own choice goes before the partner's once its day has come."""
    plans = {"ADV": PlanMapping("ADV", (ServiceChoice(45), ServiceChoice(46, DAY)))}
    own = CustomerMapping("cus_1", (), {"ADV": (ServiceChoice(99, DAY + timedelta(days=5)),)})
    days = [DAY + timedelta(days=n) for n in (-1, 0, 4, 5)]
    assert [service_on(own, plans, "ADV", day) for day in days] == [45, 46, 46, 99]
    assert service_on(own, {}, "ADV", DAY) is None
    assert service_on(own, plans, "ESS", DAY) is None


def test_shares_fill_up_in_order() -> None:
    """Each takes what it may; one without a limit takes all that is left."""
    routes = (Route(600, 1, units=4), Route(600, 2, units=3), Route(600, 3))
    assert [units for _, units in shares(routes, 10)] == [4, 3, 3]
    assert [units for _, units in shares(routes, 5)] == [4, 1, 0]
    assert shares((), 5) == ()


def test_a_limited_route_takes_its_units_off_the_others_of_its_sku() -> None:
    """In the order in which they were given, before the one that takes all that is left; other SKUs stay as they are."""
    rest, own, four, two = (
        Route(600, 1),
        Route(600, 9, "ESS"),
        Route(600, 2, units=4),
        Route(600, 3, units=2),
    )
    mapping = mapped((rest, None), (own, None), (four, None), (two, None))
    assert mapping.routings == (Routing((own, four, two, rest)),)
    six = Route(600, 2, units=6)
    assert mapping.rerouted(six, None).routings == (Routing((own, two, six, rest)),)
    assert mapping.rerouted(six, DAY).routings == (
        Routing((own, four, two, rest)),
        Routing((own, two, six, rest), DAY),
    )
    everything = Route(600, 4)
    assert mapping.rerouted(everything, None).routings == (Routing((own, everything)),)


def test_a_new_contract_follows_an_old_one_from_its_day() -> None:
    """Every route to the old one, also of later choices; what is limited stays so."""
    mapping = mapped((Route(600, 1), None), (Route(600, 2, units=4), None), (Route(600, 1, "ESS"), DAY))
    later = DAY - timedelta(days=5)
    followed = mapping.followed(1, 7, later)
    assert followed.routings == (
        Routing((Route(600, 2, units=4), Route(600, 1))),
        Routing((Route(600, 2, units=4), Route(600, 7)), later),
        Routing((Route(600, 2, units=4), Route(600, 7), Route(600, 7, "ESS")), DAY),
    )
    assert followed.contract_ids == (1, 2, 7)
    assert mapping.followed(99, 7, later) == mapping
    assert CustomerMapping("cus_1", ()).followed(1, 7, DAY).routings == (Routing((), DAY),)


def test_the_days_of_a_contract_are_those_on_which_something_goes_to_it() -> None:
    """Whichever SKU it is; a choice without a first day holds from the first day there is."""
    routings = (
        Routing((Route(600, 1), Route(600, 2, "ESS"))),
        Routing((Route(600, 2),), DAY),
        Routing((Route(600, 1, "ESS"),), DAY + ONE),
    )
    there = days_on(routings, 1)
    assert [there.at(day) for day in (date.min, DAY - ONE, DAY, DAY + ONE)] == [1, 1, 0, 1]
    other = days_on(routings, 2)
    assert [other.at(day) for day in (date.min, DAY - ONE, DAY, DAY + ONE)] == [1, 1, 1, 0]
    assert days_on((), 1).steps == ()


def test_choices_replace_what_holds_from_their_first_day_on() -> None:
    """What held before the first of them stays, and nothing else."""
    always, middle, late = ServiceChoice(1), ServiceChoice(2, DAY), ServiceChoice(3, DAY + 2 * ONE)
    known = (always, middle, late)
    new = (ServiceChoice(7, DAY), ServiceChoice(8, DAY + ONE))
    assert replaced_from(known, new) == (always, *new)
    assert replaced_from(known, (ServiceChoice(7, DAY + ONE),)) == (
        always,
        middle,
        ServiceChoice(7, DAY + ONE),
    )
    assert replaced_from(known, (ServiceChoice(7),)) == (ServiceChoice(7),)
    assert replaced_from((ServiceChoice(1, date.min),), (ServiceChoice(7),)) == (ServiceChoice(7),)
    assert replaced_from(known, ()) == known
    assert replaced_from((), new) == new


def test_choices_differ_from_the_first_day_on_which_others_are_in_force() -> None:
    """However they are written down."""
    known = (ServiceChoice(1), ServiceChoice(2, DAY))
    assert differ_from(known, known) is None
    assert differ_from(known, (ServiceChoice(1), ServiceChoice(1, DAY - ONE), ServiceChoice(2, DAY))) is None
    assert differ_from(known, (ServiceChoice(1), ServiceChoice(2, DAY - ONE))) == DAY - ONE
    assert differ_from(known, (ServiceChoice(1), ServiceChoice(2, DAY + ONE))) == DAY
    assert differ_from(known, (ServiceChoice(3), ServiceChoice(2, DAY))) == date.min
    assert differ_from(known, (ServiceChoice(1),)) == DAY
    assert differ_from((), (ServiceChoice(1, DAY),)) == DAY
    assert differ_from((), ()) is None
    assert differ_from((), (ServiceChoice(1),)) == date.min


def test_a_service_that_is_chosen_again_keeps_the_day_of_the_first_choice() -> None:
    """Where nothing was in force, the service itself stands there from its day."""
    assert chosen_from((), 46, DAY) == (ServiceChoice(46, DAY),)
    assert chosen_from((ServiceChoice(46, DAY),), 46, DAY + ONE) == (ServiceChoice(46, DAY),)
