/* SPDX-License-Identifier: MIT */
/*
 * Which database an image's name speaks of: the last component of the name,
 * without registry, tag and digest. A hint for people; nothing acts on it.
 */
#include <ctype.h>
#include <string.h>

#include "daemon/pure/plan_internal.h"

const char *database_of_image(const char *image)
{
	static const char *const table[][2] = {
		{ "postgres", "postgres" },
		{ "postgis", "postgres" },
		{ "timescaledb", "postgres" },
		{ "pgvector", "postgres" },
		{ "mariadb", "mariadb" },
		{ "mysql", "mysql" },
		{ "percona", "mysql" },
		{ "mongo", "mongodb" },
		{ "redis", "redis" },
		{ "valkey", "valkey" },
		{ "keydb", "redis" },
		{ "influxdb", "influxdb" },
		{ "elasticsearch", "elasticsearch" },
		{ "opensearch", "opensearch" },
		{ "cassandra", "cassandra" },
		{ "couchdb", "couchdb" },
		{ "neo4j", "neo4j" },
		{ "clickhouse", "clickhouse" },
		{ "cockroach", "cockroachdb" },
		{ "mssql", "mssql" },
		{ "rethinkdb", "rethinkdb" },
		{ "arangodb", "arangodb" },
		{ "victoria-metrics", "victoriametrics" },
		{ "prometheus", "prometheus" },
		{ "memcached", "memcached" },
		{ "etcd", "etcd" },
	};
	/* what only looks at a database is none */
	static const char *const tools[] = { "exporter", "admin", "backup", "commander",
		"express", "insight", "operator", "bouncer" };
	CLEANUP(freep) char *name = NULL;
	const char *slash = image ? strrchr(image, '/') : NULL;
	size_t i;

	if (!image)
		return NULL;
	slash = slash ? slash + 1 : image;
	name = xstrndup(slash, strcspn(slash, ":@"));
	for (i = 0; name[i]; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	for (i = 0; i < ARRAY_SIZE(tools); i++)
		if (strstr(name, tools[i]))
			return NULL;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		if (strstr(name, table[i][0]))
			return table[i][1];
	return NULL;
}
