/* SPDX-License-Identifier: MIT */
/*
 * Which snapshots are asked to be deleted, by a kopia that is a script: whole points, many at
 * once, ours alone; once more where a deletion fails.
 */
#include <sys/stat.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "daemon/domain/expiry.h"
#include "daemon/domain/expiry_past.h"
#include "tests/unit/unit.h"

#define POINTS 300 /* a day each, of one unit: an item and a recipe */

struct world {
	struct loop *loop;
	struct conf *conf;
	struct context ctx;
	char *directory;
	struct fault fault;
	struct json_object *reply;
	bool over, yes;
};

static char *place(const struct world *w, const char *name)
{
	return xasprintf("%s/%s", w->directory, name);
}

static void write_file(const struct world *w, const char *name, const char *text, mode_t mode)
{
	char *path CLEANUP(freep) = place(w, name);
	struct fault f = { 0 };

	assert_int_equal(file_replace(path, text, strlen(text), mode, &f), 0);
}

static char *content(const struct world *w, const char *name)
{
	char *path CLEANUP(freep) = place(w, name);
	struct buf b CLEANUP(buf_done) = { 0 };

	return file_read(path, (size_t)1 << 24, &b) == 0 ? xstrndup(b.data, b.len) : xstrdup("");
}

/* Newest day 0. ${user}: who has it; the ids say what they are. */
static void add_point(struct buf *b, const char *user, const char *unit, int day, bool recipe)
{
	char *time CLEANUP(freep) = format_time(((int64_t)20000 - day) * 86400000);

	for (int i = 0; i < (recipe ? 2 : 1); i++)
		buf_printf(b, "%s{\"id\":\"%s.%s.%d.%d.\",\"source\":{\"host\":\"h\",\"userName\":\"%s\",\"path\":\"/x\"},\"startTime\":\"%s\","
			"\"rootEntry\":{\"obj\":\"k\",\"summ\":{\"size\":1,\"files\":1,\"numFailed\":0}},\"tags\":{\"tag:type\":\"%s\",\"tag:unit\":\"%s\","
			"\"tag:backup_id\":\"%08dT000000Z\",%s}}",
			b->len > 1 ? "," : "", user, unit, day, i, user, time, i ? "recipe" : "volume", unit, 20000 - day,
			i ? "\"tag:items\":\"1\",\"tag:ids\":\"volume%3Aa\"" : "\"tag:item\":\"volume%3Aa\"");
}

static void write_list(const struct world *w)
{
	struct buf b CLEANUP(buf_done) = { 0 };

	buf_printf(&b, "[");
	for (int i = 0; i < POINTS; i++)
		add_point(&b, "me", "shop", i, true);
	add_point(&b, "me", "gone", 900, true); /* its newest complete one */
	add_point(&b, "me", "gone", 901, false);
	for (int i = 100; i < 110; i++) /* the same runs, on another host */
		add_point(&b, "you", "shop", i, true);
	buf_printf(&b, "]");
	write_file(w, "list.json", b.data, 0600);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	char template[] = "/tmp/kopi-docka-test-XXXXXX";

	*state = w;
	w->directory = xstrdup(mkdtemp(template));
	char *state_dir CLEANUP(freep) = place(w, "state");
	assert_int_equal(mkdir(state_dir, 0700), 0);
	write_file(w, "kopia.repository.f", "", 0600);
	write_file(w, "state/identity.json", "{\"identity\":\"me@h\",\"unique_id\":\"ab\"}", 0600);
	write_list(w);
	char *script CLEANUP(freep) = xasprintf("#!/bin/sh\ncd %s\ncase \"$*\" in *\" list \"*) cat list.json;;\n"
		"*) echo \"$*\" >> deleted; [ ! -e broken ] || { rm -f \"$(cat broken)\"; echo 'ERROR not found' >&2; exit 1; };;\nesac\n",
		w->directory);
	write_file(w, "kopia", script, 0700);
	char *text CLEANUP(freep) = xasprintf("[kopia]\nrepository_path = %s\nprogram = %s/kopia\npassword = p\n[paths]\nstate = %s\n"
		"cache = %s\nruntime = %s\n[retention]\nlatest = 2\ndaily = 0\nweekly = 0\nmonthly = 0\nyearly = 0\n",
		w->directory, w->directory, state_dir, w->directory, w->directory);
	assert_int_equal(conf_parse("f", text, &w->conf, NULL), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	w->ctx = (struct context){ .loop = w->loop, .conf = w->conf, .repository = repository_new(w->loop, w->conf) };
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	repository_free(w->ctx.repository);
	assert_int_equal(loop_free(w->loop), 0);
	assert_int_equal(dir_remove(w->directory), 0);
	json_object_put(w->reply);
	conf_free(w->conf);
	free(w->directory);
	free(w);
	return 0;
}

static void on_over(void *arg, const struct fault *f, struct json_object *reply)
{
	struct world *w = arg;

	if (f)
		w->fault = *f;
	w->reply = reply;
	w->over = true;
	loop_stop(w->loop);
}

static void expire(struct world *w, const char *unit, bool dry_run)
{
	struct expiry_options o = { .ctx = &w->ctx, .unit = unit, .dry_run = dry_run, .yes = w->yes, .arg = w };

	json_object_put(w->reply);
	w->over = false;
	expiry_start(&o, on_over);
	loop_run(w->loop);
	assert_true(w->over);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

/* Both snapshots of a point stand in the same line, and so does every point's but the kept ones'. */
static void whole_points_at_once(void **state)
{
	struct world *w = *state;

	w->yes = true;
	expire(w, NULL, false);
	assert_int_equal(w->fault.code, FAULT_NONE);
	char *deleted CLEANUP(freep) = content(w, "deleted"), *rest = NULL;
	assert_int_equal(count(deleted, "\n"), 3); /* 596 snapshots of shop and one of gone, some two hundred at once */
	assert_int_equal(count(deleted, "me.shop."), 2 * (POINTS - 2));
	assert_int_equal(count(deleted, "me.gone.901."), 1);
	assert_int_equal(count(deleted, "me.gone.900.") + count(deleted, "you."), 0);
	for (char *line = strtok_r(deleted, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		assert_int_equal(count(line, ".0. ") + (strcmp(line + strlen(line) - 3, ".0.") == 0),
			count(line, ".1. ") + (strcmp(line + strlen(line) - 3, ".1.") == 0) + count(line, "me.gone."));
	struct json_object *units = json_member(w->reply, "units");
	assert_int_equal(json_object_array_length(units), 2);
	assert_string_equal(json_text(json_object_array_get_idx(units, 0), "unit"), "gone");
}

static void one_unit_and_none(void **state)
{
	struct world *w = *state;

	expire(w, NULL, true);
	expire(w, "gone", false);
	char *deleted CLEANUP(freep) = content(w, "deleted");
	assert_int_equal(count(deleted, "me."), 1);
	expire(w, "nobody", false);
	assert_int_equal(w->fault.code, FAULT_NO_SUCH_UNIT);
	assert_null(w->reply);
}

static char *past_of(const struct world *w, const char *unit, const char *key)
{
	struct json_object *past CLEANUP(json_putp) = expiry_past_load(w->conf);

	return xstrdup(json_text(json_member(past, unit), key));
}

/* Too much of one unit at once: that one waits and is told, the other is done; a yes, and it goes. */
static void too_much_waits(void **state)
{
	struct world *w = *state;
	struct strv waiting CLEANUP(strv_done) = { 0 };

	expire(w, NULL, true);
	struct json_object *shop = json_object_array_get_idx(json_member(w->reply, "units"), 1);
	assert_non_null(strstr(json_text(shop, "waits"), "298 of its 300"));
	expiry_past_waiting(w->conf, &waiting);
	assert_int_equal(waiting.n, 0); /* a dry run notes nothing */

	expire(w, NULL, false);
	assert_int_equal(w->fault.code, FAULT_FAILED);
	assert_non_null(strstr(w->fault.text, "unit shop: 298 of its 300 complete restore points would go at once"));
	assert_non_null(strstr(w->fault.advice, "retention --yes"));
	char *deleted CLEANUP(freep) = content(w, "deleted");
	assert_int_equal(count(deleted, "me.shop."), 0);
	assert_int_equal(count(deleted, "me.gone.901."), 1);
	expiry_past_waiting(w->conf, &waiting);
	assert_int_equal(waiting.n, 1);
	char *seen CLEANUP(freep) = past_of(w, "shop", "seen");
	assert_string_equal(seen, "00020000T000000Z");

	w->fault = (struct fault){ 0 };
	w->yes = true;
	expire(w, "shop", false);
	assert_int_equal(w->fault.code, FAULT_NONE);
	char *all CLEANUP(freep) = content(w, "deleted"), *waits CLEANUP(freep) = past_of(w, "shop", "waits");
	assert_int_equal(count(all, "me.shop."), 2 * (POINTS - 2));
	assert_null(waits);
}

/* Somebody pinned one by hand, so that its id is another: looked at once more, not for ever. */
static void looks_once_more(void **state)
{
	struct world *w = *state;

	w->yes = true;
	write_file(w, "broken", "broken", 0600); /* the script removes what it names: the second time is good */
	expire(w, NULL, false);
	assert_int_equal(w->fault.code, FAULT_NONE);
	char *once CLEANUP(freep) = content(w, "deleted");
	assert_int_equal(count(once, "\n"), 4);
	write_file(w, "broken", "nothing", 0600);
	expire(w, NULL, false);
	assert_int_equal(w->fault.code, FAULT_REPOSITORY);
	assert_null(w->reply);
	char *twice CLEANUP(freep) = content(w, "deleted");
	assert_int_equal(count(twice, "\n"), 6);
}

static void on_run_deleted(void *arg, const struct fault *f)
{
	on_over(arg, f, NULL);
}

/* What an interrupted run left is deleted by its backup_id: another host that began in the same second has the same. */
static void the_same_second(void **state)
{
	struct world *w = *state;

	write_file(w, "broken", "nothing", 0600); /* this kopia's list never changes: it ends by giving up */
	repository_delete_run(w->ctx.repository, "00019900T000000Z", "shop", on_run_deleted, w);
	loop_run(w->loop);
	char *deleted CLEANUP(freep) = content(w, "deleted");
	assert_true(count(deleted, "me.shop.100.") >= 2);
	assert_int_equal(count(deleted, "you."), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_points_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_much_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_unit_and_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looks_once_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_second, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
