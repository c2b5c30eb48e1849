/* SPDX-License-Identifier: MIT */
/*
 * Calendar expressions in the configuration. They have commas of their own, so a value
 * that is not in brackets is one expression, never a list: "Sat,Sun 04:30" is one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "common/conf_keys.h"

static int check(const struct strv *list, bool may_be_never, char **why)
{
	for (size_t i = 0; i < list->n; i++) {
		struct calendar c;
		char *reason CLEANUP(freep) = NULL;
		if (may_be_never && list->n == 1 && streq(list->v[i], CONF_NEVER))
			return 0;
		if (calendar_parse(list->v[i], &c, &reason) < 0) {
			*why = xasprintf("'%.60s': %s%s", list->v[i], reason,
				may_be_never ? "; never leaves the unit out" : "");
			return -EINVAL;
		}
	}
	return 0;
}

int conf_parse_calendars(const char *text, const struct strv *list, bool may_be_never, struct strv *ret, char **ret_why)
{
	struct strv parsed = { 0 };
	int r = 0;

	if (list)
		strv_copy(&parsed, list);
	else if (*text == '[')
		r = conf_parse_list(text, &parsed);
	else if (*text)
		strv_add(&parsed, text);
	if (r < 0)
		*ret_why = xstrdup("a list of calendar expressions is needed, as in [\"Mon..Fri 02:00\", \"Sat 04:30\"]");
	else if (parsed.n == 0)
		*ret_why = xstrdup("a calendar expression is needed, as in daily, 02:00 or Mon..Fri 02:00");
	if (r < 0 || parsed.n == 0 || (r = check(&parsed, may_be_never, ret_why)) < 0) {
		strv_done(&parsed);
		return -EINVAL;
	}
	strv_done(ret);
	*ret = parsed;
	return 0;
}
