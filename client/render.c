/* SPDX-License-Identifier: MIT */
/* Small things all renderers use: clean text, sizes, spans, progress, errors. */
#include "client/render.h"

#include <inttypes.h>
#include <string.h>

#include "common/iface.h"

/* How long the UTF-8 character at ${p} is; 0: there is none, or it is a control character. */
static size_t printable(const unsigned char *p)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;

	if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	if (*p == 0xc2 && p[1] < 0xa0) /* C1: some terminals obey them like escapes */
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

char *render_clean(const char *text)
{
	char *clean = xstrdup(text ? text : "");

	for (unsigned char *p = (unsigned char *)clean; *p;) {
		size_t n = printable(p);
		if (n == 0)
			*p = '?';
		p += n ? n : 1;
	}
	return clean;
}

char *render_size(int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 0)
		return xstrdup("?");
	for (; value >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1024;
	return unit ? xasprintf("%.1f %s", value, units[unit]) : xasprintf("%" PRId64 " B", bytes);
}

char *render_span(int64_t ms)
{
	if (ms < 0)
		return xstrdup("?");
	if (ms < 60000)
		return xasprintf("%.2f s", (double)ms / 1000);
	return xasprintf("%" PRId64 " min %" PRId64 " s", ms / 60000, ms / 1000 % 60);
}

char *render_age(int64_t time_ms)
{
	int64_t now = wall_ms(), minutes = (now - time_ms) / 60000;
	bool ahead = minutes < 0;
	const char *before = ahead ? "in " : "", *after = ahead ? "" : " ago";

	if (time_ms < 0)
		return xstrdup("age unknown");
	if (minutes == 0 && time_ms - now >= 1000)
		return xasprintf("in %" PRId64 " s", (time_ms - now) / 1000);
	if (minutes == 0)
		return xstrdup("just now");
	minutes = ahead ? -minutes : minutes;
	if (minutes < 120)
		return xasprintf("%s%" PRId64 " min%s", before, minutes, after);
	if (minutes < 48 * 60)
		return xasprintf("%s%" PRId64 " h%s", before, minutes / 60, after);
	return xasprintf("%s%" PRId64 " days%s", before, minutes / 60 / 24, after);
}

char *render_progress(struct json_object *p)
{
	char *unit CLEANUP(freep) = render_clean(json_text(p, "unit"));
	char *phase CLEANUP(freep) = render_clean(json_text(p, "phase"));
	char *item CLEANUP(freep) = render_clean(json_text(p, "item")), *message CLEANUP(freep) = render_clean(json_text(p, "message"));
	int64_t bytes = json_number(p, "bytes", -1), rate = json_number(p, "bytes_per_s", -1);
	int64_t eta = json_number(p, "eta_ms", -1), window = json_number(p, "window_ms", -1);
	struct buf b = { 0 };

	buf_printf(&b, "%s%s%s", unit, *unit ? ": " : "", phase);
	if (*item)
		buf_printf(&b, " %s", item);
	if (*message)
		buf_printf(&b, " (%s)", message);
	if (bytes >= 0) {
		char *size CLEANUP(freep) = render_size(bytes), *total CLEANUP(freep) = render_size(json_number(p, "total_bytes", -1));
		buf_printf(&b, " %s of %s", size, total);
	}
	if (rate > 0) {
		char *text CLEANUP(freep) = render_size(rate);
		buf_printf(&b, ", %s/s", text);
	}
	if (eta >= 0) {
		char *text CLEANUP(freep) = render_span(eta);
		buf_printf(&b, ", %s left", text);
	}
	if (window > 0) {
		char *text CLEANUP(freep) = render_span(window);
		buf_printf(&b, ", window so far %s", text);
	}
	return buf_steal(&b);
}

int render_error(FILE *to, const struct varlink_reply *r)
{
	char *text CLEANUP(freep) = render_clean(json_text(r->parameters, "text"));
	char *advice CLEANUP(freep) = render_clean(json_text(r->parameters, "advice"));
	char *name CLEANUP(freep) = render_clean(r->error);
	const char *dot = strrchr(name, '.');

	fprintf(to, "%s\n", *text ? text : name);
	if (*advice)
		fprintf(to, "%s\n", advice);
	return dot && streq(dot + 1, "Busy") ? EXIT_BUSY : EXIT_FAILED;
}

int render_init(FILE *to, struct json_object *reply)
{
	char *name CLEANUP(freep) = render_clean(json_text(reply, "repository"));
	char *identity CLEANUP(freep) = render_clean(json_text(reply, "identity")), *other CLEANUP(freep) = render_clean(json_text(reply, "instead_of"));

	fprintf(to, "%s %s\n", json_flag(reply, "created", false) ? "created" : "connected to", name);
	if (*other)
		fprintf(to, "%s is another machine's there: this one is %s; if it takes the other's place: kopi-docka init --adopt\n", other, identity);
	if (json_flag(reply, "unclaimed", false))
		fprintf(to, "restore points of %s that were made on this machine before are gone on with, and never deleted until kopi-docka init --adopt\n",
			identity);
	render_hosts(to, reply);
	return EXIT_OK;
}

int render_cancel(FILE *to, struct json_object *reply)
{
	char *state CLEANUP(freep) = render_clean(json_text(reply, "state"));

	fprintf(to, "%s; what it had stopped is started\n", state);
	return EXIT_OK;
}

int render_reload(FILE *to, struct json_object *reply)
{
	fputs(json_flag(reply, "pending", false) ? "read: it counts when the running job is over\n" : "done\n", to);
	return EXIT_OK;
}

int render_done(FILE *to, struct json_object *reply)
{
	(void)reply;
	fputs("done\n", to);
	return EXIT_OK;
}
