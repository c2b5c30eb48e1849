/* SPDX-License-Identifier: MIT */
#include "daemon/pure/container_path.h"

#include "tests/unit/unit.h"

static const char UNIT[] =
	"{\"members\":[{\"name\":\"shop-db-1\",\"service\":\"db\"},{\"name\":\"shop-web-1\",\"service\":\"web\"}],"
	"\"items\":[{\"id\":\"volume:db\",\"path\":\"/v/db/_data\"},{\"id\":\"volume:www\",\"path\":\"/v/www/_data\"},"
	"{\"id\":\"bind:/srv\",\"path\":\"/srv\"},{\"id\":\"bind:/etc/one.conf\",\"path\":\"/etc/one.conf\"}],"
	"\"coverage\":["
	"{\"container\":\"shop-db-1\",\"source\":\"/v/db/_data\",\"destination\":\"/data\",\"saved\":true},"
	"{\"container\":\"shop-db-1\",\"source\":\"tmpfs\",\"destination\":\"/data/tmp\",\"saved\":false,\"reason\":\"in memory\"},"
	"{\"container\":\"shop-db-1\",\"source\":\"/etc/one.conf\",\"destination\":\"/one.conf\",\"saved\":true},"
	"{\"container\":\"shop-web-1\",\"source\":\"/v/www/_data\",\"destination\":\"/data\",\"saved\":true},"
	"{\"container\":\"shop-web-1\",\"source\":\"/srv/site\",\"destination\":\"/site\",\"saved\":true}]}";

static void what_it_is(void **state)
{
	(void)state;
	assert_true(container_path_is("/a") && container_path_is("db:/a"));
	assert_false(container_path_is("a") || container_path_is("a/b") || container_path_is(":/a") || container_path_is("a/b:/c") ||
		container_path_is("") || container_path_is("db:a"));
}

static void finds(void **state)
{
	static const struct {
		const char *asked, *only, *item, *path, *why;
	} cases[] = {
		{ "/one.conf", NULL, "bind:/etc/one.conf", "", NULL },
		{ "/site/a//b/../c", NULL, "bind:/srv", "site/a/c", NULL },
		{ "/site", NULL, "bind:/srv", "site", NULL },
		{ "db:/data/x", NULL, "volume:db", "x", NULL },
		{ "shop-web-1:/data/x", NULL, "volume:www", "x", NULL },
		{ "/data/x", "volume:www", "volume:www", "x", NULL },
		{ "/data/x", NULL, NULL, NULL, "in volume:db for one container and in volume:www for another" },
		{ "/data/tmp/x", NULL, "volume:www", "tmp/x", NULL }, /* of db it is not saved */
		{ "db:/data/tmp/x", NULL, NULL, NULL, "in memory" },
		{ "/nowhere", NULL, NULL, NULL, "is in nothing that is saved" },
		{ "/database", NULL, NULL, NULL, "is in nothing that is saved" },
		{ "cache:/data", NULL, NULL, NULL, "is in nothing that is saved" },
	};
	struct json_object *unit CLEANUP(json_putp) = json_parse(UNIT, sizeof(UNIT) - 1);

	(void)state;
	assert_non_null(unit);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *item CLEANUP(freep) = NULL, *path CLEANUP(freep) = NULL;
		struct fault f = { 0 };
		int r = container_path_find(unit, cases[i].asked, cases[i].only, &item, &path, &f);
		assert_int_equal(r == 0, cases[i].item != NULL);
		if (cases[i].item) {
			assert_string_equal(item, cases[i].item);
			assert_string_equal(path, cases[i].path);
		} else {
			assert_non_null(strstr(f.text, cases[i].why));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_it_is), cmocka_unit_test(finds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
