/* SPDX-License-Identifier: MIT */
/* What is mounted where, and what that makes of a unit's mounts: on demand, shared with other hosts, left out. */
#include "common/conf.h"
#include "daemon/pure/mounts.h"
#include "tests/unit/inventory-fixture.h"

#define VOLUMES \
	"{\"Volumes\":[" \
	"{\"Name\":\"nobind\",\"Driver\":\"local\",\"Mountpoint\":\"/x\",\"Options\":{\"device\":\"/srv\"}}," \
	"{\"Name\":\"nfs\",\"Driver\":\"local\",\"Mountpoint\":\"/var/lib/docker/volumes/nfs/_data\"," \
	"\"Options\":{\"type\":\"nfs\",\"device\":\":/e\"}}," \
	"{\"Name\":\"nowhere\",\"Driver\":\"local\"}," \
	"{\"Name\":\"plugged\",\"Driver\":\"rexray\",\"Mountpoint\":\"/p\"}]}"

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

#define MOUNTINFO \
	"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n" \
	"5 1 0:40 / /var/lib/docker/volumes/nfs/_data rw shared:1 master:2 - nfs4 :/e rw\n" \
	"6 1 0:41 / /mnt/vault rw - cifs //nas/vault rw\n" \
	"7 1 0:42 / /mnt/pool rw - ext4 /dev/sdb1 rw\n7 6 0:43 / /mnt/pool rw - fuse.mergerfs pool rw\n" \
	"8 1 0:44 / /x rw - ext4 /dev/sdc1 rw\n9 1 0:45 / /p rw - tmpfs tmpfs rw\n"
#define MOUNTED "[{\"Type\":\"volume\",\"Name\":\"nfs\",\"Destination\":\"/x\",\"RW\":true}]"

/* What is mounted on demand is an item that has to be held; where other hosts can write, the line says so. */
static void volumes_on_demand(void **state)
{
	struct world w;

	(void)state;
	world_with(&w, MOUNTED, MOUNTINFO);
	assert_null(w.u->refused);
	assert_true(w.u->items[0].on_demand);
	assert_null(w.u->items[0].lost);
	assert_string_equal(w.u->items[0].shared_fs, "nfs4");
	assert_true(line_at(w.u, "/x")->saved);
	assert_contains(line_at(w.u, "/x")->reason, "cold on this host");
	assert_contains(line_at(w.u, "/x")->reason, "nfs4");
	world_done(&w);
}

static void binds_on_network_filesystems(void **state)
{
	struct world w;

	(void)state;
	world_with(&w, "[" BIND("/mnt/vault/photos", "/a", "true") "," BIND("/mnt/pool/x", "/b", "true") "," BIND("/mnt", "/c", "true") "]",
		MOUNTINFO);
	assert_string_equal(item_named(w.u, "bind:/mnt/vault/photos")->shared_fs, "cifs");
	assert_false(item_named(w.u, "bind:/mnt/vault/photos")->on_demand);
	assert_null(item_named(w.u, "bind:/mnt/pool/x")->shared_fs); /* the topmost mount counts, and it is of this host's disks */
	assert_null(item_named(w.u, "bind:/mnt")->shared_fs);
	world_done(&w);
}

/* What is not mounted now would be read as an empty directory: an item that fails alone. */
static void volumes_that_are_not_mounted(void **state)
{
	static const char *const table[][2] = { { "nobind", NULL }, { "plugged", NULL }, { "nfs", "of type nfs" }, { "unlisted", "does not list" } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		char *mounts CLEANUP(freep) = xasprintf("[{\"Type\":\"volume\",\"Name\":\"%s\",\"Destination\":\"/x\",\"Source\":\"/s\"},"
			BIND("/srv/app", "/b", "true") "]", table[i][0]);
		struct world w;

		world_with(&w, mounts, table[i][1] ? "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n" : MOUNTINFO);
		assert_null(w.u->refused);
		assert_non_null(item_named(w.u, "bind:/srv/app"));
		if (streq(table[i][0], "plugged")) { /* memory, whoever mounts it */
			assert_int_equal(w.u->n_items, 1);
			assert_contains(line_at(w.u, "/x")->reason, "memory");
		} else if (table[i][1]) {
			char *id CLEANUP(freep) = xasprintf("volume:%s", table[i][0]);
			assert_contains(item_named(w.u, id)->lost, table[i][1]);
			assert_false(line_at(w.u, "/x")->saved);
			assert_contains(line_at(w.u, "/x")->reason, "not mounted now");
		} else {
			assert_null(item_named(w.u, "volume:nobind")->lost);
		}
		world_done(&w);
	}
}

static void a_volume_without_a_directory(void **state)
{
	struct world w;

	(void)state;
	world_with(&w, "[{\"Type\":\"volume\",\"Name\":\"nowhere\",\"Destination\":\"/x\"}," BIND("/srv/app", "/b", "true") "]", MOUNTINFO);
	assert_null(w.u->refused);
	assert_int_equal(w.u->n_items, 1);
	assert_contains(line_at(w.u, "/x")->reason, "names no directory");
	assert_int_equal(w.u->warnings.n, 1);
	world_done(&w);
}

/* The admin's own words: of all units and of one; what they leave of nothing is a warning. */
static void left_out_by_the_admin(void **state)
{
	struct conf c = { 0 };
	struct conf_unit own = { .name = xstrdup("app") };
	struct world w = { .inv = host_new(VOLUMES), .options.conf = &c };

	(void)state;
	c.units = &own;
	c.n_units = 1;
	strv_add(&c.backup.exclude_mounts, "/srv/*");
	strv_add(&own.exclude_mounts, "nf?");
	ADD(w.inv, .name = "app", .mounts = "[{\"Type\":\"volume\",\"Name\":\"nfs\",\"Destination\":\"/x\"}," BIND("/srv/app/deep", "/b", "true") ","
		BIND("/repo", "/r", "true") "]");
	world_plan(&w, MOUNTINFO);
	assert_int_equal(w.u->n_items, 0);
	assert_string_equal(line_at(w.u, "/x")->reason, "left out by exclude_mounts: nf?");
	assert_string_equal(line_at(w.u, "/b")->reason, "left out by exclude_mounts: /srv/*");
	assert_false(line_at(w.u, "/b")->saved);
	assert_contains(w.u->warnings.v[w.u->warnings.n - 1], "lies in /repo");
	world_done(&w);

	w = (struct world){ .inv = host_new(VOLUMES), .options.conf = &c };
	ADD(w.inv, .name = "app", .mounts = "[" BIND("/srv/app", "/b", "true") "]");
	world_plan(&w, MOUNTINFO);
	assert_contains(w.u->warnings.v[0], "leaves nothing of app");
	world_done(&w);

	w = (struct world){ .inv = host_new(VOLUMES), .options.conf = &c };
	ADD(w.inv, .name = "app", .mounts = "[" BIND("/srv", "/a", "true") "," BIND("/srv/app", "/b", "true") "]");
	world_plan(&w, MOUNTINFO);
	assert_true(line_at(w.u, "/b")->saved); /* with bind:/srv, whatever the pattern says */
	assert_contains(line_at(w.u, "/b")->reason, "with bind:/srv");
	world_done(&w);
	strv_done(&c.backup.exclude_mounts);
	strv_done(&own.exclude_mounts);
	free(own.name);
}

static void lines_of_mountinfo(void **state)
{
	struct mounts m;

	(void)state;
	mounts_read(NULL, &m);
	assert_int_equal(m.n, 0);
	mounts_read("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n5 1 0:40 / /mnt/we\\040ird rw - nfs4 :/e rw\nnonsense\n6 1 0:41 /\n7 1 0:42 / /late rw", &m);
	assert_int_equal(m.n, 3);
	assert_string_equal(mounts_at(&m, "/mnt/we ird")->type, "nfs4");
	assert_string_equal(mounts_holding(&m, "/mnt/we ird/a/b")->point, "/mnt/we ird");
	assert_string_equal(mounts_holding(&m, "/mnt/we irdly")->point, "/");
	assert_string_equal(mounts_at(&m, "/late")->type, "");
	assert_null(mounts_at(&m, "/mnt"));
	mounts_done(&m);
}

static void types(void **state)
{
	static const char *const shared[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse" };
	static const char *const local[] = { "ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "fuse.mergerfs", "fuse.shfs", "", "nfsd" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		assert_true(mounts_type_is_shared(shared[i]));
	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		assert_false(mounts_type_is_shared(local[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_mountinfo),
		cmocka_unit_test(types),
		cmocka_unit_test(volumes_on_demand),
		cmocka_unit_test(binds_on_network_filesystems),
		cmocka_unit_test(volumes_that_are_not_mounted),
		cmocka_unit_test(a_volume_without_a_directory),
		cmocka_unit_test(left_out_by_the_admin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
