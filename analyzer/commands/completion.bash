# SPDX-License-Identifier: MIT
# Completion for bash. Commands and options are what `trenza help` and `trenza-gui --help` say, so there is no second list to keep.

_trenza_options() { # COMMAND
    { [[ $1 == trenza-gui ]] && LC_ALL=C trenza-gui --help || trenza help "$1"; } 2>/dev/null |
        sed -n '/^options:\|^Application Options:/,$s/^ *\(-., \)\{0,1\}\(--[a-z-]*\)\(=\{0,1\}\).*/\2\3/p'
}

_trenza_values() { # COMMAND OPTION: what may follow its =
    case $1$2 in
    export--format) echo 'perfetto std csv' ;;
    *--format) echo 'text json sarif junit github suppressions' ;;
    *--fail-on) echo 'error warning note' ;;
    *--on-deadlock) echo 'stop wait' ;;
    *--on-full) echo 'wait drop' ;;
    trenza-gui--view) echo 'timeline locks graph table witness' ;;
    esac
}

_trenza_word() { # COMMAND: an option, its value, or a file
    local word=${COMP_WORDS[COMP_CWORD]} command=$1 before=${COMP_WORDS[COMP_CWORD - 1]}
    # bash takes the = for a word of its own.
    [[ $word == = ]] && word=
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
    if [[ $before == --* && -n $(_trenza_values "$command" "$before") ]]; then
        COMPREPLY=($(compgen -W "$(_trenza_values "$command" "$before")" -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$(_trenza_options "$command")" -- "$word"))
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
    else
        COMPREPLY=($(compgen -f -- "$word"))
        compopt -o filenames 2>/dev/null
    fi
}

_trenza() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} i
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [[ $command == help ]]; }; then
        COMPREPLY=($(compgen -W "$(trenza help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p') help" -- "$word"))
        return
    fi
    # After -- the words are another program's.
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset $((i + 1))
            elif ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($(compgen -c -- "$word"))
            else
                COMPREPLY=($(compgen -f -- "$word"))
            fi
            return
        fi
    done
    _trenza_word "$command"
}

_trenza_gui() {
    COMPREPLY=()
    _trenza_word trenza-gui
}

complete -F _trenza trenza
complete -F _trenza_gui trenza-gui
