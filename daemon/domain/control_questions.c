/* SPDX-License-Identifier: MIT */
/*
 * Questions start children (kopia, tar, helpers), and asking costs the one who asks nothing. So few run at a time, of one user
 * and of all; the others wait, which costs a connection. One whose caller has gone counts until its children have ended: else
 * sixty calls that hang up would be sixty kopias. The same question asked twice is asked once, as long as nothing happened
 * in between that would change the answer.
 */
#include <unistd.h>

#include "daemon/domain/control_internal.h"

#define RUNNING   ((size_t)6)
#define ROOTS_OWN ((size_t)2) /* of them: whoever asks much does not keep root waiting */
#define PER_UID   ((size_t)2) /* of any user but root */

static bool may_begin(const struct control *c, uid_t uid)
{
	size_t all = 0, own = 0;

	for (const struct request *q = c->asked; q; q = q->next) {
		all += !q->waits;
		own += !q->waits && q->uid == uid;
	}
	if (c->held)
		return false;
	if (uid == 0 || uid == getuid())
		return all < RUNNING;
	return all < RUNNING - ROOTS_OWN && own < PER_UID;
}

/* Answers may come from inside the call, and change the list: it is looked through again after each. */
void questions_begin(struct control *c)
{
	for (struct request *q = c->asked; q;) {
		if (!q->waits || !may_begin(c, q->uid)) {
			q = q->next;
			continue;
		}
		q->waits = false;
		q->stamp = c->stamp;
		q->row->call(q, q->parameters);
		q = c->asked;
	}
}

/* Who asks the same, and will be told what is true now. */
static struct request *same(const struct control *c, const struct request *r, const struct method_row *row)
{
	for (struct request *q = c->asked; q; q = q->next)
		if (q->row == row && !q->given_up && (q->waits || q->stamp == c->stamp) && json_object_equal(q->parameters, r->parameters))
			return q;
	return NULL;
}

void question_ask(struct request *r, const struct method_row *row)
{
	struct control *c = r->control;
	struct request *q = same(c, r, row), **end = &c->asked;

	r->row = row;
	if (q) {
		r->leader = q;
		r->next = q->followers;
		q->followers = r;
		return;
	}
	while (*end)
		end = &(*end)->next;
	*end = r;
	r->waits = true;
	questions_begin(c);
}

static void take_out(struct request **list, const struct request *r)
{
	for (; *list; list = &(*list)->next)
		if (*list == r) {
			*list = r->next;
			return;
		}
}

void question_end(struct request *r)
{
	take_out(&r->control->asked, r);
}

void question_left(struct request *r)
{
	struct request *q = r->leader ? r->leader : r;

	if (r->leader) {
		take_out(&q->followers, r);
		request_free(r);
	}
	if (q->conn || q->followers)
		return;
	loop_fn *give_up = TAKE_PTR(q->give_up);
	if (q->waits) { /* nobody wants to know any more, and nothing was begun */
		question_end(q);
		request_free(q);
	} else if (give_up) {
		q->given_up = true; /* it ends as cancelled: nobody may join it now */
		give_up(q->give_up_arg);
	}
}
