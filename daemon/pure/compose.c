/* SPDX-License-Identifier: MIT */
/*
 * libyaml reads the whole document; this walks only where compose looks for file names:
 * include, services.*.{env_file,label_file,extends,build}, configs.* and secrets.*. Merge keys
 * (<<) are followed a few levels, so an alias that contains itself ends. Variables in file
 * names are those of the project's env files: what only the shell knew that ran compose
 * is not known here, and said to be.
 */
#include "daemon/pure/compose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "daemon/pure/path.h"

#define MERGES_MAX 8
#define VISITS_MAX ((size_t)1 << 21) /* pairs looked at: merged maps multiply */
#define NESTED_MAX 512
#define ANCHORS_MAX 1024

struct reader {
	yaml_document_t *document;
	const char *directory;
	const struct strv *variables;
	struct compose_references *out;
	size_t visits;
};

const char *compose_kind_name(enum compose_kind k)
{
	static const char *const names[] = {
		[COMPOSE_FILE] = "compose file", [COMPOSE_ENV] = "env file", [COMPOSE_CONFIG] = "config file",
		[COMPOSE_SECRET] = "secret file", [COMPOSE_BUILD] = "build directory",
	};
	_Static_assert(ARRAY_SIZE(names) == COMPOSE_KINDS, "a name for every kind");

	return names[k];
}

/* --- the document ---------------------------------------------------------------------- */

/* The text of a scalar; NULL where it is none, is null, or has a NUL inside. Borrowed. */
static const char *scalar(const yaml_node_t *n)
{
	static const char *const nulls[] = { "~", "null", "Null", "NULL" };

	if (!n || n->type != YAML_SCALAR_NODE || strlen((const char *)n->data.scalar.value) != n->data.scalar.length)
		return NULL;
	for (size_t i = 0; n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && i < ARRAY_SIZE(nulls); i++)
		if (streq((const char *)n->data.scalar.value, nulls[i]))
			return NULL;
	return (const char *)n->data.scalar.value;
}

static yaml_node_t *node(const struct reader *r, int index)
{
	return yaml_document_get_node(r->document, index);
}

static yaml_node_t *own_member(struct reader *r, const yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top && r->visits < VISITS_MAX; p++, r->visits++)
		if (streq(scalar(node(r, p->key)), key))
			return node(r, p->value);
	return NULL;
}

/* The value of ${key}, also of what is merged in with <<. */
static yaml_node_t *member(struct reader *r, const yaml_node_t *map, const char *key, int depth)
{
	yaml_node_t *found = own_member(r, map, key), *merged = found ? NULL : own_member(r, map, "<<");

	if (found || !merged || depth == MERGES_MAX)
		return found;
	if (merged->type != YAML_SEQUENCE_NODE)
		return member(r, merged, key, depth + 1);
	for (yaml_node_item_t *i = merged->data.sequence.items.start; i < merged->data.sequence.items.top && r->visits < VISITS_MAX; i++, r->visits++)
		if ((found = member(r, node(r, *i), key, depth + 1)))
			return found;
	return NULL;
}

static yaml_node_t *get(struct reader *r, const yaml_node_t *map, const char *key)
{
	return member(r, map, key, 0);
}

/* --- what is named --------------------------------------------------------------------- */

static bool is_remote(const char *path)
{
	return strstr(path, "://") || starts_with(path, "git@") || starts_with(path, "oci:") || starts_with(path, "github.com/");
}

static const char too_many[] = "more files are named than are looked at";

/* ${written} as an absolute path; NULL: said in unresolved why not. Caller's. */
static char *resolve(struct reader *r, const char *written, const char *by)
{
	bool enough = r->out->n + r->out->unresolved.n + r->out->notes.n >= COMPOSE_REFERENCES_MAX;
	char *missing CLEANUP(freep) = NULL, *whole CLEANUP(freep) = NULL, *normal = NULL;
	char *path CLEANUP(freep) = enough ? NULL : compose_interpolate(written, r->variables, &missing);

	if (enough) {
		if (!strv_has(&r->out->unresolved, too_many))
			strv_add(&r->out->unresolved, too_many);
		return NULL;
	}
	if (!path) {
		strv_addf(&r->out->unresolved, "%s: %s depends on the variable %s, which none of the project's env files sets",
			by, written, missing ? missing : "in it");
		return NULL;
	}
	if (*path == '~') {
		strv_addf(&r->out->unresolved, "%s: %s is in the home directory of whoever ran compose", by, path);
	} else if (is_remote(path)) {
		strv_addf(&r->out->notes, "%s: %s is not on this host", by, path);
	} else {
		whole = *path == '/' ? xstrdup(path) : xasprintf("%s/%s", r->directory, path);
		normal = path_normal(whole);
		if (!normal)
			strv_addf(&r->out->unresolved, "%s: its path is too long", by);
	}
	return normal;
}

static void add(struct reader *r, enum compose_kind kind, char *path /* taken */, const char *directory, const char *by, bool optional)
{
	struct compose_references *o = r->out;

	if (!path)
		return;
	GROW(o->v, o->n);
	o->v[o->n++] = (struct compose_reference){
		.kind = kind, .path = path, .directory = xstrdup(directory), .by = xstrdup(by), .optional = optional,
	};
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* A file name, a map with path and required, or a list of either. */
static void read_files(struct reader *r, enum compose_kind kind, const yaml_node_t *n, const char *by)
{
	const char *text = scalar(n);

	if (n && n->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
			if (node(r, *i)->type != YAML_SEQUENCE_NODE)
				read_files(r, kind, node(r, *i), by);
	} else if (text && *text) {
		add(r, kind, resolve(r, text, by), NULL, by, false);
	} else if (n && n->type == YAML_MAPPING_NODE && (text = scalar(get(r, n, "path")))) {
		add(r, kind, resolve(r, text, by), NULL, by, streq(scalar(get(r, n, "required")), "false"));
	}
}

/* One file of an include. ${directory} (owned) becomes its own where none is known yet: the first file says it. */
static void read_included(struct reader *r, const char *written, char **directory)
{
	char *path = resolve(r, written, "include");

	if (path && !*directory)
		*directory = parent_of(path);
	add(r, COMPOSE_FILE, path, *directory, "include", false);
}

/* A name, or a map with a name or a list of them; with env files, or the .env in its directory. */
static void read_include(struct reader *r, const yaml_node_t *n)
{
	const yaml_node_t *paths = n->type == YAML_MAPPING_NODE ? get(r, n, "path") : n, *env = get(r, n, "env_file");
	const char *own = scalar(get(r, n, "project_directory")), *text = scalar(paths);
	char *directory CLEANUP(freep) = own ? resolve(r, own, "include") : NULL;

	if (text && *text)
		read_included(r, text, &directory);
	if (paths && paths->type == YAML_SEQUENCE_NODE)
		for (yaml_node_item_t *i = paths->data.sequence.items.start; i < paths->data.sequence.items.top; i++)
			if ((text = scalar(node(r, *i))) && *text)
				read_included(r, text, &directory);
	if (env)
		read_files(r, COMPOSE_ENV, env, "env_file of include");
	else if (directory && r->out->n < COMPOSE_REFERENCES_MAX)
		add(r, COMPOSE_ENV, xasprintf("%s/.env", streq(directory, "/") ? "" : directory), NULL, "env_file of include", true);
}

static void read_service(struct reader *r, const char *name, const yaml_node_t *n)
{
	char *env CLEANUP(freep) = xasprintf("env_file of %s", name), *labels CLEANUP(freep) = xasprintf("label_file of %s", name);
	char *extends CLEANUP(freep) = xasprintf("extends of %s", name), *build CLEANUP(freep) = xasprintf("build of %s", name);
	const yaml_node_t *context = get(r, n, "build");
	const char *file = scalar(get(r, get(r, n, "extends"), "file"));

	read_files(r, COMPOSE_ENV, get(r, n, "env_file"), env);
	read_files(r, COMPOSE_CONFIG, get(r, n, "label_file"), labels);
	if (file && *file) {
		char *path = resolve(r, file, extends), *directory CLEANUP(freep) = path ? parent_of(path) : NULL;
		add(r, COMPOSE_FILE, path, directory, extends, false);
	}
	if (context && context->type == YAML_MAPPING_NODE)
		context = get(r, context, "context");
	const char *directory = scalar(context);
	if (directory && *directory)
		add(r, COMPOSE_BUILD, resolve(r, directory, build), NULL, build, true);
}

static void read_definition(struct reader *r, enum compose_kind kind, const char *name, const yaml_node_t *n)
{
	char *by CLEANUP(freep) = xasprintf("%s: %s", kind == COMPOSE_SECRET ? "secrets" : "configs", name);
	const char *file = scalar(get(r, n, "file")), *variable_name = scalar(get(r, n, "environment"));

	if (file && *file)
		add(r, kind, resolve(r, file, by), NULL, by, false);
	else if (variable_name && r->out->notes.n < COMPOSE_REFERENCES_MAX)
		strv_addf(&r->out->notes, "%s: its content is the variable %s of whoever ran compose", by, variable_name);
}

static void read_document(struct reader *r, const yaml_node_t *root)
{
	static const struct {
		const char *key;
		enum compose_kind kind;
	} maps[] = { { "services", COMPOSE_FILE }, { "configs", COMPOSE_CONFIG }, { "secrets", COMPOSE_SECRET } };
	const yaml_node_t *includes = get(r, root, "include");

	if (includes && includes->type == YAML_SEQUENCE_NODE)
		for (yaml_node_item_t *i = includes->data.sequence.items.start; i < includes->data.sequence.items.top; i++)
			read_include(r, node(r, *i));
	for (size_t m = 0; m < ARRAY_SIZE(maps); m++) {
		const yaml_node_t *map = get(r, root, maps[m].key);
		if (!map || map->type != YAML_MAPPING_NODE)
			continue;
		for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
			const char *name = scalar(node(r, p->key));
			if (name && maps[m].kind == COMPOSE_FILE)
				read_service(r, name, node(r, p->value));
			else if (name)
				read_definition(r, maps[m].kind, name, node(r, p->value));
		}
	}
}

/* --- entry ------------------------------------------------------------------------------ */

static int bad(struct fault *f, const yaml_parser_t *p)
{
	return fault_set(f, FAULT_FAILED, -EBADMSG, "is no compose file: line %zu: %s", p->problem_mark.line + 1,
		p->problem ? p->problem : "not YAML");
}

/* libyaml takes the square of the depth of [ and {, and of the anchors: half a megabyte would take hours. */
static bool is_costly(const char *text, size_t len)
{
	size_t depth = 0, anchors = 0;

	for (size_t i = 0; i < len && depth <= NESTED_MAX && anchors <= ANCHORS_MAX; i++)
		if (text[i] == '[' || text[i] == '{')
			depth++;
		else if ((text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
		else if (text[i] == '&' && i + 1 < len && !strchr("& \n", text[i + 1]))
			anchors++;
	return depth > NESTED_MAX || anchors > ANCHORS_MAX;
}

int compose_read(const char *text, size_t len, const char *directory, const struct strv *variables,
	struct compose_references *ret, struct fault *f)
{
	struct reader r = { .directory = directory, .variables = variables, .out = ret };
	yaml_parser_t parser;
	yaml_document_t document;
	int result = 0;

	if (len > COMPOSE_TEXT_MAX)
		return fault_set(f, FAULT_FAILED, -EFBIG, "is too large for a compose file");
	if (is_costly(text, len))
		return fault_set(f, FAULT_FAILED, -EBADMSG, "is no compose file: its brackets nest too deeply, or it has too many anchors");
	if (!yaml_parser_initialize(&parser))
		return fault_set(f, FAULT_FAILED, -ENOMEM, "cannot be parsed: no memory"); /* UNTESTED */
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	for (bool more = true; more && result == 0;) {
		if (!yaml_parser_load(&parser, &document)) {
			result = bad(f, &parser);
			break;
		}
		const yaml_node_t *root = yaml_document_get_root_node(&document);
		more = root != NULL;
		r.document = &document;
		if (root && root->type == YAML_MAPPING_NODE)
			read_document(&r, root);
		else if (root)
			result = fault_set(f, FAULT_FAILED, -EBADMSG, "is no compose file: it has no services");
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return result;
}

void compose_references_done(struct compose_references *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		free(r->v[i].directory);
		free(r->v[i].by);
	}
	free(r->v);
	strv_done(&r->unresolved);
	strv_done(&r->notes);
	*r = (struct compose_references){ 0 };
}
