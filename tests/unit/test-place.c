/* SPDX-License-Identifier: MIT */
/*
 * The built kopi-docka-place: the exchange, and the way back from wherever it was killed. Where a
 * kill may stop it is made by hand: each rename that it does is undone or done here.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/paths.h"
#include "common/varlink.h"
#include "helpers/place.h"
#include "tests/unit/unit.h"

static char directory[] = "/var/tmp/kd-test-place-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const mounts[] = { "m/mine/bound", "m", "good/data" }; /* of a test that failed */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", directory, mounts[i]);
		IGNORE(umount2(path, MNT_DETACH)); /* not there mostly */
	}
	return dir_remove(directory);
}

static char *at(const char *name)
{
	return xasprintf("%s/%s", directory, name);
}

static void put(const char *name, const char *text)
{
	char *path CLEANUP(freep) = at(name), *parent CLEANUP(freep) = xstrdup(path);
	struct fault f = { 0 };

	*strrchr(parent, '/') = '\0';
	assert_int_equal(dir_make(parent, 0700, &f), 0); /* as ours are */
	assert_int_equal(file_replace(path, text, strlen(text), 0644, &f), 0);
}

static bool has(const char *name, const char *text)
{
	char *path CLEANUP(freep) = at(name);
	struct buf b CLEANUP(buf_done) = { 0 };

	return file_read(path, 4096, &b) == 0 && streq(b.data ? b.data : "", text);
}

static bool there(const char *name)
{
	char *path CLEANUP(freep) = at(name);
	struct stat st;

	return lstat(path, &st) == 0;
}

static void rename_to(const char *from, const char *to)
{
	char *a CLEANUP(freep) = at(from), *b CLEANUP(freep) = at(to), *parent CLEANUP(freep) = at(to);
	struct fault f = { 0 };

	*strrchr(parent, '/') = '\0';
	assert_int_equal(dir_make(parent, 0700, &f), 0);
	assert_int_equal(rename(a, b), 0);
}

/* The words with @ in them stand below the directory. Its exit status; ${ret_out}: what it printed, caller's. */
static int run(char **ret_out, const char *const *words)
{
	struct strv argv CLEANUP(strv_done) = { 0 };
	int fds[2];
	struct buf out = { 0 };

	strv_take(&argv, path_helper("kopi-docka-place"));
	for (; *words; words++) {
		if (**words == '@')
			strv_addf(&argv, "%s/%s", directory, *words + 1);
		else
			strv_add(&argv, *words);
	}
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		execv(argv.v[0], argv.v);
		_exit(127);
	}
	close(fds[1]);
	assert_int_equal(fd_read_all(fds[0], 1 << 16, &out), 0);
	close(fds[0]);
	int status;
	waitpid(pid, &status, 0);
	if (ret_out)
		*ret_out = buf_steal(&out);
	else
		buf_done(&out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define STAGED ".kopi-docka-staging/x"
#define KEPT   ".kopi-docka-kept"
#define RUN(...) run(NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define WHOLE(verb, mode)                                                                                                       \
	RUN(verb, "--mode", mode, "--new", "@" STAGED, "--dest", "@item", "--kept", "@" KEPT "/1/item", "--failed", "@" KEPT "/1/item.put-back", \
		"--marker", "@x.swap")
#define PATH(verb, path)                                                                                                        \
	RUN(verb, "--mode", "path", "--new", "@" STAGED "/" path, "--dest", path, "--kept", "@" KEPT "/1/item/" path, "--failed",          \
		"@" KEPT "/1/item.put-back/" path, "--marker", "@x.swap1", "--root", "@item", "--staged", "@" STAGED)

static void old_and_new(void)
{
	put("item/f", "old");
	put(STAGED "/f", "new");
}

static void assert_old(void)
{
	assert_true(has("item/f", "old"));
	assert_false(there(KEPT "/1/item/f"));
}

static void there_and_back(void **state)
{
	static const char *const modes[] = { "rename", "contents" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		old_and_new();
		assert_int_equal(WHOLE("swap", modes[i]), 0);
		assert_true(has("item/f", "new") && has(KEPT "/1/item/f", "old"));
		assert_int_equal(WHOLE("undo", modes[i]), 0);
		assert_old();
		assert_true(has(KEPT "/1/item.put-back/f", "new"));
		assert_int_equal(WHOLE("undo", modes[i]), 0); /* any number of times */
		assert_old();
		tear_down(NULL);
		set_up(NULL);
	}
}

static void killed_while_renaming(void **state)
{
	(void)state;
	/* nothing had begun: no marker */
	old_and_new();
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	assert_true(has(STAGED "/f", "new"));
	/* exchanged, and the old not at its place yet */
	assert_int_equal(WHOLE("swap", "rename"), 0);
	rename_to(KEPT "/1/item", STAGED);
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	/* on the way back: exchanged, and the new not at its place yet */
	assert_int_equal(dir_remove(directory), 0);
	mkdir(directory, 0700);
	old_and_new();
	assert_int_equal(WHOLE("swap", "rename"), 0);
	rename_to("item", "elsewhere");
	rename_to(KEPT "/1/item", "item");
	rename_to("elsewhere", KEPT "/1/item");
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	assert_true(has(KEPT "/1/item.put-back/f", "new"));
}

/* A power cut, and the filesystem has another number since: what had come goes back all the same. */
static void after_a_reboot(void **state)
{
	char *marker CLEANUP(freep) = at("x.swap");
	struct buf b CLEANUP(buf_done) = { 0 };

	(void)state;
	old_and_new();
	assert_int_equal(WHOLE("swap", "rename"), 0);
	assert_int_equal(file_read(marker, 100, &b), 0);
	char *other CLEANUP(freep) = xasprintf("12345%s", strchr(b.data, ':'));
	put("x.swap", other);
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
	assert_true(has(KEPT "/1/item.put-back/f", "new"));
	/* a single path, too: its item is known by the same */
	char *item CLEANUP(freep) = at("item");
	struct stat st;
	assert_int_equal(stat(item, &st), 0);
	char *is CLEANUP(freep) = xasprintf("12345:%ju", (uintmax_t)st.st_ino), *no CLEANUP(freep) = xasprintf("12345:%ju", (uintmax_t)st.st_ino + 1);
	put(STAGED "/f", "new");
	assert_int_equal(PATH("swap", "f"), 0);
#define UNDO(is) RUN("undo", "--mode", "path", "--new", "@" STAGED "/f", "--dest", "f", "--kept", "@" KEPT "/1/item/f", "--failed",           \
	"@" KEPT "/1/item.back/f", "--marker", "@x.swap1", "--root", "@item", "--staged", "@" STAGED, "--dest-is", is)
	assert_int_equal(UNDO(no), 1);
	assert_int_equal(UNDO(is), 0);
	assert_true(has("item/f", "old"));
}

/* A filesystem without exchange: dest is missing for a moment. */
static void killed_without_exchange(void **state)
{
	(void)state;
	old_and_new();
	assert_int_equal(WHOLE("swap", "rename"), 0);
	rename_to("item", STAGED);
	assert_int_equal(WHOLE("undo", "rename"), 0);
	assert_old();
}

static void killed_while_moving_contents(void **state)
{
	(void)state;
	put("item/a", "old a");
	put("item/b", "old b");
	put(STAGED "/a", "new a");
	put(STAGED "/c", "new c");
	char *item CLEANUP(freep) = at("item");
	struct stat st;
	assert_int_equal(chown(item, 5, 6) < 0 || chmod(item, 02751) < 0, 0);
	/* one of two old entries had left, and the top was taken over */
	assert_int_equal(WHOLE("swap", "contents"), 0);
	rename_to("item/a", STAGED "/a");
	rename_to("item/c", STAGED "/c");
	rename_to(KEPT "/1/item", KEPT "/1/item.part");
	rename_to(KEPT "/1/item.part/b", "item/b");
	assert_int_equal(chown(item, 0, 0) < 0 || chmod(item, 0700) < 0, 0);
	assert_int_equal(WHOLE("undo", "contents"), 0);
	assert_true(has("item/a", "old a") && has("item/b", "old b") && !there(KEPT "/1/item.part"));
	assert_true(stat(item, &st) == 0 && st.st_uid == 5 && st.st_gid == 6 && (st.st_mode & 07777) == 02751);
	/* all had left, one of the new ones had come */
	assert_int_equal(WHOLE("swap", "contents"), 0);
	rename_to("item/c", STAGED "/c");
	assert_int_equal(WHOLE("undo", "contents"), 0);
	assert_true(has("item/a", "old a") && has("item/b", "old b") && !there("item/c"));
	assert_true(has(KEPT "/1/item.put-back/a", "new a"));
	assert_true(stat(item, &st) == 0 && st.st_uid == 5 && (st.st_mode & 07777) == 02751);
}

static void single_paths(void **state)
{
	char *link CLEANUP(freep) = at("item/link");
	char *out = NULL;

	(void)state;
	put("item/d/f", "old");
	put(STAGED "/d/f", "new");
	put(STAGED "/n/m/g", "new");
	chmod((char *)(uintptr_t)directory, 0755);
	char *model CLEANUP(freep) = at(STAGED "/n");
	assert_int_equal(chmod(model, 02751), 0);
	assert_int_equal(PATH("swap", "d/f"), 0);
	assert_true(has("item/d/f", "new") && has(KEPT "/1/item/d/f", "old"));
	assert_int_equal(PATH("undo", "d/f"), 0);
	assert_true(has("item/d/f", "old"));
	/* what is not there now comes with its directories as they were, and goes again */
	assert_int_equal(PATH("swap", "n/m/g"), 0);
	struct stat st;
	char *made CLEANUP(freep) = at("item/n");
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02751);
	assert_true(has("item/n/m/g", "new"));
	assert_int_equal(PATH("undo", "n/m/g"), 0);
	assert_false(there("item/n/m/g"));
	/* a link on the way leads nowhere */
	assert_int_equal(symlink("/etc", link), 0);
	put(STAGED "/link/passwd", "new");
	const char *const words[] = { "swap", "--mode", "path", "--new", "@" STAGED "/link/passwd", "--dest", "link/passwd", "--kept", "@" KEPT "/1/k",
		"--failed", "@" KEPT "/1/fl", "--marker", "@x.swap2", "--root", "@item", "--staged", "@" STAGED, NULL };
	assert_int_equal(run(&out, words), 1);
	assert_non_null(strstr(out, "is no directory now"));
	free(out);
}

static void stages(void **state)
{
	char *out = NULL;

	(void)state;
	put("item/f", "old");
	const char *const words[] = { "stage", "--state", "@state", "--id", "1", "--name", "n", "@item", NULL };
	assert_int_equal(run(&out, words), 0);
	struct json_object *o CLEANUP(json_putp) = json_parse(out, strlen(out));
	assert_string_equal(json_text(o, "mode"), "rename");
	assert_true(json_number(o, "free", -1) > 0);
	char *prefix CLEANUP(freep) = at("state/.kopi-docka-staging/");
	assert_true(starts_with(json_text(o, "staged"), prefix));
	free(out);
	/* missing is made, a link is followed, a file is no directory */
	assert_int_equal(RUN("stage", "--state", "@state", "--id", "1", "--name", "n", "@new/deep"), 0);
	assert_true(there("new/deep"));
	char *link CLEANUP(freep) = at("link"), *target CLEANUP(freep) = at("item");
	assert_int_equal(symlink(target, link), 0);
	const char *const by_link[] = { "stage", "--state", "@state", "--id", "1", "--name", "n", "@link", NULL };
	assert_int_equal(run(&out, by_link), 0);
	struct json_object *l CLEANUP(json_putp) = json_parse(out, strlen(out));
	assert_string_equal(json_text(l, "dest"), target);
	free(out);
	assert_int_equal(RUN("stage", "--state", "@state", "--id", "1", "--name", "n", "@item/f"), 1);
	assert_int_equal(RUN("stage", "--file", "--state", "@state", "--id", "1", "--name", "n", "@item"), 1);
	/* but one that the engine made for a file that was missing: it changes places with the file */
	char *empty CLEANUP(freep) = at("empty");
	assert_int_equal(mkdir(empty, 0755), 0);
	assert_int_equal(RUN("stage", "--file", "--state", "@state", "--id", "1", "--name", "n", "@empty"), 0);
}

#define STAGE(...) "stage", __VA_ARGS__, "--id", "1", "--name", "n"

/* What stage says; asserts that it does. Caller's. */
static struct json_object *staged(const char *const *words)
{
	char *out CLEANUP(freep) = NULL;

	if (run(&out, words) != 0)
		fail_msg("%s", out);
	return json_parse(out, strlen(out));
}

static void assert_below(struct json_object *o, const char *base)
{
	char *prefix CLEANUP(freep) = xasprintf("%s/%s" PLACE_STAGING "/", directory, base);

	if (!starts_with(json_text(o, "staged"), prefix))
		fail_msg("%s is not in %s", json_text(o, "staged"), prefix);
}

static void where(void **state)
{
	char *mount_point CLEANUP(freep) = at("m"), *again CLEANUP(freep) = at("again"), *mine CLEANUP(freep) = at("m/mine"), *out = NULL;
	char *theirs CLEANUP(freep) = at("m/mine/theirs"), *top CLEANUP(freep) = at("m/mine/theirs/data");
	char *trap CLEANUP(freep) = at("m/mine/theirs/" PLACE_STAGING), *bound CLEANUP(freep) = at("m/mine/bound");

	(void)state;
	assert_int_equal(mkdir(mount_point, 0755) | mkdir(again, 0755) | chmod(directory, 0755), 0);
	if (mount("kd-test", mount_point, "tmpfs", 0, "mode=0755") < 0)
		fail_msg("tests need mount(2)");
	put("m/mine/theirs/data/f", "old");
	put("m/mine/bound/data/f", "old");
	assert_int_equal(chmod(mine, 0755) | chown(theirs, 12345, 12345) | chown(top, 12345, 12345), 0);
	/* our state directory is on another filesystem: the top of the item's own, which is root's */
	struct json_object *o CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--state", "@state"), "@m/mine/theirs/data", NULL });
	assert_below(o, "m/");
	/* it is not: then the first that is */
	assert_int_equal(chown(mount_point, 12345, 12345), 0);
	assert_int_equal(chown(mine, 12345, 12345), 0);
	/* nothing is: beside it, where only root can enter; what somebody put there first is not taken */
	struct json_object *p CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--state", "@state"), "@m/mine/theirs/data", NULL });
	assert_below(p, "m/mine/theirs/");
	assert_false(json_flag(p, "late", true));
	assert_int_equal(RUN("sweep", "--staged-is", json_text(p, "staged_is"), json_text(p, "staged")), 0);
	assert_int_equal(symlink("/tmp", trap), 0);
	assert_int_equal(run(&out, (const char *const[]){ STAGE("--state", "@state"), "@m/mine/theirs/data", NULL }), 1);
	assert_non_null(strstr(out, PLACE_STAGING " is a link"));
	freep(&out);
	assert_int_equal(unlink(trap), 0);
	assert_int_equal(mkdir(trap, 0755), 0);
	assert_int_equal(run(&out, (const char *const[]){ STAGE("--state", "@state"), "@m/mine/theirs/data", NULL }), 1);
	assert_non_null(strstr(out, "is not ours"));
	freep(&out);
	/* the same filesystem once more is another mount: nothing can be renamed into it */
	assert_int_equal(chown(mount_point, 0, 0) | chown(mine, 0, 0), 0);
	assert_int_equal(mount(bound, bound, NULL, MS_BIND, NULL), 0);
	struct json_object *q CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--state", "@m"), "@m/mine/bound/data", NULL });
	assert_below(q, "m/mine/bound/");
	/* and a mount point has its own alone */
	struct json_object *m CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--state", "@m"), "@m/mine/bound", NULL });
	assert_below(m, "m/mine/bound/");
	assert_string_equal(json_text(m, "mode"), "contents");
	/* this process has all of it mounted, and can write there: then not before it is stopped */
	char *pid CLEANUP(freep) = xasprintf("%d", (int)getpid());
	struct json_object *w CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--running", pid), "@m/mine/bound", NULL });
	assert_true(json_flag(w, "late", false));
	assert_int_equal(umount(bound) | umount(mount_point), 0);
}

static void links(void **state)
{
	char *theirs CLEANUP(freep) = at("theirs"), *link CLEANUP(freep) = at("theirs/data"), *out = NULL;
	char *pid CLEANUP(freep) = xasprintf("%d", (int)getpid()), *data CLEANUP(freep) = at("good/data");

	(void)state;
	put("theirs/x", "x");
	put("good/data/f", "x");
	assert_int_equal(chmod(directory, 0755) | chown(theirs, 12345, 12345) | symlink(data, link), 0);
	/* somebody else's link: refused by name */
	assert_int_equal(run(&out, (const char *const[]){ STAGE("--state", "@state"), "@theirs/data", NULL }), 1);
	assert_non_null(strstr(out, "/theirs/data is a link"));
	freep(&out);
	/* a container has another directory than where it leads */
	assert_int_equal(run(&out, (const char *const[]){ STAGE("--state", "@state", "--mounted", pid), "@theirs/data", NULL }), 1);
	assert_non_null(strstr(out, "not what its container has mounted"));
	freep(&out);
	/* it has exactly that: fine, and told */
	assert_int_equal(mount(data, data, NULL, MS_BIND, NULL), 0);
	struct json_object *o CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--state", "@state", "--mounted", pid, "--running", pid), "@theirs/data", NULL });
	assert_string_equal(json_text(o, "link"), link);
	assert_string_equal(json_text(o, "dest"), data);
	assert_int_equal(umount(data), 0);
	/* root's own link is root's to put; not when the container says otherwise */
	assert_int_equal(chown(theirs, 0, 0), 0);
	struct json_object *r CLEANUP(json_putp) = staged((const char *const[]){ STAGE("--state", "@state"), "@theirs/data", NULL });
	assert_string_equal(json_text(r, "link"), link);
	assert_int_equal(RUN(STAGE("--state", "@state", "--mounted", pid), "@theirs/data"), 1);
	/* paths in the item, before anything is stopped */
	char *inner CLEANUP(freep) = at("good/data/sub");
	assert_int_equal(symlink("/etc", inner), 0);
	assert_int_equal(run(&out, (const char *const[]){ STAGE("--paths", "--state", "@state"), "@good/data", "f", "sub/passwd", NULL }), 1);
	assert_non_null(strstr(out, "/good/data/sub is no directory now"));
	freep(&out);
	assert_int_equal(RUN(STAGE("--paths", "--state", "@state"), "@good/data", "f", "sub", "new/deep"), 0);
}

/* Somebody puts another in the place of what was measured, or of what is ours. */
static void exchanged(void **state)
{
	char *out = NULL, *item CLEANUP(freep) = at("item"), *away CLEANUP(freep) = at("away"), *x CLEANUP(freep) = at(STAGED);
	struct stat st;

	(void)state;
	old_and_new();
	assert_int_equal(stat(item, &st), 0);
	char *is CLEANUP(freep) = xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	const char *const words[] = { "swap", "--mode", "rename", "--new", "@" STAGED, "--dest", "@item", "--kept", "@" KEPT "/1/item",
		"--failed", "@" KEPT "/1/item.put-back", "--marker", "@x.swap", "--dest-is", is, NULL };
	assert_int_equal(rename(item, away) | mkdir(item, 0700), 0);
	assert_int_equal(run(&out, words), 1);
	assert_non_null(strstr(out, "is not what it was"));
	freep(&out);
	assert_true(there(STAGED "/f") && !there("x.swap") && !there(KEPT "/1"));
	assert_int_equal(rmdir(item) | rename(away, item), 0);
	/* the staged one, too */
	assert_int_equal(stat(x, &st), 0);
	char *staged_is CLEANUP(freep) = xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
	assert_int_equal(RUN("sweep", "--staged-is", staged_is, "@" STAGED), 1);
	assert_int_equal(RUN("fresh", "--staged-is", staged_is, "@" STAGED), 1);
	assert_int_equal(RUN("fresh", "--staged-is", is, "@" STAGED), 1); /* and it is not empty */
	assert_true(there(STAGED "/f"));
	assert_int_equal(run(&out, words), 0);
	assert_true(has("item/f", "new"));
	free(out);
}

static void forgets(void **state)
{
	char *link CLEANUP(freep) = at("other/.kopi-docka-kept"), *real CLEANUP(freep) = at(".kopi-docka-kept");

	(void)state;
	put(".kopi-docka-kept/1/a/f", "old");
	put(".kopi-docka-kept/1/b/f", "old");
	put(".kopi-docka-kept/2/a/f", "old");
	put("other/x", "x");
	put("precious/f", "x");
	char *inside CLEANUP(freep) = at(".kopi-docka-kept/1/a/link"), *precious CLEANUP(freep) = at("precious");
	assert_int_equal(symlink(precious, inside), 0);
	assert_int_equal(symlink(real, link), 0);
	assert_int_equal(RUN("forget", "2", "@other/.kopi-docka-kept/2/a"), 1); /* through a link */
	assert_int_equal(RUN("forget", "1", "@precious/f"), 1);                /* not our name */
	assert_int_equal(RUN("forget", "..", "@.kopi-docka-kept/../precious"), 1);
	assert_int_equal(RUN("forget", "1", "@.kopi-docka-kept/2/a"), 1);      /* another restore's */
	assert_int_equal(RUN("forget", "1", "@.kopi-docka-kept/1/a/deep/path", "@.kopi-docka-kept/1/gone"), 0);
	assert_true(!there(".kopi-docka-kept/1/a") && there(".kopi-docka-kept/1/b") && has("precious/f", "x"));
	assert_int_equal(RUN("forget", "1", "@.kopi-docka-kept/1/b"), 0);
	assert_true(!there(".kopi-docka-kept/1") && has(".kopi-docka-kept/2/a/f", "old"));
	assert_int_equal(RUN("forget", "2", "@.kopi-docka-kept/2/a"), 0);
	assert_false(there(".kopi-docka-kept"));
}

static void small_ones(void **state)
{
	char *out = NULL;

	(void)state;
	put("item/d/f", "old");
	put("item/.kopi-docka-kept/1/x", "kept");
	put(".kopi-docka-staging/x/f", "new");
	put(".kopi-docka-staging/y/f", "new");
	assert_int_equal(RUN("sweep", "@.kopi-docka-staging/x"), 0);
	assert_true(!there(".kopi-docka-staging/x") && there(".kopi-docka-staging/y"));
	assert_int_equal(RUN("sweep", "@item"), 1);
	assert_int_equal(RUN("clear", "--marker", "@begun", "@item"), 0);
	assert_true(there("begun") && !there("item/d") && there("item/.kopi-docka-kept/1/x"));
	const char *const room[] = { "room", "@room", "@item", NULL };
	assert_int_equal(run(&out, room), 0);
	assert_non_null(strstr(out, "\"free\":"));
	free(out);
	/* only the last directory is made, and none where everything is emptied */
	static const char *const bad[][4] = { { "room", "@missing/room", NULL }, { "room", "@item", "@item", NULL },
		{ "room", "@item/room", "@item", NULL } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(run(&out, bad[i]), 1);
		free(out);
	}
	const char *const used[] = { "used", "@item", NULL };
	assert_int_equal(run(&out, used), 0);
	assert_non_null(strstr(out, "\"used\":"));
	free(out);
	/* a file of several names gives its blocks once */
	char *one CLEANUP(freep) = at("item/one"), *two CLEANUP(freep) = at("item/two"), *block CLEANUP(freep) = xcalloc(1, 1 << 20);
	struct fault f = { 0 };
	memset(block, 'x', 1 << 20);
	assert_int_equal(file_replace(one, block, 1 << 20, 0600, &f), 0);
	assert_int_equal(link(one, two), 0);
	assert_int_equal(run(&out, used), 0);
	struct json_object *sum CLEANUP(json_putp) = json_parse(out, strlen(out));
	assert_in_range(json_number(sum, "used", -1), 1 << 20, (2 << 20) - 1);
	free(out);
	assert_int_equal(RUN("used", "@nowhere"), 1);
	assert_int_equal(RUN("save", "@s/copy.tar"), 0); /* whatever our input is: it ends */
	assert_true(there("s/copy.tar") && !there("s/copy.tar.part"));
	assert_int_equal(RUN("save", "@s/copy.tar"), 1); /* never over another */
	assert_int_equal(RUN("nothing"), 2);
	assert_int_equal(RUN("swap", "--mode", "rename"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_while_renaming, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_a_reboot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_without_exchange, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_while_moving_contents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(single_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exchanged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(small_ones, set_up, tear_down),
	};

	if (!freopen("/dev/null", "r", stdin))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
