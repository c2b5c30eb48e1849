# SPDX-License-Identifier: MIT
"""An item whose mount left with the container that made it: empty is not its content (law 5)."""
import pytest

import world


@pytest.fixture
def mount_point(directory):
    source = directory / "shared"
    source.mkdir()
    world.run("mount", "--bind", source, source)
    world.run("mount", "--make-rshared", source)
    (source / "inner").mkdir()
    yield source / "inner"
    world.run("umount", "-R", "-l", source, check=False)


@pytest.mark.parametrize("method", ["stream", "spool"])
def test_mount_leaves_with_the_container(engine, daemon, mount_point, method):
    outer = mount_point.parent
    command = f'mount -t tmpfs none {mount_point}; echo x > {mount_point}/f; trap "umount {mount_point}; exit 0" TERM; ' \
        'while :; do sleep 0.1; done'
    engine.container("shop-mounter-1", "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt",
                     "apparmor=unconfined", "--mount", f"type=bind,src={outer},dst={outer},bind-propagation=rshared",
                     project="shop", service="mounter", command=command)
    world.until(lambda: (mount_point / "f").exists(), "it is mounted")
    engine.container("shop-user-1", "-v", f"{mount_point}:/data", project="shop", service="user", volumes=["shopdata:/own"],
                     depends_on="mounter:service_started:false")
    engine.sh("shop-user-1", "echo x > /own/f")
    daemon.stop()
    daemon.configure(backup__method=method)
    daemon.start()
    before = engine.all_states()
    unit = daemon.backup("shop", state="failed")["units"][0]
    assert any("empty now" in e and str(mount_point) in e for e in unit["errors"]), unit
    assert unit["data"] == "partial" and engine.all_states() == before
    point = daemon.call("ListRestorePoints")["parameters"]["restore_points"][0]
    assert not point["complete"] and f"bind:{mount_point}" in point["missing"]
    assert "volume:shopdata" in point["items"]
