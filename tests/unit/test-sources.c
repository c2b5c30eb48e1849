/* SPDX-License-Identifier: MIT */
/* Who uses what is told by what is mounted, not by the name that the engine has for it. */
#include "daemon/domain/writers.h"
#include "daemon/pure/sources.h"
#include "daemon/pure/users.h"
#include "inventory-fixture.h"

#define MOUNT(source, rw) "[{\"Type\":\"bind\",\"Source\":\"" source "\",\"Destination\":\"/d\",\"RW\":" rw "}]"

static void take(struct inventory *inv, const char *container, const char *state, const char *mounts, const char *paths)
{
	char *id CLEANUP(freep) = id_of(container);
	char *lines CLEANUP(freep) = xasprintf("{\"id\":\"%s\",\"state\":\"%s\",\"mounts\":[%s]}\n%s", id, state, mounts, paths);
	struct fault f = { 0 };

	assert_int_equal(sources_take(inv, lines, &f), 0);
}

#define AT(place) "{\"destination\":\"/d\",\"directory\":true,\"place\":\"" place "\"}"
#define LEADS(path, place) "{\"path\":\"" path "\",\"place\":\"" place "\"}\n"

/* app's source is a link to /disk/app; other has /second/app, where the same disk is mounted again; up has what is above. */
static struct inventory *host(void)
{
	struct inventory *inv = host_new(NULL);

	ADD(inv, .name = "app", .mounts = MOUNT("/opt/app", "true"));
	ADD(inv, .name = "other", .mounts = MOUNT("/second/app/sub", "true"));
	ADD(inv, .name = "up", .mounts = MOUNT("/second", "true"));
	ADD(inv, .name = "reader", .mounts = MOUNT("/disk/app", "false"));
	ADD(inv, .name = "apart", .mounts = MOUNT("/second/appendix", "true"));
	take(inv, "app", "seen", AT("8:2/app"), LEADS("/opt/app", "8:2/app"));
	take(inv, "other", "seen", AT("8:2/app/sub"), LEADS("/second/app/sub", "8:2/app/sub"));
	take(inv, "up", "seen", AT("8:2"), LEADS("/disk/app", "8:2/app"));
	take(inv, "reader", "seen", AT("8:2/app"), "");
	take(inv, "apart", "seen", AT("8:2/appendix"), "");
	return inv;
}

static void writers_by_another_name_are_guests(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host();
	struct units all = plan(inv, NULL);
	const struct unit *u = unit_named(&all, "app");

	(void)state;
	assert_null(u->refused);
	assert_true(member_named(u, "other")->guest);
	assert_true(member_named(u, "up")->guest);
	assert_null(member_find(u, "reader"));
	assert_null(member_find(u, "apart"));
	assert_true(strv_has(&item_named(u, "bind:/opt/app")->shared_with, "reader"));
	for (size_t i = 0; i < inv->n_containers; i++) {
		const struct container *c = &inv->containers[i];
		assert_int_equal(writers_reach(c, u, inv), streq(c->name, "app") || streq(c->name, "other") || streq(c->name, "up"));
	}
	units_done(&all);
}

static void users_by_another_name_stop_for_a_restore(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host();
	struct units all = plan(inv, NULL);
	struct strv paths CLEANUP(strv_done) = { 0 };
	struct users_options o = { .inv = inv, .units = &all, .paths = &paths };
	struct unit u = { 0 };
	struct fault f = { 0 };

	(void)state;
	strv_add(&paths, "/disk/app"); /* where the link led when it was staged */
	assert_int_equal(users_find(&o, &u, &f), 0);
	assert_int_equal(u.n_members, 4);
	assert_null(member_find(&u, "apart"));
	unit_done(&u);
	units_done(&all);
}

static struct units plan_replaced(struct inventory *inv, const char *mounted, const char *path)
{
	ADD(inv, .name = "app", .mounts = MOUNT("/srv/data", "true"));
	take(inv, "app", "seen", mounted, path);
	return plan(inv, NULL);
}

static void a_directory_replaced_while_it_ran(void **state)
{
	static const char *const other[] = { AT("8:1/srv/old"), AT("8:1/srv/data//deleted"), AT("8:9") };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
		struct units all = plan_replaced(inv, other[i], LEADS("/srv/data", "8:1/srv/data"));
		assert_non_null(strstr(unit_named(&all, "app")->refused, "/srv/data is not the directory that app has mounted"));
		units_done(&all);
	}
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
	struct units all = plan_replaced(inv, "{\"destination\":\"/d\",\"directory\":false,\"place\":\"8:1/x//deleted\"}",
		LEADS("/srv/data", "8:1/srv/data"));
	assert_null(unit_named(&all, "app")->refused); /* an editor's new file */
	assert_non_null(strstr(unit_named(&all, "app")->warnings.v[0], "still has the old file mounted"));
	units_done(&all);
}

/* volume-subpath: what is mounted is not the volume's directory, and was not replaced. */
static void a_part_of_a_volume(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);

	(void)state;
	ADD(inv, .name = "app", .mounts = MOUNT("/srv/data", "true"),
		.host = "{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/d\",\"VolumeOptions\":{\"Subpath\":\"x\"}}]}");
	take(inv, "app", "seen", AT("8:1/srv/data/x"), LEADS("/srv/data", "8:1/srv/data"));
	struct units all = plan(inv, NULL);
	assert_null(unit_named(&all, "app")->refused);
	units_done(&all);
}

/* Nothing is mounted that could tell; then a link that others set is not followed. */
static void a_foreign_link_and_nobody_who_has_it_mounted(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
	struct fault f = { 0 };

	(void)state;
	ADD(inv, .name = "app", .state = "exited", .mounts = MOUNT("/home/u/data", "true"));
	assert_int_equal(sources_take(inv, "{\"path\":\"/home/u/data\",\"place\":\"8:1/root\",\"foreign\":\"/home/u/data\"}\n", &f), 0);
	struct units all = plan(inv, NULL);
	assert_non_null(strstr(unit_named(&all, "app")->refused, "leads over the link /home/u/data"));
	units_done(&all);
}

static void below_a_read_only_host(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);

	(void)state;
	ADD(inv, .name = "app", .mounts = MOUNT("/disk/app", "true"));
	ADD(inv, .name = "agent", .mounts = MOUNT("/", "false"));
	ADD(inv, .name = "part", .mounts = MOUNT("/mnt", "false"));
	take(inv, "app", "seen", AT("8:2/app"), LEADS("/disk/app", "8:2/app"));
	take(inv, "agent", "seen", "{\"destination\":\"/d\",\"place\":\"8:1\",\"nested\":[{\"place\":\"8:2\",\"rw\":true}]}", "");
	take(inv, "part", "seen", "{\"destination\":\"/d\",\"place\":\"8:1/mnt\",\"nested\":[{\"place\":\"8:2\",\"rw\":true}]}", "");
	struct units all = plan(inv, NULL);
	const struct unit *u = unit_named(&all, "app");
	assert_null(member_find(u, "agent"));
	assert_int_equal(u->warnings.n, 0);
	assert_true(member_named(u, "part")->guest);
	units_done(&all);
}

static void asks_and_is_denied(void **state)
{
	CLEANUP(inventory_freep) struct inventory *inv = host_new(NULL);
	char *id CLEANUP(freep) = id_of("app");
	char *line CLEANUP(freep) = xasprintf("{\"id\":\"%s\",\"state\":\"denied\",\"reason\":\"/proc/PID/root: x\"}\n", id);
	struct fault f = { 0 };

	(void)state;
	assert_null(sources_request(inv, false, NULL));
	ADD(inv, .name = "app", .mounts = MOUNT("/srv/x/../data/", "true"));
	assert_null(sources_request(inv, false, NULL)); /* the engine names no process */
	inv->containers[0].pid = 7;
	char *request CLEANUP(freep) = sources_request(inv, true, NULL);
	assert_non_null(strstr(request, "\"pid\":7"));
	assert_non_null(strstr(request, "\\/srv\\/data\""));
	assert_non_null(strstr(request, "docker\\/volumes\""));
	assert_true(sources_take(inv, line, &f) < 0);
	assert_non_null(strstr(f.text, "may not look at what app has mounted (/proc/PID/root"));
	assert_non_null(strstr(f.advice, "CAP_SYS_PTRACE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writers_by_another_name_are_guests), cmocka_unit_test(users_by_another_name_stop_for_a_restore),
		cmocka_unit_test(a_directory_replaced_while_it_ran), cmocka_unit_test(a_part_of_a_volume), cmocka_unit_test(a_foreign_link_and_nobody_who_has_it_mounted),
		cmocka_unit_test(below_a_read_only_host), cmocka_unit_test(asks_and_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
