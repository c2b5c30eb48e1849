/* SPDX-License-Identifier: MIT */
#ifndef KD_PURE_REDACT_H
#define KD_PURE_REDACT_H

#include "common/base.h"

#define REDACTED "***REDACTED***"

/*
 * A docker inspect without its secrets (law 8): the value of every Env entry and label
 * whose name matches the order's pattern PASS|SECRET|KEY|TOKEN|API|AUTH in any case;
 * what a string, or two words of a command, give away by themselves (secrets.h); and each of
 * those values wherever else it stands in the document, where it has 4 characters or more (shorter ones would blank half the text). What only says which
 * thing is meant (names, images, mounts, ports) keeps a word that is a password elsewhere.
 * Returns the new text, the caller's, NULL if ${text} is no JSON. ${names} gets the names
 * of what was redacted, once each.
 */
char *redact_inspect(const char *text, size_t len, struct strv *names);
/*
 * An env file without the values whose names match the pattern, also of lines that were
 * commented out, without passwords in URLs, and without those values wherever else they stand.
 * Everything else stays byte for byte. Caller's; ${names} (may be NULL) as above.
 */
char *redact_env_file(const char *text, size_t len, struct strv *names);
/* Does this name want its value redacted? */
bool redact_is_secret_name(const char *name);

#endif
