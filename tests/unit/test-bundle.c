/* SPDX-License-Identifier: MIT */
/* The bundle's texts are given to sh and shellcheck, its archive to tar; names are hostile. */
#include <sys/wait.h>

#include "common/fd.h"
#include "common/varlink.h"
#include "daemon/pure/bundle_text.h"
#include "daemon/pure/kopia_config.h"
#include "daemon/pure/ustar.h"
#include "tests/unit/unit.h"

#define HOSTILE "o'dd \"x\" $(touch pwned) `touch pwned` \\ #"

static char directory[] = "/tmp/kd-test-bundle-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	char *command CLEANUP(freep) = xasprintf("rm -rf '%s'", directory);
	return chdir("/") == 0 ? system(command) : -1;
}

static void put(const char *name, const char *data, size_t len)
{
	struct fault f = { 0 };

	assert_int_equal(file_replace(name, data, len, 0600, &f), 0);
}

static void check_run(const char *command)
{
	int status = system(command);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s: %d", command, status);
}

/* --- ustar --------------------------------------------------------------------------- */

static void test_tar_reads_it(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	char block[512];

	(void)state;
	memset(block, 'b', sizeof(block));
	ustar_add(&b, "short", 0600, 1700000000, "text\n", 5);
	ustar_add(&b, "empty", 0600, -1, "", 0);
	ustar_add(&b, "run", 0700, 1700000000, "#!/bin/sh\n", 10);
	ustar_add(&b, "block", 0644, 1700000000, block, sizeof(block));
	ustar_end(&b);
	assert_int_equal(b.len % 512, 0);
	put("a.tar", b.data, b.len);
	check_run("mkdir out && tar -xf a.tar -C out --warning=no-timestamp");
	check_run("[ \"$(cat out/short)\" = text ] && [ \"$(stat -c %a:%s:%Y out/short)\" = 600:5:1700000000 ]");
	check_run("[ \"$(stat -c %a:%s:%Y out/empty)\" = 600:0:0 ] && [ \"$(stat -c %a:%s out/run)\" = 700:10 ]");
	check_run("[ \"$(stat -c %s out/block)\" = 512 ] && [ \"$(tr -d b <out/block | wc -c)\" = 0 ]");
	check_run("[ \"$(tar -tf a.tar | wc -l)\" = 4 ] && [ \"$(tar --numeric-owner -tvf a.tar | grep -c ' 0/0 ')\" = 4 ]");
}

/* --- names --------------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const struct {
		const char *identity, *series;
	} rows[] = {
		{ "kopi-docka@web1", "kopi-docka-recovery-kopi-docka@web1" },
		{ "a b@c/d", "kopi-docka-recovery-a%20b@c%2Fd" },
		{ "x@*[0-9]?", "kopi-docka-recovery-x@%2A%5B0-9%5D%3F" }, /* a pattern of the helper's, otherwise */
		{ "no-at", "kopi-docka-recovery-@no-at" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *series CLEANUP(freep) = bundle_text_series(rows[i].identity);
		char *name CLEANUP(freep) = bundle_text_name(rows[i].identity, (int64_t)1767225600 * 1000);
		char *want CLEANUP(freep) = xasprintf("%s-20260101T000000Z", rows[i].series);
		assert_string_equal(series, rows[i].series);
		assert_string_equal(name, want);
	}
}

/* --- texts --------------------------------------------------------------------------- */

static char *fill(struct strv *environment, bool directory_known, char *text(const struct bundle_facts *))
{
	struct bundle_facts f = {
		.name = "NAME", .identity = "user@" HOSTILE, .host = "line\nbreak", .repository = "filesystem:/r",
		.repository_path = directory_known ? HOSTILE : NULL, .unique_id = "00ff", .made = "2026-01-01T00:00:00Z",
		.passwords = directory_known ? "/pass " HOSTILE : NULL, .kopia = "0.23.1", .environment = environment,
	};

	return text(&f);
}

static void test_readme(void **state)
{
	struct strv none = { 0 };
	char *text CLEANUP(freep) = fill(&none, false, bundle_text_readme);
	char *other CLEANUP(freep) = fill(&none, true, bundle_text_readme);

	(void)state;
	assert_int_equal(strncmp(text, "Kopi-Docka recovery bundle NAME\n", 32), 0);
	assert_non_null(strstr(text, "line?break"));
	assert_non_null(strstr(text, "-iter 600000 -pass file:'NAME.PASSWORD' -in 'NAME.tar.enc' | tar -xf - -C /root/recovery\n"));
	assert_non_null(strstr(text, "Docker ?."));
	assert_null(strstr(text, "--repository"));
	assert_non_null(strstr(other, "--repository DIRECTORY"));
	assert_non_null(strstr(other, "-pass file:'/pass o'\\''dd "));
}

static void test_recover(void **state)
{
	struct strv environment CLEANUP(strv_done) = { 0 };

	(void)state;
	strv_add(&environment, "AWS_KEY=" HOSTILE);
	strv_add(&environment, "NOT A NAME;touch pwned=1");
	strv_add(&environment, "9=1");
	char *text CLEANUP(freep) = fill(&environment, true, bundle_text_recover);
	assert_non_null(strstr(text, "export AWS_KEY='o'\\''dd "));
	assert_null(strstr(text, "NOT A NAME"));
	assert_null(strstr(text, "export 9"));
	put("recover.sh", text, strlen(text));
	check_run("sh -n recover.sh && sh recover.sh --help | grep -q -- '--backup-id ID'");
	check_run("sh recover.sh --unit 2>&1 | grep -q -- '--unit needs a value'");
	check_run("sh recover.sh --nonsense 2>&1 | grep -q 'unknown: --nonsense'");
	check_run("[ ! -e pwned ]");
}

/* --- kopia's configuration ------------------------------------------------------------- */

static struct json_object *config(const char *type, const char *members)
{
	char *text CLEANUP(freep) = xasprintf("{\"storage\":{\"type\":\"%s\",\"config\":{%s}}}", type, members);
	struct json_object *o = json_parse(text, strlen(text));

	assert_non_null(o);
	return o;
}

static void check_embedded(const char *type, const char *members, const char *path, const char *content, const char *want)
{
	struct json_object *o CLEANUP(json_putp) = config(type, members);
	size_t row = 0, n = 0;

	for (const char *p; (p = kopia_config_file(o, &row)); row++, n++) {
		assert_string_equal(p, path);
		assert_int_equal(kopia_config_embed(o, row, content), 0);
	}
	assert_int_equal(n, 1);
	const char *text = json_object_to_json_string_ext(json_member(json_member(o, "storage"), "config"),
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	assert_string_equal(text, want);
}

static void test_files_become_content(void **state)
{
	struct json_object *o CLEANUP(json_putp) = config("sftp", "\"keyfile\":\"/k\",\"knownHostsFile\":\"/h\"");
	size_t row = 0;

	(void)state;
	check_embedded("sftp", "\"keyfile\":\"/k\",\"path\":\"/p\"", "/k", "KEY\n", "{\"path\":\"/p\",\"keyData\":\"KEY\\n\"}");
	check_embedded("sftp", "\"keyData\":\"K\",\"knownHostsFile\":\"/h\"", "/h", "H", "{\"keyData\":\"K\",\"knownHostsData\":\"H\"}");
	check_embedded("gcs", "\"credentialsFile\":\"/c\"", "/c", "{\"a\":1}", "{\"credentials\":{\"a\":1}}");
	check_embedded("gdrive", "\"credentialsFile\":\"/c\"", "/c", "{\"a\":1}", "{\"credentials\":{\"a\":1}}");
	check_embedded("rclone", "\"rcloneArgs\":[\"-v\",\"--config=/r\"]", "/r", "[x]",
		"{\"rcloneArgs\":[\"-v\"],\"embeddedConfig\":\"[x]\"}");
	assert_string_equal(kopia_config_file(o, &row), "/k");
	row++;
	assert_string_equal(kopia_config_file(o, &row), "/h");
	row++;
	assert_null(kopia_config_file(o, &row));
	struct json_object *gcs CLEANUP(json_putp) = config("gcs", "\"credentialsFile\":\"/c\"");
	row = 0;
	assert_non_null(kopia_config_file(gcs, &row));
	assert_int_equal(kopia_config_embed(gcs, row, "no JSON"), -EINVAL);
}

static void test_what_cannot_travel(void **state)
{
	static const struct {
		const char *type, *members, *word; /* NULL: nothing to say */
	} rows[] = {
		{ "filesystem", "\"path\":\"/p\"", NULL },
		{ "s3", "\"accessKeyID\":\"A\",\"secretAccessKey\":\"S\"", NULL },
		{ "s3", "\"accessKeyID\":\"\"", "role" },
		{ "sftp", "\"externalSSH\":true", "ssh" },
		{ "rclone", "\"remotePath\":\"r:x\"", "rclone" },
		{ "rclone", "\"embeddedConfig\":\"x\"", NULL },
		{ "gcs", "\"bucket\":\"b\"", "default credentials" },
		{ "gcs", "\"credentialsFile\":\"/c\"", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *o CLEANUP(json_putp) = config(rows[i].type, rows[i].members);
		struct strv said CLEANUP(strv_done) = { 0 };
		kopia_config_lacks(o, &said);
		if (said.n != (rows[i].word != NULL) || (rows[i].word && !strstr(said.v[0], rows[i].word)))
			fail_msg("%s %s: %s", rows[i].type, rows[i].members, said.n ? said.v[0] : "nothing");
	}
	struct json_object *server CLEANUP(json_putp) = json_parse("{\"apiServer\":{}}", 16), *empty CLEANUP(json_putp) = json_parse("{}", 2);
	struct strv said CLEANUP(strv_done) = { 0 };
	kopia_config_lacks(server, &said);
	assert_int_equal(said.n, 0);
	kopia_config_lacks(empty, &said);
	assert_int_equal(said.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tar_reads_it), cmocka_unit_test(test_names), cmocka_unit_test(test_readme),
		cmocka_unit_test(test_recover), cmocka_unit_test(test_files_become_content), cmocka_unit_test(test_what_cannot_travel),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
