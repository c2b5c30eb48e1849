/* SPDX-License-Identifier: MIT */
/*
 * What gives a secret away is its neighbourhood: a name before "=", ":" or a blank, the shape of a URL, a
 * beginning that only tokens have. One finder a shape, tried at every place of the string. A name with
 * "pass", "secret" or "token" in it is proof enough; "key" and "auth" are so only as the last part of
 * it, and not before what is plainly a path, a number or a mode.
 */
#include "daemon/pure/secrets.h"

#include <ctype.h>
#include <string.h>

enum proof { NOT_SECRET, WEAK, STRONG };

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

static bool has_word(const char *list, const char *word, size_t len)
{
	for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == len && strncasecmp(p, word, len) == 0)
			return true;
	return false;
}

bool secret_is_plain(const char *value, size_t len)
{
	return has_word("true false none null yes no on off", value, len);
}

static bool contains(const char *name, size_t len, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= len; i++)
		if (strncasecmp(name + i, part, n) == 0)
			return true;
	return false;
}

/* Of a name without its dashes. What ends in one of these says where or how, and is no secret itself. */
static enum proof proof_of(const char *name, size_t len)
{
	static const char about[] = "file path dir directory url uri mode type method name names port host hosts ttl timeout expiry length size id "
				    "policy algorithm scheme enabled required endpoint issuer realm server service provider count";
	size_t last = len;

	while (last > 0 && !strchr("-_.", name[last - 1]))
		last--;
	if (last > 0 && has_word(about, name + last, len - last))
		return NOT_SECRET;
	if (len > 4 && (strncasecmp(name + len - 4, "file", 4) == 0 || strncasecmp(name + len - 4, "path", 4) == 0))
		return NOT_SECRET;
	static const char *const other[] = { "bypass", "passthrough", "passive", "compass", "tokeniz" };
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		if (contains(name, len, other[i]))
			return NOT_SECRET;
	static const char *const strong[] = { "pass", "secret", "token", "apikey", "api-key", "api_key", "api.key", "access-key", "access_key",
		"accesskey", "private-key", "private_key", "privatekey", "credential" };
	for (size_t i = 0; i < ARRAY_SIZE(strong); i++)
		if (contains(name, len, strong[i]))
			return STRONG;
	if (has_word("key auth authkey authorization sig signature pwd psk", name + last, len - last))
		return WEAK;
	return NOT_SECRET;
}

/* Where only a weak name speaks for it: no path, no number, no word that says nothing. */
static bool looks_secret(const char *value, size_t len)
{
	static const char *const ends[] = { ".pem", ".key", ".crt", ".json", ".yml", ".yaml", ".conf", ".txt" };

	if (len < 4 || strchr("/~.-", *value) || secret_is_plain(value, len) || strspn(value, "0123456789:.") >= len)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (len > strlen(ends[i]) && strncasecmp(value + len - strlen(ends[i]), ends[i], strlen(ends[i])) == 0)
			return false;
	return true;
}

static bool accept(enum proof proof, const char *text, struct secret_span *ret)
{
	if (ret->len == 0 || proof == NOT_SECRET || secret_is_plain(text + ret->start, ret->len))
		return false;
	return proof == STRONG || looks_secret(text + ret->start, ret->len);
}

/* The value at ${at}: in quotes (which may be escaped, in JSON inside of JSON) up to their end, else up to one of ${ends}. */
static void value_at(const char *text, size_t at, const char *ends, struct secret_span *ret)
{
	size_t slashes = strspn(text + at, "\\"), start = at + slashes + 1, end;
	char quote = text[at + slashes];

	if (quote != '"' && quote != '\'') {
		ret->start = at;
		ret->len = strcspn(text + at, ends);
		return;
	}
	for (end = start; text[end] && text[end] != quote; end++)
		if (slashes == 0 && text[end] == '\\' && text[end + 1])
			end++;
	while (slashes && end > start && text[end - 1] == '\\')
		end--;
	ret->start = start;
	ret->len = end - start;
}

/* --- the shapes ------------------------------------------------------------------------------------- */

/* Behind the // at ${at}, of a URL or a share: user:PASSWORD@host. */
static bool url_password(const char *text, size_t at, struct secret_span *ret)
{
	const char *user = text + at + 2;
	const char *host = memrchr(user, '@', strcspn(user, "/?# \t\n\"'"));
	const char *colon = host ? memchr(user, ':', (size_t)(host - user)) : NULL;

	if (!colon || host == colon + 1)
		return false;
	*ret = (struct secret_span){ .start = (size_t)(colon + 1 - text), .len = (size_t)(host - colon - 1) };
	return true;
}

/* The name that ends before ${at}, without dashes in front and a quote behind. */
static enum proof name_before(const char *text, size_t at, bool *quoted, struct secret_span *ret)
{
	size_t end = at, start;

	while (end > 0 && strchr(" \t", text[end - 1]))
		end--;
	*quoted = end > 0 && strchr("\"'", text[end - 1]);
	end -= *quoted;
	while (*quoted && end > 0 && text[end - 1] == '\\')
		end--;
	for (start = end; start > 0 && strchr(name_chars, text[start - 1]);)
		start--;
	while (start < end && text[start] == '-')
		start++;
	ret->name = text + start;
	ret->name_len = end - start;
	return proof_of(ret->name, ret->name_len);
}

/* At the = : password=VALUE, in mount options, URLs and on command lines. */
static bool option_value(const char *text, size_t at, struct secret_span *ret)
{
	bool quoted;
	enum proof proof = at > 0 && strchr(" \t", text[at - 1]) ? NOT_SECRET : name_before(text, at, &quoted, ret);

	value_at(text, at + 1, " \t\n,;&\"'", ret);
	return accept(proof, text, ret);
}

/* At the : of "name": "value", name: value, and of headers. An image's tag has neither quote nor blank beside it. */
static bool member_value(const char *text, size_t at, struct secret_span *ret)
{
	bool quoted;
	enum proof proof = name_before(text, at, &quoted, ret);
	size_t blanks = strspn(text + at + 1, " \t");
	bool header = ret->name_len == strlen("authorization") && strncasecmp(ret->name, "authorization", ret->name_len) == 0;
	static const char schemes[] = "Bearer Basic Token Digest ApiKey";

	if (proof == NOT_SECRET || (!quoted && blanks == 0 && !header && strncasecmp(ret->name, "x-", 2) != 0))
		return false;
	value_at(text, at + 1 + blanks, " \t\n,;&\"'}]", ret);
	if (has_word(schemes, text + ret->start, ret->len)) {
		size_t more = strspn(text + ret->start + ret->len, " \t");
		value_at(text, ret->start + ret->len + more, " \t\n,;\"'}]", ret);
	} else if (ret->len > 6 && (strncasecmp(text + ret->start, "bearer ", 7) == 0 || strncasecmp(text + ret->start, "basic ", 6) == 0)) {
		size_t scheme = strcspn(text + ret->start, " ") + 1;
		ret->start += scheme;
		ret->len -= scheme;
	}
	return accept(proof, text, ret);
}

static bool is_client(const char *context)
{
	static const char *const clients[] = { "mysql", "mariadb", "sshpass", "7z", "mycli" };

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		if (strstr(context, clients[i]))
			return true;
	return false;
}

/* -pVALUE: a password to some programs; to others a port, or an option of their own, which is all letters. */
static bool attached(const char *word, size_t len, const char *context, struct secret_span *ret)
{
	if (len < 3 || word[0] != '-' || word[1] != 'p' || word[2] == '=')
		return false;
	bool letters = true;
	for (size_t i = 2; i < len; i++)
		letters = letters && (islower((unsigned char)word[i]) || strchr("-_.", word[i]));
	if (memchr(word, '=', len) || strspn(word + 2, "0123456789:./") >= len - 2 || (!is_client(context) && (letters || len < 6)))
		return false;
	*ret = (struct secret_span){ .start = 2, .len = len - 2, .name = "-p", .name_len = 2 };
	return true;
}

/* user:PASSWORD, but not 1000:1000. */
static bool user_password(const char *value, size_t len, struct secret_span *ret)
{
	const char *colon = memchr(value, ':', len);

	if (!colon || colon + 1 == value + len || colon[1] == '/' || strspn(value, "0123456789:") >= len)
		return false;
	ret->start = (size_t)(colon + 1 - value);
	ret->len = len - ret->start;
	return true;
}

/* The value that follows the option as a word of its own, at ${at} of ${text}. */
static bool following(const char *option, size_t len, const char *text, size_t at, const char *context, struct secret_span *ret)
{
	size_t dashes = strspn(option, "-");

	if (dashes == 0 || dashes > 2 || dashes >= len || strspn(option, name_chars) < len || !text[at])
		return false;
	*ret = (struct secret_span){ .name = option + dashes, .name_len = len - dashes };
	value_at(text, at, " \t\n", ret);
	if (has_word("-u --user --proxy-user --basic-auth --auth --userpass", option, len)) {
		struct secret_span inner = *ret;
		if (user_password(text + ret->start, ret->len, &inner)) {
			ret->start += inner.start;
			ret->len = inner.len;
			return true;
		}
	}
	if (text[ret->start] == '-')
		return false;
	if (len == 2)
		return ret->len > 0 && ((option[1] == 'a' && strstr(context, "redis")) || (option[1] == 'p' && strstr(context, "sshpass")));
	return accept(proof_of(ret->name, ret->name_len), text, ret);
}

bool secret_pair(const char *option, const char *value, const char *context, struct secret_span *ret)
{
	return following(option, strlen(option), value, 0, context, ret);
}

/* -----BEGIN … PRIVATE KEY-----, up to its end or the string's. */
static bool private_key(const char *text, size_t at, struct secret_span *ret)
{
	static const char begin[] = "-----BEGIN ", mark[] = "PRIVATE KEY-----";
	const char *kind = starts_with(text + at, begin) ? strstr(text + at, mark) : NULL;

	if (!kind || kind - (text + at) > 40)
		return false;
	const char *body = kind + strlen(mark), *end = strstr(body, "-----END");
	*ret = (struct secret_span){ .start = (size_t)(body - text), .len = end ? (size_t)(end - body) : strlen(body),
		.name = "a private key", .name_len = strlen("a private key") };
	return ret->len > 0;
}

/* Tokens that say by their beginning what they are. */
static bool known_token(const char *text, size_t at, struct secret_span *ret)
{
	static const char *const begins[] = { "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_", "dckr_pat_", "eyJhbGciOi" };
	size_t len = strspn(text + at, name_chars);

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (starts_with(text + at, begins[i]) && len >= 20) {
			*ret = (struct secret_span){ .start = at, .len = len, .name = "a token", .name_len = strlen("a token") };
			return true;
		}
	return false;
}

/* What a word that begins at ${at} gives away, itself or of the next. */
static bool word_secret(const char *text, size_t at, const char *context, struct secret_span *ret)
{
	size_t len = strcspn(text + at, " \t\n\"'"), blanks = strspn(text + at + len, " \t");

	if (attached(text + at, len, context, ret)) {
		ret->start += at;
		return true;
	}
	if (blanks && following(text + at, len, text, at + len + blanks, context, ret))
		return true;
	return false;
}

bool secret_next(const char *text, size_t from, const char *context, struct secret_span *ret)
{
	for (size_t i = from; text[i]; i++) {
		bool begins = i == 0 || strchr(" \t\n\"'(;&|=:", text[i - 1]);
		if (starts_with(text + i, "//") && url_password(text, i, ret))
			return true;
		if (text[i] == '=' && option_value(text, i, ret))
			return true;
		if (text[i] == ':' && member_value(text, i, ret))
			return true;
		if (text[i] == '-' && private_key(text, i, ret))
			return true;
		if (begins && word_secret(text, i, context, ret))
			return true;
		if ((begins || text[i - 1] == '/') && known_token(text, i, ret))
			return true;
	}
	return false;
}
