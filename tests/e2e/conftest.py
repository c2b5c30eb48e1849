# SPDX-License-Identifier: MIT
import shutil

import pytest

import world


@pytest.fixture(scope="session")
def one_engine():
    directory = world.scratch()
    engine = world.Engine(directory / "engine")
    engine.directory.mkdir()
    try:
        engine.start()
        engine.import_busybox()
        yield engine
    finally:
        engine.remove()
        shutil.rmtree(directory, ignore_errors=True)


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
