/* SPDX-License-Identifier: MIT */
/* RESTORE.md, its blocks run by a real sh against a docker and a kopia that note what they are asked. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "daemon/pure/redact.h"
#include "daemon/pure/restore_md.h"
#include "tests/unit/unit.h"

/* Whatever a name may have: it must reach docker as it is, and end no block. */
#define HOSTILE "it's \"$(touch pwned)\"\n```\n```sh\ntouch pwned\n```\r\033[1m\\n"

static char directory[] = "/tmp/kd-test-md-XXXXXX";

/* Every word it is given as a line, control characters escaped by printf %s of sh's own: %q is not POSIX. */
static const char fake_docker[] =
	"#!/bin/sh\n"
	"[ \"$1 $2\" = 'volume inspect' ] && for last do :; done && {\n"
	"\tmkdir -p \"$WORLD/place\"; [ \"$3\" = -f ] && echo \"$WORLD/place\" && exit 0; [ -e \"$WORLD/volumes-are-there\" ]; exit; }\n"
	"[ \"$1 $2\" = 'network inspect' ] && { [ -e \"$WORLD/networks-are-there\" ]; exit; }\n"
	"[ \"$1\" = ps ] && echo ID1 && exit 0\n"
	"[ \"$1\" = inspect ] && printf '%s' \"$*\" >\"$WORLD/asked\" && mkdir -p \"$WORLD/anon\" && echo \"$WORLD/anon\" && exit 0\n"
	"for w do printf '<%s>' \"$w\"; done >>\"$WORLD/log\"\n"
	"printf '\\n' >>\"$WORLD/log\"\n"
	"printf '%s' \"$DB_PASSWORD\" >\"$WORLD/password\"\n";
static const char fake_kopia[] =
	"#!/bin/sh\n"
	"case \" $* \" in\n"
	"*' show '*) tar -cf - -C \"$WORLD/from\" . ; [ ! -e \"$WORLD/fail-kopia\" ];;\n"
	"*' list '*) printf '[{\"rootEntry\":{\"obj\":\"k1\"}}]\\n';;\n"
	"*' connect '*) for w do printf '<%s>' \"$w\"; done >\"$WORLD/connect\";;\n"
	"esac\n";

static void put(const char *name, const char *text, mode_t mode)
{
	struct fault f = { 0 };

	assert_int_equal(file_replace(name, text, strlen(text), mode, &f), 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (!mkdtemp(directory) || chdir(directory) < 0 || system("mkdir bin from compose && echo new >from/file") != 0)
		return -1;
	put("bin/docker", fake_docker, 0755);
	put("bin/kopia", fake_kopia, 0755);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : dir_remove(directory);
}

/* The lines of all sh blocks, as Markdown sees them: a fence is a line of its own, CR ends a line too. */
static char *blocks(const char *text)
{
	struct buf b = { 0 };
	bool inside = false;

	while (*text) {
		size_t len = strcspn(text, "\n\r");
		if (starts_with(text, "```"))
			inside = !inside;
		else if (inside)
			buf_printf(&b, "%.*s\n", (int)len, text);
		text += len + (text[len] != '\0');
	}
	assert_false(inside);
	return buf_steal(&b);
}

/* Exit status of following ${text} to the letter. */
static int follow(const char *text, const char *environment)
{
	char *commands CLEANUP(freep) = blocks(text);
	char *command CLEANUP(freep) = xasprintf("WORLD=%s PATH=%s/bin:$PATH %s sh -e commands.sh >out 2>&1", directory, directory, environment);

	put("commands.sh", commands, 0600);
	int status = system(command);
	assert_int_not_equal(access("pwned", F_OK), 0);
	if (getenv("VERBOSE"))
		IGNORE(system("cat -v commands.sh out"));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *content(const char *name)
{
	struct buf b = { 0 };

	IGNORE(file_read(name, 1 << 16, &b)); /* none is empty */
	return buf_steal(&b);
}

static void contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

struct sample {
	struct strv connect, files, redacted, running;
	struct restore_md_object network, volume;
	struct restore_md_item items[4];
	struct restore_md_file kept[2];
	struct recreate container;
};

static void sample_init(struct sample *s)
{
	*s = (struct sample){ .network = { .name = HOSTILE }, .volume = { .name = "vol" } };
	strv_add(&s->connect, "filesystem");
	strv_add(&s->connect, "--path=/srv/" HOSTILE);
	strv_add(&s->files, "compose.yml");
	strv_add(&s->running, "web");
	strv_add(&s->redacted, "DB_PASSWORD of container " HOSTILE);
	strv_add(&s->network.create, "network");
	strv_add(&s->network.create, "create");
	strv_add(&s->network.create, "--label=" HOSTILE);
	strv_add(&s->volume.create, "volume");
	strv_add(&s->volume.create, "create");
	s->items[0] = (struct restore_md_item){ .id = "volume:vol", .volume = "vol" };
	s->items[1] = (struct restore_md_item){ .id = "bind:" HOSTILE, .path = "bind " HOSTILE };
	s->items[2] = (struct restore_md_item){ .id = "bind:/s", .path = "single/file", .is_file = true };
	s->items[3] = (struct restore_md_item){ .id = "anon:db:/d", .volume = "0123", .service = "db", .destination = "/d\"}}{{", .number = 2 };
	s->kept[0] = (struct restore_md_file){ .path = "/put/back", .mode = "0640", .of_manager = true };
	s->kept[1] = (struct restore_md_file){ .path = "/put/env", .redacted = true };
	s->container.name = xstrdup("web");
	strv_add(&s->container.words, "run");
	strv_add(&s->container.words, HOSTILE);
}

static void sample_done(struct sample *s)
{
	strv_done(&s->connect);
	strv_done(&s->files);
	strv_done(&s->redacted);
	strv_done(&s->running);
	strv_done(&s->network.create);
	strv_done(&s->volume.create);
	recreate_done(&s->container);
}

static struct restore_md_options options(const struct sample *s)
{
	return (struct restore_md_options){
		.unit = "shop " HOSTILE, .backup_id = "20260131T020000Z", .connect = &s->connect, .identity = "root@host",
		.networks = &s->network, .n_networks = 1, .volumes = &s->volume, .n_volumes = 1, .redacted = &s->redacted,
		.coverage = "- bind `/x` (web): skipped, socket\n- bind `/y\n```sh\ntouch pwned\n```\n` (web): saved\n",
	};
}

static void hostile_names_reach_docker_whole(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	struct restore_md_options o = options(&s);
	o.items = s.items;
	o.n_items = 3;
	o.containers = &s.container;
	o.n_containers = 1;
	char *text CLEANUP(freep) = restore_md(&o);
	assert_int_equal(follow(text, ""), 0);
	char *log CLEANUP(freep) = content("log"), *connect CLEANUP(freep) = content("connect"), *file CLEANUP(freep) = content("bind " HOSTILE "/file");
	char *single CLEANUP(freep) = content("single/file"), *volume CLEANUP(freep) = content("place/file");
	assert_string_equal(log, "<network><create><--label=" HOSTILE ">\n<volume><create>\n<run><" HOSTILE ">\n");
	assert_string_equal(connect, "<repository><connect><filesystem><--path=/srv/" HOSTILE "><--override-username=root><--override-hostname=host>");
	assert_string_equal(file, "new\n");
	assert_string_equal(single, "new\n");
	assert_string_equal(volume, "new\n");
	contains(text, "- bind `/x` (web): skipped, socket\n");
	contains(text, "- DB_PASSWORD of container it's");
	/* once more, as after a secret was put in: what came from here is no hindrance */
	assert_int_equal(follow(text, ""), 0);
	/* what is someone else's is not written over */
	assert_int_equal(unlink(".restored"), 0);
	put("place/file", "newer\n", 0600);
	assert_int_not_equal(follow(text, ""), 0);
	char *newer CLEANUP(freep) = content("place/file");
	assert_string_equal(newer, "newer\n");
	/* what a unit that shares it brought back in the same recovery is left, and is no hindrance */
	assert_int_equal(system("rm -rf single bind*"), 0);
	char *place CLEANUP(freep) = xasprintf("%s/place\n", directory);
	put("places", place, 0600);
	assert_int_equal(follow(text, "RESTORED_ELSEWHERE=places"), 0);
	char *shared CLEANUP(freep) = content("place/file");
	assert_string_equal(shared, "newer\n");
	assert_int_equal(system("rm -rf place single bind*"), 0);
	put("fail-kopia", "", 0600);
	assert_int_not_equal(follow(text, ""), 0);
	sample_done(&s);
}

static void what_is_not_the_units_stays(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	struct restore_md_options o = options(&s);
	o.items = s.items + 1;
	o.n_items = 2;
	s.items[1].left = "belongs to the host: its\n```sh\ntouch pwned\n```";
	s.items[2].only_missing = true;
	assert_int_equal(system("mkdir single && echo there >single/file"), 0);
	char *text CLEANUP(freep) = restore_md(&o);
	assert_int_equal(follow(text, ""), 0);
	char *there CLEANUP(freep) = content("single/file"), *held CLEANUP(freep) = content("bind " HOSTILE "/file");
	assert_string_equal(there, "there\n");
	assert_string_equal(held, "");
	contains(text, "Is not put back: belongs to the host");
	/* nothing there: nothing is replaced, and a second call finishes what the first began */
	assert_int_equal(system("rm -r single"), 0);
	assert_int_equal(follow(text, ""), 0);
	assert_int_equal(follow(text, ""), 0);
	char *back CLEANUP(freep) = content("single/file");
	assert_string_equal(back, "new\n");
	sample_done(&s);
}

static void what_is_there_is_left(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	struct restore_md_options o = options(&s);
	char *text CLEANUP(freep) = restore_md(&o);
	put("volumes-are-there", "", 0600);
	put("networks-are-there", "", 0600);
	assert_int_equal(follow(text, ""), 0);
	char *log CLEANUP(freep) = content("log");
	assert_string_equal(log, "");
	sample_done(&s);
}

static void a_project(void **state)
{
	char *below CLEANUP(freep) = xasprintf("%s/put/back", directory), *env CLEANUP(freep) = xasprintf("%s/put/env", directory);
	struct sample s;

	(void)state;
	sample_init(&s);
	struct restore_md_options o = options(&s);
	s.kept[0].path = below;
	s.kept[1].path = env;
	o.unit = "shop";
	o.items = s.items + 3;
	o.n_items = 1;
	o.compose = true;
	o.working_dir = "/srv/a b";
	o.compose_files = &s.files;
	o.env_files = &s.files;
	o.secrets = true;
	o.services = &s.connect;
	o.running = &s.running;
	o.files = s.kept;
	o.n_files = 2;
	char *text CLEANUP(freep) = restore_md(&o);
	char *made CLEANUP(freep) = xasprintf("mkdir -p compose%s/put && echo yml >compose%s && echo 'A_KEY=" REDACTED "' >compose%s", directory, below, env);
	assert_int_equal(system(made), 0);
	assert_int_not_equal(follow(text, ""), 0); /* a secret is still to be put back */
	char *log CLEANUP(freep) = content("log"), *back CLEANUP(freep) = content("put/back"), *out CLEANUP(freep) = content("out");
	contains(out, "put the secrets back");
	assert_string_equal(log, "<network><create><--label=" HOSTILE ">\n<volume><create>\n");
	assert_string_equal(back, "yml\n");
	struct stat st;
	assert_int_equal(stat("put/back", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	put("put/env", "A_KEY=mine\n", 0600);
	assert_int_equal(follow(text, ""), 0);
	char *later CLEANUP(freep) = content("log"), *kept CLEANUP(freep) = content("put/env"), *anon CLEANUP(freep) = content("anon/file");
	char *asked CLEANUP(freep) = content("asked");
	contains(later, "<compose><-p><shop><--project-directory></srv/a b><--env-file><compose.yml><-f><compose.yml><up><--no-start><filesystem><--path=/srv/" HOSTILE ">\n"
			"<compose><-p><shop><--project-directory></srv/a b><--env-file><compose.yml><-f><compose.yml><up><-d><web>\n");
	assert_string_equal(kept, "A_KEY=mine\n");
	assert_string_equal(anon, "new\n");
	contains(asked, "eq .Destination \"/d\\x22\\x7d\\x7d\\x7b\\x7b\"}}");
	contains(text, "They came out of a manager's volume");
	contains(text, "put back into that file before starting");
	contains(text, "Secrets are in this recipe as they were");
	strv_done(&s.running); /* nothing ran: created only */
	char *idle CLEANUP(freep) = restore_md(&o);
	assert_null(strstr(idle, "up -d"));
	o.n_items = 0;
	char *bare CLEANUP(freep) = restore_md(&o);
	contains(bare, "up --no-start filesystem");
	sample_done(&s);
}

static void redacted_secrets_stop_it(void **state)
{
	struct sample s;

	(void)state;
	sample_init(&s);
	struct restore_md_options o = options(&s);
	o.containers = &s.container;
	o.n_containers = 1;
	strv_add(&s.container.needs, "DB_PASSWORD");
	strv_add(&s.container.unsaid, "HostConfig.X: " HOSTILE);
	GROW(s.container.connects, s.container.n_connects);
	strv_add(&s.container.connects[s.container.n_connects++], "connect");
	s.container.start = true;
	char *text CLEANUP(freep) = restore_md(&o);
	assert_int_not_equal(follow(text, ""), 0);
	char *out CLEANUP(freep) = content("out"), *log CLEANUP(freep) = content("log");
	contains(out, "DB_PASSWORD: its value was redacted");
	assert_null(strstr(log, "<run>"));
	assert_int_equal(follow(text, "DB_PASSWORD=mine"), 0);
	char *password CLEANUP(freep) = content("password"), *later CLEANUP(freep) = content("log");
	assert_string_equal(password, "mine");
	contains(later, "<run><" HOSTILE ">\n<connect>\n<start><--><web>\n");
	contains(text, "- HostConfig.X: it's");
	contains(text, "is to be set in the shell");
	strv_add(&s.container.words, "--label=x=" REDACTED);
	char *worse CLEANUP(freep) = restore_md(&o);
	assert_int_not_equal(follow(worse, "DB_PASSWORD=mine"), 0);
	sample_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hostile_names_reach_docker_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_the_units_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_there_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_project, set_up, tear_down),
		cmocka_unit_test_setup_teardown(redacted_secrets_stop_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
