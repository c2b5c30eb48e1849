/* SPDX-License-Identifier: MIT */
#ifndef KD_DOMAIN_RECIPE_GUIDE_H
#define KD_DOMAIN_RECIPE_GUIDE_H

#include "daemon/domain/recipe_files.h"

/* RESTORE.md of a recipe, from what the recipe has; everything borrowed. */
struct recipe_guide {
	const struct unit *unit;
	const struct inventory *inv;
	const struct conf *conf;
	const char *backup_id, *identity;
	struct json_object *inspects;  /* of the members that are no guests, as they are in the recipe */
	struct json_object *volumes, *networks;
	const struct recipe_files *files;
	const struct strv *redacted;
};

/* Caller's. */
char *recipe_guide(const struct recipe_guide *g);

#endif
