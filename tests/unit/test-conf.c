/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/conf_keys.h"
#include "common/fd.h"
#include "common/paths.h"
#include "tests/unit/unit.h"

/* The order's example, to the letter. */
static const char order[] =
	"[kopia]\nrepository_path = /backup/kopia-repo\npassword = changeme-very-secret\ncompression = zstd-fastest\n"
	"encryption = aes256\ncache_directory = /var/cache/kopia\n\n[backup]\nbackup_base_path = /backup/kopi-docka\n"
	"parallel_workers = auto\nstop_timeout = 30\nstart_timeout = 60\nexclude_patterns = [\"*.tmp\", \"*.cache\", \"lost+found\"]\n"
	"update_recovery_bundle = false\nrecovery_bundle_path = /backup/recovery\nrecovery_bundle_retention = 3\n\n"
	"[retention]\ndaily = 7\nweekly = 4\nmonthly = 12\nyearly = 2\n\n[logging]\nlevel = INFO\n";

static const char libconfig[] =
	"kopia: { repository_path = \"/backup/kopia-repo\"; password = \"changeme-very-secret\"; compression = \"zstd-fastest\";\n"
	" encryption = \"aes256\"; cache_directory = \"/var/cache/kopia\"; };\n"
	"backup: { backup_base_path = \"/backup/kopi-docka\"; parallel_workers = \"auto\"; stop_timeout = 30; start_timeout = 60;\n"
	" exclude_patterns = [ \"*.tmp\", \"*.cache\", \"lost+found\" ]; update_recovery_bundle = false;\n"
	" recovery_bundle_path = \"/backup/recovery\"; recovery_bundle_retention = 3; };\n"
	"retention: { daily = 7; weekly = 4; monthly = 12; yearly = 2; };\nlogging: { level = \"INFO\"; };\n"
	"units = ( { name = \"my shop\"; method = \"stream\"; stop_timeout = 90; max_window = \"2min\"; exclude_patterns = (\"x\"); } );\n";

static void check_order(const struct conf *c)
{
	assert_string_equal(c->kopia.repository_path, "/backup/kopia-repo");
	assert_true(c->kopia.maintenance);
	assert_string_equal(c->kopia.encryption, "AES256-GCM-HMAC-SHA256");
	assert_string_equal(c->kopia.cache_directory, "/var/cache/kopia");
	assert_string_equal(c->backup.base_path, "/backup/kopi-docka");
	assert_int_equal(c->backup.parallel_workers, 0);
	assert_int_equal(c->backup.stop_timeout_s, 30);
	assert_int_equal(c->backup.start_timeout_s, 60);
	assert_int_equal(c->backup.exclude_patterns.n, 3);
	assert_string_equal(c->backup.exclude_patterns.v[2], "lost+found");
	assert_int_equal(c->backup.recovery_bundle_retention, 3);
	assert_int_equal(c->retention.monthly, 12);
	assert_int_equal(c->logging.level, LOG_LEVEL_INFO);
	assert_true(c->kopia.password_is_placeholder);
}

static void both_syntaxes(void **state)
{
	struct conf *c CLEANUP(conf_freep) = NULL, *d CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(conf_parse("f", order, &c, &f), 0);
	check_order(c);
	assert_int_equal(conf_check_password(c, &f), -EINVAL);
	assert_non_null(strstr(f.advice, "openssl rand"));
	if (conf_parse("f", libconfig, &d, &f) < 0)
		fail_msg("%s", f.text);
	check_order(d);
	const struct conf_unit *u = conf_unit(d, "my shop");
	assert_non_null(u);
	assert_int_equal(u->method, CONF_METHOD_STREAM);
	assert_int_equal(u->stop_timeout_s, 90);
	assert_int_equal(u->max_window_ms, 120000);
	assert_null(conf_unit(d, "other"));
}

/* Commas are part of an expression; only brackets make a list. */
static void schedules(void **state)
{
	struct conf *c CLEANUP(conf_freep) = NULL, *d CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)state;
	if (conf_parse("f", "[schedule]\ncalendar = Sat,Sun 04:30\nrandom_delay = 15min\n[unit:a]\nschedule = never\n"
		"[unit:b]\nschedule = [\"Mon..Fri 02:00\", \"Sat,Sun 04:30\"]\n", &c, &f) < 0)
		fail_msg("%s", f.text);
	assert_int_equal(c->schedule.calendar.n, 1);
	assert_string_equal(c->schedule.calendar.v[0], "Sat,Sun 04:30");
	assert_int_equal(c->schedule.random_delay_ms, 900000);
	assert_int_equal(c->schedule.coalesce_ms, 3600000);
	assert_true(c->schedule.catch_up);
	assert_string_equal(conf_unit(c, "a")->schedule.v[0], CONF_NEVER);
	assert_int_equal(conf_unit(c, "b")->schedule.n, 2);
	assert_string_equal(conf_unit(c, "b")->schedule.v[1], "Sat,Sun 04:30");
	if (conf_parse("f", "schedule: { calendar = [ \"daily\", \"12:00\" ]; catch_up = false; };\n"
		"units = ( { name = \"a b\"; schedule = \"00/6:00\"; } );\n", &d, &f) < 0)
		fail_msg("%s", f.text);
	assert_int_equal(d->schedule.calendar.n, 2);
	assert_false(d->schedule.catch_up);
	assert_string_equal(conf_unit(d, "a b")->schedule.v[0], "00/6:00");
}

static void refused(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "[kopia]\npasword = x\n", "f:2: unknown key 'pasword' in [kopia]" },
		{ "[kopai]\nx = y\n", "f:2: unknown section [kopai]" },
		{ "[kopia]\n\nrepository_path = relative\n", "f:3: kopia.repository_path = 'relative' cannot be used: an absolute path" },
		{ "[backup]\ntask_timeout = 5\n", "the task timeout was abolished" },
		{ "[backup]\nparallel_workers = many\n", "auto, or a whole number" },
		{ "[backup]\nstop_timeout = -1\n", "whole seconds" },
		{ "[backup]\nmethod = delta\n", "not built yet" },
		{ "[backup]\nmtime = x\n", "preserve or clamp" },
		{ "[kopia]\nmaintenance = daily\n", "auto or off" },
		{ "[backup]\nexclude_patterns = [\"a\n", "a list is needed" },
		{ "[backup]\nmax_window = soon\n", "a duration is needed" },
		{ "[backup]\nallow_autoremove = maybe\n", "true or false" },
		{ "[schedule]\ncalendar = 25:00\n", "f:2: schedule.calendar = '25:00' cannot be used: '25:00': the hour goes from 0 to 23" },
		{ "[schedule]\ncalendar = [\"daily\"\n", "a list of calendar expressions" },
		{ "[schedule]\ncalendar = []\n", "a calendar expression is needed" },
		{ "[schedule]\ncalendar = never\n", "a weekday is needed" },
		{ "[schedule]\ncalendar = daily\ninterval_minutes = 5\n", "one is meant" },
		{ "[schedule]\ninterval_minutes = -5\n", "a whole number" },
		{ "[unit:a]\nschedule = [never, daily]\n", "never leaves the unit out" },
		{ "[retention]\ndaily = 7.5\n", "a whole number from 0" },
		{ "[logging]\nlevel = LOUD\n", "ERROR, WARNING" },
		{ "[spool]\nmax = 5 apples\n", "a size is needed" },
		{ "[kopia]\nencryption = rot13\n", "aes256 or chacha20" },
		{ "[kopia]\ncompression = zip\n", "one of kopia's" },
		{ "[kopia]\npassword = a\npassword = b\n", "f:3: kopia.password is set twice" },
		{ "[kopia]\npassword = a\npassword_file = /x\n", "both set" },
		{ "[kopia]\nrepository_path = /x\nrepository = [\"s3\"]\n", "both set" },
		{ "[kopia]\nidentity = nobody\n", "user@host" },
		{ "[unit:a]\ndaily = 1\n", "unknown key 'daily'" },
		{ "[unit:a]\nretention_daily = -1\n", "a whole number from 0" },
		{ "[kopia]\nno equals sign\n", "neither a [section]" },
		{ "kopia: { password = 1.5; };\n", "must be a value" },
		{ "kopia: { password = (\"a\"); };\n", "not a list" },
		{ "x = 1;\n", "must stand in a group" },
		{ "kopia: {\n", "f:" },
		{ "units = ( { method = \"spool\"; } );\n", "a group with a name" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct conf *c = NULL;
		struct fault f = { 0 };
		assert_true(conf_parse("f", bad[i].text, &c, &f) < 0);
		assert_null(c);
		assert_int_equal(f.code, FAULT_CONF);
		if (!strstr(f.text, bad[i].says))
			fail_msg("'%s' does not say '%s'", f.text, bad[i].says);
	}
	struct conf *c = NULL;
	struct fault f = { 0 };
	assert_true(conf_parse("f", "[kopia]\npasword = x\n", &c, &f) < 0);
	assert_string_equal(f.advice, "did you mean 'password' in [kopia]?");
}

static void retention_of_a_unit(void **state)
{
	struct conf *c CLEANUP(conf_freep) = NULL;

	(void)state;
	assert_int_equal(conf_parse("f", "[retention]\ndaily = 9\n[unit:a]\nretention_latest = 1\nretention_weekly = 0\n"
		"[unit:b]\nretention_daily = 2\nretention_monthly = 5\nretention_yearly = 6\n[unit:c]\nmethod = spool\n", &c, NULL), 0);
	struct conf_retention a = conf_retention(c, "a"), b = conf_retention(c, "b"), other = conf_retention(c, "c");
	assert_int_equal(a.latest, 1);
	assert_int_equal(a.daily, 9);
	assert_int_equal(a.weekly, 0); /* 0 is a number like others */
	assert_int_equal(a.monthly, 12);
	assert_int_equal(b.daily, 2);
	assert_int_equal(b.monthly, 5);
	assert_int_equal(b.yearly, 6);
	assert_int_equal(other.daily, 9);
	assert_int_equal(conf_retention(c, "elsewhere").latest, 3);
}

static void secrets_are_not_repeated(void **state)
{
	struct conf *c = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_true(conf_parse("f", "[kopia]\npassword_file = hunter2\n", &c, &f) < 0);
	assert_null(strstr(f.text, "hunter2"));
	assert_true(conf_parse("f", "[kopia]\nrepository = [\"s3\", \"--secret-access-key=hunter2\"\n", &c, &f) < 0);
	assert_null(strstr(f.text, "hunter2"));
}

static void values(void **state)
{
	int64_t n;
	struct strv l CLEANUP(strv_done) = { 0 };

	(void)state;
	assert_int_equal(conf_parse_size("512 MiB", &n), 0);
	assert_int_equal(n, 512 << 20);
	assert_int_equal(conf_parse_size("20GB", &n), 0);
	assert_int_equal(n, 20000000000);
	assert_int_equal(conf_parse_size("99999999999T", &n), -ERANGE);
	assert_int_equal(conf_parse_size("x", &n), -EINVAL);
	assert_int_equal(conf_parse_duration("250ms", &n), 0);
	assert_int_equal(n, 250);
	assert_int_equal(conf_parse_duration("5 min", &n), 0);
	assert_int_equal(n, 300000);
	assert_int_equal(conf_parse_duration("7", &n), 0);
	assert_int_equal(n, 7000);
	assert_int_equal(conf_parse_list("a, 'b c' , \"d\"", &l), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[1], "b c");
	assert_int_equal(conf_parse_list("[a] b", &l), -EINVAL);
	assert_int_equal(conf_parse_list("[a", &l), -EINVAL);
	assert_int_equal(conf_parse_list("\"a\" \"b\"", &l), -EINVAL);
	assert_int_equal(conf_distance("pasword", "password"), 1);
}

/* inih's lines are short; kopia's flags for a storage are not, and what is cut is a wrong secret. */
static void long_lines(void **state)
{
	char flag[301] = "";
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)state;
	memset(flag, 'x', sizeof(flag) - 1);
	char *text CLEANUP(freep) = xasprintf("; %s = comment\n[kopia]\nrepository = [\"s3\", \"--a=%s\", \"--b;c\"] ; comment\n"
		"password\t=   \"%s\"  \r\n# %s\n[backup]\nstop_timeout = 7\n", flag, flag, flag, flag);
	assert_int_equal(conf_parse("f", text, &c, &f), 0);
	assert_int_equal(c->kopia.repository.n, 3);
	assert_int_equal(strlen(c->kopia.repository.v[1]), strlen(flag) + 4);
	assert_string_equal(c->kopia.repository.v[2], "--b;c");
	assert_string_equal(c->kopia.password, flag);
	assert_int_equal(c->backup.stop_timeout_s, 7);
	char *bad CLEANUP(freep) = xasprintf("[kopia]\n%s\n", flag);
	conf_freep(&c);
	assert_int_equal(conf_parse("f", bad, &c, &f), -EINVAL);
	assert_non_null(strstr(f.text, "f:2: neither"));
}

static char *write_file(const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("/tmp/kd-test-conf-%d-%s", (int)getpid(), name);

	assert_int_equal(file_replace(path, text, strlen(text), mode, NULL), 0);
	return path;
}

static void files(void **state)
{
	char *good CLEANUP(freep) = write_file("good", order, 0600), *open CLEANUP(freep) = write_file("open", order, 0666);
	char *seen CLEANUP(freep) = write_file("seen", order, 0644);
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(conf_load(good, &c, &f), 0);
	assert_string_equal(c->path, good);
	conf_freep(&c);
	if (getuid() == 0) {
		assert_int_equal(conf_load(open, &c, &f), -EPERM);
		assert_non_null(strstr(f.advice, "chmod 600"));
		assert_int_equal(conf_load(seen, &c, &f), 0);
		assert_int_equal(c->warnings.n, 1);
	}
	assert_int_equal(conf_load("/nonexistent/x", &c, &f), -ENOENT);
	assert_true(conf_load("/tmp", &c, &f) < 0);
	unlink(good);
	unlink(open);
	unlink(seen);
}

static void passwords(void **state)
{
	char *secret CLEANUP(freep) = write_file("secret", "s3cret-enough\n", 0600), *empty CLEANUP(freep) = write_file("empty", "\n", 0600);
	char *text CLEANUP(freep) = xasprintf("[kopia]\npassword_file = %s\n", secret);
	char *text2 CLEANUP(freep) = xasprintf("[kopia]\npassword_file = %s\n", empty);
	char *conf CLEANUP(freep) = write_file("a", text, 0600), *conf2 CLEANUP(freep) = write_file("b", text2, 0600);
	struct conf *c CLEANUP(conf_freep) = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(conf_load(conf, &c, &f), 0);
	assert_string_equal(c->kopia.password, "s3cret-enough");
	assert_int_equal(conf_check_password(c, &f), 0);
	conf_freep(&c);
	assert_true(conf_load(conf2, &c, &f) < 0);
	assert_non_null(strstr(f.text, "empty"));
	char *paths[] = { secret, empty, conf, conf2 };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		unlink(paths[i]);
}

static void places(void **state)
{
	struct conf *c CLEANUP(conf_freep) = NULL;

	(void)state;
	assert_int_equal(conf_parse("f", "[paths]\nstate = /s\nruntime = /r\ncache = /c\n[docker]\nsocket = /x/docker.sock\n", &c, NULL), 0);
	char *made[] = { path_socket(c), path_lock(c), path_ledger(c), path_kopia_cache(c), path_spool(c), path_helper("kopi-docka-exec") };
	assert_string_equal(made[0], "/r/io.kopidocka");
	assert_string_equal(made[1], "/x/kopi-docka.lock");
	assert_string_equal(made[2], "/s/ledger");
	assert_string_equal(made[3], "/c/kopia");
	assert_string_equal(made[4], "/c/spool");
	assert_true(ends_with(made[5], "/kopi-docka-exec"));
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		free(made[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_syntaxes), cmocka_unit_test(schedules), cmocka_unit_test(refused), cmocka_unit_test(retention_of_a_unit), cmocka_unit_test(secrets_are_not_repeated),
		cmocka_unit_test(values), cmocka_unit_test(long_lines), cmocka_unit_test(files), cmocka_unit_test(passwords), cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
