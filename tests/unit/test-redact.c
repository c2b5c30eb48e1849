/* SPDX-License-Identifier: MIT */
/* Canaries: planted wherever a secret can stand, none of them may be in what comes out. */
#include "common/varlink.h"
#include "daemon/pure/redact.h"
#include "tests/unit/unit.h"

static char *redact(const char *text, struct strv *names)
{
	char *clean = redact_inspect(text, strlen(text), names);

	assert_non_null(clean);
	return clean;
}

/* In the document, single quotes stand for double ones. */
static char *redact_quoted(const char *text, struct strv *names)
{
	char *json CLEANUP(freep) = xstrdup(text);

	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	return redact(json, names);
}

static const char planted[] =
	"[{'Id':'0123456789','Name':'/shop-db-1','Path':'docker-entrypoint.sh',"
	"'Args':['--user','app','--password','canary-01','-pcanary-02','--api-key=canary-03'],"
	"'Config':{'Hostname':'db','Tty':false,'Image':'postgres:15','Env':["
	"'POSTGRES_PASSWORD=canary-01','mysql_pwd_pass=canary-02','ApiKey=canary-03','GITHUB_TOKEN=canary-04',"
	"'CLIENT_SECRET=canary-05','BASIC_AUTH=user:canary-06','aws_secret_access_key=can/ary+07==',"
	"'DATABASE_URL=postgres://app:canary-08@db:5432/x?sslmode=off','REDIS=redis://:canary-09@cache/0',"
	"'TWO=http://a:canary-10@h/ http://b:canary-11@h/','JAVA_OPTS=-Dx=1 -DkeyStorePassword=canary-12 -Dy=2',"
	"'DSN=host=db user=app password=canary-13 dbname=x','SECRET_JSON={\\'k\\':\\'canary-14\\'}',"
	"'MULTI_LINE_KEY=-----BEGIN\\ncanary-15\\n-----END','UNICODE_PASS=\xc3\xa4-canary-16','PLAIN=says canary-05 aloud',"
	"'SHORT_URL=ftp://u:c17@h/','TOKEN_WITH_EQUALS=a=b=canary-18','AUTH_ENABLED=true','FEATURE=true','EMPTY_KEY='],"
	"'Cmd':['sh','-c','mysql -pcanary-02 && echo can/ary+07=='],'Entrypoint':['/run','--secret=canary-19'],"
	"'Healthcheck':{'Test':['CMD-SHELL','curl -u user:canary-06 http://localhost/?token=canary-20&x=1']},"
	"'Labels':{'com.example.password':'canary-21','traefik.auth.users':'admin:canary-22','note':'uses canary-04',"
	"'Image':'canary-01 is here','canary-01':'as a name','url':'https://me:canary-23@example.org'}},"
	"'HostConfig':{'Binds':['/srv/postgres:/data'],'LogConfig':{'Type':'splunk','Config':{'splunk-token':'canary-24',"
	"'splunk-url':'https://x:canary-25@splunk'}},'Annotations':{'vault-secret':'canary-26'},"
	"'Mounts':[{'Type':'volume','Source':'data','VolumeOptions':{'DriverConfig':{'Name':'local','Options':"
	"{'type':'cifs','o':'addr=nas,username=u,password=canary-27,vers=3.0','device':'//u:canary-28@nas/x','api.key':'canary-29'}}}}]},"
	"'Mounts':[{'Type':'volume','Name':'data','Source':'/var/lib/docker/volumes/data/_data','Destination':'/data'}],"
	"'State':{'Pid':1234,'Running':true,'Health':{'Log':[{'Output':'denied for canary-01'}]}},"
	"'NetworkSettings':{'Networks':{'shop_default':{'DriverOpts':{'secret':'canary-30'},'Aliases':null}}}}]";

static void no_canary_comes_out(void **state)
{
	struct strv names CLEANUP(strv_done) = { 0 };
	char *clean CLEANUP(freep) = redact_quoted(planted, &names);
	static const char *const named[] = { "POSTGRES_PASSWORD", "mysql_pwd_pass", "ApiKey",
		"GITHUB_TOKEN", "CLIENT_SECRET", "BASIC_AUTH", "aws_secret_access_key",
		"SECRET_JSON", "MULTI_LINE_KEY", "UNICODE_PASS", "TOKEN_WITH_EQUALS",
		"com.example.password", "traefik.auth.users", "splunk-token", "vault-secret",
		"api.key", "password", "the password in a URL" };

	(void)state;
	for (int i = 1; i <= 30; i++) {
		char *canary CLEANUP(freep) = xasprintf("canary-%02d", i);
		if (strstr(clean, canary))
			fail_msg("%s came out", canary);
	}
	assert_null(strstr(clean, "ary+07"));
	assert_null(strstr(clean, "c17"));
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		if (!strv_has(&names, named[i]))
			fail_msg("%s is not named", named[i]);
	assert_false(strv_has(&names, "DATABASE_URL"));
}

static void the_rest_stays(void **state)
{
	static const char *const kept[] = { "\"Id\":\"0123456789\"", "/shop-db-1",
		"docker-entrypoint.sh", "postgres:15", "FEATURE=true",
		"POSTGRES_PASSWORD=" REDACTED,
		"postgres://app:" REDACTED "@db:5432/x?sslmode=off",
		"http://a:" REDACTED "@h/ http://b:" REDACTED "@h/",
		"-Dx=1 -DkeyStorePassword=" REDACTED " -Dy=2",
		"host=db user=app password=" REDACTED " dbname=x", "says " REDACTED " aloud",
		"-p" REDACTED, "addr=nas,username=u,password=" REDACTED ",vers=3.0",
		"token=" REDACTED "&x=1", "\"/srv/postgres:/data\"",
		"/var/lib/docker/volumes/data/_data", "1234", "\"Running\":true",
		"\"Aliases\":null", "\"" REDACTED "\":\"as a name\"", "shop_default" };
	char *clean CLEANUP(freep) = redact_quoted(planted, NULL);
	struct json_object *o CLEANUP(json_putp) = json_parse(clean, strlen(clean));

	(void)state;
	assert_non_null(o);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (!strstr(clean, kept[i]))
			fail_msg("%s is gone", kept[i]);
}

/* The commonest password of all is also an image, a user and half of every path. */
static void a_password_that_is_a_name(void **state)
{
	char *clean CLEANUP(freep) = redact_quoted(
		"{'Name':'/postgres','Image':'sha256:1','Config':{'Image':'postgres:15','Env':["
		"'POSTGRES_PASSWORD=postgres','API_PORT=8080'],'ExposedPorts':{'8080/tcp':{}}},"
		"'HostConfig':{'PortBindings':{'8080/tcp':[{'HostPort':'8080'}]}},"
		"'Mounts':[{'Destination':'/var/lib/postgresql/data'}],'Args':['postgres']}",
		NULL);

	(void)state;
	assert_non_null(strstr(clean, "postgres:15"));
	assert_non_null(strstr(clean, "/var/lib/postgresql/data"));
	assert_non_null(strstr(clean, "\"8080/tcp\""));
	assert_non_null(strstr(clean, "\"HostPort\":\"8080\""));
	assert_non_null(strstr(clean, "\"/postgres\""));
	assert_null(strstr(clean, "\"postgres\""));
	assert_null(strstr(clean, "=8080"));
}

static void overlapping_secrets(void **state)
{
	char *clean CLEANUP(freep) = redact_quoted(
		"{'Env':['A_KEY=abcdef','B_KEY=defghi','C_KEY=abcd','D_KEY=abc'],"
		"'Cmd':['abcdefghi','xabcdy','abc','a://u:abc@h','a://u@h','a://u:@h','http://h:80/x@y']}",
		NULL);

	(void)state;
	assert_null(strstr(clean, "def"));
	assert_null(strstr(clean, "abcd"));
	assert_non_null(strstr(clean, "\"" REDACTED "\""));
	assert_non_null(strstr(clean, "\"x" REDACTED "y\""));
	assert_non_null(strstr(clean, "\"abc\"")); /* too short to be blanked everywhere */
	assert_non_null(strstr(clean, "a://u:" REDACTED "@h"));
	assert_non_null(strstr(clean, "\"a://u@h\""));
	assert_non_null(strstr(clean, "\"a://u:@h\""));
	assert_non_null(strstr(clean, "http://h:80/x@y"));
}

static void volumes_and_oddities(void **state)
{
	struct strv names CLEANUP(strv_done) = { 0 };
	char *clean CLEANUP(freep) = redact_quoted(
		"{'Name':'data','Driver':'local','Options':{'o':'pass=x1,secret=,sec=ntlm'},'Labels':null}",
		&names);
	char *empty CLEANUP(freep) = redact("{}", NULL);
	char *odd CLEANUP(freep) = redact_quoted(
		"[null,1,1.5,true,'x',{'Env':[1,null,'NOEQUALS','=KEY']},{'Labels':{'key':1}},{'Env':null}]",
		NULL);

	(void)state;
	assert_non_null(strstr(clean, "pass=" REDACTED ",secret=,sec=ntlm"));
	assert_true(strv_has(&names, "pass"));
	assert_int_equal(names.n, 1);
	assert_non_null(strstr(odd, "NOEQUALS"));
	assert_non_null(strstr(odd, "\"key\":1"));
	assert_string_equal(empty, "{\n}");
	assert_null(redact_inspect("{", 1, NULL));
	assert_null(redact_inspect("", 0, NULL));
}

static void secret_names(void **state)
{
	static const char *const secret[] = { "PASS", "pgpassword", "x_Secret", "APIURL",
		"oauth", "monkey", "Tokens" };
	static const char *const open[] = { "", "PATH", "USER", "PAS", "LANG", "TZ" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		assert_true(redact_is_secret_name(secret[i]));
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		assert_false(redact_is_secret_name(open[i]));
}

/* What a string gives away by itself, and what it does not: S stands for the secret, where there is one. */
static const char *const strings[][2] = {
	{ "mysqladmin ping -pS3cret_x1", "mysqladmin ping -p*" },
	{ "mysqladmin ping -psecretword", "mysqladmin ping -p*" },
	{ "app -pS3cret_x1 run", "app -p* run" },
	{ "find / -print -path /x -perm 644", NULL },
	{ "docker run -p8080:80 -p 80:80 x", NULL },
	{ "cp -pr a b; tar -pxf c; mkdir -p /data/x", NULL },
	{ "app --api-key S3cret_x1 --port 80", "app --api-key * --port 80" },
	{ "app --api-key=S3cret_x1,b", "app --api-key=*,b" },
	{ "app --password 'a b c' x", "app --password '*' x" },
	{ "app --password=\"a b\" x", "app --password=\"*\" x" },
	{ "app --password-file /run/secrets/x --token-ttl 30m", NULL },
	{ "app --tls-key /certs/server.key --auth none --key server.pem", NULL },
	{ "app --auth-mode ldap --key-id AKIAX --keyspace shop", NULL },
	{ "redis-cli -a S3cret ping", "redis-cli -a * ping" },
	{ "redis-server --requirepass S3cret", "redis-server --requirepass *" },
	{ "ls -a data", NULL },
	{ "curl -u admin:S3cret http://localhost/", "curl -u admin:* http://localhost/" },
	{ "run --user 1000:1000 x", NULL },
	{ "sshpass -p S3cret ssh host", "sshpass -p * ssh host" },
	{ "curl -H 'Authorization: Bearer abc.def' x", "curl -H 'Authorization: Bearer *' x" },
	{ "curl -H \"Authorization: Basic dXNlcjpw\" x", "curl -H \"Authorization: Basic *\" x" },
	{ "curl -H 'X-Api-Key:S3cret' -H 'Accept: text/html' x", "curl -H 'X-Api-Key:*' -H 'Accept: text/html' x" },
	{ "{\"user\":\"a\",\"password\":\"S3,c\\\"ret\",\"n\":1}", "{\"user\":\"a\",\"password\":\"*\",\"n\":1}" },
	{ "{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpw\"}}}", "{\"auths\":{\"r.example\":{\"auth\":\"*\"}}}" },
	{ "[{\\\"apiKey\\\": \\\"S3cret\\\", \\\"a\\\": 1}]", "[{\\\"apiKey\\\": \\\"*\\\", \\\"a\\\": 1}]" },
	{ "{password: S3cret, host: db}", "{password: *, host: db}" },
	{ "redis://:S3cret@cache:6379/0", "redis://:*@cache:6379/0" },
	{ "https://h/x?api_key=S3cret&y=1", "https://h/x?api_key=*&y=1" },
	{ "addr=nas,username=u,password=S3cret,credentials=S3cret2", "addr=nas,username=u,password=*,credentials=*" },
	{ "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\n",
		"-----BEGIN RSA PRIVATE KEY-----*-----END RSA PRIVATE KEY-----\n" },
	{ "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n", NULL },
	{ "git clone https://ghp_0123456789abcdefghij@github.com/a/b", "git clone https://*@github.com/a/b" },
	{ "registry.example/token-server:1.2", NULL },
	{ "secret-data:/data:ro", NULL },
	{ "traefik.http.routers.auth.rule=Host(`auth.example.org`)", "traefik.http.routers.auth.rule=Host(`auth.example.org`)" },
	{ "--requirepass --save 60", NULL },
	{ "the password: see the vault", "the password: * the vault" }, /* better one word too many */
};

static void strings_give_themselves_away(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct json_object *o CLEANUP(json_putp) = json_object_new_object();
		json_object_object_add(o, "Text", json_object_new_string(strings[i][0]));
		const char *text = json_object_to_json_string(o);
		char *clean CLEANUP(freep) = redact_inspect(text, strlen(text), NULL);
		struct json_object *back CLEANUP(json_putp) = json_parse(clean, strlen(clean));
		struct buf wanted CLEANUP(buf_done) = { 0 };
		for (const char *p = strings[i][1] ? strings[i][1] : strings[i][0]; *p; p++)
			buf_puts(&wanted, *p == '*' ? REDACTED : (char[]){ *p, 0 });
		if (!streq(json_text(back, "Text"), wanted.data))
			fail_msg("%s became %s", strings[i][0], json_text(back, "Text"));
	}
}

/* A value as a word of its own, and what it means by the words before it; then it is blanked wherever it stands. */
static void words_of_commands(void **state)
{
	char *clean CLEANUP(freep) = redact_quoted(
		"{'Config':{'Entrypoint':['/app','--api-key','canary-1','-k','x'],'Cmd':['mysqld','-pcanary2','--user','root:canary-3','--port','8080'],"
		"'Healthcheck':{'Test':['CMD','redis-cli','-a','canary-4','ping']},'Labels':{'note':'it is canary-1',"
		"'cfg':'{\\\"db\\\":{\\\"password\\\":\\\"canary-5\\\"}}'},'Env':['CONF={\\\"smtp\\\":{\\\"pass\\\":\\\"canary-6\\\",\\\"host\\\":\\\"mail\\\"}}',"
		"'ARGS=--token canary-7 --path /srv']},'Args':['--secret','canary-8','--auth','none','--key','/k.pem'],'HostConfig':{'Binds':['secret:/s']}}",
		NULL);
	static const char *const kept[] = { "\"--port\"", "\"8080\"", "\"root:" REDACTED "\"", "\"-p" REDACTED "\"", "\"ping\"", "mail", "--path /srv",
		"\"none\"", "\"/k.pem\"", "secret:/s" };

	(void)state;
	assert_null(strstr(clean, "canary"));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (!strstr(clean, kept[i]))
			fail_msg("%s is gone from %s", kept[i], clean);
}

static void env_files(void **state)
{
	static const char text[] =
		"# the shop\r\nPLAIN=visible\nexport DB_PASSWORD=\"canary\ntwo\"\n#OLD_TOKEN=canary-old\n"
		"URL=postgres://u:canary-url@db/x\nCOPY=xcanary-oldx\nAUTH_ENABLED=true\nFLAG=true\nEMPTY_KEY=\n";
	struct strv names CLEANUP(strv_done) = { 0 };
	char *clean CLEANUP(freep) = redact_env_file(text, strlen(text), &names);
	char *none CLEANUP(freep) = redact_env_file("", 0, NULL);
	char *with_nul CLEANUP(freep) = redact_env_file("A_KEY=canary\0B_KEY=canary", 26, NULL);

	(void)state;
	assert_string_equal(clean,
		"# the shop\r\nPLAIN=visible\nexport DB_PASSWORD=" REDACTED "\n#OLD_TOKEN=" REDACTED "\n"
		"URL=postgres://u:" REDACTED "@db/x\nCOPY=x" REDACTED "x\nAUTH_ENABLED=" REDACTED "\nFLAG=true\nEMPTY_KEY=\n");
	assert_int_equal(names.n, 4);
	assert_string_equal(none, "");
	assert_null(strstr(with_nul, "canary"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(env_files),
		cmocka_unit_test(no_canary_comes_out),
		cmocka_unit_test(the_rest_stays),
		cmocka_unit_test(a_password_that_is_a_name),
		cmocka_unit_test(overlapping_secrets),
		cmocka_unit_test(volumes_and_oddities),
		cmocka_unit_test(secret_names),
		cmocka_unit_test(strings_give_themselves_away),
		cmocka_unit_test(words_of_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
