/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_DOCKER_H
#define KD_DOMAIN_DOCKER_H

#include "daemon/mech/http.h"
#include "daemon/pure/inventory.h"

/*
 * The Docker engine: negotiated API version (≥ 1.40, ≤ 1.51; again after every
 * failure to connect), inventory, stop and start. Every call answers exactly once,
 * on the loop, never from inside the call; ${f} is NULL on success.
 */
struct docker;

int docker_new(struct loop *l, const char *socket_path, struct docker **ret, struct fault *f) WARN_UNUSED;
void docker_free(struct docker *d);

typedef void docker_inventory_fn(void *arg, const struct fault *f, struct inventory *inv /* owned by callee */);
/* Info, all containers inspected (at most 16 requests at a time), all volumes. 404 of a vanished
 * container is no error. ${keep_raw}: raw inspects stay. */
void docker_inventory(struct docker *d, bool keep_raw, docker_inventory_fn *done, void *arg);

typedef void docker_container_fn(void *arg, const struct fault *f, struct container *c /* owned by callee, NULL: 404 */);
void docker_inspect(struct docker *d, const char *id, bool keep_raw, docker_container_fn *done, void *arg);

/* Positive outcomes of stop and start. */
enum docker_outcome {
	DOCKER_DONE,    /* 204: we did it */
	DOCKER_ALREADY, /* 304: was so already: not ours */
	DOCKER_GONE,    /* 404 */
	DOCKER_FAILED,  /* ${f} says why (engine's own words, secrets redacted) */
	DOCKER_UNKNOWN  /* no answer: the outcome must be inspected */
};
typedef void docker_outcome_fn(void *arg, enum docker_outcome o, const struct fault *f);
/* t seconds of grace; the request's own deadline is t + 30 s. Never sends signal=. */
void docker_stop(struct docker *d, const char *id, int t, docker_outcome_fn *done, void *arg);
void docker_start(struct docker *d, const char *id, docker_outcome_fn *done, void *arg);
void docker_pause(struct docker *d, const char *id, bool pause, docker_outcome_fn *done, void *arg);

/* Any other request: path without version, e.g. "/networks/NAME". Status ≥ 400 is a fault. */
typedef void docker_reply_fn(void *arg, const struct fault *f, int status, const char *body, size_t len);
void docker_request(struct docker *d, const char *method, const char *path, const char *body,
	docker_reply_fn *done, void *arg);
/* Percent-encode a path segment of the engine's API. Caller's. */
char *docker_escape(const char *segment);
/* The API version spoken is 1.MINOR; 0: not negotiated at the moment. */
int docker_api_minor(const struct docker *d);
const char *docker_socket_path(const struct docker *d);

#endif
