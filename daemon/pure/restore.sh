
# place VOLUME: where docker keeps it.
place() { docker volume inspect -f '{{or (index .Options "device") .Mountpoint}}' -- "$1"; }

# safe_place: the safety copies lie where nobody but root can exchange what is on the way.
safe_place() {
	if [ -z "${SAFETY:-}" ]; then
		SAFETY=$(mktemp -d "/var/tmp/kopi-docka-safety-$(date +%Y%m%dT%H%M%S)-XXXXXX") || die 'cannot make a directory in /var/tmp: set SAFETY'
	fi
	mkdir -p -- "$SAFETY" || die "cannot make $SAFETY"
	above=$(cd -P -- "$SAFETY" && pwd) || die "cannot go to $SAFETY"
	SAFETY=$above
	while :; do
		case $(stat -c %u:%A -- "${above:-/}") in
		"0:d"????-??-? | "$me:d"????-??-? | "0:d"????????[tT]) ;;
		*) die "SAFETY=$SAFETY: others than root can change ${above:-/}; name a directory where only root can" ;;
		esac
		[ -n "$above" ] || break
		above=${above%/*}
	done
	for tar in "$SAFETY"/item-*.tar; do
		[ ! -e "$tar" ] || die "$tar is there already: choose another SAFETY"
	done
}

# target DIR: what is restored there is root's until the admin says otherwise.
target() {
	(
		way "$1" make || exit 1
		[ -e "./$name" ] || mkdir -m 700 -- "./$name" || exit 1
		step "$name" && closed && chmod 700 . || refuse "$1 is a directory that others than root can change"
	) || die "nothing was restored"
}

# --- the containers ----------------------------------------------------------------------------------

# stop N NAME: what it did before is noted first.
stop() {
	state=$(docker inspect --type container -f '{{.State.Status}}' -- "$2") || { refuse "cannot ask for $2" || failed=1; return; }
	case $state in
	running | restarting | paused) ;;
	*) say "$2 does not run, and is left so"; return ;;
	esac
	printf '%s' "$state" >"$work/was.$1"
	docker stop -- "$2" >/dev/null || { refuse "cannot stop $2" || failed=1; }
}

# start N NAME: if it was stopped here; paused again if it was paused.
start() {
	[ -e "$work/was.$1" ] || return 0
	docker start -- "$2" >/dev/null || { refuse "cannot start $2" || failed=1; return; }
	[ "$(cat "$work/was.$1")" != paused ] || docker pause -- "$2" >/dev/null || { refuse "cannot pause $2 again" || failed=1; }
}

# --- before anything is stopped ----------------------------------------------------------------------

# escaped PATH: as mountinfo writes it.
escaped() { printf '%s\n' "$1" | sed -e 's/\\/\\134/g' -e 's/ /\\040/g' -e 's/	/\\011/g'; }

# mount_of MOUNTINFO PATH: the filesystem and the directory in it that stand at PATH, by the kernel's own list.
mount_of() {
	P=$(escaped "$2") awk '{ m = $5 == "/" ? "" : $5
		if (index(ENVIRON["P"] "/", m "/") == 1 && length(m) >= n) { n = length(m); dev = $3; top = $4 == "/" ? "" : $4 } }
		END { print dev, top substr(ENVIRON["P"], n + 1) }' "$1"
}

# shown REAL SOURCE: is REAL what a running container has mounted for SOURCE, which is a word of docker's templates?
shown() {
	for container in $(docker ps -q --no-trunc); do
		docker inspect --type container -f "{{range .Mounts}}{{if eq .Source \"$2\"}}{{println \$.State.Pid .Destination}}{{end}}{{end}}" \
			-- "$container"
	done >"$work/mounts" 2>/dev/null
	while read -r pid destination; do
		[ -z "$pid" ] || [ "$(mount_of "/proc/$pid/mountinfo" "$destination")" != "$(mount_of /proc/self/mountinfo "$1")" ] || return 0
	done <"$work/mounts"
	return 1
}

# inner: what is mounted in the working directory or is a subvolume there, a relative path a line; "." itself.
inner() {
	here=$(pwd -P && printf .) || return 1
	here=${here%??}
	[ "$(stat -c %d .)" = "$(stat -c %d ..)" ] || echo .
	H=$(escaped "$here") awk '$5 == ENVIRON["H"] { print "." }
		index($5, ENVIRON["H"] "/") == 1 { print substr($5, length(ENVIRON["H"]) + 2) }' /proc/self/mountinfo |
		sed -e 's/\\040/ /g' -e 's/\\011/	/g' -e 's/\\134/\\/g'
	[ "$(stat -f -c %T .)" != btrfs ] || find . -xdev -mindepth 1 -type d -inum 256 -print | sed 's|^\./||'
}

# look N PATH [SOURCE]: can it be replaced; which file is it now; what a safety copy of it takes, in KiB.
look() {
	[ -n "$2" ] || die 'docker does not say where a volume is'
	path=$2
	if ! (way "$path" || [ $? = 2 ]) 2>"$work/why"; then
		path=$(readlink -f -- "$2" && printf .) || path=
		path=${path%??}
		if [ -z "${3:-}" ] || [ -z "$path" ] || ! shown "$path" "$3" || ! (way "$path") 2>/dev/null; then
			cat "$work/why" >&2
			die "$2 is not what its containers have mounted, or none of them runs to show it: nothing was stopped or changed"
		fi
		say "$2 leads to $path, and so it is mounted"
	fi
	printf '%s' "$path" >"$work/path.$1"
	: >"$work/inner.$1"
	(measure "$1") || die "$2: nothing was stopped or changed"
	needed=$((needed + $(cat "$work/kib") + 1024))
}

# leave_what_is N ID PATH: containers only read it: it is put back where nothing is.
leave_what_is() {
	[ -e "$3" ] || [ -L "$3" ] || return 1
	say "not put back, it is there and its containers only read it: $2"
	: >"$work/left.$1"
}

measure() {
	echo 0 >"$work/kib"
	echo none >"$work/id.$1"
	way "$path" || { [ $? = 2 ]; return; }
	[ -e "./$name" ] || return 0
	id_of "./$name" >"$work/id.$1"
	if [ -d "./$name" ]; then
		step "$name" || { refuse "$path is not the directory that it was"; return 1; }
		inner | sort -u >"$work/inner.$1"
		while IFS= read -r one; do
			[ -e "./$one" ] || { refuse "$path: what is mounted at $one cannot be told"; return 1; }
		done <"$work/inner.$1"
		du -skx . | cut -f 1 | head -n 1 >"$work/kib"
	elif [ -f "./$name" ]; then
		here=$(pwd -P)
		! H=$(escaped "${here%/}/$name") awk '$5 == ENVIRON["H"] { n++ } END { exit !n }' /proc/self/mountinfo ||
			{ refuse "$path is a file that is mounted by itself, and cannot be exchanged"; return 1; }
		du -skx -- "./$name" | cut -f 1 | head -n 1 >"$work/kib"
	else
		refuse "$path is neither a directory nor a file"
	fi
}

# --- the safety copy, and the new data ---------------------------------------------------------------

# at N: into the directory that has item N.
at() { path=$(cat "$work/path.$1" && printf .) && path=${path%.} && way "$path" make; }

# same N: what is there is what was looked at, or what came with the item around this one.
same() {
	[ ! -e "$work/nested.$1" ] || return 0
	id=$(id_of "./$name") || id=none
	[ "$id" = "$(cat "$work/id.$1")" ] || refuse "$path is not what it was when this began; it is left as it is"
}

# keep N: the safety copy of what is there now. Nothing is replaced without it.
keep() {
	[ ! -e "$work/left.$1" ] || return 0
	(
		at "$1" && same "$1" || exit 1
		[ -e "./$name" ] || exit 0
		say "safety copy of $path -> $SAFETY/item-$1.tar"
		what=./$name under=
		if [ -d "$what" ]; then # from inside, but named as from its directory
			step "$name" || exit 1
			what=. under=./$(printf '%s' "$name" | sed -e 's/[\\&,]/\\&/g')
		fi
		set -C
		tar -cf - ${under:+--transform "s,^\.,$under,S"} --numeric-owner --xattrs --xattrs-include='*' --sparse --format=posix --one-file-system \
			-- "$what" >"$SAFETY/item-$1.tar"
	) || die "no safety copy of $(cat "$work/path.$1"): nothing was replaced"
}

# extract OBJECT/FILE: into the working directory; fails if either program does. Prints the archive's first name.
extract() {
	{
		kopia --config-file="$KOPIA_CONFIG" --no-auto-maintenance show "$1"
		printf '%s' "$?" >"$work/kopia"
	} | {
		tar -xpvf - --no-unquote --numeric-owner --xattrs --xattrs-include='*' --delay-directory-restore --warning=no-timestamp
		printf '%s' "$?" >"$work/tar"
	} | sed -n 1p
	[ "$(cat "$work/kopia")$(cat "$work/tar")" = 00 ]
}

# nested N: the item around it was exchanged, so what is there now is looked at anew.
nested() {
	[ ! -e "$work/left.$1" ] || return 0
	path=$(cat "$work/path.$1" && printf .) && path=${path%.}
	(measure "$1") || die "$path was not restored"
	: >"$work/nested.$1"
}

# bring N OBJECT/FILE: laid out whole where nobody else can write, then exchanged for what is there.
bring() {
	[ ! -e "$work/left.$1" ] || return 0
	(
		at "$1" && same "$1" || exit 1
		if [ -s "$work/inner.$1" ]; then fill "$1" "$2"; else swap "$1" "$2"; fi
	) || die "$(cat "$work/path.$1") was not restored"
}

# unpack N OBJECT/FILE: to ./new of the room; ${new} is what takes the place, of a single file that file.
unpack() {
	mkdir -m 700 new && first=$(cd -P new && extract "$2") || return 1
	new=./new
	if [ "$first" != ./ ]; then
		for new in ./new/* ./new/.[!.]* ./new/..?*; do [ ! -e "$new" ] || break; done
	fi
	[ -e "$new" ] && id_of "$new" >"$work/new.$1"
}

# The old goes to the room and the new comes from there: both by their names, from inside the room.
swap() {
	room "$room-$1" && id_of . >"$work/room.$1" && unpack "$1" "$2" || return 1
	touch -r "$new" stamp
	[ ! -e "../$name" ] || mv -T -- "../$name" ./data || return 1
	mv -T -- "$new" "../$name" || return 1
	if [ "$new" = ./new ]; then # the move may have touched it
		(exec 3<stamp; cd -P .. && step "$name" && [ "$(id_of .)" = "$(cat "$work/new.$1")" ] && touch -r /dev/fd/3 .) || return 1
	fi
	rm -rf -- ./stamp ./new
}

# --- an item that is mounted, or in which something is: entry by entry around that -----------------------

# levels N: the item's directories that stay because something in them is mounted, outer first: NUMBER/PATH.
levels() {
	awk -F/ '{ p = ""; for (i = 1; i < NF; i++) { p = p (i > 1 ? "/" : "") $i; print p } }' "$work/inner.$1" |
		{ echo .; sort -u; } | awk '{ print NR "/" $0 }'
}

# inside PATH: step by step.
inside() {
	left=$1/
	while [ -n "$left" ]; do
		part=${left%%/*} left=${left#*/}
		[ "$part" = . ] || step "$part" || return 1
	done
}

attributes() { tar -cf - --format=posix --no-recursion --numeric-owner --xattrs --xattrs-include='*' .; }

# give TAR: the working directory gets the attributes that are in that tar, and loses others.
give() {
	plain || return 1
	if command -v getfattr >/dev/null && command -v setfattr >/dev/null; then
		getfattr -h -m '^(user|trusted)\.' . 2>/dev/null | sed -n -e '/^user\./p' -e '/^trusted\./p' |
			while IFS= read -r attribute; do setfattr -h -x "$attribute" .; done
	elif attributes | grep -aq -e 'SCHILY\.xattr\.user\.' -e 'SCHILY\.xattr\.trusted\.'; then
		say "note: extended attributes that $(pwd -P) had and the backup has not stay: setfattr is not installed"
	fi
	tar -xpf "$1" --numeric-owner --xattrs --xattrs-include='*' --warning=no-timestamp
}

# stays N LEVEL NAME: it is mounted, leads to what is, or is not the item's.
stays() {
	case $2:$3 in
	".:$room-$1" | .:lost+found) return 0 ;;
	.:.kopi-docka-old.* | .:.kopi-docka-kept | .:.kopi-docka-staging)
		case $(stat -c %u:%a -- "./$3" 2>/dev/null) in "$me:700" | "$me:2700") return 0 ;; esac ;;
	esac
	path_of=$2/$3
	path_of=${path_of#./}
	case "$newline$(cat "$work/inner.$1")$newline$(sed 's/^[0-9]*\///' "$work/levels.$1")$newline" in
	*"$newline$path_of$newline"*) return 0 ;;
	*) return 1 ;;
	esac
}

# move N LEVEL FROM TO: what is in FROM goes to TO, but for what stays.
move() {
	for entry in "$3"/* "$3"/.[!.]* "$3"/..?*; do
		[ -e "$entry" ] || [ -L "$entry" ] || continue
		stays "$1" "$2" "${entry##*/}" || mv -T -- "$entry" "$4/${entry##*/}" || return 1
	done
}

# in_new N PATH: status 0: a directory in the new data; 1: not there; 2: something else.
in_new() {
	(step "$room-$1" && step new && inside "$2") && return 0
	[ ! -e "./$room-$1/new/$2" ] && [ ! -L "./$room-$1/new/$2" ] && return 1
	return 2
}

# fits N: what the backup has where something is mounted now would have nowhere to go.
fits() {
	while IFS=/ read -r _ level; do
		in_new "$1" "$level" || [ $? = 1 ] || { refuse "$path/$level is no directory in the backup, and something is mounted in it"; return 1; }
	done <"$work/levels.$1"
	while IFS= read -r one; do
		[ "$one" != . ] || continue
		in_new "$1" "$one"
		case $? in
		0) [ -z "$(ls -A -- "./$room-$1/new/$one")" ] ;;
		2) [ -f "./$room-$1/new/$one" ] && [ ! -s "./$room-$1/new/$one" ] ;;
		esac || { refuse "$path/$one is mounted now, and the backup has data there: unmount it, or restore with --target"; return 1; }
	done <"$work/inner.$1"
}

# Nobody but root can come in meanwhile: what owns it now is noted, and given back in the end.
take() {
	while IFS=/ read -r i level; do
		(inside "$level" && attributes >"$work/top.new" && mv -- "$work/top.new" "$work/top.$1.$i" && chown "$me" . && chmod 700 .) ||
			{ refuse "$path/$level cannot be taken over"; return 1; }
	done <"$work/levels.$1"
}

# give_back N WHAT: inner first: then nothing is done any more below what others own.
give_back() {
	sort -t / -k 1,1nr "$work/levels.$1" >"$work/inward"
	while IFS=/ read -r i level; do
		[ ! -e "$work/$2.$1.$i" ] || (inside "$level" && give "$work/$2.$1.$i") ||
			{ refuse "$path/$level does not have its owner and attributes back"; return 1; }
	done <"$work/inward"
}

fill() {
	step "$name" || return 1
	levels "$1" >"$work/levels.$1"
	take "$1" && (room "$room-$1" && id_of . >"$work/room.$1" && unpack "$1" "$2") || return 1
	[ "$(id_of "./$room-$1/new")" = "$(cat "$work/new.$1")" ] ||
		{ refuse "$path is a directory in which something is mounted, and a single file in the backup"; return 1; }
	fits "$1" || return 1
	while IFS=/ read -r i level; do
		mkdir -p -- "./$room-$1/data/$level" && move "$1" "$level" "./$level" "./$room-$1/data/$level" || return 1
	done <"$work/levels.$1"
	: >"$work/filling.$1"
	while IFS=/ read -r i level; do
		if in_new "$1" "$level"; then
			move "$1" "$level" "./$room-$1/new/$level" "./$level" || return 1
			(inside "$room-$1/new/$level" && attributes) >"$work/give.$1.$i" || return 1
		else
			cp -- "$work/top.$1.$i" "$work/give.$1.$i" || return 1
		fi
	done <"$work/levels.$1"
	rm -rf -- "./$room-$1/new"
	give_back "$1" give
}

# tell N: when all items are in place; what was there stays beside or in it.
tell() {
	[ ! -e "$work/left.$1" ] || return 0
	(
		at "$1" && { [ ! -s "$work/inner.$1" ] || step "$name"; } || exit 0
		if [ ! -d "./$room-$1" ] || rmdir -- "./$room-$1" 2>/dev/null; then
			say "restored $path"
		else
			say "restored $path; what was there: $(pwd -P)/$room-$1/data"
		fi
	)
}

# --- the way back: all items or none -----------------------------------------------------------------

# undo N: from wherever its restoring stands.
undo() {
	[ -e "$work/room.$1" ] || [ -e "$work/top.$1.1" ] || return 0
	(
		at "$1" || exit 1
		if [ -s "$work/inner.$1" ]; then
			step "$name" && [ "$(id_of .)" = "$(cat "$work/id.$1")" ] && empty "$1" && give_back "$1" top
		else
			step "$room-$1" && [ "$(id_of .)" = "$(cat "$work/room.$1")" ] && unswap "$1"
		fi
	) || refuse "$(cat "$work/path.$1"): what was there cannot be put back by itself: look for $room-$1 in it or beside it"
}

unswap() {
	if [ -e "$work/new.$1" ] && [ "$(id_of "../$name")" = "$(cat "$work/new.$1")" ]; then
		mv -T -- "../$name" ./put-back || return 1
	fi
	if [ -e ./data ]; then
		mv -nT -- ./data "../$name"
		[ ! -e ./data ] || return 1
		say "$path: what was there is back"
	fi
	rm -rf -- ./new ./put-back ./stamp
	cd -P .. && rmdir -- "./$room-$1"
}

empty() {
	[ -e "$work/room.$1" ] && [ -d "./$room-$1" ] || return 0
	while IFS=/ read -r i level; do
		[ ! -e "$work/filling.$1" ] || { mkdir -p -- "./$room-$1/put-back/$level" &&
			move "$1" "$level" "./$level" "./$room-$1/put-back/$level"; } || return 1
		[ ! -d "./$room-$1/data/$level" ] || move "$1" "$level" "./$room-$1/data/$level" "./$level" || return 1
	done <"$work/levels.$1"
	say "$path: what was there is back"
	rm -rf -- "./$room-$1"
}
