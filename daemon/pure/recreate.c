/* SPDX-License-Identifier: MIT */
/*
 * docker run for a container as inspect shows it: name, what the tables say, environment, health
 * check, mounts (from the top-level list, the one reliable one), the first network; image
 * and command. A secret in the environment that was redacted is taken from the shell's
 * (--env=NAME), so that it is in no argument list; networks beyond the first are connected
 * between create and start.
 */
#include "daemon/pure/recreate.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/shell.h"
#include "common/varlink.h"
#include "daemon/pure/redact.h"

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static const char *text_at(struct json_object *list, size_t i)
{
	struct json_object *v = i < length_of(list) ? json_object_array_get_idx(list, i) : NULL;

	return v ? json_object_get_string(v) : "";
}

/* --- environment, health ----------------------------------------------------------------- */

static bool is_variable(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return len > 0 && !isdigit((unsigned char)*name);
}

static void put_environment(struct json_object *list, struct recreate *r)
{
	for (size_t i = 0; i < length_of(list); i++) {
		const char *entry = text_at(list, i), *equals = strchr(entry, '=');
		size_t len = equals ? (size_t)(equals - entry) : 0;
		if (equals && streq(equals + 1, REDACTED) && is_variable(entry, len)) {
			strv_addf(&r->words, "--env=%.*s", (int)len, entry);
			strv_take(&r->needs, xstrndup(entry, len));
		} else {
			strv_addf(&r->words, "--env=%s", entry);
		}
	}
}

/* docker run knows the shell form only: the other is written as the shell's words. */
static void put_health_command(struct json_object *test, struct recreate *r)
{
	struct buf line CLEANUP(buf_done) = { 0 };

	if (streq(text_at(test, 0), "NONE"))
		strv_add(&r->words, "--no-healthcheck");
	if (streq(text_at(test, 0), "CMD-SHELL"))
		strv_addf(&r->words, "--health-cmd=%s", text_at(test, 1));
	if (!streq(text_at(test, 0), "CMD"))
		return;
	for (size_t i = 1; i < length_of(test); i++) {
		char *word CLEANUP(freep) = shell_quote(text_at(test, i));
		buf_printf(&line, "%s%s", i > 1 ? " " : "", word);
	}
	strv_addf(&r->words, "--health-cmd=%s", line.data ? line.data : "");
	strv_add(&r->unsaid, "Config.Healthcheck: it was run without a shell");
}

static void put_health(struct json_object *check, struct recreate *r)
{
	static const char *const times[][2] = { { "Interval", "interval" }, { "Timeout", "timeout" },
		{ "StartPeriod", "start-period" }, { "StartInterval", "start-interval" } };

	put_health_command(json_member(check, "Test"), r);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (json_number(check, times[i][0], 0) > 0)
			strv_addf(&r->words, "--health-%s=%" PRId64 "ns", times[i][1], json_number(check, times[i][0], 0));
	if (json_number(check, "Retries", 0) > 0)
		strv_addf(&r->words, "--health-retries=%" PRId64, json_number(check, "Retries", 0));
}

/* --- mounts ---------------------------------------------------------------------------------- */

/* One field of --mount, which is a line of CSV. */
static void put_field(struct buf *b, const char *key, const char *value)
{
	bool quote = value[strcspn(value, ",\"\n\r")] != '\0';

	buf_printf(b, "%s%s%s=", b->len ? "," : "", quote ? "\"" : "", key);
	for (const char *p = value; *p; p++)
		buf_printf(b, "%s%c", *p == '"' ? "\"" : "", *p);
	buf_puts(b, quote ? "\"" : "");
}

static void put_number(struct buf *b, const char *key, struct json_object *o, const char *member, const char *format)
{
	int64_t n = json_number(o, member, 0);
	char *text CLEANUP(freep) = streq(format, "octal") ? xasprintf("%" PRIo64, (uint64_t)n) : xasprintf("%" PRId64, n);

	if (n > 0)
		put_field(b, key, text);
}

/* What was asked for at ${destination}: it knows more than the list of what is mounted. */
static struct json_object *asked_for(struct json_object *host, const char *destination)
{
	struct json_object *list = json_member(host, "Mounts");

	for (size_t i = 0; i < length_of(list); i++)
		if (streq(json_text(json_object_array_get_idx(list, i), "Target"), destination))
			return json_object_array_get_idx(list, i);
	return NULL;
}

static void put_mount(struct json_object *m, struct json_object *host, struct recreate *r)
{
	const char *type = json_text(m, "Type"), *destination = json_text(m, "Destination"), *mode = json_text(m, "Mode");
	const char *source = json_text(m, streq(type, "volume") ? "Name" : "Source"), *propagation = json_text(m, "Propagation");
	struct json_object *asked = asked_for(host, destination), *volume = json_member(asked, "VolumeOptions");
	struct json_object *memory = json_member(asked, "TmpfsOptions");
	struct buf b CLEANUP(buf_done) = { 0 };

	if (!destination || !(streq(type, "volume") || streq(type, "bind") || streq(type, "tmpfs"))) {
		strv_addf(&r->unsaid, "Mounts: %s", json_object_to_json_string_ext(m, JSON_C_TO_STRING_PLAIN));
		return;
	}
	put_field(&b, "type", type);
	if (source && *source && !streq(type, "tmpfs"))
		put_field(&b, "source", source);
	put_field(&b, "target", destination);
	if (!json_flag(m, "RW", true))
		buf_puts(&b, ",readonly");
	if (streq(type, "bind") && propagation && *propagation && !streq(propagation, "rprivate"))
		put_field(&b, "bind-propagation", propagation);
	if (json_flag(json_member(asked, "BindOptions"), "NonRecursive", false))
		buf_puts(&b, ",bind-nonrecursive");
	if (json_flag(volume, "NoCopy", false))
		buf_puts(&b, ",volume-nocopy");
	if (json_text(volume, "Subpath") && *json_text(volume, "Subpath"))
		put_field(&b, "volume-subpath", json_text(volume, "Subpath"));
	put_number(&b, "tmpfs-size", memory, "SizeBytes", "decimal");
	put_number(&b, "tmpfs-mode", memory, "Mode", "octal");
	strv_addf(&r->words, "--mount=%s", b.data);
	if (streq(type, "bind") && mode && strpbrk(mode, "zZ")) /* volumes have it by default */
		strv_addf(&r->unsaid, "the SELinux label \"%s\" of the mount at %s", mode, destination);
}

/* --- networks --------------------------------------------------------------------------------- */

static void put_endpoint(struct json_object *endpoint, const char *id, bool connect, struct strv *words)
{
	struct json_object *ipam = json_member(endpoint, "IPAMConfig"), *aliases = json_member(endpoint, "Aliases");
	const char *ip = json_text(ipam, "IPv4Address"), *ip6 = json_text(ipam, "IPv6Address");

	if (ip && *ip)
		strv_addf(words, "--ip=%s", ip);
	if (ip6 && *ip6)
		strv_addf(words, "--ip6=%s", ip6);
	for (size_t i = 0; i < length_of(aliases); i++)
		if (strlen(text_at(aliases, i)) != 12 || !starts_with(id, text_at(aliases, i))) /* that one the engine adds */
			strv_addf(words, "--%s=%s", connect ? "alias" : "network-alias", text_at(aliases, i));
	if (connect)
		recreate_map(json_member(endpoint, "DriverOpts"), "driver-opt", words);
}

static void add_connect(struct recreate *r, const char *network, struct json_object *endpoint, const char *id)
{
	GROW(r->connects, r->n_connects);
	struct strv *words = &r->connects[r->n_connects++];

	strv_add(words, "network");
	strv_add(words, "connect");
	put_endpoint(endpoint, id, true, words);
	strv_add(words, "--");
	strv_add(words, network);
	strv_add(words, r->name);
}

static void put_networks(struct json_object *inspect, const struct inventory *inv, const char *id, struct recreate *r)
{
	const char *mode = json_text(json_member(inspect, "HostConfig"), "NetworkMode");
	struct json_object *networks = json_member(json_member(inspect, "NetworkSettings"), "Networks");
	const char *first = !mode || !*mode || streq(mode, "default") ? "bridge" : mode;
	const struct container *owner = inv && starts_with(mode, "container:") ? inventory_container(inv, mode + 10) : NULL;
	bool has_first = json_object_object_get_ex(networks, first, NULL);

	if (owner)
		strv_addf(&r->words, "--network=container:%s", owner->name);
	else if (!streq(first, "bridge"))
		strv_addf(&r->words, "--network=%s", first);
	if (!json_object_is_type(networks, json_type_object) || starts_with(mode, "container:") || streq(mode, "host") || streq(mode, "none"))
		return;
	json_object_object_foreach(networks, name, endpoint)
	{
		/* a network that was given by its id stands under its name */
		bool is_first = has_first ? streq(name, first) : json_object_object_length(networks) == 1;
		if (is_first && !streq(name, "bridge"))
			put_endpoint(endpoint, id, false, &r->words);
		else if (!is_first)
			add_connect(r, name, endpoint, id);
	}
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* Of an entry point the option takes one word; the others go before the command. */
static void put_command(struct json_object *config, struct strv *entry, struct recreate *r)
{
	struct json_object *command = json_member(config, "Cmd");
	const char *image = json_text(config, "Image");

	strv_add(&r->words, image ? image : "");
	for (size_t i = 1; i < entry->n; i++)
		strv_add(&r->words, entry->v[i]);
	for (size_t i = 0; i < length_of(command); i++)
		strv_add(&r->words, text_at(command, i));
}

static void put_hostname(struct json_object *inspect, const char *id, struct recreate *r)
{
	const char *hostname = json_text(json_member(inspect, "Config"), "Hostname");
	const char *mode = json_text(json_member(inspect, "HostConfig"), "NetworkMode"), *uts = json_text(json_member(inspect, "HostConfig"), "UTSMode");

	if (hostname && *hostname && !starts_with(id, hostname) && !streq(mode, "host") && !starts_with(mode, "container:") && !streq(uts, "host"))
		strv_addf(&r->words, "--hostname=%s", hostname);
}

void recreate_container(struct json_object *inspect, const struct inventory *inv, struct recreate *ret)
{
	struct json_object *config = json_member(inspect, "Config"), *host = json_member(inspect, "HostConfig");
	struct json_object *mounts = json_member(inspect, "Mounts");
	const char *name = json_text(inspect, "Name"), *id = json_text(inspect, "Id"), *state = json_text(json_member(inspect, "State"), "Status");
	bool ran = streq(state, "running") || streq(state, "paused") || streq(state, "restarting");
	struct recreate r = { .name = xstrdup(name ? name + (*name == '/') : "") };
	struct strv entry CLEANUP(strv_done) = { 0 };

	json_read_list(config, "Entrypoint", &entry);
	strv_addf(&r.words, "--name=%s", r.name);
	put_hostname(inspect, id ? id : "", &r);
	put_networks(inspect, inv, id ? id : "", &r);
	recreate_config(inspect, &r);
	put_environment(json_member(config, "Env"), &r);
	put_health(json_member(config, "Healthcheck"), &r);
	if (entry.n)
		strv_addf(&r.words, "--entrypoint=%s", entry.v[0]);
	recreate_host_config(inspect, inv, &r);
	for (size_t i = 0; i < length_of(mounts); i++)
		put_mount(json_object_array_get_idx(mounts, i), host, &r);
	put_command(config, &entry, &r);
	bool run = ran && r.n_connects == 0;
	struct strv rest = r.words;
	r.words = (struct strv){ 0 };
	strv_add(&r.words, run ? "run" : "create");
	if (run)
		strv_add(&r.words, "-d");
	strv_copy(&r.words, &rest);
	strv_done(&rest);
	r.start = ran && !run;
	*ret = r;
}

void recreate_done(struct recreate *r)
{
	free(r->name);
	for (size_t i = 0; i < r->n_connects; i++)
		strv_done(&r->connects[i]);
	free(r->connects);
	strv_done(&r->words);
	strv_done(&r->needs);
	strv_done(&r->unsaid);
	*r = (struct recreate){ 0 };
}

/* --- networks and volumes ------------------------------------------------------------------------ */

static void put_option(struct strv *words, const char *option, const char *value, const char *unset)
{
	if (value && *value && !streq(value, unset))
		strv_addf(words, "--%s=%s", option, value);
}

static void put_subnet(struct json_object *o, struct strv *words)
{
	put_option(words, "subnet", json_text(o, "Subnet"), NULL);
	put_option(words, "ip-range", json_text(o, "IPRange"), NULL);
	put_option(words, "gateway", json_text(o, "Gateway"), NULL);
	recreate_map(json_member(o, "AuxiliaryAddresses"), "aux-address", words);
}

void recreate_network(struct json_object *network, struct strv *words)
{
	static const char *const flags[][2] = { { "Internal", "--internal" }, { "Attachable", "--attachable" },
		{ "EnableIPv6", "--ipv6" }, { "Ingress", "--ingress" }, { "ConfigOnly", "--config-only" } };
	struct json_object *ipam = json_member(network, "IPAM"), *subnets = json_member(ipam, "Config");
	const char *name = json_text(network, "Name");

	strv_add(words, "network");
	strv_add(words, "create");
	put_option(words, "driver", json_text(network, "Driver"), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (json_flag(network, flags[i][0], false))
			strv_add(words, flags[i][1]);
	put_option(words, "config-from", json_text(json_member(network, "ConfigFrom"), "Network"), NULL);
	put_option(words, "ipam-driver", json_text(ipam, "Driver"), "default");
	recreate_map(json_member(ipam, "Options"), "ipam-opt", words);
	for (size_t i = 0; i < length_of(subnets); i++)
		put_subnet(json_object_array_get_idx(subnets, i), words);
	recreate_map(json_member(network, "Options"), "opt", words);
	recreate_map(json_member(network, "Labels"), "label", words);
	strv_add(words, "--");
	strv_add(words, name ? name : "");
}

void recreate_volume(struct json_object *volume, struct strv *words)
{
	const char *name = json_text(volume, "Name");

	strv_add(words, "volume");
	strv_add(words, "create");
	put_option(words, "driver", json_text(volume, "Driver"), "local");
	recreate_map(json_member(volume, "Options"), "opt", words);
	recreate_map(json_member(volume, "Labels"), "label", words);
	strv_add(words, "--");
	strv_add(words, name ? name : "");
}
