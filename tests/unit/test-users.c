/* SPDX-License-Identifier: MIT */
#include "daemon/pure/users.h"
#include "inventory-fixture.h"

#define READS(source) "[{\"Type\":\"bind\",\"Source\":\"" source "\",\"Destination\":\"/d\",\"RW\":false}]"
#define WRITES(name)                                                                             \
	"[{\"Type\":\"volume\",\"Name\":\"" name "\",\"Source\":\"/var/lib/docker/volumes/" name       \
	"/_data\",\"Destination\":\"/d\",\"RW\":true}]"

static int find(const struct inventory *inv, const char *path, const char *also, struct unit *ret, struct fault *f)
{
	struct units all = plan(inv, NULL);
	struct strv paths CLEANUP(strv_done) = { 0 }, ids CLEANUP(strv_done) = { 0 };
	struct users_options o = { .inv = inv, .units = &all, .paths = &paths, .also = &ids };

	strv_add(&paths, path);
	if (also)
		strv_take(&ids, id_of(also));
	int r = users_find(&o, ret, f);
	units_done(&all);
	return r;
}

static void only_who_uses_it(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
	struct unit u = { 0 };
	struct fault f = { 0 };
	char *db CLEANUP(freep) = id_of("db");
	char *host CLEANUP(freep) = xasprintf("{\"NetworkMode\":\"container:%s\"}", db);

	(void)state;
	host_add_volume(inv, "data");
	host_add_volume(inv, "other");
	ADD(inv, .name = "db", .project = "shop", .service = "db", .mounts = WRITES("data"));
	ADD(inv, .name = "web", .project = "shop", .service = "web", .mounts = WRITES("other"), .depends = "db:service_started:false");
	ADD(inv, .name = "reader", .mounts = READS("/var/lib/docker/volumes/data/_data/sub"));
	ADD(inv, .name = "above", .mounts = READS("/"));
	ADD(inv, .name = "around", .mounts = "[{\"Type\":\"bind\",\"Source\":\"/var/lib/docker/volumes\",\"Destination\":\"/d\",\"RW\":true}]");
	ADD(inv, .name = "sharer", .host = host);
	ADD(inv, .name = "down", .mounts = WRITES("data"), .state = "exited");
	assert_int_equal(find(inv, "/var/lib/docker/volumes/data/_data", NULL, &u, &f), 0);
	assert_int_equal(u.n_members, 4);
	assert_non_null(member_find(&u, "db"));
	assert_non_null(member_find(&u, "reader"));
	assert_non_null(member_find(&u, "around"));
	assert_null(member_find(&u, "above"));
	assert_true(member_named(&u, "sharer")->level > member_named(&u, "db")->level);
	assert_true(u.n_levels == 2 && u.members[0].stop);
	unit_done(&u);
	/* one that was stopped for the same before is ours to start */
	assert_int_equal(find(inv, "/var/lib/docker/volumes/data/_data", "down", &u, &f), 0);
	assert_non_null(member_find(&u, "down"));
	unit_done(&u);
	assert_int_equal(find(inv, "/var/lib/docker/volumes/nobody/_data", NULL, &u, &f), 0);
	assert_int_equal(u.n_members, 1); /* around */
	unit_done(&u);
}

/* The order and the healthy edges are those of their unit. */
static void in_its_order(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
	struct unit u = { 0 };
	struct fault f = { 0 };

	(void)state;
	host_add_volume(inv, "data");
	ADD(inv, .name = "web", .project = "shop", .service = "web", .mounts = WRITES("data"), .depends = "db:service_healthy:false");
	ADD(inv, .name = "db", .project = "shop", .service = "db", .mounts = WRITES("data"), .health = true, .state = "paused");
	assert_int_equal(find(inv, "/var/lib/docker/volumes/data/_data/", NULL, &u, &f), 0);
	assert_true(member_named(&u, "web")->level > member_named(&u, "db")->level);
	assert_true(member_named(&u, "db")->paused);
	assert_int_equal(u.n_edges, 1);
	assert_true(u.edges[0].healthy);
	assert_string_equal(u.members[u.edges[0].to].c->name, "db");
	unit_done(&u);
}

static void who_must_not_be_stopped(void **state)
{
	static const struct {
		struct spec spec;
		bool self;
		const char *why;
	} cases[] = {
		{ { .name = "x", .host = "{\"AutoRemove\":true}", .mounts = READS("/srv") }, false, "--rm" },
		{ { .name = "x", .labels = "{\"com.docker.swarm.task.id\":\"t\"}", .mounts = READS("/srv") }, false, "orchestrator" },
		{ { .name = "x", .state = "restarting", .mounts = READS("/srv") }, false, "restarting over and over" },
		{ { .name = "x", .mounts = READS("/srv") }, true, "kopi-docka itself" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
		struct unit u = { 0 };
		struct fault f = { 0 };
		host_add(inv, &cases[i].spec);
		if (cases[i].self)
			inv->self_id = id_of("x");
		assert_true(find(inv, "/srv", NULL, &u, &f) < 0);
		assert_non_null(strstr(f.text, cases[i].why));
		assert_non_null(strstr(f.text, "nothing was stopped"));
		assert_non_null(strstr(f.advice, "stop x"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_who_uses_it), cmocka_unit_test(in_its_order), cmocka_unit_test(who_must_not_be_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
