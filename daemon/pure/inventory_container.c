/* SPDX-License-Identifier: MIT */
/*
 * One container's inspect, as GET /containers/ID/json answers it.
 *
 * Everything below is data of others: any field may be missing, null or of
 * another type, labels hold any text. What is missing stays NULL or 0; only an
 * answer without an id is refused, for without it nothing can be asked of the
 * engine again. The top-level Mounts are the one reliable list: HostConfig's
 * Binds and Mounts differ between versions of compose.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/varlink.h"
#include "daemon/pure/plan_internal.h"

#define LABEL_COMPOSE "com.docker.compose."

static const char *const state_names[] = {
	[CONTAINER_CREATED] = "created",
	[CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",
	[CONTAINER_RESTARTING] = "restarting",
	[CONTAINER_REMOVING] = "removing",
	[CONTAINER_EXITED] = "exited",
	[CONTAINER_DEAD] = "dead",
};
_Static_assert(ARRAY_SIZE(state_names) == CONTAINER_STATES, "a name for every state");

const char *container_state_name(enum container_state s)
{
	return (unsigned int)s < CONTAINER_STATES ? state_names[s] : "unknown";
}

char *engine_value_text(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string) || json_object_get_string_len(value) == 0)
		return NULL;
	return xstrdup(json_object_get_string(value)); /* what no string may have stands in escapes (gate_repair()) */
}

char *engine_text(struct json_object *o, const char *key)
{
	return engine_value_text(json_member(o, key));
}

static int clamped_int(struct json_object *o, const char *key, int fallback)
{
	int64_t n = json_number(o, key, fallback);

	if (n > INT32_MAX)
		return INT32_MAX;
	return n < INT32_MIN ? INT32_MIN : (int)n;
}

/* Words of others are kept where they are known; podman has a few of its own. */
static enum container_state read_state(struct json_object *state)
{
	CLEANUP(freep) char *word = engine_text(state, "Status");
	size_t i;

	for (i = 0; word && i < ARRAY_SIZE(state_names); i++)
		if (streq(word, state_names[i]))
			return (enum container_state)i;
	if (json_flag(state, "Dead", false))
		return CONTAINER_DEAD;
	if (json_flag(state, "Restarting", false))
		return CONTAINER_RESTARTING;
	if (json_flag(state, "Paused", false))
		return CONTAINER_PAUSED;
	if (json_flag(state, "Running", false))
		return CONTAINER_RUNNING;
	return streq(word, "configured") || streq(word, "initialized") ? CONTAINER_CREATED
								       : CONTAINER_EXITED;
}

static void parse_state(struct json_object *state, struct container *c)
{
	CLEANUP(freep) char *health = engine_text(json_member(state, "Health"), "Status");

	c->state = read_state(state);
	c->started_at = engine_text(state, "StartedAt");
	c->finished_at = engine_text(state, "FinishedAt");
	c->exit_code = clamped_int(state, "ExitCode", 0);
	c->pid = clamped_int(state, "Pid", 0);
	c->oom_killed = json_flag(state, "OOMKilled", false);
	if (streq(health, "starting"))
		c->health = HEALTH_STARTING;
	else if (streq(health, "healthy"))
		c->health = HEALTH_HEALTHY;
	else if (streq(health, "unhealthy"))
		c->health = HEALTH_UNHEALTHY;
}

/* Nanoseconds of the engine; 0 and nonsense mean its default. A day is the most we believe. */
static int64_t health_ms(struct json_object *check, const char *key, int64_t fallback_ms)
{
	int64_t ms = json_number(check, key, 0) / 1000000;

	if (ms <= 0)
		return fallback_ms;
	return ms > 86400000 ? 86400000 : ms;
}

static void parse_healthcheck(struct json_object *config, struct container *c)
{
	struct json_object *check = json_member(config, "Healthcheck");
	struct json_object *test = json_member(check, "Test");
	CLEANUP(freep) char *first = NULL;
	int64_t interval, timeout, retries;

	if (json_object_is_type(test, json_type_array) && json_object_array_length(test) > 0)
		first = engine_value_text(json_object_array_get_idx(test, 0));
	/* the presence of State.Health says nothing: podman always sends it */
	c->has_healthcheck = first ? !streq(first, "NONE") : check && c->health != HEALTH_NONE;
	interval = health_ms(check, "Interval", 30000);
	timeout = health_ms(check, "Timeout", 30000);
	retries = json_number(check, "Retries", 0);
	if (retries <= 0)
		retries = 3;
	if (retries > 1000)
		retries = 1000;
	c->health_deadline_ms = health_ms(check, "StartPeriod", 0) +
				retries * (interval + timeout) + interval + 30000;
}

#define FILES_MAX 256 /* a label may be forged */

/* Split at commas, relative names made absolute; "-" (standard input) is no file. */
static void split_files(const char *list, const char *working_dir, struct strv *ret)
{
	const char *at = list, *end;

	for (; at && ret->n < FILES_MAX; at = *end ? end + 1 : NULL) {
		CLEANUP(freep) char *one = NULL;

		end = strchrnul(at, ',');
		one = xstrndup(at, (size_t)(end - at));
		if (*one == '\0' || streq(one, "-"))
			continue;
		if (*one == '/' || !working_dir || *working_dir != '/')
			strv_add(ret, one);
		else
			strv_addf(ret, "%s/%s", working_dir,
				starts_with(one, "./") ? one + 2 : one);
	}
}

/* "db:service_healthy:true,init": any number of fields, more are ignored. */
static void parse_depends(const char *text, struct container *c)
{
	const char *at = text, *end;

	for (; at; at = *end ? end + 1 : NULL) {
		CLEANUP(freep) char *one = NULL;
		struct dependency *d;
		char *condition, *rest;

		end = strchrnul(at, ',');
		one = xstrndup(at, (size_t)(end - at));
		condition = strchr(one, ':');
		if (condition)
			*condition++ = '\0';
		rest = condition ? strchr(condition, ':') : NULL;
		if (rest)
			*rest = '\0';
		if (*one == '\0')
			continue;
		GROW(c->depends, c->n_depends);
		d = &c->depends[c->n_depends++];
		d->service = xstrdup(one);
		d->condition = streq(condition, "service_healthy") ? DEP_HEALTHY
			       : streq(condition, "service_completed_successfully")
				       ? DEP_COMPLETED
				       : DEP_STARTED;
	}
}

static void parse_labels(struct json_object *labels, struct container *c)
{
	CLEANUP(freep) char *oneoff = engine_text(labels, LABEL_COMPOSE "oneoff");
	CLEANUP(freep) char *number = engine_text(labels, LABEL_COMPOSE "container-number");
	CLEANUP(freep) char *config = engine_text(labels, LABEL_COMPOSE "project.config_files");
	CLEANUP(freep)
	char *env = engine_text(labels, LABEL_COMPOSE "project.environment_file");
	CLEANUP(freep) char *depends = engine_text(labels, LABEL_COMPOSE "depends_on");
	long n = number ? strtol(number, NULL, 10) : 0;

	c->project = engine_text(labels, LABEL_COMPOSE "project");
	c->service = engine_text(labels, LABEL_COMPOSE "service");
	c->working_dir = engine_text(labels, LABEL_COMPOSE "project.working_dir");
	c->number = n > 0 && n <= INT32_MAX ? (int)n : 0;
	c->oneoff = oneoff && strcasecmp(oneoff, "true") == 0;
	split_files(config, c->working_dir, &c->config_files);
	split_files(env, c->working_dir, &c->env_files);
	parse_depends(depends, c);
	c->swarm = json_object_object_get_ex(labels, "com.docker.swarm.task.id", NULL) ||
		   json_object_object_get_ex(labels, "com.docker.swarm.service.id", NULL);
	/* images carry io.kubernetes.description and the like: only a pod's own labels count */
	c->kubernetes = json_object_object_get_ex(labels, "io.kubernetes.pod.uid", NULL) ||
			json_object_object_get_ex(labels, "io.kubernetes.pod.name", NULL);
}

static char *shared_with(struct json_object *host, const char *key)
{
	CLEANUP(freep) char *mode = engine_text(host, key);

	if (!starts_with(mode, "container:") || mode[10] == '\0')
		return NULL;
	return xstrdup(mode + 10);
}

/* "/db:/web/alias" and, of VolumesFrom, "id:ro": what stands before the colon. */
static void add_links(struct json_object *list, struct strv *ret)
{
	size_t i, n = json_object_is_type(list, json_type_array)
			      ? json_object_array_length(list)
			      : 0;

	for (i = 0; i < n; i++) {
		CLEANUP(freep)
		char *link = engine_value_text(json_object_array_get_idx(list, i));
		const char *name = link;

		if (!link)
			continue;
		link[strcspn(link, ":")] = '\0';
		if (*name == '/')
			name++;
		if (*name)
			strv_add(ret, name);
	}
}

static void add_keys(struct json_object *o, struct strv *ret)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, value)
	{
		IGNORE(value); /* the macro wants a name for it */
		strv_add(ret, key);
	}
}

static void parse_host_config(struct json_object *host, struct container *c)
{
	c->restart_policy = engine_text(json_member(host, "RestartPolicy"), "Name");
	c->auto_remove = json_flag(host, "AutoRemove", false);
	c->network_of = shared_with(host, "NetworkMode");
	c->pid_of = shared_with(host, "PidMode");
	c->ipc_of = shared_with(host, "IpcMode");
	add_links(json_member(host, "Links"), &c->links);
	add_links(json_member(host, "VolumesFrom"), &c->links);
	add_keys(json_member(host, "Tmpfs"), &c->tmpfs);
}

static int by_destination(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;
	int r = strcmp(
		x->destination ? x->destination : "", y->destination ? y->destination : "");

	return r ? r : strcmp(x->source ? x->source : "", y->source ? y->source : "");
}

static void parse_mounts(struct json_object *list, struct container *c)
{
	size_t i, n = json_object_is_type(list, json_type_array)
			      ? json_object_array_length(list)
			      : 0;

	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct mount *m;

		if (!json_object_is_type(o, json_type_object))
			continue;
		GROW(c->mounts, c->n_mounts);
		m = &c->mounts[c->n_mounts++];
		m->type = engine_text(o, "Type");
		m->name = engine_text(o, "Name");
		m->source = engine_text(o, "Source");
		m->destination = engine_text(o, "Destination");
		m->driver = engine_text(o, "Driver");
		m->rw = json_flag(o, "RW", true); /* unknown: taken for a writer */
	}
	/* the engine's order changes from one inspect to the next */
	if (c->n_mounts > 1)
		qsort(c->mounts, c->n_mounts, sizeof(*c->mounts), by_destination);
}

/* The list of mounts has the whole volume as the source: that only a part of it is mounted stands elsewhere. */
static void mark_parts(struct json_object *host, struct container *c)
{
	struct json_object *list = json_member(host, "Mounts");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *part = json_text(json_member(o, "VolumeOptions"), "Subpath");
		for (size_t j = 0; part && *part && j < c->n_mounts; j++)
			c->mounts[j].part |= streq(c->mounts[j].destination, json_text(o, "Target"));
	}
}

static bool id_is_usable(const char *id)
{
	return id && strlen(id) <= 128 &&
	       id[strspn(id,
		       "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-")] ==
		       '\0';
}

int inventory_parse_container(
	const char *text, size_t len, bool keep_raw, struct container *ret, struct fault *f)
{
	CLEANUP(json_putp) struct json_object *o = json_parse(text, len);
	CLEANUP(freep) char *id = engine_text(o, "Id");
	CLEANUP(freep) char *name = engine_text(o, "Name");
	struct json_object *config = json_member(o, "Config");
	struct container c = { 0 };
	const char *bare = name;

	if (!json_object_is_type(o, json_type_object) || !id_is_usable(id))
		return fault_set(f, FAULT_ENGINE, -EBADMSG,
			"the engine's answer about a container is not one");
	if (bare && *bare == '/')
		bare++;
	c.name = bare && *bare ? xstrdup(bare) : xstrndup(id, 12);
	c.id = TAKE_PTR(id);
	c.image = engine_text(config, "Image");
	if (!c.image)
		c.image = engine_text(o, "Image");
	c.database = database_of_image(c.image);
	c.restart_count = clamped_int(o, "RestartCount", 0);
	c.stop_timeout_s = clamped_int(config, "StopTimeout", -1);
	parse_state(json_member(o, "State"), &c);
	parse_healthcheck(config, &c);
	parse_labels(json_member(config, "Labels"), &c);
	parse_host_config(json_member(o, "HostConfig"), &c);
	parse_mounts(json_member(o, "Mounts"), &c);
	mark_parts(json_member(o, "HostConfig"), &c);
	add_keys(json_member(json_member(o, "NetworkSettings"), "Networks"), &c.networks);
	strv_sort_unique(&c.tmpfs);
	strv_sort_unique(&c.networks);
	if (keep_raw)
		c.raw = xstrndup(text, len);
	*ret = c;
	return 0;
}

void mount_forget_place(struct mount *m)
{
	for (size_t i = 0; i < m->n_nested; i++)
		free(m->nested[i].place);
	free(m->nested);
	free(m->place);
	m->nested = NULL;
	m->place = NULL;
	m->n_nested = 0;
	m->device = m->inode = 0;
}

void container_done(struct container *c)
{
	size_t i;
	char *const owned[] = { c->id, c->name, c->image, c->project, c->service,
		c->working_dir, c->started_at, c->finished_at, c->restart_policy, c->network_of,
		c->pid_of, c->ipc_of, c->raw };

	for (i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	for (i = 0; i < c->n_depends; i++)
		free(c->depends[i].service);
	free(c->depends);
	for (i = 0; i < c->n_mounts; i++) {
		free(c->mounts[i].type);
		free(c->mounts[i].name);
		free(c->mounts[i].source);
		free(c->mounts[i].destination);
		free(c->mounts[i].driver);
		mount_forget_place(&c->mounts[i]);
	}
	free(c->mounts);
	strv_done(&c->config_files);
	strv_done(&c->env_files);
	strv_done(&c->links);
	strv_done(&c->tmpfs);
	strv_done(&c->networks);
	*c = (struct container){ 0 };
}
