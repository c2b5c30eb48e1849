/* SPDX-License-Identifier: MIT */
/* One table ties each code to its Varlink error; the rest is text kept by value. */
#include "common/fault.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[FAULT_NONE] = "OperationFailed",
	[FAULT_FAILED] = "OperationFailed",
	[FAULT_NO_SUCH_UNIT] = "NoSuchUnit",
	[FAULT_NO_SUCH_POINT] = "NoSuchRestorePoint",
	[FAULT_NO_SUCH_ITEM] = "NoSuchItem",
	[FAULT_NO_SUCH_JOB] = "NoSuchJob",
	[FAULT_BUSY] = "Busy",
	[FAULT_NOT_PERMITTED] = "NotPermitted",
	[FAULT_CANCELLED] = "Cancelled",
	[FAULT_WINDOW] = "WindowTooLong",
	[FAULT_NO_SPACE] = "NoSpace",
	[FAULT_CONF] = "ConfigurationInvalid",
	[FAULT_ENGINE] = "EngineUnreachable",
	[FAULT_REPOSITORY] = "RepositoryUnreachable",
	[FAULT_REPOSITORY_MISSING] = "RepositoryMissing",
	[FAULT_PASSWORD] = "PasswordWrong",
	[FAULT_TOO_LARGE] = "ReplyTooLarge",
};
_Static_assert(ARRAY_SIZE(names) == FAULT_CODES, "every code has a name");

static PRINTF(4, 0) int set(struct fault *f, enum fault_code code, int sys, const char *fmt, va_list ap)
{
	if (f) {
		*f = (struct fault){ .code = code, .sys = sys };
		vsnprintf(f->text, sizeof(f->text), fmt, ap);
	}
	return sys < 0 ? sys : -EIO;
}

int fault_set(struct fault *f, enum fault_code code, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = set(f, code, sys, fmt, ap);
	va_end(ap);
	return r;
}

int fault_errno(struct fault *f, enum fault_code code, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = set(f, code, sys, fmt, ap);
	va_end(ap);
	if (f) {
		size_t n = strlen(f->text);
		snprintf(f->text + n, sizeof(f->text) - n, ": %s", strerror(-r));
	}
	return r;
}

void fault_wrap(struct fault *f, const char *fmt, ...)
{
	char old[sizeof(f->text)];
	va_list ap;

	if (!f)
		return;
	memcpy(old, f->text, sizeof(old));
	va_start(ap, fmt);
	int n = vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(f->text))
		return;
	int m = snprintf(f->text + n, sizeof(f->text) - (size_t)n, ": %s", old);
	if (m < 0) /* longer than the room is cut: the beginning says what failed */
		f->text[n] = '\0';
}

void fault_advise(struct fault *f, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	vsnprintf(f->advice, sizeof(f->advice), fmt, ap);
	va_end(ap);
}

void fault_about(struct fault *f, const char *name, int64_t first, int64_t second)
{
	if (!f)
		return;
	f->about[0] = '\0';
	if (name && strlen(name) < sizeof(f->about))
		memcpy(f->about, name, strlen(name) + 1);
	f->figures[0] = first;
	f->figures[1] = second;
}

void fault_first(struct fault *dst, const struct fault *src)
{
	if (dst->code == FAULT_NONE)
		*dst = *src;
}

const char *fault_name(enum fault_code code)
{
	return code < FAULT_CODES ? names[code] : names[FAULT_FAILED];
}

enum fault_code fault_by_name(const char *name)
{
	for (size_t i = FAULT_FAILED; i < FAULT_CODES; i++)
		if (streq(names[i], name))
			return (enum fault_code)i;
	return FAULT_FAILED;
}
