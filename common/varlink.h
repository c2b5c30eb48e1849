/* SPDX-License-Identifier: MIT */
#ifndef KD_COMMON_VARLINK_H
#define KD_COMMON_VARLINK_H

#include <json-c/json.h>

#include "common/buf.h"
#include "common/fault.h"
#include "common/gate.h"

/*
 * Codec of Varlink messages (https://varlink.org): one JSON object ended by
 * one NUL byte. No I/O here; listen and call feed the bytes.
 */
#define VARLINK_MESSAGE_MAX (16u << 20)

struct varlink_call {
	char *method;                   /* owned, "io.kopidocka.Backup" */
	struct json_object *parameters; /* owned, never NULL: an empty object when absent or null */
	bool more, oneway;
};

struct varlink_reply {
	struct json_object *parameters; /* owned, never NULL */
	char *error;                    /* owned, NULL for success: full name */
	bool continues;
};

/* 1: a whole message is in ${b} (its length in ${ret_len} without the NUL), 0: not yet, -EMSGSIZE. */
int varlink_frame(const struct buf *b, size_t max, size_t *ret_len) WARN_UNUSED;
/* Strict (gate_check()): an object with the members of a call and no name twice, depth at most 32. -EBADMSG, and ${f} says why. */
int varlink_parse_call(const char *text, size_t len, struct varlink_call *ret, struct gate_fault *f) WARN_UNUSED;
int varlink_parse_reply(const char *text, size_t len, struct varlink_reply *ret) WARN_UNUSED;
/* Append a framed message. ${parameters} is borrowed, may be NULL. */
void varlink_format_call(struct buf *b, const char *method, struct json_object *parameters, bool more);
void varlink_format_reply(struct buf *b, struct json_object *parameters, bool continues);
void varlink_format_error(struct buf *b, const char *error, struct json_object *parameters);
void varlink_call_done(struct varlink_call *c);
void varlink_reply_done(struct varlink_reply *r);

/* Small helpers over json-c for all of us. Strings returned are borrowed from ${o}. */
const char *json_text(struct json_object *o, const char *key);   /* NULL if absent or no string */
int64_t json_number(struct json_object *o, const char *key, int64_t fallback);
bool json_flag(struct json_object *o, const char *key, bool fallback);
struct json_object *json_member(struct json_object *o, const char *key); /* borrowed; NULL for null */
void json_put_text(struct json_object *o, const char *key, const char *text); /* NULL: left out */
void json_put_number(struct json_object *o, const char *key, int64_t value);
void json_put_flag(struct json_object *o, const char *key, bool value);
void json_put_list(struct json_object *o, const char *key, const struct strv *list); /* [] if empty */
void json_read_list(struct json_object *o, const char *key, struct strv *ret); /* strings only */
void json_putp(struct json_object **o); /* CLEANUP(json_putp) */
/* Parse one whole JSON text: an object or an array (depth ≤ 64, nothing behind it), with what no string of ours may have in C escapes
 * (gate_repair()). NULL on error. Owned. */
struct json_object *json_parse(const char *text, size_t len);
/* The text of ${o} in json-c's ${style}, always UTF-8 without NUL (gate_repair()). ${ret_len} may be NULL. Caller's. */
char *json_write(struct json_object *o, int style, size_t *ret_len);

#endif
