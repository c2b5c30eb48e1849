/* SPDX-License-Identifier: MIT */
/*
 * Happy path: repository checked → engine's version → restore points → kopia's
 * configuration with the files it names → the helper encrypts, writes, opens again,
 * and only then removes the oldest → done.
 * Failure modes: an engine that does not answer is no reason not to have a bundle; all
 * else is, and the helper leaves nothing half-made. On cancel the child under way ends.
 * Files that the configuration names are read, and the bundle's directory is touched, by
 * children alone: both may lie on a dead mount.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/bundle_internal.h"
#include "daemon/pure/bundle_text.h"
#include "daemon/pure/kopia_config.h"

#define READ_DEADLINE_MS  20000
#define WRITE_DEADLINE_MS 300000
#define CONFIG_MAX        ((size_t)1 << 20)

static void fail(struct bundle *b, const struct fault *f)
{
	steps_fail(b->steps, f);
	steps_next(b->steps);
}

static void cancel_child(void *owner)
{
	struct bundle *b = owner;

	if (b->child)
		child_stop(b->child, 0);
}

/* --- repository ----------------------------------------------------------------------- */

static void on_repository(void *arg, const struct fault *f, const struct kopia_status *s)
{
	struct bundle *b = arg;

	if (f) {
		fail(b, f);
		return;
	}
	struct json_object *o = json_object_new_object();
	b->unique_id = xstrdup(s->unique_id);
	json_put_text(o, "unique_id", s->unique_id);
	json_put_text(o, "storage", s->storage);
	json_put_text(o, "path", s->path);
	json_put_text(o, "hash", s->hash);
	json_put_text(o, "encryption", s->encryption);
	json_put_text(o, "splitter", s->splitter);
	json_object_object_add(b->status, "repository_status", o);
	char *version CLEANUP(freep) = repository_kopia_version(b->ctx->repository);
	json_put_text(json_member(b->status, "versions"), "kopia", version);
	steps_next(b->steps);
}

static void enter_repository(void *owner)
{
	struct bundle *b = owner;

	repository_check(b->ctx->repository, on_repository, b);
}

/* --- engine --------------------------------------------------------------------------- */

static void on_engine(void *arg, const struct fault *f, int status, const char *body, size_t len)
{
	static const char *const kept[] = { "Version", "ApiVersion", "Os", "Arch", "KernelVersion" };
	struct bundle *b = arg;
	struct json_object *o CLEANUP(json_putp) = f ? NULL : json_parse(body, len), *engine = json_object_new_object();

	(void)status;
	if (f)
		json_put_text(engine, "error", f->text);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		json_put_text(engine, kept[i], json_text(o, kept[i]));
	b->docker_version = xstrdup(json_text(o, "Version"));
	json_put_text(json_member(b->status, "versions"), "docker", b->docker_version);
	json_object_object_add(b->status, "engine", engine);
	steps_next(b->steps);
}

static void enter_engine(void *owner)
{
	struct bundle *b = owner;

	docker_request(b->ctx->docker, "GET", "/version", NULL, on_engine, b);
}

/* --- restore points ------------------------------------------------------------------- */

static void on_points(void *arg, const struct fault *f, const struct kopia_snapshot *v, size_t n)
{
	struct bundle *b = arg;
	struct json_object *list = json_object_new_array();
	struct point *points = NULL;
	size_t n_points = 0;

	if (f) {
		json_object_put(list);
		fail(b, f);
		return;
	}
	points_from_snapshots(v, n, NULL, repository_identity(b->ctx->repository), &points, &n_points);
	for (size_t i = 0; i < n_points; i++)
		json_object_array_add(list, point_json(&points[i]));
	json_object_object_add(b->status, "restore_points", list);
	points_free(points, n_points);
	steps_next(b->steps);
}

static void enter_points(void *owner)
{
	struct bundle *b = owner;

	repository_list(b->ctx->repository, NULL, on_points, b);
}

/* --- credentials: the files that kopia's configuration names --------------------------- */

static void next_file(struct bundle *b);

static void on_file(void *arg, const struct child_result *c)
{
	struct bundle *b = arg;
	size_t row = b->row++;
	const char *path = kopia_config_file(b->config, &row);
	struct fault f = { 0 };

	b->child = NULL;
	if (!child_ok(c) || c->out_truncated) {
		child_explain(c, "reading it", &f);
		fault_wrap(&f, "%s, which the repository's storage needs, is not in reach", path);
		fail(b, &f);
	} else if (kopia_config_embed(b->config, row, c->out) < 0) {
		fault_set(&f, FAULT_FAILED, -EINVAL, "%s, which the repository's storage needs, is not what kopia takes there", path);
		fail(b, &f);
	} else {
		next_file(b);
	}
}

static void next_file(struct bundle *b)
{
	const char *path = kopia_config_file(b->config, &b->row);
	struct child_options o = CHILD_OPTIONS_INIT;

	if (!path) {
		kopia_config_lacks(b->config, &b->result.warnings);
		steps_next(b->steps);
		return;
	}
	const char *const argv[] = { "/bin/cat", "--", path, NULL };
	o.argv = argv;
	o.deadline_ms = READ_DEADLINE_MS;
	o.arg = b;
	b->child = child_start(b->ctx->loop, &o, on_file);
}

static void enter_credentials(void *owner)
{
	struct bundle *b = owner;
	char *path CLEANUP(freep) = path_kopia_config(b->ctx->conf);
	struct buf text CLEANUP(buf_done) = { 0 };
	struct fault f = { 0 };
	int r = file_read(path, CONFIG_MAX, &text);

	b->config = r < 0 ? NULL : json_parse(text.data, text.len);
	if (!b->config) {
		fault_errno(&f, FAULT_REPOSITORY, r < 0 ? r : -EBADMSG, "cannot read %s", path);
		fault_advise(&f, "kopi-docka init");
		fail(b, &f);
		return;
	}
	/* Whoever reads the file by itself finds what kopia said of the repository in it, too. */
	struct json_object *status = json_member(b->status, "repository_status");
	json_object_object_add(b->config, "kopi-docka", json_object_get(status));
	next_file(b);
}

/* --- write ---------------------------------------------------------------------------- */

static void take_line(struct bundle *b, const char *line, size_t len)
{
	static const char file[] = "file ", removed[] = "removed ", warning[] = "warning ";
	char *text CLEANUP(freep) = xstrndup(line, len);

	if (starts_with(text, file))
		strv_add(&b->result.files, text + strlen(file));
	else if (starts_with(text, removed))
		strv_add(&b->result.removed, text + strlen(removed));
	else if (starts_with(text, warning))
		strv_add(&b->result.warnings, text + strlen(warning));
}

/* The helper's own sentence says more than that it failed. */
static void explain(const struct child_result *c, struct fault *f)
{
	child_explain(c, "kopi-docka-bundle", f);
	const char *colon = strstr(f->text, ": ");
	char *sentence CLEANUP(freep) = xstrdup(colon ? colon + 2 : NULL);

	if (sentence && c->start.code == FAULT_NONE && c->term_signal == 0)
		fault_set(f, FAULT_FAILED, -EIO, "%s", sentence);
}

static void on_written(void *arg, const struct child_result *c)
{
	struct bundle *b = arg;
	struct fault f = { 0 };

	b->child = NULL;
	if (c->timed_out) {
		fault_set(&f, FAULT_FAILED, -ETIMEDOUT, "%s does not answer", b->directory);
		fault_advise(&f, "look for a dead network mount");
		fail(b, &f);
		return;
	}
	if (!child_ok(c)) {
		explain(c, &f);
		fail(b, &f);
		return;
	}
	for (const char *line = c->out; *line;) {
		size_t len = strcspn(line, "\n");
		take_line(b, line, len);
		line += len + (line[len] == '\n');
	}
	if (b->result.files.n)
		b->result.path = xstrdup(b->result.files.v[b->result.files.n - 1]);
	steps_next(b->steps);
}

static void enter_write(void *owner)
{
	struct bundle *b = owner;
	const struct conf *c = b->ctx->conf;
	struct strv argv CLEANUP(strv_done) = { 0 };
	struct child_options o = CHILD_OPTIONS_INIT;
	struct fault f = { 0 };
	int fd CLEANUP(closep) = -1;

	if (bundle_archive(b, &fd, &f) < 0) {
		fail(b, &f);
		return;
	}
	strv_take(&argv, path_helper("kopi-docka-bundle"));
	strv_add(&argv, b->directory);
	strv_add(&argv, b->name);
	strv_addf(&argv, "%d", BUNDLE_ITERATIONS);
	strv_add(&argv, b->passwords ? b->passwords : b->directory);
	strv_addf(&argv, "%d", c->backup.recovery_bundle_retention);
	strv_take(&argv, bundle_text_series(repository_identity(b->ctx->repository)));
	o.argv = (const char *const *)argv.v;
	o.stdin_fd = fd;
	o.deadline_ms = WRITE_DEADLINE_MS;
	o.arg = b;
	b->child = child_start(b->ctx->loop, &o, on_written);
}

/* --- the object ----------------------------------------------------------------------- */

static const struct step steps[] = {
	{ .name = "repository", .enter = enter_repository },
	{ .name = "engine", .enter = enter_engine },
	{ .name = "restore points", .enter = enter_points },
	{ .name = "credentials", .enter = enter_credentials, .cancel = cancel_child },
	{ .name = "write", .enter = enter_write, .cancel = cancel_child },
};

static void bundle_free(struct bundle *b)
{
	strv_done(&b->result.files);
	strv_done(&b->result.removed);
	strv_done(&b->result.warnings);
	free(b->result.path);
	json_object_put(b->config);
	json_object_put(b->status);
	char *owned[] = { b->directory, b->passwords, b->name, b->unique_id, b->docker_version };
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	free(b);
}

static void on_steps(void *owner, const struct fault *first)
{
	struct bundle *b = owner;
	bool ok = first->code == FAULT_NONE;
	const char *advice = ok ? bundle_advice(b->ctx->conf, b->directory) : NULL;

	if (advice)
		strv_add(&b->result.warnings, advice);
	if (ok)
		log_info("recovery bundle %s is written", b->result.path);
	b->done(b->arg, ok ? NULL : first, ok ? &b->result : NULL);
	bundle_free(b);
}

static int prepare(struct bundle *b, struct fault *f)
{
	const struct conf *c = b->ctx->conf;
	int r = conf_check_password(c, f);

	if (r < 0)
		return r;
	if (!b->directory) {
		fault_set(f, FAULT_CONF, -EINVAL, "there is no directory to write the bundle to");
		fault_advise(f, "set backup.recovery_bundle_path, or give --directory");
		return -EINVAL;
	}
	if (b->directory[0] != '/')
		return fault_set(f, FAULT_CONF, -EINVAL, "the bundle's directory must be an absolute path, not \"%s\"", b->directory);
	if (!repository_identity(b->ctx->repository)) {
		fault_set(f, FAULT_REPOSITORY_MISSING, -ENOENT, "there is no repository yet that a bundle could lead to");
		fault_advise(f, "kopi-docka init");
		return -ENOENT;
	}
	return 0;
}

static void on_refused(void *arg)
{
	struct bundle *b = arg;
	struct fault f = { 0 };

	IGNORE(prepare(b, &f)); /* it says again why */
	b->done(b->arg, &f, NULL);
	bundle_free(b);
}

struct bundle *bundle_start(const struct bundle_options *o, bundle_done_fn *done)
{
	const struct conf *c = o->ctx->conf;
	struct bundle *b = xcalloc(1, sizeof(*b));
	struct fault f = { 0 };

	b->ctx = o->ctx;
	b->done = done;
	b->arg = o->arg;
	b->made_ms = wall_ms();
	b->directory = xstrdup(o->directory ? o->directory : c->backup.recovery_bundle_path);
	b->passwords = xstrdup(c->backup.recovery_password_path);
	if (prepare(b, &f) < 0) {
		loop_defer(o->ctx->loop, on_refused, b);
		return b;
	}
	b->name = bundle_text_name(repository_identity(o->ctx->repository), b->made_ms);
	bundle_status_begin(b, o->run);
	b->steps = steps_start(o->ctx->loop, steps, ARRAY_SIZE(steps), b, NULL, on_steps);
	return b;
}

void bundle_cancel(struct bundle *b)
{
	if (b->steps)
		steps_cancel(b->steps);
}

const char *bundle_advice(const struct conf *c, const char *directory)
{
	if (c->backup.recovery_password_path && !streq(c->backup.recovery_password_path, directory))
		return NULL;
	return "the passphrase lies beside the bundle: whoever can read one can read the other (backup.recovery_password_path)";
}
