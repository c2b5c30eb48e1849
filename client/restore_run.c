/* SPDX-License-Identifier: MIT */
/* A restore, and the question after it. */
#include "client/restore_run.h"

#include <stdlib.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/prompt.h"
#include "client/render.h"
#include "common/iface.h"
#include "common/text.h"

char *restore_absolute(const char *path)
{
	if (!path || *path == '/')
		return xstrdup(path);
	char *here CLEANUP(freep) = getcwd(NULL, 0);
	return xasprintf("%s/%s", here ? here : "", path);
}

void restore_put_paths(struct json_object *p, const char *key, const struct strv *paths, bool one)
{
	struct strv quoted CLEANUP(strv_done) = { 0 };
	bool any = false;

	for (size_t i = 0; i < paths->n; i++)
		any |= !text_is_plain(paths->v[i]);
	for (size_t i = 0; i < paths->n; i++)
		strv_take(&quoted, any ? text_quote(paths->v[i]) : xstrdup(paths->v[i]));
	if (paths->n && one)
		json_put_text(p, key, quoted.v[0]);
	else if (paths->n)
		json_put_list(p, key, &quoted);
	if (any)
		json_put_flag(p, "quoted", true);
}

static int go_back(const struct verb *v, const struct options *o, const char *unit, struct json_object *reply)
{
	struct json_object *p = json_object_new_object();

	json_put_text(p, "unit", unit);
	json_put_text(p, "back", json_text(reply, "restore_id"));
	return ask(v, o, p, true);
}

int restore_run(const struct verb *v, const struct options *o, struct json_object *parameters)
{
	struct varlink_reply reply = { 0 };
	char *unit CLEANUP(freep) = xstrdup(json_text(parameters, "unit"));

	if (o->json)
		return ask(v, o, parameters, true);
	int status = ask_for(o, v->method, parameters, true, &reply);
	if (status != EXIT_OK)
		return status;
	status = v->render(stdout, reply.parameters);
	/* Exit status of a way back that went well: the restore itself did not do. */
	if (json_flag(reply.parameters, "can_go_back", false) && prompt_possible() && prompt_yes("Put the old data back now?") == 1) {
		int back = go_back(v, o, unit, reply.parameters);
		status = back == EXIT_OK ? EXIT_FAILED : back;
	}
	varlink_reply_done(&reply);
	return status;
}
