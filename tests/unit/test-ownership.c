/* SPDX-License-Identifier: MIT */
/* Whose points are under a name, and as whom init goes on: every kind of second machine. */
#include "common/varlink.h"
#include "daemon/pure/ownership.h"
#include "tests/unit/unit.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct repo {
	struct kopia_snapshot v[16];
	size_t n;
};

static void add(struct repo *r, const char *identity, const char *machine, const char *instance, const char *backup_id)
{
	struct kopia_snapshot *s = &r->v[r->n++];
	const char *at = strchr(identity, '@');
	const char *const tags[][2] = { { "type", "recipe" }, { "unit", "web" }, { "backup_id", backup_id }, { "machine", machine },
		{ "instance", instance } };

	s->user = xstrndup(identity, (size_t)(at - identity));
	s->host = xstrdup(at + 1);
	s->tags = xcalloc(ARRAY_SIZE(tags), sizeof(*s->tags));
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (tags[i][1])
			s->tags[s->n_tags++] = (struct kopia_tag){ xstrdup(tags[i][0]), xstrdup(tags[i][1]) };
}

static void repo_done(struct repo *r)
{
	struct kopia_snapshot *v = xcalloc(r->n + 1, sizeof(*v));

	memcpy(v, r->v, r->n * sizeof(*v));
	kopia_snapshots_free(v, r->n);
	memset(r, 0, sizeof(*r));
}

static struct claim claim(const char *machine, const char *instance)
{
	return (struct claim){ .base = "kd@host", .self.machine = machine, .instance = instance };
}

static struct ownership state(const char *machine, const char *instance)
{
	return (struct ownership){ .identity = xstrdup("kd@host"), .machine = xstrdup(machine), .instance = xstrdup(instance) };
}

static void check_owners(const struct ownership *o, const struct repo *r, const char *want)
{
	for (size_t i = 0; i < r->n; i++)
		assert_int_equal(ownership_of(o, &r->v[i]), want[i] == 'o' ? OWNER_OURS : want[i] == 'u' ? OWNER_UNCLAIMED
			: want[i] == 'x' ? OWNER_OTHER : OWNER_ELSEWHERE);
}

/* ${made}: the one id it has given out, besides an old one; NULL: it knows of none. */
static const char *why(const struct ownership *o, const char *machine, const char *made, const struct repo *r)
{
	static struct fault f;
	struct oneself self = { .machine = machine };

	if (made) {
		strv_add(&self.made, "20251231T000000Z");
		strv_add(&self.made, made);
	}

	f = (struct fault){ 0 };
	int ret = ownership_check(o, &self, r->v, r->n, &f);
	strv_done(&self.made);
	return ret < 0 ? f.text : NULL;
}

/* Nobody there; our own; a new host beside another. */
static void nothing_to_say(void **state_)
{
	struct repo r = { 0 };
	struct ownership o = { 0 };
	struct claim c = claim(A, "one");

	(void)state_;
	add(&r, "kd@elsewhere", B, "nine", "20260101T000000Z");
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, NULL), 0);
	assert_string_equal(o.identity, "kd@host");
	assert_string_equal(o.instance, "one");
	assert_null(o.instead_of);
	add(&r, "kd@host", A, "one", "20260102T000000Z");
	add(&r, "kd@host", NULL, NULL, "20260103T000000Z"); /* of an older version, or by hand */
	check_owners(&o, &r, "-oo");
	assert_null(why(&o, A, "20260102T000000Z", &r));
	assert_null(why(&o, A, NULL, &r)); /* history lost: nothing to compare with */
	c.instance = "two";
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, NULL), 0);
	assert_string_equal(o.instance, "one"); /* init again changes nothing */
	struct json_object *hosts CLEANUP(json_putp) = ownership_hosts(&o, r.v, r.n);
	assert_int_equal(json_object_array_length(hosts), 2);
	assert_string_equal(json_text(json_object_array_get_idx(hosts, 1), "newest"), "20260103T000000Z");
	assert_true(json_flag(json_object_array_get_idx(hosts, 1), "own", false));
	ownership_done(&o);
	repo_done(&r);
}

/* Another machine of the name: a name of our own; theirs when it is said, and then theirs are ours, up to that day. */
static void another_of_the_name(void **state_)
{
	struct repo r = { 0 };
	struct ownership o = { 0 };
	struct claim c = claim(B, "two");
	struct fault f = { 0 };

	(void)state_;
	add(&r, "kd@host", A, "one", "20260101T000000Z");
	add(&r, "kd@host", A, "one", "20260103T000000Z");
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, &f), 0);
	assert_string_equal(o.identity, "kd@host-bbbbbbbb");
	assert_string_equal(o.instead_of, "kd@host");
	check_owners(&o, &r, "--");
	c.adopt = true;
	c.instance = "three";
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, &f), 0);
	assert_string_equal(o.identity, "kd@host");
	assert_string_equal(o.instance, "three");
	assert_null(o.instead_of);
	check_owners(&o, &r, "oo");
	assert_null(why(&o, B, NULL, &r));
	add(&r, "kd@host", A, "one", "20260104T000000Z"); /* the old one lives */
	check_owners(&o, &r, "oox");
	assert_non_null(strstr(why(&o, B, NULL, &r), "another machine writes"));
	ownership_done(&o);

	/* A configured name is that or none. */
	c = claim(B, "four");
	c.base_configured = true;
	assert_true(ownership_claim(&o, &c, r.v, r.n, &f) < 0);
	assert_non_null(strstr(f.text, "kopia.identity kd@host is another machine's"));
	assert_null(o.identity);
	c.adopt = true;
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, &f), 0);
	check_owners(&o, &r, "ooo");
	ownership_done(&o);
	/* Old points without tags, and no state: nobody knows whose. */
	repo_done(&r);
	add(&r, "kd@host", NULL, NULL, "20260101T000000Z");
	c = claim(A, "five");
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, &f), 0);
	assert_string_equal(o.identity, "kd@host-aaaaaaaa");
	ownership_done(&o);
	repo_done(&r);
}

/* The state was lost: the same machine goes on, deletes nothing until it is said, and sees one that still writes. */
static void state_lost(void **state_)
{
	struct repo r = { 0 };
	struct ownership o = { 0 }, again = { 0 };
	struct claim c = claim(A, "two");

	(void)state_;
	add(&r, "kd@host", A, "one", "20260101T000000Z");
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, NULL), 0);
	assert_string_equal(o.identity, "kd@host");
	assert_true(ownership_has_unclaimed(&o));
	check_owners(&o, &r, "u");
	assert_null(why(&o, A, NULL, &r));
	char *text CLEANUP(freep) = ownership_format(&o);
	ownership_parse(text, strlen(text), &again);
	check_owners(&again, &r, "u");
	c.adopt = true;
	c.instance = "three";
	assert_int_equal(ownership_claim(&again, &c, r.v, r.n, NULL), 0);
	check_owners(&again, &r, "o");
	assert_false(ownership_has_unclaimed(&again));
	/* a second engine, or a clone of the image: it writes on */
	add(&r, "kd@host", A, "one", "20260102T000000Z");
	assert_non_null(strstr(why(&o, A, NULL, &r), "another installation on this machine"));
	ownership_done(&o);
	ownership_done(&again);
	repo_done(&r);
}

/* A copy of the whole disk: with the id made anew, and with the same one; and what ends it. */
static void cloned(void **state_)
{
	struct repo r = { 0 };
	struct ownership o = state(A, "one");
	struct claim c = claim(B, "two");
	struct fault f = { 0 };

	(void)state_;
	add(&r, "kd@host", A, "one", "20260101T000000Z");
	assert_non_null(strstr(why(&o, B, "20260101T000000Z", &r), "is the identity of another machine: its id is " A));
	assert_true(ownership_claim(&o, &c, r.v, r.n, &f) < 0);
	assert_non_null(strstr(f.advice, "--new-identity"));
	add(&r, "kd@host", A, "one", "20260102T000000Z"); /* by the copy, with the same id */
	const char *said = why(&o, A, "20260101T000000Z", &r);
	assert_non_null(strstr(said, "a copy of this machine"));
	add(&r, "kd@host", A, "one", "20251230T000000Z"); /* older than what is remembered */
	c = claim(A, "two");
	strv_add(&c.self.made, "20251231T000000Z");
	c.new_identity = true;
	struct ownership own = { 0 };
	ownership_copy(&own, &o);
	assert_int_equal(ownership_claim(&own, &c, r.v, r.n, &f), 0);
	assert_string_equal(own.identity, "kd@host-aaaaaaaa");
	check_owners(&own, &r, "---");
	c.new_identity = false;
	c.adopt = true;
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, &f), 0); /* put back to an older state: it goes on */
	check_owners(&o, &r, "ooo");
	assert_null(why(&o, A, "20260101T000000Z", &r));
	strv_done(&c.self.made);
	ownership_done(&o);
	ownership_done(&own);
	repo_done(&r);
}

/* New hardware under a new name takes an old one's place. */
static void adopt_by_name(void **state_)
{
	struct repo r = { 0 };
	struct ownership o = { 0 };
	struct claim c = claim(B, "two");
	struct fault f = { 0 };

	(void)state_;
	add(&r, "kd@old", A, "one", "20260101T000000Z");
	add(&r, "root@twice", A, "one", "20260101T000000Z");
	add(&r, "kd@twice", A, "one", "20260101T000000Z");
	c.adopt = true;
	c.host = "twice";
	assert_true(ownership_claim(&o, &c, r.v, r.n, &f) < 0);
	assert_non_null(strstr(f.text, "more than one"));
	c.host = "nobody";
	assert_true(ownership_claim(&o, &c, r.v, r.n, &f) < 0);
	assert_null(o.identity);
	c.host = "old";
	assert_int_equal(ownership_claim(&o, &c, r.v, r.n, &f), 0);
	assert_string_equal(o.identity, "kd@old");
	check_owners(&o, &r, "o--");
	ownership_done(&o);
	repo_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_say), cmocka_unit_test(another_of_the_name), cmocka_unit_test(state_lost),
		cmocka_unit_test(cloned), cmocka_unit_test(adopt_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
