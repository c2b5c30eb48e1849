/* SPDX-License-Identifier: MIT */
/* From inspects to docker's words. That docker makes the same from them is shown end to end. */
#include "tests/unit/inventory-fixture.h"

#include "daemon/pure/recreate.h"
#include "daemon/pure/redact.h"

static struct json_object *json(const char *quoted)
{
	char *text CLEANUP(freep) = xstrdup(quoted);

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	struct json_object *o = json_parse(text, strlen(text));
	assert_non_null(o);
	return o;
}

static void check(const struct strv *got, const char *const *want, size_t n)
{
	for (size_t i = 0; i < n || i < got->n; i++)
		if (i >= n || i >= got->n || !streq(got->v[i], want[i]))
			fail_msg("word %zu: %s instead of %s", i, i < got->n ? got->v[i] : "(none)", i < n ? want[i] : "(none)");
}
#define CHECK(got, ...)                                                    \
	do {                                                               \
		static const char *const want_[] = { __VA_ARGS__ };        \
		check(&(got), want_, ARRAY_SIZE(want_));                   \
	} while (0)

static void a_plain_container(void **state)
{
	struct json_object *o CLEANUP(json_putp) = json(
		"{'Id':'0123456789abcdef','Name':'/web','State':{'Status':'running'},'Config':{'Hostname':'0123456789ab','Image':'bb:1',"
		"'Cmd':['sh','-c','a b'],'Env':['A=b c','DB_PASSWORD=" REDACTED "','my.key=" REDACTED "','NONE']},"
		"'HostConfig':{'NetworkMode':'default','ShmSize':67108864,'IpcMode':'private','Runtime':'runc','RestartPolicy':{'Name':'no'},"
		"'LogConfig':{'Type':'json-file','Config':{}},'MemorySwappiness':null,'MaskedPaths':['/x']},"
		"'NetworkSettings':{'Networks':{'bridge':{'Aliases':null}}}}");
	struct recreate r;

	(void)state;
	recreate_container(o, NULL, &r);
	CHECK(r.words, "run", "-d", "--name=web", "--env=A=b c", "--env=DB_PASSWORD", "--env=my.key=" REDACTED, "--env=NONE", "bb:1", "sh", "-c", "a b");
	CHECK(r.needs, "DB_PASSWORD");
	assert_int_equal(r.unsaid.n, 0);
	assert_false(r.start);
	recreate_done(&r);
}

static void everything_that_can_be_said(void **state)
{
	struct json_object *o CLEANUP(json_putp) = json(
		"{'Id':'0123456789abcdef','Name':'/web','State':{'Status':'exited'},'Config':{'Hostname':'h','Domainname':'d','User':'1:2','Image':'i',"
		"'WorkingDir':'/w','Tty':true,'OpenStdin':true,'Labels':{'a':'b c'},'ExposedPorts':{'1/tcp':{}},'StopSignal':'SIGINT','StopTimeout':0,"
		"'MacAddress':'02:42:ac:11:00:02','Entrypoint':['e','f'],'Cmd':['c'],"
		"'Healthcheck':{'Test':['CMD-SHELL','x y'],'Interval':1000000000,'Timeout':2000000000,'StartPeriod':3,'StartInterval':4,'Retries':5}},"
		"'HostConfig':{'NetworkMode':'n1','RestartPolicy':{'Name':'on-failure','MaximumRetryCount':3},'AutoRemove':true,"
		"'LogConfig':{'Type':'json-file','Config':{'max-size':'1m'}},'PortBindings':{'80/tcp':[{'HostIp':'127.0.0.1','HostPort':'8080'},"
		"{'HostIp':'','HostPort':'81'},{'HostIp':'::1','HostPort':'82'},{}],'53/udp':null},'CapAdd':['A'],'CapDrop':['B'],'Dns':['1.1.1.1'],"
		"'ExtraHosts':['x:1'],'GroupAdd':['5'],'IpcMode':'host','PidMode':'container:PID','Privileged':true,'ReadonlyRootfs':true,'Init':true,"
		"'SecurityOpt':['no-new-privileges','seccomp={}'],'Sysctls':{'s':'1'},'NanoCpus':1500000000,'Memory':1024,'MemorySwappiness':0,'PidsLimit':7,"
		"'Ulimits':[{'Name':'nofile','Soft':1,'Hard':2}],'Devices':[{'PathOnHost':'/dev/a','PathInContainer':'/dev/b','CgroupPermissions':'r'}],"
		"'BlkioDeviceReadBps':[{'Path':'/dev/c','Rate':9}],'BlkioWeightDevice':[{'Path':'/dev/c','Weight':8}],'Links':['/db:/web/alias','odd'],"
		"'Tmpfs':{'/t':'size=1m','/u':''},'UTSMode':'','DeviceRequests':[{'Count':-1}],'MaskedPaths':[],'New':{'x':1},'Old':0},"
		"'NetworkSettings':{'Networks':{'n1':{'Aliases':['al','0123456789ab'],'IPAMConfig':{'IPv4Address':'10.0.0.2','IPv6Address':'fd::2'}},"
		"'n2':{'Aliases':['b'],'DriverOpts':{'o':'v'}}}}}");
	struct inventory *inv = host_new(NULL);
	struct recreate r;

	(void)state;
	ADD(inv, .name = "other");
	free(inv->containers[0].id);
	inv->containers[0].id = xstrdup("PID");
	recreate_container(o, inv, &r);
	CHECK(r.words, "create", "--name=web", "--hostname=h", "--network=n1", "--ip=10.0.0.2", "--ip6=fd::2", "--network-alias=al", "--domainname=d",
		"--user=1:2", "--expose=1/tcp", "--tty", "--interactive", "--workdir=/w", "--mac-address=02:42:ac:11:00:02", "--label=a=b c",
		"--stop-signal=SIGINT", "--stop-timeout=0", "--health-cmd=x y", "--health-interval=1000000000ns", "--health-timeout=2000000000ns",
		"--health-start-period=3ns", "--health-start-interval=4ns", "--health-retries=5", "--entrypoint=e", "--log-driver=json-file",
		"--log-opt=max-size=1m", "--publish=127.0.0.1:8080:80/tcp", "--publish=81:80/tcp", "--publish=[::1]:82:80/tcp", "--publish=80/tcp",
		"--restart=on-failure:3", "--rm", "--cap-add=A", "--cap-drop=B", "--dns=1.1.1.1", "--add-host=x:1", "--group-add=5", "--ipc=host",
		"--link=db:alias", "--link=odd", "--pid=container:other", "--privileged", "--read-only", "--security-opt=no-new-privileges", "--sysctl=s=1",
		"--memory=1024", "--cpus=1.500000000", "--blkio-weight-device=/dev/c:8", "--device-read-bps=/dev/c:9", "--device=/dev/a:/dev/b:r",
		"--memory-swappiness=0", "--pids-limit=7", "--ulimit=nofile=1:2", "--tmpfs=/t:size=1m", "--tmpfs=/u", "--init", "i", "f", "c");
	assert_int_equal(r.n_connects, 1);
	CHECK(r.connects[0], "network", "connect", "--alias=b", "--driver-opt=o=v", "--", "n2", "web");
	CHECK(r.unsaid, "HostConfig.SecurityOpt: a seccomp profile, to be put into a file: seccomp={}", "HostConfig.DeviceRequests: [{\"Count\":-1}]",
		"HostConfig.New: {\"x\":1}");
	assert_false(r.start);
	recreate_done(&r);
	inventory_free(inv);
}

static void mounts(void **state)
{
	struct json_object *o CLEANUP(json_putp) = json(
		"{'Id':'a','Name':'/w','Mounts':[{'Type':'volume','Name':'v','Source':'/x','Destination':'/d','RW':true,'Mode':'z'},"
		"{'Type':'bind','Source':'/a,b\\\"c','Destination':'/e','RW':false,'Mode':'ro,Z','Propagation':'rshared'},"
		"{'Type':'tmpfs','Destination':'/t'},{'Type':'volume','Name':'w','Destination':'/s'},{'Type':'bind','Source':'/n','Destination':'/n','Propagation':'rprivate'},"
		"{'Type':'image','Destination':'/i'},{}],"
		"'HostConfig':{'Mounts':[{'Target':'/t','TmpfsOptions':{'SizeBytes':4096,'Mode':493}},{'Target':'/s','VolumeOptions':{'NoCopy':true,'Subpath':'p'}},"
		"{'Target':'/n','BindOptions':{'NonRecursive':true}}]}}");
	struct recreate r;

	(void)state;
	recreate_container(o, NULL, &r);
	CHECK(r.words, "create", "--name=w", "--mount=type=volume,source=v,target=/d", "--mount=type=bind,\"source=/a,b\"\"c\",target=/e,readonly,bind-propagation=rshared",
		"--mount=type=tmpfs,target=/t,tmpfs-size=4096,tmpfs-mode=755", "--mount=type=volume,source=w,target=/s,volume-nocopy,volume-subpath=p",
		"--mount=type=bind,source=/n,target=/n,bind-nonrecursive", "");
	assert_int_equal(r.unsaid.n, 3);
	assert_non_null(strstr(r.unsaid.v[0], "SELinux label \"ro,Z\" of the mount at /e"));
	recreate_done(&r);
}

static void health_networks_and_states(void **state)
{
	static const struct {
		const char *inspect, *has, *has_not;
		bool run, start;
	} table[] = {
		{ "{'Config':{'Healthcheck':{'Test':['NONE']}},'State':{'Status':'paused'}}", "--no-healthcheck", NULL, true, false },
		{ "{'Config':{'Healthcheck':{'Test':['CMD','a b','c']}}}", "--health-cmd='a b' 'c'", NULL, false, false },
		{ "{'HostConfig':{'NetworkMode':'host'},'NetworkSettings':{'Networks':{'host':{}}},'Config':{'Hostname':'thehost'}}", "--network=host", "--hostname=thehost", false, false },
		{ "{'HostConfig':{'NetworkMode':'container:gone'}}", "--network=container:gone", NULL, false, false },
		{ "{'HostConfig':{'NetworkMode':'NETID'},'NetworkSettings':{'Networks':{'name':{'Aliases':['x']}}}}", "--network-alias=x", NULL, false, false },
		{ "{'State':{'Status':'running'},'NetworkSettings':{'Networks':{'bridge':{},'more':{}}}}", "create", "run", false, true },
		{ "{'HostConfig':{'IpcMode':'shareable'}}", "create", "--ipc=shareable", false, false },
		{ "{'HostConfig':{'RestartPolicy':{'Name':'always'}}}", "--restart=always", NULL, false, false },
		{ "{'Config':{'Entrypoint':['']}}", "--entrypoint=", NULL, false, false },
		{ "{'HostConfig':{'MaskedPaths':[]}}", "--security-opt=systempaths=unconfined", NULL, false, false },
		{ "{'Config':[],'HostConfig':'x','NetworkSettings':{'Networks':[]},'Mounts':{},'Name':1}", "create", NULL, false, false },
		{ "{'HostConfig':{'PortBindings':[],'Tmpfs':[],'Devices':{},'Ulimits':1,'Links':'x','LogConfig':1,'RestartPolicy':[],'Sysctls':1,'CapAdd':'x'}}", "create", NULL, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct json_object *o CLEANUP(json_putp) = json(table[i].inspect);
		struct recreate r;
		recreate_container(o, NULL, &r);
		if (!strv_has(&r.words, table[i].has) || (table[i].has_not && strv_has(&r.words, table[i].has_not)))
			fail_msg("%s", table[i].inspect);
		assert_int_equal(streq(r.words.v[0], "run"), table[i].run);
		assert_int_equal(r.start, table[i].start);
		recreate_done(&r);
	}
}

static void networks_and_volumes(void **state)
{
	struct json_object *network CLEANUP(json_putp) = json(
		"{'Name':'n et','Driver':'bridge','Internal':true,'Attachable':true,'EnableIPv6':true,'IPAM':{'Driver':'x','Options':{'a':'b'},"
		"'Config':[{'Subnet':'10.0.0.0/24','Gateway':'10.0.0.1','IPRange':'10.0.0.128/25','AuxiliaryAddresses':{'h':'10.0.0.5'}},{'Subnet':'fd::/64'}]},"
		"'Options':{'com.docker.network.bridge.name':'br9'},'Labels':{'l':'m n'},'ConfigFrom':{'Network':''}}");
	struct json_object *volume CLEANUP(json_putp) = json("{'Name':'v','Driver':'local','Options':{'type':'nfs','o':'pw=x'},'Labels':null}");
	struct json_object *nothing CLEANUP(json_putp) = json("{}");
	struct strv words CLEANUP(strv_done) = { 0 }, more CLEANUP(strv_done) = { 0 }, none CLEANUP(strv_done) = { 0 };

	(void)state;
	recreate_network(network, &words);
	CHECK(words, "network", "create", "--driver=bridge", "--internal", "--attachable", "--ipv6", "--ipam-driver=x", "--ipam-opt=a=b",
		"--subnet=10.0.0.0/24", "--ip-range=10.0.0.128/25", "--gateway=10.0.0.1", "--aux-address=h=10.0.0.5", "--subnet=fd::/64",
		"--opt=com.docker.network.bridge.name=br9", "--label=l=m n", "--", "n et");
	recreate_volume(volume, &more);
	CHECK(more, "volume", "create", "--opt=type=nfs", "--opt=o=pw=x", "--", "v");
	recreate_volume(nothing, &none);
	recreate_network(nothing, &none);
	CHECK(none, "volume", "create", "--", "", "network", "create", "--", "");
}

/* What real engines say is said again without a remainder. */
static void real_inspects(void **state)
{
	static const char *const fixtures[] = { "container-shop-db-1.json", "container-shop-web-1.json", "container-vpn.json",
		"container-side.json", "container-nfsuser.json", "container-weird.json" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		char *text CLEANUP(freep) = data_read(fixtures[i]);
		struct json_object *o CLEANUP(json_putp) = json_parse(text, strlen(text));
		struct recreate r;
		recreate_container(o, NULL, &r);
		for (size_t j = 0; j < r.unsaid.n; j++)
			print_message("%s: %s\n", fixtures[i], r.unsaid.v[j]);
		assert_int_equal(r.unsaid.n, 0);
		recreate_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_container),
		cmocka_unit_test(everything_that_can_be_said),
		cmocka_unit_test(mounts),
		cmocka_unit_test(health_networks_and_states),
		cmocka_unit_test(networks_and_volumes),
		cmocka_unit_test(real_inspects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
