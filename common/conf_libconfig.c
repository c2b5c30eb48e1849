/* SPDX-License-Identifier: MIT */
/* The same keys in libconfig's syntax: groups are sections, units are a group of groups. */
#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_keys.h"

struct state {
	struct conf *conf;
	const char *name;
	struct strv seen;
	struct fault *fault;
};

static char *scalar_text(const config_setting_t *v)
{
	switch (config_setting_type(v)) {
	case CONFIG_TYPE_STRING:
		return xstrdup(config_setting_get_string(v));
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return xasprintf("%lld", config_setting_get_int64(v));
	case CONFIG_TYPE_BOOL:
		return xstrdup(config_setting_get_bool(v) ? "true" : "false");
	default:
		return NULL;
	}
}

static int set_list(struct state *s, const struct conf_place *at, const char *section, const char *key,
	const config_setting_t *v)
{
	struct strv list CLEANUP(strv_done) = { 0 };

	for (int i = 0; i < config_setting_length(v); i++) {
		char *text = scalar_text(config_setting_get_elem(v, (unsigned int)i));
		if (!text)
			return fault_set(s->fault, FAULT_CONF, -EINVAL, "%s:%d: %s.%s has something that is no word", at->file,
				at->line, section, key);
		strv_take(&list, text);
	}
	return conf_set(s->conf, &s->seen, at, section, key, NULL, &list, s->fault);
}

static int set_value(struct state *s, const char *section, const config_setting_t *v)
{
	struct conf_place at = { .file = s->name, .line = (int)config_setting_source_line(v) };
	const char *key = config_setting_name(v);

	if (config_setting_is_array(v) || config_setting_is_list(v))
		return set_list(s, &at, section, key, v);
	char *text CLEANUP(freep) = scalar_text(v);
	if (!text)
		return fault_set(s->fault, FAULT_CONF, -EINVAL, "%s:%d: %s.%s must be a value, not a group", at.file, at.line,
			section, key);
	return conf_set(s->conf, &s->seen, &at, section, key, text, NULL, s->fault);
}

static int read_group(struct state *s, const char *section, const config_setting_t *group)
{
	int r = 0;

	for (int i = 0; r == 0 && i < config_setting_length(group); i++)
		r = set_value(s, section, config_setting_get_elem(group, (unsigned int)i));
	return r;
}

/* units = ( { name = "web"; method = "spool"; }, … ): names of units may be no identifiers. */
static int read_unit(struct state *s, const config_setting_t *unit)
{
	const char *name = NULL;
	int r = 0;

	if (!config_setting_is_group(unit) || !config_setting_lookup_string(unit, "name", &name))
		return fault_set(s->fault, FAULT_CONF, -EINVAL, "%s:%d: every one of units is a group with a name", s->name,
			(int)config_setting_source_line(unit));
	char *section CLEANUP(freep) = xasprintf("unit:%s", name);
	for (int i = 0; r == 0 && i < config_setting_length(unit); i++) {
		const config_setting_t *v = config_setting_get_elem(unit, (unsigned int)i);
		if (!streq(config_setting_name(v), "name"))
			r = set_value(s, section, v);
	}
	return r;
}

static int read_units(struct state *s, const config_setting_t *units)
{
	int r = 0;

	for (int i = 0; r == 0 && i < config_setting_length(units); i++)
		r = read_unit(s, config_setting_get_elem(units, (unsigned int)i));
	return r;
}

static int read_root(struct state *s, const config_setting_t *root)
{
	int r = 0;

	for (int i = 0; r == 0 && i < config_setting_length(root); i++) {
		const config_setting_t *v = config_setting_get_elem(root, (unsigned int)i);
		const char *name = config_setting_name(v);
		if (streq(name, "units") && config_setting_is_list(v))
			r = read_units(s, v);
		else if (config_setting_is_group(v))
			r = read_group(s, name, v);
		else
			r = fault_set(s->fault, FAULT_CONF, -EINVAL, "%s:%d: '%s' must stand in a group, as in kopia: { … }",
				s->name, (int)config_setting_source_line(v), name);
	}
	return r;
}

int conf_parse_libconfig(struct conf *c, const char *name, const char *text, struct fault *f)
{
	struct state s = { .conf = c, .name = name, .fault = f };
	config_t config;
	int r;

	config_init(&config);
	if (!config_read_string(&config, text))
		r = fault_set(f, FAULT_CONF, -EINVAL, "%s:%d: %s", name, config_error_line(&config), config_error_text(&config));
	else
		r = read_root(&s, config_root_setting(&config));
	config_destroy(&config);
	strv_done(&s.seen);
	return r;
}
