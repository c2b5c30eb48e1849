/* SPDX-License-Identifier: MIT */
/*
 * To the journal when our stderr is its stream, else one line on stderr. Text from
 * outside (names, the engine's words) passes through here, so control characters are
 * made visible before anything is written.
 */
#include "common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 2048

static struct {
	enum log_level level;
	bool journal;
	uint64_t dropped;
} state = { .level = LOG_LEVEL_INFO };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
static const int priorities[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

/* The same as in data/systemd/kopi-dockad.catalog. */
static const char *const message_ids[] = {
	[EV_NONE] = NULL,
	[EV_STARTED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e01",
	[EV_STOPPING] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e02",
	[EV_RUN_STARTED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e03",
	[EV_RUN_FINISHED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e04",
	[EV_RUN_FAILED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e05",
	[EV_UNIT_STOPPED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e06",
	[EV_UNIT_STARTED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e07",
	[EV_UNIT_FAILED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e08",
	[EV_NOT_RESTARTED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e09",
	[EV_RECOVERED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e0a",
	[EV_RESTORED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e0b",
	[EV_CONF_WARNING] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e0c",
	[EV_RELOADED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e0d",
	[EV_AFTER_FAILED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e20",
};
_Static_assert(ARRAY_SIZE(message_ids) == LOG_EVENTS, "every event has a MESSAGE_ID");

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
		st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *program, enum log_level level)
{
	(void)program; /* the journal and the shell both know it */
	state.level = level;
	state.journal = stderr_is_journal();
}

void log_set_level(enum log_level level)
{
	state.level = level;
}

int log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(level_names); i++)
		if (strcasecmp(name, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

const char *log_event_message_id(enum log_event_id id)
{
	return id < LOG_EVENTS ? message_ids[id] : NULL;
}

uint64_t log_dropped(void)
{
	return state.dropped;
}

static void clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void to_stderr(enum log_level level, const struct log_fields *f, const char *text)
{
	char line[TEXT_MAX + 512], when[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%H:%M:%S", &tm);
	int n = snprintf(line, sizeof(line), "%s %-7s %s%s%s%s%s\n", when, level_names[level], text,
		f->unit ? " unit=" : "", f->unit ? f->unit : "", f->backup_id ? " backup_id=" : "",
		f->backup_id ? f->backup_id : "");
	if (n < 0)
		return;
	size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
	clean(line);
	line[len - 1] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		state.dropped++;
}

struct fields {
	struct iovec v[12];
	char *owned[12];
	int n;
};

static void field(struct fields *s, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	s->owned[s->n] = xasprintf("%s=%s", key, value);
	s->v[s->n] = (struct iovec){ s->owned[s->n], strlen(s->owned[s->n]) };
	s->n++;
}

static bool to_journal(enum log_level level, enum log_event_id id, const struct log_fields *f, const char *text)
{
	struct fields s = { .n = 0 };
	char number[16];

	field(&s, "MESSAGE", text);
	snprintf(number, sizeof(number), "%d", priorities[level]);
	field(&s, "PRIORITY", number);
	field(&s, "SYSLOG_IDENTIFIER", "kopi-dockad");
	field(&s, "MESSAGE_ID", log_event_message_id(id));
	field(&s, "KOPI_DOCKA_UNIT", f->unit);
	field(&s, "KOPI_DOCKA_VOLUME", f->volume);
	field(&s, "KOPI_DOCKA_BACKUP_ID", f->backup_id);
	field(&s, "KOPI_DOCKA_BACKUP_TYPE", f->backup_type);
	field(&s, "KOPI_DOCKA_CONTAINER", f->container);
	if (f->job) {
		snprintf(number, sizeof(number), "%u", f->job);
		field(&s, "KOPI_DOCKA_JOB", number);
	}
	int r = sd_journal_sendv(s.v, s.n);
	for (int i = 0; i < s.n; i++)
		free(s.owned[i]);
	return r >= 0;
}

static PRINTF(4, 0) void emit(enum log_level level, enum log_event_id id, const struct log_fields *fields,
	const char *fmt, va_list ap)
{
	static const struct log_fields none;
	const struct log_fields *f = fields ? fields : &none;
	char text[TEXT_MAX];

	if (level > state.level)
		return;
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	clean(text);
	if (!state.journal || !to_journal(level, id, f, text))
		to_stderr(level, f, text);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(level, EV_NONE, NULL, fmt, ap);
	va_end(ap);
}

void log_event(enum log_level level, enum log_event_id id, const struct log_fields *fields, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(level, id, fields, fmt, ap);
	va_end(ap);
}
