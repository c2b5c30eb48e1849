/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_KOPIA_CONFIG_H
#define KD_PURE_KOPIA_CONFIG_H

#include <json-c/json.h>

#include "common/base.h"

/*
 * kopia's repository.config made fit to travel. kopia keeps most credentials of its
 * storage in it, but of some providers only the path of a file on this host (an ssh key,
 * a service account, rclone's remotes): their content is put in its place, in the form
 * that kopia takes inline.
 */

/*
 * The file that is needed after ${row} others, and its row in ${row}, counted from 0;
 * NULL: no more. Borrowed from ${config}.
 *
 *     for (size_t row = 0; (path = kopia_config_file(config, &row)); row++)
 */
const char *kopia_config_file(struct json_object *config, size_t *row);
/* Put the content of the file of ${row} in its place. -EINVAL: it is not what kopia takes there. */
int kopia_config_embed(struct json_object *config, size_t row, const char *text) WARN_UNUSED;
/* Sentences about what this cannot take along: keys of the host's own ssh and the like. */
void kopia_config_lacks(struct json_object *config, struct strv *sentences);

#endif
