/* SPDX-License-Identifier: MIT */
#include "common/iface.h"
#include "common/varlink.h"
#include "tests/unit/unit.h"

static void calls(void **state)
{
	struct json_object *p CLEANUP(json_putp) = json_object_new_object();
	struct buf b CLEANUP(buf_done) = { 0 };
	struct varlink_call c = { 0 };
	struct gate_fault f;
	size_t len;

	(void)state;
	json_put_text(p, "unit", "a/b");
	varlink_format_call(&b, "x.Y", p, true);
	assert_int_equal(varlink_frame(&b, 1000, &len), 1);
	assert_int_equal(varlink_parse_call(b.data, len, &c, &f), 0);
	assert_string_equal(c.method, "x.Y");
	assert_true(c.more);
	assert_string_equal(json_text(c.parameters, "unit"), "a/b");
	varlink_call_done(&c);
	static const char null[] = "{\"method\":\"x.Y\",\"parameters\":null,\"oneway\":true} \n";
	assert_int_equal(varlink_parse_call(null, strlen(null), &c, &f), 0);
	assert_true(c.oneway);
	assert_int_equal(json_object_object_length(c.parameters), 0);
	varlink_call_done(&c);
}

static void bad_calls(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "1", "null", "{}", "{\"method\":1}", "{\"method\":\"x\",\"more\":1}",
		"{\"method\":\"x\",\"parameters\":[]}", "{\"method\":\"x\"} x", "{\"method\":\"\xff\"}" };
	struct varlink_call c = { 0 };
	struct gate_fault f;
	char deep[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(varlink_parse_call(bad[i], strlen(bad[i]), &c, &f), -EBADMSG);
	memset(deep, '[', sizeof(deep));
	assert_int_equal(varlink_parse_call(deep, sizeof(deep), &c, &f), -EBADMSG);
}

static void replies(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	struct varlink_reply r = { 0 };
	size_t len;

	(void)state;
	varlink_format_reply(&b, NULL, true);
	varlink_format_error(&b, "a.B", NULL);
	assert_int_equal(varlink_frame(&b, 1000, &len), 1);
	assert_int_equal(varlink_parse_reply(b.data, len, &r), 0);
	assert_true(r.continues);
	varlink_reply_done(&r);
	buf_consume(&b, len + 1);
	assert_int_equal(varlink_frame(&b, 1000, &len), 1);
	assert_int_equal(varlink_parse_reply(b.data, len, &r), 0);
	assert_string_equal(r.error, "a.B");
	varlink_reply_done(&r);
	assert_int_equal(varlink_frame(&b, 3, &len), -EMSGSIZE);
	buf_consume(&b, b.len);
	assert_int_equal(varlink_frame(&b, 3, &len), 0);
	buf_puts(&b, "12345");
	assert_int_equal(varlink_frame(&b, 3, &len), -EMSGSIZE);
	assert_int_equal(varlink_parse_reply("[]", 2, &r), -EBADMSG);
}

static void members(void **state)
{
	static const char text[] = "{\"t\":\"x\",\"n\":7,\"f\":true,\"l\":[\"a\",1,\"b\"],\"z\":null}";
	struct json_object *o CLEANUP(json_putp) = json_parse(text, strlen(text));
	struct strv l CLEANUP(strv_done) = { 0 };

	(void)state;
	assert_string_equal(json_text(o, "t"), "x");
	assert_null(json_text(o, "n"));
	assert_null(json_text(NULL, "n"));
	assert_int_equal(json_number(o, "n", 1), 7);
	assert_int_equal(json_number(o, "t", 1), 1);
	assert_true(json_flag(o, "f", false));
	assert_true(json_flag(o, "t", true));
	json_read_list(o, "l", &l);
	json_read_list(o, "t", &l);
	assert_int_equal(l.n, 2);
	json_put_list(o, "new", &l);
	json_put_text(o, "none", NULL);
	assert_null(json_member(o, "none"));
	assert_null(json_member(o, "z"));
	assert_null(json_parse(NULL, 0));
	assert_null(json_parse("{}x", 3));
}

static void describes_itself(void **state)
{
	(void)state;
	assert_non_null(strstr(iface_text, "interface io.kopidocka\n"));
	assert_non_null(strstr(iface_service_text, "method GetInfo()"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls), cmocka_unit_test(bad_calls), cmocka_unit_test(replies), cmocka_unit_test(members),
		cmocka_unit_test(describes_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
