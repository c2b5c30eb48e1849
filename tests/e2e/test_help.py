# SPDX-License-Identifier: MIT
"""What the program says about itself. No daemon is needed for that."""
import re
import shutil

import pytest

import world


@pytest.fixture(params=["kopi-docka", "kopi-dockactl"])
def program(request, tmp_path):
    path = tmp_path / request.param
    shutil.copy(world.BUILD / "client/kopi-dockactl", path)
    return path


def test_every_verb_has_help(program):
    text = world.run(program, "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    verbs = re.findall(r"^  ([a-z][a-z-]*) ", text, re.M)
    assert {"init", "list", "backup", "restore", "doctor", "status", "history"} <= set(verbs)
    for verb in verbs:
        behind, before = world.run(program, verb, "--help", check=False), world.run(program, "--help", verb)
        assert before.stdout.startswith(f"usage: {program.name} {verb}")
        # what is handed through to another program is that program's to explain
        assert behind.stdout == before.stdout or "kopia" == verb
        examples = before.stdout.partition("\nexamples:\n")[2].splitlines()
        assert examples and all(e.startswith(f"  {program.name} {verb}") for e in examples), verb
        options = re.findall(r"^  (--[a-z-]+(?: [A-Z_]+)?) +(\S.*)$", before.stdout, re.M)
        assert len(options) >= 5 and all(len(text) > 5 for _, text in options), verb


@pytest.mark.parametrize("argv,said", [
    (["bakup"], "did you mean backup?"), (["backup", "--dryrun"], "did you mean --dry-run?"), (["list", "--untis"], "did you mean --units?"),
    (["--jsn", "status"], "did you mean --json?"), (["xyzzy"], "there is no verb 'xyzzy'\n"), (["backup", "--target", "x"], "no option '--target' for backup"),
    (["backup", "--unit"], "--unit needs a value"), (["backup", "--dry-run=yes"], "--dry-run takes no value"), (["history", "--limit", "many"], "whole number, not 'many'"),
    (["restore", "a", "b", "c"], "unexpected word 'c'"), (["cancel"], "cancel needs JOB"), (["cancel", "x"], "the number of a job"),
    (["list"], "--units or --restore-points")])
def test_what_is_wrong_is_named(program, argv, said):
    r = world.run(program, *argv, check=False)
    assert r.returncode == 2 and said in r.stderr and not r.stdout
    assert "--help" in r.stderr or "needs a" in r.stderr or "takes no" in r.stderr


def test_version(program):
    assert re.fullmatch(r"kopi-dockactl \d+\.\d+\.\d+\n", world.run(program, "--version").stdout)


def test_manual_page_has_every_verb_and_option(program):
    page = (world.TOP / "docs/kopi-dockactl.1").read_text()
    text = world.run(program, "--help").stdout
    for verb in re.findall(r"^  ([a-z][a-z-]*) ", text, re.M):
        assert re.search(rf"^\.It Cm .*\b{verb}\b", page, re.M), verb
        for option in re.findall(r"^  --([a-z-]+)", world.run(program, "--help", verb).stdout, re.M):
            assert option in ("help", "version") or re.search(rf"\bFl -{option}\b", page), f"{verb} --{option}"
