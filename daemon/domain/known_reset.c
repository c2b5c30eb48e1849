/* SPDX-License-Identifier: MIT */
/*
 * When init goes on as somebody else, or with another repository, what is remembered of units,
 * retention and maintenance is not about what is there now.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/paths.h"
#include "daemon/domain/known.h"

struct reset {
	char *units, *retention, *maintenance;
	struct fault fault;
	known_done_fn *done;
	void *arg;
};

static int reset_work(void *arg)
{
	struct reset *w = arg;
	int r = access(w->units, F_OK) == 0 ? dir_remove(w->units) : 0;

	if (r < 0)
		return fault_errno(&w->fault, FAULT_FAILED, r, "cannot remove %s", w->units);
	r = file_remove(w->retention, &w->fault);
	return r < 0 ? r : file_remove(w->maintenance, &w->fault);
}

static void on_reset(void *arg, int result)
{
	struct reset *w = arg;

	w->done(w->arg, result < 0 ? &w->fault : NULL);
	free(w->units);
	free(w->retention);
	free(w->maintenance);
	free(w);
}

void known_reset(const struct context *ctx, known_done_fn *done, void *arg)
{
	struct reset *w = xcalloc(1, sizeof(*w));

	*w = (struct reset){
		.units = path_units(ctx->conf), .retention = path_retention(ctx->conf), .maintenance = path_maintenance(ctx->conf),
		.done = done, .arg = arg,
	};
	loop_work(ctx->loop, reset_work, on_reset, w);
}
