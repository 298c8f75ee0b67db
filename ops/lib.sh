# Shared by ops/run, ops/test and ops/stop. Sourced, not run; the caller sets `top`, the folder of the checkout.
# shellcheck shell=bash
: "${top:?ops/lib.sh is sourced by a script that sets top}"

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
# The command line is not understood: said before anything is done.
refuse() { printf 'ops/%s: %s; ops/%s --help tells more\n' "${0##*/}" "$*" "${0##*/}" >&2; exit 64; }
# For a script without options, called with its words: --help calls the script's usage, anything else is refused.
help_only() {
	case "${1-}" in
	-h | --help) usage && exit 0 ;;
	esac
	[ $# -eq 0 ] || refuse "$1 is not an option"
}

# Names of the packages of the wanted groups (build, run, test) that are not installed.
missing_packages() {
	local wanted=" $* " group='' line
	while IFS= read -r line; do
		case "$line" in
		'# build' | '# run' | '# test') group=${line#\# } ;;
		'#'* | '') ;;
		*)
			[[ "$wanted" == *" $group "* ]] || continue
			# an installed package, not one whose configuration alone is left
			[ "$(dpkg-query -W -f '${db:Status-Status}' "$line" 2>/dev/null)" = installed ] || printf '%s\n' "$line"
			;;
		esac
	done <"$top/ops/packages"
}

install_missing() {
	local missing sudo=()
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "these packages are missing and there is no sudo to install them: ${missing[*]}"
		sudo=(sudo)
	fi
	say "installing ${#missing[@]} packages of ops/packages: ${missing[*]}"
	mkdir -p "$top/var"
	"${sudo[@]}" apt-get update -qq >"$top/var/apt.log" 2>&1 ||
		die "apt-get update failed; var/apt.log says why"
	# policy-rc.d stays the host's business; a system MariaDB that starts is not used and not touched
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
		>>"$top/var/apt.log" 2>&1 || die "apt-get install failed; var/apt.log says why"
}
