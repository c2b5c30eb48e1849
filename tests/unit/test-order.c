/* SPDX-License-Identifier: MIT */
/* Levels and edges: on named cases, and as properties of random graphs. */
#include "tests/unit/inventory-fixture.h"

static const struct edge *edge_between(const struct unit *u, const char *from, const char *to)
{
	size_t i;

	for (i = 0; i < u->n_edges; i++)
		if (streq(u->members[u->edges[i].from].c->name, from) &&
			streq(u->members[u->edges[i].to].c->name, to))
			return &u->edges[i];
	return NULL;
}

static bool waits_for_health(const struct unit *u, const char *from, const char *to)
{
	const struct edge *e = edge_between(u, from, to);

	assert_non_null(e);
	return e && e->healthy;
}

static size_t level_of(const struct unit *u, const char *name)
{
	return member_named(u, name)->level;
}

static void depends_on(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units units;
	const struct unit *u;

	(void)state;
	ADD(inv, .name = "web1", .project = "p", .service = "web",
		.depends =
			"db:service_healthy:true,cache:service_started:true,gone:service_healthy:true,"
			"plain:service_healthy:true");
	ADD(inv, .name = "web2", .project = "p", .service = "web", .number = 2,
		.depends = "db");
	ADD(inv, .name = "db1", .project = "p", .service = "db", .health = true);
	ADD(inv, .name = "cache1", .project = "p", .service = "cache",
		.depends = "db:service_started");
	ADD(inv, .name = "plain1", .project = "p", .service = "plain");
	ADD(inv, .name = "other", .project = "q", .service = "gone");
	units = plan(inv, NULL);
	u = unit_named(&units, "p");
	assert_int_equal(u->n_levels, 3);
	assert_int_equal(level_of(u, "db1"), 0);
	assert_int_equal(level_of(u, "cache1"), 1);
	assert_int_equal(level_of(u, "web1"), 2);
	assert_int_equal(level_of(u, "web2"), 1);
	assert_true(waits_for_health(u, "web1", "db1"));
	assert_false(waits_for_health(u, "web2", "db1"));
	/* nobody waits for the health of what has no healthcheck */
	assert_false(waits_for_health(u, "web1", "plain1"));
	assert_int_equal(u->n_edges, 5);
	units_done(&units);
	inventory_free(inv);
}

static void exited_ones_are_bridged(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units units;
	const struct unit *u;

	(void)state;
	ADD(inv, .name = "web1", .project = "p", .service = "web",
		.depends = "init:service_completed_successfully:false");
	ADD(inv, .name = "init1", .project = "p", .service = "init", .state = "exited",
		.depends = "init2:service_started,db:service_healthy");
	ADD(inv, .name = "init2", .project = "p", .service = "init2", .state = "created",
		.depends = "init");
	ADD(inv, .name = "db1", .project = "p", .service = "db", .health = true);
	units = plan(inv, NULL);
	u = unit_named(&units, "p");
	assert_int_equal(u->n_edges, 1);
	assert_true(waits_for_health(u, "web1", "db1"));
	assert_int_equal(level_of(u, "web1"), 1);
	assert_int_equal(level_of(u, "init1"), 0);
	assert_false(member_named(u, "init1")->stop);
	assert_int_equal(u->warnings.n, 0);
	units_done(&units);
	inventory_free(inv);
}

static void namespaces_and_links(void **state)
{
	struct inventory *inv = host_new(NULL);
	CLEANUP(freep) char *vpn = id_of("vpn1");
	CLEANUP(freep)
	char *host = xasprintf("{\"NetworkMode\":\"container:%s\",\"PidMode\":"
			       "\"container:nobody\",\"IpcMode\":\"container:app1\"}",
		vpn);
	struct units units;
	const struct unit *u;

	(void)state;
	ADD(inv, .name = "app1", .project = "p", .service = "app", .host = host);
	ADD(inv, .name = "vpn1", .project = "p", .service = "vpn");
	ADD(inv, .name = "old1", .project = "p", .service = "old",
		.host = "{\"Links\":[\"/app1:/old1/app\"],\"VolumesFrom\":[\"vpn1:ro\"]}");
	units = plan(inv, NULL);
	u = unit_named(&units, "p");
	assert_int_equal(level_of(u, "vpn1"), 0);
	assert_int_equal(level_of(u, "app1"), 1);
	assert_int_equal(level_of(u, "old1"), 2);
	assert_non_null(edge_between(u, "old1", "vpn1"));
	/* the circle with itself was cut */
	assert_int_equal(u->warnings.n, 1);
	units_done(&units);
	inventory_free(inv);
}

static void cycles_are_cut(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units units;
	const struct unit *u;

	(void)state;
	ADD(inv, .name = "c1", .project = "p", .service = "c", .depends = "a");
	ADD(inv, .name = "a1", .project = "p", .service = "a", .depends = "b");
	ADD(inv, .name = "b1", .project = "p", .service = "b", .depends = "c");
	ADD(inv, .name = "d1", .project = "p", .service = "d", .depends = "a,d");
	units = plan(inv, NULL);
	u = unit_named(&units, "p");
	/* walked from a: the edge from c back to a closes the circle */
	assert_null(edge_between(u, "c1", "a1"));
	assert_int_equal(level_of(u, "c1"), 0);
	assert_int_equal(level_of(u, "b1"), 1);
	assert_int_equal(level_of(u, "a1"), 2);
	assert_int_equal(level_of(u, "d1"), 3);
	assert_int_equal(u->n_edges, 3);
	assert_int_equal(u->warnings.n, 2);
	units_done(&units);
	inventory_free(inv);
}

static void guests_are_ordered_too(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units units;
	const struct unit *u;

	(void)state;
	ADD(inv, .name = "vpn");
	ADD(inv, .name = "a-side", .host = "{\"NetworkMode\":\"container:vpn\"}");
	ADD(inv, .name = "b-side", .host = "{\"PidMode\":\"container:a-side\"}");
	units = plan(inv, NULL);
	u = unit_named(&units, "vpn");
	assert_int_equal(u->n_members, 3);
	assert_int_equal(level_of(u, "a-side"), 1);
	assert_int_equal(level_of(u, "b-side"), 2);
	units_done(&units);
	inventory_free(inv);
}

/* A long chain needs no stack of ours. */
static void long_chain(void **state)
{
	struct inventory *inv = host_new(NULL);
	struct units units;
	size_t i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		CLEANUP(freep) char *name = xasprintf("c%05zu", i);
		CLEANUP(freep) char *next = xasprintf("c%05zu", i + 1);

		ADD(inv, .name = name, .project = "p", .service = name, .depends = next);
	}
	units = plan(inv, NULL);
	assert_int_equal(units.v[0].n_levels, 3000);
	assert_int_equal(units.v[0].n_edges, 2999);
	units_done(&units);
	inventory_free(inv);
}

#define NODES_MAX 40

/* A random project; ${acyclic}: edges go from higher to lower numbers only. */
static struct inventory *random_host(unsigned int *seed, bool acyclic, size_t *ret_n)
{
	struct inventory *inv = host_new(NULL);
	size_t n = 1 + (size_t)rand_r(seed) % NODES_MAX, i, k;

	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *name = xasprintf("c%02zu", i);
		struct buf depends = { 0 };
		CLEANUP(freep) char *list = NULL;

		buf_puts(&depends, "x");
		for (k = 0; k < n; k++) {
			CLEANUP(freep)
			char *one = xasprintf(",c%02zu:%s", k,
				rand_r(seed) % 2 ? "service_healthy" : "service_started");

			if (rand_r(seed) % 8 == 0 && (!acyclic || k < i))
				buf_puts(&depends, one);
		}
		list = buf_steal(&depends);
		ADD(inv, .name = name, .project = "p", .service = name, .depends = list,
			.health = rand_r(seed) % 2,
			.state = rand_r(seed) % 5 ? "running" : "exited");
	}
	*ret_n = n;
	return inv;
}

static void shuffle(struct inventory *inv, unsigned int *seed)
{
	size_t i;

	for (i = inv->n_containers; i > 1; i--) {
		size_t k = (size_t)rand_r(seed) % i;
		struct container c = inv->containers[i - 1];

		inv->containers[i - 1] = inv->containers[k];
		inv->containers[k] = c;
	}
}

/* Levels respect every edge, and each level above 0 is there because of one just below. */
static void check_levels(const struct unit *u)
{
	size_t i, k;

	for (i = 0; i < u->n_edges; i++) {
		const struct member *from = &u->members[u->edges[i].from];
		const struct member *to = &u->members[u->edges[i].to];

		assert_true(from->stop && to->stop);
		assert_true(from->level > to->level);
		assert_true(from->level < u->n_levels);
		assert_true(!u->edges[i].healthy || to->c->has_healthcheck);
	}
	for (i = 0; i < u->n_members; i++) {
		bool found = u->members[i].level == 0;

		for (k = 0; k < u->n_edges; k++)
			found |= u->edges[k].from == i &&
				 u->members[u->edges[k].to].level + 1 == u->members[i].level;
		assert_true(found);
	}
}

/* In a graph without circles, whoever reaches another through its labels starts later. */
static void check_reach(const struct unit *u)
{
	size_t i, k;
	static bool reach[NODES_MAX][NODES_MAX];
	size_t n = u->n_members, middle;

	memset(reach, 0, sizeof(reach));
	for (i = 0; i < n; i++)
		for (k = 0; k < u->members[i].c->n_depends; k++) {
			const struct member *to =
				member_find(u, u->members[i].c->depends[k].service);

			if (to)
				reach[i][to - u->members] = true;
		}
	for (middle = 0; middle < n; middle++)
		for (i = 0; i < n; i++)
			for (k = 0; k < n; k++)
				reach[i][k] |= reach[i][middle] && reach[middle][k];
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++)
			if (reach[i][k] && u->members[i].stop && u->members[k].stop)
				assert_true(u->members[i].level > u->members[k].level);
}

static void random_graphs(void **state)
{
	unsigned int seed = 7, round;

	(void)state;
	for (round = 0; round < 400; round++) {
		bool acyclic = round % 2;
		size_t n;
		struct inventory *inv = random_host(&seed, acyclic, &n);
		struct units a = plan(inv, NULL), b;
		CLEANUP(json_putp) struct json_object *ja = unit_plan_json(&a.v[0], 5);
		CLEANUP(json_putp) struct json_object *jb = NULL;

		assert_int_equal(a.v[0].n_members, n);
		check_levels(&a.v[0]);
		if (acyclic) {
			check_reach(&a.v[0]);
			assert_int_equal(a.v[0].warnings.n, 0);
		}
		units_done(&a);
		shuffle(inv, &seed);
		b = plan(inv, NULL);
		jb = unit_plan_json(&b.v[0], 5);
		assert_string_equal(
			json_object_to_json_string(ja), json_object_to_json_string(jb));
		units_done(&b);
		inventory_free(inv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depends_on),
		cmocka_unit_test(exited_ones_are_bridged),
		cmocka_unit_test(namespaces_and_links),
		cmocka_unit_test(cycles_are_cut),
		cmocka_unit_test(guests_are_ordered_too),
		cmocka_unit_test(long_chain),
		cmocka_unit_test(random_graphs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
