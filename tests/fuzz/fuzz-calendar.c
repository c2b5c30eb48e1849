/* SPDX-License-Identifier: MIT */
/*
 * Any text as a calendar expression: refused with a sentence, or due at moments that come
 * one after the other, the same ones from wherever they are looked for.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/calendar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct calendar *c, int64_t after)
{
	for (int i = 0; i < 8; i++) {
		int64_t next = calendar_next(c, after);
		if (next < 0)
			return;
		if (next <= after || calendar_next(c, next - 1) != next || calendar_next(c, after + (next - after) / 2) < next)
			abort();
		if (calendar_next(c, after + (next - 1 - after) / 2) != next)
			abort();
		after = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const zones[] = { "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "UTC" };
	/* a summer, an hour before clocks change in Berlin and in Havana, the end of 32 bits */
	static const int64_t moments[] = { 1784430673, 1806195600, 1824944400, 1793505600, 2147483647 };
	CLEANUP(freep) char *text = xstrndup((const char *)data, size), *why = NULL;
	struct calendar c;

	if (calendar_parse(text, &c, &why) < 0) {
		if (!why || !*why)
			abort();
		return 0;
	}
	for (size_t z = 0; z < ARRAY_SIZE(zones); z++) {
		setenv("TZ", zones[z], 1);
		tzset();
		for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
			check(&c, moments[i]);
	}
	return 0;
}

#ifdef FUZZ_REPLAY
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		uint8_t data[4096];
		CLEANUP(fclosep) FILE *file = fopen(argv[i], "re");

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		IGNORE(LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof(data), file)));
	}
	return 0;
}
#endif
