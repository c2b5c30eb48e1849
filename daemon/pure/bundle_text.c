/* SPDX-License-Identifier: MIT */
/*
 * What stands in a bundle for people and for sh. The README lies beside it in the clear:
 * it has the steps and where the passphrase is, never the passphrase or a credential.
 */
#include "daemon/pure/bundle_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/shell.h"
#include "daemon/pure/plan.h"

extern const char recover_text[]; /* daemon/pure/recover.sh */

char *bundle_text_series(const char *identity)
{
	const char *at = strchr(identity, '@');
	char *user = xstrndup(identity, at ? (size_t)(at - identity) : 0);
	char *user_part CLEANUP(freep) = name_encode(user), *host_part CLEANUP(freep) = name_encode(at ? at + 1 : identity);

	free(user);
	return xasprintf("kopi-docka-recovery-%s@%s", user_part, host_part);
}

char *bundle_text_name(const char *identity, int64_t wall)
{
	char *series CLEANUP(freep) = bundle_text_series(identity);
	time_t s = (time_t)(wall / 1000);
	char stamp[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	return xasprintf("%s-%s", series, stamp);
}

/* What could end a line of prose or comment becomes a question mark. */
static void put_prose(struct buf *b, const char *text)
{
	for (const char *p = text; p && *p; p++)
		buf_printf(b, "%c", (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
}

static void put_word(struct buf *b, const char *directory, const char *name, const char *ending)
{
	char *plain CLEANUP(freep) = xasprintf("%s%s%s%s", directory ? directory : "", directory ? "/" : "", name, ending);
	char *quoted CLEANUP(freep) = shell_quote(plain);

	buf_puts(b, quoted);
}

static const char readme_contents[] =
	"Inside, encrypted: kopia-repository.json (kopia's connection with the storage's\n"
	"credentials, and what the repository said of itself), kopia-password.txt, kopi-docka.conf,\n"
	"backup-status.json (the last runs, the restore points, versions), recover.sh and this text.\n"
	"\n"
	"WHOEVER HAS THIS BUNDLE AND ITS PASSPHRASE HAS EVERYTHING THAT WAS EVER BACKED UP.\n"
	"Keep a copy of each on another machine, and not both in one place.\n\n";

static void put_steps(struct buf *b, const struct bundle_facts *f)
{
	buf_puts(b, "From here to running containers, on a machine with Docker, kopia, GNU tar and openssl\n"
		    "(Kopi-Docka itself is not needed), as root, in the directory of this file:\n\n"
		    "1. Is it whole?\n\n    sha256sum -c ");
	put_word(b, NULL, f->name, ".sha256");
	buf_puts(b, "\n\n2. Open it:\n\n    mkdir -m 700 /root/recovery\n    openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -iter ");
	buf_printf(b, "%d -pass file:", BUNDLE_ITERATIONS);
	put_word(b, f->passwords, f->name, ".PASSWORD");
	buf_puts(b, " -in ");
	put_word(b, NULL, f->name, ".tar.enc");
	buf_puts(b, " | tar -xf - -C /root/recovery\n\n");
	buf_puts(b, "   (The passphrase is the first line of the PASSWORD file. Without -pass openssl asks for it.)\n\n"
		    "3. See to it that the repository can be reached");
	if (f->repository_path) {
		buf_puts(b, ": its directory was\n   ");
		put_prose(b, f->repository_path);
		buf_puts(b, "; where it is elsewhere now, add --repository DIRECTORY below");
	}
	buf_puts(b, ".\n\n4. What is there, and bring it back:\n\n    sh /root/recovery/recover.sh --list\n    sh /root/recovery/recover.sh\n\n"
		    "   recover.sh --help says more. It overwrites nothing: what is in its way it names.\n"
		    "   It takes the newest complete restore points, also those newer than this bundle.\n\n"
		    "5. Remove /root/recovery when all is back: it has the repository's password.\n");
}

char *bundle_text_readme(const struct bundle_facts *f)
{
	struct buf b = { 0 };

	buf_puts(&b, "Kopi-Docka recovery bundle ");
	put_prose(&b, f->name);
	buf_puts(&b, "\n\nMade ");
	put_prose(&b, f->made);
	buf_puts(&b, " on ");
	put_prose(&b, f->host);
	buf_puts(&b, " for the snapshots of ");
	put_prose(&b, f->identity);
	buf_puts(&b, "\nin the repository ");
	put_prose(&b, f->repository);
	buf_puts(&b, ".\nVersions: Kopi-Docka " KD_VERSION ", kopia ");
	put_prose(&b, f->kopia ? f->kopia : "?");
	buf_puts(&b, ", Docker ");
	put_prose(&b, f->docker ? f->docker : "?");
	buf_printf(&b, ".\nEncrypted by openssl: aes-256-cbc, key from the passphrase by PBKDF2 with HMAC-SHA-256, %d iterations.\n\n",
		BUNDLE_ITERATIONS);
	buf_puts(&b, readme_contents);
	put_steps(&b, f);
	return buf_steal(&b);
}

static void put_value(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s=", name);
	put_word(b, NULL, value ? value : "", "");
	buf_puts(b, "\n");
}

/* Only what can stand before an equals sign in sh. */
static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= 'A' && text[i] <= 'Z') || text[i] == '_' || (i && text[i] >= '0' && text[i] <= '9')))
			return false;
	return len > 0;
}

char *bundle_text_recover(const struct bundle_facts *f)
{
	struct buf b = { 0 };

	buf_puts(&b, "#!/bin/sh\n# recover.sh of the bundle ");
	put_prose(&b, f->name);
	buf_puts(&b, "\n# shellcheck disable=SC2016 # values stand here as they are\n");
	put_value(&b, "IDENTITY", f->identity);
	put_value(&b, "UNIQUE_ID", f->unique_id);
	put_value(&b, "REPOSITORY_PATH", f->repository_path);
	for (size_t i = 0; f->environment && i < f->environment->n; i++) {
		const char *word = f->environment->v[i], *equals = strchr(word, '=');
		if (!equals || !is_name(word, (size_t)(equals - word)))
			continue;
		buf_printf(&b, "export %.*s=", (int)(equals - word), word);
		put_word(&b, NULL, equals + 1, "");
		buf_puts(&b, "\n");
	}
	buf_puts(&b, "\n");
	buf_puts(&b, recover_text);
	return buf_steal(&b);
}
