/* SPDX-License-Identifier: MIT */
/* Checks of the engine: does it answer, to whom, at which version; which containers are down. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/varlink.h"
#include "daemon/domain/doctor_internal.h"
#include "daemon/domain/history.h"

#define SKEW_MS   ((int64_t)60 * 1000)
#define PAST_RUNS 50

/* --- engine --------------------------------------------------------------------------------- */

static void say_socket(struct check *c)
{
	const char *path = docker_socket_path(c->o->ctx->docker);
	struct stat st;

	if (stat(path, &st) < 0)
		return; /* the engine's row says it */
	if (st.st_mode & S_IWOTH)
		check_say(c, "engine permissions", CHECK_WARNING, "chmod o-rwx the socket: who can write it is as good as root",
			"every user of this host can write %s", path);
	else
		check_say(c, "engine permissions", CHECK_OK, NULL, "mode %04o of %s", (unsigned int)st.st_mode & 07777, path);
}

static void on_version(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct check *c = arg;
	struct json_object *o CLEANUP(json_putp) = f ? NULL : json_parse(body, len);
	const char *newest = json_text(o, "ApiVersion"), *oldest = json_text(o, "MinAPIVersion");

	(void)status;
	if (f)
		check_say_fault(c, "engine API", f);
	else
		check_say(c, "engine API", CHECK_OK, NULL, "1.%d is spoken; the engine has %s to %s",
			docker_api_minor(c->o->ctx->docker), oldest ? oldest : "?", newest ? newest : "?");
	check_over(c);
}

static void say_clock(struct check *c, const char *body, size_t len)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(body, len);
	const char *text = json_text(o, "SystemTime");
	int64_t theirs = 0;

	if (!text || parse_time(text, &theirs) < 0)
		return; /* podman has none */
	int64_t ahead = theirs - wall_ms();
	if (ahead > SKEW_MS || ahead < -SKEW_MS)
		check_say(c, "engine clock", CHECK_WARNING, "is it another host's engine? set both clocks",
			"the engine's clock is %" PRId64 " s %s ours", (ahead < 0 ? -ahead : ahead) / 1000, ahead < 0 ? "behind" : "ahead of");
	else
		check_say(c, "engine clock", CHECK_OK, NULL, "as ours");
}

static void on_info(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct check *c = arg;
	struct engine e = { 0 };
	struct fault own = { 0 };

	(void)status;
	if (!f && inventory_parse_info(body, len, &e, &own) < 0)
		f = &own;
	if (f) {
		check_say_fault(c, NULL, f);
		engine_done(&e);
		check_over(c);
		return;
	}
	check_say(c, NULL, CHECK_OK, NULL, "%s %s at %s", e.podman ? "podman" : "docker", e.version ? e.version : "?",
		docker_socket_path(c->o->ctx->docker));
	engine_done(&e);
	say_socket(c);
	say_clock(c, body, len);
	docker_request(c->o->ctx->docker, "GET", "/version", NULL, on_version, c);
}

void check_engine(struct check *c)
{
	docker_request(c->o->ctx->docker, "GET", "/info", NULL, on_info, c);
}

/* --- containers that ran at their unit's last backup, and are down ----------------------------- */

static bool is_down(struct json_object *containers, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(containers); i++) {
		struct json_object *o = json_object_array_get_idx(containers, i), *names = json_member(o, "Names");
		const char *state = json_text(o, "State");
		for (size_t j = 0; json_object_is_type(names, json_type_array) && j < json_object_array_length(names); j++) {
			const char *text = json_object_get_string(json_object_array_get_idx(names, j));
			if (text && streq(text + (*text == '/'), name))
				return !streq(state, "running") && !streq(state, "paused") && !streq(state, "restarting");
		}
	}
	return false; /* one that is gone was removed by someone who meant it */
}

static void look_at_unit(struct json_object *containers, struct json_object *unit, struct buf *down)
{
	struct strv ran CLEANUP(strv_done) = { 0 };

	json_read_list(unit, "restarted", &ran);
	json_read_list(unit, "not_restarted", &ran);
	for (size_t i = 0; i < ran.n; i++)
		if (is_down(containers, ran.v[i]))
			buf_printf(down, "%s%s (%s)", down->len ? ", " : "", ran.v[i], json_text(unit, "unit"));
}

/* Each unit as its newest run left it. */
static void find_down(const struct conf *conf, struct json_object *containers, struct buf *down)
{
	struct json_object *runs CLEANUP(json_putp) = history_load(conf, NULL, PAST_RUNS);
	struct strv seen CLEANUP(strv_done) = { 0 };

	for (size_t i = 0; i < json_object_array_length(runs); i++) {
		struct json_object *units = json_member(json_object_array_get_idx(runs, i), "units");
		for (size_t j = 0; json_object_is_type(units, json_type_array) && j < json_object_array_length(units); j++) {
			struct json_object *u = json_object_array_get_idx(units, j);
			const char *name = json_text(u, "unit");
			if (!name || strv_has(&seen, name))
				continue;
			strv_add(&seen, name);
			look_at_unit(containers, u, down);
		}
	}
}

static void on_containers(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	struct check *c = arg;
	struct json_object *list CLEANUP(json_putp) = f ? NULL : json_parse(body, len);
	struct buf down CLEANUP(buf_done) = { 0 };

	(void)status;
	if (!json_object_is_type(list, json_type_array)) {
		check_say(c, NULL, CHECK_UNKNOWN, NULL, "the engine does not say which containers run");
		check_over(c);
		return;
	}
	find_down(c->o->ctx->conf, list, &down);
	if (down.len)
		check_say(c, NULL, CHECK_WARNING, "docker start it if that is not meant; the next backup takes it as it is then",
			"ran at the last backup and is down now: %s", down.data);
	else
		check_say(c, NULL, CHECK_OK, NULL, "what ran at the last backups runs");
	check_over(c);
}

void check_containers(struct check *c)
{
	docker_request(c->o->ctx->docker, "GET", "/containers/json?all=1", NULL, on_containers, c);
}
