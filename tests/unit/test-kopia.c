/* SPDX-License-Identifier: MIT */
#include "common/varlink.h"
#include "daemon/pure/kopia.h"
#include "tests/unit/unit.h"

static const struct kopia_place place = {
	.program = "/usr/bin/kopia", .config_file = "/s/repository.config", .cache_dir = "/c", .log_dir = "/l", .password = "s3cret",
};

static char *joined(const struct strv *s)
{
	size_t size = 1;

	for (size_t i = 0; i < s->n; i++)
		size += strlen(s->v[i]) + 1;
	char *text = xcalloc(size, 1);
	for (size_t i = 0; i < s->n; i++) {
		strcat(text, s->v[i]);
		strcat(text, "|");
	}
	return text;
}

static void create(void **state)
{
	struct kopia_tag tags[] = { { xstrdup("unit"), xstrdup("shop") } };
	struct kopia_create o = {
		.source = "u@h:/volumes/shop/data", .file = "data.tar", .start_ms = 1769824800000, .tags = tags, .n_tags = 1,
	};
	struct strv argv CLEANUP(strv_done) = { 0 };

	(void)state;
	kopia_argv_create_snapshot(&place, &o, &argv);
	char *text CLEANUP(freep) = joined(&argv);
	static const char *const wanted[] = { "--no-auto-maintenance|", "--config-file=/s/repository.config|", "--json|",
		"--pin=kopi-docka|", "--start-time=2026-01-31 02:00:00 UTC|", "--tags=unit:shop|", "--stdin-file=data.tar|",
		"--override-source=u@h:/volumes/shop/data|/volumes/shop/data|" };
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_non_null(strstr(text, wanted[i]));
	free(tags[0].key);
	free(tags[0].value);
}

static void secrets_only_in_the_environment(void **state)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 }, ids CLEANUP(strv_done) = { 0 };

	(void)state;
	assert_int_equal(conf_parse("f", "[kopia]\nrepository_path = /r\npassword = s3cret\n", &c, NULL), 0);
	strv_add(&ids, "abc");
	kopia_argv_list(&place, "unit:shop", &argv);
	kopia_argv_list(&place, NULL, &argv);
	kopia_argv_show(&place, "kabc", "data.tar", &argv);
	kopia_argv_delete(&place, &ids, &argv);
	kopia_argv_status(&place, &argv);
	kopia_argv_policy_list(&place, &argv);
	kopia_argv_policy_set(&place, &c->retention, "zstd-fastest", &ids, &argv);
	kopia_argv_policy_global(&place, c, &argv);
	kopia_argv_repository(&place, c, "create", "me@there", &argv);
	kopia_argv_repository(&place, c, "connect", "me@there", &argv);
	kopia_argv_maintenance(&place, true, &argv);
	kopia_argv_maintenance_info(&place, &argv);
	char *text CLEANUP(freep) = joined(&argv);
	assert_null(strstr(text, "s3cret"));
	assert_non_null(strstr(text, "filesystem|--path=/r|--override-username=me|--override-hostname=there|"));
	assert_non_null(strstr(text, "--block-hash=BLAKE3-256-128|--encryption=AES256-GCM-HMAC-SHA256|--object-splitter=DYNAMIC-1M-BUZHASH|"));
	assert_non_null(strstr(text, "--keep-daily=7|--keep-weekly=4|--keep-monthly=12|--keep-annual=2|--compression=zstd-fastest|abc|"));
	assert_non_null(strstr(text, "show|kabc/data.tar|"));
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("SOMETHING_ELSE", "x", 1);
	kopia_environment(&place, &env);
	assert_true(strv_has(&env, "KOPIA_PASSWORD=s3cret"));
	assert_true(strv_has(&env, "HOME=/s"));
	assert_true(strv_has(&env, "AWS_ACCESS_KEY_ID=id"));
	assert_false(strv_has(&env, "SOMETHING_ELSE=x"));
}

static void secrets_of_providers(void **state)
{
	static const struct {
		const char *list, *argv, *env, *bare;
	} table[] = {
		{ "s3\", \"--bucket=b\", \"--secret-access-key=S3CR=T\", \"--access-key=id", "s3|--bucket=b|--access-key=id|",
			"AWS_SECRET_ACCESS_KEY=S3CR=T|", NULL },
		{ "s3\", \"--session-token\", \"S3CRT\", \"--bucket=b", "s3|--bucket=b|", "AWS_SESSION_TOKEN=S3CRT|", NULL },
		{ "s3\", \"--session-token", "s3|", "AWS_SESSION_TOKEN=|", NULL },
		{ "b2\", \"--key-id=id\", \"--key=S3CRT", "b2|--key-id=id|", "B2_KEY=S3CRT|", NULL },
		{ "azure\", \"--sas-token=S3CRT\", \"--storage-key=S3CRT", "azure|", "AZURE_STORAGE_SAS_TOKEN=S3CRT|AZURE_STORAGE_KEY=S3CRT|", NULL },
		{ "webdav\", \"--webdav-password=S3CRT\", \"--url=u", "webdav|--url=u|", "KOPIA_WEBDAV_PASSWORD=S3CRT|", NULL },
		{ "sftp\", \"--keyfile=/k", "sftp|--keyfile=/k|", "", NULL },
		{ "sftp\", \"--sftp-password=S3CRT\", \"--host=h", "sftp|--host=h|", "", "--sftp-password" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct conf *c CLEANUP(conf_freep) = NULL;
		struct strv argv CLEANUP(strv_done) = { 0 }, env CLEANUP(strv_done) = { 0 };
		char *text CLEANUP(freep) = xasprintf("kopia = { repository = [\"%s\"]; };\n", table[i].list);
		assert_int_equal(conf_parse("f", text, &c, NULL), 0);
		const char *bare = kopia_provider_environment(c, &env);
		kopia_argv_repository(&place, c, "connect", "me@there", &argv);
		char *words CLEANUP(freep) = joined(&argv), *variables CLEANUP(freep) = joined(&env);
		assert_null(strstr(words, "S3CR"));
		assert_non_null(strstr(words, table[i].argv));
		assert_string_equal(variables, table[i].env);
		assert_true(streq(bare, table[i].bare));
	}
}

#define CREATED "{\"id\":\"i\",\"rootEntry\":{\"obj\":\"k1\",\"summ\":{\"size\":10,\"files\":1,\"numFailed\":0}}}"

static int accept_text(const char *text, int64_t bytes, struct fault *f)
{
	struct kopia_created c = { 0 };
	int r = kopia_parse_created(text, strlen(text), &c, f);

	if (r == 0)
		r = kopia_accept(&c, bytes, f);
	kopia_created_done(&c);
	return r;
}

static void the_accept_rule(void **state)
{
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(accept_text("some table\n" CREATED "\n", 10, &f), 0);
	assert_true(accept_text(CREATED, 11, &f) < 0);
	assert_non_null(strstr(f.text, "10 bytes of 11"));
	static const char *const bad[] = {
		"", "{}", "nonsense", "{\"id\":\"i\"}",
		"{\"id\":\"i\",\"incomplete\":\"canceled\",\"rootEntry\":{\"obj\":\"k1\",\"summ\":{\"size\":10,\"files\":1}}}",
		"{\"id\":\"i\",\"rootEntry\":{\"obj\":\"k1\",\"summ\":{\"size\":10,\"files\":1,\"incomplete\":\"x\"}}}",
		"{\"id\":\"i\",\"rootEntry\":{\"obj\":\"k1\",\"summ\":{\"size\":10,\"files\":1,\"numFailed\":1}}}",
		"{\"id\":\"i\",\"rootEntry\":{\"obj\":\"k1\",\"summ\":{\"size\":10,\"files\":0}}}",
		"{\"id\":\"i\",\"rootEntry\":{\"obj\":\"k1\",\"summ\":{\"files\":1}}}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f = (struct fault){ 0 };
		assert_true(accept_text(bad[i], 10, &f) < 0);
		assert_int_not_equal(f.code, FAULT_NONE);
	}
}

static void lists(void **state)
{
	static const char text[] = "[\n{\"id\":\"a\",\"source\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/p\"},\"startTime\":\"2026-01-31T02:00:00Z\","
				   "\"rootEntry\":{\"obj\":\"k\",\"summ\":{\"size\":5,\"files\":1}},\"tags\":{\"tag:unit\":\"x\",\"n\":1},\"pins\":[\"q\"]},\n"
				   "{\"nonsense\":1}]";
	struct kopia_snapshot *v = NULL;
	size_t n = 0;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(kopia_parse_list(text, strlen(text), &v, &n, &f), 0);
	assert_int_equal(n, 1);
	assert_string_equal(kopia_tag(&v[0], "unit"), "x");
	assert_null(kopia_tag(&v[0], "none"));
	assert_int_equal(v[0].start_ms, 1769824800000);
	assert_true(strv_has(&v[0].pins, "q"));
	kopia_snapshots_free(v, n);
	assert_int_equal(kopia_parse_list("[\n]", 3, &v, &n, &f), 0);
	assert_int_equal(n, 0);
	kopia_snapshots_free(v, n);
	assert_true(kopia_parse_list("{}", 2, &v, &n, &f) < 0);
}

static void status_version_policy(void **state)
{
	static const char status[] = "{\"uniqueIDHex\":\"ab\",\"clientOptions\":{\"hostname\":\"h\",\"username\":\"u\"},\"storage\":{\"type\":\"filesystem\","
				     "\"config\":{\"path\":\"/r\"}},\"volume\":{\"capacity\":9,\"available\":3},\"contentFormat\":{\"hash\":\"B\"}}";
	static const char policies[] = "[{\"target\":{\"host\":\"\",\"userName\":\"\",\"path\":\"\"},\"retention\":{\"keepLatest\":3}},"
		"{\"target\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/volumes/shop\"},\"retention\":{\"keepLatest\":3,\"keepHourly\":0,"
		"\"keepDaily\":7,\"keepWeekly\":4,\"keepMonthly\":12,\"keepAnnual\":2},\"compression\":{\"compressorName\":\"zstd-fastest\"}},"
		"{\"target\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/binds/shop\"},\"retention\":{\"keepLatest\":3,\"keepDaily\":7,"
		"\"keepWeekly\":4,\"keepMonthly\":12,\"keepAnnual\":2},\"compression\":{\"compressorName\":\"zstd-fastest\"}}]";
	struct kopia_status s = { 0 };
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };
	int v;

	(void)state;
	assert_int_equal(kopia_parse_status(status, strlen(status), &s, &f), 0);
	assert_string_equal(s.unique_id, "ab");
	assert_int_equal(s.available, 3);
	kopia_status_done(&s);
	assert_true(kopia_parse_status("{}", 2, &s, &f) < 0);
	assert_int_equal(kopia_parse_version("v0.23.1 build: x", &v), 0);
	assert_int_equal(v, 23001);
	assert_int_equal(kopia_parse_version("1.2.3", &v), 0);
	assert_int_equal(v, 1002003);
	assert_int_equal(kopia_parse_version("unknown", &v), -EINVAL);
	assert_int_equal(conf_parse("f", "", &c, NULL), 0);
	static const char info[] = "{\"owner\":\"u@h\",\"quick\":{}}";
	char *owner CLEANUP(freep) = NULL;
	assert_int_equal(kopia_parse_maintenance_owner(info, strlen(info), &owner, &f), 0);
	assert_string_equal(owner, "u@h");
	assert_true(kopia_parse_maintenance_owner("{}", 2, &owner, &f) < 0);
	assert_null(kopia_parse_policies("{}", 2, &f));
	assert_int_equal(f.code, FAULT_REPOSITORY);
	struct json_object *list CLEANUP(json_putp) = kopia_parse_policies(policies, strlen(policies), &f);
	assert_non_null(list);
	assert_false(kopia_policy_differs(list, "u@h:/volumes/shop", &c->retention, "zstd-fastest"));
	assert_true(kopia_policy_differs(list, "u@h:/volumes/shop", &c->retention, "gzip"));
	assert_true(kopia_policy_differs(list, "u@h:/binds/shop", &c->retention, "zstd-fastest")); /* inherits hourly ones */
	assert_true(kopia_policy_differs(list, "u@h:/volumes/sho", &c->retention, "zstd-fastest"));
	for (int *keep = &c->retention.latest, i = 0; i < 5; i++) { /* each of the five counts */
		keep[i]++;
		assert_true(kopia_policy_differs(list, "u@h:/volumes/shop", &c->retention, "zstd-fastest"));
		keep[i]--;
	}
}

static void policies_of_units(void **state)
{
	static const char text[] =
		"[{\"target\":{\"host\":\"\",\"userName\":\"\",\"path\":\"\"},\"retention\":{}},\n"
		"{\"target\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/volumes/web\"},\"retention\":{\"keepLatest\":3,\"keepHourly\":0,\"keepDaily\":7,"
		"\"keepWeekly\":4,\"keepMonthly\":12,\"keepAnnual\":2},\"compression\":{\"compressorName\":\"zstd-fastest\"}},\n"
		"{\"target\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/volumes/web/data\"},\"retention\":{}},\n"
		"{\"target\":{\"host\":\"other\",\"userName\":\"u\",\"path\":\"/volumes/web\"},\"retention\":{}},\n"
		"{\"target\":{\"host\":\"h\",\"userName\":\"u\",\"path\":\"/recipes/web\"},\"retention\":{\"keepDaily\":99}}]";
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct strv drifted CLEANUP(strv_done) = { 0 };
	size_t n = 0;

	(void)state;
	assert_int_equal(conf_parse("f", "", &c, NULL), 0);
	assert_int_equal(kopia_policies_drift(text, strlen(text), c, "u@h", &n, &drifted), 0);
	assert_int_equal(n, 2);
	assert_int_equal(drifted.n, 1);
	assert_string_equal(drifted.v[0], "/recipes/web");
	assert_int_equal(kopia_policies_drift("no", 2, c, "u@h", &n, &drifted), -EBADMSG);
}

static void explains(void **state)
{
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(conf_parse("f", "[kopia]\nrepository_path = /r\n", &c, NULL), 0);
	kopia_explain("ERROR invalid repository password\n", c, &f);
	assert_int_equal(f.code, FAULT_PASSWORD);
	kopia_explain("write x: no space left on device", c, &f);
	assert_int_equal(f.code, FAULT_NO_SPACE);
	kopia_explain("Snapshotting x\nERROR something new\nbye\n", c, &f);
	assert_string_equal(f.text, "kopia failed: ERROR something new");
	f = (struct fault){ .code = FAULT_FAILED };
	kopia_explain("", c, &f);
	assert_int_equal(f.code, FAULT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create), cmocka_unit_test(secrets_only_in_the_environment), cmocka_unit_test(secrets_of_providers), cmocka_unit_test(the_accept_rule),
		cmocka_unit_test(lists), cmocka_unit_test(status_version_policy), cmocka_unit_test(policies_of_units), cmocka_unit_test(explains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
