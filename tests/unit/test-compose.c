/* SPDX-License-Identifier: MIT */
/* Which files a compose file names, and what hostile ones cannot do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "common/buf.h"
#include "daemon/pure/compose.h"

static int read_text(const char *text, struct compose_references *ret, struct fault *f)
{
	struct strv variables CLEANUP(strv_done) = { 0 };

	strv_add(&variables, "DIR=conf");
	strv_add(&variables, "EMPTY=");
	strv_add(&variables, "DIR=cfg");
	return compose_read(text, strlen(text), "/srv/shop", &variables, ret, f);
}

static void check(const struct compose_references *r, size_t i, enum compose_kind kind, const char *path, const char *by)
{
	assert_true(i < r->n);
	assert_int_equal(r->v[i].kind, kind);
	assert_string_equal(r->v[i].path, path);
	assert_string_equal(r->v[i].by, by);
}

static void everything_compose_reads(void **state)
{
	static const char text[] =
		"include:\n"
		"  - other/compose.yml\n"
		"  - path: [a.yml, ../b.yml]\n"
		"    project_directory: /srv/else\n"
		"    env_file: inc.env\n"
		"  - path: [two/c.yml, /d.yml]\n"
		"  - oci://registry/x\n"
		"x-common: &common\n"
		"  env_file: common.env\n"
		"services:\n"
		"  db:\n"
		"    image: postgres\n"
		"    env_file:\n"
		"      - db.env\n"
		"      - path: ./maybe.env\n"
		"        required: false\n"
		"    label_file: l.txt\n"
		"  web:\n"
		"    <<: *common\n"
		"    build: ./web\n"
		"    extends: {file: base/base.yml, service: web}\n"
		"  api:\n"
		"    <<: [{image: x}, *common]\n"
		"    build: {context: /src/api, dockerfile: D}\n"
		"    extends: web\n"
		"configs:\n"
		"  site: {file: \"${DIR}/site.conf\"}\n"
		"  inline: {content: \"file: no\"}\n"
		"  ext: {external: true}\n"
		"secrets:\n"
		"  pw: {file: ./pw.txt}\n"
		"  tok: {environment: TOKEN}\n"
		"  home: {file: ~/x}\n"
		"  var: {file: \"${NOBODY}/x\"}\n";
	struct compose_references r = { 0 };
	struct fault f = { 0 };
	size_t i = 0;

	(void)state;
	assert_int_equal(read_text(text, &r, &f), 0);
	check(&r, i, COMPOSE_FILE, "/srv/shop/other/compose.yml", "include");
	assert_string_equal(r.v[i++].directory, "/srv/shop/other");
	check(&r, i, COMPOSE_ENV, "/srv/shop/other/.env", "env_file of include");
	assert_true(r.v[i++].optional);
	check(&r, i, COMPOSE_FILE, "/srv/shop/a.yml", "include");
	assert_string_equal(r.v[i++].directory, "/srv/else");
	check(&r, i, COMPOSE_FILE, "/srv/b.yml", "include");
	assert_string_equal(r.v[i++].directory, "/srv/else");
	check(&r, i++, COMPOSE_ENV, "/srv/shop/inc.env", "env_file of include");
	check(&r, i, COMPOSE_FILE, "/srv/shop/two/c.yml", "include");
	assert_string_equal(r.v[i++].directory, "/srv/shop/two");
	check(&r, i, COMPOSE_FILE, "/d.yml", "include");
	assert_string_equal(r.v[i++].directory, "/srv/shop/two");
	check(&r, i++, COMPOSE_ENV, "/srv/shop/two/.env", "env_file of include");
	check(&r, i++, COMPOSE_ENV, "/srv/shop/db.env", "env_file of db");
	check(&r, i, COMPOSE_ENV, "/srv/shop/maybe.env", "env_file of db");
	assert_true(r.v[i++].optional);
	check(&r, i++, COMPOSE_CONFIG, "/srv/shop/l.txt", "label_file of db");
	check(&r, i++, COMPOSE_ENV, "/srv/shop/common.env", "env_file of web");
	check(&r, i, COMPOSE_FILE, "/srv/shop/base/base.yml", "extends of web");
	assert_string_equal(r.v[i++].directory, "/srv/shop/base");
	check(&r, i++, COMPOSE_BUILD, "/srv/shop/web", "build of web");
	check(&r, i++, COMPOSE_ENV, "/srv/shop/common.env", "env_file of api");
	check(&r, i++, COMPOSE_BUILD, "/src/api", "build of api");
	check(&r, i++, COMPOSE_CONFIG, "/srv/shop/cfg/site.conf", "configs: site");
	check(&r, i++, COMPOSE_SECRET, "/srv/shop/pw.txt", "secrets: pw");
	assert_int_equal(r.n, i);
	assert_int_equal(r.unresolved.n, 2);
	assert_non_null(strstr(r.unresolved.v[0], "home directory"));
	assert_non_null(strstr(r.unresolved.v[1], "variable NOBODY"));
	assert_int_equal(r.notes.n, 2);
	assert_non_null(strstr(r.notes.v[0], "oci://registry/x is not on this host"));
	assert_non_null(strstr(r.notes.v[1], "secrets: tok: its content is the variable TOKEN"));
	for (i = 0; i < COMPOSE_KINDS; i++)
		assert_non_null(compose_kind_name((enum compose_kind)i));
	compose_references_done(&r);
}

static void variables(void **state)
{
	static const struct {
		const char *text, *result, *missing;
	} table[] = {
		{ "a$$b", "a$b", NULL }, { "$DIR/x", "conf/x", NULL }, { "${DIR}x", "confx", NULL },
		{ "${X:-y}", "y", NULL }, { "${X-y}", "y", NULL }, { "${EMPTY-y}", "", NULL }, { "${EMPTY:-y}", "y", NULL },
		{ "${EMPTY:+y}", "", NULL }, { "${DIR:+y}", "y", NULL }, { "${X:-${DIR}/z}", "conf/z", NULL }, { "${DIR:?no}", "conf", NULL },
		{ "${X}", NULL, "X" }, { "$X/b", NULL, "X" }, { "${X:?no}", NULL, "X" }, { "${", NULL, "${" }, { "$", NULL, "$" },
		{ "${EMPTY:?e}", NULL, "EMPTY" }, { "${DIR!}", NULL, "DIR" },
		{ "${a:-${a:-${a:-${a:-${a:-${a:-${a:-${a:-${a:-${a:-x}}}}}}}}}}", NULL, NULL },
	};
	struct strv v CLEANUP(strv_done) = { 0 };

	(void)state;
	strv_add(&v, "DIR=conf");
	strv_add(&v, "EMPTY=");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char *missing CLEANUP(freep) = NULL, *got CLEANUP(freep) = compose_interpolate(table[i].text, &v, &missing);
		if (!streq(got, table[i].result) || !streq(missing, table[i].missing))
			fail_msg("%s: %s, %s", table[i].text, got ? got : "(null)", missing ? missing : "(null)");
	}
	strv_addf(&v, "BIG=%060000d", 1);
	assert_null(compose_interpolate("$BIG$BIG", &v, NULL));
}

static void what_is_no_compose_file(void **state)
{
	static const char *const bad[] = { "- a\n", "just text", "a: [\n", "\t\tx", "a: *nobody\n", "\xff\xfe\xfd", "a: b: c" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct compose_references r = { 0 };
		struct fault f = { 0 };
		if (read_text(bad[i], &r, &f) != -EBADMSG)
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(f.text, "no compose file"));
		compose_references_done(&r);
	}
	char *large CLEANUP(freep) = xcalloc(COMPOSE_TEXT_MAX + 2, 1);
	struct compose_references r = { 0 };
	struct fault f = { 0 };
	memset(large, ' ', COMPOSE_TEXT_MAX + 1);
	assert_int_equal(read_text(large, &r, &f), -EFBIG);
}

/* Structures of another shape than compose's are passed over. */
static void odd_shapes(void **state)
{
	static const char *const odd[] = {
		"", "# empty\n", "services: []\n", "services: {a: , b: [], c: x}\n", "services: {? [a, b] : {env_file: x}}\n", "include: x\nsecrets: y\n",
		"include: [[[a]], {}, {path: {}}, null, ~]\n", "secrets: {a: {file: [x]}, b: {file: }, c: z}\n",
		"services: {a: &a {<<: *a, env_file: [[x]]}}\n", "services: {a: {env_file: {path: [x]}, extends: [], build: []}}\n",
		"services: {a: {env_file: \"x\\0y\"}}\n", "--- {}\n--- {}\n", "services: &s {a: *s}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct compose_references r = { 0 };
		struct fault f = { 0 };
		if (read_text(odd[i], &r, &f) != 0 || r.n > 0)
			fail_msg("%s: %s, %zu", odd[i], f.text, r.n);
		compose_references_done(&r);
	}
}

/* Half a megabyte of anything is read in a time that nobody waits for, and names a bounded number. */
static void hostile_sizes(void **state)
{
	static const struct {
		const char *head, *again;
	} table[] = {
		{ "", "anchors" }, { "services: {a: {env_file: [", "x," }, { "", "[" }, { "", "{" }, { "a: &a {", "? " }, { "", "a: &a\n" }, { "", "- " },
		{ "secrets:\n", " ? a\n : {file: x}\n" }, { "secrets:\n", " ? a\n : {environment: x}\n" },
		{ "x: &x {a: b}\nservices: {a: {<<: [", "*x," }, { "", "'" }, { "", "|\n" }, { "", "!!" }, { "", "%" },
		{ "b: &b {<<: &c [", "{}, " }, { "x: &x {<<: *x}\nservices:\n", " ? a\n : *x\n" }, { "include: [", "\"${A:-\"," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct buf b CLEANUP(buf_done) = { 0 };
		struct compose_references r = { 0 };
		struct fault f = { 0 };
		uint64_t begin = clock_ms();
		buf_puts(&b, table[i].head);
		for (int n = 0; b.len + 64 < COMPOSE_TEXT_MAX; n++)
			if (streq(table[i].again, "anchors"))
				buf_printf(&b, "- &a%d x\n", n);
			else
				buf_puts(&b, table[i].again);
		IGNORE(compose_read(b.data, b.len, "/x", NULL, &r, &f)); /* any outcome */
		if (getenv("VERBOSE"))
			print_message("%s%s…: %d ms, %s\n", table[i].head, table[i].again, (int)(clock_ms() - begin), f.text);
		assert_in_range(r.n, 0, COMPOSE_REFERENCES_MAX);
		assert_in_range(r.notes.n, 0, COMPOSE_REFERENCES_MAX);
		assert_in_range(r.unresolved.n, 0, COMPOSE_REFERENCES_MAX + 1);
		compose_references_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_compose_reads),
		cmocka_unit_test(variables),
		cmocka_unit_test(what_is_no_compose_file),
		cmocka_unit_test(odd_shapes),
		cmocka_unit_test(hostile_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
