/* SPDX-License-Identifier: MIT */
/* What the journal gets, that nothing waits for it, and that the catalog explains every event. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "tests/unit/unit.h"

static int reader; /* the journal's end */

static int open_journal(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
	log_init("kopi-dockad", LOG_LEVEL_INFO);
	log_to(fds[0]);
	reader = fds[1];
	return 0;
}

static int close_journal(void **state)
{
	(void)state;
	log_to(-1);
	log_set_job(0);
	close(reader);
	return 0;
}

/* The next entry, "" if there is none. */
static const char *entry(void)
{
	static char text[8192];
	ssize_t n = recv(reader, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no '%s' in:\n%s", line, text);
}

static void fields(void **state)
{
	struct log_fields f = { .unit = "shop", .volume = "da\nta", .backup_id = "20260101T000000Z", .backup_type = "volume",
		.container = "shop-db-1" };

	(void)state;
	log_set_job(7);
	log_event(LOG_LEVEL_ERROR, EV_ITEM_FAILED, &f, "a\x1b[31m%s", "b\nMESSAGE_ID=forged");
	const char *text = entry();
	assert_has(text, "MESSAGE=a?[31mb?MESSAGE_ID=forged\n");
	assert_has(text, "\nPRIORITY=3\n");
	assert_has(text, "\nSYSLOG_IDENTIFIER=kopi-dockad\n");
	assert_has(text, "\nMESSAGE_ID=");
	assert_has(text, log_event_message_id(EV_ITEM_FAILED));
	assert_has(text, "\nKOPI_DOCKA_UNIT=shop\n");
	assert_has(text, "\nKOPI_DOCKA_VOLUME=da?ta\n");
	assert_has(text, "\nKOPI_DOCKA_BACKUP_ID=20260101T000000Z\n");
	assert_has(text, "\nKOPI_DOCKA_BACKUP_TYPE=volume\n");
	assert_has(text, "\nKOPI_DOCKA_CONTAINER=shop-db-1\n");
	assert_has(text, "\nKOPI_DOCKA_JOB=7\n");
	log_set_job(0);
	log_info("plain");
	text = entry();
	assert_string_equal(text, "MESSAGE=plain\nPRIORITY=6\nSYSLOG_IDENTIFIER=kopi-dockad\n");
}

static void levels(void **state)
{
	enum log_level level;

	(void)state;
	log_debug("not said");
	assert_string_equal(entry(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("said");
	assert_has(entry(), "PRIORITY=7\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("not said");
	assert_string_equal(entry(), "");
	assert_int_equal(log_level_parse("warning", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
	assert_int_equal(log_level_parse(NULL, &level), -EINVAL);
}

/* A journal that does not read: nothing waits, everything is counted, and it is said afterwards. */
static void full(void **state)
{
	uint64_t before = log_dropped();
	unsigned int sent = 0;

	(void)state;
	while (log_dropped() == before && sent < 100000)
		log_info("message %u", sent++);
	assert_true(log_dropped() > before);
	log_info("one more");
	uint64_t lost = log_dropped() - before;
	assert_true(lost >= 2);
	while (*entry())
		;
	log_info("it reads again");
	assert_has(entry(), "messages were lost");
	assert_has(entry(), "MESSAGE=it reads again\n");
	log_info("no more complaints");
	assert_has(entry(), "MESSAGE=no more complaints\n");
}

static char *run_on_stderr(int fd, void (*fn)(void))
{
	struct buf b = { 0 };
	int status, fds[2] = { -1, -1 };

	if (fd < 0) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		fd = fds[1];
	}
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd, STDERR_FILENO);
		log_to(-1);
		fn();
		_exit(0);
	}
	closep(&fds[1]);
	if (fds[0] >= 0) {
		assert_int_equal(fd_read_all(fds[0], 65536, &b), 0);
		close(fds[0]);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return buf_steal(&b);
}

static void say_one(void)
{
	struct log_fields f = { .unit = "shop", .volume = "data", .backup_id = "id" };

	log_event(LOG_LEVEL_WARNING, EV_ITEM_READ, &f, "tab\there");
}

static void on_a_terminal(void **state)
{
	char *text = run_on_stderr(-1, say_one);

	(void)state;
	/* 2026-01-02 03:04:05 warning … */
	assert_true(strlen(text) > 20 && text[4] == '-' && text[10] == ' ' && text[13] == ':');
	assert_string_equal(text + 20, "warning tab?here unit=shop volume=data backup_id=id\n");
	free(text);
}

static void say_much(void)
{
	for (int i = 0; i < 2000; i++)
		log_info("%0200d", i);
	if (log_dropped() == 0)
		_exit(1);
}

/* Whoever reads our stderr has stopped reading. */
static void blocked_stderr(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	free(run_on_stderr(fds[1], say_much));
	close(fds[0]);
	close(fds[1]);
}

static void catalog(void **state)
{
	struct buf b CLEANUP(buf_done) = { 0 };
	size_t entries = 0;

	(void)state;
	assert_int_equal(file_read(getenv("KOPI_DOCKA_CATALOG"), 1 << 20, &b), 0);
	for (const char *p = b.data; (p = strstr(p, "\n-- ")); p++)
		entries++;
	assert_int_equal(entries, LOG_EVENTS - 1);
	for (unsigned int id = EV_NONE + 1; id < LOG_EVENTS; id++) {
		char *head CLEANUP(freep) = xasprintf("\n-- %s\nSubject: ", log_event_message_id((enum log_event_id)id));
		assert_int_equal(strlen(log_event_message_id((enum log_event_id)id)), 32);
		if (!strstr(b.data, head))
			fail_msg("event %u has no entry", id);
	}
	assert_null(log_event_message_id(EV_NONE));
	assert_null(log_event_message_id(LOG_EVENTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields, open_journal, close_journal),
		cmocka_unit_test_setup_teardown(levels, open_journal, close_journal),
		cmocka_unit_test_setup_teardown(full, open_journal, close_journal),
		cmocka_unit_test_setup_teardown(on_a_terminal, open_journal, close_journal),
		cmocka_unit_test_setup_teardown(blocked_stderr, open_journal, close_journal),
		cmocka_unit_test(catalog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
