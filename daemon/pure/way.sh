
# Who owns a directory above may exchange what is in it for a link at any moment. So no path is trusted: step by
# step into each directory, and whether a step led where it should is looked at from inside. What is done is
# done there, by names without a slash or from a directory of root's own.
refuse() { printf 'error: %s\n' "$*" >&2; return 1; }

# tar ...: GNU tar, also where the shell has one of its own: others lose xattrs and sparse files.
find_tar() {
	rest=$PATH:
	while [ -n "$rest" ]; do
		gnu=${rest%%:*}/tar
		rest=${rest#*:}
		! [ -x "$gnu" ] || ! "$gnu" --version 2>/dev/null | grep -q 'GNU tar' || return 0
	done
	refuse 'GNU tar is not installed'
}
tar() { "$gnu" "$@"; }

# id_of NAME: which file it is; a link is not followed.
id_of() { stat -c %d:%i -- "$1" 2>/dev/null; }

# step NAME: into it, if it is a directory and no link.
step() { there=$(id_of "./$1") && cd -P -- "./$1" 2>/dev/null && [ "$(id_of .)" = "$there" ]; }

# closed: nobody but root can put anything into the working directory.
closed() { case $(stat -c %u:%A .) in "0:d"????-??-? | "$me:d"????-??-?) return 0 ;; *) return 1 ;; esac; }

# way PATH [make]: into the directory that has it; it is called ${name} there. A link is followed only where nobody
# but root can have put it. What is missing is made; without "make" that is status 2.
way() {
	rest=$1 links=0
	case $rest in /*) cd / || return 1 ;; esac
	while :; do
		rest=${rest#"${rest%%[!/]*}"}
		name=${rest%%/*}
		rest=${rest#"$name"}
		rest=${rest#"${rest%%[!/]*}"}
		case $name in
		'' | .) [ -n "$rest" ] && continue; refuse "$1: nothing can be put there"; return 1 ;;
		..) if [ -n "$rest" ] && cd -P ..; then continue; fi; refuse "$1: nothing can be put there"; return 1 ;;
		esac
		if [ -L "./$name" ]; then
			links=$((links + 1))
			if ! closed || [ "$links" -gt 40 ] || ! target=$(readlink -- "./$name" && printf .); then
				refuse "$1: $name in $(pwd -P) is a link that others than root can have put there"
				return 1
			fi
			target=${target%??}
			case $target in /*) cd / || return 1 ;; esac
			rest=$target/$rest
			continue
		fi
		[ -n "$rest" ] || return 0
		if [ ! -e "./$name" ]; then
			[ "${2:-}" = make ] || return 2
			mkdir -m 755 -- "./$name" || return 1
		fi
		step "$name" || { refuse "$1: $name in $(pwd -P) is not the directory that it was"; return 1; }
	done
}

# plain: no ACL on the working directory, and so none that is inherited in it.
plain() {
	tar -cf - --format=posix --no-recursion . | tar --acls -xpf - 2>/dev/null || :
	case $(ls -ld .) in ??????????+*) refuse "the ACL of $(pwd -P) cannot be taken off"; return 1 ;; esac
}

# room NAME: makes it in the working directory, nobody's but root's, and goes there.
room() {
	if mkdir -m 700 -- "./$1" && step "$1" && [ -z "$(ls -A .)" ] && plain; then
		case $(stat -c %u:%a .) in "$me:700" | "$me:2700") return 0 ;; esac
	fi
	refuse "no directory of root's own can be made in $(pwd -P)"
}
