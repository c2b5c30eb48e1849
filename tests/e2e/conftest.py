# SPDX-License-Identifier: MIT
import os
import shutil

import pytest

import rig
import world


def pytest_collection_modifyitems(items):
    """Side by side by file, each process with an engine of its own; what needs a machine with systemd in one process."""
    for item in items:
        name = item.path.stem
        item.add_marker(pytest.mark.xdist_group("systemd" if name.startswith("test_systemd") else name))


@pytest.fixture(scope="session")
def one_engine():
    with world.private_engine() as engine:
        yield engine


@pytest.fixture
def engine(one_engine):
    one_engine.clean()
    yield one_engine
    world.Daemon.end_all()
    one_engine.clean()


@pytest.fixture
def directory():
    d = world.scratch()
    yield d
    shutil.rmtree(d, ignore_errors=True)


@pytest.fixture
def daemon(engine, directory):
    """Running, with a repository."""
    d = world.Daemon(engine, directory).start().init()
    yield d


@pytest.fixture(scope="session")
def databases(one_engine):
    one_engine.import_databases()
    return "db:latest"


@pytest.fixture(scope="session")
def rig_engine():
    """Its own dockerd: the other tests remove every container of theirs. With KOPI_DOCKA_RIG=DIR it stays there, machines and
    all, for the next run: half a minute less while one writes a test."""
    if os.environ.get("KOPI_DOCKA_RIG"):
        yield rig.kept(os.environ["KOPI_DOCKA_RIG"])
        return
    directory = world.scratch()
    engine = world.Engine(directory / "engine")
    engine.directory.mkdir()
    try:
        engine.start()
        rig.prepare(engine)
        yield engine
    finally:
        engine.remove()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def one_machine(rig_engine):
    m = rig.Machine(rig_engine, "machine")
    return m.clean().install() if m.exists() else m.create().install().initialise()


@pytest.fixture
def machine(one_machine):
    """Debian with systemd, our units installed, an empty repository; nothing enabled, nothing running."""
    one_machine.clean().restore_template()
    yield one_machine
    one_machine.let_go()
