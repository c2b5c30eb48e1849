/* SPDX-License-Identifier: MIT */
/* One row a provider and file; the names are those of kopia 0.23.1's repo/blob/PROVIDER/PROVIDER_options.go. */
#include "daemon/pure/kopia_config.h"

#include <errno.h>
#include <string.h>

#include "common/varlink.h"

#define CONFIG_FLAG "--config="

static const struct {
	const char *type, *file, *data;
	bool json; /* the content is JSON and stands as such */
	bool flag; /* an element "--config=FILE" of a list of arguments */
} rows[] = {
	{ "sftp", "keyfile", "keyData", false, false },
	{ "sftp", "knownHostsFile", "knownHostsData", false, false },
	{ "gcs", "credentialsFile", "credentials", true, false },
	{ "gdrive", "credentialsFile", "credentials", true, false },
	{ "rclone", "rcloneArgs", "embeddedConfig", false, true },
};

static struct json_object *storage(struct json_object *config, const char **type)
{
	struct json_object *s = json_member(config, "storage");

	*type = json_text(s, "type");
	return json_member(s, "config");
}

static const char *flag_of(struct json_object *list, size_t *at)
{
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(list, i));
		if (!word || !starts_with(word, CONFIG_FLAG))
			continue;
		*at = i;
		return word + strlen(CONFIG_FLAG);
	}
	return NULL;
}

const char *kopia_config_file(struct json_object *config, size_t *row)
{
	const char *type;
	struct json_object *o = storage(config, &type);
	size_t at;

	for (; *row < ARRAY_SIZE(rows); (*row)++) {
		if (!streq(type, rows[*row].type) || json_member(o, rows[*row].data))
			continue;
		const char *path = rows[*row].flag ? flag_of(json_member(o, rows[*row].file), &at) : json_text(o, rows[*row].file);
		if (path && *path)
			return path;
	}
	return NULL;
}

int kopia_config_embed(struct json_object *config, size_t row, const char *text)
{
	const char *type;
	struct json_object *o = storage(config, &type), *list = json_member(o, rows[row].file);
	struct json_object *value = rows[row].json ? json_parse(text, strlen(text)) : json_object_new_string(text);
	size_t at;

	if (!value)
		return -EINVAL;
	if (rows[row].flag && flag_of(list, &at))
		json_object_array_del_idx(list, at, 1);
	else
		json_object_object_del(o, rows[row].file);
	json_object_object_add(o, rows[row].data, value);
	return 0;
}

void kopia_config_lacks(struct json_object *config, struct strv *sentences)
{
	const char *type;
	struct json_object *o = storage(config, &type), *api = json_member(config, "apiServer");
	size_t at;

	if (streq(type, "sftp") && json_flag(o, "externalSSH", false))
		strv_add(sentences, "the repository is reached through this host's own ssh: its keys and configuration are not in the bundle");
	if (streq(type, "rclone") && !json_member(o, "embeddedConfig") && !flag_of(json_member(o, "rcloneArgs"), &at))
		strv_add(sentences, "the repository is reached through rclone's own configuration, which is not in the bundle: "
				    "connect with --embed-rclone-config, or name it with --rclone-args=--config=FILE");
	if ((streq(type, "gcs") || streq(type, "gdrive")) && !json_member(o, "credentials") && !json_text(o, "credentialsFile"))
		strv_add(sentences, "the repository is reached with this host's default credentials, which are not in the bundle");
	if (streq(type, "s3") && !*(json_text(o, "accessKeyID") ? json_text(o, "accessKeyID") : ""))
		strv_add(sentences, "the repository is reached with this host's role, not with keys: there are none in the bundle");
	if (!type && !api)
		strv_add(sentences, "kopia's configuration names no storage");
}
