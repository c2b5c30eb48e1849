/* SPDX-License-Identifier: MIT */
/*
 * One call at a time on a connection, as Varlink wants it. org.varlink.service is
 * answered here; everything else by the table. Parameters that a method does not know, or
 * not with this type, are InvalidParameter (a mistyped "units" must not mean all units), an unknown method MethodNotFound, one of the interface that the
 * table has no function for MethodNotImplemented: nothing half-made answers "ok".
 */
#include "daemon/domain/control.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/iface.h"
#include "common/log.h"
#include "common/text.h"
#include "common/varlink.h"
#include "daemon/domain/control_internal.h"

void request_free(struct request *r)
{
	json_object_put(r->parameters);
	r->control->requests--;
	free(r);
}

static void request_end(struct request *r)
{
	if (r->conn) {
		conn_set_data(r->conn, NULL);
		conn_ready(r->conn);
	}
	request_free(r);
}

static void send_out(struct request *r, struct buf *b)
{
	if (r->conn && !r->oneway)
		IGNORE(conn_send(r->conn, b)); /* a client that does not read is being dropped */
	buf_done(b);
}

/* The last reply, of whoever asked the same too. Takes ${b}. */
static void finish(struct request *r, struct buf *b)
{
	struct control *c = r->control;
	bool question = r->row != NULL;

	if (question)
		question_end(r);
	r->row = NULL;
	while (r->followers) {
		struct request *f = r->followers;
		struct buf copy = { 0 };
		r->followers = f->next;
		f->leader = NULL;
		f->row = NULL;
		if (buf_add(&copy, b->data, b->len) < 0)
			abort(); /* UNTESTED: no limit, so there is no memory */
		send_out(f, &copy);
		request_end(f);
	}
	send_out(r, b);
	request_end(r);
	if (question)
		questions_begin(c);
}

static void too_large(struct request *r, size_t len)
{
	struct json_object *o = json_object_new_object();
	struct fault f = { 0 };

	fault_set(&f, FAULT_TOO_LARGE, -EMSGSIZE, "the answer has %zu bytes, and a message may have %u", len, VARLINK_MESSAGE_MAX);
	fault_advise(&f, "ask for less: one unit, a lower limit, a directory further down");
	json_put_number(o, "size_bytes", (int64_t)len);
	json_put_number(o, "max_bytes", VARLINK_MESSAGE_MAX);
	request_fail(r, &f, o);
}

void request_reply(struct request *r, struct json_object *parameters)
{
	struct buf b = { 0 };

	varlink_format_reply(&b, parameters, false);
	json_object_put(parameters);
	if (b.len > VARLINK_MESSAGE_MAX) {
		too_large(r, b.len);
		buf_done(&b);
		return;
	}
	finish(r, &b);
}

void request_continue(struct request *r, struct json_object *parameters)
{
	struct buf b = { 0 };

	varlink_format_reply(&b, parameters, true);
	json_object_put(parameters);
	if (b.len > VARLINK_MESSAGE_MAX) {
		log_warning("a reply of %zu bytes is left out: a message may have %u", b.len, VARLINK_MESSAGE_MAX);
		buf_done(&b);
		return;
	}
	send_out(r, &b);
}

static void fail_with(struct request *r, const char *error, struct json_object *parameters)
{
	struct buf b = { 0 };

	varlink_format_error(&b, error, parameters);
	json_object_put(parameters);
	finish(r, &b);
}

/* A sentence may name a file, and names of files are bytes. */
static void put_sentence(struct json_object *o, const char *key, const char *text)
{
	char *quoted CLEANUP(freep) = text_is_plain(text) ? NULL : text_quote(text);

	json_put_text(o, key, quoted ? quoted : text);
}

void request_fail(struct request *r, const struct fault *f, struct json_object *details)
{
	struct json_object *o = details ? details : json_object_new_object();
	char *error CLEANUP(freep) = xasprintf("%s.%s", IFACE, fault_name(f->code));

	put_sentence(o, "text", f->text);
	if (f->advice[0])
		put_sentence(o, "advice", f->advice);
	fail_with(r, error, o);
}

bool request_gone(const struct request *r)
{
	return !r->conn && !r->followers;
}

void request_give_up(struct request *r, loop_fn *fn, void *arg)
{
	r->give_up = fn;
	r->give_up_arg = arg;
}

bool request_more(const struct request *r)
{
	return r->more;
}

uid_t request_uid(const struct request *r)
{
	return r->uid;
}

struct json_object *request_parameters(const struct request *r)
{
	return r->parameters;
}

void *request_owner(const struct request *r)
{
	return r->control->o.arg;
}

/* --- org.varlink.service ------------------------------------------------------------- */

static void service_error(struct request *r, const char *name, const char *key, const char *value, const char *text)
{
	struct json_object *o = json_object_new_object();
	char *error CLEANUP(freep) = xasprintf("%s.%s", IFACE_SERVICE, name);

	json_put_text(o, key, value);
	json_put_text(o, "text", text);
	fail_with(r, error, o);
}

static void get_info(struct request *r)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_put_text(o, "vendor", "kopi-docka");
	json_put_text(o, "product", "kopi-dockad");
	json_put_text(o, "version", KD_VERSION);
	json_put_text(o, "url", "");
	json_object_array_add(list, json_object_new_string(IFACE_SERVICE));
	json_object_array_add(list, json_object_new_string(IFACE));
	json_object_object_add(o, "interfaces", list);
	request_reply(r, o);
}

static void get_description(struct request *r, struct json_object *parameters)
{
	const char *name = json_text(parameters, "interface");
	const char *text = streq(name, IFACE) ? iface_text : streq(name, IFACE_SERVICE) ? iface_service_text : NULL;

	if (!name) {
		service_error(r, "InvalidParameter", "parameter", "interface", "GetInterfaceDescription needs the parameter interface");
	} else if (!text) {
		service_error(r, "InterfaceNotFound", "interface", name, "there is no such interface here");
	} else {
		struct json_object *o = json_object_new_object();
		json_put_text(o, "description", text);
		request_reply(r, o);
	}
}

static void call_service(struct request *r, const char *method, struct json_object *parameters)
{
	if (streq(method, "GetInfo"))
		get_info(r);
	else if (streq(method, "GetInterfaceDescription"))
		get_description(r, parameters);
	else
		service_error(r, "MethodNotFound", "method", method, "there is no such method");
}

/* --- dispatch ------------------------------------------------------------------------ */

static bool may_act(const struct control *c, uid_t uid)
{
	if (uid == 0 || uid == getuid())
		return true;
	for (size_t i = 0; i < c->o.acting_uids->n; i++) {
		const char *text = c->o.acting_uids->v[i];
		char *end;
		errno = 0;
		unsigned long n = strtoul(text, &end, 10);
		const struct passwd *p = *end || end == text ? getpwnam(text) : NULL;
		if (p ? p->pw_uid == uid : (*end == '\0' && end != text && errno == 0 && n == uid))
			return true;
	}
	return false;
}

static void too_many(struct request *r, const char *what)
{
	struct json_object *o = json_object_new_object();
	struct fault f = { 0 };

	fault_set(&f, FAULT_BUSY, -EBUSY, "%s: the daemon has %zu connections, and all are in use", what,
		listener_connections(r->control->listener));
	fault_advise(&f, "end one of them, or try again later: kopi-docka watch and every waiting call have one");
	json_put_text(o, "holder", "other connections");
	request_fail(r, &f, o);
}

static void not_permitted(struct request *r, const char *method)
{
	struct json_object *o = json_object_new_object();
	struct fault f = { 0 };

	fault_set(&f, FAULT_NOT_PERMITTED, -EPERM, "%s is for root, and for the users of access.uids", method);
	json_put_text(o, "needs", "root");
	request_fail(r, &f, o);
}

/* What is done may change what is true: who asks from now on is not told what was. */
static void act(struct request *r, const struct method_row *row, struct json_object *parameters)
{
	if (row->acts)
		r->control->stamp++;
	row->call(r, parameters);
}

static void call_row(struct request *r, const struct method_row *row, struct json_object *parameters)
{
	char *parameter CLEANUP(freep) = NULL, *why CLEANUP(freep) = NULL;

	if (row->acts && !may_act(r->control, r->uid))
		not_permitted(r, row->name);
	else if (row->lasts && conn_seat(r->conn) == CONN_RESERVE)
		too_many(r, "this may last");
	else if ((why = iface_misfit(row->name, parameters, &parameter)))
		service_error(r, "InvalidParameter", "parameter", parameter, why);
	else if (row->asks)
		question_ask(r, row);
	else
		act(r, row, parameters);
}

static void call_method(struct request *r, const char *method, struct json_object *parameters)
{
	const struct control *c = r->control;

	for (size_t i = 0; i < c->o.n_methods; i++) {
		if (!streq(c->o.methods[i].name, method))
			continue;
		call_row(r, &c->o.methods[i], parameters);
		return;
	}
	if (iface_declares(method))
		service_error(r, "MethodNotImplemented", "method", method, "this is not built yet");
	else
		service_error(r, "MethodNotFound", "method", method, "there is no such method");
}

static void dispatch(struct request *r, const struct varlink_call *call)
{
	const char *dot = strrchr(call->method, '.');
	size_t len = dot ? (size_t)(dot - call->method) : 0;

	if (dot && len == strlen(IFACE_SERVICE) && strncmp(call->method, IFACE_SERVICE, len) == 0)
		call_service(r, dot + 1, call->parameters);
	else if (dot && len == strlen(IFACE) && strncmp(call->method, IFACE, len) == 0)
		call_method(r, dot + 1, call->parameters);
	else
		service_error(r, "InterfaceNotFound", "interface", call->method, "there is no such interface here");
}

/* What cannot be read is answered once; where the next message begins in such a stream nobody knows. */
static void refuse_message(struct conn *conn, const struct gate_fault *f)
{
	struct json_object *o CLEANUP(json_putp) = json_object_new_object();
	char *sentence CLEANUP(freep) = xasprintf("the message %s (byte %zu): nothing was done", f->why, f->at);
	struct buf b = { 0 };

	log_debug("of uid %u: %s, and the connection is closed", (unsigned int)conn_uid(conn), sentence);
	json_put_text(o, "parameter", f->parameter[0] ? f->parameter : "parameters");
	json_put_text(o, "text", sentence);
	varlink_format_error(&b, IFACE_SERVICE ".InvalidParameter", o);
	IGNORE(conn_send(conn, &b)); /* whoever does not read is dropped anyway */
	conn_close(conn);
}

static void on_message(void *arg, struct conn *conn, const char *text, size_t len)
{
	struct control *c = arg;
	struct varlink_call call = { 0 };
	struct gate_fault f;

	if (varlink_parse_call(text, len, &call, &f) < 0) {
		refuse_message(conn, &f);
		return;
	}
	struct request *r = xcalloc(1, sizeof(*r));
	*r = (struct request){
		.control = c, .conn = conn, .more = call.more && !call.oneway, .oneway = call.oneway, .uid = conn_uid(conn),
		.parameters = json_object_get(call.parameters),
	};
	c->requests++;
	c->calls++;
	conn_set_data(conn, r);
	if (conn_seat(conn) == CONN_TURNED_AWAY) {
		too_many(r, "nothing was done");
		conn_close(conn);
	} else {
		dispatch(r, &call);
	}
	varlink_call_done(&call);
}

static void on_close(void *arg, struct conn *conn)
{
	struct control *c = arg;
	struct request *r = conn_data(conn);

	if (!r)
		return;
	r->conn = NULL;
	if (r->row)
		question_left(r);
	else if (c->o.on_gone)
		c->o.on_gone(c->o.arg, r);
}

int control_start(const struct control_options *o, struct control **ret, struct fault *f)
{
	static const struct listener_ops ops = { .on_message = on_message, .on_close = on_close };
	struct control *c = xcalloc(1, sizeof(*c));
	struct listener_options lo = { .path = o->path, .group = o->group, .fd = o->fd, .ops = &ops, .arg = c };

	c->o = *o;
	int r = listener_start(o->loop, &lo, &c->listener, f);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void control_stop(struct control *c)
{
	if (!c)
		return;
	listener_stop(c->listener);
	free(c);
}

void control_hold_questions(struct control *c, bool hold)
{
	if (!c || c->held == hold)
		return;
	c->held = hold;
	questions_begin(c);
}

void control_set_acting_uids(struct control *c, const struct strv *uids)
{
	if (!c)
		return;
	c->o.acting_uids = uids;
}

void control_changed(struct control *c)
{
	if (c)
		c->stamp++;
}

void control_retire(struct control *c)
{
	listener_retire(c->listener);
}

size_t control_requests(const struct control *c)
{
	return c->requests;
}

uint64_t control_calls(const struct control *c)
{
	return c->calls;
}

size_t control_connections(const struct control *c)
{
	return listener_connections(c->listener);
}
