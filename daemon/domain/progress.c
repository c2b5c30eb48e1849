/* SPDX-License-Identifier: MIT */
/* Progress as the control socket says it: a field that is not known is left out. */
#include "daemon/domain/progress.h"

#include "common/varlink.h"

static void put_known(struct json_object *o, const char *key, int64_t value)
{
	if (value >= 0)
		json_put_number(o, key, value);
}

struct json_object *progress_json(const struct progress *p, unsigned int job, const char *operation)
{
	struct json_object *o = json_object_new_object();

	json_put_number(o, "job", job);
	json_put_text(o, "operation", operation);
	json_put_text(o, "backup_id", p->backup_id);
	json_put_text(o, "unit", p->unit);
	json_put_text(o, "phase", p->phase ? p->phase : "queued");
	json_put_text(o, "item", p->item);
	put_known(o, "bytes", p->bytes);
	put_known(o, "total_bytes", p->total_bytes);
	put_known(o, "bytes_per_s", p->bytes_per_s);
	put_known(o, "eta_ms", p->eta_ms);
	put_known(o, "window_ms", p->window_ms);
	json_put_text(o, "message", p->message);
	return o;
}
