"""docs/performance.md: its tables and its chart, from a record and the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.bounds import WANTED
from tests.bench.cold import PLAIN
from tests.bench.drain import QUIET
from tests.bench.record import Record
from tests.bench.versions import FUNCTIONS, PRODUCT, STRAIGHTFORWARD
from tests.svg import WIDTH, image, rect, rule, text

CHART = "performance.svg"
MOST = 4.0
"""The chart's end: so many times the straightforward version."""


@dataclass(frozen=True)
class Row:
    """One thing that is measured."""

    name: str
    product: float
    straightforward: float | None = None
    form: str = ",.0f"

    @property
    def ratio(self) -> float | None:
        """The product's part of the straightforward version's."""
        return self.product / self.straightforward if self.straightforward else None

    @property
    def judged(self) -> float:
        """What the wanted value is about: the count, or the ratio."""
        by_ratio = WANTED[self.name].by_ratio
        return self.ratio if by_ratio and self.ratio is not None else self.product

    @property
    def met(self) -> bool:
        """Whether it is as wanted."""
        wanted = WANTED[self.name]
        return self.judged >= wanted.value if wanted.at_least else round(self.judged, 2) <= wanted.value


def rows(record: Record) -> Iterator[Row]:
    """Everything that has a wanted value, as far as the record has it."""
    if side := record.get("side"):
        one, burst, many = side["one"], side["burst"], side["many"]

        def pair(found: Record, name: str) -> tuple[float, float]:
            return found[PRODUCT][name], found[STRAIGHTFORWARD][name]

        yield Row("Autotask calls: a change alone", *pair(one, "autotask"))
        yield Row("Autotask calls: a burst of 100 on one line and day", *pair(burst, "autotask"))
        calls = [number / many[PRODUCT]["changes"] for number in pair(many, "autotask")]
        yield Row("Autotask calls: 100 customers, a change", calls[0], calls[1], ".1f")
        yield Row("reads of the table, a change", *pair(one, "reads"))
        yield Row("writes of the table, a change", *pair(one, "writes"))
        units = [
            one[version]["write units"] + one[version]["index units"]
            for version in (PRODUCT, STRAIGHTFORWARD)
        ]
        yield Row("write units with the indexes, a change", *units)
        yield Row("dollars a million changes, in batches", *pair(many, "dollars"), form=".1f")
        yield Row("webhook, warm: CPU, ms", *pair_of(side["webhook"]), form=".1f")
        yield Row("worker, ten customers: CPU, ms", *pair_of(side["worker"]), form=".0f")
    if PRODUCT in (cold := record.get("cold", {})):
        for function in FUNCTIONS:
            yield Row(
                f"cold start: {function}, million instructions",
                cold[PRODUCT][function],
                cold[PLAIN][function],
            )
    if drain := record.get("drain"):
        yield Row("drain, of what three threads allow", drain["share"], form=".2f")
        yield Row("drain: right when the queue is empty, of 200", drain["right"])


def pair_of(ratio: Record) -> tuple[float, float]:
    """Both sides of a ratio."""
    return ratio["product"], ratio["straightforward"]


def headline(record: Record, before: Record) -> str:
    """The table of what is wanted."""
    earlier = {row.name: row for row in rows(before)}
    lines = [
        "| what | product | straightforward | ratio | wanted | | run before |",
        "|---|--:|--:|--:|--:|---|--:|",
    ]
    for row in rows(record):
        wanted, known = WANTED[row.name], earlier.get(row.name)
        other = format(row.straightforward, row.form) if row.straightforward is not None else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        lines.append(
            f"| {row.name} | {row.product:{row.form}} | {other} | {ratio} | {wanted} "
            f"| {'yes' if row.met else '**no**'} | {f'{known.product:{known.form}}' if known else ''} |"
        )
    return "\n".join(lines)


def counts(record: Record) -> str:
    """What each way of coming in takes."""
    side = record["side"]
    names = ("reads", "writes", "read units", "write units", "index units", "queue", "logged")
    lines = [
        f"| a change | version | Autotask | {' | '.join(names)} | $ a million |",
        f"|---|---|--:|{'--:|' * len(names)}--:|",
    ]
    told = {
        "one": "alone",
        "burst": "in a burst of 100 on one line and day",
        "many": "of each of 100 customers",
    }
    for kind, words in told.items():
        for version, cost in side[kind].items():
            calls = cost["autotask"] / cost["changes"]
            cells = " | ".join(f"{cost[name]:,g}" for name in names)
            lines.append(f"| {words} | {version} | {calls:g} | {cells} | {cost['dollars']} |")
    return "\n".join(lines)


def dollars(record: Record) -> str:
    """Where the dollars go, where changes come in batches."""
    many = record["side"]["many"]
    lines = ["| $ a million changes | product | straightforward |", "|---|--:|--:|"]
    ours, theirs = (many[version]["of which"] for version in (PRODUCT, STRAIGHTFORWARD))
    lines += [f"| {name} | {ours[name]:.2f} | {theirs[name]:.2f} |" for name in ours]
    lines.append(
        f"| **together** | **{many[PRODUCT]['dollars']}** | **{many[STRAIGHTFORWARD]['dollars']}** |"
    )
    return "\n".join(lines)


def times(record: Record) -> str:
    """The processor's time and the modules, with the middle half of the rounds."""
    side = record["side"]
    lines = []
    for name, words in (("webhook", "the warm webhook"), ("worker", "the warm worker with ten customers")):
        found = side[name]
        low, high = found["middle"]
        lines.append(f"* {words}: ratio {found['ratio']}, in the middle half of the rounds {low} to {high}")
    modules = side["modules"]
    told = " / ".join(f"{modules[PRODUCT][f]} : {modules[STRAIGHTFORWARD][f]}" for f in FUNCTIONS)
    lines.append(
        f"* modules at the import of webhook / worker / sweep / reconcile, product : straightforward: {told}"
    )
    return "\n".join(lines)


def cold_table(record: Record) -> str:
    """Instructions, by version."""
    cold = record.get("cold", {})
    if PRODUCT not in cold:
        return str(cold.get("missing", "Not counted yet."))
    lines = [f"| million instructions | {' | '.join(FUNCTIONS)} |", f"|---|{'--:|' * len(FUNCTIONS)}"]
    lines += [
        f"| {version} | {' | '.join(f'{cold[version][f]:,.0f}' for f in FUNCTIONS)} |"
        for version in (PRODUCT, STRAIGHTFORWARD, PLAIN)
    ]
    lines.append(
        f"\n{cold['python']}. The runtime alone, before a function is imported: {cold['runtime']['alone']:,.0f}."
    )
    return "\n".join(lines)


def growth_table(record: Record) -> str:
    """What a change costs among much."""
    names = ("autotask", "reads", "writes", "read_units", "write_units")
    heads = ("Autotask", "reads", "writes", "read units", "write units")
    lines = [
        f"| one change, where there are | | {' | '.join(heads)} | grows by |",
        f"|--:|---|{'--:|' * 5}---|",
    ]
    for what, found in record.get("growth", {}).items():
        for number, at in ((found["few"], found["at few"]), (found["many"], found["at many"])):
            grows = ""
            if at is found["at many"]:
                slopes = {head: found["per thousand"][name] for name, head in zip(names, heads, strict=True)}
                grows = ", ".join(f"{slope:,g} {head}" for head, slope in slopes.items() if slope)
                grows = f"{grows} a thousand" if grows else "nothing"
            lines.append(
                f"| {number:,} | {what} | {' | '.join(f'{at[name]:,g}' for name in names)} | {grows} |"
            )
    return "\n".join(lines)


def drain_words(record: Record) -> str:
    """How a backlog ended."""
    found = record["drain"]
    return (
        f"{found['changes']:,} changes of {found['customers']} customers came in at once. The queue was empty after "
        f"{found['seconds']:.0f} s, {found['share']:.2f} of what three threads at three calls a customer allow. Autotask got "
        f"{found['autotask']} calls ({found['autotask'] / found['changes']:.2f} a change), at most {found['most']} at once at one "
        f"entity, and refused {found['refused']}. {found['right']} customers were right when the queue was empty, and "
        f"{found['right_then']} after {found['further']:.1f} s more, when the sweep had ended too; "
        f"{'then nothing was due' if found['at_rest'] else '**something was still due then**'}.{_import_words(found)}"
    )


def _import_words(found: Record) -> str:
    """How long somebody waited beside an import; nothing, if an older run did not look."""
    seconds = found.get("imported")
    if not seconds:
        return ""
    return (
        f"\n\n{seconds['import']:,} events of one customer came in at once, and five seconds later a change of another one. It was in Autotask after "
        f"{seconds['beside']:.0f} s, and beside one event in place of them after {seconds['alone']:.0f} s; {QUIET} of them are the quiet "
        f"period. The {seconds['import']:,} events themselves were done after {seconds['importing']:.0f} s."
    )


def rendered(record: Record, before: Record) -> str:
    """Everything that a run writes into the page."""
    parts = [
        f"Counted on {record['day']} with Python {record['python']}."
        + (f" The run before is of {before['day']}." if before else ""),
        headline(record, before),
        f"![The product's costs as parts of those of the straightforward version]({CHART})",
        "### What a change takes\n\n" + counts(record),
        dollars(record),
        "### Processor and modules\n\n" + times(record),
        "### Cold start\n\n" + cold_table(record),
        "### How it grows\n\n" + growth_table(record),
        "### A backlog\n\n" + drain_words(record),
    ]
    return "\n\n".join(parts)


def drawn(record: Record) -> str:
    """The chart: the product's part of the straightforward version's, with the wanted value as a line."""
    left, right, top, bar = 340, 90, 96, 22
    scale = (WIDTH - left - right) / MOST
    shown: Sequence[Row] = [row for row in rows(record) if row.ratio is not None]
    bottom = top + bar * len(shown)
    out: list[str] = []
    for times in range(int(MOST) + 1):
        out.append(rule(left + times * scale, top - 8, bottom + 4))
        out.append(text(left + times * scale, bottom + 20, f"{times} ×", "soft mid small"))
    for number, row in enumerate(shown):
        assert row.ratio is not None
        y = top + number * bar
        length = min(row.ratio, MOST) * scale
        out.append(text(left - 8, y + 13.5, row.name, "ink end small"))
        out.append(rect(left, y + 2, length, bar - 6, "way" if row.met else "wrong"))
        out.append(text(left + length + 6, y + 13.5, f"{row.ratio:.2f}", "ink small"))
        wanted = WANTED[row.name]
        share = wanted.value if wanted.by_ratio else wanted.value / (row.straightforward or 1)
        if share <= MOST:
            out.append(rect(left + share * scale - 1, y - 1, 2, bar, "ink"))
    keys = [rect(24, 66, 12, 12, "way"), text(42, 76.5, "as wanted", "ink small")]
    keys += [rect(120, 66, 12, 12, "wrong"), text(138, 76.5, "not yet", "ink small")]
    keys += [rect(206, 64, 2, 16, "ink"), text(216, 76.5, "wanted", "ink small")]
    return image(
        "The product's costs as parts of those of the straightforward version",
        f"1 × is as much as the straightforward version takes; the axis ends at {MOST:.0f} ×",
        bottom + 34,
        (*keys, *out),
    )
