"""Fault files: what they say, and the line of what they may not say."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnet.chain.chain_view import ChainView
from localnet.faults.fault_file import EXAMPLE_NAMES, load_faults, parse_faults
from localnet.faults.rule import FaultKind, FaultRule
from localnet.rpc.methods import METHOD_NAMES, rpc_methods
from localnet.testing import NodeHandle
from localnet.toml_files import MAX_BYTES, MAX_STATEMENT_LINES, TomlError, TomlFileError, read_tables
from poolkit.startup_error import StartupError


def refusal(text: str, nodes: int = 2) -> str:
    with pytest.raises(TomlFileError) as refused:
        parse_faults(text, "f.toml", nodes)
    assert str(refused.value).startswith(f"f.toml, line {refused.value.line}: ")
    return str(refused.value).removeprefix("f.toml, ")


def test_a_file_s_rules_are_its_tables() -> None:
    plan = parse_faults(
        """
        seed = 7
        [[fault]]
        kind = "status"  # too many requests
        status = 429
        probability = 0.25
        methods = [
            "sendTransaction",
            "getHealth",
        ]
        [[ fault ]]
        kind = 'answer_lost'
        every = 3
        count = 2
        from_ledger = 5
        until_ledger = 9
        nodes = [1]
        """,
        "f.toml",
        nodes=2,
    )
    assert plan.seed == 7
    assert plan.rules == (
        FaultRule(
            FaultKind.STATUS,
            line=3,
            status=429,
            probability=0.25,
            methods=frozenset({"sendTransaction", "getHealth"}),
        ),
        FaultRule(
            FaultKind.ANSWER_LOST,
            line=11,
            every=3,
            count=2,
            from_ledger=5,
            until_ledger=9,
            nodes=frozenset({1}),
        ),
    )


def test_a_file_without_rules_has_none() -> None:
    assert parse_faults("# nothing\n", "f.toml", 1).rules == ()


GARBAGE = '[[fault]]\nkind = "garbage"\n'


@pytest.mark.parametrize(
    ("text", "text_of_refusal"),
    [
        (GARBAGE + "probabilty = 1", "line 3: probabilty is no key of a garbage fault; did you mean probab"),
        (GARBAGE + "\n# why\nstatus = 500", "line 5: status is no key of a garbage fault; known are count, "),
        ("sed = 3", "line 1: sed is no key of a fault file; did you mean seed?"),
        ("\nseed = -1", "line 2: seed is -1, must be between 0 and 9223372036854775807"),
        (GARBAGE + "probability = 1.5", "line 3: probability is 1.5, must be above 0 and at most 1"),
        (GARBAGE + "probability = 0", "line 3: probability is 0, must be above 0 and at most 1"),
        (GARBAGE + "probability = nan", "line 3: probability is nan, must be above 0"),
        (GARBAGE + "probability = '1'", "line 3: probability is '1', must be a number"),
        (GARBAGE + "probability = true", "line 3: probability is true, must be a number"),
        (GARBAGE + "every = 0", "line 3: every is 0, must be between 1 and 2147483647"),
        (GARBAGE + "every = 2.0", "line 3: every is 2.0, must be a whole number"),
        (GARBAGE + "count = true", "line 3: count is true, must be a whole number"),
        (GARBAGE + "nodes = [0, 2]", "line 3: nodes[1] is 2, must be between 0 and 1"),
        (GARBAGE + "nodes = 1", "line 3: nodes is 1, must be a list of whole numbers between 0 and 1"),
        (GARBAGE + "nodes = []", "line 3: nodes is [], must be a list of"),
        (GARBAGE + "methods = [\n'getHealth',\n'getHealt']", "line 3: methods[1] is 'getHealt', must be one"),
        (
            GARBAGE + "from_ledger = 9\nuntil_ledger = 9",
            "line 4: until_ledger is 9, must be above from_ledger",
        ),
        (
            GARBAGE + "[fault.more]\nx = 1",
            "line 3: [fault.more] is unknown, every rule begins with [[fault]]",
        ),
        (GARBAGE + "a.b = 1", "line 3: a is no key of a garbage fault"),
        (GARBAGE + "count.b = 1", "line 3: count is a table, must be a whole number"),
        ("[fault]\nkind = 'garbage'", "line 1: [fault] is unknown"),
        ("\n[[fault]]\ncount = 1", "line 2: the rule has no kind"),
        ("[[fault]]\ncount = 1\nkind = 'lost'", "line 3: kind is 'lost', must be one of connection_refused,"),
        ("[[fault]]\nkind = 3", "line 2: kind is 3, must be one of"),
        ("\n\n[[fault]]\nkind = 'status'", "line 3: a status fault needs status"),
        ("[[fault]]\nkind = 'status'\nstatus = 404", "line 3: status is 404, must be one of 429, 500, 502,"),
        ("[[fault]]\nkind = 'slow'\nwall_seconds = 601", "line 3: wall_seconds is 601, must be above 0 and"),
        (
            "[[fault]]\nkind = 'try_again_later'\nmethods = ['sendTransaction']",
            "line 3: methods is no key of a try_again_later fault",
        ),
        (GARBAGE + "count = 1\ncount = 2", "line 4: Cannot overwrite a value"),
        (GARBAGE + "count = \n", "line 3: Invalid value"),
        (GARBAGE + "nodes = " + "[" * 5_000, "line 3: values are nested too deeply"),
        (GARBAGE + "methods = [", "line 3: "),
        (GARBAGE + "nodes = [\n" + "\n" * MAX_STATEMENT_LINES + "1]", "line 3: a value spans more than 100"),
        ("#" * (MAX_BYTES + 1), "line 1: the file is too long, at most 65536 bytes are read"),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_its_line(text: str, text_of_refusal: str) -> None:
    assert refusal(text).startswith(text_of_refusal)


def test_a_statement_s_line_is_where_it_begins() -> None:
    text = 'a = """\nb = 1\n[c]\n"""\n\nd = [ # [e]\n1,\n]\r\n[[f]] # g\nh = "#"\n'
    root, table = read_tables(text)
    assert {name: (at.value, at.line) for name, at in root.values.items()} == {
        "a": ("b = 1\n[c]\n", 1),
        "d": ([1], 6),
    }
    assert (table.header, table.line, table.values["h"].line) == ("[[f]]", 9, 10)


@given(st.text(st.sampled_from("ab01=[]{}.,#\"'\n\r \\t"), max_size=60))
def test_any_text_is_read_as_tomllib_does_or_refused(text: str) -> None:
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(TomlError) as refused:
            read_tables(text)
        assert 1 <= refused.value.line <= text.count("\n") + 1
    else:
        root, *others = read_tables(text)
        assert root.values.keys() <= whole.keys()
        assert others or root.values.keys() == whole.keys()


@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_the_examples_that_come_along_are_sound(name: str) -> None:
    plan = load_faults(name, nodes=1)
    assert all(rule.probability == 0.01 for rule in plan.rules)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="neither one of one_percent nor a file that can be read: No such"):
        load_faults(str(tmp_path / "none.toml"), nodes=1)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    file.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(TomlFileError, match="line 1: the file is too long, at most 65536 bytes are read"):
        load_faults(str(file), nodes=1)


def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bytes.toml"
    file.write_bytes(b"seed = 1\n# \xff\n")
    with pytest.raises(TomlFileError, match="line 2: the text is not UTF-8"):
        load_faults(str(file), nodes=1)


def test_rules_may_name_each_method_that_a_node_serves(node: NodeHandle) -> None:
    assert set(METHOD_NAMES) == set(rpc_methods(ChainView(node.chain), node.friendbot_url))
