/* SPDX-License-Identifier: MIT */
#include "client/render.h"

#include "common/iface.h"
#include "tests/unit/unit.h"

static void check_clean(const char *text, const char *want)
{
	char *clean CLEANUP(freep) = render_clean(text);

	assert_string_equal(clean, want);
}

static void no_text_paints_the_terminal(void **state)
{
	(void)state;
	check_clean(NULL, "");
	check_clean("shop ä 日本 😀", "shop ä 日本 😀");
	check_clean("\x1b[31m\r\n\t\x7f", "?[31m????");
	check_clean("a\xc2\x9b" "31m", "a??31m"); /* C1: CSI in one character */
	check_clean("\x9b" "31m\xff\xc3", "?31m??");
	check_clean("\xc0\xaf \xe6\x97 \xf5\x80\x80\x80", "?? ?? ????"); /* overlong, cut short, beyond Unicode */
}

static void sizes_and_spans(void **state)
{
	static const struct {
		int64_t bytes;
		const char *want;
	} sizes[] = { { -1, "?" }, { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 1288490189, "1.2 GiB" },
		{ INT64_MAX, "8388608.0 TiB" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *text CLEANUP(freep) = render_size(sizes[i].bytes);
		assert_string_equal(text, sizes[i].want);
	}
	char *unknown CLEANUP(freep) = render_span(-1), *short_one CLEANUP(freep) = render_span(520), *long_one CLEANUP(freep) = render_span(200000);
	assert_string_equal(unknown, "?");
	assert_string_equal(short_one, "0.52 s");
	assert_string_equal(long_one, "3 min 20 s");
}

static void progress_is_one_line(void **state)
{
	static const char text[] = "{\"unit\":\"shop\",\"phase\":\"read\",\"item\":\"volume:d\\nata\",\"bytes\":1024,\"total_bytes\":2048,"
				   "\"bytes_per_s\":1024,\"eta_ms\":1000,\"window_ms\":520}";
	struct json_object *o CLEANUP(json_putp) = json_parse(text, strlen(text));
	char *line CLEANUP(freep) = render_progress(o), *empty CLEANUP(freep) = render_progress(NULL);

	(void)state;
	assert_string_equal(line, "shop: read volume:d?ata 1.0 KiB of 2.0 KiB, 1.0 KiB/s, 1.00 s left, window so far 0.52 s");
	assert_string_equal(empty, "");
}

/* Whatever a daemon of another age answers: no renderer trips over it. */
static void every_renderer_takes_every_reply(void **state)
{
	static int (*const renderers[])(FILE *, struct json_object *) = { render_units, render_plan, render_points, render_run, render_history,
		render_status, render_doctor, render_restore, render_init, render_cancel, render_done };
	static const char *const replies[] = {
		"{}", "{\"units\":5,\"plans\":\"x\",\"restore_points\":{},\"result\":[],\"runs\":1,\"jobs\":7,\"checks\":true,\"restored\":\"no\"}",
		"{\"units\":[null,1,{\"members\":[1],\"items\":[null],\"coverage\":[[]]}],\"plans\":[{\"unit\":1,\"steps\":[1]}],"
		"\"restore_points\":[7,{}],\"runs\":[null,{\"units\":[3]}],\"jobs\":[{}],\"checks\":[{},1],\"restored\":[{},2],\"redacted\":[1],"
		"\"result\":{\"units\":[{\"items\":[{}],\"errors\":[1]}]},\"last\":5,\"progress\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
		for (size_t j = 0; j < ARRAY_SIZE(renderers); j++) {
			struct json_object *o CLEANUP(json_putp) = json_parse(replies[i], strlen(replies[i]));
			FILE *nowhere CLEANUP(fclosep) = fopen("/dev/null", "we");
			assert_non_null(o);
			assert_in_range(renderers[j](nowhere, o), EXIT_OK, EXIT_WARNINGS);
		}
}

static void runs_have_their_age_and_window(void **state)
{
	char text[1024] = "", *age;
	FILE *to = fmemopen(text, sizeof(text), "w");
	char *started = format_time(wall_ms() - (int64_t)3 * 3600 * 1000), *next = format_time(wall_ms() + (int64_t)90 * 60 * 1000 + 1000);
	char *reply = xasprintf("{\"runs\":[{\"backup_id\":\"ID\",\"started\":\"%s\",\"state\":\"failed\",\"errors\":[\"report: full\"],"
		"\"units\":[{\"unit\":\"shop\",\"data\":\"partial\",\"service\":\"up\",\"window_ms\":1500,\"items\":[{\"id\":\"volume:good\"},"
		"{\"id\":\"volume:bad\",\"error\":\"torn\"}]}]}],\"last\":{\"backup_id\":\"ID\",\"started\":\"%s\",\"state\":\"failed\"},"
		"\"next_run\":\"%s\"}", started, started, next);
	struct json_object *o = json_parse(reply, strlen(reply));

	(void)state;
	assert_int_equal(render_history(to, o), EXIT_OK);
	assert_int_equal(render_status(to, o), EXIT_OK);
	fclose(to);
	assert_non_null(strstr(text, "ID  failed, 3 h ago, took ?\n  shop: data partial (!), service up, window 1.50 s"));
	assert_non_null(strstr(text, "volume:bad") && strstr(text, "FAILED: torn") && strstr(text, "  error: report: full") ? text : NULL);
	assert_null(strstr(text, "volume:good"));
	assert_non_null(strstr(text, "last run    ID, 3 h ago, failed\n"));
	assert_non_null(strstr(text, ", in 90 min\n"));
	assert_string_equal(age = render_age(wall_ms() - (int64_t)5 * 24 * 3600 * 1000), "5 days ago");
	free(age);
	free(started);
	free(next);
	free(reply);
	json_object_put(o);
}

static int status_of(int (*renderer)(FILE *, struct json_object *), const char *reply)
{
	struct json_object *o CLEANUP(json_putp) = json_parse(reply, strlen(reply));
	FILE *nowhere CLEANUP(fclosep) = fopen("/dev/null", "we");

	return renderer(nowhere, o);
}

static void the_exit_status_is_in_the_reply(void **state)
{
	(void)state;
	assert_int_equal(status_of(render_run, "{\"result\":{\"state\":\"ok\"}}"), EXIT_OK);
	assert_int_equal(status_of(render_run, "{\"result\":{\"state\":\"warnings\"}}"), EXIT_WARNINGS);
	assert_int_equal(status_of(render_run, "{\"result\":{\"state\":\"cancelled\"}}"), EXIT_FAILED);
	assert_int_equal(status_of(render_run, "{}"), EXIT_FAILED);
	assert_int_equal(status_of(render_history, "{\"runs\":[{\"state\":\"failed\"}]}"), EXIT_OK);
	assert_int_equal(status_of(render_restore, "{\"restored\":[{\"id\":\"a\"}],\"service\":\"up\"}"), EXIT_OK);
	assert_int_equal(status_of(render_restore, "{\"restored\":[{\"id\":\"a\",\"error\":\"x\"}],\"service\":\"up\"}"), EXIT_FAILED);
	assert_int_equal(status_of(render_restore, "{\"service\":\"degraded\"}"), EXIT_WARNINGS);
	assert_int_equal(status_of(render_restore, "{\"service\":\"down\"}"), EXIT_FAILED);
	assert_int_equal(status_of(render_doctor, "{\"checks\":[{\"state\":\"warning\"}]}"), EXIT_WARNINGS);
	assert_int_equal(status_of(render_doctor, "{\"checks\":[{\"state\":\"failed\"},{\"state\":\"warning\"}]}"), EXIT_FAILED);
}

static void errors_say_what_to_do(void **state)
{
	char text[256] = "";
	FILE *to = fmemopen(text, sizeof(text), "w");
	struct varlink_reply busy = { .error = (char *)(uintptr_t) "io.kopidocka.Busy", .parameters = json_object_new_object() };
	struct varlink_reply other = { .error = (char *)(uintptr_t) "io.kopidocka.OperationFailed", .parameters = json_object_new_object() };

	(void)state;
	json_put_text(busy.parameters, "text", "someone \x1b[31m is at it");
	json_put_text(busy.parameters, "advice", "wait");
	assert_int_equal(render_error(to, &busy), EXIT_BUSY);
	assert_int_equal(render_error(to, &other), EXIT_FAILED);
	fclose(to);
	assert_string_equal(text, "someone ?[31m is at it\nwait\nio.kopidocka.OperationFailed\n");
	json_object_put(busy.parameters);
	json_object_put(other.parameters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_paints_the_terminal),
		cmocka_unit_test(sizes_and_spans),
		cmocka_unit_test(progress_is_one_line),
		cmocka_unit_test(every_renderer_takes_every_reply),
		cmocka_unit_test(runs_have_their_age_and_window), cmocka_unit_test(the_exit_status_is_in_the_reply),
		cmocka_unit_test(errors_say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
