/* SPDX-License-Identifier: MIT */
/*
 * To the journal when our stderr is its stream, else one line on stderr. Text from
 * outside (names, the engine's words) passes through here, so control characters are
 * made visible before anything is written. Nothing here waits: what is not taken at
 * once is counted, and the count is the first thing said when someone listens again.
 */
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 2048

#define FIELDS_MAX 10
#define JOURNAL "/run/systemd/journal/socket"

static struct {
	enum log_level level;
	const char *program;
	int journal;      /* -1: stderr */
	unsigned int job; /* that runs now, 0: none */
	uint64_t dropped, untold;
} state = { .level = LOG_LEVEL_INFO, .program = "kopi-dockad", .journal = -1 };

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
	[EV_ITEM_READ] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e0e",
	[EV_ITEM_SAVED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e0f",
	[EV_ITEM_FAILED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e10",
	[EV_MAINTENANCE_FAILED] = "5c1f2f9f0a6c4b0f9a9d5e3a7c1b4e21",
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

static int connect_journal(int fd)
{
	static const struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = JOURNAL };

	return connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

void log_init(const char *program, enum log_level level)
{
	state.level = level;
	state.program = program;
	closep(&state.journal);
	if (!stderr_is_journal())
		return;
	state.journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (state.journal >= 0 && connect_journal(state.journal) < 0)
		closep(&state.journal); /* stderr is read by journald as well, without fields */
}

void log_to(int fd)
{
	closep(&state.journal);
	state.journal = fd;
}

void log_set_job(unsigned int number)
{
	state.job = number;
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

/* A reader of the pipe who has stopped reading must not stop us. */
static bool stderr_takes(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && !(p.revents & (POLLERR | POLLNVAL));
}

static int to_stderr(enum log_level level, const struct log_fields *f, const char *text)
{
	char line[TEXT_MAX + 512], when[32];
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	int n = snprintf(line, sizeof(line), "%s %-7s %s%s%s%s%s%s%s\n", when, level_names[level], text,
		f->unit ? " unit=" : "", f->unit ? f->unit : "", f->volume ? " volume=" : "", f->volume ? f->volume : "",
		f->backup_id ? " backup_id=" : "", f->backup_id ? f->backup_id : "");
	if (n < 0)
		return -EINVAL;
	size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
	clean(line);
	line[len - 1] = '\n';
	return stderr_takes() && write(STDERR_FILENO, line, len) >= 0 ? 0 : -EAGAIN;
}

/*
 * --- the journal's own protocol: a datagram of KEY=value lines -------------------------------
 * sd_journal_send() waits when journald does not read. We never do: the daemon's loop
 * is what starts containers.
 */

struct fields {
	struct iovec v[FIELDS_MAX * 2];
	char *owned[FIELDS_MAX];
	int n;
};

static void field(struct fields *s, const char *key, const char *value)
{
	static char newline[] = "\n";

	if (!value || !*value)
		return;
	char *text = s->owned[s->n] = xasprintf("%s=%s", key, value);
	clean(text);
	s->v[s->n * 2] = (struct iovec){ text, strlen(text) };
	s->v[s->n * 2 + 1] = (struct iovec){ newline, 1 };
	s->n++;
}

static void number_field(struct fields *s, const char *key, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	field(s, key, text);
}

static int send_fields(struct fields *s)
{
	struct msghdr m = { .msg_iov = s->v, .msg_iovlen = (size_t)s->n * 2 };
	ssize_t n = sendmsg(state.journal, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == ECONNREFUSED || errno == ENOTCONN) && connect_journal(state.journal) == 0)
		n = sendmsg(state.journal, &m, MSG_DONTWAIT | MSG_NOSIGNAL); /* journald was restarted */
	for (int i = 0; i < s->n; i++)
		free(s->owned[i]);
	return n < 0 ? -errno : 0;
}

static int to_journal(enum log_level level, enum log_event_id id, const struct log_fields *f, const char *text)
{
	struct fields s = { .n = 0 };

	field(&s, "MESSAGE", text);
	number_field(&s, "PRIORITY", (unsigned int)priorities[level]);
	field(&s, "SYSLOG_IDENTIFIER", state.program);
	field(&s, "MESSAGE_ID", log_event_message_id(id));
	field(&s, "KOPI_DOCKA_UNIT", f->unit);
	field(&s, "KOPI_DOCKA_VOLUME", f->volume);
	field(&s, "KOPI_DOCKA_BACKUP_ID", f->backup_id);
	field(&s, "KOPI_DOCKA_BACKUP_TYPE", f->backup_type);
	field(&s, "KOPI_DOCKA_CONTAINER", f->container);
	if (state.job)
		number_field(&s, "KOPI_DOCKA_JOB", state.job);
	return send_fields(&s);
}

/* --- one message ----------------------------------------------------------------------------- */

static void deliver(enum log_level level, enum log_event_id id, const struct log_fields *f, const char *text)
{
	int r = state.journal >= 0 ? to_journal(level, id, f, text) : to_stderr(level, f, text);

	if (r < 0) {
		state.dropped++;
		state.untold++;
	}
}

/* Said with the first message that gets through again. */
static void tell_dropped(void)
{
	static const struct log_fields none;
	uint64_t n = state.untold;
	char text[64];

	if (n == 0)
		return;
	state.untold = 0;
	snprintf(text, sizeof(text), "%llu messages were lost: nobody read them", (unsigned long long)n);
	deliver(LOG_LEVEL_WARNING, EV_NONE, &none, text);
	if (state.untold)
		state.untold = n;
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
	tell_dropped();
	deliver(level, id, f, text);
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
