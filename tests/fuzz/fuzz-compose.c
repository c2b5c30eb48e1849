/* SPDX-License-Identifier: MIT */
/*
 * Whatever a compose file or an env file says: reading it must not crash, and what it names is
 * bounded, absolute and normal. The input is an env file up to a line "---8<---", then a
 * compose file. With libFuzzer, LLVMFuzzerTestOneInput; without (-DFUZZ_REPLAY), a program that
 * replays the files it is given.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/pure/compose.h"
#include "daemon/pure/envfile.h"
#include "daemon/pure/path.h"
#include "daemon/pure/redact.h"

#define CUT "---8<---\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *cut = memmem(text, size, CUT, strlen(CUT));
	size_t env = cut ? (size_t)(cut - text) : 0, head = cut ? env + strlen(CUT) : 0;
	struct strv variables CLEANUP(strv_done) = { 0 };
	struct compose_references r = { 0 };

	env_variables(text, env, &variables);
	char *clean CLEANUP(freep) = redact_env_file(text, env, NULL);
	if (!clean)
		abort();
	IGNORE(compose_read(text + head, size - head, "/srv/x", &variables, &r, NULL)); /* any outcome */
	if (r.n > COMPOSE_REFERENCES_MAX || r.unresolved.n > COMPOSE_REFERENCES_MAX + 1)
		abort();
	for (size_t i = 0; i < r.n; i++) {
		char *normal CLEANUP(freep) = path_normal(r.v[i].path);
		if (!streq(normal, r.v[i].path) || (r.v[i].kind == COMPOSE_FILE) != (r.v[i].directory != NULL))
			abort();
	}
	compose_references_done(&r);
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		CLEANUP(freep) uint8_t *data = xcalloc(1, 1 << 20);
		CLEANUP(fclosep) FILE *file = fopen(argv[i], "re");

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		IGNORE(LLVMFuzzerTestOneInput(data, fread(data, 1, 1 << 20, file)));
	}
	return 0;
}
#endif
