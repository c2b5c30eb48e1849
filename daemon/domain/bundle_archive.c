/* SPDX-License-Identifier: MIT */
/*
 * What stands in a bundle. Everything is put together in memory and handed over as an
 * unnamed file there: in the clear it is never on a disk, and a daemon that is killed
 * leaves nothing behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "daemon/domain/bundle_internal.h"
#include "daemon/domain/history.h"
#include "daemon/pure/bundle_text.h"
#include "daemon/pure/ustar.h"

#define RUNS_SHOWN 20
#define CONF_MAX   ((size_t)1 << 20)

void bundle_status_begin(struct bundle *b, const struct run_result *run)
{
	const struct context *ctx = b->ctx;
	struct json_object *versions = json_object_new_object(), *runs = json_object_new_array();
	struct json_object *past CLEANUP(json_putp) = history_load(ctx->conf, NULL, RUNS_SHOWN);
	char *made CLEANUP(freep) = format_time(b->made_ms);
	struct utsname u = { 0 };

	IGNORE(uname(&u)); /* empty names then */
	b->status = json_object_new_object();
	json_put_text(b->status, "made", made);
	json_put_text(b->status, "host", u.nodename);
	json_put_text(b->status, "kernel", u.release);
	json_put_text(b->status, "identity", repository_identity(ctx->repository));
	json_put_text(b->status, "repository", repository_name(ctx->repository));
	json_put_text(versions, "kopi-docka", KD_VERSION);
	json_object_object_add(b->status, "versions", versions);
	if (run)
		json_object_array_add(runs, run_result_json(run));
	for (size_t i = 0; i < json_object_array_length(past); i++)
		json_object_array_add(runs, json_object_get(json_object_array_get_idx(past, i)));
	json_object_object_add(b->status, "runs", runs);
}

/* What kopia's storage is told through the environment: it has to be told again elsewhere. */
static void storage_environment(const struct conf *c, struct strv *ret)
{
	static const char *const prefixes[] = { "AWS_", "B2_", "AZURE_", "GOOGLE_", "GCLOUD_", "RCLONE_" };
	struct strv all CLEANUP(strv_done) = { 0 };
	struct kopia_place p = { .config_file = "/", .cache_dir = "", .log_dir = "" };

	(void)c;
	kopia_environment(&p, &all);
	for (size_t i = 0; i < all.n; i++)
		for (size_t j = 0; j < ARRAY_SIZE(prefixes); j++)
			if (starts_with(all.v[i], prefixes[j]))
				strv_add(ret, all.v[i]);
}

struct archive {
	struct buf tar;
	int64_t mtime_s;
};

static void add_text(struct archive *a, const char *name, const char *text)
{
	ustar_add(&a->tar, name, 0600, a->mtime_s, text, strlen(text));
}

static void add_json(struct archive *a, const char *name, struct json_object *o)
{
	char *text CLEANUP(freep) = json_write(o, JSON_C_TO_STRING_PRETTY, NULL);

	add_text(a, name, text);
}

static void add_texts(struct bundle *b, struct archive *a)
{
	const struct conf *c = b->ctx->conf;
	struct strv environment CLEANUP(strv_done) = { 0 };
	struct json_object *versions = json_member(b->status, "versions");
	char *made CLEANUP(freep) = format_time(b->made_ms);

	storage_environment(c, &environment);
	struct bundle_facts facts = {
		.name = b->name,
		.identity = repository_identity(b->ctx->repository),
		.host = json_text(b->status, "host"),
		.repository = repository_name(b->ctx->repository),
		.repository_path = c->kopia.repository_path,
		.unique_id = b->unique_id,
		.made = made,
		.passwords = b->passwords,
		.kopia = json_text(versions, "kopia"),
		.docker = b->docker_version,
		.environment = &environment,
	};
	char *readme CLEANUP(freep) = bundle_text_readme(&facts), *recover CLEANUP(freep) = bundle_text_recover(&facts);
	add_text(a, "README", readme);
	ustar_add(&a->tar, "recover.sh", 0700, a->mtime_s, recover, strlen(recover));
}

static int add_conf(struct bundle *b, struct archive *a, struct fault *f)
{
	struct buf text CLEANUP(buf_done) = { 0 };
	const char *path = b->ctx->conf->path;

	if (!path) {
		add_text(a, "kopi-docka.conf", "# no configuration file: built-in defaults\n");
		return 0;
	}
	int r = file_read(path, CONF_MAX, &text);
	if (r < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot read %s for the bundle", path);
	add_text(a, "kopi-docka.conf", text.data ? text.data : "");
	return 0;
}

static int in_memory(const struct buf *data, int *ret_fd, struct fault *f)
{
	int fd CLEANUP(closep) = memfd_create("kopi-docka-bundle", MFD_CLOEXEC);

	if (fd < 0)
		return fault_errno(f, FAULT_FAILED, -errno, "cannot make a file in memory");
	int r = fd_write_all(fd, data->data, data->len);
	if (r < 0)
		return fault_errno(f, FAULT_FAILED, r, "cannot keep the bundle in memory");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int bundle_archive(struct bundle *b, int *ret_fd, struct fault *f)
{
	struct archive a = { .mtime_s = b->made_ms / 1000 };
	char *password CLEANUP(freep) = xasprintf("%s\n", b->ctx->conf->kopia.password);

	add_texts(b, &a);
	add_json(&a, "kopia-repository.json", b->config);
	add_text(&a, "kopia-password.txt", password);
	add_json(&a, "backup-status.json", b->status);
	int r = add_conf(b, &a, f);
	ustar_end(&a.tar);
	if (r == 0)
		r = in_memory(&a.tar, ret_fd, f);
	explicit_bzero(a.tar.data, a.tar.len);
	explicit_bzero(password, strlen(password));
	buf_done(&a.tar);
	return r;
}
