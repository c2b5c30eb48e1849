/* SPDX-License-Identifier: MIT */
/* kopia exits with 1 for everything: what it means stands on its stderr. First match wins. */
#include <string.h>

#include "daemon/pure/kopia.h"

static const struct {
	const char *words;
	enum fault_code code;
	const char *text, *advice;
} meanings[] = {
	{ "invalid repository password", FAULT_PASSWORD, "the repository's password is wrong",
		"set kopia.password or kopia.password_file to the one the repository was made with" },
	{ "no space left on device", FAULT_NO_SPACE, "the repository is full", "make room, or keep less: [retention]" },
	{ "disk quota exceeded", FAULT_NO_SPACE, "the repository's quota is used up", "raise it, or keep less: [retention]" },
	{ "repository is not connected", FAULT_REPOSITORY_MISSING, "the repository was never initialised here", "kopi-docka init" },
	{ "repository not initialized in the provided storage", FAULT_REPOSITORY_MISSING, "there is no repository", "kopi-docka init" },
	{ "cannot access storage path", FAULT_REPOSITORY_MISSING, "the repository's directory is not there", "is its disk mounted?" },
	{ "found existing data in storage location", FAULT_REPOSITORY, "the repository's place has data of something else",
		"choose an empty place" },
	{ "repository already initialized", FAULT_REPOSITORY, "there is a repository already", "kopi-docka init connects to it" },
	{ "repository upgrade in progress", FAULT_REPOSITORY, "the repository is being upgraded", "wait until that is over" },
	{ "clock skew detected", FAULT_REPOSITORY, "the clocks of this host and of the storage differ", "set them" },
	{ "maintenance must be run by designated user", FAULT_REPOSITORY, "another host does this repository's maintenance", "" },
	{ "permission denied", FAULT_REPOSITORY, "no permission for the repository", "look at the owner and mode of its files" },
	{ "connection refused", FAULT_REPOSITORY, "the repository's host refuses the connection", "is it running?" },
	{ "decrypt blob", FAULT_REPOSITORY, "what is in the repository cannot be decrypted: it is another repository than it was, or damaged",
		"if it was replaced on purpose: kopi-docka init --reconnect" },
	{ "no such host", FAULT_REPOSITORY, "the repository's host name is not known", "look at kopia.repository and the network" },
	{ "no such file or directory", FAULT_REPOSITORY_MISSING, "something of the repository is not there", "is its disk mounted?" },
};

/* The last line with ERROR in it, or the last line at all. */
static const char *own_words(const char *err, int *len)
{
	const char *best = NULL, *last = "";

	for (const char *line = err; *line;) {
		size_t n = strcspn(line, "\n");
		if (n)
			last = line;
		if (n > 5 && (memmem(line, n, "ERROR", 5) || memmem(line, n, "error:", 6)))
			best = line;
		line += n + (line[n] == '\n');
	}
	best = best ? best : last;
	size_t n = strcspn(best, "\n");
	*len = (int)(n > 240 ? 240 : n);
	return best;
}

void kopia_explain(const char *err, const struct conf *c, struct fault *f)
{
	int len;
	const char *words = own_words(err, &len);

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (!strcasestr(err, meanings[i].words))
			continue;
		fault_set(f, meanings[i].code, -5, "%s (%s)", meanings[i].text,
			c->kopia.repository_path ? c->kopia.repository_path : c->kopia.repository.n ? c->kopia.repository.v[0] : "?");
		fault_advise(f, "%s", meanings[i].advice);
		return;
	}
	if (len)
		fault_set(f, FAULT_REPOSITORY, -5, "kopia failed: %.*s", len, words);
}
