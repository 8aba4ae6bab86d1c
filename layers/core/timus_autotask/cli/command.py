"""Every command and option of ``timus-autotask``, as one table. ``parsing.py`` reads a command line by it, ``running.py`` carries it out.

Nothing is imported here that ``--help`` does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from timus_autotask.cli import values

PROGRAM = "timus-autotask"

DEFAULT_STACK = "timus-autotask"
DEFAULT: Any = object()
"""Stands for a first day that nobody has given: it follows from what is billed already."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument or option of a command, as argparse takes it."""

    names: tuple[str, ...]
    given: dict[str, Any]


def _a(*names: str, **given: Any) -> Argument:
    return Argument(names, given)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, what it does, an example, and its arguments."""

    name: str
    help: str
    example: str
    run: str
    """The function that carries it out, as ``module.function`` of this package: imported only when it is asked for."""
    arguments: tuple[Argument, ...] = ()
    one_of: tuple[Argument, ...] = ()
    """Exactly one of these must be given."""
    pages: bool = False
    """What it shows may be long, and it asks nothing: a person reads it a screen at a time."""
    finds_stack: bool = False
    """``run`` is not given the deployment, but what finds it: it may do without."""


_CUSTOMER = _a(
    "--customer", type=values.name, metavar="CUSTOMER", help="for this customer only: its id in Timus"
)
_CUSTOMERS = _a(
    "--customer",
    dest="customers",
    action="append",
    type=values.name,
    metavar="CUSTOMER",
    help="for this customer only: its id in Timus; may be given again",
)
_SINCE = _a(
    "--since", type=values.time, metavar="DAY", help="only from this day or time on, in the partner's zone"
)
_FROM = _a(
    "--from",
    dest="first_day",
    type=values.day,
    default=DEFAULT,
    metavar="DAY",
    help="first day of this mapping, or `always`; default: today if its units are billed elsewhere, else always",
)
_YES = _a("--yes", action="store_true", help="do not ask")
_WRITING = (
    _a("--dry-run", action="store_true", help="show which adjustments would be made, and write nothing"),
    _YES,
)
_BILL_FROM = _a(
    "--bill-from",
    choices=("today", "open-day", "own-day"),
    help="first billed day of a customer who had seats before this first mapping: today, the first day that is not posted, or each "
    "seat's own day (default: a terminal asks once, a script takes own-day)",
)
_BY = _a(
    "--by", type=values.name, metavar="NAME", help="a name to note beside the user of AWS who decides this"
)
_UNKNOWN = _a(
    "--unknown",
    action="store_true",
    help="accept a SKU or customer that Timus has not reported yet (`map` accepts such a customer without it, unless its id looks like a "
    "known one)",
)
_INVOICE = (
    _a(
        "--timus-invoice",
        metavar="FILE",
        help="instead: your own invoice or usage export from Timus beside Timus, Autotask and the posted items of a month",
    ),
    _a(
        "--month",
        type=values.month,
        metavar="MONTH",
        help="of the invoice; the month before this one unless given",
    ),
    _a(
        "--column",
        type=values.pair,
        action="append",
        metavar="OURS=THEIRS",
        help="how the file calls a column: customer, sku, quantity, amount, first_day, last_day, or ignore; kept; may be given again",
    ),
    _a(
        "--is-customer",
        type=values.pair,
        action="append",
        metavar="NAME=CUSTOMER",
        help="the customer that a name in the file stands for; kept; may be given again",
    ),
    _a(
        "--is-sku",
        type=values.pair,
        action="append",
        metavar="PRODUCT=SKU",
        help="the SKU that a product in the file stands for; kept; may be given again",
    ),
    _a(
        "--days",
        choices=("iso", "month-first", "day-first"),
        help="how the file writes days: 2026-03-15 (unless given), 3/15/2026, 15.3.2026; kept",
    ),
    _a(
        "--leave-out",
        action="append",
        metavar="TEXT",
        help="leave out rows that charge nothing: their first cell, or their SKU, is this text (Total, or 'Subtotal*' for how it begins) and they name no "
        "other SKU; "
        "for a header that comes again, its first name; kept; may be given again",
    ),
    _a("--leave-in", action="append", metavar="TEXT", help="not left out any more; may be given again"),
    _a("--csv", metavar="FILE", help="also write the four sides to this file"),
    _a("--html", metavar="FILE", help="also write them as a page to keep"),
    _a(
        "--sign-off",
        action="store_true",
        help="you have looked at it, and take it as it is: kept, with your name",
    ),
    _a("--note", type=values.name, metavar="TEXT", help="with --sign-off: why what differs is right"),
)
_UNCHECKED = _a("--unchecked", action="store_true", help="skip the check in Autotask")
_CONTRACT = _a("contract_id", type=values.whole, metavar="CONTRACT", help="the contract's id in Autotask")
_SERVICE = _a("service_id", type=values.whole, metavar="SERVICE", help="the service's id in Autotask")


_API_USER = (
    _a("--username", help="the API user (default: AUTOTASK_USERNAME, then you are asked)"),
    _a(
        "--secret",
        help="its secret (default: AUTOTASK_SECRET, then you are asked; safer than an option, which other users of the machine see)",
    ),
    _a(
        "--integration-code",
        help="the tracking identifier (default: AUTOTASK_INTEGRATION_CODE, then the registered vendor's, then you are asked)",
    ),
    _a(
        "--try-again",
        action="store_true",
        help="try an API user again that Autotask refused, because something was changed there",
    ),
)
_WHY = _a(
    "--reason", type=values.name, required=True, metavar="WHY", help="why, for everybody who looks at it"
)
_CUSTOMER_OR_PLAN = (
    _a("what", choices=["customer", "plan"], help="whether it is a customer, or a plan: any SKU of Timus"),
    _a(
        "which",
        type=values.name,
        metavar="ID",
        help="the customer's id in Timus, or the SKU as Timus writes it",
    ),
)


COMMANDS = (
    Command(
        "setup",
        "check step by step what the stack needs, ask for what is missing, and say what comes next; safe to repeat",
        "setup --username api@msp.example",
        "enabling.setup",
        (
            *_API_USER,
            _a("--no-test-event", action="store_true", help="send no test event to the webhook"),
            _a("--yes", action="store_true", help="do not ask; report what is missing"),
            _BY,
        ),
        finds_stack=True,
    ),
    Command(
        "doctor",
        "check that everything still works: what `setup` checks, and whether syncing works",
        "doctor --json",
        "enabling.doctor",
        (_a("--strict", action="store_true", help="exit with status 1 for a warning too"),),
        pages=True,
    ),
    Command(
        "console",
        "show all of it in a browser on this machine, and decide there; until Ctrl-C",
        "console --by anna",
        "console.console",
        (
            _a(
                "--port",
                type=values.port,
                default=8799,
                metavar="N",
                help="serve it here, on 127.0.0.1; 0: any free one (default 8799)",
            ),
            _BY,
        ),
    ),
    Command(
        "report",
        "write what the console shows as one file, to mail or to keep",
        "report --html status.html",
        "console.report",
        (
            _a("--html", required=True, metavar="FILE", help="the file; it loads nothing from elsewhere"),
            _a(
                "--month",
                type=values.month,
                metavar="MONTH",
                help="say of this month whether it may be posted, as in 2026-03 (default: the running one)",
            ),
            _BY,
        ),
    ),
    Command(
        "map customer",
        "send a customer's units to a recurring contract of a company",
        "map customer cus_41d0 --company 600 --contract 29683949",
        "mapping.map_customer",
        (
            _a("customer", type=values.name, metavar="CUSTOMER", help="the customer's id in Timus"),
            _a(
                "--company",
                type=values.whole,
                required=True,
                metavar="N",
                help="the company's id in Autotask",
            ),
            _a(
                "--contract",
                type=values.whole,
                metavar="N",
                help="the contract's id in Autotask; without it one is opened, if `policy set open_contracts=yes`",
            ),
            _a("--share", action="store_true", help="accept a contract that bills another customer too"),
            _a("--sku", type=values.name, help="only the units of this SKU; the others go where they went"),
            _a(
                "--units",
                type=values.units,
                metavar="N",
                help="bill at most N units here, the rest as before; default: all",
            ),
            _FROM,
            _BILL_FROM,
            *_WRITING,
            _UNCHECKED,
            _UNKNOWN,
            _BY,
        ),
    ),
    Command(
        "map plan",
        "bill a SKU of Timus with a service of Autotask, or say whether seats move between it and others",
        "map plan SASE-ADV-USER --family plans",
        "mapping.map_plan",
        (
            _a("sku", type=values.name, metavar="SKU", help="as Timus writes it"),
            _a(
                "--customer",
                type=values.name,
                metavar="CUSTOMER",
                help="with --service: for this customer only",
            ),
            _FROM,
            *_WRITING,
            _UNCHECKED,
            _UNKNOWN,
            _BY,
        ),
        one_of=(
            _a(
                "--service",
                type=values.whole,
                metavar="N",
                help="the id in Autotask of the service that bills it",
            ),
            _a(
                "--family",
                type=values.name,
                metavar="NAME",
                help="it is a plan: seats move between it and the other SKUs of this family, in all subscriptions of a customer",
            ),
            _a(
                "--add-on",
                action="store_true",
                help="it is an add-on, such as a gateway: no seat moves to or from it",
            ),
            _a("--no-family", action="store_true", help="take that back: Timus's numbers decide again"),
        ),
    ),
    Command(
        "map line",
        "choose the contract service, where a service is on a contract more than once",
        "map line 29683949 45 --contract-service 1201",
        "mapping.map_line",
        (
            _a("contract", type=values.whole, metavar="CONTRACT", help="the contract's id in Autotask"),
            _a("service", type=values.whole, metavar="SERVICE", help="the service's id in Autotask"),
            _a(
                "--keep-units",
                action="store_true",
                help="the units on the contract service that was billed so far are not Timus's, and stay",
            ),
            *_WRITING,
            _BY,
        ),
        one_of=(
            _a(
                "--contract-service",
                type=values.whole,
                metavar="N",
                help="its id in Autotask: only its units count, and the others are left alone",
            ),
            _a("--undo", action="store_true", help="take the choice back"),
        ),
    ),
    Command(
        "map suggest",
        "show every unmapped customer and SKU with what it may be in Autotask, and why",
        "map suggest --apply-exact --dry-run",
        "suggesting.map_suggest",
        (
            _a(
                "--apply-exact",
                action="store_true",
                help="map what rests on unique keys alone: an id of Timus in a user-defined field or as company number, a SKU",
            ),
            _BILL_FROM,
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "map review",
        "go through the suggestions with one keystroke each, then see and write all of it",
        "map review --by Ada",
        "reviewing.map_review",
        (
            _a(
                "--reason",
                type=values.name,
                default="not billed in Autotask",
                metavar="WHY",
                help="noted with what is ignored; `not billed in Autotask` unless given",
            ),
            _BILL_FROM,
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "map ignore",
        "mark a customer or a SKU as not billed in Autotask: it is counted, and waits for nobody",
        "map ignore customer cus_9f31 --reason 'our own company'",
        "mapping.map_ignore",
        (
            *_CUSTOMER_OR_PLAN,
            _WHY,
            *_WRITING,
            _UNKNOWN,
            _BY,
        ),
    ),
    Command(
        "map unignore",
        "stop ignoring a customer or a SKU: it is to be mapped again",
        "map unignore plan SASE-TRIAL",
        "mapping.map_unignore",
        (*_CUSTOMER_OR_PLAN, *_WRITING, _BY),
    ),
    Command(
        "map confirm",
        "say that customers are mapped rightly, although Timus and Autotask call them differently",
        "map confirm cus_41d0",
        "mapping.map_confirm",
        (
            _a("customers", nargs="+", type=values.name, metavar="CUSTOMER", help="a customer's id in Timus"),
            _BY,
        ),
    ),
    Command("map list", "show every mapping", "map list", "mapping.map_list", pages=True),
    Command(
        "map export",
        "write every mapping as a file that `map import` reads: CSV, or with --json JSON",
        "map export mappings.csv",
        "mapping_file.map_export",
        (
            _a(
                "file",
                nargs="?",
                metavar="FILE",
                help="JSON if its name ends with .json, else CSV; without it to standard output",
            ),
        ),
    ),
    Command(
        "map import",
        "take in a file of mappings, checked and shown as a whole first",
        "map import mappings.csv --dry-run",
        "mapping_file.map_import",
        (
            _a("file", metavar="FILE", help="CSV or JSON as `map export` writes it; - reads standard input"),
            _a(
                "--partial",
                action="store_true",
                help="take in what is right, and leave out each customer and SKU that has a wrong row",
            ),
            _a(
                "--share",
                action="store_true",
                help="customers may be billed on one contract, as if every row said so",
            ),
            _BILL_FROM,
            *_WRITING,
            _UNCHECKED,
            _UNKNOWN,
            _BY,
        ),
    ),
    Command(
        "credentials set",
        "check the Autotask API user and keep it in Secrets Manager",
        "credentials set --username api@msp.example",
        "access.credentials_set",
        (
            _a(
                "--dry-run",
                action="store_true",
                help="check the API user and show which adjustments wait for it, and store nothing",
            ),
            _YES,
            *_API_USER,
            _UNCHECKED,
            _BY,
        ),
    ),
    Command(
        "webhook show",
        "show the URL and the secret to register in Timus",
        "webhook show",
        "access.webhook_show",
    ),
    Command(
        "status",
        "show every line: what Timus says, what Autotask has, and what is in the way",
        "status --customer cus_41d0",
        "watching.status",
        (
            _CUSTOMER,
            _a("--contract", type=values.whole, metavar="N", help="only this contract of Autotask"),
            _a("--all", action="store_true", help="also the customers that are aligned, and what is ignored"),
        ),
        pages=True,
    ),
    Command(
        "preview",
        "show what would be adjusted, with an estimate in money; while it observes, what go-live would adjust",
        "preview --customer cus_41d0",
        "stage.preview",
        (
            _CUSTOMER,
            _a(
                "--since",
                type=values.time,
                metavar="DAY",
                help="instead: what people changed by hand in Autotask since this day, against what would have been adjusted",
            ),
        ),
        pages=True,
    ),
    Command(
        "go-live",
        "let changes reach Autotask from now on; every adjustment that follows is shown first",
        "go-live --customer cus_41d0",
        "stage.go_live",
        (
            _CUSTOMERS,
            _a(
                "--except",
                dest="excepted",
                action="append",
                type=values.name,
                metavar="CUSTOMER",
                help="everybody but this customer, who stays in observation until it goes live itself; not for one who is live (see `pause` and "
                "`observe`); may be given again",
            ),
            *_WRITING,
            _UNKNOWN,
            _BY,
        ),
    ),
    Command(
        "observe",
        "write nothing to Autotask from now on, until `go-live`; events are still taken in, and everything is shown",
        "observe --customer cus_41d0",
        "stage.observe",
        (_CUSTOMERS, *_WRITING, _UNKNOWN, _BY),
    ),
    Command(
        "ready",
        "say whether a month may be approved and posted: what must be settled first, for each contract and billing period",
        "ready --month 2026-03",
        "month_end.ready",
        (
            _a("--month", type=values.month, metavar="MONTH", help="as in 2026-03; this month unless given"),
            _a(
                "--posted",
                action="store_true",
                help="instead, after posting: every billing item, what explains it, and what is missing",
            ),
            _a("--all", action="store_true", help="also every line of the billing periods that are level"),
        ),
        pages=True,
    ),
    Command(
        "ledger",
        "set the seat-days that were used in Timus beside those that are billed in Autotask, each difference with its cause",
        "ledger --since 2026-03 --csv ledger.csv",
        "month_end.ledger",
        (
            _a(
                "--since",
                type=values.month,
                metavar="MONTH",
                help="the first month; January of this year unless given",
            ),
            _CUSTOMER,
            _a("--csv", metavar="FILE", help="also write each month, customer and line to this file"),
            _a("--all", action="store_true", help="also show the lines without a difference"),
        ),
        pages=True,
    ),
    Command(
        "digest",
        "show what finance should know of the last days, money first; by e-mail too, if the stack has the parameter DigestEmail",
        "digest --since 2026-03-01",
        "month_end.digest",
        (_SINCE,),
        pages=True,
    ),
    Command(
        "minimum",
        "show what the partner owes Timus at least for all customers together, and what is missing",
        "minimum",
        "watching.minimum",
        pages=True,
    ),
    Command(
        "changes",
        "show which adjustments were made in Autotask, when, from which events, and how they ended",
        "changes --since 2026-03-01 --customer cus_41d0",
        "watching.changes",
        (
            _SINCE,
            _CUSTOMER,
            _a("--contract", type=values.whole, metavar="N", help="only this contract of Autotask"),
        ),
        pages=True,
    ),
    Command(
        "evidence",
        "show a month of a customer day by day: who asked for what, what came of it, and whether Autotask agrees",
        "evidence --customer cus_41d0 --month 2026-03",
        "evidencing.show",
        (
            _a(
                "--month",
                type=values.month,
                required=True,
                metavar="MONTH",
                help="as in 2026-03, in the partner's zone",
            ),
            _a("--csv", metavar="FILE", help="write a row for each line and day, for a spreadsheet"),
            _a("--html", metavar="FILE", help="write a page that prints on A4"),
            _a("--to", metavar="FOLDER", help="with --all: where the files of every customer go"),
            _a(
                "--for-client",
                action="store_true",
                help="with --html: in the client's words, without money and ids",
            ),
            _a("--partner", type=values.name, metavar="NAME", help="with --for-client: your company's name"),
        ),
        one_of=(
            _a("--customer", type=values.name, metavar="CUSTOMER", help="the customer's id in Timus"),
            _a("--all", dest="everybody", action="store_true", help="every customer; with --to FOLDER"),
        ),
        pages=True,
    ),
    Command(
        "events",
        "show what Timus reported and what became of it; `events show`, `accept` and `dismiss` are about one event",
        "events --parked",
        "watching.events",
        (
            _a("--parked", action="store_true", help="only those that a person has to look at"),
            _SINCE,
            _CUSTOMER,
        ),
        pages=True,
    ),
    Command(
        "events show",
        "show one event with its body and what became of it",
        "events show evt_9f1c~0a1b2c3d4e5f",
        "watching.event",
        (_a("key", type=values.name, metavar="KEY", help="its key, or its webhook-id"),),
        pages=True,
    ),
    Command(
        "events accept",
        "say that a parked event is right: Timus began to count versions again, or the subscription is another customer's now",
        "events accept evt_9f1c~0a1b2c3d4e5f --dry-run",
        "deciding.accept_event",
        (
            _a("key", type=values.name, metavar="KEY", help="the parked event's key, or its webhook-id"),
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "events dismiss",
        "set parked events aside, because they are a mistake: what is known stays as it is",
        "events dismiss evt_9f1c~0a1b2c3d4e5f --reason 'a test of Timus support'",
        "deciding.dismiss_events",
        (
            _a("keys", nargs="+", metavar="KEY", help="a parked event's key, or its webhook-id"),
            _WHY,
            _BY,
        ),
    ),
    Command(
        "send",
        "sign an event and send it, as Timus would",
        "send events/timus/subscription.updated.json --set data.subscription.items.0.quantity=30",
        "access.send",
        (
            _a("file", metavar="FILE", help="the event's body; - reads it from standard input"),
            _a("--url", help="else TIMUS_WEBHOOK_URL, else the stack's"),
            _a("--secret", help="else TIMUS_WEBHOOK_SECRET, else the stack's"),
            _a("--id", help="the webhook-id; a new one unless given"),
            _a(
                "--timestamp",
                type=int,
                metavar="SECONDS",
                help="of the attempt, in unix seconds; now unless given",
            ),
            _a(
                "--set",
                action="append",
                metavar="FIELD=VALUE",
                help="change a field of the body; may be repeated",
            ),
            *_WRITING,
        ),
        finds_stack=True,
    ),
    Command(
        "retry",
        "look at a contract now, and send again what Autotask refused; or open one again that it refused",
        "retry 29683949",
        "deciding.retry",
        (
            _a(
                "contract_id",
                type=values.contract_or_number,
                metavar="CONTRACT",
                help="the contract's id in Autotask, or our number of one that is being opened",
            ),
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "drift",
        "decide about a line whose units somebody changed in Autotask",
        "drift 29683949 45 --adopt",
        "deciding.drift",
        (_CONTRACT, _SERVICE, *_WRITING, _BY),
        (
            _a("--enforce", action="store_true", help="bring the line back to what Timus says"),
            _a("--adopt", action="store_true", help="keep the difference on top of what Timus says"),
        ),
    ),
    Command(
        "approve",
        "approve a held adjustment, exactly as it is shown",
        "approve 29683949 45",
        "deciding.approve",
        (
            _CONTRACT,
            _SERVICE,
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "reject",
        "set a held adjustment aside; it comes back when Timus reports another quantity or end for it, or by `approve`",
        "reject 29683949 45 --reason 'ordered by mistake'",
        "deciding.reject",
        (
            _CONTRACT,
            _SERVICE,
            _WHY,
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "undo",
        "take back a change that was made, both sides of a plan change together; its id stands in `changes`",
        "undo 9c41f07d2ab85e36 --reason 'ordered twice'",
        "deciding.undo",
        (
            _a(
                "change_id",
                type=values.name,
                metavar="CHANGE",
                help="the change's id, or how it begins; see `changes`",
            ),
            _a(
                "--withdraw",
                action="store_true",
                help="take the undo of this change back, while its opposite is still to be made",
            ),
            _WHY,
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "policy show",
        "show the terms in force and who set them",
        "policy show --customer cus_41d0",
        "deciding.policy_show",
        (_CUSTOMER,),
        pages=True,
    ),
    Command(
        "policy set",
        "set terms, for everybody or for a customer",
        "policy set decreases=start-of-next-period included.SASE-ADV-USER=2 approve_increases.above_units=20",
        "deciding.policy_set",
        (
            _a(
                "orders",
                nargs="+",
                metavar="KEY=VALUE",
                help="as `policy show` lists them; `KEY=` goes back to the default",
            ),
            _CUSTOMER,
            _a(
                "--from",
                dest="first_day",
                type=values.day,
                default=DEFAULT,
                metavar="DAY",
                help="first day on which they hold, or `always`; by default today, or `always` before the first mapping and before go-live, when nothing is billed by us yet",
            ),
            *_WRITING,
            _UNKNOWN,
            _BY,
        ),
    ),
    Command(
        "pause",
        "make no adjustment until `resume`; events are still taken in",
        "pause --customer cus_41d0",
        "deciding.pause",
        (
            _CUSTOMER,
            _a("--yes", action="store_true", help="for scripts that always give it: nothing is asked"),
            _UNKNOWN,
            _BY,
        ),
    ),
    Command(
        "resume",
        "go on after `pause`",
        "resume --customer cus_41d0",
        "deciding.resume",
        (_CUSTOMER, *_WRITING, _UNKNOWN, _BY),
    ),
    Command(
        "reconcile",
        "compare Autotask with our records, and with a file from Timus if you give one",
        "reconcile --timus-export subscriptions.csv",
        "recovering.reconcile",
        (
            _a(
                "--deep",
                action="store_true",
                help="read every row of every contract, however many calls it costs",
            ),
            _a("--last", action="store_true", help="show what the last run found, without a new one"),
            _a(
                "--timus-export",
                metavar="FILE",
                help="CSV or JSON of what the Timus portal shows; what is missing becomes events",
            ),
            _a(
                "--accept",
                metavar="ID",
                action="append",
                help="accept this suspicious row of the file, by its id; may be given again",
            ),
            _a(
                "--after-restore",
                action="store_true",
                help="the table was restored from an earlier time: pause everything first",
            ),
            *_INVOICE,
            _a(
                "--dry-run",
                action="store_true",
                help="show which adjustments would be made, and make none; what was found is kept for --last",
            ),
            _YES,
            _BY,
        ),
    ),
    Command(
        "redrive",
        "send the wake-ups in the dead-letter queue again",
        "redrive",
        "recovering.redrive",
        (*_WRITING, _BY),
    ),
    Command(
        "replay",
        "put stored events into the inbox again",
        "replay --since 2026-03-01 --parked",
        "recovering.replay",
        (
            _a(
                "--since",
                type=values.time,
                required=True,
                metavar="DAY",
                help="events that arrived from this day or time on, in the partner's zone",
            ),
            _CUSTOMER,
            _a("--parked", action="store_true", help="only those that a person has to look at"),
            *_WRITING,
            _BY,
        ),
    ),
    Command(
        "restore",
        "bring the records back to what they were at a time, with everything paused, and compare them with Autotask",
        "restore --to 2026-03-14T18:00",
        "recovering.restore",
        (
            _a(
                "--to",
                type=values.time,
                required=True,
                metavar="TIME",
                help="a day or time of the last 35 days, in the partner's zone",
            ),
            _a("--dry-run", action="store_true", help="say what would be brought back, and write nothing"),
            _YES,
            _BY,
        ),
    ),
    Command(
        "logs queries", "print queries for CloudWatch Logs Insights", "logs queries", "recovering.queries"
    ),
)

GROUPS = {
    "map": "say which contract and which service a quantity goes to",
    "credentials": "the Autotask API user",
    "webhook": "how Timus reaches this stack",
    "logs": "the functions' logs",
    "policy": "the partner's terms: dates, approval, limits, free units, prices, drift",
}

ON_THIS_MACHINE = {
    "local": "run the whole stack on this machine, until Ctrl-C",
    "demo": "run the whole product on this machine with two sample clients, and give a verdict",
}
"""These take their arguments from ``local``, which exists in a checkout only."""
