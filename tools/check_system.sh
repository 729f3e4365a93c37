# check_system.sh PYTHON: the libraries that VTK loads from the system; says how to install what is missing.
set -eu
if ! message=$("$1" -c 'import slicer' 2>&1); then
    case "$message" in
    *libGL* | *libEGL* | *libX11* | *libXrender* | *libOpenGL* | *libSM* | *libICE* | *libXt*)
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq && apt-get install -qq -y libgl1 libegl1 libx11-6 libxrender1 libxt6 && "$1" -c 'import slicer' && exit 0
        fi
        echo "A system library is missing ($(echo "$message" | tail -n 1)): apt-get install libgl1 libegl1 libx11-6 libxrender1 libxt6, or your distribution's names for them." >&2
        ;;
    *) echo "$message" >&2 ;;
    esac
    exit 2
fi
