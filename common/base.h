/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_BASE_H
#define KD_COMMON_BASE_H

/*
 * The few words every file of this project uses: cleanup, hand-over of
 * ownership, allocation that aborts, and lists of strings.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define CLEANUP(fn)     __attribute__((cleanup(fn)))
#define WARN_UNUSED     __attribute__((warn_unused_result))
#define PRINTF(f, a)    __attribute__((format(printf, f, a)))
#define NORETURN        __attribute__((noreturn))
#define UNUSED          __attribute__((unused))
#define ARRAY_SIZE(a)   (sizeof(a) / sizeof((a)[0]))

/* Take the pointer or descriptor out of ${v}, leaving NULL or -1: the new owner releases it. */
#define TAKE_PTR(v)                                                                                \
	({                                                                                         \
		__typeof__(v) *take_p_ = &(v);                                                     \
		__typeof__(v) take_v_ = *take_p_;                                                  \
		*take_p_ = NULL;                                                                   \
		take_v_;                                                                           \
	})
#define TAKE_FD(v)                                                                                 \
	({                                                                                         \
		int *take_p_ = &(v);                                                               \
		int take_v_ = *take_p_;                                                            \
		*take_p_ = -1;                                                                     \
		take_v_;                                                                           \
	})

/* Ignore a result on purpose; say why in a comment beside it. */
#define IGNORE(expr)                                                                               \
	do {                                                                                       \
		if (expr) {                                                                        \
		}                                                                                  \
	} while (0)

/*
 * Bounded internal allocations: these abort when memory is gone (the ledger
 * and Restart= bring the containers back). What outside data sizes goes through buf.
 */
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0);

/* Make room for element ${n} (zero-based) of the array ${v}; doubles. Element is zeroed. */
#define GROW(v, n) ((v) = grow_array((v), (n), sizeof(*(v))))
void *grow_array(void *v, size_t n, size_t size);

void freep(void *p);   /* CLEANUP(freep) char *x */
void closep(int *fd);  /* CLEANUP(closep) int fd = -1 */
void fclosep(FILE **f);

bool streq(const char *a, const char *b); /* NULL equals only NULL */
bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *suffix);

/* A list of owned strings. Zero-initialised is empty. v is always NULL-terminated once n > 0. */
struct strv {
	char **v;
	size_t n;
};

void strv_add(struct strv *s, const char *text); /* copies */
void strv_take(struct strv *s, char *text);      /* takes ownership */
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF(2, 3);
bool strv_has(const struct strv *s, const char *text);
void strv_sort_unique(struct strv *s);
void strv_copy(struct strv *dst, const struct strv *src); /* appends */
void strv_done(struct strv *s);

/* Seconds and milliseconds. */
uint64_t clock_ms(void);                         /* CLOCK_BOOTTIME, never steps */
int64_t wall_ms(void);                           /* CLOCK_REALTIME since the epoch */
char *format_time(int64_t wall_ms_value);        /* "2026-01-31T02:00:00Z", owned by the caller */
int parse_time(const char *rfc3339, int64_t *ret_wall_ms) WARN_UNUSED; /* fractions and zones read */

#endif
