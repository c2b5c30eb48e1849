/* SPDX-License-Identifier: MIT */
/* What belongs to the host, and what a restore of a unit therefore leaves alone. */
#include "common/host_path.h"
#include "tests/unit/inventory-fixture.h"

static void the_table(void **state)
{
	static const struct {
		const char *path;
		bool host, kept; /* kept: not even saved */
	} rows[] = {
		{ "/etc/passwd", true, false }, { "/etc/group", true, false }, { "/etc/shadow", true, false },
		{ "/etc/ssl", true, false }, { "/etc/ssl/certs/ca.pem", true, false }, { "/etc/ssh", true, false },
		{ "/var/log", true, false }, { "/var/log/auth.log", true, false }, { "/boot/grub", true, false },
		{ "/usr/bin/docker", true, false }, { "/etc/sudoers.d/x", true, false }, { "/lib64", true, false },
		{ "/etc/localtime", true, true }, { "/usr/share/zoneinfo/UTC", true, true }, { "/lib/modules", true, true },
		{ "/proc/1", true, true }, { "/run/docker.sock", true, true }, { "/var/lib/docker/volumes", true, true },
		{ "/var/lib/docker/overlay2/x", true, true },
		/* above */
		{ "/", true, false }, { "/etc", true, false }, { "/var", true, false }, { "/usr", true, false },
		{ "/var/lib", true, false }, { "/root", true, false }, { "/usr/local", true, false },
		/* a unit's own */
		{ "/etc/nginx", false, false }, { "/etc/letsencrypt/live", false, false }, { "/etc/passwd.d", false, false },
		{ "/srv", false, false }, { "/home/me/.ssh", false, false }, { "/opt/app", false, false },
		{ "/root/app", false, false }, { "/var/lib/postgresql", false, false }, { "/var/www", false, false },
		{ "/var/lib/docker/volumes/x/_data", false, false }, { "/var/logs", false, false }, { "/var/tmp/x", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *reason CLEANUP(freep) = host_path_reason(rows[i].path);
		const struct host_path *row = host_path_find(rows[i].path, false);
		if (!reason == rows[i].host || (row && !row->saved) != rows[i].kept)
			fail_msg("%s: %s, %s", rows[i].path, reason ? reason : "(nobody's)", row ? row->path : "(no row)");
	}
	char *above CLEANUP(freep) = host_path_reason("/etc");
	assert_contains(above, "contains /etc/");
	assert_null(host_path_find("/etc", false));
}

static struct units unit_with(struct inventory *inv, const char *mounts, const char *labels)
{
	ADD(inv, .name = "app", .mounts = mounts, .project = labels ? "shop" : NULL, .service = labels ? "app" : NULL, .labels = labels);
	return plan(inv, NULL);
}

static void what_a_restore_leaves_alone(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units u = unit_with(inv,
		"[" BIND("/etc/passwd", "/p", "false") "," BIND("/etc/ssh", "/s", "true") "," BIND("/etc", "/e", "true") "," BIND(
			"/srv/ro", "/r", "false") "," BIND("/srv/rw", "/w", "true") "," BIND("/opt/shop/conf", "/c",
			"false") "," BIND("/opt/shopping", "/x", "false") "," BIND("/elsewhere/f", "/f", "false") "]",
		"{\"com.docker.compose.project.working_dir\":\"/opt/shop\","
		"\"com.docker.compose.project.config_files\":\"/opt/shop/compose.yml,/elsewhere/more.yml\"}");

	(void)state;
	const struct unit *shop = unit_named(&u, "shop");
	assert_contains(item_named(shop, "bind:/etc")->hold, "belongs to the host");
	assert_contains(line_at(shop, "/p")->reason, "with bind:/etc");
	assert_contains(item_named(shop, "bind:/srv/ro")->hold, "only read it");
	assert_true(item_named(shop, "bind:/srv/ro")->read_only);
	assert_null(item_named(shop, "bind:/srv/rw")->hold);
	assert_null(item_named(shop, "bind:/opt/shop/conf")->hold);
	assert_null(item_named(shop, "bind:/elsewhere/f")->hold);
	assert_non_null(item_named(shop, "bind:/opt/shopping")->hold);
	assert_contains(line_at(shop, "/r")->reason, "put back only when named");
	assert_int_equal(shop->warnings.n, 0);
	units_done(&u);
	inventory_free(inv);
}

/* What a container can write stays its own, inside what a restore leaves alone. */
static void written_inside_what_is_held(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units u = unit_with(inv,
		"[" BIND("/etc", "/e", "false") "," BIND("/etc/app", "/a", "true") "," BIND("/media", "/m", "false") "," BIND(
			"/media/db", "/d", "true") "," BIND("/media/db/x", "/dx", "false") "," BIND("/media/b", "/b",
			"false") "," BIND("/twice", "/1", "false") "," BIND("/twice", "/2", "true") "]", NULL);
	const struct unit *app = unit_named(&u, "app");

	(void)state;
	assert_int_equal(app->n_items, 5);
	assert_non_null(item_named(app, "bind:/etc")->hold);
	assert_null(item_named(app, "bind:/etc/app")->hold);
	assert_non_null(item_named(app, "bind:/media")->hold);
	assert_null(item_named(app, "bind:/media/db")->hold);
	assert_contains(line_at(app, "/dx")->reason, "with bind:/media/db");
	assert_contains(line_at(app, "/b")->reason, "with bind:/media");
	assert_null(item_named(app, "bind:/twice")->hold);
	assert_false(item_named(app, "bind:/twice")->read_only);
	units_done(&u);
	inventory_free(inv);
}

/* A volume that is another name for a directory of the host is the host's too. */
static void volume_of_a_hosts_directory(void **state)
{
	struct inventory *inv = host_new("{\"Volumes\":[{\"Name\":\"keys\",\"Driver\":\"local\",\"Mountpoint\":\"/x\",\"Options\":"
					 "{\"type\":\"none\",\"o\":\"bind\",\"device\":\"/etc/ssh\"}}]}");
	struct units u = unit_with(inv, "[" VOLUME("keys", "/k", "true") "]", NULL);

	(void)state;
	assert_contains(item_named(unit_named(&u, "app"), "volume:keys")->hold, "belongs to the host");
	units_done(&u);
	inventory_free(inv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(what_a_restore_leaves_alone),
		cmocka_unit_test(written_inside_what_is_held),
		cmocka_unit_test(volume_of_a_hosts_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
