#!/bin/sh
# SPDX-License-Identifier: MIT
# kopi-docka-bundle DIRECTORY NAME ITERATIONS PASSWORDS KEEP SERIES <archive
# kopi-docka-bundle --newest DIRECTORY PASSWORDS SERIES
#
# The second form looks at the newest bundle of SERIES, and prints "none", or what it is and
# its path: good; broken: not as it was written; locked: its passphrase is not there, or changed.
#
# The first:
# Puts the disaster-recovery bundle NAME into DIRECTORY and its passphrase into PASSWORDS:
# a child of the daemon's, because either may lie on a dead mount.
#
#   passphrase made -> archive encrypted -> opened again and compared -> synced -> renamed
#   -> checked by its checksums -> only then old ones of SERIES beyond KEEP go
#
# Standard input must be a file, since it is read three times. Nothing here has a secret as
# an argument or in its environment: the passphrase is made by openssl into a file that no
# one else can open, and read from there. Prints "file PATH", "removed PATH", "warning TEXT";
# when it fails the last line on stderr is the reason, and nothing of it is left.
set -u
umask 077
LC_ALL=C
export LC_ALL

# whole DIRECTORY NAME: every file that its checksums name is there, and as it was written.
whole() { (CDPATH='' cd -- "$1" && sha256sum --check --strict --status -- "$2.sha256") 2>/dev/null; }
# only DIRECTORY NAME ENDING...: the checksums name exactly these files of it.
only() {
	sums=$1/$2.sha256 of=$2
	shift 2
	want=$(for ending; do printf '%s.%s\n' "$of" "$ending"; done | sort)
	[ -f "$sums" ] && [ ! -L "$sums" ] && [ "$(sed 's/^[0-9a-f]* [ *]//' "$sums" | sort)" = "$want" ]
}
# ours NAME: written by us and not touched since.
ours() {
	for ending in tar.enc README sha256; do
		[ -f "$directory/$1.$ending" ] && [ ! -L "$directory/$1.$ending" ] || return 1
	done
	only "$directory" "$1" tar.enc README || only "$directory" "$1" tar.enc README PASSWORD || return 1
	whole "$directory" "$1" && [ "$(head -n 1 "$directory/$1.README")" = "Kopi-Docka recovery bundle $1" ]
}
# bundles NOW: file names of the series, newest first: the names end with the time. Last those later than now: a clock
# was ahead, and they must not outlive what is written since.
bundles() {
	d='[0-9]'
	# shellcheck disable=SC2086 # a pattern
	(CDPATH='' cd -- "$directory" && for file in "$series"-$d$d$d$d$d$d$d${d}T$d$d$d$d$d${d}Z.tar.enc; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done) | sort -r | awk -v now="$series-$1.tar.enc" '$0 > now { later[++n] = $0; next } { print }
		END { for (i = 1; i <= n; i++) print later[i] }'
}

if [ "$1" = --newest ]; then
	directory=$2 passwords=$3 series=$4
	file=$(bundles "$(date -u +%Y%m%dT%H%M%SZ)" | head -n 1)
	name=${file%.tar.enc}
	if [ -z "$file" ]; then
		echo none
	elif ! ours "$name"; then
		printf 'broken %s\n' "$directory/$file"
	elif ! whole "$passwords" "$name" || [ ! -f "$passwords/$name.PASSWORD" ]; then
		printf 'locked %s\n' "$directory/$file"
	else
		printf 'good %s\n' "$directory/$file"
	fi
	exit 0
fi
directory=$1 name=$2 iterations=$3 passwords=$4 keep=$5 series=$6
new='' new_passwords='' named=false
exec 3<&0 </dev/null
tar=/dev/fd/3 # opened anew each time, from its beginning

fail() { printf '%s\n' "$*" >&2; exit 1; }
# because TEXT OUTPUT: fails with the last of what a program said behind the text.
because() {
	reason=$(printf '%s\n' "$2" | grep -v '^$' | tail -n 1)
	case $2 in
	*'No space left'*) reason='No space left on device';;
	*'error writing output file'*) # openssl does not say why
		[ "$(df -Pk -- "$directory" | awk 'END { print $4 }')" -ge 1024 ] || reason='No space left on device';;
	esac
	fail "$1: ${reason##*: }"
}

# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
	[ -z "$new" ] || rm -rf -- "$new"
	[ -z "$new_passwords" ] || rm -rf -- "$new_passwords"
	[ "$named" = false ] || rm -f -- "$directory/$name.tar.enc" "$directory/$name.README" "$directory/$name.sha256" \
		"$passwords/$name.PASSWORD" "$passwords/$name.sha256"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# place DIRECTORY: is there, or its last part is made. The one above is not: it may be a disk's.
place() {
	[ ! -d "$1" ] || return 0
	[ ! -e "$1" ] || fail "$1 is no directory"
	[ -d "$(dirname -- "$1")" ] || fail "the directory above $1 is not there: is its disk mounted? only the last directory is made"
	said=$(mkdir -- "$1" 2>&1) || because "cannot make $1" "$said"
}
# fresh DIRECTORY: prints one of ours in it; what a killed one left behind goes.
fresh() {
	rm -rf -- "$1/.$series.new".??????
	mktemp -d "$1/.$series.new.XXXXXX" 2>&1
}
# move FROM TO FILE: a finished file to its name.
move() {
	said=$(mv -T -- "$1/$3" "$2/$3" 2>&1) || because "cannot write $2/$3" "$said"
	printf 'file %s\n' "$2/$3"
}

command -v openssl >/dev/null || fail 'openssl was not found: it is needed to encrypt the bundle; install it'
place "$directory"
place "$passwords"
directory=$(CDPATH='' cd -- "$directory" && pwd -P) || fail "cannot enter $directory"
passwords=$(CDPATH='' cd -- "$passwords" && pwd -P) || fail "cannot enter $passwords"
apart=false
[ "$directory" = "$passwords" ] || apart=true
for file in "$directory/$name.tar.enc" "$directory/$name.README" "$directory/$name.sha256" "$passwords/$name.PASSWORD" "$passwords/$name.sha256"; do
	[ ! -e "$file" ] || fail "$file is there already"
done
made=$(fresh "$directory") || because "cannot write to $directory" "$made"
new=$made
if [ "$apart" = true ]; then
	made=$(fresh "$passwords") || because "cannot write to $passwords" "$made"
	new_passwords=$made
fi

# --- made ------------------------------------------------------------------------------
archive=$new/$name.tar.enc password=${new_passwords:-$new}/$name.PASSWORD
said=$(openssl rand -base64 -out "$password" 33 2>&1) || because 'openssl could not make a passphrase' "$said"
[ "$(wc -c <"$password")" -ge 44 ] || fail "cannot write to $passwords: No space left on device"
said=$(openssl enc -aes-256-cbc -md sha256 -pbkdf2 -iter "$iterations" -salt -pass "file:$password" \
	-in "$tar" -out "$archive" 2>&1) || because "cannot write the bundle to $directory" "$said"
said=$(tar -xOf "$tar" README 2>&1 >"$new/$name.README") || because "cannot write the README to $directory" "$said"
# sums DIRECTORY FILE...: their checksums beside them.
sums() { (cd -- "$1" && shift && sha256sum -- "$@" >"$name.sha256") 2>&1; }
if [ "$apart" = true ]; then
	said=$(sums "$new" "$name.tar.enc" "$name.README") || because "cannot write to $directory" "$said"
	said=$(sums "$new_passwords" "$name.PASSWORD") || because "cannot write to $passwords" "$said"
else
	said=$(sums "$new" "$name.tar.enc" "$name.README" "$name.PASSWORD") || because "cannot write to $directory" "$said"
fi

# --- opened again ------------------------------------------------------------------------
# opens ARCHIVE PASSWORD: what comes out of it is what was put in, and tar can read it.
opens() {
	openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -iter "$iterations" -pass "file:$2" -in "$1" 2>/dev/null |
		cmp -s -- - "$tar" && tar -tf "$tar" >/dev/null 2>&1
}
said=$(sync -- "$new"/* "$new" ${new_passwords:+"$new_passwords"/* "$new_passwords"} 2>&1) ||
	because "cannot write the bundle to $directory" "$said"
opens "$archive" "$password" || fail "the new bundle cannot be opened again with its passphrase: it was not kept, and the old ones stay"

# --- named -------------------------------------------------------------------------------
named=true
if [ "$apart" = true ]; then
	move "$new_passwords" "$passwords" "$name.PASSWORD"
	move "$new_passwords" "$passwords" "$name.sha256"
else
	move "$new" "$directory" "$name.PASSWORD"
fi
move "$new" "$directory" "$name.README"
move "$new" "$directory" "$name.sha256"
move "$new" "$directory" "$name.tar.enc"
said=$(sync -- "$directory" "$passwords" 2>&1) || because "cannot write to $directory" "$said"

# --- the old ones ------------------------------------------------------------------------
drop() {
	rm -f -- "$directory/$1.tar.enc" || return 1
	grep -q -F -- "$1.PASSWORD" "$directory/$1.sha256" && rm -f -- "$directory/$1.PASSWORD"
	rm -f -- "$directory/$1.README" "$directory/$1.sha256"
	if [ "$apart" = true ] && only "$passwords" "$1" PASSWORD && whole "$passwords" "$1"; then
		rm -f -- "$passwords/$1.PASSWORD" "$passwords/$1.sha256"
	fi
	printf 'removed %s\n' "$directory/$1.tar.enc"
}

{ whole "$directory" "$name" && whole "$passwords" "$name"; } ||
	fail "the new bundle in $directory cannot be read again: it was not kept, and the old ones stay"
named=false
left=$((keep - 1))
bundles "${name#"$series"-}" |
	while IFS= read -r file; do
		old=${file%.tar.enc}
		[ "$old" != "$name" ] || continue
		if ! ours "$old"; then
			printf 'warning %s\n' "$directory/$file is not as Kopi-Docka wrote it: it stays, whatever recovery_bundle_retention says"
		elif [ "$left" -gt 0 ]; then
			left=$((left - 1))
		else
			drop "$old" || printf 'warning %s\n' "cannot remove the old bundle $directory/$file"
		fi
	done
exit 0
