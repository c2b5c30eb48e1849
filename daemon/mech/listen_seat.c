/* SPDX-License-Identifier: MIT */
/*
 * Who may sit down. A connection that nobody uses makes way for one that comes: of the same user where that user has its
 * number, of whoever has most where all seats are taken. Where all are in use, root has some more for short questions,
 * so that not even its own programs keep it from asking and cancelling; everyone else is heard once and told.
 */
#include "daemon/mech/listen_internal.h"

#define SEATS       ((size_t)64)
#define ROOTS_OWN   ((size_t)8) /* of them: whoever holds all the others does not keep root out */
#define RESERVE     ((size_t)8) /* beyond them, root's too */
#define PER_UID     ((size_t)16)
#define TURNED_AWAY ((size_t)32) /* at a time, to be told so */
#define IDLE_MS     2000         /* what has just come, or just got its answer, may be about to ask */

static size_t count(const struct listener *s, enum conn_seat seat, const uid_t *uid)
{
	size_t n = 0;

	for (const struct conn *c = s->conns; c; c = c->next)
		n += c->seat == seat && (!uid || c->uid == *uid);
	return n;
}

static bool idle(const struct conn *c)
{
	return !c->busy && loop_now(c->listener->loop) - c->since >= IDLE_MS;
}

/* The one that nobody used for longest; ${uid} NULL: of anyone. */
static struct conn *longest_idle(const struct listener *s, enum conn_seat seat, const uid_t *uid)
{
	struct conn *best = NULL;

	for (struct conn *c = s->conns; c; c = c->next)
		if (c->seat == seat && (!uid || c->uid == *uid) && idle(c) && (!best || c->since < best->since))
			best = c;
	return best;
}

/* Of whoever has most, and one that is idle. Nobody takes a seat from root but root. */
static struct conn *of_the_greediest(const struct listener *s, uid_t asks)
{
	struct conn *best = NULL;
	size_t most = 0;

	for (const struct conn *c = s->conns; c; c = c->next) {
		struct conn *leaves = c->uid != 0 || asks == 0 ? longest_idle(s, CONN_SEATED, &c->uid) : NULL;
		size_t has = leaves ? count(s, CONN_SEATED, &c->uid) : 0;
		if (has > most) {
			best = leaves;
			most = has;
		}
	}
	return best;
}

enum conn_seat seat_for(const struct listener *s, uid_t uid, struct conn **ret_leaves)
{
	size_t seated = count(s, CONN_SEATED, NULL);
	bool has_its_own = uid != 0 && count(s, CONN_SEATED, &uid) >= PER_UID;

	*ret_leaves = NULL;
	if (!has_its_own && seated < (uid ? SEATS - ROOTS_OWN : SEATS))
		return CONN_SEATED;
	*ret_leaves = has_its_own ? longest_idle(s, CONN_SEATED, &uid) : of_the_greediest(s, uid);
	if (*ret_leaves)
		return CONN_SEATED;
	if (uid == 0 && count(s, CONN_RESERVE, NULL) < RESERVE)
		return CONN_RESERVE;
	if (uid == 0 && (*ret_leaves = longest_idle(s, CONN_RESERVE, NULL)))
		return CONN_RESERVE;
	return count(s, CONN_TURNED_AWAY, NULL) < TURNED_AWAY ? CONN_TURNED_AWAY : CONN_NO_SEAT;
}
