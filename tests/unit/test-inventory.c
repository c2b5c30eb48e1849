/* SPDX-License-Identifier: MIT */
/* What a real engine answered (20.10), and what a hostile or foreign one could. */
#include "tests/unit/inventory-fixture.h"

#define SIXTY_FOUR "465b95390ef2f95dea6e2e9ba0362e30e93d9a257df647377ced8ab402e07cc0"

static void read_one(const char *file, struct container *c)
{
	CLEANUP(freep) char *text = data_read(file);
	struct fault f = { 0 };

	assert_int_equal(inventory_parse_container(text, strlen(text), true, c, &f), 0);
	assert_string_equal(c->raw, text);
}

static void compose_database(void **state)
{
	struct container c;

	(void)state;
	read_one("container-shop-db-1.json", &c);
	assert_int_equal(strlen(c.id), 64);
	assert_string_equal(c.name, "shop-db-1");
	assert_string_equal(c.project, "shop");
	assert_string_equal(c.service, "db");
	assert_string_equal(c.working_dir, "/srv/shop");
	assert_int_equal(c.number, 1);
	assert_false(c.oneoff);
	assert_int_equal(c.config_files.n, 2);
	assert_string_equal(c.config_files.v[0], "/srv/shop/docker-compose.yml");
	assert_string_equal(c.config_files.v[1], "/srv/over.yml");
	assert_string_equal(c.env_files.v[0], "/srv/shop/.env");
	assert_int_equal(c.state, CONTAINER_RUNNING);
	assert_int_equal(c.health, HEALTH_STARTING);
	assert_true(c.has_healthcheck);
	/* 10 s + 5 × (2 s + 30 s) + 2 s + 30 s */
	assert_int_equal(c.health_deadline_ms, 202000);
	assert_int_equal(c.stop_timeout_s, 60);
	assert_string_equal(c.image, "postgres:15");
	assert_string_equal(c.database, "postgres");
	assert_string_equal(c.started_at, "2026-11-24T10:03:35.149725884Z");
	assert_string_equal(c.finished_at, "0001-01-01T00:00:00Z");
	assert_string_equal(c.restart_policy, "no");
	assert_int_equal(c.n_mounts, 2);
	assert_string_equal(c.mounts[0].destination, "/cache");
	assert_string_equal(c.mounts[1].name, "pgdata");
	assert_string_equal(c.mounts[1].driver, "local");
	assert_true(c.mounts[1].rw);
	assert_string_equal(c.networks.v[0], "none");
	container_done(&c);
	container_done(&c);
}

static void compose_web(void **state)
{
	struct container c;

	(void)state;
	read_one("container-shop-web-1.json", &c);
	assert_int_equal(c.n_depends, 2);
	assert_string_equal(c.depends[0].service, "db");
	assert_int_equal(c.depends[0].condition, DEP_HEALTHY);
	assert_string_equal(c.depends[1].service, "init");
	assert_int_equal(c.depends[1].condition, DEP_COMPLETED);
	assert_int_equal(c.tmpfs.n, 1);
	assert_string_equal(c.tmpfs.v[0], "/tmp/x");
	assert_int_equal(c.n_mounts, 5);
	assert_false(c.has_healthcheck);
	assert_int_equal(c.stop_timeout_s, -1);
	assert_null(c.database);
	container_done(&c);
}

static void others(void **state)
{
	struct container c;

	(void)state;
	read_one("container-shop-init-1.json", &c);
	assert_int_equal(c.state, CONTAINER_CREATED);
	assert_int_equal(c.exit_code, 127);
	container_done(&c);
	read_one("container-side.json", &c);
	assert_string_equal(c.network_of, SIXTY_FOUR);
	assert_null(c.pid_of);
	assert_true(c.auto_remove);
	container_done(&c);
	read_one("container-pauser.json", &c);
	assert_int_equal(c.state, CONTAINER_PAUSED);
	container_done(&c);
	read_one("container-weird.json", &c);
	assert_string_equal(c.mounts[0].source, "/srv/shop/we ird\ndir");
	container_done(&c);
}

static void lists(void **state)
{
	CLEANUP(freep) char *volumes = data_read("volumes.json");
	CLEANUP(freep) char *info = data_read("engine-info.json");
	CLEANUP(freep) char *ids = data_read("containers.json");
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	const struct volume *v;
	struct strv list = { 0 };
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(inventory_parse_volumes(volumes, strlen(volumes), inv, &f), 0);
	assert_int_equal(inv->n_volumes, 6);
	v = inventory_volume(inv, "nfsvol");
	assert_true(v->has_options);
	assert_string_equal(v->type, "nfs");
	assert_string_equal(v->device, ":/export");
	assert_contains(v->raw, "addr=10.0.0.1");
	assert_false(inventory_volume(inv, "pgdata")->has_options);
	assert_false(inventory_volume(inv, "pgdata")->anonymous);
	assert_true(inv->volumes[2].anonymous);
	assert_null(inventory_volume(inv, "nowhere"));
	assert_int_equal(inventory_parse_info(info, strlen(info), &inv->engine, &f), 0);
	assert_string_equal(inv->engine.root_dir, "/var/lib/docker");
	assert_string_equal(inv->engine.name, "host");
	assert_contains(inv->engine.version, "20.10");
	assert_false(inv->engine.podman || inv->engine.rootless || inv->engine.userns ||
		     inv->engine.live_restore);
	assert_int_equal(inventory_parse_ids(ids, strlen(ids), &list, &f), 0);
	assert_int_equal(list.n, 8);
	assert_int_equal(strlen(list.v[7]), 64);
	strv_done(&list);
	inventory_freep(&inv);
	assert_null(inv);
	inventory_free(NULL);
}

static void owners(void **state)
{
	static const struct {
		const char *info, *owners;
	} engines[] = {
		{ "{\"DockerRootDir\":\"/var/lib/docker\"}", "host" },
		{ "{\"DockerRootDir\":\"/srv/100000.100000\",\"SecurityOptions\":[\"name=seccomp\"]}", "host" },
		{ "{\"DockerRootDir\":\"/var/lib/docker/100000.200000\",\"SecurityOptions\":[\"name=seccomp\",\"name=userns\"]}",
			"userns-remap 100000.200000" },
		{ "{\"DockerRootDir\":\"/var/lib/docker/1.2x\",\"SecurityOptions\":[\"name=userns\"]}", "userns-remap" },
		{ "{\"SecurityOptions\":[\"name=userns\"]}", "userns-remap" },
		{ "{\"SecurityOptions\":[\"name=rootless\"]}", "rootless" },
	};
	struct fault f = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		struct engine e;
		assert_int_equal(inventory_parse_info(engines[i].info, strlen(engines[i].info), &e, &f), 0);
		char *found CLEANUP(freep) = engine_owners(&e);
		assert_string_equal(found, engines[i].owners);
		engine_done(&e);
	}
}

static void other_engines(void **state)
{
	static const char podman[] =
		"{\"ID\":\"x\",\"BuildahVersion\":\"1.28\",\"Rootless\":true,"
		"\"SecurityOptions\":[\"name=userns\",7],\"LiveRestoreEnabled\":true}";
	static const char rootless[] = "{\"SecurityOptions\":[\"name=rootless\"]}";
	static const char labelled[] = "{\"Volumes\":[{\"Name\":\"short\",\"Labels\":"
				       "{\"com.docker.volume.anonymous\":\"\"}},{},null,7,"
				       "{\"Name\":\"quota\",\"Options\":{\"o\":\"size=1G\"}}]}";
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	struct engine e;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(inventory_parse_info(podman, strlen(podman), &inv->engine, &f), 0);
	e = inv->engine;
	assert_true(e.podman && e.rootless && e.userns && e.live_restore);
	assert_null(e.root_dir);
	free(inv->engine.id);
	assert_int_equal(inventory_parse_info(rootless, strlen(rootless), &inv->engine, &f), 0);
	assert_true(inv->engine.rootless && !inv->engine.podman);
	assert_int_equal(inventory_parse_volumes(labelled, strlen(labelled), inv, &f), 0);
	assert_int_equal(inventory_parse_volumes("{\"Volumes\":null}", 16, inv, &f), 0);
	assert_int_equal(inventory_parse_volumes("{}", 2, inv, &f), 0);
	assert_int_equal(inv->n_volumes, 2);
	assert_true(inv->volumes[0].anonymous);
	assert_false(inv->volumes[1].has_options);
	inventory_free(inv);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = { "", "null", "[", "7", "\"x\"", "{} x", "<html>",
		"{\"Id\":7}", "{\"Id\":\"../x\"}", "{\"Id\":\"a\\nb\"}", "{\"Id\":\"\"}" };
	struct inventory inv = { 0 };
	struct engine e;
	struct container c;
	struct strv ids = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct fault f = { 0 };

		assert_true(inventory_parse_container(
				    texts[i], strlen(texts[i]), true, &c, &f) < 0);
		assert_int_equal(f.code, FAULT_ENGINE);
		assert_true(inventory_parse_ids(texts[i], strlen(texts[i]), &ids, &f) < 0);
		if (i < 7) {
			assert_true(
				inventory_parse_info(texts[i], strlen(texts[i]), &e, &f) < 0);
			assert_true(inventory_parse_volumes(
					    texts[i], strlen(texts[i]), &inv, &f) < 0);
		}
	}
	assert_true(inventory_parse_volumes("{\"Volumes\":7}", 13, &inv, NULL) < 0);
	assert_int_equal(inventory_parse_ids("[{\"Id\":\"a\"},null,7,{}]", 22, &ids, NULL), 0);
	assert_int_equal(ids.n, 1);
	strv_done(&ids);
}

static void parse_text(const char *text, struct container *c)
{
	struct fault f = { 0 };

	assert_int_equal(inventory_parse_container(text, strlen(text), false, c, &f), 0);
	assert_null(c->raw);
}

static void every_field_may_be_missing_or_wrong(void **state)
{
	struct container c;

	(void)state;
	parse_text("{\"Id\":\"abcdefabcdefabcdef\"}", &c);
	assert_string_equal(c.name, "abcdefabcdef");
	assert_int_equal(c.state, CONTAINER_EXITED);
	assert_int_equal(c.stop_timeout_s, -1);
	container_done(&c);
	parse_text(
		"{\"Id\":\"a\",\"Name\":\"/\",\"State\":[],\"Config\":{\"Labels\":7,\"Healthcheck\":"
		"{\"Test\":[],\"Retries\":99999999999,\"Interval\":-5,\"Timeout\":"
		"9223372036854775807}},\"HostConfig\":{\"Links\":[7,\"\",\":x\",\"/db:/web/db\"],"
		"\"VolumesFrom\":[\"data:ro\"],\"Tmpfs\":[],\"NetworkMode\":\"container:\",\"PidMode\":"
		"\"container:p\",\"IpcMode\":\"container:i\"},\"Mounts\":[null,7,{}],"
		"\"RestartCount\":99999999999,\"Image\":\"sha256:1\",\"NetworkSettings\":null}",
		&c);
	assert_string_equal(c.name, "a");
	assert_int_equal(c.links.n, 2);
	assert_string_equal(c.links.v[0], "db");
	assert_string_equal(c.links.v[1], "data");
	assert_null(c.network_of);
	assert_string_equal(c.pid_of, "p");
	assert_string_equal(c.ipc_of, "i");
	assert_int_equal(c.n_mounts, 1);
	assert_true(c.mounts[0].rw);
	assert_int_equal(c.restart_count, INT32_MAX);
	assert_false(c.has_healthcheck);
	assert_true(c.health_deadline_ms > 0 && c.health_deadline_ms < INT64_C(1) << 40);
	container_done(&c);
}

static void states(void **state)
{
	static const struct {
		const char *json;
		enum container_state state;
	} table[] = { { "{\"Status\":\"dead\"}", CONTAINER_DEAD },
		{ "{\"Status\":\"removing\"}", CONTAINER_REMOVING },
		{ "{\"Status\":\"restarting\"}", CONTAINER_RESTARTING },
		{ "{\"Status\":\"created\"}", CONTAINER_CREATED },
		{ "{\"Status\":\"configured\"}", CONTAINER_CREATED },
		{ "{\"Status\":\"stopping\",\"Running\":true}", CONTAINER_RUNNING },
		{ "{\"Status\":\"stopped\"}", CONTAINER_EXITED },
		{ "{\"Dead\":true}", CONTAINER_DEAD },
		{ "{\"Restarting\":true,\"Running\":true}", CONTAINER_RESTARTING },
		{ "{\"Paused\":true,\"Running\":true}", CONTAINER_PAUSED } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(freep)
		char *text = xasprintf("{\"Id\":\"a\",\"State\":%s}", table[i].json);
		struct container c;

		parse_text(text, &c);
		assert_int_equal(c.state, table[i].state);
		container_done(&c);
	}
	assert_string_equal(container_state_name(CONTAINER_REMOVING), "removing");
	assert_string_equal(container_state_name(CONTAINER_STATES), "unknown");
}

static void health(void **state)
{
	struct container c;

	(void)state;
	parse_text("{\"Id\":\"a\",\"State\":{\"Health\":{\"Status\":\"\"}},\"Config\":{}}", &c);
	assert_false(c.has_healthcheck);
	assert_int_equal(c.health, HEALTH_NONE);
	container_done(&c);
	parse_text("{\"Id\":\"a\",\"State\":{\"Health\":{\"Status\":\"healthy\"}},\"Config\":"
		   "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}}",
		&c);
	assert_false(c.has_healthcheck);
	container_done(&c);
	parse_text("{\"Id\":\"a\",\"State\":{\"Health\":{\"Status\":\"unhealthy\"}},\"Config\":"
		   "{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}}}",
		&c);
	assert_true(c.has_healthcheck);
	assert_int_equal(c.health, HEALTH_UNHEALTHY);
	/* the engine's defaults: 0 + 3 × 60 s + 30 s + 30 s */
	assert_int_equal(c.health_deadline_ms, 240000);
	container_done(&c);
}

static void orchestrators_and_oneoffs(void **state)
{
	struct container c;

	(void)state;
	parse_text("{\"Id\":\"a\",\"Config\":{\"Labels\":{\"com.docker.swarm.task.id\":\"t\","
		   "\"com.docker.compose.oneoff\":\"True\"}}}",
		&c);
	assert_true(c.swarm && !c.kubernetes && c.oneoff);
	container_done(&c);
	parse_text(
		"{\"Id\":\"a\",\"Config\":{\"Labels\":{\"io.kubernetes.pod.uid\":\"t\"}}}", &c);
	assert_true(!c.swarm && c.kubernetes);
	container_done(&c);
	parse_text(
		"{\"Id\":\"a\",\"Config\":{\"Labels\":{\"io.kubernetes.description\":\"t\"}}}",
		&c);
	assert_false(c.kubernetes);
	container_done(&c);
}

static void hostile_labels(void **state)
{
	struct container c;
	size_t len = 1 << 20, i;
	char *commas = xcalloc(len + 1, 1);
	CLEANUP(freep) char *text = NULL;

	(void)state;
	parse_text("{\"Id\":\"a\",\"Config\":{\"Labels\":{\"com.docker.compose.project\":"
		   "\"sh\\u0000op\",\"com.docker.compose.service\":\"%s\\n$(x)'\\\"\","
		   "\"com.docker.compose.depends_on\":\",:,::x,a:b:c:d,db:service_healthy\","
		   "\"com.docker.compose.project.config_files\":\",-,./x.yml,,/y.yml,\\u0000\","
		   "\"com.docker.compose.container-number\":\"-7\"}}}",
		&c);
	assert_string_equal(c.project, "sh\\000op");
	assert_string_equal(c.service, "%s\n$(x)'\"");
	assert_int_equal(c.n_depends, 2);
	assert_string_equal(c.depends[0].service, "a");
	assert_int_equal(c.depends[0].condition, DEP_STARTED);
	assert_int_equal(c.depends[1].condition, DEP_HEALTHY);
	assert_int_equal(c.config_files.n, 3);
	assert_string_equal(c.config_files.v[0], "./x.yml");
	assert_int_equal(c.number, 0);
	container_done(&c);
	for (i = 0; i < len; i++)
		commas[i] = i % 2 ? ',' : 'a';
	text = xasprintf(
		"{\"Id\":\"a\",\"Config\":{\"Labels\":{\"com.docker.compose.project.config_files\":"
		"\"%s\",\"com.docker.compose.depends_on\":\"%s\","
		"\"com.docker.compose.project.working_dir\":\"/w\"}}}",
		commas, commas);
	parse_text(text, &c);
	assert_int_equal(c.config_files.n, 256);
	assert_string_equal(c.config_files.v[255], "/w/a");
	container_done(&c);
	free(commas);
}

static void databases(void **state)
{
	static const char *const table[][2] = { { "docker.io/library/postgres:15", "postgres" },
		{ "postgis/postgis", "postgres" }, { "mariadb@sha256:1", "mariadb" },
		{ "x:5000/MySQL:8", "mysql" }, { "mongo", "mongodb" },
		{ "redis/redis-stack", "redis" }, { "valkey/valkey:8", "valkey" },
		{ "influxdb:2", "influxdb" }, { "elastic/elasticsearch:8", "elasticsearch" },
		{ "nginx", NULL }, { "postgres-tools/web", NULL }, { "mongo-express", NULL },
		{ "prometheuscommunity/postgres-exporter", NULL },
		{ "phpmyadmin/mysqladmin", NULL } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(freep)
		char *text =
			xasprintf("{\"Id\":\"a\",\"Config\":{\"Image\":\"%s\"}}", table[i][0]);
		struct container c;

		parse_text(text, &c);
		assert_true(streq(c.database, table[i][1]));
		container_done(&c);
	}
}

static void own_id(void **state)
{
	static const char inside[] = "22 1 0:21 / /proc rw - proc proc rw\n\n"
				     "700 600 254:1 /var/lib/docker/containers/" SIXTY_FOUR
				     "/resolv.conf /etc/resolv.conf rw - ext4 x rw\n"
				     "701 600 254:1 /var/lib/docker/containers/" SIXTY_FOUR
				     "/hostname /etc/hostname rw - ext4 x rw\n";
	static const char host[] =
		"1 0 8:1 / / rw - ext4 x rw\n"
		"9 1 0:5 / /var/lib/docker/containers/" SIXTY_FOUR
		"/mounts/shm rw - tmpfs shm rw\n"
		"10 1 8:1 /x/containers/12/hostname /etc/hostname rw - ext4 x rw\n"
		"11 1";
	CLEANUP(freep) char *id = inventory_self_id(inside);

	(void)state;
	assert_string_equal(id, SIXTY_FOUR);
	assert_null(inventory_self_id(host));
	assert_null(inventory_self_id(""));
	assert_null(inventory_self_id(NULL));
}

static void lookup(void **state)
{
	struct inventory *inv = host_new(NULL);
	CLEANUP(freep) char *id = id_of("b1");

	(void)state;
	ADD(inv, .name = "a1");
	ADD(inv, .name = "b1");
	assert_ptr_equal(inventory_container(inv, "b1"), &inv->containers[1]);
	assert_ptr_equal(inventory_container(inv, id), &inv->containers[1]);
	assert_null(inventory_container(inv, "c1"));
	inventory_free(inv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compose_database),
		cmocka_unit_test(compose_web),
		cmocka_unit_test(others),
		cmocka_unit_test(owners),
		cmocka_unit_test(lists),
		cmocka_unit_test(other_engines),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(every_field_may_be_missing_or_wrong),
		cmocka_unit_test(states),
		cmocka_unit_test(health),
		cmocka_unit_test(orchestrators_and_oneoffs),
		cmocka_unit_test(hostile_labels),
		cmocka_unit_test(databases),
		cmocka_unit_test(own_id),
		cmocka_unit_test(lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
