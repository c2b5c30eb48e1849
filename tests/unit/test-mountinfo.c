/* SPDX-License-Identifier: MIT */
#include "common/mountinfo.h"
#include "tests/unit/unit.h"

static const char table[] =
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"23 22 8:2 / /mnt/disk rw shared:2 master:1 - xfs /dev/sdb rw\n"
	"24 22 8:1 /srv/app /bind\\040here rw - ext4 /dev/sda1 rw\n"
	"25 22 0:40 /@data /vol ro - btrfs /dev/sdc rw,subvol=/@data\n"
	"26 22 0:41 / /net rw - nfs4 server:/x rw\n"
	"27 22 0:42 / /users rw - fuse.shfs shfs rw\n"
	"28 23 8:3 / /mnt/disk rw - ext4 /dev/sdd ro\n"
	"29 22 8:1 /old//deleted /gone rw - ext4 /dev/sda1 rw\n"
	"nonsense\n30 22 8:1\n31 22 0:3 mnt:[4026531840] /ns rw - nsfs nsfs rw\n";

static void check(const struct mountinfo *m, const char *path, const char *place)
{
	char *is CLEANUP(freep) = mountinfo_place(m, path);

	assert_string_equal(is, place);
}

static void places(void **state)
{
	struct mountinfo m;

	(void)state;
	mountinfo_parse(table, &m);
	assert_int_equal(m.n, 8);
	check(&m, "/", "8:1");
	check(&m, "/srv/app/data", "8:1/srv/app/data");
	check(&m, "/bind here/data", "8:1/srv/app/data");
	check(&m, "/bind here", "8:1/srv/app");
	check(&m, "/vol/x", "0:40/@data/x");
	check(&m, "/volume", "8:1/volume");
	check(&m, "/mnt/disk/x", "8:3/x"); /* the later one hides the earlier */
	assert_string_equal(mountinfo_at(&m, "/mnt/disk")->type, "ext4");
	assert_null(mountinfo_at(&m, "/mnt"));
	assert_string_equal(mountinfo_by_id(&m, 23)->type, "xfs");
	assert_null(mountinfo_by_id(&m, 99));
	assert_true(mountinfo_at(&m, "/")->rw);
	assert_false(mountinfo_at(&m, "/vol")->rw);
	assert_false(mountinfo_at(&m, "/mnt/disk")->rw); /* its filesystem is read-only */
	assert_true(mountinfo_may_block(mountinfo_at(&m, "/net")));
	assert_true(mountinfo_may_block(mountinfo_at(&m, "/users")));
	assert_false(mountinfo_may_block(mountinfo_at(&m, "/vol")));
	mountinfo_done(&m);
	mountinfo_parse(NULL, &m);
	assert_null(mountinfo_place(&m, "/"));
	mountinfo_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(places) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
