# SPDX-License-Identifier: MIT
"""Root does not copy into a recipe what others led it to (law 11)."""
import os

import test_recipe_files


def test_a_compose_file_that_became_a_link(engine, daemon, directory):
    project, secret = directory / "project", directory / "shadow"
    project.mkdir()
    secret.write_text("root:canary-shadow:1\n")
    secret.chmod(0o600)
    (project / "compose.yml").symlink_to(secret)
    (directory / "mine.yml").write_text("services: {web: {image: bb}}\n")
    (project / "more.yml").symlink_to(directory / "mine.yml")
    for entry in (project, project / "compose.yml", project / "more.yml", directory / "mine.yml"):
        os.lchown(entry, 12345, 12345)
    engine.container("shop-web-1", *test_recipe_files.labels(project, f"{project}/compose.yml,{project}/more.yml"), project="shop",
                     service="web", volumes=["data:/d"])
    unit = daemon.backup("shop", state="warnings")["units"][0]
    assert [w for w in unit["warnings"] if f"{project}/compose.yml" in w and f"leads to {secret}" in w], unit["warnings"]
    recipe = test_recipe_files.recipe_of(daemon, "shop")
    assert "canary-shadow" not in test_recipe_files.everything(recipe)
    assert os.path.exists(f"{recipe}/compose{project}/more.yml"), "one's own file by one's own link"
