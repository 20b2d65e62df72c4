"""What a config may hold that nobody means well: values, pieces of YAML, and words of expressions."""

from __future__ import annotations

from typing import Any

TOUCH = "touch executed"
"""A command that leaves a file behind wherever a shell or Python takes a text for code."""

# fmt: off
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -0.0, float("inf"), float("nan"), 10**30, 10**400, "", " ", "x" * 100_000, "é" * 3000,
    "\x1b]0;OWNED\x07", "a\nb: c", "a\0b", "\u202egpj.exe", "../../../../etc/passwd", "/dev/zero", "/dev/random",
    "/proc/self/mem", "pipe", "/", ".", "~", "http://127.0.0.1:9/x.mp4", "concat:a.mp4|b.mp4", "pipe:0",
    "file:landscape.jpg", [], {}, [[]], [1] * 10_001, {"a": {"b": {"c": {}}}}, "1e400s", "9" * 5000 + "h", "-5s",
    "0/0", "1/0", "%n%s%x", "f/%d%d.png", "%05d.png", "%99999999999d.png", "{name}", "{0.__class__}",
    f"__import__('os').system('{TOUCH}')", f"$({TOUCH})", f"`{TOUCH}`", f"; {TOUCH}", f"| {TOUCH}", "${HOME}",
    "a.mp4; rm -rf x", "-rf", "--set", "[red]bold[/red]", "2020-01-01", "0x7f", "1_000", "1:30:99",
    "0.1+" * 200 + "1", "((((((((((1))))))))))", "9**9**9**9", {"keys": {"0s": 1, "-5%": 2, "999h": 3}},
    {"keys": {}, "ease": 7},
)
SNIPPETS = (
    f"!!python/object/apply:os.system ['{TOUCH}']", "!!python/name:os.system", "!!binary aGVsbG8=", "!x y", "&a [*a]",
    "*missing", "&x [*x, *x]", "? [a]\n: b", "<<: {a: 1}", "\t- x", "\0", "\ufeff", "\u2028", "{" * 400, "[" * 3000,
    "- " * 500, "'", '"\\x1b[31m"', "|\n", ">-\n", "%YAML 9.9\n---", "---\n", "...", "a: 1\na: 2",
    "extends: trial.yaml", "extends: pipe", "extends: /dev/zero", "seed: 1\nseed: 2",
    "network: {python: evil.py:make}", "network: {weights: evil.pth}",
    "l: &l [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in ("lm", "mn", "no", "op", "pq")),
)
WORDS = (
    "t", "frame", "frames", "u", "fps", "seed", "pi", "e", "tau", "1", "0.1", "2.5", "0", "1e308", "-1", "1e-320",
    "9" * 400, "True", "t/0", "__import__", "os", "''", "lambda: 1", "[1]", "{}", "x", "self.__class__", "print",
    "open('x')", "1j", "0x10", "1_0", "f'{t}'", "b''", "...", "None", "t.real", "t[0]", "*t", "(t,)", "(y:=1)",
    "await t", "yield", "\\", "#", "é", "\x1b[31m",
)
FITTING = 12
"""So many of the words, from the first on, may stand in an expression."""
CALLS = ("eval", "exec", "getattr", "print", "__import__", "sum", "range", "sin().x", "Sin")
OPERATORS = (
    "+", "-", "*", "/", "//", "%", "**", "<", ">", "==", "!=", " and ", " or ", " if t else ", " in ", " is ", "@",
    "<<", "|", ",", ":=",
)
FITTING_OPERATORS = 14
KEYS = (
    "seed", "seed", "camera.zoom", "color.hold", "dream.steps", "dream", "objective.0.layer", "objective.5.layer",
    "size", "matrix", "output", "extends", "camera.pan.1", "x", "",
)
OUTPUTS = (
    "{seed}.mp4", *["{number}.mp4"] * 4, "{name}", "{}", "{seed", "a.mp4", "{a.__class__}", "x/{camera.zoom}.mp4",
)
PLAIN = ("1", "0.5", "[320, 180]", "2s", "mixed4c", "auto", "wrap")
# fmt: on
