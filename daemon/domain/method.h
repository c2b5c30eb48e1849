/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_METHOD_H
#define KD_DOMAIN_METHOD_H

#include "daemon/domain/capacity.h"
#include "daemon/domain/transfer.h"

/*
 * How an item's cold image is taken: rows of one table. One more method is one
 * more row: can it work here, how long will its read take, and its three stages.
 * Each stage ends with transfer_stage_over(), never from inside the call.
 */
struct method_question {
	const struct item *item;
	const struct conf *conf;
	const struct rates *rates;
	int64_t *spool_room; /* what is left for this run; spool takes its part out of it */
};

struct method {
	const char *name;
	enum conf_method conf;
	bool (*can)(const struct method_question *q, char **ret_reason); /* reason either way; caller's */
	int64_t (*forecast_ms)(const struct method_question *q);
	void (*prepare)(struct transfer *t);
	void (*read)(struct transfer *t);
	void (*upload)(struct transfer *t);
	void (*abort)(struct transfer *t);
};

extern const struct method method_stream, method_spool;

/* Choose for every item of ${u}: sets method, method_reason, forecast_ms. A method demanded by the
 * configuration that cannot work is a fault. */
int method_choose(struct unit *u, const struct conf *c, const struct rates *r, struct fault *f) WARN_UNUSED;
const struct method *method_by_name(const char *name);
/* The whole window: floor, and the reads spread over the workers. */
int64_t method_forecast_window(const struct unit *u, const struct conf *c, const struct rates *r);

#endif
