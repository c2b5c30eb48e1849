/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_RECREATE_H
#define KD_PURE_RECREATE_H

#include "daemon/pure/inventory.h"

/*
 * From the engine's inspects to the docker commands that make the same again. Words, not
 * text: whoever writes them quotes them. What a command cannot say is listed, never dropped.
 */
struct recreate {
	char *name;
	struct strv words;    /* behind "docker": run -d … or, where networks are to be connected first, create … */
	struct strv *connects; /* each: network connect … */
	size_t n_connects;
	bool start;           /* created only, and it ran: docker start is still to come */
	struct strv needs;    /* variables of the environment that were redacted: docker takes them from the shell's */
	struct strv unsaid;   /* "HostConfig.DeviceRequests: [...]" */
};

/*
 * ${inspect}: GET /containers/ID/json, redacted or not. ${inv} (may be NULL) tells names of
 * containers whose namespaces are shared. Appends to nothing: ${ret} is overwritten.
 */
void recreate_container(struct json_object *inspect, const struct inventory *inv, struct recreate *ret);
void recreate_done(struct recreate *r);
/* ${network}: GET /networks/ID; ${volume}: of GET /volumes. Append "network create … -- NAME". */
void recreate_network(struct json_object *network, struct strv *words);
void recreate_volume(struct json_object *volume, struct strv *words);

/* recreate_options.c, for recreate.c alone: the options that one value of inspect gives each. */
void recreate_config(struct json_object *inspect, struct recreate *r);
void recreate_host_config(struct json_object *inspect, const struct inventory *inv, struct recreate *r);
/* --NAME=KEY=VALUE for each member of the map ${o}, which may be absent. */
void recreate_map(struct json_object *o, const char *option, struct strv *words);

#endif
