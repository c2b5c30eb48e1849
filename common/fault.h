/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_FAULT_H
#define KD_COMMON_FAULT_H

#include "common/base.h"

/*
 * Why something failed: what a person reads, and what a program switches on.
 * A fault is a plain value: copy it, keep it, no one frees it.
 */
enum fault_code {
	FAULT_NONE,
	FAULT_FAILED, /* OperationFailed: everything without a name of its own */
	FAULT_NO_SUCH_UNIT,
	FAULT_NO_SUCH_POINT,
	FAULT_NO_SUCH_ITEM,
	FAULT_NO_SUCH_JOB,
	FAULT_BUSY,
	FAULT_NOT_PERMITTED,
	FAULT_CANCELLED,
	FAULT_WINDOW,
	FAULT_NO_SPACE,
	FAULT_CONF,
	FAULT_ENGINE,
	FAULT_REPOSITORY,
	FAULT_REPOSITORY_MISSING,
	FAULT_PASSWORD,
	FAULT_TOO_LARGE, /* ReplyTooLarge */
	FAULT_CODES
};

struct fault {
	enum fault_code code;
	int sys;        /* -errno, or 0 */
	char text[512]; /* one sentence, lower case, no full stop, cause last */
	char advice[256]; /* what to do; may be empty */
	char about[256]; /* the unit, item or path it is about, as it was named; empty: not known */
	int64_t figures[2]; /* what its Varlink error has in numbers, in that order (job; needed, free); 0: not known */
};

/* Set ${f} (which may be NULL) and return ${sys} if it is negative, else -EIO. */
int fault_set(struct fault *f, enum fault_code code, int sys, const char *fmt, ...) PRINTF(4, 5);
/* The same with strerror(-${sys}) behind the text. */
int fault_errno(struct fault *f, enum fault_code code, int sys, const char *fmt, ...) PRINTF(4, 5);
/* Put "prefix: " before the text; code and sys stay. */
void fault_wrap(struct fault *f, const char *fmt, ...) PRINTF(2, 3);
/* Name what it is about (too long for it: nothing), and its figures. */
void fault_about(struct fault *f, const char *name, int64_t first, int64_t second);
void fault_advise(struct fault *f, const char *fmt, ...) PRINTF(2, 3);
/* Keep the first failure: copies ${src} into ${dst} unless ${dst} already has one. */
void fault_first(struct fault *dst, const struct fault *src);

/* The Varlink error's name of ${code} without the interface, e.g. "NoSuchUnit"; and back. */
const char *fault_name(enum fault_code code);
enum fault_code fault_by_name(const char *name);

#endif
