
has_something() { ls -A -- "$1" 2>/dev/null | grep -qv '^lost+found$'; }

# empty PLACE: nothing is there that would be overwritten, but what came from here.
empty() {
	target=$1
	if has_something "$1" && ! grep -qsxF -- "$1" .restored "${RESTORED_ELSEWHERE:-/dev/null}"; then
		refuse "$1 is there already, and not empty: move it away first"
	fi
}

# extract OBJECT/FILE PLACE HOW: fails if either program does. What came from here is left as it is.
extract() {
	if grep -qsxF -- "$target" "${RESTORED_ELSEWHERE:-/dev/null}"; then
		echo "$target was brought back with another unit that shares it"
		return 0
	fi
	if has_something "$2" && grep -qsxF -- "$target" .restored; then return 0; fi
	failed=$( { { kopia show "$1" || echo kopia >&3; } | { "unpack_$3" "$2" || echo tar >&3; }; } 3>&1 1>&2 )
	[ -z "$failed" ] && printf '%s\n' "$target" >>.restored
}
unpack() { tar -xpf - --numeric-owner --xattrs --xattrs-include='*' --delay-directory-restore --warning=no-timestamp; }

# Taken over: nobody but root comes in until the archive's last entry gives the place its owner and mode.
unpack_over() {
	(
		way "$1" make || exit 1
		[ -e "./$name" ] || mkdir -m 700 -- "./$name" || exit 1
		step "$name" && chown "$me" . && chmod 700 . && plain || { refuse "$1 cannot be taken over"; exit 1; }
		if [ "${2:-}" = empty ] && has_something .; then refuse "$1 is not empty any more"; exit 1; fi
		unpack
	)
}
# Made anew where it can be: then it has no attributes of its own.
unpack_directory() {
	(! way "$1" 2>/dev/null || ! rmdir -- "./$name" 2>/dev/null) || :
	unpack_over "$1" empty
}
unpack_file() { put "$1" unpack; }

# put PATH COMMAND...: what the command makes in a directory of root's gets that name, where nothing has it.
put() {
	(
		way "$1" make || exit 1
		shift
		own=$(mktemp -u .kopi-docka-old.XXXXXX)
		room "$own" || exit 1
		if "$@"; then
			for new in ./* ./.[!.]* ./..?*; do [ ! -e "$new" ] || break; done
			mv -nT -- "$new" "../$name" || :
			[ -e "$new" ] || made=yes
		fi
		find . -mindepth 1 -delete
		cd -P .. && rmdir -- "./$own" || :
		[ "${made:-}" = yes ]
	)
}
