"""Every fact that is planted in the month of the sandbox is in one answer of a workflow.

For each of fifty start times, an emulator has its whole month, as with `--sandbox`, and each
workflow is called once through MCP. What is planted is read from the recipe of the month and from
its stored requests: neither analytics nor the client is asked for the truth.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median

import pytest

from months import client_of
from organisations import start_times
from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import instant
from portkey_admin_mcp.emulator.shared.prices import price
from portkey_admin_mcp.emulator.traffic.month import RECIPES, REQUESTS
from portkey_admin_mcp.emulator.traffic.plan import DAY_MS, DAYS, plan_until
from portkey_admin_mcp.emulator.traffic.requests import database
from portkey_admin_mcp.emulator.traffic.units import UNITS_PER_DOLLAR
from servers import CLIENTS
from workflow_answers import MAX_TOKENS, check_sums, o200k, usd

pytestmark = pytest.mark.long

UNUSED_DAYS = 14
PACE_DAYS = 7
CALLS_MODELS = "completions.write"
CENT = Decimal("0.01")


class Month:
    """The month of an emulator that starts at a time, and the requests that are stored in it."""

    def __init__(self, end):
        self.end = end
        self.emulator = Emulator("acme", lambda: end)
        self.recipe = self.emulator.store.table(RECIPES)["month"]
        self.sources = self.recipe["sources"]
        self.plan = plan_until(end)
        (self.spending,) = [each for each in self.sources if "spender" in each]
        self.spender = self.spending["spender"]
        self.budget = next(
            budget
            for budget in self.recipe["budgets"]
            if budget["workspace_id"] == self.spending["workspace_id"]
        )

    def rows(self, table):
        return self.emulator.store.table(table).rows()

    def row(self, table, **fields):
        (row,) = [each for each in self.rows(table) if fields.items() <= each.items()]
        return row

    def query(self, columns, where="1", *values, group=""):
        sql = f"select {columns} from requests where {where} {group and f'group by {group}'}"
        return database(self.emulator.store).execute(sql, values).fetchall()

    def by(self, column, what, where="1", *values):
        """A figure of the stored requests for each value of a column."""
        return dict(self.query(f"{column}, {what}", where, *values, group=column))

    def spent(self, where="1", *values):
        """The cost of stored requests in USD."""
        ((units,),) = self.query("coalesce(sum(cost), 0)", where, *values)
        return Decimal(units) / UNITS_PER_DOLLAR

    def last(self, column, value):
        """The time of the last request that names something, as answers write times."""
        ((at,),) = self.query("max(created_at)", f"{column} = ?", value)
        return written(datetime.fromtimestamp(at / 1000, UTC))

    def slug(self, workspace_id):
        return self.row("workspaces", id=workspace_id)["slug"]

    def provider(self):
        return self.row("virtual_keys", slug=self.spending["virtual_key"])

    def calls(self):
        """The one call of each workflow."""
        return {
            "explain_cost": {},
            "find_stale": {"days": UNUSED_DAYS},
            "find_access": {"person": self.spender},
            "list_budgets": {},
            "find_references": {"text": self.provider()["name"]},
        }


def written(at):
    return at.strftime("%Y-%m-%dT%H:%MZ")


def milliseconds(at):
    return int(at.timestamp() * 1000)


def percent(part, total):
    return pytest.approx(float(part) * 100 / float(total), abs=0.051)


def check_spike(month, answers):
    """Its day, workspace, person, model and key, with their shares of its cost; and its cause."""
    (spike,) = answers["explain_cost"]["spikes"]
    start = month.plan.start + month.plan.spike_day * DAY_MS
    day = "created_at >= ? and created_at < ?", start, start + DAY_MS
    support = f"{day[0]} and workspace_id = ?", *day[1:], month.spending["workspace_id"]
    assert spike["day"] == datetime.fromtimestamp(start / 1000, UTC).date().isoformat()
    assert spike["workspace"] == month.slug(month.spending["workspace_id"])
    assert abs(usd(spike["cost"]) - month.spent(*day)) < CENT
    assert spike["workspace_percent"] == percent(month.spent(*support), month.spent(*day))

    ((count, tokens),) = month.query("count(*), sum(total_units)", *support)
    assert spike["workspace_requests"] == count
    assert spike["workspace_tokens_per_request"] == round(tokens / count)
    # The planted cause: prompts are many times as long as usual, and not more of them.
    before = answers["explain_cost"]["before"]
    assert spike["workspace_tokens_per_request"] > 10 * before["tokens_per_request"]

    dearest = max(month.spending["models"], key=lambda model: price(model, 1_000, 0))
    most = spike["most_of_that"]
    for name, column, planted in (
        ("person", "user", month.spender),
        ("model", "ai_model", dearest),
        ("api_key", "api_key_id", month.spending["api_key_id"]),
    ):
        costs = month.by(column, "sum(cost)", *support)
        assert most[name] == planted == max(costs, key=costs.__getitem__)
        assert most[f"{name}_percent"] == percent(costs[planted], sum(costs.values()))
    assert most["api_key_name"] == month.row("api_keys", id=most["api_key"])["name"]


def check_usual_day(month, answers):
    """How many times as much as the median day the spike cost."""
    answer = answers["explain_cost"]
    (spike,) = answer["spikes"]
    since, until = answer["before"]["start"], answer["after"]["end"]
    period = [milliseconds(datetime.fromisoformat(each)) for each in (since, until)]
    days = month.by(
        f"(created_at - {month.plan.start}) / {DAY_MS}",
        "sum(cost)",
        "created_at >= ? and created_at < ?",
        *period,
    )
    times = days[month.plan.spike_day] / median(days.values())
    assert spike["times_usual"] == pytest.approx(times, abs=0.051)


def check_difference(month, answers):
    """All lists add up to the difference, to the cent; the totals are those of stored requests."""
    answer = answers["explain_cost"]
    check_sums(answer)
    for period in (answer["before"], answer["after"]):
        since, until = (datetime.fromisoformat(period[side]) for side in ("start", "end"))
        between = "created_at >= ? and created_at < ?", milliseconds(since), milliseconds(until)
        ((count, tokens),) = month.query("count(*), sum(total_units)", *between)
        assert usd(period["cost"]) == round(month.spent(*between), 2)
        assert period["requests"] == count
        assert period["tokens_per_request"] == round(tokens / count)
        side = "after" if period is answer["after"] else "before"
        for name, column in (("person", "user"), ("model", "ai_model"), ("api_key", "api_key_id")):
            for row in answer[f"by_{name}"]:
                cost = month.spent(f"{column} = ? and {between[0]}", row[name], *between[1:])
                assert abs(usd(row[side]) - cost) < CENT
    assert answer["by_person"][0]["person"] == month.spender
    assert "more" not in answer  # all groups are shown


def check_deleted_key(month, answers):
    """The key that is deleted has costs, no name, and a note."""
    answer = answers["explain_cost"]
    existing = {row["id"] for row in month.rows("api_keys")}
    (deleted,) = {source["api_key_id"] for source in month.sources} - existing
    nameless = [row["api_key"] for row in answer["by_api_key"] if "name" not in row]
    assert nameless == [deleted]
    assert any("without a name is deleted" in note for note in answer["notes"])


def check_stale_key(month, answers):
    """The key whose requests ended long ago, with its last use; all other sources are used."""
    answer = answers["find_stale"]
    existing = {row["id"]: row["name"] for row in month.rows("api_keys")}
    ended = {s["api_key_id"] for s in month.sources if s["last_day"] < DAYS - 1 - UNUSED_DAYS}
    (stale,) = answer["api_keys"]
    assert {stale["id"]} == ended & existing.keys()
    assert stale["name"] == existing[stale["id"]]
    assert stale["last_used"] == month.last("api_key_id", stale["id"])
    sources = {s["api_key_id"] for s in month.sources} & existing.keys()
    counts = answer["totals"]["api_keys"]
    assert (counts["stale"], counts["used"]) == (1, len(sources) - 1)
    assert sum(counts.values()) == len(existing)


def check_over_scoped_keys(month, answers):
    """The keys that only call models, and have other scopes: with what they use, and when last."""
    keys = {row["id"]: row for row in month.rows("api_keys")}
    planted = {
        source["api_key_id"]
        for source in month.sources
        if {*keys.get(source["api_key_id"], {}).get("scopes", ())} > {CALLS_MODELS}
    }
    rows = {r["id"]: r for r in answers["find_stale"]["scopes"] if r.get("only_calls_models")}
    assert {*rows} == planted
    assert "Dashboard" in {row["name"] for row in rows.values()}
    for own_id, row in rows.items():
        assert row["scopes"] == len(keys[own_id]["scopes"])
        assert row["in_use"] == [CALLS_MODELS]
        assert row["not_needed"] + row["cannot_tell"] + len(row["in_use"]) == row["scopes"]
        assert row["last_call"] == month.last("api_key_id", own_id)


def check_exhausted_person(month, answers):
    """The person whose budget is used up is first and alone; the others' use is as stored."""
    answer = answers["list_budgets"]
    since, limit = month.budget["since"], Decimal(month.budget["limit"]) / UNITS_PER_DOLLAR
    policy = month.row("usage_limits", workspace_id=month.budget["workspace_id"])
    (group,) = policy["group_by"]
    support = "workspace_id = ? and created_at >= ?", month.budget["workspace_id"]
    users = month.by("user", "sum(cost)", *support, since)
    spent = {user: Decimal(units) / UNITS_PER_DOLLAR for user, units in users.items()}
    assert [user for user in spent if spent[user] >= limit] == [month.spender]

    first = answer["data"][0]
    assert first["group"] == f"{group['key']}:{month.spender}"
    assert (first["runs_out"], first["limit"], first["unit"]) == ("exhausted", limit, "USD")
    assert answer["exhausted"] == 1
    rows = {row["group"]: row for row in answer["data"] if row["kind"] == "usage_limit"}
    assert {*rows} == {f"{group['key']}:{user}" for user in spent}
    for name, row in rows.items():
        user = name.partition(":")[2]
        assert usd(row["used"]) == round(spent[user], 2)
        assert row["resets"] == written(instant(policy["next_usage_reset_at"]))
        check_pace(month, row, "user = ? and workspace_id = ?", user, policy["workspace_id"])


def check_other_budgets(month, answers):
    """The budgets of keys and workspaces: what is used of them since the first."""
    rows = {r["id"]: r for r in answers["list_budgets"]["data"] if r["kind"] != "usage_limit"}
    limits = {}
    for row in month.rows("api_keys"):
        if row["usage_limits"]:
            limits[row["id"]] = "api_key_id", row["id"], row["usage_limits"]
    for row in month.rows("workspaces"):
        for each in row["usage_limits"] or ():
            limits[row["slug"]] = "workspace_id", row["id"], each
    assert {*rows} == {*limits}
    first = month.end.replace(day=1, hour=0, minute=0)
    for own_id, (column, value, limit) in limits.items():
        row = rows[own_id]
        since = f"{column} = ? and created_at >= ?", value, milliseconds(first)
        assert limit["periodic_reset"] == "monthly"
        assert row["limit"] == limit["credit_limit"]
        assert usd(row["used"]) == pytest.approx(round(month.spent(*since), 2), abs=CENT)
        assert row["resets"] == written((first + timedelta(days=32)).replace(day=1))
        check_pace(month, row, f"{column} = ?", value)


def check_pace(month, row, where, *values):
    """The pace of the last week, and when the limit runs out at it."""
    week = milliseconds(month.end - timedelta(days=PACE_DAYS))
    pace = month.spent(f"{where} and created_at >= ?", *values, week) / PACE_DAYS
    assert usd(row["pace_per_day"]) == pytest.approx(pace, abs=CENT)
    remaining, reset = usd(row["limit"]) - usd(row["used"]), datetime.fromisoformat(row["resets"])
    if remaining <= 0:
        assert row["runs_out"] == "exhausted"
    elif (out := month.end + timedelta(days=float(remaining / pace))) <= reset:
        # The amounts in the answer are rounded to cents, and the time to the hour.
        assert abs(datetime.fromisoformat(row["runs_out"]) - out) < timedelta(hours=1.1)
    elif row["limit"] > 31 * pace:
        assert row["runs_out"] == "never at this pace"
    else:
        assert datetime.fromisoformat(row["runs_out"]) > reset


def check_access(month, answers):
    """The spender's workspaces with their roles, and the keys that are used in their name."""
    answer = answers["find_access"]
    person = month.row("users", email=month.spender)
    memberships = [row for row in month.rows("members") if row["user_id"] == person["id"]]
    roles = {row["workspace"]: row["role"] for row in answer["workspaces"]}
    assert answer["person"]["id"] == person["id"]
    assert roles == {month.slug(row["workspace_id"]): row["role"] for row in memberships}
    uses = month.query("api_key_id, count(*)", "user = ?", month.spender, group="api_key_id")
    shown = {row["id"]: row for row in answer["api_keys"]}
    assert {name: row["requests_in_their_name"] for name, row in shown.items()} == dict(uses)
    assert [name for name, _count in uses] == [month.spending["api_key_id"]]
    ((at,),) = month.query("max(created_at)", "user = ?", month.spender)
    for row in shown.values():
        assert row["last"] == written(datetime.fromtimestamp(at / 1000, UTC))


def check_references(month, answers):
    """Every stored object that names the provider of the spike, with its last use."""
    answer = answers["find_references"]
    provider = month.provider()
    (target,) = answer["names"]
    assert (target["id"], target["name"]) == (provider["slug"], provider["name"])
    assert target["last_used"] == month.last("virtual_key", provider["slug"])
    naming = {
        row.get("parent_id", row["id"])
        for table in month.emulator.store.table_names()
        if not table.startswith("_") and table != "virtual_keys"
        for row in month.rows(table)
        if provider["slug"] in json.dumps(row)
    }
    slugs = {
        (table, row["slug"]): column
        for table, column in (("configs", "config"), ("prompts", "prompt_slug"))
        for row in month.rows(table)
        if row["id"] in naming
    }
    assert len(slugs) == len(naming) == answer["total"]
    assert {(row["kind"], row["id"]) for row in answer["references"]} == {*slugs}
    for row in answer["references"]:
        assert row["where"]
        assert row["last_used"] == month.last(slugs[row["kind"], row["id"]], row["id"])


FACTS = (
    check_spike,
    check_usual_day,
    check_difference,
    check_deleted_key,
    check_stale_key,
    check_over_scoped_keys,
    check_exhausted_person,
    check_other_budgets,
    check_access,
    check_references,
)


@pytest.mark.parametrize("end", start_times(50), ids=datetime.isoformat)
async def test_each_planted_fact_is_in_the_answer_to_one_call(end, call, subtests):
    month = Month(end)
    CLIENTS[:] = [client_of(month.emulator)]
    assert month.query("count(*)") == [(REQUESTS,)]
    answers = {}
    for tool, arguments in month.calls().items():
        month.emulator.log.clear()
        result = await call(tool, arguments)
        with subtests.test(tool):
            text = result.content[0].text
            assert not result.is_error, text
            assert len(o200k().encode(text)) <= MAX_TOKENS
            check_source(result.structured_content, month.emulator.log)
        answers[tool] = result.structured_content

    for check in FACTS:
        with subtests.test(check.__name__):
            check(month, answers)


def check_source(answer, requests):
    """Check that an answer has seen everything, and says by how many reads."""
    assert answer["not_seen"] == []
    reads = re.findall(r"\w+(?: ×(\d+))?", answer["known_by"])
    assert sum(int(count or 1) for count in reads) == len(requests)
