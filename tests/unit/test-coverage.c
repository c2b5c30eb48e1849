/* SPDX-License-Identifier: MIT */
/* What becomes of every mount: items, skips, refusals, nesting. */
#include "tests/unit/inventory-fixture.h"

#define VOLUMES                                                                                               \
	"{\"Volumes\":["                                                                                      \
	"{\"Name\":\"data\",\"Driver\":\"local\",\"Mountpoint\":\"/var/lib/docker/volumes/data/_data\"},"     \
	"{\"Name\":\"quota\",\"Driver\":\"local\",\"Mountpoint\":\"/var/lib/docker/volumes/quota/_data\","    \
	"\"Options\":{\"o\":\"size=1G\"}},"                                                                   \
	"{\"Name\":\"www\",\"Driver\":\"local\",\"Mountpoint\":\"/var/lib/docker/volumes/www/_data\","        \
	"\"Options\":{\"type\":\"none\",\"o\":\"rw,bind\",\"device\":\"/srv/www/\"}},"                        \
	"{\"Name\":\"repo\",\"Driver\":\"local\",\"Mountpoint\":\"/x\","                                      \
	"\"Options\":{\"type\":\"none\",\"o\":\"rbind\",\"device\":\"/repo/sub\"}},"                          \
	"{\"Name\":\"memory\",\"Driver\":\"local\",\"Mountpoint\":\"/x\",\"Options\":{\"type\":\"tmpfs\"}},"  \
	"{\"Name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","                     \
	"\"Driver\":\"local\",\"Mountpoint\":\"/var/lib/docker/volumes/aa/_data\"},"                          \
	"{\"Name\":\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\","                     \
	"\"Driver\":\"local\",\"Mountpoint\":\"/var/lib/docker/volumes/bb/_data\"}]}"
#define ANON_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ANON_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* One standalone container "app" with ${mounts}; our paths are /repo and /var/lib/kopi-docka.
 */
struct world {
	struct inventory *inv;
	struct plan_options options;
	struct units units;
	const struct unit *u;
};

static void world_plan(struct world *w, const char *mountinfo)
{
	w->options.mountinfo = mountinfo;
	strv_add(&w->options.forbidden, "/repo");
	strv_add(&w->options.forbidden, "/var/lib/kopi-docka/");
	strv_add(&w->options.forbidden, "not-absolute");
	w->units = plan(w->inv, &w->options);
	w->u = &w->units.v[0];
}

static void world_with(struct world *w, const char *mounts, const char *mountinfo)
{
	*w = (struct world){ .inv = host_new(VOLUMES) };
	ADD(w->inv, .name = "app", .mounts = mounts);
	world_plan(w, mountinfo);
}

static void world_done(struct world *w)
{
	units_done(&w->units);
	strv_done(&w->options.forbidden);
	inventory_free(w->inv);
}

static void volumes_and_binds(void **state)
{
	struct world w;
	const struct item *i;

	(void)state;
	world_with(&w,
		"[" VOLUME("data", "/d", "true") "," VOLUME("quota", "/q", "false") "," VOLUME(
			"www", "/w", "true") "," BIND("/home/../home//u/./x/", "/h",
			"false") "]",
		NULL);
	assert_null(w.u->refused);
	assert_int_equal(w.u->n_items, 4);
	i = item_named(w.u, "volume:data");
	assert_string_equal(i->path, "/var/lib/docker/volumes/data/_data");
	assert_string_equal(i->volume, "data");
	assert_int_equal(i->size_bytes, -1);
	assert_int_equal(i->forecast_ms, -1);
	assert_non_null(item_named(w.u, "volume:quota"));
	i = item_named(w.u, "volume:www");
	assert_string_equal(i->path, "/srv/www");
	assert_false(i->on_demand);
	i = item_named(w.u, "bind:/home/u/x");
	assert_int_equal(i->kind, ITEM_BIND);
	assert_null(i->volume);
	assert_int_equal(w.u->n_coverage, 4);
	assert_true(line_at(w.u, "/h")->saved);
	assert_string_equal(line_at(w.u, "/h")->source, "/home/../home//u/./x/");
	assert_contains(line_at(w.u, "/h")->reason, "put back only when named");
	assert_string_equal(line_at(w.u, "/d")->container, "app");
	assert_int_equal(w.u->warnings.n, 0);
	world_done(&w);
}

static void hosts_own_paths_are_skipped(void **state)
{
	static const char *const sources[] = { "/proc", "/proc/sys", "/sys/fs/cgroup",
		"/dev/dri", "/run", "/run/x", "/var/run/docker.sock", "/var/run",
		"/etc/localtime", "/etc/timezone", "/etc/resolv.conf", "/etc/hosts",
		"/etc/hostname", "/lib/modules", "/lib/modules/6", "/var/lib/docker",
		"/var/lib/docker/containers", "/var/lib/docker/volumes",
		"/var/lib/docker/" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		CLEANUP(freep)
		char *mounts = xasprintf(
			"[{\"Type\":\"bind\",\"Source\":\"%s\",\"Destination\":\"/x\","
			"\"RW\":true}]",
			sources[i]);
		struct world w;

		world_with(&w, mounts, NULL);
		assert_int_equal(w.u->n_items, 0);
		assert_false(line_at(w.u, "/x")->saved);
		assert_non_null(line_at(w.u, "/x")->reason);
		assert_null(w.u->refused);
		assert_int_equal(w.u->warnings.n, 0);
		world_done(&w);
	}
}

static void ordinary_places_are_not_dropped(void **state)
{
	static const char *const sources[] = { "/etc", "/etc/nginx", "/etc/localtime.d",
		"/process", "/devel", "/runner", "/home", "/opt/x.sockets", "/var/lib/dockerx",
		"/var/lib/docker/volumes/data/_data", "/var/runx", "/srv", "/srv/my.sock",
		"/srv/a.socket", "/etc/passwd", "/var/log" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		CLEANUP(freep)
		char *mounts = xasprintf(
			"[{\"Type\":\"bind\",\"Source\":\"%s\",\"Destination\":\"/x\"}]",
			sources[i]);
		CLEANUP(freep) char *id = xasprintf("bind:%s", sources[i]);
		struct world w;

		world_with(&w, mounts, NULL);
		assert_non_null(item_named(w.u, id));
		assert_null(w.u->refused);
		world_done(&w);
	}
}

static void our_own_paths_are_refused(void **state)
{
	static const struct {
		const char *source;
		bool rw, unit;
		const char *reason;
	} table[] = {
		{ "/repo", true, false, "lies in /repo" },
		{ "/repo/p", true, false, "lies in /repo" },
		{ "/var/lib/kopi-docka", false, false, "lies in /var/lib/kopi-docka" },
		{ "/var/lib", true, true, "contains /var/lib/kopi-docka" },
		{ "/var/lib", false, false, "contains /var/lib/kopi-docka" },
		{ "/", true, true, "contains /repo" },
		{ "/", false, false, "contains /repo" },
		{ "/..//", false, false, "contains /repo" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(freep)
		char *mounts = xasprintf(
			"[{\"Type\":\"bind\",\"Source\":\"%s\",\"Destination\":\"/x\","
			"\"RW\":%s}]",
			table[i].source, table[i].rw ? "true" : "false");
		struct world w;

		world_with(&w, mounts, NULL);
		assert_int_equal(w.u->n_items, 0);
		assert_contains(line_at(w.u, "/x")->reason, "refused: ");
		assert_contains(line_at(w.u, "/x")->reason, table[i].reason);
		assert_int_equal(w.u->refused != NULL, table[i].unit);
		bool looks_at_the_host = starts_with(table[i].source, "/.") || streq(table[i].source, "/");
		assert_int_equal(w.u->warnings.n, table[i].unit || looks_at_the_host ? 0 : 1);
		world_done(&w);
	}
}

static void root_without_anything_of_ours(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units u;

	(void)state;
	ADD(inv, .name = "app", .mounts = "[" BIND("/", "/x", "true") "]");
	u = plan(inv, NULL);
	assert_contains(line_at(&u.v[0], "/x")->reason, "the whole host");
	assert_null(u.v[0].refused);
	assert_int_equal(u.v[0].warnings.n, 1);
	units_done(&u);
	free(inv->engine.root_dir);
	inv->engine.root_dir = xstrdup("/data/engine");
	free(inv->containers[0].mounts[0].source);
	inv->containers[0].mounts[0].source = xstrdup("/data");
	u = plan(inv, NULL);
	assert_contains(line_at(&u.v[0], "/x")->reason, "contains the engine's directory");
	assert_non_null(u.v[0].refused);
	units_done(&u);
	/* an engine that lives in "/" would make everything its own */
	free(inv->engine.root_dir);
	inv->engine.root_dir = xstrdup("/");
	u = plan(inv, NULL);
	assert_non_null(item_named(&u.v[0], "bind:/data"));
	units_done(&u);
	inventory_free(inv);
}

static void volumes_on_our_own_paths(void **state)
{
	struct world w;

	(void)state;
	world_with(&w, "[" VOLUME("repo", "/x", "true") "," VOLUME("memory", "/m", "true") "]",
		NULL);
	assert_int_equal(w.u->n_items, 0);
	assert_contains(line_at(w.u, "/x")->reason, "lies in /repo");
	assert_string_equal(line_at(w.u, "/m")->kind, "tmpfs");
	assert_null(w.u->refused);
	world_done(&w);
}

static void other_kinds(void **state)
{
	static const char *const table[][2] = { { "tmpfs", "memory" }, { "npipe", "pipe" },
		{ "image", "image" }, { "cluster", "cluster" }, { "future", "future" } };
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(freep)
		char *mounts =
			xasprintf("[{\"Type\":\"%s\",\"Destination\":\"/x\"}]", table[i][0]);

		world_with(&w, mounts, NULL);
		assert_int_equal(w.u->n_items, 0);
		assert_contains(line_at(w.u, "/x")->reason, table[i][1]);
		assert_int_equal(w.u->warnings.n, i < 3 ? 0 : 1);
		world_done(&w);
	}
	world_with(
		&w, "[{},{\"Type\":\"bind\",\"Source\":\"rel\",\"Destination\":\"/r\"}]", NULL);
	assert_contains(w.u->refused, "no absolute path");
	assert_int_equal(w.u->n_coverage, 2);
	world_done(&w);
}

static void tmpfs_of_host_config(void **state)
{
	struct world w = { .inv = host_new(NULL) };

	(void)state;
	ADD(w.inv, .name = "app", .host = "{\"Tmpfs\":{\"/a\":\"\",\"/b\":\"\"}}",
		.mounts = "[{\"Type\":\"tmpfs\",\"Destination\":\"/b\"}]");
	world_plan(&w, NULL);
	assert_int_equal(w.u->n_coverage, 2);
	assert_string_equal(line_at(w.u, "/a")->kind, "tmpfs");
	world_done(&w);
}

static void one_place_is_one_item(void **state)
{
	struct world w;

	(void)state;
	world_with(&w,
		"[" BIND("/srv", "/a", "true") "," BIND("/srv/x/y", "/b", "true") "," VOLUME(
			"www", "/c", "true") "," BIND("/srv-other", "/d",
			"true") "," BIND("/srv/", "/e", "false") "," VOLUME("data", "/f",
			"true") "," BIND("/var/lib/docker/volumes/"
					 "data/_data",
			"/g", "true") "]",
		NULL);
	assert_int_equal(w.u->n_items, 3);
	assert_non_null(item_named(w.u, "bind:/srv"));
	assert_non_null(item_named(w.u, "bind:/srv-other"));
	assert_non_null(item_named(w.u, "volume:data"));
	assert_true(line_at(w.u, "/b")->saved);
	assert_string_equal(line_at(w.u, "/b")->reason, "with bind:/srv");
	assert_string_equal(line_at(w.u, "/c")->reason, "with bind:/srv");
	assert_null(line_at(w.u, "/e")->reason);
	assert_true(line_at(w.u, "/g")->saved);
	world_done(&w);
}

static void members_share_an_item(void **state)
{
	struct world w = { .inv = host_new(VOLUMES) };

	(void)state;
	ADD(w.inv, .name = "p-a-1", .project = "p", .service = "a",
		.mounts = "[" VOLUME("data", "/a", "true") "]");
	ADD(w.inv, .name = "p-b-1", .project = "p", .service = "b",
		.mounts = "[" VOLUME("data", "/b", "false") "]");
	world_plan(&w, NULL);
	assert_int_equal(w.u->n_items, 1);
	assert_int_equal(w.u->n_coverage, 2);
	assert_int_equal(w.u->items[0].shared_with.n, 0);
	world_done(&w);
}

static void anonymous_volumes_are_named_by_place(void **state)
{
	struct world w = { .inv = host_new(VOLUMES) };

	(void)state;
	ADD(w.inv, .name = "p-a-1", .project = "p", .service = "a", .number = 1,
		.mounts = "[" VOLUME(ANON_A, "/data", "true") "]");
	ADD(w.inv, .name = "p-a-2", .project = "p", .service = "a", .number = 2,
		.mounts = "[" VOLUME(ANON_B, "/data", "true") "]");
	world_plan(&w, NULL);
	assert_string_equal(w.u->items[0].id, "anon:a-2:/data");
	assert_string_equal(w.u->items[1].id, "anon:a:/data");
	assert_string_equal(w.u->items[1].volume, ANON_A);
	assert_string_equal(w.u->coverage[0].kind, "anonymous");
	world_done(&w);
	world_with(&w, "[" VOLUME(ANON_A, "/data", "true") "]", NULL);
	assert_string_equal(w.u->items[0].id, "anon:app:/data");
	world_done(&w);
}

static void forged_labels_do_not_make_one_id(void **state)
{
	struct world w = { .inv = host_new(VOLUMES) };

	(void)state;
	ADD(w.inv, .name = "p-a-1", .project = "p", .service = "a",
		.mounts = "[" VOLUME(ANON_A, "/data", "true") "]");
	ADD(w.inv, .name = "p-a-x", .project = "p", .service = "a",
		.mounts = "[" VOLUME(ANON_B, "/data", "true") "]");
	world_plan(&w, NULL);
	assert_int_equal(w.u->n_items, 2);
	assert_string_equal(w.u->items[0].id, "anon:a:/data");
	assert_string_equal(w.u->items[1].id, "anon:a:/data~2");
	world_done(&w);
}

#define MOUNTINFO                                      \
	"1 0 8:1 / / rw - ext4 x rw\n"                 \
	"2 1 8:2 / /srv rw - ext4 y rw\n"              \
	"3 1 8:3 / /srv/disk rw - ext4 z rw\n"         \
	"3 1 8:3 / /srv/disk rw - ext4 z rw\n"         \
	"4 1 8:4 / /srv/a\\040b\\134 rw - ext4 z rw\n" \
	"5 1 8:4 / /srv-x rw - ext4 z rw\n"            \
	"6 1 8:4 / relative rw\nbroken\n\n"            \
	"7 1 8:4 / /srv/disk/deep/er rw - ext4 z rw"

static void nested_mounts_have_their_lines(void **state)
{
	struct world w;

	(void)state;
	world_with(&w, "[" BIND("/srv", "/s", "true") "," BIND("/srv", "/t", "true") "]",
		MOUNTINFO);
	assert_int_equal(w.u->n_items, 1);
	assert_int_equal(w.u->n_coverage, 5);
	assert_string_equal(line_at(w.u, "/s/disk")->kind, "mount");
	assert_string_equal(line_at(w.u, "/s/disk")->container, "app");
	assert_contains(line_at(w.u, "/s/disk")->reason, "not followed");
	assert_string_equal(line_at(w.u, "/s/a b\\")->source, "/srv/a b\\");
	assert_non_null(line_at(w.u, "/s/disk/deep/er"));
	assert_int_equal(w.u->warnings.n, 3);
	assert_null(w.u->refused);
	world_done(&w);
}

static void items_behind_a_mount_point_stay(void **state)
{
	struct world w;

	(void)state;
	world_with(&w,
		"[" BIND("/srv", "/s", "true") "," BIND("/srv/disk", "/d", "true") "," BIND(
			"/srv/disk/deep/er/in", "/e", "true") "," BIND("/srv/disk/flat", "/f",
			"true") "," BIND("/srv/plain", "/p", "true") "]",
		MOUNTINFO);
	assert_int_equal(w.u->n_items, 3);
	assert_non_null(item_named(w.u, "bind:/srv"));
	assert_non_null(item_named(w.u, "bind:/srv/disk"));
	assert_non_null(item_named(w.u, "bind:/srv/disk/deep/er/in"));
	assert_string_equal(line_at(w.u, "/f")->reason, "with bind:/srv/disk");
	assert_string_equal(line_at(w.u, "/p")->reason, "with bind:/srv");
	/* /srv/disk is an item, the rest of the deep mount is not */
	assert_int_equal(w.u->warnings.n, 2);
	assert_non_null(line_at(w.u, "/d/deep/er"));
	world_done(&w);
}

static void hostile_sources(void **state)
{
	size_t len = 1 << 20;
	char *deep = xcalloc(len + 1, 1);
	CLEANUP(freep) char *mounts = NULL;
	CLEANUP(json_putp) struct json_object *o = NULL;
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < len; i++)
		deep[i] = i % 2 ? 'a' : '/';
	mounts = xasprintf(
		"[{\"Type\":\"bind\",\"Source\":\"%s\",\"Destination\":\"/x\"},"
		"{\"Type\":\"bind\",\"Source\":\"/a\\n%%s$(x)'\\\"\",\"Destination\":\"/y\\n\"}]",
		deep);
	world_with(&w, mounts, NULL);
	assert_contains(w.u->refused, "no absolute path");
	assert_non_null(item_named(w.u, "bind:/a\n%s$(x)'\""));
	o = unit_plan_json(w.u, -1);
	assert_non_null(o);
	world_done(&w);
	free(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes_and_binds),
		cmocka_unit_test(hosts_own_paths_are_skipped),
		cmocka_unit_test(ordinary_places_are_not_dropped),
		cmocka_unit_test(our_own_paths_are_refused),
		cmocka_unit_test(root_without_anything_of_ours),
		cmocka_unit_test(volumes_on_our_own_paths),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(tmpfs_of_host_config),
		cmocka_unit_test(one_place_is_one_item),
		cmocka_unit_test(members_share_an_item),
		cmocka_unit_test(anonymous_volumes_are_named_by_place),
		cmocka_unit_test(forged_labels_do_not_make_one_id),
		cmocka_unit_test(nested_mounts_have_their_lines),
		cmocka_unit_test(items_behind_a_mount_point_stay),
		cmocka_unit_test(hostile_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
