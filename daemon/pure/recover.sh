# shellcheck shell=sh
# shellcheck disable=SC2154 # IDENTITY, UNIQUE_ID and REPOSITORY_PATH stand above it in a bundle
# From a bundle and the repository to running containers, with docker, kopia and GNU tar
# alone. Each unit's recipe comes out of the repository and says itself, in the blocks of
# its RESTORE.md, how its networks, volumes and items come back: so restore points newer
# than the bundle are as good as its own. Nothing is overwritten: places must be empty.
set -uf
umask 077
LC_ALL=C
export LC_ALL
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
usage() {
	cat <<END
usage: sh recover.sh [--repository DIRECTORY] [--directory DIRECTORY] [--unit NAME]...
                     [--backup-id ID] [--no-start] [--list]
Connects kopia to the repository and brings units back: the newest complete restore point
of each, or those named. Needs root, docker, kopia and GNU tar.
  --repository DIRECTORY  where a filesystem repository is now (it was: ${REPOSITORY_PATH:-not one})
  --directory DIRECTORY   where recipes and kopia's cache go ($here/recovered)
  --unit NAME             only this unit; may be given again
  --backup-id ID          this restore point, not the newest complete one
  --no-start              volumes and files only; the commands that start are shown
  --list                  what the repository has, and nothing else
The repository's password is read from kopia-password.txt beside this file; KOPIA_PASSWORD
in the environment is used instead.
END
}

# --- what is asked for -------------------------------------------------------------------
repository='' work=$here/recovered units='' backup_id='' start=true list=false
while [ $# -gt 0 ]; do
	case $1 in
	--repository | --directory | --unit | --backup-id)
		[ -n "${2:-}" ] || die "$1 needs a value"
		case $1 in
		--repository) repository=$2 ;;
		--directory) work=$2 ;;
		--unit) units="$units $2" ;;
		--backup-id) backup_id=$2 ;;
		esac
		shift
		;;
	--no-start) start=false ;;
	--list) list=true ;;
	--help | -h) usage; exit 0 ;;
	*) usage >&2; die "unknown: $1" ;;
	esac
	shift
done

# --- what is needed ----------------------------------------------------------------------
[ "$(id -u)" = 0 ] || die 'this must run as root'
for program in docker kopia tar awk sed; do
	command -v "$program" >/dev/null || die "$program is not installed"
done
tar --version 2>/dev/null | grep -q 'GNU tar' || die 'tar is not GNU tar: others lose xattrs and sparse files'
[ "$list" = true ] || docker version >/dev/null 2>&1 || die 'no Docker engine answers: start it (or set DOCKER_HOST)'
if [ -z "${KOPIA_PASSWORD:-}" ]; then
	[ -r "$here/kopia-password.txt" ] || die "there is no $here/kopia-password.txt: set KOPIA_PASSWORD to the repository's password"
	IFS= read -r KOPIA_PASSWORD <"$here/kopia-password.txt"
fi
mkdir -p -- "$work/kopia" || die "cannot make $work"
work=$(CDPATH='' cd -- "$work" && pwd) || exit 1
HOME=${HOME:-$work}
KOPIA_CONFIG_PATH=$work/kopia/repository.config
KOPIA_CACHE_DIRECTORY=$work/kopia/cache
KOPIA_LOG_DIR=$work/kopia/logs
KOPIA_CHECK_FOR_UPDATES=false
export HOME KOPIA_PASSWORD KOPIA_CONFIG_PATH KOPIA_CACHE_DIRECTORY KOPIA_LOG_DIR KOPIA_CHECK_FOR_UPDATES

# --- kopia, connected --------------------------------------------------------------------
path=${repository:-$REPOSITORY_PATH}
[ -z "$path" ] || [ -e "$path/kopia.repository.f" ] ||
	die "there is no kopia repository in $path: mount its disk, or say with --repository DIRECTORY where it is"
connect() {
	if [ -n "$path" ]; then
		kopia --no-auto-maintenance repository connect filesystem --path="$path" --readonly \
			--override-username="${IDENTITY%%@*}" --override-hostname="${IDENTITY#*@}" \
			--cache-directory="$KOPIA_CACHE_DIRECTORY" --no-persist-credentials
	else
		# It is kopia's own configuration, credentials included: nothing else to connect.
		cp -- "$here/kopia-repository.json" "$KOPIA_CONFIG_PATH"
	fi
}
connect >"$work/kopia/connect.log" 2>&1 </dev/null || {
	cat "$work/kopia/connect.log" >&2
	die 'kopia cannot connect to the repository'
}
kopia --no-auto-maintenance repository status --json >"$work/kopia/status.json" 2>"$work/kopia/connect.log" </dev/null || {
	cat "$work/kopia/connect.log" >&2
	die 'the repository does not answer'
}
found=$(sed -n 's/.*"uniqueIDHex":"\([0-9a-f]*\)".*/\1/p' "$work/kopia/status.json")
[ -z "$UNIQUE_ID" ] || [ -z "$found" ] || [ "$found" = "$UNIQUE_ID" ] || die 'this is another repository than the bundle is of'

# --- restore points: UNIT BACKUP_ID OBJECT complete|partial, newest first ------------------
kopia --no-auto-maintenance snapshot list --json --no-retention >"$work/kopia/snapshots.json" 2>"$work/kopia/connect.log" </dev/null || {
	cat "$work/kopia/connect.log" >&2
	die 'the restore points cannot be listed'
}
awk '
function text(key) {
	if (!match($0, "\"" key "\":\"[^\"]*\""))
		return ""
	return substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 5)
}
/"incomplete":"/ { next }
{ type = text("tag:type"); point = text("tag:unit") " " text("tag:backup_id") }
point ~ /^ | $/ { next }
type == "recipe" { object[point] = text("obj"); wanted[point] = text("tag:items") + 0; next }
type != "base" && text("tag:item") != "" && !((point, text("tag:item")) in seen) { seen[point, text("tag:item")]; have[point]++ }
END { for (p in object) print p, object[p], (have[p] + 0 >= wanted[p] ? "complete" : "partial") }
' "$work/kopia/snapshots.json" | sort -k 1,1 -k 2,2r >"$work/points"
[ -s "$work/points" ] || die "the repository has no restore point of $IDENTITY"
if [ "$list" = true ]; then
	awk '{ print $1, $2, $4 }' "$work/points"
	exit 0
fi

# --- which ---------------------------------------------------------------------------------
# Names are percent-encoded in the repository as they are in the list.
for unit in ${units:-$(cut -d ' ' -f 1 "$work/points" | uniq)}; do
	if [ -n "$backup_id" ]; then
		line=$(awk -v u="$unit" -v i="$backup_id" '$1 == u && $2 == i' "$work/points")
	else
		line=$(awk -v u="$unit" '$1 == u && $4 == "complete"' "$work/points" | head -n 1)
	fi
	if [ -n "$line" ]; then
		say "$line"
	elif [ -n "$units" ]; then
		die "there is no ${backup_id:-complete} restore point of $unit: --list shows what there is"
	else
		say "warning: $unit has no ${backup_id:-complete} restore point: left out" >&2
	fi
done >"$work/chosen" || exit 1
[ -s "$work/chosen" ] || die 'nothing to bring back: --list shows what there is'

# --- a unit ----------------------------------------------------------------------------------
# archive OBJECT/FILE DIRECTORY: fails if either program does.
archive() {
	failed=$( { { kopia --no-auto-maintenance show "$1" || echo kopia >&3; } |
		{ tar -xpf - -C "$2" || echo tar >&3; }; } 3>&1 1>&2)
	[ -z "$failed" ]
}
# blocks PART FILE: the runnable blocks of RESTORE.md that find archives, and those of PART: of
# "start" the ones that start, of "data" the ones between. Fails where PART has none.
blocks() {
	awk -v want="$1" '
	/^## / { part = $0 ~ /Connect|Find/ ? "find" : $0 ~ /Start/ ? "start" : "data" }
	/^```sh$/ { inside = part == "find" || part == want; next }
	/^```$/ { inside = 0; next }
	inside { print; found += part == want }
	END { exit !found }' "$recipe/RESTORE.md" >"$2"
}
# run FILE: its commands, with kopia as it is connected here.
run() {
	{
		# shellcheck disable=SC2016 # expands there
		printf '%s\n' 'kopia() { case "$1 $2" in "repository connect") ;; *) command kopia --no-auto-maintenance "$@" ;; esac; }'
		cat -- "$1"
	} >"$1.sh"
	(cd -- "$recipe" && sh -e "$1.sh" </dev/null >"$1.log" 2>&1) && return 0
	sed 's/^/    /' "$1.log" >&2
	return 1
}
start_unit() {
	if [ -e "$recipe.started" ]; then
		say "$unit: was started by an earlier call"
	elif ! blocks start "$recipe.start"; then
		say "$unit: its data is back; what it was started with is in $recipe/inspect"
	elif [ "$start" = false ]; then
		say "$unit: its data is back; $recipe/RESTORE.md has the commands that start it"
	elif grep -q '^docker compose ' "$recipe.start" && ! docker compose version >/dev/null 2>&1; then
		say "error: $unit: its data is back, but docker compose is not installed here: install it and call this again" >&2
		return 1
	elif run "$recipe.start"; then
		: >"$recipe.started"
		say "$unit: runs again"
	else
		say "error: $unit: its data is back, but it could not be started: see above. Call this again when that is" >&2
		say "settled (a variable that was redacted: export it first), or go on by $recipe/RESTORE.md, at its chapter Start" >&2
		return 1
	fi
}
recover_unit() {
	unit=$1 recipe=$work/$1-$2
	say "$unit: restore point $2 ($4)"
	if [ ! -e "$recipe.restored" ]; then
		rm -rf -- "$recipe"
		mkdir -- "$recipe" || return 1
		archive "$3/$unit.recipe.tar" "$recipe" || { say "error: $unit: its recipe cannot be read" >&2; return 1; }
		[ -r "$recipe/RESTORE.md" ] || { say "error: $unit: its recipe has no RESTORE.md" >&2; return 1; }
		! blocks data "$recipe.data" || run "$recipe.data" || { say "error: $unit: its data could not be brought back: see above" >&2; return 1; }
		cat -- "$recipe/.restored" >>"$RESTORED_ELSEWHERE" 2>/dev/null || : # what units share comes back once
		: >"$recipe.restored" # a second call goes on from here
	fi
	start_unit
}

RESTORED_ELSEWHERE=$work/places
export RESTORED_ELSEWHERE
status=0
while read -r unit id object state <&4; do
	recover_unit "$unit" "$id" "$object" "$state" || status=1
done 4<"$work/chosen"

say ''
say "The recipes, each with its RESTORE.md and what was redacted in it: $work"
say "To go on backing up from here: install Kopi-Docka, put $here/kopi-docka.conf to /etc/kopi-docka.conf (mode 600),"
say "set identity = $IDENTITY in its section [kopia], and call: kopi-docka init --adopt"
! grep -qs '^[[:space:]]*password_file' "$here/kopi-docka.conf" ||
	say "(the file that its password_file names has the content of $here/kopia-password.txt)"
exit "$status"
