"""Every code that the compiler can report is in the manual, and the manual has no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from compiler.codes import CODES, MENDS
from tests.conftest import ROOT

CALLS = {"Finding": 1, "Fault": 2, "Diagnostic": 1, "Refusal": 1, "_Problem": 2}
"""Where the code stands among the arguments of what makes a problem."""
PASSED_ON = {"finding.code", "fault.code", "refusal.code", "problem.code", "error.code", "code"}
"""Codes that were made elsewhere, where this table finds them."""


def codes(tree: ast.AST) -> Iterator[str]:
    """The code of every problem that is made in a module."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in CALLS:
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        [code, *_] = named or node.args[CALLS[node.func.id] :]
        if isinstance(code, ast.Constant):
            yield str(code.value)
        else:
            assert ast.unparse(code) in PASSED_ON, f"{ast.unparse(node)}: write the code out, so that it can be found"


def _helpers(tree: ast.AST) -> Iterator[str]:
    """Codes that a module hands to a function of its own with a parameter `code`."""
    functions = {
        node.name: [argument.arg for argument in node.args.args].index("code")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "code" in [argument.arg for argument in node.args.args]
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            code = node.args[functions[node.func.id]]
            assert isinstance(code, ast.Constant), ast.unparse(node)
            yield str(code.value)


USED = {
    code
    for path in (ROOT / "compiler").rglob("*.py")
    for tree in [ast.parse(path.read_text(encoding="utf-8"))]
    for code in [*codes(tree), *_helpers(tree)]
}


def test_codes__every_one_that_is_used_is_in_the_manual() -> None:
    assert len(USED) > 30
    assert USED - set(CODES) == set()


def test_codes__every_one_in_the_manual_is_used() -> None:
    assert set(CODES) - USED == set()


def test_codes__are_words_in_order_with_a_meaning() -> None:
    assert list(CODES) == sorted(CODES)
    for code, meaning in CODES.items():
        assert code.replace("-", "").replace("8", "").isalpha()
        assert code == code.lower()
        assert meaning.endswith(".")
        assert len(meaning.split()) >= 5


def test_codes__each_says_what_to_do() -> None:
    assert list(MENDS) == list(CODES), "a code has its meaning in CODES and what to do about it in MENDS, both in order"
    for code, mend in MENDS.items():
        assert mend.endswith("."), code
        assert mend[0].isupper(), code


def test_codes__are_found_by_this_file() -> None:
    """The parser of this file sees all ways in which a problem is made."""
    tree = ast.parse(
        "Finding((), 'a', m)\nFault(ref, (), code='b', message=m)\nDiagnostic(place, 'c', m)\nRefusal(mark, 'd', m)\n"
    )
    assert set(codes(tree)) == {"a", "b", "c", "d"}
