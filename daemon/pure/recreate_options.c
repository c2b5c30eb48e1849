/* SPDX-License-Identifier: MIT */
/*
 * Two tables, one row for every key of inspect's Config and HostConfig that an engine fills: which
 * option says it, in which form, and which value means that nothing was said. A key without a
 * row that is not empty is unsaid: an engine newer than the tables hides nothing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/varlink.h"
#include "daemon/pure/recreate.h"

enum form {
	ELSEWHERE, /* said by other code, or by another key */
	TEXT, NUMBER, SET_NUMBER, FLAG, LIST, MAP, KEYS, CPUS, RATES, ULIMITS, DEVICES, RESTART, LOG, PORTS, LINKS, MODE, TMPFS,
	SECURITY,
};

struct row {
	const char *key, *option;
	enum form form;
	const char *unset; /* beside empty, 0, false and null */
};

static const struct row config_rows[] = {
	{ "Hostname", NULL, ELSEWHERE, NULL }, { "Domainname", "domainname", TEXT, NULL }, { "User", "user", TEXT, NULL },
	{ "AttachStdin", NULL, ELSEWHERE, NULL }, { "AttachStdout", NULL, ELSEWHERE, NULL }, { "AttachStderr", NULL, ELSEWHERE, NULL },
	{ "ExposedPorts", "expose", KEYS, NULL }, { "Tty", "tty", FLAG, NULL }, { "OpenStdin", "interactive", FLAG, NULL },
	{ "StdinOnce", NULL, ELSEWHERE, NULL }, { "Env", NULL, ELSEWHERE, NULL }, { "Cmd", NULL, ELSEWHERE, NULL },
	{ "Healthcheck", NULL, ELSEWHERE, NULL }, { "ArgsEscaped", NULL, ELSEWHERE, NULL }, { "Image", NULL, ELSEWHERE, NULL },
	{ "Volumes", NULL, ELSEWHERE, NULL }, { "WorkingDir", "workdir", TEXT, NULL }, { "Entrypoint", NULL, ELSEWHERE, NULL },
	{ "MacAddress", "mac-address", TEXT, NULL }, { "OnBuild", NULL, ELSEWHERE, NULL }, { "Labels", "label", MAP, NULL },
	{ "StopSignal", "stop-signal", TEXT, NULL }, { "StopTimeout", "stop-timeout", SET_NUMBER, NULL }, { "Shell", NULL, ELSEWHERE, NULL },
};

static const struct row host_rows[] = {
	{ "Binds", NULL, ELSEWHERE, NULL }, { "Mounts", NULL, ELSEWHERE, NULL }, { "VolumesFrom", NULL, ELSEWHERE, NULL },
	{ "ContainerIDFile", NULL, ELSEWHERE, NULL }, { "LogConfig", NULL, LOG, NULL }, { "NetworkMode", NULL, ELSEWHERE, NULL },
	{ "PortBindings", NULL, PORTS, NULL }, { "RestartPolicy", NULL, RESTART, NULL }, { "AutoRemove", "rm", FLAG, NULL },
	{ "VolumeDriver", "volume-driver", TEXT, NULL }, { "CapAdd", "cap-add", LIST, NULL }, { "CapDrop", "cap-drop", LIST, NULL },
	{ "CgroupnsMode", "cgroupns", TEXT, NULL }, { "Dns", "dns", LIST, NULL }, { "DnsOptions", "dns-option", LIST, NULL },
	{ "DnsSearch", "dns-search", LIST, NULL }, { "ExtraHosts", "add-host", LIST, NULL }, { "GroupAdd", "group-add", LIST, NULL },
	{ "IpcMode", "ipc", MODE, "private" }, { "Links", "link", LINKS, NULL }, { "OomScoreAdj", "oom-score-adj", NUMBER, NULL },
	{ "PidMode", "pid", MODE, NULL }, { "Privileged", "privileged", FLAG, NULL }, { "PublishAllPorts", "publish-all", FLAG, NULL },
	{ "ReadonlyRootfs", "read-only", FLAG, NULL }, { "SecurityOpt", "security-opt", SECURITY, NULL }, { "UTSMode", "uts", TEXT, NULL },
	{ "UsernsMode", "userns", TEXT, NULL }, { "ShmSize", "shm-size", NUMBER, "67108864" }, { "Sysctls", "sysctl", MAP, NULL },
	{ "Runtime", "runtime", TEXT, "runc" }, { "ConsoleSize", NULL, ELSEWHERE, NULL }, { "Isolation", "isolation", TEXT, "default" },
	{ "CpuShares", "cpu-shares", NUMBER, NULL }, { "Memory", "memory", NUMBER, NULL }, { "NanoCpus", "cpus", CPUS, NULL },
	{ "CgroupParent", "cgroup-parent", TEXT, NULL }, { "BlkioWeight", "blkio-weight", NUMBER, NULL },
	{ "BlkioWeightDevice", "blkio-weight-device", RATES, NULL }, { "BlkioDeviceReadBps", "device-read-bps", RATES, NULL },
	{ "BlkioDeviceWriteBps", "device-write-bps", RATES, NULL }, { "BlkioDeviceReadIOps", "device-read-iops", RATES, NULL },
	{ "BlkioDeviceWriteIOps", "device-write-iops", RATES, NULL }, { "CpuPeriod", "cpu-period", NUMBER, NULL },
	{ "CpuQuota", "cpu-quota", NUMBER, NULL }, { "CpuRealtimePeriod", "cpu-rt-period", NUMBER, NULL },
	{ "CpuRealtimeRuntime", "cpu-rt-runtime", NUMBER, NULL }, { "CpusetCpus", "cpuset-cpus", TEXT, NULL },
	{ "CpusetMems", "cpuset-mems", TEXT, NULL }, { "Devices", "device", DEVICES, NULL },
	{ "DeviceCgroupRules", "device-cgroup-rule", LIST, NULL }, { "MemoryReservation", "memory-reservation", NUMBER, NULL },
	{ "MemorySwap", "memory-swap", NUMBER, NULL }, { "MemorySwappiness", "memory-swappiness", SET_NUMBER, "-1" },
	{ "OomKillDisable", "oom-kill-disable", FLAG, NULL }, { "PidsLimit", "pids-limit", NUMBER, NULL }, { "Ulimits", "ulimit", ULIMITS, NULL },
	{ "MaskedPaths", NULL, ELSEWHERE, NULL }, { "ReadonlyPaths", NULL, ELSEWHERE, NULL }, { "Tmpfs", "tmpfs", TMPFS, NULL },
	{ "StorageOpt", "storage-opt", MAP, NULL }, { "Init", "init", FLAG, NULL }, { "Annotations", "annotation", MAP, NULL },
};

static bool is_empty(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(v);
	case json_type_double:
	case json_type_int:
		return json_object_get_int64(v) == 0;
	case json_type_string:
		return json_object_get_string_len(v) == 0;
	case json_type_array:
		return json_object_array_length(v) == 0;
	case json_type_object:
		return json_object_object_length(v) == 0;
	}
	return true; /* UNTESTED: json-c has no other types */
}

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static const char *text_at(struct json_object *list, size_t i)
{
	struct json_object *v = json_object_array_get_idx(list, i);

	return v ? json_object_get_string(v) : "";
}

void recreate_map(struct json_object *o, const char *option, struct strv *words)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, name, value)
		strv_addf(words, "--%s=%s=%s", option, name, value ? json_object_get_string(value) : "");
}

/* --- one function a form ------------------------------------------------------------------ */

static void put_keys(struct json_object *o, const char *option, struct strv *words)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, name, value)
	{
		(void)value;
		strv_addf(words, "--%s=%s", option, name);
	}
}

/* PATH:OPTIONS, or PATH alone. */
static void put_tmpfs(struct json_object *o, struct strv *words)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, path, value)
	{
		const char *options = value ? json_object_get_string(value) : "";
		strv_addf(words, "--tmpfs=%s%s%s", path, *options ? ":" : "", options);
	}
}

static void put_rates(struct json_object *list, const char *option, struct strv *words)
{
	for (size_t i = 0; i < length_of(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *path = json_text(o, "Path");
		strv_addf(words, "--%s=%s:%" PRId64, option, path ? path : "", json_number(o, "Rate", json_number(o, "Weight", 0)));
	}
}

static void put_ulimits(struct json_object *list, struct strv *words)
{
	for (size_t i = 0; i < length_of(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_text(o, "Name");
		strv_addf(words, "--ulimit=%s=%" PRId64 ":%" PRId64, name ? name : "", json_number(o, "Soft", 0), json_number(o, "Hard", 0));
	}
}

static void put_devices(struct json_object *list, struct strv *words)
{
	for (size_t i = 0; i < length_of(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *host = json_text(o, "PathOnHost"), *inside = json_text(o, "PathInContainer"), *how = json_text(o, "CgroupPermissions");
		strv_addf(words, "--device=%s:%s:%s", host ? host : "", inside ? inside : "", how ? how : "rwm");
	}
}

static void put_restart(struct json_object *o, struct strv *words)
{
	const char *name = json_text(o, "Name");
	int64_t most = json_number(o, "MaximumRetryCount", 0);

	if (!name || !*name || streq(name, "no"))
		return;
	if (most > 0)
		strv_addf(words, "--restart=%s:%" PRId64, name, most);
	else
		strv_addf(words, "--restart=%s", name);
}

static void put_log(struct json_object *o, struct strv *words)
{
	const char *type = json_text(o, "Type");
	struct json_object *options = json_member(o, "Config");

	if (!type || !*type || (streq(type, "json-file") && is_empty(options)))
		return;
	strv_addf(words, "--log-driver=%s", type);
	recreate_map(options, "log-opt", words);
}

/* [IP:]HOST:PORT/PROTOCOL */
static void put_port(const char *port, struct json_object *binding, struct strv *words)
{
	const char *ip = json_text(binding, "HostIp"), *host = json_text(binding, "HostPort");

	if (!host)
		host = "";
	if (!ip || !*ip)
		strv_addf(words, "--publish=%s%s%s", host, *host ? ":" : "", port);
	else if (strchr(ip, ':'))
		strv_addf(words, "--publish=[%s]:%s:%s", ip, host, port);
	else
		strv_addf(words, "--publish=%s:%s:%s", ip, host, port);
}

static void put_ports(struct json_object *o, struct strv *words)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, port, bindings)
		for (size_t i = 0; i < length_of(bindings); i++)
			put_port(port, json_object_array_get_idx(bindings, i), words);
}

/* "/db:/web/alias" is db under the name alias. */
static void put_links(struct json_object *list, struct strv *words)
{
	for (size_t i = 0; i < length_of(list); i++) {
		const char *link = text_at(list, i), *colon = strchr(link, ':'), *alias = strrchr(link, '/');
		if (*link == '/' && colon && alias > colon)
			strv_addf(words, "--link=%.*s:%s", (int)(colon - link - 1), link + 1, alias + 1);
		else
			strv_addf(words, "--link=%s", link);
	}
}

/* container:ID names a container that will have another id. */
static void put_mode(const char *mode, const char *option, const struct inventory *inv, struct strv *words)
{
	const struct container *c = inv && starts_with(mode, "container:") ? inventory_container(inv, mode + 10) : NULL;

	if (!streq(mode, "shareable") || !streq(option, "ipc"))
		strv_addf(words, "--%s=%s%s", option, c ? "container:" : mode, c ? c->name : "");
}

/* A seccomp profile stands in inspect as its text, and docker wants a file. */
static void put_security(struct json_object *list, struct recreate *r)
{
	for (size_t i = 0; i < length_of(list); i++) {
		const char *text = text_at(list, i);
		if (starts_with(text, "seccomp={"))
			strv_addf(&r->unsaid, "HostConfig.SecurityOpt: a seccomp profile, to be put into a file: %s", text);
		else
			strv_addf(&r->words, "--security-opt=%s", text);
	}
}

static void put_value(const struct row *row, struct json_object *v, const struct inventory *inv, struct recreate *r)
{
	const char *text = json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
	int64_t nano = json_object_get_int64(v);

	switch (row->form) {
	case ELSEWHERE:
		break;
	case TEXT:
		strv_addf(&r->words, "--%s=%s", row->option, text);
		break;
	case NUMBER:
	case SET_NUMBER:
		strv_addf(&r->words, "--%s=%" PRId64, row->option, nano);
		break;
	case FLAG:
		strv_addf(&r->words, "--%s", row->option);
		break;
	case LIST:
		for (size_t i = 0; i < length_of(v); i++)
			strv_addf(&r->words, "--%s=%s", row->option, text_at(v, i));
		break;
	case MAP:
		recreate_map(v, row->option, &r->words);
		break;
	case KEYS:
		put_keys(v, row->option, &r->words);
		break;
	case CPUS:
		strv_addf(&r->words, "--%s=%" PRId64 ".%09" PRId64, row->option, nano / 1000000000, nano % 1000000000);
		break;
	case RATES:
		put_rates(v, row->option, &r->words);
		break;
	case ULIMITS:
		put_ulimits(v, &r->words);
		break;
	case DEVICES:
		put_devices(v, &r->words);
		break;
	case RESTART:
		put_restart(v, &r->words);
		break;
	case LOG:
		put_log(v, &r->words);
		break;
	case PORTS:
		put_ports(v, &r->words);
		break;
	case LINKS:
		put_links(v, &r->words);
		break;
	case MODE:
		put_mode(text, row->option, inv, &r->words);
		break;
	case TMPFS:
		put_tmpfs(v, &r->words);
		break;
	case SECURITY:
		put_security(v, r);
		break;
	}
}

static const struct row *row_of(const struct row *rows, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (streq(rows[i].key, key))
			return &rows[i];
	return NULL;
}

static void apply(struct json_object *section, const char *name, const struct row *rows, size_t n, const struct inventory *inv,
	struct recreate *r)
{
	for (size_t i = 0; i < n; i++) {
		struct json_object *v = json_member(section, rows[i].key);
		bool said = rows[i].form == SET_NUMBER ? v != NULL : !is_empty(v);
		if (said && !(rows[i].unset && streq(json_object_get_string(v), rows[i].unset)))
			put_value(&rows[i], v, inv, r);
	}
	if (!json_object_is_type(section, json_type_object))
		return;
	json_object_object_foreach(section, key, value)
		if (!is_empty(value) && !row_of(rows, n, key))
			strv_addf(&r->unsaid, "%s.%s: %s", name, key, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

void recreate_config(struct json_object *inspect, struct recreate *r)
{
	apply(json_member(inspect, "Config"), "Config", config_rows, ARRAY_SIZE(config_rows), NULL, r);
}

void recreate_host_config(struct json_object *inspect, const struct inventory *inv, struct recreate *r)
{
	struct json_object *host = json_member(inspect, "HostConfig"), *masked = json_member(host, "MaskedPaths");

	apply(host, "HostConfig", host_rows, ARRAY_SIZE(host_rows), inv, r);
	if (json_object_is_type(masked, json_type_array) && length_of(masked) == 0 && !json_flag(host, "Privileged", false))
		strv_add(&r->words, "--security-opt=systempaths=unconfined");
}
